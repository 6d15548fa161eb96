//! `cs NAME [ARGS…]`, `cs`, `cs 'a prompt'`: open a session or a profile.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use uuid::Uuid;

use super::bound::Found;
use super::context::Context;
use super::inside::{self, Inside};
use super::launch::{Manner, Planned};
use super::{bound, directory, enclosure, launch, ports, report, worktree};
use crate::claude::Start;
use crate::cli::StartOptions;
use crate::model::{Failure, Isolation, Kind, Name, NameError, Outcome, Profile, Result, Session, Subject};
use crate::store::Claim;
use crate::ui;

pub(super) fn run(context: &Context, options: &StartOptions, words: Vec<OsString>) -> Result<Outcome> {
    let mut words = words.into_iter();
    let Some(first) = words.next() else { return open_unnamed(context, options, &[]) };
    let mut arguments: Vec<OsString> = words.collect();
    match read_word(&first)? {
        Word::Prompt => {
            arguments.insert(0, first);
            open_unnamed(context, options, &arguments)
        }
        Word::Name(text) => open_named(context, options, &text, arguments),
    }
}

fn open_named(
    context: &Context,
    options: &StartOptions,
    text: &str,
    arguments: Vec<OsString>,
) -> Result<Outcome> {
    let manner = manner(options)?;
    match context.find(text)? {
        Some(Subject::Session(session, profile)) => {
            let profile = agree(context, &session, profile, options)?;
            if options.worktree && !options.no_open {
                return worktree::open_existing(context, options, session, profile, arguments, &manner);
            }
            if options.no_open {
                return Err(Failure::of(
                    Kind::NameTaken,
                    format!("there is already a session '{}'", session.name),
                ));
            }
            launch::start_session(context, session, profile, arguments, &manner)
        }
        Some(Subject::Profile(profile)) => {
            if options.tmux {
                return Err(inside::is_a_profile(&profile.name));
            }
            if options.profile.is_some()
                || options.isolation.is_some()
                || options.bare
                || options.no_open
                || options.ephemeral
                || options.worktree
            {
                return Err(Failure::usage(format!("'{}' is a profile: it is run as it is", profile.name))
                    .hint(format!("for a session of it: cs --profile {} NAME", profile.name)));
            }
            launch::start_profile(context, profile, arguments, &manner)
        }
        None => create_and_start(context, options, &Context::new_name(text)?, arguments),
    }
}

/// A new session with a name made from the directory: `api`, then `api-2`, …
fn open_unnamed(context: &Context, options: &StartOptions, arguments: &[OsString]) -> Result<Outcome> {
    if options.worktree {
        return worktree::create_unnamed(context, options, arguments);
    }
    let directory = match &options.dir {
        Some(directory) => directory::existing_directory(directory)?,
        None => directory::current_directory()?,
    };
    let base = Name::suggest(&directory.file_name().map(OsStr::to_string_lossy).unwrap_or_default());
    under_a_free_name(context, &base, |name| {
        create_and_start(context, options, name, arguments.to_vec()).map(Some)
    })
}

/// More than ever want the same name at once.
const MOST_LOST: usize = 100;

/// Makes something under the first of the names from `base` on (`api`, then `api-2`, …) that nothing has, and
/// that `make`, which answers `None` there, does not pass over. Goes on where `make` finds the name taken, and
/// fails with what it says else.
pub(super) fn under_a_free_name<T>(
    context: &Context,
    base: &Name,
    mut make: impl FnMut(&Name) -> Result<Option<T>>,
) -> Result<T> {
    let mut lost = 0;
    for number in 1..10_000 {
        let name = base.numbered(number);
        if context.find(name.as_str())?.is_some() {
            continue;
        }
        match make(&name) {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => {}
            // Another process took it before we claimed it: the next one is ours.
            Err(failure)
                if matches!(failure.kind, Kind::NameTaken | Kind::WorktreeTaken) && lost < MOST_LOST =>
            {
                lost += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::failed(format!("all names from '{base}' on are taken")))
}

/// Makes a session and starts Claude in it, as far as `options` say so.
pub(super) fn create_and_start(
    context: &Context,
    options: &StartOptions,
    name: &Name,
    arguments: Vec<OsString>,
) -> Result<Outcome> {
    if options.worktree {
        return worktree::create_and_start(context, options, name, arguments);
    }
    let manner = Manner { directory: None, ..manner(options)? };
    if manner.inside.is_some() {
        inside::check(context, name, &arguments)?;
    }
    let (session, profile) = describe(context, options, name)?;
    let session = ports::expected(context, session)?;
    let store = context.store()?;
    if options.dry_run {
        if let Some(holder) = store.claim(name)? {
            let what = if matches!(holder, Claim::Profile) { "profile" } else { "session" };
            return Err(Failure::of(Kind::NameTaken, format!("there is already a {what} '{name}'")));
        }
        return launch::start_session(context, session, profile, arguments, &manner);
    }
    let made = format!("session '{name}' in {} (profile '{}')", session.directory, profile.name);
    if options.no_open {
        let draft = ports::draft(context, session)?;
        store.publish(draft)?;
        report::say(&format!("made {made}"));
        return Ok(Outcome::Done);
    }
    let (directory, start) = (session.directory().to_path_buf(), Start::New(session.id));
    let plan = |session: &Session| {
        let (session, profile, start) = (session.clone(), profile.clone(), start.clone());
        Planned::new(context, session, profile, arguments.clone(), &directory, start)
    };
    let mut planned = plan(&session)?;
    let draft = ports::draft(context, session.clone())?;
    if draft.session() != &session {
        // Another process was given meanwhile what this one was planned with.
        match plan(draft.session()) {
            Ok(again) => planned = again,
            Err(failure) => {
                store.discard(draft);
                return Err(failure);
            }
        }
    }
    let planned = planned.shown_inside(manner.inside);
    let lock = store.publish(draft)?;
    if ui::can_ask() {
        report::say(&format!("new {made}"));
    }
    planned.start(context, Some(lock))
}

/// The session that `options` describe, not made yet.
pub(super) fn describe(context: &Context, options: &StartOptions, name: &Name) -> Result<(Session, Profile)> {
    let config = context.config()?;
    let directory = match &options.dir {
        Some(directory) => directory::existing_directory(directory)?,
        None => directory::current_directory()?,
    };
    let profile = match &options.profile {
        Some(text) => context.resolve_profile(text)?,
        None => profile_there(context, &directory)?,
    };
    let isolation = options.isolation.unwrap_or(config.isolation.method);
    if isolation == Isolation::Sandbox {
        enclosure::refuse_elsewhere()?;
    }
    let session = Session {
        version: Session::VERSION,
        id: Uuid::now_v7(),
        name: name.clone(),
        profile: profile.name.clone(),
        directory: directory::recordable(&directory)?,
        isolation,
        bare: options.bare,
        ephemeral: options.ephemeral || config.isolation.cleanup_on_close,
        history: None,
        created: jiff::Timestamp::now(),
        forked_from: None,
        ports: None,
        worktree: None,
    };
    Ok((session, profile))
}

/// The profile of a new session in `directory` where nobody names one: the one in use in this
/// shell, else the one that the directory is bound to, else the one in the settings.
fn profile_there(context: &Context, directory: &Path) -> Result<Profile> {
    if let Some(name) = context.profile_in_use() {
        return context.resolve_profile(name.as_str());
    }
    match bound::look(context, directory)? {
        Found::Bound(bound) => return Ok(bound.subject.profile().clone()),
        Found::Unallowed(file) => {
            report::say(&bound::not_allowed(&file));
            context.said_unallowed.set(true);
        }
        Found::Nothing => {}
    }
    context.resolve_profile(context.config()?.default_profile.as_str()).map_err(|failure| {
        if failure.kind != Kind::NotFound {
            return failure;
        }
        failure.hint(format!(
            "default_profile is set in {}",
            context.config_path().unwrap_or_default().display()
        ))
    })
}

/// The profile that a session is opened as: its own, or for this once another one that works in the
/// same config directory. Other options that say otherwise than the record are refused, not ignored.
fn agree(context: &Context, session: &Session, own: Profile, options: &StartOptions) -> Result<Profile> {
    let name = &session.name;
    let profile = match &options.profile {
        Some(text) if !text.eq_ignore_ascii_case(own.name.as_str()) => {
            let other = context.resolve_profile(text)?;
            if other.host() != own.host() {
                return Err(Failure::refused(format!(
                    "session '{name}' belongs to profile '{}', not '{}'",
                    own.name, other.name
                ))
                .hint(format!("for a session of '{}' give it another name", other.name)));
            }
            other
        }
        _ => own,
    };
    if options.isolation.is_some_and(|method| method != session.isolation) {
        return Err(Failure::refused(format!(
            "session '{name}' was made with isolation {}",
            session.isolation
        )));
    }
    if options.bare && !session.bare {
        return Err(Failure::refused(format!("session '{name}' was not made with --bare")));
    }
    if options.ephemeral && !session.ephemeral {
        return Err(Failure::refused(format!("session '{name}' was not made with --ephemeral"))
            .hint(format!("when you are done with it: cs rm {name}")));
    }
    Ok(profile)
}

fn manner(options: &StartOptions) -> Result<Manner> {
    let directory = options.dir.as_deref().map(directory::existing_directory).transpose()?;
    Ok(Manner {
        directory,
        yes: options.yes,
        dry_run: options.dry_run,
        json: options.json,
        conversation: None,
        inside: Inside::wanted(options),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Name(String),
    Prompt,
}

/// Reads the first word: a name, or a prompt where it can be none. What was most likely meant as a
/// name, or as a path, is refused instead of being sent to Claude.
fn read_word(word: &OsStr) -> Result<Word> {
    let Some(text) = word.to_str() else {
        return Err(Failure::usage(format!("'{}' is not UTF-8", word.to_string_lossy())));
    };
    let Err(error) = Name::of_profile(text) else { return Ok(Word::Name(text.to_owned())) };
    let refused = |error: NameError| Err(Failure::usage(error.to_string()));
    match error {
        NameError::BadStart(_) | NameError::BadCharacter(_) => {}
        NameError::LooksLikeId => {
            return Err(
                Failure::usage(format!("'{text}' is an id, not a name")).hint(format!("cs resume {text}"))
            );
        }
        other => return refused(other),
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return refused(error);
    }
    let spaced = text.chars().any(char::is_whitespace);
    let path = !spaced
        && (text.starts_with(['.', '~'])
            || text.trim_start_matches('/').contains('/')
            || text.contains('\\'));
    if path {
        return Err(Failure::usage(format!(
            "'{text}' looks like a path, and is neither a name nor a prompt"
        ))
        .hint("to work in another directory: cs --dir DIRECTORY NAME"));
    }
    Ok(Word::Prompt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_can_be_no_name_is_a_prompt() {
        for prompt in ["fix the bug", "/review", "why?", "größe", "このバグを直して", "a\nb"] {
            assert_eq!(read_word(OsStr::new(prompt)), Ok(Word::Prompt), "{prompt}");
        }
        assert_eq!(read_word(OsStr::new("api")), Ok(Word::Name("api".into())));
        assert_eq!(read_word(OsStr::new("default")), Ok(Word::Name("default".into())));
    }

    #[test]
    fn what_was_meant_as_a_name_or_a_path_is_refused() {
        for bad in
            ["", "../x", "./x", "~/x", "a/b", "/abs/path", "doctor", "con", "x\x1b[2J", &"x".repeat(65)]
        {
            assert!(read_word(OsStr::new(bad)).is_err(), "{bad}");
        }
    }
}

//! `cs NAME [ARGS…]`, `cs`, `cs 'a prompt'`: open a session or a profile.

use std::ffi::{OsStr, OsString};

use super::{launched, start};
use crate::cli::StartOptions;
use crate::model::{Failure, Kind, Name, NameError, Outcome, Profile, Result, Session, Subject};
use crate::work::context::Context;
use crate::work::launch::{self, Request};
use crate::work::{create, pane, worktrees};

pub(crate) fn run(context: &Context, options: &StartOptions, words: Vec<OsString>) -> Result<Outcome> {
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
    let mut worktree = None;
    let subject = match context.find(text)? {
        Some(Subject::Session(session, profile)) => {
            let profile = agree(context, &session, profile, options)?;
            if options.no_open {
                return Err(Failure::of(
                    Kind::NameTaken,
                    format!("there is already a session '{}'", session.name),
                ));
            }
            if options.worktree {
                worktree = worktrees::agree(context, &session, start::branches(options))?;
            }
            Subject::Session(session, profile)
        }
        Some(Subject::Profile(profile)) => {
            profile_alone(&profile, options)?;
            Subject::Profile(profile)
        }
        None => return start::create(context, options, &Context::new_name(text)?, arguments),
    };
    let request = Request {
        directory: start::directory(context, options)?,
        pane: start::in_pane(options),
        may_be_elsewhere: options.yes,
        ..Request::new(subject, arguments)
    };
    if options.dry_run {
        let launch = launch::preview_in(context, &request, worktree.as_ref())?;
        return launched::print(context, &launch, options.json);
    }
    if let (Some(target), Subject::Session(session, profile)) = (&worktree, &request.subject) {
        worktrees::get_ready(context, target, session, profile)?;
    }
    start::start(context, &request)
}

/// Refuses options that only a session has.
fn profile_alone(profile: &Profile, options: &StartOptions) -> Result<()> {
    if options.tmux {
        return Err(pane::is_a_profile(&profile.name));
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
    Ok(())
}

/// A new session with a name made from the directory: `api`, then `api-2`, …
fn open_unnamed(context: &Context, options: &StartOptions, arguments: &[OsString]) -> Result<Outcome> {
    let make = |name: &Name| start::create(context, options, name, arguments.to_vec());
    if options.worktree {
        let mut names = worktrees::Names::here(context, options.branch.as_deref())?;
        return create::under_a_free_name(context, &names.base.clone(), |name| {
            // One that is there was given its name by somebody, for something.
            if names.are_taken(name)? { Ok(None) } else { make(name).map(Some) }
        });
    }
    let directory = match start::directory(context, options)? {
        Some(directory) => directory,
        None => context.current_directory()?,
    };
    let base = Name::suggest(&directory.file_name().map(OsStr::to_string_lossy).unwrap_or_default());
    create::under_a_free_name(context, &base, |name| make(name).map(Some))
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

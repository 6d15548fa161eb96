//! Taking over directories `~/.claude/sessions/<uuid>` that earlier shell scripts
//! used as config directories.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::names::free_name;
use super::takeover::Takeover;
use crate::claude::{self, ConfigGround, Conversation};
use crate::model::{Failure, Isolation, Name, Profile, Result, Session};
use crate::os::{self, EntryKind, Foreign};
use crate::store::{ConfigFiles, Known};
use crate::work::context::Context;
use crate::work::copying::copy_conversation;
use crate::work::create::New;
use crate::work::directory::recordable;

/// The options of an import of such directories.
#[derive(Clone, Debug, Default)]
pub(crate) struct DirectoryImportOptions<'a> {
    /// The name of the session, where there is one.
    pub name: Option<&'a str>,
    /// The profile that the sessions belong to; by default that of new sessions.
    pub profile: Option<&'a str>,
    /// Change nothing.
    pub dry_run: bool,
}

/// Returns where the directories are: in `given`, else where the scripts had them.
pub(crate) fn root(context: &Context, given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(directory) => context.absolute(directory).map_err(|error| Failure::io("use", directory, &error)),
        None => Ok(context.home()?.join(".claude/sessions")),
    }
}

/// Takes over the directories in `root`, and returns what was found there. Fails if a name is wanted and there is not
/// one session.
pub(crate) fn import(
    context: &Context,
    root: &Path,
    options: &DirectoryImportOptions<'_>,
) -> Result<Vec<Takeover>> {
    let profile = match options.profile {
        Some(name) => context.resolve_profile(name)?,
        None => context.resolve_profile(context.config()?.default_profile.as_str())?,
    };
    let candidates = candidates(root)?;
    if options.name.is_some() && candidates.len() != 1 {
        return Err(Failure::usage(format!(
            "--as names one session, and {} has {}",
            root.display(),
            candidates.len()
        ))
        .hint("import them by their own names, then: cs rename NAME NEW"));
    }
    let mut found = Vec::new();
    let mut taken = Vec::new();
    for (id, directory) in candidates {
        found.push(import_one(context, options, &profile, id, &directory, &mut taken)?);
    }
    Ok(found)
}

/// The directories in `root` that are named by an id, oldest id first. Claude's own `<pid>.json` files
/// there are none.
fn candidates(root: &Path) -> Result<Vec<(Uuid, PathBuf)>> {
    let entries = os::entries_of(root).map_err(|error| {
        Failure::io("list", root, &error).hint("to look elsewhere: cs import claude-session --from DIRECTORY")
    })?;
    let mut found: Vec<_> = entries
        .into_iter()
        .filter_map(|path| Some((path.file_name()?.to_str()?.parse().ok()?, path)))
        .filter(|(_, path)| os::is_dir(path))
        .collect();
    found.sort();
    Ok(found)
}

fn import_one(
    context: &Context,
    options: &DirectoryImportOptions<'_>,
    profile: &Profile,
    id: Uuid,
    directory: &Path,
    taken: &mut Vec<Name>,
) -> Result<Takeover> {
    let found = Takeover::new("session", id.to_string());
    let store = context.store()?;
    match store.knows_session(id)? {
        Known::Here => {
            return match store.session(id) {
                Ok(session) => Ok(found.there(session.name.to_string())),
                Err(damage) => {
                    let failure = damage.failure(&format!("session {id}"), &store.session_record_path(id));
                    Ok(found.failed(failure.message))
                }
            };
        }
        Known::InTrash => return Ok(found.skipped(format!("it is in the trash: cs restore {id}"))),
        Known::Not => {}
    }
    let mut conversations = match claude::conversations(&ConfigGround::of_profile(directory)) {
        Ok(conversations) => conversations,
        Err(failure) => return Ok(found.failed(failure.message)),
    };
    let Some(newest) = conversations.first().cloned() else {
        return Ok(found.skipped("it has no conversation"));
    };
    let place = || claude::about(&newest, &Name::suggest("session")).directory;
    let Some(place) = place().or_else(place) else {
        // Or it could not be read, twice.
        return Ok(match newest.path.open() {
            Ok(_) => found.skipped("its conversation does not say in which directory it was"),
            Err(error) => found.failed(newest.path.failure("read", &error).message),
        });
    };
    if !Path::new(&place).is_absolute() || recordable(Path::new(&place)).is_err() {
        return Ok(found.skipped("its conversation names no plain directory"));
    }
    let is_taken =
        |name: &Name| -> Result<bool> { Ok(taken.contains(name) || store.holder(name)?.is_some()) };
    let name = match options.name {
        Some(name) => Context::new_name(name)?,
        None => free_name(&suggested(directory, Path::new(&place)), is_taken)?,
    };
    taken.push(name.clone());
    let session = Session {
        version: Session::VERSION,
        id,
        name: name.clone(),
        profile: profile.name.clone(),
        directory: place.clone(),
        isolation: Isolation::ConfigDir,
        bare: false,
        ephemeral: false,
        history: None,
        created: jiff::Timestamp::now(),
        forked_from: None,
        ports: None,
        worktree: None,
        walls: None,
    };
    // Oldest first, so that the newest stays the newest also where times cannot be set.
    conversations.reverse();
    let what = match conversations.len() {
        1 => format!("1 conversation, in {place}"),
        n => format!("{n} conversations, in {place}"),
    };
    let done =
        if options.dry_run { Ok(()) } else { copy(context, session, profile, directory, &conversations) };
    Ok(found.done(name.to_string(), what, done))
}

/// Returns the name for the session: the one that a file in it says, else that of the directory it worked in.
fn suggested(directory: &Path, place: &Path) -> Name {
    let said = ["name", "title"].iter().find_map(|file| {
        let text = os::read_small(&directory.join(file), 4096).ok().flatten()?;
        let text = String::from_utf8(text).ok()?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty())?.to_owned();
        Some(Name::suggest(&line))
    });
    said.unwrap_or_else(|| Name::suggest(&place.file_name().unwrap_or_default().to_string_lossy()))
}

/// Makes the session, with copies of the conversations and of the prompts. Nothing else is taken, a
/// login least of all.
fn copy(
    context: &Context,
    session: Session,
    profile: &Profile,
    from: &Path,
    conversations: &[Conversation],
) -> Result<()> {
    let new = New { session, profile: profile.clone(), worktree: None, start: None };
    let fill = |files: &ConfigFiles| -> Result<()> {
        for conversation in conversations {
            copy_conversation(files, conversation, conversation.slug(), Some(conversation.modified))?;
        }
        // The scripts wrote `history` before there was a `history.jsonl`.
        for name in ["history.jsonl", "history"] {
            let path = Foreign::ground(from).join(name);
            if path.facts().is_ok_and(|facts| facts.is_some_and(|facts| facts.kind == EntryKind::File)) {
                files.copy(&path, Path::new(name)).map_err(|error| path.failure("copy", &error))?;
            }
        }
        Ok(())
    };
    new.make(context, fill).map(drop)
}

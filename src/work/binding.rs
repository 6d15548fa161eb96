//! Bindings: the user's own table first, then an allowed `.cs.toml`.
//!
//! See docs/decisions/005-a-repository-only-names-a-profile-and-only-when-allowed.md

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config;
use crate::git::Checkout;
use crate::model::{Bound, Failure, Guard, Kind, Place, Profile, Result, Session, Subject, Target, VarName};
use crate::shell::{quoted, word};
use crate::store::{Binding, Damage, Store, Trashed, TrashedKind, Trust};
use crate::work::context::Context;
use crate::work::directory::real;

/// The binding that holds in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DirectoryBinding {
    /// Nothing is bound there.
    Nothing,
    /// It is bound.
    Bound(Box<Bound>),
    /// There is a `.cs.toml` that nobody allowed or denied: its path. It has no effect.
    Unallowed(PathBuf),
}

/// The variables that programs in a session read for what it has, as its repository says.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Variables of theirs, each with the session's that has the value.
    pub env: BTreeMap<VarName, VarName>,
    /// A file that would say so, that nobody allowed or denied, and that is nearer than any that does.
    pub unallowed: Option<PathBuf>,
}

/// The names that the repository of a session's directory gives to what the session has: those of the
/// nearest `.cs.toml` that is allowed and has any. Unlike a profile they have nothing to do with what
/// the directory is bound to.
pub(crate) fn named_by_repository(context: &Context, session: &Session) -> Result<Named> {
    let store = context.store()?;
    let mut found = Named::default();
    // Where nothing was ever allowed there is nothing to look for, and so nothing to miss either.
    let looked_for = context.files_above.are_known();
    if !looked_for && !store.knows_trust() {
        return Ok(found);
    }
    let directory = session.directory();
    for file in context.files_above.of(directory, || real(directory)).iter() {
        match file.said(store) {
            (_, Some(said)) => {
                let said = said?;
                if !said.env.is_empty() {
                    found.env = said.env;
                    break;
                }
            }
            (Trust::Denied, None) => {}
            (_, None) => {
                let would = file.held.as_deref().and_then(|held| config::repository(held, &file.path).ok());
                if would.is_some_and(|would| !would.env.is_empty()) {
                    found.unallowed.get_or_insert_with(|| file.path.clone());
                }
            }
        }
    }
    Ok(found)
}

/// Returns the binding that holds in `directory`. Fails where the bound profile or session is gone.
///
/// The bound directory nearest to it wins, then the longest glob of remotes, then the nearest
/// `.cs.toml` that is allowed and names a profile. One that is not hides nothing: with and without it all is the same.
pub(crate) fn of_directory(context: &Context, directory: &Path) -> Result<DirectoryBinding> {
    let asked = directory;
    let directory = real(asked);
    let store = context.store()?;
    if let Some(Binding { place, target }) = in_table(store.bindings()?, &directory) {
        return bound(context, place, &target);
    }
    let mut unallowed = None;
    for file in context.files_above.of(asked, || directory).iter() {
        match file.said(store) {
            (_, Some(said)) => {
                if let Some(profile) = said?.profile {
                    return bound(context, Place::File(file.path.clone()), &Target::Profile(profile));
                }
            }
            (Trust::Denied, None) => {}
            (_, None) => _ = unallowed.get_or_insert_with(|| file.path.clone()),
        }
    }
    Ok(unallowed.map_or(DirectoryBinding::Nothing, DirectoryBinding::Unallowed))
}

/// Fails if `directory` is bound to another profile than `profile` and the settings are strict about it. Returns
/// what a person should know where they are not.
pub(crate) fn guard(context: &Context, profile: &Profile, directory: &Path) -> Result<Option<String>> {
    let guard = context.config()?.guard;
    let strict = match guard {
        Guard::Off => return Ok(None),
        Guard::Warn => false,
        Guard::Strict => true,
    };
    let bound = match of_directory(context, directory) {
        Ok(DirectoryBinding::Bound(bound)) => bound,
        Ok(DirectoryBinding::Nothing | DirectoryBinding::Unallowed(_)) => return Ok(None),
        // Whoever only wants to be warned is not kept from work by a binding that is broken.
        Err(failure) if !strict => return Ok(Some(failure.message)),
        Err(failure) => return Err(failure),
    };
    let (theirs, ours) = (&bound.subject.profile().name, &profile.name);
    if theirs == ours {
        return Ok(None);
    }
    let said = format!("{}, and this is profile '{ours}'", says(&bound.place, &named(&bound.subject)));
    let way_on = format!("cs --profile {theirs} NAME");
    if !strict {
        return Ok(Some(format!("{said} (for a session of '{theirs}': {way_on})")));
    }
    Err(Failure::of(Kind::BoundElsewhere, said)
        .hint(format!("for a session of '{theirs}': {way_on}"))
        .hint("to be warned only: guard = \"warn\" in the settings (cs config edit)"))
}

/// Returns the line about a `.cs.toml` that nobody allowed or denied.
pub(crate) fn not_allowed(file: &Path) -> String {
    format!("{} is not allowed, so it has no effect (cs allow, or cs deny)", file.display())
}

/// A subject in a sentence.
pub(crate) fn named(subject: &Subject) -> String {
    match subject {
        Subject::Profile(profile) => format!("profile '{}'", profile.name),
        Subject::Session(session, profile) => {
            format!("session '{}' of profile '{}'", session.name, profile.name)
        }
    }
}

/// The command that takes the binding of `place` away.
pub(crate) fn removal(place: &Place) -> String {
    match place {
        Place::File(path) => format!("cs deny {}", quoted(path)),
        place => format!("cs bind --remove{}", at(place)),
    }
}

/// The option of `cs bind` that says which place is meant.
pub(crate) fn at(place: &Place) -> String {
    match place {
        Place::Directory(path) | Place::File(path) => format!(" --dir {}", quoted(path)),
        Place::Remote(glob) => format!(" --remote {}", word(glob)),
    }
}

/// The places that are bound to `target`. A table that cannot be read is told, and stops nobody.
pub(crate) fn places_of(context: &Context, target: &Target) -> Vec<Place> {
    let bindings = context.store().and_then(Store::bindings).unwrap_or_else(|failure| {
        context.say(&failure.message);
        Vec::new()
    });
    bindings.into_iter().filter(|binding| binding.target == *target).map(|binding| binding.place).collect()
}

/// Says which places are still bound to something that was removed.
pub(crate) fn say_still_bound(context: &Context, target: &Target) {
    for place in places_of(context, target) {
        context.say(&format!("{} is still bound to it; to undo that: {}", place.text(), removal(&place)));
    }
}

/// Returns the bound directory that the directory `place` is in, if any.
pub(crate) fn above(context: &Context, place: &Place) -> Result<Option<Place>> {
    let Place::Directory(directory) = place else { return Ok(None) };
    let places = context.store()?.bindings()?.into_iter().map(|binding| binding.place);
    Ok(places.filter(|place| place.holds(directory)).max_by_key(|place| place.text().len()))
}

/// Returns what a binding to `subject` is to.
pub(crate) fn target_of(subject: &Subject) -> Target {
    match subject {
        Subject::Profile(profile) => Target::Profile(profile.name.clone()),
        Subject::Session(session, _) => Target::Session(session.id),
    }
}

/// Returns the subject that a binding leads to; `None` where it is gone.
pub(crate) fn subject_of(context: &Context, target: &Target) -> Result<Option<Subject>> {
    match target {
        Target::Profile(name) => Ok(context.profile_if(name)?.map(Subject::Profile)),
        Target::Session(id) => match context.store()?.session(*id) {
            Ok(session) => context.with_profile(session).map(Some),
            Err(Damage::Missing) => Ok(None),
            Err(damage) => {
                let path = context.store()?.session_record_path(*id);
                Err(damage.failure(&format!("session {id}"), &path))
            }
        },
    }
}

/// The line of the table that holds in `directory`.
fn in_table(bindings: Vec<Binding>, directory: &Path) -> Option<Binding> {
    let (remotes, directories): (Vec<_>, Vec<_>) =
        bindings.into_iter().partition(|binding| matches!(binding.place, Place::Remote(_)));
    let depth = |binding: &Binding| match &binding.place {
        Place::Directory(path) | Place::File(path) => path.components().count(),
        Place::Remote(glob) => glob.chars().count(),
    };
    let nearest = directories.into_iter().filter(|binding| binding.place.holds(directory)).max_by_key(depth);
    if nearest.is_some() || remotes.is_empty() {
        return nearest;
    }
    let urls = Checkout::of(directory)?.remotes();
    let like = |binding: &Binding| urls.iter().any(|url| binding.place.holds_remote(url));
    // Of two globs of one length the one that stands first.
    remotes.into_iter().rev().filter(like).max_by_key(depth)
}

fn bound(context: &Context, place: Place, target: &Target) -> Result<DirectoryBinding> {
    let undo = |failure: Failure| failure.hint(format!("to undo the binding: {}", removal(&place)));
    match subject_of(context, target).map_err(undo)? {
        Some(subject) => Ok(DirectoryBinding::Bound(Box::new(Bound { place, subject }))),
        None => Err(undo(gone(context, &place, target))),
    }
}

/// The name of what a binding leads to, or led to; `None` for a session that left no trace.
pub(crate) fn name_of(context: &Context, target: &Target) -> Option<String> {
    let id = match target {
        Target::Profile(name) => return Some(name.to_string()),
        Target::Session(id) => *id,
    };
    let store = context.store().ok()?;
    let name = store.session(id).ok().map(|session| session.name.to_string());
    name.or_else(|| trashed(store, target).map(|trashed| trashed.name().to_string()))
}

/// Returns what a binding leads to, or led to, in words for the middle of a sentence.
pub(crate) fn named_or_gone(context: &Context, target: &Target) -> String {
    if let Ok(Some(subject)) = subject_of(context, target) {
        return named(&subject);
    }
    match (target, name_of(context, target)) {
        (Target::Profile(name), _) => format!("profile '{name}', which is gone"),
        (Target::Session(_), Some(name)) => format!("session '{name}', which is gone"),
        (Target::Session(id), None) => format!("session {id}, which is gone"),
    }
}

fn gone(context: &Context, place: &Place, target: &Target) -> Failure {
    let failure = Failure::failed(says(place, &named_or_gone(context, target)));
    match context.store().ok().and_then(|store| trashed(store, target)) {
        Some(trashed) => failure.hint(format!("to bring it back: cs restore {}", trashed.name())),
        None => failure,
    }
}

/// The piece of trash that `target` is now.
fn trashed(store: &Store, target: &Target) -> Option<Trashed> {
    store.trash().ok()?.into_iter().find(|trashed| match (&trashed.kind, target) {
        (TrashedKind::Profile(name), Target::Profile(wanted)) => name == wanted,
        (TrashedKind::Session(session), Target::Session(id)) => session.id == *id,
        _ => false,
    })
}

/// Returns what a binding says, as the beginning of a sentence.
fn says(place: &Place, what: &str) -> String {
    let verb = if matches!(place, Place::File(_)) { "names" } else { "is bound to" };
    format!("{} {verb} {what}", place.text())
}

//! `cs wt open NAME [ARGS…]`: open the session of a worktree; one without gets one.

use std::ffi::OsString;

use super::tree::{self, Tree};
use crate::cli::StartOptions;
use crate::commands::context::Context;
use crate::commands::launch::{self, Manner};
use crate::commands::{directory, open, ports, report};
use crate::model::{Failure, Kind, Name, Outcome, Result, Session, Worktree};
use crate::os::Lock;

pub(super) fn run(context: &Context, words: Vec<OsString>) -> Result<Outcome> {
    let mut words = words.into_iter();
    let word = words.next().unwrap_or_default();
    let text = word
        .into_string()
        .map_err(|word| Failure::usage(format!("'{}' is not UTF-8", word.to_string_lossy())))?;
    let tree = tree::find(context, &text)?;
    if tree.is_gone() {
        return Err(Failure::of(
            Kind::DirectoryGone,
            format!("the worktree is gone: {}", tree.root().display()),
        )
        .hint(format!("to have git forget it: cs wt rm {}", tree.name())));
    }
    let named = |session: &&Session| session.name.as_str().eq_ignore_ascii_case(&text);
    let session = if let Some(session) = tree.sessions.iter().find(named).or(tree.owner()) {
        session.clone()
    } else {
        let (session, _) = adopt(context, &tree)?;
        context.umask.lifted(|| tree.repository.lock(tree.root(), session.id))?;
        report::say(&format!("made session '{}' in {}", session.name, session.directory));
        session
    };
    let profile = context.profile_of(&session)?;
    launch::start_session(context, session, profile, words.collect(), &Manner::default())
}

/// Makes a session for a worktree that has none, named like it; its lock is held.
pub(super) fn adopt(context: &Context, tree: &Tree) -> Result<(Session, Lock)> {
    let options = StartOptions { dir: Some(tree.root().to_path_buf()), ..StartOptions::default() };
    let state = tree.state(None)?;
    let base = Name::suggest(&tree.name());
    let worktree = Worktree {
        root: directory::recordable(tree.root())?,
        repository: directory::recordable(&tree.repository.main)?,
        branch: state.branch,
        onto: state.onto.map(|onto| onto.name),
    };
    open::under_a_free_name(context, &base, |name| {
        let (session, _) = open::describe(context, &options, name)?;
        let session = Session { worktree: Some(Box::new(worktree.clone())), ephemeral: false, ..session };
        let draft = ports::draft(context, session)?;
        let session = draft.session().clone();
        Ok(Some((session, context.store()?.publish(draft)?)))
    })
}

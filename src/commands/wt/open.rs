//! `cs wt open NAME [ARGS…]`: open the session of a worktree; one without gets one.

use std::ffi::OsString;

use crate::commands::{report, start};
use crate::model::{Failure, Kind, Outcome, Result, Session, Subject};
use crate::work::context::Context;
use crate::work::create;
use crate::work::launch::Request;
use crate::work::worktrees::tree::{self};

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
        let session = create::adopt(context, &tree)?.session;
        context.umask.lifted(|| tree.repository.lock(tree.root(), session.id))?;
        report::say(&format!("made session '{}' in {}", session.name, session.directory));
        session
    };
    let profile = context.profile_of(&session)?;
    start::start(context, &Request::new(Subject::Session(session, profile), words.collect()))
}

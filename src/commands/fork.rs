//! `cs fork NAME NEW`: a session of its own that continues a copy of another one's conversation.

use std::ffi::OsString;
use std::path::Path;

use uuid::Uuid;

use super::report;
use crate::claude::{self, Continuation, Conversation};
use crate::cli::ForkArgs;
use crate::git::{Checkout, Work};
use crate::model::{Failure, Isolation, Kind, Name, Outcome, Result, Session};
use crate::store::ConfigFiles;
use crate::work::context::Context;
use crate::work::create::New;
use crate::work::launch::FirstStart;
use crate::work::worktrees::{Branches, Spot, Target};
use crate::work::{conversations, copying, create, directory, history};

pub(super) fn run(context: &Context, args: ForkArgs) -> Result<Outcome> {
    let ForkArgs { worktree: apart, branch, from, no_open, words } = args;
    let mut words = words.into_iter();
    let mut name = || -> Result<String> {
        let word =
            words.next().ok_or_else(|| Failure::usage("fork needs two names").hint("cs fork NAME NEW"))?;
        word.into_string()
            .map_err(|word| Failure::usage(format!("'{}' is not UTF-8", word.to_string_lossy())))
    };
    let (source, new) = (name()?, name()?);
    let branches = Branches { branch: branch.as_deref(), from: from.as_deref() };
    let arguments: Vec<OsString> = words.collect();
    let (source, profile) = context.resolve_session(&source)?;
    let name = Context::new_name(&new)?;
    if source.isolation == Isolation::None {
        return Err(Failure::refused(format!(
            "session '{}' is not isolated: its conversation is among its profile's",
            source.name
        ))
        .hint(format!("fork it there: cs {} --resume ID --fork-session", profile.name)));
    }
    let paths = context.paths(&source, &profile)?;
    // What a fork was made from is not its own until it has gone on from there.
    let ground = history::ground(context.store()?, &source, &paths, &profile.home);
    let from = conversations::newest(&source, &paths, &ground, source.directory(), None)?
        .filter(|found| source.forked_from != Some(found.id));
    let Some(from) = from else {
        return Err(Failure::refused(format!(
            "session '{}' has no conversation to continue yet",
            source.name
        ))
        .hint(format!("a new session is made by: cs new {name}")));
    };
    let session = Session {
        id: Uuid::now_v7(),
        name: name.clone(),
        created: jiff::Timestamp::now(),
        forked_from: Some(from.id),
        // Those are the source's.
        worktree: None,
        ports: None,
        ..source.clone()
    };
    let target = if apart { Some(target(context, &source, &name, branches)?) } else { None };
    let session = match &target {
        Some(target) => target.described(session)?,
        None => session,
    };
    if target.is_none() && !no_open {
        directory::recorded_directory(&session)?;
    }
    let shared = ground.shared();
    // Where it is not copied, Claude would not find the id from another directory.
    let file = shared.as_ref().filter(|_| target.is_some()).map(|_| from.path.told());
    let continuation = Continuation::Fork { from: from.id, file, id: session.id };
    let start = (!no_open).then_some(FirstStart { arguments, continuation, pane: None });
    let works_in = session.directory().to_path_buf();
    let new = New { session, profile, worktree: target, start };
    let made = new.make(context, |files| copy(&from, shared, files, &works_in))?;
    report::say(&format!("session '{name}' goes on from a copy of '{}'", source.name));
    made.set_up(context);
    made.start(context)
}

/// Puts a conversation among those of a fork that works in `directory`. Where they are `shared` with the
/// source, it is there.
fn copy(from: &Conversation, shared: Option<&Path>, files: &ConfigFiles, directory: &Path) -> Result<()> {
    if let Some(shared) = shared {
        files.link(Path::new("projects"), shared).map_err(|error| copying::failed(&from.path, &error))
    } else {
        copying::copy_conversation(files, from, &claude::slug(&directory::real(directory)), None)
    }
}

/// The worktree of a fork: in the repository that the source works in, from what is committed there.
fn target(context: &Context, source: &Session, name: &Name, branches: Branches<'_>) -> Result<Target> {
    let directory = directory::recorded_directory(source)?;
    let spot = Spot::of(&directory)?.ok_or_else(|| {
        Failure::of(
            Kind::NoRepository,
            format!("session '{}' does not work in a git repository: {}", source.name, source.directory),
        )
        .hint(format!("to fork it there: cs fork {} {name}", source.name))
    })?;
    create::refuse_taken(context, name)?;
    let target = Target::find(context, spot, name, branches)?;
    let checkout = Checkout::of(&directory::real(&directory));
    if checkout.is_some_and(|checkout| checkout.work(None) == Work::Uncommitted) {
        report::say(&format!("what is not committed in {} does not come along", directory.display()));
    }
    Ok(target)
}

//! `cs fork NAME NEW`: a session of its own that continues a copy of another one's conversation.

use std::ffi::OsString;

use uuid::Uuid;

use super::context::Context;
use super::launch::Planned;
use super::{directory, ports, report, scene};
use crate::claude::{self, Start};
use crate::cli::ForkArgs;
use crate::model::{Failure, Isolation, Outcome, Result, Session, SessionPaths};
use crate::os;

pub(super) fn run(context: &Context, args: ForkArgs) -> Result<Outcome> {
    let mut words = args.words.into_iter();
    let mut name = || -> Result<String> {
        let word =
            words.next().ok_or_else(|| Failure::usage("fork needs two names").hint("cs fork NAME NEW"))?;
        word.into_string()
            .map_err(|word| Failure::usage(format!("'{}' is not UTF-8", word.to_string_lossy())))
    };
    let (source, new) = (name()?, name()?);
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
    let from = scene::newest(&source, &paths, source.directory(), None)?
        .filter(|found| source.forked_from != Some(found.id));
    let Some(from) = from else {
        return Err(Failure::refused(format!(
            "session '{}' has no conversation to continue yet",
            source.name
        ))
        .hint(format!("a new session is made by: cs new {name}")));
    };
    let store = context.store()?;
    let session = Session {
        id: Uuid::now_v7(),
        name: name.clone(),
        created: jiff::Timestamp::now(),
        forked_from: Some(from.id),
        ports: None,
        ..source.clone()
    };
    let session = ports::expected(context, session)?;
    let plan = |session: &Session| -> Result<Option<Planned>> {
        if args.no_open {
            return Ok(None);
        }
        let start = Start::Fork { from: from.id, file: None, id: session.id };
        let directory = directory::recorded_directory(session)?;
        let (session, profile) = (session.clone(), profile.clone());
        Planned::new(context, session, profile, arguments.clone(), &directory, start).map(Some)
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
    let copied = SessionPaths::new(draft.root(), session.isolation, &profile.home);
    let slug = claude::slug(&directory::real(source.directory()));
    let made = match std::fs::read_link(paths.config.join("projects")) {
        // What is shared with the source needs no copy.
        Ok(shared) => os::create_private_dirs(&copied.config)
            .and_then(|()| os::make_link(&copied.config.join("projects"), &shared).map(drop)),
        Err(_) => claude::copy_conversation(&from, &copied.config, &slug).map(drop),
    };
    if let Err(error) = made {
        store.discard(draft);
        return Err(Failure::io("copy the conversation", &from.path, &error));
    }
    let lock = store.publish(draft)?;
    report::say(&format!("session '{name}' goes on from a copy of '{}'", source.name));
    match planned {
        Some(planned) => planned.start(context, Some(lock)),
        None => Ok(Outcome::Done),
    }
}

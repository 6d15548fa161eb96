//! `cs resume [NAME|ID]`: resume a session by name, the beginning of one, a session id or a
//! conversation id; choose from a list without one.

use std::ffi::OsString;

use uuid::Uuid;

use super::start;
use crate::claude;
use crate::cli::ResumeArgs;
use crate::model::{Failure, Isolation, Outcome, Profile, Result, Session, Subject};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::conversations::Own;
use crate::work::directory;
use crate::work::launch::Request;
use crate::work::listing::{self, Row};

pub(super) fn run(context: &Context, args: ResumeArgs) -> Result<Outcome> {
    let directory =
        args.dir.as_deref().map(|given| directory::existing_directory(context, given)).transpose()?;
    let request = |session: Session, profile: Profile| Request {
        directory: directory.clone(),
        may_be_elsewhere: args.yes,
        ..Request::new(Subject::Session(session, profile), Vec::new())
    };
    let mut words = args.words.into_iter();
    let Some(first) = words.next() else { return choose(context, request) };
    let arguments: Vec<OsString> = words.collect();
    let text = first
        .to_str()
        .ok_or_else(|| Failure::usage(format!("'{}' is not UTF-8", first.to_string_lossy())))?;
    let (session, profile) = find(context, text)?;
    let conversation = text.parse().ok().filter(|id| *id != session.id);
    start::start(context, &Request { arguments, conversation, ..request(session, profile) })
}

fn choose(context: &Context, request: impl Fn(Session, Profile) -> Request) -> Result<Outcome> {
    const MOST: usize = 20;
    let rows = listing::resumable(context, MOST)?;
    if rows.is_empty() {
        return Err(Failure::not_found("there is no session to resume").hint("to make one here: cs NAME"));
    }
    if !ui::can_ask() {
        return Err(
            Failure::usage("which session to resume?").hint("cs resume NAME; to see the names: cs list")
        );
    }
    eprint!("{}", numbered(&rows, &context.home()?.to_string_lossy()));
    let Some(number) = ui::choose("resume", rows.len()) else { return Ok(Outcome::Code(1)) };
    let session = rows[number].session.clone();
    let profile = context.profile_of(&session)?;
    start::start(context, &request(session, profile))
}

/// Returns rows with numbers to choose by.
fn numbered(rows: &[Row], home: &str) -> String {
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&[
        ("", Align::Right),
        ("NAME", Align::Left),
        ("PROFILE", Align::Left),
        ("DIRECTORY", Align::ShrinkFront),
        ("AGE", Align::Right),
        ("TITLE", Align::Shrink),
    ]);
    for (at, row) in rows.iter().enumerate() {
        let cells = [
            (at + 1).to_string(),
            row.session.name.to_string(),
            row.session.profile.to_string(),
            ui::short(&row.session.directory, home).into_owned(),
            row.used.map(|used| ui::age(used, now)).unwrap_or_default(),
            row.details.title.clone().unwrap_or_default(),
        ];
        table.row(cells, None);
    }
    table.render(ui::width().or(Some(100)), false)
}

/// The session that `text` names in whatever way.
fn find(context: &Context, text: &str) -> Result<(Session, Profile)> {
    let store = context.store()?;
    if let Ok(id) = text.parse::<Uuid>() {
        return by_id(context, id);
    }
    match context.find(text)? {
        Some(Subject::Session(session, profile)) => return Ok((session, profile)),
        Some(Subject::Profile(profile)) => {
            return Err(Failure::usage(format!("'{}' is a profile, not a session", profile.name))
                .hint(format!("to run it: cs {}", profile.name)));
        }
        None => {}
    }
    let key = text.to_ascii_lowercase();
    let named: Vec<String> =
        store.claimed_names().into_iter().filter(|name| name.starts_with(&key)).collect();
    let mut found: Vec<(Session, Profile)> = Vec::new();
    for name in &named {
        if let Some(Subject::Session(session, profile)) = context.find(name)? {
            found.push((session, profile));
        }
    }
    if found.is_empty() && key.len() >= 4 && key.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        for id in store.session_ids()?.into_iter().filter(|id| id.to_string().starts_with(&key)) {
            if let Ok(session) = store.session(id) {
                let profile = context.profile_of(&session)?;
                found.push((session, profile));
            }
        }
    }
    match found.len() {
        0 => Err(context.unknown("session", text)),
        1 => Ok(found.remove(0)),
        _ => {
            let all: Vec<String> = found.iter().map(|(session, _)| session.name.to_string()).collect();
            Err(Failure::usage(format!("'{text}' could be more than one session: {}", all.join(", "))))
        }
    }
}

/// The session of this id, or the one in whose config directory the conversation of this id is.
fn by_id(context: &Context, id: Uuid) -> Result<(Session, Profile)> {
    let store = context.store()?;
    if let Ok(session) = store.session(id) {
        let profile = context.profile_of(&session)?;
        return Ok((session, profile));
    }
    let mut shared = None;
    for other in store.session_ids()?.into_iter().rev() {
        let Ok(session) = store.session(other) else { continue };
        let Ok(profile) = context.profile_of(&session) else { continue };
        let paths = context.paths(&session, &profile)?;
        // One that cannot be read hides no conversation of another.
        let Ok(Some(found)) = claude::find_conversation(&paths.config, id) else { continue };
        if session.isolation != Isolation::None && paths.config.join("projects").is_symlink() {
            // All who share it find it: it is whose own it is, if anybody's.
            let run = store.last_run(&store.session_run_path(session.id));
            if !Own::of(&session, &paths, session.directory(), run.as_ref())?.has(&found) {
                shared.get_or_insert((session, profile));
                continue;
            }
        }
        return Ok((session, profile));
    }
    if let Some(found) = shared {
        return Ok(found);
    }
    Err(Failure::not_found(format!("there is no session or conversation {id}"))
        .hint("to see the sessions: cs list"))
}

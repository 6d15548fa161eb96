//! `cs resume [NAME|ID]`: resume a session by name, the beginning of one, a session id or a
//! conversation id; choose from a list without one.

use std::ffi::OsString;

use super::start;
use crate::cli::ResumeArgs;
use crate::model::{Failure, Outcome, Profile, Result, Session, Subject};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::directory;
use crate::work::launch::Request;
use crate::work::listing::{self, Row};
use crate::work::which;

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
    let (session, profile) = which::session(context, text)?;
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

//! `cs show NAME`: all there is to know about a session or profile.

use serde_json::json;

use super::{details, report};
use crate::claude;
use crate::cli::ShowArgs;
use crate::git::Checkout;
use crate::model::{Isolation, Outcome, Place, Profile, Result, Session, Subject, Target};
use crate::ui;
use crate::work::context::Context;
use crate::work::conversations::Own;
use crate::work::{binding, history, open, pane};

pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<Outcome> {
    match context.resolve(&args.name)? {
        Subject::Session(session, profile) => session_details(context, &session, &profile, args.json),
        Subject::Profile(found) => details::of_profile(context, &found, args.json),
    }
}

fn session_details(
    context: &Context,
    session: &Session,
    profile: &Profile,
    as_json: bool,
) -> Result<Outcome> {
    let store = context.store()?;
    let paths = context.paths(session, profile)?;
    let run = store.last_run(&store.session_run_path(session.id));
    let open = open::open_state(session, &paths, run.as_ref());
    let pane = open.as_ref().and_then(open::Open::pid_here).and_then(|pid| pane::pane_of(context, pid));
    let ground = history::ground(store, session, &paths, &profile.home);
    let mut conversations = claude::conversations(&ground)?;
    if session.isolation == Isolation::None {
        let noted = run.as_ref().and_then(|run| run.conversation);
        conversations.retain(|found| found.id == session.id || Some(found.id) == noted);
    } else if ground.shares() {
        let own = Own::of(session, &paths, session.directory(), run.as_ref())?;
        conversations.retain(|found| own.has(found));
    }
    // A group that leads nowhere is for a launch, or doctor, to complain of.
    let elsewhere = history::elsewhere(context, Some(session), profile).ok().flatten();
    let with = elsewhere.map(|elsewhere| elsewhere.named());
    let now = jiff::Timestamp::now();
    let abouts: Vec<_> =
        conversations.iter().map(|found| (found, claude::about(found, &session.name))).collect();
    let branch = Checkout::of(session.directory()).and_then(|checkout| checkout.branch());
    let bound = binding::places_of(context, &Target::Session(session.id));
    let written = |found: &claude::Conversation| jiff::Timestamp::try_from(found.modified).ok();
    if as_json {
        let conversations: Vec<_> = abouts
            .iter()
            .map(|(found, about)| {
                json!({"id": found.id, "path": found.path.to_string(), "modified": written(found),
                       "size": found.size, "title": about.title, "branch": about.branch, "directory": about.directory})
            })
            .collect();
        report::print_json(&json!({
            "schema": 1, "kind": "session", "name": session.name, "id": session.id, "profile": session.profile,
            "directory": session.directory, "directory_exists": session.directory().is_dir(), "branch": branch,
            "isolation": session.isolation, "bare": session.bare, "ephemeral": session.ephemeral, "created": session.created,
            "worktree": session.worktree, "forked_from": session.forked_from, "slug": session.name.slug(),
            "ports": session.ports.map(|ports| json!({"first": ports.first(), "last": ports.last()})), "config_dir": paths.config.to_string_lossy(),
            "live": open.is_some(), "pid": open.as_ref().map(|open| open.pid),
            "inside": pane.as_ref().map(|pane| json!({"program": pane.kind.name(), "session": pane.session,
                "window": pane.window, "pane": pane.id})),
            "last_run": run.as_ref().map(|run| json!({"at": run.at, "tty": run.tty, "host": run.process.host})),
            "bound": bound.iter().map(Place::text).collect::<Vec<_>>(),
            "conversations_with": with, "conversations": conversations,
        }))?;
        return Ok(Outcome::Done);
    }
    let mut lines = vec![
        ("session", session.name.to_string()),
        ("id", session.id.to_string()),
        ("profile", session.profile.to_string()),
    ];
    let gone = if session.directory().is_dir() { "" } else { "  (gone)" };
    lines.push(("directory", format!("{}{gone}", session.directory)));
    lines.extend(branch.map(|branch| ("branch", branch)));
    if let Some(worktree) = &session.worktree {
        let onto = worktree.onto.as_ref().map(|onto| format!(", for {onto}")).unwrap_or_default();
        lines.push(("worktree", format!("{}{onto}", worktree.root)));
    }
    lines.extend(bound.iter().map(|place| ("bound to it", place.text())));
    let bare = if session.bare { ", shares nothing but the login" } else { "" };
    lines.push(("isolation", format!("{}{bare}", session.isolation)));
    if session.ephemeral {
        lines.push(("ephemeral", "goes to the trash when Claude ends".into()));
    }
    let ports = session.ports.map_or_else(|| "none".to_owned(), |ports| ports.to_string());
    lines.push(("ports", ports));
    lines.push(("config dir", paths.config.display().to_string()));
    lines.push(("created", ui::stamp(session.created, now)));
    if let Some(run) = &run {
        let tty = run.tty.as_deref().map(|tty| format!(" on {tty}")).unwrap_or_default();
        lines.push(("last start", format!("{}{tty}", ui::stamp(run.at, now))));
    }
    lines.push((
        "open",
        open.map_or_else(
            || "no".to_owned(),
            |open| {
                let status = open
                    .live
                    .and_then(|live| live.status)
                    .map(|status| format!(", {status}"))
                    .unwrap_or_default();
                let inside = pane.map(|pane| format!(", inside {pane}")).unwrap_or_default();
                format!("yes (pid {}{status}){inside}", open.pid)
            },
        ),
    ));
    lines.extend(with.map(|with| ("shares", format!("its conversations with {with}"))));
    for (found, about) in &abouts {
        let when = written(found).map(|when| ui::age(when, now)).unwrap_or_default();
        lines.push((
            "conversation",
            format!("{}  {when:>4}  {}", found.id, about.title.as_deref().unwrap_or("-")),
        ));
    }
    details::print_lines(&lines)
}

//! `cs profile share`: what the sessions of a profile share with it, and how that is changed.

use serde_json::{Value, json};

use super::super::report;
use super::synced;
use crate::cli::ShareArgs;
use crate::config;
use crate::model::{Failure, History, Outcome, Profile, Result, Session, ShareMode, ShareOverrides, Subject};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::sharing::{self, Shared, items};

pub(super) fn run(context: &Context, args: &ShareArgs) -> Result<Outcome> {
    let history = match &args.history {
        Some(group) => Some(History::Group(Context::new_name(group)?.folded())),
        None => args.no_history.then_some(History::Own),
    };
    match context.resolve(&args.name)? {
        Subject::Session(session, profile) => of_session(context, args, session, profile, history),
        Subject::Profile(profile) if args.items.is_empty() && history.is_none() => {
            if args.dry_run {
                return Err(
                    Failure::usage("--dry-run of what?").hint("cs profile share NAME ITEM=private --dry-run")
                );
            }
            show(context, &profile, args.json)
        }
        Subject::Profile(profile) => {
            let mut wanted = ShareOverrides::default();
            for item in &args.items {
                read(&mut wanted, item)?;
            }
            if history.is_some() {
                wanted.history = history;
            }
            change(context, args, &profile, &wanted)
        }
    }
}

/// Reads `ITEM=link|private` into what is wanted.
fn read(wanted: &mut ShareOverrides, text: &str) -> Result<()> {
    let Some((item, mode)) = text.split_once('=') else {
        return Err(Failure::usage(format!("'{text}' is not ITEM=link or ITEM=private")));
    };
    let mode = match mode {
        "link" => ShareMode::Link,
        "private" => ShareMode::Private,
        other => return Err(Failure::usage(format!("'{other}' is neither link nor private: {text}"))),
    };
    let known = items().find(|known| known.eq_ignore_ascii_case(item)).unwrap_or(item);
    if wanted.set(known, mode) {
        return Ok(());
    }
    let failure = Failure::usage(format!("there is nothing called '{item}' to share"));
    Err(match config::nearest(item, items()) {
        Some(near) => failure.hint(format!("did you mean '{near}'?")),
        None => failure.hint(items().collect::<Vec<_>>().join(", ")),
    })
}

fn show(context: &Context, profile: &Profile, as_json: bool) -> Result<Outcome> {
    let items = sharing::of_profile(context, profile)?;
    if as_json {
        report::print_json(&json!({"schema": 1, "profile": profile.name, "items": shown(&items)}))?;
        return Ok(Outcome::Done);
    }
    report::print(&table(context, items, true))?;
    Ok(Outcome::Done)
}

fn shown(items: &[Shared]) -> Vec<Value> {
    items.iter().map(|Shared { item, mode, by }| json!({"item": item, "mode": mode, "by": by})).collect()
}

fn table(context: &Context, items: Vec<Shared>, private_is_faint: bool) -> String {
    let mut table = Table::new(&[("ITEM", Align::Left), ("MODE", Align::Left), ("DECIDED BY", Align::Left)]);
    for Shared { item, mode, by } in items {
        let style = (private_is_faint && mode == "private").then_some("2");
        table.row([item.to_owned(), mode, by], style);
    }
    table.render(ui::width(), context.colours())
}

fn change(
    context: &Context,
    args: &ShareArgs,
    profile: &Profile,
    wanted: &ShareOverrides,
) -> Result<Outcome> {
    let name = &profile.name;
    let sharing::Changed { record, synced } = sharing::change(context, profile, wanted, args.dry_run)?;
    if args.json {
        let record: Vec<Value> =
            record.iter().map(|(item, old, new)| json!({"item": item, "from": old, "to": new})).collect();
        report::print_json(&json!({"schema": 1, "profile": name, "dry_run": args.dry_run, "record": record,
            "changes": synced::changes_json(&synced), "kept": synced::kept_json(&synced), "open": synced.open}))?;
        return Ok(Outcome::Done);
    }
    for (item, old, new) in &record {
        report::print(&format!("{name}: {item}: {old} -> {new}\n"))?;
    }
    synced::tell(context, &synced)?;
    say_count(synced.changes.len() + record.len(), args.dry_run);
    Ok(Outcome::Done)
}

fn say_count(changes: usize, dry_run: bool) {
    match (changes, dry_run) {
        (0, _) => report::say("everything is like that already"),
        (_, true) => report::say("nothing was changed: --dry-run"),
        _ => {}
    }
}

/// Shows or changes where the conversations of one session live.
fn of_session(
    context: &Context,
    args: &ShareArgs,
    session: Session,
    profile: Profile,
    history: Option<History>,
) -> Result<Outcome> {
    let name = session.name.clone();
    if !args.items.is_empty() {
        return Err(Failure::usage(format!(
            "'{name}' is a session, and what is shared is said of its profile"
        ))
        .hint(format!("cs profile share {} {}", profile.name, args.items.join(" "))));
    }
    let Some(wanted) = history else {
        return show_session(context, &session, &profile, args.json);
    };
    let (is_changed, synced) = sharing::set_history(context, session, profile, wanted, args.dry_run)?;
    if args.json {
        report::print_json(&json!({"schema": 1, "session": name, "dry_run": args.dry_run,
            "changes": synced::changes_json(&synced), "kept": synced::kept_json(&synced)}))?;
        return Ok(Outcome::Done);
    }
    synced::tell(context, &synced)?;
    say_count(synced.changes.len() + usize::from(is_changed), args.dry_run);
    Ok(Outcome::Done)
}

fn show_session(context: &Context, session: &Session, profile: &Profile, as_json: bool) -> Result<Outcome> {
    let items = vec![sharing::of_session(context, session, profile)?];
    if as_json {
        report::print_json(&json!({"schema": 1, "session": session.name, "profile": profile.name,
            "items": shown(&items)}))?;
        return Ok(Outcome::Done);
    }
    report::print(&table(context, items, false))?;
    report::say(&format!("everything else: cs profile share {}", profile.name));
    Ok(Outcome::Done)
}

//! `cs profile share`: what the sessions of a profile share with it, and how that is changed.

use serde_json::{Value, json};

use super::super::report;
use super::edit::STARTER;
use super::sync::Sync;
use crate::cli::ShareArgs;
use crate::config;
use crate::model::{
    Failure, History, Isolation, Kind, Name, Outcome, Profile, Result, SHAREABLE, SWITCHES, Session,
    ShareMode, ShareOverrides, Subject,
};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::open;

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

/// Every item that can be shared, by the name a person writes.
fn items() -> impl Iterator<Item = &'static str> {
    SHAREABLE.iter().chain(SWITCHES).copied().chain(["history"])
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

/// One line of the table: the item, how it is shared, and by whom that was decided.
fn rows(context: &Context, profile: &Profile) -> Result<Vec<(&'static str, String, String)>> {
    let share = crate::work::share::share_of(context, profile, false)?;
    let own = own_overrides(context, profile)?;
    let by = |item: &str| -> Result<String> {
        Ok(if own.says(item) {
            "profile".into()
        } else if profile.share.says(item) {
            format!("profile '{}'", profile.host())
        } else if context.config()?.share.says(item) {
            "config.toml".into()
        } else {
            "built in".into()
        })
    };
    items()
        .map(|item| {
            let mode = match (item, &share.history) {
                ("history", History::Own) => "private".to_owned(),
                ("history", History::Profile) => "link".to_owned(),
                ("history", History::Group(group)) => format!("group {group}"),
                (item, _) => if share.shares(item) { "link" } else { "private" }.to_owned(),
            };
            Ok((item, mode, by(item)?))
        })
        .collect()
}

/// What a profile's own record says, without what it inherits.
fn own_overrides(context: &Context, profile: &Profile) -> Result<ShareOverrides> {
    let Some(host) = &profile.inherit else { return Ok(profile.share.clone()) };
    let theirs = context.profile_if(host)?.map(|host| host.share).unwrap_or_default();
    let mut own = profile.share.clone();
    // What both say alike, the record of the one it inherits says.
    for item in items() {
        if theirs.says(item) {
            own = without(own, item, &theirs);
        }
    }
    Ok(own)
}

/// `own` without `item`, where `theirs` says the same of it.
fn without(own: ShareOverrides, item: &str, theirs: &ShareOverrides) -> ShareOverrides {
    let value = |share: &ShareOverrides| toml::Value::try_from(share).ok()?.get(item).cloned();
    if value(&own) != value(theirs) {
        return own;
    }
    let mut table = toml::Table::try_from(&own).unwrap_or_default();
    table.remove(item);
    table.try_into().unwrap_or(own)
}

fn show(context: &Context, profile: &Profile, as_json: bool) -> Result<Outcome> {
    let rows = rows(context, profile)?;
    if as_json {
        let items: Vec<Value> =
            rows.iter().map(|(item, mode, by)| json!({"item": item, "mode": mode, "by": by})).collect();
        report::print_json(&json!({"schema": 1, "profile": profile.name, "items": items}))?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&[("ITEM", Align::Left), ("MODE", Align::Left), ("DECIDED BY", Align::Left)]);
    for (item, mode, by) in rows {
        let style = (mode == "private").then_some("2");
        table.row([item.to_owned(), mode, by], style);
    }
    report::print(&table.render(ui::width(), ui::colour_stdout()))?;
    Ok(Outcome::Done)
}

/// Changes the record of a profile, then its directory and its sessions.
fn change(
    context: &Context,
    args: &ShareArgs,
    profile: &Profile,
    wanted: &ShareOverrides,
) -> Result<Outcome> {
    let (store, home, name) = (context.store()?, context.home()?, &profile.name);
    let as_written = |text: &str| {
        store
            .profile_as_written(name, text, &home)
            .map_err(|damage| damage.failure(&format!("profile '{name}'"), &store.profile_record_path(name)))
    };
    let (before, after) = if args.dry_run {
        (profile.clone(), as_written(&store.with_share(name, STARTER, wanted)?)?)
    } else {
        let _held = store.lock_profile(name)?;
        let before = context.resolve_profile(name.as_str())?;
        store.ensure_profile_record(name, STARTER)?;
        let text = store.with_share(name, STARTER, wanted)?;
        let after = as_written(&text)?;
        store.write_profile_record(name, &text)?;
        (before, after)
    };
    let (old, new) = (rows(context, &before)?, rows(context, &after)?);
    let record: Vec<(&str, &str, &str)> = old
        .iter()
        .zip(&new)
        .filter(|(old, new)| old.1 != new.1)
        .map(|(old, new)| (old.0, old.1.as_str(), new.1.as_str()))
        .collect();
    let mut sync = Sync::new(context, args.dry_run, &[]);
    sync.profile(&after, Some(&before))?;
    for heir in crate::work::profiles::heirs(context, name)? {
        if let Some(heir) = context.profile_if(&heir)? {
            let share = heir.share.clone().over(after.share.clone());
            sync.profile(&Profile { share, ..heir.clone() }, Some(&heir))?;
        }
    }
    if args.json {
        let record: Vec<Value> =
            record.iter().map(|(item, old, new)| json!({"item": item, "from": old, "to": new})).collect();
        report::print_json(&json!({"schema": 1, "profile": name, "dry_run": args.dry_run, "record": record,
            "changes": sync.changes_json(), "kept": sync.kept_json(), "open": sync.open}))?;
        return Ok(Outcome::Done);
    }
    for (item, old, new) in &record {
        report::print(&format!("{name}: {item}: {old} -> {new}\n"))?;
    }
    sync.tell()?;
    say_count(&sync, record.len(), args.dry_run);
    Ok(Outcome::Done)
}

fn say_count(sync: &Sync<'_>, record: usize, dry_run: bool) {
    match (sync.count() + record, dry_run) {
        (0, _) => report::say("everything is like that already"),
        (_, true) => report::say("nothing was changed: --dry-run"),
        _ => {}
    }
}

/// Where the conversations of one session live.
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
    if session.isolation == Isolation::None {
        return Err(Failure::refused(format!(
            "session '{name}' is not isolated: its conversations are among its profile's"
        )));
    }
    if session.isolation == Isolation::Sandbox {
        return Err(Failure::refused(format!(
            "session '{name}' is a sandbox, in which no conversations of others are to be seen"
        )));
    }
    // What its profile says anyway needs no word of its own.
    let of_profile = crate::work::share::share_of(context, &profile, session.bare)?.history;
    let wanted = Some(wanted).filter(|wanted| *wanted != of_profile);
    let store = context.store()?;
    let held = if args.dry_run { None } else { Some(store.lock_session(&session)?) };
    if let Some(open) = open::opened(context, &session, &profile)? {
        return Err(Failure::of(Kind::Open, format!("session '{name}' is open (pid {})", open.pid))
            .hint("leave Claude there first"));
    }
    let is_changed = session.history != wanted;
    let session = if is_changed && !args.dry_run {
        store.set_session_history(&session, wanted)?
    } else {
        Session { history: wanted, ..session }
    };
    let mut sync = Sync::new(context, args.dry_run, &[]);
    sync.held(&Subject::Session(session, profile), None)?;
    drop(held);
    if args.json {
        report::print_json(&json!({"schema": 1, "session": name, "dry_run": args.dry_run,
            "changes": sync.changes_json(), "kept": sync.kept_json()}))?;
        return Ok(Outcome::Done);
    }
    sync.tell()?;
    say_count(&sync, usize::from(is_changed), args.dry_run);
    Ok(Outcome::Done)
}

fn show_session(context: &Context, session: &Session, profile: &Profile, as_json: bool) -> Result<Outcome> {
    let of_profile = crate::work::share::share_of(context, profile, session.bare)?.history;
    let (history, by): (&History, String) = match &session.history {
        Some(history) => (history, "session".into()),
        None => (&of_profile, format!("profile '{}'", profile.name)),
    };
    let mode = match history {
        History::Own => "private".to_owned(),
        History::Profile => "link".to_owned(),
        History::Group(group) => group_word(group),
    };
    if as_json {
        report::print_json(&json!({"schema": 1, "session": session.name, "profile": profile.name,
            "items": [{"item": "history", "mode": mode, "by": by}]}))?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&[("ITEM", Align::Left), ("MODE", Align::Left), ("DECIDED BY", Align::Left)]);
    table.row(["history".to_owned(), mode, by], None);
    report::print(&table.render(ui::width(), ui::colour_stdout()))?;
    report::say(&format!("everything else: cs profile share {}", profile.name));
    Ok(Outcome::Done)
}

fn group_word(group: &Name) -> String {
    format!("group {group}")
}

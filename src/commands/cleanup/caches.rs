//! `cs cleanup --caches`: what Claude makes again by itself, and nothing else. It goes for good.

use serde_json::json;

use super::super::report;
use crate::claude::{self, CACHES};
use crate::cli::CleanupArgs;
use crate::model::{Failure, Isolation, Outcome, Profile, Result, Subject};
use crate::os;
use crate::store::Store;
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::removal::{Obstacle, in_use, kept, kept_but, say_left};
use std::path::{Path, PathBuf};

/// A config directory of ours, and what of it can go.
struct Trimmable {
    subject: Subject,
    config: PathBuf,
    items: Vec<(&'static str, u64)>,
    stays: Option<String>,
}

impl Trimmable {
    fn bytes(&self) -> u64 {
        self.items.iter().map(|(_, bytes)| bytes).sum()
    }
}

pub(super) fn run(context: &Context, args: &CleanupArgs) -> Result<Outcome> {
    if args.older_than.is_some() {
        return Err(Failure::usage("--older-than is about sessions, and --caches about what is in them"));
    }
    let mut found = look(context, args)?;
    found.sort_by_key(|one| std::cmp::Reverse(one.bytes()));
    let going = |one: &&Trimmable| one.stays.is_none() && !one.items.is_empty();
    let total: u64 = found.iter().filter(going).map(Trimmable::bytes).sum();
    let mut freed = 0;
    let mut failed = None;
    if args.yes {
        for one in found.iter_mut().filter(|one| one.stays.is_none() && !one.items.is_empty()) {
            match trim(context, one) {
                Ok(bytes) => freed += bytes,
                Err(failure) => {
                    if let Some(earlier) = failed.replace(failure) {
                        let earlier: Failure = earlier;
                        report::say(&earlier.message);
                    }
                }
            }
        }
    }
    if args.json {
        let rows = found.iter().map(|one| {
            json!({
                "name": one.subject.name(), "config_dir": one.config.to_string_lossy(), "bytes": one.bytes(),
                "caches": one.items.iter().map(|(item, _)| *item).collect::<Vec<_>>(), "kept": one.stays,
            })
        });
        let rows: Vec<_> = rows.collect();
        report::print_json(
            &json!({"schema": 1, "done": args.yes, "caches": rows, "bytes": total, "freed": freed}),
        )?;
    } else if args.yes {
        for one in &found {
            if let Some(why) = &one.stays {
                report::say(&format!("stays: {}: {why}", one.subject.name()));
            }
        }
        report::say(&format!("{} of logs, snapshots and caches are gone", ui::size(freed)));
    } else {
        report::print(&table(&found, total, args))?;
    }
    failed.map_or(Ok(Outcome::Done), Err)
}

fn table(found: &[Trimmable], total: u64, args: &CleanupArgs) -> String {
    let mut table = Table::new(&[("NAME", Align::Left), ("SIZE", Align::Right), ("CACHES", Align::Shrink)]);
    let going: Vec<&Trimmable> =
        found.iter().filter(|one| one.stays.is_none() && !one.items.is_empty()).collect();
    for one in &going {
        let items: Vec<&str> = one.items.iter().map(|(item, _)| *item).collect();
        table.row([one.subject.name().to_string(), ui::size(one.bytes()), items.join(" ")], None);
    }
    let mut text = String::new();
    if !going.is_empty() {
        text.push_str(&table.render(ui::width(), ui::colour_stdout()));
    }
    for one in found {
        if let Some(why) = &one.stays {
            text.push_str(&ui::escape(&format!("stays: {}: {why}", one.subject.name())));
            text.push('\n');
        }
    }
    if going.is_empty() {
        text.push_str("there are no caches to clean up\n");
    } else {
        let names: String = args.names.iter().map(|name| format!(" {name}")).collect();
        text.push_str(&ui::escape(&format!(
            "{} in {}, for good; to do it: cs cleanup --caches --yes{names}",
            ui::size(total),
            ui::count(going.len(), "place")
        )));
        text.push('\n');
    }
    text
}

/// The sessions and profiles made by `cs` that were named, or all of them.
fn look(context: &Context, args: &CleanupArgs) -> Result<Vec<Trimmable>> {
    let store = context.store()?;
    let mut found = Vec::new();
    let mut progress = ui::Progress::new("measuring");
    if !args.names.is_empty() {
        for name in &args.names {
            progress.at(name);
            let subject = context.resolve(name)?;
            let Some(config) = config_of(context, store, &subject)? else {
                return Err(match &subject {
                    Subject::Profile(profile) => Failure::refused(format!(
                        "the config directory of profile '{}' is your own and stays as it is: {}",
                        profile.name,
                        profile.home.directory().display()
                    )),
                    Subject::Session(session, _) => Failure::refused(format!(
                        "session '{}' has no config directory of its own (isolation none)",
                        session.name
                    )),
                });
            };
            found.push(trimmable(context, subject, config)?);
        }
        return Ok(found);
    }
    for entry in store.sessions()? {
        let Ok(session) = entry.record else { continue };
        progress.at(session.name.as_str());
        // One whose profile is gone or damaged is not of this command's business.
        let Ok(Subject::Session(session, profile)) = context.with_profile(session) else { continue };
        let subject = Subject::Session(session, profile);
        if let Some(config) = config_of(context, store, &subject)? {
            found.push(trimmable(context, subject, config)?);
        }
    }
    for entry in store.profiles(&context.home()?) {
        let Ok(profile) = entry.profile else { continue };
        let subject = Subject::Profile(profile);
        if let Some(config) = config_of(context, store, &subject)? {
            found.push(trimmable(context, subject, config)?);
        }
    }
    found.retain(|one| !one.items.is_empty());
    Ok(found)
}

/// The config directory of something, if it is one that `cs` made for it alone.
fn config_of(context: &Context, store: &Store, subject: &Subject) -> Result<Option<PathBuf>> {
    Ok(match subject {
        Subject::Session(session, profile) => {
            let paths = context.paths(session, profile)?;
            (session.isolation != Isolation::None).then_some(paths.config)
        }
        Subject::Profile(profile) => {
            let ours = store.profile_root(&profile.name).join("claude");
            (!profile.name.is_default() && profile.home.is(&ours)).then_some(ours)
        }
    })
}

fn trimmable(context: &Context, subject: Subject, config: PathBuf) -> Result<Trimmable> {
    let items: Vec<(&'static str, u64)> = CACHES
        .iter()
        .filter_map(|item| {
            let path = config.join(item);
            let about = path.symlink_metadata().ok()?;
            (!about.is_symlink()).then(|| (*item, os::tree_size(&path).bytes))
        })
        .collect();
    let stays = if items.is_empty() { None } else { open_in(context, &subject, &config)? };
    Ok(Trimmable { subject, config, items, stays })
}

/// Why nothing is removed there now.
fn open_in(context: &Context, subject: &Subject, config: &Path) -> Result<Option<String>> {
    let store = context.store()?;
    let obstacle = match subject {
        Subject::Session(session, profile) => {
            let paths = context.paths(session, profile)?;
            let run = store.last_run(&store.session_run_path(session.id));
            in_use(session, &paths, run.as_ref())
        }
        Subject::Profile(profile) => {
            let run = store.last_run(&store.profile_run_path(&profile.name));
            let pid = claude::live_in(config).first().map(|live| live.pid).or_else(|| {
                run.filter(|run| run.process.liveness() == os::Liveness::Alive).map(|run| run.process.pid)
            });
            pid.map(Obstacle::Open)
        }
    };
    Ok(obstacle.map(|obstacle| obstacle.to_string()))
}

/// Removes the caches of one, and says how much that freed. A session's under its lock.
fn trim(context: &Context, one: &mut Trimmable) -> Result<u64> {
    let store = context.store()?;
    let _lock = match &one.subject {
        Subject::Session(session, _) => {
            let lock = store.try_lock_session(session)?;
            if lock.is_none() {
                one.stays = Some("it is being worked on".into());
                return Ok(0);
            }
            lock
        }
        Subject::Profile(_) => None,
    };
    if let Some(why) = open_in(context, &one.subject, &one.config)? {
        one.stays = Some(why);
        return Ok(0);
    }
    let own: Option<&Profile> = match &one.subject {
        Subject::Profile(profile) => Some(profile),
        Subject::Session(..) => None,
    };
    let kept = match own {
        Some(profile) => kept_but(context, profile)?,
        None => kept(context)?,
    };
    let mut freed = 0;
    for (item, bytes) in &one.items {
        let Some(left) = store.trim(&one.config, item, &kept)? else { continue };
        if !left.is_empty() {
            say_left(context, &left);
            return Err(Failure::failed(format!(
                "not all of {} could be removed",
                one.config.join(item).display()
            )));
        }
        freed += bytes;
    }
    Ok(freed)
}

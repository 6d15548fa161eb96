//! Caches: what Claude makes again automatically, and nothing else. They go for good.

use std::path::{Path, PathBuf};

use crate::claude::{self, CACHES, ConfigGround};
use crate::model::{Failure, Isolation, Kind, Profile, Result, Subject};
use crate::os;
use crate::store::Store;
use crate::work::context::Context;
use crate::work::removal::{Obstacle, in_use, kept, kept_but, say_left};

/// A config directory of ours, and what of it can go.
pub(crate) struct Trimmable {
    /// The owner.
    pub subject: Subject,
    /// The directory.
    pub config: PathBuf,
    /// The caches in it, with their sizes.
    pub items: Vec<(&'static str, u64)>,
    /// The reason that they stay; `None` where they can go.
    pub stays: Option<String>,
}

impl Trimmable {
    /// Returns how much space its caches take.
    pub(crate) fn bytes(&self) -> u64 {
        self.items.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Returns true if anything of it can go.
    pub(crate) fn is_going(&self) -> bool {
        self.stays.is_none() && !self.items.is_empty()
    }
}

/// Returns the sessions and profiles made by `cs` that were named, or all of them, the largest first. `at` is told
/// what is measured. Changes nothing.
pub(crate) fn find(context: &Context, names: &[String], at: &mut dyn FnMut(&str)) -> Result<Vec<Trimmable>> {
    let mut found = measured(context, names, at)?;
    found.sort_by_key(|one| std::cmp::Reverse(one.bytes()));
    Ok(found)
}

fn measured(context: &Context, names: &[String], at: &mut dyn FnMut(&str)) -> Result<Vec<Trimmable>> {
    let store = context.store()?;
    let mut found = Vec::new();
    if !names.is_empty() {
        for name in names {
            at(name);
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
        let session = match entry.record {
            Ok(session) => session,
            Err(damage) => {
                if damage.is_unread() {
                    context.goes_without(&store.unread_session(entry.id, &damage).message);
                }
                continue;
            }
        };
        at(session.name.as_str());
        // One whose profile is gone or damaged is not of this command's business.
        let (session, profile) = match context.with_profile(session) {
            Ok(Subject::Session(session, profile)) => (session, profile),
            Err(failure) if failure.kind == Kind::Io => {
                context.goes_without(&failure.message);
                continue;
            }
            _ => continue,
        };
        let subject = Subject::Session(session, profile);
        if let Some(config) = config_of(context, store, &subject)? {
            found.push(trimmable(context, subject, config)?);
        }
    }
    for entry in store.profiles(&context.home()?)? {
        let profile = match entry.profile {
            Ok(profile) => profile,
            Err(damage) => {
                if damage.is_unread() {
                    context.goes_without(&store.unread_profile(&entry.name, &damage).message);
                }
                continue;
            }
        };
        let subject = Subject::Profile(profile);
        if let Some(config) = config_of(context, store, &subject)? {
            found.push(trimmable(context, subject, config)?);
        }
    }
    found.retain(|one| !one.items.is_empty());
    Ok(found)
}

/// Returns the config directory of something, if it is one that `cs` made for it alone.
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
    let mut items: Vec<(&'static str, u64)> = Vec::new();
    for item in CACHES {
        let path = config.join(item);
        let about = os::look(&path).map_err(|error| Failure::io("read", &path, &error))?;
        if about.is_some_and(|about| !about.is_symlink()) {
            items.push((*item, os::tree_size(&path).bytes));
        }
    }
    let stays = if items.is_empty() { None } else { open_in(context, &subject, &config)? };
    Ok(Trimmable { subject, config, items, stays })
}

/// Returns why nothing is removed there now.
fn open_in(context: &Context, subject: &Subject, config: &Path) -> Result<Option<String>> {
    let store = context.store()?;
    let obstacle = match subject {
        Subject::Session(session, profile) => {
            let paths = context.paths(session, profile)?;
            let run = store.noted_run(&store.session_run_path(session.id))?;
            in_use(session, &paths, run.as_ref())
        }
        Subject::Profile(profile) => {
            let run = store.noted_run(&store.profile_run_path(&profile.name))?;
            let live = claude::live_in(&ConfigGround::of_profile(config)).first().map(|live| live.pid);
            let pid = live.or_else(|| {
                run.filter(|run| run.process.liveness() == os::Liveness::Alive).map(|run| run.process.pid)
            });
            pid.map(Obstacle::Open)
        }
    };
    Ok(obstacle.map(|obstacle| obstacle.to_string()))
}

/// Removes the caches of one, and returns how much that freed. A session's under its lock.
pub(crate) fn trim(context: &Context, one: &mut Trimmable) -> Result<u64> {
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

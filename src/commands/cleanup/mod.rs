//! `cs cleanup`: find what can go; list it, or with `--yes` move it to the trash.

mod caches;

use serde_json::{Value, json};

use super::{report, trash};
use crate::claude;
use crate::cli::CleanupArgs;
use crate::git::Work;
use crate::model::{Age, Failure, Isolation, Outcome, Profile, Result, Session, SessionPaths, Target};
use crate::os;
use crate::store::{Leftover, Piece, Trashed};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::open::Running;
use crate::work::removal::{Progress, count, kept, linked_worktree, obstacle, paths_of, say_left};
use crate::work::{binding, removal, scene};

/// How long something has to be unused before anything but age itself speaks against it: a session that
/// was made a minute ago has no conversation either.
pub(super) const GRACE: Age = Age::days(1);

pub(super) fn run(context: &Context, args: &CleanupArgs) -> Result<Outcome> {
    if args.caches {
        return caches::run(context, args);
    }
    let found = Found::look(context, args)?;
    if args.yes {
        return found.clear(context, args);
    }
    if args.json {
        report::print_json(&found.json(None))?;
    } else {
        report::print(&found.table(args))?;
    }
    Ok(Outcome::Done)
}

/// Why a session can go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Unused(Age),
    NoConversation,
    DirectoryGone,
    Merged(String),
    ProfileGone,
    Ended,
}

impl Reason {
    fn word(&self) -> &'static str {
        match self {
            Self::Unused(_) => "unused",
            Self::NoConversation => "no-conversation",
            Self::DirectoryGone => "directory-gone",
            Self::Merged(_) => "merged",
            Self::ProfileGone => "profile-gone",
            Self::Ended => "ended",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unused(age) => write!(f, "not used for {age}"),
            Self::NoConversation => f.write_str("no conversation"),
            Self::DirectoryGone => f.write_str("its directory is gone"),
            Self::Merged(branch) => write!(f, "{branch} is merged"),
            Self::ProfileGone => f.write_str("its profile is gone"),
            Self::Ended => f.write_str("ephemeral, and has ended"),
        }
    }
}

/// What is known of a session.
struct Verdict {
    reasons: Vec<Reason>,
    /// Why it stays all the same.
    stays: Option<String>,
    used: jiff::Timestamp,
}

impl Verdict {
    /// Judges a session. Reads only.
    fn of(context: &Context, session: &Session, older_than: Age, running: &Running) -> Result<Self> {
        let store = context.store()?;
        let now = jiff::Timestamp::now();
        let (paths, profile) = paths_of(context, session)?;
        let run = store.last_run(&store.session_run_path(session.id));
        let used = last_used(context, session, &paths)?;
        let mut reasons = Vec::new();
        let ran_out =
            session.ephemeral && run.as_ref().is_some_and(|run| run.process.liveness() == os::Liveness::Dead);
        if ran_out {
            reasons.push(Reason::Ended);
        }
        if older_than.is_reached(used, now) {
            reasons.push(Reason::Unused(older_than));
        }
        if GRACE.is_reached(used, now) {
            reasons.extend(weak_reasons(session, &paths, profile.as_ref())?);
        }
        let mut stays = None;
        if !reasons.is_empty() {
            stays = obstacle(context, session, &paths, run.as_ref())?.map(|obstacle| obstacle.to_string());
            if stays.is_none() && !ran_out && running.has(session) == Some(true) {
                stays = Some("a shell or program uses it".into());
            }
        }
        Ok(Self { reasons, stays, used })
    }

    fn why(&self) -> String {
        self.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// What speaks against a session besides its age.
fn weak_reasons(session: &Session, paths: &SessionPaths, profile: Option<&Profile>) -> Result<Vec<Reason>> {
    let mut reasons = Vec::new();
    if profile.is_none() {
        reasons.push(Reason::ProfileGone);
    }
    if profile.is_some() || session.isolation != Isolation::None {
        let newest = scene::newest(session, paths, session.directory(), None)?;
        if newest.is_none() {
            reasons.push(Reason::NoConversation);
        }
    }
    if !os::exists(session.directory()) {
        reasons.push(Reason::DirectoryGone);
    } else if let Some(checkout) = linked_worktree(session)
        && checkout.work(crate::work::worktrees::tree::onto_of(session)) == Work::Merged
    {
        let branch =
            checkout.branch().map_or_else(|| "its worktree".into(), |branch| format!("branch {branch}"));
        reasons.push(Reason::Merged(branch));
    }
    Ok(reasons)
}

/// When a session was last used: launched, prompted, written to, brought in or back.
pub(super) fn last_used(
    context: &Context,
    session: &Session,
    paths: &SessionPaths,
) -> Result<jiff::Timestamp> {
    let launched = context.store()?.entry(session.id).and_then(|entry| entry.used);
    let mut used = launched.unwrap_or(session.created).max(session.created);
    let own = |item: &str| {
        let about = paths.config.join(item).symlink_metadata().ok()?;
        (!about.is_symlink()).then_some(about.modified().ok()?)
    };
    let mut times: Vec<std::time::SystemTime> = Vec::new();
    let record = context.store()?.session_record_path(session.id);
    times.extend(record.metadata().and_then(|about| about.modified()));
    if session.isolation == Isolation::None || paths.config.join("projects").is_symlink() {
        times.extend(claude::find_conversation(&paths.config, session.id)?.map(|found| found.modified));
    } else {
        times.extend(claude::conversations(&paths.config)?.into_iter().map(|found| found.modified));
    }
    if session.isolation != Isolation::None {
        times.extend(own("history.jsonl"));
    }
    for time in times {
        used = used.max(jiff::Timestamp::try_from(time).unwrap_or(used));
    }
    Ok(used)
}

/// A session that can go.
struct Going {
    session: Session,
    verdict: Verdict,
    bytes: u64,
}

/// Everything there is to say.
struct Found {
    going: Vec<Going>,
    /// Sessions that stay although something speaks against them, or that were named: why.
    staying: Vec<(Session, String)>,
    /// Records that cannot be read.
    damaged: Vec<(uuid::Uuid, String)>,
    leftovers: Vec<(Leftover, u64)>,
    old_trash: Vec<(Piece, u64)>,
    /// What could not be looked at.
    failed: Option<Failure>,
}

impl Found {
    fn look(context: &Context, args: &CleanupArgs) -> Result<Self> {
        let store = context.store()?;
        let settings = &context.config()?.cleanup;
        let older_than = args.older_than.unwrap_or(settings.older_than);
        let mut found = Self {
            going: Vec::new(),
            staying: Vec::new(),
            damaged: Vec::new(),
            leftovers: Vec::new(),
            old_trash: Vec::new(),
            failed: None,
        };
        let mut sessions = Vec::new();
        if args.names.is_empty() {
            for entry in store.sessions()? {
                match entry.record {
                    Ok(session) => sessions.push(session),
                    // A directory without a record is a leftover, or somebody's.
                    Err(damage) => found.damaged.push((entry.id, damage.to_string())),
                }
            }
        } else {
            for name in &args.names {
                let session = store.session_named(&Context::new_name(name)?)?;
                let session = session.ok_or_else(|| context.unknown("session", name))?;
                if !sessions.contains(&session) {
                    sessions.push(session);
                }
            }
        }
        let running = Running::default();
        let mut progress = Progress::new("looking at");
        for session in sessions {
            progress.at(session.name.as_str());
            let verdict = match Verdict::of(context, &session, older_than, &running) {
                Ok(verdict) => verdict,
                Err(failure) => {
                    found.staying.push((session, failure.message.clone()));
                    found.failed = Some(failure);
                    continue;
                }
            };
            if let Some(why) = &verdict.stays {
                found.staying.push((session, why.clone()));
            } else if !verdict.reasons.is_empty() {
                let bytes = os::tree_size(&store.session_root(session.id)).bytes;
                found.going.push(Going { session, verdict, bytes });
            } else if !args.names.is_empty() {
                let age = ui::age(verdict.used, jiff::Timestamp::now());
                found.staying.push((session, format!("nothing speaks against it (last used: {age})")));
            }
        }
        found.going.sort_by_key(|going| going.verdict.used);
        if args.names.is_empty() {
            found.leftovers = with_sizes(store.leftovers(), Leftover::path);
            let empty = |id: &uuid::Uuid| {
                let root = store.session_root(*id);
                found.leftovers.iter().any(|(leftover, _)| leftover.path() == root)
            };
            found.damaged.retain(|(id, _)| !empty(id));
            let now = jiff::Timestamp::now();
            let old = |piece: &Piece| matches!(piece, Piece::Whole(Trashed { removed, .. }) if settings.keep_trash.is_reached(*removed, now));
            let pieces = store.pieces()?.into_iter().filter(old).collect();
            found.old_trash = with_sizes(pieces, Piece::path);
        }
        Ok(found)
    }

    fn is_nothing(&self) -> bool {
        self.going.is_empty() && self.leftovers.is_empty() && self.old_trash.is_empty()
    }

    fn bytes(&self) -> (u64, u64) {
        let to_trash = self.going.iter().map(|going| going.bytes).sum();
        let for_good: u64 = self.leftovers.iter().map(|(_, bytes)| bytes).sum();
        (to_trash, for_good + self.old_trash.iter().map(|(_, bytes)| bytes).sum::<u64>())
    }

    fn json(&self, done: Option<&Done>) -> Value {
        let (to_trash, for_good) = self.bytes();
        let did = |session: &Session| done.is_some_and(|done| done.moved.contains(&session.id));
        json!({
            "schema": 1,
            "done": done.is_some(),
            "sessions": self.going.iter().map(|going| json!({
                "name": going.session.name, "id": going.session.id, "profile": going.session.profile,
                "directory": going.session.directory, "used": going.verdict.used, "bytes": going.bytes,
                "reasons": going.verdict.reasons.iter().map(Reason::word).collect::<Vec<_>>(),
                "why": going.verdict.why(), "moved": did(&going.session),
            })).collect::<Vec<_>>(),
            "kept": self.staying.iter().map(|(session, why)| json!({
                "name": session.name, "id": session.id, "why": why,
            })).collect::<Vec<_>>(),
            "damaged": self.damaged.iter().map(|(id, why)| json!({"id": id, "why": why})).collect::<Vec<_>>(),
            "leftovers": self.leftovers.iter().map(|(leftover, bytes)| json!({
                "what": leftover.what(), "path": leftover.path().to_string_lossy(), "bytes": bytes,
            })).collect::<Vec<_>>(),
            "trash": self.old_trash.iter().map(|(piece, bytes)| json!({
                "path": piece.path().to_string_lossy(), "bytes": bytes,
            })).collect::<Vec<_>>(),
            "bytes": {"to_trash": to_trash, "for_good": for_good},
        })
    }

    fn table(&self, args: &CleanupArgs) -> String {
        let mut text = String::new();
        if !self.going.is_empty() {
            let now = jiff::Timestamp::now();
            let mut table = Table::new(&[
                ("NAME", Align::Left),
                ("LAST USED", Align::Right),
                ("SIZE", Align::Right),
                ("WHY", Align::Shrink),
                ("DIRECTORY", Align::ShrinkFront),
            ]);
            for going in &self.going {
                table.row(
                    [
                        going.session.name.to_string(),
                        ui::age(going.verdict.used, now),
                        ui::size(going.bytes),
                        going.verdict.why(),
                        going.session.directory.clone(),
                    ],
                    None,
                );
            }
            text.push_str(&table.render(ui::width(), ui::colour_stdout()));
        }
        for (leftover, bytes) in &self.leftovers {
            let path = leftover.path().display().to_string();
            let line = format!("left over: {}, {}: {path}", leftover.what(), ui::size(*bytes));
            text.push_str(&ui::escape(&line));
            text.push('\n');
        }
        for (session, why) in &self.staying {
            text.push_str(&ui::escape(&format!("stays: {}: {why}", session.name)));
            text.push('\n');
        }
        for (id, why) in &self.damaged {
            text.push_str(&ui::escape(&format!("stays: {id}: {why}")));
            text.push('\n');
        }
        if !text.is_empty() {
            text.push('\n');
        }
        if self.is_nothing() {
            text.push_str("there is nothing to clean up\n");
            return text;
        }
        let (to_trash, _) = self.bytes();
        if !self.going.is_empty() {
            text.push_str(&format!(
                "to the trash: {}, {}, which is free when the trash is emptied\n",
                count(self.going.len(), "session"),
                ui::size(to_trash)
            ));
        }
        let sum = |these: &mut dyn Iterator<Item = u64>| ui::size(these.sum());
        if !self.old_trash.is_empty() {
            let age = "what is in the trash for longer than keep_trash";
            let bytes = sum(&mut self.old_trash.iter().map(|(_, bytes)| *bytes));
            text.push_str(&format!("for good: {} ({age}), {bytes}\n", count(self.old_trash.len(), "thing")));
        }
        if !self.leftovers.is_empty() {
            let bytes = sum(&mut self.leftovers.iter().map(|(_, bytes)| *bytes));
            text.push_str(&format!("for good: {}, {bytes}\n", count(self.leftovers.len(), "leftover")));
        }
        let names: String = args.names.iter().map(|name| format!(" {name}")).collect();
        let age = args.older_than.map(|age| format!(" --older-than {age}")).unwrap_or_default();
        text.push_str(&ui::escape(&format!("to do it: cs cleanup --yes{age}{names}")));
        text.push('\n');
        text
    }

    /// Does it: each session under its lock, and only if it is as it was when this looked.
    fn clear(mut self, context: &Context, args: &CleanupArgs) -> Result<Outcome> {
        let store = context.store()?;
        let older_than = args.older_than.unwrap_or(context.config()?.cleanup.older_than);
        let running = Running::default();
        let mut done = Done::default();
        let mut failed = self.failed.take();
        let mut fail = |failure: Failure| {
            if let Some(earlier) = failed.replace(failure) {
                report::say(&earlier.message);
            }
        };
        let (mut stayed, mut worktrees) = (Vec::new(), Vec::new());
        for going in &self.going {
            let session = &going.session;
            let mut moved = || -> Result<Option<String>> {
                let Some(_lock) = store.try_lock_session(session)? else {
                    return Ok(Some("it is being worked on".into()));
                };
                let verdict = Verdict::of(context, session, older_than, &running)?;
                if let Some(why) = verdict.stays {
                    return Ok(Some(why));
                }
                if verdict.reasons.is_empty() {
                    return Ok(Some("it was used meanwhile".into()));
                }
                worktrees.extend(removal::to_trash(context, session)?);
                Ok(None)
            };
            match moved() {
                Ok(None) => {
                    done.moved.push(session.id);
                    done.to_trash += going.bytes;
                    binding::say_still_bound(context, &Target::Session(session.id));
                }
                Ok(Some(why)) => stayed.push((session.clone(), why)),
                Err(failure) => fail(failure),
            }
        }
        self.staying.extend(stayed);
        for line in &worktrees {
            report::say(line);
        }
        if !args.json {
            for (session, why) in &self.staying {
                report::say(&format!("stays: {}: {why}", session.name));
            }
        }
        let kept = kept(context)?;
        for (leftover, bytes) in &self.leftovers {
            match store.sweep(leftover, &kept) {
                Ok(left) if left.is_empty() => {
                    done.for_good += bytes;
                    done.swept += 1;
                }
                Ok(left) => {
                    say_left(context, &left);
                    let what = leftover.path().display();
                    fail(Failure::failed(format!("not all of {what} could be removed")));
                }
                Err(failure) => fail(failure),
            }
        }
        let old: Vec<Piece> = self.old_trash.iter().map(|(piece, _)| piece.clone()).collect();
        let emptied = trash::remove(context, &old)?;
        done.for_good += emptied.freed;
        if let Some(failure) = emptied.failed {
            fail(failure);
        }
        if args.json {
            report::print_json(&self.json(Some(&done)))?;
        } else {
            self.say_done(&done, emptied.gone);
        }
        failed.map_or(Ok(Outcome::Done), Err)
    }

    fn say_done(&self, done: &Done, emptied: usize) {
        if self.is_nothing() {
            report::say("there is nothing to clean up");
        }
        if !done.moved.is_empty() {
            let names: Vec<&str> = self
                .going
                .iter()
                .filter(|going| done.moved.contains(&going.session.id))
                .map(|going| going.session.name.as_str())
                .collect();
            report::say(&format!(
                "moved {} to the trash ({}): {}; to undo: cs restore NAME",
                count(names.len(), "session"),
                ui::size(done.to_trash),
                names.join(", ")
            ));
        }
        if emptied > 0 || done.swept > 0 {
            report::say(&format!(
                "removed for good: {} in the trash and {}, {}",
                count(emptied, "thing"),
                count(done.swept, "leftover"),
                ui::size(done.for_good)
            ));
        }
    }
}

/// What was done.
#[derive(Default)]
struct Done {
    moved: Vec<uuid::Uuid>,
    to_trash: u64,
    for_good: u64,
    swept: usize,
}

fn with_sizes<T>(these: Vec<T>, path: fn(&T) -> &std::path::Path) -> Vec<(T, u64)> {
    these
        .into_iter()
        .map(|one| {
            let bytes = os::tree_size(path(&one)).bytes;
            (one, bytes)
        })
        .collect()
}

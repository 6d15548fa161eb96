//! Cleaning up: which sessions can go and why, what is left over, and what is in the trash for long enough.

pub(crate) mod caches;

use uuid::Uuid;

use crate::claude::{self, ConfigGround};
use crate::git::Work;
use crate::model::{Age, Clock, Failure, Isolation, Profile, Result, Session, SessionPaths, Target};
use crate::os;
use crate::store::{Leftover, Piece, Trashed};
use crate::ui;
use crate::work::context::Context;
use crate::work::open::Running;
use crate::work::removal::{kept, linked_worktree, obstacle, paths_of, say_left};
use crate::work::{binding, conversations, emptying, history, removal};

/// The time that something has to be unused before anything but age itself speaks against it: a session that
/// was made a minute ago has no conversation either.
pub(crate) const GRACE: Age = Age::days(1);

/// A reason that a session can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It was not used for that long.
    Unused(Age),
    /// Nothing was ever said in it.
    NoConversation,
    /// The directory it works in is gone.
    DirectoryGone,
    /// This, the branch of its worktree, is merged.
    Merged(String),
    /// Its profile is gone.
    ProfileGone,
    /// It is ephemeral, and its Claude was ended.
    Ended,
}

impl Reason {
    /// Returns the word for it.
    pub(crate) fn word(&self) -> &'static str {
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

/// The verdict on a session.
pub(crate) struct Verdict {
    /// The reasons that it can go.
    pub reasons: Vec<Reason>,
    /// The reason that it stays all the same.
    pub stays: Option<String>,
    /// When it was last used.
    pub used: jiff::Timestamp,
}

impl Verdict {
    /// Judges a session. Reads only.
    fn of(
        context: &Context,
        session: &Session,
        older_than: Age,
        clock: &Clock,
        running: &Running,
    ) -> Result<Self> {
        let store = context.store()?;
        let (paths, profile) = paths_of(context, session)?;
        let run = store.noted_run(&store.session_run_path(session.id))?;
        let ground = history::ground_left(store, session, &paths, profile.as_ref());
        let used = last_used(context, session, &paths, &ground)?;
        let mut reasons = Vec::new();
        let ran_out = session.ephemeral
            && run.as_ref().is_some_and(|run| run.liveness(&paths.root) == os::Liveness::Dead);
        if ran_out {
            reasons.push(Reason::Ended);
        }
        if clock.has_reached(older_than, used) {
            reasons.push(Reason::Unused(older_than));
        }
        if clock.has_reached(GRACE, used) {
            reasons.extend(weak_reasons(session, &paths, &ground, profile.as_ref())?);
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

    /// Returns its reasons in a line.
    pub(crate) fn why(&self) -> String {
        self.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Returns what speaks against a session besides its age.
fn weak_reasons(
    session: &Session,
    paths: &SessionPaths,
    ground: &ConfigGround,
    profile: Option<&Profile>,
) -> Result<Vec<Reason>> {
    let mut reasons = Vec::new();
    if profile.is_none() {
        reasons.push(Reason::ProfileGone);
    }
    if profile.is_some() || session.isolation != Isolation::None {
        let newest = conversations::newest(session, paths, ground, session.directory(), None)?;
        if newest.is_none() {
            reasons.push(Reason::NoConversation);
        }
    }
    if !os::exists(session.directory()) {
        reasons.push(Reason::DirectoryGone);
    } else if let Some(checkout) = linked_worktree(session)
        && checkout.work(session.onto()) == Work::Merged
    {
        let branch =
            checkout.branch().map_or_else(|| "its worktree".into(), |branch| format!("branch {branch}"));
        reasons.push(Reason::Merged(branch));
    }
    Ok(reasons)
}

/// Returns when a session was last used: launched, prompted, written to, brought in or back.
pub(crate) fn last_used(
    context: &Context,
    session: &Session,
    paths: &SessionPaths,
    ground: &ConfigGround,
) -> Result<jiff::Timestamp> {
    let launched = context.store()?.entry(session.id).and_then(|entry| entry.used);
    let mut used = launched.unwrap_or(session.created).max(session.created);
    let unread = |path: &std::path::Path, error: &std::io::Error| Failure::io("read", path, error);
    let own = |item: &str| -> Result<Option<std::time::SystemTime>> {
        let path = paths.config.join(item);
        let about = os::look(&path).map_err(|error| unread(&path, &error))?;
        Ok(about.filter(|about| !about.is_symlink()).and_then(|about| about.modified().ok()))
    };
    let mut times: Vec<std::time::SystemTime> = Vec::new();
    let record = context.store()?.session_record_path(session.id);
    let about = os::look(&record).map_err(|error| unread(&record, &error))?;
    times.extend(about.and_then(|about| about.modified().ok()));
    if session.isolation == Isolation::None || ground.shares() {
        times.extend(claude::find_conversation(ground, session.id)?.map(|found| found.modified));
    } else {
        times.extend(claude::conversations(ground)?.into_iter().map(|found| found.modified));
    }
    if session.isolation != Isolation::None {
        times.extend(own("history.jsonl")?);
    }
    for time in times {
        used = used.max(jiff::Timestamp::try_from(time).unwrap_or(used));
    }
    Ok(used)
}

/// A session that can go.
pub(crate) struct Going {
    /// The session.
    pub session: Session,
    /// The judgement, with the reasons.
    pub verdict: Verdict,
    /// The space it takes.
    pub bytes: u64,
}

/// Everything that a cleanup can take away, and what stays.
pub(crate) struct Clearable {
    /// The sessions that can go.
    pub going: Vec<Going>,
    /// Sessions that stay although something speaks against them, or that were named: why.
    pub staying: Vec<(Session, String)>,
    /// Records that cannot be read.
    pub damaged: Vec<(Uuid, String)>,
    /// The leftovers of sessions and profiles, each with its size.
    pub leftovers: Vec<(Leftover, u64)>,
    /// The pieces that are in the trash for long enough, each with its size.
    pub old_trash: Vec<(Piece, u64)>,
    older_than: Age,
    /// The clock by which it was judged.
    clock: Clock,
    /// True if something stays because the clock is not believed.
    is_held_back: bool,
    /// The failure to look at something.
    failed: Option<Failure>,
}

/// The result of cleaning up.
#[derive(Default)]
pub(crate) struct Done {
    /// The sessions that were moved to the trash.
    pub moved: Vec<Uuid>,
    /// A line on each worktree of theirs, which stays.
    pub worktrees: Vec<String>,
    /// The space of what went to the trash.
    pub to_trash: u64,
    /// The space of what went for good.
    pub for_good: u64,
    /// The number of leftovers that went.
    pub swept: usize,
    /// The number of pieces of trash that went.
    pub emptied: usize,
    /// The last of what failed.
    pub failed: Option<Failure>,
}

impl Done {
    /// Notes a failure. The last one is what the command ends with; the others are said.
    fn fail(&mut self, context: &Context, failure: Failure) {
        if let Some(earlier) = self.failed.replace(failure) {
            context.say(&earlier.message);
        }
    }
}

impl Clearable {
    /// Finds what can go of the sessions `names`, or of everything. `at` is told what is looked at. Changes nothing.
    pub(crate) fn find(
        context: &Context,
        names: &[String],
        older_than: Option<Age>,
        at: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let store = context.store()?;
        let settings = &context.config()?.cleanup;
        let older_than = older_than.unwrap_or(settings.older_than);
        let mut found = Self {
            going: Vec::new(),
            staying: Vec::new(),
            damaged: Vec::new(),
            leftovers: Vec::new(),
            old_trash: Vec::new(),
            older_than,
            clock: context.clock()?,
            is_held_back: false,
            failed: None,
        };
        let mut sessions = Vec::new();
        if names.is_empty() {
            for entry in store.sessions()? {
                match entry.record {
                    Ok(session) => sessions.push(session),
                    // A directory without a record is a leftover, or somebody's.
                    Err(damage) => {
                        if damage.is_unread() {
                            found.failed = Some(store.unread_session(entry.id, &damage));
                        }
                        found.damaged.push((entry.id, damage.to_string()));
                    }
                }
            }
        } else {
            for name in names {
                let session = store.session_named(&Context::new_name(name)?)?;
                let session = session.ok_or_else(|| context.unknown("session", name))?;
                if !sessions.contains(&session) {
                    sessions.push(session);
                }
            }
        }
        let running = Running::default();
        for session in sessions {
            at(session.name.as_str());
            let verdict = match Verdict::of(context, &session, older_than, &found.clock, &running) {
                Ok(verdict) => verdict,
                Err(failure) => {
                    found.staying.push((session, failure.message.clone()));
                    found.failed = Some(failure);
                    continue;
                }
            };
            let is_kept = [older_than, GRACE].iter().any(|age| found.clock.keeps(*age, verdict.used));
            found.is_held_back |= is_kept && found.clock.doubt().is_some();
            if let Some(why) = &verdict.stays {
                found.staying.push((session, why.clone()));
            } else if !verdict.reasons.is_empty() {
                let bytes = os::tree_size(&store.session_root(session.id)).bytes;
                found.going.push(Going { session, verdict, bytes });
            } else if is_kept && found.clock.doubt().is_none() {
                let day = verdict.used.strftime("%Y-%m-%d");
                found
                    .staying
                    .push((session, format!("its last use was noted while the clock was off ({day})")));
            } else if !names.is_empty() {
                let age = ui::age(verdict.used, jiff::Timestamp::now());
                found.staying.push((session, format!("nothing speaks against it (last used: {age})")));
            }
        }
        found.going.sort_by_key(|going| going.verdict.used);
        if names.is_empty() {
            found.leftovers = with_sizes(store.leftovers()?, Leftover::path);
            // They are left over because nobody touched them for an hour.
            if found.clock.doubt().is_some() {
                found.is_held_back |= !found.leftovers.is_empty();
                found.leftovers.clear();
            }
            let empty = |id: &uuid::Uuid| {
                let root = store.session_root(*id);
                found.leftovers.iter().any(|(leftover, _)| leftover.path() == root)
            };
            found.damaged.retain(|(id, _)| !empty(id));
            let (mut pieces, mut undated) = (Vec::new(), 0);
            for piece in store.pieces()? {
                let Piece::Whole(Trashed { removed, .. }) = &piece else { continue };
                if found.clock.keeps(settings.keep_trash, *removed) {
                    found.is_held_back |= found.clock.doubt().is_some();
                    undated += usize::from(found.clock.doubt().is_none());
                } else if found.clock.has_reached(settings.keep_trash, *removed) {
                    pieces.push(piece);
                }
            }
            emptying::say_undated(context, undated);
            found.old_trash = with_sizes(pieces, Piece::path);
        }
        if let Some(doubt) = found.clock.doubt().filter(|_| !found.is_held_back) {
            context.say(&doubt.to_string());
        }
        Ok(found)
    }

    /// Returns the reason that something stays although it would be old by the clock: the clock is not believed.
    pub(crate) fn held_back(&self) -> Option<Failure> {
        self.clock.doubt().filter(|_| self.is_held_back).map(emptying::doubted)
    }

    /// Takes the failure to look at something, where there was one.
    pub(crate) fn failed(mut self) -> Option<Failure> {
        self.failed.take()
    }

    /// Returns true if nothing can go.
    pub(crate) fn is_nothing(&self) -> bool {
        self.going.is_empty() && self.leftovers.is_empty() && self.old_trash.is_empty()
    }

    /// Returns how much goes to the trash, and how much for good.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let to_trash = self.going.iter().map(|going| going.bytes).sum();
        let for_good: u64 = self.leftovers.iter().map(|(_, bytes)| bytes).sum();
        (to_trash, for_good + self.old_trash.iter().map(|(_, bytes)| bytes).sum::<u64>())
    }

    /// Moves the sessions that can go to the trash: each under its lock, and only if it is as it was when this
    /// looked. Others join those that stay.
    pub(crate) fn move_to_trash(&mut self, context: &Context) -> Result<Done> {
        let store = context.store()?;
        let running = Running::default();
        let mut done = Done { failed: self.failed.take(), ..Done::default() };
        for going in &self.going {
            let session = &going.session;
            let mut moved = || -> Result<Option<String>> {
                let Some(_lock) = store.try_lock_session(session)? else {
                    return Ok(Some("it is being worked on".into()));
                };
                let verdict = Verdict::of(context, session, self.older_than, &self.clock, &running)?;
                if let Some(why) = verdict.stays {
                    return Ok(Some(why));
                }
                if verdict.reasons.is_empty() {
                    return Ok(Some("it was used meanwhile".into()));
                }
                done.worktrees.extend(removal::to_trash(context, session)?);
                Ok(None)
            };
            match moved() {
                Ok(None) => {
                    done.moved.push(session.id);
                    done.to_trash += going.bytes;
                    binding::say_still_bound(context, &Target::Session(session.id));
                }
                Ok(Some(why)) => self.staying.push((session.clone(), why)),
                Err(failure) => done.fail(context, failure),
            }
        }
        Ok(done)
    }

    /// Removes for good what is left over, and what is in the trash for long enough.
    pub(crate) fn remove_for_good(&self, context: &Context, done: &mut Done) -> Result<()> {
        let store = context.store()?;
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
                    done.fail(context, Failure::failed(format!("not all of {what} could be removed")));
                }
                Err(failure) => done.fail(context, failure),
            }
        }
        let old: Vec<Piece> = self.old_trash.iter().map(|(piece, _)| piece.clone()).collect();
        let emptied = emptying::remove(context, &old)?;
        done.for_good += emptied.freed;
        done.emptied = emptied.gone;
        if let Some(failure) = emptied.failed {
            done.fail(context, failure);
        }
        Ok(())
    }
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

//! Session records.
//!
//! See docs/decisions/002-names-are-claimed-by-link.md

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::config_files::ConfigFiles;
use super::locking::lock;
use super::plain::Plain;
use super::profiles::clear;
use super::records::{self, Damage, Record};
use super::root::listed;
use super::{Claim, Store};
use crate::model::{Failure, History, Kind, Name, PortRange, Ports, Result, Session, Walls, Worktree};
use crate::os::{self, Lock};

/// One session as the list sees it.
#[derive(Clone, Debug)]
pub struct SessionEntry {
    /// Its id: the name of its directory.
    pub id: Uuid,
    /// Its record, or why there is none to use.
    pub record: Result<Session, Damage>,
    /// The time of its last launch, or else of its making. The last prompt in it may be later: see
    /// [`Store::prompted`].
    pub used: Option<jiff::Timestamp>,
}

/// A session that is being made, seen by nobody yet. Dropped before [`Store::publish`] made it one, it is taken
/// back: its files, its ports, and its name where that was claimed.
#[derive(Debug)]
pub struct Draft {
    store: Store,
    session: Session,
    staged: PathBuf,
    /// Held as long as it is being made, and handed on to whoever starts it.
    lock: Option<Lock>,
    /// Its name is claimed already.
    reserved: bool,
}

impl Draft {
    /// Returns its config directory, to be filled before it is published.
    pub fn files(&self) -> ConfigFiles {
        ConfigFiles::new(&self.staged, self.session.isolation)
    }

    /// Returns the session that it will be, with the ports it has been given.
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.lock.is_some() {
            self.store.drop_staged(&self.session, &self.staged);
            self.store.release_name(&self.session.name, Claim::Session(self.session.id));
        }
    }
}

impl Record for Session {
    const VERSION: u32 = Self::VERSION;

    fn from_plain(plain: &Plain<'_>) -> Option<Self> {
        let session = Self {
            version: plain.number("", "version").filter(|version| *version == Self::VERSION)?,
            id: plain.text("", "id")?.parse().ok()?,
            name: Name::try_from(plain.text("", "name")?.to_owned()).ok()?,
            profile: Name::try_from(plain.text("", "profile")?.to_owned()).ok()?,
            directory: plain.text("", "directory")?.to_owned(),
            isolation: plain.text("", "isolation")?.parse().ok()?,
            bare: false,
            ephemeral: false,
            history: None,
            forked_from: match plain.text("", "forked_from") {
                Some(id) => Some(id.parse().ok()?),
                None => None,
            },
            ports: match plain.number("", "ports") {
                Some(first) => Some(Ports::new(first.try_into().ok()?)?),
                None => None,
            },
            created: plain.text("", "created")?.parse().ok()?,
            worktree: worktree(plain),
            walls: walls(plain),
        };
        plain.is_used_up().then_some(session)
    }
}

impl Store {
    /// Returns the directory of a session's files.
    pub fn session_root(&self, id: Uuid) -> PathBuf {
        self.sessions_dir().join(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }

    /// Returns the path of a session's record.
    pub fn session_record_path(&self, id: Uuid) -> PathBuf {
        self.session_root(id).join("session.toml")
    }

    /// Reads the record of the session of this id.
    pub fn session(&self, id: Uuid) -> Result<Session, Damage> {
        Self::session_in(&self.session_root(id), id)
    }

    fn session_in(root: &Path, id: Uuid) -> Result<Session, Damage> {
        let session: Session = records::read(&root.join("session.toml"))?;
        if session.id != id {
            return Err(Damage::Unreadable(format!("it is the record of {}", session.id)));
        }
        Ok(session)
    }

    /// Reads the session that has `name`; `None` if no session has it.
    pub fn session_named(&self, name: &Name) -> Result<Option<Session>> {
        let Some(Claim::Session(id)) = self.claim(name)? else { return Ok(None) };
        match self.session(id) {
            // A claim left over from a rename or a removal that was cut short names nothing.
            Ok(session) if session.name.key() == name.key() => Ok(Some(session)),
            Ok(_) | Err(Damage::Missing) => Ok(None),
            Err(damage) => Err(damage.failure(&format!("session '{name}'"), &self.session_record_path(id))),
        }
    }

    pub(super) fn session_has_name(&self, id: Uuid, name: &Name) -> bool {
        match self.session(id) {
            Ok(session) => session.name.key() == name.key(),
            Err(Damage::Missing) => false,
            // Nobody may take the name of a session whose record cannot be read just now.
            Err(_) => true,
        }
    }

    /// Returns the ids of all sessions, oldest first.
    pub fn session_ids(&self) -> Result<Vec<Uuid>> {
        let names = listed(&self.sessions_dir(), "")?;
        let mut ids: Vec<Uuid> = names.iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Reads every session, oldest first, damaged ones included. A session that is removed meanwhile is
    /// left out.
    pub fn sessions(&self) -> Result<Vec<SessionEntry>> {
        let ids = self.session_ids()?;
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        if ids.len() < 256 || workers < 2 {
            return Ok(ids.into_iter().filter_map(|id| self.entry(id)).collect());
        }
        let share = ids.len().div_ceil(workers);
        let parts = std::thread::scope(|scope| {
            let readers: Vec<_> = ids
                .chunks(share)
                .map(|part| {
                    scope.spawn(move || part.iter().filter_map(|id| self.entry(*id)).collect::<Vec<_>>())
                })
                .collect();
            readers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        Ok(parts
            .into_iter()
            .flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect())
    }

    /// Reads every session whose record is one, oldest first; a damaged record is left out. Fails where the system cannot
    /// read one: for whoever acts on which there are.
    pub fn known_sessions(&self) -> Result<Vec<Session>> {
        let mut known = Vec::new();
        for entry in self.sessions()? {
            match entry.record {
                Ok(session) => known.push(session),
                Err(damage) if damage.is_unread() => return Err(self.unread_session(entry.id, &damage)),
                Err(_) => {}
            }
        }
        Ok(known)
    }

    /// Returns the failure to read the record of the session `id`.
    pub fn unread_session(&self, id: Uuid, damage: &Damage) -> Failure {
        damage.failure(&format!("session {id}"), &self.session_record_path(id))
    }

    /// Reads one session for the list; `None` if it has just gone.
    pub fn entry(&self, id: Uuid) -> Option<SessionEntry> {
        let root = self.session_root(id);
        let mut record = Self::session_in(&root, id);
        if record == Err(Damage::Missing) {
            if !os::exists(&root) {
                return None;
            }
            // It may have come back from the trash in between.
            record = Self::session_in(&root, id);
        }
        // The note of a launch is rewritten by each: its time is the launch's, and reading ten
        // thousand of them would take longer than all the rest.
        let launched = modified(&root.join("run.toml"));
        let made = record.as_ref().ok().map(|session| session.created);
        Some(SessionEntry { id, used: launched.or(made), record })
    }

    /// Returns the time of the last prompt in a session, if Claude kept that: it appends to this file at
    /// every prompt of an interactive session (2.1.197).
    pub fn prompted(&self, id: Uuid) -> Option<jiff::Timestamp> {
        modified(&self.session_root(id).join("claude/history.jsonl"))
    }

    /// Begins a session: its record is on disk, unseen, and its lock held. It is given ports in `range`,
    /// its earlier ones if it can have them, which were found to be free a moment ago; none if there are
    /// none left.
    pub fn draft(&self, session: Session, range: Option<PortRange>) -> Result<Draft> {
        self.ensure()?;
        self.sweep_staging();
        let staged = self.staging().join(session.id.to_string());
        let made = |error| Failure::io("create", &staged, &error);
        let left_over = os::exists(&staged);
        os::create_private_dir(&staged).map_err(made)?;
        let path = self.lock_path(&staged, &session.id.to_string());
        // What another process is making is its own.
        let lock = lock(&path, "a new session").inspect_err(|_| {
            if !left_over {
                discard(&staged);
            }
        })?;
        if left_over {
            if !lock.is_at(&path) {
                return Err(Failure::of(
                    Kind::Busy,
                    format!("another cs has just made session {}", session.id),
                )
                .hint("look again: cs list"));
            }
            // Whoever died here before was making the same session.
            clear(&staged).map_err(|error| Failure::io("clear", &staged, &error))?;
        }
        let wanted = session.ports.filter(|_| range.is_some());
        let is_free = |ports: Ports| Some(ports) == wanted || os::ports_free(ports.all());
        let ports = self.claim_ports(session.id, range, wanted.as_slice(), is_free);
        let ports = ports.inspect_err(|_| discard(&staged))?;
        let session = Session { ports, ..session };
        let draft =
            Draft { store: self.clone(), session, staged: staged.clone(), lock: Some(lock), reserved: false };
        let record = staged.join("session.toml");
        let text = records::text(&draft.session)?;
        os::publish_file(&record, text.as_bytes()).map_err(|error| Failure::io("write", &record, &error))?;
        Ok(draft)
    }

    /// Claims the name of a session before it is published, for one whose making takes long: until this
    /// process publishes or drops it, or ends, nobody else has the name.
    pub fn reserve(&self, draft: &mut Draft) -> Result<()> {
        match self.claim_name(&draft.session.name, Claim::Session(draft.session.id))? {
            None => {
                draft.reserved = true;
                Ok(())
            }
            Some(holder) => Err(taken(&draft.session.name, holder)),
        }
    }

    /// Makes a directory for this user only, in which two processes meet for a moment. No name leads to
    /// it; if [`Store::leave_meeting`] is not reached, it is swept up as something unfinished.
    pub fn meeting_place(&self) -> Result<PathBuf> {
        self.ensure()?;
        let place = self.staging().join(Uuid::now_v7().to_string());
        os::create_private_dir(&place).map_err(|error| Failure::io("create", &place, &error))?;
        Ok(place)
    }

    /// Removes a [`Store::meeting_place`].
    pub fn leave_meeting(&self, place: &Path) {
        if place.parent() == Some(&self.staging()) {
            discard(place);
        }
    }

    /// Publishes a session under its name. When this returns `Ok` it exists, for good; when it
    /// fails nothing of it does. The lock stays held, so nobody starts it before its maker.
    pub fn publish(&self, mut draft: Draft) -> Result<Lock> {
        let (session, staged) = (&draft.session, &draft.staged);
        if !draft.reserved
            && let Some(holder) = self.claim_name(&session.name, Claim::Session(session.id))?
        {
            return Err(taken(&session.name, holder));
        }
        let place = self.session_root(session.id);
        os::publish_dir(staged, &place).map_err(|error| Failure::io("create", &place, &error))?;
        // What is published is dropped without its lock, and so not taken back.
        draft.lock.take().ok_or_else(|| Failure::failed("a session was published twice"))
    }

    fn drop_staged(&self, session: &Session, staged: &Path) {
        // Its lock is in there.
        if let Some(ports) = session.ports {
            self.release_ports(ports, session.id);
        }
        discard(staged);
    }

    /// Takes the lock of a session, so that nobody else starts, renames or removes it meanwhile. Refuses
    /// if that happened while this waited: the lock of a directory that was moved away guards nothing,
    /// and what was decided from the old record is void.
    pub fn lock_session(&self, session: &Session) -> Result<Lock> {
        let root = self.session_root(session.id);
        let changed = || {
            Failure::of(Kind::Changed, format!("session '{}' has changed meanwhile", session.name))
                .hint("look again: cs list")
        };
        let path = self.lock_path(&root, &session.id.to_string());
        let held = lock(&path, &format!("session '{}'", session.name))
            .map_err(|failure| if os::is_dir(&root) { failure } else { changed() })?;
        // Who had it may have removed the session for good, and an import brought the very same back.
        let is_its_own = !held.was_waited_for() || held.is_at(&path);
        if is_its_own && self.is_still(session)? { Ok(held) } else { Err(changed()) }
    }

    /// Returns true if the record of a session still says what it did. Fails where the system cannot read it.
    pub(super) fn is_still(&self, session: &Session) -> Result<bool> {
        match self.session(session.id) {
            Err(damage) if damage.is_unread() => Err(self.unread_session(session.id, &damage)),
            record => Ok(record.as_ref() == Ok(session)),
        }
    }

    /// Returns true if a process that this one descends from holds the lock of a session.
    pub fn is_held_above(&self, session: &Session) -> bool {
        let path = self.lock_path(&self.session_root(session.id), &session.id.to_string());
        let holder = Lock::look(&path).filter(|looked| looked.is_held).and_then(|looked| looked.holder);
        holder.is_some_and(|holder| holder.elsewhere.is_none() && os::is_ancestor(holder.pid))
    }

    /// Refuses a name that somebody else than `claim` has. Holds nothing, so this decides only what is refused.
    pub(super) fn refuse_taken(&self, name: &Name, claim: Claim) -> Result<()> {
        match self.holder(name)? {
            Some(holder) if holder != claim => Err(taken(name, holder)),
            _ => Ok(()),
        }
    }

    /// Gives a session another name. Under its lock.
    pub fn rename_session(&self, session: &Session, new: &Name) -> Result<Session> {
        let claim = Claim::Session(session.id);
        let same = session.name.key() == new.key();
        let renamed = Session { name: new.clone(), ..session.clone() };
        if same {
            self.rewrite_session(&renamed)?;
            return Ok(renamed);
        }
        // What is refused changes nothing.
        self.refuse_taken(new, claim)?;
        // As long as its record has the other name, the claim of this one looks like one that was left behind.
        let held = self.hold_names()?;
        if let Some(holder) = self.claim_name_among(new, claim, &held)? {
            return Err(taken(new, holder));
        }
        self.rewrite_session(&renamed).inspect_err(|_| self.release_name_among(new, claim, &held))?;
        self.release_name_among(&session.name, claim, &held);
        Ok(renamed)
    }

    /// Writes where the conversations of a session live; `None` leaves that to its profile. The caller
    /// holds the session's lock.
    pub fn set_session_history(&self, session: &Session, history: Option<History>) -> Result<Session> {
        let changed = Session { history, ..session.clone() };
        self.rewrite_session(&changed)?;
        Ok(changed)
    }

    /// Notes the walls of the sandboxed session `id`. The caller holds the session's lock.
    pub fn note_walls(&self, id: Uuid, walls: Walls) -> Result<()> {
        let session = self.session(id);
        let session =
            session.map_err(|damage| damage.failure("the session", &self.session_record_path(id)))?;
        self.rewrite_session(&Session { walls: Some(Box::new(walls)), ..session })
    }

    /// Replaces the record of a session. The caller holds the session's lock.
    pub(super) fn rewrite_session(&self, session: &Session) -> Result<()> {
        let path = self.session_record_path(session.id);
        os::replace_file(&path, records::text(session)?.as_bytes(), true)
            .map_err(|error| Failure::io("write", &path, &error))
    }
}

fn worktree(plain: &Plain<'_>) -> Option<Box<Worktree>> {
    let text = |key| plain.text("worktree", key).map(str::to_owned);
    Some(Box::new(Worktree {
        root: text("root")?,
        repository: text("repository")?,
        branch: text("branch"),
        onto: text("onto"),
    }))
}

fn walls(plain: &Plain<'_>) -> Option<Box<Walls>> {
    let text = |key| plain.text("walls", key).map(str::to_owned);
    Some(Box::new(Walls {
        directory: text("directory")?,
        checkout: text("checkout"),
        git: text("git"),
        common: text("common"),
    }))
}

/// Returns the refusal of a name that somebody has.
pub fn taken(name: &Name, holder: Claim) -> Failure {
    match holder {
        Claim::Session(_) => Failure::of(Kind::NameTaken, format!("there is already a session '{name}'"))
            .hint(format!("to open it: cs {name}")),
        Claim::Profile => Failure::of(Kind::NameTaken, format!("there is already a profile '{name}'"))
            .hint("sessions and profiles share their names: choose another one"),
    }
}

/// Removes a staging entry of ours, as far as that can be: what stays is swept up later.
pub(super) fn discard(staged: &Path) {
    if let (Some(room), Some(name)) = (staged.parent(), staged.file_name()) {
        let _ = os::remove_tree(room, name);
    }
}

/// Returns the time of the last change of a file; `None` if it has none.
pub(super) fn modified(path: &Path) -> Option<jiff::Timestamp> {
    jiff::Timestamp::try_from(path.metadata().ok()?.modified().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_as_it_was_written_with_and_without_the_parser() {
        let session = |directory: &str, bare, forked_from| Session {
            version: 1,
            id: Uuid::now_v7(),
            name: Name::suggest("api"),
            profile: Name::default_profile(),
            directory: directory.into(),
            isolation: crate::model::Isolation::Home,
            bare,
            ephemeral: false,
            history: None,
            created: jiff::Timestamp::now(),
            forked_from,
            ports: Ports::new(20_000),
            worktree: None,
            walls: None,
        };
        let twice =
            format!("{0}name = \"other\"\n", records::text(&session("/x", false, None)).expect("written"));
        assert_eq!(
            Plain::read(&twice).and_then(|plain| Session::from_plain(&plain)),
            None,
            "a key stands twice"
        );
        let in_worktree = Session {
            worktree: Some(Box::new(Worktree {
                root: "/r/.claude/worktrees/x".into(),
                repository: "/r".into(),
                branch: Some("worktree-x".into()),
                onto: None,
            })),
            ..session("/r/.claude/worktrees/x", false, None)
        };
        for (written, plain) in [
            (in_worktree, true),
            (session("/home/me/naïve dir", false, None), true),
            (session("/home/me", false, Some(Uuid::now_v7())), true),
            (session("/home/me", true, None), false),
            (session("/home/\"me\" \\ it's", false, None), false),
        ] {
            let text = records::text(&written).expect("written");
            let read = Plain::read(&text).and_then(|plain| Session::from_plain(&plain));
            assert_eq!(read, plain.then(|| written.clone()), "{text}");
            assert_eq!(toml::from_str(&text), Ok(written));
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_parser() {
        for text in ["a = 1 # note", "a = \"x\\n\"", "a=1", "a = [1]", "[[t]]", "a = 'x'", "\u{feff}a = 1"] {
            assert!(Plain::read(text).is_none(), "{text}");
        }
    }
}

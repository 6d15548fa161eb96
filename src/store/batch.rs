//! Sessions from somewhere else: all of them are on disk and whole before the first one is seen.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

use super::config_files::ConfigFiles;
use super::locking::lock;
use super::records::{self, Damage};
use super::root::listed;
use super::sessions::discard;
use super::{Claim, Store};
use crate::model::{Failure, Isolation, Kind, PortRange, Result, Session};
use crate::os::{self, Lock};

/// Sessions that are being brought in: seen by nobody yet, in one directory below `staging/`, with one
/// lock. A batch that is dropped without [`Store::end_batch`] is swept up later.
#[derive(Debug)]
pub struct Batch {
    staged: PathBuf,
    _lock: Lock,
}

impl Batch {
    fn root(&self, id: Uuid) -> PathBuf {
        self.staged.join(id.to_string())
    }
}

impl Store {
    /// Returns the record of a session, as text.
    pub fn session_text(session: &Session) -> Result<String> {
        records::text(session)
    }

    /// Reads a session's record from its text. Fails with the damage if it is none.
    pub fn parse_session(text: &[u8]) -> Result<Session, Damage> {
        records::parse(text)
    }

    /// Begins to bring sessions in.
    pub fn batch(&self) -> Result<Batch> {
        self.ensure()?;
        let entry = Uuid::now_v7().simple().to_string();
        let staged = self.staging().join(&entry);
        os::create_private_dir(&staged).map_err(|error| Failure::io("create", &staged, &error))?;
        match lock(&self.lock_path(&staged, &entry), "an import") {
            Ok(lock) => Ok(Batch { staged, _lock: lock }),
            Err(failure) => {
                discard(&staged);
                Err(failure)
            }
        }
    }

    /// Makes the directory of a session that is brought in, and returns its config directory, to be filled; its record
    /// comes when it is published.
    pub fn add_to_batch(&self, batch: &Batch, id: Uuid, isolation: Isolation) -> Result<ConfigFiles> {
        let root = batch.root(id);
        os::create_private_dir(&root).map_err(|error| Failure::io("create", &root, &error))?;
        Ok(ConfigFiles::new(&root, isolation))
    }

    /// Publishes one session of a batch under its name, with ports in `range`. If it does not come to be here, or if
    /// this fails, nobody has seen the session, and its files are in the batch as before.
    pub fn publish_from_batch(
        &self,
        batch: &Batch,
        session: &mut Session,
        range: Option<PortRange>,
    ) -> Result<Arrival> {
        let (from, entry) = (batch.root(session.id), session.id.to_string());
        let (staged, place) = (self.staging().join(&entry), self.session_root(session.id));
        let _lock = lock(&self.lock_path(&from, &entry), "a new session")?;
        self.put_aside(batch, &entry)?;
        let failed = |error: std::io::Error| Failure::io("create", &place, &error);
        os::publish_dir(&from, &staged).map_err(|error| {
            if error.kind() != ErrorKind::AlreadyExists {
                return failed(error);
            }
            Failure::of(Kind::Busy, format!("another cs is bringing session '{}' in", session.name))
                .hint("try again when it is done")
        })?;
        let back = |session: &Session| {
            // Where it is in the batch nobody sees its lock.
            if let Some(ports) = session.ports {
                self.release_ports(ports, session.id);
            }
            let _ = os::publish_dir(&staged, &from);
        };
        session.ports = None;
        // As long as it is there, nobody else brings it in. It may have been, since the file was read, and even be in
        // the trash again; what comes back from there holds the names.
        let known = self.hold_names().and_then(|_held| self.knows_session(session.id));
        let known = known.inspect_err(|_| back(session))?;
        if known != Known::Not {
            back(session);
            return Ok(Arrival::Known(known));
        }
        // Only now that it is where others see its lock does a claim of its hold.
        let is_free = |ports: crate::model::Ports| os::ports_free(ports.all());
        session.ports = self.claim_ports(session.id, range, &[], is_free).inspect_err(|_| back(session))?;
        let record = staged.join("session.toml");
        os::replace_file(&record, records::text(session)?.as_bytes(), true)
            .map_err(|error| Failure::io("write", &record, &error))
            .inspect_err(|_| back(session))?;
        let claim = Claim::Session(session.id);
        match self.claim_name(&session.name, claim) {
            Ok(None) => {}
            Ok(Some(holder)) => {
                back(session);
                return Ok(Arrival::Taken(holder));
            }
            Err(failure) => {
                back(session);
                self.release_name(&session.name, claim);
                return Err(failure);
            }
        }
        if let Err(error) = os::publish_dir(&staged, &place) {
            back(session);
            self.release_name(&session.name, claim);
            return Err(failed(error));
        }
        Ok(Arrival::Here)
    }

    /// Puts what an import of the session `entry` left where it died with the rest of `batch`.
    fn put_aside(&self, batch: &Batch, entry: &str) -> Result<()> {
        let staged = self.staging().join(entry);
        if !os::is_dir(&staged) {
            return Ok(());
        }
        // What is there may be another import's by now, so it is moved with the lock in it. On Windows that is the one
        // which the caller holds.
        let path = self.lock_path(&staged, entry);
        let _theirs = match (!cfg!(windows)).then(|| Lock::take(&path, Duration::ZERO)) {
            None => None,
            Some(Ok(lock)) if lock.is_at(&path) => Some(lock),
            Some(_) => return Ok(()),
        };
        let aside = batch.staged.join(Uuid::now_v7().to_string());
        os::publish_dir(&staged, &aside).map_err(|error| Failure::io("clear", &staged, &error))
    }

    /// Takes back a session that was published from a batch, unless somebody works on it already.
    pub fn withdraw_to_batch(&self, batch: &Batch, session: &Session) {
        let root = self.session_root(session.id);
        // Who only looks whether it is held has it for a moment.
        let held = Lock::take(&self.lock_path(&root, &session.id.to_string()), Duration::from_millis(200));
        let untouched = !os::exists(&self.session_run_path(session.id))
            && self.session(session.id).as_ref() == Ok(session);
        if held.is_ok() && untouched && os::publish_dir(&root, &batch.root(session.id)).is_ok() {
            self.release_name(&session.name, Claim::Session(session.id));
            if let Some(ports) = session.ports {
                let _ = self.forget_ports(ports);
            }
        }
    }

    /// Removes what is left of a batch.
    pub fn end_batch(&self, batch: Batch) {
        discard(&batch.staged);
        drop(batch);
    }

    /// Looks for a session of this id, here and then in the trash.
    pub fn knows_session(&self, id: Uuid) -> Result<Known> {
        if os::exists(&self.session_root(id)) {
            return Ok(Known::Here);
        }
        let trashed = listed(&self.trash_dir(), &format!("{id}-"))?;
        Ok(if trashed.is_empty() { Known::Not } else { Known::InTrash })
    }

    /// Flushes what was written below the data root to the disk, as far as the system can do that at once.
    /// Fails if something of it cannot be written.
    pub fn flush(&self) -> Result<()> {
        os::flush_file_system(&self.root).map_err(|error| Failure::io("write", &self.root, &error))
    }
}

/// The end of the way of a session that is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It exists now.
    Here,
    /// Its name has this owner.
    Taken(Claim),
    /// A session of this id is here, or in the trash, by now.
    Known(Known),
}

/// The place of a session with a given id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is not.
    Not,
    /// It is here.
    Here,
    /// It is in the trash.
    InTrash,
}

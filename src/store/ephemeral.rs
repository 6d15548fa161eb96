//! The sessions that go to the trash automatically: a small file for each that was launched. So the next
//! launch of anything finds those whose Claude was killed, without reading every record.

use std::fs;
use std::path::PathBuf;

use uuid::Uuid;

use super::Store;
use super::root::listed;
use crate::model::{Failure, Result};
use crate::os;

/// The note about an ephemeral session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EphemeralNote {
    /// It was launched.
    #[default]
    Launched,
    /// It has ended and stays for now, for this reason. No person was told yet.
    Stays(String),
    /// The same as [`Self::Stays`], after a person was told.
    Told,
}

impl EphemeralNote {
    fn text(&self) -> String {
        match self {
            Self::Launched => String::new(),
            Self::Stays(why) => format!("stays: {why}\n"),
            Self::Told => "told\n".into(),
        }
    }

    fn parse(text: &str) -> Self {
        match text.trim_end() {
            "told" => Self::Told,
            text => text.strip_prefix("stays: ").map_or(Self::Launched, |why| Self::Stays(why.into())),
        }
    }
}

impl Store {
    fn ephemeral_dir(&self) -> PathBuf {
        self.root.join("ephemeral")
    }

    /// Reads the notes of the ephemeral sessions that were launched and are not in the trash yet. Costs
    /// one system call if there are none.
    pub fn ephemeral(&self) -> Result<Vec<(Uuid, EphemeralNote)>> {
        let dir = self.ephemeral_dir();
        let note = |id: Uuid| {
            let path = dir.join(id.to_string());
            let text = os::read_optional(&path).map_err(|error| Failure::io("read", &path, &error))?;
            Ok(text.map(|text| (id, EphemeralNote::parse(&String::from_utf8_lossy(&text)))))
        };
        let names = listed(&dir, "")?;
        names.iter().filter_map(|name| name.parse().ok()).filter_map(|id| note(id).transpose()).collect()
    }

    /// Notes something of an ephemeral session.
    pub fn note_ephemeral(&self, id: Uuid, note: &EphemeralNote) -> Result<()> {
        let dir = self.ephemeral_dir();
        os::create_private_dir(&dir).map_err(|error| Failure::io("create", &dir, &error))?;
        let path = dir.join(id.to_string());
        os::replace_file(&path, note.text().as_bytes(), false)
            .map_err(|error| Failure::io("write", &path, &error))
    }

    /// Forgets an ephemeral session: it is in the trash, or no longer there.
    pub fn forget_ephemeral(&self, id: Uuid) {
        // One that stays is forgotten the next time.
        let _ = fs::remove_file(self.ephemeral_dir().join(id.to_string()));
    }
}

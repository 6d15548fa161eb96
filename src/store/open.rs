//! The sessions and profiles that are likely open, so that a launch need not look at all of them.

use std::path::PathBuf;

use super::Store;
use crate::os;

impl Store {
    fn open_dir(&self) -> PathBuf {
        self.root().join("open")
    }

    /// Notes, by an empty file, that the session with this id, or the profile of this name in lower case,
    /// is being opened. A hint and nothing more, so failing to write it is no failure.
    pub fn note_open(&self, entry: &str) {
        let path = self.open_dir().join(entry);
        let make = || os::create_private_file(&path, b"", false);
        if make().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
            && os::create_private_dirs_below(self.root(), &self.open_dir()).is_ok()
        {
            let _ = make();
        }
    }

    /// Returns the entries that were noted as open, and not yet found to have ended. Hints: none where they cannot be
    /// read.
    pub fn noted_open(&self) -> Vec<String> {
        os::names_in(&self.open_dir(), "").unwrap_or_default()
    }

    /// Removes a note whose session or profile has ended. If that is opened at this very moment, it loses
    /// its note, and is left out of counts until it is opened again.
    pub fn forget_open(&self, entry: &str) {
        let _ = os::remove_file(&self.open_dir().join(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_kept_until_they_are_taken_back_and_never_bring_a_root_back() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path().join("data")).expect("a store");
        store.note_open("a");
        assert!(!os::exists(store.root()), "there is no data root, and none is made");
        os::create_private_dir(store.root()).expect("made");
        for entry in ["a", "b", "a"] {
            store.note_open(entry);
        }
        let mut noted = store.noted_open();
        noted.sort();
        assert_eq!(noted, ["a", "b"]);
        store.forget_open("a");
        store.forget_open("gone");
        assert_eq!(store.noted_open(), ["b"]);
    }
}

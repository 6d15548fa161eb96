//! The records of `cs`, and the only code that writes below the data root.
//!
//! There is no registry file. Every session and profile is a directory of its own with a record in
//! it, published whole by a rename; every name is a claim file that exactly one process can make.
//! Whatever happens to one record, the others are not touched by it.
//!
//! ```text
//! version                       the layout's number
//! lock                          held while bindings or trust change
//! names/<name, lower case>      "session <id>" or "profile"
//! profiles/<name>/profile.toml  run.toml  links.toml  lock  claude/  memory/  own-projects/
//! sessions/<id>/session.toml    run.toml  links.toml  lock (on Windows: locks/<id>)  claude/  home/  own-projects/
//! sessions/<id>/settings/      settings with what a person named, for its Claude and its background jobs
//! sessions/<id>/worktree/      worktree.toml  files/  git/: its worktree, which was removed with it
//! sessions/<id>/inside          locked by Claude in the session's sandbox; inside.<n>: by what else runs there
//! sessions/<id>/alive           locked by the Claude of a session without one, and by what that started
//! profiles/<name>/sandbox/      the login of its sandboxes
//! history/<group>/              projects/ and history.jsonl of those who share their conversations
//! staging/<id>/                 a session that is being made, or where two processes meet for a moment
//! ports/<first port>            "session <id>": whose block of ten ports it is
//! trash/<id or name>-<when>/    what was removed; removing.…: what is being removed for good
//! ephemeral/<id>                a session that goes to the trash when Claude ends
//! bindings.toml                 which directories and remotes belong to what
//! bindings.paths                which directories are bound, for the hooks of the shells
//! open/<id or name>            what is likely open: a hint
//! checked.toml                  what trying a Claude showed
//! trust/<hash>                  a .cs.toml that is allowed: its path and content; denied-<hash>: its path
//! ```

mod batch;
mod bindings;
mod config_files;
mod ephemeral;
mod groups;
mod health;
#[cfg(test)]
mod interleavings;
mod layout;
mod locking;
mod manifest;
mod names;
mod open;
mod plain;
mod ports;
mod profiles;
mod records;
mod removal;
mod root;
mod runs;
mod sandboxes;
mod sessions;
mod shim;
mod stowed;
mod trash;
mod trust;

pub use batch::{Arrival, Batch, Known};
pub use bindings::Binding;
pub use config_files::{ConfigFiles, NewFile};
pub use ephemeral::EphemeralNote;
pub use groups::{Apart, Member, Merged, settle};
pub use health::{CheckedProgram, LOCK_IS_NOBODYS, Nameless, Ownerless};
pub use layout::{
    Drift, Standing, Survey, lay_out, note_standing, ours_among, put, standing, survey, take_away,
};
pub use manifest::{manifest, write_manifest};
pub use names::Claim;
pub use ports::Portless;
pub use profiles::{ForeignProfile, NewProfile, ProfileEntry};
pub use records::Damage;
pub use removal::{Keep, Leftover, Piece};
pub use root::Store;
pub use runs::{Run, alive_path, hold_alive};
pub use sandboxes::{Inside, elsewhere_in_sandbox, hold_sandbox, in_sandbox};
pub use sessions::{Draft, SessionEntry, taken};
pub use stowed::Part;
pub use trash::{Trashed, TrashedKind};
pub use trust::{Trust, TrustRecord, Trusted};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::{NewProfile, Store};
    use crate::model::{Isolation, Name, ProfileKind, Session, ShareOverrides};

    /// A store that nothing is in, and the directory it goes with.
    pub(super) fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path().join("data")).expect("a store");
        (dir, store)
    }

    /// A new profile with an account, which shares nothing.
    pub(super) fn bare_account() -> NewProfile<'static> {
        NewProfile {
            kind: &ProfileKind::Account,
            bare: true,
            env: BTreeMap::new(),
            share: ShareOverrides::default(),
            inherit: None,
            directory: None,
        }
    }

    /// A session `name` that is not in any store.
    pub(super) fn session(name: &str) -> Session {
        Session {
            version: Session::VERSION,
            id: Uuid::now_v7(),
            name: Name::suggest(name),
            profile: Name::default_profile(),
            directory: "/x".into(),
            isolation: Isolation::ConfigDir,
            bare: false,
            ephemeral: false,
            history: None,
            created: jiff::Timestamp::now(),
            forked_from: None,
            ports: None,
            worktree: None,
            walls: None,
        }
    }
}

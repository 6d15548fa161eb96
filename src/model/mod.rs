//! The words of `cs` as pure types: names, profiles, sessions, changes to an environment, plans.
//!
//! Nothing in this room reads a file, a clock or the environment, and nothing in it imports
//! another room. What a launch does is decided here by value, so it is tested by value.

mod active;
mod age;
mod binding;
mod candidate;
mod clock;
mod env;
mod failure;
mod launch;
mod manifest;
mod name;
mod plan;
mod ports;
mod profile;
mod repository;
mod sandbox;
mod session;
mod share;
mod stowed;
pub mod verb;
mod worktree;

pub use active::{Environment, Memory, Saved, UsedBy, difference};
pub use age::Age;
pub use binding::{Bound, Guard, Place, Target};
pub use candidate::Candidate;
pub use clock::{Clock, Doubt, Noted};
pub use env::{Change, EnvChanges, VarName};
pub use failure::{Exit, Failure, Kind, Outcome, Result, reason};
pub use launch::{Ended, InPane, Launch, Purpose, Put, Seen, Step, WorktreeChange};
pub use manifest::{Manifest, ManifestPlace};
pub use name::{Name, NameError};
pub use plan::{Layout, Link, Plan, Program, SeedFile, SettingsFile, Subject};
pub use ports::{PortRange, Ports};
pub use profile::{ConfigHome, Endpoint, Profile, ProfileKind, TokenSource};
pub use repository::Repository;
pub use sandbox::{Abilities, Engine, Mount, Mounts, Sandbox, Surroundings, Walls};
pub use session::{Isolation, Session, SessionPaths};
pub use share::{History, SHAREABLE, SWITCHES, Share, ShareMode, ShareOverrides};
pub use stowed::{StowedWorktree, own_branch};
pub use worktree::Worktree;

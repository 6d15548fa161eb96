//! The floor between the verbs and the rooms: what is done with sessions, whoever asks.
//!
//! Nothing here asks a person, and nothing prints: functions return values and choices, and what a person
//! should know meanwhile goes to [`Context::say`].

pub(crate) mod advice;
pub(crate) mod binding;
pub(crate) mod context;
pub(crate) mod conversations;
pub(crate) mod create;
pub(crate) mod directory;
pub(crate) mod enclosure;
pub(crate) mod ending;
pub(crate) mod history;
pub(crate) mod launch;
pub(crate) mod open;
pub(crate) mod pane;
pub(crate) mod ports;
pub(crate) mod profiles;
pub(crate) mod program;
pub(crate) mod removal;
pub(crate) mod resources;
pub(crate) mod scene;
pub(crate) mod share;
pub(crate) mod token;
pub(crate) mod worktrees;

pub use context::Context;

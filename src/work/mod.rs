//! The floor between the verbs and the rooms: what is done with sessions, whoever asks.
//!
//! Nothing here asks a person, and nothing prints: functions return values and choices, and what a person
//! should know meanwhile goes to [`Context::say`].
//!
//! See docs/decisions/014-work-is-a-floor-and-a-launch-is-one-value.md

pub(crate) mod advice;
pub(crate) mod binding;
pub(crate) mod candidates;
pub(crate) mod cleanup;
pub(crate) mod context;
pub(crate) mod conversations;
pub(crate) mod copying;
pub(crate) mod create;
pub(crate) mod directory;
pub(crate) mod emptying;
pub(crate) mod enclosure;
pub(crate) mod ending;
pub(crate) mod files_above;
pub(crate) mod history;
pub(crate) mod in_shell;
pub(crate) mod launch;
pub(crate) mod listing;
pub(crate) mod open;
pub(crate) mod pane;
pub(crate) mod ports;
pub(crate) mod profiles;
pub(crate) mod program;
pub(crate) mod removal;
pub(crate) mod resources;
pub(crate) mod scene;
pub(crate) mod share;
pub(crate) mod sharing;
pub(crate) mod space;
pub(crate) mod start_up;
pub(crate) mod status;
pub(crate) mod syncing;
pub(crate) mod token;
pub(crate) mod walls;
pub(crate) mod watch;
pub(crate) mod which;
pub(crate) mod worktrees;

pub use context::Context;

//! Everything hostile that can lie below a session, in its project or its worktree, at every path that `cs` reads
//! there: nothing is followed, copied, run or believed, and nothing hangs.
//!
//! Which paths those are is seen by tracing every verb in a world that has one of everything, so that a path that is
//! read from tomorrow on is attacked from tomorrow on. Of the product of paths, objects and verbs a part is tried,
//! the same each time. `CS_REDTEAM=all` tries all of it, `CS_REDTEAM=5`
//! five objects at each path, `CS_REDTEAM_SEED` chooses others, and `CS_REDTEAM_PATH` names a part of the paths.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports that its footing is gone")]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod closed;
mod control;
mod furnish;
mod judge;
mod objects;
mod product;
mod stage;
mod trace;
mod verbs;

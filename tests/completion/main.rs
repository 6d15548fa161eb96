//! What Tab offers: in the words of the program, and to somebody at a shell. And the files for
//! packagers.
//!
//! See docs/decisions/008-completion-has-glue-of-its-own.md
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test panics where its world is not as set up")]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod files;
mod shells;

use support::world::World;

/// A world with sessions `api`, `web` and `Big-One`, and a profile `work`.
pub(crate) fn world() -> World {
    let world = World::with_fake_claude();
    let project = world.project("api");
    for name in ["web", "api", "Big-One"] {
        let _ = world.cs_in(&project, &["--no-open", name]).ok();
    }
    let _ = world.cs(&["profile", "create", "work"]).ok();
    world
}

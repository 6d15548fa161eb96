//! `cs` and the real Claude Code together. Each story is told where `CS_TEST_CLAUDE` names a Claude Code program, and
//! says that it was skipped where it does not.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

#[path = "../support/mod.rs"]
mod support;

mod apart;
mod arguments;
mod attach;
mod crowd;
mod doctor;
mod ephemeral;
mod flags;
mod footing;
mod in_shell;
mod isolation;
mod logins;
mod moving;
mod ports;
mod questions;
mod resuming;
mod sandbox;
mod settings;
mod sharing;
mod showing;
mod stage;
mod stand_in;
mod together;
mod variables;
mod worktrees;

//! `cs` as a person meets it: every verb, every message, and what is on disk before and after.
//!
//! All of it acts through the binary, in a world of its own with a program in Claude's place that
//! records how it was started.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports that its footing is gone")]

#[path = "../support/mod.rs"]
mod support;

mod attach;
mod bindings;
mod canary;
mod cleanup;
mod clock;
mod combined;
mod command_lines;
mod deep;
mod deleting;
mod doctor;
mod dry_run;
mod environment;
mod escapes;
mod faults;
mod homes;
mod in_place;
mod messages;
mod moving;
mod opening;
mod ports;
mod profiles;
mod programs;
mod removal;
mod resources;
mod sandboxing;
mod scenery;
mod servers;
mod settings;
mod sharing;
mod statusline;
mod store;
mod trash;
mod trusted;
mod unread;
mod usage;
mod verbs;
mod worktrees;

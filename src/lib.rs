//! `cs`: several Claude Code sessions side by side, without letting them touch each other.
//!
//! The rooms, from the pure to the visible. Arrows run one way: [`commands`] puts together what
//! the rooms below it know, and those know only [`model`] and [`os`].
//!
//! - [`model`] — what there is, as pure types: names, profiles, sessions, changes to an environment,
//!   and the plan of a launch
//! - [`os`] — what differs from system to system: process identity, private files, locks, `exec`
//! - [`store`] — the records, and the only code that writes below the data root
//! - [`claude`] — what Claude Code is and does, and the pure function that plans a launch
//! - [`shell`] — quoting and shell code
//! - [`git`] — what git keeps on disk about a directory, and worktrees, through the git program
//! - [`sandbox`] — bubblewrap and podman, which hold a sandbox
//! - [`multiplexer`] — tmux and zellij, where sessions outlive a connection
//! - [`config`] — `config.toml`
//! - [`ui`] — tables, ages, questions, and text made safe for a terminal
//! - [`usage`] — what was spent, by day, session, profile or model
//! - [`cli`] — the command line
//! - [`doctor`] — what is wrong, and what repairs it
//! - [`commands`] — one file a verb: resolve, plan, render

pub mod claude;
pub mod cli;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod git;
pub mod model;
pub mod multiplexer;
pub mod os;
pub mod sandbox;
pub mod shell;
pub mod store;
mod transfer;
pub mod ui;
pub mod usage;
pub mod work;

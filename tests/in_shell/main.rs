//! What happens in the shell itself: the functions of `cs init`, with the real `cs`, in real shells.
//!
//! Each test runs a script in bash, zsh and fish, plain and with the options and aliases that
//! people set, in a world of its own, and compares the whole environment before and after.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports that its footing is gone")]

#[path = "../support/mod.rs"]
mod support;

mod claude_function;
mod directories;
mod powershell;
mod shells;
mod start_up;
mod using;

//! Sessions and profiles on their way out, into a file, and in: from such a file, from CCS, from config directories
//! that are there, from the scripts that had sessions before.
//!
//! Nothing here asks a person, and nothing prints: what is to be asked is asked of the caller, in a closure, and what
//! became of it all is a value. How far something is, is told to a closure too.

mod archive;
pub(crate) mod ccs;
pub(crate) mod claude;
pub(crate) mod claude_session;
pub(crate) mod export;
pub(crate) mod import;
mod names;
mod takeover;

pub(crate) use takeover::{State, Takeover};

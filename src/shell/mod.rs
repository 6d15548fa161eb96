//! Shell code: environment changes and the shell function, written for one shell.
//!
//! Nothing else in `cs` writes text that a shell runs. The scripts are files in `shells/`, a folder
//! for each shell, embedded as stored; a value gets into them only through a quoter.

mod call;
mod code;
mod dotenv;
mod environment;
mod init;
mod kind;
mod quote;
mod template;

pub use call::{CALLED_FROM, CODE, Call};
pub use dotenv::dotenv;
pub use init::{InitOptions, short_form};
pub use kind::Shell;
pub use quote::{Plain, Quoted, posix_word, quoted, word};

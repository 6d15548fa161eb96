//! Arguments of the verbs that set, or print, the variables of a session or profile.

use std::ffi::OsString;

use clap::Args;

use crate::shell::Shell;

/// `cs use`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct UseArgs {
    /// A session or profile; - for the one before
    pub name: Option<String>,
}

/// `cs cd`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct CdArgs {
    /// A session, or a profile for its config directory
    pub name: String,
}

/// `cs exec`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ExecArgs {
    /// A session or profile, then -- and the command
    #[arg(
        value_name = "NAME -- COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub words: Vec<OsString>,
}

/// `cs env`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct EnvArgs {
    /// A session or profile
    pub name: String,
    /// As code for this shell (default: one that every POSIX shell reads)
    #[arg(short, long, value_enum)]
    pub shell: Option<Shell>,
    /// As JSON; a variable to unset is null
    #[arg(long, conflicts_with_all = ["shell", "dotenv"])]
    pub json: bool,
    /// As a .env file for the programs of the project: its ports and names, and [env]; nothing of
    /// Claude's, and no secret
    #[arg(long, conflicts_with = "shell")]
    pub dotenv: bool,
}

/// `cs path`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct PathArgs {
    /// A session or profile
    pub name: String,
}

//! Arguments of the verbs for sessions.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::StartOptions;

/// `cs open`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct OpenArgs {
    /// The options before NAME.
    #[command(flatten)]
    pub start: StartOptions,
    /// A session or profile, then arguments for Claude; a prompt where it is no name
    #[arg(value_name = "NAME|PROMPT [ARGS]", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `cs new`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct NewArgs {
    /// The options before NAME.
    #[command(flatten)]
    pub start: StartOptions,
    /// The name of the new session, then arguments for Claude
    #[arg(value_name = "NAME [ARGS]", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `cs list`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Show every session, with branch and title, not just the 100 most recent
    #[arg(short, long)]
    pub all: bool,
    /// Only sessions of this profile
    #[arg(short = 'P', long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Only sessions that work in this directory or below it
    #[arg(short, long, value_name = "DIRECTORY", num_args = 0..=1, default_missing_value = ".")]
    pub dir: Option<PathBuf>,
    /// Only sessions that are open
    #[arg(short, long)]
    pub live: bool,
    /// Show the memory, processor time and disk that each takes
    #[arg(short, long)]
    pub resources: bool,
}

/// `cs resume`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ResumeArgs {
    /// Answer questions with yes
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// The directory to work in, this time only
    #[arg(short = 'd', long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
    /// A session, then arguments for Claude
    #[arg(value_name = "NAME|ID [ARGS]", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `cs last`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct LastArgs {
    /// Arguments for Claude
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// `cs show`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ShowArgs {
    /// A session or profile
    pub name: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `cs fork`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ForkArgs {
    /// In a git worktree of its own, with what is committed where the other one works
    #[arg(short = 'w', long)]
    pub worktree: bool,
    /// With --worktree: the branch, instead of worktree-NEW
    #[arg(long, value_name = "BRANCH", requires = "worktree")]
    pub branch: Option<String>,
    /// With --worktree: what a new branch begins from, instead of what is checked out there
    #[arg(long, value_name = "REF", requires = "worktree")]
    pub from: Option<String>,
    /// Make the session, but do not start Claude
    #[arg(long)]
    pub no_open: bool,
    /// The session to copy the conversation of, the name of the new one, then arguments for Claude
    #[arg(value_name = "NAME NEW [ARGS]", required = true, num_args = 2.., trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `cs attach`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct AttachArgs {
    /// The session
    pub name: String,
}

/// `cs rename`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct RenameArgs {
    /// The session
    pub name: String,
    /// Its new name
    pub new: String,
}

/// `cs rm`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct RmArgs {
    /// The sessions
    #[arg(required = true)]
    pub names: Vec<String>,
}

/// `cs restore`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct RestoreArgs {
    /// The name or id it had; without one, the trash is listed
    pub name: Option<String>,
    /// Bring it back under this name
    #[arg(long = "as", value_name = "NAME", requires = "name")]
    pub new: Option<String>,
    /// Print the trash as JSON
    #[arg(long, conflicts_with = "name")]
    pub json: bool,
}

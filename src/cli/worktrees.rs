//! Arguments of `cs wt`.

use std::ffi::OsString;

use clap::{Args, Subcommand};

use crate::model::{Age, verb};

/// `cs wt`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct WtArgs {
    /// The action (default: list)
    #[command(subcommand)]
    pub command: Option<WtCommand>,
}

/// The actions of `cs wt`.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum WtCommand {
    /// `cs wt list`.
    #[command(about = verb::of("wt list").about, visible_aliases = verb::of("wt list").also)]
    List {
        /// Those of all repositories that sessions have worktrees of
        #[arg(short, long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// `cs wt open`.
    #[command(about = verb::of("wt open").about, override_usage = "cs wt open NAME [ARGS…]")]
    Open {
        /// The worktree, by its name, branch or session, then arguments for Claude
        #[arg(value_name = "NAME [ARGS]", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// `cs wt finish`.
    #[command(
        about = verb::of("wt finish").about,
        after_help = "Without one of --merge, --rebase and --squash nothing is brought anywhere: a worktree whose
work is all merged is removed, and any other one stays."
    )]
    Finish(FinishArgs),
    /// `cs wt rm`.
    #[command(about = verb::of("wt rm").about)]
    Rm {
        /// The worktrees, by name, branch or session
        #[arg(required = true)]
        names: Vec<String>,
        /// Also with changes, or commits that are nowhere else: those are kept for `cs restore`
        #[arg(short, long)]
        force: bool,
    },
    /// `cs wt gc`.
    #[command(about = verb::of("wt gc").about)]
    Gc {
        /// Those of all repositories that sessions have worktrees of
        #[arg(short, long)]
        all: bool,
        /// Only what was not used for so long (30d, 2w, 12h)
        #[arg(long, value_name = "AGE")]
        older_than: Option<Age>,
        /// Remove them
        #[arg(short = 'y', long)]
        yes: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `cs wt finish`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct FinishArgs {
    /// The worktree, by its name, branch or session (default: the one you are in)
    pub name: Option<String>,
    /// Merge its branch into the one it came from
    #[arg(long, group = "how")]
    pub merge: bool,
    /// Put its commits on top of the branch it came from
    #[arg(long, group = "how")]
    pub rebase: bool,
    /// Make one commit of it on the branch it came from
    #[arg(long, group = "how")]
    pub squash: bool,
    /// The branch it goes to, instead of the one it came from
    #[arg(long, value_name = "BRANCH")]
    pub onto: Option<String>,
    /// With --squash or --merge: the message of the commit
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Keep the worktree
    #[arg(long)]
    pub keep: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

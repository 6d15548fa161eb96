//! Arguments of `cs export` and `cs import`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// `cs export`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ExportArgs {
    /// Every session, and the records of the profiles
    #[arg(long)]
    pub all: bool,
    /// Replace the file if it is there
    #[arg(short, long)]
    pub force: bool,
    /// The sessions, then the file (.tar or .tar.gz; - for standard output)
    #[arg(value_name = "NAME|FILE", required = true)]
    pub words: Vec<OsString>,
}

/// `cs import`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ImportArgs {
    /// A file of `cs export` (- for standard input), or ccs, claude, claude-session
    #[arg(value_name = "FILE|KIND")]
    pub source: OsString,
    /// The directory of CCS or of the sessions, instead of the usual one
    #[arg(long, value_name = "DIRECTORY")]
    pub from: Option<PathBuf>,
    /// The name of the session, where one is imported
    #[arg(long = "as", value_name = "NAME")]
    pub new: Option<String>,
    /// The profile that imported sessions belong to, instead of the recorded one
    #[arg(short = 'P', long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Answer questions with yes
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

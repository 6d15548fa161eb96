//! Arguments of the verbs that say what belongs to a directory.

use std::path::PathBuf;

use clap::Args;

/// `cs bind`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct BindArgs {
    /// A profile or a session; without one, say what is bound here
    #[arg(conflicts_with_all = ["list", "remove"])]
    pub name: Option<String>,
    /// Checkouts with a remote like this, such as 'github.com/acme/*', instead of a directory
    #[arg(long, value_name = "GLOB")]
    pub remote: Option<String>,
    /// The directory, instead of this one
    #[arg(short, long, value_name = "DIRECTORY", conflicts_with = "remote")]
    pub dir: Option<PathBuf>,
    /// List all bindings
    #[arg(short, long, conflicts_with_all = ["remove", "remote", "dir"])]
    pub list: bool,
    /// Take the binding away
    #[arg(long)]
    pub remove: bool,
    /// Print JSON
    #[arg(long, conflicts_with_all = ["name", "remove"])]
    pub json: bool,
}

/// `cs allow`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct AllowArgs {
    /// The .cs.toml, or its directory; without one, the nearest here or above
    pub path: Option<PathBuf>,
    /// List what is allowed and denied
    #[arg(short, long, conflicts_with = "path")]
    pub list: bool,
    /// With --list: print JSON
    #[arg(long, requires = "list")]
    pub json: bool,
}

/// `cs deny`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct DenyArgs {
    /// The .cs.toml, or its directory; without one, the nearest here or above
    pub path: Option<PathBuf>,
}

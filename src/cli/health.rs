//! Arguments of the verbs that look after what there is.

use clap::{Args, Subcommand, ValueEnum};

use crate::model::{Age, verb};

/// `cs doctor`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct DoctorArgs {
    /// A session or profile (default: everything)
    pub name: Option<String>,
    /// Repair the safe ones, and report what was done
    #[arg(long)]
    pub fix: bool,
    /// With --fix: say what would be done, and do nothing
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `cs cleanup`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct CleanupArgs {
    /// Only these sessions
    pub names: Vec<String>,
    /// Sessions that were not used for so long (30d, 2w, 12h), in place of `older_than` in config.toml
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<Age>,
    /// Only logs, snapshots and caches, which Claude makes again; the sessions stay
    #[arg(long)]
    pub caches: bool,
    /// Do it
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `cs trash`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct TrashArgs {
    /// The action (default: list)
    #[command(subcommand)]
    pub command: Option<TrashCommand>,
}

/// The actions of `cs trash`.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum TrashCommand {
    /// `cs trash list`.
    #[command(about = verb::of("trash list").about, visible_aliases = verb::of("trash list").also)]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// `cs trash empty`.
    #[command(about = verb::of("trash empty").about)]
    Empty {
        /// Only these, by the name or id they had
        names: Vec<String>,
        /// Only what was removed so long ago (14d, 2w, 12h)
        #[arg(long, value_name = "AGE")]
        older_than: Option<Age>,
        /// Do not ask
        #[arg(short = 'y', long)]
        yes: bool,
    },
}

/// `cs du`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct DuArgs {
    /// A session or profile (default: all)
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `cs top`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct TopArgs {
    /// Print it once, and end
    #[arg(long)]
    pub once: bool,
    /// Print JSON, once
    #[arg(long)]
    pub json: bool,
}

/// `cs usage`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct UsageArgs {
    /// Only this session or profile
    pub name: Option<String>,
    /// Only this profile and its sessions
    #[arg(short = 'P', long, value_name = "NAME")]
    pub profile: Option<String>,
    /// How far back: 30d, 2w, 24h, a day (2026-01-31), or all
    #[arg(long, value_name = "AGE", default_value = "30d")]
    pub since: String,
    /// A line for each
    #[arg(long, value_enum, default_value_t)]
    pub by: UsageBy,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The things that usage is summed up by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum UsageBy {
    /// Day
    #[default]
    Day,
    /// Session
    Session,
    /// Profile
    Profile,
    /// Model
    Model,
}

//! Arguments of `cs profile`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::model::verb;

/// `cs profile`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ProfileArgs {
    /// The action (default: list)
    #[command(subcommand)]
    pub command: Option<ProfileCommand>,
}

/// The actions of `cs profile`.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum ProfileCommand {
    /// `cs profile create`.
    #[command(about = verb::of("profile create").about, after_help = "Examples:
  cs profile create work                                      an account; then: cs profile login work
  cs profile create glm --provider glm --token-env ZAI_API_KEY
  cs profile create kimi --provider kimi --token-command 'pass show kimi'
  cs profile create gw --base-url https://gateway.example/anthropic --token-file ~/.gw-token
  cs profile create clean --bare                              shares nothing with ~/.claude")]
    Create(CreateArgs),
    /// `cs profile list`.
    #[command(about = verb::of("profile list").about, visible_aliases = verb::of("profile list").also)]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// `cs profile show`.
    #[command(about = verb::of("profile show").about)]
    Show {
        /// The profile
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// `cs profile default`.
    #[command(about = verb::of("profile default").about)]
    Default {
        /// The profile
        name: Option<String>,
    },
    /// `cs profile login`.
    #[command(about = verb::of("profile login").about)]
    Login {
        /// The profile
        name: String,
        /// Arguments for `claude auth login`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// `cs profile edit`.
    #[command(about = verb::of("profile edit").about)]
    Edit {
        /// The profile
        name: String,
    },
    /// `cs profile share`.
    #[command(about = verb::of("profile share").about, after_help = "Examples:
  cs profile share work                   what is shared, and who decided that
  cs profile share work skills=private memory=private
  cs profile share work settings.json=link
  cs profile share work --history team    conversations live with the group's
  cs profile share api --history team     those of the session 'api' only
  cs profile share work --no-history      apart again; others' stay theirs")]
    Share(ShareArgs),
    /// `cs profile sync`.
    #[command(about = verb::of("profile sync").about, after_help = "Only what cs put there is changed or removed. Anything else is reported with the
command to fix it. Open sessions are skipped.

Examples:
  cs profile sync                         every profile and its sessions
  cs profile sync work --dry-run
  cs profile sync api --take playwright   the profile's MCP server, not its own")]
    Sync(SyncArgs),
    /// `cs profile adopt`.
    #[command(about = verb::of("profile adopt").about, after_help = "Example:
  cs profile adopt work ~/.claude-work")]
    Adopt {
        /// The name of the profile
        name: String,
        /// The config directory; it stays where it is
        directory: PathBuf,
    },
    /// `cs profile remove`.
    #[command(about = verb::of("profile remove").about, visible_aliases = verb::of("profile remove").also)]
    Remove {
        /// The profile
        name: String,
        /// Do not ask
        #[arg(short, long, visible_alias = "yes")]
        force: bool,
    },
}

/// `cs profile create`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct CreateArgs {
    /// The name of the profile
    pub name: String,
    /// An API endpoint from the built-in list; an unknown one prints it
    #[arg(long, value_name = "PROVIDER", visible_alias = "api")]
    pub provider: Option<String>,
    /// The endpoint's address
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// The model to use
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// The token is in this variable of your shell
    #[arg(long, value_name = "VARIABLE", group = "source")]
    pub token_env: Option<String>,
    /// The token is what this command prints
    #[arg(long, value_name = "COMMAND", group = "source")]
    pub token_command: Option<String>,
    /// The token is in this file, which only you can read
    #[arg(long, value_name = "FILE", group = "source")]
    pub token_file: Option<PathBuf>,
    /// The token itself (it ends up in the record and in your shell's history)
    #[arg(long, value_name = "TOKEN", group = "source")]
    pub token: Option<String>,
    /// Give the token to Claude as this kind
    #[arg(long, value_enum, value_name = "KIND")]
    pub token_as: Option<TokenAs>,
    /// Share nothing with your own ~/.claude
    #[arg(long)]
    pub bare: bool,
    /// Work in the config directory of this profile: the same conversations, another endpoint
    #[arg(long, value_name = "PROFILE", conflicts_with = "bare")]
    pub inherit: Option<String>,
}

/// How Claude is given a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenAs {
    /// `Authorization: Bearer` (`ANTHROPIC_AUTH_TOKEN`)
    Bearer,
    /// `X-Api-Key` (`ANTHROPIC_API_KEY`)
    ApiKey,
}

/// `cs profile share`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ShareArgs {
    /// A profile; with --history also a session
    pub name: String,
    /// An item to share (link) or to keep apart (private): skills=private
    #[arg(value_name = "ITEM=link|private")]
    pub items: Vec<String>,
    /// Keep conversations with those of this group, for its profiles and sessions to go on with
    #[arg(long, value_name = "GROUP", conflicts_with = "no_history")]
    pub history: Option<String>,
    /// Keep conversations apart
    #[arg(long)]
    pub no_history: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `cs profile sync`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct SyncArgs {
    /// The profile, or one session (default: all)
    pub name: Option<String>,
    /// Take the profile's version of this MCP server where a session changed or removed it
    #[arg(long, value_name = "SERVER")]
    pub take: Vec<String>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

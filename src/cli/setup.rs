//! Arguments of the verbs that set `cs` up, and explain it.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};

use crate::model::verb;
use crate::shell::Shell;

/// `cs init`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct InitArgs {
    /// bash, zsh, fish or powershell; with --install, that of $SHELL unless named
    pub shell: Option<String>,
    /// Name the family: `--cmd ccs` gives ccs, ccsn, ccs-list, ccs-resume, ccsl
    #[arg(long, value_name = "NAME", default_value = "cs")]
    pub cmd: String,
    /// Only the function itself, no short forms
    #[arg(long)]
    pub no_aliases: bool,
    /// Do not react to cd; bindings apply only when claude starts
    #[arg(long)]
    pub no_hook: bool,
    /// Leave claude alone: no function of that name
    #[arg(long)]
    pub no_wrap: bool,
    /// No completion
    #[arg(long)]
    pub no_completion: bool,
    /// Put the line into the start-up file of the shell
    #[arg(long, conflicts_with = "uninstall")]
    pub install: bool,
    /// Take the line out of the start-up file again
    #[arg(long)]
    pub uninstall: bool,
    /// With --install or --uninstall: do not ask
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// With --install or --uninstall: show the change, and do not make it
    #[arg(long)]
    pub dry_run: bool,
}

/// `cs completions`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(
        value_parser = PossibleValuesParser::new(["bash", "zsh", "fish", "powershell"])
            .try_map(|name| Shell::from_str(&name, false))
    )]
    pub shell: Shell,
}

/// `cs prompt`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct PromptArgs {
    /// The program it is for
    #[arg(value_enum)]
    pub prompt: PromptKind,
}

/// The prompts there is a piece for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PromptKind {
    /// PS1 of bash
    Bash,
    /// PROMPT of zsh
    Zsh,
    /// `fish_prompt` of fish
    Fish,
    /// The prompt function of PowerShell
    #[value(name = "powershell", alias = "pwsh")]
    PowerShell,
    /// starship.toml
    Starship,
    /// powerlevel10k
    #[value(name = "p10k", alias = "powerlevel10k")]
    P10k,
}

/// `cs statusline`.
#[derive(Args, Debug, Default, PartialEq, Eq)]
pub struct StatuslineArgs {
    /// How it looks, in place of `theme` in config.toml
    #[arg(long, value_name = "THEME")]
    pub theme: Option<String>,
    /// The text, in place of `format` in config.toml
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Show each theme with made-up values
    #[arg(long)]
    pub preview: bool,
}

/// `cs shim`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ShimArgs {
    /// The action
    #[command(subcommand)]
    pub command: ShimCommand,
}

/// The actions of `cs shim`.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum ShimCommand {
    /// `cs shim install`.
    #[command(about = verb::of("shim install").about)]
    Install,
    /// `cs shim remove`.
    #[command(about = verb::of("shim remove").about)]
    Remove,
}

/// `cs man`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ManArgs {
    /// Write a page for each command there; without it, cs(1) is printed
    pub directory: Option<PathBuf>,
}

/// `cs config`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct ConfigArgs {
    /// The action (default: show)
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
}

/// The actions of `cs config`.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// `cs config path`.
    #[command(about = verb::of("config path").about)]
    Path,
    /// `cs config show`.
    #[command(about = verb::of("config show").about)]
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// `cs config edit`.
    #[command(about = verb::of("config edit").about)]
    Edit,
}

/// `cs tour`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct TourArgs {
    /// Leave the throw-away place behind, and say where it is
    #[arg(long)]
    pub keep: bool,
    /// Use the built-in stand-in even if Claude Code is installed
    #[arg(long)]
    pub stand_in: bool,
}

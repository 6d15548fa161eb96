//! The command line, and nothing else.
//!
//! The tree of clap is here, with what stands before NAME; the arguments of the verbs are in a file for each
//! group. What the verbs are called, and the line that is said of each, is in the table,
//! [`verb`]; [`Invocation`] is what a command line asks for, as a value.

mod completing;
mod directories;
mod health;
mod help;
mod invocation;
mod moving;
mod profiles;
mod sessions;
mod setup;
mod shells;
mod worktrees;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::model::{Isolation, verb};

pub use completing::{Offer, offer};
pub use directories::{AllowArgs, BindArgs, DenyArgs};
pub use health::{CleanupArgs, DoctorArgs, DuArgs, TopArgs, TrashArgs, TrashCommand, UsageArgs, UsageBy};
pub use help::help;
pub use invocation::{Invocation, Misread};
pub use moving::{ExportArgs, ImportArgs};
pub use profiles::{CreateArgs, ProfileArgs, ProfileCommand, ShareArgs, SyncArgs, TokenAs};
pub use sessions::{
    AttachArgs, ForkArgs, LastArgs, ListArgs, NewArgs, OpenArgs, RenameArgs, RestoreArgs, ResumeArgs, RmArgs,
    ShowArgs,
};
pub use setup::{
    CompletionsArgs, ConfigArgs, ConfigCommand, InitArgs, ManArgs, PromptArgs, PromptKind, ShimArgs,
    ShimCommand, StatuslineArgs, TourArgs,
};
pub use shells::{CdArgs, EnvArgs, ExecArgs, PathArgs, UseArgs};
pub use worktrees::{FinishArgs, WtArgs, WtCommand};

/// Several Claude Code sessions side by side, without letting them touch each other.
#[derive(Debug, Parser)]
#[command(
    name = "cs",
    version,
    about,
    override_help = help(),
    subcommand_negates_reqs = true,
    max_term_width = 100
)]
pub struct Cli {
    /// The options before NAME.
    #[command(flatten)]
    pub start: StartOptions,
    /// The verb; a word that is none is a name or a prompt.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How a session is made and started. These stand before NAME: what follows is Claude's.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct StartOptions {
    /// The profile of a new session
    #[arg(short = 'P', long, value_name = "NAME")]
    pub profile: Option<String>,
    /// How a new session is separated: config-dir, home, sandbox or none
    #[arg(long, value_name = "METHOD")]
    pub isolation: Option<Isolation>,
    /// The directory the session works in (default: here); for an existing one, this time only
    #[arg(short = 'd', long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
    /// In a git worktree of its own, which is made if it is not there
    #[arg(short = 'w', long, conflicts_with = "dir")]
    pub worktree: bool,
    /// With --worktree: the branch, instead of worktree-NAME
    #[arg(long, value_name = "BRANCH", requires = "worktree")]
    pub branch: Option<String>,
    /// With --worktree: what a new branch begins from, instead of what is checked out here
    #[arg(long, value_name = "REF", requires = "worktree")]
    pub from: Option<String>,
    /// Inside tmux (or zellij), where it outlives this terminal
    #[arg(short = 't', long, conflicts_with_all = ["no_open", "dry_run"])]
    pub tmux: bool,
    /// With --tmux: start it there, and stay here
    #[arg(long, requires = "tmux")]
    pub detached: bool,
    /// Share nothing with the profile but its login
    #[arg(long)]
    pub bare: bool,
    /// A new session goes to the trash by itself when Claude ends
    #[arg(long)]
    pub ephemeral: bool,
    /// Make the session, but do not start Claude
    #[arg(long)]
    pub no_open: bool,
    /// Answer questions with yes
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: print it as JSON
    #[arg(long, requires = "dry_run")]
    pub json: bool,
}

/// The verbs.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// `cs open`.
    #[command(
        about = verb::of("open").about,
        override_usage = "cs open [OPTIONS] [NAME|PROMPT] [ARGS…]",
        after_help = "Examples:
  cs open api                      resume 'api', or make it here and start Claude
  cs open -P work api -p 'hello'   as profile 'work'; what follows NAME is Claude's
  cs open 'fix the failing test'   a prompt: the session is named after the directory
  cs open --dry-run api            show what would be done"
    )]
    Open(OpenArgs),
    /// `cs new`.
    #[command(
        about = verb::of("new").about,
        override_usage = "cs new [OPTIONS] NAME [ARGS…]",
        after_help = "Examples:
  cs new api
  cs new -P work -d ~/src/api api
  cs new --no-open api             make it, start Claude later"
    )]
    New(NewArgs),
    /// `cs list`.
    #[command(
        about = verb::of("list").about,
        visible_aliases = verb::of("list").also,
        after_help = "Examples:
  cs list
  cs list --json | jq -r '.sessions[] | select(.live) | .name'"
    )]
    List(ListArgs),
    /// `cs resume`.
    #[command(
        about = verb::of("resume").about,
        override_usage = "cs resume [OPTIONS] [NAME|ID] [ARGS…]",
        after_help = "Examples:
  cs resume                        choose from a list
  cs resume api
  cs resume 0198                   the only session or conversation whose id begins so"
    )]
    Resume(ResumeArgs),
    /// `cs last`.
    #[command(about = verb::of("last").about, override_usage = "cs last [ARGS…]")]
    Last(LastArgs),
    /// `cs show`.
    #[command(about = verb::of("show").about)]
    Show(ShowArgs),
    /// `cs exec`.
    #[command(
        about = verb::of("exec").about,
        override_usage = "cs exec NAME -- COMMAND…",
        after_help = "Examples:
  cs exec api -- env
  cs exec work -- claude mcp list"
    )]
    Exec(ExecArgs),
    /// `cs attach`.
    #[command(about = verb::of("attach").about, after_help = "Examples:
  cs attach api                    from wherever: the same terminal again
  cs -t api                        the same; makes the session if there is none
  cs -t --detached api -p 'run the tests, fix what fails'")]
    Attach(AttachArgs),
    /// `cs wt`.
    #[command(about = verb::of("wt").about, after_help = "Examples:
  cs -w feature-x                  a session in a worktree of its own
  cs wt list                       which there are, and what is left to do in each
  cs wt finish feature-x --squash  bring its work home as one commit, then remove it
  cs wt gc --yes                   remove all that are merged

What is removed comes back with `cs restore NAME`: branch, files and session.")]
    Wt(WtArgs),
    /// `cs fork`.
    #[command(
        about = verb::of("fork").about,
        override_usage = "cs fork [OPTIONS] NAME NEW [ARGS…]",
        after_help = "Examples:
  cs fork api api-2                both go on from here, apart
  cs fork -w api api-2             the copy in a worktree of its own
  cs fork --no-open api idea"
    )]
    Fork(ForkArgs),
    /// `cs env`.
    #[command(about = verb::of("env").about, after_help = "Examples:
  eval \"$(cs env api)\"             bash, zsh, sh
  cs env api --shell fish | source
  cs env api --dotenv > .env")]
    Env(EnvArgs),
    /// `cs path`.
    #[command(about = verb::of("path").about)]
    Path(PathArgs),
    /// `cs rename`.
    #[command(about = verb::of("rename").about)]
    Rename(RenameArgs),
    /// `cs rm`.
    #[command(about = verb::of("rm").about)]
    Rm(RmArgs),
    /// `cs restore`.
    #[command(about = verb::of("restore").about)]
    Restore(RestoreArgs),
    /// `cs cleanup`.
    #[command(about = verb::of("cleanup").about, after_help = "Examples:
  cs cleanup                       what could go, why, and how much that frees
  cs cleanup --yes                 move it to the trash, and empty what is old in there
  cs cleanup --older-than 2w
  cs cleanup --caches api          only logs, snapshots and caches of 'api'

Never what is open, and never work that is not committed or merged. What goes to the trash comes
back with `cs restore`.")]
    Cleanup(CleanupArgs),
    /// `cs trash`.
    #[command(about = verb::of("trash").about, after_help = "Examples:
  cs trash                         what is in it, since when, and how big
  cs restore api                   bring something back
  cs trash empty --older-than 14d
  cs trash empty api               for good")]
    Trash(TrashArgs),
    /// `cs du`.
    #[command(about = verb::of("du").about)]
    Du(DuArgs),
    /// `cs doctor`.
    #[command(about = verb::of("doctor").about, after_help = "Examples:
  cs doctor
  cs doctor api                    one session or profile
  cs doctor --fix --dry-run        what would be repaired
  cs doctor --json | jq -r '.findings[].what'

It ends with 0 if all is well, 1 if something was found, 2 if it could not look. --fix does only
what can be undone.")]
    Doctor(DoctorArgs),
    /// `cs export`.
    #[command(
        about = verb::of("export").about,
        override_usage = "cs export [OPTIONS] NAME… FILE
       cs export [OPTIONS] --all FILE",
        after_help = "Examples:
  cs export api api.tar.gz
  cs export api web work.tar
  cs export --all backup.tar.gz    every session, and the records of the profiles
  cs export api - | ssh host cs import -"
    )]
    Export(ExportArgs),
    /// `cs import`.
    #[command(about = verb::of("import").about, after_help = "Examples:
  cs import backup.tar.gz          what `cs export` wrote
  cs import ccs                    accounts, endpoints and context groups of CCS, in place
  cs import claude                 aliases and config directories that you have; asks for each
  cs import claude-session         directories ~/.claude/sessions/<uuid>
  cs import ccs --dry-run          show what would be done

Nothing that is imported from is changed.")]
    Import(ImportArgs),
    /// `cs usage`.
    #[command(about = verb::of("usage").about, after_help = "Examples:
  cs usage                         the last 30 days, by day
  cs usage --by session --since 7d
  cs usage --profile work --json")]
    Usage(UsageArgs),
    /// `cs top`.
    #[command(about = verb::of("top").about)]
    Top(TopArgs),
    /// `cs statusline`.
    #[command(about = verb::of("statusline").about, after_help = "Claude runs it by itself in every session that has no status line of its own;
`[statusline]` in config.toml has the theme, the format, and the switch to turn it off.

A format is text with fields in it. {field} stands for its value; {branch:on %} puts text around
it. An empty field is dropped together with its separator, which is the text between two fields, and
with the text around it. {{ is a brace. The fields:
  session profile dir branch model effort context bar size cost lines duration
  five_hour resets week week_resets style vim version

Examples:
  cs statusline --preview          how the themes look
  cs statusline --preview --format '{session}{branch: on %} | {context}'")]
    Statusline(StatuslineArgs),
    /// `cs config`.
    #[command(about = verb::of("config").about)]
    Config(ConfigArgs),
    /// `cs profile`.
    #[command(about = verb::of("profile").about, visible_aliases = verb::of("profile").also)]
    Profile(ProfileArgs),
    /// `cs use`.
    #[command(about = verb::of("use").about, after_help = "Examples:
  cs use api                       this shell is in session 'api' now: claude, scripts, anything
  cs use work                      the same with a profile
  cs use -                         the one before
  cs use                           say what is in use
  cs off                           everything as it was")]
    Use(UseArgs),
    /// `cs off`.
    #[command(about = verb::of("off").about)]
    Off,
    /// `cs cd`.
    #[command(about = verb::of("cd").about)]
    Cd(CdArgs),
    /// `cs bind`.
    #[command(about = verb::of("bind").about, after_help = "Examples:
  cs bind work                     here and below: profile 'work'
  cs bind work --remote 'github.com/acme/*'
  cs bind                          say what is bound here, and by what
  cs bind --list
  cs bind --remove                 take the binding of this directory away

A shell that enters a bound directory uses the profile, and puts everything back when it leaves.
New sessions there belong to it. `guard` in config.toml says what happens with another profile.")]
    Bind(BindArgs),
    /// `cs allow`.
    #[command(about = verb::of("allow").about, after_help = "Examples:
  cs allow                         the nearest .cs.toml, here or above
  cs allow ~/src/api
  cs allow --list

A .cs.toml has a line profile = \"work\", or an [env] with lines like PORT = \"CS_PORT\" for its
sessions, or both. It has no effect before it is allowed, and none again once it was changed.")]
    Allow(AllowArgs),
    /// `cs deny`.
    #[command(about = verb::of("deny").about)]
    Deny(DenyArgs),
    /// `cs init`.
    #[command(about = verb::of("init").about, after_help = "Examples:
  eval \"$(cs init bash)\"           in ~/.bashrc
  eval \"$(cs init zsh)\"            in ~/.zshrc
  cs init fish | source            in ~/.config/fish/config.fish
  Invoke-Expression (& cs init powershell | Out-String)   in $PROFILE
  cs init zsh --install            put that line there")]
    Init(InitArgs),
    /// `cs completions`.
    #[command(about = verb::of("completions").about)]
    Completions(CompletionsArgs),
    /// `cs shim`.
    #[command(about = verb::of("shim").about)]
    Shim(ShimArgs),
    /// `cs prompt`.
    #[command(about = verb::of("prompt").about)]
    Prompt(PromptArgs),
    /// `cs man`.
    #[command(about = verb::of("man").about)]
    Man(ManArgs),
    /// `cs tour`.
    #[command(about = verb::of("tour").about)]
    Tour(TourArgs),
    /// A word that is no verb: a name, or a prompt
    #[command(external_subcommand)]
    Name(Vec<OsString>),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::model::verb::{Slot, Verb};

    /// Holds `command`, which stands for `verb`, against the table.
    fn agrees(command: &clap::Command, verb: &Verb) {
        let name = verb.name;
        let words: Vec<&str> = std::iter::once(command.get_name()).chain(command.get_all_aliases()).collect();
        assert_eq!(words, verb.words().collect::<Vec<_>>());
        assert_eq!(command.get_about().map(ToString::to_string).as_deref(), Some(verb.about), "{name}");
        let own: Vec<_> = command.get_positionals().collect();
        match verb.takes {
            // Words that are handed on are in one list with those before them, or in one of their own.
            [.., last] if last.is_rest() => assert!(!own.is_empty(), "{name}"),
            [] => assert!(own.iter().all(|arg| !arg.get_possible_values().is_empty()), "{name}"),
            takes => assert_eq!(takes.len(), own.len(), "{name}"),
        }
        all_agree(command, verb.below);
    }

    /// Holds the commands below `command` against `verbs`, whichever order they have.
    fn all_agree<'a>(command: &clap::Command, verbs: impl IntoIterator<Item = &'a Verb>) {
        let mut told = 0;
        for verb in verbs {
            let found = command.find_subcommand(verb.name);
            agrees(found.unwrap_or_else(|| panic!("{} is in the table only", verb.name)), verb);
            told += 1;
        }
        assert_eq!(command.get_subcommands().count(), told, "{} has others", command.get_name());
    }

    #[test]
    fn the_tree_has_the_verbs_of_the_table_and_says_the_same_of_them() {
        all_agree(&Cli::command(), verb::all());
        assert_eq!(verb::of("open").takes, [Slot::Name, Slot::Claude], "as of a first word that is no verb");
    }

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }
}

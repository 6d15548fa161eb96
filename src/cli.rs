//! The command line, and nothing else.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::{Age, Isolation};
use crate::shell::Shell;

/// Several Claude Code sessions side by side, without letting them touch each other.
#[derive(Debug, Parser)]
#[command(
    name = "cs",
    version,
    about,
    override_help = include_str!("../templates/help.txt"),
    subcommand_negates_reqs = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What stands before NAME.
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
    /// Where the session works, instead of here; for an existing one, for this once
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
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open a session: resume it where it works, or make it here
    #[command(
        override_usage = "cs open [OPTIONS] [NAME|PROMPT] [ARGS…]",
        after_help = "Examples:
  cs open api                      resume 'api', or make it here and start Claude
  cs open -P work api -p 'hello'   as profile 'work'; what follows NAME is Claude's
  cs open 'fix the failing test'   a prompt: the session is named after the directory
  cs open --dry-run api            show what would be done"
    )]
    Open(OpenArgs),
    /// Make a session and start Claude in it
    #[command(
        override_usage = "cs new [OPTIONS] NAME [ARGS…]",
        after_help = "Examples:
  cs new api
  cs new -P work -d ~/src/api api
  cs new --no-open api             make it, start Claude later"
    )]
    New(NewArgs),
    /// List sessions and profiles
    #[command(
        visible_alias = "ls",
        after_help = "Examples:
  cs list
  cs list --json | jq -r '.sessions[] | select(.live) | .name'"
    )]
    List(ListArgs),
    /// Resume a session by name, beginning of a name, session id or conversation id
    #[command(
        override_usage = "cs resume [OPTIONS] [NAME|ID] [ARGS…]",
        after_help = "Examples:
  cs resume                        choose from a list
  cs resume api
  cs resume 0198                   the only session or conversation whose id begins so"
    )]
    Resume(ResumeArgs),
    /// Resume the session that was used last, skipping those that are open
    #[command(override_usage = "cs last [ARGS…]")]
    Last(LastArgs),
    /// Show all there is to know about a session or profile
    Show(ShowArgs),
    /// Run any program as if inside a session or profile
    #[command(
        override_usage = "cs exec NAME -- COMMAND…",
        after_help = "Examples:
  cs exec api -- env
  cs exec work -- claude mcp list"
    )]
    Exec(ExecArgs),
    /// Show a session that runs inside tmux (or zellij); start it there if it is not open
    #[command(after_help = "Examples:
  cs attach api                    from wherever: the same terminal again
  cs -t api                        the same; makes the session if there is none
  cs -t --detached api -p 'run the tests, fix what fails'")]
    Attach(AttachArgs),
    /// Worktrees of this repository: list, open, finish, remove them
    #[command(after_help = "Examples:
  cs -w feature-x                  a session in a worktree of its own
  cs wt list                       which there are, and what is left to do in each
  cs wt finish feature-x --squash  bring its work home as one commit, then remove it
  cs wt gc --yes                   remove all that are merged

What is removed comes back with `cs restore NAME`: branch, files and session.")]
    Wt(WtArgs),
    /// Make a session that continues a copy of another one's conversation
    #[command(
        override_usage = "cs fork [OPTIONS] NAME NEW [ARGS…]",
        after_help = "Examples:
  cs fork api api-2                both go on from here, apart
  cs fork -w api api-2             the copy in a worktree of its own
  cs fork --no-open api idea"
    )]
    Fork(ForkArgs),
    /// Print the variables of a session or profile
    #[command(after_help = "Examples:
  eval \"$(cs env api)\"             bash, zsh, sh
  cs env api --shell fish | source
  cs env api --dotenv > .env")]
    Env(EnvArgs),
    /// Print the config directory of a session or profile
    Path(PathArgs),
    /// Give a session another name
    Rename(RenameArgs),
    /// Move sessions to the trash
    Rm(RmArgs),
    /// Bring a session or profile back from the trash; list the trash
    Restore(RestoreArgs),
    /// Find what can go: unused, empty, orphaned; list it, or with --yes move it to the trash
    #[command(after_help = "Examples:
  cs cleanup                       what could go, why, and how much that frees
  cs cleanup --yes                 move it to the trash, and empty what is old in there
  cs cleanup --older-than 2w
  cs cleanup --caches api          only logs, snapshots and caches of 'api'

Never what is open, and never work that is not committed or merged. What goes to the trash comes
back with `cs restore`.")]
    Cleanup(CleanupArgs),
    /// The trash: list it, or empty it
    #[command(after_help = "Examples:
  cs trash                         what is in it, since when, and how big
  cs restore api                   bring something back
  cs trash empty --older-than 14d
  cs trash empty api               for good")]
    Trash(TrashArgs),
    /// How much room sessions, profiles and the trash take
    Du(DuArgs),
    /// Look for what is wrong with sessions, profiles and the set-up; repair what is safe to
    #[command(after_help = "Examples:
  cs doctor
  cs doctor api                    one session or profile
  cs doctor --fix --dry-run        what would be repaired
  cs doctor --json | jq -r '.findings[].what'

It ends with 0 if all is well, 1 if something was found, 2 if it could not look. --fix does only
what can be undone.")]
    Doctor(DoctorArgs),
    /// Write sessions to a file: records and conversations, never a login
    #[command(
        override_usage = "cs export [OPTIONS] NAME… FILE
       cs export [OPTIONS] --all FILE",
        after_help = "Examples:
  cs export api api.tar.gz
  cs export api web work.tar
  cs export --all backup.tar.gz    every session, and the records of the profiles
  cs export api - | ssh host cs import -"
    )]
    Export(ExportArgs),
    /// Take over sessions from a file of `cs export`, from CCS, or from what you have
    #[command(after_help = "Examples:
  cs import backup.tar.gz          what `cs export` wrote
  cs import ccs                    accounts, endpoints and context groups of CCS, in place
  cs import claude                 aliases and config directories that you have; asks for each
  cs import claude-session         directories ~/.claude/sessions/<uuid>
  cs import ccs --dry-run          show what would be done

Nothing that is imported from is changed.")]
    Import(ImportArgs),
    /// Tokens and cost, summed up from the transcripts
    #[command(after_help = "Examples:
  cs usage                         the last 30 days, by day
  cs usage --by session --since 7d
  cs usage --profile work --json")]
    Usage(UsageArgs),
    /// What the open sessions use: memory, processor, disk
    Top(TopArgs),
    /// A status line for Claude: session, profile, directory, branch, model, context, cost, limits
    #[command(after_help = "Claude runs it by itself in every session that has no status line of its own;
`[statusline]` in config.toml has the theme, the format, and the switch to turn it off.

A format is text with fields in it. {field} stands for its value; {branch:on %} puts text around
it. What is absent goes with the text around it, and with its separator: the text between two
fields. {{ is a brace. The fields:
  session profile dir branch model effort context bar size cost lines duration
  five_hour resets week week_resets style vim version

Examples:
  cs statusline --preview          how the themes look
  cs statusline --preview --format '{session}{branch: on %} | {context}'")]
    Statusline(StatuslineArgs),
    /// Settings: show them, edit them, or say where they are
    Config(ConfigArgs),
    /// Profiles: accounts and API endpoints
    #[command(visible_alias = "auth")]
    Profile(ProfileArgs),
    /// Set the variables of a session or profile in this shell; - goes back to the one before
    #[command(after_help = "Examples:
  cs use api                       this shell is in session 'api' now: claude, scripts, anything
  cs use work                      the same with a profile
  cs use -                         the one before
  cs use                           say what is in use
  cs off                           everything as it was")]
    Use(UseArgs),
    /// Put the variables of this shell back as they were before `cs use`
    Off,
    /// Go to the directory of a session, in this shell
    Cd(CdArgs),
    /// Bind a directory, or the checkouts of a remote, to a profile or session
    #[command(after_help = "Examples:
  cs bind work                     here and below: profile 'work'
  cs bind work --remote 'github.com/acme/*'
  cs bind                          say what is bound here, and by what
  cs bind --list
  cs bind --remove                 take the binding of this directory away

A shell that enters a bound directory uses the profile, and puts everything back when it leaves.
New sessions there belong to it. `guard` in config.toml says what happens with another profile.")]
    Bind(BindArgs),
    /// Let the .cs.toml of a repository choose the profile, and name variables, there
    #[command(after_help = "Examples:
  cs allow                         the nearest .cs.toml, here or above
  cs allow ~/src/api
  cs allow --list

A .cs.toml has a line profile = \"work\", or an [env] with lines like PORT = \"CS_PORT\" for its
sessions, or both. It has no effect before it is allowed, and none again once it was changed.")]
    Allow(AllowArgs),
    /// Withdraw `cs allow`, and do not ask again
    Deny(DenyArgs),
    /// Print the code that sets up your shell
    #[command(after_help = "Examples:
  eval \"$(cs init bash)\"           in ~/.bashrc
  eval \"$(cs init zsh)\"            in ~/.zshrc
  cs init fish | source            in ~/.config/fish/config.fish
  Invoke-Expression (& cs init powershell | Out-String)   in $PROFILE
  cs init zsh --install            put that line there")]
    Init(InitArgs),
    /// Print a completion script, for packagers (`cs init` has it built in)
    Completions(CompletionsArgs),
    /// A claude for programs that start Claude themselves: editors, scripts, cron
    Shim(ShimArgs),
    /// Print a piece for your prompt that shows the session in use
    Prompt(PromptArgs),
    /// Print the manual page, or write all of them to a directory
    Man(ManArgs),
    /// See it work, in a throw-away place
    Tour(TourArgs),
    /// A word that is no verb: a name, or a prompt
    #[command(external_subcommand)]
    Name(Vec<OsString>),
}

/// `cs open`.
#[derive(Args, Debug)]
pub struct OpenArgs {
    /// What stands before NAME.
    #[command(flatten)]
    pub start: StartOptions,
    /// A session or profile, then arguments for Claude; a prompt where it is no name
    #[arg(value_name = "NAME|PROMPT [ARGS]", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `cs new`.
#[derive(Args, Debug)]
pub struct NewArgs {
    /// What stands before NAME.
    #[command(flatten)]
    pub start: StartOptions,
    /// The name of the new session, then arguments for Claude
    #[arg(value_name = "NAME [ARGS]", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `cs list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// All there is: otherwise branch and title are looked up for the 100 sessions used last, and a
    /// terminal is shown only those
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
#[derive(Args, Debug)]
pub struct ResumeArgs {
    /// Answer questions with yes
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Where it works, for this once
    #[arg(short = 'd', long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
    /// A session, then arguments for Claude
    #[arg(value_name = "NAME|ID [ARGS]", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `cs last`.
#[derive(Args, Debug)]
pub struct LastArgs {
    /// Arguments for Claude
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// `cs show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// A session or profile
    pub name: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `cs exec`.
#[derive(Args, Debug)]
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

/// `cs fork`.
#[derive(Args, Debug)]
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
#[derive(Args, Debug)]
pub struct AttachArgs {
    /// The session
    pub name: String,
}

/// `cs wt`.
#[derive(Args, Debug)]
pub struct WtArgs {
    /// What to do; without a word, `list`
    #[command(subcommand)]
    pub command: Option<WtCommand>,
}

/// What to do with worktrees.
#[derive(Debug, Subcommand)]
pub enum WtCommand {
    /// List them: state, commits ahead and behind, changes, size, session
    #[command(visible_alias = "ls")]
    List {
        /// Those of all repositories that sessions have worktrees of
        #[arg(short, long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Open the session of a worktree; one without gets one
    #[command(override_usage = "cs wt open NAME [ARGS…]")]
    Open {
        /// The worktree, by its name, branch or session, then arguments for Claude
        #[arg(value_name = "NAME [ARGS]", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Show what is left of the work, bring it home if told how, then remove the worktree
    #[command(
        after_help = "Without one of --merge, --rebase and --squash nothing is brought anywhere: a worktree whose
work is all merged is removed, and any other one stays."
    )]
    Finish(FinishArgs),
    /// Remove worktrees, with their sessions; to undo: cs restore NAME
    Rm {
        /// The worktrees, by name, branch or session
        #[arg(required = true)]
        names: Vec<String>,
        /// Also with changes, or commits that are nowhere else: those are kept for `cs restore`
        #[arg(short, long)]
        force: bool,
    },
    /// Find worktrees whose work is done; list them, or with --yes remove them
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
#[derive(Args, Debug)]
pub struct FinishArgs {
    /// The worktree, by its name, branch or session; the one you are in without
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

/// `cs env`.
#[derive(Args, Debug)]
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
#[derive(Args, Debug)]
pub struct PathArgs {
    /// A session or profile
    pub name: String,
}

/// `cs rename`.
#[derive(Args, Debug)]
pub struct RenameArgs {
    /// The session
    pub name: String,
    /// Its new name
    pub new: String,
}

/// `cs rm`.
#[derive(Args, Debug)]
pub struct RmArgs {
    /// The sessions
    #[arg(required = true)]
    pub names: Vec<String>,
}

/// `cs restore`.
#[derive(Args, Debug)]
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

/// `cs cleanup`.
#[derive(Args, Debug)]
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
#[derive(Args, Debug)]
pub struct TrashArgs {
    /// What to do; without a word, `list`
    #[command(subcommand)]
    pub command: Option<TrashCommand>,
}

/// What to do with the trash.
#[derive(Debug, Subcommand)]
pub enum TrashCommand {
    /// List what is in it
    #[command(visible_alias = "ls")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove for good what is in it
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
#[derive(Args, Debug)]
pub struct DuArgs {
    /// A session or profile; all of them without one
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `cs doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// A session or profile; everything without one
    pub name: Option<String>,
    /// Repair what is safe to, and say what was done
    #[arg(long)]
    pub fix: bool,
    /// With --fix: say what would be done, and do nothing
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `cs export`.
#[derive(Args, Debug)]
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
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A file of `cs export` (- for standard input), or ccs, claude, claude-session
    #[arg(value_name = "FILE|KIND")]
    pub source: OsString,
    /// Where CCS or the sessions are, instead of the usual place
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

/// `cs usage`.
#[derive(Args, Debug)]
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

/// What usage is summed up by.
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

/// `cs top`.
#[derive(Args, Debug)]
pub struct TopArgs {
    /// Print it once, and end
    #[arg(long)]
    pub once: bool,
    /// Print JSON, once
    #[arg(long)]
    pub json: bool,
}

/// `cs statusline`.
#[derive(Args, Debug, Default)]
pub struct StatuslineArgs {
    /// How it looks, in place of `theme` in config.toml
    #[arg(long, value_name = "THEME")]
    pub theme: Option<String>,
    /// What it says, in place of `format` in config.toml
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Show each theme with made-up values
    #[arg(long)]
    pub preview: bool,
}

/// `cs config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// What to do; without a word, `show`
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print where the file is
    Path,
    /// Print what is in force
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Open the file in your editor ($VISUAL, $EDITOR)
    Edit,
}

/// `cs profile`.
#[derive(Args, Debug)]
pub struct ProfileArgs {
    /// What to do; without a word, `list`
    #[command(subcommand)]
    pub command: Option<ProfileCommand>,
}

/// What to do with profiles.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Make a profile: an account of Claude's, or an API endpoint
    #[command(after_help = "Examples:
  cs profile create work                                      an account; then: cs profile login work
  cs profile create glm --provider glm --token-env ZAI_API_KEY
  cs profile create kimi --provider kimi --token-command 'pass show kimi'
  cs profile create gw --base-url https://gateway.example/anthropic --token-file ~/.gw-token
  cs profile create clean --bare                              shares nothing with ~/.claude")]
    Create(CreateArgs),
    /// List profiles: login, sessions, last use, which one is the default
    #[command(visible_alias = "ls")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one profile
    Show {
        /// The profile
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the profile of new sessions, or choose it
    Default {
        /// The profile
        name: Option<String>,
    },
    /// Log in: runs Claude's own login inside the profile
    Login {
        /// The profile
        name: String,
        /// Arguments for `claude auth login`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Open the record of a profile in your editor
    Edit {
        /// The profile
        name: String,
    },
    /// Show what a profile's sessions share with it, or change that
    #[command(after_help = "Examples:
  cs profile share work                   what is shared, and who decided that
  cs profile share work skills=private memory=private
  cs profile share work settings.json=link
  cs profile share work --history team    conversations live with the group's
  cs profile share api --history team     those of the session 'api' only
  cs profile share work --no-history      apart again; others' stay theirs")]
    Share(ShareArgs),
    /// Bring a profile's sessions up to date: what the profile gained, and what it lost
    #[command(after_help = "Only what cs put there is changed or taken away. Whatever else stands in the way
is told, with the command that settles it. What is open is left until it is
closed.

Examples:
  cs profile sync                         every profile and its sessions
  cs profile sync work --dry-run
  cs profile sync api --take playwright   the profile's MCP server, not its own")]
    Sync(SyncArgs),
    /// Make an existing config directory a profile, in place
    #[command(after_help = "Example:
  cs profile adopt work ~/.claude-work")]
    Adopt {
        /// The name of the profile
        name: String,
        /// The config directory; it stays where it is
        directory: PathBuf,
    },
    /// Move a profile to the trash
    #[command(visible_alias = "rm")]
    Remove {
        /// The profile
        name: String,
        /// Do not ask
        #[arg(short, long, visible_alias = "yes")]
        force: bool,
    },
}

/// `cs profile sync`.
#[derive(Args, Debug)]
pub struct SyncArgs {
    /// The profile, or one session; all of them without one
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

/// `cs profile share`.
#[derive(Args, Debug)]
pub struct ShareArgs {
    /// A profile; with --history also a session
    pub name: String,
    /// What to share (link) and what not (private): skills=private
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

/// `cs profile create`.
#[derive(Args, Debug)]
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

/// `cs use`.
#[derive(Args, Debug)]
pub struct UseArgs {
    /// A session or profile; - for the one before
    pub name: Option<String>,
}

/// `cs cd`.
#[derive(Args, Debug)]
pub struct CdArgs {
    /// A session, or a profile for its config directory
    pub name: String,
}

/// `cs bind`.
#[derive(Args, Debug)]
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
#[derive(Args, Debug)]
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
#[derive(Args, Debug)]
pub struct DenyArgs {
    /// The .cs.toml, or its directory; without one, the nearest here or above
    pub path: Option<PathBuf>,
}

/// `cs init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// bash, zsh, fish or powershell; with --install, that of $SHELL unless named
    pub shell: Option<String>,
    /// Name the family: `--cmd ccs` gives ccs, ccsn, ccs-list, ccs-resume, ccsl
    #[arg(long, value_name = "NAME", default_value = "cs")]
    pub cmd: String,
    /// Only the function itself, no short forms
    #[arg(long)]
    pub no_aliases: bool,
    /// Do nothing when the directory changes: bindings act when claude is started only
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

/// `cs shim`.
#[derive(Args, Debug)]
pub struct ShimArgs {
    /// What to do
    #[command(subcommand)]
    pub command: ShimCommand,
}

/// What to do with the shim.
#[derive(Debug, Subcommand)]
pub enum ShimCommand {
    /// Make it, and say how it is used
    Install,
    /// Take it away
    Remove,
}

/// `cs prompt`.
#[derive(Args, Debug)]
pub struct PromptArgs {
    /// What the piece is for
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

/// `cs man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write a page for each command there; without it, cs(1) is printed
    pub directory: Option<PathBuf>,
}

/// `cs completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(
        value_parser = PossibleValuesParser::new(["bash", "zsh", "fish", "powershell"])
            .try_map(|name| Shell::from_str(&name, false))
    )]
    pub shell: Shell,
}

/// `cs tour`.
#[derive(Args, Debug)]
pub struct TourArgs {
    /// Leave the throw-away place behind, and say where it is
    #[arg(long)]
    pub keep: bool,
    /// Use the built-in stand-in even if Claude Code is installed
    #[arg(long)]
    pub stand_in: bool,
}

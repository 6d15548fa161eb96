//! The findings: every kind with its id, how much it matters, and why.

use std::path::PathBuf;

use super::repair::Repair;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// Something does not do what it is there for. `cs doctor` ends with 1.
    Problem,
    /// Worth knowing. It does not change how `cs doctor` ends.
    Advice,
}

impl Severity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Advice => "advice",
        }
    }
}

/// Every kind of finding: its id, which is stable, how much it matters, and why.
macro_rules! kinds {
    ($($kind:ident $id:literal $severity:ident $why:literal;)*) => {
        /// The kind of a finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Kind { $($kind),* }

        impl Kind {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$kind),*];

            /// Returns the id that scripts know it by.
            pub(super) fn id(self) -> &'static str {
                match self { $(Self::$kind => $id),* }
            }

            pub(super) fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity),* }
            }

            /// Returns why it matters, in one line.
            pub(super) fn why(self) -> &'static str {
                match self { $(Self::$kind => $why),* }
            }
        }
    };
}

kinds! {
    ClaudeMissing "claude-missing" Problem "no session can be started";
    ClaudeNotExecutable "claude-not-executable" Problem "no session can be started";
    ConfigIgnored "config-dir-ignored" Problem "sessions would write into one and the same directory";
    LoginIgnored "login-dir-ignored" Problem "each session would need a login of its own, and lose it";
    PathWritable "path-writable" Problem "anybody on this machine could put a claude there that you would run";
    SandboxImpossible "sandbox-impossible" Problem "a session with isolation sandbox cannot be started";
    PathRelative "path-relative" Advice "your shell runs whatever claude lies where you are; cs skips such entries";

    RecordDamaged "record-damaged" Problem "it cannot be opened; its conversations are still there";
    RecordMissing "record-missing" Problem "nothing leads to what is kept in this directory";
    ProfileGone "profile-gone" Problem "the session has no login to work with";
    PlanImpossible "plan-impossible" Problem "it cannot be started";
    DirectoryGone "directory-gone" Problem "it cannot be resumed where it worked";
    DirectoryIsHome "directory-is-home" Advice "Claude reads ~/.claude/settings.json as the settings of a project there";
    ConfigMissing "config-missing" Problem "it was started before, so its conversations went with it";
    ConfigIsLink "config-is-link" Problem "what is private to it is written somewhere else";
    LinkMissing "link-missing" Advice "it does not see what it shares before its next start";
    LinkDangling "link-dangling" Problem "what is written through it is lost, or ends up where it does not belong";
    LinkReplaced "link-replaced" Problem "it has its own, and changes of the profile's do not reach it";
    LinkElsewhere "link-elsewhere" Problem "it shares something else than planned";
    LinkUnplanned "link-unplanned" Advice "what is changed in it, there or in the profile, is changed in both";
    NotesDamaged "notes-damaged" Problem "what cs put there cannot be told from what you did, so none of it is taken out";
    Unsettled "unsettled" Advice "its conversations are whole, and not yet where they belong";
    Permissions "permissions" Problem "other users of this machine can read it";
    Owner "owner" Problem "you may be unable to change it, and somebody else may";
    LoginDetached "login-detached" Problem "two copies of a login log each other out when one is refreshed";
    SettingsDamaged "settings-damaged" Problem "Claude ignores such a file without a word";
    SettingsDirectory "settings-directory" Problem "it takes effect after ours, and undoes the isolation";
    SettingsCredential "settings-credential" Advice "it decides who is billed, whatever the profile is";
    ProjectCredential "project-credential" Problem "whoever can change the project decides who is billed";
    StateLegacy "state-legacy" Problem "Claude reads it instead of .claude.json, which goes stale";
    StateDamaged "state-damaged" Problem "Claude does not start with it, or forgets what it knew";
    PluginElsewhere "plugin-elsewhere" Problem "the plugin goes when that session goes";
    PluginGone "plugin-gone" Problem "the plugin is not loaded";
    Retention "retention" Advice "Claude deletes older conversations by itself";
    LockStale "lock-stale" Advice "Claude may wait for it, or refuse to write";
    LiveFileLeft "live-file-left" Advice "a Claude was killed there, or runs where this system cannot see it (a container)";
    TrustedProjectGone "trusted-project-gone" Advice "whatever is put there by that name is trusted";
    WorktreeGone "worktree-gone" Problem "git does not work there any more, and the branch may be lost";
    WorktreeHalf "worktree-half" Problem "neither the session nor the worktree can be used until that is done";
    WorktreeLost "worktree-lost" Problem "git in it works on the checkout around it";
    WorktreeBranch "worktree-branch" Advice "what is committed there is on another branch than the session was made for";
    WorktreeUnlocked "worktree-unlocked" Advice "git, or somebody, may remove it under the session";
    WorktreeMoved "worktree-moved" Advice "git may prune it, and then its branch is not checked out there";

    LiveVariables "live-variables" Problem "what it writes, or which login it uses, is not what the session is for";
    LiveChild "live-child" Problem "Claude takes itself for the child of another, and keeps no conversation";
    LiveConversation "live-conversation" Problem "two sessions write one conversation, and each loses what the other says";
    LiveTwice "live-twice" Problem "two processes write one conversation or its private files";
    LiveElsewhere "live-elsewhere" Advice "if it still runs there, two processes would write one conversation";
    LiveTogether "live-together" Advice "they change each other's files; a worktree for one keeps them apart";

    ProfileDirectoryGone "profile-directory-gone" Problem "its login and settings are gone with it";
    ProfilesOneDirectory "profiles-one-directory" Problem "they are one and the same to Claude";
    ProfilesOneIdentity "profiles-one-identity" Advice "both bill one account; log in again where that is not meant";
    DefaultSet "default-set" Problem "Claude reads other files, and on macOS another login, than without the variable";
    DefaultAdopted "default-adopted" Problem "it is 'default' already, and entered so Claude reads other files";
    BaseMemory "base-memory" Advice "it goes into what Claude is told, in projects below your home directory";
    LoginMissing "login-missing" Advice "its sessions ask for a login";
    LoginLink "login-link" Problem "Claude replaces the link when it refreshes, and the others are logged out";
    TokenMissing "token-missing" Problem "its sessions have no token to work with";
    TokenUnset "token-unset" Advice "sessions that are started from this shell have no token";
    TokenLiteral "token-literal" Advice "a token in a file that you edit is easily shown, or copied along";

    EnvironmentCredential "environment-credential" Advice "sessions do not get it; plain claude does, and bills it";
    EnvironmentConfigDir "environment-config-dir" Advice "sessions do not use it; plain claude does";
    EnvironmentChild "environment-child" Advice "a plain claude started here keeps no conversation; sessions do";
    FunctionMissing "function-missing" Advice "cs use, cs cd and the hook for bound directories need it";
    FunctionOld "function-old" Problem "cs use and cs cd are refused in this shell";
    StartUpMissing "start-up-missing" Advice "cs use, cs cd, Tab and bound directories need it";
    CsElsewhere "cs-elsewhere" Advice "scripts and other shells run that one";
    ShimOutdated "shim-outdated" Problem "what starts claude through it fails, or runs another version of cs";

    SettingsExposed "settings-exposed" Problem "they name the programs that cs runs, so nothing that needs them is started";
    DefaultProfileGone "default-profile-gone" Problem "no session can be made without --profile";
    NetworkFileSystem "network-file-system" Advice "between machines locks may not hold; names stay unique, and what is open elsewhere is asked about";
    DiskLow "disk-low" Advice "Claude loses what it cannot write";
    DiskFull "disk-full" Problem "Claude loses what it cannot write";
    RootInGit "root-in-git" Advice "conversations and logins could be committed";
    RootSynced "root-synced" Advice "logins are copied to where you do not see them, and files change under Claude";
    NameOrphaned "name-orphaned" Advice "a command that was cut short left it; nothing has the name";
    NameLost "name-lost" Problem "nothing leads to it by its name";
    NameTaken "name-taken" Problem "its name leads to something else";
    PortsInUse "ports-in-use" Advice "a server of the session cannot listen there, or who asks it is answered by another";
    PortsUnclaimed "ports-unclaimed" Problem "another session could be given them";
    PortsShared "ports-shared" Problem "servers of two sessions meet on one port";
    PortsOrphaned "ports-orphaned" Advice "a command that was cut short left it; no session is given them";
    StagingLeft "staging-left" Advice "a command that was cut short left it; it takes room";
    GroupUnused "group-unused" Advice "its conversations take room, and nothing leads to them";
    EphemeralEnded "ephemeral-ended" Advice "it was to go to the trash by itself";
    BindingGone "binding-gone" Advice "commands in that directory fail, or warn";
    BindingUnseen "binding-unseen" Problem "the hook of a shell does nothing where something is bound";
    TrustGone "trust-gone" Advice "whatever is put there with that content counts";
    TrustDamaged "trust-damaged" Problem "what it says does not count, and cs deny fails";
    CommitsKept "commits-kept" Advice "git does not clean them up";
    TrashOld "trash-old" Advice "it takes room";
}

/// The session or profile that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Of {
    /// `session` or `profile`.
    pub kind: &'static str,
    /// Its name; its id where it has none.
    pub name: String,
}

impl Of {
    pub(super) fn session(name: &impl ToString) -> Self {
        Self { kind: "session", name: name.to_string() }
    }

    pub(super) fn profile(name: &impl ToString) -> Self {
        Self { kind: "profile", name: name.to_string() }
    }
}

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} '{}'", self.kind, self.name)
    }
}

/// The way to settle a finding.
#[derive(Clone, Debug)]
pub(super) enum Fix {
    /// `--fix` does it.
    Safe(Repair),
    /// A command does it, once a person has decided to.
    Command(String),
    /// A person does it.
    Hand(String),
}

/// One thing that is not as it should be.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub kind: Kind,
    /// The session or profile it is about; `None` for the machine.
    pub of: Option<Of>,
    /// The finding in one line, lower case. Values of credentials are never part of it.
    pub what: String,
    /// The path it was found at.
    pub place: Option<PathBuf>,
    pub fix: Fix,
    /// The result of `--fix`, where it tried.
    pub repair: Option<Result<(), String>>,
}

/// A probe that could not look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blind {
    /// At what.
    pub what: String,
    /// The reason.
    pub why: String,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(super) findings: Vec<Finding>,
    pub(super) blind: Vec<Blind>,
    /// The things that were looked at, a line each.
    pub(super) checked: Vec<String>,
}

impl Report {
    /// Adds a finding.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        of: Option<&Of>,
        what: impl Into<String>,
        place: Option<PathBuf>,
        fix: Fix,
    ) {
        self.findings.push(Finding { kind, of: of.cloned(), what: what.into(), place, fix, repair: None });
    }

    /// Notes that something could not be looked at. The same said twice is said once.
    pub(super) fn blind(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let blind = Blind { what: what.into(), why: why.into() };
        if !self.blind.contains(&blind) {
            self.blind.push(blind);
        }
    }

    /// Notes that something was looked at.
    pub(super) fn checked(&mut self, what: impl Into<String>) {
        self.checked.push(what.into());
    }

    /// Returns how `cs doctor` ends: 0 where all is well, 1 where a problem was found and is still there, 2 where
    /// something could not be looked at. Advice alone is no problem.
    pub(crate) fn exit(&self) -> u8 {
        let stands = |finding: &Finding| match &finding.repair {
            None => finding.kind.severity() == Severity::Problem,
            Some(repair) => repair.is_err(),
        };
        match (self.blind.is_empty(), self.findings.iter().any(stands)) {
            (false, _) => 2,
            (true, true) => 1,
            (true, false) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_id_is_said_once_and_stands_in_the_list_with_how_much_it_matters() {
        let list = include_str!("../../docs/findings.md");
        let ids: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.id()).collect();
        assert_eq!(ids.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            let row = format!("| `{}` | {} |", kind.id(), kind.severity().word());
            assert!(list.contains(&row), "docs/findings.md has no row that begins with {row}");
        }
    }
}

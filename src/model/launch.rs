//! A launch: a plan, and every step that carries it out.
//!
//! See docs/decisions/014-work-is-a-floor-and-a-launch-is-one-value.md

use std::path::PathBuf;

use uuid::Uuid;

use super::{Link, Name, Plan, Ports, SeedFile, Session, SettingsFile, Walls, Worktree};

/// Everything that starting something does, in order. Nothing else is done, so what `--dry-run` prints, what
/// the executor carries out and what `doctor` compares are one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The session that is made first, with the ports it is most likely given; `None` where it is there.
    pub creation: Option<Session>,
    /// What is done to the session's worktree first; `None` where it has none, or that is as it should be.
    pub worktree: Option<WorktreeChange>,
    /// The program, its environment, and what it finds on the disk.
    pub plan: Plan,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// What is done to a worktree before its session is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorktreeChange {
    /// The worktree, as it is recorded.
    pub worktree: Worktree,
    /// The command that makes it; empty where it is there already.
    pub command: Vec<String>,
    /// The files that are copied into it, from the root of the repository.
    pub copied: Vec<PathBuf>,
    /// The command lines that are run in it afterwards.
    pub on_create: Vec<String>,
    /// Whether it is locked for the session, by git's lock: nobody else has it.
    pub lock: bool,
}

/// One thing that a launch does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Holds the lock of the session until its program runs: of two that start it, the second sees the first.
    HoldSession,
    /// Notes in the record of a sandboxed session where it works, as that is now: where it is started again, it has to be
    /// there still.
    NoteWalls(Walls),
    /// Finishes what an ended process began, when the session or profile came to share its conversations, or
    /// ceased to. What the launch was made from is looked at again afterwards.
    SettleConversations,
    /// Gives ports to a session that has none. What the launch was made from is looked at again afterwards.
    ClaimPorts(Ports),
    /// Holds a conversation that others share until the program runs. Refused where one of them has it open.
    HoldConversation(Uuid),
    /// Moves an ephemeral session that has ended to the trash, or reports once why it stays.
    Sweep(Ended),
    /// Changes something on the disk.
    Put(Put),
    /// Tells a person something they should know before the program has the terminal.
    Tell(String),
    /// Notes that the session goes to the trash when its Claude has ended.
    NoteEphemeral,
    /// Notes this launch: which conversation it is for, and which one the arguments go on with.
    NoteRun {
        /// The file it is noted in.
        path: PathBuf,
        /// The conversation that will be written.
        conversation: Option<Uuid>,
        /// The conversation that a person's own arguments name.
        resumed: Option<Uuid>,
    },
    /// Notes that the session or profile is open, and advises where much is open already.
    NoteOpen,
    /// Makes a pane of the multiplexer. It is the process there that is noted and becomes the program.
    EnterPane(InPane),
    /// Becomes the program; where a pane does, shows that unless it is to stay in the background.
    Become,
}

/// An ephemeral session whose Claude has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Name,
    /// The reason that it is not moved to the trash; `None` where it is.
    pub stays: Option<String>,
}

/// A start inside a multiplexer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InPane {
    /// Starts it there without showing it.
    pub detached: bool,
}

/// One change of what is on the disk, towards a [`Layout`](super::Layout).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// Makes a directory, 0700, with those above it that are missing below the layout's base.
    Directory(PathBuf),
    /// Takes a link away that `cs` made and that still points where it did.
    TakeAway(Link),
    /// Makes a link where nothing is.
    Link(Link),
    /// Makes a link in place of one that leads nowhere.
    Relink(Link),
    /// Writes a file, 0600.
    File(SeedFile),
    /// Removes the settings file of an earlier launch.
    Outdated(PathBuf),
    /// Writes the settings file of this launch, 0600.
    Settings(SettingsFile),
}

/// The purpose of a launch, which decides what it holds and notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A conversation in a session.
    Session {
        /// True if the session goes to the trash when its Claude has ended.
        ephemeral: bool,
        /// The conversation that will be written.
        conversation: Option<Uuid>,
        /// The conversation that a person's own arguments name.
        resumed: Option<Uuid>,
        /// The multiplexer to start it in.
        pane: Option<InPane>,
    },
    /// A conversation of a profile itself: the one that a person's own arguments name.
    Profile(Option<Uuid>),
    /// A command of Claude's own, as the profile itself.
    ProfileCommand,
    /// Any other program: it takes part in no conversation.
    Program,
}

/// The facts that a launch has to act on besides its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// True if an ended process left conversations on their way to or from where others share them.
    pub unsettled: bool,
    /// The ports that a session without any is given.
    pub ports: Option<Ports>,
    /// The conversation among those that others share which must not be open elsewhere.
    pub shared: Option<Uuid>,
    /// Ephemeral sessions that have ended.
    pub ended: Vec<Ended>,
    /// The changes that bring the disk to the plan's layout.
    pub lacking: Vec<Put>,
    /// The notices for a person about all that, besides those of the plan.
    pub notices: Vec<String>,
    /// The file that the launch is noted in.
    pub note: PathBuf,
}

impl Launch {
    /// Returns the launch of `plan` for `purpose`, as `seen` makes it necessary.
    pub fn new(plan: Plan, purpose: &Purpose, seen: Seen) -> Self {
        let mut steps = Vec::new();
        // What runs in a sandbox has the session open, whatever it is.
        if matches!(purpose, Purpose::Session { .. }) || plan.sandbox.is_some() {
            steps.push(Step::HoldSession);
        }
        if seen.unsettled {
            steps.push(Step::SettleConversations);
        }
        steps.extend(seen.ports.map(Step::ClaimPorts));
        steps.extend(plan.sandbox.as_ref().and_then(|sandbox| sandbox.unnoted.clone()).map(Step::NoteWalls));
        steps.extend(seen.shared.map(Step::HoldConversation));
        steps.extend(seen.ended.into_iter().map(Step::Sweep));
        steps.extend(seen.lacking.into_iter().map(Step::Put));
        steps.extend(seen.notices.into_iter().chain(plan.notices.iter().cloned()).map(Step::Tell));
        match *purpose {
            Purpose::Session { ephemeral, conversation, resumed, pane } => {
                steps.extend(ephemeral.then_some(Step::NoteEphemeral));
                steps.extend(pane.map(Step::EnterPane));
                steps.extend([Step::NoteRun { path: seen.note, conversation, resumed }, Step::NoteOpen]);
            }
            Purpose::Profile(resumed) => {
                steps.extend([
                    Step::NoteRun { path: seen.note, conversation: resumed, resumed: None },
                    Step::NoteOpen,
                ]);
            }
            Purpose::ProfileCommand => {
                steps.push(Step::NoteRun { path: seen.note, conversation: None, resumed: None });
            }
            Purpose::Program => {}
        }
        steps.push(Step::Become);
        Self { creation: None, worktree: None, plan, steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EnvChanges, Layout};

    fn plan() -> Plan {
        Plan {
            directory: "/w".into(),
            command: vec!["/bin/claude".into()],
            sandbox: None,
            env: EnvChanges::new(),
            layout: Layout::default(),
            notices: Vec::new(),
        }
    }

    fn session(ephemeral: bool, pane: Option<InPane>) -> Purpose {
        let id = Some(Uuid::from_u128(1));
        Purpose::Session { ephemeral, conversation: id, resumed: None, pane }
    }

    fn steps(purpose: &Purpose, seen: Seen) -> Vec<Step> {
        Launch::new(plan(), purpose, seen).steps
    }

    #[test]
    fn a_session_is_held_before_anything_changes_and_noted_before_its_program_runs() {
        let link = Link { path: "/s/claude/skills".into(), target: "/p/skills".into() };
        let ended = Ended { id: Uuid::from_u128(2), name: Name::suggest("gone"), stays: None };
        let seen = Seen {
            unsettled: true,
            ports: Ports::new(20_000),
            shared: Some(Uuid::from_u128(1)),
            ended: vec![ended.clone()],
            lacking: vec![Put::TakeAway(link.clone())],
            notices: vec!["mind the gap".into()],
            note: PathBuf::new(),
        };
        let noted =
            Step::NoteRun { path: PathBuf::new(), conversation: Some(Uuid::from_u128(1)), resumed: None };
        let expected = [
            Step::HoldSession,
            Step::SettleConversations,
            Step::ClaimPorts(Ports::new(20_000).expect("a block")),
            Step::HoldConversation(Uuid::from_u128(1)),
            Step::Sweep(ended),
            Step::Put(Put::TakeAway(link)),
            Step::Tell("mind the gap".into()),
            Step::NoteEphemeral,
            noted,
            Step::NoteOpen,
            Step::Become,
        ];
        assert_eq!(steps(&session(true, None), seen), expected);
    }

    #[test]
    fn of_a_session_in_a_pane_the_process_there_is_noted() {
        let pane = InPane { detached: true };
        let noted =
            Step::NoteRun { path: PathBuf::new(), conversation: Some(Uuid::from_u128(1)), resumed: None };
        let expected = [Step::HoldSession, Step::EnterPane(pane), noted, Step::NoteOpen, Step::Become];
        assert_eq!(steps(&session(false, Some(pane)), Seen::default()), expected);
    }

    #[test]
    fn a_profile_notes_its_run_and_holds_no_session() {
        let id = Some(Uuid::from_u128(3));
        let noted = Step::NoteRun { path: PathBuf::new(), conversation: id, resumed: None };
        assert_eq!(steps(&Purpose::Profile(id), Seen::default()), [noted, Step::NoteOpen, Step::Become]);
    }

    #[test]
    fn a_program_that_takes_no_part_in_a_conversation_is_only_become() {
        assert_eq!(steps(&Purpose::Program, Seen::default()), [Step::Become]);
        let noted = Step::NoteRun { path: PathBuf::new(), conversation: None, resumed: None };
        assert_eq!(steps(&Purpose::ProfileCommand, Seen::default()), [noted, Step::Become]);
    }
}

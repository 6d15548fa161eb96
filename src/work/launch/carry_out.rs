//! Carrying a launch out: the one place where its steps are taken.

use crate::model::{Failure, Launch, Outcome, Plan, Result, Session, Step, Subject};
use crate::os::Lock;
use crate::store::{self, EphemeralNote, Run};
use crate::work::context::Context;
use crate::work::pane::{self, Entered};
use crate::work::{advice, ending, history, ports};

use super::becoming::become_planned;
use super::said_of;

/// The locks that a launch holds until its program runs.
#[derive(Debug, Default)]
pub(crate) struct Held {
    session: Option<Lock>,
    conversation: Option<Lock>,
}

impl Held {
    /// Returns what whoever made or looked at a session holds already.
    pub(crate) fn session(lock: Lock) -> Self {
        Self { session: Some(lock), conversation: None }
    }
}

/// The end of a launch that did not fail.
#[derive(Debug)]
pub(crate) enum Carried {
    /// All was done.
    Ended(Outcome),
    /// A step changed what the launch was made from, maybe the session too: it is to be looked at again.
    Changed(Option<Session>, Held),
}

impl Carried {
    /// Returns the outcome of a launch that has nothing to settle.
    pub(crate) fn ended(self) -> Result<Outcome> {
        match self {
            Self::Ended(outcome) => Ok(outcome),
            Self::Changed(..) => {
                Err(Failure::failed("what is to be started changes as often as it is looked at")
                    .hint("try again"))
            }
        }
    }
}

/// Takes the steps of `launch`, in order. `held` is what is held already. Returns where a step fails, where one
/// changed what the launch was made from, and where a pane became the program.
pub(crate) fn carry_out(
    context: &Context,
    subject: &Subject,
    launch: Launch,
    mut held: Held,
) -> Result<Carried> {
    let store = context.store()?;
    let Launch { plan, steps, .. } = launch;
    let mut entered: Option<Entered> = None;
    let mut alive = None;
    let mut steps = steps.into_iter().peekable();
    while let Some(step) = steps.next() {
        match step {
            Step::HoldSession => {
                // A program that whoever holds the session runs, as for a new worktree, runs beside nobody else.
                let is_program = plan.sandbox.as_ref().is_some_and(|sandbox| !sandbox.is_claude);
                if let (None, Subject::Session(session, _)) = (&held.session, subject)
                    && !(is_program && store.is_held_above(session))
                {
                    held.session = Some(store.lock_session(session)?);
                }
            }
            Step::NoteWalls(walls) => {
                let Subject::Session(session, _) = subject else { continue };
                store.note_walls(session.id, walls)?;
            }
            Step::SettleConversations => {
                history::settle(context, subject)?;
                return Ok(Carried::Changed(None, held));
            }
            Step::ClaimPorts(planned) => {
                let Subject::Session(session, _) = subject else { continue };
                let given = ports::given(context, session.clone())?;
                if given.ports != Some(planned) {
                    return Ok(Carried::Changed(Some(given), held));
                }
            }
            Step::HoldConversation(id) => {
                let config = match subject {
                    Subject::Session(session, profile) => context.paths(session, profile)?.config,
                    Subject::Profile(profile) => profile.home.directory(),
                };
                held.conversation = Some(history::claim(context, subject.profile(), &config, id)?);
            }
            Step::Sweep(ended) => ending::sweep(context, &ended),
            Step::Put(first) => {
                let mut lacking = vec![first];
                while let Some(Step::Put(put)) = steps.next_if(|step| matches!(step, Step::Put(_))) {
                    lacking.push(put);
                }
                for drift in store::put(&plan.layout, &lacking)? {
                    context.say(&said_of(&drift, subject.profile().name.as_str()));
                }
            }
            Step::Tell(text) => context.say(&text),
            Step::NoteEphemeral => {
                if let Subject::Session(session, _) = subject {
                    store.note_ephemeral(session.id, &EphemeralNote::Launched)?;
                }
            }
            Step::EnterPane(pane) => {
                entered = Some(pane::enter(context, subject.name(), &plan, pane)?);
            }
            Step::NoteRun { path, conversation, resumed } => {
                let run = match &entered {
                    Some(entered) => entered.run(conversation),
                    None => Run::now(conversation),
                };
                store.note_run(&path, &Run { resumed, ..run })?;
                // What holds a sandbox holds a lock of its own.
                if let Subject::Session(session, _) = subject
                    && plan.sandbox.is_none()
                {
                    alive = Some(store::alive_path(&store.session_root(session.id)));
                }
            }
            Step::NoteOpen => {
                let entry = match subject {
                    Subject::Session(session, _) => session.id.to_string(),
                    Subject::Profile(profile) => profile.name.key(),
                };
                if let Some(advice) = advice::advise(context, &entry)? {
                    context.say(&advice);
                }
            }
            Step::Become => {
                if let Some(entered) = entered {
                    // What is held is held until that process has become Claude.
                    return entered.become_program(context, subject.name(), &plan, alive).map(Carried::Ended);
                }
                let _alive = alive.as_deref().and_then(store::hold_alive);
                return become_program(context, subject, &plan, held).map(Carried::Ended);
            }
        }
    }
    Ok(Carried::Ended(Outcome::Done))
}

#[cfg(not(windows))]
fn become_program(context: &Context, _: &Subject, plan: &Plan, held: Held) -> Result<Outcome> {
    let ended = become_planned(context, plan);
    drop(held);
    ended
}

/// On Windows this process stays until Claude ends; what was noted says that it runs. It can do at the end what a
/// hook does elsewhere.
#[cfg(windows)]
fn become_program(context: &Context, subject: &Subject, plan: &Plan, held: Held) -> Result<Outcome> {
    drop(held);
    let session = match subject {
        Subject::Session(session, _) if session.ephemeral => session,
        _ => return become_planned(context, plan),
    };
    let [program, arguments @ ..] = plan.command.as_slice() else { return Ok(Outcome::Done) };
    let environment = plan.env.applied_to(&context.environment);
    let path = std::path::Path::new(program);
    let code = crate::os::run_program(path, arguments, &environment, &plan.directory)
        .map_err(|error| crate::model::Failure::io("start", path, &error))?;
    if let Err(failure) = ending::tidy(context, session.id) {
        context.say(&failure.message);
    }
    std::process::exit(code)
}

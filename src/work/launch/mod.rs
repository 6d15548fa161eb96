//! Starting a session or profile: its launch is one value, made by looking, which changes nothing.
//!
//! A [`Launch`] is the plan with its steps. [`start`] holds what must not change meanwhile, looks, and has the
//! steps carried out; `--dry-run` looks and prints them.
//!
//! See docs/decisions/014-work-is-a-floor-and-a-launch-is-one-value.md

pub(crate) mod becoming;
mod carry_out;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::claude::{self, Asked, ConfigGround, Continuation};
use crate::model::{
    InPane, Launch, Outcome, Plan, Profile, Program, Purpose, Result, Seen, Session, SessionPaths, Subject,
};
use crate::shell::quoted;
use crate::store::{self, Drift, Run};
use crate::work::context::Context;
use crate::work::conversations::{continuation_of, resume};
use crate::work::directory::work_directory;
use crate::work::scene;
use crate::work::worktrees::{self, Target};
use crate::work::{binding, conversations, ending, history, open, pane, ports, share};

use carry_out::Carried;
pub(crate) use carry_out::{Held, carry_out};

/// A request to start a session or profile.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The session, or the profile itself.
    pub subject: Subject,
    /// A person's arguments for Claude.
    pub arguments: Vec<OsString>,
    /// The directory to work in instead of the recorded one.
    pub directory: Option<PathBuf>,
    /// The conversation of the session to resume instead of its newest.
    pub conversation: Option<Uuid>,
    /// Start it inside a multiplexer; show it there if it runs there already.
    pub pane: Option<InPane>,
    /// Start it although it may still be open on another host.
    pub may_be_elsewhere: bool,
}

impl Request {
    /// Returns the request to start `subject` with `arguments`, as it is usually started.
    pub(crate) fn new(subject: Subject, arguments: Vec<OsString>) -> Self {
        Self { subject, arguments, directory: None, conversation: None, pane: None, may_be_elsewhere: false }
    }
}

/// Starts what `request` says: resumes the newest conversation of a session, or begins its first; runs Claude as
/// a profile itself. Returns only where that fails, or where the program runs in a pane.
pub(crate) fn start(context: &Context, request: &Request) -> Result<Outcome> {
    let Subject::Session(session, profile) = &request.subject else {
        return match carry_out(context, &request.subject, preview(context, request)?, Held::default())? {
            Carried::Ended(outcome) => Ok(outcome),
            Carried::Changed(_, held) => {
                let again = preview(context, request)?;
                carry_out(context, &request.subject, again, held)?.ended()
            }
        };
    };
    if is_command(request) {
        return carry_out(context, &request.subject, preview(context, request)?, Held::default())?.ended();
    }
    // Held until this process has become Claude: of two that start one session, the second sees
    // the first one's run.
    let mut held = Held::session(context.store()?.lock_session(session)?);
    let mut session = session.clone();
    // What is settled, and what is claimed, changes what the launch is made from once each.
    for _ in 0..3 {
        let found = PathsAndRun::of(context, &session, profile)?;
        if let Some(pane) = request.pane
            && let Some(open) = open::open_state(&session, &found.paths, found.run.as_ref())
            && let Some(pid) = open.pid_here()
            && let Some(place) = pane::pane_of(context, pid)
        {
            return pane::show(context, &session.name, &place, pane, &request.arguments);
        }
        open::refuse_live(context, &session, &found.paths, found.run.as_ref(), request.may_be_elsewhere)?;
        let launch = of_session(context, &session, profile, request, found)?;
        let subject = Subject::Session(session.clone(), profile.clone());
        match carry_out(context, &subject, launch, held)? {
            Carried::Ended(outcome) => return Ok(outcome),
            Carried::Changed(changed, still_held) => {
                session = changed.unwrap_or(session);
                held = still_held;
            }
        }
    }
    Carried::Changed(None, held).ended()
}

/// Returns the launch that [`start`] would carry out now. Changes nothing, and holds nothing.
pub(crate) fn preview(context: &Context, request: &Request) -> Result<Launch> {
    match &request.subject {
        Subject::Profile(profile) => of_profile(context, profile, request),
        Subject::Session(session, profile) if is_command(request) => {
            if request.pane.is_some() {
                return Err(pane::is_a_command(&session.name, &request.arguments));
            }
            let directory = work_directory(session, request.directory.as_deref())?;
            let claude = Program::Claude(request.arguments.clone());
            let subject = Subject::Session(looked_at_anew(session.clone(), request), profile.clone());
            of_program(context, &subject, &claude, &directory)
        }
        Subject::Session(session, profile) => {
            let found = PathsAndRun::of(context, session, profile)?;
            of_session(context, session, profile, request, found)
        }
    }
}

/// As [`preview`], for a session whose worktree is got ready first.
pub(crate) fn preview_in(context: &Context, request: &Request, worktree: Option<&Target>) -> Result<Launch> {
    let Some(target) = worktree else { return preview(context, request) };
    // It may not be there yet.
    let directory = request.directory.clone().or_else(|| match &request.subject {
        Subject::Session(session, _) => Some(session.directory().to_path_buf()),
        Subject::Profile(_) => None,
    });
    let launch = preview(context, &Request { directory, ..request.clone() })?;
    Ok(Launch { worktree: Some(worktrees::preview(context, target)?), ..launch })
}

/// Returns the launch of a program, or of a command of Claude's own, that takes part in no conversation.
pub(crate) fn of_program(
    context: &Context,
    subject: &Subject,
    program: &Program,
    directory: &Path,
) -> Result<Launch> {
    let plan = scene::plan(context, subject, program, directory, Continuation::Unsaid)?;
    let seen = seen(&plan)?;
    Ok(Launch::new(plan, &Purpose::Program, seen))
}

/// The first start of a session.
#[derive(Clone, Debug)]
pub(crate) struct FirstStart {
    /// A person's arguments for Claude.
    pub arguments: Vec<OsString>,
    /// The conversation it begins with.
    pub continuation: Continuation,
    /// The multiplexer to start it in.
    pub pane: Option<InPane>,
}

/// Returns the launch of a session that is being made. Refused where the directory is kept for another profile.
pub(crate) fn of_new(
    context: &Context,
    session: &Session,
    profile: &Profile,
    start: &FirstStart,
) -> Result<Launch> {
    let subject = Subject::Session(session.clone(), profile.clone());
    let FirstStart { arguments, continuation, pane } = start.clone();
    let conversation = continuation.conversation();
    let plan = guarded_plan(context, &subject, arguments, session.directory(), continuation)?;
    let purpose = Purpose::Session { ephemeral: session.ephemeral, conversation, resumed: None, pane };
    let ended = ending::ended(context, session.id);
    let note = context.store()?.session_run_path(session.id);
    let seen = Seen { ended, note, ..seen(&plan)? };
    Ok(Launch::new(plan, &purpose, seen))
}

/// The paths of a session, and what its last launch noted.
struct PathsAndRun {
    paths: SessionPaths,
    ground: ConfigGround,
    run: Option<Run>,
}

impl PathsAndRun {
    fn of(context: &Context, session: &Session, profile: &Profile) -> Result<Self> {
        let store = context.store()?;
        let run = store.noted_run(&store.session_run_path(session.id))?;
        let paths = context.paths(session, profile)?;
        let ground = history::ground(store, session, &paths, &profile.home);
        Ok(Self { paths, ground, run })
    }
}

fn is_command(request: &Request) -> bool {
    claude::asked(&request.arguments) == Asked::Command
}

/// Returns `session` without the walls that were noted, where the person names the directory that is recorded: they are
/// noted again, as they are now.
fn looked_at_anew(session: Session, request: &Request) -> Session {
    let is_meant = request.directory.as_deref().is_some_and(|directory| directory == session.directory());
    if is_meant { Session { walls: None, ..session } } else { session }
}

fn of_session(
    context: &Context,
    session: &Session,
    profile: &Profile,
    request: &Request,
    found: PathsAndRun,
) -> Result<Launch> {
    let PathsAndRun { paths, ground, run } = found;
    let subject = Subject::Session(session.clone(), profile.clone());
    let unsettled = !ground.projects().exists() && history::member(context, &subject)?.is_unsettled();
    let shares = ground.shares();
    if request.pane.is_some() {
        pane::check(context, &session.name, &request.arguments)?;
    }
    let planned = ports::expected(context, session.clone())?;
    let ports = if session.ports.is_none() { planned.ports } else { None };
    let none_left = ports::none_left(ports::range(context)?, &planned);
    let directory = work_directory(session, request.directory.as_deref())?;
    let chosen = match request.conversation {
        Some(id) => claude::find_conversation(&ground, id)?,
        None => None,
    };
    let continuation = match chosen {
        Some(chosen) => resume(&chosen, &directory),
        None => continuation_of(session, &paths, &ground, &directory, run.as_ref())?,
    };
    let wanted = match claude::asked(&request.arguments) {
        Asked::Conversation => match &continuation {
            Continuation::Resume(id, _) => Some(*id),
            _ => None,
        },
        _ => conversations::gone_on_with(&request.arguments, &ground, &directory)?,
    };
    let conversation = continuation.conversation();
    let subject = Subject::Session(looked_at_anew(planned, request), profile.clone());
    let plan = guarded_plan(context, &subject, request.arguments.clone(), &directory, continuation)?;
    let purpose = Purpose::Session {
        ephemeral: session.ephemeral,
        conversation,
        resumed: wanted.filter(|id| conversation != Some(*id)),
        pane: request.pane,
    };
    let mut seen = Seen {
        unsettled,
        ports,
        shared: wanted.filter(|_| shares),
        ended: ending::ended(context, session.id),
        note: context.store()?.session_run_path(session.id),
        ..seen(&plan)?
    };
    seen.notices.splice(..0, none_left);
    Ok(Launch::new(plan, &purpose, seen))
}

fn of_profile(context: &Context, profile: &Profile, request: &Request) -> Result<Launch> {
    let directory = match &request.directory {
        Some(directory) => directory.clone(),
        None => context.current_directory()?,
    };
    let ground = ConfigGround::of_profile(&profile.home.directory());
    let is_command = is_command(request);
    let subject = Subject::Profile(profile.clone());
    let plan = guarded_plan(context, &subject, request.arguments.clone(), &directory, Continuation::Unsaid)?;
    let open = if is_command { None } else { claude::live_in(&ground).into_iter().next() };
    let open = open.map(|live| {
        let name = &profile.name;
        format!(
            "profile '{name}' is open elsewhere (pid {}); for an isolated session beside it: cs --profile {name} NAME",
            live.pid
        )
    });
    let wanted =
        if is_command { None } else { conversations::gone_on_with(&plan.command, &ground, &directory)? };
    let unsettled = share::is_ours(context, profile)? && history::member(context, &subject)?.is_unsettled();
    let purpose = if is_command { Purpose::ProfileCommand } else { Purpose::Profile(wanted) };
    let mut seen = Seen {
        unsettled,
        shared: wanted,
        note: context.store()?.profile_run_path(&profile.name),
        ..seen(&plan)?
    };
    seen.notices.splice(..0, open);
    Ok(Launch::new(plan, &purpose, seen))
}

/// Looks at what of the layout of `plan` is lacking, and what stands otherwise.
fn seen(plan: &Plan) -> Result<Seen> {
    let survey = store::survey(&plan.layout)?;
    let profile = plan.env.get("CS_PROFILE").and_then(crate::model::Change::value).unwrap_or_default();
    let notices = survey.drifts.iter().map(|drift| said_of(drift, profile)).collect();
    Ok(Seen { lacking: survey.lacking, notices, ..Seen::default() })
}

/// Returns what a person should know of something that stands otherwise than planned.
pub(crate) fn said_of(drift: &Drift, profile: &str) -> String {
    match drift {
        Drift::InPlaceOfLink(link) if link.path.ends_with("projects") => format!(
            "the conversations in {} are its own and not shared (to let them join: cs profile sync {profile})",
            link.path.display()
        ),
        Drift::InPlaceOfLink(link) => format!(
            "{} is the session's own and not shared with the profile ({})",
            link.path.display(),
            link.target.display()
        ),
        Drift::OtherTarget(link) => format!(
            "{} points somewhere else than to the profile's {}",
            link.path.display(),
            link.target.display()
        ),
        Drift::LockInTheWay { file, lock, what } => format!(
            "nothing is added to {}: Claude's lock cannot be made, {what} is in its place (to take it away: rm -r {})",
            file.display(),
            quoted(lock)
        ),
    }
}

/// Plans the launch of Claude. Refused, or told, where the directory is kept for another profile;
/// a command of Claude's own may run anywhere.
fn guarded_plan(
    context: &Context,
    subject: &Subject,
    arguments: Vec<OsString>,
    directory: &Path,
    continuation: Continuation,
) -> Result<Plan> {
    let is_command = claude::asked(&arguments) == Asked::Command;
    let told = if is_command { None } else { binding::guard(context, subject.profile(), directory)? };
    let mut plan = scene::plan(context, subject, &Program::Claude(arguments), directory, continuation)?;
    plan.notices.extend(told);
    Ok(plan)
}

//! From a plan to a running program: lay out, note it, become it.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::advice::advise;
use super::context::Context;
use super::directory::{current_directory, work_directory};
use super::dry_run::print_plan;
use super::inside::{self, Inside};
use super::liveness::{open_state, refuse_live};
use super::scene::{plan, resume, start_of};
use super::{bound, ended, history, ports, report, scene};
use crate::claude::{self, Asked, Start};
use crate::model::{
    Change, Environment, Failure, Kind, Launch, Outcome, Plan, Profile, Result, Sandbox, Session, Subject,
};
use crate::sandbox::Around;
use crate::store::{self, Drift, Run};
use crate::{os, sandbox};

/// How a launch may go about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// Where to work instead of in the recorded directory.
    pub directory: Option<PathBuf>,
    /// Answer questions with yes.
    pub yes: bool,
    /// Print the plan instead.
    pub dry_run: bool,
    /// Print it as JSON.
    pub json: bool,
    /// Resume this conversation of the session instead of its newest.
    pub conversation: Option<Uuid>,
    /// Start it inside a multiplexer; show it there if it runs there already.
    pub inside: Option<Inside>,
}

/// Runs Claude as `profile` itself, arguments untouched.
pub(super) fn start_profile(
    context: &Context,
    profile: Profile,
    arguments: Vec<OsString>,
    manner: &Manner,
) -> Result<Outcome> {
    let directory = match &manner.directory {
        Some(directory) => directory.clone(),
        None => current_directory()?,
    };
    let name = profile.name.clone();
    let config = profile.home.directory();
    let is_command = claude::asked(&arguments) == Asked::Command;
    let subject = Subject::Profile(profile);
    let plan = guarded_plan(context, &subject, arguments, &directory, Start::Unsaid)?;
    if manner.dry_run {
        return print_plan(context, &plan, manner.json);
    }
    if !is_command && let Some(live) = claude::live_in(&config).first() {
        report::say(&format!(
            "profile '{name}' is open elsewhere (pid {}); for an isolated session beside it: cs --profile {name} NAME",
            live.pid
        ));
    }
    let gone_on_with =
        if is_command { None } else { history::gone_on_with(&plan.command, &config, &directory)? };
    let claimed = match gone_on_with {
        Some(id) => Some(history::claim(context, subject.profile(), &config, id)?),
        None => None,
    };
    if scene::is_ours(context, subject.profile())? {
        history::settle(context, &subject)?;
    }
    prepare(&plan)?;
    let store = context.store()?;
    store.note_run(&store.profile_run_path(&name), &Run::now(gone_on_with))?;
    if !is_command {
        advise(context, &name.key())?;
    }
    let claimed = claimed.filter(|_| !cfg!(windows));
    let ended = become_planned(context, &plan);
    drop(claimed);
    ended
}

/// Starts Claude in a session: resumes its newest conversation, or begins its first. Refused where
/// it is live.
pub(super) fn start_session(
    context: &Context,
    session: Session,
    profile: Profile,
    arguments: Vec<OsString>,
    manner: &Manner,
) -> Result<Outcome> {
    let store = context.store()?;
    let paths = context.paths(&session, &profile)?;
    if claude::asked(&arguments) == Asked::Command {
        if manner.inside.is_some() {
            return Err(inside::is_a_command(&session.name, &arguments));
        }
        let directory = work_directory(context, &session, &profile, manner)?;
        let subject = Subject::Session(session, profile);
        let plan = plan(context, &subject, &Launch::Claude(arguments), &directory, Start::Unsaid)?;
        return if manner.dry_run {
            print_plan(context, &plan, manner.json)
        } else {
            run_planned(context, &plan)
        };
    }
    // Held until this process has become Claude: of two that start one session, the second sees
    // the first one's run.
    let lock = if manner.dry_run { None } else { Some(store.lock_session(&session)?) };
    let projects = paths.config.join("projects");
    let mut about = projects.symlink_metadata();
    if lock.is_some() && about.is_err() {
        history::settle(context, &Subject::Session(session.clone(), profile.clone()))?;
        about = projects.symlink_metadata();
    }
    let shares = about.is_ok_and(|about| about.is_symlink());
    let run = store.last_run(&store.session_run_path(session.id));
    if let (Some(_), Some(inside)) = (&lock, manner.inside)
        && let Some(open) = open_state(&session, &paths, run.as_ref())
        && let Some(pane) = inside::pane_of(context, open.pid)
    {
        return inside::show(context, &session.name, &pane, inside, &arguments);
    }
    if lock.is_some() {
        refuse_live(context, &session, &paths, run.as_ref(), manner)?;
    }
    if manner.inside.is_some() {
        inside::check(context, &session.name, &arguments)?;
    }
    let session =
        if lock.is_some() { ports::given(context, session)? } else { ports::expected(context, session)? };
    let directory = work_directory(context, &session, &profile, manner)?;
    let chosen = match manner.conversation {
        Some(id) => claude::find_conversation(&paths.config, id)?,
        None => None,
    };
    let start = match chosen {
        Some(chosen) => resume(&chosen, &directory),
        None => start_of(&session, &paths, &directory, run)?,
    };
    let wanted = match claude::asked(&arguments) {
        Asked::Conversation => match &start {
            Start::Resume(id, _) => Some(*id),
            _ => None,
        },
        _ => history::gone_on_with(&arguments, &paths.config, &directory)?,
    };
    let claimed = match wanted.filter(|_| lock.is_some() && shares) {
        Some(id) => Some(history::claim(context, &profile, &paths.config, id)?),
        None => None,
    };
    let planned = Planned::new(context, session, profile, arguments, &directory, start)?;
    let resumed = wanted.filter(|id| planned.conversation != Some(*id));
    let planned = Planned { resumed, inside: manner.inside, ..planned };
    if manner.dry_run {
        return print_plan(context, &planned.plan, manner.json);
    }
    let claimed = claimed.filter(|_| !cfg!(windows));
    let ended = planned.start(context, lock);
    drop(claimed);
    ended
}

/// Plans the launch of Claude. Refused, or told, where the directory is kept for another profile;
/// a command of Claude's own may run anywhere.
fn guarded_plan(
    context: &Context,
    subject: &Subject,
    arguments: Vec<OsString>,
    directory: &Path,
    start: Start,
) -> Result<Plan> {
    let is_command = claude::asked(&arguments) == Asked::Command;
    let told = if is_command { None } else { bound::guard(context, subject.profile(), directory)? };
    let mut plan = plan(context, subject, &Launch::Claude(arguments), directory, start)?;
    plan.notices.extend(told);
    Ok(plan)
}

/// A launch that only waits to be carried out. For a session that is being made it is planned
/// before the session is published, so that one which cannot be started is not made.
pub(super) struct Planned {
    session: Session,
    conversation: Option<Uuid>,
    /// What a person's own arguments go on with.
    resumed: Option<Uuid>,
    /// Where it is started, if not here.
    inside: Option<Inside>,
    plan: Plan,
}

impl Planned {
    /// Plans the launch of Claude in `session`. Refused where the directory is kept for another
    /// profile.
    pub(super) fn new(
        context: &Context,
        session: Session,
        profile: Profile,
        arguments: Vec<OsString>,
        directory: &Path,
        start: Start,
    ) -> Result<Self> {
        let conversation = start.conversation();
        let subject = Subject::Session(session.clone(), profile);
        let plan = guarded_plan(context, &subject, arguments, directory, start)?;
        Ok(Self { session, conversation, resumed: None, inside: None, plan })
    }

    /// The same, inside a multiplexer if that is wanted.
    pub(super) fn shown_inside(self, inside: Option<Inside>) -> Self {
        Self { inside, ..self }
    }

    /// The plan.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Lays it out, notes it, and becomes Claude. `lock` is the session's.
    pub(super) fn start(self, context: &Context, lock: Option<os::Lock>) -> Result<Outcome> {
        let store = context.store()?;
        ended::sweep(context, self.session.id);
        prepare(&self.plan)?;
        ended::launched(context, &self.session)?;
        let run = Run { resumed: self.resumed, ..Run::now(self.conversation) };
        let begun = |run: &Run| {
            store.note_run(&store.session_run_path(self.session.id), run)?;
            advise(context, &self.session.id.to_string())
        };
        if let Some(inside) = self.inside {
            // The lock is held until that process has become Claude.
            return inside::start(context, &self.session.name, &self.plan, inside, &run, begun);
        }
        begun(&run)?;
        // On Windows this process stays until Claude ends; the note says that it runs.
        let lock = lock.filter(|_| !cfg!(windows));
        #[cfg(windows)]
        if self.session.ephemeral {
            return stay_until_end(context, &self.plan, self.session.id);
        }
        let ended = become_planned(context, &self.plan);
        drop(lock);
        ended
    }
}

/// Runs what the plan says, in the session's or profile's environment, without any claim on its
/// conversation.
pub(super) fn run_planned(context: &Context, plan: &Plan) -> Result<Outcome> {
    prepare(plan)?;
    become_planned(context, plan)
}

/// Puts the plan's layout on disk and says what a person should know.
pub(super) fn prepare(plan: &Plan) -> Result<()> {
    for drift in store::lay_out(&plan.layout)? {
        let text = match drift {
            Drift::InPlaceOfLink(link) if link.path.ends_with("projects") => {
                let profile = plan.env.get("CS_PROFILE").and_then(Change::value).unwrap_or_default();
                format!(
                    "the conversations in {} are its own and not shared (to let them join: cs profile sync {profile})",
                    link.path.display()
                )
            }
            Drift::InPlaceOfLink(link) => {
                format!(
                    "{} is the session's own and not shared with the profile ({})",
                    link.path.display(),
                    link.target.display()
                )
            }
            Drift::OtherTarget(link) => {
                format!(
                    "{} points somewhere else than to the profile's {}",
                    link.path.display(),
                    link.target.display()
                )
            }
        };
        report::say(&text);
    }
    for notice in &plan.notices {
        report::say(notice);
    }
    Ok(())
}

/// On Windows this process stays until Claude ends, and can do then what a hook does elsewhere.
#[cfg(windows)]
fn stay_until_end(context: &Context, plan: &Plan, id: Uuid) -> Result<Outcome> {
    let [program, arguments @ ..] = plan.command.as_slice() else { return Ok(Outcome::Done) };
    let environment = plan.env.applied_to(&context.environment);
    let path = Path::new(program);
    let code = os::run_program(path, arguments, &environment, &plan.directory)
        .map_err(|error| Failure::io("start", path, &error))?;
    if let Err(failure) = ended::tidy(context, id) {
        report::say(&failure.message);
    }
    std::process::exit(code)
}

fn become_planned(context: &Context, plan: &Plan) -> Result<Outcome> {
    let environment = plan.env.applied_to(&context.environment);
    let sandbox = plan.sandbox.as_ref();
    let enclosed = Enclosed::of(plan.command.clone(), sandbox, &plan.directory, &environment)?;
    let [program, arguments @ ..] = enclosed.command.as_slice() else { return Ok(Outcome::Done) };
    let path = Path::new(program);
    let error = os::become_program(path, arguments, &environment, &plan.directory, context.umask);
    Err(not_started(path, &plan.directory, &error))
}

/// The failure to become the program `path` in `directory`.
pub(super) fn not_started(path: &Path, directory: &Path, error: &std::io::Error) -> Failure {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    if missing && !directory.is_dir() {
        return Failure::io("start in", directory, error);
    }
    let failure = Failure::io("start", path, error);
    if missing { failure.with_kind(Kind::NoClaude) } else { failure }
}

/// A command in its sandbox, if it is to be in one, and what is handed on to it. It is for the process that
/// becomes it.
pub(super) struct Enclosed {
    /// What that process becomes.
    pub command: Vec<OsString>,
    _handed_on: (Option<os::Lock>, Option<os::HandedOn>),
}

impl Enclosed {
    /// What is run for `command`. Refused where something of the session still runs in its sandbox.
    pub(super) fn of(
        command: Vec<OsString>,
        sandbox: Option<&Sandbox>,
        directory: &Path,
        environment: &Environment,
    ) -> Result<Self> {
        let Some(sandbox) = sandbox.filter(|_| !command.is_empty()) else {
            return Ok(Self { command, _handed_on: (None, None) });
        };
        let held = sandbox.held.as_deref().map(store::hold_sandbox).transpose()?;
        let filter = sandbox::filter();
        let failed = |error| Failure::io("make the filter for", &sandbox.program, &error);
        let filter = filter.map(|filter| os::hand_on(&filter)).transpose().map_err(failed)?;
        let around = around(filter.as_ref().map(os::HandedOn::number), environment);
        let command = sandbox::command_line(sandbox, &command, directory, &around);
        Ok(Self { command, _handed_on: (held, filter) })
    }
}

/// The command that is run for a plan, as far as it can be told before.
pub(super) fn whole_command(plan: &Plan, environment: &Environment) -> Vec<OsString> {
    let Some(sandbox) = plan.sandbox.as_ref().filter(|_| !plan.command.is_empty()) else {
        return plan.command.clone();
    };
    let filter = sandbox::filter().map(|_| "FILTER".to_owned());
    let environment = plan.env.applied_to(environment);
    sandbox::command_line(sandbox, &plan.command, &plan.directory, &around(filter, &environment))
}

fn around(filter: Option<String>, environment: &Environment) -> Around {
    Around {
        filter,
        terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
        variables: environment.keys().cloned().collect(),
        ids: os::user_ids(),
    }
}

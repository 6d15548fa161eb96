//! `cs exec NAME -- COMMAND…`: run any program as if inside a session or profile.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::model::{Failure, Isolation, Outcome, Program, Result, Subject};
use crate::work::context::Context;
use crate::work::launch::Held;
use crate::work::{directory, enclosure, launch};

pub(super) fn run(context: &Context, words: Vec<OsString>) -> Result<Outcome> {
    let mut words = words.into_iter().peekable();
    let name = words.next().unwrap_or_default();
    words.next_if(|word| word == "--");
    let command: Vec<OsString> = words.collect();
    let name = name.to_string_lossy();
    let subject = context.resolve(&name)?;
    let [program, ..] = command.as_slice() else {
        return Err(Failure::usage("there is no command to run").hint(format!("cs exec {name} -- COMMAND")));
    };
    let program = find(context, program)?;
    let command = [vec![program], command[1..].to_vec()].concat();
    let directory = directory_for(context, &subject)?;
    let launch = launch::of_program(context, &subject, &Program::Other(command), &directory)?;
    enclosure::refuse_absent(&launch.plan)?;
    launch::carry_out(context, &subject, launch, Held::default())?.ended()
}

/// Returns the directory to run the command in: this one. In a sandbox that is only there if it is part of what
/// the session works in; otherwise the command is run in that.
fn directory_for(context: &Context, subject: &Subject) -> Result<PathBuf> {
    let here = context.current_directory()?;
    let Subject::Session(session, _) = subject else { return Ok(here) };
    if session.isolation != Isolation::Sandbox {
        return Ok(here);
    }
    let own = directory::recorded_directory(session)?;
    let noted = session.walls.as_ref().map(|walls| PathBuf::from(&walls.directory));
    Ok(if here.starts_with(noted.unwrap_or_else(|| directory::real(&own))) { here } else { own })
}

/// The program's absolute path. The session's environment has the same `PATH`, but naming the
/// program here gives its absence an exit code of its own. What a person names is taken from where they work, too,
/// but not because an entry of `PATH` is relative: whatever they typed, a repository could answer.
fn find(context: &Context, program: &OsString) -> Result<OsString> {
    if Path::new(program).components().count() > 1 {
        return Ok(program.clone());
    }
    let path = context.variable("PATH").map(std::env::split_paths).into_iter().flatten();
    let path = std::env::join_paths(path.filter(|entry| entry.is_absolute())).unwrap_or_default();
    which::which_in(program, Some(path), "/").map(Into::into).map_err(|_| {
        Failure::of(
            crate::model::Kind::NoClaude,
            format!("there is no program '{}'", program.to_string_lossy()),
        )
    })
}

//! The programs: the one that is started as Claude, and this one.

use std::path::{Path, PathBuf};

use crate::claude;
use crate::model::{Failure, Result};
use crate::os::{self, Candidate};
use crate::work::context::Context;

/// Claude's program, as the settings name it.
pub(crate) fn claude_program(context: &Context) -> Result<PathBuf> {
    let config = context.config()?;
    let home = context.home().ok().and_then(|home| home.to_str().map(str::to_owned));
    let variable = |name: &str| -> Result<Option<String>, std::env::VarError> {
        match context.variable(name).and_then(|value| value.to_str()) {
            Some(value) => Ok(Some(value.to_owned())),
            None => Err(std::env::VarError::NotPresent),
        }
    };
    let expanded = shellexpand::full_with_context(&config.claude, || home, variable).map_err(|error| {
        Failure::usage(format!("claude in config.toml needs ${{{}}}, which is not set", error.var_name))
    })?;
    find(context, &expanded)
}

/// Returns Claude's program, as `configured` names it.
pub(crate) fn find(context: &Context, configured: &str) -> Result<PathBuf> {
    let is_ours = |candidate: &Candidate| is_shim(context, candidate);
    claude::find_program(configured, context.variable("PATH"), is_ours, |real| {
        !is_in_a_sandbox(context, real)
    })
}

/// Returns true if a sandbox could write `path`, a real one; or if there is no telling. Whoever works on a Claude of
/// their own has a link on `PATH` that leads into its project.
fn is_in_a_sandbox(context: &Context, path: &Path) -> bool {
    let sessions = context.store().and_then(crate::store::Store::sessions);
    let Ok(sessions) = sessions else { return true };
    sessions.into_iter().any(|entry| {
        entry.record.map_or(true, |session| {
            let directory = crate::work::directory::real(session.directory());
            let written = crate::git::Checkout::of(&directory).map_or(directory, |checkout| checkout.root);
            session.isolation == crate::model::Isolation::Sandbox && path.starts_with(written)
        })
    })
}

/// Returns this program, by the path it is found under: a package manager moves the file behind it.
pub(crate) fn this_program(context: &Context) -> Result<PathBuf> {
    let program = context
        .this_program()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let name = program.file_name().unwrap_or_default();
    let is_this = |found: &Candidate| {
        os::is_out_of_reach(found) && (found.path == program || os::is_same_file(&found.path, &program))
    };
    let found = os::find_program(name, context.variable("PATH"), is_this);
    Ok(found.unwrap_or(program))
}

/// Returns true if a program found as Claude is a shim: this one, or that of another `cs` on the machine.
/// Two of those would find each other for ever.
fn is_shim(context: &Context, candidate: &Candidate) -> bool {
    let path = &candidate.path;
    let in_its_directory = context.store().is_ok_and(|store| {
        let shim = store.shim_path();
        *path == shim
            || path.parent().zip(shim.parent()).is_some_and(|(theirs, ours)| os::is_same_file(theirs, ours))
    });
    let target = &candidate.real;
    in_its_directory
        || target.file_stem().is_some_and(|stem| stem == "cs")
        || context
            .this_program()
            .and_then(|program| os::real_path(&program))
            .is_ok_and(|ours| ours == *target)
}

//! The programs: the one that is started as Claude, and this one.

use std::path::{Path, PathBuf};

use crate::claude;
use crate::model::{Failure, Result};
use crate::os;
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
    claude::find_program(&expanded, context.variable("PATH"), |path| is_shim(context, path))
}

/// Returns this program, by the path it is found under: a package manager moves the file behind it.
pub(crate) fn this_program(context: &Context) -> Result<PathBuf> {
    let program = context
        .this_program()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let path = context.variable("PATH").map(std::env::split_paths).into_iter().flatten();
    let name = program.file_name().unwrap_or_default();
    let found = path.filter(|directory| directory.is_absolute()).map(|directory| directory.join(name));
    Ok(found
        .into_iter()
        .find(|found| *found == program || os::is_same_file(found, &program))
        .unwrap_or(program))
}

/// Returns true if a program found as Claude is a shim: this one, or that of another `cs` on the machine.
/// Two of those would find each other for ever.
pub(crate) fn is_shim(context: &Context, path: &Path) -> bool {
    let in_its_directory = context.store().is_ok_and(|store| {
        let shim = store.shim_path();
        path == shim
            || path.parent().zip(shim.parent()).is_some_and(|(theirs, ours)| os::is_same_file(theirs, ours))
    });
    let Ok(target) = os::real_path(path) else { return false };
    in_its_directory
        || target.file_stem().is_some_and(|stem| stem == "cs")
        || context.this_program().and_then(|program| os::real_path(&program)).is_ok_and(|ours| ours == target)
}

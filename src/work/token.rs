//! The token of an API endpoint, from wherever it comes. It is kept in memory only.

use std::path::Path;

use crate::model::{Failure, Kind, Profile, ProfileKind, Result, TokenSource};
use crate::os;
use crate::work::context::Context;

/// The endpoint's token, from wherever it comes.
pub(crate) fn token(context: &Context, profile: &Profile) -> Result<Option<String>> {
    let ProfileKind::Api(endpoint) = &profile.kind else { return Ok(None) };
    let name = &profile.name;
    // It says where the token goes, and may name a command.
    believed(context, &context.store()?.profile_record_path(name))?;
    let empty = |place: String| Failure::failed(format!("the token of profile '{name}' is empty: {place}"));
    let text = match &endpoint.token {
        TokenSource::None => return Ok(None),
        TokenSource::Literal(token) => token.clone(),
        TokenSource::Variable(variable) => match context.variable(variable.as_str()) {
            Some(value) => value.to_string_lossy().into_owned(),
            None => {
                return Err(Failure::failed(format!(
                    "profile '{name}' takes its token from {variable}, which is not set"
                ))
                .hint(format!("set it: export {variable}=…")));
            }
        },
        TokenSource::File(path) => token_file(context, path)?,
        TokenSource::Entry { file, key } => token_entry(file, key)?,
        TokenSource::Command(command) => token_command(command, name.as_str())?,
    };
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    if line.is_empty() {
        return Err(empty(profile_source(&endpoint.token)));
    }
    if line.chars().any(char::is_control) {
        return Err(Failure::failed(format!("the token of profile '{name}' holds control characters")));
    }
    Ok(Some(line))
}

fn profile_source(source: &TokenSource) -> String {
    match source {
        TokenSource::Variable(name) => name.to_string(),
        TokenSource::Command(command) => format!("the command '{command}'"),
        TokenSource::File(path) => path.display().to_string(),
        TokenSource::Entry { file, key } => format!("{key} in {}", file.display()),
        TokenSource::None | TokenSource::Literal(_) => "its record".into(),
    }
}

/// Fails if somebody else may have written the file `path`.
fn believed(context: &Context, path: &Path) -> Result<()> {
    os::trusted_file(path, context.trusted()).map_err(|why| {
        let failure = Failure::of(Kind::Exposed, why.to_string());
        match why.command() {
            Some(command) => failure.hint(format!("look at what it says; if all of it is yours: {command}")),
            None => failure,
        }
    })
}

fn token_file(context: &Context, path: &Path) -> Result<String> {
    let path = match path.strip_prefix("~") {
        Ok(rest) => context.home()?.join(rest),
        Err(_) => path.to_path_buf(),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let Ok(about) = path.metadata()
            && about.mode() & 0o077 != 0
        {
            return Err(Failure::refused(format!("the token file {} can be read by others", path.display()))
                .hint(format!("make it private: chmod 600 {}", path.display())));
        }
    }
    believed(context, &path)?;
    match os::read_optional(&path) {
        Ok(Some(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Ok(None) => Err(Failure::failed(format!("there is no token file {}", path.display()))),
        Err(error) => Err(Failure::io("read", &path, &error)),
    }
}

/// The text at `key` in the JSON `file` of another program: keys joined by dots. Others may not reach
/// it, by its own mode or by that of a directory it lies in.
fn token_entry(file: &Path, key: &str) -> Result<String> {
    if os::exists(file) && !os::only_owner_reaches(file) {
        return Err(Failure::refused(format!("the token file {} can be read by others", file.display()))
            .hint(format!("make it private: chmod 600 {}", file.display())));
    }
    let text = match os::read_optional(file) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(Failure::failed(format!("there is no token file {}", file.display()))),
        Err(error) => return Err(Failure::io("read", file, &error)),
    };
    let value: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| Failure::failed(format!("{} is no JSON: line {}", file.display(), error.line())))?;
    let found = key.split('.').try_fold(&value, |value, key| value.get(key));
    match found.and_then(serde_json::Value::as_str) {
        Some(token) => Ok(token.to_owned()),
        None => Err(Failure::failed(format!("there is no text at {key} in {}", file.display()))),
    }
}

fn token_command(command: &str, profile: &str) -> Result<String> {
    let output = os::shell_command(command, None)
        .stdin(std::process::Stdio::inherit())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| Failure::failed(format!("cannot run '{command}': {error}")))?;
    if !output.status.success() {
        return Err(Failure::failed(format!(
            "the token command of profile '{profile}' failed ({}): {command}",
            output.status
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

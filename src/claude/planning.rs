//! The plan of a launch: a pure function of what was asked and what was found.
//!
//! See docs/decisions/001-a-session-is-a-config-directory-and-shares-the-login-store.md

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde_json::Value;
use uuid::Uuid;

use super::arguments::{Asked, asked, has_flag};
use super::enclosing::{close_environment, enclose, kept_back, root_of};
use super::injecting::{Injected, inject};
use super::scene::{Continuation, Scene};
use super::settings::{injected, with_end_hook};
use super::sharing::Shared;
use super::variables::{CHILD_MARKERS, CREDENTIALS, MODELS, OURS, XDG, looks_secret};
use crate::model::{
    Change, ConfigHome, EnvChanges, Failure, Isolation, Layout, Link, Mount, Plan, Ports, ProfileKind,
    Program, Result, Sandbox, Session, Subject,
};

/// Makes the plan. Fails where a person's `[env]` makes no sense. Refused where settings would let into a sandbox what
/// was not named.
pub fn plan(subject: &Subject, launch: &Program, scene: &Scene) -> Result<Plan> {
    let mut env = EnvChanges::new();
    identity(subject, scene, &mut env);
    // Variables alone are for a shell outside, which needs its own.
    let runs = *launch != Program::Nothing;
    let secrets = scene.sandbox.as_ref().filter(|_| runs).map(|_| close_environment(scene, &mut env));
    named(scene, &mut env);
    let left_out = personal(subject, scene, &mut env)?;
    endpoint(subject, scene, &mut env);
    directories(subject, scene, &mut env);
    let mut notices = notices(subject, scene, &env);
    notices.extend(scene.notices.iter().cloned().chain(left_out));
    let sandbox = scene.sandbox.as_ref().zip(scene.paths.as_ref());
    let mut layout = layout(subject, scene);
    let Started { command, settings } = start(subject, launch, scene);
    notices.extend(settings.notice);
    layout.settings = settings.file;
    let sandbox = sandbox.map(|(found, paths)| -> Result<Sandbox> {
        notices.extend(kept_back(&secrets.unwrap_or_default(), scene, &env));
        notices.extend(found.notices.iter().cloned());
        let mut sandbox = enclose(launch, paths, found);
        if let Some(file) = settings.given {
            scene.named_file.as_ref().map_or(Ok(()), |named| named.refuse_led_out(&sandbox.mounts))?;
            sandbox.mounts.put(file, Mount::Read);
        }
        root_of(&sandbox, &mut layout);
        Ok(sandbox)
    });
    let sandbox = sandbox.transpose()?;
    Ok(Plan { directory: scene.directory.clone(), command, layout, sandbox, env, notices })
}

/// Removes everything that says whose child we are and who is billed.
fn identity(subject: &Subject, scene: &Scene, env: &mut EnvChanges) {
    for name in CHILD_MARKERS.iter().chain(CREDENTIALS).chain(OURS) {
        env.unset(name);
    }
    let foreign_endpoint = present(scene, "ANTHROPIC_BASE_URL");
    if foreign_endpoint || matches!(subject.profile().kind, ProfileKind::Api(_)) {
        for name in MODELS {
            env.unset(name);
        }
    }
    // Claude sets this for its children, so that git does not wait for an editor nobody sees.
    if present(scene, "CLAUDECODE")
        && scene.environment.get(OsStr::new("GIT_EDITOR")).is_some_and(|v| v == "true")
    {
        env.unset("GIT_EDITOR");
    }
    env.set("CS_PROFILE", subject.profile().name.as_str());
    if let (Subject::Session(session, _), Some(paths)) = (subject, &scene.paths) {
        env.set("CS_SESSION", session.name.as_str());
        env.set("CS_SESSION_ID", session.id.to_string());
        env.set("CS_SLUG", session.name.slug());
        for (name, port) in session.ports.into_iter().flat_map(Ports::variables) {
            env.set(name, port.to_string());
        }
        env.set("CLAUDE_SESSION_ID", session.id.to_string());
        env.set("CLAUDE_SESSION_DIR", text(&paths.config));
        env.set("CLAUDE_HISTORY_FILE", text(&paths.config.join("history.jsonl")));
        // What Claude says at its end is `<this> --resume ID` (2.1.329), which works anywhere with
        // us, and only inside the session's config directory with `claude`.
        env.set("CLAUDE_CODE_RESUME_HINT_COMMAND", scene.family.as_str());
    }
}

/// Sets the variables that the repository's programs read, to the values that the session has for them.
fn named(scene: &Scene, env: &mut EnvChanges) {
    for (name, source) in &scene.named {
        let value = env.get(source.as_str()).and_then(Change::value).map(str::to_owned);
        if let Some(value) = value {
            env.put(name.clone(), Change::Set(value));
        }
    }
}

/// Returns true for a variable of a session's own, which profiles do not have, and some sessions do not.
fn is_of_a_session(name: &str) -> bool {
    Ports::VARIABLES.contains(&name) || ["CS_SESSION", "CS_SESSION_ID", "CS_SLUG"].contains(&name)
}

/// Sets what a person wants set: `config.toml`, then the profile. A value that needs something the
/// session has not is left out; for a session that is said.
fn personal(subject: &Subject, scene: &Scene, env: &mut EnvChanges) -> Result<Vec<String>> {
    let mut left_out = Vec::new();
    let profile = subject.profile();
    let tables =
        [("config.toml".to_owned(), &scene.env), (format!("profile '{}'", profile.name), &profile.env)];
    for (place, table) in tables {
        for (name, value) in table {
            if OURS.contains(&name.as_str()) || name.as_str() == "HOME" {
                return Err(Failure::usage(format!("[env] of {place} sets {name}, which cs decides itself"))
                    .hint("take that line out"));
            }
            let known = |wanted: &str| -> Result<Option<String>, std::convert::Infallible> {
                if OURS.contains(&wanted)
                    && let Some(change) = env.get(wanted)
                {
                    return Ok(change.value().map(str::to_owned));
                }
                let value = scene.environment.get(OsStr::new(wanted));
                Ok(value.and_then(|value| value.to_str()).map(str::to_owned))
            };
            let home = scene.home.to_str().map(str::to_owned);
            let filled = shellexpand::full_with_context(
                value,
                || home,
                |wanted| match known(wanted) {
                    Ok(Some(value)) => Ok(Some(value)),
                    _ => Err(wanted.to_owned()),
                },
            );
            if let Err(error) = &filled
                && is_of_a_session(&error.var_name)
            {
                if let Subject::Session(session, _) = subject {
                    left_out.push(format!(
                        "{name} in [env] of {place} is left out: session '{}' has no {}",
                        session.name, error.var_name
                    ));
                }
                continue;
            }
            let filled = filled.map_err(|error| {
                Failure::usage(format!(
                    "{name} in [env] of {place} needs ${{{}}}, which is not set",
                    error.var_name
                ))
            })?;
            let secret = CREDENTIALS.contains(&name.as_str()) || looks_secret(name.as_str());
            let value = filled.into_owned();
            env.put(name.clone(), if secret { Change::SetSecret(value) } else { Change::Set(value) });
        }
    }
    Ok(left_out)
}

/// Sets what an endpoint needs.
fn endpoint(subject: &Subject, scene: &Scene, env: &mut EnvChanges) {
    let ProfileKind::Api(endpoint) = &subject.profile().kind else { return };
    if let Some(url) = &endpoint.base_url {
        env.set("ANTHROPIC_BASE_URL", url.clone());
    }
    if let Some(token) = &scene.token {
        env.put(endpoint.token_as.clone(), Change::SetSecret(token.clone()));
    }
}

/// Sets the places of the config directory and the login.
fn directories(subject: &Subject, scene: &Scene, env: &mut EnvChanges) {
    let profile = &subject.profile().home;
    match (subject, &scene.paths) {
        (Subject::Session(session, _), Some(paths)) if session.isolation != Isolation::None => {
            if let Some(home) = &paths.home {
                env.set("HOME", text(home));
                for name in XDG {
                    // One that a person set for the session is meant.
                    if env.get(name).is_none() {
                        env.unset(name);
                    }
                }
                // What `cs` needs in there to find what it finds outside: the status line, hooks, a person.
                env.set("CS_REAL_HOME", text(&scene.home));
                env.set("CS_HOME", text(&scene.kept.0));
                env.set("CS_CONFIG", text(&scene.kept.1));
            } else {
                env.set("CLAUDE_CONFIG_DIR", text(&paths.config));
            }
            let store = match profile {
                // Defined but empty is Claude's own word for the store of `~/.claude`: on macOS it
                // is the only way to the Keychain item without a suffix. With another HOME that
                // word would mean another directory, and Windows has no empty variables.
                ConfigHome::Default { .. } if paths.home.is_none() && !cfg!(windows) => String::new(),
                other => text(&other.directory()),
            };
            match scene.sandbox.as_ref().map(|found| &found.login) {
                None => env.set("CLAUDE_SECURESTORAGE_CONFIG_DIR", store),
                Some(Some(login)) => env.set("CLAUDE_SECURESTORAGE_CONFIG_DIR", text(login)),
                // An endpoint's token is in a variable: the session's own directory will do.
                Some(None) => env.unset("CLAUDE_SECURESTORAGE_CONFIG_DIR"),
            }
            if let Some(plugins) = &scene.plugins {
                env.set("CLAUDE_CODE_PLUGIN_CACHE_DIR", text(plugins));
            }
        }
        _ => {
            if let ConfigHome::Directory(directory) = profile {
                env.set("CLAUDE_CONFIG_DIR", text(directory));
            }
        }
    }
}

/// A program with its arguments, and the settings that are among them.
#[derive(Default)]
struct Started {
    command: Vec<OsString>,
    settings: Injected,
}

/// Returns what is started.
fn start(subject: &Subject, launch: &Program, scene: &Scene) -> Started {
    let arguments = match launch {
        Program::Nothing => return Started::default(),
        Program::Other(command) => return Started { command: command.clone(), ..Started::default() },
        Program::Claude(arguments) => arguments,
    };
    let mut command = scene.program.clone();
    let asked = asked(arguments);
    let mut ours = None;
    if let Subject::Session(session, _) = subject
        && asked != Asked::Command
    {
        if asked == Asked::Conversation {
            command.extend(conversation_flags(session, &scene.start, arguments));
        }
        let isolated = session.isolation != Isolation::None;
        if isolated || scene.ended.is_some() {
            ours = Some(settings_of_ours(isolated, scene));
        }
    }
    let mut settings = inject(ours, arguments, scene.named_file.as_ref(), scene.settings.as_ref());
    command.append(&mut settings.words);
    Started { command, settings }
}

/// Returns the settings that a session is given, `isolated` from others or not.
fn settings_of_ours(isolated: bool, scene: &Scene) -> Value {
    let ours = if isolated {
        injected(&scene.home, has_base_rules(scene), scene.memory.as_deref(), scene.status_line.as_deref())
    } else {
        Value::Object(serde_json::Map::new())
    };
    match &scene.ended {
        Some(command) => with_end_hook(ours, command),
        None => ours,
    }
}

/// Returns true if the rules of the session are those of the user's own `~/.claude`.
fn has_base_rules(scene: &Scene) -> bool {
    let base = scene.base_rules.as_deref();
    base.is_some()
        && scene.shared.iter().any(|shared| shared.item == "rules" && Some(shared.target.as_path()) == base)
}

fn conversation_flags(session: &Session, start: &Continuation, arguments: &[OsString]) -> Vec<OsString> {
    let by_file = |id: &Uuid, file: &Option<OsString>| file.clone().unwrap_or_else(|| id.to_string().into());
    let mut flags: Vec<OsString> = match start {
        Continuation::Unsaid => return Vec::new(),
        Continuation::Resume(id, file) => return vec!["--resume".into(), by_file(id, file)],
        Continuation::New(id) => vec!["--session-id".into(), id.to_string().into()],
        Continuation::Fork { from, file, id } => vec![
            "--resume".into(),
            by_file(from, file),
            "--fork-session".into(),
            "--session-id".into(),
            id.to_string().into(),
        ],
    };
    if !has_flag(arguments, &["-n", "--name"]) {
        flags.extend(["-n".into(), session.name.as_str().into()]);
    }
    flags
}

fn layout(subject: &Subject, scene: &Scene) -> Layout {
    let mut layout = Layout::default();
    match (subject, &scene.paths) {
        (Subject::Session(session, _), Some(paths)) => {
            if let Some(settings) = &scene.settings {
                layout.outdated.clone_from(&settings.outdated);
                layout.base = Some(paths.root.clone());
            }
            if session.isolation == Isolation::None {
                return layout;
            }
            layout.base = Some(paths.root.clone());
            layout.directories.extend(paths.home.iter().cloned());
            layout.directories.push(paths.config.clone());
            layout.directories.extend(scene.directories.iter().cloned());
            layout.directories.extend(scene.sandbox.iter().filter_map(|found| found.login.clone()));
            layout.links.extend(links(&paths.config, &scene.shared));
            layout.links.extend(scene.history.iter().cloned());
            layout.links.extend(scene.home_links.iter().cloned());
            layout.private.extend(scene.private.iter().map(|item| paths.config.join(item)));
            layout.private.extend(scene.unlinked.iter().cloned());
        }
        (Subject::Profile(profile), _) => {
            if let ConfigHome::Directory(directory) = &profile.home {
                layout.base = directory.parent().map(Path::to_path_buf);
                layout.directories.push(directory.clone());
                layout.directories.extend(scene.directories.iter().cloned());
                layout.links.extend(links(directory, &scene.shared));
                layout.links.extend(scene.history.iter().cloned());
                layout.private.extend(scene.private.iter().map(|item| directory.join(item)));
            }
        }
        _ => {}
    }
    layout.servers.clone_from(&scene.servers);
    layout.manifest.clone_from(&scene.manifest);
    layout.files.clone_from(&scene.seeds);
    layout
}

fn links(config: &Path, shared: &[Shared]) -> Vec<Link> {
    shared
        .iter()
        .map(|shared| Link { path: config.join(shared.item), target: shared.target.clone() })
        .collect()
}

/// Returns the lines that tell a person which credentials of the shell are not passed on.
fn notices(subject: &Subject, scene: &Scene, env: &EnvChanges) -> Vec<String> {
    let mut notices = Vec::new();
    let exported = |name: &str| scene.exported.get(OsStr::new(name)).filter(|value| !value.is_empty());
    let name = &subject.profile().name;
    let dropped: BTreeSet<&str> = CREDENTIALS
        .iter()
        .copied()
        .filter(|variable| exported(variable).is_some() && env.get(variable) == Some(&Change::Unset))
        .collect();
    if !dropped.is_empty() {
        let list = dropped.into_iter().collect::<Vec<_>>().join(", ");
        notices.push(format!(
            "not passing on {list}: profile '{name}' decides who is billed (to keep one, name it in [env]: cs profile edit {name})"
        ));
    }
    if let Subject::Session(session, _) = subject
        && session.isolation == Isolation::Home
        && cfg!(target_os = "macos")
        && matches!(scene.start, Continuation::New(_))
    {
        notices.push("on macOS Claude's login is in the Keychain, which a session with a home of its own does not find: it asks for one".into());
    }
    // Inside a session of ours the variable is ours; anywhere else somebody relies on it.
    if let Some(directory) = exported("CLAUDE_CONFIG_DIR")
        && exported("CS_PROFILE").is_none()
        && !subject.profile().home.is(Path::new(directory))
    {
        let directory = directory.to_string_lossy();
        notices.push(format!(
            "not using CLAUDE_CONFIG_DIR={directory} (to make it a profile: cs profile adopt NAME {directory})"
        ));
    }
    notices
}

fn present(scene: &Scene, name: &str) -> bool {
    scene.environment.get(OsStr::new(name)).is_some_and(|value| !value.is_empty())
}

/// Returns a path as text. Paths of ours are UTF-8: the store refuses others.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;

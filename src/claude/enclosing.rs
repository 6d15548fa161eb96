//! The sandbox and environment of a sandboxed session: a pure function of what was found.
//!
//! See docs/decisions/012-a-sandbox-has-a-login-of-its-own.md

use std::collections::BTreeSet;
use std::ffi::OsStr;

use super::arguments::{Asked, asked};
use super::scene::Scene;
use super::variables::looks_secret;
use crate::model::{Engine, EnvChanges, Layout, Link, Mount, Program, Sandbox, SessionPaths, Surroundings};

/// Variables that lead to what is not in a sandbox: sockets, and directories for passing files.
const LEADING_OUT: &[&str] = &[
    "CLAUDE_CODE_SSE_PORT",
    "CLAUDE_CODE_TMPDIR",
    "CONTAINER_HOST",
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "DISPLAY",
    "DOCKER_HOST",
    "GIT_ASKPASS",
    "GPG_AGENT_INFO",
    "NVIM",
    "PULSE_SERVER",
    "SSH_AGENT_PID",
    "SSH_ASKPASS",
    "SSH_AUTH_SOCK",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TMUX",
    "TMUX_PANE",
    "VSCODE_GIT_ASKPASS_EXTRA_ARGS",
    "VSCODE_GIT_ASKPASS_MAIN",
    "VSCODE_GIT_ASKPASS_NODE",
    "VSCODE_GIT_IPC_HANDLE",
    "VSCODE_IPC_HOOK_CLI",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "ZELLIJ",
    "ZELLIJ_SESSION_NAME",
];

/// Unsets, before a person's own `[env]` is set, the variables that lead out and those that are secret by
/// name. Returns the names of the secrets.
pub(super) fn close_environment(scene: &Scene, env: &mut EnvChanges) -> BTreeSet<String> {
    for name in LEADING_OUT {
        env.unset(name);
    }
    // A Claude that cannot be written cannot update itself, and says so on every screen.
    env.set("DISABLE_AUTOUPDATER", "1");
    let secrets: BTreeSet<String> = scene
        .environment
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| name.to_str())
        .filter(|name| looks_secret(name) && env.get(name).is_none())
        .map(str::to_owned)
        .collect();
    for name in &secrets {
        env.unset(name);
    }
    secrets
}

/// The sandbox of a session, for `launch`.
pub(super) fn enclose(launch: &Program, paths: &SessionPaths, found: &Surroundings) -> Sandbox {
    let mut mounts = found.system.clone();
    mounts.extend(&found.home);
    mounts.extend(&found.more);
    mounts.extend(&found.work);
    mounts.extend(&found.own);
    let is_claude = matches!(launch, Program::Claude(arguments) if asked(arguments) != Asked::Command);
    Sandbox {
        engine: found.engine,
        program: found.program.clone(),
        abilities: found.abilities,
        mounts: mounts.without_known_links(),
        network: found.network,
        root: paths.root.clone(),
        is_claude,
        scratch: paths.root.join("root"),
        unnoted: found.unnoted.clone(),
    }
}

/// Adds the directory that podman makes a root of, with the links in it, to `layout`. bubblewrap's root
/// is in memory.
pub(super) fn root_of(sandbox: &Sandbox, layout: &mut Layout) {
    if sandbox.engine != Engine::Podman {
        return;
    }
    layout.directories.push(sandbox.scratch.clone());
    layout.links.extend(sandbox.mounts.iter().filter_map(|(path, mount)| match mount {
        Mount::Link(target) => {
            let inside = path.strip_prefix("/").unwrap_or(path);
            Some(Link { path: sandbox.scratch.join(inside), target: target.clone() })
        }
        _ => None,
    }));
}

/// Returns the line that tells a person which secrets of the shell are not passed on.
pub(super) fn kept_back(secrets: &BTreeSet<String>, scene: &Scene, env: &EnvChanges) -> Option<String> {
    let list: Vec<&str> = secrets
        .iter()
        .map(String::as_str)
        .filter(|name| env.get(name).is_some_and(|change| change.value().is_none()))
        .filter(|name| scene.exported.contains_key(OsStr::new(name)))
        .collect();
    (!list.is_empty()).then(|| {
        format!("not in the sandbox: {} (to let one in, name it in [env]: cs config edit)", list.join(", "))
    })
}

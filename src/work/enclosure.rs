//! The enclosure: what there is on this machine to make a session's sandbox from.
//!
//! See docs/decisions/012-a-sandbox-has-a-login-of-its-own.md

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::claude::{self, Scene};
use crate::config::{SandboxEngine, SandboxNetwork};
use crate::model::{
    Abilities, Engine, Failure, Kind, Mount, Mounts, Plan, Profile, ProfileKind, Program, Result, Session,
    SessionPaths, Surroundings,
};
use crate::os;
use crate::sandbox;
use crate::work::context::Context;
use crate::work::walls::{Ground, Guarded, Site, real_of, trail};

/// The directories in which systems keep their programs and settings. Those of other systems are not there.
const SYSTEM: &[&str] = &[
    "/bin",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix",
    "/opt",
    "/run/current-system",
    "/sbin",
    "/usr",
    "/var/lib/ca-certificates",
];

/// Files of a person's that git reads. One of them may hold what nobody else should know: the file of
/// `git credential-store` in the same directory is left out.
const GIT_SETTINGS: &[&str] =
    &[".gitconfig", ".config/git/attributes", ".config/git/config", ".config/git/ignore"];

/// Variables that name certificates, which whoever speaks through a proxy needs.
const CERTIFICATES: &[&str] = &[
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// Looks for what the sandbox of `session` is made from, to run `launch` as `scene`, as far as it has been
/// looked at, has it. Where nothing is to be run, no engine is asked whether it works.
///
/// Refused where a directory that would be writable leads out of the sandbox again, where the session works is not what
/// it was, and where a link that may have been put there from inside a sandbox leads to anything that would be in it.
pub(crate) fn surroundings(
    context: &Context,
    session: &Session,
    profile: &Profile,
    launch: &Program,
    scene: &Scene,
    paths: &SessionPaths,
) -> Result<Surroundings> {
    let (name, directory) = (&session.name, scene.directory.as_path());
    let (engine, engine_program, abilities) = engine(context, launch)?;
    let settings = &context.config()?.sandbox;
    let guarded = Guarded::gather(context)?;
    let mut notices = Vec::new();

    let system = system();
    let site = Site::of(directory, &guarded)?;
    if let Some(why) = guarded.against_writing(&site.real) {
        return Err(Failure::refused(format!(
            "session '{name}' cannot work in {} in a sandbox: {why}",
            directory.display()
        ))
        .hint(format!("in a project: cs --dir DIRECTORY {name}; without a sandbox, another session: cs --isolation config-dir NAME")));
    }
    let mut ground = Ground::new(context, &guarded, Some(session), &site.walls);
    site.check(session, directory, &ground)?;
    let unnoted = (session.walls.is_none() && directory == session.directory()).then(|| site.walls.clone());
    let mut work = site.contents(name)?;
    if !work.lets_write(&site.real) {
        work.put(&site.real, Mount::Write);
    }
    for (path, target) in site.links {
        work.put(path, Mount::Link(target));
    }

    let mut more = Mounts::new();
    listed(context, &guarded, &mut ground, &mut more, &mut notices)?;
    let ours = context.this_program().map(OsString::from).ok();
    let run = match launch {
        Program::Claude(_) => scene.program.iter().chain(&ours).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    for word in run {
        runnable(context, Path::new(word), &ground, &system, &mut more)?;
    }
    let mut home = Mounts::new();
    let (real_home, links) = trail("find", &scene.home)?;
    home.put(real_home, Mount::Empty);
    for (path, target) in links {
        home.put(path, Mount::Link(target));
    }
    for settings in GIT_SETTINGS {
        readable(&format!("~/{settings}"), &scene.home.join(settings), &ground, &system, &mut more)?;
    }
    if let Some(plugins) = &scene.plugins {
        readable("what the profile shares", plugins, &ground, &system, &mut more)?;
    }
    certificates(context, session, &guarded, &ground, &system, &mut more)?;
    for (_, place) in &guarded.places {
        if system.holds(place) || more.holds(place) {
            more.put(place, Mount::Empty);
        }
    }
    for shared in &scene.shared {
        readable("what the profile shares", &shared.target, &ground, &system, &mut more)?;
    }
    let login = match &profile.kind {
        ProfileKind::Account => Some(context.store()?.profile_root(profile.host()).join("sandbox")),
        ProfileKind::Api(_) => None,
    };
    let mut own = Mounts::new();
    for path in std::iter::once(&paths.config).chain(&login) {
        own.put(real_of(path), Mount::Write);
    }
    if let Some(login) = &login
        && matches!(launch, Program::Claude(arguments) if claude::asked(arguments) != claude::Asked::Command)
        && !claude::has_login_file(login)
        && !has_credential(context, profile)
    {
        notices.push(format!(
            "sandboxes of profile '{}' have a login of their own, made once: cs {name} auth login",
            profile.name
        ));
    }
    if *launch == Program::Nothing {
        notices.push(format!("session '{name}' is a sandbox, and who has its variables is not in it: Claude is, where cs starts it"));
    }
    let network = settings.network == SandboxNetwork::Host;
    if !network && matches!(launch, Program::Claude(_)) {
        notices.push("this sandbox has no network, so Claude cannot reach its API (network in [sandbox]: cs config edit)".into());
    }
    let program = engine_program;
    Ok(Surroundings {
        engine,
        program,
        abilities,
        system,
        home,
        work,
        own,
        more,
        network,
        login,
        unnoted,
        notices,
    })
}

/// Lets the certificates be read that variables name.
fn certificates(
    context: &Context,
    session: &Session,
    guarded: &Guarded,
    ground: &Ground<'_>,
    system: &Mounts,
    more: &mut Mounts,
) -> Result<()> {
    for name in CERTIFICATES {
        let Some(certificates) = context.variable(name).filter(|path| !path.is_empty()) else { continue };
        let Ok(certificates) = context.absolute(Path::new(certificates)) else { continue };
        let real = os::real_path(&certificates);
        if let Some(why) = real.ok().and_then(|real| guarded.against_reading(&real)) {
            return Err(Failure::refused(format!(
                "what {name} names is not let into the sandbox: {}: {why}",
                certificates.display()
            ))
            .hint(format!("for this start: env -u {name} cs {}", session.name)));
        }
        readable(name, &certificates, ground, system, more)?;
    }
    Ok(())
}

/// Lets in what the settings list. What is not there is told.
fn listed(
    context: &Context,
    guarded: &Guarded,
    ground: &mut Ground<'_>,
    more: &mut Mounts,
    notices: &mut Vec<String>,
) -> Result<()> {
    let settings = &context.config()?.sandbox;
    let mut found = Vec::new();
    for (listed, mount) in settings
        .read
        .iter()
        .map(|path| (path, Mount::Read))
        .chain(settings.write.iter().map(|path| (path, Mount::Write)))
    {
        let path = expanded(context, listed)?;
        let Ok((real, links)) = os::trail(&path) else {
            notices.push(format!("{} is not there to be let into the sandbox", path.display()));
            continue;
        };
        let why = if mount == Mount::Write {
            guarded.against_writing(&real)
        } else {
            guarded.against_reading(&real)
        };
        let key = if mount == Mount::Write { "write" } else { "read" };
        if let Some(why) = why {
            return Err(Failure::refused(format!(
                "'{listed}' in [sandbox] {key} is not let into the sandbox: {why}"
            ))
            .hint("name less of it: cs config edit"));
        }
        if mount == Mount::Write {
            ground.extend(&real);
        }
        found.push((key, path, real, links, mount));
    }
    for (key, path, real, links, mount) in found {
        ground.check(&format!("{key} in [sandbox]"), &path, &links)?;
        for (path, target) in links {
            more.put(path, Mount::Link(target));
        }
        more.put(real, mount);
    }
    Ok(())
}

/// Returns true if Claude is given a credential by a variable, and needs no login.
fn has_credential(context: &Context, profile: &Profile) -> bool {
    let of_all = context.config().map(|config| &config.env).ok();
    let mut named = of_all.into_iter().flat_map(BTreeMap::keys).chain(profile.env.keys());
    named.any(|name| claude::CREDENTIALS.contains(&name.as_str()))
}

/// Returns what holds the sandbox. A machine other than Linux has nothing that could.
fn engine(context: &Context, launch: &Program) -> Result<(Engine, PathBuf, Abilities)> {
    refuse_elsewhere()?;
    if *launch == Program::Nothing {
        return Ok((Engine::Bwrap, PathBuf::new(), Abilities::default()));
    }
    working_engine(context)
}

/// The engine of the settings. Fails where it is not installed, and where it cannot work here.
pub(crate) fn working_engine(context: &Context) -> Result<(Engine, PathBuf, Abilities)> {
    let engines: &[Engine] = match context.config()?.sandbox.engine {
        SandboxEngine::Auto => &[Engine::Bwrap, Engine::Podman],
        SandboxEngine::Bwrap => &[Engine::Bwrap],
        SandboxEngine::Podman => &[Engine::Podman],
    };
    let (engine, program) = sandbox::find(engines, context.variable("PATH"))?;
    let abilities = sandbox::abilities(engine, &program)?;
    Ok((engine, program, abilities))
}

/// Sandboxes are for Linux.
pub(crate) fn refuse_elsewhere() -> Result<()> {
    if cfg!(target_os = "linux") {
        return Ok(());
    }
    let failure = Failure::refused("isolation sandbox is for Linux");
    Err(if cfg!(target_os = "macos") {
        failure.hint("on macOS Claude has a sandbox of its own for the commands it runs: /sandbox")
    } else {
        failure.hint("in WSL cs has it; without: cs --isolation config-dir NAME")
    })
}

/// The programs and settings of the system, and what its names of hosts are looked up by.
fn system() -> Mounts {
    let mut mounts = Mounts::new();
    for path in SYSTEM.iter().map(Path::new) {
        match std::fs::read_link(path) {
            Ok(target) => mounts.put(path, Mount::Link(target)),
            Err(_) if path.is_dir() => let_in(path, &Mounts::new(), &mut mounts),
            Err(_) => {}
        }
    }
    let_in(Path::new("/etc/resolv.conf"), &Mounts::new(), &mut mounts);
    mounts.put("/tmp", Mount::Empty);
    mounts
}

/// Lets `path` be read where it is, with the links on the way to it. What is not there is left out. Refused where a link
/// on the way may have been put there from inside a sandbox; `what` says what it is of use for.
fn readable(
    what: &str,
    path: &Path,
    ground: &Ground<'_>,
    system: &Mounts,
    mounts: &mut Mounts,
) -> Result<()> {
    if let Ok((_, links)) = os::trail(path) {
        ground.check(what, path, &links)?;
    }
    let_in(path, system, mounts);
    Ok(())
}

/// Lets `path` be read where it is, with the links on the way to it, whoever made them.
fn let_in(path: &Path, system: &Mounts, mounts: &mut Mounts) {
    let Ok((real, links)) = os::trail(path) else { return };
    if !system.holds(&real) {
        mounts.let_in(&real);
    }
    for (path, target) in links {
        if !system.holds(&path) && !mounts.holds(&path) && !is_of_system(&path) {
            mounts.put(path, Mount::Link(target));
        }
    }
}

/// Returns true if `path` is one of the system's own, which may be a link itself.
fn is_of_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}

/// Lets `program` be run where it is: with the links that lead to it, with what else is in its package
/// where it is one of Node's, and with the interpreter that a script names. What a script says that can be written from
/// inside a sandbox lets nothing in.
fn runnable(
    context: &Context,
    program: &Path,
    ground: &Ground<'_>,
    system: &Mounts,
    mounts: &mut Mounts,
) -> Result<()> {
    const WHAT: &str = "what is run in it";
    readable(WHAT, program, ground, system, mounts)?;
    let Ok(real) = os::real_path(program) else { return Ok(()) };
    if let Some(package) = package_of(&real).filter(|package| !system.holds(package)) {
        mounts.let_in(package);
    }
    if ground.lets_write(&real)? {
        return Ok(());
    }
    let Some(line) = first_line(&real) else { return Ok(()) };
    let mut words = line.split_ascii_whitespace();
    let Some(interpreter) = words.next() else { return Ok(()) };
    readable(WHAT, Path::new(interpreter), ground, system, mounts)?;
    // `#!/usr/bin/env node`
    let named = words.find(|word| !word.starts_with('-') && !word.contains('='));
    if Path::new(interpreter).ends_with("env")
        && let Some(found) = named.and_then(|name| which::which_in(name, context.variable("PATH"), "/").ok())
    {
        readable(WHAT, &found, ground, system, mounts)?;
    }
    Ok(())
}

/// The scope (`@anthropic-ai`), or the package, that a program of Node's is in: what else it needs is
/// there.
fn package_of(program: &Path) -> Option<&Path> {
    let modules = program.ancestors().find(|above| above.file_name() == Some(OsStr::new("node_modules")))?;
    let first = program.strip_prefix(modules).ok()?.components().next()?;
    program.ancestors().find(|above| above.parent() == Some(modules) && above.ends_with(first))
}

/// Returns what stands behind `#!` in a script.
fn first_line(program: &Path) -> Option<String> {
    use std::io::Read;
    let mut start = Vec::new();
    os::open_regular(program).ok()?.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    String::from_utf8(line.to_vec()).ok()
}

/// Refuses to start a program that is not in the sandbox, with what to do about it: the engine would only
/// say that there is no such file.
pub(crate) fn refuse_absent(plan: &Plan) -> Result<()> {
    let (Some(sandbox), Some(program)) = (&plan.sandbox, plan.command.first()) else { return Ok(()) };
    let program = Path::new(program);
    let Ok(real) = os::real_path(program) else { return Ok(()) };
    if sandbox.mounts.holds(&real) {
        return Ok(());
    }
    Err(Failure::of(Kind::NoClaude, format!("{} is not in the sandbox", program.display()))
        .hint("to let it in, name it, or what it is in, in read of [sandbox]: cs config edit"))
}

/// A path of the settings, with `~` and `$VARS`.
fn expanded(context: &Context, listed: &str) -> Result<PathBuf> {
    let home = context.home()?.to_str().map(str::to_owned);
    let variable = |name: &str| -> Result<Option<String>, std::env::VarError> {
        match context.variable(name).and_then(OsStr::to_str) {
            Some(value) => Ok(Some(value.to_owned())),
            None => Err(std::env::VarError::NotPresent),
        }
    };
    let text = shellexpand::full_with_context(listed, || home, variable).map_err(|error| {
        Failure::usage(format!("'{listed}' in [sandbox] needs ${{{}}}, which is not set", error.var_name))
    })?;
    let path = PathBuf::from(text.into_owned());
    if path.is_absolute() {
        return Ok(path);
    }
    Err(Failure::usage(format!("'{listed}' in [sandbox] is a relative path")).hint("give it from / or ~ on"))
}

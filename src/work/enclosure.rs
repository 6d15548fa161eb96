//! The enclosure: what there is on this machine to make a session's sandbox from.
//!
//! See docs/decisions/012-a-sandbox-has-a-login-of-its-own.md

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::claude::{self, Scene};
use crate::config::{SandboxEngine, SandboxNetwork};
use crate::git::Checkout;
use crate::model::{
    Abilities, Engine, Failure, Isolation, Kind, Mount, Mounts, Name, Plan, Profile, ProfileKind, Program,
    Result, Session, SessionPaths, Surroundings, Walls,
};
use crate::os;
use crate::sandbox;
use crate::shell::quoted;
use crate::work::context::Context;
use crate::work::directory;

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
    let mut ground = Ground::new(context, session, &site.walls);
    site.check_links(Some(name), directory, &ground)?;
    site.check_against(session, directory)?;
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
        readable(name, &certificates, &ground, &system, &mut more)?;
    }
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

/// Returns the walls for a new session that is to work in `directory`, and the directory to record: one
/// behind a link that is part of the checkout is recorded as the one it leads to. `asked` is the path that a person came
/// by. Refused where that leads out of a checkout, or of what a sandbox can write, by a link in it.
pub(crate) fn walls_for_new(context: &Context, directory: &Path, asked: &Path) -> Result<(PathBuf, Walls)> {
    let guarded = Guarded::gather(context)?;
    let site = Site::of(directory, &guarded)?;
    let ground = Ground::of_others(context, &site.walls);
    let came_by = os::trail(asked).ok().filter(|(real, _)| *real == site.real);
    let came_by = came_by.map(|(real, links)| Site { real, links, walls: site.walls.clone() });
    came_by.as_ref().unwrap_or(&site).check_links(None, asked, &ground)?;
    let through =
        site.links.iter().any(|(link, _)| ground.lets_write(link) || ground.checkout_of(link).is_some());
    Ok((if through { site.real } else { directory.to_path_buf() }, site.walls))
}

/// The directory that a session works in, as it is found now.
struct Site {
    /// The directory, links resolved.
    real: PathBuf,
    /// The links on the way to it.
    links: Vec<(PathBuf, PathBuf)>,
    /// What a record would say of it.
    walls: Walls,
}

impl Site {
    fn of(directory: &Path, guarded: &Guarded) -> Result<Self> {
        let (real, links) = trail("work in", directory)?;
        let checkout = Checkout::of(&real).filter(|found| guarded.against_writing(&found.root).is_none());
        let directories = checkout.as_ref().and_then(Checkout::git_directories);
        let directories =
            directories.filter(|(own, common)| own == common || guarded.against_writing(common).is_none());
        let text = |path: &Path| directory::recordable(path);
        let walls = Walls {
            directory: text(&real)?,
            checkout: checkout.map(|found| text(&found.root)).transpose()?,
            git: directories.as_ref().map(|(own, _)| text(own)).transpose()?,
            common: directories.as_ref().map(|(_, common)| text(common)).transpose()?,
        };
        Ok(Self { real, links, walls })
    }

    /// Refuses another place than the one that was recorded, where that is asked for, and a repository that was not
    /// in it.
    fn check_against(&self, session: &Session, directory: &Path) -> Result<()> {
        let is_recorded = directory == session.directory();
        let Some(recorded) = &session.walls else {
            return self.check_worktree(session, is_recorded);
        };
        let name = &session.name;
        if is_recorded && recorded.directory != self.walls.directory {
            return Err(Failure::refused(format!(
                "session '{name}' does not start in a sandbox: {} leads to {} now, and was {} when that was noted",
                directory.display(),
                self.real.display(),
                recorded.directory
            ))
            .hint(format!("if you moved it there yourself: cs --dir {} {name}", quoted(directory)))
            .hint(format!("if not, look what was put there: ls -ld {}", quoted(directory))));
        }
        if (is_recorded || recorded.holds(&self.real)) && !recorded.covers(&self.walls) {
            let now = |walls: &Walls| {
                let git = walls.common.as_ref().or(walls.checkout.as_ref());
                git.cloned().unwrap_or_else(|| "none that can be used".to_owned())
            };
            return Err(Failure::refused(format!(
                "session '{name}' does not start in a sandbox: the repository of {} is {} now, and was {} when that was noted",
                directory.display(),
                now(&self.walls),
                now(recorded)
            ))
            .hint(format!("if you changed it yourself: cs --dir {} {name}", quoted(session.directory())))
            .hint(format!("if not, look what its .git says: cat {}", quoted(&self.top().join(".git")))));
        }
        Ok(())
    }

    /// Refuses the worktree of a session, of which nothing was noted yet, that does not belong to its repository.
    fn check_worktree(&self, session: &Session, is_recorded: bool) -> Result<()> {
        let Some(worktree) = session.worktree.as_deref().filter(|_| is_recorded) else { return Ok(()) };
        let main = os::real_path(worktree.repository()).ok();
        let belongs = self
            .walls
            .common
            .as_deref()
            .map(Path::new)
            .is_some_and(|common| main.as_deref().is_some_and(|main| common.starts_with(main)));
        if belongs || self.walls.checkout.is_none() {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "session '{}' does not start in a sandbox: {} is no worktree of {} any more",
            session.name, worktree.root, worktree.repository
        ))
        .hint(format!("look what its .git says: cat {}", quoted(&self.top().join(".git")))))
    }

    /// Refuses a way to the directory through a link in what `ground` can be written, or in a checkout, that leads out
    /// of it again.
    fn check_links(&self, name: Option<&Name>, directory: &Path, ground: &Ground<'_>) -> Result<()> {
        for (link, _) in &self.links {
            let out_of_checkout = ground.checkout_of(link).filter(|root| !self.real.starts_with(root));
            let out_of_sandbox = ground.top_of(link).filter(|top| !self.real.starts_with(top));
            if out_of_checkout.is_none() && out_of_sandbox.is_none() {
                continue;
            }
            let (who, word) = match name {
                Some(name) => (format!("session '{name}'"), name.as_str()),
                None => ("a new session".to_owned(), "NAME"),
            };
            return Err(Failure::refused(format!(
                "{who} does not start in a sandbox: {} leads to {} through the link {}, which may have been put there from inside one",
                directory.display(),
                self.real.display(),
                link.display()
            ))
            .hint(format!("if you made that link yourself, name where it leads: cs --dir {} {word}", quoted(&self.real))));
        }
        Ok(())
    }

    fn top(&self) -> &Path {
        Path::new(self.walls.checkout.as_ref().unwrap_or(&self.walls.directory))
    }
}

/// The ground that can be written from inside a sandbox: a link there may lead anywhere, and so does not lead into one.
struct Ground<'a> {
    context: &'a Context,
    guarded: Option<Guarded>,
    /// What the sandbox that is made can write, and could before.
    own: Vec<PathBuf>,
    /// What those of other sessions can.
    others: OnceCell<Vec<PathBuf>>,
}

impl<'a> Ground<'a> {
    fn new(context: &'a Context, session: &Session, walls: &Walls) -> Self {
        let mut ground = Self::of_others(context, walls);
        if let Some(recorded) = &session.walls {
            ground.own.extend(tops(recorded));
        }
        ground
    }

    fn of_others(context: &'a Context, walls: &Walls) -> Self {
        let guarded = Guarded::gather(context).ok();
        Self { context, guarded, own: tops(walls), others: OnceCell::new() }
    }

    fn is_guarded(&self, path: &Path) -> bool {
        self.guarded.as_ref().is_some_and(|guarded| guarded.against_writing(path).is_some())
    }

    /// Returns the root of the checkout that `link` is in, if there can be a sandbox for it.
    fn checkout_of(&self, link: &Path) -> Option<PathBuf> {
        Checkout::of(link.parent()?).map(|checkout| checkout.root).filter(|root| !self.is_guarded(root))
    }

    /// Returns the directory that can be written from inside a sandbox and that `path`, a real one, is in. What it is
    /// itself is not decided inside.
    fn top_of(&self, path: &Path) -> Option<&Path> {
        if is_of_system(path) {
            return None;
        }
        let all = self.own.iter().chain(self.others.get_or_init(|| self.gather()));
        all.map(PathBuf::as_path).find(|top| path != *top && path.starts_with(top))
    }

    /// Returns true if `path`, a real one, can be written from inside a sandbox.
    fn lets_write(&self, path: &Path) -> bool {
        self.top_of(path).is_some()
    }

    fn gather(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let Ok(store) = self.context.store() else { return found };
        let sessions = store.sessions().unwrap_or_default().into_iter().filter_map(|entry| entry.record.ok());
        for session in sessions.filter(|session| session.isolation == Isolation::Sandbox) {
            found.push(real_of(&store.session_root(session.id).join("claude")));
            found.push(real_of(&store.profile_root(&session.profile).join("sandbox")));
            match &session.walls {
                Some(walls) => found.extend(tops(walls)),
                None => {
                    let real = real_of(session.directory());
                    found.extend(Checkout::of(&real).map(|checkout| checkout.root));
                    found.push(real);
                }
            }
        }
        let kept = os::real_path(store.root()).unwrap_or_else(|_| store.root().to_path_buf());
        found.retain(|top| !self.is_guarded(top) || top.starts_with(&kept));
        found
    }

    /// Refuses a way to something through a link that can be written from inside a sandbox. `what` says to whom it is
    /// of use.
    fn check(&self, what: &str, path: &Path, links: &[(PathBuf, PathBuf)]) -> Result<()> {
        match links.iter().find(|(link, _)| self.lets_write(link)) {
            None => Ok(()),
            Some((link, target)) => Err(Failure::refused(format!(
                "{} is not let into the sandbox ({what}): the link {} leads to {}, and may have been put there from inside one",
                path.display(),
                link.display(),
                target.display()
            ))
            .hint("name what it leads to instead, or put a file there in place of the link")),
        }
    }
}

/// The directories that a sandbox with these walls can write, git's own aside.
fn tops(walls: &Walls) -> Vec<PathBuf> {
    walls.checkout.iter().chain([&walls.directory]).map(PathBuf::from).collect()
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
            ground.own.push(real.clone());
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

/// Returns the real path of what may not be there yet.
pub(crate) fn real_of(path: &Path) -> PathBuf {
    let known = path.ancestors().find_map(|above| Some((os::real_path(above).ok()?, above)));
    let Some((real, above)) = known else { return path.to_path_buf() };
    real.components().chain(path.components().skip(above.components().count())).collect()
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
    if ground.lets_write(&real) {
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

impl Site {
    /// Returns the checkout that the directory is in, to be written; what git runs, or is told to run, outside of it
    /// is only to be read. What lies in git's own directories may have been put there by an earlier Claude, so no link
    /// there is followed. Refused where there is one in place of what is only to be read: it could be replaced.
    fn contents(&self, name: &Name) -> Result<Mounts> {
        let mut mounts = Mounts::new();
        let Some(root) = self.walls.checkout.as_ref().map(PathBuf::from) else { return Ok(mounts) };
        mounts.put(&root, Mount::Write);
        let (Some(own), Some(common)) = (&self.walls.git, &self.walls.common) else { return Ok(mounts) };
        let (own, common) = (PathBuf::from(own), PathBuf::from(common));
        let settings = os::read_optional(&common.join("config")).ok().flatten().unwrap_or_default();
        let per_worktree = String::from_utf8_lossy(&settings).to_lowercase().contains("worktreeconfig");
        if own == common {
            // A mount of its own: otherwise it could be moved away, and another one put in its place.
            mounts.put(&common, Mount::Write);
            for part in ["config", "config.worktree", "hooks", "info", "modules", "worktrees"] {
                let path = common.join(part);
                let mount = match path.symlink_metadata() {
                    Ok(about) if about.is_dir() || about.is_file() => Mount::Read,
                    Ok(_) => {
                        return Err(Failure::refused(format!(
                            "session '{name}' does not start in a sandbox: {} is a link, and could be replaced from inside",
                            path.display()
                        ))
                        .hint(format!("put what it leads to there in its place: ls -l {}", quoted(&path))));
                    }
                    // What is not there could be made.
                    Err(_) if part == "config.worktree" && per_worktree => Mount::NoText,
                    Err(_) if part.starts_with("config") => continue,
                    Err(_) => Mount::Nothing,
                };
                mounts.put(path, mount);
            }
            return Ok(mounts);
        }
        let is_there =
            |path: &Path| path.symlink_metadata().is_ok_and(|about| about.is_dir() || about.is_file());
        let mut put = |path: PathBuf, mount: Mount| {
            if is_there(&path) {
                mounts.put(path, mount);
            }
        };
        put(root.join(".git"), Mount::Read);
        put(common.clone(), Mount::Read);
        for part in ["objects", "refs", "logs", "reftable", "lfs"] {
            put(common.join(part), Mount::Write);
        }
        let could_be_made = per_worktree && !is_there(&own.join("config.worktree"));
        put(own.clone(), if could_be_made { Mount::Read } else { Mount::Write });
        for part in ["commondir", "gitdir", "config.worktree", "modules"] {
            put(own.join(part), Mount::Read);
        }
        Ok(mounts)
    }
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

/// The places that no sandbox lets in: whoever could write there would be outside.
struct Guarded {
    home: PathBuf,
    /// The places, each with what it is.
    places: Vec<(String, PathBuf)>,
}

impl Guarded {
    fn gather(context: &Context) -> Result<Self> {
        let home = context.home()?;
        let real = |path: PathBuf| os::real_path(&path).unwrap_or(path);
        let mut places = vec![
            ("what cs keeps".to_owned(), real(context.store()?.root().to_path_buf())),
            ("your ~/.claude".to_owned(), real(home.join(".claude"))),
            ("your ~/.ssh".to_owned(), real(home.join(".ssh"))),
        ];
        if let Some(directory) = context.config_path()?.parent() {
            places.push(("the settings of cs".to_owned(), real(directory.to_path_buf())));
        }
        for entry in context.store()?.profiles(&home)? {
            if let Ok(profile) = entry.profile {
                let what = format!("the config directory of profile '{}'", profile.name);
                places.push((what, real(profile.home.directory())));
            }
        }
        Ok(Self { home: real(home), places })
    }

    /// Returns why `path`, a real one, is not to be written from inside; `None` where nothing speaks against it.
    fn against_writing(&self, path: &Path) -> Option<String> {
        self.against_reading(path).or_else(|| {
            let (what, _) = self.places.iter().find(|(_, place)| place.starts_with(path))?;
            Some(format!("{what} would be in it"))
        })
    }

    /// Returns why `path`, a real one, is not to be read from inside; `None` where nothing speaks against it.
    fn against_reading(&self, path: &Path) -> Option<String> {
        if self.home.starts_with(path) {
            return Some("your home directory would be in it".into());
        }
        let (what, _) = self.places.iter().find(|(_, place)| path.starts_with(place))?;
        Some(format!("{what} is there"))
    }
}

fn trail(what: &str, path: &Path) -> Result<(PathBuf, Vec<(PathBuf, PathBuf)>)> {
    os::trail(path).map_err(|error| Failure::io(what, path, &error))
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

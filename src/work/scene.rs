//! The scene that a plan depends on: the disk and the environment, looked at once.
//!
//! See docs/decisions/004-nothing-is-written-to-the-users-own-claude-directory.md

use std::path::{Path, PathBuf};

use crate::claude::{
    self, Asked, ConfigGround, Continuation, NamedFile, Project, Scene, SeedRequest, SettingsPlace, Text,
};
use crate::config::StatuslineConfig;
use crate::git::Checkout;
use crate::model::{
    ConfigHome, Isolation, Layout, Link, ManifestPlace, Plan, Profile, ProfileKind, Program, Result, Session,
    SessionPaths, Subject, VarName, reason,
};
use crate::os::{self, Foreign, MOST_BYTES};
use crate::shell::posix_word;
use crate::store::{self};
use crate::work::context::Context;
use crate::work::history::{Elsewhere, elsewhere};
use crate::work::share::{is_ours, share_of};
use crate::work::token::token;
use crate::work::{binding, enclosure, ending, program, walls};

/// The largest file of settings that is merged with those of `cs`.
const LARGEST_SETTINGS: u64 = 16 << 20;

/// The most settings files of earlier launches that are kept for a session's background jobs.
const MOST_SETTINGS: usize = 32;

/// Looks at the disk and the environment, and plans.
pub(crate) fn plan(
    context: &Context,
    subject: &Subject,
    launch: &Program,
    directory: &Path,
    start: Continuation,
) -> Result<Plan> {
    let token = token(context, subject.profile())?;
    plan_with(context, subject, launch, directory, start, token)
}

/// As [`plan`], for the variables alone. No token is asked for, so none is among them.
pub(crate) fn plan_without_token(context: &Context, subject: &Subject, directory: &Path) -> Result<Plan> {
    plan_with(context, subject, &Program::Nothing, directory, Continuation::Unsaid, None)
}

/// Returns what has to be on disk for a session or profile. No token is asked for.
pub(crate) fn layout(context: &Context, subject: &Subject, directory: &Path) -> Result<Layout> {
    Ok(plan_without_token(context, subject, directory)?.layout)
}

fn plan_with(
    context: &Context,
    subject: &Subject,
    launch: &Program,
    directory: &Path,
    start: Continuation,
    token: Option<String>,
) -> Result<Plan> {
    let config = context.config()?;
    os::take_no_program_from(directory);
    // Only the user's own `~/.claude` and what lies below the home directory need it.
    let home = context.home()?;
    let mut scene = Scene {
        home: home.clone(),
        environment: context.environment.clone(),
        exported: context.shell.environment.clone(),
        program: match (launch, context.wrapped.get()) {
            (Program::Claude(_), Some(command)) => command.clone(),
            (Program::Claude(_), None) => vec![program::claude_program(context)?.into()],
            _ => Vec::new(),
        },
        family: context.shell.call.as_ref().map_or_else(|| "cs".to_owned(), |call| call.family.clone()),
        directory: directory.to_path_buf(),
        kept: (context.store()?.root().to_path_buf(), context.config_path()?),
        paths: None,
        env: config.env.clone(),
        named: std::collections::BTreeMap::new(),
        notices: Vec::new(),
        shared: Vec::new(),
        private: Vec::new(),
        manifest: None,
        base_rules: None,
        directories: Vec::new(),
        plugins: None,
        memory: None,
        history: Vec::new(),
        home_links: Vec::new(),
        unlinked: Vec::new(),
        seeds: Vec::new(),
        servers: std::collections::BTreeMap::new(),
        start,
        named_file: named_file(context, launch, directory),
        settings: None,
        status_line: None,
        token,
        ended: match (subject, launch) {
            // What the hook starts would have to be outside.
            (Subject::Session(session, _), Program::Claude(_)) if session.isolation != Isolation::Sandbox => {
                ending::hook(context, session)?
            }
            _ => None,
        },
        sandbox: None,
    };
    match subject {
        Subject::Profile(profile) => {
            // An adopted directory is used exactly as it is.
            if is_ours(context, profile)? {
                let directory = profile.home.directory();
                let root = context.store()?.profile_root(profile.host());
                if !profile.bare {
                    let share = share_of(context, profile, false)?;
                    scene.shared = claude::shared_items(&home.join(".claude"), &share)?;
                    scene.private = share.private().collect();
                }
                if let Some(elsewhere) = elsewhere(context, None, profile)? {
                    elsewhere_in(&elsewhere, &directory, &mut scene);
                }
                scene.manifest = Some(ManifestPlace::new(&root, &directory));
            }
        }
        Subject::Session(session, profile) => {
            let paths = context.paths(session, profile)?;
            let ground = ConfigGround::of(&paths);
            scene.settings = settings_place(launch, &paths, &ground, session.isolation == Isolation::Sandbox);
            let named = binding::named_by_repository(context, session)?;
            scene.named = named.env;
            if !context.said_unallowed.get() {
                scene.notices.extend(named.unallowed.map(|file| binding::not_allowed(&file)));
            }
            if session.isolation != Isolation::None {
                gather_isolated(context, session, profile, &paths, &ground, &mut scene)?;
                if matches!(launch, Program::Claude(_)) {
                    scene.status_line = status_line(context, &ground, &scene)?;
                }
                if session.isolation == Isolation::Sandbox {
                    // The settings are not in there.
                    scene.status_line = scene.status_line.map(|line| as_set(context, line)).transpose()?;
                    scene.sandbox =
                        Some(enclosure::surroundings(context, session, profile, launch, &scene, &paths)?);
                }
            }
            scene.paths = Some(paths);
        }
    }
    claude::plan(subject, launch, &scene)
}

/// Gathers what an isolated session shares, knows and remembers.
fn gather_isolated(
    context: &Context,
    session: &Session,
    profile: &Profile,
    paths: &SessionPaths,
    ground: &ConfigGround,
    scene: &mut Scene,
) -> Result<()> {
    let share = share_of(context, profile, session.bare)?;
    let base = profile.home.directory();
    let directory = os::real_path(&scene.directory).ok();
    let checkout = directory.as_deref().and_then(Checkout::of);
    // Before a worktree is made, its record says what it will belong to.
    let main = match (&directory, &session.worktree) {
        (None, Some(tree)) => Some(tree.repository().to_path_buf()),
        _ => checkout.map(|checkout| checkout.main),
    };
    let project = Project::new(directory.as_deref().unwrap_or(&scene.directory), main);

    scene.shared = claude::shared_items(&base, &share)?;
    scene.private = share.private().collect();
    scene.manifest = Some(ManifestPlace::new(&paths.root, &paths.config));
    if is_ours(context, profile)? && !profile.bare {
        // What `~/.claude` gained since the profile was made, and the profile has no item of its own for.
        for more in claude::shared_items(&scene.home.join(".claude"), &share)? {
            if !scene.shared.iter().any(|shared| shared.item == more.item)
                && !os::exists(&base.join(more.item))
            {
                scene.shared.push(more);
            }
        }
    }
    if scene.shared.iter().any(|shared| shared.item == "rules") {
        scene.base_rules = os::real_path(&scene.home.join(".claude/rules")).ok();
    }
    let plugins = base.join("plugins");
    scene.plugins = (share.plugins && plugins.is_dir()).then_some(plugins);
    if share.memory {
        let (mut memory, place, mut seeds) = memory_of(context, profile, &claude::slug(&project.root))?;
        // What it notes there would steer the others: it gets a copy, and keeps what it learns.
        if session.isolation == Isolation::Sandbox {
            let own = paths.config.join("memory").join(claude::slug(&project.root));
            seeds = claude::memory_seeds(&place, &own, &Foreign::at(&paths.root, &own))?;
            memory = own;
        }
        scene.memory = Some(memory);
        scene.seeds.extend(seeds);
    }
    if let Some(elsewhere) = elsewhere(context, Some(session), profile)? {
        elsewhere_in(&elsewhere, &paths.config, scene);
    }
    if let Some(home) = &paths.home {
        scene.home_links = home_links(context, home)?;
        // What is not named any more, or is gone there, does not stay here.
        if let Some(place) = &scene.manifest
            && let Ok(manifest) = store::manifest(place)
        {
            let planned = |path: &PathBuf| scene.home_links.iter().any(|link| link.path == *path);
            scene.unlinked = place.in_home(&manifest).into_iter().filter(|path| !planned(path)).collect();
        }
    }
    let wanted = SeedRequest { project: &project, mcp: share.mcp, key: given_a_key(profile, scene) };
    // A session that was started and has no state file has a Claude that keeps none: asking the
    // siblings again at every start would find nothing new to put there.
    let store = context.store()?;
    let first = !paths.config.is_dir() || !os::exists(&store.session_run_path(session.id));
    let worth_asking = first || os::exists(&paths.state);
    let siblings = || if worth_asking { siblings_of(context, session, profile) } else { Vec::new() };
    let (file, of_profile) = (ground.of_state(&paths.state), Foreign::led_to(&profile.home.state_file()));
    let seed = claude::seed_for(&paths.state, &file, &of_profile, siblings, &wanted)?;
    scene.notices.extend(seed.without);
    let seed = seed.file;
    if let Some(seed) = seed.as_ref().filter(|seed| seed.replaces.is_none()) {
        scene.servers = claude::server_hashes(&seed.content);
    }
    scene.seeds.extend(seed);
    Ok(())
}

/// Returns the links that a session with the home `home` finds there: to those of the paths in the settings that
/// the user has.
fn home_links(context: &Context, home: &Path) -> Result<Vec<Link>> {
    let user = context.home()?;
    let in_user = |item: &Path| {
        // The session has none of these variables, and so looks where they lead by themselves.
        let named = [
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_CACHE_HOME", ".cache"),
        ];
        named
            .iter()
            .find_map(|(name, usual)| {
                let directory = context.variable(name).map(Path::new).filter(|path| path.is_absolute())?;
                Some(directory.join(item.strip_prefix(usual).ok()?).components().collect())
            })
            .unwrap_or_else(|| user.join(item))
    };
    let items = &context.config()?.isolation.home_symlinks;
    let mut links: Vec<Link> = items
        .iter()
        .map(|item| Link { path: home.join(item), target: in_user(Path::new(item)) })
        // What the system cannot look at is not taken for gone: its link stays.
        .filter(|link| link.target.try_exists().unwrap_or(true))
        // Never through a link: what was made there would be made in the user's own directory.
        .filter(|link| {
            let between = link.path.ancestors().skip(1).take_while(|path| *path != home);
            !between.into_iter().any(Path::is_symlink)
        })
        .collect();
    let all: Vec<PathBuf> = links.iter().map(|link| link.path.clone()).collect();
    links.retain(|link| !all.iter().any(|path| link.path != *path && link.path.starts_with(path)));
    Ok(links)
}

/// Conversations that live elsewhere are linked from `config`.
fn elsewhere_in(elsewhere: &Elsewhere, config: &Path, scene: &mut Scene) {
    scene.directories.extend(elsewhere.directories.iter().cloned());
    scene.history = elsewhere.links(config);
    scene.seeds.extend(elsewhere.seed());
}

/// The command of our status line, unless the session has one of its own: what is given on the command
/// line, as ours is, would go before it.
fn status_line(context: &Context, ground: &ConfigGround, scene: &Scene) -> Result<Option<String>> {
    if !context.config()?.statusline.install {
        return Ok(None);
    }
    let has = |file: &Foreign| match file.read(MOST_BYTES) {
        Ok(text) => text.map(|text| claude::has_status_line(&text)),
        // What cannot be read may have one.
        Err(_) => Some(true),
    };
    let shared = scene.shared.iter().find(|shared| shared.item == "settings.json");
    let own = ground.at("settings.json");
    let is_shared =
        shared.is_some_and(|shared| own.link_target().is_ok_and(|to| to.as_ref() == Some(&shared.target)));
    let own = if is_shared { None } else { has(&own) };
    let own = own.or_else(|| has(&Foreign::led_to(&shared?.target)));
    let project = Foreign::ground(&scene.directory);
    let in_project = |path: &PathBuf| {
        path.strip_prefix(&scene.directory).is_ok_and(|below| has(&project.join(below)) == Some(true))
    };
    if own == Some(true) || claude::project_settings(&scene.directory).iter().any(in_project) {
        return Ok(None);
    }
    let quoted = |text: Option<&str>| posix_word(text?);
    let program = context.this_program().ok();
    let Some(program) = quoted(program.as_deref().and_then(Path::to_str)) else { return Ok(None) };
    Ok(Some(format!("{program} statusline")))
}

/// The command `line` of our status line, with what the settings say of it.
fn as_set(context: &Context, mut line: String) -> Result<String> {
    let (set, built_in) = (&context.config()?.statusline, StatuslineConfig::default());
    for (option, set, built_in) in
        [("--theme", &set.theme, built_in.theme), ("--format", &set.format, built_in.format)]
    {
        if *set != built_in
            && let Some(word) = posix_word(set)
        {
            line.push_str(&format!(" {option} {word}"));
        }
    }
    Ok(line)
}

/// Returns true if Claude will be given an API key, about which it asks once.
fn given_a_key(profile: &Profile, scene: &Scene) -> bool {
    let key = "ANTHROPIC_API_KEY";
    let named =
        |env: &std::collections::BTreeMap<VarName, String>| env.keys().any(|name| name.as_str() == key);
    let endpoint = matches!(&profile.kind, ProfileKind::Api(endpoint) if endpoint.token_as.as_str() == key);
    endpoint || named(&profile.env) || named(&scene.env)
}

/// The state files of the newest earlier sessions of a profile. Ids sort by age, so the newest are
/// found without reading every record.
fn siblings_of(context: &Context, session: &Session, profile: &Profile) -> Vec<Foreign> {
    const MOST: usize = 64;
    let Ok(store) = context.store() else { return Vec::new() };
    let ids = store.session_ids().unwrap_or_default();
    ids.into_iter()
        .rev()
        .filter(|id| *id != session.id)
        .filter_map(|id| store.session(id).ok())
        .filter(|sibling| [&profile.name, profile.host()].contains(&&sibling.profile))
        // What stands in the state file of a sandbox may be anybody's word.
        .filter(|sibling| !matches!(sibling.isolation, Isolation::None | Isolation::Sandbox))
        .take(MOST)
        .filter_map(|sibling| {
            let paths = context.paths(&sibling, profile).ok()?;
            Some(Foreign::at(&paths.root, &paths.state))
        })
        .collect()
}

/// Returns the directory of what Claude learns about a project, for all sessions of a profile, to be named and to be
/// read. For the user's
/// own `~/.claude` it is a directory of ours that begins as a copy, because nothing of ours writes there.
fn memory_of(
    context: &Context,
    profile: &Profile,
    slug: &str,
) -> Result<(PathBuf, Foreign, Vec<crate::model::SeedFile>)> {
    let projects = profile.home.directory().join("projects");
    let base = Foreign::ground(&projects).join(slug).join("memory");
    match profile.home {
        ConfigHome::Directory(_) => Ok((projects.join(slug).join("memory"), base, Vec::new())),
        ConfigHome::Default { .. } => {
            let root = context.store()?.profile_root(profile.host());
            let ours = root.join("memory").join(slug);
            let place = Foreign::at(&root, &ours);
            let seeds = claude::memory_seeds(&base, &ours, &place)?;
            Ok((ours, place, seeds))
        }
    }
}

/// Returns the file of settings that the arguments for Claude name, as it is seen from where they were typed. It is
/// read if it is a regular file of no more than 16 MiB, and nothing is waited for.
fn named_file(context: &Context, launch: &Program, directory: &Path) -> Option<NamedFile> {
    let Program::Claude(arguments) = launch else { return None };
    let typed = claude::settings_path(arguments)?;
    let here = context.current_directory().ok();
    let whole = here.as_ref().map_or_else(|| typed.clone(), |here| here.join(&typed));
    // Where Claude is started elsewhere, what is relative would mean another file.
    let path = if here.as_deref() == Some(directory) { typed } else { whole.clone() };
    let mut real = PathBuf::new();
    let text = match os::read_named(&path, LARGEST_SETTINGS) {
        Ok(Some(named)) => {
            real = named.real;
            Some(Ok(Text(String::from_utf8_lossy(&named.content).into_owned())))
        }
        Ok(None) => None,
        Err(error) => Some(Err(reason(&error))),
    };
    let direct = real == whole || is_in_home(context, &whole, &real);
    Some(NamedFile { path, text, real, direct })
}

/// Returns true if `real` is what `path` says, from the home directory on: links above that are the system's.
fn is_in_home(context: &Context, path: &Path, real: &Path) -> bool {
    let Ok(home) = context.home() else { return false };
    let Ok(below) = path.strip_prefix(&home) else { return false };
    os::real_path(&home).is_ok_and(|home| real == home.join(below))
}

/// Returns the place of the settings files of a session, where Claude is started in it for a conversation.
fn settings_place(
    launch: &Program,
    paths: &SessionPaths,
    ground: &ConfigGround,
    sandbox: bool,
) -> Option<SettingsPlace> {
    let Program::Claude(arguments) = launch else { return None };
    if claude::asked(arguments) == Asked::Command {
        return None;
    }
    let directory = paths.root.join("settings");
    // Where they cannot be listed, none is taken away.
    let mut names = os::names_in(&directory, "").unwrap_or_default();
    // Only what is called as ours, in a directory of ours, is ever removed.
    names.retain(|name| is_settings_file(name));
    if !names.is_empty() && directory.is_symlink() {
        names.clear();
    }
    if !names.is_empty() {
        let mut kept = claude::kept_by_jobs(ground, &names);
        kept.sort_unstable();
        kept.dedup();
        // They are called after the time.
        kept.drain(..kept.len().saturating_sub(MOST_SETTINGS));
        names.retain(|name| !kept.contains(name));
        names.sort_unstable();
    }
    let outdated = names.into_iter().map(|name| directory.join(name)).collect();
    let real = if sandbox { walls::real_of(&directory) } else { directory.clone() };
    // No id: that would ask the system for chance at every start.
    let name = format!("{:016x}.json", jiff::Timestamp::now().as_nanosecond());
    Some(SettingsPlace { directory, real, name, outdated })
}

/// Returns true for the name of a settings file, or of one that was being written when its maker was killed.
fn is_settings_file(name: &str) -> bool {
    let begun = name.strip_prefix('.').and_then(|name| name.strip_suffix(".new"));
    begun.unwrap_or(name).split_once(".json").is_some_and(|(time, rest)| {
        let is_time = time.len() >= 16 && time.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_time && rest.is_empty() == begun.is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_called_as_a_settings_file_of_ours_is_one() {
        for (name, is) in [
            ("01890f3a5c4d2b1e.json", true),
            (".01890f3a5c4d2b1e.json.0189abcd.new", true),
            ("01890f3a5c4d2b1e.json.0189abcd.new", false),
            (".01890f3a5c4d2b1e.json", false),
            ("settings.json", false),
            ("notes", false),
            (".json", false),
        ] {
            assert_eq!(is_settings_file(name), is, "{name}");
        }
    }
}

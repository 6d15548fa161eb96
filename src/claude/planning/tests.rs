//! Plans, by value.

use std::collections::BTreeMap;

use super::super::injecting::{NamedFile, SettingsPlace, Text};
use super::*;
use crate::model::{
    Endpoint, Engine, Mount, Mounts, Name, Profile, SessionPaths, ShareOverrides, Surroundings, TokenSource,
    VarName,
};

fn name(text: &str) -> Name {
    Name::of_profile(text).expect("a name")
}

fn profile(text: &str) -> Profile {
    let home = if text == "default" {
        ConfigHome::Default { home: "/home/me".into() }
    } else {
        ConfigHome::Directory(format!("/data/profiles/{text}/claude").into())
    };
    Profile {
        name: name(text),
        home,
        inherit: None,
        kind: ProfileKind::Account,
        bare: false,
        env: BTreeMap::new(),
        share: ShareOverrides::default(),
    }
}

const ID: Uuid = Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_000a);
const OTHER: Uuid = Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_000b);

fn session(isolation: Isolation) -> Session {
    Session {
        version: 1,
        id: ID,
        name: name("api"),
        profile: name("work"),
        directory: "/home/me/api".into(),
        isolation,
        bare: false,
        ephemeral: false,
        history: None,
        created: jiff::Timestamp::UNIX_EPOCH,
        forked_from: None,
        ports: None,
        worktree: None,
        walls: None,
    }
}

fn scene(environment: &[(&str, &str)]) -> Scene {
    let environment: BTreeMap<_, _> = environment.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    Scene {
        home: "/home/me".into(),
        exported: environment.clone(),
        environment,
        program: vec!["/bin/claude".into()],
        family: "cs".into(),
        directory: "/home/me/api".into(),
        kept: ("/data".into(), "/home/me/.config/cs/config.toml".into()),
        paths: None,
        env: BTreeMap::new(),
        named: BTreeMap::new(),
        notices: Vec::new(),
        shared: vec![Shared { item: "skills", target: "/home/me/.claude/skills".into() }],
        private: Vec::new(),
        manifest: None,
        base_rules: None,
        directories: Vec::new(),
        plugins: None,
        memory: Some("/m".into()),
        history: Vec::new(),
        home_links: Vec::new(),
        unlinked: Vec::new(),
        seeds: Vec::new(),
        servers: BTreeMap::new(),
        start: Continuation::New(ID),
        named_file: None,
        settings: None,
        status_line: None,
        token: None,
        ended: None,
        sandbox: None,
    }
}

fn with_paths(mut scene: Scene, isolation: Isolation, profile: &Profile) -> Scene {
    scene.paths = Some(SessionPaths::new(Path::new("/data/sessions/x"), isolation, &profile.home));
    scene
}

fn claude(arguments: &[&str]) -> Program {
    Program::Claude(arguments.iter().map(Into::into).collect())
}

fn value<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    plan.env.get(name).unwrap_or_else(|| panic!("{name} is left alone")).value()
}

fn command(plan: &Plan) -> Vec<&str> {
    plan.command.iter().map(|argument| argument.to_str().expect("UTF-8")).collect()
}

#[test]
fn a_session_has_its_own_config_directory_and_its_profiles_login() {
    let work = profile("work");
    let scene = with_paths(scene(&[]), Isolation::ConfigDir, &work);
    let plan =
        plan(&Subject::Session(session(Isolation::ConfigDir), work), &claude(&[]), &scene).expect("a plan");
    assert_eq!(value(&plan, "CLAUDE_CONFIG_DIR"), Some("/data/sessions/x/claude"));
    assert_eq!(value(&plan, "CLAUDE_SECURESTORAGE_CONFIG_DIR"), Some("/data/profiles/work/claude"));
    assert_eq!(value(&plan, "CS_SESSION"), Some("api"));
    assert_eq!(value(&plan, "CLAUDE_HISTORY_FILE"), Some("/data/sessions/x/claude/history.jsonl"));
    assert_eq!(
        plan.layout.links,
        [Link { path: "/data/sessions/x/claude/skills".into(), target: "/home/me/.claude/skills".into() }]
    );
    assert_eq!(
        command(&plan),
        [
            "/bin/claude",
            "--session-id",
            &ID.to_string(),
            "-n",
            "api",
            "--settings",
            r#"{"claudeMdExcludes":["/home/me/.claude/CLAUDE.md","/home/me/.claude/rules/**"],"autoMemoryDirectory":"/m"}"#
        ]
    );
}

#[test]
#[cfg(unix)]
fn the_default_profile_is_entered_by_unset_and_its_login_by_an_empty_variable() {
    let default = profile("default");
    let base = scene(&[("CLAUDE_CONFIG_DIR", "/elsewhere")]);
    let itself = plan(&Subject::Profile(default.clone()), &claude(&["/status"]), &base).expect("a plan");
    assert_eq!(value(&itself, "CLAUDE_CONFIG_DIR"), None);
    assert_eq!(value(&itself, "CLAUDE_SECURESTORAGE_CONFIG_DIR"), None);
    assert_eq!(command(&itself), ["/bin/claude", "/status"]);
    assert_eq!(itself.layout, Layout::default());

    let scene = with_paths(base, Isolation::ConfigDir, &default);
    let inside = plan(&Subject::Session(session(Isolation::ConfigDir), default), &claude(&[]), &scene)
        .expect("a plan");
    assert_eq!(value(&inside, "CLAUDE_CONFIG_DIR"), Some("/data/sessions/x/claude"));
    assert_eq!(value(&inside, "CLAUDE_SECURESTORAGE_CONFIG_DIR"), Some(""));
}

#[test]
fn another_home_names_the_login_by_its_path() {
    let default = profile("default");
    let scene = with_paths(scene(&[]), Isolation::Home, &default);
    let plan =
        plan(&Subject::Session(session(Isolation::Home), default), &claude(&[]), &scene).expect("a plan");
    assert_eq!(value(&plan, "HOME"), Some("/data/sessions/x/home"));
    assert_eq!(value(&plan, "CLAUDE_CONFIG_DIR"), None);
    assert_eq!(value(&plan, "CLAUDE_SECURESTORAGE_CONFIG_DIR"), Some("/home/me/.claude"));
    for name in XDG {
        assert_eq!(plan.env.get(name), Some(&Change::Unset), "{name} would lead out of it");
    }
    assert_eq!(value(&plan, "CS_REAL_HOME"), Some("/home/me"));
    assert_eq!(value(&plan, "CS_HOME"), Some("/data"));
    assert_eq!(value(&plan, "CS_CONFIG"), Some("/home/me/.config/cs/config.toml"));
}

#[test]
fn in_another_home_a_directory_that_a_person_named_is_meant() {
    let mut work = profile("work");
    work.env.insert(VarName::new("XDG_CACHE_HOME").expect("a name"), "/scratch".into());
    let scene = with_paths(scene(&[]), Isolation::Home, &work);
    let plan = plan(&Subject::Session(session(Isolation::Home), work), &claude(&[]), &scene).expect("a plan");
    assert_eq!(value(&plan, "XDG_CACHE_HOME"), Some("/scratch"));
    assert_eq!(value(&plan, "XDG_DATA_HOME"), None);
}

#[test]
fn no_isolation_is_the_profile_with_a_conversation_of_its_own() {
    let work = profile("work");
    let scene = with_paths(scene(&[]), Isolation::None, &work);
    let plan = plan(&Subject::Session(session(Isolation::None), work), &claude(&["-p", "x"]), &scene)
        .expect("a plan");
    assert_eq!(value(&plan, "CLAUDE_CONFIG_DIR"), Some("/data/profiles/work/claude"));
    assert_eq!(value(&plan, "CLAUDE_SECURESTORAGE_CONFIG_DIR"), None);
    assert_eq!(plan.layout, Layout::default(), "the profile's directory is used as it is");
    assert_eq!(command(&plan), ["/bin/claude", "--session-id", &ID.to_string(), "-n", "api", "-p", "x"]);
}

#[test]
fn every_variable_that_decides_who_is_billed_or_whose_child_it_is_is_said() {
    let work = profile("work");
    let all: Vec<(&str, &str)> = CHILD_MARKERS
        .iter()
        .chain(CREDENTIALS)
        .chain(MODELS)
        .chain(OURS)
        .map(|name| (*name, "ambient"))
        .collect();
    let scene = with_paths(scene(&all), Isolation::ConfigDir, &work);
    let plan =
        plan(&Subject::Session(session(Isolation::ConfigDir), work), &claude(&[]), &scene).expect("a plan");
    let after = plan.env.applied_to(&scene.environment);
    let left: Vec<_> = after.iter().filter(|(_, value)| *value == "ambient").collect();
    assert_eq!(left, Vec::<(&OsString, &OsString)>::new());
    assert_eq!(plan.notices.len(), 1, "{:?}", plan.notices);
    for credential in CREDENTIALS {
        assert!(plan.notices[0].contains(credential), "{credential} was dropped in silence");
    }
}

#[test]
fn models_are_left_alone_unless_they_belong_to_another_endpoint() {
    let work = profile("work");
    let subject = Subject::Session(session(Isolation::ConfigDir), work.clone());
    let own = with_paths(scene(&[("ANTHROPIC_MODEL", "opus")]), Isolation::ConfigDir, &work);
    assert_eq!(plan(&subject, &claude(&[]), &own).expect("a plan").env.get("ANTHROPIC_MODEL"), None);
    let foreign = [("ANTHROPIC_MODEL", "glm-5"), ("ANTHROPIC_BASE_URL", "http://x")];
    let foreign = with_paths(scene(&foreign), Isolation::ConfigDir, &work);
    let foreign = plan(&subject, &claude(&[]), &foreign).expect("a plan");
    assert_eq!(foreign.env.get("ANTHROPIC_MODEL"), Some(&Change::Unset));
}

#[test]
fn an_endpoint_brings_its_url_and_token_and_the_token_is_a_secret() {
    let mut glm = profile("glm");
    glm.kind = ProfileKind::Api(Endpoint {
        provider: Some("glm".into()),
        base_url: Some("http://glm".into()),
        token: TokenSource::Variable(VarName::new("GLM_TOKEN").expect("a name")),
        token_as: VarName::new("ANTHROPIC_AUTH_TOKEN").expect("a name"),
    });
    let mut scene = with_paths(scene(&[]), Isolation::ConfigDir, &glm);
    scene.token = Some("hunter2".into());
    let plan =
        plan(&Subject::Session(session(Isolation::ConfigDir), glm), &claude(&[]), &scene).expect("a plan");
    assert_eq!(value(&plan, "ANTHROPIC_BASE_URL"), Some("http://glm"));
    assert_eq!(plan.env.get("ANTHROPIC_AUTH_TOKEN"), Some(&Change::SetSecret("hunter2".into())));
    assert_eq!(value(&plan, "ANTHROPIC_API_KEY"), None);
    assert!(!format!("{plan:?}").contains("hunter2"));
}

#[test]
fn a_persons_variables_are_filled_and_cannot_be_ours() {
    let mut work = profile("work");
    let put = |profile: &mut Profile, key: &str, value: &str| {
        profile.env.insert(VarName::new(key).expect("a name"), value.into());
    };
    put(&mut work, "DB", "db_${CS_SLUG}_$STAGE");
    put(&mut work, "ANTHROPIC_API_KEY", "${ANTHROPIC_API_KEY}");
    let ambient = [("STAGE", "dev"), ("ANTHROPIC_API_KEY", "k")];
    let scene = with_paths(scene(&ambient), Isolation::ConfigDir, &work);
    let subject = |work: &Profile| Subject::Session(session(Isolation::ConfigDir), work.clone());
    let good = plan(&subject(&work), &claude(&[]), &scene).expect("a plan");
    assert_eq!(value(&good, "DB"), Some("db_api_dev"));
    assert_eq!(good.env.get("ANTHROPIC_API_KEY"), Some(&Change::SetSecret("k".into())));
    assert_eq!(good.notices, Vec::<String>::new(), "it was kept, so there is nothing to say");

    put(&mut work, "DB", "${NOWHERE}");
    let unknown = plan(&subject(&work), &claude(&[]), &scene).expect_err("not set");
    assert_eq!(unknown.message, "DB in [env] of profile 'work' needs ${NOWHERE}, which is not set");
    put(&mut work, "DB", "x");
    put(&mut work, "CLAUDE_CONFIG_DIR", "x");
    assert!(plan(&subject(&work), &claude(&[]), &scene).is_err());
}

#[test]
fn what_a_person_says_of_the_conversation_stands() {
    let work = profile("work");
    let subject = Subject::Session(session(Isolation::ConfigDir), work.clone());
    let mut scene = with_paths(scene(&[]), Isolation::ConfigDir, &work);
    scene.memory = None;
    let settings = r#"{"claudeMdExcludes":["/home/me/.claude/CLAUDE.md","/home/me/.claude/rules/**"]}"#;
    let commands = |scene: &Scene, arguments: &[&str]| {
        let plan = plan(&subject, &claude(arguments), scene).expect("a plan");
        command(&plan).iter().skip(1).map(|text| (*text).to_owned()).collect::<Vec<_>>()
    };
    let (id, other) = (ID.to_string(), OTHER.to_string());
    assert_eq!(commands(&scene, &["mcp", "list"]), ["mcp", "list"]);
    assert_eq!(commands(&scene, &["--continue"]), ["--settings", settings, "--continue"]);
    assert_eq!(commands(&scene, &["-n", "x"]), ["--session-id", &id, "--settings", settings, "-n", "x"]);

    scene.start = Continuation::Resume(OTHER, None);
    assert_eq!(commands(&scene, &["go on"]), ["--resume", &other, "--settings", settings, "go on"]);
    scene.start = Continuation::Resume(OTHER, Some("/data/t.jsonl".into()));
    assert_eq!(commands(&scene, &[]), ["--resume", "/data/t.jsonl", "--settings", settings]);
    scene.start = Continuation::Fork { from: OTHER, file: None, id: ID };
    assert_eq!(
        commands(&scene, &[]),
        ["--resume", &other, "--fork-session", "--session-id", &id, "-n", "api", "--settings", settings]
    );
}

#[test]
fn settings_of_a_person_are_merged_where_they_stand() {
    let work = profile("work");
    let subject = Subject::Session(session(Isolation::ConfigDir), work.clone());
    let mut scene = with_paths(scene(&[]), Isolation::ConfigDir, &work);
    scene.start = Continuation::Unsaid;
    scene.memory = None;
    scene.settings = Some(place());
    let merged =
        r#"{"claudeMdExcludes":["/home/me/.claude/CLAUDE.md","/home/me/.claude/rules/**"],"model":"opus"}"#;
    let planned =
        |scene: &Scene, arguments: &[&str]| plan(&subject, &claude(arguments), scene).expect("a plan");
    let inline = planned(&scene, &["--settings", r#"{"model":"opus"}"#, "hi"]);
    assert_eq!(command(&inline), ["/bin/claude", "--settings", merged, "hi"]);
    assert_eq!(inline.layout.settings, None, "it is on the person's own command line");
    let broken = planned(&scene, &["--settings", "{]}"]);
    assert_eq!(command(&broken), ["/bin/claude", "--settings", "{]}"], "Claude says what is wrong, and ends");
    let none = planned(&scene, &["--settings", ""]);
    assert!(command(&none)[2].starts_with("{\"claudeMdExcludes\""), "Claude takes it for none");
}

fn place() -> SettingsPlace {
    SettingsPlace {
        directory: "/data/sessions/x/settings".into(),
        real: "/data/sessions/x/settings".into(),
        name: "new.json".into(),
        outdated: vec!["/data/sessions/x/settings/old.json".into()],
    }
}

fn named(text: Option<Result<&str, &str>>) -> NamedFile {
    let text = text.map(|text| text.map(|text| Text(text.to_owned())).map_err(str::to_owned));
    NamedFile { path: "/conf/my.json".into(), text, real: "/conf/my.json".into(), direct: true }
}

#[test]
fn what_stands_in_a_file_of_a_persons_is_on_no_command_line() {
    let work = profile("work");
    let subject = Subject::Session(session(Isolation::ConfigDir), work.clone());
    let mut scene = with_paths(scene(&[]), Isolation::ConfigDir, &work);
    (scene.start, scene.memory, scene.settings) = (Continuation::Unsaid, None, Some(place()));
    let planned =
        |scene: &Scene, arguments: &[&str]| plan(&subject, &claude(arguments), scene).expect("a plan");
    let path = "/data/sessions/x/settings/new.json".to_owned();
    scene.named_file = Some(named(Some(Ok("\u{feff}{\"env\":{\"T\":\"sk-canary\"}}"))));
    for arguments in [&["--settings", "my.json"][..], &["--settings=my.json"]] {
        let planned = planned(&scene, arguments);
        assert_eq!(command(&planned)[1..].join("="), format!("--settings={path}"));
        let file = planned.layout.settings.as_ref().expect("a file");
        assert_eq!(file.path, Path::new(&path));
        assert_eq!(
            file.content,
            r#"{"claudeMdExcludes":["/home/me/.claude/CLAUDE.md","/home/me/.claude/rules/**"],"env":{"T":"sk-canary"}}"#
        );
        assert_eq!(planned.layout.outdated, [Path::new("/data/sessions/x/settings/old.json")]);
        assert!(!format!("{planned:?} {scene:?}").contains("sk-canary"), "and it is nowhere shown");
        assert_eq!(planned.notices, [""; 0]);
    }
    // An empty one is none. Then nothing of a person's is in the file, but it is not told apart.
    scene.named_file = Some(named(Some(Ok(""))));
    assert_eq!(command(&planned(&scene, &["--settings", "my.json"])), ["/bin/claude", "--settings", &path]);
}

#[test]
fn a_file_that_cannot_be_merged_is_claudes_and_what_is_lost_is_said() {
    let work = profile("work");
    let subject = Subject::Session(session(Isolation::ConfigDir), work.clone());
    let mut scene = with_paths(scene(&[]), Isolation::ConfigDir, &work);
    (scene.start, scene.settings) = (Continuation::Unsaid, Some(place()));
    let lost = |why: &str| format!("/conf/my.json goes to Claude without the settings that cs adds: {why}");
    for (text, said) in [
        (None, None),
        (Some(Err("not a regular file")), Some(lost("not a regular file"))),
        (Some(Ok("[]")), Some(lost("it is no JSON object"))),
        (Some(Ok("{\"a\":")), Some(lost("it is no JSON object"))),
    ] {
        scene.named_file = Some(named(text));
        let planned = plan(&subject, &claude(&["--settings", "my.json"]), &scene).expect("a plan");
        assert_eq!(command(&planned), ["/bin/claude", "--settings", "/conf/my.json"]);
        assert_eq!((planned.notices, planned.layout.settings), (said.into_iter().collect(), None));
    }
}

#[test]
fn settings_too_long_for_a_word_are_in_a_file() {
    let work = profile("work");
    let subject = Subject::Session(session(Isolation::ConfigDir), work.clone());
    let mut scene = with_paths(scene(&[]), Isolation::ConfigDir, &work);
    (scene.start, scene.settings) = (Continuation::Unsaid, Some(place()));
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(100 << 10));
    let planned = plan(&subject, &claude(&["--settings", &long]), &scene).expect("a plan");
    let file = planned.layout.settings.as_ref().expect("a file");
    assert!(file.content.contains("yyy") && command(&planned)[2] == file.path.to_str().expect("UTF-8"));
    // Ours, where a path in them is that long.
    scene.memory = Some(format!("/{}", "m".repeat(100 << 10)).into());
    let planned = plan(&subject, &claude(&[]), &scene).expect("a plan");
    assert!(planned.layout.settings.is_some() && command(&planned)[2].ends_with("new.json"));
}

#[test]
fn where_nothing_of_ours_is_given_a_persons_file_is_theirs_alone() {
    let work = profile("work");
    let mut scene = with_paths(scene(&[]), Isolation::None, &work);
    (scene.start, scene.settings) = (Continuation::Unsaid, Some(place()));
    scene.named_file = Some(named(Some(Ok("{}"))));
    let none = Subject::Session(session(Isolation::None), work.clone());
    for subject in [none, Subject::Profile(work)] {
        let planned = plan(&subject, &claude(&["--settings", "my.json"]), &scene).expect("a plan");
        assert_eq!(command(&planned), ["/bin/claude", "--settings", "/conf/my.json"]);
        assert_eq!((planned.notices, planned.layout.settings), (Vec::new(), None));
    }
}

fn variable(text: &str) -> VarName {
    VarName::new(text).expect("a name")
}

#[test]
fn a_repository_names_what_the_session_has_and_a_persons_own_env_goes_over_it() {
    let work = profile("work");
    let mut scene = with_paths(scene(&[("PORT", "3000")]), Isolation::ConfigDir, &work);
    for (name, source) in [("PORT", "CS_PORT"), ("API_PORT", "CS_PORT_1"), ("DB_NAME", "CS_SLUG")] {
        scene.named.insert(variable(name), variable(source));
    }
    let ports = Session { ports: Ports::new(20_000), ..session(Isolation::ConfigDir) };
    let planned = plan(&Subject::Session(ports.clone(), work.clone()), &claude(&[]), &scene).expect("a plan");
    assert_eq!(value(&planned, "PORT"), Some("20000"));
    assert_eq!(value(&planned, "API_PORT"), Some("20001"));
    assert_eq!(value(&planned, "DB_NAME"), Some("api"));

    scene.env.insert(variable("PORT"), "1${CS_PORT}".into());
    let mut own = work.clone();
    own.env.insert(variable("DB_NAME"), "app_${CS_SLUG}".into());
    let planned = plan(&Subject::Session(ports, own), &claude(&[]), &scene).expect("a plan");
    assert_eq!(value(&planned, "PORT"), Some("120000"), "the settings");
    assert_eq!(value(&planned, "DB_NAME"), Some("app_api"), "the profile");
    assert_eq!(value(&planned, "API_PORT"), Some("20001"), "the control");
}

#[test]
fn what_needs_ports_that_are_not_there_is_left_out_and_said_for_a_session() {
    let work = profile("work");
    // Where this is run from inside another session its ports are no ones of ours.
    let mut scene = with_paths(scene(&[("CS_PORT", "31000")]), Isolation::ConfigDir, &work);
    scene.env.insert(variable("PORT"), "${CS_PORT}".into());
    scene.env.insert(variable("PLACE"), "${CS_PROFILE}".into());
    scene.named.insert(variable("API_PORT"), variable("CS_PORT_1"));
    let none = Subject::Session(session(Isolation::ConfigDir), work.clone());
    let planned = plan(&none, &claude(&[]), &scene).expect("a plan");
    assert_eq!((planned.env.get("PORT"), planned.env.get("API_PORT")), (None, None));
    assert_eq!(value(&planned, "CS_PORT"), None);
    assert_eq!(planned.notices, ["PORT in [env] of config.toml is left out: session 'api' has no CS_PORT"]);
    let planned = plan(&Subject::Profile(work.clone()), &claude(&[]), &scene).expect("a plan");
    assert_eq!((planned.env.get("PORT"), value(&planned, "PLACE")), (None, Some("work")));
    assert_eq!(planned.notices, [] as [&str; 0]);
    scene.env.insert(variable("OTHER"), "${NOBODY_SETS_THIS}".into());
    assert!(plan(&none, &claude(&[]), &scene).is_err(), "the control");
}

/// Returns the facts for a sandbox: a project in the user's home.
fn surroundings() -> Surroundings {
    let mounts = |all: &[(&str, Mount)]| {
        let mut mounts = Mounts::new();
        for (path, mount) in all {
            mounts.put(*path, mount.clone());
        }
        mounts
    };
    Surroundings {
        engine: Engine::Bwrap,
        program: "/usr/bin/bwrap".into(),
        abilities: crate::model::Abilities::default(),
        system: mounts(&[("/usr", Mount::Read), ("/tmp", Mount::Empty)]),
        home: mounts(&[("/home/me", Mount::Empty)]),
        work: mounts(&[("/home/me/api", Mount::Write), ("/home/me/api/.git/hooks", Mount::Read)]),
        own: mounts(&[("/data/sessions/x/claude", Mount::Write)]),
        more: mounts(&[("/home/me/.claude/skills", Mount::Read), ("/home/me/notes", Mount::Read)]),
        network: true,
        login: Some("/data/profiles/work/sandbox".into()),
        unnoted: None,
        notices: vec!["a notice".into()],
    }
}

#[test]
fn a_sandbox_has_what_was_found_and_its_own_login_and_no_way_out() {
    let work = profile("work");
    let shell = [("SSH_AUTH_SOCK", "/run/agent"), ("GITHUB_TOKEN", "a-token"), ("EDITOR", "vi")];
    let mut scene = with_paths(scene(&shell), Isolation::Sandbox, &work);
    scene.sandbox = Some(surroundings());
    scene.env = BTreeMap::from([(VarName::new("GH_TOKEN").expect("a name"), "${GITHUB_TOKEN}".to_owned())]);
    let subject = Subject::Session(session(Isolation::Sandbox), work);
    let planned = plan(&subject, &claude(&["-p"]), &scene).expect("a plan");
    assert_eq!(value(&planned, "CLAUDE_SECURESTORAGE_CONFIG_DIR"), Some("/data/profiles/work/sandbox"));
    assert_eq!((value(&planned, "SSH_AUTH_SOCK"), value(&planned, "GITHUB_TOKEN")), (None, None));
    assert_eq!(value(&planned, "GH_TOKEN"), Some("a-token"), "a person's own word goes over it");
    assert_eq!(planned.env.get("EDITOR"), None);
    assert_eq!(
        planned.notices,
        ["not in the sandbox: GITHUB_TOKEN (to let one in, name it in [env]: cs config edit)", "a notice"]
    );
    assert_eq!(planned.command[0], "/bin/claude", "what is run in it is what is run without it");
    assert!(planned.layout.directories.contains(&"/data/profiles/work/sandbox".into()));
    let sandbox = planned.sandbox.expect("a sandbox");
    assert_eq!((sandbox.root.as_path(), sandbox.is_claude), (Path::new("/data/sessions/x"), true));
    for (path, held, written) in [
        ("/home/me/api", true, true),
        ("/home/me/api/.git/hooks", true, false),
        ("/home/me/.claude/skills/x", true, false),
        ("/home/me/.claude/history.jsonl", false, false),
        ("/data/sessions/x/claude/projects", true, true),
        ("/data/sessions/x/session.toml", false, false),
    ] {
        let path = Path::new(path);
        let mounts = &sandbox.mounts;
        assert_eq!((mounts.holds(path), mounts.lets_write(path)), (held, written), "{}", path.display());
    }

    // What is not the session's Claude runs beside it.
    for launch in [claude(&["mcp", "list"]), Program::Other(vec!["/bin/sh".into()])] {
        let planned = plan(&subject, &launch, &scene).expect("a plan");
        assert_eq!(planned.sandbox.map(|sandbox| sandbox.is_claude), Some(false));
    }
    // Variables for a shell outside leave that its own.
    let variables = plan(&subject, &Program::Nothing, &scene).expect("a plan");
    assert_eq!(variables.env.get("SSH_AUTH_SOCK"), None);
    // An endpoint's token is in a variable.
    scene.sandbox = Some(Surroundings { login: None, ..surroundings() });
    let planned = plan(&subject, &claude(&[]), &scene).expect("a plan");
    assert_eq!(planned.env.get("CLAUDE_SECURESTORAGE_CONFIG_DIR"), Some(&Change::Unset));
    // podman's root is a directory, with what bubblewrap makes in memory.
    let mut found = surroundings();
    found.engine = Engine::Podman;
    found.system.put("/bin", Mount::Link("usr/bin".into()));
    scene.sandbox = Some(found);
    let layout = plan(&subject, &claude(&[]), &scene).expect("a plan").layout;
    let bin = Link { path: "/data/sessions/x/root/bin".into(), target: "usr/bin".into() };
    assert!(layout.links.contains(&bin) && layout.directories.contains(&"/data/sessions/x/root".into()));
}

#[test]
fn settings_in_a_sandbox_are_those_that_were_named_and_are_read_there() {
    let work = profile("work");
    let subject = Subject::Session(session(Isolation::Sandbox), work.clone());
    let mut scene = with_paths(scene(&[]), Isolation::Sandbox, &work);
    (scene.sandbox, scene.settings) = (Some(surroundings()), Some(place()));
    let planned = |named: NamedFile| {
        let scene = Scene { named_file: Some(named), ..scene.clone() };
        plan(&subject, &claude(&["--settings", "my.json"]), &scene)
    };
    let direct = planned(named(Some(Ok("{}")))).expect("a plan").sandbox.expect("a sandbox").mounts;
    let file = Path::new("/data/sessions/x/settings/new.json");
    assert!(direct.holds(file) && !direct.lets_write(file));
    assert!(!direct.holds(Path::new("/data/sessions/x/settings/old.json")));
    let led = |real: &str| NamedFile { real: real.into(), direct: false, ..named(Some(Ok("{}"))) };
    assert!(planned(led("/home/me/api/conf.json")).is_ok(), "it can be read in there anyway");
    let refused = planned(led("/home/me/.claude/.credentials.json")).expect_err("it cannot");
    assert_eq!(
        refused.message,
        "/conf/my.json leads to /home/me/.claude/.credentials.json, which is not in the sandbox"
    );
}

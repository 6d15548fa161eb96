//! `cs use`, `cs use -`, `cs off` and `cs cd`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;

use crate::shells::{environment, everywhere, in_plain_shells};
use crate::support::world::{World, listing};

/// A name below the world's root that no shell takes as it is.
const HOSTILE: &str = "it's $HOME `x` \"q\" back\\slash caf\u{e9} \u{2019} trailing\\";

/// Two sessions, and a profile with variables of its own.
fn people(world: &World) {
    world.cs(&["--no-open", "api"]).code.unwrap();
    world.cs(&["profile", "create", "work"]).code.unwrap();
    let record = world.cs(&["path", "work"]).ok();
    let record = std::path::Path::new(record.trim_end()).parent().unwrap().join("profile.toml");
    let text = fs::read_to_string(&record).unwrap();
    let text = format!(
        "{text}\n[env]\nHOSTILE = \"it's $${{X}} `x` \\\"q\\\" * ~ \\\\\"\nEMPTY_NOW = \"\"\nWAS_EMPTY = \"full\"\nWAS_FULL = \"other\"\n"
    );
    fs::write(&record, text.replace("$${X}", "{X}")).unwrap();
    world.cs(&["--profile", "work", "--no-open", "web"]).ok();
}

fn hostile_environment(world: &mut World) {
    world.set("CS_HOME", world.root().join(HOSTILE).join("data"));
    world.set("WAS_EMPTY", "");
    world.set("WAS_FULL", "it's \\ \"$HOME\" `x`\\");
    // Each of these is unset by every session.
    world.set("ANTHROPIC_CUSTOM_HEADERS", "a: 1\nb: \u{1b}[2J\ttab\r\n");
    world.set("ANTHROPIC_API_KEY", OsString::from_vec(b"not \xff\xfe utf-8 \xc3".to_vec()));
    world.set("ANTHROPIC_AUTH_TOKEN", "caf\u{e9} \u{85} \u{2019}\\");
    world.set("CLAUDE_CODE_OAUTH_TOKEN", "");
}

/// What `env -0` wrote into `name`, without how deep the shell was.
fn at_any_depth(world: &World, name: &str) -> BTreeMap<OsString, OsString> {
    let mut environment = environment(&world.home().join(name));
    environment.remove(OsStr::new("SHLVL"));
    environment
}

#[test]
fn use_dash_and_off_leave_the_environment_as_it_was_to_the_byte() {
    everywhere(|sh, world| {
        hostile_environment(world);
        people(world);
        let body = "env -0 >e0\ncs use api && env -0 >e1\ncs use web\nenv -0 >e2\ncs use -\nenv -0 >e3\ncs use work\nenv -0 >e4\n\
                    cs off && env -0 >e5\ncs use -\nenv -0 >e6\ncs off\nenv -0 >e7\n";
        let ran = sh.run(world, &world.home(), body);
        let said = ran.stderr.clone();
        assert_eq!(ran.ok(), "", "{}: {said}", sh.what);
        let at = |name: &str| environment(&world.home().join(name));
        let var = |name: &str, variable: &str| at(name).get(OsStr::new(variable)).cloned();
        let saved = |name: &str| {
            let mut environment = at(name);
            environment.remove(OsStr::new("CS_SAVED")).expect("it is in use");
            environment
        };
        assert_eq!(at("e0"), at("e5"), "{}: {said}", sh.what);
        assert_eq!(at("e0"), at("e7"), "{}: {said}", sh.what);
        assert_eq!(saved("e1"), saved("e3"), "{}", sh.what);
        assert_eq!(saved("e4"), saved("e6"), "{}", sh.what);
        // That something was used at all.
        for (name, session) in [("e1", "api"), ("e2", "web")] {
            assert_eq!(var(name, "CS_SESSION"), Some(session.into()), "{}", sh.what);
            let config: OsString = world.config_of(session).into();
            assert_eq!(var(name, "CLAUDE_CONFIG_DIR"), Some(config), "{}", sh.what);
            for gone in ["ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"] {
                assert_eq!(var(name, gone), None, "{}: {gone}", sh.what);
            }
        }
        assert_eq!(var("e2", "HOSTILE"), Some("it's {X} `x` \"q\" * ~ \\".into()), "{}", sh.what);
        assert_eq!(var("e2", "EMPTY_NOW"), Some("".into()), "{}", sh.what);
        assert_eq!(var("e2", "WAS_EMPTY"), Some("full".into()), "{}", sh.what);
        assert_eq!(var("e1", "WAS_EMPTY"), Some("".into()), "{}", sh.what);
        assert_eq!(var("e4", "CS_SESSION"), None, "{}: a profile is no session", sh.what);
    });
}

#[test]
fn what_a_person_changes_meanwhile_elsewhere_stays() {
    in_plain_shells(|sh, world| {
        world.set("EDITOR", "vi");
        people(world);
        let (set, unset) = match sh.name {
            "fish" => ("set -gx MINE later", "set -e EDITOR"),
            _ => ("export MINE=later", "unset EDITOR"),
        };
        let body = format!("cs use api\n{set}\n{unset}\ncs off\nenv -0 >after\n");
        let ran = sh.run(world, &world.home(), &body);
        let said = ran.stderr.clone();
        ran.ok();
        let after = environment(&world.home().join("after"));
        assert_eq!(after.get(OsStr::new("MINE")), Some(&"later".into()), "{}: {said}", sh.what);
        assert_eq!(after.get(OsStr::new("EDITOR")), None, "{}", sh.what);
    });
}

#[test]
fn a_use_that_fails_changes_nothing_and_says_why() {
    everywhere(|sh, world| {
        people(world);
        let damaged = world.config_of("web").parent().unwrap().join("session.toml");
        fs::write(damaged, "no record").unwrap();
        for (name, status, what) in [
            ("nosuch", 4, "there is no session or profile 'nosuch'"),
            ("-", 2, "there is no session or profile that was used here before"),
            ("../x", 2, "a name"),
            ("web", 1, "web"),
        ] {
            let to = if sh.name == "fish" { ">" } else { ">|" };
            let body = format!("env -0 {to}e0\n{}\nenv -0 {to}e1\n", sh.anyway(&format!("cs use {name}")));
            let ran = sh.run(world, &world.home(), &body);
            assert!(ran.stderr.contains(what), "{}: {}", sh.what, ran.stderr);
            assert_eq!(ran.ok(), format!("status {status}\n"), "{}", sh.what);
            let at = |name: &str| environment(&world.home().join(name));
            assert_eq!(at("e0"), at("e1"), "{}: {name}", sh.what);
        }
    });
}

#[test]
fn a_variable_that_is_read_only_means_no_change_at_all() {
    in_plain_shells(|sh, world| {
        if sh.name == "fish" {
            return; // it has no such variables
        }
        people(world);
        let lock = if sh.name == "bash" { "readonly" } else { "typeset -r" };
        for variable in ["CLAUDE_CONFIG_DIR=x", "CS_SESSION=''", "CLAUDE_CODE_ENTRYPOINT=y"] {
            let body = format!(
                "{lock} {variable}\nexport ANTHROPIC_API_KEY=k\nenv -0 >e0\n{}\nenv -0 >e1\nprintf '%s' \"${{CS_SAVED-none}}\"\n",
                sh.anyway("cs use api")
            );
            let ran = sh.run(world, &world.home(), &body);
            let at = |name: &str| environment(&world.home().join(name));
            if variable.starts_with("CLAUDE_CODE_ENTRYPOINT") {
                // It is not exported, so nothing of it has to change.
                assert!(ran.ok().starts_with("status 0\n1;use;"), "{}", sh.what);
                continue;
            }
            assert!(
                ran.stderr.contains("cs: a variable cannot be changed, so none was"),
                "{}: {}",
                sh.what,
                ran.stderr
            );
            assert!(!ran.stderr.contains("using session"), "{}: {}", sh.what, ran.stderr);
            assert_eq!(ran.ok(), "status 1\nnone", "{}", sh.what);
            assert_eq!(at("e0"), at("e1"), "{}: {variable}", sh.what);
        }
    });
}

#[test]
fn help_is_shown_and_not_run() {
    everywhere(|sh, world| {
        people(world);
        for command in ["cs use --help", "cs off -h", "cs cd --help", "cs use -h"] {
            let to = if sh.name == "fish" { ">" } else { ">|" };
            let ran = sh.run(world, &world.home(), &format!("env -0 {to}e0\n{command}\nenv -0 {to}e1\n"));
            let shown = ran.ok();
            assert!(shown.contains("Usage: cs "), "{}: {command}: {shown}", sh.what);
            let at = |name: &str| environment(&world.home().join(name));
            assert_eq!(at("e0"), at("e1"), "{}: {command}", sh.what);
        }
    });
}

#[test]
fn a_shell_that_was_started_from_one_in_use_knows_it_and_can_leave_by_itself() {
    in_plain_shells(|sh, world| {
        people(world);
        let inner = world.write("inner", &sh.script("env -0 >e1\ncs use\ncs off\nenv -0 >e2\n"));
        let shell = sh.plainly();
        let body = format!(
            "env -0 >e0\ncs use api\n{shell} {}\nenv -0 >e3\ncs use\ncs off\nenv -0 >e4\n",
            inner.display()
        );
        let ran = sh.run(world, &world.home(), &body);
        let said = ran.stderr.clone();
        ran.ok();
        let at = |name: &str| at_any_depth(world, name);
        assert_eq!(at("e1").get(OsStr::new("CS_SESSION")), Some(&"api".into()), "{}", sh.what);
        assert_eq!(at("e0"), at("e2"), "{}: {said}", sh.what);
        assert_eq!(at("e1"), at("e3"), "{}: what the inner shell did is its own", sh.what);
        assert_eq!(at("e0"), at("e4"), "{}", sh.what);
        let lines: Vec<&str> = said.lines().filter(|line| line.contains("is in use, by")).collect();
        assert_eq!(lines.len(), 2, "{}: {said}", sh.what);
        assert!(lines[0].contains("in the shell this one was started from"), "{}: {said}", sh.what);
        assert!(!lines[1].contains("started from"), "{}: {said}", sh.what);
    });
}

#[test]
fn exec_of_the_shell_keeps_what_is_in_use_and_the_one_before() {
    in_plain_shells(|sh, world| {
        people(world);
        let after = world.write("after", &sh.script("cs use\ncs use -\nenv -0 >e1\ncs off\nenv -0 >e2\n"));
        let shell = sh.plainly();
        let body = format!("env -0 >e0\ncs use web\ncs use api\nexec {shell} {}\n", after.display());
        let ran = sh.run(world, &world.home(), &body);
        let said = ran.stderr.clone();
        ran.ok();
        let at = |name: &str| at_any_depth(world, name);
        assert!(
            said.contains(
                "session 'api' of profile 'default' is in use, by 'cs use'; cs use - goes back to 'web'"
            ),
            "{}: {said}",
            sh.what
        );
        assert_eq!(at("e1").get(OsStr::new("CS_SESSION")), Some(&"web".into()), "{}: {said}", sh.what);
        assert_eq!(at("e0"), at("e2"), "{}: {said}", sh.what);
    });
}

#[test]
fn off_where_there_is_nothing_to_undo_says_so_and_breaks_nothing() {
    in_plain_shells(|sh, world| {
        people(world);
        let ran = sh.run(world, &world.home(), "cs off\n");
        assert!(ran.stderr.contains("nothing is in use here"), "{}: {}", sh.what, ran.stderr);
        ran.ok();

        let inner =
            world.write("inner", &sh.script(&format!("env -0 >e0\n{}\nenv -0 >e1\n", sh.anyway("cs off"))));
        let shell = crate::support::needed(sh.name).unwrap();
        let arguments = ["exec", "api", "--", shell.to_str().unwrap(), inner.to_str().unwrap()];
        let ran = world.cs(&arguments);
        assert!(
            ran.stderr.contains("this shell was started in session 'api'"),
            "{}: {}",
            sh.what,
            ran.stderr
        );
        assert_eq!(ran.ok(), "status 1\n", "{}", sh.what);
        let at = |name: &str| environment(&world.home().join(name));
        assert_eq!(at("e0"), at("e1"), "{}", sh.what);

        let damaged = if sh.name == "fish" { "set -gx CS_SAVED '1;use'" } else { "export CS_SAVED='1;use'" };
        let ran = sh.run(world, &world.home(), &format!("cs use api\n{damaged}\n{}\n", sh.anyway("cs off")));
        assert!(ran.stderr.contains("CS_SAVED is not as cs wrote it"), "{}: {}", sh.what, ran.stderr);
        assert_eq!(ran.ok(), "status 1\n", "{}", sh.what);
    });
}

#[test]
fn the_bare_program_says_which_line_goes_into_which_file() {
    let world = World::with_fake_claude();
    world.cs(&["--no-open", "api"]).code.unwrap();
    let before = listing(world.root());
    for (shell, file, line) in [
        ("/bin/bash", "~/.bashrc", "eval \"$(cs init bash)\""),
        ("/usr/bin/zsh", "~/.zshrc", "eval \"$(cs init zsh)\""),
        ("/usr/bin/fish", "~/.config/fish/config.fish", "cs init fish | source"),
    ] {
        for arguments in [&["use", "api"][..], &["use", "-"], &["off"], &["cd", "api"]] {
            let mut command = world.command(&world.home(), arguments);
            let said = crate::support::world::ran(command.env("SHELL", shell)).fails(3);
            assert!(
                said.contains(&format!("add this line to {file}, and open a new terminal: {line}")),
                "{said}"
            );
        }
    }
    let mut command = world.command(&world.home(), &["off"]);
    let said = crate::support::world::ran(command.env("SHELL", "/bin/tcsh")).fails(3);
    assert_eq!(said.matches("add this line to").count(), 4, "{said}");
    assert_eq!(listing(world.root()), before);
}

#[test]
fn functions_of_another_version_are_told_to_restart_the_shell() {
    let world = World::with_fake_claude();
    world.cs(&["--no-open", "api"]).code.unwrap();
    for caller in ["zsh", "zsh:0:77:cs", "zsh:2:77:cs"] {
        let mut command = world.command(&world.home(), &["use", "api"]);
        let said = crate::support::world::ran(command.env("CS_SHELL", caller)).fails(3);
        assert!(said.contains("restart your shell: exec zsh"), "{caller}: {said}");
    }
    // Everything else works as before.
    let mut command = world.command(&world.home(), &["path", "api"]);
    crate::support::world::ran(command.env("CS_SHELL", "zsh")).ok();
}

#[test]
fn cd_goes_to_the_directory_of_a_session_and_back_works() {
    everywhere(|sh, world| {
        let place = world.home().join(format!("-{HOSTILE}"));
        fs::create_dir_all(&place).unwrap();
        world.cs_in(&place, &["--no-open", "api"]).code.unwrap();
        let back = match sh.what {
            what if what.contains("overridden") || what.contains("aliases") => "",
            _ => "cd - >/dev/null\npwd >back\n",
        };
        let ran =
            sh.run(world, &world.home(), &format!("{}\npwd >'../place'\n{back}", sh.anyway("cs cd api")));
        let said = ran.stderr.clone();
        assert_eq!(ran.ok(), "status 0\n", "{}: {said}", sh.what);
        let read = |path: &std::path::Path| fs::read_to_string(path).unwrap();
        assert_eq!(read(&world.home().join("place")), format!("{}\n", place.display()), "{}", sh.what);
        if !back.is_empty() {
            assert_eq!(
                read(&world.home().join("back")),
                format!("{}\n", world.home().display()),
                "{}",
                sh.what
            );
        }
        fs::remove_file(place.join("../place")).unwrap();
        fs::remove_dir_all(&place).unwrap();
        let ran = sh.run(world, &world.home(), &format!("{}\npwd\n", sh.anyway("cs cd api")));
        assert!(ran.stderr.contains("the directory of session 'api' is gone"), "{}: {}", sh.what, ran.stderr);
        assert_eq!(ran.ok(), format!("status 5\n{}\n", world.home().display()), "{}", sh.what);
    });
}

#[test]
fn a_session_opened_from_a_shell_in_use_gets_nothing_of_the_other() {
    in_plain_shells(|sh, world| {
        people(world);
        sh.run(world, &world.home(), "cs api\n").ok();
        let alone = world.last_start();
        sh.run(world, &world.home(), "cs use web\ncs api\n").ok();
        let beside = world.last_start();
        let normal = |start: &crate::support::world::StartOfClaude| {
            let mut env = start.env.clone();
            for varies in ["SHLVL", "_", "OLDPWD", "PWD"] {
                env.remove(varies);
            }
            env
        };
        assert_eq!(normal(&alone), normal(&beside), "{}", sh.what);
        assert_eq!(beside.var("HOSTILE"), None, "{}", sh.what);
        // And `web` itself is what it would have been.
        sh.run(world, &world.home(), "cs use web\ncs web\n").ok();
        assert!(world.last_start().var("HOSTILE").is_some(), "{}", sh.what);
        assert_eq!(world.last_start().var("CS_SAVED"), None, "{}", sh.what);
    });
}

#[test]
fn a_new_session_belongs_to_the_profile_in_use() {
    in_plain_shells(|sh, world| {
        people(world);
        sh.run(world, &world.home(), "cs use work\ncs --no-open mine\ncs off\ncs --no-open other\n").ok();
        assert_eq!(world.show("mine")["profile"], "work", "{}", sh.what);
        assert_eq!(world.show("other")["profile"], "default", "{}", sh.what);
    });
}

#[test]
fn ports_and_what_a_repository_calls_them_are_used_swapped_and_put_back() {
    everywhere(|sh, world| {
        world.set("PORT", "3000");
        let project = world.project("api");
        fs::write(project.join(".cs.toml"), "[env]\nPORT = \"CS_PORT\"\nDB_NAME = \"CS_SLUG\"\n").unwrap();
        world.cs_in(&project, &["allow"]).ok();
        world.cs_in(&project, &["--no-open", "my-api"]).ok();
        world.cs(&["--no-open", "web"]).ok();
        let body = "env -0 >e0\ncs use my-api\nenv -0 >e1\ncs use web\nenv -0 >e2\ncs off\nenv -0 >e3\n";
        let ran = sh.run(world, &world.home(), body);
        let said = ran.stderr.clone();
        ran.ok();
        let var = |name: &str, variable: &str| -> Option<String> {
            let value = environment(&world.home().join(name)).get(OsStr::new(variable)).cloned();
            value.map(|value| value.into_string().unwrap())
        };
        let port = |name: &str| Some(world.show(name)["ports"]["first"].to_string());
        assert_eq!(var("e1", "CS_PORT"), port("my-api"), "{}: {said}", sh.what);
        assert_eq!(var("e1", "PORT"), port("my-api"), "{}: {said}", sh.what);
        assert_eq!(var("e1", "CS_SLUG"), Some("my_api".into()), "{}", sh.what);
        assert_eq!(var("e1", "DB_NAME"), Some("my_api".into()), "{}", sh.what);
        assert_eq!(var("e2", "CS_PORT"), port("web"), "{}: {said}", sh.what);
        assert_eq!((var("e2", "PORT"), var("e2", "DB_NAME")), (Some("3000".into()), None), "{}", sh.what);
        let at = |name: &str| environment(&world.home().join(name));
        assert_eq!(at("e0"), at("e3"), "{}: {said}", sh.what);
    });
}

//! The function `claude`, and the shim for programs that see no function.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use crate::shells::{Sh, everywhere, in_plain_shells};
use crate::support::world::{StartOfClaude, World, listing, ran};

/// How Claude was started, without what differs from one process to the next.
fn normal(start: &StartOfClaude) -> (Vec<String>, Vec<(String, String)>, std::path::PathBuf) {
    let kept = start.env.clone().into_iter().filter(|(name, _)| !["_", "SHLVL"].contains(&name.as_str()));
    (start.args.clone(), kept.collect(), start.cwd.clone())
}

/// What `command` in `sh` starts Claude with.
fn started(sh: &Sh, world: &World, command: &str) -> StartOfClaude {
    let before = world.starts().len();
    let ran = sh.run(world, &world.home(), &format!("{command}\n"));
    let said = ran.stderr.clone();
    assert_eq!(ran.code, Some(0), "{}: {command}: {said}", sh.what);
    let starts = world.starts();
    assert_eq!(starts.len(), before + 1, "{}: {command}: {said}", sh.what);
    world.last_start()
}

#[test]
fn where_nothing_is_in_use_it_is_the_program_and_nothing_else() {
    everywhere(|sh, world| {
        world.set("ANTHROPIC_API_KEY", "kept");
        // fish makes its own directories.
        sh.run_text(world, &world.home(), "true\n").ok();
        let before = listing(&world.home());
        let words = "'two  words' '' -- --resume '*' '$HOME'";
        // `command` itself is overridden in some of the shells: `env` finds the program too.
        let plain = started(sh, world, &format!("env claude {words}"));
        let ours = started(sh, world, &format!("claude {words}"));
        assert_eq!(normal(&plain), normal(&ours), "{}", sh.what);
        assert_eq!(ours.args, ["two  words", "", "--", "--resume", "*", "$HOME"], "{}", sh.what);
        assert_eq!(listing(&world.home()), before, "{}: something was made", sh.what);
    });
}

#[test]
fn its_status_and_signal_are_those_of_claude() {
    in_plain_shells(|sh, world| {
        world.cs(&["--no-open", "api"]).code.unwrap();
        for use_it in ["", "cs use api\n"] {
            for (script, status) in [("exit 7", 7), ("kill -TERM $$", 143)] {
                world.fake_claude(script);
                let ran = sh.run(world, &world.home(), &format!("{use_it}{}\n", sh.anyway("claude x")));
                assert_eq!(ran.ok(), format!("status {status}\n"), "{}: {use_it}", sh.what);
            }
            world.fake_claude("cat");
            let ran = sh.run(world, &world.home(), &format!("{use_it}printf 'in and out' | claude -p\n"));
            assert_eq!(ran.ok(), "in and out", "{}: {use_it}", sh.what);
        }
    });
}

#[test]
fn in_a_shell_that_uses_a_session_it_is_that_session_whatever_happened_to_the_variables() {
    everywhere(|sh, world| {
        let place = world.project("api");
        world.cs_in(&place, &["--no-open", "api"]).code.unwrap();
        let spoil = match sh.name {
            "fish" => "set -gx CLAUDE_CONFIG_DIR /elsewhere; set -gx ANTHROPIC_API_KEY stolen",
            _ => "CLAUDE_CONFIG_DIR=/elsewhere; \\builtin export ANTHROPIC_API_KEY=stolen",
        };
        let start = started(sh, world, &format!("cs use api\n{spoil}\nclaude -p 'a  b'"));
        let config = world.config_of("api");
        assert_eq!(start.var("CLAUDE_CONFIG_DIR"), config.to_str(), "{}", sh.what);
        assert_eq!(start.var("ANTHROPIC_API_KEY"), None, "{}", sh.what);
        assert_eq!(
            (start.var("CS_SAVED"), start.var("CS_MEMORY"), start.var("CS_SHELL")),
            (None, None, None)
        );
        assert!(
            start.flag("--settings").is_some_and(|text| text.contains("claudeMdExcludes")),
            "{}",
            sh.what
        );
        assert_eq!(start.flag("-n"), Some("api"), "{}", sh.what);
        assert_eq!(start.args[start.args.len() - 2..], ["-p", "a  b"], "{}", sh.what);
        // The person is here, not where the session was made.
        assert_eq!(start.cwd, world.home(), "{}", sh.what);
    });
}

#[test]
fn a_session_that_is_open_is_not_opened_twice_by_it() {
    in_plain_shells(|sh, world| {
        world.cs(&["--no-open", "api"]).code.unwrap();
        world.fake_claude("mkdir -p \"$CLAUDE_CONFIG_DIR/sessions\"; exec sleep 60");
        let mut open = world.command(&world.home(), &["api"]).stderr(Stdio::null()).spawn().unwrap();
        // What it writes last.
        while !world.root().join("starts/0/args").exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let ran = sh.run(world, &world.home(), &format!("cs use api\n{}\n", sh.anyway("claude hello")));
        let said = ran.stderr.clone();
        let stdout = ran.ok();
        open.kill().unwrap();
        open.wait().unwrap();
        assert_eq!(stdout, "status 5\n", "{}: {said}", sh.what);
        assert!(said.contains("session 'api' is open"), "{}: {said}", sh.what);
        assert_eq!(world.starts().len(), 1, "{}", sh.what);
        // Now it is not.
        world.fake_claude("");
        sh.run(world, &world.home(), "cs use api\nclaude hello\n").ok();
        assert_eq!(world.starts().len(), 2, "{}", sh.what);
    });
}

#[test]
fn the_program_by_its_name_alone_is_never_in_its_way() {
    in_plain_shells(|sh, world| {
        world.cs(&["--no-open", "api"]).code.unwrap();
        world.write("script", "claude from-a-script\n");
        let direct = match sh.name {
            "fish" => vec!["command claude direct", "sh ./script"],
            _ => vec!["command claude direct", "sh ./script", "(unset -f claude; claude direct)"],
        };
        for command in direct {
            let start = started(sh, world, &format!("cs use api\n{command}"));
            // The variables are those of the session, but nothing is added to what was typed.
            assert_eq!(start.args.len(), 1, "{}: {command}: {:?}", sh.what, start.args);
            assert_eq!(start.var("CS_SESSION"), Some("api"), "{}: {command}", sh.what);
        }
    });
}

#[test]
fn an_alias_and_a_function_of_that_name_are_left_alone() {
    in_plain_shells(|sh, world| {
        world.cs(&["--no-open", "api"]).code.unwrap();
        let (alias, function) = match sh.name {
            "bash" => {
                ("shopt -s expand_aliases\nalias claude='claude --verbose'", "claude() { echo mine \"$@\"; }")
            }
            "zsh" => ("alias claude='claude --verbose'", "function claude { echo mine \"$@\" }"),
            _ => ("alias claude='claude --verbose'", "function claude; echo mine $argv; end"),
        };
        for first in [true, false] {
            let with = |own: &str, rest: &str| {
                let line = sh.line();
                if first {
                    format!("{own}\n{line}\n{rest}\n")
                } else {
                    format!("{line}\n{own}\n{line}\n{rest}\n")
                }
            };
            let ran = sh.run_text(world, &world.home(), &with(function, "claude a 'b c'"));
            let said = ran.stderr.clone();
            assert_eq!(ran.ok(), "mine a b c\n", "{}: {said}", sh.what);

            let before = world.starts().len();
            sh.run_text(world, &world.home(), &with(alias, "cs use api\nclaude -p x")).ok();
            assert_eq!(world.starts().len(), before + 1, "{}", sh.what);
            let start = world.last_start();
            assert!(
                start.args.ends_with(&["--verbose".into(), "-p".into(), "x".into()]),
                "{}: {:?}",
                sh.what,
                start.args
            );
            // An alias of fish is a function, and calls the program.
            if sh.name != "fish" {
                assert_eq!(start.flag("-n"), Some("api"), "{}", sh.what);
            }
        }
    });
}

#[test]
fn a_claude_that_a_claude_starts_gets_what_it_was_given() {
    in_plain_shells(|sh, world| {
        world.cs(&["--no-open", "api"]).code.unwrap();
        world.set("CLAUDECODE", "1");
        world.set("CS_SESSION", "api");
        world.set("CS_PROFILE", "default");
        world.set("CLAUDE_CONFIG_DIR", "/somewhere");
        let start = started(sh, world, "claude -p x");
        assert_eq!(start.args, ["-p", "x"], "{}", sh.what);
        assert_eq!(start.var("CLAUDE_CONFIG_DIR"), Some("/somewhere"), "{}", sh.what);
    });
}

#[test]
fn a_session_in_use_that_is_gone_is_said_and_no_other_is_started() {
    in_plain_shells(|sh, world| {
        world.cs(&["--no-open", "api"]).code.unwrap();
        let ran = sh.run(
            world,
            &world.home(),
            &format!("cs use api\ncs rm api\n{}\ncs off\nclaude y\n", sh.anyway("claude x")),
        );
        assert!(
            ran.stderr.contains("'api' is in use in this shell, and is gone"),
            "{}: {}",
            sh.what,
            ran.stderr
        );
        assert_eq!(ran.ok(), "status 4\n", "{}", sh.what);
        assert_eq!(world.last_start().args, ["y"], "{}", sh.what);
        assert_eq!(world.starts().len(), 1, "{}", sh.what);
    });
}

#[test]
fn the_last_line_of_claude_names_the_family() {
    in_plain_shells(|sh, world| {
        let line = match sh.name {
            "fish" => "command cs init fish --cmd ccs | source".to_owned(),
            name => format!("eval \"$(cs init {name} --cmd ccs)\""),
        };
        sh.run_text(world, &world.home(), &format!("{line}\nccs api\nccsn web\nccs use api\nclaude\n")).ok();
        for start in world.starts() {
            assert_eq!(start.var("CLAUDE_CODE_RESUME_HINT_COMMAND"), Some("ccs"), "{}", sh.what);
        }
        assert_eq!(world.starts().len(), 3, "{}", sh.what);
    });
}

#[test]
fn no_wrap_leaves_claude_alone() {
    in_plain_shells(|sh, world| {
        world.cs(&["--no-open", "api"]).code.unwrap();
        let line = sh.line().replace(" init ", " init --no-wrap ");
        sh.run_text(world, &world.home(), &format!("{line}\ncs use api\nclaude x\n")).ok();
        assert_eq!(world.last_start().args, ["x"], "{}", sh.what);
    });
}

// ---- the shim ------------------------------------------------------------------------------------

/// Starts what `PATH` has as `claude`, with the shim first on it.
fn through_the_shim(world: &World, directory: &Path, arguments: &[&str]) -> crate::support::world::Ran {
    let shim = world.data().join("shim");
    let path = format!("{}:{}:/usr/bin:/bin", shim.display(), world.bin().display());
    let words = [&["claude"], arguments].concat();
    ran(world.any_command(Path::new("/usr/bin/env"), directory, &words).env("PATH", path))
}

#[test]
fn the_shim_is_exactly_the_real_program_where_nothing_is_in_use() {
    let mut world = World::with_fake_claude();
    world.set("ANTHROPIC_API_KEY", "kept");
    let printed = world.cs(&["shim", "install"]);
    assert!(printed.stderr.contains("claudeCode.claudeProcessWrapper"), "{}", printed.stderr);
    assert_eq!(printed.ok().trim_end(), world.data().join("shim/claude").to_str().unwrap());
    world.cs(&["shim", "install"]).ok();
    let before = listing(&world.home());
    through_the_shim(&world, &world.home(), &["-p", "a  b", ""]).ok();
    let through = world.last_start();
    let mut direct = world.any_command(&world.bin().join("claude"), &world.home(), &["-p", "a  b", ""]);
    let shim = world.data().join("shim");
    ran(direct.env("PATH", format!("{}:{}:/usr/bin:/bin", shim.display(), world.bin().display()))).ok();
    assert_eq!(normal(&through), normal(&world.last_start()));
    assert_eq!(listing(&world.home()), before);
    // A settings file that cannot be read is no reason not to start.
    world.write(".config/cs/config.toml", "no = \"key\"\n");
    through_the_shim(&world, &world.home(), &["x"]).ok();
    assert_eq!(world.last_start().args, ["x"]);
    // Nor is a HOME that nobody set, as in cron.
    let mut homeless = world.any_command(&world.data().join("shim/claude"), &world.home(), &["y"]);
    ran(homeless.env_remove("HOME")).ok();
    assert_eq!(world.last_start().args, ["y"]);
    // Nor is anything that happens to Claude.
    world.fake_claude("exit 9");
    assert_eq!(through_the_shim(&world, &world.home(), &[]).code, Some(9));
    world.cs(&["shim", "remove"]).ok();
    world.cs(&["shim", "remove"]).ok();
    assert!(!world.data().join("shim/claude").exists());
}

#[test]
fn the_shim_applies_the_session_in_use_to_a_script_that_sees_no_function() {
    in_plain_shells(|sh, world| {
        world.cs(&["shim", "install"]).ok();
        world.cs(&["--no-open", "api"]).code.unwrap();
        world.write("script", "claude from-a-script\n");
        let path = format!("{}:{}:/usr/bin:/bin", world.data().join("shim").display(), world.bin().display());
        world.set("PATH", &path);
        let start = started(sh, world, "cs use api\nsh ./script");
        assert_eq!(start.flag("-n"), Some("api"), "{}", sh.what);
        assert_eq!(start.args.last().map(String::as_str), Some("from-a-script"), "{}", sh.what);
        let start = started(sh, world, "cs use api\ncs off\nsh ./script");
        assert_eq!(start.args, ["from-a-script"], "{}", sh.what);
    });
}

#[test]
fn the_shim_never_finds_itself() {
    let world = World::with_fake_claude();
    world.cs(&["shim", "install"]).ok();
    let real = fs::read(world.bin().join("claude")).unwrap();
    fs::remove_file(world.bin().join("claude")).unwrap();
    // Not where it is the only one,
    let said = through_the_shim(&world, &world.home(), &["x"]).fails(127);
    assert!(said.contains("there is no program 'claude'"), "{said}");
    // nor by another name of the same file, nor as that of another cs, with another data root.
    symlink(World::cs_program(), world.bin().join("claude")).unwrap();
    through_the_shim(&world, &world.home(), &["x"]).fails(127);
    let other = world.root().join("other");
    fs::create_dir_all(&other).unwrap();
    fs::copy(World::cs_program(), other.join("cs")).unwrap();
    fs::remove_file(world.bin().join("claude")).unwrap();
    symlink(other.join("cs"), world.bin().join("claude")).unwrap();
    through_the_shim(&world, &world.home(), &["x"]).fails(127);
    fs::remove_file(world.bin().join("claude")).unwrap();
    // Named in the settings, it is refused for `cs` too.
    let config = format!("claude = '{}'\n", world.data().join("shim/claude").display());
    world.write(".config/cs/config.toml", &config);
    let said = world.cs(&["api"]).fails(2);
    assert!(said.contains("is cs itself"), "{said}");
    fs::remove_file(world.home().join(".config/cs/config.toml")).unwrap();
    // And a real one is found behind it.
    world.program("claude", std::str::from_utf8(&real).unwrap());
    through_the_shim(&world, &world.home(), &["x"]).ok();
    assert_eq!(world.last_start().args, ["x"]);
}

#[test]
fn as_a_process_wrapper_it_starts_the_program_it_is_given() {
    let world = World::with_fake_claude();
    world.cs(&["shim", "install"]).ok();
    world.cs(&["profile", "create", "work"]).code.unwrap();
    let bundled = world.root().join("bundled");
    fs::rename(world.bin().join("claude"), &bundled).unwrap();
    through_the_shim(&world, &world.home(), &[bundled.to_str().unwrap(), "--output-format", "stream-json"])
        .ok();
    assert_eq!(world.last_start().args, ["--output-format", "stream-json"]);

    // With an interpreter and a script, and a profile in use.
    let script = world.root().join("cli.js");
    fs::write(&script, "").unwrap();
    let shim = world.data().join("shim/claude");
    let words = [bundled.to_str().unwrap(), script.to_str().unwrap(), "--verbose"];
    let mut command = world.any_command(&shim, &world.home(), &words);
    ran(command.env("CS_PROFILE", "work")).ok();
    let start = world.last_start();
    assert_eq!(start.args, [script.to_str().unwrap(), "--verbose"]);
    assert_eq!(start.var("CLAUDE_CONFIG_DIR"), world.config_of("work").to_str());

    // With a session, what is added stands behind the script.
    world.cs(&["--no-open", "api"]).code.unwrap();
    let mut command = world.any_command(&shim, &world.home(), &words);
    ran(command.env("CS_PROFILE", "default").env("CS_SESSION", "api")).ok();
    let start = world.last_start();
    assert_eq!(start.args[..2], [script.to_str().unwrap(), "--session-id"]);
    assert_eq!(start.args.last().map(String::as_str), Some("--verbose"));
}

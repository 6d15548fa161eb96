//! Secrets: what Claude keeps of a login is never opened, and never comes out of any command.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::scenery::{TALK, cs, has, talk};
use super::support::world::{World, ran};

const CANARY: &str = "sk-ant-oat01-canary-that-must-not-sing";

#[test]
#[allow(clippy::too_many_lines, reason = "a table, one entry a line")]
fn a_login_is_never_opened_and_never_printed() {
    if !has("strace") {
        return;
    }
    let mut world = World::with_fake_claude();
    world.set("EDITOR", "true");
    let secret = format!("{{\"claudeAiOauth\": {{\"accessToken\": \"{CANARY}\"}}}}");
    world.write(".claude/.credentials.json", &secret);
    world.write(".claude/settings.json", "{}");
    world.write(".claude.json", "{\"hasCompletedOnboarding\": true}");
    world.write(".claude-old/.credentials.json", &secret);
    let old = world.home().join(".claude-old");
    world.cs(&["profile", "create", "work"]).ok();
    fs::write(world.config_of("work").join(".credentials.json"), &secret).unwrap();
    world.cs(&["new", "--no-open", "api"]).ok();
    world.cs(&["new", "--no-open", "-P", "work", "job"]).ok();
    for name in ["api", "job"] {
        let config = world.config_of(name);
        talk(&config, &world.home(), TALK, "hello");
        fs::write(config.join(".credentials.json"), &secret).unwrap();
    }
    let trace = world.root().join("trace");
    let commands: &[&[&str]] = &[
        &["list"],
        &["list", "--json"],
        &["show", "api"],
        &["show", "job", "--json"],
        &["show", "default"],
        &["profile", "list", "--json"],
        &["profile", "show", "work"],
        &["profile", "edit", "work"],
        &["profile", "sync"],
        &["profile", "default", "work"],
        &["profile", "login", "work"],
        &["profile", "adopt", "old", old.to_str().unwrap()],
        &["profile", "create", "other"],
        &["env", "job"],
        &["env", "api", "--json"],
        &["env", "job", "--dotenv"],
        &["path", "job"],
        &["--dry-run", "--json", "job"],
        &["api", "-p", "x"],
        &["job"],
        &["-P", "work", "fresh"],
        &["--isolation", "home", "-P", "default", "homely"],
        &["work", "mcp", "list"],
        &["last"],
        &["resume", "job"],
        &["exec", "job", "--", "true"],
        &["fork", "job", "job-2"],
        &["rename", "job-2", "job-3"],
        &["rm", "job-3"],
        &["restore"],
        &["restore", "job-3"],
        &["config", "show"],
        &["export", "api", "job", "out.tar"],
        &["export", "--all", "all.tgz"],
        &["import", "--dry-run", "all.tgz"],
        &["rm", "api"],
        &["trash"],
        &["trash", "empty", "--yes", "api"],
        &["import", "--yes", "out.tar"],
        &["cleanup"],
        &["cleanup", "--yes", "--older-than", "0d", "fresh"],
        &["cleanup", "--caches", "--yes"],
        &["du"],
        &["du", "work"],
        &["config", "edit"],
        &["init", "bash"],
        &["completions", "bash"],
        &["profile", "remove", "--force", "other"],
        &["profile", "remove", "--force", "old"],
        &["restore", "old"],
    ];
    let mut seen = 0;
    for command in commands {
        let filter = "trace=%file,read,write,sendfile,copy_file_range";
        let program = cs();
        let words = ["-f", "-qq", "-s", "4096", "-o", trace.to_str().unwrap(), "-e", filter, &program];
        let done = ran(&mut world.any_command(
            Path::new("/usr/bin/strace"),
            &world.home(),
            &[&words[..], command].concat(),
        ));
        assert_eq!(done.code, Some(0), "{command:?}: {}", done.stderr);
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(CANARY), "{command:?} printed it");
        let trace = String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
        assert!(!trace.contains(CANARY), "{command:?} had it in memory");
        for line in trace.lines().filter(|line| line.contains("credentials.json")) {
            seen += 1;
            let only_looks =
                ["statx(", "newfstatat(", "lstat(", "stat(", "access(", "faccessat", "unlinkat("];
            assert!(only_looks.iter().any(|call| line.contains(call)), "{command:?}: {line}");
        }
    }
    assert!(seen > 0, "the control: its presence was looked at");
    for start in world.starts() {
        assert!(!start.args.iter().chain(start.env.values()).any(|value| value.contains(CANARY)));
    }
    for file in ["out.tar", "all.tgz"] {
        let mut text = Vec::new();
        let packed = fs::read(world.home().join(file)).unwrap();
        let mut unpacked = flate2::read::GzDecoder::new(packed.as_slice());
        if unpacked.read_to_end(&mut text).is_err() {
            text = packed;
        }
        let text = String::from_utf8_lossy(&text);
        assert!(text.contains("hello") && !text.contains(CANARY), "{file}");
        assert!(!text.contains("credentials"), "{file}");
    }
    // Nothing of ours holds a copy: what is below the data root is what this test put there.
    let mut copies = Vec::new();
    find_canary(&world.data(), &mut copies);
    copies.sort();
    // That of 'api' went with it, and did not come back.
    assert_eq!(copies.len(), 2, "{copies:?}");
    assert!(copies.iter().all(|path| path.ends_with(".credentials.json")), "{copies:?}");
}

fn find_canary(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            find_canary(&path, found);
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(CANARY) {
            found.push(path);
        }
    }
}

#[test]
fn a_token_of_an_endpoint_is_in_no_output_and_no_argument() {
    let mut world = World::with_fake_claude();
    world.set("MY_TOKEN", CANARY);
    world
        .cs(&["profile", "create", "gw", "--base-url", "http://127.0.0.1:9", "--token-env", "MY_TOKEN"])
        .ok();
    world.cs(&["profile", "create", "plain", "--base-url", "http://127.0.0.1:9", "--token", CANARY]).ok();
    for command in [
        &["list"][..],
        &["list", "--json"],
        &["profile", "list"],
        &["profile", "show", "gw"],
        &["profile", "show", "plain", "--json"],
        &["show", "plain"],
        &["--dry-run", "-P", "plain", "x"],
        &["--dry-run", "--json", "-P", "gw", "x"],
        &["config", "show"],
        &["-P", "plain", "one", "-p", "hello"],
        &["-P", "gw", "two"],
        &["show", "one", "--json"],
        &["list", "--json"],
    ] {
        let done = world.cs(command);
        assert_eq!(done.code, Some(0), "{command:?}: {}", done.stderr);
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(CANARY), "{command:?}");
    }
    for start in world.starts() {
        assert_eq!(start.var("ANTHROPIC_AUTH_TOKEN"), Some(CANARY), "the control: it has it where it should");
        assert!(!start.args.iter().any(|word| word.contains(CANARY)));
    }
    // Who asks for the variables gets them: that is a pipe, not a terminal.
    assert!(world.cs(&["env", "one"]).ok().contains(CANARY));
}

#[test]
fn prompts_and_arguments_are_written_nowhere() {
    let world = World::with_fake_claude();
    world.cs(&["api", "-p", CANARY]).ok();
    world.cs(&[format!("{CANARY} is a prompt")]).ok();
    world.cs(&["exec", "api", "--", "true", CANARY]).ok();
    let mut copies = Vec::new();
    find_canary(&world.home(), &mut copies);
    assert_eq!(copies, [] as [std::path::PathBuf; 0]);
    assert_eq!(world.last_start().args.last().map(String::as_str), Some(&*format!("{CANARY} is a prompt")));
}

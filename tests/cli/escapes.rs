//! Text of others on a terminal: nothing that a terminal acts on comes out of any command.

use std::fs;
use std::path::Path;

use super::scenery::{TALK, talk};
use super::support::world::{Ran, World};

/// What attackers put into titles, branches and the like.
const HOSTILE: &[&str] = &[
    "\u{1b}]52;c;Y2FsYw==\u{7}clipboard",
    "\u{1b}]0;title\u{1b}\\",
    "\u{1b}[2J\u{1b}[31mred",
    "\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{1b}P$q\"p\u{1b}\\dcs",
    "\u{9b}31mc1 \u{9d}52;c;eA==\u{9c}",
    "secret\rok",
    "back\u{8}\u{8}\u{8}space\u{7f}",
    "right \u{202e}tfel\u{202c} \u{2066}isolate\u{2069} \u{200f}mark\u{61c}",
    "zero\u{200b}width\u{feff} soft\u{ad}hyphen",
    "line\u{2028}paragraph\u{2029}",
    "tag\u{e0041}",
    "\u{0}nul\u{1}",
];

/// Fails where something in a command's output could act on a terminal.
#[track_caller]
fn harmless(what: &str, ran: &Ran) {
    for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        for (at, c) in text.char_indices() {
            let acts = (c.is_control() && c != '\n')
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{e0000}'..='\u{e007f}');
            let from = text[..at].char_indices().rev().nth(30).map_or(0, |(at, _)| at);
            assert!(!acts, "{what}: {stream} has {c:?} after {:?}", &text[from..at]);
        }
    }
}

#[test]
fn titles_and_branches_of_others_are_spelled_out() {
    let world = World::with_fake_claude();
    for (number, hostile) in HOSTILE.iter().enumerate() {
        let project = world.project(&format!("p{number}"));
        let name = format!("s{number}");
        world.cs_in(&project, &["new", "--no-open", &name]).ok();
        let transcript = talk(&world.config_of(&name), &project, TALK, hostile);
        let more = serde_json::json!({"type": "ai-title", "aiTitle": format!("T{hostile}")});
        fs::write(&transcript, format!("{}{more}\n", fs::read_to_string(&transcript).unwrap())).unwrap();
        fs::create_dir(project.join(".git")).unwrap();
        fs::write(project.join(".git/HEAD"), format!("ref: refs/heads/B{hostile}\n")).unwrap();
        for arguments in [
            &["list"][..],
            &["list", "--json"],
            &["show", &name],
            &["show", "--json", &name],
            &["fork", "--no-open", &name, &format!("f{number}")],
            &["--dry-run", &name],
            &["--dry-run", "--json", &name],
        ] {
            let ran = world.cs(arguments);
            assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
            harmless(&format!("{arguments:?} with {hostile:?}"), &ran);
        }
        // The control: it is shown, spelled out, and JSON gives it back as it is.
        let first = hostile.lines().next().unwrap().trim_end();
        assert_eq!(
            world.show(&name)["conversations"][0]["title"].as_str().unwrap().trim_end(),
            format!("T{first}")
        );
        assert!(world.cs(&["show", &name]).ok().contains(&*claude_cs::ui::escape(&format!("T{first}"))));
    }
}

#[test]
fn what_is_typed_comes_back_spelled_out_in_errors() {
    let mut world = World::with_fake_claude();
    for hostile in HOSTILE.iter().map(|text| text.replace('\0', "")) {
        for arguments in [
            &["show", &hostile][..],
            &["new", &hostile],
            &["new", "--no-open", "--dir", &hostile, "x"],
            &["resume", &hostile],
            &["rm", &hostile],
            &["restore", &hostile],
            &["rename", &hostile, "x"],
            &["env", &hostile],
            &["exec", &hostile, "--", "x"],
            &["exec", "default", "--", &hostile],
            &["profile", "create", &hostile],
            &["profile", "create", "x", "--provider", &hostile],
            &["profile", "create", "x", "--base-url", &hostile],
            &["profile", "create", "x", "--token-env", &hostile],
            &["profile", "adopt", "x", &hostile],
            &["--isolation", &hostile, "x"],
            &["list", "--dir", &hostile],
            &["list", &format!("--{hostile}")],
            &["init", &hostile],
            &["--profile", &hostile, "x"],
        ] {
            let ran = world.cs(arguments);
            assert_ne!(ran.code, Some(0), "{arguments:?}");
            harmless(&format!("{arguments:?}"), &ran);
        }
    }
    // From files and from the environment.
    world.cs(&["new", "--no-open", "api"]).ok();
    let id = world.id_of("api");
    let record = world.data().join(format!("sessions/{id}/session.toml"));
    let good = fs::read_to_string(&record).unwrap();
    for hostile in HOSTILE {
        let quoted = serde_json::to_string(hostile).unwrap().replace('\u{7f}', "\\u007f");
        fs::write(&record, good.replace("directory = ", &format!("directory = {quoted} #"))).unwrap();
        for arguments in
            [&["list"][..], &["list", "--json"], &["show", "api"], &["api"], &["--dry-run", "api"], &["last"]]
        {
            harmless(&format!("{arguments:?} with directory {hostile:?}"), &world.cs(arguments));
        }
        fs::write(&record, format!("{hostile} = {hostile}")).unwrap();
        for arguments in [&["list"][..], &["list", "--json"], &["show", "api"], &["api"]] {
            harmless(&format!("{arguments:?} with record {hostile:?}"), &world.cs(arguments));
        }
        fs::write(&record, &good).unwrap();
        world.write(".config/cs/config.toml", &format!("[env]\n{quoted} = 1\n"));
        harmless(&format!("config with {hostile:?}"), &world.cs(&["api"]));
        world.write(".config/cs/config.toml", &format!("claude = {quoted}\n"));
        for arguments in [&["api"][..], &["config", "show"], &["config", "show", "--json"]] {
            harmless(&format!("{arguments:?} with claude = {quoted}"), &world.cs(arguments));
        }
        world.write(".config/cs/config.toml", "");
    }
    for hostile in HOSTILE.iter().map(|text| text.replace('\0', "")) {
        world.set("CLAUDE_CONFIG_DIR", &hostile);
        harmless("CLAUDE_CONFIG_DIR", &world.cs(&["api"]));
        world.unset("CLAUDE_CONFIG_DIR");
        for variable in ["CS_HOME", "XDG_CONFIG_HOME"] {
            world.set(variable, &hostile);
            harmless(variable, &world.cs(&["list"]));
            world.set(variable, format!("/nowhere/{hostile}"));
            harmless(variable, &world.cs(&["list"]));
            harmless(variable, &world.cs(&["config"]));
            world.unset(variable);
        }
    }
}

#[test]
fn what_is_bound_and_what_a_repository_says_is_spelled_out() {
    let world = World::with_fake_claude();
    world.cs(&["profile", "create", "work"]).ok();
    let mut denied = 0;
    let hostile: Vec<String> = HOSTILE.iter().map(|text| text.replace(['\0', '/'], "")).collect();
    for hostile in &hostile {
        let project = world.project(hostile);
        for arguments in [
            &["bind", "work"][..],
            &["bind"],
            &["bind", "--json"],
            &["bind", "--list"],
            &["bind", "--list", "--json"],
            &["default"],
            &["--dry-run", "default"],
            &["show", "work"],
            &["bind", "work", "--remote", hostile],
            &["bind", "--remove", "--remote", hostile],
            &["bind", "--remove"],
        ] {
            harmless(&format!("{arguments:?} in {hostile:?}"), &world.cs_in(&project, arguments));
        }
        for text in [
            "profile = \"work\"\n".to_owned(),
            format!("profile = {}\n", serde_json::to_string(hostile).unwrap().replace('\u{7f}', "\\u007f")),
            format!("{hostile} = {hostile}"),
        ] {
            fs::write(project.join(".cs.toml"), text).unwrap();
            for arguments in
                [&["allow"][..], &["bind"], &["allow", "--list"], &["allow", "--list", "--json"], &["deny"]]
            {
                let ran = world.cs_in(&project, arguments);
                harmless(&format!("{arguments:?} in {hostile:?}"), &ran);
                denied += usize::from(ran.code == Some(0) && arguments[0] == "deny");
            }
        }
    }
    let plain = hostile.iter().filter(|text| !text.chars().any(char::is_control)).count();
    assert!(plain > 0);
    assert_eq!(denied, plain * 3, "the control: those without control characters are dealt with");
}

#[test]
fn a_directory_that_no_shell_could_be_told_of_is_refused() {
    let world = World::with_fake_claude();
    for hostile in HOSTILE.iter().map(|text| text.replace(['\0', '/'], "")) {
        let project = world.project(&hostile);
        for arguments in [&["new", "--no-open", "api"][..], &["--no-open"], &["list", "--dir"]] {
            let ran = world.cs_in(&project, arguments);
            harmless(&format!("{arguments:?} in {hostile:?}"), &ran);
            if hostile.chars().any(char::is_control) && arguments[0] != "list" {
                assert_eq!(ran.code, Some(2), "{hostile:?}: {}", ran.stderr);
            }
        }
        let _ = world.cs(&["rm", "api"]);
    }
    assert!(Path::new(&world.project("plain")).is_dir());
    world.cs_in(&world.project("plain"), &["new", "--no-open", "api"]).ok();
}

//! Sessions with a home of their own: what programs find there, and what of yours is never touched.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::world::{World, listing};

/// The text of a file, as a home of a session's finds it.
fn found(world: &World, name: &str, path: &str) -> Option<String> {
    fs::read_to_string(world.config_of(name).parent().unwrap().join(path)).ok()
}

fn noted(world: &World, name: &str) -> Vec<String> {
    let text = fs::read_to_string(world.config_of(name).ancestors().nth(2).unwrap().join("links.toml"));
    let notes: toml::Table = text.unwrap_or_default().parse().unwrap();
    notes
        .get("links")
        .and_then(|links| links.as_table())
        .map(|links| links.keys().cloned().collect())
        .unwrap_or_default()
}

#[test]
fn programs_find_your_files_and_change_them_through_the_links() {
    let world = World::with_fake_claude();
    let project = world.project("api");
    world.write(
        ".gitconfig",
        "[user]\n\tname = Tester\n\temail = t@example.org\n[credential]\n\thelper = store\n",
    );
    world.write(".git-credentials", "https://me:hunter2@example.org\n");
    world.write(".config/git/ignore", "*.ignored\n");
    world.write(".npmrc", "fund=false\n");
    world.write(".config/gh/config.yml", "version: 1\neditor: mine\n");
    world.write(".config/pip/pip.conf", "[global]\ntimeout = 77\n");
    world.write(".cargo/config.toml", "[net]\nretry = 7\n");
    fs::create_dir(world.home().join(".gnupg")).unwrap();
    fs::set_permissions(world.home().join(".gnupg"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    world.cs_in(&project, &["--isolation", "home", "api"]).ok();
    let home = world.config_of("api").parent().unwrap().to_owned();
    let inside = |command: &str| {
        let ran = world.cs_in(&project, &["exec", "api", "--", "/bin/sh", "-c", command]);
        format!("{}{}", ran.stdout, ran.stderr)
    };
    assert_eq!(inside("echo $HOME"), format!("{}\n", home.display()), "the control: it is another home");

    assert_eq!(inside("git config user.email"), "t@example.org\n");
    let asked = "printf 'protocol=https\\nhost=example.org\\n\\n' | git credential fill";
    assert!(inside(asked).contains("password=hunter2"));
    inside("git init -q . && touch a.ignored b && git add . && git commit -qm first");
    assert_eq!(inside("git log --format='%an <%ae>' && git ls-files"), "Tester <t@example.org>\nb\n");
    // What a program writes through a link arrives, and the link stays.
    inside("git config --global user.name Changed");
    inside("printf 'protocol=https\\nhost=new.org\\nusername=u\\npassword=p\\n\\n' | git credential approve");
    assert!(fs::read_to_string(world.home().join(".gitconfig")).unwrap().contains("Changed"));
    assert!(fs::read_to_string(world.home().join(".git-credentials")).unwrap().contains("new.org"));
    for item in [".gitconfig", ".git-credentials", ".config/git", ".npmrc", ".cargo", ".gnupg"] {
        assert!(home.join(item).is_symlink(), "{item}");
    }
    // Of these each machine has some.
    let has = |program: &str| {
        which::which_in(
            program,
            world.environment().iter().find(|(name, _)| name == "PATH").map(|(_, path)| path),
            "/",
        )
        .is_ok()
    };
    for (program, command, wanted) in [
        (
            "npm",
            "npm config get fund; npm config set audit=false; grep audit ~/.npmrc",
            "false\naudit=false\n",
        ),
        ("gh", "gh config get editor", "mine\n"),
        ("pip3", "pip3 config get global.timeout", "77\n"),
        ("gpg", "gpg --list-keys 2>/dev/null; ls $HOME/.gnupg/ | grep -c trustdb", "1\n"),
        ("ssh", "ssh -G -F none example.org | grep -c '^identityfile ~/.ssh/'", ""),
    ] {
        if has(program) {
            let said = inside(command);
            assert!(said.ends_with(wanted), "{program}: {said}");
        }
    }
    if has("npm") {
        assert!(home.join(".npmrc").is_symlink());
        assert!(fs::read_to_string(world.home().join(".npmrc")).unwrap().contains("audit=false"));
    }
}

#[test]
fn links_are_made_to_what_is_there_noted_and_taken_away_again_and_nothing_else_is_touched() {
    let mut world = World::with_fake_claude();
    world.project("api");
    world.write(".gitconfig", "mine\n");
    world.write(".profile", "mine\n");
    world.write(".ssh/config", "mine\n");
    world.write(".conf/git/config", "by the variable\n");
    world.write(".config/git/config", "not this one\n");
    world.set("XDG_CONFIG_HOME", world.home().join(".conf"));
    let yours = |world: &World| {
        let mut all = listing(&world.home());
        all.retain(|path, _| !path.starts_with(".local"));
        all
    };
    let before = yours(&world);
    world.cs(&["--isolation", "home", "api"]).ok();
    assert_eq!(found(&world, "api", ".gitconfig").as_deref(), Some("mine\n"));
    assert_eq!(found(&world, "api", ".config/git/config").as_deref(), Some("by the variable\n"));
    assert_eq!(world.last_start().var("XDG_CONFIG_HOME"), None, "it would lead out");
    let all = ["../.config/git", "../.gitconfig", "../.profile", "../.ssh"];
    assert_eq!(noted(&world, "api"), all);
    let home = world.config_of("api").parent().unwrap().to_owned();
    assert!(!home.join(".npmrc").is_symlink(), "what is not there is not linked");

    // One is gone, one is not named any more, one was replaced by a file of the session's own.
    fs::remove_file(world.home().join(".profile")).unwrap();
    world.write(
        ".conf/cs/config.toml",
        "[isolation]\nhome_symlinks = [\".profile\", \".gitconfig\", \".config/git\"]\n",
    );
    fs::remove_file(home.join(".gitconfig")).unwrap();
    fs::write(home.join(".gitconfig"), "its own\n").unwrap();
    let said = world.cs(&["api"]);
    assert!(said.stderr.contains(".gitconfig is the session's own and not shared"), "{said:?}");
    said.ok();
    for gone in [".profile", ".ssh"] {
        assert!(!home.join(gone).is_symlink(), "{gone}");
    }
    assert_eq!(found(&world, "api", ".gitconfig").as_deref(), Some("its own\n"));
    assert_eq!(found(&world, "api", ".config/git/config").as_deref(), Some("by the variable\n"));
    // A link that somebody else made stays, wherever it leads.
    std::os::unix::fs::symlink("/nowhere", home.join(".mine")).unwrap();
    world.cs(&["api"]).ok();
    assert!(home.join(".mine").is_symlink());

    // All of a directory, and then a part of it: nothing is made through the link, in your own directory.
    world.write(".conf/cs/config.toml", "[isolation]\nhome_symlinks = [\".config\", \".config/git\"]\n");
    world.cs(&["--isolation", "home", "whole"]).ok();
    assert_eq!(found(&world, "whole", ".config/git/config").as_deref(), Some("by the variable\n"));
    assert!(!noted(&world, "whole").contains(&"../.config/git".to_owned()));
    world.write(".conf/cs/config.toml", "[isolation]\nhome_symlinks = [\".config/git\", \".config/gh\"]\n");
    world.write(".conf/gh/config.yml", "version: 1\n");
    world.cs(&["whole"]).ok();
    world.cs(&["whole"]).ok();
    assert_eq!(found(&world, "whole", ".config/gh/config.yml").as_deref(), Some("version: 1\n"));
    assert_eq!(noted(&world, "whole"), ["../.config/gh", "../.config/git"]);

    let mut after = yours(&world);
    after.retain(|path, _| {
        !path.starts_with(".conf/cs") && !path.starts_with(".conf/gh") && path != Path::new(".conf")
    });
    let mut expected = before;
    expected.retain(|path, _| path != Path::new(".profile") && path != Path::new(".conf"));
    assert_eq!(after, expected);
}

#[test]
fn inside_such_a_session_cs_is_the_one_you_know() {
    let mut world = World::with_fake_claude();
    let project = world.project("api");
    world.set("XDG_DATA_HOME", world.home().join("data"));
    world.write(".config/cs/config.toml", "[limits]\nlive = 77\n");
    world.write(".claude/skills/s/SKILL.md", "mine\n");
    let inside = |arguments: &[&str]| {
        let cs = World::cs_program();
        world.cs_in(&project, &[&["exec", "api", "--", cs.to_str().unwrap()], arguments].concat())
    };
    world.cs_in(&project, &["--isolation", "home", "api"]).ok();
    assert_eq!(world.last_start().var("CS_HOME"), Some(world.home().join("data/cs").to_str().unwrap()));
    assert_eq!(inside(&["path", "api"]).ok(), world.cs(&["path", "api"]).ok());
    assert_eq!(inside(&["path", "default"]).ok(), world.cs(&["path", "default"]).ok(), "your own ~/.claude");
    assert!(inside(&["config", "show"]).ok().contains("live = 77"));
    let listed: Value = serde_json::from_str(&inside(&["list", "--json"]).ok()).unwrap();
    assert_eq!(listed["sessions"][0]["name"], "api");

    // What is started from there is at home again, and so is another one with a home of its own.
    inside(&["other"]).ok();
    let start = world.last_start();
    assert_eq!(start.var("HOME"), world.home().to_str());
    assert_eq!((start.var("CS_REAL_HOME"), start.var("CS_SESSION")), (None, Some("other")));
    assert!(world.config_of("other").join("skills/s/SKILL.md").is_file());
    inside(&["--isolation", "home", "deeper"]).ok();
    let start = world.last_start();
    assert_eq!(start.var("CS_REAL_HOME"), world.home().to_str());
    assert_eq!(start.var("HOME"), world.config_of("deeper").parent().unwrap().to_str());
}

//! Claude's program: whether there is one, and whether it does what sessions rest on.

use std::fs;

use super::cases::{Case, advice, each, problem};
use super::{HONEST, examined, found, healthy, mode};
use crate::support::world::World;

fn script(world: &World, text: &str) {
    world.program("claude", &format!("#!/bin/sh\n{text}\n{HONEST}"));
}

const CLAUDE: &[Case] = &[
    problem("claude-missing", "", |world| fs::remove_file(world.bin().join("claude")).unwrap()),
    problem("claude-missing", "", |world| {
        world.write(".config/cs/config.toml", "claude = \"/nowhere/claude\"\n");
    }),
    problem("claude-not-executable", "", |world| mode(&world.bin().join("claude"), 0o644)),
    problem("config-dir-ignored", "", |world| script(world, "unset CLAUDE_CONFIG_DIR")),
    problem("login-dir-ignored", "", |world| script(world, "unset CLAUDE_SECURESTORAGE_CONFIG_DIR")),
    problem("path-writable", "", |world| {
        let shared = world.home().join("shared");
        fs::create_dir(&shared).unwrap();
        mode(&shared, 0o777);
        world.set("PATH", format!("{}:{}:/usr/bin:/bin", shared.display(), world.bin().display()));
    }),
    problem("sandbox-impossible", "", |world| {
        world.write(".config/cs/config.toml", "[isolation]\nmethod = \"sandbox\"\n");
        world.program(
            "bwrap",
            "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n",
        );
    }),
    advice("path-relative", "", |world| {
        world.set("PATH", format!(".:{}:/usr/bin:/bin", world.bin().display()));
    }),
];

#[test]
fn what_is_wrong_with_claude_is_found_as_itself() {
    each(CLAUDE);
}

#[test]
fn a_claude_that_cannot_be_tried_is_one_that_could_not_be_looked_at() {
    let world = healthy();
    let cannot_be_started = "#!/nowhere/sh\n";
    for script in
        [cannot_be_started, "exit 1", "echo no json", "case $1 in auth) echo '{\"loggedIn\": true}' ;; esac"]
    {
        let head = if script.starts_with('#') { "" } else { "#!/bin/sh\n" };
        world.program("claude", &format!("{head}{script}\n"));
        let (code, report) = examined(&world, &[]);
        assert_eq!((code, found(&report).len()), (2, 0), "{script}: {report:#}");
        assert!(report["could_not_check"].to_string().contains("honours CLAUDE_CONFIG_DIR"), "{report:#}");
    }
    let left: Vec<_> = fs::read_dir(world.root().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_claude_is_tried_once_and_again_when_it_was_updated_without_a_login_or_a_home_of_the_users() {
    let mut world = healthy();
    world.set("ANTHROPIC_API_KEY", "canary");
    let tries = |world: &World| {
        let starts = world.starts();
        starts
            .into_iter()
            .filter(|start| start.args.first().is_some_and(|word| word == "auth"))
            .collect::<Vec<_>>()
    };
    let before = tries(&world).len();
    assert_eq!(before, 2, "with the variable, and without it");
    world.cs(&["doctor"]).ok();
    assert_eq!(tries(&world).len(), before, "it is remembered");
    world.fake_claude(&format!("{HONEST}# updated\n"));
    world.cs(&["doctor"]).ok();
    let tries = tries(&world);
    assert_eq!(tries.len(), before + 2, "another program is another try");
    for start in tries {
        let home = start.var("HOME").unwrap();
        assert!(home.starts_with(world.root().join("tmp").to_str().unwrap()), "{home}");
        assert_eq!(start.var("HTTPS_PROXY"), Some("http://127.0.0.1:9"));
        let world_home = world.home().to_str().unwrap().to_owned();
        let leaks: Vec<_> = start
            .env
            .iter()
            .filter(|(name, value)| {
                *name != "PATH" && (value.contains(&world_home) || value.contains("canary"))
            })
            .collect();
        assert!(leaks.is_empty(), "{leaks:?}");
    }
    assert_eq!(fs::read_dir(world.root().join("tmp")).unwrap().count(), 0, "nothing is left");
}

//! What the judge sees: each wrong that a naive program does is found, and a harmless one is let pass.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::furnish::world;
use crate::judge::{Range, Usual};
use crate::objects::Object;
use crate::support::may_trace;
use crate::trace::Bounds;
use crate::verbs::Act;

/// A range in which a shell that runs its first argument stands for `cs`.
fn naive_range() -> Range {
    let world = world();
    let program = world.root().join("naive");
    // The shell reads itself, so that it is seen to: programs that it starts are not looked at.
    std::fs::write(&program, "#!/bin/sh\neval \"$1\"\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Range::new(world, &program, Bounds { processor: 1, ..Bounds::USUAL }, 5_000)
}

/// What `script` is found to do at `path` with `object` there.
fn found(range: &mut Range, path: &Path, object: Object, script: &str) -> Vec<String> {
    let script = script.replace("PATH", &format!("'{}'", range.stage.home().join(path).display()));
    let words: &'static [&'static str] = vec![&*script.leak()].leak();
    let act = Act { words, directory: "", input: "", variables: &[] };
    range.attack(path, object, &act, &Usual::default())
}

#[test]
fn each_wrong_of_a_naive_program_is_seen() {
    if !may_trace() {
        return;
    }
    let mut range = naive_range();
    let file = range.path_of("bare/settings.json");
    let directory = range.path_of("bare/projects");
    let cases: &[(&PathBuf, Object, &str, &str)] = &[
        (&file, Object::LinkToTwin, "read -r line < PATH; echo \"$line\"", "shows a secret"),
        (&file, Object::LinkToTwin, "read -r line < PATH", "opened the secret"),
        (&file, Object::LinkToSecrets, "read -r line < PATH", "opened the secret"),
        (&file, Object::LinkToSecrets, "cat PATH > copied", "copied a secret to copied"),
        (&file, Object::LinkToSecrets, "cat PATH > src/web/.claude/made", "changed src/web/.claude/made"),
        (&file, Object::LinkToSecrets, "cp -P PATH copied", "made a link to a secret at copied"),
        (&file, Object::LinkToSecrets, "echo x >> PATH", "changed the secret"),
        (&file, Object::LinkToSecrets, "chmod 644 PATH", "changed the secret"),
        (&file, Object::HardLink, "echo x >> PATH", "changed the secret"),
        (&file, Object::HardLink, "chmod 600 PATH", "changed the secret"),
        (&file, Object::Dangling, "echo x > PATH", "changed the secret"),
        (
            &directory,
            Object::LinkToDirectory,
            "for file in PATH/*; do read -r line < $file; done",
            "opened the secret",
        ),
        (&directory, Object::LinkToTwin, "ls PATH; echo x > PATH/new", "changed the secret"),
        (&directory, Object::LinkToRoot, "read -r line < PATH 2>/dev/null; true", "opened /"),
        (&file, Object::Fifo, "read -r line < PATH", "hung"),
        (&file, Object::Zero, "while :; do :; done", "was ended by signal"),
        (&file, Object::Program, "PATH", "ran what was planted"),
        (&file, Object::Word, "exit 101", "ended with Some(101)"),
        (&file, Object::Word, "kill -ABRT $$", "was ended by signal 6"),
        (&file, Object::Word, "echo \"thread 'main' panicked at src\" >&2", "panicked at"),
        (&file, Object::Word, "printf 'a\\033]0;b\\007' >&2", "raw control characters"),
        (&file, Object::Word, "rm src/plain/CLAUDE.md", "changed src/plain/CLAUDE.md"),
        (&file, Object::Word, "chmod 700 .ssh", "changed .ssh"),
    ];
    for (path, object, script, wrong) in cases {
        if !Object::all().contains(object) {
            continue;
        }
        // A FIFO without a writer need not be waited for for long.
        let hangs = *object == Object::Fifo;
        range.bounds.longest = if hangs { Duration::from_secs(2) } else { Bounds::USUAL.longest };
        let found = found(&mut range, path, *object, script);
        assert!(
            found.iter().any(|line| line.contains(wrong)),
            "{script} at {object:?}: {wrong} is not in {found:?}"
        );
    }
}

#[test]
fn a_harmless_program_is_let_pass_whatever_is_planted() {
    if !may_trace() {
        return;
    }
    let mut range = naive_range();
    for place in ["bare/settings.json", "bare/projects", "boxed/.config.json"] {
        let path = range.path_of(place);
        for object in Object::all() {
            let found = found(&mut range, &path, object, "ls -ld PATH; echo done");
            assert_eq!(found, [""; 0], "{object:?} at {place}");
        }
    }
    // What it may have is bounded.
    let path = range.path_of("bare/settings.json");
    let limits = found(
        &mut range,
        &path,
        Object::Word,
        "[ $(ulimit -v) = 1048576 ] && [ $(ulimit -t) = 1 ] || exit 99",
    );
    assert_eq!(limits, [""; 0]);
}

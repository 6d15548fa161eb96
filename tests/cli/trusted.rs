//! What others could have prepared is not used: a data root behind a link into a directory of theirs, settings and
//! records that they own or can write. What only looks so works: a larger disk, dotfiles, a group of one's own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use super::scenery::session_names;
use super::support::granted;
use super::support::world::{World, listing};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn private_dirs(world: &World, paths: &[&str]) {
    for path in paths {
        fs::create_dir_all(world.root().join(path)).unwrap();
        mode(&world.root().join(path), 0o700);
    }
}

/// Returns true if files can be given to other users here.
fn may_give_away() -> bool {
    granted(
        fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0),
        "this is not root",
    )
}

/// A world whose data root is a link to a private directory of another disk.
fn on_another_disk() -> World {
    let world = World::with_fake_claude();
    private_dirs(&world, &["disk", "disk/shared", "disk/shared/me", "disk/shared/me/cs"]);
    fs::create_dir_all(world.data().parent().unwrap()).unwrap();
    symlink(world.root().join("disk/shared/me/cs"), world.data()).unwrap();
    world
}

#[test]
fn a_data_root_on_another_disk_works_and_one_that_others_could_put_there_is_refused() {
    let world = on_another_disk();
    world.cs(&["api", "-p", "x"]).ok();
    assert!(world.root().join("disk/shared/me/cs/sessions").is_dir(), "the control: it works, and there");
    let shared = world.root().join("disk/shared");
    mode(&shared, 0o777);
    let before = listing(world.root());
    for words in [&["new", "--no-open", "b"][..], &["list"], &["api"], &["rm", "api"], &["cleanup", "--yes"]]
    {
        let said = world.cs(words).fails(5);
        assert!(said.contains(&format!("{} can be written to by other users", shared.display())), "{said}");
        assert!(said.contains(&format!("chmod go-w {}", shared.display())), "{said}");
    }
    assert_eq!(listing(world.root()), before, "nothing changed");
    // As in /tmp nobody replaces what is another user's.
    mode(&shared, 0o1777);
    world.cs(&["new", "--no-open", "b"]).ok();
    mode(&shared, 0o755);
    assert_eq!(session_names(&world), ["api", "b"]);
}

#[test]
fn every_way_to_name_a_root_behind_a_link_is_looked_at() {
    let mut world = on_another_disk();
    let root = world.root().to_path_buf();
    private_dirs(&world, &["links"]);
    symlink("../disk/shared", root.join("links/in-the-middle")).unwrap();
    symlink("in-the-middle/me/cs", root.join("links/chain")).unwrap();
    symlink("chain", root.join("links/longer")).unwrap();
    for named in
        ["links/in-the-middle/me/cs", "links/chain", "links/longer", "links/longer/", "disk/shared/me/cs"]
    {
        world.set("CS_HOME", root.join(named));
        mode(&root.join("disk/shared"), 0o755);
        world.cs(&["list"]).ok();
        mode(&root.join("disk/shared"), 0o777);
        let said = world.cs(&["list"]).fails(5);
        assert!(said.contains("can be written to by other users"), "{named}: {said}");
    }
    mode(&root.join("disk/shared"), 0o755);
    // The directory a link stands in.
    world.set("CS_HOME", root.join("links/longer"));
    mode(&root.join("links"), 0o777);
    assert!(world.cs(&["list"]).fails(5).contains(root.join("links").to_str().unwrap()));
    mode(&root.join("links"), 0o700);
    if may_give_away() {
        chown(root.join("disk/shared"), Some(65_534), None).unwrap();
        assert!(world.cs(&["list"]).fails(5).contains("belongs to another user (uid 65534)"));
        chown(root.join("disk/shared"), Some(0), None).unwrap();
        std::os::unix::fs::lchown(root.join("links/chain"), Some(65_534), None).unwrap();
        assert!(world.cs(&["list"]).fails(5).contains("links/chain belongs to another user"));
        std::os::unix::fs::lchown(root.join("links/chain"), Some(0), None).unwrap();
    }
    world.cs(&["list"]).ok();
}

#[test]
fn a_link_whose_disk_is_not_there_is_no_empty_store() {
    let world = on_another_disk();
    world.cs(&["new", "--no-open", "api"]).ok();
    fs::rename(world.root().join("disk"), world.root().join("unplugged")).unwrap();
    for words in [&["list"][..], &["new", "--no-open", "b"]] {
        let said = world.cs(words).fails(5);
        assert!(said.contains("is a link to") && said.contains("does not exist"), "{said}");
    }
    fs::rename(world.root().join("unplugged"), world.root().join("disk")).unwrap();
    assert_eq!(session_names(&world), ["api"]);
}

/// Settings that would run a program that leaves a trace.
fn hostile(world: &World) -> String {
    let trace = world.root().join("ran");
    world.program("evil", &format!("#!/bin/sh\ntouch '{}'\n", trace.display()));
    format!("claude = \"{}\"\n", world.bin().join("evil").display())
}

/// Asserts that the settings are refused with this in the refusal, and that nothing they name was run.
#[track_caller]
fn refused(world: &World, why: &str, command: &str) {
    for words in [
        &["api", "-p", "x"][..],
        &["new", "--no-open", "b"],
        &["list"],
        &["config", "show"],
        &["exec", "api", "--", "true"],
    ] {
        let said = world.cs(words).fails(5);
        assert!(said.contains(why) && said.contains(command), "{words:?}: {said}");
    }
    let _ = world.cs(&["doctor", "--fix"]);
    assert!(!world.root().join("ran").exists(), "what others named was run");
}

#[test]
fn settings_that_others_own_or_can_write_are_refused_and_doctor_tells_of_them() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let file = world.write(".config/cs/config.toml", &hostile(&world));
    let directory = file.parent().unwrap().to_path_buf();
    mode(&directory, 0o700);
    let why = |path: &Path| format!("{} can be written to by other users", path.display());
    for bad in [0o666, 0o646, 0o622 | 0o4] {
        mode(&file, bad);
        refused(&world, &why(&file), &format!("chmod go-w {}", file.display()));
    }
    mode(&file, 0o644);
    for (path, bad, good) in [(&directory, 0o777, 0o700), (&world.home(), 0o757, 0o755)] {
        mode(path, bad);
        let said = world.cs(&["config", "show"]).fails(5);
        assert!(said.contains(&why(path)), "{said}");
        mode(path, good);
    }
    if may_give_away() {
        chown(&file, Some(65_534), None).unwrap();
        refused(&world, "belongs to another user (uid 65534)", "chown \"$(id -un)\"");
        let report = world.cs(&["doctor", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
        let ids: Vec<&str> =
            report["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert!(ids.contains(&"settings-exposed"), "{report:#}");
        chown(&file, Some(0), None).unwrap();
    }
    // What mends it works meanwhile.
    mode(&file, 0o666);
    assert!(world.cs(&["doctor"]).stdout.contains("(settings-exposed)"));
    assert_eq!(world.cs(&["config", "path"]).ok().trim_end(), file.to_str().unwrap());
    assert_eq!(
        world.cs(&["path", "default"]).ok().trim_end(),
        world.home().join(".claude").to_str().unwrap()
    );
    let edited = world.any_command(&World::cs_program(), &world.home(), &["config", "edit"]);
    let mut edited = edited;
    let edited = super::support::world::ran(edited.env("EDITOR", "chmod go-w"));
    assert_eq!(edited.code, Some(0), "{edited:?}");
    // The control: they are believed now, and the program is run.
    world.cs(&["api", "-p", "x"]).ok();
    assert!(world.root().join("ran").exists());
}

#[test]
fn settings_that_others_wrote_are_not_made_ones_own_by_rewriting_them() {
    let world = World::with_fake_claude();
    world.cs(&["profile", "create", "work"]).ok();
    let file = world.write(".config/cs/config.toml", &hostile(&world));
    mode(&file, 0o666);
    let before = fs::read_to_string(&file).unwrap();
    assert!(world.cs(&["profile", "default", "work"]).fails(5).contains("can be written to by other users"));
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    mode(&file, 0o600);
    world.cs(&["profile", "default", "work"]).ok();
    assert_ne!(fs::read_to_string(&file).unwrap(), before, "the control");
}

#[test]
fn dotfiles_behind_a_link_are_looked_at_where_they_are() {
    let mut world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let behind = world.write("dotfiles/cs.toml", &hostile(&world));
    fs::create_dir_all(world.home().join(".config/cs")).unwrap();
    let link = world.home().join(".config/cs/config.toml");
    symlink("../../dotfiles/cs.toml", &link).unwrap();
    assert!(world.cs(&["config", "show"]).ok().contains("evil"), "the control");
    mode(&behind, 0o666);
    refused(&world, behind.to_str().unwrap(), &format!("chmod go-w {}", behind.display()));
    mode(&behind, 0o644);
    mode(behind.parent().unwrap(), 0o777);
    refused(&world, behind.parent().unwrap().to_str().unwrap(), "chmod go-w");
    // By the variable too.
    world.set("CS_CONFIG", &behind);
    refused(&world, behind.parent().unwrap().to_str().unwrap(), "chmod go-w");
    mode(behind.parent().unwrap(), 0o755);
    world.cs(&["config", "show"]).ok();
}

#[test]
fn a_group_of_ones_own_may_write_and_another_may_not() {
    let world = World::with_fake_claude();
    let file = world.write(".config/cs/config.toml", "[limits]\nlive = 7\n");
    if !may_give_away() {
        return;
    }
    // What an editor makes with the file mode mask 002: root's group is root's alone.
    mode(&file, 0o664);
    for directory in file.ancestors().skip(1).take(3) {
        mode(directory, 0o775);
    }
    assert!(world.cs(&["config", "show"]).ok().contains("live = 7"));
    for path in [file.clone(), file.parent().unwrap().to_path_buf()] {
        chown(&path, None, Some(65_534)).unwrap();
        assert!(world.cs(&["config", "show"]).fails(5).contains("can be written to by other users"));
        chown(&path, None, Some(0)).unwrap();
    }
    world.cs(&["config", "show"]).ok();
}

#[test]
fn the_record_of_an_endpoint_and_its_token_are_not_taken_from_others() {
    if !may_give_away() {
        return;
    }
    let world = World::with_fake_claude();
    let token = world.write("secret/token", "a-token\n");
    mode(&token, 0o600);
    let words = ["profile", "create", "gw", "--base-url", "http://127.0.0.1:9", "--token-file"];
    world.cs(&[&words[..], &[token.to_str().unwrap()]].concat()).ok();
    world.cs(&["-P", "gw", "api", "-p", "x"]).ok();
    let starts = world.starts().len();
    let record = world.data().join("profiles/gw/profile.toml");
    for path in [&record, &token] {
        chown(path, Some(65_534), None).unwrap();
        assert!(
            world.cs(&["api", "-p", "x"]).fails(5).contains("belongs to another user"),
            "{}",
            path.display()
        );
        chown(path, Some(0), None).unwrap();
    }
    mode(&record, 0o666);
    assert!(world.cs(&["api", "-p", "x"]).fails(5).contains("can be written to by other users"));
    mode(&record, 0o600);
    mode(token.parent().unwrap(), 0o777);
    assert!(world.cs(&["api", "-p", "x"]).fails(5).contains("can be written to by other users"));
    mode(token.parent().unwrap(), 0o700);
    assert_eq!(world.starts().len(), starts, "nothing was started");
    world.cs(&["api", "-p", "x"]).ok();
}

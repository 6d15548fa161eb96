//! What a person names as a place for a file is replaced if it is a file, and never if it is anything else. And what
//! is written is there when it is said to be, whatever a disk reports late.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::scenery::cs;
use super::support::world::{Ran, World, listing, ran};
use super::support::{granted, may_trace};

fn world() -> World {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    world.cs(&["api", "-p", "x"]).ok();
    world
}

fn mknod(path: &Path, words: &[&str]) -> bool {
    Command::new("mknod").arg(path).args(words).status().unwrap().success()
}

#[test]
fn an_export_replaces_a_file_and_nothing_else() {
    let world = world();
    let (place, victim) = (world.home().join("place"), world.write("victim", "precious"));
    fs::create_dir(&place).unwrap();
    let at = |name: &str| place.join(name);
    mknod(&at("fifo"), &["p"]);
    let _socket = UnixListener::bind(at("socket")).unwrap();
    symlink(&victim, at("link")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("/dev/null", at("to-a-device")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink("directory", at("to-a-directory")).unwrap();
    let mut bad = vec!["fifo", "socket", "link", "dangling", "to-a-device", "to-a-directory"];
    if granted(mknod(&at("device"), &["c", "1", "3"]), "no device can be made") {
        bad.push("device");
    }
    let before = (listing(&place), listing(&victim));
    for name in &bad {
        for words in [&["export", "--force", "api"][..], &["export", "api"], &["export", "--force", "--all"]]
        {
            let said = world.cs(&[words, &[at(name).to_str().unwrap()]].concat()).fails(5);
            assert!(said.contains("which is not replaced"), "{name}: {said}");
            let whose = if words.contains(&"--all") { "--all" } else { "api" };
            assert!(
                said.contains(&format!("cs export {whose} - > {}", at(name).display())),
                "{name}: {said}"
            );
        }
    }
    assert!(
        world
            .cs(&["export", "--force", "api", at("directory").to_str().unwrap()])
            .fails(2)
            .contains("directory")
    );
    assert!(world.cs(&["export", "--force", "api", "/dev/stdout"]).fails(5).contains("cs export api - >"));
    assert_eq!((listing(&place), listing(&victim)), before, "nothing was replaced, or left beside it");
    assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
    // The control: a file is replaced with --force, and only so.
    fs::write(at("file"), "old").unwrap();
    let file = at("file");
    assert!(world.cs(&["export", "api", file.to_str().unwrap()]).fails(5).contains("is there already"));
    world.cs(&["export", "--force", "api", file.to_str().unwrap()]).ok();
    assert!(file.metadata().unwrap().len() > 1000 && file.metadata().unwrap().mode() & 0o777 == 0o600);
}

#[test]
fn what_is_written_into_goes_through_standard_output() {
    let world = world();
    let into = |target: &Path| {
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(target).unwrap();
        let status =
            world.command(&world.home(), &["export", "api", "-"]).stdout(file).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "{}", target.display());
    };
    into(Path::new("/dev/null"));
    let file = world.home().join("file.tar");
    into(&file);
    let piped = world.command(&world.home(), &["export", "api", "-"]).stderr(Stdio::null()).output().unwrap();
    assert!(piped.status.success() && piped.stdout.len() as u64 == file.metadata().unwrap().len());
}

#[test]
fn a_start_up_file_or_settings_behind_a_link_change_where_they_are_and_a_link_stays_a_link() {
    let world = world();
    let (rc, config) = (world.home().join(".bashrc"), world.home().join(".config/cs/config.toml"));
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::create_dir(world.home().join("dotfiles")).unwrap();
    symlink("dotfiles/bashrc", &rc).unwrap();
    symlink("../../dotfiles/cs.toml", &config).unwrap();
    world.cs(&["profile", "create", "work"]).ok();
    let install = &["init", "bash", "--install", "--yes"][..];
    let default = &["profile", "default", "work"][..];
    for words in [install, default] {
        let said = world.cs(words).fails(5);
        assert!(said.contains("is a link to") && said.contains("which does not exist"), "{words:?}: {said}");
    }
    assert!(
        rc.is_symlink()
            && config.is_symlink()
            && fs::read_dir(world.home().join("dotfiles")).unwrap().count() == 0
    );
    // The control: with something behind them it changes.
    let (rc_behind, config_behind) =
        (world.write("dotfiles/bashrc", "mine\n"), world.write("dotfiles/cs.toml", "# mine\n"));
    for words in [install, default] {
        world.cs(words).ok();
    }
    assert!(rc.is_symlink() && config.is_symlink());
    assert!(fs::read_to_string(rc_behind).unwrap().starts_with("mine\neval"));
    let settings = fs::read_to_string(config_behind).unwrap();
    assert!(settings.contains("# mine\n") && settings.contains("default_profile = \"work\""), "{settings}");
    // What is no file is not written to.
    for path in [&rc, &config] {
        fs::remove_file(path).unwrap();
        mknod(path, &["p"]);
    }
    for words in [install, default] {
        assert_eq!(world.cs(words).fails(1).lines().count(), 1);
    }
    assert!(rc.metadata().unwrap().file_type().is_fifo() && config.metadata().unwrap().file_type().is_fifo());
}

#[test]
fn manual_pages_replace_files_only() {
    let world = World::with_fake_claude();
    let victim = world.write("victim", "precious");
    let pages = world.home().join("man");
    fs::create_dir(&pages).unwrap();
    symlink(&victim, pages.join("cs.1")).unwrap();
    let words = ["man", pages.to_str().unwrap()];
    assert!(world.cs(&words).fails(5).contains("cs.1 is a link, which is not replaced"));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    fs::remove_file(pages.join("cs.1")).unwrap();
    fs::write(pages.join("cs.1"), "old").unwrap();
    world.cs(&words).ok();
    assert!(fs::read_to_string(pages.join("cs.1")).unwrap().contains(".TH"));
}

fn shim(world: &World) -> PathBuf {
    world.data().join("shim/claude")
}

/// Runs `cs` under strace with a fault.
fn with_fault(world: &World, fault: &str, words: &[&str]) -> Ran {
    let call = fault.split(':').next().unwrap();
    let (trace, inject, program) = (format!("trace={call}"), format!("inject={fault}"), cs());
    let before = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, &program];
    ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &[&before[..], words].concat()))
}

#[test]
fn a_shim_that_is_made_again_is_the_old_one_or_the_new_one_whatever_fails() {
    if !may_trace() {
        return;
    }
    let world = world();
    world.cs(&["shim", "install"]).ok();
    fs::remove_file(shim(&world)).unwrap();
    for old in [None, Some("/nowhere/old-cs")] {
        for call in ["symlink", "symlinkat", "rename", "renameat", "renameat2", "fsync", "close"] {
            for fault in ["signal=KILL", "error=EIO", "error=ENOSPC", "error=EINTR"] {
                for number in 1..=3 {
                    let _ = fs::remove_file(shim(&world));
                    if let Some(old) = old {
                        symlink(old, shim(&world)).unwrap();
                    }
                    let inject = format!("{call}:{fault}:when={number}");
                    let done = with_fault(&world, &inject, &["shim", "install"]);
                    let is_new = fs::read_link(shim(&world)).ok() == Some(cs().into());
                    let is_old = fs::read_link(shim(&world)).ok() == old.map(PathBuf::from);
                    assert!(is_new || is_old, "{inject}: {done:?}");
                    if done.signal.is_none() {
                        assert_eq!(done.code == Some(0), is_new, "{inject}: {done:?}");
                    }
                    world.cs(&["shim", "install"]).ok();
                    assert_eq!(fs::read_link(shim(&world)).unwrap(), PathBuf::from(cs()), "{inject}");
                }
            }
        }
    }
    // What a kill left is swept up like everything that was never finished.
    let room = shim(&world).parent().unwrap().to_path_buf();
    let left = fs::read_dir(&room).unwrap().count() - 1;
    assert!(left > 0, "the control: a kill between the two calls leaves a link");
    assert!(
        Command::new("sh")
            .arg("-c")
            .arg("touch -h -d '2 hours ago' \"$0\"/.claude.*")
            .arg(&room)
            .status()
            .unwrap()
            .success()
    );
    world.cs(&["cleanup", "--yes"]).ok();
    assert_eq!(fs::read_dir(&room).unwrap().count(), 1, "the shim alone");
}

#[test]
fn a_program_of_yours_in_the_place_of_the_shim_stays() {
    let world = world();
    world.cs(&["shim", "install"]).ok();
    fs::remove_file(shim(&world)).unwrap();
    fs::write(shim(&world), "#!/bin/sh\nexec mine\n").unwrap();
    for words in [&["shim", "install"][..], &["shim", "remove"]] {
        assert!(world.cs(words).fails(5).contains("is no link, so nothing that cs put there"));
    }
    assert_eq!(fs::read_to_string(shim(&world)).unwrap(), "#!/bin/sh\nexec mine\n");
    fs::remove_file(shim(&world)).unwrap();
    world.cs(&["shim", "install"]).ok();
    world.cs(&["shim", "remove"]).ok();
    assert!(!shim(&world).is_symlink(), "the control");
}

/// The number of calls of this name that `cs` makes for `words`.
fn calls(world: &World, call: &str, words: &[&str]) -> usize {
    let trace = world.root().join("trace");
    let (filter, program) = (format!("trace={call}"), cs());
    let before = ["-f", "-qq", "-o", trace.to_str().unwrap(), "-e", &filter, &program];
    let _ = ran(&mut world.any_command(
        Path::new("/usr/bin/strace"),
        &world.home(),
        &[&before[..], words].concat(),
    ));
    fs::read_to_string(&trace).unwrap().lines().filter(|line| line.contains('(')).count()
}

#[test]
fn an_export_whose_disk_fails_late_is_whole_or_a_failure() {
    if !may_trace() {
        return;
    }
    let world = world();
    let file = world.home().join("x.tar");
    let words = ["export", "--force", "api", file.to_str().unwrap()];
    world.cs(&words).ok();
    let whole = file.metadata().unwrap().len();
    for (call, errors) in
        [("close", &["EIO", "EDQUOT"][..]), ("fsync", &["EIO", "EDQUOT"]), ("write", &["EDQUOT"])]
    {
        let number = calls(&world, call, &words);
        assert!(number > 0, "the control: {call}");
        for error in errors {
            for when in 1..=number {
                fs::write(&file, "old").unwrap();
                let done = with_fault(&world, &format!("{call}:error={error}:when={when}"), &words);
                let size = file.metadata().unwrap().len();
                assert!(size == whole || size == 3, "{call} {when} {error}: {size}: {done:?}");
                if done.code == Some(0) {
                    assert_eq!(size, whole, "{call} {when} {error}: {done:?}");
                }
            }
        }
    }
    // Where the flush of the file itself fails, nothing was replaced.
    fs::write(&file, "old").unwrap();
    let done = with_fault(&world, "fsync:error=EDQUOT:when=1", &words);
    assert_eq!((done.code, fs::read_to_string(&file).unwrap().as_str()), (Some(1), "old"), "{done:?}");
    let left = fs::read_dir(world.home()).unwrap().map(|entry| entry.unwrap().path());
    let left: Vec<PathBuf> = left.filter(|path| path.extension().is_some_and(|end| end == "new")).collect();
    assert_eq!(left, [] as [PathBuf; 0]);
}

#[test]
fn an_import_whose_disk_fails_late_has_imported_nothing() {
    if !may_trace() {
        return;
    }
    let world = world();
    world.cs(&["export", "api", "x.tar"]).ok();
    world.cs(&["rm", "api"]).ok();
    world.cs(&["trash", "empty", "--yes"]).ok();
    let done = with_fault(&world, "syncfs:error=EDQUOT", &["import", "x.tar"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(super::scenery::session_names(&world).is_empty());
    world.cs(&["import", "x.tar"]).ok();
    assert_eq!(super::scenery::session_names(&world), ["api"], "the control");
    fs::set_permissions(world.home(), fs::Permissions::from_mode(0o755)).unwrap();
}

//! Removal never leaves our own directory, and no name leads out of it.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use claude_cs::model::Name;

use super::scenery::{is_root, may_mount, session_names, state};
use super::support::skipped;
use super::support::world::{World, listing, ran};

/// A directory that must not be touched, with something in it.
fn victim(world: &World) -> PathBuf {
    world.write("victim/deep/file", "precious");
    world.write("victim/session.toml", "version = 1\n");
    world.write("victim/.credentials.json", "secret");
    world.home().join("victim")
}

#[test]
fn a_session_replaced_by_a_link_is_not_removed_and_its_target_stays() {
    let world = World::with_fake_claude();
    let victim = victim(&world);
    for (number, ending) in ["", "/", "/.", "/./"].into_iter().enumerate() {
        let name = format!("s{number}");
        world.cs(&["new", "--no-open", &name]).ok();
        let root = world.root_of(&name);
        // The record stays readable through the link.
        fs::copy(root.join("session.toml"), victim.join("session.toml")).unwrap();
        fs::remove_dir_all(&root).unwrap();
        symlink(format!("{}{ending}", victim.display()), &root).unwrap();
        let before = state(&victim);
        let said = world.cs(&["rm", &name]).fails(5);
        assert!(said.contains("link"), "{said}");
        assert!(root.is_symlink());
        let after = state(&victim);
        let without_lock = |mut all: std::collections::BTreeMap<PathBuf, String>| {
            all.remove(Path::new("lock"));
            all
        };
        assert_eq!(without_lock(after), without_lock(before), "{ending:?}");
    }
}

#[test]
fn links_inside_a_session_are_moved_and_not_followed() {
    let world = World::with_fake_claude();
    let victim = victim(&world);
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.cs(&["api"]).ok();
    let config = world.config_of("api");
    symlink(&victim, config.join("projects")).unwrap();
    fs::hard_link(victim.join("deep/file"), config.join("hard")).unwrap();
    let (base, before) = (listing(&world.home().join(".claude")), listing(&victim));
    world.cs(&["rm", "api"]).ok();
    world.cs(&["restore", "api"]).ok();
    assert_eq!(fs::read_link(config.join("projects")).unwrap(), victim);
    world.cs(&["rm", "api"]).ok();
    assert_eq!((listing(&world.home().join(".claude")), listing(&victim)), (base, before));
    assert_eq!(session_names(&world), [] as [&str; 0]);
}

#[test]
fn rooms_that_are_links_are_not_written_through_unseen() {
    for room in ["trash", "sessions", "names", "profiles"] {
        let world = World::with_fake_claude();
        let victim = victim(&world);
        world.cs(&["new", "--no-open", "api"]).ok();
        world.cs(&["profile", "create", "work"]).ok();
        fs::rename(world.data().join(room), world.home().join("aside")).unwrap();
        symlink(&victim, world.data().join(room)).unwrap();
        let before = listing(&victim);
        for arguments in
            [&["rm", "api"][..], &["profile", "remove", "--force", "work"], &["restore"], &["list"]]
        {
            let _ = world.cs(arguments);
        }
        let after = listing(&victim);
        for (path, entry) in before {
            assert_eq!(after.get(&path), Some(&entry), "{room}: {}", path.display());
        }
    }
}

#[test]
fn a_claim_that_names_something_else_leads_nowhere() {
    let world = World::with_fake_claude();
    let victim = victim(&world);
    world.cs(&["new", "--no-open", "api"]).ok();
    let id = world.id_of("api");
    let before = listing(&victim);
    for claim in [
        "session ../../../../victim",
        "session /",
        "session ",
        "profile ../victim",
        "",
        "session nil",
        "session 00000000-0000-0000-0000-000000000000",
    ] {
        fs::write(world.data().join("names/evil"), claim).unwrap();
        for arguments in
            [&["rm", "evil"][..], &["show", "evil"], &["evil"], &["path", "evil"], &["rename", "evil", "x"]]
        {
            if claim.ends_with("0000") && arguments == ["evil"] {
                continue;
            }
            assert_ne!(world.cs(arguments).code, Some(0), "{claim:?}: {arguments:?}");
        }
        assert_eq!(listing(&victim), before);
    }
    // A record that says it is another session's is damaged.
    let record = world.data().join(format!("sessions/{id}/session.toml"));
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace(&id, "01890000-0000-7000-8000-000000000001")).unwrap();
    assert!(world.cs(&["rm", "api"]).fails(1).contains("damaged"));
    fs::write(&record, text).unwrap();
    world.cs(&["rm", "api"]).ok();
}

#[test]
fn a_mount_point_is_not_moved() {
    if !may_mount() {
        return;
    }
    let world = World::with_fake_claude();
    let victim = victim(&world);
    world.cs(&["new", "--no-open", "api"]).ok();
    let root = world.root_of("api");
    fs::copy(root.join("session.toml"), victim.join("session.toml")).unwrap();
    fs::write(victim.join("lock"), "").unwrap();
    let before = state(&victim);
    let script =
        "mount -t tmpfs tmpfs \"$2\" && cp -a \"$3/.\" \"$2\" && \"$1\" rm api; echo $?; ls \"$2\" | head -1";
    let (program, place, from) = (super::scenery::cs(), root.to_str().unwrap(), victim.to_str().unwrap());
    let words = ["-m", "sh", "-c", script, "sh", &program, place, from];
    let done = ran(&mut world.any_command(Path::new("/usr/bin/unshare"), &world.home(), &words));
    assert_eq!(done.stdout, "5\ndeep\n", "{done:?}");
    assert!(done.stderr.contains("is a mount point"), "{done:?}");
    assert_eq!(state(&victim), before);
}

#[test]
fn a_directory_of_another_user_is_not_moved() {
    if !is_root() {
        skipped("only root can give a directory to another user");
        return;
    }
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let root = world.root_of("api");
    std::os::unix::fs::chown(&root, Some(65534), Some(65534)).unwrap();
    let before = state(&world.data());
    assert!(world.cs(&["rm", "api"]).fails(5).contains("belongs to another user"));
    assert_eq!(state(&world.data()), before);
    std::os::unix::fs::chown(&root, Some(0), Some(0)).unwrap();
    world.cs(&["rm", "api"]).ok();
}

/// Names that are none: traversal, devices, every byte, too long, not text.
#[allow(clippy::too_many_lines, reason = "a table, one entry a line")]
fn bad_names() -> Vec<Vec<u8>> {
    let mut bad: Vec<Vec<u8>> = Vec::new();
    let mut add = |text: &str| bad.push(text.as_bytes().to_vec());
    let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].map(str::to_owned);
    let numbered = ["COM", "LPT"].into_iter().flat_map(|stem| {
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"]
            .map(|digit| format!("{stem}{digit}"))
    });
    for device in devices.into_iter().chain(numbered) {
        for form in
            [device.clone(), device.to_lowercase(), format!("{device}.txt"), format!("{device}.tar.gz")]
        {
            add(&form);
        }
    }
    for traversal in [
        "..",
        ".",
        "../x",
        "../../etc/passwd",
        "/etc/passwd",
        "/",
        "//",
        "a/b",
        "a/../b",
        "a/..",
        "./a",
        "a/.",
        "a/",
        "~",
        "~root",
        "~/x",
        "..\\x",
        "a\\b",
        "C:",
        "C:\\x",
        "a:b",
        "a::$DATA",
        "-",
        "-x",
        "--help",
        ".hidden",
        "_x",
        "a.",
        "a..",
        "a ",
        " a",
        "a b",
        "\t",
        "\n",
        "a\nb",
        "a\rb",
        "",
        "*",
        "?",
        "a*",
        "$HOME",
        "`id`",
        "$(id)",
        "a;b",
        "a|b",
        "a&b",
        "a'b",
        "a\"b",
        "a<b",
        "a>b",
        "a!b",
        "a#b",
        "a%b",
        "a=b",
        "a@b",
        "a,b",
        "a+b",
        "a[b]",
        "{a,b}",
        "(a)",
        "é",
        "e\u{301}",
        "größe",
        "日本",
        "ａ",
        "а",
        "a\u{200d}b",
        "a\u{202e}b",
        "\u{feff}a",
        "a\u{ad}b",
        "ﬁ",
        "İ",
        "ſ",
        "01890000-0000-7000-8000-000000000001",
        "01890000000070008000000000000001",
        "{01890000-0000-7000-8000-000000000001}",
        "urn:uuid:01890000-0000-7000-8000-000000000001",
    ] {
        add(traversal);
    }
    for reserved in claude_cs::model::verb::reserved() {
        add(reserved);
        add(&reserved.to_uppercase());
    }
    for length in [65, 66, 100, 128, 200, 246, 255, 256, 1000, 4096, 10_000] {
        add(&"a".repeat(length));
        add(&format!("{}/x", "a".repeat(length)));
    }
    for byte in (1..=255u8).filter(|byte| !byte.is_ascii_alphanumeric()) {
        bad.push(vec![byte]);
        bad.push(vec![byte, b'a']);
        if !matches!(byte, b'.' | b'_' | b'-') {
            bad.push(vec![b'a', byte, b'b']);
            bad.push(vec![b'a', byte]);
        }
    }
    bad
}

#[test]
fn no_bad_name_makes_or_reaches_anything() {
    let bad = bad_names();
    assert!(bad.len() >= 700, "{}", bad.len());
    for name in &bad {
        if let Ok(text) = std::str::from_utf8(name) {
            assert!(Name::new(text).is_err(), "{text:?} is taken for a name");
        }
    }
    for good in ["a", "A", "0", "api-2", "a.b", "a_b", "com10", "console", "nulls", "lists", &"a".repeat(64)]
    {
        assert!(Name::new(good).is_ok(), "the control: {good:?}");
    }
    let world = World::with_fake_claude();
    victim(&world);
    world.cs(&["new", "--no-open", "api"]).ok();
    let before = state(world.root());
    for name in &bad {
        let name = std::ffi::OsString::from_vec(name.clone());
        // What looks like an option is one; `--` is how a name would be told from it.
        for before_name in [&["new", "--no-open", "--"][..], &["rm", "--"]] {
            let mut words: Vec<std::ffi::OsString> = before_name.iter().map(Into::into).collect();
            words.push(name.clone());
            let done = world.cs(&words);
            assert!(matches!(done.code, Some(2 | 4 | 5)), "{words:?}: {done:?}");
        }
    }
    assert_eq!(state(world.root()), before);
    assert_eq!(world.starts().len(), 0);
}

#[test]
fn the_other_ways_to_give_a_name_refuse_bad_ones_too() {
    let world = World::with_fake_claude();
    victim(&world);
    world.cs(&["new", "--no-open", "api"]).ok();
    world.cs(&["new", "--no-open", "gone"]).ok();
    world.cs(&["rm", "gone"]).ok();
    let before = state(world.root());
    for name in [
        "..",
        "../x",
        "../../victim",
        "/etc",
        "a/b",
        ".x",
        "con",
        "NUL.txt",
        "list",
        "a b",
        "é",
        "",
        "a\u{202e}b",
    ] {
        for words in [
            &["rename", "api", name][..],
            &["rename", name, "x"],
            &["restore", "gone", "--as", name],
            &["fork", "api", name],
            &["profile", "create", name],
            &["profile", "adopt", name, "/tmp"],
            &["profile", "remove", "--force", name],
            &["profile", "edit", name],
            &["profile", "default", name],
            &["show", name],
            &["path", name],
            &["env", name],
            &["exec", name, "--", "true"],
            &["--profile", name, "x"],
        ] {
            let done = world.cs(words);
            assert!(matches!(done.code, Some(2 | 4 | 5)), "{words:?}: {done:?}");
        }
    }
    for path in ["../x", "./x", "~/x", "a/b", "/etc/passwd", "..", "a\\b"] {
        let done = world.cs(&[path]);
        assert_eq!(done.code, Some(2), "{path}: {done:?}");
    }
    assert_eq!(state(world.root()), before);
}

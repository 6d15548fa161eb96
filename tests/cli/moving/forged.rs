//! Files that nobody's `cs export` wrote, or that are not whole.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use tar::{Builder, EntryType, Header};

use super::{ID, contents, full};
use crate::scenery::{TALK, session_names, state};
use crate::support::world::{Ran, World};

/// One entry of a forged file.
struct Forged {
    path: String,
    kind: EntryType,
    content: Vec<u8>,
    /// What its header says its size is, where that is not the truth.
    size: Option<u64>,
}

fn file(path: &str, content: &str) -> Forged {
    Forged { path: path.into(), kind: EntryType::Regular, content: content.into(), size: None }
}

fn record(id: &str, more: &str) -> String {
    format!(
        "version = 1\nid = \"{id}\"\nname = \"api\"\nprofile = \"default\"\ndirectory = \"/x\"\n\
         isolation = \"config-dir\"\ncreated = \"2026-01-01T00:00:00Z\"\n{more}"
    )
}

fn manifest() -> Forged {
    file("cs-export.toml", "version = 1\ncreated = \"2026-01-01T00:00:00Z\"\ncs = \"0.1.0\"\n")
}

fn end(files: usize) -> Forged {
    file("cs-export.end", &format!("files = {files}\n"))
}

/// Writes entries as they are: the paths are checked by nobody.
fn forge(entries: &[Forged]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_gnu();
        let name = entry.path.as_bytes();
        header.as_old_mut().name[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        header.set_entry_type(entry.kind);
        header.set_size(entry.size.unwrap_or(entry.content.len() as u64));
        header.set_mode(0o4777);
        if matches!(entry.kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name_literal("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, entry.content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn import(world: &World, bytes: &[u8]) -> Ran {
    let path = world.root().join("forged.tar");
    fs::write(&path, bytes).unwrap();
    world.cs(&["import", path.to_str().unwrap()])
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table, one entry a line")]
fn a_forged_file_is_refused_as_a_whole_and_leaves_nothing() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "mine"]).ok();
    world.write("victim/file", "precious");
    let root = format!("sessions/{ID}");
    let session = || file(&format!("{root}/session.toml"), &record(ID, ""));
    let talk = || file(&format!("{root}/claude/projects/-x/{TALK}.jsonl"), "{}\n");
    // The control.
    let good = forge(&[manifest(), session(), talk(), end(3)]);
    let said = import(&world, &good);
    assert!(said.stderr.contains("brought in session 'api'"), "{said:?}");
    said.ok();
    world.cs(&["rm", "api"]).ok();
    world.cs(&["trash", "empty", "--yes"]).ok();
    let before = (contents(&world), state(&world.home().join("victim")));

    let kind = |kind: EntryType| Forged { kind, content: Vec::new(), ..talk() };
    let mut bad: Vec<(String, Vec<Forged>)> = vec![
        ("a symbolic link".into(), vec![manifest(), session(), kind(EntryType::Symlink), end(3)]),
        ("a hard link".into(), vec![manifest(), session(), kind(EntryType::Link), end(3)]),
        ("a device".into(), vec![manifest(), session(), kind(EntryType::Char), end(3)]),
        ("a block device".into(), vec![manifest(), session(), kind(EntryType::Block), end(3)]),
        ("a fifo".into(), vec![manifest(), session(), kind(EntryType::Fifo), end(3)]),
        ("a sparse file".into(), vec![manifest(), session(), kind(EntryType::GNUSparse), end(3)]),
        ("a pax header".into(), vec![manifest(), session(), kind(EntryType::XHeader), talk(), end(3)]),
        (
            "a global header".into(),
            vec![manifest(), session(), kind(EntryType::XGlobalHeader), talk(), end(3)],
        ),
        (
            "a long link name".into(),
            vec![manifest(), session(), kind(EntryType::GNULongLink), talk(), end(3)],
        ),
        ("something twice".into(), vec![manifest(), session(), talk(), talk(), end(4)]),
        ("a record twice".into(), vec![manifest(), session(), session(), end(3)]),
        ("no manifest".into(), vec![session(), talk(), end(2)]),
        ("two manifests".into(), vec![manifest(), manifest(), session(), end(3)]),
        ("no end".into(), vec![manifest(), session(), talk()]),
        ("too little".into(), vec![manifest(), session(), end(3)]),
        ("more behind the end".into(), vec![manifest(), session(), end(2), talk()]),
        ("files before their record".into(), vec![manifest(), talk(), session(), end(3)]),
        (
            "a foreign id".into(),
            vec![manifest(), file(&format!("{root}/session.toml"), &record(TALK, "")), end(2)],
        ),
        (
            "a torn record".into(),
            vec![manifest(), file(&format!("{root}/session.toml"), "version = 1\nid ="), end(2)],
        ),
        (
            "an unknown key".into(),
            vec![manifest(), file(&format!("{root}/session.toml"), &record(ID, "x = 1\n")), end(2)],
        ),
        (
            "a bad name".into(),
            vec![
                manifest(),
                file(&format!("{root}/session.toml"), &record(ID, "").replace("\"api\"", "\"../x\"")),
                end(2),
            ],
        ),
        (
            "a newer record".into(),
            vec![
                manifest(),
                file(&format!("{root}/session.toml"), &record(ID, "").replace("version = 1", "version = 9")),
                end(2),
            ],
        ),
        ("a newer file".into(), vec![file("cs-export.toml", "version = 2\nwhatever = 1\n"), end(1)]),
        ("no version".into(), vec![file("cs-export.toml", "cs = \"0.1.0\"\n"), end(1)]),
        (
            "a profile that is damaged".into(),
            vec![manifest(), file("profiles/work/profile.toml", "x = 1"), end(2)],
        ),
        (
            "a size that is a lie".into(),
            vec![manifest(), session(), Forged { size: Some(5 << 30), ..talk() }],
        ),
        (
            "a record without end".into(),
            vec![manifest(), file(&format!("{root}/session.toml"), &"#".repeat(100_000)), end(2)],
        ),
        (
            "a path without end".into(),
            vec![
                manifest(),
                session(),
                Forged {
                    path: "././@LongLink".into(),
                    kind: EntryType::GNULongName,
                    content: vec![b'a'; 100_000],
                    size: None,
                },
                talk(),
                end(3),
            ],
        ),
    ];
    for path in [
        "/etc/cron.d/x",
        "../victim/file",
        "sessions/../../victim/file",
        "bindings.toml",
        "names/api",
        "profiles/work/claude/.credentials.json",
    ] {
        bad.push((path.into(), vec![manifest(), session(), file(path, "x"), end(3)]));
    }
    for inside in [
        "../session.toml",
        "../../../victim/file",
        "projects/../../x",
        "projects/./x",
        "projects//x",
        "/etc/passwd",
        ".credentials.json",
        ".claude.json",
        "projects/x/.credentials.json",
        "backups/x",
        "debug/x",
        "plugins/x",
        "jobs/x",
        "sessions/1.json",
        "projects/x\\y/z",
        "projects/con/z",
        "projects/nul.txt",
        "projects/a:b",
        "projects/a\u{1}b",
        "projects/a./b",
    ] {
        bad.push((
            inside.into(),
            vec![manifest(), session(), file(&format!("{root}/claude/{inside}"), "x"), end(3)],
        ));
    }
    for (what, entries) in &bad {
        let said = import(&world, &forge(entries)).fails(5);
        assert!(said.contains("is not taken"), "{what}: {said}");
        assert_eq!((contents(&world), state(&world.home().join("victim"))), before, "{what}: {said}");
        assert_eq!(fs::read_dir(world.data().join("staging")).unwrap().count(), 0, "{what}");
    }
    // A directory in it is no harm: who packs it again has them.
    let dir = Forged {
        path: format!("{root}/claude/projects/"),
        kind: EntryType::Directory,
        content: vec![],
        size: None,
    };
    import(&world, &forge(&[manifest(), session(), dir, talk(), end(3)])).ok();
    assert_eq!(session_names(&world), ["api", "mine"]);
    assert_eq!(
        fs::metadata(world.config_of("api").join("projects")).unwrap().permissions().mode() & 0o7777,
        0o700
    );
}

#[test]
fn a_file_that_is_cut_anywhere_leaves_nothing() {
    let from = full();
    for zipped in [false, true] {
        let file = from.root().join(if zipped { "api.tgz" } else { "api.tar" });
        from.cs(&["export", "api", file.to_str().unwrap()]).ok();
        let whole = fs::read(&file).unwrap();
        let world = World::with_fake_claude();
        world.cs(&["new", "--no-open", "mine"]).ok();
        let before = contents(&world);
        let step = if zipped { 97 } else { 512 };
        // The zeros at the end of a tar are not needed.
        let needed = if zipped { whole.len() } else { whole.len() - 1024 };
        for length in (0..needed).step_by(step) {
            let done = import(&world, &whole[..length]);
            assert!(matches!(done.code, Some(1 | 5)), "{length}: {done:?}");
            assert_eq!(contents(&world), before, "{length}");
        }
        import(&world, &whole).ok();
        assert_eq!(session_names(&world), ["api", "mine"]);
    }
}

#[test]
fn a_bomb_is_stopped_before_it_fills_the_disk() {
    use flate2::{Compression, write::GzEncoder};
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "mine"]).ok();
    let before = contents(&world);
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    let session = file(&format!("sessions/{ID}/session.toml"), &record(ID, ""));
    let head = forge(&[manifest(), session]);
    bomb.write_all(&head[..head.len() - 1024]).unwrap();
    let mut header = Header::new_gnu();
    let path = format!("sessions/{ID}/claude/plans/bomb");
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_size(600 << 20);
    header.set_cksum();
    bomb.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..600 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let said = import(&world, &bomb).fails(5);
    assert!(said.contains("far larger than it is"), "{said}");
    assert_eq!(contents(&world), before);
}

//! Directories that belong to a profile or session, and what a repository may say about it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use super::scenery::{cs, ended, has, session_names, state, until};
use super::support::world::{Ran, StartOfClaude, World, git, ran};

/// A world with the profiles `work` and `home`.
fn world() -> World {
    let world = World::with_fake_claude();
    for profile in ["work", "home"] {
        world.cs(&["profile", "create", profile]).ok();
    }
    world
}

/// The profile that a new session in `directory` belongs to.
#[track_caller]
fn opened_as(world: &World, directory: &Path) -> String {
    let name = format!("s{}", world.starts().len());
    world.cs_in(directory, &["new", &name]).ok();
    world.last_start().var("CS_PROFILE").unwrap().to_owned()
}

/// What `cs bind --json` says in `directory`.
#[track_caller]
fn bound(world: &World, directory: &Path) -> Value {
    let said: Value = serde_json::from_str(&world.cs_in(directory, &["bind", "--json"]).ok()).unwrap();
    assert_eq!((&said["schema"], said["directory"].as_str()), (&json!(1), directory.to_str()));
    said
}

/// What binds `directory`, and to which profile.
#[track_caller]
fn binding(world: &World, directory: &Path) -> (String, String) {
    let bound = bound(world, directory)["bound"].clone();
    let text = |key: &str| bound[key].as_str().unwrap_or("nothing").to_owned();
    (text("by"), text("profile"))
}

/// Every line that the hooks of the shells read.
fn lines(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.data().join("bindings.paths")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Writes a `.cs.toml`.
fn wants(directory: &Path, text: &str) -> PathBuf {
    let path = directory.join(".cs.toml");
    fs::write(&path, text).unwrap();
    path
}

const WORK: &str = "profile = \"work\"\n";
const HOME: &str = "profile = \"home\"\n";

#[test]
fn a_new_session_belongs_to_the_nearest_bound_directory() {
    let world = world();
    let (outer, inner, beside) =
        (world.project("acme"), world.project("acme/api"), world.project("acme-two"));
    let deep = world.project("acme/api/deep/er");
    assert_eq!(opened_as(&world, &deep), "default", "the control");
    world.cs_in(&outer, &["bind", "work"]).ok();
    for (directory, profile) in [(&outer, "work"), (&inner, "work"), (&deep, "work"), (&beside, "default")] {
        assert_eq!(opened_as(&world, directory), profile, "{}", directory.display());
    }
    world.cs_in(&inner, &["bind", "home"]).ok();
    for (directory, profile) in [(&outer, "work"), (&inner, "home"), (&deep, "home"), (&beside, "default")] {
        assert_eq!(opened_as(&world, directory), profile, "{}", directory.display());
    }
    world.cs_in(&deep, &["bind", "default"]).ok();
    assert_eq!(opened_as(&world, &deep), "default", "the profile that always exists can be one too");
    assert_eq!(lines(&world), [&outer, &inner, &deep].map(|path| path.to_str().unwrap()));

    world.cs_in(&inner, &["bind", "--remove"]).ok();
    assert_eq!(opened_as(&world, &inner), "work");
    world.cs(&["bind", "--remove", "--dir", outer.to_str().unwrap()]).ok();
    assert_eq!(opened_as(&world, &inner), "default");
    fs::remove_dir_all(&deep).unwrap();
    world.cs(&["bind", "--remove", "--dir", deep.to_str().unwrap()]).ok();
    assert_eq!(lines(&world), [""; 0]);
    assert!(!world.data().join("bindings.paths").exists());
}

#[test]
fn what_is_said_on_the_command_line_goes_before_a_binding_and_a_binding_before_the_settings() {
    let world = world();
    let api = world.project("api");
    world.write(".config/cs/config.toml", "default_profile = \"home\"\nguard = \"off\"\n");
    assert_eq!(opened_as(&world, &api), "home");
    world.cs_in(&api, &["bind", "work"]).ok();
    assert_eq!(opened_as(&world, &api), "work");
    world.cs_in(&api, &["--profile", "default", "said"]).ok();
    assert_eq!(world.last_start().var("CS_PROFILE"), Some("default"));
    // From elsewhere it is the directory of the session that counts.
    world.cs(&["--dir", api.to_str().unwrap(), "there"]).ok();
    assert_eq!(world.last_start().var("CS_PROFILE"), Some("work"));
    world.cs_in(&api, &["a prompt"]).ok();
    assert_eq!(world.last_start().var("CS_PROFILE"), Some("work"));
    // A session that is there keeps its profile.
    world.cs_in(&api, &["said"]).ok();
    assert_eq!(world.last_start().var("CS_PROFILE"), Some("default"));
}

#[test]
fn a_table_of_ones_own_goes_before_remotes_and_those_before_the_repository() {
    let world = world();
    let api = world.project("api");
    fs::create_dir(api.join(".git")).unwrap();
    fs::write(api.join(".git/config"), "[remote \"origin\"]\n\turl = git@github.com:acme/api.git\n").unwrap();
    wants(&api, "profile = \"default\"\n");
    world.cs_in(&api, &["allow"]).ok();
    assert_eq!(binding(&world, &api), ("file".into(), "default".into()));
    world.cs(&["bind", "home", "--remote", "github.com/acme/*"]).ok();
    assert_eq!(binding(&world, &api), ("remote".into(), "home".into()));
    world.cs(&["bind", "work", "--dir", "."]).ok();
    assert_eq!(binding(&world, &api), ("directory".into(), "work".into()), "even one further up");
    world.cs(&["bind", "--remove"]).ok();
    assert_eq!(binding(&world, &api), ("remote".into(), "home".into()));
    world.cs(&["bind", "--remove", "--remote", "https://github.com/acme/*"]).ok();
    assert_eq!(binding(&world, &api), ("file".into(), "default".into()));
}

#[test]
fn a_binding_is_of_the_directory_and_not_of_the_link_that_leads_to_it() {
    let world = world();
    let (api, elsewhere) = (world.project("api"), world.project("elsewhere"));
    let link = elsewhere.join("link");
    symlink(&api, &link).unwrap();
    world.cs(&["bind", "work", "--dir", link.to_str().unwrap()]).ok();
    assert_eq!(lines(&world), [api.to_str().unwrap()]);
    assert_eq!(binding(&world, &api).1, "work");
    world.cs(&["--dir", link.to_str().unwrap(), "linked"]).ok();
    assert_eq!(world.last_start().var("CS_PROFILE"), Some("work"));
    assert_eq!(opened_as(&world, &elsewhere), "default", "where the link is, nothing is bound");
    world.cs(&["bind", "--remove", "--dir", link.join("").to_str().unwrap()]).ok();
    assert_eq!(binding(&world, &api).1, "nothing");
}

#[test]
fn a_bound_session_stands_for_its_profile_and_may_be_renamed() {
    let world = world();
    let api = world.project("api");
    world.cs(&["--profile", "work", "--no-open", "lead"]).ok();
    world.cs_in(&api, &["bind", "lead"]).ok();
    assert_eq!(opened_as(&world, &api), "work");
    world.cs(&["rename", "lead", "first"]).ok();
    let told = bound(&world, &api)["bound"].clone();
    assert_eq!(
        (&told["kind"], &told["name"], &told["profile"]),
        (&json!("session"), &json!("first"), &json!("work"))
    );
    assert_eq!(world.show("first")["bound"], json!([api]));
    let shown: Value = serde_json::from_str(&world.cs(&["show", "--json", "work"]).ok()).unwrap();
    assert_eq!(shown["bound"], json!([]), "the profile itself is not");
}

#[test]
fn checkouts_are_known_by_their_remotes_however_those_are_spelled() {
    if !has("git") {
        return;
    }
    let world = world();
    world.cs(&["bind", "work", "--remote", "github.com/acme/*"]).ok();
    assert_eq!(lines(&world), ["*"]);
    for (number, (url, profile)) in [
        ("https://github.com/acme/api.git", "work"),
        ("https://me:secret@GitHub.com:443/acme/api", "work"),
        ("git@github.com:acme/api.git", "work"),
        ("ssh://git@github.com:2222/acme/team/api/", "work"),
        ("https://github.com/acme-two/api", "nothing"),
        ("https://evil.example/github.com/acme/api", "nothing"),
        ("https://github.com.evil.example/acme/api", "nothing"),
        ("../acme/api", "nothing"),
    ]
    .iter()
    .enumerate()
    {
        let checkout = world.project(&format!("c{number}"));
        git(&world, &checkout, &["init", "-q"]);
        git(&world, &checkout, &["remote", "add", "upstream", "https://gitlab.com/others/api"]);
        git(&world, &checkout, &["remote", "add", "origin", url]);
        let below = checkout.join("src");
        fs::create_dir(&below).unwrap();
        assert_eq!(binding(&world, &below).1, *profile, "{url}");
        assert!(!world.cs_in(&below, &["bind"]).stdout.contains("secret"), "{url}");
    }
    // The longest glob wins, and any remote counts.
    let checkout = world.home().join("src/c0");
    world.cs(&["bind", "home", "--remote", "github.com/acme/api"]).ok();
    assert_eq!(binding(&world, &checkout).1, "home");
    world.cs(&["bind", "default", "--remote", "https://gitlab.com/others/*"]).ok();
    assert_eq!(binding(&world, &checkout).1, "home", "of two that are as long the first");
    world.cs(&["bind", "--remove", "--remote", "github.com/acme/api"]).ok();
    assert_eq!(binding(&world, &checkout).1, "default");
    world.cs(&["bind", "--remove", "--remote", "gitlab.com/others/*"]).ok();
    assert_eq!(binding(&world, &checkout).1, "work");
    world.cs(&["bind", "--remove", "--remote", "git@github.com:acme/*"]).ok();
    assert_eq!(binding(&world, &checkout).1, "nothing");
    world.cs(&["bind", "default", "--remote", "gitlab.com"]).ok();
    assert_eq!(binding(&world, &checkout).1, "default", "a host stands for all that is there");
    let tree = world.root().join("tree");
    commit(&world, &checkout);
    git(&world, &checkout, &["worktree", "add", "-q", tree.to_str().unwrap()]);
    assert_eq!(binding(&world, &tree).1, "default", "a linked worktree has the remotes of its main checkout");
}

#[track_caller]
/// Commits what there is.
fn commit(world: &World, checkout: &Path) {
    git(world, checkout, &["add", "-A"]);
    git(world, checkout, &["commit", "-q", "--allow-empty", "-m", "all"]);
}

/// `text` without times of day and ages, which go on while a test runs.
fn timeless(text: &str) -> String {
    let is_time = |word: &str| {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let of_day = word.split_once(':').is_some_and(|(hour, minute)| digits(hour) && digits(minute));
        of_day || word == "now" || word.strip_suffix('m').is_some_and(digits)
    };
    let words = |line: &str| -> Vec<String> {
        line.split_whitespace()
            .map(|word| if is_time(word) { "[TIME]".to_owned() } else { word.to_owned() })
            .collect()
    };
    text.lines().map(|line| words(line).join(" ") + "\n").collect()
}

#[test]
fn a_file_that_is_not_allowed_has_no_effect_whatsoever() {
    let world = world();
    let api = world.project("api");
    world.cs_in(&api, &["new", "--no-open", "old"]).ok();
    let everything = |world: &World| -> (Vec<String>, BTreeMap<PathBuf, String>) {
        let mut seen = Vec::new();
        for words in
            [&["new", "fresh"][..], &["old"], &["default"], &["exec", "old", "--", "claude"], &["a prompt"]]
        {
            world.cs_in(&api, words).ok();
            let StartOfClaude { args, env, cwd, .. } = world.last_start();
            let env: BTreeMap<_, _> = env.into_iter().filter(|(name, _)| name != "_").collect();
            seen.push(world.normal(&format!("{args:?} {env:?} {cwd:?}")));
        }
        for words in [&["list"][..], &["bind", "--list", "--json"], &["env", "old"], &["show", "fresh"]] {
            seen.push(timeless(&world.normal(&world.cs_in(&api, words).ok())));
        }
        world.cs(&["rm", "fresh", "api"]).ok();
        // These name what there was, and are no part of what there is.
        for left in ["trash", "open"] {
            fs::remove_dir_all(world.data().join(left)).unwrap();
        }
        let mut files = state(&world.home());
        // When a session was used last is no matter of the file.
        files.retain(|path, _| !path.ends_with("run.toml") && !path.ends_with(".cs.toml"));
        (seen, files)
    };
    let without = everything(&world);
    assert_eq!(everything(&world), without, "it can be compared");
    let file = wants(&api, WORK);
    let said = world.cs_in(&api, &["bind"]);
    assert!(said.stdout.is_empty() && said.stderr.contains("is not allowed"), "{said:?}");
    assert_eq!(bound(&world, &api)["unallowed"].as_str(), file.to_str());
    assert_eq!(everything(&world), without);
    world.cs_in(&api, &["allow"]).ok();
    assert_ne!(everything(&world).0, without.0, "the control: allowed, it has one");
    wants(&api, HOME);
    world.cs_in(&api, &["deny"]).ok();
    fs::remove_dir_all(world.data().join("trust")).unwrap();
    assert_eq!(everything(&world).0, without.0, "and changed, none again");
}

#[test]
fn a_file_that_is_not_allowed_does_not_hide_one_that_is() {
    let world = world();
    let (outer, inner) = (world.project("acme"), world.project("acme/vendored/thing"));
    wants(&outer, WORK);
    world.cs_in(&outer, &["allow"]).ok();
    assert_eq!(opened_as(&world, &inner), "work");
    wants(&inner, HOME);
    assert_eq!(opened_as(&world, &inner), "work");
    world.cs_in(&inner, &["deny"]).ok();
    assert_eq!(opened_as(&world, &inner), "work");
    world.cs_in(&inner, &["allow"]).ok();
    assert_eq!(opened_as(&world, &inner), "home", "the control: the nearest one that is allowed");
}

#[test]
fn what_is_allowed_is_one_path_with_one_content() {
    let world = world();
    let (api, copy) = (world.project("api"), world.project("copy"));
    let below = world.project("api/src/deep");
    let file = wants(&api, WORK);
    wants(&copy, WORK);
    world.cs_in(&below, &["allow"]).ok();
    assert_eq!(opened_as(&world, &below), "work");
    assert_eq!(opened_as(&world, &copy), "default", "the same content elsewhere");
    fs::write(&file, format!("{WORK}# more\n")).unwrap();
    assert_eq!(opened_as(&world, &below), "default", "changed");
    wants(&api, WORK);
    assert_eq!(opened_as(&world, &below), "work", "changed back");
    // A link could lead to any file of the user's, and change by itself: it counts nowhere.
    let linked = world.project("linked");
    symlink(&file, linked.join(".cs.toml")).unwrap();
    let refused = world.cs(&["allow", linked.to_str().unwrap()]).fails(2);
    assert!(refused.contains("is a link, or behind one, and not followed"), "{refused}");
    assert_eq!(opened_as(&world, &linked), "default");
    fs::remove_file(linked.join(".cs.toml")).unwrap();
    wants(&linked, WORK);
    world.cs(&["allow", linked.to_str().unwrap()]).ok();
    assert_eq!(opened_as(&world, &linked), "work", "the control: its content counts where it is a file");
    fs::remove_file(linked.join(".cs.toml")).unwrap();
    symlink(&file, linked.join(".cs.toml")).unwrap();
    assert_eq!(opened_as(&world, &linked), "default");
    fs::write(&file, HOME).unwrap();
    // Both contents may be allowed: branches differ.
    world.cs(&["allow", file.to_str().unwrap()]).ok();
    for (text, profile) in [(WORK, "work"), (HOME, "home")] {
        wants(&api, text);
        assert_eq!(opened_as(&world, &api), profile);
    }
}

#[test]
fn denied_is_denied_whatever_it_says_until_it_is_allowed() {
    let world = world();
    let api = world.project("api");
    let file = wants(&api, WORK);
    world.cs_in(&api, &["allow"]).ok();
    world.cs(&["deny", file.to_str().unwrap()]).ok();
    for text in [WORK, HOME, "what = 1"] {
        wants(&api, text);
        assert_eq!(bound(&world, &api)["unallowed"], Value::Null, "nobody is asked again");
        assert_eq!(opened_as(&world, &api), "default");
    }
    wants(&api, HOME);
    world.cs_in(&api, &["allow"]).ok();
    assert_eq!(opened_as(&world, &api), "home");
    wants(&api, WORK);
    assert_eq!(opened_as(&world, &api), "default", "what was withdrawn stays withdrawn");
    let listed = |world: &World| -> Vec<(Value, Value)> {
        let all: Value = serde_json::from_str(&world.cs(&["allow", "--list", "--json"]).ok()).unwrap();
        let rows = all["trust"].as_array().unwrap().iter();
        rows.map(|row| (row["state"].clone(), row["profile"].clone())).collect()
    };
    assert_eq!(listed(&world), [(json!("changed"), json!("home"))]);
    fs::remove_file(&file).unwrap();
    assert_eq!(listed(&world), [(json!("gone"), json!("home"))]);
    world.cs(&["deny", file.to_str().unwrap()]).ok();
    assert_eq!(listed(&world), [(json!("denied"), Value::Null)]);
    assert!(world.cs_in(&api, &["deny"]).fails(4).contains("there is no"));
}

#[test]
fn linked_worktrees_inherit_and_nothing_that_only_claims_to_be_one() {
    if !has("git") {
        return;
    }
    let world = world();
    let main = world.project("main");
    git(&world, &main, &["init", "-q"]);
    fs::create_dir(main.join("sub")).unwrap();
    wants(&main, WORK);
    wants(&main.join("sub"), HOME);
    commit(&world, &main);
    let tree = world.root().join("tree");
    git(&world, &main, &["worktree", "add", "-q", tree.to_str().unwrap()]);
    let inside = main.join("trees/inside");
    git(&world, &main, &["worktree", "add", "-q", inside.to_str().unwrap()]);
    let profiles = |at: &Path| [binding(&world, at).1, binding(&world, &at.join("sub")).1];
    for at in [&main, &tree, &inside] {
        assert_eq!(profiles(at), ["nothing", "nothing"], "{}", at.display());
    }
    world.cs_in(&main, &["allow"]).ok();
    for at in [&main, &tree, &inside] {
        assert_eq!(profiles(at), ["work", "work"], "{}", at.display());
    }
    world.cs_in(&main.join("sub"), &["allow"]).ok();
    for at in [&main, &tree, &inside] {
        assert_eq!(profiles(at), ["work", "home"], "{}", at.display());
    }
    // Nobody made this one with git: it says of itself that it is a worktree, and the main checkout
    // does not.
    let forged = world.root().join("forged");
    fs::create_dir_all(forged.join("sub")).unwrap();
    for file in [".git", ".cs.toml", "sub/.cs.toml"] {
        fs::copy(tree.join(file), forged.join(file)).unwrap();
    }
    assert_eq!(profiles(&forged), ["nothing", "nothing"]);
    // Nor does a checkout of its own help, whose worktree it says it is.
    let theirs = forged.join("theirs/.git/worktrees/x");
    fs::create_dir_all(&theirs).unwrap();
    fs::write(theirs.join("gitdir"), format!("{}\n", forged.join(".git").display())).unwrap();
    fs::write(theirs.join("commondir"), format!("{}\n", main.join(".git").display())).unwrap();
    fs::write(forged.join(".git"), format!("gitdir: {}\n", theirs.display())).unwrap();
    assert_eq!(profiles(&forged), ["nothing", "nothing"]);
    // The same path below the root, and the same content, or it is another file.
    fs::create_dir(tree.join("other")).unwrap();
    wants(&tree.join("other"), HOME);
    assert_eq!(binding(&world, &tree.join("other")).1, "work");
    wants(&tree, HOME);
    assert_eq!(profiles(&tree), ["nothing", "home"]);
    assert_eq!(profiles(&inside), ["work", "home"], "the control");
    world.cs_in(&main, &["deny"]).ok();
    assert_eq!(profiles(&inside), ["nothing", "home"]);
    assert_eq!(bound(&world, &tree)["unallowed"], Value::Null, "denied there is denied here");
    world.cs_in(&tree, &["allow"]).ok();
    assert_eq!(profiles(&tree), ["home", "home"], "but what is said of the worktree itself counts");
}

/// Runs `cs` in `directory`, and fails where it does not end.
#[track_caller]
fn ends(world: &World, directory: &Path, words: &[&str]) -> Ran {
    let mut command = world.command(directory, words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(&format!("{words:?} ends"), || claude_cs::os::start_time(child.id()).is_none());
    ended(&mut child);
    world.cs_in(directory, words)
}

#[test]
fn whatever_stands_in_a_repository_is_refused_by_name_and_never_waited_for() {
    let world = world();
    let largest = format!("{WORK}{}", "#".repeat(4096 - WORK.len()));
    let texts: [(&[u8], &str); 13] = [
        (b"", ".cs.toml says nothing: it may have a profile, and an [env]"),
        (b"profile = \"wrok\"\n", "there is no profile 'wrok'"),
        (b"profil = \"work\"\n", ".cs.toml:1: unknown key 'profil'"),
        (b"profile = \"work\"\n[env]\nPATH = \"/x\"\n", ".cs.toml:3: PATH is to be \"/x\""),
        (b"profile = \"work\"\nprofile = \"home\"\n", ".cs.toml:2: "),
        (b"profile = [\"x\"]\n", ".cs.toml:1: invalid type: sequence"),
        (b"profile = \"../../x\"\n", ".cs.toml:1: a name "),
        (b"profile = \"a\\u001b[2J\"\n", "not '\\x1b'"),
        (b"profile = \"a\\u202eb\"\n", "not '\\u{202e}'"),
        (b"profile = \"list\"\n", "'list' is kept for a command"),
        (b"profile = \"lead\"\n", "'lead' is a session, not a profile"),
        (b"profile = \"\xff\"\n", ".cs.toml is not UTF-8"),
        (&[b'#'; 4097], ".cs.toml cannot be allowed: larger than 4096 bytes"),
    ];
    world.cs(&["new", "--no-open", "lead"]).ok();
    let api = world.project("api");
    let file = wants(&api, &largest);
    world.cs_in(&api, &["allow"]).ok();
    assert_eq!(opened_as(&world, &api), "work", "the control: the largest there can be");
    let before = state(&world.data().join("trust"));
    for (text, said) in texts {
        fs::write(&file, text).unwrap();
        let code = if said.starts_with("there is no") { 4 } else { 2 };
        let why = world.cs_in(&api, &["allow"]).fails(code);
        assert!(why.contains(said), "{why}");
        assert_eq!(opened_as(&world, &api), "default", "{said}");
    }
    let make: [(&str, &dyn Fn(), i32, &str); 4] = [
        ("a directory", &|| fs::create_dir(&file).unwrap(), 2, "not a regular file"),
        (
            "a fifo",
            &|| assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success()),
            2,
            "not a regular file",
        ),
        ("a link to a device", &|| symlink("/dev/zero", &file).unwrap(), 2, "is a link"),
        ("a link to nowhere", &|| symlink("/nowhere", &file).unwrap(), 2, "is a link"),
    ];
    for (what, make, code, said) in make {
        let _ = fs::remove_file(&file);
        let _ = fs::remove_dir(&file);
        make();
        let why = ends(&world, &api, &["allow"]).fails(code);
        assert!(why.contains(said), "{what}: {why}");
        ends(&world, &api, &["bind"]).ok();
        assert_eq!(opened_as(&world, &api), "default", "{what}");
    }
    assert_eq!(state(&world.data().join("trust")), before, "what was refused left nothing");
}

#[test]
fn places_that_no_shell_could_be_told_of_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let world = world();
    let before = state(&world.home());
    for name in [&b"new\nline"[..], b"esc\x1b", b"not \xff utf-8"] {
        let directory = world.root().join(std::ffi::OsStr::from_bytes(name));
        fs::create_dir(&directory).unwrap();
        wants(&directory, WORK);
        for words in [&["bind", "work"][..], &["bind", "--remove"], &["allow"], &["deny"]] {
            let said = world.cs_in(&directory, words).fails(2);
            assert!(said.contains("cannot be recorded"), "{words:?}: {said}");
        }
    }
    assert_eq!(state(&world.home()), before);
    let odd = world.project("it's \"odd\" $HOME \\ naïve 日本 *");
    world.cs_in(&odd, &["bind", "work"]).ok();
    assert_eq!(lines(&world), [odd.to_str().unwrap()], "the control");
    assert_eq!(opened_as(&world, &odd), "work");
    let hint = world.cs(&["profile", "remove", "--force", "work"]).stderr;
    let (_, command) = hint.split_once("to undo that: cs ").unwrap();
    let script = format!("\"$1\" {}", command.lines().next().unwrap());
    ran(&mut super::scenery::shell(&world, &script, &[&cs()])).ok();
    assert_eq!(lines(&world), [""; 0], "what a hint says can be typed as it is");
}

#[test]
fn twenty_processes_bind_at_once_and_lose_nothing() {
    let world = world();
    let directories: Vec<PathBuf> = (0..20).map(|n| world.project(&format!("p{n:02}"))).collect();
    let all_at_once = |words: &[&str]| {
        let children: Vec<_> = directories
            .iter()
            .map(|directory| world.command(directory, words).stderr(Stdio::null()).spawn().unwrap())
            .collect();
        for mut child in children {
            assert!(ended(&mut child).success());
        }
    };
    all_at_once(&["bind", "work"]);
    let listed: Value = serde_json::from_str(&world.cs(&["bind", "--list", "--json"]).ok()).unwrap();
    let mut places: Vec<&str> =
        listed["bindings"].as_array().unwrap().iter().map(|row| row["place"].as_str().unwrap()).collect();
    places.sort_unstable();
    let expected: Vec<&str> = directories.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(places, expected);
    assert_eq!(lines(&world), expected);
    all_at_once(&["bind", "home"]);
    assert!(directories.iter().all(|directory| binding(&world, directory).1 == "home"));
    all_at_once(&["bind", "--remove"]);
    assert_eq!(lines(&world), [""; 0]);
    let left: Vec<_> = fs::read_dir(world.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{left:?}");
}

#[test]
fn what_is_kept_is_for_its_owner_only_whatever_the_mask() {
    let world = world();
    let api = world.project("api");
    wants(&api, WORK);
    let script =
        "umask 000; \"$1\" bind work; cd \"$2\"; \"$1\" allow; cd sub; \"$1\" deny ..; \"$1\" allow ..";
    fs::create_dir(api.join("sub")).unwrap();
    ran(&mut super::scenery::shell(&world, script, &[&cs(), api.to_str().unwrap()])).ok();
    let mut seen = 0;
    for path in ["bindings.toml", "bindings.paths", "trust"].map(|name| world.data().join(name)) {
        let (expected, about) = (if path.is_dir() { 0o700 } else { 0o600 }, path.metadata().unwrap());
        assert_eq!(about.permissions().mode() & 0o777, expected, "{}", path.display());
        seen += 1;
        for record in fs::read_dir(path).into_iter().flatten() {
            assert_eq!(record.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
            seen += 1;
        }
    }
    assert_eq!(seen, 4, "the table, the lines, the directory, and what is allowed");
}

#[test]
fn a_damaged_table_is_told_and_never_reset() {
    let world = world();
    let api = world.project("api");
    world.cs_in(&api, &["new", "--no-open", "old"]).ok();
    world.cs_in(&api, &["bind", "work"]).ok();
    let table = world.data().join("bindings.toml");
    let whole = fs::read_to_string(&table).unwrap();
    for (text, said) in [
        (whole.replace("profile", "profle"), "bindings.toml:5: unknown field `profle`"),
        (whole.replace("version = 1", "version = 2"), "a newer cs (version 2)"),
        (whole[..whole.len() - 3].to_owned(), "bindings.toml:5: "),
        (String::new(), "missing field `version`"),
        (format!("{whole}\n[[binding]]\npath = \"/x\"\n"), "bindings.toml:7: a binding has either"),
    ] {
        fs::write(&table, &text).unwrap();
        let before = state(&world.data());
        for words in
            [&["bind"][..], &["bind", "home"], &["bind", "--list"], &["bind", "--remove"], &["new", "x"]]
        {
            let failed = world.cs_in(&api, words).fails(1);
            assert!(failed.contains(said), "{words:?}: {failed}");
        }
        let mut after = state(&world.data());
        after.insert("lock".into(), "lock".into());
        assert_eq!(after, before);
        // Whoever does not ask what is bound is told, and not kept from work.
        let opened = world.cs_in(&api, &["old"]);
        assert_eq!(opened.code, Some(0));
        assert!(opened.stderr.contains(said), "{}", opened.stderr);
        world.cs_in(&api, &["list"]).ok();
    }
    fs::write(&table, whole).unwrap();
    assert_eq!(opened_as(&world, &api), "work", "the control");
}

#[test]
fn a_binding_that_leads_nowhere_is_told_with_the_way_out() {
    let world = world();
    let (api, other, third) = (world.project("api"), world.project("other"), world.project("third"));
    world.cs(&["--profile", "home", "--no-open", "lead"]).ok();
    world.cs_in(&api, &["bind", "work"]).ok();
    world.cs_in(&other, &["bind", "lead"]).ok();
    wants(&third, WORK);
    world.cs_in(&third, &["allow"]).ok();
    let said = world.cs(&["profile", "remove", "--force", "work"]).stderr;
    assert!(said.contains(&format!("{} is still bound to it", api.display())), "{said}");
    let said = world.cs(&["rm", "lead"]).stderr;
    assert!(said.contains(&format!("{} is still bound to it", other.display())), "{said}");
    for (directory, what, back) in [
        (&api, "profile 'work'", "work"),
        (&other, "session 'lead'", "lead"),
        (&third, "profile 'work'", "work"),
    ] {
        let failed = world.cs_in(directory, &["new", "x"]).fails(1);
        assert!(failed.contains(&format!("{what}, which is gone")), "{failed}");
        assert!(failed.contains(&format!("cs restore {back}")), "{failed}");
        assert_eq!(world.cs_in(directory, &["bind"]).fails(1), failed);
        let name = format!("in-{}", directory.file_name().unwrap().to_str().unwrap());
        world.cs_in(directory, &["--profile", "home", &name]).ok();
    }
    assert!(!session_names(&world).contains(&"x".to_owned()), "nothing is made with another profile instead");
    let listed: Value = serde_json::from_str(&world.cs(&["bind", "--list", "--json"]).ok()).unwrap();
    for row in listed["bindings"].as_array().unwrap() {
        assert_eq!(row["gone"], true, "{row}");
    }
    world.cs(&["restore", "work"]).ok();
    world.cs(&["restore", "lead"]).ok();
    let record = world.data().join("profiles/work/profile.toml");
    let whole = fs::read(&record).unwrap();
    fs::write(&record, "version = 1\nkin = 1\n").unwrap();
    assert!(world.cs_in(&api, &["new", "x"]).fails(1).contains("cs bind --remove --dir"));
    let listed: Value = serde_json::from_str(&world.cs(&["bind", "--list", "--json"]).ok()).unwrap();
    let row = &listed["bindings"][0];
    assert!(row["gone"] == false && row["damage"].as_str().unwrap().contains("is damaged"), "{row}");
    assert!(world.cs(&["bind", "--list"]).ok().contains("damaged"));
    fs::write(&record, whole).unwrap();
    for (directory, profile) in [(&api, "work"), (&other, "home"), (&third, "work")] {
        assert_eq!(opened_as(&world, directory), profile);
    }
}

/// What came of a launch under a guard: whether Claude was started, and what was said.
fn guarded(world: &World, directory: &Path, words: &[&str]) -> (Option<i32>, bool, String) {
    let before = world.starts().len();
    let done = world.cs_in(directory, words);
    (done.code, world.starts().len() > before, done.stderr)
}

#[test]
fn the_guard_is_silent_warns_or_refuses_before_claude_starts() {
    let world = world();
    let api = world.project("api");
    let below = world.project("api/below");
    world.cs_in(&below, &["new", "--no-open", "old"]).ok();
    world.cs_in(&below, &["new", "--no-open", "-P", "work", "ours"]).ok();
    world.cs_in(&api, &["bind", "work"]).ok();
    let others =
        [&["old"][..], &["default"], &["home", "-p", "x"], &["-P", "home", "new-one"], &["resume", "old"]];
    let fine = [
        &["ours"][..],
        &["work"],
        &["old", "mcp", "list"],
        &["home", "auth", "status"],
        &["exec", "old", "--", "claude"],
    ];
    for (guard, code, starts, says) in
        [("off", 0, true, false), ("warn", 0, true, true), ("strict", 5, false, true)]
    {
        world.write(".config/cs/config.toml", &format!("guard = \"{guard}\"\n"));
        for words in others {
            let (ended, started, said) = guarded(&world, &below, words);
            assert_eq!((ended, started), (Some(code), starts), "{guard}: {words:?}: {said}");
            let told =
                said.lines().filter(|line| line.contains("is bound to profile 'work', and this is")).count();
            assert_eq!(told, usize::from(says), "{guard}: {words:?}: {said}");
            assert_eq!(said.contains("cs --profile work NAME"), says, "{said}");
        }
        if starts {
            world.cs(&["rm", "new-one"]).ok();
        } else {
            assert!(!session_names(&world).contains(&"new-one".to_owned()), "what is refused is not made");
        }
        for words in fine {
            let (ended, started, said) = guarded(&world, &below, words);
            assert_eq!((ended, started), (Some(0), true), "{guard}: {words:?}: {said}");
            assert!(!said.contains("is bound to"), "{guard}: {words:?}: {said}");
        }
        world.cs_in(&below, &["env", "old"]).ok();
        let plan = world.cs_in(&below, &["--dry-run", "old"]);
        assert_eq!(plan.code, Some(code));
        assert_eq!(plan.stdout.contains("is bound to profile 'work'"), guard == "warn", "{guard}: {plan:?}");
        // It is where Claude will work that counts.
        let (ended, started, said) = guarded(&world, &world.home(), &["default"]);
        assert_eq!((ended, started, said.as_str()), (Some(0), true, ""), "{guard}");
        assert_eq!(guarded(&world, &world.home(), &["old"]).1, starts, "{guard}");
    }
}

#[test]
fn the_guard_knows_sessions_remotes_files_and_bindings_that_are_broken() {
    let world = world();
    let (api, repo) = (world.project("api"), world.project("repo"));
    world.write(".config/cs/config.toml", "guard = \"strict\"\n");
    world.cs(&["new", "--no-open", "-P", "work", "lead"]).ok();
    world.cs_in(&api, &["bind", "lead"]).ok();
    let (ended, started, said) = guarded(&world, &api, &["home"]);
    assert_eq!((ended, started), (Some(5), false));
    assert!(
        said.contains("is bound to session 'lead' of profile 'work', and this is profile 'home'"),
        "{said}"
    );
    assert!(guarded(&world, &api, &["work"]).1, "its profile is the one that is bound");

    wants(&repo, WORK);
    assert!(guarded(&world, &repo, &["home"]).1, "a file that is not allowed guards nothing");
    world.cs_in(&repo, &["allow"]).ok();
    let (ended, started, said) = guarded(&world, &repo, &["home"]);
    assert_eq!((ended, started), (Some(5), false));
    assert!(said.contains(".cs.toml names profile 'work', and this is profile 'home'"), "{said}");

    world.cs(&["profile", "remove", "--force", "work"]).ok();
    let (ended, started, said) = guarded(&world, &repo, &["home"]);
    assert_eq!((ended, started), (Some(1), false), "strict: {said}");
    world.write(".config/cs/config.toml", "guard = \"warn\"\n");
    let (ended, started, said) = guarded(&world, &repo, &["home"]);
    assert_eq!((ended, started), (Some(0), true), "{said}");
    assert!(said.contains("names profile 'work', which is gone"), "{said}");
    world.write(".config/cs/config.toml", "guard = \"stict\"\n");
    assert!(world.cs(&["default"]).fails(2).contains("config.toml:1: unknown variant `stict`"));
}

#[test]
fn looking_changes_nothing() {
    let world = world();
    let api = world.project("api");
    let before = state(&world.home());
    for words in [
        &["bind"][..],
        &["bind", "--json"],
        &["bind", "--list"],
        &["bind", "--list", "--json"],
        &["allow", "--list"],
        &["allow", "--list", "--json"],
    ] {
        world.cs_in(&api, words).ok();
    }
    for (words, code) in [
        (&["bind", "--remove"][..], 4),
        (&["allow"], 4),
        (&["deny"], 4),
        (&["bind", "wokr"], 4),
        (&["allow", "/nowhere"], 4),
    ] {
        world.cs_in(&api, words).fails(code);
    }
    assert_eq!(state(&world.home()), before);
    world.cs_in(&api, &["bind", "work"]).ok();
    assert_ne!(state(&world.home()), before, "the control");
}

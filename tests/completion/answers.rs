//! What the program answers the glue of the shells.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::needed;
use crate::support::world::{World, listing, ran};
use crate::world;

const SOON: Duration = Duration::from_secs(30);

/// A word that is offered, and what is said about it.
type Offered = (String, String);

/// What `cs` answers the glue of `shell` for a line of `words`, the last of which is being typed.
fn answer(world: &World, shell: &str, family: &str, words: &[&str]) -> String {
    let index = (words.len() - 1).to_string();
    let arguments = [&["__complete", shell, family, &index, "--"], words].concat();
    let ran = world.cs(&arguments);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{words:?}");
    ran.stdout
}

fn offered(world: &World, typed: &[&str]) -> Vec<Offered> {
    let text = answer(world, "zsh", "cs", typed);
    let line = |line: &str| {
        let (value, said) = line.split_once('\t').unwrap_or((line, ""));
        (value.to_owned(), said.to_owned())
    };
    text.lines().filter(|line| !line.is_empty()).map(line).collect()
}

fn words(world: &World, line: &[&str]) -> Vec<String> {
    offered(world, line).into_iter().map(|(word, _)| word).collect()
}

fn about(world: &World, name: &str) -> Option<String> {
    offered(world, &["cs", ""]).into_iter().find(|(word, _)| word == name).map(|(_, about)| about)
}

/// The identity of a session, from `cs show`.
fn id_of(world: &World, name: &str) -> String {
    world.show(name)["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_word_is_a_name_or_a_verb_and_no_option() {
    let world = world();
    let all = words(&world, &["cs", ""]);
    assert_eq!(all[..5], ["api", "Big-One", "default", "web", "work"], "names first, in their order");
    assert!(all.contains(&"open".into()) && all.contains(&"profile".into()), "{all:?}");
    assert!(!all.iter().any(|word| word.starts_with('-') || word.starts_with("__")), "{all:?}");
    // The control: options are there for one who begins with a dash.
    assert!(words(&world, &["cs", "-"]).contains(&"--profile".into()));
    assert_eq!(words(&world, &["cs", "--", ""]), words(&world, &["cs", "--bare", ""]), "names, no verbs");
    assert_eq!(words(&world, &["cs", "w"]), ["web", "work", "wt"]);
    assert_eq!(words(&world, &["cs", "nothing"]), [""; 0]);
    // zsh shows them in two groups; an empty line would be an empty word elsewhere.
    assert!(answer(&world, "zsh", "cs", &["cs", ""]).contains("profile\n\nopen\t"));
    for (shell, word) in [("bash", ""), ("fish", ""), ("powershell", ""), ("zsh", "op"), ("zsh", "web")] {
        assert!(!answer(&world, shell, "cs", &["cs", word]).split('\n').rev().skip(1).any(str::is_empty));
    }
}

#[test]
fn a_name_is_found_whatever_its_case() {
    let world = world();
    assert_eq!(words(&world, &["cs", "Bi"]), ["Big-One"]);
    assert_eq!(words(&world, &["cs", "bi"]), ["big-one", "bind"], "what was typed stays");
    assert_eq!(words(&world, &["cs", "AP"]), ["APi"]);
    assert_eq!(answer(&world, "bash", "cs", &["cs", "Big"]), "Big-one\n", "for bash no record is read");
}

#[test]
fn names_are_those_that_a_verb_takes() {
    let world = world();
    assert_eq!(words(&world, &["cs", "rm", ""]), ["api", "Big-One", "web"]);
    assert_eq!(words(&world, &["cs", "rm", "API", "big-one", ""]), ["web"], "each of them once");
    assert_eq!(answer(&world, "bash", "cs", &["cs", "rm", ""]), "api\nbig-one\nweb\n");
    assert_eq!(words(&world, &["cs", "show", ""]), ["api", "Big-One", "default", "web", "work"]);
    assert_eq!(words(&world, &["cs", "profile", "show", ""]), ["default", "work"]);
    assert_eq!(words(&world, &["cs", "--profile", ""]), ["default", "work"]);
    assert_eq!(words(&world, &["cs", "--profile=w"]), ["--profile=work"]);
    assert_eq!(words(&world, &["cs", "use", ""]), ["api", "Big-One", "default", "web", "work", "-"]);
    assert_eq!(words(&world, &["cs", "new", ""]), [""; 0]);
    assert_eq!(words(&world, &["cs", "restore", ""]), [""; 0]);
    let _ = world.cs(&["rm", "web"]).ok();
    assert_eq!(words(&world, &["cs", "restore", ""]), ["web"]);
    assert_eq!(words(&world, &["cs", "rm", ""]), ["api", "Big-One"]);
}

#[test]
fn endpoints_are_offered_by_name_with_what_they_are() {
    let world = world();
    let offered = offered(&world, &["cs", "profile", "create", "x", "--provider", "ki"]);
    assert!(matches!(&offered[..], [(name, about)] if name == "kimi" && !about.is_empty()), "{offered:?}");
    assert_eq!(words(&world, &["cs", "profile", "create", "x", "--provider=ki"]), ["--provider=kimi"]);
}

#[test]
fn short_forms_are_their_verbs_under_any_name_of_the_family() {
    let world = world();
    for (family, name, verb) in [
        ("cs", "csn", "new"),
        ("cs", "cs-list", "list"),
        ("cs", "cs-resume", "resume"),
        ("cs", "csl", "last"),
        ("ccs", "ccs-resume", "resume"),
        ("ccs", "ccsn", "new"),
    ] {
        for typed in ["", "-", "w"] {
            let expected = answer(&world, "zsh", "cs", &["cs", verb, typed]);
            assert_eq!(answer(&world, "zsh", family, &[name, typed]), expected, "{name} {typed}");
        }
    }
    // The control: an unknown name is the family itself.
    assert_eq!(answer(&world, "zsh", "ccs", &["csn", "w"]), answer(&world, "zsh", "cs", &["cs", "w"]));
    assert_eq!(words(&world, &["cs", "--resume", "we"]), ["web"], "as Claude prints it");
}

#[test]
fn a_session_is_described_by_its_state_and_directory() {
    let world = world();
    assert_eq!(about(&world, "api").as_deref(), Some("just now, ~/src/api"));
    assert_eq!(about(&world, "work").as_deref(), Some("profile"));
    world.fake_claude("exec sleep 60");
    let mut open = world.command(&world.home(), &["api"]).spawn().unwrap();
    let end = Instant::now() + SOON;
    while about(&world, "api").as_deref() != Some("open, ~/src/api") {
        assert!(Instant::now() < end, "{:?}", about(&world, "api"));
        std::thread::sleep(Duration::from_millis(20));
    }
    open.kill().unwrap();
    open.wait().unwrap();
    assert_eq!(about(&world, "api").as_deref(), Some("just now, ~/src/api"));
    assert!(!answer(&world, "bash", "cs", &["cs", ""]).contains('\t'), "bash shows no descriptions");
}

#[test]
fn resume_describes_by_title_and_offers_ids_once_one_was_begun() {
    let world = world();
    let (api, other) = (id_of(&world, "api"), "ab000000-0000-4000-8000-000000000001");
    let place = world.config_of("api").join("projects/-p");
    fs::create_dir_all(&place).unwrap();
    let said =
        |text: &str| format!(r#"{{"type":"user","message":{{"role":"user","content":"{text}"}}}}"#) + "\n";
    fs::write(place.join(format!("{other}.jsonl")), said("fix \\u001b[2J the bug")).unwrap();
    let of = |typed: &str| offered(&world, &["cs-resume", typed]);
    assert_eq!(of("a"), [("api".into(), "fix \\x1b[2J the bug".into())], "one letter begins no id");
    assert_eq!(of("ab"), [(other.into(), "api: fix \\x1b[2J the bug".into())]);
    assert_eq!(of("AB00")[0].0, format!("AB00{}", &other[4..]));
    assert_eq!(answer(&world, "bash", "cs", &["cs", "resume", "ab"]), format!("{other}\n"));
    let all: Vec<String> = of("01").into_iter().map(|(id, _)| id).collect();
    assert_eq!(all.len(), 3, "each session's own id: {all:?}");
    assert!(all.contains(&api));
    assert_eq!(
        of("web"),
        [("web".into(), "just now, ~/src/api".into())],
        "what was said nowhere has no title"
    );
}

#[test]
fn what_a_shell_knows_better_is_left_to_it() {
    let world = world();
    for (line, directive) in [
        (&["cs", "-d", "x"][..], ":dirs\t\n"),
        (&["cs", "--dir=~/x"], ":dirs\t--dir=\n"),
        (&["cs", "man", ""], ":dirs\t\n"),
        (&["cs", "profile", "adopt", "x", ""], ":dirs\t\n"),
        (&["cs", "web", "--add-dir", "a", ""], ":dirs\t\n"),
        (&["csn", "x", "--mcp-config", ""], ":files\t\n"),
        (&["cs", "web", "--settings=x"], ":files\t--settings=\n"),
        (&["cs", "exec", "web", "--", "ls", ""], ":command\t4\n"),
        (&["cs", "exec", "web", "ls", ""], ":command\t3\n"),
    ] {
        assert_eq!(answer(&world, "fish", "cs", line), directive, "{line:?}");
    }
}

#[test]
fn a_tab_changes_nothing_and_says_nothing_whatever_is_damaged() {
    let world = world();
    let data = world.data();
    let lines: [&[&str]; 5] =
        [&["cs", ""], &["cs", "-"], &["cs-resume", "01"], &["cs", "restore", ""], &["cs", "api", ""]];
    let verbs = ["open", "tour"];
    let before = listing(world.root());
    for line in lines {
        for shell in ["bash", "zsh", "fish", "powershell"] {
            let _ = answer(&world, shell, "cs", line);
        }
    }
    assert_eq!(listing(world.root()), before);

    let has_verbs = || {
        let all = words(&world, &["cs", ""]);
        assert!(verbs.iter().all(|verb| all.contains(&(*verb).to_owned())), "{all:?}");
        all
    };
    world.write(".config/cs/config.toml", "no = [toml");
    assert!(has_verbs().contains(&"api".into()), "the settings decide nothing here");
    let record = data.join("sessions").join(id_of_record(&data, "api")).join("session.toml");
    fs::write(&record, "version = 99\n").unwrap();
    assert_eq!(about(&world, "api").as_deref(), Some("damaged"));
    assert!(has_verbs().contains(&"web".into()), "one damaged record spoils no other");
    fs::write(data.join("names/web"), "nonsense").unwrap();
    assert_eq!(about(&world, "web").as_deref(), Some("damaged"));
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(!has_verbs().contains(&"work".into()), "a store that others can write to is not read");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(has_verbs().contains(&"work".into()), "the control");
    fs::remove_dir_all(&data).unwrap();
    fs::write(&data, "a file").unwrap();
    has_verbs();
}

/// The session that the claim of `name` names.
fn id_of_record(data: &Path, name: &str) -> String {
    let claim = fs::read_to_string(data.join("names").join(name)).unwrap();
    claim.trim().strip_prefix("session ").unwrap().to_owned()
}

#[test]
fn a_call_that_makes_no_sense_is_answered_with_nothing() {
    let mut world = world();
    for line in [
        &["__complete"][..],
        &["__complete", "zsh"],
        &["__complete", "zsh", "cs", "x", "--", "cs", ""],
        &["__complete", "zsh", "cs", "9", "--", "cs", ""],
        &["__complete", "zsh", "cs", "0", "--"],
    ] {
        let ran = world.cs(line);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""), "{line:?}");
    }
    // Windows PowerShell hands no empty word on.
    let without = world.cs(&["__complete", "powershell", "cs", "1", "--", "cs"]).ok();
    assert_eq!(without, answer(&world, "powershell", "cs", &["cs", ""]));
    world.unset("HOME");
    assert!(words(&world, &["cs", "o"]).contains(&"open".into()));
}

/// Makes `count` sessions, `s1` and so on, as `cs` would have.
fn many(world: &World, count: usize) {
    let data = world.data();
    let _ = world.cs(&["--no-open", "first"]).ok();
    for number in 1..=count {
        let id = format!("01900000-0000-7000-8000-{number:012x}");
        let root = data.join("sessions").join(&id);
        fs::create_dir(&root).unwrap();
        fs::write(data.join(format!("names/s{number}")), format!("session {id}\n")).unwrap();
        let record = format!(
            "version = 1\nid = \"{id}\"\nname = \"s{number}\"\nprofile = \"default\"\ndirectory = \"/\"\n\
             isolation = \"config-dir\"\ncreated = \"2026-01-02T03:04:05Z\"\n"
        );
        fs::write(root.join("session.toml"), record).unwrap();
    }
}

#[test]
fn how_much_is_read_does_not_grow_with_the_number_of_sessions() {
    let world = World::with_fake_claude();
    many(&world, 300);
    assert_eq!(words(&world, &["cs", "s29"]).len(), 11);
    assert!(words(&world, &["cs", ""]).contains(&"s300".into()));
    let Some(strace) = needed("strace") else { return };
    let records = |shell: &str, words: &[&str]| {
        let index = (words.len() - 1).to_string();
        let trace = world.root().join("trace");
        let cs = World::cs_program();
        let line = [
            &["-f", "-e", "trace=open,openat", "-o", trace.to_str().unwrap(), cs.to_str().unwrap()],
            &["__complete", shell, "cs", &index, "--"][..],
            words,
        ]
        .concat();
        let _ = ran(&mut world.any_command(&strace, &world.home(), &line)).ok();
        let trace = fs::read_to_string(trace).unwrap();
        assert!(trace.contains("/cs/names"), "it is the data root that is read: {trace}");
        let of = |what: &str| trace.lines().filter(|line| line.contains(what)).count();
        (of("session.toml"), of("/names/"))
    };
    assert_eq!(records("bash", &["cs", ""]), (0, 0));
    assert_eq!(records("bash", &["cs", "s29"]), (0, 0));
    assert_eq!(records("bash", &["cs", "rm", ""]), (0, 0));
    assert_eq!(records("zsh", &["cs", ""]), (0, 0), "nobody reads 300 descriptions");
    assert_eq!(records("zsh", &["cs", "s29"]), (11, 11), "the control");
}

#[test]
fn worktrees_and_branches_are_those_of_the_repository_one_is_in() {
    let world = world();
    let repo = world.project("repo");
    let git = |words: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(&repo).args(["-c", "user.name=n", "-c", "user.email=e"]).args(words);
        let done = command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").output().unwrap();
        assert!(done.status.success(), "{words:?}: {done:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&["branch", "packed/one"]);
    git(&["pack-refs", "--all"]);
    for name in ["login", "logout"] {
        let tree = repo.join(".claude/worktrees").join(name);
        git(&["worktree", "add", "-q", "-b", &format!("worktree-{name}"), tree.to_str().unwrap()]);
    }
    let here = |line: &[&str]| -> Vec<String> {
        let index = (line.len() - 1).to_string();
        let arguments = [&["__complete", "zsh", "cs", &index, "--"], line].concat();
        let text = world.cs_in(&repo.join(".claude/worktrees/login"), &arguments).ok();
        let words = text.lines().filter(|line| !line.is_empty());
        words.map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
    };
    for verb in ["open", "finish", "rm"] {
        assert_eq!(here(&["cs", "wt", verb, ""]), ["login", "logout"], "{verb}");
    }
    assert_eq!(here(&["cs", "wt", "rm", "login", ""]), ["logout"], "each of them once");
    let branches = ["main", "packed/one", "worktree-login", "worktree-logout"];
    assert_eq!(here(&["cs", "wt", "finish", "login", "--onto", ""]), branches);
    assert_eq!(here(&["cs", "wt", "finish", "login", "--onto=pa"]), ["--onto=packed/one"]);
    assert_eq!(here(&["cs", "-w", "--from", ""]), branches);
    // The control: outside of git there are sessions.
    assert!(words(&world, &["cs", "wt", "rm", ""]).contains(&"api".to_owned()));
}

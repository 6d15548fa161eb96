//! What a repository says is to be run, is not run by a `cs` that nobody asked for it: programs of all kinds are planted
//! wherever git reads, each of which leaves its name, and every verb that starts git is run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::stage::Stage;
use crate::support::world::{World, git, ran};

/// Verbs that look at worktrees, or take them away, in an order in which each finds what it is about.
const LOOKING: [&[&str]; 20] = [
    &["list"],
    &["list", "--all"],
    &["wt"],
    &["wt", "list", "--all", "--json"],
    &["show", "x"],
    &["doctor"],
    &["cleanup"],
    &["cleanup", "--older-than", "0d"],
    &["cleanup", "--yes", "--older-than", "0d", "gone"],
    &["wt", "gc"],
    &["wt", "gc", "--yes"],
    &["wt", "finish", "x"],
    &["wt", "finish", "x", "--squash", "--dry-run"],
    &["wt", "rm", "x"],
    &["du"],
    &["top", "--once"],
    &["-w", "--no-open", "--dry-run", "other"],
    &["other", "-p", "x"],
    &["wt", "rm", "--force", "x"],
    &["restore", "x"],
];

/// Programs that leave their names in a directory.
struct Canary(PathBuf);

impl Canary {
    fn new(world: &World) -> Self {
        let place = world.root().join("ran");
        fs::create_dir(&place).unwrap();
        Self(place)
    }

    /// A command that leaves `name`, and passes on what it is given.
    fn command(&self, name: &str) -> String {
        format!("touch '{}/{name}'; cat", self.0.display())
    }

    /// A program that does.
    fn program(&self, path: &Path, name: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\n{} </dev/null\n", self.command(name))).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The names that were left since it was asked last.
    fn ran(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(&self.0).unwrap() {
            let entry = entry.unwrap();
            names.push(entry.file_name().to_str().unwrap().to_owned());
            fs::remove_file(entry.path()).unwrap();
        }
        names.sort();
        names
    }

    /// Settings of git with a program of every kind, which leave `at` in their names; hooks are in `hooks`.
    fn settings(&self, at: &str, hooks: &Path) -> String {
        for name in [
            "applypatch-msg",
            "commit-msg",
            "fsmonitor-watchman",
            "post-checkout",
            "post-commit",
            "post-index-change",
            "post-merge",
            "post-rewrite",
            "pre-auto-gc",
            "pre-commit",
            "pre-merge-commit",
            "pre-rebase",
            "prepare-commit-msg",
            "reference-transaction",
        ] {
            self.program(&hooks.join(name), &format!("{at}-hook-{name}"));
        }
        let monitor = hooks.with_extension("monitor");
        self.program(&monitor, &format!("{at}-fsmonitor"));
        let of = |kind: &str| self.command(&format!("{at}-{kind}"));
        format!(
            "[core]\n\tfsmonitor = {monitor}\n\thooksPath = {hooks}\n\teditor = \"{editor}\"\n\tpager = \"{pager}\"\n\
             \taskPass = {monitor}\n\tsshCommand = \"{ssh}\"\n\talternateRefsCommand = \"{alternates}\"\n\
             [filter \"x\"]\n\tclean = \"{clean}\"\n\tsmudge = \"{smudge}\"\n\trequired = true\n\
             [filter \"a=b.c\"]\n\tprocess = \"{process}\"\n\
             [diff]\n\texternal = {monitor}\n\tignoreSubmodules = none\n\
             [diff \"x\"]\n\tcommand = \"{command}\"\n\ttextconv = \"{textconv}\"\n\
             [merge]\n\tdefault = x\n\trenormalize = true\n[merge \"x\"]\n\tdriver = \"{driver}\"\n\
             [gpg]\n\tprogram = {monitor}\n[log]\n\tshowSignature = true\n\
             [credential]\n\thelper = \"!{helper}\"\n[alias]\n\tstatus = \"!{alias}\"\n\
             [sequence]\n\teditor = \"{editor}\"\n[submodule]\n\trecurse = true\n[status]\n\tsubmoduleSummary = true\n\
             [protocol \"ext\"]\n\tallow = always\n\
             [remote \"planted\"]\n\turl = \"ext::sh -c {lazy}\"\n\tpromisor = true\n\tuploadpack = \"{pack}\"\n",
            monitor = monitor.display(),
            hooks = hooks.display(),
            editor = of("editor"),
            pager = of("pager"),
            ssh = of("ssh"),
            alternates = of("alternates"),
            clean = of("clean"),
            smudge = of("smudge"),
            process = of("process"),
            command = of("diff"),
            textconv = of("textconv"),
            driver = of("merge"),
            helper = of("helper"),
            alias = of("alias"),
            lazy = monitor.display(),
            pack = of("uploadpack"),
        )
    }
}

/// Adds to the file `path`.
fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, before + text).unwrap();
}

const ATTRIBUTES: &str = "* filter=x merge=x\n*.x filter=x diff=x merge=x\n*.y filter=a=b.c diff=x merge=x\n";

/// Has git ask itself whether the file has changed.
fn age(path: &Path) {
    let time = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    fs::File::options().append(true).open(path).unwrap().set_times(time).unwrap();
}

/// Makes a repository in `place`, staged there as a submodule, whose settings name programs of every kind.
fn plant_nested(stage: &Stage, canary: &Canary, place: &Path, at: &str) {
    let nested = place.join("nested");
    fs::create_dir(&nested).unwrap();
    stage.git(&nested, &["init", "-q"]);
    for name in ["file.x", "file.y", "file"] {
        fs::write(nested.join(name), "one\n").unwrap();
    }
    stage.commit(&nested, "nested");
    let head = stage.git(&nested, &["rev-parse", "HEAD"]);
    stage.git(place, &["update-index", "--add", "--cacheinfo", &format!("160000,{head},nested")]);
    fs::write(
        place.join(".gitmodules"),
        "[submodule \"n\"]\n\tpath = nested\n\turl = ./n\n\tignore = none\n",
    )
    .unwrap();
    fs::write(nested.join(".gitattributes"), ATTRIBUTES).unwrap();
    append(&nested.join(".git/info/attributes"), ATTRIBUTES);
    append(
        &nested.join(".git/config"),
        &canary.settings(at, &stage.world.root().join(format!("planted-{at}"))),
    );
    for name in ["file.x", "file.y", "file"] {
        age(&nested.join(name));
    }
}

/// A session that is ephemeral and whose Claude was killed: opening any other deals with it.
fn ended(stage: &Stage, tree: &Path) {
    stage.world.fake_claude("kill -9 $$");
    let _ = stage.world.cs_in(tree, &["--ephemeral", "gone", "-p", "x"]);
    stage.world.fake_claude("");
}

#[test]
fn a_repository_inside_of_a_worktree_has_nothing_run() {
    let stage = Stage::new();
    let canary = Canary::new(&stage.world);
    let tree = stage.with_session("x");
    stage.world.cs_in(&stage.repo, &["new", "--no-open", "other"]).ok();
    ended(&stage, &tree);
    plant_nested(&stage, &canary, &tree, "nested");
    canary.ran();
    stage.git(&tree, &["status"]);
    assert!(canary.ran().iter().any(|name| name.ends_with("-clean")), "the control: git runs it");
    for words in LOOKING {
        if tree.exists() {
            age(&tree.join("nested/file.x"));
        }
        let done = stage.cs(words);
        assert_eq!(canary.ran(), [""; 0], "{words:?}: {done:?}");
    }
    age(&tree.join("nested/file.x"));
    stage.git(&tree, &["status"]);
    assert!(canary.ran().iter().any(|name| name.ends_with("-clean")), "the control: it is armed still");
}

#[test]
fn what_is_in_the_way_of_a_removal_includes_a_repository_inside() {
    let stage = Stage::new();
    // One whose files git keeps itself: no status shows it.
    let tree = stage.with_session("x");
    stage.work(&tree, "file", "two\n");
    fs::create_dir(tree.join("lib")).unwrap();
    fs::write(tree.join("lib/code"), "one\n").unwrap();
    stage.commit(&tree, "with a library");
    stage.git(&stage.repo, &["merge", "-q", "worktree-x"]);
    assert_eq!(stage.listed("x")["merged"], true, "the control: it could go");
    assert_eq!(stage.listed("x")["dirty"]["nested"], serde_json::json!([]));
    stage.git(&tree.join("lib"), &["init", "-q"]);
    assert_eq!(stage.git(&tree, &["status", "--porcelain"]), "");
    assert_eq!(stage.listed("x")["dirty"]["nested"], serde_json::json!(["lib"]));
    assert!(stage.cs(&["wt"]).ok().contains("a repository inside (lib)"));
    for words in [&["wt", "rm", "x"][..], &["wt", "finish", "x"], &["wt", "finish", "x", "--merge"]] {
        let done = stage.cs(words);
        assert_eq!(done.code, Some(5), "{done:?}");
        assert!(done.stderr.contains("a repository inside (lib)"), "{done:?}");
    }
    let kept = stage.cs(&["wt", "gc", "--yes"]);
    assert!(tree.exists(), "{kept:?}");
    stage.cs(&["wt", "rm", "--force", "x"]).ok();
    stage.world.cs(&["restore", "x"]).ok();
    assert!(tree.join("lib/.git").is_dir());

    // Files where the index has a submodule, which git does not look at.
    let tree = stage.with_session("y");
    let head = stage.git(&tree, &["rev-parse", "HEAD"]);
    stage.git(&tree, &["update-index", "--add", "--cacheinfo", &format!("160000,{head},sub")]);
    stage.git(&tree, &["commit", "-qm", "a submodule"]);
    stage.git(&stage.repo, &["merge", "-q", "worktree-y"]);
    fs::create_dir_all(tree.join("sub")).unwrap();
    assert_eq!(stage.listed("y")["dirty"]["nested"], serde_json::json!([]));
    fs::write(tree.join("sub/precious"), "x\n").unwrap();
    assert_eq!(stage.git(&tree, &["status", "--porcelain"]), "");
    assert!(stage.cs(&["wt", "rm", "y"]).fails(5).contains("a repository inside (sub)"));
    fs::remove_file(tree.join("sub/precious")).unwrap();
    stage.cs(&["wt", "rm", "y"]).ok();
}

#[test]
fn what_git_ignores_as_a_whole_is_not_searched_for_repositories() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    fs::create_dir_all(tree.join("node_modules/a")).unwrap();
    stage.git(&tree.join("node_modules/a"), &["init", "-q"]);
    stage.cs(&["wt", "rm", "x"]).ok();
}

/// Settings that name programs, in the git directory of the repository or of one of its worktrees, perhaps by way of an
/// included file.
fn plant_settings(stage: &Stage, canary: &Canary, tree: &Path) {
    for place in [&stage.repo, tree] {
        for name in ["file.x", "file.y"] {
            fs::write(place.join(name), "one\n").unwrap();
        }
    }
    fs::write(stage.repo.join(".gitattributes"), ATTRIBUTES).unwrap();
    stage.commit(&stage.repo, "attributes");
    for name in ["file.x", "file.y"] {
        fs::remove_file(tree.join(name)).unwrap();
    }
    stage.git(tree, &["merge", "-q", "main"]);
    stage.work(tree, "file", "mine\n");
    let common = stage.repo.join(".git");
    append(&common.join("info/attributes"), ATTRIBUTES);
    let root = stage.world.root();
    let included = root.join("home/src/repo/.included");
    fs::write(&included, canary.settings("included", &root.join("planted-included"))).unwrap();
    append(&common.join("config"), &canary.settings("main", &root.join("planted-main")));
    append(
        &common.join("config"),
        &format!("[include]\n\tpath = {}\n[extensions]\n\tworktreeConfig = true\n", included.display()),
    );
    let own = common.join("worktrees").join(tree.file_name().unwrap()).join("config.worktree");
    fs::write(own, canary.settings("own", &root.join("planted-own"))).unwrap();
    for place in [&stage.repo, tree] {
        for name in ["file", "file.x", "file.y"] {
            age(&place.join(name));
        }
    }
    canary.ran();
}

#[test]
fn the_settings_of_a_repository_have_nothing_run_by_who_only_looks() {
    let stage = Stage::new();
    let canary = Canary::new(&stage.world);
    let tree = stage.with_session("x");
    stage.world.cs_in(&stage.repo, &["new", "--no-open", "other"]).ok();
    ended(&stage, &tree);
    stage.work(&stage.repo, "other", "theirs\n");
    stage.work(&tree, "other", "mine\n");
    stage.git(&tree, &["merge", "-q", "-s", "ours", "main"]);
    plant_settings(&stage, &canary, &tree);
    // Files have to be merged to tell whether anything of them is missing.
    let words = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "commit", "-qm", "x", "other"];
    fs::write(stage.repo.join("other"), "theirs, again\n").unwrap();
    stage.git(&stage.repo, &words);
    canary.ran();
    let words = ["merge-tree", "--write-tree", "main", "worktree-x"];
    let _ = ran(&mut stage.world.any_command(Path::new("git"), &stage.repo, &words));
    assert!(canary.ran().iter().any(|name| name.ends_with("-merge")), "the control: a merge runs it");
    let mut plain = stage.world.any_command(Path::new("git"), &tree, &["status"]);
    let _ = ran(&mut plain);
    let control = canary.ran();
    for kind in ["fsmonitor", "clean", "process", "post-index-change"] {
        assert!(control.iter().any(|name| name.ends_with(kind)), "the control lacks {kind}: {control:?}");
    }
    for words in LOOKING {
        for name in ["file", "file.x", "file.y"] {
            if tree.join(name).exists() {
                age(&tree.join(name));
            }
        }
        let done = stage.cs(words);
        assert_eq!(canary.ran(), [""; 0], "{words:?}: {done:?}");
    }
}

#[test]
fn where_a_filter_is_not_run_there_may_be_work() {
    let stage = Stage::new();
    let canary = Canary::new(&stage.world);
    let tree = stage.with_session("x");
    // A filter as a person has it, and one that the repository names like it.
    fs::write(stage.world.home().join("upper"), "#!/bin/sh\nexec tr a-z A-Z\n").unwrap();
    fs::set_permissions(stage.world.home().join("upper"), fs::Permissions::from_mode(0o755)).unwrap();
    let upper = stage.world.home().join("upper");
    stage.git(&stage.repo, &["config", "--global", "filter.up.clean", upper.to_str().unwrap()]);
    fs::write(tree.join(".gitattributes"), "big filter=up\n").unwrap();
    fs::write(tree.join("big"), "large\n").unwrap();
    stage.commit(&tree, "big");
    stage.git(&stage.repo, &["merge", "-q", "worktree-x"]);
    assert_eq!(stage.git(&tree, &["show", "HEAD:big"]), "LARGE");
    age(&tree.join("big"));
    assert_eq!(stage.listed("x")["dirty"]["changed"], 0, "the person's own filter is run");

    stage.git(&stage.repo, &["config", "filter.up.clean", &canary.command("planted")]);
    assert_eq!(stage.listed("x")["dirty"]["changed"], 0, "and goes over the repository's");
    stage.git(&stage.repo, &["config", "--global", "--unset", "filter.up.clean"]);
    assert_eq!(stage.listed("x")["dirty"]["changed"], 1, "without it there is no telling");
    let said = stage.cs(&["wt", "rm", "x"]).fails(5);
    assert!(said.contains("1 changed") && said.contains("the filter 'up' is not run"), "{said}");
    assert_eq!(canary.ran(), [""; 0]);
    stage.git(&tree, &["status"]);
    assert_eq!(canary.ran(), ["planted"], "the control");
}

/// A worktree with a submodule that git checked out in it, whose settings name programs of every kind; so is there one
/// in the main checkout. `.gitmodules` asks for a look into it.
fn with_submodules() -> (Stage, Canary, PathBuf) {
    let stage = Stage::new();
    let library = stage.world.project("library");
    stage.git(&library, &["init", "-q"]);
    for name in ["file.x", "file.y", "file"] {
        fs::write(library.join(name), "one\n").unwrap();
    }
    stage.commit(&library, "library");
    stage.git(&stage.repo, &["submodule", "--quiet", "add", library.to_str().unwrap(), "lib"]);
    stage.git(&stage.repo, &["config", "-f", ".gitmodules", "submodule.lib.ignore", "none"]);
    stage.commit(&stage.repo, "with a library");
    let tree = stage.with_session("x");
    stage.git(&tree, &["submodule", "--quiet", "update", "--init"]);
    stage.work(&tree, "mine", "one\n");
    stage.work(&tree, "mine", "two\n");
    stage.work(&stage.repo, "theirs", "one\n");
    let canary = Canary::new(&stage.world);
    let common = stage.repo.join(".git");
    for (at, git_dir, place) in [
        ("main", common.join("modules/lib"), stage.repo.join("lib")),
        ("tree", common.join("worktrees/x/modules/lib"), tree.join("lib")),
    ] {
        append(&git_dir.join("info/attributes"), ATTRIBUTES);
        append(
            &git_dir.join("config"),
            &canary.settings(at, &stage.world.root().join(format!("planted-{at}"))),
        );
        for name in ["file.x", "file.y", "file"] {
            age(&place.join(name));
        }
    }
    (stage, canary, tree)
}

#[test]
fn bringing_work_home_looks_into_no_submodule() {
    for how in ["--squash", "--merge", "--rebase"] {
        let (stage, canary, tree) = with_submodules();
        for place in [&stage.repo, &tree] {
            let _ = ran(&mut stage.world.any_command(Path::new("git"), place, &["status"]));
            assert!(canary.ran().iter().any(|name| name.ends_with("-clean")), "the control");
            age(&place.join("lib/file.x"));
        }
        let done = stage.cs(&["wt", "finish", "x", how]);
        assert_eq!(done.code, Some(0), "{how}: {done:?}");
        assert_eq!(canary.ran(), [""; 0], "{how}: {done:?}");
        assert_eq!(fs::read_to_string(stage.repo.join("mine")).unwrap(), "two\n");
        assert!(!tree.exists());
    }
}

#[test]
fn a_submodule_with_changes_stays_and_one_without_may_go() {
    let (stage, canary, tree) = with_submodules();
    fs::write(tree.join("lib/new"), "precious\n").unwrap();
    stage.git(&stage.repo, &["branch", "kept", "worktree-x"]);
    assert!(stage.cs(&["wt", "rm", "x"]).fails(5).contains("1 changed"));
    fs::remove_file(tree.join("lib/new")).unwrap();
    stage.cs(&["wt", "rm", "x"]).ok();
    assert_eq!(canary.ran(), [""; 0]);
}

#[test]
fn a_worktree_whose_git_was_exchanged_is_not_what_the_repository_has_there() {
    let stage = Stage::new();
    let canary = Canary::new(&stage.world);
    let tree = stage.with_session("x");
    stage.work(&tree, "file", "two\n");
    // Whoever can write the main checkout can write this.
    fs::remove_file(tree.join(".git")).unwrap();
    stage.git(&tree, &["init", "-q"]);
    stage.commit(&tree, "planted");
    append(&tree.join(".git/config"), &canary.settings("exchanged", &stage.world.root().join("planted")));
    let before = stage.refs();
    for words in LOOKING.iter().copied().chain([
        &["wt", "finish", "x", "--squash"][..],
        &["wt", "finish", "x", "--merge"],
        &["wt", "finish", "x", "--rebase"],
    ]) {
        if !words.contains(&"--force") && !words.contains(&"restore") {
            let done = stage.cs(words);
            assert_eq!(canary.ran(), [""; 0], "{words:?}: {done:?}");
        }
    }
    assert!(stage.cs(&["wt", "finish", "x", "--squash"]).fails(1).contains("is not what the repository in"));
    assert_eq!(stage.refs(), before);
    let _ = ran(&mut stage.world.any_command(
        Path::new("git"),
        &tree,
        &["commit", "-q", "--allow-empty", "-m", "x"],
    ));
    assert!(canary.ran().iter().any(|name| name.contains("-hook-")), "the control");
}

#[test]
fn a_git_directory_that_says_it_is_elsewhere_is_not_believed() {
    let stage = Stage::new();
    let canary = Canary::new(&stage.world);
    let tree = stage.with_session("x");
    stage.work(&tree, "file", "two\n");
    // What works in the main checkout can write this.
    let elsewhere = stage.world.root().join("elsewhere");
    stage.git(&stage.repo, &["clone", "-q", "--bare", ".", elsewhere.to_str().unwrap()]);
    append(&elsewhere.join("config"), &canary.settings("elsewhere", &stage.world.root().join("planted")));
    fs::write(stage.repo.join(".git/commondir"), format!("{}\n", elsewhere.display())).unwrap();
    canary.ran();
    for words in LOOKING.iter().copied().chain([
        &["wt", "finish", "x", "--squash"][..],
        &["wt", "finish", "x", "--rebase"],
        &["-w", "--no-open", "fresh"],
    ]) {
        let done = stage.cs(words);
        assert_eq!(canary.ran(), [""; 0], "{words:?}: {done:?}");
    }
    assert!(stage.cs(&["wt"]).fails(1).contains("commondir says that the repository is somewhere else"));
    let words = ["commit", "-q", "--allow-empty", "-m", "x"];
    let _ = ran(&mut stage.world.any_command(Path::new("git"), &stage.repo, &words));
    assert!(canary.ran().iter().any(|name| name.contains("-hook-")), "the control");
}

#[test]
fn a_monitor_and_an_editor_have_no_part_in_what_a_person_asks_for() {
    let stage = Stage::new();
    let canary = Canary::new(&stage.world);
    let tree = stage.with_session("x");
    plant_settings(&stage, &canary, &tree);
    for words in [&["wt", "finish", "x", "--squash", "--keep"][..], &["-w", "--no-open", "other"]] {
        let done = stage.cs(words);
        assert_eq!(done.code, Some(0), "{done:?}");
        let found = canary.ran();
        let unasked = |name: &&String| {
            [
                "fsmonitor",
                "editor",
                "pager",
                "alternates",
                "alias",
                "helper",
                "uploadpack",
                "diff",
                "textconv",
            ]
            .iter()
            .any(|kind| name.ends_with(kind))
        };
        assert_eq!(found.iter().find(unasked), None, "{words:?}: {found:?}");
        assert!(
            found.iter().any(|name| name.contains("-hook-")),
            "the control, hooks are asked for: {found:?}"
        );
    }
}

#[test]
fn hooks_among_the_files_of_a_sandbox_are_not_run() {
    for isolation in ["sandbox", "config-dir"] {
        let stage = Stage::new();
        if isolation == "sandbox" && !crate::scenery::has("bwrap") {
            return;
        }
        let canary = Canary::new(&stage.world);
        stage.git(&stage.repo, &["config", "core.hooksPath", ".hooks"]);
        let tree = stage.tree("x");
        let words = ["--isolation", isolation, "-w", "--no-open", "x"];
        stage.cs(&words).ok();
        stage.git(&tree, &["-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "mine"]);
        fs::write(tree.join("mine"), "x\n").unwrap();
        stage.commit(&tree, "mine");
        append(&stage.repo.join(".git/info/exclude"), "/.hooks\n");
        canary.program(&tree.join(".hooks/pre-commit"), "planted");
        let done = stage.cs(&["wt", "finish", "x", "--squash", "--keep"]);
        assert_eq!(done.code, Some(0), "{done:?}");
        if isolation == "sandbox" {
            assert!(done.stderr.contains("the hooks of git are not run"), "{done:?}");
            assert_eq!(canary.ran(), [""; 0]);
        } else {
            assert_eq!(canary.ran(), ["planted"], "the control: without a sandbox they are the person's");
        }
    }
}

#[test]
fn nothing_that_cs_starts_cleans_up_in_the_background() {
    let stage = Stage::new();
    let tree = stage.with_session("x");
    stage.work(&tree, "mine", "one\n");
    stage.work(&stage.repo, "theirs", "one\n");
    let log = stage.world.root().join("settings");
    let script = format!(
        "#!/bin/sh\necho \"$(/usr/bin/git config gc.auto) $(/usr/bin/git config maintenance.auto)\" >>'{}'\nexec /usr/bin/git \"$@\"\n",
        log.display()
    );
    stage.git(&stage.repo, &["config", "gc.auto", "1"]);
    stage.git(&stage.repo, &["config", "maintenance.auto", "true"]);
    stage.world.program("git", &script);
    git(&stage.world, &stage.repo, &["rev-parse", "HEAD"]);
    assert_eq!(fs::read_to_string(&log).unwrap(), "1 true\n", "the control");
    fs::remove_file(&log).unwrap();
    stage.cs(&["wt", "finish", "x", "--squash"]).ok();
    let lines = fs::read_to_string(&log).unwrap();
    assert!(lines.lines().count() > 10 && lines.lines().all(|line| line == "0 false"), "{lines}");
}

#[test]
fn in_a_repository_that_a_sandbox_can_have_made_nothing_is_made() {
    for isolation in ["sandbox", "config-dir"] {
        if isolation == "sandbox" && !crate::scenery::has("bwrap") {
            return;
        }
        let stage = Stage::new();
        let canary = Canary::new(&stage.world);
        stage.cs(&["--isolation", isolation, "--no-open", "box"]).ok();
        plant_nested(&stage, &canary, &stage.repo, "nested");
        canary.ran();
        let nested = stage.repo.join("nested");
        let done = stage.world.cs_in(&nested, &["-w", "--no-open", "fresh"]);
        if isolation == "sandbox" {
            assert_eq!(done.code, Some(5), "{done:?}");
            assert!(done.stderr.contains("is where sandbox 'box' can write"), "{done:?}");
            assert_eq!(canary.ran(), [""; 0]);
            assert!(!nested.join(".claude").exists());
            // The checkout that it works in is another matter.
            stage.cs(&["-w", "--no-open", "other"]).ok();
            assert_eq!(canary.ran(), [""; 0]);
        } else {
            assert!(canary.ran().iter().any(|name| name.contains("-hook-")), "the control: {done:?}");
        }
    }
}

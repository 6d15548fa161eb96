//! `--settings FILE` with the real Claude Code: what stands in the file is in force, and nobody else can read it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::stage::{MAY_RUN, Stage, until};
use crate::support::world::{Ran, ran};
use crate::support::{needed, skipped};

/// A file of settings with a variable, a rule that is meant from its directory, and a hook that writes `started`.
fn file(stage: &Stage, name: &str) -> PathBuf {
    let started = stage.root().join(format!("started-{name}"));
    let hook = json!({"type": "command", "command": format!("echo {name} >> '{}'", started.display())});
    let settings = json!({
        "env": {"FROM_FILE": name},
        "permissions": {"deny": ["Read(/secret/**)"]},
        "hooks": {"SessionStart": [{"hooks": [hook]}]},
    });
    stage.write("conf/secret/notes.txt", "not for anybody\n");
    stage.write("conf/open/notes.txt", "for everybody\n");
    stage.write(&format!("conf/{name}.json"), &settings.to_string())
}

#[test]
fn a_file_of_settings_means_in_a_session_what_it_means_without() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let file = file(&stage, "mine");
    let conf = file.parent().unwrap();
    let settings = ["--settings", file.to_str().unwrap()];
    let reads = |place: &str, run: &dyn Fn(&[&str]) -> Ran| {
        let path = conf.join(place).join("notes.txt");
        let prompt = format!("TOOL:Read {{\"file_path\":\"{}\"}}", path.display());
        run(&[&["-p", &prompt, "--allowedTools", "Read"], &settings[..]].concat()).ok()
    };
    let plain = |words: &[&str]| ran(&mut stage.plain_claude(&project, words));
    let with = |words: &[&str]| stage.cs_in(&project, &[&["api"], words].concat());
    for run in [&plain as &dyn Fn(&[&str]) -> Ran, &with] {
        assert!(reads("open", run).contains("for everybody"), "the control: what no rule is about");
        assert!(!reads("secret", run).contains("not for anybody"));
    }
    let prompt = "RUN:echo \"$FROM_FILE $ANTHROPIC_AUTH_TOKEN\"";
    let said = with(&[&["-p", prompt], MAY_RUN, &settings].concat()).ok();
    assert!(said.contains("mine"), "{said}");
    if needed("bwrap").is_some() {
        let boxed = [&["--isolation", "sandbox", "boxed", "-p", prompt], MAY_RUN, &settings].concat();
        assert!(stage.cs_in(&project, &boxed).ok().contains("mine"));
    }
    // Longer than a word of a command line.
    let mut long: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    long["permissions"]["allow"] = (0..8000).map(|number| format!("Bash(command-{number}:*)")).collect();
    fs::write(&file, long.to_string()).unwrap();
    assert!(with(&[&["-p", prompt], MAY_RUN, &settings].concat()).ok().contains("mine"));
}

/// Ends the daemon of the session `api` when it is dropped.
struct Daemon<'s>(&'s Stage);

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.0.cs(&["api", "daemon", "stop", "--any"]);
    }
}

#[test]
fn a_job_in_the_background_is_started_again_with_the_settings_it_began_with() {
    let Some(stage) = Stage::set() else { return };
    let version = ran(&mut stage.any_command(stage.claude.program(), stage.root(), &["--version"]));
    if version.ok().starts_with("2.1.1") {
        return skipped("this Claude Code has no daemon");
    }
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let (first, second) = (file(&stage, "first"), file(&stage, "second"));
    let _daemon = Daemon(&stage);
    let settings = |file: &Path| ["--settings".to_owned(), file.to_str().unwrap().to_owned()];
    let cs = |words: &[&str], file: &Path| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).chain(settings(file)).collect();
        stage.cs_in(&project, &words).ok()
    };
    let started =
        |name: &str| fs::read_to_string(stage.root().join(format!("started-{name}"))).unwrap_or_default();
    let _ = cs(&["api", "--bg", "SAY:hello"], &first);
    until("the job's first start", || started("first").contains("first").then_some(()));
    let jobs = stage.config_of("api").join("jobs");
    let job = until("the job's note", || {
        let jobs = fs::read_dir(&jobs).ok()?.flatten().find(|job| job.path().join("state.json").is_file())?;
        jobs.file_name().into_string().ok()
    });
    let _ = stage.cs_in(&project, &["api", "stop", &job]).ok();
    let _ = stage.cs_in(&project, &["api", "daemon", "stop", "--any"]).ok();
    until("the end of the job", || {
        let done =
            stage.cs_in(&project, &["api", "-p", "SAY:between", "--settings", second.to_str().unwrap()]);
        (done.code == Some(0)).then_some(())
    });
    assert!(started("second").contains("second"), "the control: another start has another file");
    let before = started("first").len();
    let _ = stage.cs_in(&project, &["api", "respawn", &job]).ok();
    until("the job's second start", || (started("first").len() > before).then_some(()));
    let note = fs::read_to_string(jobs.join(&job).join("state.json")).unwrap();
    assert!(!note.contains("not found"), "{note}");
}

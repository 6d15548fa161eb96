//! Claude's program: whether there is one, and whether it does what sessions rest on.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::{Fix, Kind, Report};
use super::machine::Machine;
use crate::claude::{self, DIRECTORY_VARIABLES, Proof, Verdict};
use crate::model::Isolation;
use crate::os;
use crate::store::CheckedProgram;
use crate::work::{enclosure, program};

/// Longer than a start takes on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn probe(machine: &Machine<'_>, report: &mut Report) {
    sandboxes(machine, report);
    let Some(program) = find(machine, report) else { return };
    path_entries(machine, &program, report);
    let Ok(real) = os::real_path(&program) else { return };
    let Some(unknown) = CheckedProgram::unknown(&real) else { return };
    let known = machine.store.and_then(|store| store.checked_program(&unknown));
    let proof = match known {
        Some(known) => {
            let verdict = |honoured| if honoured { Verdict::Honoured } else { Verdict::Ignored };
            Proof { version: known.version, config: verdict(known.config), login: verdict(known.login) }
        }
        None => match try_out(machine, &real) {
            Ok(proof) => {
                remember(machine, unknown, &proof);
                proof
            }
            Err(error) => {
                let why =
                    format!("{} could not be tried: {}", program.display(), crate::model::reason(&error));
                return report.blind("whether this Claude honours both directory variables", why);
            }
        },
    };
    judge(&program, &real, &proof, report);
}

/// Looks for what holds sandboxes, where anything is to be in one.
fn sandboxes(machine: &Machine<'_>, report: &mut Report) {
    let is_one = |method| method == Isolation::Sandbox;
    let wanted = machine.config.is_some_and(|config| is_one(config.isolation.method));
    let count = machine.sessions().filter(|patient| is_one(patient.session.isolation)).count();
    if !wanted && count == 0 {
        return;
    }
    match enclosure::refuse_elsewhere().and_then(|()| enclosure::working_engine(machine.context)) {
        Ok((engine, program, _)) => {
            report.checked(format!("what holds sandboxes: {} ({})", engine.program(), program.display()));
        }
        Err(failure) => {
            let hint = failure.hints.first().cloned().unwrap_or_default();
            report.add(Kind::SandboxImpossible, None, failure.message, None, Fix::Hand(hint));
        }
    }
}

/// Returns Claude's program, as the settings name it, or reports why there is none.
fn find(machine: &Machine<'_>, report: &mut Report) -> Option<PathBuf> {
    // Settings that cannot be read have been told; then the program is not known.
    let config = machine.config?;
    let failure = match program::claude_program(machine.context) {
        Ok(program) => return Some(program),
        Err(failure) => failure,
    };
    let named = Path::new(&config.claude);
    let candidates: Vec<PathBuf> = if named.is_absolute() {
        vec![named.to_path_buf()]
    } else {
        path_of(machine).into_iter().map(|directory| directory.join(named)).collect()
    };
    if let Some(file) = candidates.into_iter().find(|candidate| candidate.is_file()) {
        let fix = Fix::Hand(format!("chmod +x {}, or install Claude Code again", file.display()));
        report.add(Kind::ClaudeNotExecutable, None, "claude is there and cannot be run", Some(file), fix);
    } else {
        let hint = failure.hints.first().cloned().unwrap_or_default();
        let place = named.is_absolute().then(|| named.to_path_buf());
        report.add(Kind::ClaudeMissing, None, failure.message, place, Fix::Hand(hint));
    }
    None
}

fn path_of(machine: &Machine<'_>) -> Vec<PathBuf> {
    machine.context.variable("PATH").map(std::env::split_paths).into_iter().flatten().collect()
}

/// Looks at the directories that a shell looks through before it comes to this program.
fn path_entries(machine: &Machine<'_>, program: &Path, report: &mut Report) {
    let before =
        path_of(machine).into_iter().take_while(|directory| Some(directory.as_path()) != program.parent());
    for directory in before.collect::<Vec<_>>() {
        if !directory.is_absolute() {
            let shown = if directory.as_os_str().is_empty() { ".".into() } else { directory.clone() };
            let what = format!("PATH has the relative entry '{}' before claude", shown.display());
            report.add(Kind::PathRelative, None, what, None, Fix::Hand("take it out of PATH".into()));
            continue;
        }
        let real = os::real_path(&directory).ok();
        if real.and_then(|real| os::access(&real)).is_some_and(|access| access.mode & 0o002 != 0) {
            let what = "PATH has a directory before claude that everybody can write to";
            let fix = format!("chmod o-w {}, or take it out of PATH", directory.display());
            report.add(Kind::PathWritable, None, what, Some(directory), Fix::Hand(fix));
        }
    }
}

fn try_out(machine: &Machine<'_>, program: &Path) -> std::io::Result<Proof> {
    if std::io::stderr().is_terminal() {
        machine.context.say(&format!(
            "trying {} in a throw-away directory, without your login (once for each version) …",
            program.display()
        ));
    }
    claude::prove(program, &os::temporary_directory(), &machine.context.environment, PATIENCE)
}

fn remember(machine: &Machine<'_>, unknown: CheckedProgram, proof: &Proof) {
    let clear = |verdict: &Verdict| match verdict {
        Verdict::Honoured => Some(true),
        Verdict::Ignored => Some(false),
        Verdict::Named | Verdict::Unclear(_) => None,
    };
    let (Some(store), Some(config), Some(login)) = (machine.store, clear(&proof.config), clear(&proof.login))
    else {
        return;
    };
    // Where it cannot be remembered the next look tries again.
    let version = proof.version.clone();
    let _ = store.remember_program(CheckedProgram { version, config, login, ..unknown });
}

fn judge(program: &Path, real: &Path, proof: &Proof, report: &mut Report) {
    let version = proof.version.as_deref().unwrap_or("of unknown version");
    let (mut honoured, mut named) = (0, "");
    for (variable, verdict, kind) in [
        (DIRECTORY_VARIABLES[0], &proof.config, Kind::ConfigIgnored),
        (DIRECTORY_VARIABLES[1], &proof.login, Kind::LoginIgnored),
    ] {
        match verdict {
            Verdict::Honoured => honoured += 1,
            Verdict::Named => named = variable,
            Verdict::Ignored => {
                let held = claude::names(real, variable).unwrap_or(false);
                let detail =
                    if held { "its program holds the name" } else { "its program does not hold the name" };
                let what = format!("claude {version} does not honour {variable} ({detail})");
                let fix =
                    Fix::Hand("update Claude Code; where a script starts it, pass the variable on".into());
                report.add(kind, None, what, Some(program.to_path_buf()), fix);
            }
            Verdict::Unclear(why) => {
                report.blind(format!("whether claude {version} honours {variable}"), why.clone());
            }
        }
    }
    let mut honours = match honoured {
        0 => String::new(),
        1 => ", honours one directory variable".into(),
        _ => ", honours both directory variables".into(),
    };
    if !named.is_empty() {
        honours.push_str(&format!(", knows {named} (that cannot be tried here)"));
    }
    report.checked(format!("claude {version}: {}{honours}", program.display()));
}

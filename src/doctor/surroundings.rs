//! The surroundings of `cs`: this shell, its start-up files, the settings, other programs of its name.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::finding::{Fix, Kind, Report};
use super::machine::Machine;
use crate::claude::{CHILD_MARKERS, CREDENTIALS};
use crate::os;
use crate::shell::{Shell, word};
use crate::work::program::this_program;
use crate::work::start_up;

/// Files, below the home directory, in which people set variables.
const START_UP_FILES: &[&str] =
    &[".bash_profile", ".bashrc", ".config/fish/config.fish", ".profile", ".zprofile", ".zshenv", ".zshrc"];

pub(super) fn probe(machine: &Machine<'_>, report: &mut Report) {
    credentials(machine, report);
    config_directory(machine, report);
    start_up_files(machine, report);
    child(machine, report);
    function(machine, report);
    other_cs(machine, report);
    shim(machine, report);
    default_profile(machine, report);
    report.checked("this shell: variables, start-up files, the function, other programs called cs");
}

/// Reports variables that decide who is billed. Their values are nobody's business.
fn credentials(machine: &Machine<'_>, report: &mut Report) {
    let kept =
        |name: &str| machine.config.is_some_and(|config| config.env.keys().any(|key| key.as_str() == name));
    let set: Vec<&str> = CREDENTIALS
        .iter()
        .copied()
        .filter(|name| machine.context.variable(name).is_some() && !kept(name))
        .collect();
    if !set.is_empty() {
        let what = format!("this shell sets {}", set.join(", "));
        let fix = Fix::Hand(
            "to use it in sessions, name it in [env]: cs config edit, or cs profile edit NAME".into(),
        );
        report.add(Kind::EnvironmentCredential, None, what, None, fix);
    }
}

fn config_directory(machine: &Machine<'_>, report: &mut Report) {
    let Some(directory) = machine.context.variable("CLAUDE_CONFIG_DIR").map(PathBuf::from) else { return };
    // Within a session, or a profile, it is ours.
    if machine.context.variable("CS_PROFILE").is_some() {
        return;
    }
    let is_default =
        machine.home.as_ref().is_some_and(|home| os::is_same_file(&directory, &home.join(".claude")));
    if is_default {
        let fix = Fix::Hand("unset CLAUDE_CONFIG_DIR, and take it out of your start-up files".into());
        let what = "this shell sets CLAUDE_CONFIG_DIR to ~/.claude";
        return report.add(Kind::DefaultSet, None, what, Some(directory), fix);
    }
    let known = machine.profiles.values().find(|profile| profile.home.is(&directory));
    let fix = match known {
        Some(profile) => Fix::Command(format!("cs use {}, and cs off to be rid of it", profile.name)),
        None => Fix::Command(format!("cs profile adopt NAME {}", word(&directory.to_string_lossy()))),
    };
    let what = "this shell sets CLAUDE_CONFIG_DIR";
    report.add(Kind::EnvironmentConfigDir, None, what, Some(directory), fix);
}

/// Reports lines of start-up files that set `CLAUDE_CONFIG_DIR` to the default directory.
fn start_up_files(machine: &Machine<'_>, report: &mut Report) {
    let Some(home) = &machine.home else { return };
    for file in START_UP_FILES {
        let path = home.join(file);
        let Ok(Some(text)) = os::read_optional(&path) else { continue };
        let text = String::from_utf8_lossy(&text);
        if let Some(at) = text.lines().position(|line| sets_to_default(line, home)) {
            let fix = Fix::Hand("take the line out: without the variable Claude uses ~/.claude".into());
            let what = format!("line {} sets CLAUDE_CONFIG_DIR to ~/.claude", at + 1);
            report.add(Kind::DefaultSet, None, what, Some(path), fix);
        }
    }
}

/// Returns true if a line of a shell's sets `CLAUDE_CONFIG_DIR` to `~/.claude`, however it is spelled.
fn sets_to_default(line: &str, home: &Path) -> bool {
    let line = line.trim_start();
    if line.starts_with('#') {
        return false;
    }
    let Some((_, value)) = line.split_once("CLAUDE_CONFIG_DIR") else { return false };
    let value = value.trim_start_matches(['=', ' ', '\t']).trim_matches(|c| matches!(c, '"' | '\'' | ' '));
    let value = value.split([';', ' ', '"', '\'']).next().unwrap_or_default().trim_end_matches('/');
    ["~/.claude", "$HOME/.claude", "${HOME}/.claude"].contains(&value)
        || Path::new(value) == home.join(".claude")
}

/// Reports markers that a running Claude sets for its children.
fn child(machine: &Machine<'_>, report: &mut Report) {
    let set: Vec<&str> = CHILD_MARKERS
        .iter()
        .copied()
        .filter(|name| name.starts_with("CLAUDE") && machine.context.variable(name).is_some())
        .collect();
    let Some(first) = set.first() else { return };
    let more = if set.len() > 1 { format!(" and {} more", set.len() - 1) } else { String::new() };
    let what = format!("this shell was started by a Claude ({first}{more})");
    report.add(Kind::EnvironmentChild, None, what, None, Fix::Hand("open a terminal of its own".into()));
}

/// Reports that the shell function is missing or old. Only where a person sits at a terminal is there one to miss.
fn function(machine: &Machine<'_>, report: &mut Report) {
    if let Some(call) = &machine.context.shell.call {
        if !call.understands {
            let what = "the functions of this shell are older, or newer, than the program";
            let fix = Fix::Hand(format!("open a new terminal, or: exec {}", call.shell.name()));
            report.add(Kind::FunctionOld, None, what, None, fix);
        }
        return;
    }
    if !std::io::stderr().is_terminal() || !std::io::stdin().is_terminal() {
        return;
    }
    let Some(shell) = start_up::login_shell(machine.context) else { return };
    let file = start_up::shown_file(machine.context, shell);
    if has_line(machine, shell) {
        let what = "cs is the program here, and not the shell's function";
        let fix = Fix::Hand(format!("open a new terminal, or: exec {}", shell.name()));
        report.add(Kind::FunctionMissing, None, what, None, fix);
    } else {
        let what = format!("{file} does not load the function of cs");
        let fix = Fix::Command(format!("cs init {} --install", shell.name()));
        report.add(Kind::StartUpMissing, None, what, None, fix);
    }
}

/// Returns true if any start-up file loads the functions, as the line of `cs init --install` does or otherwise.
fn has_line(machine: &Machine<'_>, shell: Shell) -> bool {
    let Some(home) = &machine.home else { return false };
    let loads = |line: &str| {
        let line = line.trim_start();
        !line.starts_with('#') && line.contains("cs") && line.contains(&format!("init {}", shell.name()))
    };
    START_UP_FILES.iter().any(|file| {
        let text = os::read_optional(&home.join(file)).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&text).lines().any(loads)
    })
}

/// Reports other programs called `cs`.
fn other_cs(machine: &Machine<'_>, report: &mut Report) {
    let Ok(program) = this_program(machine.context) else { return };
    let path = machine.context.variable("PATH");
    let found = which::which_in_all("cs", path, "/").into_iter().flatten();
    let Some(other) = found.into_iter().find(|found| !os::is_same_file(found, &program)) else { return };
    let first = which::which_in("cs", path, "/").is_ok_and(|first| first == other);
    let what = if first {
        "another program called cs is found first on PATH"
    } else {
        "there is another program called cs on PATH"
    };
    let fix = Fix::Hand("remove one of them, or give this one another name: cs init SHELL --cmd NAME".into());
    report.add(Kind::CsElsewhere, None, what, Some(other), fix);
}

/// Reports a shim that is another program by now. A copy (Windows) cannot be told from one.
fn shim(machine: &Machine<'_>, report: &mut Report) {
    let Some(store) = machine.store else { return };
    let shim = store.shim_path();
    let Ok(program) = this_program(machine.context) else { return };
    if shim.is_symlink() && !os::is_same_file(&shim, &program) {
        let what = "the shim is not this program";
        let fix = Fix::Command("cs shim install".into());
        report.add(Kind::ShimOutdated, None, what, Some(shim), fix);
    }
}

fn default_profile(machine: &Machine<'_>, report: &mut Report) {
    let (Some(config), Some(store), Some(home)) = (machine.config, machine.store, &machine.home) else {
        return;
    };
    if matches!(store.profile(&config.default_profile, home), Ok(None)) {
        let what = format!("default_profile names '{}', which is gone", config.default_profile);
        let fix = Fix::Command("cs profile default NAME".into());
        report.add(Kind::DefaultProfileGone, None, what, machine.context.config_path().ok(), fix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_sets_the_default_directory_is_known_however_it_is_spelled() {
        let home = Path::new("/home/me");
        for line in [
            "export CLAUDE_CONFIG_DIR=~/.claude",
            "export CLAUDE_CONFIG_DIR=\"$HOME/.claude\"",
            "  CLAUDE_CONFIG_DIR='/home/me/.claude/'; export X",
            "set -gx CLAUDE_CONFIG_DIR $HOME/.claude",
            "export CLAUDE_CONFIG_DIR=${HOME}/.claude # mine",
        ] {
            assert!(sets_to_default(line, home), "{line}");
        }
        for line in [
            "# export CLAUDE_CONFIG_DIR=~/.claude",
            "export CLAUDE_CONFIG_DIR=~/.claude-work",
            "unset CLAUDE_CONFIG_DIR",
            "export OTHER=~/.claude",
            "alias work='CLAUDE_CONFIG_DIR=~/.claude-work claude'",
        ] {
            assert!(!sets_to_default(line, home), "{line}");
        }
    }
}

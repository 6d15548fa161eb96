//! The files that packagers install: completion scripts and manual pages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::world::{World, ran};
use crate::support::{
    needed,
    tools::{Sandbox, shown},
};

#[test]
fn static_files_are_clean_and_know_no_path() {
    let (world, sandbox) = (World::new(), Sandbox::new());
    let file = |shell: &str| {
        let text = world.cs(&["completions", shell]).ok();
        assert!(!text.contains(World::cs_program().to_str().unwrap()), "{shell}: only the name is known");
        assert!(
            !text.contains("__CS_PROGRAM__") && !text.contains("__FAMILY__") && !text.contains("__NAME__")
        );
        sandbox.write(&format!("cs.{shell}"), &text)
    };
    let clean = |program: Option<PathBuf>, args: &[&str], file: &Path| {
        let Some(program) = program else { return };
        let output = sandbox.command(&program).args(args).arg(file).output().unwrap();
        let silent = output.stdout.is_empty() && output.stderr.is_empty();
        assert!(output.status.success() && silent, "{args:?} {}: {}", file.display(), shown(&output));
    };
    let (bash, zsh, fish) = (file("bash"), file("zsh"), file("fish"));
    clean(needed("shellcheck"), &["--shell=bash", "--enable=all", "--norc"], &bash);
    clean(needed("shfmt"), &["-ln", "bash", "-i", "4", "-d"], &bash);
    clean(needed("zsh"), &["-f", "-n"], &zsh);
    clean(needed("fish"), &["--no-config", "--no-execute"], &fish);
    assert!(fs::read_to_string(zsh).unwrap().starts_with("#compdef cs\n"), "else compinit does not see it");
    assert!(fs::read_to_string(file("powershell")).unwrap().is_ascii());
    assert!(fs::read_to_string(file("powershell")).unwrap().contains("Register-ArgumentCompleter"));
    assert!(world.cs(&["completions", "nushell"]).fails(2).contains("bash, zsh, fish, powershell"));
    assert!(world.cs(&["completions", "tcsh"]).fails(2).contains("powershell"));
}

#[test]
fn every_command_has_a_manual_page_that_everybody_may_read() {
    let world = World::new();
    let printed = world.cs(&["man"]).ok();
    assert!(printed.contains(".TH cs 1 ") && printed.contains("cs\\-profile(1)"), "{printed}");
    let directory = world.home().join("share/my man");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("cs.1"), "an older one").unwrap();
    fs::write(directory.join("other.1"), "not ours").unwrap();
    let said = world.cs(&["man", "share/my man"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    let mut expected: Vec<String> = Vec::new();
    pages(&<claude_cs::cli::Cli as clap::CommandFactory>::command(), "cs", &mut expected);
    assert!(expected.contains(&"cs-profile-create.1".into()), "the control");
    assert!(said.stderr.contains(&format!("wrote {} manual pages", expected.len())), "{}", said.stderr);
    let mut found: Vec<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    expected.push("other.1".into());
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(fs::read_to_string(directory.join("cs.1")).unwrap(), printed);
    assert_eq!(fs::read_to_string(directory.join("other.1")).unwrap(), "not ours");
    let made = directory.join("cs-list.1").metadata().unwrap();
    assert_ne!(made.permissions().mode() & 0o044, 0, "unlike what cs keeps for itself");
    assert!(world.cs(&["man", "share/my man/cs.1"]).fails(1).contains("cs.1"));

    let Some(mandoc) = needed("mandoc") else { return };
    for page in found.iter().filter(|page| *page != "other.1") {
        let lint =
            world.any_command(&mandoc, &directory, &["-T", "lint", "-W", "error", page]).output().unwrap();
        assert!(lint.status.success(), "{page}: {}", shown(&lint));
    }
    let examples = ran(&mut world.any_command(&mandoc, &directory, &["-T", "ascii", "cs-open.1"])).ok();
    assert!(examples.contains("cs open api        "), "examples keep their columns: {examples}");
}

/// The pages of `command` and of what is below it.
fn pages(command: &clap::Command, name: &str, found: &mut Vec<String>) {
    found.push(format!("{name}.1"));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(below, &format!("{name}-{}", below.get_name()), found);
    }
}

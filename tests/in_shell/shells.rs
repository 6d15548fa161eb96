//! The shells, and scripts that all of them can be given.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::support::needed;
use crate::support::world::{Ran, World, ran};

/// A shell, and what its user may have done before our line is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sh {
    pub(crate) what: &'static str,
    pub(crate) name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    prelude: &'static str,
}

const fn sh(
    what: &'static str,
    name: &'static str,
    arguments: &'static [&'static str],
    prelude: &'static str,
) -> Sh {
    Sh { what, name, program: name, arguments, prelude }
}

const STRICT_BASH: &str = "set -euo pipefail -C; shopt -s failglob extglob; IFS=,";
const STRICT_ZSH: &str = "setopt errexit nounset pipefail noclobber ksharrays shwordsplit globsubst rcquotes nomatch \
     extendedglob magicequalsubst interactivecomments banghist warncreateglobal cshjunkiequotes; IFS=,";
const ALIASES: &str = "alias cs='echo alias' csn='echo alias' cd='echo alias' ls='echo alias' command='echo alias' \
     local='echo alias' builtin='echo alias' printf='echo alias' typeset='echo alias' \
     return='echo alias' export='echo alias' unset='echo alias' print='echo alias' read='echo alias'";

const PLAIN: [Sh; 3] = [
    sh("bash", "bash", &["--norc", "--noprofile"], ""),
    sh("zsh", "zsh", &["-f"], ""),
    sh("fish", "fish", &["--no-config"], ""),
];

const HOSTILE: [Sh; 9] = [
    sh("bash, strict", "bash", &["--norc"], STRICT_BASH),
    sh("bash, posix", "bash", &["--posix"], "set -eu"),
    sh("bash, aliases", "bash", &["--norc"], "shopt -s expand_aliases"),
    sh(
        "bash, command overridden",
        "bash",
        &["--norc"],
        "command() { echo overridden; }; cd() { echo overridden; }",
    ),
    sh("zsh, strict", "zsh", &["-f"], STRICT_ZSH),
    sh("zsh, ksh emulation", "zsh", &["--emulate", "ksh", "-f"], ""),
    sh("zsh, aliases", "zsh", &["-f"], ""),
    sh(
        "zsh, command overridden",
        "zsh",
        &["-f"],
        "function command { echo overridden }; function cd { echo overridden }",
    ),
    sh(
        "fish, aliases",
        "fish",
        &["--no-config"],
        "for name in cs csn ls; alias $name='echo alias'; end; function cd; echo overridden; end",
    ),
];

impl Sh {
    /// The whole script: what the user did, our line, and `body`. There `{?}` is the status.
    pub(crate) fn script(&self, body: &str) -> String {
        let prelude = match self.what {
            "bash, aliases" | "zsh, aliases" => format!("{}\n{ALIASES}", self.prelude),
            _ => self.prelude.to_owned(),
        };
        format!("{prelude}\n{}\n{body}\n", self.line())
    }

    /// The line of a start-up file.
    pub(crate) fn line(&self) -> String {
        match self.name {
            "fish" => "command cs init fish | source".to_owned(),
            name => format!("eval \"$(\\cs init {name})\""),
        }
    }

    /// Runs that script in `directory`.
    pub(crate) fn run(&self, world: &World, directory: &Path, body: &str) -> Ran {
        self.run_text(world, directory, &self.script(body))
    }

    /// Runs a script that is complete as it is.
    pub(crate) fn run_text(&self, world: &World, directory: &Path, text: &str) -> Ran {
        let file = world.root().join("tmp").join(format!("script-{}", uuid::Uuid::now_v7()));
        fs::write(&file, text).unwrap();
        let program = needed(self.program).expect("it was there when the test began");
        let arguments = self.arguments.iter().map(OsString::from).chain([file.into()]).collect::<Vec<_>>();
        ran(&mut world.any_command(&program, directory, &arguments))
    }

    /// The command line of the shell, with nothing of its user's.
    pub(crate) fn plainly(&self) -> &'static str {
        match self.name {
            "bash" => "bash --norc",
            "zsh" => "zsh -f",
            _ => "fish --no-config",
        }
    }

    /// A statement that does `command` whatever its status is, which a strict shell would end at.
    pub(crate) fn anyway(&self, command: &str) -> String {
        match self.name {
            "fish" => format!("{command}; builtin printf 'status %s\\n' $status"),
            _ => format!("if {command}; then \\builtin echo status 0; else \\builtin echo status $?; fi"),
        }
    }
}

/// Runs `check` in each plain shell that is installed, with `cs` on the `PATH` of a fresh world.
pub(crate) fn in_plain_shells(check: impl FnMut(&Sh, &mut World)) {
    in_shells(&PLAIN, check);
}

/// Runs `check` in each shell, plain and with what people do to it.
pub(crate) fn everywhere(check: impl FnMut(&Sh, &mut World)) {
    in_shells(&[&PLAIN[..], &HOSTILE[..]].concat(), check);
}

fn in_shells(shells: &[Sh], mut check: impl FnMut(&Sh, &mut World)) {
    for sh in shells {
        if needed(sh.program).is_some() {
            let mut world = World::with_fake_claude();
            add_cs(&world);
            check(sh, &mut world);
        }
    }
}

/// Puts `cs` on the `PATH` of `world`.
pub(crate) fn add_cs(world: &World) -> PathBuf {
    let path = world.bin().join("cs");
    std::os::unix::fs::symlink(World::cs_program(), &path).unwrap();
    path
}

/// What `env -0` wrote into `file`: the environment, without what belongs to the very command.
pub(crate) fn environment(file: &Path) -> BTreeMap<OsString, OsString> {
    let bytes = fs::read(file).unwrap();
    let pairs = bytes.split(|byte| *byte == 0).filter(|pair| !pair.is_empty());
    let mut environment: BTreeMap<OsString, OsString> = pairs
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').expect("NAME=value");
            (OsString::from_vec(pair[..at].to_vec()), OsString::from_vec(pair[at + 1..].to_vec()))
        })
        .collect();
    environment.remove(std::ffi::OsStr::new("_"));
    environment
}

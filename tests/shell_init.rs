//! What `cs init SHELL` prints: as text, to linters, and to the shells themselves.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test panics where its world is not as set up")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use claude_cs::model::EnvChanges;
use claude_cs::shell::{CALLED_FROM, InitOptions, Shell};
use support::snapshots::assert_snapshot;
use support::{
    needed, optional,
    tools::{Sandbox, shown},
};

const SHELLS: [Shell; 4] = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell];

/// A path that no shell takes as it is: blank, both quotes, `$`, backslash, more than ASCII, and
/// something that looks like a token of the scripts.
const HOSTILE: &str = "/opt/it's a \"$HOME\"\\ {__CS_PROGRAM__} caf\u{e9} \u{2019}/cs";

/// What `cs init` takes without options.
fn all<'a>(cmd: &'a str, program: &'a Path) -> InitOptions<'a> {
    InitOptions { cmd, aliases: true, hook: true, wrap: true, completion: true, program }
}

fn init(shell: Shell, cmd: &str, aliases: bool, program: &Path) -> String {
    shell.init(&InitOptions { aliases, ..all(cmd, program) }).unwrap()
}

/// The functions alone.
fn bare(shell: Shell, program: &Path) -> String {
    shell.init(&InitOptions { hook: false, wrap: false, completion: false, ..all("cs", program) }).unwrap()
}

/// Every text there is to look at: each shell with each option, and a path that needs quoting.
fn renders(shell: Shell) -> Vec<(&'static str, String)> {
    vec![
        ("default", init(shell, "cs", true, Path::new("/opt/cs/bin/cs"))),
        ("no_aliases", init(shell, "cs", false, Path::new("/opt/cs/bin/cs"))),
        ("cmd_ccs", init(shell, "ccs", true, Path::new("/opt/cs/bin/cs"))),
        ("hostile_path", init(shell, "my-cs", true, Path::new(HOSTILE))),
        ("bare", bare(shell, Path::new("/opt/cs/bin/cs"))),
    ]
}

#[test]
fn the_text_is_as_it_was_reviewed() {
    for shell in SHELLS {
        for (what, text) in renders(shell) {
            assert_snapshot!(format!("{}_{what}", shell.name()), text);
        }
    }
}

#[test]
fn no_token_is_left_in_any_text() {
    for shell in SHELLS {
        for (what, text) in renders(shell) {
            let left = text.replace("{__CS_PROGRAM__}", "");
            let token = what != "hostile_path" && text.contains("__CS_PROGRAM__");
            assert!(
                !token && !["__NAME__", "__COMMAND__", "__FAMILY__"].iter().any(|token| left.contains(token)),
                "{what}: {text}"
            );
        }
    }
}

// ---- the text in real shells -------------------------------------------------------------------

/// A stand-in for the program. It appends to `calls`, each ended by a NUL: how many arguments it
/// got, what `CS_SHELL` was, and the arguments.
const PROGRAM: &str = r#"#!/bin/sh
printf '%s\0' "$#" "${CS_SHELL-absent}" >>"$CALLS"
for word in "$@"; do printf '%s\0' "$word"; done >>"$CALLS"
case ${1-} in
exit) exit "$2" ;;
kill) kill -TERM "$$" ;;
cat) cat ;;
esac
"#;

/// A stand-in program at a hostile path, and the text that defines functions for it.
struct World {
    sandbox: Sandbox,
    program: PathBuf,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let program = sandbox.write_program(HOSTILE.trim_start_matches('/'), PROGRAM);
        Self { sandbox, program }
    }

    /// Writes the text of `shell` to the file `init`.
    fn init(&self, shell: Shell, cmd: &str, aliases: bool) {
        self.sandbox.write("init", &init(shell, cmd, aliases, &self.program));
    }

    fn calls_file(&self) -> PathBuf {
        self.sandbox.work().join("calls")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = self.sandbox.command(program);
        command.env("CALLS", self.calls_file());
        command
    }

    fn run<A: AsRef<OsStr>>(&self, program: &Path, args: &[A], script: &str) -> Output {
        let script = self.sandbox.write("script", script);
        self.command(program).args(args).arg(script).output().unwrap()
    }

    /// What the program was called with since the last time: `CS_SHELL` first (without the process
    /// id in it), then the arguments.
    fn calls(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.calls_file()).unwrap_or_default();
        let _ = fs::remove_file(self.calls_file());
        let mut words = text.split_terminator('\0').map(String::from);
        let mut calls = Vec::new();
        while let Some(count) = words.next() {
            let mut call: Vec<String> = words.by_ref().take(1 + count.parse::<usize>().unwrap()).collect();
            let [shell, protocol, pid, family] = call[0].split(':').collect::<Vec<_>>()[..] else {
                panic!("{call:?}")
            };
            assert!(pid.parse::<u32>().is_ok_and(|pid| pid > 1), "{call:?}");
            call[0] = format!("{shell}:{protocol}:{family}");
            calls.push(call);
        }
        calls
    }
}

/// The calls of [`World::calls`], from the words of each.
fn expected(shell: Shell, calls: &[&[&str]]) -> Vec<Vec<String>> {
    let caller = format!("{}:1:cs", shell.name());
    calls
        .iter()
        .map(|words| [caller.as_str()].iter().chain(*words).map(|word| (*word).to_owned()).collect())
        .collect()
}

/// A shell, and what a user may have done to it before our line is reached.
struct Setting {
    name: &'static str,
    shell: Shell,
    program: &'static str,
    args: &'static [&'static str],
    prelude: &'static str,
    /// Whether a function may have a `-` in its name here.
    dashes: bool,
}

const fn setting(
    name: &'static str,
    shell: Shell,
    program: &'static str,
    args: &'static [&'static str],
    prelude: &'static str,
) -> Setting {
    Setting { name, shell, program, args, prelude, dashes: true }
}

const POSIX_ALIASES: &str = "alias cs='echo alias' csn='echo alias' cs-list='echo alias' cs-resume='echo alias' \
     csl='echo alias' claude='echo alias' command='echo alias' local='echo alias' builtin='echo alias' \
     unalias='echo alias' true='echo alias' new='echo alias' list='echo alias' cd='echo alias' ls='echo alias' \
     declare='echo alias' typeset='echo alias' return='echo alias' \
     shift='echo alias' read='echo alias' break='echo alias' continue='echo alias' print='echo alias' \
     emulate='echo alias' complete='echo alias' compdef='echo alias' unset='echo alias' export='echo alias'";

fn settings() -> Vec<Setting> {
    let strict_bash = "set -euo pipefail -C; shopt -s failglob extglob; IFS=,";
    let strict_zsh = "setopt errexit nounset pipefail noclobber ksharrays shwordsplit globsubst rcquotes nomatch \
                      extendedglob magicequalsubst interactivecomments banghist; IFS=,";
    let mut all = vec![
        setting("bash", Shell::Bash, "bash", &["--norc", "--noprofile"], ""),
        setting("bash, strict", Shell::Bash, "bash", &["--norc", "--noprofile"], strict_bash),
        setting("bash, aliases", Shell::Bash, "bash", &["--norc"], "shopt -s expand_aliases"),
        setting(
            "bash, array PROMPT_COMMAND",
            Shell::Bash,
            "bash",
            &["--norc", "--noprofile"],
            "PROMPT_COMMAND=('echo a' 'echo b; ')",
        ),
        setting(
            "bash, PROMPT_COMMAND that ends in ;",
            Shell::Bash,
            "bash",
            &["--norc", "--noprofile"],
            "set -eu; PROMPT_COMMAND='echo a; '",
        ),
        setting(
            "bash, command overridden",
            Shell::Bash,
            "bash",
            &["--norc", "--noprofile"],
            "command() { echo overridden; }; cd() { echo overridden; }; type() { echo overridden; }",
        ),
        setting(
            "zsh, command overridden",
            Shell::Zsh,
            "zsh",
            &["-f"],
            "function command { echo overridden }; function cd { echo overridden }; setopt warncreateglobal",
        ),
        Setting { dashes: false, ..setting("bash --posix", Shell::Bash, "bash", &["--posix"], "set -eu") },
        setting("zsh", Shell::Zsh, "zsh", &["-f"], ""),
        setting("zsh, strict", Shell::Zsh, "zsh", &["-f"], strict_zsh),
        setting("zsh, ksh emulation", Shell::Zsh, "zsh", &["--emulate", "ksh", "-f"], ""),
        setting("zsh, aliases", Shell::Zsh, "zsh", &["-f"], ""),
        setting(
            "zsh, global aliases",
            Shell::Zsh,
            "zsh",
            &["-f"],
            "alias -g cs='echo alias' csn='echo alias' cs-list='echo alias' csl='echo alias' new=NEW list=LIST last=LAST; alias -s cs=echo",
        ),
        setting("fish", Shell::Fish, "fish", &["--no-config"], ""),
        setting(
            "fish, aliases",
            Shell::Fish,
            "fish",
            &["--no-config"],
            "for name in cs csn cs-list cs-resume csl claude; alias $name='echo alias'; abbr --add $name 'echo abbr'; end",
        ),
    ];
    // The list of aliases is long enough to be said once.
    for setting in &mut all {
        if setting.name.ends_with("h, aliases") && setting.shell != Shell::Fish {
            setting.prelude = match setting.shell {
                Shell::Bash => Box::leak(format!("{}\n{POSIX_ALIASES}", setting.prelude).into_boxed_str()),
                _ => POSIX_ALIASES,
            };
        }
    }
    all
}

impl Setting {
    /// The line a user has in the start-up file.
    fn line(&self) -> &'static str {
        match self.shell {
            Shell::Fish => "cat init | source",
            _ => "eval \"$(cat init)\"",
        }
    }

    fn status(&self) -> &'static str {
        if self.shell == Shell::Fish { "$status" } else { "$?" }
    }
}

/// Runs `check` in every setting whose shell is installed.
fn everywhere(mut check: impl FnMut(&Setting, &Path, &World)) {
    for setting in settings() {
        if let Some(program) = needed(setting.program) {
            check(&setting, &program, &World::new());
        }
    }
}

#[test]
fn sourcing_is_silent_and_leaves_status_0() {
    everywhere(|setting, program, world| {
        for (cmd, aliases) in [("cs", true), ("cs", false), ("ccs", true), ("my-cs", true)] {
            world.init(setting.shell, cmd, aliases);
            let (line, status) = (setting.line(), setting.status());
            let script = format!("{}\n{line}\nprintf '%s' \"{status}\"\n{line}\n{line}\n", setting.prelude);
            let output = world.run(program, setting.args, &script);
            assert!(output.status.success(), "{}: {}", setting.name, shown(&output));
            assert_eq!(output.stdout, b"0", "{}: {}", setting.name, shown(&output));
            assert!(output.stderr.is_empty(), "{}: {}", setting.name, shown(&output));
            assert!(world.calls().is_empty(), "{}: the program was run", setting.name);
        }
    });
}

#[test]
fn the_functions_hand_every_argument_on_as_it_is() {
    everywhere(|setting, program, world| {
        world.init(setting.shell, "cs", true);
        let line = setting.line();
        let newline = if setting.shell == Shell::Fish { "two\\nlines" } else { "'two\nlines'" };
        let (list, resume) = if setting.dashes { ("cs-list --json", "cs-resume api") } else { ("", "") };
        let script = format!(
            "{}\n{line}\ncs\ncs plain 'two  words' '' -- '*' '$HOME' '`x`' -h --help -- a=b '~' 'a,b' {newline} 'back\\\\' ''\n\
             csn api -w x\n{list}\n{resume}\ncsl ''\n",
            setting.prelude
        );
        let output = world.run(program, setting.args, &script);
        assert!(output.status.success() && output.stderr.is_empty(), "{}: {}", setting.name, shown(&output));
        let back = if setting.shell == Shell::Fish { "back\\" } else { "back\\\\" };
        let words = [
            "plain",
            "two  words",
            "",
            "--",
            "*",
            "$HOME",
            "`x`",
            "-h",
            "--help",
            "--",
            "a=b",
            "~",
            "a,b",
            "two\nlines",
            back,
            "",
        ];
        let mut calls: Vec<&[&str]> = vec![&[], &words, &["new", "api", "-w", "x"]];
        if setting.dashes {
            calls.extend([&["list", "--json"][..], &["resume", "api"]]);
        }
        calls.push(&["last", ""]);
        assert_eq!(world.calls(), expected(setting.shell, &calls), "{}: {}", setting.name, shown(&output));
    });
}

#[test]
fn status_signal_and_input_of_the_program_pass_through() {
    everywhere(|setting, program, world| {
        world.init(setting.shell, "cs", true);
        let (line, status) = (setting.line(), setting.status());
        // Strict shells end at a command that fails, so it is asked in a condition.
        let ask = |command: &str| match setting.shell {
            Shell::Fish => format!("{command}; printf '%s ' {status}\n"),
            _ => format!("if {command}; then printf '0 '; else printf '%s ' \"{status}\"; fi\n"),
        };
        let script = [
            setting.prelude,
            "\n",
            line,
            "\n",
            &ask("cs exit 0"),
            &ask("cs exit 7"),
            &ask("cs exit 127"),
            &ask("cs kill"),
        ]
        .concat()
            + "printf 'in and out' | cs cat\n";
        let output = world.run(program, setting.args, &script);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(printed, "0 7 127 143 in and out", "{}: {}", setting.name, shown(&output));
    });
}

#[test]
fn a_strict_shell_ends_where_the_program_fails() {
    everywhere(|setting, program, world| {
        if !setting.prelude.contains("-eu") && !setting.prelude.contains("errexit") {
            return;
        }
        world.init(setting.shell, "cs", true);
        let script = format!("{}\n{}\ncs exit 9\necho not reached\n", setting.prelude, setting.line());
        let output = world.run(program, setting.args, &script);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(9), &b""[..]), "{}", setting.name);
    });
}

#[test]
fn what_a_call_sets_is_there_for_the_call_only() {
    everywhere(|setting, program, world| {
        world.init(setting.shell, "cs", true);
        let see = match setting.shell {
            Shell::Fish => "set -q CS_SHELL; or set -q __cs_program; or printf absent",
            _ => "printf %s \"${CS_SHELL-}${__cs_program-}absent\"",
        };
        let child = "sh -c 'printf %s \" ${CS_SHELL-absent}\"'";
        let script = format!("{}\n{}\ncs x\n{see}\n{child}\n", setting.prelude, setting.line());
        let output = world.run(program, setting.args, &script);
        assert_eq!(output.stdout, b"absent absent", "{}: {}", setting.name, shown(&output));
        assert_eq!(world.calls(), expected(setting.shell, &[&["x"]]), "{}", setting.name);
    });
    assert_eq!(CALLED_FROM, "CS_SHELL");
}

/// Prints all that a shell knows which our text could change, except functions.
fn state(setting: &Setting) -> &'static str {
    match setting.program {
        "bash" => {
            "alias; shopt -p; set +o; compgen -v; trap; complete -p 2>/dev/null; export -p | grep -v ' _='; \
             declare -p PROMPT_COMMAND 2>/dev/null || :"
        }
        "zsh" => {
            "\\builtin alias -L; setopt; print -l ${(ok)parameters}; trap; export; \
             typeset -p precmd_functions chpwd_functions 2>/dev/null || :"
        }
        _ => "set --names; abbr --show; complete; bind 2>/dev/null; trap",
    }
}

#[test]
fn sourcing_again_changes_nothing_and_the_first_time_only_adds_functions() {
    everywhere(|setting, program, world| {
        if setting.prelude.contains("alias") {
            return; // taking those away is the change
        }
        world.init(setting.shell, "cs", true);
        world.sandbox.write("bare", &bare(setting.shell, &world.program));
        let line = setting.line();
        let bare_line = line.replace("init", "bare");
        let names = "cs csn cs-list cs-resume csl claude __cs_run __cs_call __cs_change __cs_bound __cs_hook";
        let bodies = match setting.program {
            "bash" => "declare -f".to_owned(),
            "zsh" => "functions".to_owned(),
            _ => format!("functions --all --names; for name in {names}; functions $name; end"),
        };
        let (state, prelude) = (state(setting), setting.prelude);
        // grep is not on the PATH of a sandbox; a function of the shell stands in.
        let grep = if setting.program == "bash" {
            "grep() { while IFS= read -r line; do case $line in *' _='*) ;; *) printf '%s\\n' \"$line\" ;; esac; done; }\n"
        } else {
            ""
        };
        let (open, close) = if setting.shell == Shell::Fish { ("begin", "end") } else { ("{", "}") };
        let script = format!(
            "{grep}{prelude}\n{open}\n{state}\n{close} >state-0\n{bare_line}\n\
             {open}\n{state}\n{close} >state-bare\n{line}\n\
             {open}\n{state}\n{close} >state-1\n{open}\n{bodies}\n{close} >functions-1\n{line}\n{line}\n\
             {open}\n{state}\n{close} >state-3\n{open}\n{bodies}\n{close} >functions-3\n"
        );
        let output = world.run(program, setting.args, &script);
        assert!(output.status.success(), "{}: {}", setting.name, shown(&output));
        let read = |name: &str| fs::read_to_string(world.sandbox.work().join(name)).unwrap();
        assert!(!read("state-0").is_empty() && read("functions-1").contains("__cs_run"), "{}", setting.name);
        assert_eq!(read("state-0"), read("state-bare"), "{}", setting.name);
        assert_eq!(read("state-1"), read("state-3"), "{}", setting.name);
        assert_eq!(read("functions-1"), read("functions-3"), "{}", setting.name);
    });
}

#[test]
fn other_aliases_stay_and_ours_no_longer_hide_the_functions() {
    everywhere(|setting, program, world| {
        if !setting.name.ends_with("h, aliases") {
            return;
        }
        world.init(setting.shell, "cs", true);
        let script = format!(
            "{}\n{}\nclaude kept\ncs x\ncsn y\ncs-list\ncs-resume\ncsl\n",
            setting.prelude,
            setting.line()
        );
        let output = world.run(program, setting.args, &script);
        assert_eq!(output.stdout, b"alias kept\n", "{}: {}", setting.name, shown(&output));
        assert_eq!(world.calls().len(), 5, "{}", setting.name);
    });
}

#[test]
fn aliases_do_no_harm_where_bash_reads_the_whole_text_before_it_runs() {
    let Some(bash) = needed("bash") else { return };
    let world = World::new();
    world.init(Shell::Bash, "cs", true);
    let script = format!(
        "shopt -s expand_aliases\n{POSIX_ALIASES}\neval \"if :; then\n$(cat init)\nfi\"\ncs x\ncsn y\ncs-list\n"
    );
    let output = world.run(&bash, &["--norc"], &script);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", shown(&output));
    assert_eq!(
        world.calls(),
        expected(Shell::Bash, &[&["x"], &["new", "y"], &["list"]]),
        "{}",
        shown(&output)
    );
}

#[test]
fn fish_abbreviations_of_our_names_are_gone_and_others_stay() {
    let Some(fish) = needed("fish") else { return };
    let world = World::new();
    world.init(Shell::Fish, "cs", true);
    let script = "for name in cs csn cs-list cs-resume csl mine; abbr --add $name 'echo abbr'; end\n\
                  cat init | source\nabbr --list\n";
    let output = world.run(&fish, &["--no-config"], script);
    assert_eq!(output.stdout, b"mine\n", "{}", shown(&output));
}

#[test]
fn names_follow_cmd_and_short_forms_can_be_left_out() {
    everywhere(|setting, program, world| {
        if !setting.prelude.is_empty() || !setting.dashes {
            return;
        }
        let ask = |name: &str| match setting.shell {
            Shell::Fish => format!("functions --query {name}; and printf '{name} '\n"),
            Shell::Zsh => format!("[[ $(whence -w {name}) == *': function' ]] && printf '{name} '\n"),
            _ => format!("declare -F {name} >/dev/null && printf '{name} '\n"),
        };
        let asked: String =
            ["cs", "csn", "cs-list", "cs-resume", "csl", "ccs", "ccsn", "ccs-list", "ccs-resume", "ccsl"]
                .map(ask)
                .concat();
        for (cmd, aliases, defined) in [
            ("cs", true, "cs csn cs-list cs-resume csl "),
            ("cs", false, "cs "),
            ("ccs", true, "ccs ccsn ccs-list ccs-resume ccsl "),
            ("ccs", false, "ccs "),
        ] {
            world.init(setting.shell, cmd, aliases);
            let output = world.run(program, setting.args, &format!("{}\n{asked}", setting.line()));
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                defined,
                "{}: {}",
                setting.name,
                shown(&output)
            );
        }
    });
}

#[test]
fn the_function_survives_what_a_shell_does_to_its_variables() {
    everywhere(|setting, program, world| {
        world.init(setting.shell, "cs", true);
        let (set, lose) = match setting.shell {
            Shell::Fish => ("set -g __cs_program /nowhere", "set -e __cs_program"),
            _ => ("__cs_program=/nowhere", "unset __cs_program"),
        };
        let script = format!("{}\n{}\n{set}\ncs x\n{lose}\ncs y\n", setting.prelude, setting.line());
        let output = world.run(program, setting.args, &script);
        assert!(output.status.success() && output.stderr.is_empty(), "{}: {}", setting.name, shown(&output));
        assert_eq!(world.calls(), expected(setting.shell, &[&["x"], &["y"]]), "{}", setting.name);
    });
}

#[test]
fn a_program_that_is_gone_is_said_with_its_path() {
    everywhere(|setting, program, world| {
        world.init(setting.shell, "cs", true);
        fs::remove_file(&world.program).unwrap();
        let script = match setting.shell {
            Shell::Fish => format!("{}\n{}\ncs x; exit $status\n", setting.prelude, setting.line()),
            _ => format!("{}\n{}\ncs x\n", setting.prelude, setting.line()),
        };
        let output = world.run(program, setting.args, &script);
        assert_eq!(output.status.code(), Some(127), "{}: {}", setting.name, shown(&output));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("/cs"),
            "{}: {}",
            setting.name,
            shown(&output)
        );
    });
}

#[test]
fn powershell_runs_the_text_under_strict_mode() {
    let Some(pwsh) = optional("pwsh") else { return };
    let world = World::new();
    world.init(Shell::PowerShell, "cs", true);
    let script = world.sandbox.write(
        "script.ps1",
        "Set-StrictMode -Version Latest\n$ErrorActionPreference = 'Stop'\n\
         Set-Alias -Name cs -Value Get-Date -Option ReadOnly -Force\n\
         1..3 | ForEach-Object { Invoke-Expression (Get-Content -Raw -LiteralPath init) }\n\
         cs\ncs plain 'two  words' '--' '*' '$HOME' -h --help 'a''b'\ncsn api -w x\ncs-list --json\ncs-resume api\ncsl x\n\
         'in and out' | cs cat\ncs exit 7\n\"$LASTEXITCODE $(Test-Path -LiteralPath Env:/CS_SHELL)\"\n",
    );
    let args: [&OsStr; 4] =
        ["-NoProfile".as_ref(), "-NonInteractive".as_ref(), "-File".as_ref(), script.as_os_str()];
    let output = world.command(&pwsh).args(args).output().unwrap();
    assert_eq!(output.stdout, b"in and out\n7 False\n", "{}", shown(&output));
    let calls: &[&[&str]] = &[
        &[],
        &["plain", "two  words", "--", "*", "$HOME", "-h", "--help", "a'b"],
        &["new", "api", "-w", "x"],
        &["list", "--json"],
        &["resume", "api"],
        &["last", "x"],
        &["cat"],
        &["exit", "7"],
    ];
    assert_eq!(world.calls(), expected(Shell::PowerShell, calls), "{}", shown(&output));
}

// ---- the text and the files to linters ---------------------------------------------------------

/// The parts of which every shell has a file, by their names.
const PARTS: [&str; 8] =
    ["claude", "completion", "completion-name", "function", "hook", "prompt", "runtime", "short-form"];

/// The folder with the parts of `shell`.
fn folder(shell: Shell) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shells").join(shell.name())
}

/// What the names of the files of `shell` end in.
fn extension(shell: Shell) -> &'static str {
    if shell == Shell::PowerShell { "ps1" } else { shell.name() }
}

/// The names in `folder`, sorted.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The files in `folder`, all of which are code of `shell`. Fails with those that are something else,
/// as no linter would look at them.
fn stored(shell: Shell, folder: &Path) -> Result<Vec<PathBuf>, Vec<PathBuf>> {
    let is_code = |path: &PathBuf| path.is_file() && path.extension() == Some(OsStr::new(extension(shell)));
    let (code, others): (Vec<_>, Vec<_>) =
        names(folder).into_iter().map(|name| folder.join(name)).partition(is_code);
    if others.is_empty() { Ok(code) } else { Err(others) }
}

/// The stored files and, written to files in `rendered/`, the rendered texts.
fn to_lint(sandbox: &Sandbox, shell: Shell) -> Vec<PathBuf> {
    let rendered = renders(shell)
        .into_iter()
        .map(|(what, text)| sandbox.write(&format!("rendered/{what}.{}", extension(shell)), &text));
    stored(shell, &folder(shell)).unwrap().into_iter().chain(rendered).collect()
}

/// A file that a linter does not take, and what the linter says.
type Complaint = (PathBuf, String);

fn lint(sandbox: &Sandbox, program: &Path, args: &[&str], files: &[PathBuf]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        let output = sandbox.command(program).args(args).arg(file).output().unwrap();
        if !(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty()) {
            complaints.push((file.clone(), format!("{} {args:?}: {}", program.display(), shown(&output))));
        }
    }
    complaints
}

/// What the linters of `shell` that are installed say of `files`.
fn complaints(shell: Shell, sandbox: &Sandbox, files: &[PathBuf]) -> Vec<Complaint> {
    match shell {
        Shell::Bash => bash_complaints(sandbox, files),
        Shell::Zsh => zsh_complaints(sandbox, files),
        Shell::Fish => fish_complaints(sandbox, files),
        _ => powershell_complaints(files),
    }
}

fn bash_complaints(sandbox: &Sandbox, files: &[PathBuf]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if let Some(shellcheck) = needed("shellcheck") {
        for file in files {
            let except = match file.file_stem().and_then(OsStr::to_str) {
                // A constant is compared with a pattern.
                Some("function" | "short-form") => "--exclude=SC2050,SC2193",
                // PS1 is the user's.
                Some("prompt") => "--exclude=SC2154",
                // The `$` and the curly quote in the quoted path.
                Some("hostile_path") => "--exclude=SC2016,SC1112",
                _ => "--exclude=",
            };
            let args = ["--shell=bash", "--enable=all", "--norc", except];
            complaints.extend(lint(sandbox, &shellcheck, &args, std::slice::from_ref(file)));
        }
    }
    if let Some(shfmt) = needed("shfmt") {
        complaints.extend(lint(sandbox, &shfmt, &["-ln", "bash", "-i", "4", "-d"], files));
    }
    if let Some(bash) = needed("bash") {
        complaints.extend(lint(sandbox, &bash, &["--norc", "-n"], files));
        complaints.extend(lint(sandbox, &bash, &["--norc", "--posix", "-n"], files));
    }
    complaints
}

fn zsh_complaints(sandbox: &Sandbox, files: &[PathBuf]) -> Vec<Complaint> {
    let Some(zsh) = needed("zsh") else { return Vec::new() };
    let options = ["-f", "-o", "rcquotes", "-o", "ksharrays", "-o", "shwordsplit", "-n"];
    let mut complaints = lint(sandbox, &zsh, &["-f", "-n"], files);
    complaints.extend(lint(sandbox, &zsh, &options, files));
    complaints
}

fn fish_complaints(sandbox: &Sandbox, files: &[PathBuf]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if let Some(fish) = needed("fish") {
        complaints.extend(lint(sandbox, &fish, &["--no-config", "--no-execute"], files));
    }
    if let Some(fish_indent) = needed("fish_indent") {
        // It takes the quotes from a path that needs none; we quote always.
        let is_rendered = |file: &PathBuf| file.parent().is_some_and(|parent| parent.ends_with("rendered"));
        let as_formatted = |file: &&PathBuf| !is_rendered(file) || file.ends_with("hostile_path.fish");
        let files: Vec<PathBuf> = files.iter().filter(as_formatted).cloned().collect();
        complaints.extend(lint(sandbox, &fish_indent, &["--check"], &files));
    }
    complaints
}

fn powershell_complaints(files: &[PathBuf]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        if !parses_as_powershell(&text) {
            complaints.push((file.clone(), "does not parse".to_owned()));
        }
        let offences = powershell_offences(&text, &powershell_runtime());
        complaints.extend(offences.into_iter().map(|offence| (file.clone(), offence)));
    }
    complaints
}

#[test]
fn shellcheck_and_shfmt_have_nothing_to_say_of_the_bash_code() {
    let sandbox = Sandbox::new();
    assert_eq!(bash_complaints(&sandbox, &to_lint(&sandbox, Shell::Bash)), []);
}

#[test]
fn zsh_parses_the_zsh_code_whatever_its_options() {
    let sandbox = Sandbox::new();
    assert_eq!(zsh_complaints(&sandbox, &to_lint(&sandbox, Shell::Zsh)), []);
}

#[test]
fn fish_parses_the_fish_code_and_would_not_format_it_otherwise() {
    let sandbox = Sandbox::new();
    assert_eq!(fish_complaints(&sandbox, &to_lint(&sandbox, Shell::Fish)), []);
}

#[test]
fn every_shell_has_the_same_parts_under_the_same_names() {
    let shells = folder(Shell::Bash).parent().unwrap().to_path_buf();
    let mut expected: Vec<&str> = SHELLS.iter().map(|shell| shell.name()).collect();
    // `cs prompt starship` prints the second; its own test reads it as TOML.
    expected.extend(["README.md", "prompt-starship.toml"]);
    expected.sort_unstable();
    assert_eq!(names(&shells), expected);
    for shell in SHELLS {
        let mut parts = PARTS.to_vec();
        if shell == Shell::Zsh {
            parts.push("prompt-p10k");
        }
        let mut expected: Vec<String> =
            parts.iter().map(|part| format!("{part}.{}", extension(shell))).collect();
        expected.sort();
        assert_eq!(names(&folder(shell)), expected, "{shell:?}");
        assert_eq!(stored(shell, &folder(shell)).unwrap().len(), expected.len(), "{shell:?}");
    }
}

#[test]
fn a_broken_file_in_the_folder_of_a_shell_is_found_and_so_is_one_that_nothing_lints() {
    for shell in SHELLS {
        if shell != Shell::PowerShell && needed(shell.name()).is_none() {
            continue;
        }
        let sandbox = Sandbox::new();
        for file in stored(shell, &folder(shell)).unwrap() {
            let name = format!("copy/{}", file.file_name().unwrap().to_str().unwrap());
            sandbox.write(&name, &fs::read_to_string(&file).unwrap());
        }
        let copy = sandbox.work().join("copy");
        let fine = stored(shell, &copy).unwrap();
        assert_eq!(complaints(shell, &sandbox, &fine), [], "{shell:?}");

        let planted = format!("copy/planted.{}", extension(shell));
        for broken in ["'\n", "function f {\n"] {
            let planted = sandbox.write(&planted, broken);
            let files = stored(shell, &copy).unwrap();
            assert_eq!(files.len(), fine.len() + 1, "{shell:?}");
            let mut of: Vec<PathBuf> =
                complaints(shell, &sandbox, &files).into_iter().map(|(file, _)| file).collect();
            of.sort();
            of.dedup();
            assert_eq!(of, [planted], "{shell:?}: {broken:?}");
        }

        let stranger = sandbox.write("copy/planted.txt", "");
        assert_eq!(stored(shell, &copy), Err(vec![stranger]), "{shell:?}");
    }
}

/// What breaks PowerShell code in ways that its parser does not see, looked for in the text.
/// `others` is text of ours that has run before.
fn powershell_offences(text: &str, others: &str) -> Vec<String> {
    let mut offences = Vec::new();
    if !text.is_ascii() {
        offences.push("more than ASCII: Windows PowerShell reads it in the console's code page".to_owned());
    }
    let mut known: Vec<String> =
        ["", "args", "input", "myinvocation", "null", "pid", "true", "false"].map(String::from).to_vec();
    // Set when the text is read, or by the functions that read it.
    let globals = [others, text].concat();
    known.extend(globals.split('$').filter_map(|rest| rest.split_once(" = ")).filter_map(|(name, _)| {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
        (plain && name.starts_with("global:__")).then(|| name.to_ascii_lowercase())
    }));
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut offend = |what: &str| offences.push(format!("{what}: {line}"));
        let code = without_strings(line);
        if code.contains("[CmdletBinding") || code.to_ascii_lowercase().contains("param(") {
            offend("an advanced function takes arguments of cs for its own");
        }
        if code.contains(" -Path ") {
            offend("-Path takes patterns");
        }
        if code.contains("__cs_call ") {
            known.push("lastexitcode".to_owned()); // a program has run
        }
        if code.contains("return $") && !code.contains("return $true") && !code.contains("return $false") {
            offend("a value that is returned is printed");
        }
        if [" && ", " || ", "??", " ? "].iter().any(|new| code.contains(new)) {
            offend("Windows PowerShell 5.1 does not know this");
        }
        for word in code.split(|c: char| !c.is_ascii_alphanumeric() && !"-\\.".contains(c)) {
            let verb = ["Remove-", "Test-", "Write-", "Get-", "Set-", "Invoke-", "Out-", "New-"];
            if verb.iter().any(|verb| word.starts_with(verb)) {
                offend("a cmdlet without its module can be anything");
            }
        }
        for (at, _) in code.match_indices('$') {
            let name: String = code[at + 1..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "_:{".contains(*c))
                .collect();
            let name = name.to_ascii_lowercase();
            let after = code[at + 1 + name.len()..].trim_start();
            let assigned = after.starts_with("= ") && code[..at].trim().is_empty()
                || after.starts_with("in ") && code[..at].ends_with("foreach (");
            if assigned {
                known.push(name);
            } else if !name.starts_with("{env:") && !name.starts_with("{function:") && !known.contains(&name)
            {
                offend("under StrictMode a variable that was not assigned is an error");
            }
        }
    }
    offences
}

/// `line` with what is in single quotes left out.
fn without_strings(line: &str) -> String {
    line.split('\'').step_by(2).collect::<Vec<_>>().join("''")
}

/// The functions that all other PowerShell code of ours stands on.
fn powershell_runtime() -> String {
    fs::read_to_string(folder(Shell::PowerShell).join("runtime.ps1")).unwrap()
}

/// Everything that PowerShell is given.
fn powershell_texts() -> impl Iterator<Item = String> {
    let mut changes = EnvChanges::new();
    changes.set("A", "it's caf\u{e9} \u{2019}");
    changes.set("B", "");
    changes.unset("C");
    stored(Shell::PowerShell, &folder(Shell::PowerShell))
        .unwrap()
        .into_iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .chain(renders(Shell::PowerShell).into_iter().map(|(_, text)| text))
        .chain([Shell::PowerShell.render(&changes).unwrap()])
}

#[test]
fn the_powershell_code_keeps_the_rules_that_only_a_run_would_show() {
    for text in powershell_texts() {
        assert_eq!(powershell_offences(&text, &powershell_runtime()), Vec::<String>::new());
    }
}

#[test]
fn the_rules_for_powershell_notice_what_they_are_for() {
    for wrong in [
        "'caf\u{e9}'",
        "[CmdletBinding()]",
        "Remove-Item -LiteralPath 'Env:/A'",
        "Microsoft.PowerShell.Management\\Remove-Item -Path 'Env:/A'",
        "return $args",
        "if ($never) {",
        "if ($global:__cs_never) {",
        "if ($LASTEXITCODE -eq 0) {",
        "a && b",
    ] {
        let found = powershell_offences(wrong, "");
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
    }
}

/// Whether PowerShell's grammar has a place for everything in `text`.
fn parses_as_powershell(text: &str) -> bool {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    !parser.parse(text, None).unwrap().root_node().has_error()
}

#[test]
fn powershell_parses_the_powershell_code() {
    for text in powershell_texts() {
        assert!(parses_as_powershell(&text), "{text}");
        // That a mistake in this very text would be seen.
        assert!(!parses_as_powershell(&format!("{text}\n}}\n")), "{text}");
    }
    for wrong in ["function f {", "'open", "if $x { }", "a |", "x = (", "function f { param($a = ) }"] {
        assert!(!parses_as_powershell(wrong), "{wrong}");
    }
}

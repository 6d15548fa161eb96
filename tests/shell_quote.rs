//! What `cs` writes for a shell, that shell reads back as it was: thousands of hostile values,
//! through every shell that is installed, and no part of any of them runs.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test panics where its world is not as set up")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use claude_cs::model::{EnvChanges, Exit, VarName};
use claude_cs::shell::{Shell, dotenv};
use support::{
    needed, optional,
    tools::{Sandbox, shown},
};

/// Every hostile value tries to make this file.
const PAYLOAD: &str = "PWNED";

/// The same at least 7,000 different values each time, without control characters.
fn hostile_values() -> Vec<String> {
    let specials: Vec<char> = "'\"`$\\!*?[]{}()<>|&;#~=%^@+,.:/- _aZ0".chars().collect();
    let mut values: BTreeSet<String> = BTreeSet::new();
    values.extend(
        [
            "",
            " ",
            "  two  ",
            "-n",
            "--",
            "-e x",
            "=ls",
            "~",
            "~root",
            "~/x",
            "a=~",
            "{a,b}",
            "{1..3}",
            "!!",
            "!$",
            "%1",
            "%PATH%",
            "$HOME",
            "${HOME}",
            "$'\\x41'",
            "$\"x\"",
            "\\",
            "\\\\",
            "\\'",
            "'\\",
            "''",
            "'''",
            "\"\"",
            "C:\\dir\\",
            "trailing\\",
            "\\n",
            "\\0",
            "\\c",
            "%s%n",
            "$(",
            "${",
            "`",
            "((",
            "[[",
            "*",
            "**/*",
            "?(x)",
            "#comment",
            "a #b",
            "a;b",
            "a&b",
            "a|b",
            "x=(1)",
            "\u{2018}",
            "\u{2019}",
            "it\u{2019}s",
            "\u{201c}q\u{201d}",
            "caf\u{e9}",
            "cafe\u{301}",
            "\u{65e5}\u{672c}",
            "\u{1f600}",
            "\u{202e}rtl",
            "\u{200b}",
            "\u{feff}",
            "\u{a0}",
            "\u{2028}",
            "\u{fffd}",
            "\u{10ffff}",
            "\u{e000}",
            "\u{f6ff}",
        ]
        .map(String::from),
    );
    for make in [
        "$(echo >PWNED)",
        "`echo >PWNED`",
        "(echo >PWNED)",
        "{$(echo >PWNED)}",
        "$((a[$(echo >PWNED)]))",
        "${x:-$(echo >PWNED)}",
        "<(echo >PWNED)",
        "=(echo >PWNED)",
        "echo >PWNED",
        ">PWNED",
    ] {
        for (before, after) in [
            ("", ""),
            (";", ";"),
            ("'; ", "; '"),
            ("';", " #"),
            ("\\'; ", " #"),
            ("\\\\'; ", " #"),
            ("'\\''; ", " #"),
            ("\"; ", "; \""),
            ("\" ", " #"),
            ("& ", " &"),
            ("| ", " |"),
            ("|| ", ""),
            ("&& ", ""),
            ("'\"'\"'; ", "; '"),
            ("'\\; ", "; \\"),
            ("\u{2019}; ", "; \u{2019}"),
            (") ; ", " ; ("),
            ("} ; ", " ; {"),
            ("'' ; ", ""),
            (" ", " "),
        ] {
            values.insert(format!("{before}{make}{after}"));
        }
    }
    for a in &specials {
        values.insert(a.to_string());
        for b in &specials {
            values.insert(format!("{a}{b}"));
            values.insert(format!("x{a}{b}"));
            values.insert(format!("{a}{b}x"));
        }
    }
    let more: Vec<char> =
        specials.iter().copied().chain("\u{2018}\u{2019}\u{201c}\u{e9}\u{65e5}\u{1f600}".chars()).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    while values.len() < 7_500 {
        let length = 3 + next() % 14;
        values.insert((0..length).map(|_| more[next() % more.len()]).collect());
    }
    values.into_iter().collect()
}

fn set(value: &str) -> EnvChanges {
    let mut changes = EnvChanges::new();
    changes.set("V", value);
    changes
}

/// A way to run a shell on a file.
struct Mode {
    name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    /// Lines before the values.
    prelude: &'static str,
    /// How the lines of the file `$1` are run.
    run: &'static str,
    locale: &'static str,
}

const fn mode(
    name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    prelude: &'static str,
) -> Mode {
    Mode { name, program, args, prelude, run: ". ./values", locale: "C.UTF-8" }
}

const BASH: &[&str] = &["--norc", "--noprofile"];
const EVAL: &str = "eval \"$(cat values)\"";

fn posix_modes() -> Vec<(Shell, Mode)> {
    let bash = [
        mode("bash", "bash", BASH, ""),
        Mode { run: EVAL, ..mode("bash, eval", "bash", BASH, "") },
        Mode { locale: "C", ..mode("bash, locale C", "bash", BASH, "") },
        mode("bash --posix", "bash", &["--norc", "--noprofile", "--posix"], ""),
        Mode {
            run: EVAL,
            ..mode(
                "bash, strict, eval",
                "bash",
                BASH,
                "set -euo pipefail -H; set -C; shopt -s failglob extglob globstar; IFS=,",
            )
        },
        mode("dash", "dash", &[], ""),
        Mode { run: EVAL, ..mode("dash, strict, eval", "dash", &["-eu"], "IFS=,") },
        Mode { locale: "C", ..mode("dash, locale C", "dash", &[], "") },
    ];
    let zsh = [
        mode("zsh", "zsh", &["-f"], ""),
        Mode { run: EVAL, ..mode("zsh, eval", "zsh", &["-f"], "") },
        Mode { locale: "C", ..mode("zsh, locale C", "zsh", &["-f"], "") },
        mode("zsh, RC_QUOTES", "zsh", &["-f", "-o", "rcquotes"], ""),
        Mode { run: EVAL, ..mode("zsh, RC_QUOTES, eval", "zsh", &["-f", "-o", "rcquotes"], "") },
        Mode {
            run: EVAL,
            ..mode(
                "zsh, every option that changes words, eval",
                "zsh",
                &["-f", "-o", "rcquotes"],
                "setopt errexit nounset pipefail noclobber ksharrays shwordsplit globsubst extendedglob magicequalsubst \
                 braceccl banghist nomatch interactivecomments; IFS=,",
            )
        },
        mode("zsh as sh", "zsh", &["--emulate", "sh", "-f"], ""),
    ];
    bash.into_iter()
        .map(|mode| (Shell::Bash, mode))
        .chain(zsh.into_iter().map(|mode| (Shell::Zsh, mode)))
        .collect()
}

fn fish_modes() -> Vec<(Shell, Mode)> {
    [
        mode("fish", "fish", &["--no-config"], ""),
        Mode { run: "cat values | source", ..mode("fish, source", "fish", &["--no-config"], "") },
        Mode {
            run: "eval (cat values | string collect)",
            ..mode("fish, eval", "fish", &["--no-config"], "")
        },
        Mode { locale: "C", ..mode("fish, locale C", "fish", &["--no-config"], "") },
    ]
    .into_iter()
    .map(|mode| (Shell::Fish, mode))
    .collect()
}

/// Sets `V` to each value in one shell, prints it after each, and holds that against the values.
fn round_trip(shell: Shell, mode: &Mode, values: &[String]) {
    let bytes: Vec<Vec<u8>> = values.iter().map(|value| value.clone().into_bytes()).collect();
    round_trip_of(mode, &bytes, |index| shell.render(&set(&values[index])).unwrap());
}

fn round_trip_of(mode: &Mode, values: &[Vec<u8>], code: impl Fn(usize) -> String) {
    let Some(program) = needed(mode.program) else { return };
    let sandbox = Sandbox::new();
    let mut lines = String::new();
    for index in 0..values.len() {
        lines += &code(index);
        // Now and then by a process that the shell starts: the variable is exported, too.
        lines += match index % 250 {
            7 => "sh -c 'printf \"%s\\0\" \"$V\"'\n",
            _ => "printf '%s\\0' \"$V\"\n",
        };
    }
    sandbox.write("values", &lines);
    let script = sandbox.write("script", &format!("{}\n{}\n", mode.prelude, mode.run));
    let output =
        sandbox.command(&program).env("LC_ALL", mode.locale).args(mode.args).arg(&script).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}: {}", mode.name, shown(&output));
    let read: Vec<&[u8]> = output.stdout.split(|&byte| byte == 0).collect();
    for (value, read) in values.iter().zip(&read) {
        assert_eq!(
            value.as_slice(),
            *read,
            "{}: {:?} was read as {:?}",
            mode.name,
            String::from_utf8_lossy(value),
            String::from_utf8_lossy(read)
        );
    }
    assert_eq!(read.len(), values.len() + 1, "{}", mode.name);
    assert!(!sandbox.work().join(PAYLOAD).exists(), "{}: a value was run", mode.name);
}

#[test]
fn there_are_thousands_of_hostile_values_and_no_two_alike() {
    let values = hostile_values();
    assert!(values.len() >= 7_000);
    assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len());
}

#[test]
fn posix_shells_read_every_value_back() {
    let values = hostile_values();
    for (shell, mode) in posix_modes() {
        round_trip(shell, &mode, &values);
    }
}

#[test]
fn fish_reads_every_value_back() {
    let values = hostile_values();
    for (shell, mode) in fish_modes() {
        round_trip(shell, &mode, &values);
    }
}

#[test]
fn nushell_reads_every_value_back() {
    let Some(nu) = optional("nu") else { return };
    let sandbox = Sandbox::new();
    let values = hostile_values();
    let mut script = String::new();
    for value in &values {
        script += &Shell::Nushell.render(&set(value)).unwrap();
        script += "print --raw --no-newline $env.V (char nul)\n";
    }
    let script = sandbox.write("script.nu", &script);
    let output = sandbox.run(&nu, ["--no-config-file".as_ref(), script.as_os_str()]);
    let expected: Vec<u8> = values.iter().flat_map(|value| value.bytes().chain([0])).collect();
    assert!(output.status.success() && output.stdout == expected, "{}", shown(&output));
    assert!(!sandbox.work().join(PAYLOAD).exists());
}

#[test]
fn powershell_reads_every_value_back() {
    let Some(pwsh) = optional("pwsh") else { return };
    let sandbox = Sandbox::new();
    // One that is empty is a case of its own: only 7.5 and newer can hold it.
    let values: Vec<String> = hostile_values().into_iter().filter(|value| !value.is_empty()).collect();
    let mut script = String::from(
        "Set-StrictMode -Version Latest\n$ErrorActionPreference = 'Stop'\n\
         [Console]::OutputEncoding = [System.Text.UTF8Encoding]::new($false)\n",
    );
    for value in &values {
        script += &Shell::PowerShell.render(&set(value)).unwrap();
        script += "[Console]::Write($Env:V + [char]0)\n";
    }
    assert!(script.is_ascii());
    let script = sandbox.write("script.ps1", &script);
    let output = sandbox.run(
        &pwsh,
        ["-NoProfile".as_ref(), "-NonInteractive".as_ref(), "-File".as_ref(), script.as_os_str()],
    );
    let expected: Vec<u8> = values.iter().flat_map(|value| value.bytes().chain([0])).collect();
    assert!(output.status.success() && output.stdout == expected, "{}", shown(&output));
    assert!(!sandbox.work().join(PAYLOAD).exists());
}

#[test]
fn the_round_trip_notices_a_value_that_runs() {
    for (name, args, script) in [
        ("bash", BASH, "V=x$(echo >PWNED)"),
        ("dash", &[][..], "V=x$(echo >PWNED)"),
        ("zsh", &["-f"], "V=x$(echo >PWNED)"),
        ("fish", &["--no-config"], "set -gx V x(echo >PWNED)"),
    ] {
        let Some(program) = needed(name) else { continue };
        let sandbox = Sandbox::new();
        let script = sandbox.write("script", script);
        let output = sandbox.command(&program).args(args).arg(&script).output().unwrap();
        assert!(sandbox.work().join(PAYLOAD).exists(), "{name}: {}", shown(&output));
    }
}

/// Some variables set, one empty, one unset: what a session's environment looks like.
fn ordinary() -> EnvChanges {
    let mut changes = EnvChanges::new();
    changes.set("CS_SESSION", "api-2");
    changes.set("CLAUDE_CONFIG_DIR", "/home/a user/it's/claude");
    changes.set("CLAUDE_SECURESTORAGE_CONFIG_DIR", "");
    changes.unset("ANTHROPIC_API_KEY");
    changes.unset("NEVER_WAS_THERE");
    changes
}

/// What a child process of the shell then has to see of them.
const SEEN: &str = "[api-2][/home/a user/it's/claude][][absent][absent]";

const SEE: &str = r#"sh -c 'printf "[%s]" "$CS_SESSION" "$CLAUDE_CONFIG_DIR" "${CLAUDE_SECURESTORAGE_CONFIG_DIR-absent}" "${ANTHROPIC_API_KEY-absent}" "${NEVER_WAS_THERE-absent}"'"#;

#[test]
fn whole_changes_reach_the_children_of_the_shell_quoted_or_not() {
    let posix = ["eval \"$(cat changes)\"", "eval $(cat changes)", ". ./changes"];
    let fish = ["cat changes | source", "eval (cat changes)", "source changes"];
    for (shell, name, args, forms) in [
        (Shell::Bash, "bash", &["--norc", "-eu", "-o", "pipefail"][..], posix),
        (Shell::Bash, "bash", &["--posix", "-eu"], posix),
        (Shell::Bash, "dash", &["-eu"], posix),
        (Shell::Zsh, "zsh", &["-f", "-eu"], posix),
        (Shell::Fish, "fish", &["--no-config"], fish),
    ] {
        let Some(program) = needed(name) else { continue };
        for form in forms {
            let sandbox = Sandbox::new();
            sandbox.write("changes", &shell.render(&ordinary()).unwrap());
            let script = sandbox.write("script", &format!("{form}\n{SEE}\n"));
            let output = sandbox
                .command(&program)
                .env("ANTHROPIC_API_KEY", "sk")
                .args(args)
                .arg(&script)
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), SEEN, "{name}, {form}: {}", shown(&output));
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{name}, {form}: {}",
                shown(&output)
            );
        }
    }
}

#[test]
fn changes_made_in_a_function_of_the_shell_hold_outside_of_it() {
    for (shell, name, args, script) in [
        (Shell::Bash, "bash", BASH, "f() { eval \"$(cat changes)\"; }; f"),
        (Shell::Zsh, "zsh", &["-f"][..], "f() { emulate -L zsh; eval \"$(cat changes)\"; }; f"),
        (Shell::Fish, "fish", &["--no-config"], "function f; cat changes | source; end; f"),
    ] {
        let Some(program) = needed(name) else { continue };
        let sandbox = Sandbox::new();
        sandbox.write("changes", &shell.render(&ordinary()).unwrap());
        let script = sandbox.write("script", &format!("{script}\n{SEE}\n"));
        let output = sandbox
            .command(&program)
            .env("ANTHROPIC_API_KEY", "sk")
            .args(args)
            .arg(&script)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), SEEN, "{name}: {}", shown(&output));
    }
}

#[test]
fn unsetting_a_variable_keeps_a_function_of_its_name() {
    let mut changes = EnvChanges::new();
    changes.unset("PORT");
    for (name, args) in [("bash", BASH), ("dash", &[][..]), ("zsh", &["-f"])] {
        let Some(program) = needed(name) else { continue };
        let sandbox = Sandbox::new();
        let script = format!("PORT() {{ echo kept; }}\n{}PORT\n", Shell::Bash.render(&changes).unwrap());
        let script = sandbox.write("script", &script);
        let output = sandbox.command(&program).args(args).arg(&script).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "kept\n", "{name}: {}", shown(&output));
    }
}

#[test]
fn fish_says_of_a_universal_variable_that_it_stays_and_leaves_it_alone() {
    let Some(fish) = needed("fish") else { return };
    let mut unset = EnvChanges::new();
    unset.unset("ANTHROPIC_API_KEY");
    let sandbox = Sandbox::new();
    sandbox.write("changes", &Shell::Fish.render(&unset).unwrap());
    let see = "sh -c 'echo ${ANTHROPIC_API_KEY-absent}'";
    let script = format!(
        "source changes; echo $status\n\
         set -Ux ANTHROPIC_API_KEY mine\nset -gx ANTHROPIC_API_KEY other\n{see}\n\
         source changes; echo $status\n{see}\n"
    );
    let script = sandbox.write("script", &script);
    let output = sandbox.run(&fish, [script]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\nother\n0\nmine\n", "{}", shown(&output));
    let said = "cs: ANTHROPIC_API_KEY is still there, as a universal variable: set -eU ANTHROPIC_API_KEY would erase it\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), said);
}

#[test]
fn no_shell_and_no_file_is_given_a_control_character() {
    for control in (0..=0x1f).chain(0x7f..=0x9f).filter_map(char::from_u32) {
        let changes = set(&format!("a{control}b"));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Nushell] {
            assert_eq!(shell.render(&changes).unwrap_err().exit(), Exit::Refused, "{control:?}");
        }
        assert_eq!(dotenv(&changes).unwrap_err().exit(), Exit::Refused, "{control:?}");
    }
}

/// The lines of one `.env` file with every hostile value that can be written into one, and how
/// many these are.
fn dotenv_file() -> (String, Vec<(String, String)>) {
    let (mut text, mut pairs) = (String::new(), Vec::new());
    for (index, value) in hostile_values().into_iter().enumerate() {
        let name = format!("V{index}");
        let mut changes = EnvChanges::new();
        changes.set(&name, &value);
        changes.unset("GONE");
        if let Ok(line) = dotenv(&changes) {
            text += &line;
            pairs.push((name, value));
        }
    }
    (text, pairs)
}

#[test]
fn sh_reads_a_dotenv_file_as_it_was_meant() {
    let (text, pairs) = dotenv_file();
    assert!(pairs.len() > 4_000, "only {} values can be written", pairs.len());
    for (name, args) in [("dash", &[][..]), ("bash", BASH), ("zsh", &["-f", "-o", "rcquotes"])] {
        let Some(program) = needed(name) else { continue };
        let sandbox = Sandbox::new();
        sandbox.write("file.env", &text);
        let mut script = String::from("set -a; . ./file.env; set +a\n");
        for (name, _) in &pairs {
            script += &["printf '%s\\0' \"$", name, "\"\n"].concat();
        }
        let script = sandbox.write("script", &script);
        let output = sandbox.command(&program).args(args).arg(&script).output().unwrap();
        let read: Vec<&[u8]> = output.stdout.split(|&byte| byte == 0).collect();
        for ((_, value), read) in pairs.iter().zip(&read) {
            assert_eq!(value.as_bytes(), *read, "{name}: {value:?}");
        }
        assert!(output.status.success() && read.len() == pairs.len() + 1, "{name}: {}", shown(&output));
        assert!(!sandbox.work().join(PAYLOAD).exists(), "{name}");
    }
}

#[test]
fn node_reads_a_dotenv_file_as_it_was_meant() {
    let Some(node) = optional("node") else { return };
    let (text, pairs) = dotenv_file();
    let sandbox = Sandbox::new();
    sandbox.write("file.env", &text);
    // util.parseEnv is what --env-file uses.
    let script = "const read = require('util').parseEnv(require('fs').readFileSync('file.env', 'utf8'));\
                  process.stdout.write(Object.entries(read).map(([k, v]) => k + '=' + v + '\\0').join(''));";
    let output = sandbox.run(&node, ["-e", script]);
    let expected: BTreeSet<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let read: BTreeSet<String> =
        String::from_utf8(output.stdout.clone()).unwrap().split_terminator('\0').map(String::from).collect();
    let wrong: Vec<_> = expected.symmetric_difference(&read).take(5).collect();
    assert!(wrong.is_empty(), "{wrong:?}: {}", shown(&output));
}

/// Values that no quotes hold as they are: every byte but NUL, alone and in company, and what is no
/// UTF-8.
fn any_bytes() -> Vec<Vec<u8>> {
    let mut values: BTreeSet<Vec<u8>> = (1..=255).map(|byte| vec![byte]).collect();
    values.insert((1..=255).collect());
    for byte in 1..=255 {
        values.insert(vec![b'0', byte, b'a']);
        values.insert(vec![byte, b'\\']);
        values.insert([b"$(echo >PWNED)".as_slice(), &[byte], b"'; echo >PWNED; '"].concat());
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    while values.len() < 3_000 {
        let length = 2 + next() % 12;
        values.insert((0..length).map(|_| u8::try_from(1 + next() % 255).unwrap()).collect());
    }
    values.into_iter().collect()
}

#[test]
fn what_the_functions_put_back_is_what_was_there_whatever_bytes_it_had() {
    let values: Vec<Vec<u8>> =
        any_bytes().into_iter().chain(hostile_values().into_iter().map(String::into_bytes)).collect();
    assert!(values.len() > 10_000);
    let name = VarName::new("V").unwrap();
    for (shell, mode) in posix_modes().into_iter().chain(fish_modes()) {
        // dash has no such functions, and fish in another locale no such text.
        if mode.program == "dash" || (shell == Shell::Fish && mode.locale == "C") {
            continue;
        }
        round_trip_of(&mode, &values, |index| {
            let value = OsString::from_vec(values[index].clone());
            shell.code(&BTreeMap::from([(name.clone(), Some(value))]), None, None).unwrap()
        });
    }
}

#[test]
fn what_powershell_cannot_be_told_is_refused_by_name() {
    let name = VarName::new("V").unwrap();
    let code = |value: &[u8]| {
        let changes = BTreeMap::from([(name.clone(), Some(OsString::from_vec(value.to_vec())))]);
        Shell::PowerShell.code(&changes, None, None)
    };
    let failure = code(b"\xff").expect_err("it is no text");
    assert_eq!(failure.exit(), Exit::Refused);
    assert!(failure.message.contains("'V'"), "{failure}");
    assert_eq!(code(b"a\nb").as_deref(), Ok("#cs:1\n${Env:V} = ('a' + [char]0xa + 'b')\n"));
}

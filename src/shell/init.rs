//! The text that `cs init SHELL` prints: the shell function and its short forms.
//!
//! See docs/decisions/008-completion-has-glue-of-its-own.md

use std::path::Path;

use clap::ValueEnum;

use super::kind::Shell;
use super::quote::{Plain, Quoted};
use super::template::{Fill, fill};
use crate::model::{Failure, Result, verb};

/// The choices that the text depends on.
#[derive(Clone, Copy, Debug)]
pub struct InitOptions<'a> {
    /// The name of the function; the short forms' names begin with it.
    pub cmd: &'a str,
    /// Defines the short forms.
    pub aliases: bool,
    /// Acts on bindings when the directory changes.
    pub hook: bool,
    /// Defines the function `claude`.
    pub wrap: bool,
    /// Completes at Tab.
    pub completion: bool,
    /// The program that the function runs, as an absolute path.
    pub program: &'a Path,
}

/// The files of `shells/SHELL/` that the text of a shell is put together from, in the order in which
/// it has them.
struct Scripts {
    /// The internal functions.
    runtime: &'static str,
    /// The function that people call. Like a short form, it leaves the status 0, so that the text
    /// does, whichever comes last.
    function: &'static str,
    /// A short form of that function; repeated for each.
    short_form: &'static str,
    /// The function `claude`.
    claude: &'static str,
    /// The function that asks the program what fits where the cursor is.
    completion: &'static str,
    /// The registration of a name for completion; repeated for each.
    completion_name: &'static str,
    /// The functions that act on bindings when the directory changes.
    hook: &'static str,
}

macro_rules! scripts {
    ($shell:literal, $extension:literal) => {
        Scripts {
            runtime: script!($shell, "runtime", $extension),
            function: script!($shell, "function", $extension),
            short_form: script!($shell, "short-form", $extension),
            claude: script!($shell, "claude", $extension),
            completion: script!($shell, "completion", $extension),
            completion_name: script!($shell, "completion-name", $extension),
            hook: script!($shell, "hook", $extension),
        }
    };
}

macro_rules! script {
    ($shell:literal, $part:literal, $extension:literal) => {
        include_str!(concat!("../../shells/", $shell, "/", $part, ".", $extension))
    };
}

/// Returns the command that the short form `name` of the family `family` stands for.
pub fn short_form(family: &str, name: &str) -> Option<&'static str> {
    let suffix = name.strip_prefix(family)?;
    verb::short_forms().find(|(short, _)| *short == suffix).map(|(_, command)| command)
}

/// Names that are part of some shell's language, or that the scripts or their installation use. A
/// function of such a name could not be called, or would break the shell.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    // words of the languages
    "_", "and", "begin", "break", "case", "catch", "class", "continue", "coproc", "data", "declare",
    "define", "do", "done", "dynamicparam", "elif", "else", "elseif", "end", "enum", "esac", "exit",
    "fi", "filter", "finally", "float", "for", "foreach", "from", "function", "if", "in", "integer",
    "nocorrect", "not", "or", "param", "process", "readonly", "repeat", "return", "select", "switch",
    "then", "throw", "time", "trap", "try", "typeset", "until", "using", "var", "while",
    // commands
    "abbr", "alias", "argparse", "builtin", "cd", "command", "count", "echo", "emulate", "eval",
    "exec", "export", "local", "printf", "read", "set", "source", "status", "string", "test", "true",
    "unalias", "unset",
];

/// The end of the file for zsh's `fpath`: without it the first Tab would only define functions.
const AUTOLOADED: &str = "[[ ${funcstack[1]-} != _cs ]] || __cs_complete \"$@\"\n";

impl Shell {
    /// Returns the text for this shell that defines the function `cs` and its short forms.
    ///
    /// Run in the shell, once or many times, it prints nothing, ends with status 0 and leaves nothing
    /// behind but the functions. They hand their arguments on unchanged, and their status is the
    /// program's. It removes aliases of their names, which would hide them.
    ///
    /// Fails if `cmd` is no name for a function in every shell (exit 2), if the shell is not supported
    /// yet (exit 2), or if the program's path is not absolute, not UTF-8 or holds control characters
    /// (exit 5).
    pub fn init(self, options: &InitOptions<'_>) -> Result<String> {
        let Some(scripts) = self.scripts() else {
            return Err(unsupported(self));
        };
        let short_forms: Vec<_> = verb::short_forms().filter(|_| options.aliases).collect();
        let name = public_name(options.cmd, &short_forms)?;
        let path = program_path(options.program)?;
        // On Windows, bash, zsh and fish are MSYS programs: to them only `/` makes a path.
        let path = if cfg!(windows) && self != Self::PowerShell { path.replace('\\', "/") } else { path };
        let program = Plain::new(&path).map(|path| self.quote(path)).map_err(|_| control_in_path())?;

        let mut text = fill(scripts.runtime, &[("CS_PROGRAM", Fill::Literal(&program))])?;
        text.push('\n');
        text += &fill(scripts.function, &[("NAME", Fill::Word(name))])?;
        for (suffix, command) in &short_forms {
            let short = format!("{name}{suffix}");
            text.push('\n');
            text += &fill(
                scripts.short_form,
                &[
                    ("NAME", Fill::Word(&short)),
                    ("FAMILY", Fill::Word(name)),
                    ("COMMAND", Fill::Word(command)),
                ],
            )?;
        }
        if options.wrap {
            text.push('\n');
            text += &fill(scripts.claude, &[("FAMILY", Fill::Word(name))])?;
        }
        if options.completion {
            text.push('\n');
            text += &self.completion(name, &short_forms, &program)?;
        }
        if options.hook {
            text.push('\n');
            text += &fill(scripts.hook, &[("FAMILY", Fill::Word(name))])?;
        }
        Ok(text)
    }

    /// Returns the code for completion: the function that asks the program, and its registration for
    /// every name.
    fn completion(self, name: &str, short_forms: &[(&str, &str)], program: &Quoted) -> Result<String> {
        let Some(scripts) = self.scripts() else {
            return Err(unsupported(self));
        };
        let mut text = fill(
            scripts.completion,
            &[("CS_PROGRAM", Fill::Literal(program)), ("FAMILY", Fill::Word(name))],
        )?;
        for suffix in std::iter::once("").chain(short_forms.iter().map(|(suffix, _)| *suffix)) {
            text += &fill(scripts.completion_name, &[("NAME", Fill::Word(&format!("{name}{suffix}")))])?;
        }
        Ok(text)
    }

    /// Returns the code for completion of the program `cs` alone, as a file for packagers. It runs the
    /// `cs` that is first on `PATH` when Tab is pressed, even if a function has that name.
    ///
    /// Fails if the shell is not supported yet (exit 2).
    pub fn completions(self) -> Result<String> {
        let program = Plain::new("cs").map(|name| self.quote(name)).map_err(|_| control_in_path())?;
        let text = self.completion("cs", &[], &program)?;
        // zsh reads a file of its `fpath` at the first Tab, as the body of the function `_cs`, and
        // finds it by its first line.
        Ok(if self == Self::Zsh { format!("#compdef cs\n{text}\n{AUTOLOADED}") } else { text })
    }

    /// Returns true if [`Shell::init`] has code for this shell.
    pub fn is_supported(self) -> bool {
        self.scripts().is_some()
    }

    /// Returns the names of the supported shells, joined for a sentence.
    pub fn supported() -> String {
        let names: Vec<_> = Self::value_variants()
            .iter()
            .filter(|shell| shell.is_supported())
            .map(|shell| shell.name())
            .collect();
        names.join(", ")
    }

    /// Returns the files of this shell; `None` if it is not supported yet.
    fn scripts(self) -> Option<Scripts> {
        match self {
            Self::Bash => Some(scripts!("bash", "bash")),
            Self::Zsh => Some(scripts!("zsh", "zsh")),
            Self::Fish => Some(scripts!("fish", "fish")),
            Self::PowerShell => Some(scripts!("powershell", "ps1")),
            Self::Nushell => None,
        }
    }
}

/// Returns `cmd` if it and the short forms that begin with it can be names of functions in every
/// shell. Fails otherwise (exit 2).
fn public_name<'a>(cmd: &'a str, short_forms: &[(&str, &str)]) -> Result<&'a str> {
    let mut bytes = cmd.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !starts || cmd.len() > 32 || !bytes.all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)) {
        return Err(Failure::usage(format!(
            "'{cmd}' is no name for a shell function: at most 32 letters, digits, '_' and '-', and a letter or '_' first"
        )));
    }
    if cmd.to_ascii_lowercase().starts_with("__cs_") {
        return Err(Failure::usage(format!("'{cmd}' is a name that cs keeps for itself")));
    }
    let names = std::iter::once("").chain(short_forms.iter().map(|(suffix, _)| *suffix));
    match names.map(|suffix| format!("{cmd}{suffix}")).find(|name| is_reserved(name)) {
        Some(taken) if taken == cmd => Err(Failure::usage(format!(
            "'{cmd}' means something else in a shell and cannot be the function's name"
        ))),
        Some(taken) => Err(Failure::usage(format!(
            "with '{cmd}' a short form would be '{taken}', which means something else in a shell"
        ))
        .hint("take another name, or leave the short forms out with --no-aliases")),
        None => Ok(cmd),
    }
}

/// Returns true if `name` is in [`RESERVED`], ignoring case as PowerShell does.
fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

/// Returns `program` as text. Fails (exit 5) if it is not absolute or not UTF-8.
fn program_path(program: &Path) -> Result<String> {
    let shown = program.display();
    if !program.is_absolute() {
        return Err(Failure::refused(format!("the path of cs is not absolute: '{shown}'")));
    }
    match program.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => Err(Failure::refused(format!("the path of cs is not UTF-8: '{shown}'"))),
    }
}

fn control_in_path() -> Failure {
    Failure::refused("the path of cs holds a control character, which is given to no shell")
}

fn unsupported(shell: Shell) -> Failure {
    Failure::usage(format!("{} is not supported yet: {} are", shell.name(), Shell::supported()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exit;

    fn init(shell: Shell, cmd: &str, aliases: bool, program: &Path) -> Result<String> {
        shell.init(&InitOptions { cmd, aliases, hook: true, wrap: true, completion: true, program })
    }

    fn failure(cmd: &str, aliases: bool) -> Failure {
        init(Shell::Bash, cmd, aliases, Path::new("/opt/cs")).expect_err(cmd)
    }

    #[test]
    fn a_name_that_is_code_or_no_name_is_a_usage_error() {
        let long = "x".repeat(33);
        for bad in [
            "",
            "1cs",
            "-cs",
            "c s",
            "cs;x",
            "c$s",
            "c/s",
            "\u{e9}",
            "cs\n",
            "c.s",
            "__cs_run",
            long.as_str(),
        ] {
            assert_eq!(failure(bad, true).exit(), Exit::Usage, "{bad:?}");
        }
    }

    #[test]
    fn words_of_a_shell_are_no_names_and_neither_are_short_forms_that_are() {
        for bad in ["if", "function", "Process", "builtin", "_", "END"] {
            assert_eq!(failure(bad, false).exit(), Exit::Usage, "{bad}");
        }
        assert!(failure("the", true).message.contains("'then'"));
        assert!(init(Shell::Bash, "the", false, Path::new("/opt/cs")).is_ok());
    }

    #[test]
    #[cfg(unix)]
    fn a_program_that_cannot_be_named_in_every_shell_is_refused() {
        use std::os::unix::ffi::OsStrExt;
        let not_utf8 = Path::new(std::ffi::OsStr::from_bytes(b"/opt/\xff/cs"));
        for bad in
            [Path::new("cs"), Path::new("./cs"), not_utf8, Path::new("/opt/a\nb"), Path::new("/\u{9b}/cs")]
        {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
                let refused = init(shell, "cs", true, bad).expect_err("it is refused");
                assert_eq!(refused.exit(), Exit::Refused, "{refused}");
            }
        }
    }

    #[test]
    fn nushell_is_said_to_be_missing_with_what_is_there() {
        let failure = init(Shell::Nushell, "cs", true, Path::new("/opt/cs")).expect_err("it is missing");
        assert_eq!(failure.message, "nushell is not supported yet: bash, zsh, fish, powershell are");
    }
}

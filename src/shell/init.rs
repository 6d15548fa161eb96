//! The text that `cs init SHELL` prints: the shell function and its short forms.

use std::path::Path;

use clap::ValueEnum;

use super::template::{Fill, fill};
use super::{Plain, Quoted, Shell};
use crate::model::{Failure, Result, verb};

/// What the text is made from.
#[derive(Clone, Copy, Debug)]
pub struct InitOptions<'a> {
    /// The name of the function; the short forms' names begin with it.
    pub cmd: &'a str,
    /// Whether the short forms are defined.
    pub aliases: bool,
    /// Whether something happens when the directory changes: bindings.
    pub hook: bool,
    /// Whether there is a function `claude`.
    pub wrap: bool,
    /// Whether Tab completes.
    pub completion: bool,
    /// The program that the function runs, as an absolute path.
    pub program: &'a Path,
}

/// The files that a shell's text is put together from.
struct Scripts {
    /// `shells/cs.*`: the internal functions.
    runtime: &'static str,
    /// `shells/hook.*`: what runs when the directory changes.
    hook: &'static str,
    /// `shells/claude.*`: the function `claude`.
    claude: &'static str,
    /// `shells/complete.*`: completion; `templates/complete.*`: its registration, once for each name.
    complete: [&'static str; 2],
    /// `templates/names.*`: the public function. Like a short form, it leaves the status 0, so that
    /// the text does, whichever comes last.
    names: &'static str,
    /// `templates/aliases.*`: a short form, once for each.
    aliases: &'static str,
}

macro_rules! scripts {
    ($extension:literal) => {
        Scripts {
            runtime: include_str!(concat!("../../shells/cs.", $extension)),
            hook: include_str!(concat!("../../shells/hook.", $extension)),
            claude: include_str!(concat!("../../shells/claude.", $extension)),
            complete: [
                include_str!(concat!("../../shells/complete.", $extension)),
                include_str!(concat!("../../templates/complete.", $extension)),
            ],
            names: include_str!(concat!("../../templates/names.", $extension)),
            aliases: include_str!(concat!("../../templates/aliases.", $extension)),
        }
    };
}

/// The command that the short form `name` of the family `family` stands for.
pub fn short_form(family: &str, name: &str) -> Option<&'static str> {
    let suffix = name.strip_prefix(family)?;
    verb::short_forms().find(|(short, _)| *short == suffix).map(|(_, command)| command)
}

/// Names that are part of the language somewhere, or that the scripts or their installation stand
/// on. A function of such a name could not be called, or would break the shell.
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
    /// The text for this shell that defines the function `cs` and its short forms.
    ///
    /// Run in the shell, once or many times, it prints nothing, ends with status 0 and leaves
    /// nothing behind but the functions. They hand their arguments on as they are, and their status
    /// is the program's. Aliases of their names are taken away, as they would hide them.
    ///
    /// Fails where `cmd` is no name for a function in every shell (exit 2), where the shell is not
    /// supported yet (exit 2), and where the program's path is not absolute, not UTF-8 or holds
    /// control characters (exit 5).
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
        text += &fill(scripts.names, &[("NAME", Fill::Word(name))])?;
        for (suffix, command) in &short_forms {
            let short = format!("{name}{suffix}");
            text.push('\n');
            text += &fill(
                scripts.aliases,
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

    /// Completion: the function that asks the program, and its registration for every name.
    fn completion(self, name: &str, short_forms: &[(&str, &str)], program: &Quoted) -> Result<String> {
        let Some(scripts) = self.scripts() else {
            return Err(unsupported(self));
        };
        let [glue, registration] = scripts.complete;
        let mut text = fill(glue, &[("CS_PROGRAM", Fill::Literal(program)), ("FAMILY", Fill::Word(name))])?;
        for suffix in std::iter::once("").chain(short_forms.iter().map(|(suffix, _)| *suffix)) {
            text += &fill(registration, &[("NAME", Fill::Word(&format!("{name}{suffix}")))])?;
        }
        Ok(text)
    }

    /// Completion for the program `cs` alone, as a file for packagers. It runs the `cs` that is first
    /// on `PATH` when Tab is pressed, also where a function has that name.
    ///
    /// Fails where the shell is not supported yet (exit 2).
    pub fn completions(self) -> Result<String> {
        let program = Plain::new("cs").map(|name| self.quote(name)).map_err(|_| control_in_path())?;
        let text = self.completion("cs", &[], &program)?;
        // zsh reads a file of its `fpath` at the first Tab, as the body of the function `_cs`, and
        // finds it by its first line.
        Ok(if self == Self::Zsh { format!("#compdef cs\n{text}\n{AUTOLOADED}") } else { text })
    }

    /// Whether there is code for it to print.
    pub fn is_supported(self) -> bool {
        self.scripts().is_some()
    }

    /// The names of the shells that there is code for, as they stand in a sentence.
    pub fn supported() -> String {
        let names: Vec<_> = Self::value_variants()
            .iter()
            .filter(|shell| shell.is_supported())
            .map(|shell| shell.name())
            .collect();
        names.join(", ")
    }

    fn scripts(self) -> Option<Scripts> {
        match self {
            Self::Bash => Some(scripts!("bash")),
            Self::Zsh => Some(scripts!("zsh")),
            Self::Fish => Some(scripts!("fish")),
            Self::PowerShell => Some(scripts!("ps1")),
            Self::Nushell => None,
        }
    }
}

/// `cmd`, if it and the short forms that begin with it can be names of functions in every shell.
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

/// PowerShell does not tell upper case from lower case, so no shell here does.
fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

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
            assert_eq!(failure(bad, true).exit, Exit::Usage, "{bad:?}");
        }
    }

    #[test]
    fn words_of_a_shell_are_no_names_and_neither_are_short_forms_that_are() {
        for bad in ["if", "function", "Process", "builtin", "_", "END"] {
            assert_eq!(failure(bad, false).exit, Exit::Usage, "{bad}");
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
                assert_eq!(refused.exit, Exit::Refused, "{refused}");
            }
        }
    }

    #[test]
    fn nushell_is_said_to_be_missing_with_what_is_there() {
        let failure = init(Shell::Nushell, "cs", true, Path::new("/opt/cs")).expect_err("it is missing");
        assert_eq!(failure.message, "nushell is not supported yet: bash, zsh, fish, powershell are");
    }
}

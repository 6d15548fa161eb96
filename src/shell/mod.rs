//! Shell code: environment changes and the shell function, written for one shell.
//!
//! Nothing else in `cs` writes text that a shell runs. The scripts are files in `shells/`, a folder
//! for each shell, embedded as stored; a value gets into them only through a quoter.

mod call;
mod dotenv;
mod init;
mod quote;
mod template;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::ValueEnum;

pub use call::{CALLED_FROM, CODE, Call};
pub use dotenv::dotenv;
pub use init::{InitOptions, short_form};
pub use quote::{Plain, Quoted};

use crate::model::{EnvChanges, Failure, Memory, Result, Saved, VarName};

/// A shell that code is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Shell {
    /// bash 3.2 and newer; what it is given is valid in any POSIX shell.
    Bash,
    /// zsh 5.0 and newer; environment changes are the same text as for bash.
    Zsh,
    /// fish 3.1 and newer.
    Fish,
    /// Windows PowerShell 5.1, and PowerShell 7 on any system.
    #[value(name = "powershell", alias = "pwsh")]
    PowerShell,
    /// Nushell 0.92 and newer; it has no way to run text, so this is for a file to `source`.
    #[value(alias = "nu")]
    Nushell,
}

impl Shell {
    /// The name as it is typed: `cs init NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::PowerShell => "powershell",
            Self::Nushell => "nushell",
        }
    }

    /// `text` as a literal of this shell.
    pub fn quote(self, text: Plain<'_>) -> Quoted {
        match self {
            Self::Bash | Self::Zsh => quote::posix(text),
            Self::Fish => quote::fish(text),
            Self::PowerShell => quote::powershell(text),
            Self::Nushell => quote::nushell(text),
        }
    }

    /// Code that makes `changes` in the shell that runs it, one statement a line, in name order.
    ///
    /// It prints nothing, ends with status 0, and does the same to a variable whether it was there
    /// before or not. There are two things a shell cannot do, and then the code says so on stderr:
    /// PowerShell before 7.5 removes a variable that is set to nothing, and fish cannot keep a
    /// universal exported variable from its children without erasing it in all shells.
    ///
    /// Every line but Nushell's ends in `;`, so it also works where its
    /// lines were joined: `eval $(cs env api)` without the quotes. (Without them a POSIX shell still
    /// makes one blank of several and expands `*`, inside values too: the form to document is
    /// `eval "$(cs env api)"`.)
    ///
    /// A value with a control character is refused (exit 5) by its variable's name; nothing is
    /// returned then.
    pub fn render(self, changes: &EnvChanges) -> Result<String> {
        let mut text = String::new();
        for (name, change) in changes.iter() {
            match change.value() {
                Some(value) => text.push_str(&self.set(name, plain_value(name, value)?)),
                None => text.push_str(&self.unset(name)),
            }
            text.push('\n');
        }
        Ok(text)
    }

    /// Code for the shell function, which evaluates it: makes `changes` exactly, whatever the values
    /// hold, has the shell keep `memory` in a variable of its own, and then say the line `said`.
    ///
    /// What `cs off` needs is set first and unset last, so that a shell which is interrupted
    /// half-way can still put everything back. In bash and zsh the first statement that fails (a
    /// variable is read-only) ends it with that status: the function tries it in a subshell first.
    ///
    /// Refused (exit 5) where a value cannot be written in this shell: one that is not UTF-8, for
    /// PowerShell.
    pub fn code(
        self,
        changes: &BTreeMap<VarName, Option<OsString>>,
        memory: Option<&Memory>,
        said: Option<&str>,
    ) -> Result<String> {
        let rank = |name: &VarName, value: &Option<OsString>| match (name.as_str(), value) {
            (Saved::VARIABLE, Some(_)) => 0,
            (Saved::VARIABLE, None) => 2,
            _ => 1,
        };
        let mut ordered: Vec<_> = changes.iter().collect();
        ordered.sort_by_key(|(name, value)| rank(name, value));
        let mut statements = Vec::new();
        // A person may have an alias, or a function, of the name of any builtin.
        let prefix = if matches!(self, Self::Bash | Self::Zsh) { "\\builtin " } else { "" };
        for (name, value) in ordered {
            let statement = match value {
                Some(value) => self.assign(name, value, &self.exact(name, value)?),
                None => self.unset(name),
            };
            statements.push(format!("{prefix}{statement}"));
        }
        if let Some(memory) = memory {
            // It is printable ASCII without blanks and quotes.
            let text = memory.text();
            statements.push(match self {
                Self::Bash => format!("__cs_memory='{text}';"),
                Self::Zsh => format!("\\builtin typeset -g __cs_memory='{text}';"),
                Self::Fish => format!("set -gu __cs_memory '{text}';"),
                Self::PowerShell => format!("$global:__cs_memory = '{text}';"),
                Self::Nushell => String::new(),
            });
        }
        if let Some(plain) = said.and_then(|said| Plain::new(said).ok()) {
            statements.push(format!("__cs_say {};", self.quote(plain)));
        }
        let joint = if matches!(self, Self::Bash | Self::Zsh) { " &&\n" } else { "\n" };
        let statements: Vec<&str> =
            statements.iter().map(|statement| statement.strip_suffix(';').unwrap_or(statement)).collect();
        Ok(format!("{CODE}\n{}\n", statements.join(joint)))
    }

    /// Code for the shell function that changes the directory. `directory` is absolute.
    pub fn change_directory(self, directory: Plain<'_>) -> String {
        let literal = self.quote(directory);
        let statement = match self {
            Self::Bash | Self::Zsh => format!("\\builtin cd -- {literal}"),
            Self::Fish => format!("__cs_cd {literal}"),
            Self::PowerShell => {
                format!("Microsoft.PowerShell.Management\\Set-Location -LiteralPath {literal}")
            }
            Self::Nushell => format!("cd {literal}"),
        };
        format!("{CODE}\n{statement}\n")
    }

    /// `value` as a literal, whatever it holds.
    fn exact(self, name: &VarName, value: &OsStr) -> Result<Quoted> {
        if let Some(plain) = value.to_str().and_then(|text| Plain::new(text).ok()) {
            return Ok(self.quote(plain));
        }
        let bytes = value.as_encoded_bytes();
        match (self, value.to_str()) {
            (Self::Bash | Self::Zsh, _) => Ok(quote::posix_exact(bytes)),
            (Self::Fish, _) => Ok(quote::fish_exact(bytes)),
            (Self::PowerShell, Some(text)) => Ok(quote::powershell_exact(text)),
            _ => Err(Failure::refused(format!(
                "variable '{name}' holds what {} cannot be told, so it could not be put back",
                self.name()
            ))),
        }
    }

    fn set(self, name: &VarName, value: Plain<'_>) -> String {
        self.assign(name, OsStr::new(value.as_str()), &self.quote(value))
    }

    fn assign(self, name: &VarName, value: &OsStr, literal: &Quoted) -> String {
        match self {
            Self::Bash | Self::Zsh => format!("export {name}={literal};"),
            // -g: else, inside a function, it could set a local one.
            Self::Fish => format!("set -gx {name} {literal};"),
            // PowerShell removes a variable that is set to nothing; 7.5 is the first that keeps it,
            // as .NET 9 is, and [Environment]::SetEnvironmentVariable does no better before that.
            // So it is tried, looked at, and said.
            Self::PowerShell if value.is_empty() => format!(
                "${{Env:{name}}} = {literal}; \
                 if (-not (Microsoft.PowerShell.Management\\Test-Path -LiteralPath 'Env:/{name}')) \
                 {{ Microsoft.PowerShell.Utility\\Write-Warning \
                 'cs: {name} is not set: PowerShell before 7.5 cannot hold an empty variable' }};"
            ),
            Self::PowerShell => format!("${{Env:{name}}} = {literal};"),
            Self::Nushell => format!("$env.{name} = {literal}"),
        }
    }

    fn unset(self, name: &VarName) -> String {
        match self {
            // -v: without it bash would remove a function of that name where there is no variable.
            Self::Bash | Self::Zsh => format!("unset -v {name};"),
            // `set -eg` fails where there is nothing to erase, so there is made to be something. What
            // is universal and exported (fish users keep tokens so) reaches every child unless it is
            // erased for good in all shells, which is not ours to do: that is said.
            Self::Fish => format!(
                "set -gu {name}; set -eg {name}; if set -qUx {name}; builtin echo \
                 'cs: {name} is still there, as a universal variable: set -eU {name} would erase it' >&2; end;"
            ),
            // Not `= $null`, and not [Environment]: PowerShell 7.5 hands .NET an empty string for
            // $null. -LiteralPath, as -Path takes patterns.
            Self::PowerShell => format!(
                "Microsoft.PowerShell.Management\\Remove-Item -LiteralPath 'Env:/{name}' -ErrorAction Ignore;"
            ),
            // -i: it may not be there.
            Self::Nushell => format!("hide-env -i {name}"),
        }
    }
}

/// `text` as one word for a POSIX shell, quoted; `None` where it holds a control character.
pub fn posix_word(text: &str) -> Option<String> {
    Some(quote::posix(Plain::new(text).ok()?).to_string())
}

/// The value of `name`, refused where it holds a control character.
fn plain_value<'a>(name: &VarName, value: &'a str) -> Result<Plain<'a>> {
    Plain::new(value).map_err(|control| {
        Failure::refused(format!(
            "variable '{name}' holds a control character (U+{:04X}), which is given to no shell",
            u32::from(control)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exit;

    #[test]
    fn shells_are_known_by_their_names_and_short_names() {
        for shell in Shell::value_variants() {
            assert_eq!(Shell::from_str(shell.name(), false), Ok(*shell));
        }
        assert_eq!(Shell::from_str("pwsh", false), Ok(Shell::PowerShell));
        assert_eq!(Shell::from_str("nu", false), Ok(Shell::Nushell));
    }

    #[test]
    fn each_shell_sets_and_unsets_in_its_own_words() {
        let mut changes = EnvChanges::new();
        changes.set("A", "it's");
        changes.unset("B");
        changes.set("C", "");
        let expected = [
            (Shell::Bash, "export A='it'\\''s';\nunset -v B;\nexport C='';\n"),
            (Shell::Zsh, "export A='it'\\''s';\nunset -v B;\nexport C='';\n"),
            (
                Shell::Fish,
                "set -gx A 'it\\'s';\nset -gu B; set -eg B; if set -qUx B; builtin echo \
                 'cs: B is still there, as a universal variable: set -eU B would erase it' >&2; end;\n\
                 set -gx C '';\n",
            ),
            (
                Shell::PowerShell,
                "${Env:A} = 'it''s';\n\
                 Microsoft.PowerShell.Management\\Remove-Item -LiteralPath 'Env:/B' -ErrorAction Ignore;\n\
                 ${Env:C} = ''; if (-not (Microsoft.PowerShell.Management\\Test-Path -LiteralPath 'Env:/C')) \
                 { Microsoft.PowerShell.Utility\\Write-Warning \
                 'cs: C is not set: PowerShell before 7.5 cannot hold an empty variable' };\n",
            ),
            (Shell::Nushell, "$env.A = r#'it's'#\nhide-env -i B\n$env.C = r#''#\n"),
        ];
        for (shell, text) in expected {
            assert_eq!(shell.render(&changes).as_deref(), Ok(text), "{shell:?}");
        }
    }

    #[test]
    fn a_control_character_is_refused_before_anything_is_written() {
        for shell in Shell::value_variants() {
            for control in ["\0", "\n", "\r", "\t", "\u{1b}", "\u{7f}", "\u{85}", "\u{9b}"] {
                let mut changes = EnvChanges::new();
                changes.set("FINE", "x");
                changes.set("HOSTILE", format!("a{control}b"));
                let failure = shell.render(&changes).expect_err("it is refused");
                assert_eq!(failure.exit, Exit::Refused);
                assert!(failure.message.contains("'HOSTILE'") && !failure.message.contains(control));
            }
        }
    }

    #[test]
    fn nothing_to_change_is_no_code() {
        for shell in Shell::value_variants() {
            assert_eq!(shell.render(&EnvChanges::new()).as_deref(), Ok(""));
        }
    }
}

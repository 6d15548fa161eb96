//! Changes to an environment as code for a shell.

use std::ffi::OsStr;

use super::kind::Shell;
use super::quote::{Plain, Quoted, plain_value};
use crate::model::{EnvChanges, Result, VarName};

impl Shell {
    /// Returns code that makes `changes` in the shell that runs it, one statement a line, in name order.
    ///
    /// It prints nothing, ends with status 0, and does the same to a variable whether it was there
    /// before or not. Two things a shell cannot do, and then the code says so on stderr:
    ///
    /// * PowerShell before 7.5 removes a variable that is set to nothing.
    /// * fish cannot keep a universal exported variable from its children without erasing it in all shells.
    ///
    /// Every line but Nushell's ends in `;`, so the code also works with its lines joined:
    /// `eval $(cs env api)` without the quotes. (Without them a POSIX shell still makes one blank of
    /// several and expands `*`, inside values too: the form to document is `eval "$(cs env api)"`.)
    ///
    /// Fails with the variable's name (exit 5) if a value has a control character.
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

    /// Returns the statement that sets and exports `name`.
    fn set(self, name: &VarName, value: Plain<'_>) -> String {
        self.assign(name, OsStr::new(value.as_str()), &self.quote(value))
    }

    /// Returns the statement that sets and exports `name`; `literal` is `value`, quoted.
    pub(super) fn assign(self, name: &VarName, value: &OsStr, literal: &Quoted) -> String {
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

    /// Returns the statement that removes `name`, whether it is there or not.
    pub(super) fn unset(self, name: &VarName) -> String {
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

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::model::Exit;

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
                assert_eq!(failure.exit(), Exit::Refused);
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

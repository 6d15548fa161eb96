//! The code that the program prints for its shell function, which evaluates it.
//!
//! See docs/decisions/006-one-variable-undoes-what-a-shell-uses.md

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::call::CODE;
use super::kind::Shell;
use super::quote::{Plain, Quoted, fish_exact, posix_exact, powershell_exact};
use crate::model::{Failure, Memory, Result, Saved, VarName};

impl Shell {
    /// Returns code that makes `changes` exactly, whatever the values hold, keeps `memory` in a
    /// variable of the shell, and then says the line `said`.
    ///
    /// The variable that `cs off` needs is set first and unset last, so that a shell which is
    /// interrupted half-way can still put everything back. In bash and zsh the first statement that
    /// fails (a variable is read-only) ends the code with that status: the function tries it in a
    /// subshell first.
    ///
    /// Fails (exit 5) if a value cannot be written in this shell: one that is not UTF-8, for
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

    /// Returns code that changes the directory. `directory` is absolute.
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

    /// Returns `value` as a literal, whatever it holds. Fails with the variable's name (exit 5) if this
    /// shell has no literal for it.
    fn exact(self, name: &VarName, value: &OsStr) -> Result<Quoted> {
        if let Some(plain) = value.to_str().and_then(|text| Plain::new(text).ok()) {
            return Ok(self.quote(plain));
        }
        let bytes = value.as_encoded_bytes();
        match (self, value.to_str()) {
            (Self::Bash | Self::Zsh, _) => Ok(posix_exact(bytes)),
            (Self::Fish, _) => Ok(fish_exact(bytes)),
            (Self::PowerShell, Some(text)) => Ok(powershell_exact(text)),
            _ => Err(Failure::refused(format!(
                "variable '{name}' holds what {} cannot be told, so it could not be put back",
                self.name()
            ))),
        }
    }
}

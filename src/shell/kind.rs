//! The shells that code is written for.

use clap::ValueEnum;

/// A shell that code is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Shell {
    /// bash 3.2 and newer; environment changes are valid in any POSIX shell.
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
    /// Returns the name as people type it: `cs init NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::PowerShell => "powershell",
            Self::Nushell => "nushell",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_known_by_their_names_and_short_names() {
        for shell in Shell::value_variants() {
            assert_eq!(Shell::from_str(shell.name(), false), Ok(*shell));
        }
        assert_eq!(Shell::from_str("pwsh", false), Ok(Shell::PowerShell));
        assert_eq!(Shell::from_str("nu", false), Ok(Shell::Nushell));
    }
}

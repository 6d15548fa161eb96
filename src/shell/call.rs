//! The protocol between the program and its shell function.

use std::ffi::OsStr;

use clap::ValueEnum;

use super::kind::Shell;

/// The variable that tells the program, in a call through the shell function and only there, who is
/// calling: `zsh:1:4242:cs` is zsh, with functions of protocol 1, as process 4242, and people call
/// the function `cs`.
///
/// The program takes it out of the environment of whatever it starts: with it, a bare call from there
/// would look like one through the function.
pub const CALLED_FROM: &str = "CS_SHELL";

/// The first line of code that a function may evaluate. Text with another first line it shows
/// instead: help, say, or the output of an older or newer program.
pub const CODE: &str = "#cs:1";

/// The version of the protocol. The functions of a shell that has been open since before an update may
/// be older than the program.
const PROTOCOL: u32 = 1;

/// A call through the shell function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The shell.
    pub shell: Shell,
    /// Its functions can run code that this program prints: they are neither older nor newer.
    pub understands: bool,
    /// Its process id; 0 if the function is too old to say.
    pub pid: u32,
    /// The name of the function: `cs`, or the one given with `--cmd`.
    pub family: String,
}

impl Call {
    /// Reads the value of [`CALLED_FROM`]; returns `None` if no function of ours has set it.
    pub fn parse(text: &OsStr) -> Option<Self> {
        let mut fields = text.to_str()?.split(':');
        let shell = Shell::from_str(fields.next()?, false).ok()?;
        let protocol = fields.next().and_then(|text| text.parse::<u32>().ok());
        let pid = fields.next().and_then(|text| text.parse().ok()).unwrap_or_default();
        let family = fields.next().filter(|text| !text.is_empty()).unwrap_or("cs").to_owned();
        Some(Self { shell, understands: protocol == Some(PROTOCOL), pid, family })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_says_who_is_calling_and_an_old_function_only_its_shell() {
        let call = Call::parse(OsStr::new("zsh:1:4242:ccs")).expect("a call");
        assert_eq!(call, Call { shell: Shell::Zsh, understands: true, pid: 4242, family: "ccs".into() });
        let old = Call::parse(OsStr::new("fish")).expect("a call");
        assert_eq!((old.understands, old.family.as_str()), (false, "cs"));
        assert!(!Call::parse(OsStr::new("bash:2:1:cs")).expect("a call").understands);
        assert_eq!(Call::parse(OsStr::new("tcsh:1:1:cs")), None);
    }
}

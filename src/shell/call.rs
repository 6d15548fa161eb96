//! How the program is told that it is called through its shell function.

use std::ffi::OsStr;

use clap::ValueEnum;

use super::Shell;

/// The variable that tells the program, in a call through the shell function and only there, who is
/// calling: `zsh:1:4242:cs` is zsh, with functions of protocol 1, as process 4242, and people call
/// the function `cs`.
///
/// The program has to take it out of the environment of whatever it starts, or a bare call from
/// in there would look like one through the function.
pub const CALLED_FROM: &str = "CS_SHELL";

/// The first line of code that a function may evaluate. A function that finds another one shows
/// what it got instead: help, say, or what an older or newer program prints.
pub const CODE: &str = "#cs:1";

/// What the functions and the program agree on. The functions of a shell that has been open since
/// before an update may be older than the program.
const PROTOCOL: u32 = 1;

/// A call through the shell function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The shell.
    pub shell: Shell,
    /// Whether its functions can run code that this program prints: they are neither older nor newer.
    pub understands: bool,
    /// Its process id; 0 where an old function does not say.
    pub pid: u32,
    /// What people call the function: `cs`, or what `--cmd` made of it.
    pub family: String,
}

impl Call {
    /// Reads the variable; `None` where it is not ours.
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

//! The program of a multiplexer, and asking it.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::error::{Error, ErrorKind};
use crate::model::Environment;
use crate::os::{self, PassedOver};

/// The programs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// tmux.
    Tmux,
    /// zellij.
    Zellij,
}

impl Kind {
    /// Returns the name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tmux => "tmux",
            Self::Zellij => "zellij",
        }
    }
}

/// A multiplexer that can be run, as somebody with a given environment would run it.
#[derive(Clone, Debug)]
pub struct Multiplexer {
    pub(super) kind: Kind,
    pub(super) program: PathBuf,
    pub(super) environment: Environment,
}

impl Multiplexer {
    /// Returns the program of this kind. Fails if it is not on the `PATH` of `environment` where no session can write,
    /// with what was passed over for that.
    pub(super) fn find(kind: Kind, environment: &Environment) -> Result<Self, Option<PassedOver>> {
        let path = environment.get(OsStr::new("PATH"));
        let program = os::find_program(kind.name(), path.map(OsString::as_os_str), os::is_out_of_reach)?;
        Ok(Self { kind, program, environment: environment.clone() })
    }

    /// Returns which one it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Runs the program to its end. Returns its output; fails with what it says of its failure, in one line, of which
    /// `kind_of` tells the kind.
    pub(super) fn ask<S: AsRef<OsStr>>(
        &self,
        words: &[S],
        kind_of: fn(&str) -> ErrorKind,
    ) -> Result<String, Error> {
        let mut command = Command::new(&self.program);
        command.args(words).env_clear().envs(&self.environment).stdin(Stdio::null());
        let ran = command.output().map_err(|error| Error::not_run(&self.program, &error))?;
        if ran.status.success() {
            Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
        } else {
            Err(Error::of(&ran, self.kind.name(), kind_of))
        }
    }
}

/// Returns true if the variable `name`, which a multiplexer sets, is there.
pub(super) fn inside(environment: &Environment, name: &str) -> bool {
    environment.get(OsStr::new(name)).is_some_and(|value| !value.is_empty())
}

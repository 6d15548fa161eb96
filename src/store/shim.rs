//! The shim: a program called `claude` in a directory of its own, for the `PATH` of those who want it.
//!
//! See docs/decisions/007-claude-in-a-shell-in-use-is-the-session.md

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Store;
use crate::model::{Failure, Result};
use crate::os;

impl Store {
    /// Returns the path of the shim, which need not exist.
    pub fn shim_path(&self) -> PathBuf {
        self.root.join("shim").join(if cfg!(windows) { "claude.exe" } else { "claude" })
    }

    /// Makes the shim: `program` (this one) under the name `claude`. Replaces an earlier one, so that it
    /// follows a `cs` that has moved.
    pub fn install_shim(&self, program: &Path) -> Result<PathBuf> {
        self.ensure()?;
        let shim = self.shim_path();
        let failed = |error: io::Error| Failure::io("make", &shim, &error);
        if let Some(directory) = shim.parent() {
            os::create_private_dirs(directory).map_err(failed)?;
        }
        // Beside it first: a program that looks for claude meanwhile finds the old one or the new.
        let fresh = shim.with_extension(format!("new-{}", std::process::id()));
        link_program(program, &fresh).map_err(failed)?;
        if let Err(error) = fs::rename(&fresh, &shim) {
            let _ = fs::remove_file(&fresh);
            return Err(failed(error));
        }
        Ok(shim)
    }

    /// Takes the shim away; `None` if there is none.
    pub fn remove_shim(&self) -> Result<Option<PathBuf>> {
        let shim = self.shim_path();
        match fs::remove_file(&shim) {
            Ok(()) => Ok(Some(shim)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io("remove", &shim, &error)),
        }
    }
}

#[cfg(unix)]
fn link_program(program: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program, path)
}

/// Links need a privilege on Windows. A second name of the file does not, but no name of a program
/// that runs can be removed there, and the one that removes it is this one.
#[cfg(not(unix))]
fn link_program(program: &Path, path: &Path) -> io::Result<()> {
    fs::copy(program, path).map(drop)
}

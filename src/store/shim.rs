//! The shim: a program called `claude` in a directory of its own, for the `PATH` of those who want it.
//!
//! See docs/decisions/007-claude-in-a-shell-in-use-is-the-session.md

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
        refuse_what_is_not_ours(&shim)?;
        // A program that looks for claude meanwhile finds the old one or the new.
        put_program(program, &shim).map_err(failed)?;
        Ok(shim)
    }

    /// Takes the shim away; `None` if there is none. Refuses what is not one.
    pub fn remove_shim(&self) -> Result<Option<PathBuf>> {
        let shim = self.shim_path();
        if !os::exists(&shim) {
            return Ok(None);
        }
        refuse_what_is_not_ours(&shim)?;
        os::remove_file(&shim).map_err(|error| Failure::io("remove", &shim, &error))?;
        Ok(Some(shim))
    }
}

/// Refuses a file or directory in the place of the shim that `cs` did not put there: the shim is a link.
fn refuse_what_is_not_ours(shim: &Path) -> Result<()> {
    if cfg!(windows) || !os::exists(shim) || shim.is_symlink() {
        return Ok(());
    }
    Err(Failure::refused(format!("{} is no link, so nothing that cs put there", shim.display()))
        .hint("move it away"))
}

#[cfg(unix)]
fn put_program(program: &Path, shim: &Path) -> io::Result<()> {
    os::replace_link(shim, program)
}

/// Links need a privilege on Windows. A second name of the file does not, but no name of a program
/// that runs can be removed there, and the one that removes it is this one.
#[cfg(not(unix))]
fn put_program(program: &Path, shim: &Path) -> io::Result<()> {
    let fresh = shim.with_extension(format!("new-{}", std::process::id()));
    let put = || {
        std::fs::copy(program, &fresh)?;
        std::fs::File::options().write(true).open(&fresh)?.sync_all()?;
        std::fs::rename(&fresh, shim)
    };
    put().inspect_err(|_| {
        let _ = std::fs::remove_file(&fresh);
    })
}

//! The facts that a command line needs besides the sandbox.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The facts that a command line needs about the process that becomes the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The descriptor of the file with the [`filter()`](super::filter()); `None` if there is none for this kind of
    /// machine: then what is inside gets no terminal of its own to type on.
    pub filter: Option<String>,
    /// The descriptor of the file that is locked for as long as the engine runs; `None` before it is.
    pub held: Option<String>,
    /// The descriptors of what is mounted, by path: of what has none, the path is taken.
    pub open: BTreeMap<PathBuf, String>,
    /// Standard input is a terminal.
    pub terminal: bool,
    /// The names of all variables in the environment: podman hands on only what it is told to.
    pub variables: Vec<OsString>,
    /// The user's id and that of the group.
    pub ids: (u32, u32),
}

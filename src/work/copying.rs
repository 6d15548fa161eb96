//! Copying a conversation into a session that is being made.

use std::time::SystemTime;

use crate::claude::Conversation;
use crate::model::{Failure, Result};
use crate::os::Foreign;
use crate::store::ConfigFiles;

/// Copies a conversation to `files`, for a launch in the directory of the name `slug` below `projects/`: the
/// transcript up to its last whole line, with the time `modified` if there is one, and the directory beside it.
pub(crate) fn copy_conversation(
    files: &ConfigFiles,
    source: &Conversation,
    slug: &str,
    modified: Option<SystemTime>,
) -> Result<()> {
    let copy = || {
        let place = Conversation::place(source.id, slug);
        files.copy_lines(&source.path, &place, modified)?;
        match source.beside() {
            Some(beside) if beside.is_dir() => files.copy_tree(&beside, &place.with_extension("")),
            _ => Ok(()),
        }
    };
    copy().map_err(|error| failed(&source.path, &error))
}

/// Returns the failure to copy the conversation `path`.
pub(crate) fn failed(path: &Foreign, error: &std::io::Error) -> Failure {
    path.failure("copy the conversation", error)
}

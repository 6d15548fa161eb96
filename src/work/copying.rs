//! Copying a conversation into a session that is being made.

use std::path::Path;
use std::time::SystemTime;

use crate::claude::Conversation;
use crate::model::{Failure, Result};
use crate::os;
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
        files.put(&place, &source.whole_lines()?, modified)?;
        let beside = source.beside();
        if os::is_dir(&beside) { files.copy_tree(&beside, &place.with_extension("")) } else { Ok(()) }
    };
    copy().map_err(|error| failed(&source.path, &error))
}

/// Returns the failure to copy the conversation `path`.
pub(crate) fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::io("copy the conversation", path, error)
}

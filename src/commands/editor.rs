//! Letting a person edit a file of ours.

use std::path::Path;

use crate::model::{Failure, Result};
use crate::os;
use crate::work::context::Context;

/// Opens `path` in `$VISUAL`, `$EDITOR` or `vi`, and returns when the editor has ended.
pub(super) fn edit(context: &Context, path: &Path) -> Result<()> {
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| context.variable(name)).map_or_else(
        || if cfg!(windows) { "notepad".into() } else { "vi".into() },
        |value| value.to_string_lossy().into_owned(),
    );
    // By convention the variable may hold arguments too, so a shell reads it; the path is passed
    // in a variable and never becomes code. (On Windows a path holds no quote.)
    let mut command = if cfg!(windows) {
        let editor = if Path::new(&editor).is_file() { format!("\"{editor}\"") } else { editor.clone() };
        os::shell_command(&format!("{editor} \"{}\"", path.display()), None)
    } else {
        let mut command = os::shell_command(&format!("{editor} \"$CS_EDITED\""), None);
        command.env("CS_EDITED", path);
        command
    };
    let status =
        command.status().map_err(|error| Failure::failed(format!("cannot run {editor}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::failed(format!("the editor '{editor}' failed ({status})"))
        .hint("choose another one: export EDITOR=…"))
}

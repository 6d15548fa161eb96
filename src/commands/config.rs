//! `cs config`: show the settings, edit them, or say where they are.

use super::{editor, report};
use crate::cli::ConfigCommand;
use crate::config::{self, Config};
use crate::model::{Failure, Outcome, Result};
use crate::os;
use crate::ui;
use crate::work::context::Context;

pub(super) fn run(context: &Context, command: Option<ConfigCommand>) -> Result<Outcome> {
    match command.unwrap_or(ConfigCommand::Show { json: false }) {
        ConfigCommand::Path => report::print(&format!("{}\n", context.config_path()?.display()))?,
        ConfigCommand::Show { json } => show(context, json)?,
        ConfigCommand::Edit => edit(context)?,
    }
    Ok(Outcome::Done)
}

fn show(context: &Context, as_json: bool) -> Result<()> {
    let config = context.config()?;
    if as_json {
        let mut value = serde_json::to_value(config)
            .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
        value["schema"] = 1.into();
        return report::print_json(&value);
    }
    let path = context.config_path()?;
    let origin = if os::exists(&path) { "" } else { " (no such file: all of this is built in)" };
    let text =
        toml::to_string(config).map_err(|error| Failure::failed(format!("cannot write TOML: {error}")))?;
    report::print(&format!("# {}{origin}\n{}", ui::escape(&path.display().to_string()), spelled_out(&text)))
}

/// TOML with everything that a terminal would act on spelled out, as TOML does it.
fn spelled_out(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || ui::escape(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() {
            safe.push(c);
        } else {
            safe.push_str(&format!("\\U{:08X}", u32::from(c)));
        }
    }
    safe
}

fn edit(context: &Context) -> Result<()> {
    let path = context.config_path()?;
    if let Some(parent) = path.parent() {
        os::create_private_dirs(parent).map_err(|error| Failure::io("create", parent, &error))?;
    }
    os::publish_file(&path, config::STARTER.as_bytes())
        .map_err(|error| Failure::io("write", &path, &error))?;
    editor::edit(context, &path)?;
    // What was written stays, whatever it is; but a mistake is told now, not at the next launch.
    Config::load(&path, context.trusted())
        .map(drop)
        .map_err(|failure| failure.hint("to correct it: cs config edit"))
}

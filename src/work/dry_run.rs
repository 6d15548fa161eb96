//! A plan, printed instead of carried out.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::json;

use crate::commands::report;
use crate::model::{Change, Outcome, Plan, Result};
use crate::ui;
use crate::work::context::Context;
use crate::work::launch;

/// What else would be done, before what the plan says.
#[derive(Debug)]
pub(crate) struct Shown {
    /// For a person: labels and values.
    pub lines: Vec<(&'static str, String)>,
    /// As JSON.
    pub value: serde_json::Value,
}

/// Prints a plan, for a person or as JSON. Secrets are not in it.
pub(crate) fn print_plan(context: &Context, plan: &Plan, as_json: bool) -> Result<Outcome> {
    print(context, plan, as_json, None)
}

/// The same for a plan that comes after a worktree.
pub(crate) fn print_plan_of_worktree(
    context: &Context,
    plan: &Plan,
    as_json: bool,
    worktree: &Shown,
) -> Result<Outcome> {
    print(context, plan, as_json, Some(worktree))
}

fn print(context: &Context, plan: &Plan, as_json: bool, worktree: Option<&Shown>) -> Result<Outcome> {
    let lossy = |path: &Path| path.to_string_lossy().into_owned();
    let command = launch::whole_command(plan, &context.environment);
    let command: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if as_json {
        let env: serde_json::Map<_, _> =
            plan.env.iter().map(|(name, change)| (name.to_string(), json!(change.shown()))).collect();
        let mut value = json!({
            "schema": 1,
            "directory": lossy(&plan.directory),
            "command": command,
            "env": env,
            "directories": plan.layout.directories.iter().map(|path| lossy(path)).collect::<Vec<_>>(),
            "links": plan.layout.links.iter()
                .map(|link| json!({"path": lossy(&link.path), "target": lossy(&link.target)})).collect::<Vec<_>>(),
            "files": plan.layout.files.iter()
                .map(|file| json!({"path": lossy(&file.path), "merge": file.replaces.is_some()})).collect::<Vec<_>>(),
            "notices": plan.notices,
        });
        if let (Some(object), Some(worktree)) = (value.as_object_mut(), worktree) {
            object.insert("worktree".to_owned(), worktree.value.clone());
        }
        report::print_json(&value)?;
        return Ok(Outcome::Done);
    }
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        text.push_str(&format!("{label:<10} {}\n", ui::escape(value)));
    };
    for (label, value) in worktree.into_iter().flat_map(|worktree| &worktree.lines) {
        line(label, value);
    }
    line("directory", &lossy(&plan.directory));
    line("run", &command.join(" "));
    let mut unset = 0;
    for (name, change) in plan.env.iter() {
        match change {
            Change::Unset if context.environment.contains_key(OsStr::new(name.as_str())) => {
                line("unset", name.as_str());
            }
            Change::Unset => unset += 1,
            change => line("set", &format!("{name}={}", change.shown().unwrap_or_default())),
        }
    }
    line("unset", &format!("{unset} more, which are not set here (all of them: --json)"));
    for path in &plan.layout.directories {
        line("make", &lossy(path));
    }
    for link in &plan.layout.links {
        line("link", &format!("{} -> {}", lossy(&link.path), lossy(&link.target)));
    }
    for file in &plan.layout.files {
        line(if file.replaces.is_some() { "add to" } else { "file" }, &lossy(&file.path));
    }
    for notice in &plan.notices {
        line("note", notice);
    }
    report::print(&text)?;
    Ok(Outcome::Done)
}

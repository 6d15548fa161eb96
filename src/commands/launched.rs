//! A launch, printed instead of carried out.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Value, json};

use super::report;
use crate::model::{Change, Launch, Link, Outcome, Put, Result, Step, WorktreeChange};
use crate::ui;
use crate::work::context::Context;
use crate::work::launch::becoming::whole_command;

/// Prints a launch, for a person or as JSON. Secrets are not in it.
pub(super) fn print(context: &Context, launch: &Launch, as_json: bool) -> Result<Outcome> {
    if as_json {
        report::print_json(&json(context, launch))?;
    } else {
        report::print(&text(context, launch))?;
    }
    Ok(Outcome::Done)
}

fn lossy(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn command(context: &Context, launch: &Launch) -> Vec<String> {
    let command = whole_command(&launch.plan, &context.environment);
    command.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

fn json(context: &Context, launch: &Launch) -> Value {
    let Launch { creation, worktree, plan, steps } = launch;
    let env: serde_json::Map<_, _> =
        plan.env.iter().map(|(name, change)| (name.to_string(), json!(change.shown()))).collect();
    let notices = steps.iter().filter_map(|step| match step {
        Step::Tell(text) => Some(text),
        _ => None,
    });
    let mut value = json!({
        "schema": 1,
        "directory": lossy(&plan.directory),
        "command": command(context, launch),
        "env": env,
        "directories": plan.layout.directories.iter().map(|path| lossy(path)).collect::<Vec<_>>(),
        "links": plan.layout.links.iter()
            .map(|link| json!({"path": lossy(&link.path), "target": lossy(&link.target)})).collect::<Vec<_>>(),
        "files": plan.layout.files.iter()
            .map(|file| json!({"path": lossy(&file.path), "merge": file.replaces.is_some()})).collect::<Vec<_>>(),
        "notices": notices.collect::<Vec<_>>(),
        "steps": steps.iter().map(described).collect::<Vec<_>>(),
    });
    if let Some(object) = value.as_object_mut() {
        if let Some(session) = creation {
            let ports = session.ports.map(|ports| json!({"first": ports.first(), "last": ports.last()}));
            let create = json!({"session": session.name, "profile": session.profile, "ports": ports});
            object.insert("create".to_owned(), create);
        }
        object.extend(worktree.as_ref().map(|change| ("worktree".to_owned(), changed(change))));
    }
    value
}

/// The change of a worktree as JSON.
fn changed(change: &WorktreeChange) -> Value {
    let WorktreeChange { worktree, command, copied, on_create, lock } = change;
    let copied: Vec<String> = copied.iter().map(|path| lossy(path)).collect();
    json!({
        "root": worktree.root, "repository": worktree.repository, "branch": worktree.branch,
        "onto": worktree.onto, "there": command.is_empty(), "command": command, "copied": copied,
        "on_create": on_create, "lock": lock,
    })
}

/// A step as JSON: what is done, and to what.
fn described(step: &Step) -> Value {
    let path = |path: &Path| Value::String(lossy(path));
    let link =
        |what: &str, link: &Link| json!({"do": what, "path": path(&link.path), "target": path(&link.target)});
    match step {
        Step::HoldSession => json!({"do": "hold-session"}),
        Step::NoteWalls(walls) => json!({"do": "note-walls", "walls": walls}),
        Step::SettleConversations => json!({"do": "settle-conversations"}),
        Step::ClaimPorts(ports) => {
            json!({"do": "claim-ports", "first": ports.first(), "last": ports.last()})
        }
        Step::HoldConversation(id) => json!({"do": "hold-conversation", "conversation": id}),
        Step::Sweep(ended) => match &ended.stays {
            None => json!({"do": "move-to-trash", "session": ended.name, "id": ended.id}),
            Some(why) => {
                json!({"do": "report-ended", "session": ended.name, "id": ended.id, "stays": why})
            }
        },
        Step::Put(put) => match put {
            Put::Directory(at) => json!({"do": "make-directory", "path": path(at)}),
            Put::TakeAway(at) => link("remove-link", at),
            Put::Link(at) => link("make-link", at),
            Put::Relink(at) => link("replace-link", at),
            Put::File(file) => {
                let what = if file.replaces.is_some() { "add-to-file" } else { "write-file" };
                json!({"do": what, "path": path(&file.path)})
            }
            Put::Outdated(at) => json!({"do": "remove-settings", "path": path(at)}),
            Put::Settings(file) => json!({"do": "write-settings", "path": path(&file.path)}),
        },
        Step::Tell(text) => json!({"do": "tell", "text": text}),
        Step::NoteEphemeral => json!({"do": "note-ephemeral"}),
        Step::EnterPane(pane) => json!({"do": "enter-pane", "detached": pane.detached}),
        Step::NoteRun { path: at, conversation, resumed } => {
            json!({"do": "note-run", "path": path(at), "conversation": conversation, "resumed": resumed})
        }
        Step::NoteOpen => json!({"do": "note-open"}),
        Step::Become => json!({"do": "become"}),
    }
}

fn text(context: &Context, launch: &Launch) -> String {
    let Launch { creation, worktree, plan, steps } = launch;
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        text.push_str(&format!("{label:<10} {}\n", ui::escape(value)));
    };
    if let Some(WorktreeChange { worktree, command, copied, on_create, lock }) = worktree {
        if command.is_empty() {
            line("worktree", &format!("{} (it is there)", worktree.root));
        } else {
            line("worktree", &worktree.root);
            line("git", &command.join(" "));
        }
        for path in copied {
            line("copy", &lossy(path));
        }
        if *lock {
            line("lock", &format!("{} (git worktree lock)", worktree.root));
        }
        for command in on_create {
            line("then run", command);
        }
    }
    if let Some(session) = creation {
        let ports = session.ports.map_or_else(String::new, |ports| format!(", ports {ports}"));
        line("create", &format!("session '{}' of profile '{}'{ports}", session.name, session.profile));
    }
    line("directory", &lossy(&plan.directory));
    line("run", &command(context, launch).join(" "));
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
    for (label, value) in steps.iter().filter_map(shown) {
        line(label, &value);
    }
    text
}

/// A step for a person: a label and a value. The program itself stands above all steps.
fn shown(step: &Step) -> Option<(&'static str, String)> {
    Some(match step {
        Step::Become => return None,
        Step::HoldSession => ("lock", "the session, until Claude runs".to_owned()),
        Step::NoteRun { path, .. } => ("record", lossy(path)),
        Step::NoteOpen => ("record", "that it is open".to_owned()),
        Step::NoteWalls(walls) => ("record", format!("that the session works in {}", walls.directory)),
        Step::SettleConversations => {
            ("settle", "the conversations that an ended process left on their way".to_owned())
        }
        Step::ClaimPorts(ports) => ("ports", ports.to_string()),
        Step::HoldConversation(id) => ("hold", format!("conversation {id}, which others share")),
        Step::Sweep(ended) => match &ended.stays {
            None => ("trash", format!("ephemeral session '{}', which has ended", ended.name)),
            Some(why) => ("note", format!("ephemeral session '{}' has ended and stays: {why}", ended.name)),
        },
        Step::Put(put) => match put {
            Put::Directory(path) => ("make", lossy(path)),
            Put::TakeAway(link) => ("unlink", format!("{} -> {}", lossy(&link.path), lossy(&link.target))),
            Put::Link(link) => ("link", format!("{} -> {}", lossy(&link.path), lossy(&link.target))),
            Put::Relink(link) => ("relink", format!("{} -> {}", lossy(&link.path), lossy(&link.target))),
            Put::File(file) if file.replaces.is_some() => ("add to", lossy(&file.path)),
            Put::File(file) => ("file", lossy(&file.path)),
            Put::Outdated(path) => ("remove", format!("{} (settings of an earlier start)", lossy(path))),
            Put::Settings(file) => ("settings", format!("{} (only you can read it)", lossy(&file.path))),
        },
        Step::Tell(text) => ("note", text.clone()),
        Step::NoteEphemeral => ("ephemeral", "goes to the trash when Claude ends".to_owned()),
        Step::EnterPane(pane) => (
            "inside",
            if pane.detached { "the multiplexer, in the background" } else { "the multiplexer" }.to_owned(),
        ),
    })
}

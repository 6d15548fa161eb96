//! `cs wt gc`: find worktrees whose work is done; list them, or take them away.

use serde_json::{Value, json};

use super::rm::{self, Removed};
use crate::commands::report;
use crate::git::State;
use crate::model::{Age, Failure, Outcome, Result};
use crate::ui::{self, Align, Table};
use crate::work::cleanup::{GRACE, last_used};
use crate::work::context::Context;
use crate::work::removal::{count, paths_of};
use crate::work::worktrees::tree::{self, Measured, Tree};

/// What is asked for.
pub(super) struct Wanted {
    pub all: bool,
    pub older_than: Option<Age>,
    pub yes: bool,
    pub json: bool,
}

/// A worktree that was looked at.
struct Looked {
    tree: Tree,
    used: Option<jiff::Timestamp>,
    bytes: u64,
    /// Why it stays; `None` where it can go.
    stays: Option<String>,
}

pub(super) fn run(context: &Context, wanted: &Wanted) -> Result<Outcome> {
    let sessions = tree::sessions(context)?;
    let repositories = if wanted.all { tree::repositories(&sessions)? } else { vec![tree::here()?] };
    let mut trees = Vec::new();
    for repository in &repositories {
        trees.extend(tree::trees(repository, &sessions)?);
    }
    let measured = tree::measure(&trees);
    let each = trees.into_iter().zip(measured);
    let looked = each.map(|(tree, measured)| look(context, tree, &measured, wanted.older_than));
    let mut looked: Vec<Looked> = looked.collect::<Result<_>>()?;
    if !wanted.yes {
        if wanted.json {
            report::print_json(&shown(&looked, None))?;
        } else {
            report::print(&table(context, &looked, wanted))?;
        }
        return Ok(Outcome::Done);
    }
    let mut gone: Vec<(String, Removed)> = Vec::new();
    let mut failed: Option<Failure> = None;
    for one in looked.iter_mut().filter(|one| one.stays.is_none()) {
        match rm::remove(context, &one.tree, false, false) {
            Ok(removed) => gone.push((one.tree.root().to_string_lossy().into_owned(), removed)),
            Err(failure) => {
                one.stays = Some(failure.message.clone());
                if let Some(earlier) = failed.replace(failure) {
                    report::say(&earlier.message);
                }
            }
        }
    }
    if wanted.json {
        let paths: Vec<&str> = gone.iter().map(|(path, _)| path.as_str()).collect();
        report::print_json(&shown(&looked, Some(&paths)))?;
    } else if gone.is_empty() && failed.is_none() {
        report::say("there is nothing to clean up");
    }
    for (_, removed) in &gone {
        if !wanted.json {
            removed.say();
        }
    }
    failed.map_or(Ok(Outcome::Done), Err)
}

/// Judges a worktree. Reads only.
fn look(context: &Context, tree: Tree, measured: &Measured, older_than: Option<Age>) -> Result<Looked> {
    let mut used = None;
    for session in &tree.sessions {
        let (paths, _) = paths_of(context, session)?;
        used = used.max(Some(last_used(context, session, &paths)?));
    }
    // What is committed or checked out by hand is use as well.
    let log = tree.git_dir().and_then(|dir| dir.join("logs/HEAD").metadata().ok()?.modified().ok());
    used = used.max(log.and_then(|time| jiff::Timestamp::try_from(time).ok()));
    let stays = stays(context, &tree, &measured.state, used, older_than)?;
    Ok(Looked { tree, used, bytes: measured.bytes, stays })
}

fn stays(
    context: &Context,
    tree: &Tree,
    state: &Result<State, String>,
    used: Option<jiff::Timestamp>,
    older_than: Option<Age>,
) -> Result<Option<String>> {
    // What a person made by hand is theirs to take away.
    if !tree.root().parent().is_some_and(|room| room.ends_with(".claude/worktrees")) {
        return Ok(Some("it is not in .claude/worktrees".into()));
    }
    if tree.sessions.is_empty() {
        return Ok(Some("it has no session".into()));
    }
    if let Some(stays) = tree.held(context)? {
        return Ok(Some(stays.why));
    }
    if !tree.is_gone() {
        let state = match state {
            Ok(state) => state,
            Err(why) => return Ok(Some(format!("git: {why}"))),
        };
        if let Some(stays) = tree.unfinished(state).or_else(|| tree.unsaved(state)) {
            return Ok(Some(stays.why));
        }
        if !state.merged {
            return Ok(Some("its commits are not merged".into()));
        }
    }
    let now = jiff::Timestamp::now();
    let is_old = |age: Age| used.is_none_or(|used| age.is_reached(used, now));
    if let Some(age) = [Some(GRACE), older_than].into_iter().flatten().find(|age| !is_old(*age)) {
        return Ok(Some(format!("it was used less than {age} ago")));
    }
    Ok(None)
}

fn why(one: &Looked) -> &'static str {
    if one.tree.is_gone() { "its directory is gone" } else { "all of it is merged" }
}

fn table(context: &Context, looked: &[Looked], wanted: &Wanted) -> String {
    let now = jiff::Timestamp::now();
    let home = context.home().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default();
    let going: Vec<&Looked> = looked.iter().filter(|one| one.stays.is_none()).collect();
    let mut text = String::new();
    if !going.is_empty() {
        let mut table = Table::new(&[
            ("NAME", Align::Left),
            ("LAST USED", Align::Right),
            ("SIZE", Align::Right),
            ("WHY", Align::Shrink),
            ("PATH", Align::ShrinkFront),
        ]);
        for one in &going {
            let path = one.tree.root().to_string_lossy();
            table.row(
                [
                    one.tree.name(),
                    one.used.map(|used| ui::age(used, now)).unwrap_or_default(),
                    ui::size(one.bytes),
                    why(one).to_owned(),
                    ui::short(&path, &home).into_owned(),
                ],
                None,
            );
        }
        text.push_str(&table.render(ui::width(), ui::colour_stdout()));
    }
    for one in looked {
        if let Some(why) = &one.stays {
            text.push_str(&ui::escape(&format!("stays: {}: {why}", one.tree.name())));
            text.push('\n');
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    if going.is_empty() {
        text.push_str("there is nothing to clean up\n");
        return text;
    }
    let bytes = ui::size(going.iter().map(|one| one.bytes).sum());
    let all = if wanted.all { " --all" } else { "" };
    let age = wanted.older_than.map(|age| format!(" --older-than {age}")).unwrap_or_default();
    text.push_str(&format!(
        "to the trash: {}, {bytes}, which is free when the trash is emptied\nto do it: cs wt gc --yes{all}{age}\n",
        count(going.len(), "worktree")
    ));
    text
}

fn shown(looked: &[Looked], removed: Option<&[&str]>) -> Value {
    let path = |one: &Looked| one.tree.root().to_string_lossy().into_owned();
    let about = |one: &Looked| {
        json!({
            "name": one.tree.name(), "path": path(one), "branch": one.tree.entry.branch, "used": one.used,
            "repository": one.tree.repository.main.to_string_lossy(), "bytes": one.bytes,
            "session": one.tree.owner().map(|session| json!({"name": session.name, "id": session.id})),
        })
    };
    let with = |one: &Looked, key: &str, value: Value| {
        let mut about = about(one);
        about[key] = value;
        about
    };
    let did = |one: &Looked| removed.is_some_and(|removed| removed.contains(&path(one).as_str()));
    let going = looked.iter().filter(|one| one.stays.is_none());
    let going: Vec<Value> = going
        .map(|one| {
            let mut about = with(one, "removed", did(one).into());
            about["why"] = why(one).into();
            about
        })
        .collect();
    let staying = looked.iter().filter_map(|one| Some(with(one, "why", one.stays.clone()?.into())));
    json!({"schema": 1, "done": removed.is_some(), "worktrees": going, "kept": staying.collect::<Vec<_>>()})
}

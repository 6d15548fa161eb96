//! `cs env NAME`: the variables of a session or profile, for a shell or a file.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use serde_json::json;

use super::report;
use crate::claude::{self, Continuation};
use crate::cli::EnvArgs;
use crate::model::{Change, EnvChanges, Outcome, Program, Result, Subject, VarName};
use crate::shell::{self, Shell};
use crate::store;
use crate::work::context::Context;
use crate::work::{binding, scene};

pub(super) fn run(context: &Context, args: &EnvArgs) -> Result<Outcome> {
    let subject = context.resolve(&args.name)?;
    let directory = match &subject {
        Subject::Session(session, _) => session.directory().to_path_buf(),
        Subject::Profile(_) => context.current_directory()?,
    };
    let plan = scene::plan(context, &subject, &Program::Nothing, &directory, Continuation::Unsaid)?;
    // Whoever takes the variables may start Claude with them, so the directory has to be there.
    store::lay_out(&plan.layout)?;
    for notice in &plan.notices {
        report::say(notice);
    }
    if args.dotenv {
        report::print(&shell::dotenv(&of_programs(context, &subject, &plan.env)?)?)?;
        return Ok(Outcome::Done);
    }
    let env = shown(plan.env);
    if args.json {
        let variables: serde_json::Map<_, _> =
            env.iter().map(|(name, change)| (name.to_string(), json!(change.value()))).collect();
        report::print_json(&json!({ "schema": 1, "env": variables }))?;
    } else {
        report::print(&args.shell.unwrap_or(Shell::Bash).render(&env)?)?;
    }
    Ok(Outcome::Done)
}

/// Returns what the programs of a project want of a session, in a file that they read: its names and ports, and
/// what `[env]` and the repository set. Not what is Claude's; and no secret, because such a file lies
/// in the project, where it is easily committed.
fn of_programs(context: &Context, subject: &Subject, env: &EnvChanges) -> Result<EnvChanges> {
    let named = match subject {
        Subject::Session(session, _) => binding::named_by_repository(context, session)?.env,
        Subject::Profile(_) => BTreeMap::new(),
    };
    let (settings, profile) = (&context.config()?.env, &subject.profile().env);
    let wanted = |name: &VarName| {
        let is_set = settings.contains_key(name) || profile.contains_key(name) || named.contains_key(name);
        name.as_str().starts_with("CS_") || is_set && !claude::is_claudes(name.as_str())
    };
    let mut kept = EnvChanges::new();
    let mut secrets = Vec::new();
    for (name, change) in env.iter().filter(|(name, _)| wanted(name)) {
        match change {
            Change::SetSecret(_) => secrets.push(name.as_str()),
            change => kept.put(name.clone(), change.clone()),
        }
    }
    if !secrets.is_empty() {
        report::say(&format!("left out, as secrets do not belong in a file: {}", secrets.join(", ")));
    }
    Ok(kept)
}

/// On a terminal nobody evaluates what is printed, but somebody may be looking over a shoulder.
fn shown(env: EnvChanges) -> EnvChanges {
    if !std::io::stdout().is_terminal() {
        return env;
    }
    let mut masked = EnvChanges::new();
    let mut hidden = false;
    for (name, change) in env.iter() {
        hidden |= matches!(change, Change::SetSecret(_));
        let change = change.shown().map_or(Change::Unset, |value| Change::Set(value.to_owned()));
        masked.put(name.clone(), change);
    }
    if hidden {
        report::say("secrets are shown as *** on a terminal, and printed in full to a pipe or a file");
    }
    masked
}

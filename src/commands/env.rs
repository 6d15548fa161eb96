//! `cs env NAME`: the variables of a session or profile, for a shell or a file.

use std::io::IsTerminal;

use serde_json::json;

use super::context::Context;
use super::{directory, report, scene};
use crate::claude::Start;
use crate::cli::EnvArgs;
use crate::model::{Change, EnvChanges, Launch, Outcome, Result, Subject};
use crate::shell::{self, Shell};
use crate::store;

pub(super) fn run(context: &Context, args: &EnvArgs) -> Result<Outcome> {
    let subject = context.resolve(&args.name)?;
    let directory = match &subject {
        Subject::Session(session, _) => session.directory().to_path_buf(),
        Subject::Profile(_) => directory::current_directory()?,
    };
    let plan = scene::plan(context, &subject, &Launch::Nothing, &directory, Start::Unsaid)?;
    // Whoever takes the variables may start Claude with them, so the directory has to be there.
    store::lay_out(&plan.layout)?;
    for notice in &plan.notices {
        report::say(notice);
    }
    let env = shown(plan.env);
    if args.json {
        let variables: serde_json::Map<_, _> =
            env.iter().map(|(name, change)| (name.to_string(), json!(change.value()))).collect();
        report::print_json(&json!({ "schema": 1, "env": variables }))?;
    } else if args.dotenv {
        report::print(&shell::dotenv(&env)?)?;
    } else {
        report::print(&args.shell.unwrap_or(Shell::Bash).render(&env)?)?;
    }
    Ok(Outcome::Done)
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

//! `cs import claude`: config directories that are there, and the aliases that use them.

use std::path::Path;

use super::told::{refuse_options, tell};
use crate::cli::ImportArgs;
use crate::commands::report;
use crate::model::{Failure, Name, Outcome, Result};
use crate::transfer::State;
use crate::transfer::claude::{Candidate, Choice, Import, candidates};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<Outcome> {
    refuse_options(
        "cs import claude",
        &[
            ("--as", args.new.is_some()),
            ("--profile", args.profile.is_some()),
            ("--from", args.from.is_some()),
        ],
    )?;
    let home = context.home()?;
    let candidates = candidates(context, &home)?;
    let asks = !args.yes && !args.dry_run && !args.json && ui::can_ask();
    if asks && !candidates.is_empty() {
        show(context, &candidates, &home)?;
    }
    let mut import = Import::begin(context, &home, args.dry_run);
    for candidate in &candidates {
        if candidate.is_own && !candidate.mentioned.is_empty() && !args.json {
            report::say(&format!(
                "{}: set as CLAUDE_CONFIG_DIR, ~/.claude is another profile to Claude, without your MCP servers: take that line out",
                candidate.by(&home)
            ));
        }
        let Some(suggested) = import.suggested(candidate)? else { continue };
        let choice = if asks {
            asked(context, candidate, &suggested)?.map_or(Choice::Leave, Choice::Take)
        } else if args.yes || args.dry_run {
            Choice::Take(suggested)
        } else {
            Choice::Offer(suggested)
        };
        import.settle(candidate, choice);
    }
    let found = import.end();
    let outcome = tell(context, &found, "your home directory", args.dry_run, args.json)?;
    if !args.json && found.iter().any(|one| one.state == State::Offered) {
        report::say("to take them under these names: cs import claude --yes");
        report::say("to take one: cs profile adopt NAME DIRECTORY");
    }
    Ok(outcome)
}

/// Shows a person what there is, before the questions.
fn show(context: &Context, candidates: &[Candidate], home: &Path) -> Result<()> {
    let mut table = Table::new(&[
        ("DIRECTORY", Align::ShrinkFront),
        ("CONVERSATIONS", Align::Right),
        ("LOGIN", Align::Left),
        ("NAMED BY", Align::Shrink),
    ]);
    for candidate in candidates {
        let login = if candidate.has_login { "yes" } else { "no" };
        table.row(
            [
                candidate.directory.display().to_string(),
                candidate.conversations.to_string(),
                login.to_owned(),
                candidate.by(home),
            ],
            None,
        );
    }
    report::print(&table.render(ui::width(), context.colours()))
}

/// Asks for the name of a profile until it can be one; `None` where it is to be left out.
fn asked(context: &Context, candidate: &Candidate, suggested: &Name) -> Result<Option<Name>> {
    loop {
        let question = format!("a name for {} (- to leave it out)", candidate.directory.display());
        let Some(text) = ui::ask(&question, suggested.as_str()) else {
            return Err(Failure::failed("nobody answered; what was adopted before stays"));
        };
        if text == "-" {
            return Ok(None);
        }
        match Name::new(&text) {
            Ok(name) if context.store()?.holder(&name)?.is_none() => return Ok(Some(name)),
            Ok(name) => report::say(&format!("'{name}' is taken")),
            Err(error) => report::say(&error.to_string()),
        }
    }
}

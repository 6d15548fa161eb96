//! `cs import FILE`: what `cs export` wrote.

use std::io::{self, IsTerminal};
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::ImportArgs;
use crate::commands::report;
use crate::model::{Failure, Outcome, ProfileKind, Result, TokenSource};
use crate::store::ForeignProfile;
use crate::transfer::import::{Brought, ImportOptions, Source, bring_in};
use crate::ui;
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<Outcome> {
    if args.from.is_some() {
        return Err(Failure::usage("--from goes with ccs and claude-session")
            .hint("a file of cs export is named itself: cs import FILE"));
    }
    let source = if args.source == "-" {
        if io::stdin().is_terminal() {
            return Err(Failure::usage("nothing comes in here: name a file, or pass one on")
                .hint("cs import backup.tar.gz"));
        }
        Source::new(Box::new(io::stdin().lock()), "-".into())?
    } else {
        Source::open(Path::new(&args.source))?
    };
    let asks = !args.dry_run && args.source != "-";
    let makes = |foreign: &ForeignProfile| {
        let question = || format!("make profile '{}' ({})?", foreign.profile.name, said_of(foreign));
        args.yes || asks && ui::confirm(&question())
    };
    let options = ImportOptions {
        name: args.new.as_deref(),
        profile: args.profile.as_deref(),
        makes: &makes,
        dry_run: args.dry_run,
    };
    let mut reading = ui::Progress::new("reading");
    let brought = bring_in(context, source, &options, &mut |at| reading.at(at))?;
    drop(reading);
    if args.json {
        report::print_json(&json(&brought, args.dry_run))?;
    } else {
        tell(&brought, args.dry_run);
    }
    Ok(Outcome::Done)
}

/// Tells what was in the file, and what became of it.
fn tell(brought: &Brought, dry: bool) {
    for (foreign, skipped) in &brought.profiles {
        let name = &foreign.profile.name;
        if let Some(why) = skipped {
            report::say(&format!("profile '{name}' is left out: {why} ({})", said_of(foreign)));
            continue;
        }
        let verb = if dry { "would make" } else { "made" };
        report::say(&format!("{verb} profile '{name}', without a login ({})", said_of(foreign)));
        if !foreign.left_out.is_empty() {
            report::say(&format!(
                "profile '{name}': left out: {}; to set it: cs profile edit {name}",
                foreign.left_out.join(", ")
            ));
        }
    }
    for incoming in &brought.sessions {
        let name = &incoming.session.name;
        if let Some(why) = &incoming.skipped {
            report::say(&format!("session '{name}' is left out: {why}"));
            continue;
        }
        let verb = if dry { "would bring in" } else { "brought in" };
        report::say(&format!(
            "{verb} session '{name}' (profile '{}'): {}, {}",
            incoming.session.profile,
            ui::count(usize::try_from(incoming.conversations).unwrap_or(0), "conversation"),
            ui::size(incoming.bytes)
        ));
        for note in &incoming.notes {
            report::say(&format!("session '{name}': {note}"));
        }
    }
    if brought.sessions.is_empty() && brought.profiles.is_empty() {
        report::say("there is no session in it");
    }
}

fn json(brought: &Brought, dry: bool) -> Value {
    json!({
        "schema": 1,
        "done": !dry,
        "written": brought.written,
        "sessions": brought.sessions.iter().map(|incoming| json!({
            "id": incoming.session.id, "name": incoming.session.name, "profile": incoming.session.profile,
            "directory": incoming.session.directory, "skipped": incoming.skipped, "notes": incoming.notes,
            "files": incoming.files, "bytes": incoming.bytes, "conversations": incoming.conversations,
        })).collect::<Vec<_>>(),
        "profiles": brought.profiles.iter().map(|(foreign, skipped)| json!({
            "name": foreign.profile.name, "left_out": foreign.left_out, "skipped": skipped,
        })).collect::<Vec<_>>(),
    })
}

/// Returns what a profile would do here that its owner should know: where prompts go, and what is set.
fn said_of(foreign: &ForeignProfile) -> String {
    let mut said = match &foreign.profile.kind {
        ProfileKind::Account => "an account".to_owned(),
        ProfileKind::Api(endpoint) => {
            let url = endpoint.base_url.as_deref().unwrap_or("Anthropic's own API");
            let token = match &endpoint.token {
                TokenSource::Variable(name) => format!(", token from {name}"),
                TokenSource::File(path) => format!(", token from {}", path.display()),
                _ => String::new(),
            };
            format!("an endpoint at {url}{token}")
        }
    };
    if !foreign.profile.env.is_empty() {
        let names: Vec<String> = foreign.profile.env.keys().map(ToString::to_string).collect();
        said.push_str(&format!("; sets {}", names.join(", ")));
    }
    said
}

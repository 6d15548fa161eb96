//! `cs tour`: see it work, in a throw-away place.
//!
//! Everything runs through this very binary, as a person would run it, with a home, a data root
//! and an environment that exist for the tour only.

mod checks;
mod place;
mod stand_in;

use std::path::Path;
use std::time::{Duration, Instant};

use super::report;
use crate::cli::TourArgs;
use crate::model::{Failure, Outcome, Result};
use crate::ui;
use crate::work::context::Context;

use place::{NAMES, TourPlace};

pub(super) use stand_in::run as stand_in;

pub(super) fn run(context: &Context, args: &TourArgs) -> Result<Outcome> {
    let place = TourPlace::make(context, args)?;
    let outcome = place.show();
    if args.keep {
        tell(&format!("kept: {}", place.root.display()))?;
    } else if let Err(error) = place.remove() {
        report::say(&format!("could not remove {}: {error}", place.root.display()));
    } else {
        tell("cleaned up: nothing of this is left.")?;
    }
    outcome
}

fn tell(text: &str) -> Result<()> {
    report::print(&format!("{text}\n"))
}

impl TourPlace {
    /// Shows it all.
    fn show(&self) -> Result<Outcome> {
        tell(&format!("Everything here happens in {} and is gone afterwards.", self.root.display()))?;
        let version = self.cs(&["exec", "default", "--", &self.claude_program, "--version"])?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        tell(&format!("Claude: {}, {version}.\n", ui::escape(&self.claude)))?;
        let before = checks::fingerprint(&self.home().join(".claude"));

        tell(
            "A profile is a login with its settings. This one shares skills, settings and CLAUDE.md with ~/.claude:",
        )?;
        typed("cs profile create demo")?;
        self.checked(&["profile", "create", "demo"])?;

        tell("\nTwo sessions of it, open at once:")?;
        let mut open = Vec::new();
        for name in NAMES {
            typed(&format!("cs --profile demo {name} -p 'the word is {name}'  &"))?;
            open.push(self.start(name, &["--profile", "demo", name, "-p", &format!("the word is {name}")])?);
        }
        let refused = self.wait_until_open()?;
        typed("cs list --live")?;
        tell(&indent(&self.checked(&["list", "--live"])?))?;
        let mut said = Vec::new();
        for (name, child) in NAMES.iter().zip(open) {
            said.push(place::finish(child, name)?);
        }
        for (name, said) in NAMES.iter().zip(&said) {
            tell(&format!("  {name} was told: {}", ui::escape(said.trim())))?;
        }

        tell("\nWhat each was given:")?;
        let shown = [self.json(&["show", "--json", NAMES[0]])?, self.json(&["show", "--json", NAMES[1]])?];
        tell(&indent(&checks::side_by_side(self, &shown)?))?;

        tell("Later, from another directory, the conversation goes on:")?;
        typed("cd /; cs red -p 'which word?'")?;
        let again = self
            .command(Path::new("/"), &["red", "-p", "which word?"])
            .output()
            .map_err(|error| place::failed(&error))?;
        tell(&format!("  red was told: {}", ui::escape(String::from_utf8_lossy(&again.stdout).trim())))?;
        let after = [self.json(&["show", "--json", NAMES[0]])?, self.json(&["show", "--json", NAMES[1]])?];
        let transcript = after[0]["conversations"][0]["path"].as_str().unwrap_or_default();
        let prompts = stand_in::prompts(Path::new(transcript));
        tell(&format!("  in its one transcript now: {}", ui::escape(&prompts.join(" / "))))?;
        if self.real {
            tell(
                "  (the tour has no login, so Claude answers nothing else; what it keeps on disk is all the same real)",
            )?;
        }

        tell("\nThe isolation check:")?;
        let mut checks = checks::check(self, &after, &before)?;
        if let Some(refused) = refused {
            checks.push(("a second start of an open session is refused", refused));
        }
        let removed =
            self.cs(&["rm", "red"])?.status.success() && self.cs(&["show", "red"])?.status.code() == Some(4);
        let back = self.cs(&["restore", "red"])?.status.success()
            && self.json(&["show", "--json", "red"])?["conversations"] == after[0]["conversations"];
        checks.push(("a removed session comes back from the trash, conversation and all", removed && back));
        for (what, good) in &checks {
            tell(&format!("  {} {what}", if *good { "ok   " } else { "WRONG" }))?;
        }
        tell(
            "\nTo have it in your shell, add the line for it (bash and zsh: eval \"$(cs init bash)\"), then: cs NAME",
        )?;
        if checks.iter().all(|(_, good)| *good) {
            return Ok(Outcome::Done);
        }
        Err(Failure::failed("the isolation check found something wrong")
            .hint("please report it with the lines above"))
    }

    /// Waits until both sessions are open, and tries to start one of them again meanwhile. `None`
    /// where they were over too soon to try.
    fn wait_until_open(&self) -> Result<Option<bool>> {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            let list = self.json(&["list", "--json"])?;
            let live = list["sessions"]
                .as_array()
                .map_or(0, |all| all.iter().filter(|one| one["live"] == true).count());
            if live == NAMES.len() {
                let again = self.cs(&["red", "-p", "and again?"])?;
                return Ok(Some(again.status.code() == Some(5)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }
}

/// Shows a line that is run now.
fn typed(line: &str) -> Result<()> {
    tell(&format!("  $ {line}"))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

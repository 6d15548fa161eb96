//! `cs profile remove NAME`: move a profile to the trash.

use super::super::report;
use crate::model::{ConfigHome, Failure, Outcome, Result, Target};
use crate::ui;
use crate::work::context::Context;
use crate::work::{binding, profiles};

pub(super) fn run(context: &Context, name: &str, force: bool) -> Result<Outcome> {
    let profile = context.resolve_profile(name)?;
    let name = profile.name.clone();
    if profile.name.is_default() {
        return Err(Failure::refused("'default' is your own ~/.claude and stays"));
    }
    let heirs = profiles::heirs(context, &name)?;
    if let Some(heir) = heirs.first() {
        let all: Vec<String> = heirs.iter().map(|heir| format!("'{heir}'")).collect();
        return Err(Failure::refused(format!(
            "profile '{name}' is inherited by {}, which works in its config directory",
            all.join(", ")
        ))
        .hint(format!("remove that one first: cs profile remove {heir}")));
    }
    let users = profiles::in_use(context, &profile)?;
    if !users.is_empty() {
        return Err(Failure::refused(format!("profile '{name}' is in use: {}", users.join(", ")))
            .hint("leave Claude there first"));
    }
    let sessions = profiles::sessions_of(context, &profile)?.len();
    let store = context.store()?;
    let ours = profile.home.is(&store.profile_root(&name).join("claude"));
    if !force {
        let question = match sessions {
            0 => format!("move profile '{name}' to the trash?"),
            n => format!(
                "move profile '{name}' to the trash? its {n} session(s) cannot be opened until it is back"
            ),
        };
        if !ui::can_ask() {
            return Err(Failure::refused(format!("{question} nobody is here to answer"))
                .hint(format!("cs profile remove --force {name}")));
        }
        if !ui::confirm(&question) {
            report::say("nothing was changed");
            return Ok(Outcome::Code(1));
        }
    }
    store.trash_profile(&name)?;
    report::say(&format!("moved profile '{name}' to the trash; to undo: cs restore {name}"));
    binding::say_still_bound(context, &Target::Profile(name));
    if let (false, None, ConfigHome::Directory(path)) = (ours, &profile.inherit, &profile.home) {
        report::say(&format!("its config directory was adopted and stays: {}", path.display()));
    }
    if cfg!(target_os = "macos") {
        report::say("its login stays in the Keychain; Claude's /logout inside the profile removes it");
    }
    Ok(Outcome::Done)
}

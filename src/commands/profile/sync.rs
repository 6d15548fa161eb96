//! `cs profile sync [NAME]`: give sessions what their profile gained since they were made.

use super::super::context::Context;
use super::super::{liveness, report, scene};
use crate::model::{Isolation, Layout, Name, Outcome, Profile, Result, Subject};
use crate::os;
use crate::store::{self, Drift};

pub(super) fn run(context: &Context, name: Option<&str>, dry_run: bool) -> Result<Outcome> {
    let profiles: Vec<Profile> = match name {
        Some(name) => vec![context.resolve_profile(name)?],
        None => super::known(context)?.1.into_values().collect(),
    };
    let mut changes = 0;
    for profile in profiles {
        changes += sync_one(context, &Subject::Profile(profile.clone()), &profile.name, dry_run)?;
        for subject in super::sessions_of(context, &profile)? {
            let Subject::Session(session, _) = &subject else { continue };
            if session.isolation == Isolation::None {
                continue;
            }
            let name = session.name.clone();
            let paths = context.paths(session, &profile)?;
            let run = context.store()?.last_run(&context.store()?.session_run_path(session.id));
            if liveness::open_state(session, &paths, run.as_ref()).is_some() {
                report::say(&format!("session '{name}' is open: it gets what is new at its next start"));
                continue;
            }
            changes += sync_one(context, &subject, &name, dry_run)?;
        }
    }
    let verb = if dry_run { "would be added" } else { "added" };
    report::say(&match changes {
        0 => "everything is as it should be".to_owned(),
        n => format!("{n} {verb}"),
    });
    Ok(Outcome::Done)
}

fn sync_one(context: &Context, subject: &Subject, name: &Name, dry_run: bool) -> Result<usize> {
    let directory = match subject {
        Subject::Session(session, _) => session.directory().to_path_buf(),
        Subject::Profile(_) => context.home()?,
    };
    let layout = scene::layout(context, subject, &directory)?;
    let missing = missing(&layout);
    for what in &missing {
        report::print(&format!("{name}: {}\n", crate::ui::escape(what)))?;
    }
    for drift in store::survey(&layout) {
        let (Drift::InPlaceOfLink(link) | Drift::OtherTarget(link)) = drift;
        report::say(&format!(
            "{} is not the profile's ({}) and stays as it is",
            link.path.display(),
            link.target.display()
        ));
    }
    if !dry_run {
        store::lay_out(&layout)?;
    }
    Ok(missing.len())
}

/// What laying out would make.
fn missing(layout: &Layout) -> Vec<String> {
    let links = layout
        .links
        .iter()
        .filter(|link| !os::exists(&link.path))
        .map(|link| format!("link {}", link.path.display()));
    let files =
        layout.files.iter().filter(|file| file.replaces.is_some() || !os::exists(&file.path)).map(|file| {
            format!("{} {}", if file.replaces.is_some() { "add to" } else { "file" }, file.path.display())
        });
    links.chain(files).collect()
}

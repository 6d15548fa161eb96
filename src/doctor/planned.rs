//! The plan that a start of a session or profile has, compared with the disk.

use std::path::Path;

use super::finding::{Fix, Kind, Of, Report};
use super::machine::Machine;
use super::repair::Repair;
use crate::model::{Layout, Link, Plan, Put, SHAREABLE, Subject};
use crate::os;
use crate::shell::word;
use crate::store::{self, Drift};
use crate::work::scene;

/// The items that live elsewhere where conversations are shared.
pub(super) const IN_COMMON: &[&str] = &["projects", "history.jsonl"];

/// Returns the plan that a start of `subject` in `directory` has, but for its token, or why there is none. Without
/// settings there is none, which was told.
pub(super) fn plan(
    machine: &Machine<'_>,
    subject: &Subject,
    directory: &Path,
) -> Result<Plan, Option<String>> {
    if machine.config.is_none() || machine.home.is_none() {
        return Err(None);
    }
    scene::plan_without_token(machine.context, subject, directory).map_err(|failure| Some(failure.message))
}

/// Reports that there is no plan.
pub(super) fn impossible(of: &Of, why: Option<String>, report: &mut Report) {
    match why {
        None => {
            report.blind(format!("the links of {of}"), "what it shares is not known without the settings");
        }
        Some(why) => {
            let fix = Fix::Hand(
                "correct the settings (cs config edit), or those of its profile (cs profile edit)".into(),
            );
            report.add(Kind::PlanImpossible, Some(of), why, None, fix);
        }
    }
}

/// Reports the links that a start would make, those that it would find otherwise, and links to nothing that no plan
/// has any more.
pub(super) fn links(of: &Of, config: &Path, subject: &Subject, layout: &Layout, report: &mut Report) {
    let survey = match store::survey(layout) {
        Ok(survey) => survey,
        Err(failure) => return report.blind(format!("the links of {of}"), failure.message),
    };
    for put in &survey.lacking {
        let (kind, what, link) = match put {
            Put::Link(link) => {
                (Kind::LinkMissing, format!("the link to {} is missing", link.target.display()), link)
            }
            Put::Relink(link) => (
                Kind::LinkDangling,
                format!("a link leads to nothing, instead of to {}", link.target.display()),
                link,
            ),
            // What a start makes of itself, and takes away, is nothing to be ill of.
            Put::Directory(_) | Put::TakeAway(_) | Put::File(_) | Put::Outdated(_) | Put::Settings(_) => {
                continue;
            }
        };
        let layout = Layout { base: layout.base.clone(), links: vec![link.clone()], ..Layout::default() };
        let fix = Fix::Safe(Repair::LayOut { subject: Box::new(subject.clone()), layout: Box::new(layout) });
        report.add(kind, Some(of), what, Some(link.path.clone()), fix);
    }
    for drift in &survey.drifts {
        drifted(of, subject, drift, report);
    }
    for item in SHAREABLE.iter().chain(IN_COMMON) {
        let path = config.join(item);
        let planned = layout.links.iter().any(|link| link.path == path);
        if !planned && path.is_symlink() && !path.exists() {
            let fix = Fix::Hand(format!("remove the link: rm {}", word(&path.to_string_lossy())));
            let what = format!("{item} is a link to nothing");
            report.add(Kind::LinkDangling, Some(of), what, Some(path), fix);
        }
    }
}

/// Reports what a start finds in the place of a link, and leaves.
fn drifted(of: &Of, subject: &Subject, drift: &Drift, report: &mut Report) {
    let profile = &subject.profile().name;
    let (kind, link, what, fix) = match drift {
        Drift::InPlaceOfLink(link) if link.path.ends_with("projects") => (
            Kind::LinkReplaced,
            link,
            format!("its conversations are its own, instead of with those in {}", link.target.display()),
            Fix::Command(format!("cs profile sync {profile}")),
        ),
        Drift::InPlaceOfLink(link) => {
            let item = name_of(link);
            let fix = format!(
                "to keep it: cs profile share {profile} {item}=private; else move it away, then cs doctor --fix"
            );
            let what = format!("{item} is its own, instead of a link to {}", link.target.display());
            (Kind::LinkReplaced, link, what, Fix::Hand(fix))
        }
        Drift::OtherTarget(link) => (
            Kind::LinkElsewhere,
            link,
            format!("a link leads somewhere else than to {}", link.target.display()),
            Fix::Hand("remove the link if it was not meant: then cs doctor --fix".into()),
        ),
        // Only seen by whoever writes the file.
        Drift::LockInTheWay { .. } => return,
    };
    report.add(kind, Some(of), what, Some(link.path.clone()), fix);
}

fn name_of(link: &Link) -> String {
    link.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reports links of earlier settings: to what the profile, whose directory is `base`, has, though each is to have its
/// own by now.
pub(super) fn shared_still(of: &Of, config: &Path, base: &Path, layout: &Layout, report: &mut Report) {
    for path in layout.private.iter().filter(|path| path.parent() == Some(config) && path.is_symlink()) {
        let item = path.file_name().unwrap_or_default();
        if os::is_same_file(path, &base.join(item)) {
            let item = item.display();
            let fix = Fix::Hand(format!("to have its own: rm {}", word(&path.to_string_lossy())));
            let what = format!("{item} is still its profile's, though the settings say private");
            report.add(Kind::LinkUnplanned, Some(of), what, Some(path.clone()), fix);
        }
    }
}

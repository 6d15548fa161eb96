//! Worktrees: what records say of them, held against the disk and git's notes.

use std::path::Path;

use super::finding::{Fix, Kind, Report};
use super::machine::{Machine, Patient};
use crate::git::{self, Checkout, Repository};
use crate::os;
use crate::shell::word;
use crate::store::{Known, Store};
use crate::work::worktrees::away;

/// Reports a removal of its worktree that was cut short. Returns true if there was one.
pub(super) fn half_removed(patient: &Patient, report: &mut Report) -> bool {
    let kept = match Store::stowed_worktree(&patient.paths.root) {
        Ok(None) => return false,
        Ok(Some(kept)) => kept,
        Err(failure) => {
            let fix = Fix::Hand("correct the file: it says where the worktree belongs".into());
            let place = patient.paths.root.join("worktree/worktree.toml");
            report.add(Kind::WorktreeHalf, Some(&patient.of()), failure.message, Some(place), fix);
            return true;
        }
    };
    let name = &patient.session.name;
    let fix =
        Fix::Command(format!("cs restore {name} to have it back, or cs wt rm {name} to have it removed"));
    let what = format!("its worktree was being removed when a process died: {}", kept.root);
    report.add(Kind::WorktreeHalf, Some(&patient.of()), what, Some(patient.paths.root.join("worktree")), fix);
    true
}

/// Looks at the worktree that was made for a session. Reads git's files; runs nothing.
pub(super) fn of_session(patient: &Patient, report: &mut Report) {
    let Some(worktree) = &patient.session.worktree else { return };
    let (of, root) = (patient.of(), worktree.root());
    // What is gone, and what leads elsewhere, is told where directories are looked at.
    if !os::is_dir(root) || git::linked_at(root).is_some() {
        return;
    }
    let real = os::real_path(root).unwrap_or_else(|_| root.to_path_buf());
    let checkout = Checkout::of(&real).filter(|checkout| checkout.root == real && checkout.is_linked());
    let Some(checkout) = checkout else {
        let fix = Fix::Hand(format!(
            "move what is in it away, then: git -C {} worktree prune, and make it again",
            word(&worktree.repository)
        ));
        let what = "the directory of its worktree is none any more, for git";
        return report.add(Kind::WorktreeLost, Some(&of), what, Some(root.to_path_buf()), fix);
    };
    let now = checkout.branch();
    if now != worktree.branch && worktree.branch.is_some() {
        let what = format!(
            "another branch is checked out in its worktree: {} instead of {}",
            now.as_deref().unwrap_or("none"),
            worktree.branch.as_deref().unwrap_or("none")
        );
        let back = worktree.branch.as_deref().map(word).unwrap_or_default();
        let fix = Fix::Hand(format!("if that was not meant: git -C {} switch {back}", word(&worktree.root)));
        report.add(Kind::WorktreeBranch, Some(&of), what, Some(root.to_path_buf()), fix);
    }
    if !os::exists(&checkout.git_dir().join("locked")) {
        let fix = Fix::Hand(format!(
            "git -C {0} worktree lock --reason 'cs session {1}' {0}",
            word(&worktree.root),
            patient.session.id
        ));
        let what = "its worktree is not locked";
        report.add(Kind::WorktreeUnlocked, Some(&of), what, Some(root.to_path_buf()), fix);
    }
}

/// Reports commits that are kept for the trash, and nothing in it has any more. Runs git.
pub(super) fn kept_commits(machine: &Machine<'_>, store: &Store, report: &mut Report) {
    let mut places: Vec<std::path::PathBuf> = Vec::new();
    for patient in &machine.patients {
        let kept = Store::stowed_worktree(&patient.paths.root).ok().flatten();
        places.extend(kept.map(|kept| kept.repository().to_path_buf()));
        places.extend(patient.session.worktree.iter().map(|worktree| worktree.repository().to_path_buf()));
    }
    let trash = match store.trash() {
        Ok(trash) => trash,
        Err(failure) => return report.blind("the commits that are kept for the trash", failure.message),
    };
    for trashed in trash {
        let kept = Store::stowed_worktree(&trashed.path).ok().flatten();
        places.extend(kept.and_then(|kept| away::repository_of(&kept).ok()).map(|found| found.common));
    }
    let mut seen: Vec<Repository> = Vec::new();
    for place in places.iter().filter(|place| place.is_dir()) {
        let Ok(Some(repository)) = Repository::of(place) else { continue };
        if !seen.contains(&repository) {
            seen.push(repository);
        }
    }
    for repository in &seen {
        let ids = match repository.kept() {
            Ok(ids) => ids,
            Err(why) => {
                report.blind(
                    format!("the commits that are kept in {}", repository.main.display()),
                    why.to_string(),
                );
                continue;
            }
        };
        for id in ids.into_iter().filter(|id| store.knows_session(*id) == Ok(Known::Not)) {
            let what = format!("commits are kept for session {id}, which is not in the trash any more");
            let place = word(&repository.common.to_string_lossy());
            let fix = Fix::Hand(format!(
                "look: git -C {place} log refs/cs/trash/{id}/head; let go: git -C {place} update-ref -d refs/cs/trash/{id}/head"
            ));
            report.add(Kind::CommitsKept, None, what, Some(Path::new(&repository.main).to_path_buf()), fix);
        }
    }
}

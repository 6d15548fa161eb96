//! Advice where much is open already: one line, and never a refusal.

use uuid::Uuid;

use crate::model::{Name, Result};
use crate::os::{self, Liveness};
use crate::store::Store;
use crate::ui;
use crate::work::context::Context;

/// Notes that what `entry` names is being opened. Returns advice where more than `[limits]` has is
/// open beside it, or little memory is left. Only what was noted is looked at, and nothing that
/// fails here is in the way of a launch.
pub(crate) fn advise(context: &Context, entry: &str) -> Result<Option<String>> {
    let limits = &context.config()?.limits;
    if limits.live == 0 && limits.free_memory == 0 {
        return Ok(None);
    }
    let store = context.store()?;
    let open = store.noted_open().into_iter().filter(|noted| noted != entry && runs(store, noted)).count();
    store.note_open(entry);
    // Where nothing else is open there is nothing to close.
    if open == 0 {
        return Ok(None);
    }
    let many = limits.live != 0 && open >= limits.live;
    let free = if limits.free_memory == 0 { None } else { os::free_memory() };
    let little = free.is_some_and(|free| free < limits.free_memory << 20);
    if !many && !little {
        return Ok(None);
    }
    let what = if open == 1 { "1 other is open".to_owned() } else { format!("{open} others are open") };
    let memory = match free.filter(|_| little) {
        Some(free) => format!(", and {} of memory are free", ui::size(free)),
        None => String::new(),
    };
    Ok(Some(format!("{what}{memory}; what each uses: cs top ([limits] in config.toml)")))
}

/// Returns true if what was noted as `entry` still runs. Takes back the note of what does not.
fn runs(store: &Store, entry: &str) -> bool {
    let path = match entry.parse::<Uuid>() {
        Ok(id) => store.session_run_path(id),
        Err(_) => match Name::of_profile(entry) {
            Ok(name) => store.profile_run_path(&name),
            Err(_) => return false,
        },
    };
    match store.noted_run(&path).map(|run| run.map(|run| run.process.liveness())) {
        Ok(Some(Liveness::Alive)) => true,
        // Another host counts its own.
        Ok(Some(Liveness::Elsewhere | Liveness::Apart)) | Err(_) => false,
        Ok(Some(Liveness::Dead) | None) => {
            store.forget_open(entry);
            false
        }
    }
}

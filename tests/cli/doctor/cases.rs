//! One thing that is broken, found as itself and as nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{everything, examined, found, healthy, put_back};
use crate::support::world::{World, ran};

/// One thing that is broken.
pub(super) struct Case {
    pub(super) id: &'static str,
    /// What it is found about; the machine where it is empty.
    pub(super) of: &'static str,
    /// How `cs doctor` ends: 1 for a problem, 0 for advice.
    pub(super) code: i32,
    /// `--fix` mends it, so that all is as it was.
    pub(super) safe: bool,
    pub(super) breaks: fn(&mut World),
}

pub(super) const fn problem(id: &'static str, of: &'static str, breaks: fn(&mut World)) -> Case {
    Case { id, of, code: 1, safe: false, breaks }
}

pub(super) const fn advice(id: &'static str, of: &'static str, breaks: fn(&mut World)) -> Case {
    Case { id, of, code: 0, safe: false, breaks }
}

pub(super) const fn mended(mut case: Case) -> Case {
    case.safe = true;
    case
}

/// Breaks one thing after the other, each in a world that is healthy.
pub(super) fn each(cases: &[Case]) {
    let mut world = healthy();
    let (clean, whole) = (world.environment(), everything(&world));
    let program = fs::read(world.bin().join("claude")).unwrap();
    let modified = world.bin().join("claude").metadata().unwrap().modified().unwrap();
    let saved = world.root().join("saved");
    let _ = ran(Command::new("cp").arg("-a").args([&world.home(), &saved])).ok();
    let mut failed = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let told = format!("case {number}, {} of '{}'", case.id, case.of);
        let done = catch_unwind(AssertUnwindSafe(|| one(case, &told, &mut world, &whole)));
        failed.extend(done.is_err().then_some(told));
        put_back(&world, &saved);
        for (name, _) in world.environment() {
            world.unset(&name);
        }
        for (name, value) in &clean {
            world.set(name, value);
        }
        // The file itself is as it was, to the time of its last change: it is remembered by that.
        world.program("claude", std::str::from_utf8(&program).unwrap());
        fs::File::open(world.bin().join("claude")).unwrap().set_modified(modified).unwrap();
        let _ = fs::remove_file(world.bin().join("cs"));
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

fn one(case: &Case, told: &str, world: &mut World, whole: &BTreeMap<PathBuf, String>) {
    (case.breaks)(world);
    let learnt_nothing = |world: &World| {
        // A case may have another program in Claude's place, of which something is learnt.
        let mut state = everything(world);
        state.retain(|path, _| !path.ends_with("checked.toml"));
        state
    };
    let broken = learnt_nothing(world);
    let (code, report) = examined(world, &[]);
    let expected = vec![(case.id.to_owned(), (!case.of.is_empty()).then(|| case.of.to_owned()))];
    assert_eq!((code, found(&report)), (case.code, expected), "{told}: {report:#}");
    for key in ["what", "why", "severity"] {
        assert!(report["findings"][0][key].as_str().is_some_and(|text| !text.is_empty()), "{told}");
    }
    let text = world.cs(&["doctor"]);
    assert!(text.stdout.contains(&format!("({})", case.id)) && text.code == Some(code), "{told}: {text:?}");
    let printed = format!("{report} {text:?}");
    assert!(!printed.contains("canary"), "{told}: a value was printed: {printed}");

    let (code, tried) = examined(world, &["--fix", "--dry-run"]);
    assert_eq!((code, found(&tried).len()), (case.code, 1), "{told}");
    assert_eq!(learnt_nothing(world), broken, "{told}: looking changed something");
    let (code, fixed) = examined(world, &["--fix"]);
    assert_eq!(fixed["findings"][0]["fix"]["how"] == "safe", case.safe, "{told}: {fixed:#}");
    if !case.safe {
        assert_eq!((code, &fixed["findings"][0]["repaired"]), (case.code, &Value::Null), "{told}");
        assert_eq!(learnt_nothing(world), broken, "{told}: nothing is done that cannot be undone");
        return;
    }
    assert_eq!((code, &fixed["findings"][0]["repaired"]), (0, &json!(true)), "{told}: {fixed:#}");
    assert_eq!(&everything(world), whole, "{told}: all is as it was");
    for again in [&["--fix"][..], &[], &["--fix"]] {
        let (code, report) = examined(world, again);
        assert_eq!((code, found(&report)), (0, vec![]), "{told}: {report:#}");
    }
    assert_eq!(&everything(world), whole, "{told}: and stays so");
}

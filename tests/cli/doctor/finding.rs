//! The list of findings, against what is broken by these tests.

use std::fs;

#[test]
fn every_kind_of_finding_is_broken_by_a_test() {
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/doctor")).unwrap();
    let here: String = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let list = include_str!("../../../docs/findings.md");
    let rows = list.lines().filter(|line| line.contains("` | problem |") || line.contains("` | advice |"));
    let ids: Vec<&str> = rows.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(ids.len() > 60, "{ids:?}");
    // There is no network to keep files on: how such a disk is known has a test of its own.
    let untried: Vec<_> = ids
        .iter()
        .filter(|id| !here.contains(&format!("{id}\"")) && !here.contains(&format!("({id})")))
        .collect();
    assert_eq!(untried, [&concat!("network-file-", "system")]);
}

//! What the integration tests stand on.
#![allow(dead_code, reason = "each test program uses its own part of this")]
#![allow(unreachable_pub, reason = "a test program has no callers outside itself")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports that its footing is gone")]

pub mod claude;
pub mod fake_api;
pub mod http;
#[cfg(unix)]
pub mod oauth;
pub mod snapshots;
#[cfg(unix)]
pub mod tmux;
#[cfg(unix)]
pub mod tools;
#[cfg(unix)]
pub mod world;

/// Says that this test did not run. Not with `eprintln!`, which the harness keeps to itself when a test passes.
pub fn skipped(why: &str) {
    use std::io::Write;
    let test = std::thread::current();
    let line = format!("SKIPPED: {}: {why}\n", test.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Returns whether something that a test needs of this machine is there. Its absence fails the test if `CS_TEST_REQUIRE`
/// is set; otherwise it is said loudly that the test is skipped.
pub fn granted(there: bool, what_is_missing: &str) -> bool {
    let required = std::env::var_os("CS_TEST_REQUIRE").is_some_and(|value| !value.is_empty());
    assert!(there || !required, "CS_TEST_REQUIRE is set, but {what_is_missing}");
    if !there {
        skipped(what_is_missing);
    }
    there
}

/// Returns where the program `name` is, which a test needs (see [`granted`]).
pub fn needed(name: &str) -> Option<std::path::PathBuf> {
    let found = which::which(name).ok();
    granted(found.is_some(), &format!("{name} is not installed"));
    found
}

/// Returns whether commands can be traced here, and faults injected into them (see [`granted`]).
pub fn may_trace() -> bool {
    let Some(strace) = needed("strace") else { return false };
    let tried = std::process::Command::new(strace).args(["-f", "-qq", "-o", "/dev/null", "true"]).output();
    granted(tried.is_ok_and(|output| output.status.success()), "strace may not trace here")
}

/// Returns where the program `name` is, which few machines have: its absence is said, and fails no test.
pub fn optional(name: &str) -> Option<std::path::PathBuf> {
    let found = which::which(name).ok();
    if found.is_none() {
        skipped(&format!("{name} is not installed"));
    }
    found
}

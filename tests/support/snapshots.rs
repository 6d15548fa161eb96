//! The one tree of snapshots: `tests/snapshots/PROGRAM/NAME.snap`, where NAME is the test's.

/// Compares a text with the snapshot that was reviewed. A name before the text takes the place of the test's, for a
/// test that has several.
#[allow(unused_macros, reason = "not every test program has snapshots")]
macro_rules! assert_snapshot {
    ($($name_and_text:expr),+) => {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/", env!("CARGO_CRATE_NAME")),
            prepend_module_to_snapshot => false,
        }, { insta::assert_snapshot!($($name_and_text),+) })
    };
}

#[allow(unused_imports, reason = "as above")]
pub(crate) use assert_snapshot;

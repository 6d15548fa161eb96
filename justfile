# Lists the chores.
default:
    @just --list --unsorted

# Runs the tests; what is not installed is skipped, and said (CS_TEST_REQUIRE=1 makes it fail).
test *ARGS:
    cargo test {{ARGS}}

# Checks formatting, code, scripts and documentation.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --quiet
    shellcheck benches/run .ci/run .ci/platforms
    shfmt -i 4 -d benches/run .ci/run .ci/platforms

# Measures, against a Rust hello-world process in the same run: launch, list, init, tab, calls.
bench *PARTS:
    benches/run {{PARTS}}

# Shows cs at work, in a throw-away place.
tour *ARGS:
    cargo run --release -- tour {{ARGS}}

# Builds for Windows and runs that under Wine; type-checks for macOS (on Debian; installs what is missing).
platforms:
    .ci/platforms

# Runs the gate: everything, with nothing skipped (installs what is missing on Debian).
gate:
    .ci/run

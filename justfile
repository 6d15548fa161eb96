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
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet
    shellcheck benches/run .ci/run
    shfmt -i 4 -d benches/run .ci/run

# Measures, against a Rust hello-world process in the same run: launch, list, init, tab, calls.
bench *PARTS:
    benches/run {{PARTS}}

# Shows cs at work, in a throw-away place.
tour *ARGS:
    cargo run --release -- tour {{ARGS}}

# Runs the gate: everything, with nothing skipped (installs what is missing on Debian).
gate:
    .ci/run

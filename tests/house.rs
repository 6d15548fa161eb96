//! What holds for all of `src`, read from its lines.

#![allow(clippy::unwrap_used, reason = "a test panics where its world is not as set up")]

use std::fs;
use std::path::{Path, PathBuf};

/// Every `.rs` file below `directory`.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The numbers of the lines of `text`, which is a source file's, in which something is decided by what a message
/// says. What stands behind `#[cfg(test)]` or `#[cfg(all(test, …))]` is not looked at.
fn decided_by_words(text: &str) -> Vec<usize> {
    const OF_WORDS: [&str; 9] = [
        ".starts_with(",
        ".ends_with(",
        ".contains(",
        ".strip_prefix(",
        ".strip_suffix(",
        ".find(",
        ".split(",
        " == ",
        " != ",
    ];
    let is_asked = |line: &str| {
        let to_string = ["error", "failure", "refused", "why"].map(|name| format!("{name}.to_string()"));
        [".message", ".message()"].map(str::to_owned).iter().chain(&to_string).any(|said| {
            let mut parts = line.split(said.as_str()).skip(1);
            parts.any(|rest| OF_WORDS.iter().any(|asked| rest.starts_with(asked)))
        })
    };
    let is_test = |line: &str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
    // A call that goes on in the next line is one with it.
    let mut calls: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.lines().take_while(|line| !is_test(line)).enumerate() {
        match calls.last_mut() {
            Some((_, call)) if line.trim_start().starts_with('.') => call.push_str(line.trim()),
            _ => calls.push((at + 1, line.to_owned())),
        }
    }
    calls.into_iter().filter(|(_, call)| is_asked(call)).map(|(at, _)| at).collect()
}

#[test]
fn nothing_is_decided_by_what_a_failure_says() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&src);
    assert!(files.len() > 100 && files.contains(&src.join("model/failure.rs")), "the control: all are read");
    for path in files.iter().filter(|path| path.file_name().is_some_and(|name| name != "tests.rs")) {
        let lines = decided_by_words(&fs::read_to_string(path).unwrap());
        let path = path.strip_prefix(&src).unwrap().display();
        assert!(
            lines.is_empty(),
            "{path}, lines {lines:?}: match on the kind of a failure, not on its message"
        );
    }
}

#[test]
fn what_is_decided_by_words_is_found() {
    for planted in [
        "Err(failure) if failure.message.starts_with(\"there is already a \") => {}",
        "if failure.message.contains(\"locked\") {",
        "if failure.message == \"no\" {",
        "let is_old = error.message().contains(\"unknown field\");",
        "if error.to_string().contains(\"dubious\") {",
        "let is_old = failure\n        .message\n        .starts_with(\"zellij is older\");",
    ] {
        let text = format!("fn f() {{\n    {planted}\n}}\n#[cfg(test)]\nmod tests {{\n    {planted}\n}}\n");
        assert_eq!(decided_by_words(&text), [2], "{planted}");
    }
    for fine in
        ["report::say(&failure.message);", "failure.message.clone()", "if id.to_string().starts_with(&key) {"]
    {
        assert_eq!(decided_by_words(fine), [0; 0], "{fine}");
    }
}

/// Lines of `text` in which the environment of the process is read: only `os` does that, once, for all.
fn reads_the_environment(text: &str) -> Vec<usize> {
    const READS: [&str; 5] =
        ["env::var", "env::current_dir", "env::current_exe", "env::temp_dir", "path::absolute("];
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_read = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        READS.iter().any(|read| code.contains(read)) && !code.contains("VarError")
    };
    (1..).zip(code.lines()).filter(|(_, line)| is_read(line)).map(|(number, _)| number).collect()
}

#[test]
fn the_environment_is_read_in_one_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut own = 0;
    for path in sources(&root) {
        let text = fs::read_to_string(&path).unwrap();
        let found = reads_the_environment(&text);
        if path.starts_with(root.join("os")) {
            own += found.len();
        } else {
            assert!(found.is_empty(), "{}: {found:?}", path.display());
        }
    }
    assert!(own > 2, "the control: os reads it");
    assert_eq!(reads_the_environment("fn f() {\n    std::env::var_os(\"TERM\");\n}\n"), [2]);
}

/// The numbers of the lines of `text` in which the standard library lists a directory. It ends the process where that
/// cannot be closed again, and what it cannot read is easily passed over.
fn lists_directories(text: &str) -> Vec<usize> {
    let is_test = |line: &str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
    let code = text.lines().take_while(|line| !is_test(line));
    let lists = |line: &str| line.split("//").next().is_some_and(|code| code.contains("read_dir("));
    (1..).zip(code).filter(|(_, line)| lists(line)).map(|(number, _)| number).collect()
}

#[test]
fn a_directory_is_listed_by_our_own_reader() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // Where there is no other way: elsewhere than on Linux, and than on Unix.
    let theirs = ["os/files.rs", "os/foreign/elsewhere.rs"].map(|path| src.join(path));
    let mut own = 0;
    for path in sources(&src) {
        let found = lists_directories(&fs::read_to_string(&path).unwrap());
        if theirs.contains(&path) {
            own += found.len();
        } else {
            assert!(found.is_empty(), "{}: {found:?}: use os::entries_of or os::names_in", path.display());
        }
    }
    assert_eq!(own, 2, "the control: they are found");
    assert_eq!(lists_directories("fn f() {\n    fs::read_dir(path).into_iter().flatten()\n}\n"), [2]);
}

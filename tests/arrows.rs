//! Arrows between the files of `src` run one way: read from the `use` lines and the paths in them.
//!
//! An item counts as the file where it is defined, however it is named: what a `mod.rs` only passes on
//! (`pub use`) is no arrow. Tests within the files are left out.

#![allow(clippy::unwrap_used, reason = "a test panics where its world is not as set up")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Module = Vec<String>;

/// The floors of the house, from the ground up, each with its rooms. Rooms of one floor do not know each other.
const FLOORS: [&[&str]; 6] = [
    &["model"],
    &["os"],
    &["store", "claude", "shell", "git", "sandbox", "multiplexer", "config", "ui"],
    &["work", "cli"],
    &["doctor", "transfer", "usage"],
    &["commands"],
];

/// A circle of more files than this cannot be read from any end.
const LARGEST_CIRCLE: usize = 3;

/// The files of a source tree by their modules, without comments and tests.
struct House {
    files: BTreeMap<Module, String>,
    /// What each file defines.
    defined: BTreeMap<Module, BTreeSet<String>>,
    /// What each file passes on, by the name it has there.
    passed_on: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl House {
    fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        gather(root, &[], &mut files);
        Self::of(files)
    }

    fn of(files: BTreeMap<Module, String>) -> Self {
        let files: BTreeMap<Module, String> =
            files.into_iter().map(|(module, text)| (module, without_tests(&text))).collect();
        let mut house = Self { defined: BTreeMap::new(), passed_on: BTreeMap::new(), files };
        for (module, text) in &house.files {
            let defined = text.lines().filter_map(definition).map(str::to_owned).collect();
            let mut passed_on = BTreeMap::new();
            for (public, tree) in statements(text) {
                if public {
                    for (path, name) in expanded(&tree) {
                        passed_on.extend(house.absolute(module, &path).map(|path| (name, path)));
                    }
                }
            }
            house.defined.insert(module.clone(), defined);
            house.passed_on.insert(module.clone(), passed_on);
        }
        house
    }

    /// `path`, as it is written in `module`, from the root on; `None` for what is of another crate.
    fn absolute(&self, module: &[String], path: &str) -> Option<Module> {
        let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
        let mut from: Vec<&str> = match parts[0] {
            "crate" => {
                parts.remove(0);
                Vec::new()
            }
            "self" => {
                parts.remove(0);
                module.iter().map(String::as_str).collect()
            }
            "super" => module.iter().map(String::as_str).collect(),
            first => {
                let mut child = module.to_vec();
                child.push(first.to_owned());
                if !self.files.contains_key(&child) {
                    return None;
                }
                module.iter().map(String::as_str).collect()
            }
        };
        while parts.first() == Some(&"super") {
            parts.remove(0);
            from.pop();
        }
        from.extend(parts.iter().filter(|part| **part != "self"));
        Some(from.into_iter().map(str::to_owned).collect())
    }

    /// The file that `path` leads to: where its item is defined. `None` for a module as such.
    fn home_of(&self, path: &[String], depth: usize) -> Option<Module> {
        let at = (0..=path.len()).rev().find(|at| self.files.contains_key(&path[..*at]))?;
        let (module, rest) = path.split_at(at);
        let first = rest.first()?;
        let is_defined = self.defined[module].contains(first);
        match self.passed_on[module].get(first) {
            Some(further) if !is_defined && depth < 8 => {
                self.home_of(&[further.as_slice(), &rest[1..]].concat(), depth + 1)
            }
            _ => Some(module.to_vec()),
        }
    }

    /// The files that each file needs.
    fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut arrows = BTreeMap::new();
        for (module, text) in &self.files {
            let mut names: BTreeMap<String, Module> = BTreeMap::new();
            let mut paths: Vec<Module> = Vec::new();
            for (public, tree) in statements(text) {
                for (path, name) in expanded(&tree) {
                    let Some(path) = self.absolute(module, &path) else { continue };
                    if !public {
                        paths.push(path.clone());
                        names.insert(name, path);
                    }
                }
            }
            for path in paths_in(&without_statements(text)) {
                let first = path.split("::").next().unwrap_or_default();
                match names.get(first) {
                    Some(start) => {
                        let rest = path.split("::").skip(1).map(str::to_owned);
                        paths.push(start.iter().cloned().chain(rest).collect());
                    }
                    None => paths.extend(self.absolute(module, &path)),
                }
            }
            let homes: BTreeSet<Module> = paths.iter().filter_map(|path| self.home_of(path, 0)).collect();
            arrows.insert(module.clone(), homes.into_iter().filter(|home| home != module).collect());
        }
        arrows
    }
}

fn gather(directory: &Path, module: &[String], files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = [module, std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            gather(&path, &inner, files);
        } else if name != "tests" && path.extension().is_some_and(|extension| extension == "rs") {
            let own = if name == "mod" || name == "lib" { module.to_vec() } else { inner };
            files.insert(own, fs::read_to_string(&path).unwrap());
        }
    }
}

/// The text without comments and without what only tests see.
fn without_tests(text: &str) -> String {
    let text = text.find("#[cfg(test)]\nmod tests").map_or(text, |at| &text[..at]);
    text.lines().map(|line| line.find("//").map_or(line, |at| &line[..at]).to_owned() + "\n").collect()
}

/// What a line defines at the top of a file.
fn definition(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().filter(|word| !word.starts_with("pub"));
    if line.starts_with(char::is_whitespace) {
        return None;
    }
    let kind =
        words.by_ref().find(|word| !matches!(*word, "const" | "async" | "unsafe") || line.contains(" = "))?;
    let name = match kind {
        "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "macro_rules!" => words.next()?,
        _ => return None,
    };
    Some(name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(name))
}

/// The `use` statements of a text: whether each passes on, and what it names.
fn statements(text: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let before = rest[..at].rsplit('\n').next().unwrap_or_default().trim();
        let is_one = before.is_empty() || before.starts_with("pub");
        let Some(end) = rest[at..].find(';') else { break };
        if is_one {
            found.push((before.starts_with("pub"), rest[at + 4..at + end].replace('\n', " ")));
        }
        rest = &rest[at + if is_one { end } else { 4 }..];
    }
    found
}

fn without_statements(text: &str) -> String {
    let mut left = text.to_owned();
    let mut out = String::new();
    while let Some(at) = left.find("use ") {
        let before = left[..at].rsplit('\n').next().unwrap_or_default().trim().to_owned();
        let Some(end) = left[at..].find(';') else { break };
        out.push_str(&left[..at]);
        left = if before.is_empty() || before.starts_with("pub") {
            left[at + end..].to_owned()
        } else {
            left[at + 4..].to_owned()
        };
    }
    out + &left
}

/// A tree of names as single paths, each with the name it has here.
fn expanded(tree: &str) -> Vec<(String, String)> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let (path, name) = match tree.split_once(" as ") {
            Some((path, name)) => (path.trim(), name.trim()),
            None => (tree, tree.trim_end_matches("::self").rsplit("::").next().unwrap_or(tree)),
        };
        return vec![(path.to_owned(), name.to_owned())];
    };
    let (before, inner) = (&tree[..open], &tree[open + 1..tree.rfind('}').unwrap()]);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(|part| expanded(&format!("{before}{part}"))).collect()
}

/// The paths in the code: words joined by `::`.
fn paths_in(text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c: char| !is_word(c)).filter(|word| word.contains("::"));
    words.map(|word| word.trim_matches(':').to_owned()).filter(|word| !word.is_empty()).collect()
}

/// The circles among `arrows`: the groups of files of which each needs, at last, each other.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Vec<Module>> {
    let reached = |start: &Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(module) = next.pop() {
            for to in arrows.get(module).into_iter().flatten() {
                if seen.insert(to) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let all: BTreeMap<&Module, BTreeSet<&Module>> =
        arrows.keys().map(|module| (module, reached(module))).collect();
    let mut found: BTreeSet<Vec<Module>> = BTreeSet::new();
    for (module, seen) in all.iter().filter(|(module, seen)| seen.contains(*module)) {
        let circle = seen.iter().filter(|other| all[**other].contains(*module));
        found.insert(circle.map(|other| (*other).clone()).collect());
    }
    found.into_iter().collect()
}

fn floor_of(module: &Module) -> Option<usize> {
    let room = module.first()?;
    FLOORS.iter().position(|rooms| rooms.contains(&room.as_str()))
}

/// The arrows that run up, or from a room to another of its floor.
fn wrong_ways(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (from, homes) in arrows {
        for to in homes {
            let is_wrong = match (floor_of(from), floor_of(to)) {
                (Some(from_floor), Some(to_floor)) => {
                    from_floor < to_floor || from_floor == to_floor && from.first() != to.first()
                }
                // `lib.rs` only names its rooms, and `main.rs` stands above all.
                (None, _) | (_, None) => false,
            };
            if is_wrong {
                wrong.push(format!("{} -> {}", from.join("::"), to.join("::")));
            }
        }
    }
    wrong
}

fn house() -> House {
    House::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn planted(files: &[(&str, &str)]) -> House {
    let module = |path: &str| -> Module { path.split("::").map(str::to_owned).collect() };
    House::of(files.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect())
}

#[test]
fn every_room_has_its_floor() {
    let rooms: BTreeSet<String> = house()
        .files
        .keys()
        .filter_map(|module| module.first().cloned())
        .filter(|room| room != "main")
        .collect();
    let known: BTreeSet<String> =
        FLOORS.iter().flat_map(|rooms| rooms.iter().map(|room| (*room).to_owned())).collect();
    assert_eq!(rooms, known);
}

#[test]
fn arrows_run_down_and_rooms_of_one_floor_do_not_know_each_other() {
    let arrows = house().arrows();
    let many: usize = arrows.values().map(BTreeSet::len).sum();
    assert!(many > 500, "{many} arrows cannot be all of them");
    assert_eq!(wrong_ways(&arrows), [] as [&str; 0]);
    // The control: arrows that are planted are seen, however they are written.
    for (file, line) in [
        ("store::names", "use crate::work::context::Context;\n"),
        ("store::names", "fn f() { crate::work::context::Context::new(); }\n"),
        ("store::names", "use crate::claude::slug;\n"),
        ("work::scene", "use crate::{commands::report, model};\n"),
        ("model::name", "use crate::work::{Context, scene};\n"),
    ] {
        let house = planted(&[
            (file, line),
            ("work", "pub use context::Context;\n"),
            ("work::context", "pub struct Context;\n"),
            ("work::other", "pub fn scene() {}\n"),
            ("claude", "pub fn slug() {}\n"),
            ("commands", "pub fn report() {}\n"),
            ("model", ""),
        ]);
        assert!(!wrong_ways(&house.arrows()).is_empty(), "{file}: {line}");
    }
}

#[test]
fn no_circle_of_files_is_larger_than_can_be_read() {
    let large: Vec<_> =
        circles(&house().arrows()).into_iter().filter(|circle| circle.len() > LARGEST_CIRCLE).collect();
    assert!(large.is_empty(), "{large:#?}");
    // The control.
    let ring = planted(&[
        ("work::a", "use super::b::B;\npub struct A;\n"),
        ("work::b", "use crate::work::c::C;\npub struct B;\n"),
        ("work::c", "pub struct C;\nfn f() { crate::work::d::d(); }\n"),
        ("work::d", "pub fn d() -> super::a::A { loop {} }\n"),
        ("work", "pub use a::A;\n"),
    ]);
    assert_eq!(circles(&ring.arrows()).into_iter().map(|circle| circle.len()).collect::<Vec<_>>(), [4]);
}

#[test]
fn no_verb_knows_another_verb() {
    // A file that is called like no verb is what several of them say, show or ask.
    let verbs: BTreeSet<&str> = claude_cs::model::verb::all().map(|verb| verb.name).collect();
    assert!(verbs.contains("list") && verbs.len() > 30, "{verbs:?}");
    let verb_of = |module: &Module| match module.as_slice() {
        [room, verb, ..] if room == "commands" && verbs.contains(verb.trim_end_matches('_')) => {
            Some(verb.clone())
        }
        _ => None,
    };
    let known = |arrows: BTreeMap<Module, BTreeSet<Module>>| -> Vec<String> {
        let pairs = arrows.iter().flat_map(|(from, homes)| homes.iter().map(move |to| (from, to)));
        let verbs = pairs.filter_map(|(from, to)| Some((verb_of(from)?, verb_of(to)?)));
        verbs.filter(|(from, to)| from != to).map(|(from, to)| format!("{from} -> {to}")).collect()
    };
    assert_eq!(known(house().arrows()), [] as [&str; 0]);
    let two = planted(&[
        ("commands::list", "pub fn run() {}\n"),
        ("commands::top", "use super::list;\nfn f() { list::run(); }\n"),
    ]);
    assert_eq!(known(two.arrows()), ["top -> list"]);
}

#[test]
fn verbs_are_thin() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    gather(&root, &[], &mut files);
    let lines = |of: &dyn Fn(&Module) -> bool| -> usize {
        files.iter().filter(|(module, _)| of(module)).map(|(_, text)| text.lines().count()).sum()
    };
    let is_verb = |module: &Module| module.first().is_some_and(|room| room == "commands");
    let (verbs, all) = (lines(&is_verb), lines(&|_| true));
    assert!(verbs * 3 <= all, "commands has {verbs} of {all} lines, and a third is the most");
    assert!(verbs > 1_000, "{verbs} lines cannot be all of them");
    // A long one says in its first comment why it is.
    let says_why = |text: &str| {
        text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.contains("Longer than"))
    };
    let long: Vec<String> = files
        .iter()
        .filter(|(module, text)| is_verb(module) && text.lines().count() > 200 && !says_why(text))
        .map(|(module, text)| format!("{}: {} lines", module.join("::"), text.lines().count()))
        .collect();
    assert_eq!(long, [] as [&str; 0]);
}

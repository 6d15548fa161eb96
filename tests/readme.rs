//! What README.md and the other papers say, held against the program, the manifest and the files.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Args, CommandFactory};
use claude_cs::cli::{Cli, StartOptions};
use claude_cs::model::verb::{self, Verb};

const README: &str = include_str!("../README.md");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// The lines below the heading `title`, up to the next heading.
fn section(title: &str) -> Vec<&'static str> {
    let lines: Vec<&str> = README
        .lines()
        .skip_while(|line| line.trim_start_matches('#').trim() != title || !line.starts_with('#'))
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .collect();
    assert!(!lines.is_empty(), "README.md has no section '{title}'");
    lines
}

/// What stands between backticks in `text`.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The cells of a table's row, without the rules of a table; `\|` is a `|` in a cell.
fn cells(line: &str) -> Option<Vec<String>> {
    let row = line.strip_prefix('|')?.strip_suffix('|')?.replace("\\|", "\u{0}");
    let cells: Vec<String> = row.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
    (!cells.iter().all(|cell| cell.chars().all(|c| c == '-'))).then_some(cells)
}

/// A verb of `cs` and what may follow it: `cs profile create|list` gives `profile` with both.
fn verbs_in_the_command_table() -> Vec<(String, Vec<String>)> {
    let mut verbs = Vec::new();
    for row in section("Commands").into_iter().filter_map(cells) {
        for command in quoted(&row[0]) {
            let mut words = command.split_whitespace();
            if words.next() != Some("cs") {
                continue;
            }
            let Some(verb) = words.next().filter(|word| word.chars().all(|c| c.is_ascii_lowercase())) else {
                continue;
            };
            let below = words
                .next()
                .map(|word| word.trim_matches(['[', ']']).split('|').map(str::to_owned).collect())
                .filter(|below: &Vec<String>| below.iter().all(|w| w.chars().all(|c| c.is_ascii_lowercase())))
                .unwrap_or_default();
            verbs.push((verb.to_owned(), below));
        }
    }
    verbs
}

#[test]
fn the_command_table_and_the_program_have_the_same_verbs() {
    let program = Cli::command();
    let known: BTreeSet<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
    let mut told = BTreeSet::new();
    for (verb, below) in verbs_in_the_command_table() {
        let command = program
            .find_subcommand(&verb)
            .unwrap_or_else(|| panic!("README.md tells of `cs {verb}`, which is no command"));
        told.insert(command.get_name().to_owned());
        for word in &below {
            assert!(command.find_subcommand(word).is_some(), "there is no `cs {verb} {word}`");
        }
        if !below.is_empty() {
            for really in command.get_subcommands().map(clap::Command::get_name) {
                assert!(below.iter().any(|word| word == really), "README.md omits `cs {verb} {really}`");
            }
        }
    }
    let untold: Vec<_> = known.into_iter().filter(|verb| !told.contains(*verb)).collect();
    assert_eq!(untold, Vec::<&str>::new(), "the command table omits these");
}

/// The row of a verb: its words, what it does, its options, and its other names.
fn row(verb: &Verb) -> String {
    let below: Vec<&str> = verb.below.iter().map(|verb| verb.name).collect();
    let typed = format!("cs {} {}{}", verb.name, verb.arguments, below.join("|"));
    let mut does = verb.about.to_owned();
    let options: Vec<String> = options(verb).iter().map(|option| format!("`--{option}`")).collect();
    if !options.is_empty() {
        does += &format!("; {}", options.join(", "));
    }
    let short = verb.short.iter().map(|short| format!("`cs{short}`"));
    let names: Vec<String> = short.chain(verb.also.iter().map(|also| format!("`cs {also}`"))).collect();
    if !names.is_empty() {
        does += &format!(" ({})", names.join(", "));
    }
    let cell = |text: &str| text.trim_end().replace('|', "\\|");
    format!("| `{}` | {} |\n", cell(&typed), cell(&does))
}

/// The options of a verb by their long names; those that every start has stand elsewhere.
fn options(verb: &Verb) -> Vec<String> {
    let every_start = StartOptions::augment_args(clap::Command::new("cs"));
    let program = Cli::command();
    let command = program.find_subcommand(verb.name).expect(verb.name);
    let of = |command: &clap::Command| -> Vec<String> {
        command.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned)).collect()
    };
    let (own, every_start) = (of(command), of(&every_start));
    let starts = every_start.iter().all(|option| own.contains(option));
    own.into_iter().filter(|option| !(starts && every_start.contains(option))).collect()
}

#[test]
fn the_command_table_has_the_rows_of_the_table_of_verbs() {
    let rows: String = verb::all().map(row).collect();
    let told = section("Commands").join("\n");
    assert!(told.contains(&rows), "README.md, Commands: the rows of the verbs should be\n\n{rows}");
}

/// The long option, of any command, exists.
fn is_an_option(option: &str) -> bool {
    fn has(command: &clap::Command, option: &str) -> bool {
        let own = command.get_arguments().any(|argument| {
            argument.get_long() == Some(option)
                || argument.get_all_aliases().is_some_and(|all| all.contains(&option))
        });
        own || command.get_subcommands().any(|below| has(below, option))
    }
    // `cs --resume` is read as `cs resume` before the rest is.
    matches!(option, "help" | "version" | "resume") || has(&Cli::command(), option)
}

#[test]
fn every_option_in_the_command_table_and_in_the_examples_exists() {
    let examples = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples = examples.flat_map(str::lines).filter(|line| line.starts_with("cs "));
    let table = section("Commands").join("\n");
    for text in quoted(&table).chain(examples) {
        // What follows a bare -- or a prompt's option is another program's.
        for word in text.split_whitespace().take_while(|word| *word != "--" && *word != "-p") {
            let Some(option) = word.strip_prefix("--") else { continue };
            let option = option.split(['=', '|', ']', ',']).next().unwrap_or(option);
            assert!(option.is_empty() || is_an_option(option), "there is no --{option}: {text}");
        }
    }
}

#[test]
fn every_dependency_has_its_line_and_every_line_its_dependency() {
    let manifest: toml::Table = MANIFEST.parse().expect("Cargo.toml is TOML");
    let mut needed = BTreeSet::new();
    let mut collect = |table: &toml::Table| {
        for key in ["dependencies", "dev-dependencies", "build-dependencies"] {
            if let Some(toml::Value::Table(found)) = table.get(key) {
                needed.extend(found.keys().cloned());
            }
        }
    };
    collect(&manifest);
    if let Some(toml::Value::Table(targets)) = manifest.get("target") {
        targets.values().filter_map(toml::Value::as_table).for_each(&mut collect);
    }
    assert!(needed.len() > 5, "{needed:?}");

    let told: BTreeSet<String> = section("For developers")
        .into_iter()
        .skip_while(|line| !line.starts_with("| dependency |"))
        .take_while(|line| line.starts_with('|'))
        .filter_map(cells)
        .skip(1)
        .flat_map(|row| quoted(&row[0]).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(told, needed, "left: the table in README.md; right: Cargo.toml");
}

#[test]
fn every_file_it_names_in_the_repository_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let links = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    let developers = section("For developers").join("\n");
    let named = quoted(&developers).filter(|text| {
        !text.contains(' ')
            && ["src/", "shells/", "templates/", "tests/", "benches/", "docs/", ".ci/"]
                .iter()
                .any(|room| text.starts_with(room))
    });
    let mut seen = 0;
    for path in links.chain(named) {
        assert!(root.join(path).exists(), "README.md names {path}, which is not there");
        seen += 1;
    }
    assert!(seen > 12, "only {seen} files were found in README.md");
    for file in ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md", "justfile"] {
        assert!(root.join(file).exists(), "{file}");
    }
}

#[test]
fn every_room_of_the_house_has_its_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let developers = section("For developers").join("\n");
    for entry in std::fs::read_dir(root.join("src")).expect("src is there").flatten() {
        let name = entry.file_name().into_string().expect("a plain name");
        if name == "lib.rs" {
            continue; // its page lists the rooms itself
        }
        let told = format!("`src/{name}{}`", if entry.path().is_dir() { "/" } else { "" });
        assert!(developers.contains(&told), "README.md does not say what {told} is for");
    }
}

#[test]
fn every_exit_code_is_told() {
    use claude_cs::model::Exit;
    let told: BTreeSet<u8> =
        section("Exit codes").into_iter().filter_map(cells).filter_map(|row| row[0].parse().ok()).collect();
    let all =
        [Exit::Failed, Exit::Usage, Exit::NoShellFunction, Exit::NotFound, Exit::Refused, Exit::NoClaude];
    let known: BTreeSet<u8> = all.into_iter().map(|exit| exit as u8).chain([0]).collect();
    assert_eq!(told, known);
}

/// Returns the text of a file of the repository.
fn paper(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// Returns every file below `directory` of the repository, by its path from the root, with its text.
fn texts(directory: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(directory)).expect(directory).flatten() {
        let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(texts(&path));
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            found.push((path, text));
        }
    }
    found
}

#[test]
fn what_the_papers_for_developers_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, least) in [("ARCHITECTURE.md", 30), ("CONTRIBUTING.md", 8)] {
        let text = paper(name);
        let named = quoted(&text).filter(|text| {
            ["src/", "tests/", "docs/", "shells/", "templates/", ".ci/"]
                .iter()
                .any(|room| text.starts_with(room))
                && !text.contains(|c: char| c.is_whitespace() || c.is_ascii_uppercase())
        });
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let named: BTreeSet<&str> = named.chain(links).collect();
        assert!(named.len() >= least, "only these were found in {name}: {named:?}");
        for path in named {
            assert!(root.join(path).exists(), "{name} names {path}, which is not there");
        }
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(wide, [""; 0], "{name} is read in terminals of 80 columns");
    }
}

/// Every function below `room` that is a test.
fn tests_below(room: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(room).expect("a directory").map(|entry| entry.expect("read").path()) {
        if entry.is_dir() {
            tests_below(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&entry).expect("text");
            for after in text.split("#[test]").skip(1) {
                let head = after.split(['(', '{']).find(|part| part.contains("fn ")).unwrap_or_default();
                found.extend(head.rsplit("fn ").next().map(|name| name.trim().to_owned()));
            }
        }
    }
}

#[test]
fn every_promise_of_security_has_its_tests_and_they_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for room in ["src", "tests"] {
        tests_below(&root.join(room), &mut known);
    }
    assert!(known.len() > 500, "only {} tests were found", known.len());
    let text = paper("SECURITY.md");
    let promised = text.split("## What is promised").nth(1).expect("a section").split("\n## ").next();
    let mut rows = 0;
    for row in promised.expect("rows").lines().filter_map(cells).filter(|row| row[0] != "promise") {
        rows += 1;
        let named: Vec<&str> = quoted(&row[1]).collect();
        assert!(!named.is_empty(), "nothing holds this promise: {}", row[0]);
        for name in named {
            assert!(known.contains(name), "'{}' is held by {name}, which is no test", row[0]);
        }
    }
    assert!(rows > 20, "only {rows} promises were found");
}

/// A row of the table in docs/decisions/README.md.
struct Decision {
    file: String,
    title: String,
    date: String,
    governs: Vec<String>,
}

fn decisions() -> Vec<Decision> {
    let table = paper("docs/decisions/README.md");
    let rows = table.lines().filter_map(cells).filter(|row| row[0].starts_with('['));
    rows.map(|row| {
        let (number, file) = row[0][1..].trim_end_matches(')').split_once("](").expect("a link");
        assert!(file.starts_with(number), "{file} has not the number {number}");
        let governs = quoted(&row[4]).map(str::to_owned).collect();
        Decision { file: file.to_owned(), title: row[1].clone(), date: row[2].clone(), governs }
    })
    .collect()
}

#[test]
fn every_decision_has_its_row_with_its_title() {
    let rows: Vec<String> = decisions().iter().map(|decision| decision.file.clone()).collect();
    let mut files: Vec<String> = texts("docs/decisions")
        .into_iter()
        .filter_map(|(path, _)| path.strip_prefix("docs/decisions/").map(str::to_owned))
        .filter(|file| file != "README.md")
        .collect();
    files.sort();
    assert!(files.len() >= 13, "{files:?}");
    assert_eq!(rows, files, "left: the table in docs/decisions/README.md; right: the files there");
    for Decision { file, title, date, .. } in decisions() {
        let text = paper(&format!("docs/decisions/{file}"));
        let heading = format!("# {} {title}", &file[..3]);
        assert_eq!(text.lines().next(), Some(heading.as_str()), "{file}");
        assert!(date.parse::<jiff::civil::Date>().is_ok(), "{file} has the date {date}");
    }
}

#[test]
fn what_a_decision_governs_points_back_and_nothing_else_points_to_it() {
    let mut planned = BTreeSet::new();
    for Decision { file, governs, .. } in decisions() {
        assert!(!governs.is_empty(), "the table does not say what {file} governs");
        planned.extend(governs.into_iter().map(|path| (path, file.clone())));
    }
    let mut pointing = BTreeSet::new();
    for (path, text) in ["src", "tests", "shells", "templates"]
        .into_iter()
        .flat_map(texts)
        .chain([("docs/findings.md".to_owned(), paper("docs/findings.md"))])
        .filter(|(path, _)| path != "tests/readme.rs")
    {
        for rest in text.split("docs/decisions/").skip(1) {
            let file = rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c))).next();
            pointing.insert((path.clone(), file.unwrap_or_default().to_owned()));
        }
    }
    assert!(planned.len() > 20, "{planned:?}");
    let missing: Vec<_> = planned.difference(&pointing).collect();
    assert!(
        missing.is_empty(),
        "these do not point to what governs them (See docs/decisions/…): {missing:?}"
    );
    let untold: Vec<_> = pointing.difference(&planned).collect();
    assert!(untold.is_empty(), "docs/decisions/README.md does not say that these are governed: {untold:?}");
}

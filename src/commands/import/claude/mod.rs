//! `cs import claude`: config directories that are there, and the aliases that use them.

mod mentions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mentions::mentions;

use super::super::report;
use super::free_name;
use super::told::{Found, State, tell};
use crate::claude;
use crate::cli::ImportArgs;
use crate::model::{Failure, Name, Outcome, Result, ShareOverrides};
use crate::os;
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::profiles::adopt;

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<Outcome> {
    super::refuse_options(
        "cs import claude",
        &[
            ("--as", args.new.is_some()),
            ("--profile", args.profile.is_some()),
            ("--from", args.from.is_some()),
        ],
    )?;
    let home = context.home()?;
    let mut found = Vec::new();
    let mut taken: Vec<Name> = Vec::new();
    let candidates = candidates(context, &home);
    let asks = !args.yes && !args.dry_run && !args.json && ui::can_ask();
    let adopts = args.yes || asks;
    if asks && !candidates.is_empty() {
        show(&candidates, &home)?;
    }
    for candidate in candidates {
        let place = candidate.directory.display().to_string();
        let one = Found::new("profile", &place);
        if candidate.is_own {
            found.push(one.skipped("it is 'default'"));
            if !candidate.mentioned.is_empty() && !args.json {
                report::say(&format!(
                    "{}: set as CLAUDE_CONFIG_DIR, ~/.claude is another profile to Claude, without your MCP servers: take that line out",
                    candidate.by(&home)
                ));
            }
            continue;
        }
        if let Some(known) = adopt::profile_at(context, &candidate.directory)? {
            found.push(one.there(known.to_string()));
            continue;
        }
        if let Err(failure) = adopt::refuse_what_is_no_profile(context, &candidate.directory) {
            found.push(one.skipped(failure.message));
            continue;
        }
        let is_taken = |name: &Name| Ok(taken.contains(name) || context.store()?.claim(name)?.is_some());
        let named = free_name(&candidate.suggested(), is_taken)?;
        let named = if asks {
            let Some(named) = asked(context, &candidate, &named)? else {
                found.push(one.skipped("you said so"));
                continue;
            };
            named
        } else if adopts || args.dry_run {
            named
        } else {
            taken.push(named.clone());
            found.push(one.offered(named.to_string(), candidate.about(&home)));
            continue;
        };
        taken.push(named.clone());
        let done = if args.dry_run {
            Ok(())
        } else {
            adopt::adopt(context, &named, &candidate.directory, ShareOverrides::default())
        };
        found.push(one.done(named.to_string(), candidate.about(&home), done));
    }
    let outcome = tell(&found, "your home directory", args.dry_run, args.json)?;
    if !args.json && found.iter().any(|one| one.state == State::Offered) {
        report::say("to take them under these names: cs import claude --yes");
        report::say("to take one: cs profile adopt NAME DIRECTORY");
    }
    Ok(outcome)
}

/// A directory that Claude was started with, or could be.
struct Candidate {
    directory: PathBuf,
    /// It is `~/.claude` itself.
    is_own: bool,
    /// The files and lines that name it, and the alias or function there.
    mentioned: Vec<(PathBuf, usize, Option<String>)>,
    conversations: usize,
    has_login: bool,
}

impl Candidate {
    /// Who names it.
    fn by(&self, home: &Path) -> String {
        let short = |path: &Path| match path.strip_prefix(home) {
            Ok(inner) => format!("~/{}", inner.display()),
            Err(_) => path.display().to_string(),
        };
        let all: Vec<String> = self
            .mentioned
            .iter()
            .map(|(file, line, by)| match by {
                Some(by) => format!("{by} in {}:{line}", short(file)),
                None => format!("{}:{line}", short(file)),
            })
            .collect();
        all.join(", ")
    }

    fn about(&self, home: &Path) -> String {
        let login = if self.has_login { ", logged in" } else { "" };
        let by = if self.mentioned.is_empty() { String::new() } else { format!(", {}", self.by(home)) };
        format!("{}{login}{by}", ui::count(self.conversations, "conversation"))
    }

    /// What it is most likely called: as the alias that uses it, else as its directory.
    fn suggested(&self) -> Name {
        let alias = self.mentioned.iter().find_map(|(_, _, by)| by.clone()).filter(|name| name != "claude");
        let directory = self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = alias.unwrap_or(directory);
        let text = text.trim_start_matches('.');
        let short = text.strip_prefix("claude-").or_else(|| text.strip_suffix("-claude")).unwrap_or(text);
        Name::suggest(short)
    }
}

/// The config directories below the home directory, and those that start-up files name, in path order.
fn candidates(context: &Context, home: &Path) -> Vec<Candidate> {
    let mut found: BTreeMap<PathBuf, Vec<(PathBuf, usize, Option<String>)>> = BTreeMap::new();
    let config = home.join(".config");
    let beside = os::names_in(home, ".claude-").into_iter().map(|name| home.join(name));
    let below = os::names_in(&config, "claude").into_iter().map(|name| config.join(name));
    for directory in beside.chain(below).filter(|path| claude::is_config_directory(path)) {
        found.entry(directory).or_default();
    }
    for file in start_up_files(context, home) {
        let Ok(Some(bytes)) = os::read_small(&real(&file), 1 << 20) else { continue };
        for mention in mentions(&String::from_utf8_lossy(&bytes), home) {
            let named = found.entry(mention.directory).or_default();
            named.push((file.clone(), mention.line, mention.by));
        }
    }
    let own = home.join(".claude");
    found
        .into_iter()
        .map(|(directory, mentioned)| Candidate {
            is_own: os::is_same_file(&directory, &own),
            conversations: claude::conversations(&directory).map_or(0, |all| all.len()),
            has_login: claude::has_login_file(&directory),
            directory,
            mentioned,
        })
        .collect()
}

/// Start-up files are often links into a repository.
fn real(path: &Path) -> PathBuf {
    os::real_path(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The start-up files of the shells, and what they are usually split into.
fn start_up_files(context: &Context, home: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = [
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".bash_aliases",
        ".profile",
        ".zshrc",
        ".zshenv",
        ".zprofile",
        ".zlogin",
        ".aliases",
    ]
    .map(|name| home.join(name))
    .to_vec();
    if let Some(directory) = context.variable("ZDOTDIR").map(PathBuf::from).filter(|path| path != home) {
        files.extend([".zshrc", ".zshenv", ".zprofile", ".zlogin"].map(|name| directory.join(name)));
    }
    let config = context.variable("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    files.push(config.join("fish/config.fish"));
    for room in ["fish/conf.d", "fish/functions"] {
        let directory = config.join(room);
        let mut names = os::names_in(&directory, "");
        names.sort_unstable();
        files.extend(
            names
                .into_iter()
                .map(|name| directory.join(name))
                .filter(|path| path.extension().is_some_and(|extension| extension == "fish")),
        );
    }
    for directory in [
        config.join("powershell"),
        home.join("Documents/PowerShell"),
        home.join("Documents/WindowsPowerShell"),
    ] {
        files.extend(["Microsoft.PowerShell_profile.ps1", "profile.ps1"].map(|name| directory.join(name)));
    }
    files.retain(|file| fs::metadata(file).is_ok_and(|about| about.is_file()));
    files
}

/// Shows a person what there is, before the questions.
fn show(candidates: &[Candidate], home: &Path) -> Result<()> {
    let mut table = Table::new(&[
        ("DIRECTORY", Align::ShrinkFront),
        ("CONVERSATIONS", Align::Right),
        ("LOGIN", Align::Left),
        ("NAMED BY", Align::Shrink),
    ]);
    for candidate in candidates {
        let login = if candidate.has_login { "yes" } else { "no" };
        table.row(
            [
                candidate.directory.display().to_string(),
                candidate.conversations.to_string(),
                login.to_owned(),
                candidate.by(home),
            ],
            None,
        );
    }
    report::print(&table.render(ui::width(), ui::colour_stdout()))
}

/// Asks for the name of a profile until it can be one; `None` where it is to be left out.
fn asked(context: &Context, candidate: &Candidate, suggested: &Name) -> Result<Option<Name>> {
    loop {
        let question = format!("a name for {} (- to leave it out)", candidate.directory.display());
        let Some(text) = ui::ask(&question, suggested.as_str()) else {
            return Err(Failure::failed("nobody answered; what was adopted before stays"));
        };
        if text == "-" {
            return Ok(None);
        }
        match Name::new(&text) {
            Ok(name) if context.store()?.claim(&name)?.is_none() => return Ok(Some(name)),
            Ok(name) => report::say(&format!("'{name}' is taken")),
            Err(error) => report::say(&error.to_string()),
        }
    }
}

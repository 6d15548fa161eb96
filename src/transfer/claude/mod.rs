//! Taking over config directories that are there, as the aliases that use them call them.

mod mentions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mentions::mentions;

use super::names::free_name;
use super::takeover::Takeover;
use crate::claude::{self, ConfigGround};
use crate::model::{Failure, Name, Result, ShareOverrides};
use crate::os;
use crate::ui;
use crate::work::context::Context;
use crate::work::profiles::adopt;

/// The choice about a config directory.
pub(crate) enum Choice {
    /// It becomes the profile of this name.
    Take(Name),
    /// It could be the profile of this name, and nobody said so.
    Offer(Name),
    /// A person left it out.
    Leave,
}

/// An import of config directories, one by one.
pub(crate) struct Import<'a> {
    context: &'a Context,
    home: &'a Path,
    dry_run: bool,
    /// Names that were used, or would have been.
    taken: Vec<Name>,
    found: Vec<Takeover>,
}

impl<'a> Import<'a> {
    /// Begins one; with `dry_run` it changes nothing.
    pub(crate) fn begin(context: &'a Context, home: &'a Path, dry_run: bool) -> Self {
        Self { context, home, dry_run, taken: Vec::new(), found: Vec::new() }
    }

    /// Returns the name that the directory would have as a profile; `None` if it can be none, which is noted.
    pub(crate) fn suggested(&mut self, candidate: &Candidate) -> Result<Option<Name>> {
        let one = candidate.found();
        let noted = if candidate.is_own {
            one.skipped("it is 'default'")
        } else if let Some(known) = adopt::profile_at(self.context, &candidate.directory)? {
            one.there(known.to_string())
        } else if let Err(failure) = adopt::refuse_what_is_no_profile(self.context, &candidate.directory) {
            one.refused(failure)
        } else {
            let store = self.context.store()?;
            let is_taken = |name: &Name| Ok(self.taken.contains(name) || store.holder(name)?.is_some());
            return free_name(&candidate.suggested(), is_taken).map(Some);
        };
        self.found.push(noted);
        Ok(None)
    }

    /// Does with the directory what was chosen, and notes what became of it.
    pub(crate) fn settle(&mut self, candidate: &Candidate, choice: Choice) {
        let (one, about) = (candidate.found(), candidate.about(self.home));
        self.found.push(match choice {
            Choice::Leave => one.skipped("you said so"),
            Choice::Offer(name) => {
                self.taken.push(name.clone());
                one.offered(name.to_string(), about)
            }
            Choice::Take(name) => {
                self.taken.push(name.clone());
                let place = &candidate.directory;
                let done = if self.dry_run {
                    Ok(())
                } else {
                    adopt::adopt(self.context, &name, place, ShareOverrides::default())
                };
                one.done(name.to_string(), about, done)
            }
        });
    }

    /// Returns what was found, and what became of it.
    pub(crate) fn end(self) -> Vec<Takeover> {
        self.found
    }
}

/// A directory that Claude was started with, or could be.
pub(crate) struct Candidate {
    /// Its path.
    pub directory: PathBuf,
    /// It is `~/.claude` itself.
    pub is_own: bool,
    /// The files and lines that name it, and the alias or function there.
    pub mentioned: Vec<(PathBuf, usize, Option<String>)>,
    /// How many conversations are in it.
    pub conversations: usize,
    /// True if somebody is logged in there.
    pub has_login: bool,
}

impl Candidate {
    fn found(&self) -> Takeover {
        Takeover::new("profile", self.directory.display().to_string())
    }

    /// Returns who names it: aliases, functions, files and their lines.
    pub(crate) fn by(&self, home: &Path) -> String {
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

    /// Returns the name it is most likely called by: that of the alias that uses it, else that of its directory.
    fn suggested(&self) -> Name {
        let alias = self.mentioned.iter().find_map(|(_, _, by)| by.clone()).filter(|name| name != "claude");
        let directory = self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = alias.unwrap_or(directory);
        let text = text.trim_start_matches('.');
        let short = text.strip_prefix("claude-").or_else(|| text.strip_suffix("-claude")).unwrap_or(text);
        Name::suggest(short)
    }
}

/// Returns the config directories below the home directory, and those that start-up files name, in path order.
pub(crate) fn candidates(context: &Context, home: &Path) -> Result<Vec<Candidate>> {
    let mut found: BTreeMap<PathBuf, Vec<(PathBuf, usize, Option<String>)>> = BTreeMap::new();
    let config = home.join(".config");
    let beside = names_in(home, ".claude-")?.into_iter().map(|name| home.join(name));
    let below = names_in(&config, "claude")?.into_iter().map(|name| config.join(name));
    for directory in beside.chain(below).filter(|path| claude::is_config_directory(path)) {
        found.entry(directory).or_default();
    }
    for file in start_up_files(context, home)? {
        let text = os::read_small(&real(&file), 1 << 20).map_err(|error| Failure::io("read", &file, &error));
        let Some(bytes) = context.or_without(text) else { continue };
        for mention in mentions(&String::from_utf8_lossy(&bytes), home) {
            let named = found.entry(mention.directory).or_default();
            named.push((file.clone(), mention.line, mention.by));
        }
    }
    let own = home.join(".claude");
    let candidates = found.into_iter().map(|(directory, mentioned)| Candidate {
        is_own: os::is_same_file(&directory, &own),
        conversations: claude::conversations(&ConfigGround::of_profile(&directory))
            .map_or(0, |all| all.len()),
        has_login: claude::has_login_file(&directory),
        directory,
        mentioned,
    });
    Ok(candidates.collect())
}

fn names_in(directory: &Path, beginning: &str) -> Result<Vec<String>> {
    os::names_in(directory, beginning).map_err(|error| Failure::io("list", directory, &error))
}

/// Start-up files are often links into a repository.
fn real(path: &Path) -> PathBuf {
    os::real_path(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The start-up files of the shells, and what they are usually split into.
fn start_up_files(context: &Context, home: &Path) -> Result<Vec<PathBuf>> {
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
        let mut names = names_in(&directory, "")?;
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
    // What cannot be looked at is told when it is read.
    files.retain(|file| match fs::metadata(file) {
        Ok(about) => about.is_file(),
        Err(_) => os::exists(file),
    });
    Ok(files)
}

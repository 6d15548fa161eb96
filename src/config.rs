//! `config.toml`, the settings a person edits, and `.cs.toml`, what a repository may say. Reading
//! them creates nothing.

mod keys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::keys::Unknown;
use crate::model::{
    Age, Failure, Guard, Isolation, Kind, Name, PortRange, Repository, Result, ShareOverrides, VarName,
};
use crate::os::{self, Distrust, Trusted};

/// The starter file that `cs config edit` begins with: every key, commented out, explained.
pub const STARTER: &str = include_str!("../templates/config.toml");

/// The settings, with the built-in value of every key that is not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The profile of new sessions.
    pub default_profile: Name,
    /// Claude's program: a name on `PATH` or an absolute path; `~` and `$VARS` are expanded.
    pub claude: String,
    /// The reaction when another profile than the bound one is about to run.
    pub guard: Guard,
    /// The way sessions are separated.
    pub isolation: IsolationConfig,
    /// The items that sessions share with their profile.
    pub share: ShareOverrides,
    /// The limits above which advice is given.
    pub limits: LimitsConfig,
    /// The ages for `cs cleanup`.
    pub cleanup: CleanupConfig,
    /// The status line of sessions that have none of their own.
    pub statusline: StatuslineConfig,
    /// The settings for worktrees that `cs` makes.
    pub worktree: WorktreeConfig,
    /// The ports that sessions are given.
    pub ports: PortsConfig,
    /// The openings of a sandbox.
    pub sandbox: SandboxConfig,
    /// The multiplexer in which sessions outlive a connection.
    pub multiplexer: MultiplexerKind,
    /// Variables for every session.
    pub env: BTreeMap<VarName, String>,
}

/// `[isolation]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IsolationConfig {
    /// The method of new sessions.
    pub method: Isolation,
    /// New sessions go to the trash automatically when Claude ends.
    pub cleanup_on_close: bool,
    /// The user's own files that a session with a home of its own gets links to: paths below the home
    /// directory.
    pub home_symlinks: Vec<String>,
}

/// `[limits]`: above them there is a line of advice, and never a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Sessions that are open at once.
    pub live: usize,
    /// Memory that should be left, in MiB.
    pub free_memory: u64,
}

/// `[cleanup]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CleanupConfig {
    /// The time without use after which `cs cleanup` takes a session.
    pub older_than: Age,
    /// The time that `cs cleanup` leaves something in the trash.
    pub keep_trash: Age,
}

/// `[statusline]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatuslineConfig {
    /// True if sessions that have no status line of their own get one.
    pub install: bool,
    /// Its look.
    pub theme: String,
    /// Its fields and text; empty for those of the theme.
    pub format: String,
}

/// `[worktree]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorktreeConfig {
    /// Command lines that are run in a worktree that was just made, with the session's variables.
    pub on_create: Vec<String>,
}

/// `[ports]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PortsTable")]
pub struct PortsConfig {
    /// The lowest port that a session is given; 0 for none.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

/// `[ports]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PortsTable {
    first: u16,
    last: u16,
}

/// `[sandbox]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// The program that makes it.
    pub engine: SandboxEngine,
    /// Its access to the network.
    pub network: SandboxNetwork,
    /// Paths that may be written, beside the session's own and its directory; `~` and `$VARS` are
    /// expanded.
    pub write: Vec<String>,
    /// Paths that may be read besides.
    pub read: Vec<String>,
}

/// The program that makes a sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxEngine {
    /// bubblewrap if it is installed, else podman.
    #[default]
    Auto,
    /// bubblewrap.
    Bwrap,
    /// podman, without root.
    Podman,
}

/// The access of a sandbox to the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxNetwork {
    /// The network of this machine, with its loopback.
    #[default]
    Host,
    /// None at all, so no Claude either.
    None,
}

/// The multiplexer in which a session can outlive a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MultiplexerKind {
    /// tmux if it is installed, else zellij.
    #[default]
    Auto,
    /// tmux.
    Tmux,
    /// zellij.
    Zellij,
}

impl Default for PortsConfig {
    fn default() -> Self {
        // Below what Linux takes for the near end of connections: 32768 and up, by default.
        Self { first: 20_000, last: 32_767 }
    }
}

impl Default for PortsTable {
    fn default() -> Self {
        let PortsConfig { first, last } = PortsConfig::default();
        Self { first, last }
    }
}

impl PortsConfig {
    /// Returns the ports that sessions are given; `None` if there are none.
    pub fn range(&self) -> Option<PortRange> {
        if self.first == 0 { None } else { PortRange::new(self.first, self.last) }
    }
}

impl TryFrom<PortsTable> for PortsConfig {
    type Error = String;

    fn try_from(PortsTable { first, last }: PortsTable) -> Result<Self, String> {
        let config = Self { first, last };
        if first == 0 || config.range().is_some() {
            return Ok(config);
        }
        Err(format!(
            "no session's ten ports lie between first = {first} and last = {last}: they begin at a multiple of ten, at 1030 or above"
        ))
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { live: 4, free_memory: 1024 }
    }
}

impl Default for CleanupConfig {
    fn default() -> Self {
        Self { older_than: Age::days(30), keep_trash: Age::days(14) }
    }
}

impl Default for StatuslineConfig {
    fn default() -> Self {
        Self { install: true, theme: "plain".into(), format: String::new() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_profile: Name::default_profile(),
            claude: "claude".into(),
            guard: Guard::default(),
            isolation: IsolationConfig::default(),
            share: ShareOverrides::default(),
            limits: LimitsConfig::default(),
            cleanup: CleanupConfig::default(),
            statusline: StatuslineConfig::default(),
            worktree: WorktreeConfig::default(),
            ports: PortsConfig::default(),
            sandbox: SandboxConfig::default(),
            multiplexer: MultiplexerKind::default(),
            env: BTreeMap::new(),
        }
    }
}

impl Default for IsolationConfig {
    fn default() -> Self {
        // What was tried with the programs themselves is in the README: none of them replaces such a link.
        let links = [
            ".bashrc",
            ".bash_profile",
            ".profile",
            ".zshrc",
            ".zshenv",
            ".zprofile",
            ".gitconfig",
            ".git-credentials",
            ".config/git",
            ".config/gh",
            ".ssh",
            ".gnupg",
            ".netrc",
            ".npmrc",
            ".npm",
            ".cargo",
            ".rustup",
            ".config/pip",
            ".pypirc",
            ".local/bin",
        ];
        Self {
            method: Isolation::default(),
            cleanup_on_close: false,
            home_symlinks: links.map(str::to_owned).to_vec(),
        }
    }
}

impl Config {
    /// Reads the file at `path`; the built-in settings if there is none. Fails naming the file, the line
    /// and, for an unknown key, the nearest one.
    ///
    /// The settings name programs, so a file that somebody else may have written is refused
    /// ([`Kind::Exposed`]): one that another user owns or can write to, or that lies, itself or behind a link, in
    /// or below a directory of that kind. What a group of the user's own can write is no such thing
    /// ([`os::read_trusted`] has the rule). Directories in `known` were looked at before.
    pub fn load(path: &Path, known: &Trusted) -> Result<Self> {
        let bytes = os::read_trusted(path, known).map_err(|why| refused(path, &why))?;
        match bytes {
            None => Ok(Self::default()),
            Some(bytes) => {
                let text = String::from_utf8(bytes)
                    .map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))?;
                Self::parse(&text, path)
            }
        }
    }

    /// Reads settings from `text`, which stands in the file `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let config: Self = toml::from_str(text).map_err(|error| explain::<Self>(&error, text, path))?;
        for link in &config.isolation.home_symlinks {
            let link_path = Path::new(link);
            let inside = link_path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            if link.is_empty() || !inside || link_path.starts_with(".claude") || link == ".claude.json" {
                return Err(Failure::usage(format!(
                    "{}: home_symlinks names '{link}', which is no path below the home directory that may be linked",
                    path.display()
                )));
            }
        }
        Ok(config)
    }

    /// Returns the text of the file `current` with `default_profile` set to `name`, comments kept.
    pub fn with_default_profile(current: &str, name: &Name) -> Result<String> {
        let mut document: toml_edit::DocumentMut =
            current.parse().map_err(|error| Failure::usage(format!("config.toml: {error}")))?;
        document["default_profile"] = toml_edit::value(name.as_str());
        Ok(document.to_string())
    }
}

/// Returns the refusal to believe the settings in `path`.
fn refused(path: &Path, why: &Distrust) -> Failure {
    if let Distrust::Io(_, error) = why {
        return Failure::io("read", path, error);
    }
    let failure = Failure::of(Kind::Exposed, format!("the settings are not used: {why}"))
        .hint(format!("they name programs, so look first at what they say: {}", path.display()));
    match why.command() {
        Some(command) => failure.hint(format!("if all of it is yours: {command}")),
        None => failure,
    }
}

/// The name of the file in which a repository says which profile it wants, and how its programs call a
/// session's values. A stranger wrote it: it can name and nothing else, and has no effect before it is
/// allowed.
pub const REPOSITORY_FILE: &str = ".cs.toml";

/// The most bytes that a `.cs.toml` may have.
pub const REPOSITORY_FILE_LIMIT: u64 = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RepositoryFile {
    profile: Option<Name>,
    #[serde(default)]
    env: BTreeMap<String, toml::Spanned<String>>,
}

/// Reads a `.cs.toml`, which is at `path` and has this content. Fails, naming file and line, for text
/// that makes no sense; a file that asks for nothing is an error too.
pub fn repository(content: &[u8], path: &Path) -> Result<Repository> {
    let text = std::str::from_utf8(content)
        .map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))?;
    let file: RepositoryFile =
        toml::from_str(text).map_err(|error| explain::<RepositoryFile>(&error, text, path))?;
    let mut env = BTreeMap::new();
    for (name, source) in &file.env {
        let refused = |why: String| {
            let line = line_at(text, source.span().start);
            Failure::usage(format!("{}:{line}: {why}", path.display()))
        };
        Repository::may_name(name, source.get_ref()).map_err(refused)?;
        let variable = |text: &str| VarName::new(text).map_err(refused);
        env.insert(variable(name)?, variable(source.get_ref())?);
    }
    if file.profile.is_none() && env.is_empty() {
        return Err(Failure::usage(format!(
            "{} says nothing: it may have a profile, and an [env]",
            path.display()
        )));
    }
    Ok(Repository { profile: file.profile.map(|profile| profile.folded()), env })
}

/// Returns the number of the line, from 1, in which the byte `at` of `text` is.
fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Returns the path of `config.toml`: `$CS_CONFIG`, or `cs/config.toml` in the configuration directory.
pub fn path(explicit: Option<PathBuf>, config_home: &Path) -> PathBuf {
    explicit.unwrap_or_else(|| config_home.join("cs").join("config.toml"))
}

/// Returns a TOML error of a `T` as `FILE:LINE: what`, with the nearest key to an unknown one.
fn explain<'de, T: Deserialize<'de>>(error: &toml::de::Error, text: &str, path: &Path) -> Failure {
    let at = error.span().map(|span| span.start);
    let line = at.map(|at| line_at(text, at));
    let place = line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()));
    let Some(Unknown { key, known }) = at.and_then(|at| keys::unknown_at::<T>(text, at)) else {
        let message = error.message().lines().next().unwrap_or("it is no TOML");
        return Failure::usage(format!("{place}: {message}"));
    };
    let failure = Failure::usage(format!("{place}: unknown key '{key}'"));
    match nearest(&key, known.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean '{near}'?")),
        None => failure.hint(format!("known here: {}", known.join(", "))),
    }
}

/// Returns the one of `known` that `text` was most likely meant to be.
pub fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    known
        .map(|candidate| (distance(&text, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(text.len()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts the letters that must be changed, put in, taken out, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("/c/config.toml"))
    }

    #[test]
    fn the_starter_file_is_valid_and_changes_nothing() {
        assert_eq!(parse(STARTER), Ok(Config::default()));
    }

    #[test]
    fn every_key_in_the_starter_file_is_what_is_built_in() {
        let uncommented: String = STARTER
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if !key.starts_with(' ') => format!("{key}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let config = parse(&uncommented).expect("a starter file without its comment signs");
        assert_eq!(config.isolation, Config::default().isolation);
        assert_eq!(config.claude, Config::default().claude);
        assert_eq!(config.guard, Config::default().guard);
        assert_eq!(
            (&config.worktree, &config.ports),
            (&Config::default().worktree, &Config::default().ports)
        );
        assert_eq!(config.sandbox, Config::default().sandbox);
        assert_eq!(config.multiplexer, Config::default().multiplexer);
        assert_eq!(crate::model::Share::default().with(&config.share), crate::model::Share::default());
    }

    #[test]
    fn an_unknown_key_names_file_line_and_the_nearest() {
        let failure = parse("\n[isolation]\nmethd = \"home\"\n").expect_err("unknown");
        assert_eq!(failure.message, "/c/config.toml:3: unknown key 'methd'");
        assert_eq!(failure.hints, ["did you mean 'method'?"]);
        let far = parse("zzzzzzzzzz = 1").expect_err("unknown");
        assert!(far.hints[0].starts_with("known here: default_profile"), "{far:?}");
    }

    #[test]
    fn broken_toml_names_file_and_line() {
        let failure = parse("a = 1\nclaude = \n").expect_err("broken");
        assert!(failure.message.starts_with("/c/config.toml:2: "), "{failure:?}");
        assert!(parse("[isolation]\nmethod = \"jail\"").is_err());
        assert!(parse("[isolation]\nhome_symlinks = [\"../x\"]").is_err());
        assert!(parse("[isolation]\nhome_symlinks = [\".claude\"]").is_err());
    }

    #[test]
    fn ports_are_a_range_that_has_room_or_none_at_all() {
        let range = |text: &str| parse(text).map(|config| config.ports.range());
        assert_eq!(range(""), Ok(PortRange::new(20_000, 32_767)));
        assert_eq!(range("[ports]\nfirst = 30000"), Ok(PortRange::new(30_000, 32_767)));
        assert_eq!(range("[ports]\nfirst = 0"), Ok(None));
        for (first, last) in [(40_000, 32_767), (80, 90), (20_001, 20_018), (65_530, 65_535)] {
            let failure =
                parse(&format!("\n[ports]\nfirst = {first}\nlast = {last}\n")).expect_err("no room");
            let said = format!(
                "/c/config.toml:2: no session's ten ports lie between first = {first} and last = {last}"
            );
            assert!(failure.message.starts_with(&said), "{failure:?}");
        }
        assert!(parse("[ports]\nfirst = 70000").is_err());
        let near = parse("[ports]\nfrist = 20000").expect_err("unknown");
        assert_eq!(near.hints, ["did you mean 'first'?"]);
    }

    #[test]
    fn a_repository_can_name_and_nothing_else() {
        let wanted = |content: &[u8]| repository(content, Path::new("/r/.cs.toml"));
        let profile = |content: &[u8]| wanted(content).map(|said| said.profile.map(String::from));
        assert_eq!(profile(b"# ours\nprofile = \"Work\"\n"), Ok(Some("work".into())));
        assert_eq!(profile(b"profile = \"default\""), Ok(Some("default".into())));
        let named = wanted(b"[env]\nPORT = \"CS_PORT\"\nDB_NAME = \"CS_SLUG\"\n").expect("it names");
        let pairs: Vec<_> = named.env.iter().map(|(name, source)| format!("{name}={source}")).collect();
        assert_eq!((named.profile, pairs.join(" ")), (None, "DB_NAME=CS_SLUG PORT=CS_PORT".into()));
        for (content, said) in [
            (&b""[..], "/r/.cs.toml says nothing: it may have a profile, and an [env]"),
            (b"[env]\n", "/r/.cs.toml says nothing"),
            (b"profile = \"work\"\nenv = 1\n", "/r/.cs.toml:2: invalid type: integer"),
            (b"profile = \"work\"\ncommand = 1\n", "/r/.cs.toml:2: unknown key 'command'"),
            (b"[env]\nPORT = 3000\n", "/r/.cs.toml:2: invalid type: integer"),
            (b"[env]\n\nPORT = \"3000\"\n", "/r/.cs.toml:3: PORT is to be \"3000\": it can be CS_PORT"),
            (b"env = { PATH = \"CS_SLUG\" }\n", "/r/.cs.toml:1: a repository may not set \"PATH\""),
            (b"[env]\n\"A\\u001b\" = \"CS_SLUG\"\n", "/r/.cs.toml:2: a repository may not set \"A\\u{1b}\""),
            (b"[env]\nPORT = \"CS_PORT\"\nPORT = \"CS_PORT\"\n", "/r/.cs.toml:3: duplicate key"),
            (b"\nprofil = \"work\"\n", "/r/.cs.toml:2: unknown key 'profil'"),
            (b"profile = [\"x\"]", "/r/.cs.toml:1: invalid type: sequence"),
            (b"profile = \"../x\"", "/r/.cs.toml:1: a name "),
            (b"profile = \"a\\u001b[2J\"", "/r/.cs.toml:1: a name is made of letters"),
            (b"profile = ", "/r/.cs.toml:1: "),
            (b"profile = \"\xff\"", "/r/.cs.toml is not UTF-8"),
        ] {
            let failure = wanted(content).expect_err("no profile");
            assert!(failure.message.starts_with(said), "{failure:?}");
        }
        assert_eq!(wanted(b"profil = \"work\"").expect_err("unknown").hints, ["did you mean 'profile'?"]);
    }

    #[test]
    fn setting_the_default_profile_keeps_a_persons_comments() {
        let text = Config::with_default_profile("# mine\nclaude = \"c\" # here\n", &Name::suggest("work"));
        assert_eq!(text.as_deref(), Ok("# mine\nclaude = \"c\" # here\ndefault_profile = \"work\"\n"));
    }

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["list", "last", "resume", "rename"];
        assert_eq!(nearest("lits", known.into_iter()), Some("list"));
        assert_eq!(nearest("resum", known.into_iter()), Some("resume"));
        assert_eq!(nearest("xyz", known.into_iter()), None);
    }
}

//! The context that every verb starts from: the environment, read once, and what is found through it.
//!
//! See docs/decisions/006-one-variable-undoes-what-a-shell-uses.md

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::config::{self, Config};
use crate::model::{
    Clock, Environment, Failure, Memory, Name, Profile, Result, Saved, Session, SessionPaths, Subject, UsedBy,
};
use crate::os::{self, Trusted, Umask};
use crate::shell::{CALLED_FROM, Call};
use crate::store::{Claim, Store};
use crate::work::files_above::FilesAbove;

/// The environment of one run of `cs`. Config and store are opened when first asked for.
#[derive(Debug)]
pub struct Context {
    /// The environment variables without what `cs use` changed in the shell: what a session starts
    /// from must not depend on which other one is in use.
    pub environment: Environment,
    /// The shell it is called from.
    pub shell: Caller,
    /// The command that stands for Claude in this call, where a program that starts Claude has
    /// `cs` wrap it: the program, and the script where that is an interpreter.
    pub wrapped: OnceCell<Vec<OsString>>,
    /// The file mode mask that a launched program gets back.
    pub umask: Umask,
    /// The `.cs.toml` of a directory and above.
    pub(crate) files_above: FilesAbove,
    /// Tells a person, meanwhile, what there is to know.
    said: fn(&str),
    /// The directory this process is in, once it was asked for.
    here: OnceCell<PathBuf>,
    /// True once a person has been told of the one that nobody allowed.
    pub(crate) said_unallowed: Cell<bool>,
    /// What a command went on without, as it was told.
    without: RefCell<Vec<String>>,
    config: OnceCell<Config>,
    store: OnceCell<Store>,
    /// The directories that nobody else can have prepared.
    trusted: Trusted,
}

/// The shell, or other program, that calls `cs`.
#[derive(Debug)]
pub struct Caller {
    /// The environment variables it exports.
    pub environment: Environment,
    /// The call, if it is one of the shell function.
    pub call: Option<Call>,
    /// The changes that `cs use` or a binding made to it.
    pub saved: Option<Saved>,
    /// The memory it has beside its environment.
    pub memory: Memory,
}

impl Context {
    /// The context of this process. What a person should know while something is done is given to `said`, a
    /// line each, raw.
    pub fn new(umask: Umask, said: fn(&str)) -> Self {
        let mut exported: Environment = os::environment();
        let call = exported.remove(OsStr::new(CALLED_FROM)).and_then(|text| Call::parse(&text));
        let memory = exported.remove(OsStr::new(Memory::VARIABLE));
        let memory = memory.map(|text| Memory::parse(&text)).unwrap_or_default();
        let saved = exported.get(OsStr::new(Saved::VARIABLE)).and_then(|text| Saved::parse(text));
        let mut environment = match &saved {
            Some(saved) => saved.undone(&exported),
            None => exported.clone(),
        };
        // Inside a session with a home of its own: what starts from here starts from the user's.
        if let Some(home) = environment.remove(OsStr::new("CS_REAL_HOME")).filter(|_| !cfg!(windows)) {
            environment.insert("HOME".into(), home);
        }
        Self {
            environment,
            shell: Caller { environment: exported, call, saved, memory },
            wrapped: OnceCell::new(),
            umask,
            files_above: FilesAbove::default(),
            said,
            here: OnceCell::new(),
            said_unallowed: Cell::new(false),
            without: RefCell::new(Vec::new()),
            config: OnceCell::new(),
            store: OnceCell::new(),
            trusted: Trusted::default(),
        }
    }

    /// Returns the directory this process is in. Read once.
    pub fn current_directory(&self) -> Result<PathBuf> {
        if let Some(here) = self.here.get() {
            return Ok(here.clone());
        }
        let here = os::current_directory()
            .map_err(|error| Failure::failed(format!("the current directory cannot be read: {error}")))?;
        Ok(self.here.get_or_init(|| here).clone())
    }

    /// Returns `path` from the root on, as it is meant here. Its links are left as they are.
    pub fn absolute(&self, path: &Path) -> std::io::Result<PathBuf> {
        if path.is_absolute() || path.as_os_str().is_empty() {
            return os::absolute(path);
        }
        match self.current_directory() {
            Ok(here) => os::absolute(&here.join(path)),
            Err(_) => os::absolute(path),
        }
    }

    /// Returns the path of this program.
    pub fn this_program(&self) -> std::io::Result<PathBuf> {
        os::this_program()
    }

    /// Returns true if what is printed is to be coloured: standard output is a terminal, and nobody refused
    /// (`NO_COLOR`, a dumb terminal).
    pub fn colours(&self) -> bool {
        let dumb = self.variable("TERM").is_some_and(|term| term == "dumb");
        self.variable("NO_COLOR").is_none() && !dumb && std::io::stdout().is_terminal()
    }

    /// Tells a person `text`, one line, beside whatever the program prints.
    pub fn say(&self, text: &str) {
        (self.said)(text);
    }

    /// Goes on without what could not be read: tells `why`, once, and has a command that succeeds otherwise end with
    /// exit code 1. For what only shows; what acts on what it reads fails.
    pub(crate) fn goes_without(&self, why: &str) {
        let mut without = self.without.borrow_mut();
        if !without.iter().any(|told| told == why) {
            self.say(why);
            without.push(why.to_owned());
        }
    }

    /// Returns what was read; where that failed, goes on without it ([`Context::goes_without`]).
    pub(crate) fn or_without<T: Default>(&self, read: Result<T>) -> T {
        read.unwrap_or_else(|failure| {
            self.goes_without(&failure.message);
            T::default()
        })
    }

    /// Returns true if a part could not be read, and was left out.
    pub fn is_partial(&self) -> bool {
        !self.without.borrow().is_empty()
    }

    /// The profile of what a person uses in this shell, by `cs use`.
    pub fn profile_in_use(&self) -> Option<Name> {
        let saved = self.shell.saved.as_ref().filter(|saved| saved.by == UsedBy::Person)?;
        let subject = self.find(saved.name.as_str()).ok()??;
        Some(subject.profile().name.clone())
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The directory a variable names, which has to be absolute.
    fn directory_variable(&self, name: &str) -> Result<Option<PathBuf>> {
        let Some(value) = self.variable(name) else { return Ok(None) };
        let path: PathBuf = Path::new(value).components().collect();
        if path.is_absolute() {
            Ok(Some(path))
        } else {
            Err(Failure::usage(format!(
                "{name} is '{}', which is not an absolute path",
                value.to_string_lossy()
            )))
        }
    }

    /// The user's home directory.
    pub fn home(&self) -> Result<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.directory_variable(name)?.ok_or_else(|| {
            Failure::failed(format!("{name} is not set, so there is no telling where your files are"))
                .hint(format!("set it: export {name}=/path/of/your/home"))
        })
    }

    /// Returns the path of the settings.
    pub fn config_path(&self) -> Result<PathBuf> {
        let explicit = self.directory_variable("CS_CONFIG")?;
        if explicit.is_some() {
            return Ok(config::path(explicit, Path::new("")));
        }
        let directory = if cfg!(windows) { "APPDATA" } else { "XDG_CONFIG_HOME" };
        let directory = match self.directory_variable(directory)? {
            Some(directory) => directory,
            None => self.home()?.join(".config"),
        };
        Ok(config::path(None, &directory))
    }

    /// The settings. Fails with `Kind::Exposed` if somebody else may have written them.
    pub fn config(&self) -> Result<&Config> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let loaded = Config::load(&self.config_path()?, &self.trusted)?;
        Ok(self.config.get_or_init(|| loaded))
    }

    /// The store.
    pub fn store(&self) -> Result<&Store> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let root = match self.directory_variable("CS_HOME")? {
            Some(root) => root,
            None if cfg!(windows) => match self.directory_variable("LOCALAPPDATA")? {
                Some(local) => local.join("cs"),
                None => self.home()?.join("AppData/Local/cs"),
            },
            None => match self.directory_variable("XDG_DATA_HOME")? {
                Some(data) => data.join("cs"),
                None => self.home()?.join(".local/share/cs"),
            },
        };
        if root.to_str().is_none_or(|text| text.chars().any(char::is_control)) {
            return Err(Failure::usage(format!(
                "the data root {} is not plain UTF-8, so no shell could be told of it",
                root.display()
            )));
        }
        let store = Store::open_among(root, &self.trusted)?;
        os::take_no_program_of_sessions_in(&store.root().join("sessions"));
        Ok(self.store.get_or_init(|| store))
    }

    /// Returns the clock, held against what was noted in the store.
    pub(crate) fn clock(&self) -> Result<Clock> {
        Ok(Clock::new(jiff::Timestamp::now(), self.store()?.noted()?))
    }

    /// Returns the directories that were found to be trusted, to look at each but once.
    pub(crate) fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// A name a person gave for something new.
    pub fn new_name(text: &str) -> Result<Name> {
        Name::new(text).map_err(|error| Failure::usage(error.to_string()))
    }

    /// Returns what has the name `text`; `None` where nothing has it. Fails if `text` can be no name.
    pub fn find(&self, text: &str) -> Result<Option<Subject>> {
        let name = Name::of_profile(text).map_err(|error| Failure::usage(error.to_string()))?;
        if name.is_default() {
            return Ok(self.profile_if(&name)?.map(Subject::Profile));
        }
        match self.store()?.claim(&name)? {
            Some(Claim::Profile) => Ok(self.profile_if(&name)?.map(Subject::Profile)),
            Some(Claim::Session(_)) => match self.store()?.session_named(&name)? {
                Some(session) => Ok(Some(self.with_profile(session)?)),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// Returns what has the name `text`. Fails with the names most like it if nothing has.
    pub fn resolve(&self, text: &str) -> Result<Subject> {
        self.find(text)?.ok_or_else(|| self.unknown("session or profile", text))
    }

    /// The session of the name `text`.
    pub fn resolve_session(&self, text: &str) -> Result<(Session, Profile)> {
        match self.find(text)? {
            Some(Subject::Session(session, profile)) => Ok((session, profile)),
            Some(Subject::Profile(profile)) => {
                Err(Failure::usage(format!("'{}' is a profile, not a session", profile.name))
                    .hint("for profiles there is: cs profile --help"))
            }
            None => Err(self.unknown("session", text)),
        }
    }

    /// The profile of the name `text`.
    pub fn resolve_profile(&self, text: &str) -> Result<Profile> {
        let name = Name::of_profile(text).map_err(|error| Failure::usage(error.to_string()))?;
        self.profile_if(&name)?.ok_or_else(|| match self.find(text) {
            Ok(Some(Subject::Session(..))) => Failure::usage(format!("'{text}' is a session, not a profile")),
            _ => self.unknown("profile", text).hint(format!("to make it: cs profile create {text}")),
        })
    }

    /// A session with the profile it belongs to.
    pub fn with_profile(&self, session: Session) -> Result<Subject> {
        let profile = self.profile_of(&session)?;
        os::take_no_program_from(session.directory());
        Ok(Subject::Session(session, profile))
    }

    /// The profile a session belongs to.
    pub fn profile_of(&self, session: &Session) -> Result<Profile> {
        self.profile_if(&session.profile)?.ok_or_else(|| {
            Failure::failed(format!("profile '{}' of session '{}' is gone", session.profile, session.name))
                .hint(format!("if it was removed: cs restore {}", session.profile))
        })
    }

    /// The profile `name`; `None` where there is none.
    pub fn profile_if(&self, name: &Name) -> Result<Option<Profile>> {
        // Only the profile that is the user's own needs to know where that is.
        let home = if name.is_default() { self.home()? } else { PathBuf::new() };
        self.store()?.profile(name, &home)
    }

    /// Returns where the files of a session are.
    pub fn paths(&self, session: &Session, profile: &Profile) -> Result<SessionPaths> {
        let root = self.store()?.session_root(session.id);
        Ok(SessionPaths::new(&root, session.isolation, &profile.home))
    }

    /// The failure for a name that nothing has, with the nearest ones.
    pub fn unknown(&self, what: &str, text: &str) -> Failure {
        let failure = Failure::not_found(format!("there is no {what} '{text}'"));
        let Ok(store) = self.store() else { return failure };
        // For a hint.
        let mut names = store.claimed_names().unwrap_or_default();
        names.push(Name::DEFAULT_PROFILE.to_owned());
        match config::nearest(text, names.iter().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean '{near}'?")),
            None => failure.hint("to see what there is: cs list"),
        }
    }
}

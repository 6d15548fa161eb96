//! What a verb did, held against what it does where nothing is planted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::furnish::{CANARY, SECRETS, SESSIONS, grounds};
use crate::objects::{Object, Workshop};
use crate::stage::{Kind, Sign, Signs, Stage, differences};
use crate::support::world::{StartOfClaude, World};
use crate::trace::{Bounds, Calls, Done, run};
use crate::verbs::Act;

/// What any verb may change, below the home directory, on another way than the usual one.
const BESIDES: &[&str] = &[
    // Who held the lock of the names last.
    ".local/share/cs/names/.repair",
];

/// A world, as it was made and as it is told about.
pub(crate) struct Range {
    pub world: World,
    pub stage: Stage,
    pub workshop: Workshop,
    program: PathBuf,
    pub bounds: Bounds,
    /// Texts that differ from world to world, and what stands for each.
    names: Vec<(String, String)>,
    grounds: BTreeMap<String, PathBuf>,
}

/// What an act does where nothing is planted.
#[derive(Debug, Default)]
pub(crate) struct Usual {
    /// The paths it changes, as [`Range::usual_path`] tells them; those of directories that it makes, too.
    changes: BTreeSet<String>,
    /// The secrets that it opens.
    opened: BTreeSet<PathBuf>,
    opens_root: bool,
    /// The variables of the Claude that it starts.
    start: Option<BTreeMap<String, String>>,
    /// The paths on the grounds of others that it touches, by the names of the grounds.
    pub touched: BTreeMap<String, PathBuf>,
}

impl Range {
    pub(crate) fn new(world: World, program: &Path, bounds: Bounds, many: usize) -> Self {
        let grounds = grounds(&world);
        // Longest first: one may be below another.
        let mut names: Vec<(String, String)> = Vec::new();
        for name in fs::read_dir(world.data().join("names")).unwrap().flatten() {
            let claim = fs::read_to_string(name.path()).unwrap();
            if let Some(id) = claim.trim().strip_prefix("session ") {
                names.push((id.to_owned(), format!("[{}]", name.file_name().display())));
            }
        }
        names.push((world.root().file_name().unwrap().to_str().unwrap().to_owned(), "[world]".into()));
        names.push((std::process::id().to_string(), "[pid]".into()));
        assert!(grounds.values().all(|path| world.home().join(path).is_dir()), "{grounds:?}");
        let stage = Stage::new(&world.home());
        let workshop = Workshop::new(world.root(), many);
        Self { world, stage, workshop, program: program.to_path_buf(), bounds, names, grounds }
    }

    /// Returns a path without what differs from world to world.
    fn told(&self, path: &Path) -> String {
        let mut text = path.to_str().unwrap_or_default().to_owned();
        for (from, to) in &self.names {
            text = text.replace(from, to);
        }
        text
    }

    /// Returns a path without what differs from run to run.
    fn usual_path(&self, path: &Path) -> String {
        let text = self.told(path);
        let parts = text.split('/').map(|part| {
            let letters = part.bytes().filter(u8::is_ascii_hexdigit).count();
            let is_made = letters >= 32;
            // Conversations that were there have ids that are always the same.
            if is_made && !part.contains('[') && !part.starts_with("01890000") {
                "*".to_owned()
            } else {
                part.to_owned()
            }
        });
        // Times and ports.
        let text = parts.collect::<Vec<_>>().join("/");
        let mut found = String::new();
        for piece in text.split_inclusive(|letter: char| !letter.is_ascii_digit()) {
            let digits = piece.trim_end_matches(|letter: char| !letter.is_ascii_digit());
            found.push_str(if digits.len() > 4 { "#" } else { digits });
            found.push_str(&piece[digits.len()..]);
        }
        found
    }

    /// Returns the ground of others that `path`, below the home directory, is on, and its path below that.
    fn on_ground<'p>(&self, path: &'p Path) -> Option<(&str, &'p Path)> {
        let found = self.grounds.iter().filter(|(_, ground)| path.starts_with(ground));
        let (name, ground) = found.max_by_key(|(_, ground)| ground.as_os_str().len())?;
        Some((name, path.strip_prefix(ground).unwrap()))
    }

    /// Returns the path, below the home directory, of what is told of by the name of its ground.
    pub(crate) fn path_of(&self, told: &str) -> PathBuf {
        let found = self.grounds.iter().filter(|(name, _)| Path::new(told).starts_with(name));
        let (name, ground) = found.max_by_key(|(name, _)| name.len()).unwrap();
        let mut rest = Path::new(told).strip_prefix(name).unwrap().to_str().unwrap().to_owned();
        for (from, to) in &self.names {
            rest = rest.replace(to, from);
        }
        ground.join(rest)
    }

    /// Runs `act` where nothing is planted, and puts all back.
    pub(crate) fn usual(&mut self, act: &Act) -> Usual {
        let before = self.stage.look(None);
        self.forget_starts();
        let done = run(&self.world, &self.program, act, self.bounds, Calls::Naming);
        assert!(!done.hung && done.signal.is_none(), "{act:?}: {done:?}");
        let after = self.stage.look(None);
        let changes = differences(&before, &after).iter().map(|path| self.usual_path(path)).collect();
        let home = self.world.home();
        let mut touched = BTreeMap::new();
        for path in &done.trace.touched {
            let Ok(below) = path.strip_prefix(&home) else { continue };
            // And what is above it: that can be something else too.
            for path in below.ancestors() {
                let Some((ground, rest)) = self.on_ground(path) else { break };
                if rest.as_os_str().is_empty() {
                    break;
                }
                let told = self.told(&Path::new(ground).join(rest));
                // What it makes has a name that nobody knows before.
                if !self.usual_path(path).contains('*') {
                    touched.insert(told, path.to_path_buf());
                }
            }
        }
        let secrets: BTreeSet<PathBuf> = SECRETS.iter().map(|path| home.join(path)).collect();
        let opened = done.trace.opened.iter().filter(|path| secrets.contains(*path)).cloned().collect();
        let opens_root = done.trace.opened.contains(Path::new("/"));
        let start = self.start();
        self.stage.restore();
        Usual { changes, opened, opens_root, start, touched }
    }

    /// Plants `object` at `path`, runs `act`, puts all back, and returns what the act should not have done.
    pub(crate) fn attack(&mut self, path: &Path, object: Object, act: &Act, usual: &Usual) -> Vec<String> {
        self.workshop.plant(&self.stage, path, object);
        crate::objects::assert_planted(&self.stage, path, object);
        let (secrets, before) = (self.secrets(), self.stage.look(Some(path)));
        self.forget_starts();
        let done = run(&self.world, &self.program, act, self.bounds, Calls::Opening);
        let after = self.stage.look(Some(path));
        let changed = differences(&before, &after);
        let mut wrong = self.judge(path, object, usual, &done, &changed, (&before, &after));
        let now = self.secrets();
        let changed = secrets.iter().filter(|(place, was)| now.get(*place) != Some(*was));
        let changed =
            changed.map(|(place, _)| place).chain(now.keys().filter(|place| !secrets.contains_key(*place)));
        wrong.extend(changed.map(|place| format!("changed the secret {}", self.told(place))));
        self.stage.restore();
        let told = self.told(path);
        wrong.into_iter().map(|wrong| format!("{object:?} at {told} with {:?}: {wrong}", act.words)).collect()
    }

    fn judge(
        &self,
        path: &Path,
        object: Object,
        usual: &Usual,
        done: &Done,
        changed: &[PathBuf],
        (before, after): (&Signs, &Signs),
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let home = self.world.home();
        let said = || format!("{}{}", head(&done.out), head(&done.err));
        if done.hung {
            wrong.push(format!("hung: {}", said()));
        } else if let Some(signal) = done.signal {
            wrong.push(format!("was ended by signal {signal} after {:?}: {}", done.took, said()));
        } else if !matches!(done.code, Some(0..=5 | 127)) {
            wrong.push(format!("ended with {:?}: {}", done.code, said()));
        }
        for word in ["panicked at", "overflowed its stack", "memory allocation of"] {
            if done.err.contains(word) {
                wrong.push(format!("{word}: {}", said()));
            }
        }
        if done.err.lines().any(|line| line.chars().any(|c| c.is_control() && c != '\t')) {
            wrong.push(format!("raw control characters: {:?}", head(&done.err)));
        }
        // Whoever may make a hard link may read the file.
        let is_readable = object == Object::HardLink;
        if !is_readable && (done.out.contains(CANARY) || done.err.contains(CANARY)) {
            wrong.push(format!("shows a secret: {}", said()));
        }
        let ground = self.on_ground(path).map(|(name, _)| self.grounds[name].clone());
        let own = ground.as_deref().map(|ground| self.sessions_on(ground)).unwrap_or_default();
        let mut others = 0;
        for path in changed {
            // Its content and mode are looked at for themselves; the number of its names is nobody's secret.
            if object == Object::HardLink
                && (path.starts_with("private") || SECRETS.iter().any(|at| path == Path::new(at)))
            {
                continue;
            }
            let told = self.usual_path(path);
            let is_usual = own.iter().any(|name| is_noted_of(&told, name))
                || BESIDES.contains(&told.as_str())
                || ground.as_ref().is_some_and(|ground| path.starts_with(ground))
                || Path::new(&told)
                    .ancestors()
                    .any(|above| usual.changes.contains(above.to_str().unwrap_or_default()));
            others += usize::from(!is_usual);
            if !is_usual && others < 4 {
                wrong.push(format!("changed {told}"));
            }
            let kind = after.get(path).map(|sign| sign.kind);
            if kind == Some(Kind::File) && !is_readable && has_canary(&home.join(path)) {
                wrong.push(format!("copied a secret to {told}"));
            }
            let leads_to_secrets = |path: &Path| {
                fs::read_link(home.join(path)).is_ok_and(|target| {
                    target == Path::new("/")
                        || target.starts_with(home.join("private"))
                        || SECRETS.iter().any(|secret| target == home.join(secret))
                })
            };
            let is_moved = |path: &Path| {
                let is_it = |sign: &Sign| after.get(path).is_some_and(|now| now.ino == sign.ino);
                before.values().any(is_it)
            };
            if kind == Some(Kind::Link) && !is_moved(path) && leads_to_secrets(path) {
                wrong.push(format!("made a link to a secret at {told}"));
            }
        }
        for opened in &done.trace.opened {
            let is_secret = SECRETS.iter().any(|secret| *opened == home.join(secret))
                || opened.starts_with(home.join("private"));
            if is_secret && !usual.opened.contains(opened) && !is_of_checkout(path, opened) {
                wrong.push(format!("opened the secret {}", self.told(opened)));
            }
        }
        if object == Object::LinkToRoot && !usual.opens_root && done.trace.opened.contains(Path::new("/")) {
            wrong.push("opened /".into());
        }
        if fs::read_dir(self.workshop.marks()).unwrap().next().is_some() {
            wrong.push("ran what was planted".into());
            fs::remove_file(self.workshop.marks().join("mark")).unwrap();
        }
        if let (Some(start), Some(usual)) = (self.start(), &usual.start) {
            let is_other = start.get("CS_SESSION") != usual.get("CS_SESSION");
            for (name, value) in &start {
                let is_own = name.starts_with("CS_PORT") || name == "CLAUDE_CODE_PLUGIN_CACHE_DIR";
                let is_new = !is_other && !usual.contains_key(name) && !is_own;
                if is_new || value.contains("evil") || value.contains(CANARY) {
                    wrong.push(format!("started Claude with {name}={value}"));
                }
            }
        }
        wrong
    }

    /// Returns the sessions that are on this ground, or share what is there: who opens another one, takes it for
    /// unused, or finds something new to share, does so for what lies there.
    fn sessions_on(&self, ground: &Path) -> Vec<String> {
        let told = self.told(ground);
        if told.contains("/profiles/") || told.contains("/history/") {
            return vec!["one".to_owned(), "two".to_owned()];
        }
        let found = self.names.iter().filter(|(_, name)| told.contains(name.as_str()));
        found.map(|(_, name)| name.trim_matches(['[', ']']).to_owned()).collect()
    }

    fn forget_starts(&self) {
        let starts = self.world.root().join("starts");
        fs::remove_dir_all(&starts).unwrap();
        fs::create_dir(&starts).unwrap();
    }

    /// Returns the variables of the last Claude that was started, and its arguments.
    fn start(&self) -> Option<BTreeMap<String, String>> {
        let start: StartOfClaude = self.world.starts().pop()?;
        let mut found = start.env;
        found.insert("arguments".into(), start.args.join(" "));
        Some(found)
    }

    /// Returns what is known of every secret: its content, mode, owner and time.
    fn secrets(&self) -> BTreeMap<PathBuf, (Vec<u8>, u32, u32, i64)> {
        let mut found = BTreeMap::new();
        let mut left = vec![self.world.home().join("private")];
        left.extend(SECRETS.iter().map(|path| self.world.home().join(path)));
        while let Some(path) = left.pop() {
            let Ok(about) = path.symlink_metadata() else { continue };
            if about.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
            }
            let content = if about.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
            found.insert(path, (content, about.mode(), about.uid(), about.mtime()));
        }
        found
    }
}

/// Returns true if the path is of what `cs` itself keeps of the session: its record, its name, its place in the trash,
/// ports, what is noted as open, which every launch tidies up, and where its conversations and prompts are moved to.
fn is_noted_of(told: &str, session: &str) -> bool {
    let told = told.strip_prefix(".local/share/cs/").unwrap_or_default();
    let named =
        ["sessions/", "open/", "trash/"].iter().any(|place| told.starts_with(&format!("{place}[{session}]")));
    named
        || told == format!("names/{session}")
        || ["ports/", "open/", "history/crew/", "profiles/work/own-"]
            .iter()
            .any(|place| told.starts_with(place))
}

/// Returns true if `opened` is only looked at to tell which checkout a session's directory is in, where something on
/// the way to that directory was planted. What is there is of no consequence before it is allowed.
fn is_of_checkout(path: &Path, opened: &Path) -> bool {
    let is_on_the_way =
        SESSIONS.iter().any(|(_, directory)| Path::new("src").join(directory).starts_with(path));
    let is_looked_at = |name: &str| [".git", ".cs.toml", ".claude", "worktrees", "tree"].contains(&name);
    is_on_the_way && opened.file_name().and_then(|name| name.to_str()).is_some_and(is_looked_at)
}

fn head(text: &str) -> String {
    text.chars().take(400).collect()
}

/// Returns true if a canary is in the file: at its beginning or at its end, where it is a large one.
fn has_canary(path: &Path) -> bool {
    const PIECE: u64 = 24 << 20;
    let Ok(mut file) = File::open(path) else { return false };
    let size = file.metadata().map_or(0, |about| about.len());
    let has = |content: &[u8]| content.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
    let mut content = Vec::new();
    if Read::by_ref(&mut file).take(PIECE).read_to_end(&mut content).is_err() || has(&content) {
        return has(&content);
    }
    content.clear();
    size > PIECE
        && file.seek(SeekFrom::Start(size.saturating_sub(PIECE))).is_ok()
        && file.read_to_end(&mut content).is_ok()
        && has(&content)
}

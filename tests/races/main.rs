//! Many processes that want the same few names at once, some of them killed: what is on the disk afterwards is what
//! some order of what they reported leaves.
//!
//! ```text
//! CS_RACES_SECONDS  how long (20)
//! CS_RACES_SEED     which verbs are chosen; in what order they meet is the machine's
//! CS_RACES_CS       the cs that is tried, in place of the one that was built
//! ```
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports that its footing is gone")]

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod model;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use uuid::Uuid;

use model::{Change, Owner, Reported, State};
use support::world::World;

/// All want these.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Numbers that follow from a seed (`SplitMix64`).
#[derive(Clone, Copy)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % sides
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// A kind of command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verb {
    New,
    Open,
    Rename,
    Remove,
    Restore,
    RestoreAs,
    Fork,
    Cleanup,
    Empty,
    CreateProfile,
    RemoveProfile,
    Import,
    ImportAs,
    List,
    Doctor,
}

impl Verb {
    const ALL: [Self; 15] = [
        Self::New,
        Self::Open,
        Self::Rename,
        Self::Remove,
        Self::Restore,
        Self::RestoreAs,
        Self::Fork,
        Self::Cleanup,
        Self::Empty,
        Self::CreateProfile,
        Self::RemoveProfile,
        Self::Import,
        Self::ImportAs,
        Self::List,
        Self::Doctor,
    ];
}

/// A command, with the names it is about, in lower case.
#[derive(Clone, Debug)]
struct Command {
    verb: Verb,
    name: String,
    other: String,
    words: Vec<String>,
    /// It is killed so long after its beginning.
    killed: Option<Duration>,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    command: Command,
    /// None: it was killed.
    code: Option<i32>,
    said: String,
    printed: String,
    begun: Instant,
    over: Instant,
}

/// A file with sessions in it: their ids and names.
struct Archive {
    path: PathBuf,
    sessions: Vec<(Uuid, String)>,
}

/// A world in which commands race.
struct Ground {
    world: World,
    program: PathBuf,
    archives: Vec<Archive>,
    before: disk::Seen,
    /// How often it took too long to find an order.
    undecided: usize,
}

impl Ground {
    fn new(program: PathBuf) -> Self {
        let world = World::new();
        // What Claude leaves of a conversation, so that it can be forked. It makes no directory again that is gone.
        let slug = claude_cs::claude::slug(&world.home());
        world.program(
            "claude",
            &format!(
                "#!/bin/sh\n\
                 while [ $# -gt 0 ]; do case $1 in --session-id|--resume) id=$2;; esac; shift; done\n\
                 [ -n \"$id\" ] || exit 0\n\
                 cd \"$CLAUDE_CONFIG_DIR\" && mkdir -p projects/{slug} 2>/dev/null &&\n\
                 echo '{{\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"x\"}}}}' \
                 >>projects/{slug}/$id.jsonl 2>/dev/null\n\
                 exit 0\n"
            ),
        );
        let mut ground =
            Self { world, program, archives: Vec::new(), before: disk::Seen::default(), undecided: 0 };
        for names in [&["a"][..], &["b", "c"]] {
            let archive = ground.archive(names);
            ground.archives.push(archive);
        }
        ground.before = disk::read(&ground.world.data());
        ground
    }

    /// Makes a file of sessions with these names, in another world.
    fn archive(&self, names: &[&str]) -> Archive {
        let there = World::with_fake_claude();
        let path = self.world.root().join(format!("{}.tar", names.join("")));
        for name in names {
            there.cs(&["new", "--no-open", name]).ok();
        }
        there.cs(&[&["export"], names, &[path.to_str().unwrap()]].concat()).ok();
        let ids = names.iter().map(|name| (there.id_of(name).parse().unwrap(), (*name).to_owned()));
        Archive { path, sessions: ids.collect() }
    }

    /// The ids of sessions that may come from outside.
    fn outside(&self) -> BTreeSet<Uuid> {
        self.archives.iter().flat_map(|archive| &archive.sessions).map(|(id, _)| *id).collect()
    }

    /// A command of this kind.
    fn command(&self, dice: &mut Dice, verb: Verb, names: &[&str], kills: bool) -> Command {
        let (name, other) = (dice.one_of(names), dice.one_of(names));
        // A name is the same in any case.
        let spelled = |dice: &mut Dice, name: &str| {
            if dice.below(8) == 0 { name.to_ascii_uppercase() } else { name.to_owned() }
        };
        let (one, two) = (spelled(dice, name), spelled(dice, other));
        let one_file = self.archives[0].path.to_str().unwrap();
        let a_file = self.archives[dice.below(2)].path.to_str().unwrap();
        let words: Vec<&str> = match verb {
            Verb::New => vec!["new", "--no-open", &one],
            Verb::Open => vec![&one, "-p", "x"],
            Verb::Rename => vec!["rename", &one, &two],
            Verb::Remove => vec!["rm", &one],
            Verb::Restore => vec!["restore", &one],
            Verb::RestoreAs => vec!["restore", &one, "--as", &two],
            Verb::Fork => vec!["fork", "--no-open", &one, &two],
            Verb::Cleanup => vec!["cleanup", "--json", "--yes", "--older-than", "0d"],
            Verb::Empty => vec!["trash", "empty", "--yes"],
            Verb::CreateProfile => vec!["profile", "create", &one],
            Verb::RemoveProfile => vec!["profile", "remove", "--force", &one],
            Verb::Import => vec!["import", "--json", a_file],
            Verb::ImportAs => vec!["import", "--json", "--as", &two, one_file],
            Verb::List => vec!["list", "--json"],
            Verb::Doctor => vec!["doctor", "--fix"],
        };
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        let killed = (kills && dice.below(3) == 0).then(|| Duration::from_micros(dice.below(30_000) as u64));
        Command { verb, name: name.into(), other: other.into(), words, killed }
    }

    fn run(&self, command: &Command) -> Ended {
        let begun = Instant::now();
        let mut child = self
            .world
            .any_command(&self.program, &self.world.home(), &command.words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(after) = command.killed {
            std::thread::sleep(after);
            let _ = child.kill();
        }
        let output = child.wait_with_output().unwrap();
        Ended {
            command: command.clone(),
            code: output.status.code(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
            printed: String::from_utf8_lossy(&output.stdout).into_owned(),
            begun,
            over: Instant::now(),
        }
    }

    /// Runs the commands of each process, one after the other, all processes at once.
    fn at_once(&self, processes: &[Vec<Command>]) -> Vec<Ended> {
        std::thread::scope(|scope| {
            let all: Vec<_> = processes
                .iter()
                .map(|commands| scope.spawn(|| commands.iter().map(|one| self.run(one)).collect::<Vec<_>>()))
                .collect();
            all.into_iter().flat_map(|one| one.join().unwrap()).collect()
        })
    }

    /// Lets commands race once, and returns what is wrong with what came of it.
    fn burst(&mut self, dice: &mut Dice) -> Vec<String> {
        // Few kinds over few names meet more often than many over many.
        let kinds: Vec<Verb> = (0..2 + dice.below(3)).map(|_| dice.one_of(&Verb::ALL)).collect();
        let names = &NAMES[..=dice.below(3)];
        let kills = dice.below(2) == 0;
        let command = |dice: &mut Dice| {
            let kind = dice.one_of(&kinds);
            self.command(dice, kind, names, kills)
        };
        let processes: Vec<Vec<Command>> =
            (0..3 + dice.below(6)).map(|_| (0..=dice.below(2)).map(|_| command(dice)).collect()).collect();
        let ended = self.at_once(&processes);
        self.judge(&ended)
    }

    /// Returns what is wrong after commands have raced.
    fn judge(&mut self, ended: &[Ended]) -> Vec<String> {
        let mut after = disk::read(&self.world.data());
        let mut wrong = std::mem::take(&mut after.wrong);
        wrong.extend(ended.iter().filter_map(amiss));
        let reported: Vec<Reported> = ended.iter().flat_map(|one| self.reported(one, &after.state)).collect();
        match model::is_explained(&self.before.state, &after.state, &reported, &self.outside()) {
            Some(true) => {}
            Some(false) => wrong.push("no order of what was reported leaves what is there".into()),
            None => self.undecided += 1,
        }
        wrong.extend(ended.iter().filter(|one| !self.may_be_taken(one, ended)).map(|one| {
            let words = one.command.words.join(" ");
            format!("cs {words} ended with {:?}, and nobody wanted that name: {}", one.code, one.said)
        }));
        // Who was killed, lost patience or brings something in may leave a claim: the next takes it over.
        let is_cut_short = |one: &Ended| {
            one.code.is_none()
                || one.said.contains("another cs")
                || matches!(one.command.verb, Verb::Import | Verb::ImportAs)
        };
        if !ended.iter().any(is_cut_short) && !after.stale.is_subset(&self.before.stale) {
            wrong.push(format!("names of nothing are left: {:?}", after.stale));
        }
        if !wrong.is_empty() {
            wrong.push(format!("before: {:?}", self.before));
            for one in ended {
                let killed = if one.code.is_none() { " (killed)" } else { "" };
                let words = one.command.words.join(" ");
                wrong.push(format!("cs {words}: {:?}{killed}: {}{}", one.code, one.said, one.printed));
            }
            wrong.push(format!("after: {after:?}"));
        }
        self.before = after;
        wrong
    }

    /// Returns false for a command that made nothing because its name is taken, where nothing had that name and nobody
    /// else wanted it.
    fn may_be_taken(&self, one: &Ended, ended: &[Ended]) -> bool {
        let name = &one.command.name;
        let wants = |other: &&Ended| match other.command.verb {
            Verb::Import | Verb::ImportAs => true,
            Verb::New | Verb::Open | Verb::Restore | Verb::CreateProfile => other.command.name == *name,
            Verb::Rename | Verb::RestoreAs | Verb::Fork => other.command.other == *name,
            _ => false,
        };
        let is_refused = matches!(one.command.verb, Verb::New | Verb::CreateProfile) && one.code == Some(5);
        !is_refused
            || one.said.contains("another cs")
            || self.before.state.live.contains_key(name)
            || ended.iter().filter(|other| !std::ptr::eq(*other, one)).any(|other| wants(&other))
    }

    /// Returns the changes that a command reported, or may have made.
    fn reported(&self, command: &Ended, after: &State) -> Vec<Reported> {
        let Command { verb, name, other, .. } = &command.command;
        let (name, other) = (name.clone(), other.clone());
        let well = command.code == Some(0);
        let (begun, ended) = (command.begun, command.over);
        let report = |change, surely, often| Reported { change, surely, often, begun, ended };
        let once = |change| vec![report(change, well, false)];
        // What is refused changes nothing.
        let refused = !well && command.code.is_some();
        match verb {
            Verb::List | Verb::Doctor => vec![],
            Verb::Cleanup if well => moved(&command.printed)
                .into_iter()
                .map(|name| report(Change::Remove(name), true, false))
                .collect(),
            Verb::Cleanup => vec![report(Change::RemoveAny, false, true)],
            Verb::Empty => vec![report(Change::EmptyOne, false, true)],
            // It may be there, and not be started.
            Verb::Open => once(Change::Open(name)),
            Verb::Import | Verb::ImportAs if well => brought(&command.printed)
                .into_iter()
                .map(|(id, name)| report(Change::Bring(id, vec![name]), true, false))
                .collect(),
            Verb::Import | Verb::ImportAs => {
                let all = self.archives.iter().flat_map(|archive| &archive.sessions);
                let used = after.live.keys().chain(after.trashed().iter().map(|(name, _)| name));
                let used: BTreeSet<&String> = used.collect();
                let names = |base: &str| {
                    let numbered = (2..9).map(|number| format!("{base}-{number}"));
                    let numbered = numbered.filter(|name| used.contains(name));
                    numbered.chain([base.to_owned(), other.clone()]).collect()
                };
                all.map(|(id, name)| report(Change::Bring(*id, names(name)), false, false)).collect()
            }
            _ if refused => vec![],
            Verb::New => once(Change::Make(name)),
            Verb::Rename if name == other => vec![],
            Verb::Rename => once(Change::Rename(name, other)),
            Verb::Remove => once(Change::Remove(name)),
            Verb::Restore => once(Change::Restore(name.clone(), name)),
            Verb::RestoreAs => {
                let mut all = once(Change::Restore(name.clone(), other.clone()));
                if !well {
                    all.push(report(Change::RenameInTrash(name, other), false, false));
                }
                all
            }
            // Its source may go when its conversation was copied.
            Verb::Fork => once(Change::Make(other)),
            Verb::CreateProfile => once(Change::CreateProfile(name)),
            Verb::RemoveProfile => once(Change::RemoveProfile(name)),
        }
    }

    fn cs(&self, words: &[&str]) -> Result<String, String> {
        let ran = support::world::ran(&mut self.world.any_command(&self.program, &self.world.home(), words));
        match ran.code {
            Some(0) => Ok(ran.stdout),
            code => Err(format!("cs {}: {code:?}: {}{}", words.join(" "), ran.stderr, ran.stdout)),
        }
    }

    /// Looks closer, now that nobody is at work: every name leads where it should, whatever is left is no obstacle,
    /// and nothing is lost.
    fn settle(&mut self) -> Result<(), String> {
        let list: Value =
            serde_json::from_str(&self.cs(&["list", "--json"])?).map_err(|why| why.to_string())?;
        if list["damaged"] != Value::Array(vec![]) {
            return Err(format!("cs list finds damage: {}", list["damaged"]));
        }
        let state = self.before.state.clone();
        for (name, owner) in &state.live {
            let shown = self.cs(&["show", "--json", name])?;
            let shown: Value = serde_json::from_str(&shown).map_err(|why| why.to_string())?;
            if let Owner::Session(model::Id::Known(id)) = owner
                && shown["id"] != id.to_string()
            {
                return Err(format!("'{name}' should lead to {id}: {shown}"));
            }
        }
        // What killed ones were making is swept by the next who makes something.
        let staging = self.world.data().join("staging");
        let long_ago = SystemTime::now() - Duration::from_secs(7200);
        for entry in fs::read_dir(&staging).into_iter().flatten().flatten() {
            fs::File::open(entry.path()).and_then(|dir| dir.set_modified(long_ago)).unwrap();
        }
        self.cs(&["new", "--no-open", "probe"])?;
        let left = fs::read_dir(&staging).map(Iterator::count).unwrap_or_default();
        if left > 0 {
            return Err(format!("{left} things are left in {}", staging.display()));
        }
        self.cs(&["rm", "probe"])?;
        // A name that nothing has is free, whoever's claim is there.
        for name in NAMES.iter().filter(|name| !state.live.contains_key(**name)) {
            self.cs(&["new", "--no-open", name])?;
            self.cs(&["rm", name])?;
        }
        // All that is in the trash comes back.
        let sessions = state.trashed().iter().filter_map(|(_, owner)| match owner {
            Owner::Session(model::Id::Known(id)) => Some(id.to_string()),
            _ => None,
        });
        for id in sessions.take(3) {
            self.cs(&["restore", &id, "--as", "back"])?;
            self.cs(&["rm", "back"])?;
        }
        self.cs(&["trash", "empty", "--yes"])?;
        let now = disk::read(&self.world.data());
        let same = now.state.live == state.live && now.wrong.is_empty();
        self.before = now;
        if same { Ok(()) } else { Err(format!("not as it was: {state:?}, now {:?}", self.before)) }
    }
}

/// The sessions that an import says it brought in.
fn brought(printed: &str) -> Vec<(Uuid, String)> {
    let printed: Value = serde_json::from_str(printed).unwrap();
    let sessions = printed["sessions"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    sessions
        .filter(|session| session["skipped"].is_null())
        .map(|session| (text(&session["id"]).parse().unwrap(), text(&session["name"]).to_ascii_lowercase()))
        .collect()
}

/// The names of the sessions that a cleanup says it moved to the trash.
fn moved(printed: &str) -> Vec<String> {
    let printed: Value = serde_json::from_str(printed).unwrap();
    let sessions = printed["sessions"].as_array().unwrap().iter();
    let moved = sessions.filter(|session| session["moved"] == true);
    moved.map(|session| session["name"].as_str().unwrap().to_ascii_lowercase()).collect()
}

/// Returns what is wrong with how a command ended.
fn amiss(one: &Ended) -> Option<String> {
    let words = one.command.words.join(" ");
    let is_fine = match one.code {
        None => one.command.killed.is_some(),
        // There is no such name; it is taken, in use, or has changed meanwhile.
        Some(0 | 4 | 5) => true,
        // Findings that it does not mend.
        Some(1 | 2) if one.command.verb == Verb::Doctor => true,
        // The conversation went while it was copied.
        Some(1) if one.command.verb == Verb::Fork => true,
        // A session is no profile, and a profile no session.
        Some(2) => one.said.contains("is a profile") || one.said.contains("is a session"),
        Some(_) => false,
    };
    let damaged = one.code == Some(0) && one.command.verb == Verb::List && {
        let list: Value = serde_json::from_str(&one.printed).unwrap();
        list["damaged"] != Value::Array(vec![])
    };
    (!is_fine || damaged)
        .then(|| format!("cs {words} ended with {:?}: {}{}", one.code, one.said, one.printed))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[test]
fn what_is_left_is_what_some_order_of_the_reported_leaves() {
    let seconds = variable("CS_RACES_SECONDS").map_or(20, |text| text.parse().unwrap());
    let of_the_clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = variable("CS_RACES_SEED").map_or(of_the_clock.into(), |text| text.parse::<u64>().unwrap());
    let program = variable("CS_RACES_CS").map_or_else(World::cs_program, PathBuf::from);
    println!("CS_RACES_SEED={seed} CS_RACES_SECONDS={seconds}");
    let mut dice = Dice(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut bursts, mut ground) = (0, Ground::new(program));
    while Instant::now() < end {
        let wrong = ground.burst(&mut dice);
        assert!(wrong.is_empty(), "CS_RACES_SEED={seed}, burst {bursts}:\n{}", wrong.join("\n"));
        bursts += 1;
        if bursts % 12 == 0 {
            let settled = ground.settle();
            assert_eq!(settled, Ok(()), "CS_RACES_SEED={seed}, burst {bursts}");
        }
    }
    assert_eq!(ground.settle(), Ok(()), "CS_RACES_SEED={seed}, burst {bursts}");
    let undecided = ground.undecided;
    println!("{bursts} bursts, {undecided} of them too long to decide");
    assert!(
        bursts > 4 && undecided * 2 < bursts,
        "the control: {bursts} in {seconds} s, {undecided} undecided"
    );
}

#[test]
fn what_must_not_be_on_the_disk_is_found_there() {
    type Planted<'a> = &'a dyn Fn(&Ground);
    let made = |ground: &mut Ground| {
        let mut dice = Dice(1);
        let commands = ["a", "b"].map(|name| ground.command(&mut dice, Verb::New, &[name], false));
        let ended = ground.at_once(&[commands.to_vec()]);
        assert_eq!(ground.judge(&ended), [] as [&str; 0]);
    };
    let session = |ground: &Ground, name: &str| {
        let Owner::Session(model::Id::Known(id)) = ground.before.state.live[name] else {
            panic!("a session")
        };
        ground.world.data().join("sessions").join(id.to_string())
    };
    let copy = |from: PathBuf, to: PathBuf, id: &str| {
        fs::create_dir(&to).unwrap();
        let record = fs::read_to_string(from.join("session.toml")).unwrap();
        let own = from.file_name().unwrap().to_str().unwrap();
        fs::write(to.join("session.toml"), record.replace(own, id)).unwrap();
    };
    let cases: [(&str, Planted<'_>); 6] = [
        ("no name leads to", &|ground| fs::remove_file(ground.world.data().join("names/a")).unwrap()),
        ("two have the name 'a'", &|ground| {
            let id = Uuid::from_u128(7).to_string();
            copy(session(ground, "a"), ground.world.data().join("sessions").join(&id), &id);
        }),
        ("two have the name 'b'", &|ground| fs::create_dir(ground.world.data().join("profiles/b")).unwrap()),
        ("is in the trash, and there", &|ground| {
            let from = session(ground, "a");
            let id = from.file_name().unwrap().to_str().unwrap().to_owned();
            copy(from, ground.world.data().join(format!("trash/{id}-1000")), &id);
        }),
        ("no order of what was reported", &|ground| {
            fs::remove_dir_all(session(ground, "a")).unwrap();
        }),
        ("names of nothing are left", &|ground| {
            fs::write(ground.world.data().join("names/c"), "profile\n").unwrap();
        }),
    ];
    for (told, planted) in cases {
        let mut ground = Ground::new(World::cs_program());
        made(&mut ground);
        planted(&ground);
        let wrong = ground.judge(&[]);
        assert!(wrong.iter().any(|wrong| wrong.contains(told)), "{told}: {wrong:?}");
    }
    // What a command says that it did not do.
    let mut ground = Ground::new(World::cs_program());
    let command = ground.command(&mut Dice(1), Verb::New, &["a"], false);
    let mut ended = ground.at_once(&[vec![Command { words: vec!["list".into()], ..command }]]);
    assert!(ground.judge(&ended)[0].contains("no order"), "it is not there");
    ended[0].code = Some(1);
    assert!(ground.judge(&ended)[0].contains("ended with Some(1)"), "it failed");
}

//! Every object at every path with every verb, or a part of that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::furnish::world;
use crate::judge::{Range, Usual};
use crate::objects::Object;
use crate::support::may_trace;
use crate::support::world::World;
use crate::trace::Bounds;
use crate::verbs::ACTS;

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            let other = usize::try_from(self.roll() % (at as u64 + 1)).unwrap();
            all.swap(at, other);
        }
    }
}

/// How much of the product is tried.
struct Extent {
    /// The number of objects for each path.
    objects: usize,
    /// The number of verbs for each of these.
    acts: usize,
    seed: u64,
    /// Only paths that have this in them.
    only: String,
}

impl Extent {
    /// Reads `CS_REDTEAM`, a number of objects for each path or `all`, `CS_REDTEAM_SEED`, and `CS_REDTEAM_PATH`, a part of
    /// the paths that are tried.
    fn said() -> Self {
        let said = |name: &str| std::env::var(name).ok();
        let seed = said("CS_REDTEAM_SEED").and_then(|text| text.parse().ok()).unwrap_or(1);
        let only = said("CS_REDTEAM_PATH").unwrap_or_default();
        let (objects, acts) = match said("CS_REDTEAM").as_deref() {
            Some("all") => (usize::MAX, usize::MAX),
            objects => (objects.and_then(|text| text.parse().ok()).unwrap_or(1), 1),
        };
        Self { objects, acts, seed, only }
    }

    /// Returns true if this path is among those that are tried: it has the text in it, or, with `$`, ends in it.
    fn has(&self, path: &str) -> bool {
        self.only.strip_suffix('$').map_or_else(|| path.contains(&self.only), |end| path.ends_with(end))
    }
}

/// Returns true if a path is read by git, whoever else looks there: what it does there is held by the tests of
/// worktrees, and `cs` cannot keep git from opening its own files.
fn is_gits(path: &str) -> bool {
    path.contains("/.git/") || path.ends_with("/.git") || path.ends_with("/.gitignore")
}

/// The paths that must be among those that are seen, or the tracing sees nothing.
const READ: &[&str] = &[
    "api/.claude.json",
    "boxed/.claude.json",
    "home-of-homey/.claude.json",
    "bare/projects",
    "bare/projects/-tmp-[world]-home-src-web",
    "bare/projects/-tmp-[world]-home-src-web/01890000-0000-7000-8000-000000000001.jsonl",
    "bare/sessions",
    "busy/sessions/[pid].json",
    "bare/jobs",
    "bare/jobs/x/state.json",
    "bare/settings.json",
    "bare/history.jsonl",
    "boxed/memory",
    "boxed/memory/-tmp-[world]-home-src-boxed",
    "src/web/.cs.toml",
    "src/web/.claude/settings.json",
    "src/web/.git",
];

#[test]
fn nothing_planted_is_followed_read_run_or_waited_for() {
    if !may_trace() {
        return;
    }
    let extent = Extent::said();
    let workers = std::thread::available_parallelism().map_or(1, |number| number.get().min(2));
    let begin = Instant::now();
    let ranges: Vec<Range> = std::thread::scope(|scope| {
        let made: Vec<_> =
            (0..workers).map(|_| scope.spawn(|| range(&World::cs_program(), extent.objects > 30))).collect();
        made.into_iter().map(|range| range.join().unwrap()).collect()
    });
    println!("{workers} worlds were made ({:?})", begin.elapsed());
    // What each verb does where nothing is planted.
    let usual: Mutex<BTreeMap<usize, Usual>> = Mutex::default();
    let next = AtomicUsize::new(0);
    let ranges: Vec<Range> = std::thread::scope(|scope| {
        let traced: Vec<_> = ranges
            .into_iter()
            .map(|mut range| {
                let (usual, next) = (&usual, &next);
                scope.spawn(move || {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(act) = ACTS.get(number) else { return range };
                        let seen = range.usual(act);
                        usual.lock().unwrap().insert(number, seen);
                    }
                })
            })
            .collect();
        traced.into_iter().map(|range| range.join().unwrap()).collect()
    });
    let usual = usual.into_inner().unwrap();
    let mut readers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, seen) in &usual {
        for path in seen.touched.keys() {
            readers.entry(path.clone()).or_default().push(*number);
        }
    }
    println!("{} paths are read by {} verbs ({:?})", readers.len(), ACTS.len(), begin.elapsed());
    for path in READ {
        let path = path.replace("-tmp-[world]", &slug_of_root(&ranges[0]));
        assert!(readers.contains_key(&path), "the control: {path} is read: {:#?}", readers.keys());
    }
    let cases = cases(&readers, &extent);
    assert!(!cases.is_empty(), "no path has '{}' in it", extent.only);
    println!("{} cases, chosen by CS_REDTEAM_SEED={}", cases.len(), extent.seed);
    let wrong = try_all(ranges, &cases, &usual);
    println!("all of it took {:?}", begin.elapsed());
    assert!(wrong.is_empty(), "{} things went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn range(program: &Path, all: bool) -> Range {
    Range::new(world(), program, Bounds::USUAL, if all { 50_000 } else { 5_000 })
}

fn slug_of_root(range: &Range) -> String {
    let root = range.world.root();
    let slug = claude_cs::claude::slug(root.parent().unwrap());
    format!("{}-[world]", if slug == "-" { "" } else { &slug })
}

/// One thing to try: what is planted where, and the verbs that are run then.
struct Case {
    path: String,
    object: Object,
    acts: Vec<usize>,
}

/// Chooses what is tried: every path, and the objects in turn, so that none is left out.
fn cases(readers: &BTreeMap<String, Vec<usize>>, extent: &Extent) -> Vec<Case> {
    let mut dice = Dice(extent.seed);
    let mut objects = Object::all();
    dice.shuffle(&mut objects);
    let mut turn = objects.iter().cycle();
    let mut found = Vec::new();
    for (path, acts) in readers.iter().filter(|(path, _)| !is_gits(path) && extent.has(path)) {
        for object in turn.by_ref().take(extent.objects.min(objects.len())) {
            if object.is_link() && path.starts_with("work/") {
                continue;
            }
            let mut acts = acts.clone();
            dice.shuffle(&mut acts);
            acts.truncate(extent.acts);
            found.push(Case { path: path.clone(), object: *object, acts });
        }
    }
    dice.shuffle(&mut found);
    found
}

fn try_all(ranges: Vec<Range>, cases: &[Case], usual: &BTreeMap<usize, Usual>) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for mut range in ranges {
            let (next, wrong) = (&next, &wrong);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(number) else { return };
                    if number > 0 && number % 1000 == 0 {
                        println!("{number} cases of {}", cases.len());
                    }
                    let path = range.path_of(&case.path);
                    for number in &case.acts {
                        let found = range.attack(&path, case.object, &ACTS[*number], &usual[number]);
                        for line in &found {
                            println!("WRONG {line}");
                        }
                        wrong.lock().unwrap().extend(found);
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap().into_iter().collect()
}

//! A clock that is off removes nothing. No test sets one: what was noted is made as old, or as new, as the clock would
//! make it. (`model::clock` has the decision by value.)

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::scenery::{session_names, state};
use super::support::world::World;

/// Makes all that is noted of the session `name` be of `date`.
fn date(world: &World, name: &str, date: &str) {
    let root = world.root_of(name);
    let record = root.join("session.toml");
    let text = fs::read_to_string(&record).unwrap();
    let lines = text.lines().map(|line| {
        if line.starts_with("created") {
            format!("created = \"{date}T12:00:00Z\"\n")
        } else {
            format!("{line}\n")
        }
    });
    fs::write(&record, lines.collect::<String>()).unwrap();
    touch(&root, date);
}

fn touch(path: &Path, date: &str) {
    let done = Command::new("find").arg(path).args(["-exec", "touch", "-h", "-d", date, "{}", "+"]).status();
    assert!(done.unwrap().success());
}

fn days_ago(days: i64) -> String {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    then.strftime("%Y-%m-%d").to_string()
}

/// A world with a session, one in the trash, and something that was never finished.
fn world() -> World {
    let world = World::with_fake_claude();
    for name in ["api", "gone"] {
        world.cs(&["new", "--no-open", name]).ok();
    }
    world.cs(&["rm", "gone"]).ok();
    fs::create_dir(world.data().join("staging/01890000-0000-7000-8000-000000000001")).unwrap();
    world
}

/// The piece of trash, by when it was removed.
fn removed_at(world: &World, millisecond: i64) -> PathBuf {
    let trash = world.data().join("trash");
    let piece = fs::read_dir(&trash).unwrap().next().unwrap().unwrap().path();
    let (id, _) = piece.file_name().unwrap().to_str().unwrap().rsplit_once('-').unwrap();
    let at = trash.join(format!("{id}-{millisecond}"));
    fs::rename(&piece, &at).unwrap();
    at
}

/// The time in the name of a piece of trash, which no system's clock puts before 1970.
fn ms(date: &str) -> i64 {
    format!("{date}T12:00:00Z").parse::<jiff::Timestamp>().unwrap().as_millisecond().max(1)
}

/// Makes all that is noted in this world be of `day`.
fn all_of(world: &World, day: &str) -> PathBuf {
    date(world, "api", day);
    let piece = removed_at(world, ms(day));
    touch(&world.data().join("staging/01890000-0000-7000-8000-000000000001"), day);
    piece
}

#[test]
fn what_is_old_goes_by_a_clock_that_goes_on_from_what_was_noted() {
    // The control for all that follows.
    let world = world();
    let piece = all_of(&world, &days_ago(60));
    world.cs(&["cleanup", "--yes"]).ok();
    assert!(!piece.exists() && session_names(&world).is_empty());
    assert_eq!(fs::read_dir(world.data().join("staging")).unwrap().count(), 0);
}

#[test]
fn a_clock_that_is_years_or_centuries_ahead_empties_nothing() {
    for day in ["1726-01-01", "1970-01-02", "2001-09-09", &days_ago(5 * 366)] {
        let world = world();
        let piece = all_of(&world, day);
        let before = state(&world.data());
        let listed = world.cs(&["cleanup"]);
        assert!(listed.stderr.contains("the clock says") && listed.code == Some(0), "{day}: {listed:?}");
        for words in [
            &["cleanup", "--yes"][..],
            &["cleanup", "--yes", "--older-than", "1d"],
            &["cleanup", "--yes", "api"],
            &["trash", "empty", "--yes", "--older-than", "1d"],
        ] {
            let said = world.cs(words).fails(5);
            let lines = said.lines().filter(|line| line.contains("the clock says")).count();
            assert!(
                lines == 1 && said.contains("nothing is removed for its age"),
                "{day}: {words:?}: {said}"
            );
        }
        let mut after = state(&world.data());
        after.retain(|path, _| before.contains_key(path));
        assert_eq!(after, before, "{day}");
        let doctor = world.cs(&["doctor", "--fix"]);
        assert!(doctor.stdout.contains("the clock says"), "{doctor:?}");
        assert!(piece.exists() && world.data().join("staging/01890000-0000-7000-8000-000000000001").exists());
        // What is named goes, whatever the clock says.
        world.cs(&["rm", "api"]).ok();
        world.cs(&["trash", "empty", "--yes"]).ok();
        assert_eq!(fs::read_dir(world.data().join("trash")).unwrap().count(), 0, "{day}");
    }
}

#[test]
fn a_clock_that_is_behind_what_was_noted_says_so_and_empties_nothing() {
    let world = world();
    let piece = all_of(&world, "2300-01-01");
    date(&world, "api", "2300-01-01");
    let done = world.cs(&["cleanup", "--yes"]);
    assert!(done.code == Some(0) && done.stderr.contains("the clock says"), "{done:?}");
    assert!(piece.exists() && session_names(&world) == ["api"]);
}

#[test]
fn what_was_noted_while_the_clock_was_off_stays_and_the_rest_is_judged_as_ever() {
    let world = world();
    for name in ["fresh", "old", "before", "beyond"] {
        world.cs(&["new", "--no-open", name]).ok();
    }
    date(&world, "old", &days_ago(60));
    date(&world, "before", "1970-01-02");
    date(&world, "beyond", "2226-01-01");
    let piece = removed_at(&world, ms("1970-01-02"));
    let done = world.cs(&["cleanup", "--yes"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stderr.contains("stays: before: its last use was noted while the clock was off (1970-01-02)")
    );
    assert!(done.stderr.contains("1 thing went to the trash while the clock was off"), "{done:?}");
    assert!(done.stderr.contains("moved 1 session to the trash") && done.stderr.contains("old"), "{done:?}");
    assert!(piece.exists());
    assert_eq!(session_names(&world), ["api", "before", "beyond", "fresh"]);
}

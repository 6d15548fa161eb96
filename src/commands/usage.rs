//! `cs usage`: tokens and cost, summed up from the transcripts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

use super::report;
use crate::claude::{self, Message, Tokens, Transcript};
use crate::cli::{UsageArgs, UsageBy};
use crate::model::{Age, ConfigHome, Failure, Isolation, Name, Outcome, Result, SessionPaths, Subject};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &UsageArgs) -> Result<Outcome> {
    let zone = TimeZone::system();
    let since = since(&args.since, Timestamp::now(), &zone)?;
    let wanted = wanted(context, args)?;
    let sources = Sources::find(context)?;
    let seen = read(&sources, since);
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    let mut total = Sum::default();
    for (owner, message) in seen.messages.values() {
        let owner = &sources.owners[*owner];
        if message.at < since || !wanted.is(owner) {
            continue;
        }
        let key = match args.by {
            UsageBy::Day => Key::Day(message.at.to_zoned(zone.clone()).date()),
            UsageBy::Session => Key::Name(owner.name.clone(), owner.profile.clone(), owner.is_session),
            UsageBy::Profile => Key::Profile(owner.profile.clone()),
            UsageBy::Model => Key::Model(message.model.to_string()),
        };
        let cost = claude::cost_of(message);
        sums.entry(key).or_default().add(message, cost);
        total.add(message, cost);
    }
    let mut rows: Vec<(Key, Sum)> = sums.into_iter().collect();
    if args.by != UsageBy::Day {
        rows.sort_by(|(_, a), (_, b)| b.cost.total_cmp(&a.cost).then(b.tokens.output.cmp(&a.tokens.output)));
    }
    if args.json {
        let since = (since != Timestamp::MIN).then_some(since);
        report::print_json(&json!({
            "schema": 1,
            "since": since,
            "prices_of": claude::prices_date(),
            "by": rows.iter().map(|(key, sum)| sum.json(Some(key))).collect::<Vec<_>>(),
            "total": total.json(None),
            "models_without_price": total.unknown,
            "unreadable_lines": seen.senseless,
            "unreadable_files": seen.unreadable,
        }))?;
        return Ok(Outcome::Done);
    }
    if rows.is_empty() {
        report::say("no transcript has any tokens in it, as far back as that; further back: --since all");
        return Ok(Outcome::Done);
    }
    report::print(&table(args.by, &rows, &total))?;
    if !total.unknown.is_empty() {
        let models: Vec<&str> = total.unknown.iter().map(String::as_str).collect();
        report::say(&format!("no price is known of {}: in no sum of costs", models.join(", ")));
    }
    if seen.senseless > 0 || seen.unreadable > 0 {
        report::say(&format!(
            "left out: {} lines that make no sense, {} files that cannot be read",
            seen.senseless, seen.unreadable
        ));
    }
    if ui::width().is_some() {
        report::say(&format!(
            "at list prices of {}; a subscription is not billed by these",
            claude::prices_date()
        ));
    }
    Ok(Outcome::Done)
}

/// From when on: an age, a day, or always. An age in days begins with its first day.
fn since(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    let start = |day: Date| day.to_zoned(zone.clone()).map(|start| start.timestamp());
    if text == "all" {
        return Ok(Timestamp::MIN);
    }
    if let Ok(day) = text.parse::<Date>() {
        return start(day).map_err(|error| Failure::usage(format!("'{text}' is out of range: {error}")));
    }
    let age: Age =
        text.parse().map_err(|error: String| Failure::usage(error).hint("or a day: 2026-01-31; or: all"))?;
    let then = age.before(now);
    if !age.to_string().ends_with('d') {
        return Ok(then);
    }
    Ok(start(then.to_zoned(zone.clone()).date()).unwrap_or(then))
}

/// What a person wants to see.
struct Wanted {
    profile: Option<Name>,
    /// A session's name, or a profile's: then only what was done as that profile itself.
    name: Option<(Name, bool)>,
}

fn wanted(context: &Context, args: &UsageArgs) -> Result<Wanted> {
    let profile = args.profile.as_deref().map(|name| context.resolve_profile(name)).transpose()?;
    let subject = args.name.as_deref().map(|name| context.resolve(name)).transpose()?;
    let name = subject.map(|subject| (subject.name().clone(), matches!(subject, Subject::Session(..))));
    Ok(Wanted { profile: profile.map(|profile| profile.name), name })
}

impl Wanted {
    fn is(&self, owner: &Owner) -> bool {
        self.profile.as_ref().is_none_or(|profile| *profile == owner.profile)
            && self
                .name
                .as_ref()
                .is_none_or(|(name, is_session)| *name == owner.name && *is_session == owner.is_session)
    }
}

/// A session, or a profile itself.
struct Owner {
    name: Name,
    profile: Name,
    is_session: bool,
}

/// Every transcript, and whose it is. Owners are in order: of two that have the same message it was
/// the earlier one's.
struct Sources {
    owners: Vec<Owner>,
    files: Vec<(usize, Transcript)>,
}

impl Sources {
    fn find(context: &Context) -> Result<Self> {
        let store = context.store()?;
        let profiles = crate::work::profiles::known(context)?.1;
        let mut sessions: Vec<_> =
            store.sessions()?.into_iter().filter_map(|entry| entry.record.ok()).collect();
        sessions.sort_by_key(|session| (session.created, session.id));
        let mut owners: Vec<Owner> = Vec::new();
        let mut places = Vec::new();
        for profile in profiles.values() {
            let name = profile.name.clone();
            owners.push(Owner { profile: name.clone(), name, is_session: false });
            places.push(profile.home.directory());
        }
        // Where conversations of many lie together, their ids tell whose they are.
        let mut conversations: HashMap<Uuid, usize> = HashMap::new();
        for session in &sessions {
            let owner = owners.len();
            let home = match profiles.get(&session.profile) {
                Some(profile) => profile.home.clone(),
                // Only a session without a directory of its own needs that of its profile.
                None if session.isolation == Isolation::None => continue,
                None => ConfigHome::Directory(store.session_root(session.id)),
            };
            let paths = SessionPaths::new(&store.session_root(session.id), session.isolation, &home);
            let noted = store.last_run(&store.session_run_path(session.id)).and_then(|run| run.conversation);
            for id in [Some(session.id), noted].into_iter().flatten() {
                conversations.entry(id).or_insert(owner);
            }
            let (name, profile) = (session.name.clone(), session.profile.clone());
            owners.push(Owner { name, profile, is_session: true });
            places.push(paths.config);
        }
        let (mut seen, mut files) = (BTreeSet::new(), Vec::new());
        for (owner, config) in places.iter().enumerate() {
            files.extend(claude::all_transcripts(config, &mut seen).into_iter().map(|transcript| {
                let known = transcript.conversation.and_then(|id| conversations.get(&id).copied());
                (known.unwrap_or(owner), transcript)
            }));
        }
        Ok(Self { owners, files })
    }
}

/// Every message once, and what could not be read. The keys are hashes already.
#[derive(Default)]
struct Seen {
    messages: HashMap<(u64, u64), (usize, Message), BuildHasherDefault<Hashed>>,
    senseless: u64,
    unreadable: u64,
}

/// The hash of a key that is one.
#[derive(Default)]
struct Hashed(u64);

impl std::hash::Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }
}

impl Seen {
    fn add(&mut self, owner: usize, message: Message) {
        use std::collections::hash_map::Entry;
        match self.messages.entry(message.key) {
            Entry::Vacant(entry) => {
                entry.insert((owner, message));
            }
            Entry::Occupied(mut entry) => {
                let (first, known) = entry.get_mut();
                *first = (*first).min(owner);
                known.merge(&message);
            }
        }
    }
}

/// Reads all transcripts that were written to since then, a few at a time.
fn read(sources: &Sources, since: Timestamp) -> Seen {
    let files: Vec<&(usize, Transcript)> = sources
        .files
        .iter()
        .filter(|(_, file)| Timestamp::try_from(file.modified).is_ok_and(|written| written >= since))
        .collect();
    let bytes: u64 = files.iter().map(|(_, file)| file.size).sum();
    let (next, progress) = (AtomicUsize::new(0), AtomicU64::new(0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(files.len());
    let (sender, done) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (files, next, progress, sender) = (&files, &next, &progress, sender.clone());
            scope.spawn(move || {
                let mut seen = Seen::default();
                while let Some((owner, file)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let each = |message: Message| {
                        if message.at >= since {
                            seen.add(*owner, message);
                        }
                    };
                    match claude::read_spent(file, progress, each) {
                        Ok(senseless) => seen.senseless += senseless,
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                        Err(_) => seen.unreadable += 1,
                    }
                }
                let _ = sender.send(seen);
            });
        }
        drop(sender);
        gather(&done, &progress, bytes)
    })
}

/// Puts together what the readers found, and says how far they are where it takes long.
fn gather(done: &mpsc::Receiver<Seen>, progress: &AtomicU64, bytes: u64) -> Seen {
    let watched = stderr().is_terminal();
    let (mut all, mut said) = (Seen::default(), false);
    loop {
        match done.recv_timeout(Duration::from_millis(400)) {
            Ok(seen) => {
                all.senseless += seen.senseless;
                all.unreadable += seen.unreadable;
                if all.messages.is_empty() {
                    all.messages = seen.messages;
                } else {
                    for (owner, message) in seen.messages.into_values() {
                        all.add(owner, message);
                    }
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if watched {
                    let read = ui::size(progress.load(Ordering::Relaxed));
                    let _ = write!(stderr(), "\rcs: read {read} of {}\x1b[K", ui::size(bytes));
                    said = true;
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    if said {
        let _ = write!(stderr(), "\r\x1b[K");
    }
    all
}

/// What is summed up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Day(Date),
    Name(Name, Name, bool),
    Profile(Name),
    Model(String),
}

/// Sums.
#[derive(Debug, Default)]
struct Sum {
    messages: u64,
    tokens: Tokens,
    /// Of the messages whose price is known.
    cost: f64,
    /// The models of the others.
    unknown: BTreeSet<String>,
    priced: u64,
}

impl Sum {
    fn add(&mut self, message: &Message, cost: Option<f64>) {
        self.messages += 1;
        let (mine, more) = (&mut self.tokens, message.tokens);
        for (mine, more) in [
            (&mut mine.input, more.input),
            (&mut mine.output, more.output),
            (&mut mine.write, more.write),
            (&mut mine.write_1h, more.write_1h),
            (&mut mine.read, more.read),
        ] {
            *mine = mine.saturating_add(more);
        }
        match cost {
            Some(cost) => {
                self.priced += 1;
                self.cost += cost;
            }
            // What took nothing costs nothing, whatever it is called.
            None if message.tokens == Tokens::default() => self.priced += 1,
            None => {
                self.unknown.insert(message.model.to_string());
            }
        }
    }

    fn json(&self, key: Option<&Key>) -> Value {
        let mut value = match key {
            None => json!({}),
            Some(Key::Day(day)) => json!({"day": day.to_string()}),
            Some(Key::Name(name, profile, true)) => json!({"session": name, "profile": profile}),
            Some(Key::Name(_, profile, false)) => json!({"session": null, "profile": profile}),
            Some(Key::Profile(profile)) => json!({"profile": profile}),
            Some(Key::Model(model)) => json!({"model": model}),
        };
        let Tokens { input, output, write, write_1h, read } = self.tokens;
        value["messages"] = json!(self.messages);
        value["tokens"] = json!({
            "input": input, "output": output, "cache_write_5m": write, "cache_write_1h": write_1h,
            "cache_read": read,
        });
        value["cost_usd"] = if self.priced == 0 && self.messages > 0 {
            Value::Null
        } else {
            json!((self.cost * 1e6).round() / 1e6)
        };
        value["messages_without_price"] = json!(self.messages - self.priced);
        value
    }

    fn cost(&self) -> String {
        match (self.priced, self.unknown.is_empty()) {
            (_, true) => format!("${:.2}", self.cost),
            (0, _) => "?".to_owned(),
            _ => format!("${:.2} + ?", self.cost),
        }
    }
}

fn table(by: UsageBy, rows: &[(Key, Sum)], total: &Sum) -> String {
    let width = ui::width();
    let title = match by {
        UsageBy::Day => "DAY",
        UsageBy::Session => "SESSION",
        UsageBy::Profile => "PROFILE",
        UsageBy::Model => "MODEL",
    };
    let mut table = Table::new(&[
        (title, Align::Shrink),
        (if by == UsageBy::Session { "PROFILE" } else { "" }, Align::Shrink),
        ("INPUT", Align::Right),
        ("OUTPUT", Align::Right),
        ("WRITTEN", Align::Right),
        ("READ", Align::Right),
        ("COST", Align::Right),
        ("", Align::Left),
    ]);
    // By what it costs, or by what was written where no price is known.
    let amount = |sum: &Sum| if total.cost > 0.0 { sum.cost } else { float(sum.tokens.output) };
    let most = rows.iter().map(|(_, sum)| amount(sum)).fold(0.0, f64::max);
    for (key, sum) in rows {
        let [name, profile] = match key {
            Key::Day(day) => [day.to_string(), String::new()],
            Key::Name(name, profile, true) => [name.to_string(), profile.to_string()],
            Key::Name(_, profile, false) => ["(none)".to_owned(), profile.to_string()],
            Key::Profile(profile) => [profile.to_string(), String::new()],
            Key::Model(model) => [model.clone(), String::new()],
        };
        let chart = width.map(|_| bar(amount(sum), most)).unwrap_or_default();
        table.row(cells([name, profile], sum, chart), None);
    }
    table.row(cells(["all".to_owned(), String::new()], total, String::new()), Some("1"));
    table.render(width, ui::colour_stdout())
}

fn cells(names: [String; 2], sum: &Sum, chart: String) -> Vec<String> {
    let Tokens { input, output, write, write_1h, read } = sum.tokens;
    let numbers = [input, output, write.saturating_add(write_1h), read].map(ui::number);
    names.into_iter().chain(numbers).chain([sum.cost(), chart]).collect()
}

#[allow(clippy::cast_precision_loss, reason = "it is drawn in eighths of a column")]
fn float(number: u64) -> f64 {
    number as f64
}

/// A bar of at most twelve columns, in eighths of one.
fn bar(amount: f64, most: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    const WIDTH: u32 = 12 * 8;
    let share = if most > 0.0 { (amount / most).clamp(0.0, 1.0) } else { 0.0 };
    let filled = (1..=WIDTH).filter(|eighth| share * f64::from(WIDTH) + 0.5 >= f64::from(*eighth)).count();
    format!("{}{}", "█".repeat(filled / 8), EIGHTHS[filled % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        assert_eq!([bar(0.0, 5.0), bar(5.0, 5.0), bar(1.0, 0.0)], ["", "████████████", ""]);
        assert_eq!(bar(1.0, 8.0), "█▌");
    }

    #[test]
    fn days_begin_where_a_person_is() {
        let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a zone");
        let now: Timestamp = "2026-11-03T02:30:00Z".parse().expect("a time");
        let at = |text: &str| since(text, now, &zone).map(|at| at.to_string());
        // It is the evening of the 2nd there; summer time ended on the 1st.
        assert_eq!(at("0d").as_deref(), Ok("2026-11-02T05:00:00Z"));
        assert_eq!(at("2d").as_deref(), Ok("2026-10-31T04:00:00Z"));
        assert_eq!(at("12h").as_deref(), Ok("2026-11-02T14:30:00Z"));
        assert_eq!(at("2026-11-01").as_deref(), Ok("2026-11-01T04:00:00Z"));
        assert_eq!(since("all", now, &zone), Ok(Timestamp::MIN));
        assert!(at("yesterday").is_err());
    }
}

//! `cs bind`: directories and remotes that belong to a profile or session.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{details, report};
use crate::cli::BindArgs;
use crate::model::{Failure, Outcome, Place, Result, Target};
use crate::store::Binding;
use crate::ui::{self, Align, Table};
use crate::work::binding::{self, DirectoryBinding};
use crate::work::context::Context;
use crate::work::directory;

pub(super) fn run(context: &Context, args: &BindArgs) -> Result<Outcome> {
    match &args.name {
        Some(name) => bind(context, name, args),
        None if args.list => list(context, args.json),
        None if args.remove => remove(context, &place(context, args)?),
        None => match &args.remote {
            Some(glob) => Err(Failure::usage("bind that remote to which profile or session?")
                .hint(format!("cs bind NAME --remote '{glob}'"))),
            None => tell(context, &here(context, args)?, args.json),
        },
    }
}

/// Returns the place that the command line is about.
fn place(context: &Context, args: &BindArgs) -> Result<Place> {
    match &args.remote {
        Some(glob) => Place::remote(glob).map_err(|why| {
            Failure::usage(format!("'{glob}' is no glob of remotes: {why}"))
                .hint("for example: cs bind NAME --remote 'github.com/acme/*'")
        }),
        None => Ok(Place::Directory(here(context, args)?)),
    }
}

/// The directory the command line is about, links resolved. One that is gone can still be named to
/// take its binding away.
fn here(context: &Context, args: &BindArgs) -> Result<PathBuf> {
    let path = match &args.dir {
        Some(given) if args.remove => {
            context.absolute(given).map_err(|error| Failure::io("use the directory", given, &error))?
        }
        Some(given) => directory::existing_directory(context, given)?,
        None => context.current_directory()?,
    };
    let path: PathBuf = directory::real(&path).components().collect();
    directory::recordable(&path)?;
    Ok(path)
}

fn bind(context: &Context, name: &str, args: &BindArgs) -> Result<Outcome> {
    let place = place(context, args)?;
    let subject = context.resolve(name)?;
    let target = binding::target_of(&subject);
    let was = context.store()?.bind(&place, &target)?;
    let said = format!("{} to {}", place.text(), binding::named(&subject));
    // For the directory that somebody is in, no option is needed.
    let here = matches!(place, Place::Directory(_)) && args.dir.is_none();
    let at = if here { String::new() } else { binding::at(&place) };
    report::say(&match was {
        None => format!("bound {said}; to undo: cs bind --remove{at}"),
        Some(was) if was == target => {
            format!("{} is bound to {} already", place.text(), binding::named(&subject))
        }
        Some(was) => {
            let undo = match (binding::subject_of(context, &was), binding::name_of(context, &was)) {
                (Ok(Some(_)), Some(name)) => format!("cs bind {name}{at}"),
                _ => format!("cs bind --remove{at}"),
            };
            format!(
                "bound {said}, and no longer to {}; to undo: {undo}",
                binding::named_or_gone(context, &was)
            )
        }
    });
    Ok(Outcome::Done)
}

fn remove(context: &Context, place: &Place) -> Result<Outcome> {
    let Some(was) = context.store()?.unbind(place)? else {
        let failure = Failure::not_found(format!("{} is not bound", place.text()));
        return Err(match binding::above(context, place)? {
            Some(above) => failure.hint(format!("what is: {}", binding::removal(&above))),
            None => failure.hint("to see what is: cs bind --list"),
        });
    };
    report::say(&format!("{} is no longer bound to {}", place.text(), binding::named_or_gone(context, &was)));
    Ok(Outcome::Done)
}

/// Tells what `directory` is bound to, and by what.
fn tell(context: &Context, directory: &Path, as_json: bool) -> Result<Outcome> {
    let found = binding::of_directory(context, directory)?;
    if as_json {
        let (bound, unallowed) = match &found {
            DirectoryBinding::Bound(bound) => {
                let mut told = about(&bound.place);
                told["kind"] = kind_of(&binding::target_of(&bound.subject)).into();
                told["name"] = bound.subject.name().as_str().into();
                told["profile"] = bound.subject.profile().name.as_str().into();
                (told, None)
            }
            DirectoryBinding::Unallowed(file) => (Value::Null, Some(file.to_string_lossy())),
            DirectoryBinding::Nothing => (Value::Null, None),
        };
        report::print_json(&json!({
            "schema": 1, "directory": directory.to_string_lossy(), "bound": bound, "unallowed": unallowed,
        }))?;
        return Ok(Outcome::Done);
    }
    match found {
        DirectoryBinding::Bound(bound) => {
            return details::print_lines(&[
                ("directory", directory.to_string_lossy().into_owned()),
                ("bound to", binding::named(&bound.subject)),
                ("by", bound.place.text()),
            ]);
        }
        DirectoryBinding::Unallowed(file) => report::say(&binding::not_allowed(&file)),
        DirectoryBinding::Nothing => {
            report::say(&format!("{} is not bound (to bind it: cs bind NAME)", directory.display()));
        }
    }
    Ok(Outcome::Done)
}

fn list(context: &Context, as_json: bool) -> Result<Outcome> {
    let bindings = context.store()?.bindings()?;
    // One that leads nowhere any more is listed with the others: that is how it is found.
    let rows: Vec<_> = bindings
        .iter()
        .map(|Binding { place, target }| (place, target, binding::subject_of(context, target)))
        .collect();
    if as_json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(place, target, subject)| {
                let mut told = about(place);
                told["kind"] = kind_of(target).into();
                told["name"] = binding::name_of(context, target).into();
                told["id"] = match target {
                    Target::Profile(_) => Value::Null,
                    Target::Session(id) => json!(id),
                };
                let subject = subject.as_ref();
                let profile =
                    subject.map(|found| found.as_ref().map(|subject| subject.profile().name.as_str()));
                told["profile"] = profile.ok().flatten().into();
                told["gone"] = matches!(subject, Ok(None)).into();
                told["damage"] = subject.err().map(|failure| failure.message.as_str()).into();
                told
            })
            .collect();
        report::print_json(&json!({"schema": 1, "bindings": rows}))?;
        return Ok(Outcome::Done);
    }
    if rows.is_empty() {
        report::say("nothing is bound (to bind this directory: cs bind NAME)");
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&[
        ("TO", Align::Left),
        ("NAME", Align::Left),
        ("STATE", Align::Left),
        ("BOUND", Align::ShrinkFront),
    ]);
    for (place, target, subject) in &rows {
        let name = binding::name_of(context, target).unwrap_or_else(|| "?".to_owned());
        let state = match subject {
            Ok(Some(_)) => "",
            Ok(None) => "gone",
            Err(_) => "damaged",
        };
        table.row([kind_of(target).to_owned(), name, state.to_owned(), place.text()], None);
    }
    report::print(&table.render(ui::width(), context.colours()))?;
    Ok(Outcome::Done)
}

/// A place in JSON, to which is added what it is bound to.
fn about(place: &Place) -> Value {
    match place {
        Place::Directory(path) => json!({"by": "directory", "place": path.to_string_lossy()}),
        Place::Remote(glob) => json!({"by": "remote", "place": glob}),
        Place::File(path) => json!({"by": "file", "place": path.to_string_lossy()}),
    }
}

fn kind_of(target: &Target) -> &'static str {
    match target {
        Target::Profile(_) => "profile",
        Target::Session(_) => "session",
    }
}

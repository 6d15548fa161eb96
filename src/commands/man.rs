//! `cs man [DIRECTORY]`: the manual pages, from the command line's own description.

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::report;
use crate::cli::{Cli, ManArgs, help};
use crate::model::{Failure, Outcome, Result};
use crate::os;
use crate::work::context::Context;

const SOURCE: &str = concat!("cs ", env!("CARGO_PKG_VERSION"));

pub(super) fn run(context: &Context, args: &ManArgs) -> Result<Outcome> {
    let mut root = Cli::command().disable_help_subcommand(true);
    // Also names each command after those above it: cs-profile-create.
    root.build();
    let Some(directory) = &args.directory else {
        report::print(&page(&root)?.1)?;
        return Ok(Outcome::Done);
    };
    let mut pages = Vec::new();
    collect(&root, &mut pages)?;
    // They are for everybody whom the user's mask allows, unlike what cs keeps for itself.
    context.umask.lifted(|| write(directory, &pages))?;
    report::say(&format!("wrote {} manual pages to {}", pages.len(), directory.display()));
    Ok(Outcome::Done)
}

/// The pages of `command` and of every visible one below it.
fn collect(command: &Command, pages: &mut Vec<(String, String)>) -> Result<()> {
    pages.push(page(command)?);
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        collect(below, pages)?;
    }
    Ok(())
}

/// The name of a page's file, and its text.
fn page(command: &Command) -> Result<(String, String)> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone().after_help(None::<&str>)).source(SOURCE).manual("cs");
    let mut text = Vec::new();
    man.render(&mut text).map_err(|error| {
        Failure::failed(format!("cannot make the page of {}: {error}", command.get_name()))
    })?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    // Where there is no date, what follows it would be taken for one.
    text = text.replacen(&format!(" 1  \"{SOURCE}\""), &format!(" 1 \"\" \"{SOURCE}\""), 1);
    // The lines of examples stay as they are; filled, they could not be read.
    if command.get_name() == "cs" {
        text += &as_it_is("OVERVIEW", &help());
    }
    if let Some(examples) = after.strip_prefix("Examples:\n").or(after.strip_prefix("Example:\n")) {
        text += &as_it_is("EXAMPLES", examples);
    } else if !after.is_empty() {
        text += &as_it_is("NOTES", &after);
    }
    Ok((man.get_filename(), text))
}

fn as_it_is(heading: &str, text: &str) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [heading]).control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_roff()
}

fn write(directory: &Path, pages: &[(String, String)]) -> Result<()> {
    fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))?;
    for (name, text) in pages {
        let path = directory.join(name);
        if let Some(what) = os::not_a_file(&path) {
            return Err(Failure::refused(format!("{} is {what}, which is not replaced", path.display())));
        }
        let written = fs::File::create(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| os::settle(&file)));
        written.map_err(|error| Failure::io("write", &path, &error))?;
    }
    Ok(())
}

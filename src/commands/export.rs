//! `cs export NAME… FILE`: records and conversations, never a login.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use super::report;
use crate::cli::ExportArgs;
use crate::model::{Failure, Outcome, Result};
use crate::os;
use crate::shell::quoted;
use crate::transfer::export::{Export, chosen};
use crate::ui;
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &ExportArgs) -> Result<Outcome> {
    let (names, file) = words(args)?;
    let wanted = chosen(context, &names, args.all)?;
    let to_stdout = file == "-";
    let path = PathBuf::from(&file);
    if to_stdout && io::stdout().is_terminal() {
        return Err(Failure::usage("a terminal is no place for a file: name one, or pass it on")
            .hint("cs export api api.tar.gz"));
    }
    if !to_stdout {
        refuse_what_is_no_file(&path, args, &names)?;
    }
    if !to_stdout && os::exists(&path) && !args.force {
        return Err(Failure::refused(format!("{} is there already", path.display()))
            .hint("to replace it: cs export --force …"));
    }
    let mut looking = ui::Progress::new("looking at");
    let mut export = Export::prepare(context, wanted, args.all, &mut |at| looking.at(at))?;
    drop(looking);
    let mut writing = ui::Progress::new("writing");
    let told = if to_stdout {
        let written = export.write_plain(io::stdout().lock(), &mut |at| writing.at(at));
        let written = written.and_then(|()| os::flush_output());
        written.map_err(|error| Failure::io("write", &path, &error))?;
        "standard output".to_owned()
    } else {
        let bytes = export.write_file(&path, args.force, &mut |at| writing.at(at))?;
        format!("{} ({})", path.display(), ui::size(bytes))
    };
    drop(writing);
    for line in export.warnings() {
        report::say(&line);
    }
    report::say(&format!("{} in {told}", export.summary()));
    export.incomplete().map_or(Ok(Outcome::Done), Err)
}

/// Refuses a place where something else than a file stands, which `--force` does not replace either.
fn refuse_what_is_no_file(path: &Path, args: &ExportArgs, names: &[String]) -> Result<()> {
    match os::not_a_file(path) {
        None => Ok(()),
        Some("a directory") => Err(Failure::usage(format!("{} is a directory", path.display()))),
        Some(what) => {
            let what = format!("{} is {what}, which is not replaced", path.display());
            let names = names.iter().map(|name| quoted(Path::new(name))).collect::<Vec<_>>().join(" ");
            let whose = if args.all { "--all" } else { &names };
            Err(Failure::refused(what)
                .hint(format!("to write into it: cs export {whose} - > {}", quoted(path))))
        }
    }
}

/// Returns the names, and the file, which comes last.
fn words(args: &ExportArgs) -> Result<(Vec<String>, OsString)> {
    let mut names = Vec::new();
    let Some((file, before)) = args.words.split_last() else {
        return Err(Failure::usage("which file?").hint("cs export NAME… FILE"));
    };
    for name in before {
        let name = name
            .to_str()
            .ok_or_else(|| Failure::usage(format!("'{}' is not UTF-8", name.to_string_lossy())))?;
        names.push(name.to_owned());
    }
    if args.all && !names.is_empty() {
        return Err(Failure::usage("--all is every session: name only the file").hint("cs export --all FILE"));
    }
    if !args.all && names.is_empty() {
        return Err(Failure::usage(format!("which sessions go into '{}'?", file.to_string_lossy()))
            .hint("cs export NAME… FILE, or cs export --all FILE"));
    }
    Ok((names, file.clone()))
}

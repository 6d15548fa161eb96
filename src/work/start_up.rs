//! The start-up files of shells, and the one line of `cs` in them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::{Failure, Kind, Result};
use crate::os;
use crate::shell::{InitOptions, Plain, Shell};
use crate::ui;
use crate::work::context::Context;
use crate::work::directory;

/// The start-up file of a shell, as it was read.
pub(crate) struct StartUp {
    shell: Shell,
    /// Its path.
    pub file: PathBuf,
    /// Its bytes; `None` if there is none yet.
    before: Option<Vec<u8>>,
}

/// A change of one file: its text afterwards, and the lines that come and go.
#[derive(Debug)]
pub(crate) struct Change {
    text: Vec<u8>,
    /// The number of the line (from 1), whether it is new, and its text.
    lines: Vec<(usize, bool, String)>,
}

impl StartUp {
    /// Reads the start-up file of `shell`. Fails where only the shell itself knows which file that is.
    pub(crate) fn read(context: &Context, shell: Shell) -> Result<Self> {
        let file = file_of(context, shell)?;
        let before = os::read_optional(&file).map_err(|error| Failure::io("read", &file, &error))?;
        if before.is_none() {
            directory::refuse_dangling(&file)?;
        }
        Ok(Self { shell, file, before })
    }

    fn text(&self) -> &[u8] {
        self.before.as_deref().unwrap_or_default()
    }

    /// Returns the number (from 1) of the line of `cs` in it.
    pub(crate) fn line_number(&self) -> Option<usize> {
        Some(lines(self.text()).position(|line| is_ours(self.shell, line))? + 1)
    }

    /// Returns the change that adds the line for `options` at its end.
    pub(crate) fn with_line(&self, context: &Context, options: &InitOptions<'_>) -> Result<Change> {
        Ok(add(self.text(), &line(context, self.shell, options)?))
    }

    /// Returns the change that removes the line of `cs` and nothing else; `None` where there is no such line.
    pub(crate) fn without_line(&self) -> Option<Change> {
        remove(self.shell, self.text())
    }

    /// Returns `change` in the form of `diff -u`, for a person.
    pub(crate) fn shown(&self, change: &Change) -> String {
        shown_change(&self.file, change)
    }

    /// Writes the file whole, in its own mode; where it is a link, the file behind it. Fails if somebody changed
    /// it meanwhile.
    pub(crate) fn write(&self, change: &Change) -> Result<()> {
        write(&self.file, self.before.as_deref(), &change.text)
    }
}

/// Returns the shell whose start-up file is meant where none was named: the one a person logs in with.
pub(crate) fn login_shell(context: &Context) -> Option<Shell> {
    let name = Path::new(context.variable("SHELL")?).file_name()?.to_str()?;
    [Shell::Bash, Shell::Zsh, Shell::Fish].into_iter().find(|shell| shell.name() == name)
}

/// Returns how `program`, which is this one, is called in a line for `shell`: by its name, where that finds it.
fn word(context: &Context, shell: Shell, program: &Path) -> Result<String> {
    let by_name = which::which_in("cs", context.variable("PATH"), "/").ok();
    if by_name.is_some_and(|found| os::is_same_file(&found, program)) {
        return Ok("cs".to_owned());
    }
    match program.to_str().and_then(|text| Plain::new(text).ok()) {
        Some(plain) => Ok(shell.quote(plain).to_string()),
        None => Err(Failure::refused(format!(
            "the path of cs is not plain UTF-8, so no shell can be told of it: {}",
            program.display()
        ))),
    }
}

/// Returns the line for the start-up file of `shell`, with the options that are not as built in.
fn line(context: &Context, shell: Shell, options: &InitOptions<'_>) -> Result<String> {
    let mut command = format!("{} init {}", word(context, shell, options.program)?, shell.name());
    if options.cmd != "cs" {
        command += &format!(" --cmd {}", options.cmd);
    }
    for (wanted, option) in [
        (options.aliases, " --no-aliases"),
        (options.hook, " --no-hook"),
        (options.wrap, " --no-wrap"),
        (options.completion, " --no-completion"),
    ] {
        if !wanted {
            command += option;
        }
    }
    Ok(statement(shell, &command))
}

fn statement(shell: Shell, command: &str) -> String {
    match shell {
        Shell::Bash | Shell::Zsh => format!("eval \"$({command})\""),
        Shell::Fish | Shell::Nushell => format!("{command} | source"),
        Shell::PowerShell => format!("Invoke-Expression (& {command} | Out-String)"),
    }
}

/// Returns the line for the start-up file of `shell`, as a person is shown it.
pub(crate) fn line_of(shell: Shell) -> String {
    statement(shell, &format!("cs init {}", shell.name()))
}

/// Returns true if `line` is one that [`line()`] makes, with whatever options.
fn is_ours(shell: Shell, line: &str) -> bool {
    let (start, end) = match shell {
        Shell::Bash | Shell::Zsh => ("eval \"$(", ")\""),
        Shell::Fish | Shell::Nushell => ("", " | source"),
        Shell::PowerShell => ("Invoke-Expression (& ", " | Out-String)"),
    };
    let command = line.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    let Some((program, rest)) = command.and_then(|command| command.split_once(" init ")) else {
        return false;
    };
    let program = program.trim_matches(['\'', '"']);
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let options = rest.strip_prefix(shell.name()).filter(|rest| rest.is_empty() || rest.starts_with(' '));
    matches!(name, "cs" | "cs.exe")
        && options.is_some_and(|options| !options.contains([';', '|', '&', '`', '$']))
}

/// Returns the start-up file of `shell`.
fn file_of(context: &Context, shell: Shell) -> Result<PathBuf> {
    let home = context.home()?;
    let directory = |name: &str, other: PathBuf| match context.variable(name).map(PathBuf::from) {
        Some(directory) if directory.is_absolute() => directory,
        _ => other,
    };
    let config = directory("XDG_CONFIG_HOME", home.join(".config"));
    match shell {
        // A terminal on macOS starts login shells, which bash has read another file.
        Shell::Bash if cfg!(target_os = "macos") => Ok(home.join(".bash_profile")),
        Shell::Bash => Ok(home.join(".bashrc")),
        Shell::Zsh => Ok(directory("ZDOTDIR", home).join(".zshrc")),
        Shell::Fish => Ok(config.join("fish/config.fish")),
        Shell::PowerShell if !cfg!(windows) => Ok(config.join("powershell/Microsoft.PowerShell_profile.ps1")),
        Shell::PowerShell | Shell::Nushell => Err(Failure::usage(format!(
            "where {} keeps its start-up file is known to it alone",
            shell.name()
        ))
        .hint(format!("add this line to it by hand ($PROFILE): {}", line_of(shell)))),
    }
}

/// Returns the path of the start-up file of `shell`, as a person is shown it.
pub(crate) fn shown_file(context: &Context, shell: Shell) -> String {
    let Ok(file) = file_of(context, shell) else { return "$PROFILE".to_owned() };
    match context.home().ok().and_then(|home| file.strip_prefix(home).ok().map(Path::to_path_buf)) {
        Some(below) => format!("~/{}", below.display()),
        None => file.display().to_string(),
    }
}

/// Returns `before` with `line` at the end. Where the last line has no end, ours has none either, so that taking it out
/// gives the same bytes again.
fn add(before: &[u8], line: &str) -> Change {
    let mut text = before.to_vec();
    let ended = before.is_empty() || before.ends_with(b"\n");
    if ended {
        text.extend([line.as_bytes(), b"\n"].concat());
    } else {
        text.extend([b"\n", line.as_bytes()].concat());
    }
    Change { text, lines: vec![(lines(before).count() + 1, true, line.to_owned())] }
}

/// Returns `before` without the lines of ours; `None` where there is none.
fn remove(shell: Shell, before: &[u8]) -> Option<Change> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut gone = Vec::new();
    for (at, piece) in before.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(piece.strip_suffix(b"\n").unwrap_or(piece)).into_owned();
        if is_ours(shell, &line) {
            // The one before had no end of its own when ours was added behind it.
            if !piece.ends_with(b"\n")
                && let Some(last) = kept.last_mut()
            {
                *last = last.strip_suffix(b"\n").unwrap_or(last);
            }
            gone.push((at + 1, false, line));
        } else {
            kept.push(piece);
        }
    }
    (!gone.is_empty()).then(|| Change { text: kept.concat(), lines: gone })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &str> {
    text.split_inclusive(|byte| *byte == b'\n')
        .map(|piece| std::str::from_utf8(piece.strip_suffix(b"\n").unwrap_or(piece)).unwrap_or_default())
}

/// Returns the change in the form of `diff -u`.
fn shown_change(file: &Path, change: &Change) -> String {
    let mut shown = format!("--- {0}\n+++ {0}\n", ui::escape(&file.to_string_lossy()));
    for (at, new, line) in &change.lines {
        let (range, sign) = match new {
            true => (format!("-{},0 +{at},1", at - 1), '+'),
            false => (format!("-{at},1 +{},0", at - 1), '-'),
        };
        shown += &format!("@@ {range} @@\n{sign}{}\n", ui::escape(line));
    }
    shown
}

fn write(file: &Path, before: Option<&[u8]>, text: &[u8]) -> Result<()> {
    let behind = directory::real(file);
    let failed = |error| Failure::io("write", file, &error);
    if let Some(directory) = behind.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    if os::read_optional(&behind).map_err(failed)?.as_deref() != before {
        return Err(
            Failure::of(Kind::Changed, format!("{} was changed meanwhile", file.display())).hint("try again")
        );
    }
    os::rewrite_file(&behind, text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "eval \"$(cs init bash)\"";

    #[test]
    fn a_line_that_was_added_is_taken_out_to_the_byte() {
        for before in ["", "a\n", "a", "a\n\n", "a\r\nb\r\n", "\n", "a\nb"] {
            let added = add(before.as_bytes(), LINE);
            let removed = remove(Shell::Bash, &added.text).expect("it is there");
            assert_eq!(String::from_utf8_lossy(&removed.text), before, "{before:?}");
        }
        let later = [&add(b"a", LINE).text[..], b"\nmine\n"].concat();
        assert_eq!(remove(Shell::Bash, &later).map(|change| change.text), Some(b"a\nmine\n".to_vec()));
    }

    #[test]
    fn only_a_line_of_ours_is_taken_for_one() {
        for ours in [
            LINE,
            "eval \"$(cs init bash --cmd ccs --no-hook)\"",
            "eval \"$('/it'\\''s/cs' init bash)\"",
            "eval \"$(/opt/bin/cs init bash)\"",
        ] {
            assert!(is_ours(Shell::Bash, ours), "{ours}");
        }
        for theirs in [
            "# eval \"$(cs init bash)\"",
            "eval \"$(cs init zsh)\"",
            "eval \"$(zoxide init bash)\"",
            "eval \"$(acs init bash)\"",
            "eval \"$(cs init bash)\"; mine",
            "eval \"$(cs init bash | sed s/x/y/)\"",
            "eval \"$(cs init bashful)\"",
            "command -v cs >/dev/null && eval \"$(cs init bash)\"",
        ] {
            assert!(!is_ours(Shell::Bash, theirs), "{theirs}");
        }
        assert!(is_ours(Shell::Fish, "cs init fish | source"));
        assert!(is_ours(Shell::PowerShell, "Invoke-Expression (& cs init powershell | Out-String)"));
    }
}

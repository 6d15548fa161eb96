//! The file that `cs export` writes and `cs import` reads: a tar of regular files.
//!
//! ```text
//! cs-export.toml                    what is in it; first
//! profiles/<name>/profile.toml      with --all
//! sessions/<id>/session.toml        before the files of this session
//! sessions/<id>/claude/…            what is worth keeping of its config directory
//! cs-export.end                     how many files there are; last, so that a cut file is known
//! ```

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::claude::{CONVERSATIONS, OWN, may_be_copied};
use crate::model::Name;

/// The layout that this version writes and reads.
pub(super) const VERSION: u32 = 1;

/// The name of the first entry.
pub(super) const MANIFEST: &str = "cs-export.toml";

/// The name of the last entry.
pub(super) const END: &str = "cs-export.end";

/// The contents of the file, as its first entry says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// The layout of the file.
    pub version: u32,
    /// When it was written.
    pub created: jiff::Timestamp,
    /// The `cs` that wrote it.
    pub cs: String,
    /// The sessions in it.
    #[serde(default)]
    pub sessions: Vec<Listed>,
    /// The profiles in it.
    #[serde(default)]
    pub profiles: Vec<String>,
}

/// A session, as the manifest lists it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// How many files of it were found before they were written.
    pub files: u64,
}

/// How many files there are, as the last entry says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End {
    /// All entries but this one.
    pub files: u64,
}

/// The kinds of entries, by their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Manifest,
    End,
    Profile(Name),
    Record(Uuid),
    /// A file of the config directory of a session: its path there.
    File(Uuid, String),
}

impl Entry {
    /// Reads the path of an entry. Everything that is not exactly of the layout is an error: nothing else
    /// gets in, whatever it would lead to.
    pub(super) fn parse(path: &str) -> Result<Self, &'static str> {
        match path {
            MANIFEST => return Ok(Self::Manifest),
            END => return Ok(Self::End),
            _ => {}
        }
        let parts: Vec<&str> = path.split('/').collect();
        for part in &parts {
            check_component(part)?;
        }
        let id = |text: &str| {
            let id: Uuid = text.parse().map_err(|_| "it belongs to no session")?;
            // One id has many spellings, and only one of them is a directory of ours.
            if id.to_string() == text { Ok(id) } else { Err("it belongs to no session") }
        };
        match parts.as_slice() {
            ["profiles", name, "profile.toml"] => Name::new(name)
                .map(|name| Self::Profile(name.folded()))
                .map_err(|_| "it belongs to no profile"),
            ["sessions", session, "session.toml"] => Ok(Self::Record(id(session)?)),
            ["sessions", session, "claude", inside @ ..] => {
                check_inside(inside)?;
                Ok(Self::File(id(session)?, inside.join("/")))
            }
            _ => Err("it has no place in such a file"),
        }
    }
}

/// The number of parts that a path in such a file may have.
pub(super) const DEEPEST: usize = 32;

/// Fails with the reason if a file at the path `inside` of a session's config directory cannot be in such a file.
pub(super) fn check_inside(inside: &[&str]) -> Result<(), &'static str> {
    const LONGEST: usize = 2048;
    for part in inside {
        check_component(part)?;
        if !may_be_copied(part) {
            return Err("it could hold a login");
        }
    }
    if inside.len() > DEEPEST || inside.iter().map(|part| part.len() + 1).sum::<usize>() > LONGEST {
        return Err("its path is too long");
    }
    let file = |item: &str| item.contains('.');
    match inside {
        [item] if file(item) && (CONVERSATIONS.contains(item) || OWN.contains(item)) => Ok(()),
        [item, _, ..] if !file(item) && (CONVERSATIONS.contains(item) || OWN.contains(item)) => Ok(()),
        _ => Err("it has no place in such a file"),
    }
}

/// One part of a path: a name that means itself on every system.
fn check_component(part: &str) -> Result<(), &'static str> {
    if part.is_empty() || part == "." || part == ".." {
        return Err("its path leads elsewhere");
    }
    let bad = |c: char| c.is_control() || matches!(c, '\\' | ':' | '"' | '<' | '>' | '|' | '?' | '*');
    if part.len() > 255 || part.contains(bad) || part.ends_with(['.', ' ']) {
        return Err("its name is none on some systems");
    }
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")).is_some_and(|rest| {
        matches!(rest, "¹" | "²" | "³") || rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit()
    });
    if numbered || matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") {
        return Err("its name is a device on Windows");
    }
    Ok(())
}

/// Returns true if bytes hold something that looks like a secret: the beginning that a kind of key has, and
/// enough behind it. A light look: it finds no secret that does not say what it is.
pub(super) fn holds_secret(bytes: &[u8]) -> bool {
    let word = |rest: &[u8]| {
        rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count()
    };
    bytes.iter().enumerate().any(|(at, first)| {
        let rest = &bytes[at..];
        let behind =
            |start: &[u8], least: usize| rest.strip_prefix(start).is_some_and(|rest| word(rest) >= least);
        match first {
            b's' => behind(b"sk-ant-", 16) || behind(b"sk-proj-", 16) || behind(b"sk-or-", 16),
            b'g' => {
                behind(b"ghp_", 20)
                    || behind(b"gho_", 20)
                    || behind(b"github_pat_", 20)
                    || behind(b"glpat-", 16)
            }
            b'A' => behind(b"AKIA", 16) || behind(b"AIza", 30),
            b'x' => behind(b"xoxb-", 10) || behind(b"xoxp-", 10),
            b'-' => {
                rest.starts_with(b"-----BEGIN ")
                    && rest[..rest.len().min(64)].windows(16).any(|part| part == b"PRIVATE KEY-----")
            }
            _ => false,
        }
    })
}

/// Counts the lines that hold something like a secret, as they go by.
#[derive(Debug, Default)]
pub(super) struct SecretLines {
    line: Vec<u8>,
    found: bool,
    /// How many lines there were.
    pub count: u64,
}

impl SecretLines {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        // Of a long line only the end is kept: enough for a secret that is cut in two.
        const KEPT: usize = 128;
        for (at, part) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if at > 0 {
                self.line.clear();
                self.found = false;
            }
            if self.found || part.is_empty() {
                continue;
            }
            self.line.extend_from_slice(part);
            if holds_secret(&self.line) {
                self.found = true;
                self.count += 1;
            }
            let keep = self.line.len().saturating_sub(KEPT);
            self.line.drain(..keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890000-0000-7000-8000-00000000000a";

    #[test]
    fn only_what_belongs_into_the_file_has_a_place_in_it() {
        let id: Uuid = ID.parse().expect("an id");
        for (path, entry) in [
            (MANIFEST.to_owned(), Entry::Manifest),
            (END.to_owned(), Entry::End),
            ("profiles/work/profile.toml".into(), Entry::Profile(Name::suggest("work"))),
            (format!("sessions/{ID}/session.toml"), Entry::Record(id)),
            (
                format!("sessions/{ID}/claude/projects/-w/{ID}.jsonl"),
                Entry::File(id, format!("projects/-w/{ID}.jsonl")),
            ),
            (format!("sessions/{ID}/claude/history.jsonl"), Entry::File(id, "history.jsonl".into())),
            (format!("sessions/{ID}/claude/CLAUDE.md"), Entry::File(id, "CLAUDE.md".into())),
        ] {
            assert_eq!(Entry::parse(&path), Ok(entry), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "x",
            "../cs-export.toml",
            "./cs-export.toml",
            "cs-export.toml/x",
            "profiles/work/claude/.credentials.json",
            "profiles/../x/profile.toml",
            "profiles/default/profile.toml",
            "profiles/list/profile.toml",
            "names/x",
            "bindings.toml",
            "trust/x",
            "sessions/x/session.toml",
            "sessions//session.toml",
        ] {
            assert!(Entry::parse(path).is_err(), "{path:?}");
        }
        for inside in [
            "",
            "/",
            "..",
            "projects",
            "projects/",
            "projects/../x",
            "projects//x",
            "projects/./x",
            ".claude.json",
            ".credentials.json",
            "projects/.credentials.json",
            "projects/-w/.Credentials.json.new",
            "backups/x",
            "jobs/1/state.json",
            "sessions/1.json",
            "sessions/1.x.key",
            "debug/x",
            "plugins/x",
            "shell-snapshots/x",
            "history.jsonl/x",
            "projects/a\\b/x",
            "projects/a:b/x",
            "projects/con/x",
            "projects/NUL.txt/x",
            "projects/LPT¹/x",
            "projects/a./x",
            "projects/a /x",
            "projects/a\u{1b}[2J/x",
            "projects/a\nb/x",
        ] {
            assert!(Entry::parse(&format!("sessions/{ID}/claude/{inside}")).is_err(), "{inside:?}");
        }
        let other = ID.to_uppercase();
        assert!(Entry::parse(&format!("sessions/{other}/session.toml")).is_err(), "another spelling");
        assert!(Entry::parse(&format!("sessions/{}/session.toml", ID.replace('-', ""))).is_err());
        let deep = "d/".repeat(40);
        assert!(Entry::parse(&format!("sessions/{ID}/claude/projects/{deep}x")).is_err());
    }

    #[test]
    fn lines_that_look_secret_are_counted_once_each_however_they_are_cut() {
        let text = b"hello sk-ant-api03-0123456789abcdef\nsk-ant-\nplain\nghp_0123456789012345678901 AKIA0123456789ABCDEF\n-----BEGIN RSA PRIVATE KEY-----";
        for size in [1, 2, 7, 64, text.len()] {
            let mut lines = SecretLines::default();
            for part in text.chunks(size) {
                lines.feed(part);
            }
            assert_eq!(lines.count, 3, "in pieces of {size}");
        }
        assert!(!holds_secret(b"sk-ant- and task-anthology and -----BEGIN CERTIFICATE-----"));
    }
}

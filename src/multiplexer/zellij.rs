//! zellij (by experiment with 0.45.1; older ones start no program of ours in a session nobody looks at).

use std::ffi::{OsStr, OsString};

use super::error::{Error, ErrorKind};
use super::pane::{NewPane, Pane};
use super::program::{Kind, Multiplexer, inside};
use crate::model::Environment;

pub(super) fn start(zellij: &Multiplexer, wanted: &NewPane<'_>) -> Result<Pane, Error> {
    let here = zellij.environment.get(OsStr::new("ZELLIJ_SESSION_NAME")).and_then(|name| name.to_str());
    let directory = wanted.directory.as_os_str();
    let run = |words: &[&OsStr]| {
        let mut all = words.to_vec();
        all.extend(["--close-on-exit", "--"].map(OsStr::new));
        all.extend(wanted.command.iter().map(OsString::as_os_str));
        zellij.ask(&all, kind_of)
    };
    // A tab that is made is looked at at once, so there is no other way to stay here than a session.
    if let Some(session) = here.filter(|_| inside(&zellij.environment, "ZELLIJ") && !wanted.detached) {
        let words = ["action", "new-tab", "--name", wanted.name, "--cwd"].map(OsStr::new);
        run(&[&words[..], &[directory]].concat())?;
        return Ok(pane(session, ""));
    }
    let taken = zellij.ask(&["list-sessions", "--short"], kind_of).unwrap_or_default();
    let taken: Vec<&str> = taken.lines().map(str::trim).collect();
    let names = std::iter::once(wanted.name.to_owned())
        .chain((1..1000).map(|number| match number {
            1 => format!("cs-{}", wanted.name),
            _ => format!("cs-{}-{number}", wanted.name),
        }))
        .filter(|name| !taken.contains(&name.as_str()));
    for name in names {
        let words = ["attach", "--create-background", name.as_str()].map(OsStr::new);
        match run(&words) {
            Ok(_) => return Ok(pane(&name, "")),
            Err(error) if error.kind == ErrorKind::NameTaken => {}
            Err(error) if error.kind == ErrorKind::TooOld => {
                return Err(Error::ours(error.kind, "zellij is older than 0.45, and cannot do this"));
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::ours(ErrorKind::NameTaken, format!("zellij has too many sessions called {}", wanted.name)))
}

/// Returns the kind of a failure of zellij's by its line: exit codes say no more.
fn kind_of(said: &str) -> ErrorKind {
    match said {
        said if said.contains("--close-on-exit") => ErrorKind::TooOld,
        said if said.contains("already exists") => ErrorKind::NameTaken,
        _ => ErrorKind::Failed,
    }
}

fn pane(session: &str, id: &str) -> Pane {
    Pane {
        kind: Kind::Zellij,
        session: session.to_owned(),
        window: None,
        id: id.to_owned(),
        pid: None,
        server: None,
        target: None,
        window_target: None,
    }
}

pub(super) fn show(zellij: &Multiplexer, pane: &Pane) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![zellij.program.clone().into()];
    if inside(&zellij.environment, "ZELLIJ") {
        words.extend(["action", "switch-session"].map(OsString::from));
        if !pane.id.is_empty() {
            words.extend(["--pane-id".into(), OsString::from(&pane.id)]);
        }
    } else {
        words.push("attach".into());
    }
    words.push(pane.session.clone().into());
    words
}

/// Returns the pane that `own` names, if one of the processes `above` is a zellij.
pub(super) fn pane_of(above: &[u32], own: &Environment) -> Option<Pane> {
    let text = |name: &str| own.get(OsStr::new(name)).and_then(|value| value.to_str());
    let session = text("ZELLIJ_SESSION_NAME").filter(|session| !session.is_empty())?;
    let is_zellij = |pid: &u32| {
        let name = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim_ascii_end() == b"zellij"
    };
    above.iter().any(is_zellij).then_some(())?;
    let id = text("ZELLIJ_PANE_ID").map(|id| format!("terminal_{id}")).unwrap_or_default();
    Some(pane(session, &id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_zellij_says_of_its_failure_is_told_apart() {
        assert_eq!(kind_of("Session with name \"api\" already exists."), ErrorKind::NameTaken);
        assert_eq!(kind_of("error: unexpected argument '--close-on-exit' found"), ErrorKind::TooOld);
        assert_eq!(kind_of("There is no active session!"), ErrorKind::Failed);
    }

    #[test]
    fn inside_zellij_it_switches_and_outside_it_attaches() {
        let zellij = |value: &str| Multiplexer {
            kind: Kind::Zellij,
            program: "/bin/zellij".into(),
            environment: [("ZELLIJ".into(), value.into())].into(),
        };
        let words = |value: &str| show(&zellij(value), &pane("api", "terminal_0")).join(OsStr::new(" "));
        assert_eq!(words(""), "/bin/zellij attach api");
        assert_eq!(words("0"), "/bin/zellij action switch-session --pane-id terminal_0 api");
    }
}

//! tmux (by experiment with 3.3a).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::{Error, ErrorKind};
use super::pane::{Nested, NewPane, Pane};
use super::program::{Kind, Multiplexer, inside};
use crate::model::Environment;

/// The format of a question about a pane. The name of a session may hold blanks, so it comes last.
const ABOUT: &str = "#{pane_id} #{pane_pid} #{window_id} #{window_index} #{session_id} #{session_name}";

/// The most sessions of one name that are looked past.
const MOST: u32 = 1000;

pub(super) fn start(tmux: &Multiplexer, wanted: &NewPane<'_>) -> Result<Pane, Error> {
    let server = server_of(&tmux.environment);
    let name = name_for(wanted.name);
    if server.is_some() {
        // A window beside the others: when it ends one is back where one was. A session of its own would
        // take the terminal out of tmux at its end.
        return answer(tmux, &["new-window", "-d"], &name, wanted, server);
    }
    let size = wanted.size.map(|(columns, rows)| (columns.to_string(), rows.to_string()));
    for number in 1..MOST {
        let session = match number {
            1 => name.clone(),
            2 => format!("cs-{name}"),
            _ => format!("cs-{name}-{}", number - 1),
        };
        let mut words = vec!["new-session", "-d", "-s", &session];
        if let Some((columns, rows)) = &size {
            words.extend(["-x", columns, "-y", rows]);
        }
        match answer(tmux, &words, &name, wanted, None) {
            // A session of the person's own, or one that somebody else made just now.
            Err(error) if error.kind == ErrorKind::NameTaken => {}
            // Of two that start the server at once, one may meet the other's as it ends for want of
            // anything to do.
            Err(error) if error.kind == ErrorKind::ServerEnded && number < 4 => {}
            done => return done,
        }
    }
    Err(Error::ours(ErrorKind::NameTaken, format!("tmux has too many sessions called {name}")))
}

/// Returns the kind of a failure of tmux's by its line: there is one exit code for all.
fn kind_of(said: &str) -> ErrorKind {
    match said {
        said if said.starts_with("duplicate session") => ErrorKind::NameTaken,
        said if said.starts_with("server exited unexpectedly") => ErrorKind::ServerEnded,
        _ => ErrorKind::Failed,
    }
}

/// Runs `words` with what is wanted, and reads which pane that made.
fn answer(
    tmux: &Multiplexer,
    words: &[&str],
    name: &str,
    wanted: &NewPane<'_>,
    server: Option<PathBuf>,
) -> Result<Pane, Error> {
    let mut all: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    all.extend(["-n", name, "-P", "-F", ABOUT, "-c"].map(OsStr::new));
    all.extend([wanted.directory.as_os_str(), OsStr::new("--")]);
    all.extend(wanted.command.iter().map(OsString::as_os_str));
    let said = tmux.ask(&all, kind_of)?;
    let mut pane = parse(said.trim_end_matches('\n'))
        .ok_or_else(|| Error::ours(ErrorKind::Failed, format!("tmux: {said}")))?;
    pane.server = server;
    Ok(pane)
}

/// Reads a line of [`ABOUT`].
fn parse(line: &str) -> Option<Pane> {
    let mut fields = line.splitn(6, ' ');
    let mut next = || fields.next();
    let (id, pid) = (next()?.to_owned(), next()?.parse().ok()?);
    let (window_target, window) = (next()?.to_owned(), next()?.to_owned());
    let (target, session) = (next()?.to_owned(), next()?.to_owned());
    Some(Pane {
        kind: Kind::Tmux,
        session,
        window: Some(window),
        id,
        pid: Some(pid),
        server: None,
        target: Some(target),
        window_target: Some(window_target),
    })
}

/// Returns a name of ours as one of a session: there, a dot and a colon stand between sessions, windows
/// and panes.
fn name_for(name: &str) -> String {
    name.replace(['.', ':'], "_")
}

/// Returns the server that `environment` is inside of: the first part of `TMUX`, `socket,pid,session`.
fn server_of(environment: &Environment) -> Option<PathBuf> {
    if !inside(environment, "TMUX") {
        return None;
    }
    let value = environment.get(OsStr::new("TMUX"))?.to_str()?;
    // The socket's path may hold commas itself.
    let mut parts = value.rsplitn(3, ',');
    let socket = parts.nth(2)?;
    (!socket.is_empty()).then(|| PathBuf::from(socket))
}

pub(super) fn show(tmux: &Multiplexer, pane: &Pane) -> Result<Vec<OsString>, Nested> {
    let (Some(session), Some(window)) = (&pane.target, &pane.window_target) else { return Ok(Vec::new()) };
    let here = server_of(&tmux.environment);
    let same = match (&here, &pane.server) {
        (Some(here), Some(there)) => real(here) == real(there),
        _ => true,
    };
    if let (Some(here), false) = (&here, same) {
        return Err(Nested::Tmux(here.clone()));
    }
    let mut words: Vec<OsString> = vec![tmux.program.clone().into()];
    if let Some(server) = &pane.server {
        words.extend(["-S".into(), server.clone().into()]);
    }
    let verb = if here.is_some() { "switch-client" } else { "attach-session" };
    let rest = ["select-window", "-t", window, ";", "select-pane", "-t", &pane.id, ";", verb, "-t", session];
    words.extend(rest.map(OsString::from));
    Ok(words)
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Returns the pane whose process is among `above`. Asks the server that `own`, the environment of the
/// process, names; if that is not known, the one that `tmux` finds by itself.
pub(super) fn pane_of(tmux: &Multiplexer, above: &[u32], own: Option<&Environment>) -> Option<Pane> {
    let server = match own {
        Some(own) => Some(server_of(own)?),
        None => server_of(&tmux.environment),
    };
    let mut words: Vec<&OsStr> = Vec::new();
    if let Some(server) = &server {
        words.extend([OsStr::new("-S"), server.as_os_str()]);
    }
    words.extend(["list-panes", "-a", "-F", ABOUT].map(OsStr::new));
    let said = tmux.ask(&words, kind_of).ok()?;
    let panes: Vec<Pane> = said.lines().filter_map(parse).collect();
    // The nearest: a pane may be inside a program of another one.
    let nearest = above.iter().find_map(|pid| panes.iter().find(|pane| pane.pid == Some(*pid)).cloned())?;
    Some(Pane { server, ..nearest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tmux_says_of_a_pane_is_read_whatever_its_session_is_called() {
        let pane = parse("%3 4242 @2 1 $0 my own work").expect("a pane");
        assert_eq!((pane.id.as_str(), pane.pid, pane.session.as_str()), ("%3", Some(4242), "my own work"));
        assert_eq!((pane.target.as_deref(), pane.window_target.as_deref()), (Some("$0"), Some("@2")));
        assert_eq!(parse("no server running"), None);
        assert_eq!(name_for("a.b.c-d"), "a_b_c-d");
    }

    #[test]
    fn what_tmux_says_of_its_failure_is_told_apart() {
        assert_eq!(kind_of("duplicate session: api"), ErrorKind::NameTaken);
        assert_eq!(kind_of("server exited unexpectedly"), ErrorKind::ServerEnded);
        assert_eq!(kind_of("can't find window: duplicate session"), ErrorKind::Failed);
    }

    #[test]
    fn the_server_is_the_socket_in_the_variable() {
        let of = |value: &str| server_of(&[("TMUX".into(), value.into())].into());
        assert_eq!(of("/tmp/tmux-0/default,123,0"), Some("/tmp/tmux-0/default".into()));
        assert_eq!(of("/tmp/a,b/default,123,0"), Some("/tmp/a,b/default".into()));
        assert_eq!((of(""), of("x"), of(",1,2")), (None, None, None));
    }

    #[test]
    fn inside_another_server_nothing_is_shown() {
        let tmux = |value: &str| Multiplexer {
            kind: Kind::Tmux,
            program: "/bin/tmux".into(),
            environment: [("TMUX".into(), value.into())].into(),
        };
        let pane = Pane { server: Some("/s/one".into()), ..parse("%3 4242 @2 1 $0 api").expect("a pane") };
        assert_eq!(show(&tmux("/s/two,1,0"), &pane), Err(Nested::Tmux("/s/two".into())));
        let words = |value: &str| -> Vec<String> {
            let shown = show(&tmux(value), &pane).expect("shown");
            shown.into_iter().map(|word| word.into_string().expect("UTF-8")).collect()
        };
        assert_eq!(words("/s/one,1,0").iter().rev().nth(2).map(String::as_str), Some("switch-client"));
        let outside = "/bin/tmux -S /s/one select-window -t @2 ; select-pane -t %3 ; attach-session -t $0";
        assert_eq!(words("").join(" "), outside);
    }
}

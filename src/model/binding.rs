//! Bindings: which profile or session belongs to a directory.

use std::path::{Path, PathBuf};

use glob::Pattern;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Name, Subject};

/// The profile or session that a place is bound to. A session is known by its id, so that it can be
/// renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A profile.
    Profile(Name),
    /// A session.
    Session(Uuid),
}

/// A bound place: a line of the user's own table, or a repository's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory (absolute, links resolved) and everything below it.
    Directory(PathBuf),
    /// Every checkout with a remote like this glob: `github.com/acme/*` (see [`Place::remote`]).
    Remote(String),
    /// The directory of a `.cs.toml` that was allowed; the path is that of the file.
    File(PathBuf),
}

impl Place {
    /// Returns the place of every checkout with a remote like `glob`. Fails with what is wrong with the
    /// glob.
    ///
    /// A glob is read as the address of a remote is: `https://github.com/acme/*`, `git@github.com:acme/*`
    /// and `github.com/acme/*` are one. Its host is matched with the host and its path with the path, so
    /// no `*` reaches from one into the other; in the path, `*` stands for `/` too. Without a path it is
    /// every remote of the host.
    pub fn remote(glob: &str) -> Result<Self, String> {
        if let Some(control) = glob.chars().find(|c| c.is_control()) {
            return Err(format!("it holds the control character {control:?}"));
        }
        let address = Address::of(glob);
        for part in [&address.host, &address.path] {
            Pattern::new(part).map_err(|error| error.msg.to_lowercase())?;
        }
        match address.text().as_str() {
            "" | "/" => Err("it names no remote".into()),
            text => Ok(Self::Remote(text.to_owned())),
        }
    }

    /// Returns true if a checkout with a remote at `url` is bound by this place.
    pub fn holds_remote(&self, url: &str) -> bool {
        let Self::Remote(glob) = self else { return false };
        let (glob, address) = (Address::of(glob), Address::of(url));
        let like = |glob: &str, text: &str| Pattern::new(glob).is_ok_and(|glob| glob.matches(text));
        like(&glob.host, &address.host) && (glob.path.is_empty() || like(&glob.path, &address.path))
    }

    /// Returns the place as one line of text: a person is shown this, and it tells two places apart.
    pub fn text(&self) -> String {
        match self {
            Self::Directory(path) | Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Remote(glob) => format!("remote {glob}"),
        }
    }

    /// Returns true if `directory` (links resolved) is bound by this place. Always false for a remote.
    pub fn holds(&self, directory: &Path) -> bool {
        match self {
            Self::Directory(path) => directory.starts_with(path),
            Self::File(path) => path.parent().is_some_and(|parent| directory.starts_with(parent)),
            Self::Remote(_) => false,
        }
    }
}

/// The host and path of a remote, however it is spelled: scheme, user, port, `.git` and slashes at the
/// ends are no part of it. The host is empty for a path on this machine.
struct Address {
    host: String,
    path: String,
}

impl Address {
    fn of(url: &str) -> Self {
        let url = url.trim();
        let (host, path) = match url.split_once("://") {
            Some((_, rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                (without_port(authority), path)
            }
            // `git@host:path`, if no slash comes before the colon.
            None => match url.split_once(':').filter(|(host, _)| !host.contains('/')) {
                Some(parts) => parts,
                None => url.split_once('/').unwrap_or((url, "")),
            },
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        Self { host: host.to_lowercase(), path: path.to_owned() }
    }

    fn text(&self) -> String {
        if self.path.is_empty() { self.host.clone() } else { format!("{}/{}", self.host, self.path) }
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The binding that holds in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The place that binds it.
    pub place: Place,
    /// The profile or session it is bound to.
    pub subject: Subject,
}

/// The reaction when another profile than the bound one is about to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guard {
    /// No reaction.
    Off,
    /// It is said on stderr.
    #[default]
    Warn,
    /// It is refused.
    Strict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_the_same_however_it_is_spelled() {
        for url in [
            "https://github.com/acme/api.git",
            "https://github.com/acme/api",
            "https://github.com/acme/api/",
            "https://me:token@GitHub.com:443/acme/api.git/",
            "http://github.com/acme/api",
            "ssh://git@github.com/acme/api.git",
            "ssh://git@github.com:2222/acme/api",
            "git://github.com//acme/api.git",
            "git@github.com:acme/api.git",
            "git@github.com:/acme/api",
            "GITHUB.com:acme/api",
            "github.com/acme/api",
        ] {
            assert_eq!(Address::of(url).text(), "github.com/acme/api", "{url}");
        }
        assert_eq!(Address::of("/srv/git/api.git").text(), "/srv/git/api");
        assert_eq!(Address::of("file:///srv/git/api.git").text(), "/srv/git/api");
        assert_eq!(Address::of("ssh://git@[::1]:22/x").text(), "[::1]/x");
    }

    #[test]
    fn a_glob_matches_the_hosts_and_paths_it_is_like_and_no_other() {
        for (glob, url, holds) in [
            ("github.com/acme/*", "git@github.com:acme/api.git", true),
            ("github.com/acme/*", "https://github.com/acme/team/api", true),
            ("GitHub.com/acme/*", "https://github.com/acme/api", true),
            ("https://github.com/acme/*", "git@github.com:acme/api.git", true),
            ("git@github.com:acme/*", "https://github.com/acme/api", true),
            ("github.com/acme/*", "https://github.com/acme-two/api", false),
            ("github.com/acme/*", "https://github.com/Acme/api", false),
            ("github.com/acme/*", "https://evil.example/github.com/acme/api", false),
            ("github.com/acme/*", "https://github.com.evil.example/acme/api", false),
            ("github.com/acme/*", "/home/me/github.com/acme/api", false),
            ("*.acme.com/*", "https://git.acme.com/api", true),
            ("*.acme.com/*", "https://evil.example/x.acme.com/api", false),
            ("github.com", "https://github.com/any/thing", true),
            ("github.com", "https://gitlab.com/any/thing", false),
            ("/srv/git/*", "/srv/git/api.git", true),
            ("/srv/git/*", "file:///srv/git/api.git", true),
            ("git[hl]ab.com/acme/ap?", "https://gitlab.com/acme/api", true),
        ] {
            let place = Place::remote(glob).unwrap_or_else(|why| panic!("{glob}: {why}"));
            assert_eq!(place.holds_remote(url), holds, "{glob} and {url}");
        }
        for bad in ["", "/", "https://", "github.com/[", "github.com/a**b", "github.com/x\ny"] {
            assert!(Place::remote(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_place_holds_what_is_below_it_and_not_what_only_begins_like_it() {
        let place = Place::Directory("/src/api".into());
        assert!(place.holds(Path::new("/src/api")) && place.holds(Path::new("/src/api/deep")));
        assert!(!place.holds(Path::new("/src/api-2")) && !place.holds(Path::new("/src")));
        let file = Place::File("/src/api/.cs.toml".into());
        assert!(file.holds(Path::new("/src/api/deep")) && !file.holds(Path::new("/src")));
    }
}

//! Profile records.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::locking::lock;
use super::records::{self, Damage};
use super::root::{listed, removed_meanwhile};
use super::sessions::{discard, taken};
use super::{Claim, Store, lay_out};
use crate::model::{
    ConfigHome, Endpoint, Failure, Layout, Name, Profile, ProfileKind, Result, ShareOverrides, TokenSource,
    VarName,
};
use crate::os::{self, Lock};

const VERSION: u32 = 1;

/// How often another process can be first to take the place where a profile is made.
const MOST_LOST: usize = 100;

/// `profile.toml`, as it stands on disk. A person may edit it, so unknown keys are errors.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config_dir: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inherit: Option<Name>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    bare: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api: Option<Api>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<VarName, String>,
    #[serde(default, skip_serializing_if = "is_default")]
    share: ShareOverrides,
}

impl records::Record for Record {
    const VERSION: u32 = VERSION;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Account,
    Api,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Api {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_env: Option<VarName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(default = "auth_token", skip_serializing_if = "is_auth_token")]
    token_as: VarName,
}

/// The values of a new profile.
#[derive(Clone, Debug)]
pub struct NewProfile<'a> {
    /// An account or an endpoint.
    pub kind: &'a ProfileKind,
    /// It takes nothing from the user's own `~/.claude`.
    pub bare: bool,
    /// Its own `[env]`.
    pub env: BTreeMap<VarName, String>,
    /// Its own `[share]`.
    pub share: ShareOverrides,
    /// The profile whose config directory it works in.
    pub inherit: Option<&'a Name>,
    /// An existing config directory to adopt in place.
    pub directory: Option<&'a Path>,
}

fn is_default(share: &ShareOverrides) -> bool {
    *share == ShareOverrides::default()
}

fn auth_token() -> VarName {
    VarName::new("ANTHROPIC_AUTH_TOKEN").unwrap_or_else(|why| panic!("{why}"))
}

fn is_auth_token(name: &VarName) -> bool {
    *name == auth_token()
}

/// A profile as the record of another machine describes it.
#[derive(Debug)]
pub struct ForeignProfile {
    /// The profile that it would be here.
    pub profile: Profile,
    /// The keys of its record that were left out.
    pub left_out: Vec<&'static str>,
    record: Record,
}

/// One profile as the list sees it.
#[derive(Clone, Debug)]
pub struct ProfileEntry {
    /// Its name.
    pub name: Name,
    /// The profile, or the reason its record cannot be used.
    pub profile: Result<Profile, Damage>,
}

impl Store {
    /// Returns the path of a profile's record.
    pub fn profile_record_path(&self, name: &Name) -> PathBuf {
        self.profiles_dir().join(name.key()).join("profile.toml")
    }

    /// Returns the directory of the profile's files that are ours and not Claude's.
    pub fn profile_root(&self, name: &Name) -> PathBuf {
        self.profiles_dir().join(name.key())
    }

    /// Reads the profile `name`; `None` if there is none. `home` is the user's home directory, for the
    /// one that always exists.
    pub fn profile(&self, name: &Name, home: &Path) -> Result<Option<Profile>> {
        match self.read_profile(name, home) {
            Ok(profile) => Ok(Some(profile)),
            Err(Damage::Missing) => Ok(None),
            Err(damage) => Err(damage.failure(&format!("profile '{name}'"), &self.profile_record_path(name))),
        }
    }

    /// Reads every profile, `default` first, the others in name order, damaged ones included.
    ///
    /// Fails where their directory cannot be read.
    pub fn profiles(&self, home: &Path) -> Result<Vec<ProfileEntry>> {
        let default = Name::default_profile();
        let mut names: Vec<Name> = listed(&self.profiles_dir(), "")?
            .iter()
            .filter_map(|name| Name::of_profile(name).ok())
            .filter(|name| *name != default)
            .collect();
        names.sort_unstable();
        names.insert(0, default);
        Ok(names
            .into_iter()
            .map(|name| ProfileEntry { profile: self.read_profile(&name, home), name })
            .filter(|entry| entry.profile != Err(Damage::Missing))
            .collect())
    }

    /// Returns the failure to read the record of the profile `name`.
    pub fn unread_profile(&self, name: &Name, damage: &Damage) -> Failure {
        damage.failure(&format!("profile '{name}'"), &self.profile_record_path(name))
    }

    /// Returns the names of the profiles that have a directory here, unordered. Opens no record.
    pub fn profile_names(&self) -> Result<Vec<String>> {
        let mut names = listed(&self.profiles_dir(), "")?;
        names.retain(|name| Name::of_profile(name).is_ok());
        Ok(names)
    }

    fn read_profile_record(&self, name: &Name) -> Result<Record, Damage> {
        match records::read(&self.profile_record_path(name)) {
            Err(Damage::Missing) if name.is_default() => Ok(Record {
                version: VERSION,
                kind: None,
                config_dir: None,
                inherit: None,
                bare: false,
                api: None,
                env: BTreeMap::new(),
                share: ShareOverrides::default(),
            }),
            read => read,
        }
    }

    fn read_profile(&self, name: &Name, home: &Path) -> Result<Profile, Damage> {
        self.profile_from(self.read_profile_record(name)?, name, home)
    }

    /// Reads the profile `name` from `text`, in place of its record on disk.
    pub fn profile_as_written(&self, name: &Name, text: &str, home: &Path) -> Result<Profile, Damage> {
        let record: Record = toml::from_str(text).map_err(|error| {
            Damage::Unreadable(error.message().lines().next().unwrap_or("it is no TOML").to_owned())
        })?;
        self.profile_from(record, name, home)
    }

    /// Returns the profile that works in the config directory of another one.
    fn inheriting(&self, record: Record, name: &Name, other: &Name, home: &Path) -> Result<Profile, Damage> {
        let bad = |why: String| Damage::Unreadable(why);
        let other = other.folded();
        if name.is_default() {
            return Err(bad("'default' inherits nothing: it is ~/.claude".into()));
        }
        if record.config_dir.is_some() {
            return Err(bad(format!("it inherits '{other}', so it has no config_dir")));
        }
        if other == name.folded() {
            return Err(bad("it inherits itself".into()));
        }
        let host = match self.read_profile_record(&other) {
            Ok(host) => host,
            Err(Damage::Missing) => return Err(bad(format!("it inherits profile '{other}', which is gone"))),
            Err(Damage::Io(why)) => return Err(Damage::Io(format!("it inherits profile '{other}': {why}"))),
            Err(damage) => return Err(bad(format!("it inherits profile '{other}': {damage}"))),
        };
        if let Some(further) = &host.inherit {
            return Err(bad(format!("it inherits '{other}', which inherits '{further}': one step is all")));
        }
        let host = self.profile_from(host, &other, home)?;
        let own = self.profile_from(Record { inherit: None, ..record }, name, home)?;
        Ok(Profile {
            home: host.home,
            inherit: Some(other),
            bare: host.bare,
            share: own.share.clone().over(host.share),
            ..own
        })
    }

    /// Returns the profile that a record of `name` describes.
    fn profile_from(&self, record: Record, name: &Name, home: &Path) -> Result<Profile, Damage> {
        if let Some(other) = record.inherit.clone() {
            return self.inheriting(record, name, &other, home);
        }
        let bad = |why: &str| Damage::Unreadable(why.to_owned());
        let home = match record.config_dir {
            Some(_) if name.is_default() => return Err(bad("'default' has no config_dir: it is ~/.claude")),
            Some(path) if !path.is_absolute() => return Err(bad("config_dir is not an absolute path")),
            Some(path) => ConfigHome::Directory(path),
            None if name.is_default() => ConfigHome::Default { home: home.to_path_buf() },
            None => ConfigHome::Directory(self.profile_root(name).join("claude")),
        };
        let kind = match (record.kind, record.api) {
            (None | Some(Kind::Account), None) => ProfileKind::Account,
            (None | Some(Kind::Api), Some(api)) => ProfileKind::Api(endpoint(api).map_err(|why| bad(&why))?),
            (Some(Kind::Account), Some(_)) => return Err(bad("an account has no [api] table")),
            (Some(Kind::Api), None) => return Err(bad("kind = \"api\" needs an [api] table")),
        };
        if name.is_default() && kind != ProfileKind::Account {
            return Err(bad("'default' is your own ~/.claude: make an api profile of its own instead"));
        }
        Ok(Profile {
            name: name.folded(),
            home,
            inherit: None,
            kind,
            bare: record.bare,
            env: record.env,
            share: record.share,
        })
    }

    /// Makes a profile. If it adopts no directory and inherits none, it gets a directory of its own,
    /// whose path never changes, laid out as `furnished` says of the directory it is given. When this
    /// returns `Ok` the profile exists; when it fails nothing of it does.
    pub fn create_profile(
        &self,
        name: &Name,
        new: NewProfile<'_>,
        furnished: impl FnOnce(&Path) -> Layout,
    ) -> Result<()> {
        let record = Record {
            version: VERSION,
            kind: Some(if matches!(new.kind, ProfileKind::Account) { Kind::Account } else { Kind::Api }),
            config_dir: new.directory.map(Path::to_path_buf),
            inherit: new.inherit.cloned(),
            bare: new.bare,
            api: match new.kind {
                ProfileKind::Account => None,
                ProfileKind::Api(endpoint) => Some(api(endpoint)),
            },
            env: new.env,
            share: new.share,
        };
        self.make_profile(name, &record, furnished)
    }

    /// Does the work of [`Store::create_profile`], from the record.
    fn make_profile(
        &self,
        name: &Name,
        record: &Record,
        furnished: impl FnOnce(&Path) -> Layout,
    ) -> Result<()> {
        self.ensure()?;
        let of_its_own = record.config_dir.is_none() && record.inherit.is_none();
        let text = records::text(record)?;
        let staged = self.staging().join(name.key());
        let place = self.profile_root(name);
        let failed = |what, path: &Path, error: &std::io::Error| Failure::io(what, path, error);
        let held = self.begin_profile(name, &staged)?;
        let discard = || discard(&staged);
        let refused = match self.claim_name(name, Claim::Profile) {
            Ok(None) if !os::exists(&place) => None,
            Ok(holder) => {
                let holder = holder.filter(|_| !os::exists(&place));
                Some(taken(name, holder.unwrap_or(Claim::Profile)))
            }
            Err(failure) => Some(failure),
        };
        if let Some(failure) = refused {
            discard();
            // As long as this was being made, whoever removed the one of this name left it the claim.
            self.release_name(name, Claim::Profile);
            return Err(failure);
        }
        let made = || {
            // Whoever died here before may have meant another profile by this name.
            clear(&staged).map_err(|error| failed("clear", &staged, &error))?;
            let record = staged.join("profile.toml");
            os::publish_file(&record, text.as_bytes()).map_err(|error| failed("write", &record, &error))?;
            if of_its_own {
                lay_out(&furnished(&staged.join("claude")))?;
            }
            os::publish_dir(&staged, &place).map_err(|error| failed("create", &place, &error))
        };
        let made = made();
        if made.is_err() {
            discard();
        }
        drop(held);
        if made.is_err() {
            self.release_name(name, Claim::Profile);
        }
        made
    }

    /// Returns the record of a profile as it may leave this machine, and the list of what was left out: a
    /// literal token, variables that are secret by `is_secret`, and the path of its directory.
    pub fn portable_profile(
        &self,
        name: &Name,
        is_secret: impl Fn(&VarName, &str) -> bool,
    ) -> Result<(String, Vec<String>)> {
        let path = self.profile_record_path(name);
        let damaged = |damage: Damage| damage.failure(&format!("profile '{name}'"), &path);
        let mut record: Record = records::read(&path).map_err(damaged)?;
        let mut left_out = Vec::new();
        if record.config_dir.take().is_some() {
            left_out.push("config_dir".into());
        }
        if let Some(api) = &mut record.api
            && api.token.take().is_some()
        {
            left_out.push("token".into());
        }
        record.env.retain(|variable, value| {
            let secret = is_secret(variable, value);
            if secret {
                left_out.push(format!("env.{variable}"));
            }
            !secret
        });
        Ok((records::text(&record)?, left_out))
    }

    /// Reads the text of a profile's record from somewhere else. Parts that it may not decide here are
    /// left out: the path of its directory, the profile whose directory it works in, the group of its
    /// conversations, a token, and a command that would be run.
    pub fn foreign_profile(&self, name: &Name, text: &[u8]) -> Result<ForeignProfile, Damage> {
        let mut record: Record = records::parse(text)?;
        record.config_dir = None;
        let mut left_out = Vec::new();
        if record.inherit.take().is_some() {
            left_out.push("inherit");
        }
        if record.share.history.take().is_some() {
            left_out.push("history");
        }
        if let Some(api) = &mut record.api {
            if api.token_command.take().is_some() {
                left_out.push("token_command");
            }
            if api.token.take().is_some() {
                left_out.push("token");
            }
        }
        let text = records::text(&record).map_err(|failure| Damage::Unreadable(failure.message))?;
        let copy: Record = records::parse(text.as_bytes())?;
        let profile = self.profile_from(copy, name, Path::new(""))?;
        Ok(ForeignProfile { profile, left_out, record })
    }

    /// Makes a profile that was read by [`Store::foreign_profile`], with a config directory of its own and no
    /// login, furnished as for [`Store::create_profile`].
    pub fn adopt_foreign(
        &self,
        foreign: &ForeignProfile,
        furnished: impl FnOnce(&Path) -> Layout,
    ) -> Result<()> {
        self.make_profile(&foreign.profile.name, &foreign.record, furnished)
    }

    /// Makes the staging directory of a profile, and takes the lock in it. Tries again if another process
    /// made the profile meanwhile, or gave up: then the directory went away.
    fn begin_profile(&self, name: &Name, staged: &Path) -> Result<Lock> {
        let path = self.lock_path(staged, &name.key());
        for _ in 0..MOST_LOST {
            let place = self.profile_root(name);
            if os::look(&place).map_err(|error| Failure::io("create", &place, &error))?.is_some() {
                return Err(taken(name, Claim::Profile));
            }
            if let Err(error) = os::create_private_dir(staged) {
                // It was there when this tried to make it, and is not any more.
                if error.kind() == std::io::ErrorKind::AlreadyExists && !os::exists(staged) {
                    continue;
                }
                return Err(Failure::io("create", staged, &error));
            }
            match lock(&path, &format!("profile '{name}'")) {
                Ok(held) if held.is_at(&path) && os::is_dir(staged) => return Ok(held),
                Err(failure) if os::is_dir(staged) => {
                    // Only if nothing is in it: then nobody else works there.
                    let _ = fs::remove_dir(staged);
                    return Err(failure);
                }
                Ok(_) | Err(_) => {}
            }
        }
        Err(Failure::of(
            crate::model::Kind::Busy,
            format!("{} changes as often as it is looked at", staged.display()),
        )
        .hint("try again"))
    }

    /// Returns the text of a profile's record with `items` of its `[share]` set, comments kept. `starter`
    /// is the first content of the record of the profile that always exists. Writes nothing.
    pub fn with_share(&self, name: &Name, starter: &str, items: &ShareOverrides) -> Result<String> {
        let path = self.profile_record_path(name);
        let text = match os::read_optional(&path) {
            Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            Ok(None) if name.is_default() => starter.to_owned(),
            Ok(None) => return Err(removed_meanwhile(&self.profile_root(name))),
            Err(error) => return Err(Failure::io("read", &path, &error)),
        };
        let broken = |why: String| Failure::failed(format!("cannot change {}: {why}", path.display()));
        let mut document: toml_edit::DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
            broken(error.message().lines().next().unwrap_or("it is no TOML").to_owned())
        })?;
        let written = toml::to_string(items).map_err(|error| broken(error.to_string()))?;
        let written: toml_edit::DocumentMut =
            written.parse().map_err(|error: toml_edit::TomlError| broken(error.message().to_owned()))?;
        let table = document.entry("share").or_insert_with(toml_edit::table);
        let Some(table) = table.as_table_like_mut() else { return Err(broken("share is no table".into())) };
        for (key, value) in written.iter() {
            match (table.get_mut(key).and_then(toml_edit::Item::as_value_mut), value.as_value()) {
                // What stands around the old value, a comment behind it, stays.
                (Some(old), Some(new)) => {
                    let decor = old.decor().clone();
                    *old = new.clone();
                    *old.decor_mut() = decor;
                }
                _ => {
                    table.insert(key, value.clone());
                }
            }
        }
        Ok(document.to_string())
    }

    /// Writes the record of a profile, whole. The caller holds the profile's lock.
    pub fn write_profile_record(&self, name: &Name, text: &str) -> Result<()> {
        let path = self.profile_record_path(name);
        os::replace_file(&path, text.as_bytes(), true).map_err(|error| Failure::io("write", &path, &error))
    }

    /// Takes the lock of a profile, so that nobody else changes its record, or our files in its config
    /// directory, meanwhile.
    pub fn lock_profile(&self, name: &Name) -> Result<Lock> {
        let root = self.profile_root(name);
        if name.is_default() {
            self.ensure()?;
            os::create_private_dir(&root).map_err(|error| Failure::io("create", &root, &error))?;
        }
        if !os::is_dir(&root) {
            return Err(removed_meanwhile(&root));
        }
        let path = self.lock_path(&root, &name.key());
        let held = lock(&path, &format!("profile '{name}'"))
            .map_err(|failure| if os::is_dir(&root) { failure } else { removed_meanwhile(&root) })?;
        if held.is_at(&path) { Ok(held) } else { Err(removed_meanwhile(&root)) }
    }

    /// Makes sure that there is a record to edit, for the profile that always exists too.
    pub fn ensure_profile_record(&self, name: &Name, starter: &str) -> Result<PathBuf> {
        self.ensure()?;
        let path = self.profile_record_path(name);
        if name.is_default() {
            let root = self.profile_root(name);
            os::create_private_dir(&root).map_err(|error| Failure::io("create", &root, &error))?;
            os::publish_file(&path, starter.as_bytes())
                .map_err(|error| Failure::io("write", &path, &error))?;
        }
        Ok(path)
    }
}

/// Removes what is in the staging directory `staged`, but for the lock.
pub(super) fn clear(staged: &Path) -> std::io::Result<()> {
    for entry in os::entries_of(staged)? {
        let name = entry.file_name().unwrap_or_default();
        if name == "lock" {
            continue;
        }
        if entry.symlink_metadata()?.is_dir() {
            let left = os::remove_tree(staged, name);
            if let Some(left) = left.map_err(|why| std::io::Error::other(why.to_string()))?.first() {
                return Err(std::io::Error::other(format!("{}: {}", left.path.display(), left.why)));
            }
        } else {
            fs::remove_file(&entry)?;
        }
    }
    Ok(())
}

fn endpoint(api: Api) -> Result<Endpoint, String> {
    let mut sources = Vec::new();
    sources.extend(api.token_env.map(TokenSource::Variable));
    sources.extend(api.token_command.map(TokenSource::Command));
    match (api.token_file, api.token_key) {
        (Some(file), Some(key)) => sources.push(TokenSource::Entry { file, key }),
        (Some(file), None) => sources.push(TokenSource::File(file)),
        (None, Some(_)) => return Err("token_key needs a token_file".into()),
        (None, None) => {}
    }
    sources.extend(api.token.map(TokenSource::Literal));
    if sources.len() > 1 {
        return Err("more than one of token_env, token_command, token_file and token".into());
    }
    Ok(Endpoint {
        provider: api.provider,
        base_url: api.base_url,
        token: sources.pop().unwrap_or(TokenSource::None),
        token_as: api.token_as,
    })
}

fn api(endpoint: &Endpoint) -> Api {
    let mut api = Api {
        provider: endpoint.provider.clone(),
        base_url: endpoint.base_url.clone(),
        token_env: None,
        token_command: None,
        token_file: None,
        token_key: None,
        token: None,
        token_as: endpoint.token_as.clone(),
    };
    match &endpoint.token {
        TokenSource::None => {}
        TokenSource::Variable(name) => api.token_env = Some(name.clone()),
        TokenSource::Command(command) => api.token_command = Some(command.clone()),
        TokenSource::File(path) => api.token_file = Some(path.clone()),
        TokenSource::Entry { file, key } => {
            (api.token_file, api.token_key) = (Some(file.clone()), Some(key.clone()));
        }
        TokenSource::Literal(token) => api.token = Some(token.clone()),
    }
    api
}

//! Taking over accounts, endpoints and context groups of CCS, in place.

mod found;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use found::Ccs;

use super::names::free_name;
use super::takeover::Takeover;
use crate::claude;
use crate::model::{
    ConfigHome, Endpoint, Failure, History, Name, Profile, ProfileKind, Result, ShareOverrides, TokenSource,
    VarName,
};
use crate::os;
use crate::store::NewProfile;
use crate::work::context::Context;
use crate::work::profiles;
use crate::work::profiles::{adopt, create};

/// Takes over what CCS keeps in `root`, and returns what was found there. `as_default` says whether a profile becomes
/// that of new sessions, as it is with CCS. With `dry_run` nothing is changed. Fails if nothing of CCS is there, or
/// one of its files cannot be read.
pub(crate) fn import(
    context: &Context,
    root: &Path,
    dry_run: bool,
    as_default: &dyn Fn(&Name) -> bool,
) -> Result<Vec<Takeover>> {
    let ccs = found::read(root, &context.home()?)?;
    let mut import = Import {
        context,
        dry_run,
        names: BTreeMap::new(),
        groups: BTreeMap::new(),
        taken: Vec::new(),
        found: Vec::new(),
    };
    for (name, account) in &ccs.accounts {
        import.account(root, name, account.group.as_deref())?;
    }
    for (name, settings) in &ccs.endpoints {
        import.endpoint(name, settings, &ccs)?;
    }
    for name in &ccs.others {
        import.found.push(Takeover::new("profile", name).skipped("it runs through CCS's own proxy"));
    }
    import.default(&ccs, as_default)?;
    Ok(import.found)
}

/// Returns where CCS keeps its files: in `given`, else as CCS itself decides.
pub(crate) fn root(context: &Context, given: Option<&Path>) -> Result<PathBuf> {
    let given = match given {
        Some(directory) => Some(directory.to_path_buf()),
        None => match (context.variable("CCS_DIR"), context.variable("CCS_HOME")) {
            (Some(directory), _) => Some(PathBuf::from(directory)),
            (None, Some(home)) => Some(Path::new(home).join(".ccs")),
            (None, None) => None,
        },
    };
    let root = match given {
        Some(root) => root,
        None => context.home()?.join(".ccs"),
    };
    adopt::spelled_as_given(context, &root)
}

/// Returns true if something is at `path`, links followed. Fails where the system cannot say.
fn is_there(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|error| Failure::io("read", path, &error))
}

struct Import<'a> {
    context: &'a Context,
    dry_run: bool,
    /// The names of accounts and endpoints here, by their names there.
    names: BTreeMap<String, Name>,
    /// The names of groups here, by their names there.
    groups: BTreeMap<String, Name>,
    /// Names that a dry run would have used.
    taken: Vec<Name>,
    found: Vec<Takeover>,
}

impl Import<'_> {
    /// The name for something called `name` there: the same, or one that says where it is from.
    fn name(&mut self, name: &str) -> Result<Name> {
        let wanted = Name::new(name).unwrap_or_else(|_| Name::suggest(&format!("{name}-ccs")));
        let taken = |name: &Name| -> Result<bool> {
            Ok(self.taken.contains(name) || self.context.store()?.holder(name)?.is_some())
        };
        let named = if taken(&wanted)? {
            let other = Name::suggest(&format!("{name}-ccs"));
            free_name(&other, taken)?
        } else {
            wanted
        };
        self.taken.push(named.clone());
        Ok(named)
    }

    fn account(&mut self, root: &Path, name: &str, group: Option<&str>) -> Result<()> {
        let found = Takeover::new("profile", name);
        let directory = found::instance(root, name);
        if let Some(known) = adopt::profile_at(self.context, &directory)? {
            if let Some(group) = group {
                // What is there already may be a member of a group that is not.
                self.group(root, group)?;
            }
            self.names.insert(name.to_owned(), known.clone());
            self.found.push(found.there(known.to_string()));
            return Ok(());
        }
        if !is_there(&directory)? {
            self.found.push(found.skipped(format!("it has no directory {}", directory.display())));
            return Ok(());
        }
        if let Err(failure) = adopt::refuse_what_is_no_profile(self.context, &directory) {
            self.found.push(found.refused(failure));
            return Ok(());
        }
        let history = match group {
            Some(group) => self.group(root, group)?.map(History::Group),
            None => None,
        };
        let named = self.name(name)?;
        let share = ShareOverrides { history, ..ShareOverrides::default() };
        let done = if self.dry_run { Ok(()) } else { adopt::adopt(self.context, &named, &directory, share) };
        if done.is_ok() {
            self.names.insert(name.to_owned(), named.clone());
        }
        self.found.push(found.done(named.to_string(), directory.display().to_string(), done));
        Ok(())
    }

    /// The group for conversations that CCS keeps together, whose directory stays CCS's.
    fn group(&mut self, root: &Path, group: &str) -> Result<Option<Name>> {
        if let Some(known) = self.groups.get(group) {
            return Ok(Some(known.clone()));
        }
        let found = Takeover::new("group", group);
        let projects = found::group_projects(root, group);
        if !is_there(&projects)? {
            self.found.push(found.skipped(format!("there is no {}", projects.display())));
            return Ok(None);
        }
        let store = self.context.store()?;
        let leads_there = |name: &Name| -> Result<bool> {
            let link = store.group(name).projects;
            let target = os::link_at(&link).map_err(|error| Failure::io("read", &link, &error))?;
            Ok(target.as_ref() == Some(&projects))
        };
        let wanted =
            Name::new(group).map_or_else(|_| Name::suggest(&format!("{group}-ccs")), |name| name.folded());
        let other = Name::suggest(&format!("{group}-ccs")).folded();
        let known = if leads_there(&wanted)? {
            Some(&wanted)
        } else if leads_there(&other)? {
            Some(&other)
        } else {
            None
        };
        let (named, found) = if let Some(known) = known {
            (known.clone(), found.there(known.to_string()))
        } else {
            // The directory alone is what a process that died here leaves.
            let is_taken = |name: &Name| {
                let group = store.group(name);
                Ok(os::exists(&group.projects) || group.prompts.is_some_and(|prompts| os::exists(&prompts)))
            };
            let named = if is_taken(&wanted)? { free_name(&other, is_taken)? } else { wanted };
            let done = if self.dry_run { Ok(()) } else { store.make_group_of(&named, &projects).map(drop) };
            (named.clone(), found.done(named.to_string(), projects.display().to_string(), done))
        };
        self.found.push(found);
        self.groups.insert(group.to_owned(), named.clone());
        Ok(Some(named))
    }

    fn endpoint(&mut self, name: &str, settings: &Path, ccs: &Ccs) -> Result<()> {
        let found = Takeover::new("profile", name);
        if let Some(known) = self.endpoint_there(name, settings)? {
            self.names.insert(name.to_owned(), known.clone());
            self.found.push(found.there(known.to_string()));
            return Ok(());
        }
        if !is_there(settings)? {
            self.found.push(found.skipped(format!("there is no {}", settings.display())));
            return Ok(());
        }
        let variables = match found::variables(settings) {
            Ok(variables) => variables,
            Err(failure) => {
                self.found.push(found.failed(failure.message));
                return Ok(());
            }
        };
        let text =
            |name: &str| variables.get(name).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
        let token_as =
            ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"].into_iter().find(|name| text(name).is_some());
        let base_url = text("ANTHROPIC_BASE_URL").map(str::to_owned);
        if base_url.is_none() && token_as.is_none() {
            self.found.push(found.skipped("it names neither an address nor a token"));
            return Ok(());
        }
        let env: BTreeMap<VarName, String> = claude::MODELS
            .iter()
            .chain(&["API_TIMEOUT_MS"])
            .filter_map(|name| Some((VarName::new(name).ok()?, text(name)?.to_owned())))
            .collect();
        let kind = ProfileKind::Api(Endpoint {
            provider: None,
            base_url,
            token: match token_as {
                Some(key) => TokenSource::Entry { file: settings.to_path_buf(), key: format!("env.{key}") },
                None => TokenSource::None,
            },
            token_as: VarName::new(token_as.unwrap_or("ANTHROPIC_AUTH_TOKEN")).map_err(Failure::usage)?,
        });
        let host = ccs.inherits.get(name).and_then(|account| self.names.get(account)).cloned();
        let lost = ccs.inherits.get(name).filter(|_| host.is_none());
        let named = self.name(name)?;
        let why = match (&host, lost) {
            (Some(host), _) => {
                format!("works in the directory of '{host}'; its token stays in {}", settings.display())
            }
            (None, Some(account)) => format!(
                "without '{account}', which was not imported; its token stays in {}",
                settings.display()
            ),
            (None, None) if token_as.is_none() => "needs no token".into(),
            (None, None) => format!("its token stays in {}", settings.display()),
        };
        let new = NewProfile {
            kind: &kind,
            bare: false,
            env,
            share: ShareOverrides::default(),
            inherit: host.as_ref(),
            directory: None,
        };
        let done = if self.dry_run {
            Ok(())
        } else {
            let furnished = create::furnish(self.context, false)?;
            self.context.store()?.create_profile(&named, new, furnished)
        };
        if done.is_ok() {
            self.names.insert(name.to_owned(), named.clone());
        }
        self.found.push(found.done(named.to_string(), why, done));
        Ok(())
    }

    /// The profile whose token comes from this very settings file, or that was made from it where it
    /// needs none.
    fn endpoint_there(&self, name: &str, settings: &Path) -> Result<Option<Name>> {
        let (_, known) = profiles::known(self.context)?;
        let comes_from = |known: &Profile| match &known.kind {
            ProfileKind::Api(endpoint) => match &endpoint.token {
                TokenSource::Entry { file, .. } => file == settings,
                TokenSource::None => {
                    let names = [name.to_ascii_lowercase(), format!("{}-ccs", name.to_ascii_lowercase())];
                    names.contains(&known.name.key()) && matches!(known.home, ConfigHome::Directory(_))
                }
                _ => false,
            },
            ProfileKind::Account => false,
        };
        Ok(known.into_values().find(comes_from).map(|known| known.name))
    }

    /// The profile of new sessions, if a person wants that of CCS.
    fn default(&mut self, ccs: &Ccs, as_default: &dyn Fn(&Name) -> bool) -> Result<()> {
        let Some(name) = &ccs.default else { return Ok(()) };
        let found = Takeover::new("default", name);
        let Some(named) = self.names.get(name).cloned() else {
            self.found.push(found.skipped("it was not imported"));
            return Ok(());
        };
        if self.context.config()?.default_profile.key() == named.key() {
            self.found.push(found.there(named.to_string()));
            return Ok(());
        }
        if !as_default(&named) {
            self.found.push(found.skipped(format!("to make it that: cs profile default {named}")));
            return Ok(());
        }
        let done = if self.dry_run { Ok(()) } else { profiles::make_default(self.context, &named) };
        self.found.push(found.done(named.to_string(), "the profile of new sessions", done));
        Ok(())
    }
}

//! Making a profile: an account, or an endpoint, perhaps one that is known by name.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::claude;
use crate::config;
use crate::model::{
    Endpoint, Failure, Layout, Link, ManifestPlace, Name, ProfileKind, Result, SeedFile, Share,
    ShareOverrides, TokenSource, VarName,
};
use crate::store::{ForeignProfile, NewProfile};
use crate::work::context::Context;

/// The endpoints that are known by name.
const PROVIDERS: &str = include_str!("../../../templates/providers.toml");

/// One known endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    title: String,
    #[serde(default)]
    base_url: Option<String>,
    #[serde(default)]
    token_env: Option<VarName>,
    #[serde(default)]
    api_key: bool,
    #[serde(default)]
    no_token: bool,
    #[serde(default)]
    env: BTreeMap<VarName, String>,
}

/// A description, by a person, of a profile that is to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProfileDescription<'a> {
    /// An endpoint that is known by name.
    pub provider: Option<&'a str>,
    /// The address of an endpoint.
    pub base_url: Option<&'a str>,
    /// The model to use.
    pub model: Option<&'a str>,
    /// The source of the token; the usual one by default.
    pub token: Option<TokenSource>,
    /// True for a token that is an API key, and not a bearer token; by default as the endpoint takes it.
    pub api_key: Option<bool>,
    /// Share nothing with the user's own `~/.claude`.
    pub bare: bool,
    /// The profile in whose config directory it works.
    pub inherit: Option<&'a str>,
}

/// A profile that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// An account, or an endpoint.
    pub kind: ProfileKind,
    /// The profile in whose config directory it works.
    pub host: Option<Name>,
}

/// Makes the profile `name` as `description` says.
pub(crate) fn create(context: &Context, name: &Name, description: &ProfileDescription<'_>) -> Result<Made> {
    let (kind, mut env) = describe(description)?;
    if let Some(model) = description.model {
        let variable = VarName::new("ANTHROPIC_MODEL").map_err(Failure::usage)?;
        env.insert(variable, model.to_owned());
    }
    let store = context.store()?;
    let host = description.inherit.map(|text| host(context, text)).transpose()?;
    let new = NewProfile {
        kind: &kind,
        bare: description.bare,
        env,
        share: ShareOverrides::default(),
        inherit: host.as_ref(),
        directory: None,
    };
    store.create_profile(name, new, furnish(context, description.bare)?)?;
    Ok(Made { kind, host })
}

/// The profile of the name `text`, for another one to work in its config directory.
fn host(context: &Context, text: &str) -> Result<Name> {
    let host = context.resolve_profile(text)?;
    match host.inherit {
        None => Ok(host.name),
        Some(further) => Err(Failure::refused(format!(
            "profile '{}' inherits '{further}' itself, and one step is all",
            host.name
        ))
        .hint(format!("inherit that one: --inherit {further}"))),
    }
}

/// Makes a profile whose record came from elsewhere, without a login.
pub(crate) fn make_foreign(context: &Context, foreign: &ForeignProfile) -> Result<()> {
    context.store()?.adopt_foreign(foreign, furnish(context, foreign.profile.bare)?)
}

/// Returns what a new profile starts with in its config directory: links to what it shares, and a state
/// file that skips the questions of a first start which say nothing about a login.
pub(crate) fn furnish(context: &Context, bare: bool) -> Result<impl FnOnce(&Path) -> Layout + use<>> {
    let home = context.home()?;
    let state_of_base = home.join(".claude.json");
    let state = claude::fresh_profile_state((!bare).then_some(state_of_base.as_path()))?;
    // It is run with a person's own arguments, so what keeps the base memory out is a setting of
    // its own.
    let settings = bare.then(|| claude::injected(&home, false, None, None));
    let shared = if bare {
        Vec::new()
    } else {
        claude::shared_items(&home.join(".claude"), &Share::default().with(&context.config()?.share))?
    };
    Ok(move |directory: &Path| {
        let file = |name: &str, content| SeedFile { path: directory.join(name), content, replaces: None };
        let settings = settings.map(|settings| file("settings.json", format!("{settings:#}\n").into_bytes()));
        Layout {
            directories: vec![directory.to_path_buf()],
            links: shared
                .into_iter()
                .map(|shared| Link { path: directory.join(shared.item), target: shared.target })
                .collect(),
            servers: claude::server_hashes(&state),
            manifest: directory.parent().map(|root| ManifestPlace::new(root, directory)),
            files: std::iter::once(file(".claude.json", state)).chain(settings).collect(),
            ..Layout::default()
        }
    })
}

/// Returns what kind of profile is description, and the variables that come with its provider.
fn describe(description: &ProfileDescription<'_>) -> Result<(ProfileKind, BTreeMap<VarName, String>)> {
    let provider = description.provider.map(provider).transpose()?;
    let usual = provider.as_ref().and_then(|(_, provider)| provider.token_env.clone());
    let source = description.token.clone().or_else(|| usual.map(TokenSource::Variable));
    let is_api = provider.is_some() || description.base_url.is_some() || source.is_some();
    if !is_api {
        return Ok((ProfileKind::Account, BTreeMap::new()));
    }
    // Anthropic's own API takes keys; everybody else's a bearer token.
    let takes_key =
        || provider.as_ref().map_or(description.base_url.is_none(), |(_, provider)| provider.api_key);
    let api_key = description.api_key.unwrap_or_else(takes_key);
    let token_as = if api_key { "ANTHROPIC_API_KEY" } else { "ANTHROPIC_AUTH_TOKEN" };
    let base_url = description
        .base_url
        .map(str::to_owned)
        .or_else(|| provider.as_ref().and_then(|(_, provider)| provider.base_url.clone()));
    if let Some(url) = &base_url
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        return Err(Failure::usage(format!("'{url}' is no address: it begins with https:// or http://")));
    }
    let needs_url =
        provider.as_ref().is_some_and(|(_, provider)| provider.base_url.is_none() && !provider.api_key);
    if base_url.is_none() && needs_url {
        return Err(Failure::usage("this provider has no fixed address").hint("say which: --base-url URL"));
    }
    let no_token = provider.as_ref().is_some_and(|(_, provider)| provider.no_token);
    let token = match source {
        Some(source) => source,
        None if no_token => TokenSource::None,
        None => {
            return Err(Failure::usage("an endpoint needs a token")
                .hint("one of --token-env VARIABLE, --token-command COMMAND, --token-file FILE"));
        }
    };
    let endpoint = Endpoint {
        provider: provider.as_ref().map(|(name, _)| name.clone()),
        base_url,
        token,
        token_as: VarName::new(token_as).map_err(Failure::usage)?,
    };
    let env = provider.map(|(_, provider)| provider.env).unwrap_or_default();
    Ok((ProfileKind::Api(endpoint), env))
}

fn known_providers() -> Result<BTreeMap<String, Provider>> {
    toml::from_str(PROVIDERS)
        .map_err(|error| Failure::failed(format!("the built-in list of providers is broken: {error}")))
}

/// Returns the names of the endpoints that are known by one, and what each is.
pub(crate) fn providers() -> Vec<(String, String)> {
    let known = known_providers().unwrap_or_default();
    known.into_iter().map(|(name, provider)| (name, provider.title)).collect()
}

fn provider(wanted: &str) -> Result<(String, Provider)> {
    let mut known = known_providers()?;
    if let Some(found) = known.remove(&wanted.to_ascii_lowercase()) {
        return Ok((wanted.to_ascii_lowercase(), found));
    }
    let mut failure = Failure::usage(format!("there is no provider '{wanted}'"));
    if let Some(near) = config::nearest(wanted, known.keys().map(String::as_str)) {
        failure = failure.hint(format!("did you mean '{near}'?"));
    }
    let width = known.keys().map(String::len).max().unwrap_or(0);
    for (name, provider) in &known {
        failure = failure.hint(format!("{name:<width$}  {}", provider.title));
    }
    Err(failure.hint("any other one: --base-url URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_provider_can_be_read_and_has_what_it_needs() {
        let known: BTreeMap<String, Provider> = toml::from_str(PROVIDERS).expect("valid");
        for needed in ["glm", "kimi", "deepseek", "anthropic", "ollama"] {
            assert!(known.contains_key(needed), "{needed}");
        }
        for (name, provider) in known {
            assert!(!provider.title.is_empty(), "{name}");
            assert!(provider.no_token || provider.token_env.is_some(), "{name} says no token source");
            let url = provider.base_url.as_deref().unwrap_or("https://");
            assert!(url.starts_with("https://") || url.starts_with("http://localhost"), "{name}: {url}");
        }
    }

    #[test]
    fn an_unknown_provider_shows_the_known_ones() {
        let failure = provider("kimmi").expect_err("unknown");
        assert_eq!(failure.hints[0], "did you mean 'kimi'?");
        assert!(failure.hints.iter().any(|hint| hint.starts_with("glm")));
    }
}

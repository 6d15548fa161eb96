//! Profiles: their directories, who they are, and how they log in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::contents::{config_directory, live_files, locks, plugins, private};
use super::finding::{Fix, Kind, Of, Report};
use super::machine::Machine;
use super::planned;
use crate::claude::{self, Account, ConfigGround, Login};
use crate::model::{ConfigHome, Profile, ProfileKind, Subject, TokenSource, VarName};
use crate::os::{self, Foreign};
use crate::shell::word;

pub(super) fn probe(machine: &Machine<'_>, report: &mut Report) {
    let mut count = 0;
    for profile in machine.profiles() {
        count += 1;
        one(machine, profile, report);
    }
    pairs(machine, report);
    report.checked(match count {
        1 => "1 profile: record, directory, login, settings".into(),
        _ => format!("{count} profiles: records, directories, logins, settings"),
    });
}

fn one(machine: &Machine<'_>, profile: &Profile, report: &mut Report) {
    let of = Of::profile(&profile.name);
    let config = profile.home.directory();
    let is_default = matches!(profile.home, ConfigHome::Default { .. });
    token(machine, profile, &of, report);
    if let Some(host) = &profile.inherit {
        // What it works in is looked at as that profile's.
        return report.checked(format!("profile '{}': it works in the directory of '{host}'", profile.name));
    }
    if !config.is_dir() {
        // Claude makes the user's own when it is first started.
        if is_default {
            no_login(machine, profile, &of, report);
        } else {
            let fix = Fix::Hand(format!("put it back, or: cs profile remove {}", profile.name));
            let what = "its config directory is gone";
            report.add(Kind::ProfileDirectoryGone, Some(&of), what, Some(config), fix);
        }
        return;
    }
    // What was adopted, and the user's own, is theirs to arrange.
    let ours = machine.is_ours(&config);
    if ours {
        if let Some(store) = machine.store {
            private(&of, &store.profile_root(&profile.name), true, report);
            private(&of, &store.profile_record_path(&profile.name), true, report);
        }
        private(&of, &config, true, report);
    }
    let subject = Subject::Profile(profile.clone());
    match planned::plan(machine, &subject, machine.home.as_deref().unwrap_or(Path::new("/"))) {
        Ok(plan) if ours => planned::links(&of, &config, &subject, &plan.layout, report),
        Ok(_) => {}
        Err(why) => planned::impossible(&of, why, report),
    }
    adopted_default(machine, profile, &of, &config, report);
    let (ground, state) = (ConfigGround::of_profile(&config), profile.home.state_file());
    config_directory(machine, &of, &config, &state, &Foreign::led_to(&state), report);
    plugins(machine, &of, &ground, &config, None, report);
    live_files(&of, &ground, &config, None, report);
    let live = machine.profile_is_live(profile);
    locks(&of, &ground, (&config, &state), live, ours, report);
    login_file(&of, &config, ours, report);
    no_login(machine, profile, &of, report);
    base_memory(machine, profile, &of, &config, report);
    trusted_projects(profile, &of, report);
    keychain(profile, report);
}

/// Reports `~/.claude` under another name than `default`.
fn adopted_default(machine: &Machine<'_>, profile: &Profile, of: &Of, config: &Path, report: &mut Report) {
    let Some(home) = &machine.home else { return };
    if let ConfigHome::Directory(_) = profile.home
        && os::is_same_file(config, &home.join(".claude"))
    {
        let fix = Fix::Command(format!("cs profile remove {}, and use 'default'", profile.name));
        let what = "its config directory is ~/.claude";
        report.add(Kind::DefaultAdopted, Some(of), what, Some(config.to_path_buf()), fix);
    }
}

/// Looks at the kind and mode of the file that keeps a login. It is never opened.
fn login_file(of: &Of, config: &Path, ours: bool, report: &mut Report) {
    let path = claude::login_file(config);
    if path.is_symlink() {
        let fix = Fix::Hand("log in here by itself: remove the link, then cs profile login NAME".into());
        report.add(Kind::LoginLink, Some(of), "its login is a link", Some(path), fix);
    } else {
        private(of, &path, ours, report);
    }
}

/// Reports an account without a login, if anybody works with it.
fn no_login(machine: &Machine<'_>, profile: &Profile, of: &Of, report: &mut Report) {
    if profile.kind != ProfileKind::Account || claude::login_of(profile) != Login::Absent {
        return;
    }
    let wanted = machine.config.is_none_or(|config| config.default_profile.key() == profile.name.key())
        || matches!(profile.home, ConfigHome::Directory(_))
        || machine.sessions_of(profile).next().is_some();
    let none = BTreeMap::new();
    let env = machine.config.map_or(&none, |config| &config.env);
    // A key, a token or a cloud's switch in `[env]` is a login of another kind.
    let is_credential = |name: &VarName| {
        let name = name.as_str();
        claude::CREDENTIALS.contains(&name) && name != "ANTHROPIC_BASE_URL"
    };
    if wanted && !env.keys().chain(profile.env.keys()).any(is_credential) {
        let fix = Fix::Command(format!("cs profile login {}", profile.name));
        report.add(Kind::LoginMissing, Some(of), "nobody is logged in", Some(profile.home.directory()), fix);
    }
}

/// Looks at where the token of an endpoint is. Nothing of it is read.
fn token(machine: &Machine<'_>, profile: &Profile, of: &Of, report: &mut Report) {
    let ProfileKind::Api(endpoint) = &profile.kind else { return };
    let record = machine.store.map(|store| store.profile_record_path(&profile.name));
    let edit = || Fix::Command(format!("cs profile edit {}", profile.name));
    match &endpoint.token {
        TokenSource::File(path) | TokenSource::Entry { file: path, .. } if !path.exists() => {
            report.add(
                Kind::TokenMissing,
                Some(of),
                "the file of its token is gone",
                Some(path.clone()),
                edit(),
            );
        }
        TokenSource::File(path) => private(of, path, machine.is_ours(path), report),
        TokenSource::Variable(name) if machine.context.variable(name.as_str()).is_none() => {
            let what = format!("its token is in {name}, which is not set here");
            report.add(Kind::TokenUnset, Some(of), what, None, Fix::Hand(format!("export {name}=…")));
        }
        TokenSource::Literal(_) => {
            report.add(Kind::TokenLiteral, Some(of), "its record holds the token itself", record, edit());
        }
        // Its own mode is another program's to choose: a directory may hide it.
        TokenSource::Entry { file, .. } if !os::only_owner_reaches(file) => {
            let what = "others can read the file of its token";
            let fix = Fix::Hand(format!("chmod 600 {}", word(&file.to_string_lossy())));
            report.add(Kind::Permissions, Some(of), what, Some(file.clone()), fix);
        }
        TokenSource::None
        | TokenSource::Variable(_)
        | TokenSource::Command(_)
        | TokenSource::Entry { .. } => {}
    }
}

/// Reports what Claude reads of `~/.claude` when it runs as the profile itself, where no plan keeps it out.
fn base_memory(machine: &Machine<'_>, profile: &Profile, of: &Of, config: &Path, report: &mut Report) {
    let (Some(home), ConfigHome::Directory(_)) = (&machine.home, &profile.home) else { return };
    let settings = claude::settings_facts(&Foreign::led_to(&claude::settings_file(config)));
    if matches!(settings, Ok(Some(facts)) if facts.excludes_memory) {
        return;
    }
    let base = home.join(".claude");
    // What the profile has a link to it reads anyway.
    let not_shared =
        |path: &PathBuf| path.file_name().is_some_and(|item| !os::is_same_file(path, &config.join(item)));
    if let Some(read) = claude::memory_of_base(&base).into_iter().find(not_shared) {
        let what =
            format!("cs {} reads the memory of ~/.claude too; its isolated sessions do not", profile.name);
        let fix = format!(
            "work in sessions of it, or in its settings.json: \"claudeMdExcludes\": [\"{}/**\"]",
            base.display()
        );
        report.add(Kind::BaseMemory, Some(of), what, Some(read), Fix::Hand(fix));
    }
}

/// Reports trust in directories that are gone.
fn trusted_projects(profile: &Profile, of: &Of, report: &mut Report) {
    let state = profile.home.state_file();
    let Ok(Some(facts)) = claude::state_facts(&Foreign::led_to(&state)) else { return };
    let gone: Vec<PathBuf> = facts.trusted.into_iter().filter(|path| !path.exists()).collect();
    let Some(first) = gone.first() else { return };
    let more = if gone.len() > 1 { format!(" and {} more", gone.len() - 1) } else { String::new() };
    let what = format!("it trusts projects that are gone: {}{more}", first.display());
    let fix = Fix::Hand("if one may come back as somebody else's: take it out of \"projects\" there".into());
    report.add(Kind::TrustedProjectGone, Some(of), what, Some(state), fix);
}

/// Notes where a login is, on macOS.
fn keychain(profile: &Profile, report: &mut Report) {
    if !cfg!(target_os = "macos") || profile.kind != ProfileKind::Account {
        return;
    }
    let item = match &profile.home {
        ConfigHome::Default { .. } => claude::keychain_item(None),
        ConfigHome::Directory(path) => claude::keychain_item(Some(path)),
    };
    if let Some(item) = item {
        report.checked(format!("profile '{}': its login is the Keychain item '{item}'", profile.name));
    }
}

/// Reports profiles that are one to Claude, or to whoever sends the bill.
fn pairs(machine: &Machine<'_>, report: &mut Report) {
    let mut directories: BTreeMap<PathBuf, &Profile> = BTreeMap::new();
    let mut accounts: BTreeMap<String, &Profile> = BTreeMap::new();
    let asked: Vec<_> = machine.profiles().map(|profile| &profile.name).collect();
    for profile in machine.profiles.values().filter(|profile| profile.inherit.is_none()) {
        let about_asked = |other: &Profile| asked.contains(&&profile.name) || asked.contains(&&other.name);
        let of = Of::profile(&profile.name);
        let config = profile.home.directory();
        if let Ok(real) = os::real_path(&config) {
            if let Some(other) = directories.get(&real).filter(|other| about_asked(other)) {
                let is_default = |profile: &Profile| matches!(profile.home, ConfigHome::Default { .. });
                // That `~/.claude` was adopted is told by itself.
                if !is_default(other) && !is_default(profile) {
                    let fix = Fix::Command(format!("cs profile remove {}", profile.name));
                    let what = format!("its config directory is that of profile '{}'", other.name);
                    report.add(Kind::ProfilesOneDirectory, Some(&of), what, Some(config), fix);
                }
                continue;
            }
            directories.insert(real, profile);
        }
        if profile.kind != ProfileKind::Account {
            continue;
        }
        let Ok(Some(facts)) = claude::state_facts(&Foreign::led_to(&profile.home.state_file())) else {
            continue;
        };
        let Some(Account { id, masked }) = facts.account else { continue };
        if let Some(other) = accounts.get(&id).filter(|other| about_asked(other)) {
            let what = format!("it is the account of profile '{}' too ({masked})", other.name);
            let fix = Fix::Command(format!("cs profile login {}", word(profile.name.as_str())));
            report.add(Kind::ProfilesOneIdentity, Some(&of), what, Some(profile.home.state_file()), fix);
        } else {
            accounts.insert(id, profile);
        }
    }
}

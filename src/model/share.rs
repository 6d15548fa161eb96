//! The things that a session takes from its profile, and a profile from the user's own `~/.claude`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Name;

/// The parts of a config directory that can be shared by a link. Claude Code reads all of them
/// through links and replaces none of the links (2.1.197 and 2.1.329, by experiment).
pub const SHAREABLE: &[&str] = &[
    "skills",
    "agents",
    "commands",
    "rules",
    "output-styles",
    "CLAUDE.md",
    "settings.json",
    "keybindings.json",
];

/// The items that are shared by other means than a link.
pub const SWITCHES: &[&str] = &["memory", "plugins", "mcp"];

/// The way one item is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShareMode {
    /// A link to the profile's.
    Link,
    /// Each session has its own.
    Private,
}

/// The place of a session's transcripts and prompt history. In `[share]` it is `false`, `true`, or the
/// name of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum History {
    /// The session's own config directory.
    #[default]
    Own,
    /// The config directory of its profile.
    Profile,
    /// With those of all other members of a group.
    Group(Name),
}

/// [`History`] as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Switch(bool),
    Group(Name),
}

impl From<Written> for History {
    fn from(written: Written) -> Self {
        match written {
            Written::Switch(false) => Self::Own,
            Written::Switch(true) => Self::Profile,
            Written::Group(name) => Self::Group(name),
        }
    }
}

impl From<History> for Written {
    fn from(history: History) -> Self {
        match history {
            History::Own => Self::Switch(false),
            History::Profile => Self::Switch(true),
            History::Group(name) => Self::Group(name),
        }
    }
}

/// A `[share]` table as a person writes it, in `config.toml` or in a profile; what is left out
/// stays as the level above has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShareOverrides {
    /// Skills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skills: Option<ShareMode>,
    /// Subagents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<ShareMode>,
    /// Slash commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<ShareMode>,
    /// Rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<ShareMode>,
    /// Output styles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_styles: Option<ShareMode>,
    /// The profile's own `CLAUDE.md`.
    #[serde(rename = "CLAUDE.md", skip_serializing_if = "Option::is_none")]
    pub claude_md: Option<ShareMode>,
    /// `settings.json`.
    #[serde(rename = "settings.json", skip_serializing_if = "Option::is_none")]
    pub settings: Option<ShareMode>,
    /// `keybindings.json`.
    #[serde(rename = "keybindings.json", skip_serializing_if = "Option::is_none")]
    pub keybindings: Option<ShareMode>,
    /// Claude's auto memory: the notes it keeps about a project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<bool>,
    /// Plugins, through one directory for all sessions of the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugins: Option<bool>,
    /// MCP servers of the user scope, copied when a session is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp: Option<bool>,
    /// The place of transcripts and prompt history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

impl ShareOverrides {
    /// Sets how `item` is shared: one of [`SHAREABLE`], one of [`SWITCHES`], or `history`. Returns false
    /// if there is no such item.
    pub fn set(&mut self, item: &str, mode: ShareMode) -> bool {
        let shared = mode == ShareMode::Link;
        match item {
            "memory" => self.memory = Some(shared),
            "plugins" => self.plugins = Some(shared),
            "mcp" => self.mcp = Some(shared),
            "history" => self.history = Some(if shared { History::Profile } else { History::Own }),
            item => match self.link_mut(item) {
                Some(said) => *said = Some(mode),
                None => return false,
            },
        }
        true
    }

    /// Returns true if these settings say anything about `item`.
    pub fn says(&self, item: &str) -> bool {
        match item {
            "memory" => self.memory.is_some(),
            "plugins" => self.plugins.is_some(),
            "mcp" => self.mcp.is_some(),
            "history" => self.history.is_some(),
            item => self.clone().link_mut(item).is_some_and(|said| said.is_some()),
        }
    }

    /// Returns these settings, completed by those of `under` for items that are not set here.
    #[must_use]
    pub fn over(self, under: Self) -> Self {
        Self {
            skills: self.skills.or(under.skills),
            agents: self.agents.or(under.agents),
            commands: self.commands.or(under.commands),
            rules: self.rules.or(under.rules),
            output_styles: self.output_styles.or(under.output_styles),
            claude_md: self.claude_md.or(under.claude_md),
            settings: self.settings.or(under.settings),
            keybindings: self.keybindings.or(under.keybindings),
            memory: self.memory.or(under.memory),
            plugins: self.plugins.or(under.plugins),
            mcp: self.mcp.or(under.mcp),
            history: self.history.or(under.history),
        }
    }

    fn link_mut(&mut self, item: &str) -> Option<&mut Option<ShareMode>> {
        Some(match item {
            "skills" => &mut self.skills,
            "agents" => &mut self.agents,
            "commands" => &mut self.commands,
            "rules" => &mut self.rules,
            "output-styles" => &mut self.output_styles,
            "CLAUDE.md" => &mut self.claude_md,
            "settings.json" => &mut self.settings,
            "keybindings.json" => &mut self.keybindings,
            _ => return None,
        })
    }
}

/// The decision what is shared: every item has an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    links: BTreeMap<&'static str, ShareMode>,
    /// One auto-memory directory per project for all sessions of the profile.
    pub memory: bool,
    /// One plugin directory for all sessions of the profile.
    pub plugins: bool,
    /// MCP servers of the user scope are copied when a session is made.
    pub mcp: bool,
    /// The place of transcripts and prompt history.
    pub history: History,
}

impl Default for Share {
    /// Returns the default: everything that is safe to share is shared; conversations are not.
    fn default() -> Self {
        Self {
            links: SHAREABLE.iter().map(|item| (*item, ShareMode::Link)).collect(),
            memory: true,
            plugins: true,
            mcp: true,
            history: History::Own,
        }
    }
}

impl Share {
    /// Returns the decision of `--bare`: nothing is shared. The login is no part of this: it belongs to
    /// the profile.
    pub fn nothing() -> Self {
        Self {
            links: SHAREABLE.iter().map(|item| (*item, ShareMode::Private)).collect(),
            memory: false,
            plugins: false,
            mcp: false,
            history: History::Own,
        }
    }

    /// Returns this decision, changed by every item that `overrides` sets.
    #[must_use]
    pub fn with(mut self, overrides: &ShareOverrides) -> Self {
        let said = [
            ("skills", overrides.skills),
            ("agents", overrides.agents),
            ("commands", overrides.commands),
            ("rules", overrides.rules),
            ("output-styles", overrides.output_styles),
            ("CLAUDE.md", overrides.claude_md),
            ("settings.json", overrides.settings),
            ("keybindings.json", overrides.keybindings),
        ];
        for (item, mode) in said {
            if let Some(mode) = mode {
                self.links.insert(item, mode);
            }
        }
        self.memory = overrides.memory.unwrap_or(self.memory);
        self.plugins = overrides.plugins.unwrap_or(self.plugins);
        self.mcp = overrides.mcp.unwrap_or(self.mcp);
        self.history = overrides.history.clone().unwrap_or(self.history);
        self
    }

    /// Returns the names of the items that are links, in name order.
    pub fn linked(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.links.iter().filter(|(_, mode)| **mode == ShareMode::Link).map(|(item, _)| *item)
    }

    /// Returns the names of the items that each session has for itself, in name order.
    pub fn private(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.links.iter().filter(|(_, mode)| **mode == ShareMode::Private).map(|(item, _)| *item)
    }

    /// Returns true if `item`, one of [`SHAREABLE`] or of [`SWITCHES`], is shared.
    pub fn shares(&self, item: &str) -> bool {
        match item {
            "memory" => self.memory,
            "plugins" => self.plugins,
            "mcp" => self.mcp,
            item => self.links.get(item) == Some(&ShareMode::Link),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shareable_item_has_a_key_in_the_table_a_person_writes() {
        for item in SHAREABLE {
            let text = format!("\"{item}\" = \"private\"");
            let overrides: ShareOverrides = toml::from_str(&text).expect(item);
            let share = Share::default().with(&overrides);
            assert!(!share.linked().any(|linked| linked == *item), "{item} is still a link");
            assert_eq!(share.linked().count(), SHAREABLE.len() - 1);
        }
    }

    #[test]
    fn every_item_can_be_set_and_is_then_said() {
        for item in SHAREABLE.iter().chain(SWITCHES) {
            let mut overrides = ShareOverrides::default();
            assert!(!overrides.says(item) && overrides.set(item, ShareMode::Private) && overrides.says(item));
            let share = Share::default().with(&overrides);
            assert!(!share.shares(item), "{item}");
            let others = SHAREABLE.iter().chain(SWITCHES).filter(|other| other != &item);
            assert!(others.into_iter().all(|other| share.shares(other)), "{item} is set alone");
            assert_eq!(ShareOverrides::default().over(overrides.clone()), overrides, "{item}");
        }
        let mut overrides = ShareOverrides::default();
        assert!(overrides.set("history", ShareMode::Link));
        assert_eq!(overrides.history, Some(History::Profile));
        assert!(!overrides.set("skils", ShareMode::Link));
    }

    #[test]
    fn later_overrides_win_and_silence_changes_nothing() {
        let off = ShareOverrides { history: Some(History::Profile), ..ShareOverrides::default() };
        let share = Share::default().with(&off).with(&ShareOverrides::default());
        assert!(share.history == History::Profile && share.memory);
    }

    #[test]
    fn history_is_a_switch_or_the_name_of_a_group() {
        let read = |text: &str| toml::from_str::<ShareOverrides>(text).map(|share| share.history);
        assert_eq!(read("history = false"), Ok(Some(History::Own)));
        assert_eq!(read("history = true"), Ok(Some(History::Profile)));
        assert_eq!(read("history = \"team\""), Ok(Some(History::Group(Name::suggest("team")))));
        assert!(read("history = \"../x\"").is_err() && read("history = 1").is_err());
    }

    #[test]
    fn an_unknown_item_is_an_error() {
        assert!(toml::from_str::<ShareOverrides>("skils = \"link\"").is_err());
    }
}

//! The checks of the tour: what it shows of its two sessions, from the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::place::{NAMES, TourPlace};
use crate::model::Result;
use crate::os;
use crate::ui::{self, Align, Table};

/// Returns what the two sessions have, row by row.
pub(super) fn side_by_side(place: &TourPlace, shown: &[Value; 2]) -> Result<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let short = |path: String| path.replace(&*place.root.to_string_lossy(), "…");
    let mut table = Table::new(&[
        ("", Align::Left),
        (NAMES[0], Align::ShrinkFront),
        (NAMES[1], Align::ShrinkFront),
        ("", Align::Left),
    ]);
    let mut row = |label: &str, cells: [String; 2], note: &str| {
        table.row([label.into(), short(cells[0].clone()), short(cells[1].clone()), note.into()], None);
    };
    let environments = [
        place.json(&["env", "--json", NAMES[0]])?["env"].clone(),
        place.json(&["env", "--json", NAMES[1]])?["env"].clone(),
    ];
    let var = |name: &str| environments.each_ref().map(|env| text(&env[name]));
    row("config directory", var("CLAUDE_CONFIG_DIR"), "private");
    let ids = shown.each_ref().map(|one| text(&one["conversations"][0]["id"]));
    row("conversation", ids, "private");
    let configs = shown.each_ref().map(|one| PathBuf::from(text(&one["config_dir"])));
    for item in ["CLAUDE.md", "settings.json", "skills"] {
        let target = |config: &PathBuf| {
            fs::read_link(config.join(item))
                .map_or_else(|_| "-".into(), |target| format!("-> {}", target.display()))
        };
        row(item, configs.each_ref().map(target), "shared");
    }
    row("login", var("CLAUDE_SECURESTORAGE_CONFIG_DIR"), "shared: one login, one refresh");
    Ok(table.render(ui::width().map(|width| width.saturating_sub(2)).or(Some(118)), false))
}

/// Returns the promises, each with whether the disk keeps it.
pub(super) fn check(
    place: &TourPlace,
    shown: &[Value; 2],
    before: &BTreeMap<PathBuf, String>,
) -> Result<Vec<(&'static str, bool)>> {
    let configs = shown.each_ref().map(|one| PathBuf::from(one["config_dir"].as_str().unwrap_or_default()));
    let words = |config: &Path| -> [bool; 2] {
        let mut all = String::new();
        for path in fingerprint(config).keys().filter(|path| path.starts_with("projects")) {
            all.push_str(&fs::read_to_string(config.join(path)).unwrap_or_default());
        }
        NAMES.map(|name| all.contains(&format!("the word is {name}")))
    };
    let [red, blue] = configs.each_ref().map(|config| words(config));
    let stores = [place.json(&["env", "--json", NAMES[0]])?, place.json(&["env", "--json", NAMES[1]])?];
    let stores = stores.map(|env| env["env"]["CLAUDE_SECURESTORAGE_CONFIG_DIR"].clone());
    let linked = |item: &str| {
        let real = configs.each_ref().map(|config| os::real_path(&config.join(item)).ok());
        real[0].is_some() && real[0] == real[1]
    };
    let conversations = shown.each_ref().map(|one| one["conversations"].as_array().map_or(0, Vec::len));
    Ok(vec![
        (
            "each session has a config directory of its own",
            configs[0] != configs[1] && configs.iter().all(|one| os::is_dir(one)),
        ),
        (
            "what was said in one is in its own transcript and not in the other's",
            red == [true, false] && blue == [false, true],
        ),
        ("the resumed session went on in the same conversation", conversations == [1, 1]),
        (
            "skills, settings and CLAUDE.md are the same ones",
            ["skills", "settings.json", "CLAUDE.md"].into_iter().all(linked),
        ),
        (
            "both use one login store, and neither holds a credential",
            stores[0] == stores[1]
                && stores[0].is_string()
                && configs.iter().all(|config| !os::exists(&config.join(".credentials.json"))),
        ),
        (
            "~/.claude is exactly as it was",
            fingerprint(&place.home().join(".claude")) == *before
                && !os::exists(&place.home().join(".claude.json")),
        ),
    ])
}

/// Returns every entry below `root` with its content, or its target where it is a link.
pub(super) fn fingerprint(root: &Path) -> BTreeMap<PathBuf, String> {
    fn walk(root: &Path, directory: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for path in os::entries_of(directory).unwrap_or_default() {
            let content = match fs::read_link(&path) {
                Ok(target) => format!("-> {}", target.display()),
                Err(_) => fs::read(&path)
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                    .unwrap_or_default(),
            };
            let relative = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            found.insert(relative, content);
            if os::is_dir(&path) {
                walk(root, &path, found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

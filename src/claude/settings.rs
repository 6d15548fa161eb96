//! Settings that a session is given on its command line: `--settings` is merged with the files, and
//! touches none of them.
//!
//! See docs/decisions/004-nothing-is-written-to-the-users-own-claude-directory.md

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Returns the settings for a session: the base `~/.claude` must not leak into it because its directory
/// lies below the home directory, and memory of the project is shared if that is wanted.
///
/// Claude reads `CLAUDE.md` and rules from `.claude` in every directory above the working one, so
/// the base ones reach every project below the home directory. It matches the exclusion of a
/// `CLAUDE.md` by the path it was found under, so a session's link to the base file is still read,
/// once; but that of rules by their real path, so `base_rules`, true where the session's rules *are*
/// the base ones, leaves them in: they too are read once (2.1.197 and 2.1.329, by experiment).
///
/// `status_line` is the command of a status line, where the session is to have one of ours. What is
/// given on the command line goes before those of every file but a managed one (2.1.329, by
/// experiment), so only who has looked that there is no other one gives it.
pub fn injected(home: &Path, base_rules: bool, memory: Option<&Path>, status_line: Option<&str>) -> Value {
    let base = glob_literal(&home.join(".claude").to_string_lossy());
    let mut excludes = vec![format!("{base}/CLAUDE.md")];
    if !base_rules {
        excludes.push(format!("{base}/rules/**"));
    }
    let mut settings = Map::new();
    settings.insert("claudeMdExcludes".into(), json!(excludes));
    if let Some(memory) = memory {
        settings.insert("autoMemoryDirectory".into(), Value::String(memory.to_string_lossy().into_owned()));
    }
    if let Some(command) = status_line {
        settings.insert("statusLine".into(), json!({"type": "command", "command": command, "padding": 0}));
    }
    Value::Object(settings)
}

/// Returns `settings` with a hook that runs `command` when Claude, or a conversation in it, ends. Hooks
/// given by `--settings` run beside those of the settings files (2.1.197 and 2.1.329, by experiment).
pub(super) fn with_end_hook(mut settings: Value, command: &str) -> Value {
    if let Value::Object(settings) = &mut settings {
        // Claude cuts its hooks off at its end; this one only starts something.
        let hook = json!({"type": "command", "command": command, "timeout": 5});
        settings.insert("hooks".into(), json!({"SessionEnd": [{"hooks": [hook]}]}));
    }
    settings
}

/// Returns true if the settings in `text` have a status line. Text that names one and is no JSON counts:
/// it may be half-written.
pub fn has_status_line(text: &[u8]) -> bool {
    let named = text.windows(12).any(|window| window == b"\"statusLine\"");
    named
        && match serde_json::from_slice::<Value>(text) {
            Ok(settings) => settings.get("statusLine").is_some_and(|line| !line.is_null()),
            Err(_) => true,
        }
}

/// Returns the paths of the settings files for a project, for a Claude started in `directory`: the one
/// that is shared with whoever has the project, and the one that is not. Those in directories above it
/// are not read (2.1.329, by experiment).
pub fn project_settings(directory: &Path) -> [PathBuf; 2] {
    ["settings.json", "settings.local.json"].map(|name| directory.join(".claude").join(name))
}

/// Returns `ours` with the settings of a person on top: objects are merged key by key, `claudeMdExcludes` and the
/// hooks for each event joined, everything else is theirs. `None` if ours are no object.
pub(super) fn merged_settings(ours: &Value, theirs: Map<String, Value>) -> Option<Value> {
    let mut merged = ours.as_object()?.clone();
    for (key, value) in theirs {
        match (merged.get_mut(&key), value) {
            (Some(Value::Array(ours)), Value::Array(mut more)) if key == "claudeMdExcludes" => {
                ours.append(&mut more);
            }
            (Some(Value::Object(ours)), Value::Object(more)) if key == "hooks" => join_hooks(ours, more),
            (_, value) => {
                merged.insert(key, value);
            }
        }
    }
    Some(Value::Object(merged))
}

/// Returns true if what Claude tells its `SessionEnd` hook, `said`, is that it ends. `/clear` and `/resume` end a
/// conversation only.
pub fn is_ending(said: &[u8]) -> bool {
    let about: Value = serde_json::from_slice(said).unwrap_or_default();
    !matches!(about.get("reason").and_then(Value::as_str), Some("clear" | "resume"))
}

/// Returns settings that stand in a file in `directory` such that they mean the same in any other: the paths in them
/// that Claude reads from the directory of their file on are absolute, as Claude writes those (`//`).
///
/// Those are a rule for files that begins with a slash, and a path for the sandbox of commands that begins with none
/// (2.1.329, by experiment: a rule `Read(/data/**)` in `conf/x.json` is about `conf/data`). Nothing is allowed more
/// than before: where the directory's name has a meaning in a rule, one that allows is left as it is, and so is about
/// nothing. On Windows all is left as it is.
pub(super) fn rooted(mut settings: Map<String, Value>, directory: &Path) -> Map<String, Value> {
    let Some(directory) = directory.to_str().filter(|path| path.starts_with('/')) else { return settings };
    let plain = directory.trim_end_matches('/');
    let literal = glob_literal(plain);
    if let Some(Value::Object(permissions)) = settings.get_mut("permissions") {
        for list in ["allow", "ask", "deny"] {
            if list == "allow" && literal != plain {
                continue;
            }
            each_text(permissions.get_mut(list), |rule| {
                let (tool, path) = rule.strip_suffix(')')?.split_once('(')?;
                let is_from_the_file = path.starts_with('/') && !path.starts_with("//");
                (FILE_TOOLS.contains(&tool) && is_from_the_file).then(|| format!("{tool}(/{literal}{path})"))
            });
        }
    }
    if let Some(Value::Object(files)) =
        settings.get_mut("sandbox").and_then(|sandbox| sandbox.get_mut("filesystem"))
    {
        for list in ["allowRead", "allowWrite", "denyRead", "denyWrite"] {
            each_text(files.get_mut(list), |path| {
                let is_from_the_file = !path.is_empty() && !path.starts_with(['/', '~']);
                let path = path.strip_prefix("./").unwrap_or(path);
                is_from_the_file.then(|| format!("/{plain}/{path}"))
            });
        }
    }
    settings
}

/// The tools whose rules are about paths.
const FILE_TOOLS: &[&str] =
    &["Edit", "Glob", "Grep", "LS", "MultiEdit", "NotebookEdit", "NotebookRead", "Read", "Write"];

/// Has `change` say what each text in a list becomes; `None` leaves it.
fn each_text(list: Option<&mut Value>, change: impl Fn(&str) -> Option<String>) {
    for item in list.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(changed) = item.as_str().and_then(&change) {
            *item = Value::String(changed);
        }
    }
}

/// Adds the hooks `more` to `ours`, event by event.
fn join_hooks(ours: &mut Map<String, Value>, more: Map<String, Value>) {
    for (event, hooks) in more {
        match (ours.get_mut(&event), hooks) {
            (Some(Value::Array(ours)), Value::Array(mut more)) => ours.append(&mut more),
            (_, hooks) => {
                ours.insert(event, hooks);
            }
        }
    }
}

/// Returns a path as a glob. A backslash does not take the meaning from every special character in
/// Claude's globs, so each is a `?`, which matches itself (2.1.197 and 2.1.329, by experiment).
fn glob_literal(path: &str) -> String {
    const SPECIAL: &str = "*?[]{}()!+@|";
    let special = |c: char| SPECIAL.contains(c) || (c == '\\' && !cfg!(windows));
    path.chars().map(|c| if special(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).expect("an object")
    }

    #[test]
    fn a_persons_settings_win_but_cannot_let_the_base_memory_in() {
        let ours = injected(Path::new("/home/me"), false, Some(Path::new("/m")), None);
        let theirs = r#"{"claudeMdExcludes":["x"],"autoMemoryDirectory":"/n","model":"opus"}"#;
        let merged = merged_settings(&ours, object(theirs));
        assert_eq!(
            merged,
            Some(
                json!({"claudeMdExcludes":["/home/me/.claude/CLAUDE.md","/home/me/.claude/rules/**","x"],"autoMemoryDirectory":"/n","model":"opus"})
            )
        );
    }

    #[test]
    fn a_persons_hooks_run_beside_ours() {
        let ours = with_end_hook(json!({"claudeMdExcludes": []}), "'/a b/cs' __ended '/data' id");
        let theirs =
            r#"{"hooks":{"SessionEnd":[{"hooks":[{"type":"command","command":"theirs"}]}],"Stop":[1]}}"#;
        let merged = merged_settings(&ours, object(theirs)).expect("both are objects");
        let ends = merged["hooks"]["SessionEnd"].as_array().expect("hooks");
        assert_eq!(ends[0]["hooks"][0]["command"], "'/a b/cs' __ended '/data' id");
        assert_eq!((&ends[1]["hooks"][0]["command"], ends.len()), (&json!("theirs"), 2));
        assert_eq!(merged["hooks"]["Stop"], json!([1]));
        // Where theirs are no hooks at all, Claude says what is wrong with them.
        let merged = merged_settings(&ours, object(r#"{"hooks":7}"#));
        assert_eq!(merged.map(|all| all["hooks"].clone()), Some(json!(7)));
    }

    #[test]
    fn a_conversation_that_ends_is_not_the_end_of_claude() {
        for (said, ends) in [
            (&br#"{"reason":"clear"}"#[..], false),
            (br#"{"reason":"resume"}"#, false),
            (br#"{"reason":"prompt_input_exit"}"#, true),
            (b"", true),
            (br#"{"reason":"#, true),
        ] {
            assert_eq!(is_ending(said), ends, "{}", String::from_utf8_lossy(said));
        }
    }

    #[test]
    fn a_persons_status_line_goes_before_ours() {
        let ours = injected(Path::new("/home/me"), true, None, Some("'/bin/cs' statusline"));
        assert_eq!(
            ours["statusLine"],
            json!({"type": "command", "command": "'/bin/cs' statusline", "padding": 0})
        );
        let theirs = r#"{"statusLine":{"type":"command","command":"mine"}}"#;
        let merged = merged_settings(&ours, object(theirs)).expect("an object");
        assert_eq!(merged["statusLine"], json!({"type": "command", "command": "mine"}));
        assert_eq!(injected(Path::new("/home/me"), true, None, None).get("statusLine"), None);
    }

    #[test]
    fn a_status_line_is_found_where_it_is_set_and_nowhere_else() {
        for (text, has) in [
            (&b""[..], false),
            (b"{}", false),
            (br#"{"statusLine":{"type":"command","command":"x"}}"#, true),
            (br#"{"statusLine":null}"#, false),
            (br#"{"env":{"X":"\"statusLine\""}}"#, false),
            (br#"{"hooks":{"statusLine":1}}"#, false),
            (br#"{"statusLine":{"type":"#, true),
        ] {
            assert_eq!(has_status_line(text), has, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_home_with_special_characters_is_still_excluded() {
        let settings = injected(Path::new("/home/a[b] (c)"), true, None, None);
        assert_eq!(settings, json!({"claudeMdExcludes": ["/home/a?b? ?c?/.claude/CLAUDE.md"]}));
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_meant_from_a_file_stay_what_they_are_in_another() {
        let theirs = object(
            r#"{"permissions":{"deny":["Read(/secrets/**)","Read(//etc/x)","Read(src/**)","Bash(/usr/bin/x:*)",7],
                "allow":["Edit(/out/**)","Read(~/x)"],"ask":["Write(/a(b)/c)"],"defaultMode":"plan"},
                "sandbox":{"filesystem":{"allowWrite":["./out","tmp","/abs","~/x",""],"denyRead":["../k"]}},"model":"opus"}"#,
        );
        let meant = |directory: &str| Value::Object(rooted(theirs.clone(), Path::new(directory)));
        let expected = json!({
            "permissions": {
                "deny": ["Read(//home/me/conf/secrets/**)", "Read(//etc/x)", "Read(src/**)", "Bash(/usr/bin/x:*)", 7],
                "allow": ["Edit(//home/me/conf/out/**)", "Read(~/x)"],
                "ask": ["Write(//home/me/conf/a(b)/c)"],
                "defaultMode": "plan",
            },
            "sandbox": {"filesystem": {
                "allowWrite": ["//home/me/conf/out", "//home/me/conf/tmp", "/abs", "~/x", ""],
                "denyRead": ["//home/me/conf/../k"],
            }},
            "model": "opus",
        });
        assert_eq!(meant("/home/me/conf"), expected);
        assert_eq!(meant("/")["permissions"]["deny"][0], "Read(//secrets/**)");
        assert_eq!(meant("")["permissions"], Value::Object(theirs.clone())["permissions"]);
        // A name with a meaning in rules may deny more, and allows nothing.
        let odd = meant("/home/a[b]");
        assert_eq!(odd["permissions"]["deny"][0], "Read(//home/a?b?/secrets/**)");
        assert_eq!(odd["permissions"]["allow"][0], "Edit(/out/**)");
        for odd in [
            r#"{"permissions":[],"sandbox":1}"#,
            r#"{"permissions":{"deny":"x"},"sandbox":{"filesystem":[]}}"#,
        ] {
            assert_eq!(
                rooted(object(odd), Path::new("/c")),
                object(odd),
                "Claude says what is wrong with it"
            );
        }
    }
}

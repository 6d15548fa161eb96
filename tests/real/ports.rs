//! What a session has for the programs of a project reaches whatever Claude starts for it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::stage::{MAY_RUN, Stage, end, until};
use crate::support::skipped;
use crate::support::world::ran;

/// What the programs are asked for: ports and names of the session, what the settings set, and what the
/// repository calls a port.
const WANTED: &[&str] =
    &["CS_PORT", "CS_PORT_9", "CS_SLUG", "CS_SESSION", "SERVER_PORT", "DATABASE", "WEB_PORT"];

/// An MCP server that says which of these it was given.
const SERVER: &str = r#"#!/bin/sh
while IFS= read -r line; do
    id=$(printf '%s\n' "$line" | sed -n 's/.*"id":\([0-9][0-9]*\).*/\1/p')
    case $line in
    *'"method":"initialize"'*)
        result='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"probe","version":"1"}}' ;;
    *'"method":"tools/list"'*)
        result='{"tools":[{"name":"environment","description":"says it","inputSchema":{"type":"object","properties":{}}}]}' ;;
    *'"method":"tools/call"'*)
        result="{\"content\":[{\"type\":\"text\",\"text\":\"$SAID\"}]}" ;;
    *) result='{}' ;;
    esac
    [ -z "$id" ] || printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
"#;

/// `NAME=value` of each wanted variable, in a line, in sh.
fn said() -> String {
    let each: Vec<String> = WANTED.iter().map(|name| format!("{name}=${name}")).collect();
    each.join(" ")
}

/// A project with a hook, an MCP server and a `.cs.toml`, that is trusted and allowed, and settings with an
/// `[env]`.
fn project(stage: &Stage) -> std::path::PathBuf {
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let server = stage.root().join("server");
    fs::write(&server, SERVER.replacen("while", &format!("SAID=\"{}\"\nwhile", said()), 1)).unwrap();
    fs::set_permissions(&server, fs::Permissions::from_mode(0o755)).unwrap();
    let hook = format!("echo \"{}\" > '{}'/hook-$CS_SLUG", said(), stage.root().display());
    let settings = json!({
        "hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": hook}]}]},
        "enableAllProjectMcpServers": true,
    });
    fs::create_dir_all(project.join(".claude")).unwrap();
    fs::write(project.join(".claude/settings.json"), settings.to_string()).unwrap();
    let servers = json!({"mcpServers": {"probe": {"command": server, "args": []}}});
    fs::write(project.join(".mcp.json"), servers.to_string()).unwrap();
    fs::write(project.join(".cs.toml"), "[env]\nWEB_PORT = \"CS_PORT_1\"\n").unwrap();
    stage.settings("", "SERVER_PORT = \"${CS_PORT}\"\nDATABASE = \"db_${CS_SLUG}\"");
    let _ = stage.cs_in(&project, &["allow"]).ok();
    project
}

/// What a session's programs are to be given, as one line.
fn expected(stage: &Stage, name: &str) -> String {
    let shown: Value = stage.show(name);
    let (port, slug) = (shown["ports"]["first"].as_u64().unwrap(), shown["slug"].as_str().unwrap());
    let values: BTreeMap<&str, String> = [
        ("CS_PORT", port.to_string()),
        ("CS_PORT_9", (port + 9).to_string()),
        ("CS_SLUG", slug.to_owned()),
        ("CS_SESSION", name.to_owned()),
        ("SERVER_PORT", port.to_string()),
        ("DATABASE", format!("db_{slug}")),
        ("WEB_PORT", (port + 1).to_string()),
    ]
    .into();
    let each: Vec<String> = WANTED.iter().map(|name| format!("{name}={}", values[name])).collect();
    each.join(" ")
}

fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.ends_with('\n').then(|| text.trim_end().to_owned())
}

#[test]
fn ports_and_names_reach_commands_hooks_and_mcp_servers_of_two_sessions_at_once() {
    let Some(stage) = Stage::set() else { return };
    let project = project(&stage);
    let tools = ["--permission-mode", "default", "--allowedTools", "Bash,mcp__probe__environment"];
    let names = ["my-red", "my-blue"];
    let run = |prompt: &str| {
        let open = |name: &&str| stage.begin(&project, &[&[*name, "-p", prompt], &tools[..]].concat());
        let begun: Vec<_> = names.iter().map(open).collect();
        begun.into_iter().map(|child| end(child).ok()).collect::<Vec<String>>()
    };
    let file = |name: &str, what: &str| stage.root().join(format!("{what}-{}", name.replace('-', "_")));
    run(&format!("RUN:echo \"{}\" > '{}'/bash-$CS_SLUG", said(), stage.root().display()));
    for name in names {
        for what in ["bash", "hook"] {
            assert_eq!(read(&file(name, what)), Some(expected(&stage, name)), "{what} in {name}");
        }
    }
    run("TOOL:mcp__probe__environment {}");
    for name in names {
        let answered = stage.api.bodies_containing(&expected(&stage, name));
        assert!(
            !answered.is_empty(),
            "an MCP server in {name}: {:?}",
            stage.api.bodies_containing("tool_result")
        );
    }
    assert_ne!(expected(&stage, names[0]), expected(&stage, names[1]));
    // The control: what nobody gave it is not there.
    let mut plain =
        stage.plain_claude(&project, &[&["-p", "TOOL:mcp__probe__environment {}"], &tools[..]].concat());
    let _ = ran(&mut plain).ok();
    let nothing: Vec<String> = WANTED.iter().map(|name| format!("{name}=")).collect();
    assert!(!stage.api.bodies_containing(&nothing.join(" ")).is_empty());
}

/// Ends the daemons of sessions, whatever happens.
struct Daemons<'s>(&'s Stage, [&'static str; 2]);

impl Drop for Daemons<'_> {
    fn drop(&mut self) {
        for name in self.1 {
            let _ = self.0.cs(&[name, "daemon", "stop", "--any"]);
        }
    }
}

#[test]
fn jobs_in_the_background_have_the_ports_of_the_session_that_began_them() {
    let Some(stage) = Stage::set() else { return };
    let version = ran(&mut stage.any_command(stage.claude.program(), stage.root(), &["--version"]));
    if version.ok().starts_with("2.1.1") {
        return skipped("this Claude Code has no daemon");
    }
    let project = project(&stage);
    let names = ["my-red", "my-blue"];
    let _daemons = Daemons(&stage, names);
    let file = |name: &str, what: &str| stage.root().join(format!("{what}-{}", name.replace('-', "_")));
    let root = stage.root().display();
    let words = format!("RUN:echo \"{}\" > '{root}'/job-$CS_SLUG", said());
    for name in names {
        let _ = stage.cs_in(&project, &[&[name, "--bg", &words], MAY_RUN].concat()).ok();
    }
    for name in names {
        let given = until(&format!("the job of {name}"), || read(&file(name, "job")));
        assert_eq!(given, expected(&stage, name));
        assert_eq!(read(&file(name, "hook")), Some(expected(&stage, name)), "a hook in {name}");
    }
}

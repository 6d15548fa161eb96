//! The same in PowerShell, where there is one: what is in use, left, and bound.

use std::fs;

use crate::shells::add_cs;
use crate::support::optional;
use crate::support::world::{World, ran};

const SCRIPT: &str = r"
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
function global:Save-Environment($File) {
    Get-ChildItem Env: | Sort-Object -Property Name | ForEach-Object { '' + $_.Name + '=' + $_.Value } | Set-Content -LiteralPath $File
}
1..3 | ForEach-Object { Invoke-Expression (& cs init powershell | Out-String) }
Save-Environment e0
cs use api
Save-Environment e1
cs use web
cs use -
cs off
Save-Environment e2
claude plain 'two  words'
cs use api
claude -p x
cs off
cs use --help | Select-Object -First 1
cs use nosuch
'status ' + $LASTEXITCODE
cs cd api
(Get-Location).ProviderPath
prompt | Out-Null
'outside ' + [string]$Env:CS_PROFILE
Set-Location -LiteralPath $Env:BOUND
prompt | Out-Null
'inside ' + [string]$Env:CS_PROFILE
Set-Location -LiteralPath $HOME
prompt | Out-Null
Save-Environment e3
";

#[test]
fn powershell_uses_leaves_and_follows_a_binding_under_strict_mode() {
    let Some(pwsh) = optional("pwsh") else { return };
    let mut world = World::with_fake_claude();
    add_cs(&world);
    let place = world.project("api");
    world.cs_in(&place, &["--no-open", "api"]).code.unwrap();
    world.cs(&["--no-open", "web"]).code.unwrap();
    world.cs(&["profile", "create", "work"]).code.unwrap();
    let bound = world.project("work");
    world.cs_in(&bound, &["bind", "work"]).ok();
    world.set("BOUND", &bound);
    world.set("ANTHROPIC_API_KEY", "it's $x `y` \"z\" caf\u{e9} \u{2019}");
    let script = world.write("script.ps1", SCRIPT);
    let arguments = ["-NoProfile", "-NonInteractive", "-File", script.to_str().unwrap()];
    let ran = ran(&mut world.any_command(&pwsh, &world.home(), &arguments));
    let said = ran.stderr.clone();
    let printed = ran.ok();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines[1..],
        ["status 4", place.to_str().unwrap(), "outside ", "inside work"],
        "{printed}\n{said}"
    );
    let read = |name: &str| fs::read_to_string(world.home().join(name)).unwrap();
    assert_eq!(read("e0"), read("e2"), "{said}");
    assert_eq!(read("e0"), read("e3"), "{said}");
    assert!(read("e1").contains("CS_SESSION=api"), "{said}");
    assert!(!read("e1").contains("ANTHROPIC_API_KEY="), "{said}");
    let port = world.show("api")["ports"]["first"].to_string();
    assert!(read("e1").contains(&format!("CS_PORT={port}\n")), "{said}");
    let starts = world.starts();
    assert_eq!(starts[0].args, ["plain", "two  words"]);
    assert_eq!((starts[1].flag("-n"), starts[1].flag("-p")), (Some("api"), Some("x")));
}

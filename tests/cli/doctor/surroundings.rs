//! What is wrong around `cs`: the environment, the shell, other programs of its name.

use std::fs;
use std::os::unix::fs::symlink;

use super::cases::{Case, advice, each, problem};
use super::healthy;
use crate::support::tmux::Tmux;
use crate::support::world::World;

const AROUND: &[Case] = &[
    advice("environment-credential", "", |world| world.set("ANTHROPIC_API_KEY", "canary")),
    advice("environment-config-dir", "", |world| {
        world.set("CLAUDE_CONFIG_DIR", world.home().join("elsewhere"));
    }),
    advice("environment-child", "", |world| world.set("CLAUDE_CODE_CHILD_SESSION", "1")),
    problem("function-old", "", |world| world.set("CS_SHELL", "bash:0:1:cs")),
    advice("cs-elsewhere", "", |world| world.program("cs", "#!/bin/sh\n")),
    problem("shim-outdated", "", |world| {
        let shim = world.data().join("shim/claude");
        fs::remove_file(&shim).unwrap();
        symlink("/nowhere/cs", shim).unwrap();
    }),
];

#[test]
fn what_is_wrong_around_is_found_as_itself() {
    each(AROUND);
}

#[test]
fn at_a_terminal_the_function_of_the_shell_is_missed() {
    if !Tmux::available() {
        return;
    }
    let world = healthy();
    let screen = || {
        let words = ["sh", "-c", "\"$0\" doctor; echo ended $?; sleep 60"];
        let program = World::cs_program();
        let argv = [&words[..], &[program.to_str().unwrap()]].concat();
        let tmux = Tmux::start(&argv, &world.home(), world.environment());
        tmux.wait_for("ended", std::time::Duration::from_secs(20))
    };
    let text = screen();
    assert!(text.contains("(start-up-missing)") && text.contains("cs init bash --install"), "{text}");
    world.write(".bash_profile", "command -v cs >/dev/null && eval \"$(cs init bash)\"\n");
    let text = screen();
    assert!(text.contains("(function-missing)") && text.contains("ended 0"), "{text}");
}

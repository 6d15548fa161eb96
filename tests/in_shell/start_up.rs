//! `cs init` as a start-up file has it: what fails in it, `--install`, `--uninstall`, and prompts.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::shells::{add_cs, everywhere, in_plain_shells};
use crate::support::world::{World, listing, ran};

#[test]
fn init_that_cannot_do_it_says_why_and_leaves_the_shell_as_it_is() {
    everywhere(|sh, world| {
        for (arguments, why) in [
            ("tcsh", "'tcsh' is no shell that is supported: bash, zsh, fish, powershell are"),
            ("elvish", "'elvish' is no shell that is supported"),
            ("nushell", "nushell is not supported yet: bash, zsh, fish, powershell are"),
            ("", "which shell? bash, zsh, fish, powershell"),
            ("bash --cmd 'a b'", "'a b' is no name for a shell function"),
            ("zsh --cmd if", "'if' means something else in a shell"),
            ("bash --frobnicate", "unexpected argument '--frobnicate' found"),
            ("fish --yes", "--yes and --dry-run go with --install or --uninstall"),
        ] {
            let line = match sh.name {
                "fish" => format!("command cs init {arguments} | source"),
                _ => format!("eval \"$(\\cs init {arguments})\""),
            };
            let ran = sh.run_text(world, &world.home(), &format!("{line}\necho reached\n"));
            assert!(ran.stderr.contains(why), "{}: {arguments}: {}", sh.what, ran.stderr);
            assert_eq!(ran.stderr.lines().next().map(|line| line.starts_with("cs: ")), Some(true));
            assert_eq!(ran.ok(), "reached\n", "{}: {arguments}", sh.what);
        }
        let ran = world.cs(&["init", "bash", "--frobnicate"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), "# cs: nothing was set up\n"));
    });
}

#[test]
fn init_makes_nothing_and_starts_nothing() {
    let world = World::new();
    let before = listing(world.root());
    for shell in ["bash", "zsh", "fish", "powershell", "pwsh", "BASH"] {
        world.cs(&["init", shell]).ok();
        world.cs(&["init", shell, "--no-aliases", "--no-hook", "--no-wrap", "--no-completion"]).ok();
    }
    assert_eq!(listing(world.root()), before);
}

/// The start-up file of each shell, below the home directory, and the line for it.
const FILES: [(&str, &str, &str); 3] = [
    ("bash", ".bashrc", "eval \"$(cs init bash)\""),
    ("zsh", ".zshrc", "eval \"$(cs init zsh)\""),
    ("fish", ".config/fish/config.fish", "cs init fish | source"),
];

#[test]
fn the_line_goes_in_once_and_comes_out_to_the_byte() {
    for (shell, file, line) in FILES {
        for before in [Some("# mine\nexport A=1\n"), Some("no end"), Some(""), None] {
            let world = World::new();
            add_cs(&world);
            let path = world.home().join(file);
            if let Some(before) = before {
                world.write(file, before);
                fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            }
            let start = listing(&world.home());
            let shown = world.cs(&["init", shell, "--install", "--dry-run"]).ok();
            assert!(shown.contains(&format!("\n+{line}\n")) && shown.starts_with("--- "), "{shown}");
            assert_eq!(listing(&world.home()), start, "{shell}: a dry run changed something");

            let said = world.cs(&["init", shell, "--install"]).fails(2);
            assert!(said.contains("there is nobody to ask") && said.contains("--yes"), "{said}");
            assert_eq!(listing(&world.home()), start, "{shell}: nobody agreed");

            world.cs(&["init", shell, "--install", "--yes"]).ok();
            let text = fs::read_to_string(&path).unwrap();
            let before_text = before.unwrap_or_default();
            assert_eq!(
                text.trim_end().strip_prefix(before_text.trim_end()).map(str::trim),
                Some(line),
                "{text:?}"
            );
            let again = world.cs(&["init", shell, "--install", "--yes"]);
            assert!(again.stderr.contains("the line is already there"), "{}", again.stderr);
            again.ok();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);

            let shown = world.cs(&["init", shell, "--uninstall", "--dry-run"]).ok();
            assert!(shown.contains(&format!("\n-{line}\n")), "{shown}");
            world.cs(&["init", shell, "--uninstall", "-y"]).ok();
            assert_eq!(fs::read_to_string(&path).unwrap(), before_text, "{shell}");
            if before.is_some() {
                assert_eq!(listing(&world.home()), start, "{shell}: also its mode");
            }
            let none = world.cs(&["init", shell, "--uninstall", "-y"]);
            assert!(none.stderr.contains("there is no line of cs"), "{}", none.stderr);
            none.ok();
        }
    }
}

#[test]
fn a_start_up_file_that_is_a_link_stays_one() {
    let world = World::new();
    add_cs(&world);
    let kept = world.write("dotfiles/bashrc", "# kept elsewhere\n");
    symlink("dotfiles/bashrc", world.home().join(".bashrc")).unwrap();
    world.cs(&["init", "bash", "--install", "--yes"]).ok();
    assert!(world.home().join(".bashrc").is_symlink());
    assert_eq!(fs::read_to_string(kept).unwrap(), "# kept elsewhere\neval \"$(cs init bash)\"\n");
}

#[test]
fn the_shell_is_that_of_the_login_where_none_is_named_and_options_go_along() {
    let mut world = World::new();
    add_cs(&world);
    world.set("SHELL", "/usr/bin/zsh");
    world.set("ZDOTDIR", world.home().join("zsh dir"));
    world.cs(&["init", "--install", "-y", "--cmd", "ccs", "--no-hook", "--no-wrap"]).ok();
    let text = fs::read_to_string(world.home().join("zsh dir/.zshrc")).unwrap();
    assert_eq!(text, "eval \"$(cs init zsh --cmd ccs --no-hook --no-wrap)\"\n");
    world.cs(&["init", "--uninstall", "-y"]).ok();
    assert_eq!(fs::read_to_string(world.home().join("zsh dir/.zshrc")).unwrap(), "");
    world.set("SHELL", "/bin/tcsh");
    let said = world.cs(&["init", "--install", "-y"]).fails(2);
    assert!(said.contains("which shell?"), "{said}");
    let said = world.cs(&["init", "bash", "--install", "-y", "--cmd", "if"]).fails(2);
    assert!(said.contains("means something else"), "{said}");
}

#[test]
fn what_was_installed_works_in_a_new_shell_even_from_a_path_that_needs_quotes() {
    in_plain_shells(|sh, world| {
        // The program is not on the PATH, so the line has to name it.
        let place = world.root().join("it's a \"$HOME\" place");
        fs::create_dir_all(&place).unwrap();
        let program = place.join("cs");
        fs::copy(World::cs_program(), &program).unwrap();
        fs::remove_file(world.bin().join("cs")).unwrap();
        world.set("CS_HOME", world.root().join("data"));
        let mut install = world.any_command(&program, &world.home(), &["init", sh.name, "--install", "-y"]);
        ran(&mut install).ok();
        let flags: &[&str] = match sh.name {
            "fish" => &["-c"],
            _ => &["-i", "-c"],
        };
        let shell = crate::support::needed(sh.name).unwrap();
        let arguments = [flags, &["cs --no-open api; cs use api; printenv CS_SESSION"]].concat();
        let ran = ran(world.any_command(&shell, &world.home(), &arguments).env("TERM", "dumb"));
        let said = ran.stderr.clone();
        assert_eq!(ran.ok(), "api\n", "{}: {said}", sh.what);
    });
}

#[test]
fn the_pieces_for_a_prompt_show_what_is_in_use_and_start_nothing() {
    in_plain_shells(|sh, world| {
        world.cs(&["--no-open", "api"]).code.unwrap();
        let piece = world.write("piece", &world.cs(&["prompt", sh.name]).ok());
        let (before, show) = match sh.name {
            // What these shells do with a prompt each time.
            "bash" => ("PS1='$ '", "echo \"${PS1@P}\""),
            "zsh" => ("PROMPT='$ '", "print -P -- \"$PROMPT\""),
            _ => ("function fish_prompt; printf '%s$ ' $status; end", "fish_prompt; echo"),
        };
        let piece = piece.display();
        let body = format!(
            "{before}\n. {piece}\n. {piece}\n{show}\ncs use api\n{show}\ncs use default\n{show}\ncs off\n{show}\n"
        );
        let ran = sh.run(world, &world.home(), &body);
        let said = ran.stderr.clone();
        let zero = if sh.name == "fish" { "0$ " } else { "$ " };
        let expected = format!("{zero}\n[api] {zero}\n[default] {zero}\n{zero}\n");
        assert_eq!(ran.ok(), expected, "{}: {said}", sh.what);
    });
    let world = World::new();
    for prompt in ["powershell", "starship", "p10k"] {
        assert!(world.cs(&["prompt", prompt]).ok().contains("CS_SESSION"), "{prompt}");
    }
    let starship: toml::Table = world.cs(&["prompt", "starship"]).ok().parse().unwrap();
    assert!(starship["env_var"]["CS_PROFILE"]["format"].is_str());
}

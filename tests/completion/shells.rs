//! Tab in real shells: what a person sees, and what is on the command line then.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use claude_cs::shell::{InitOptions, Shell};

use crate::support::tmux::Tmux;
use crate::support::world::World;
use crate::support::{needed, optional, tools::shown};
use crate::world;

const SOON: Duration = Duration::from_secs(60);

/// A user's machine, with `cs` at a path that has to be quoted, and names of files with blanks.
struct Place {
    world: World,
}

impl Place {
    fn new() -> Self {
        let world = world();
        let odd = world.root().join("it's a $HOME");
        fs::create_dir(&odd).unwrap();
        std::os::unix::fs::symlink(World::cs_program(), odd.join("cs")).unwrap();
        fs::create_dir(world.home().join("my dir")).unwrap();
        fs::write(world.home().join("my dir/a file"), "").unwrap();
        world.program("frobnicate", "#!/bin/sh\n");
        Self { world }
    }

    /// What `cs init` prints, in a file: the line that reads it.
    fn init(&self, shell: Shell, cmd: &str) -> String {
        let program = self.world.root().join("it's a $HOME/cs");
        let options =
            InitOptions { cmd, aliases: true, hook: false, wrap: false, completion: true, program: &program };
        let file = self.world.write(&format!("init.{}", shell.name()), &shell.init(&options).unwrap());
        match shell {
            Shell::Fish => format!("source {}", file.display()),
            _ => format!("eval \"$(cat {})\"", file.display()),
        }
    }

    /// Somebody at a shell that has read `rc`, with the prompt `> `.
    fn person(&self, shell: Shell, program: &str, rc: &str) -> Person {
        let home = self.world.home();
        let mut environment = self.world.environment();
        let argv: Vec<String> = match shell {
            Shell::Bash => {
                let file = self.world.write("rc/bashrc", &format!("{rc}\nPS1='> '\n"));
                vec![program.into(), "--noprofile".into(), "--rcfile".into(), file.to_str().unwrap().into()]
            }
            Shell::Zsh => {
                self.world.write("rc/.zshrc", &format!("{rc}\nPS1='> ' PS2='> '\n"));
                environment.push(("ZDOTDIR".into(), home.join("rc").to_str().unwrap().into()));
                vec![program.into(), "-d".into(), "-i".into()]
            }
            _ => {
                // What it suggests by itself, in grey, would look like what Tab does.
                let quiet = "set -g fish_greeting; set -g fish_autosuggestion_enabled 0\n\
                             function fish_prompt; printf '> '; end\n";
                let file = self.world.write(".config/fish/config.fish", &format!("{quiet}{rc}\n"));
                assert!(file.is_file());
                vec![program.into()]
            }
        };
        let person = Person { terminal: Tmux::start(&argv, &home, environment), tabs: 1 };
        let person = Person { tabs: if shell == Shell::Bash { 2 } else { 1 }, ..person };
        person.terminal.wait_until(SOON, "a prompt", |screen| screen.trim() == ">");
        person
    }
}

struct Person {
    terminal: Tmux,
    /// How often to press Tab to see what there is.
    tabs: usize,
}

impl Person {
    /// Types on an empty line and an empty screen. No C-c for it: a terminal then forgets what was
    /// typed after that already.
    fn types(&self, text: &str) {
        let end = Instant::now() + SOON;
        while self.terminal.screen().trim() != ">" {
            assert!(Instant::now() < end, "the screen does not get empty:\n{}", self.terminal.screen());
            self.terminal.send_keys(&["C-u", "C-l"]);
            thread::sleep(Duration::from_millis(100));
        }
        self.terminal.type_text(text);
        self.line(text);
    }

    /// Waits until the command line is `text`, and gives what stands below it.
    fn line(&self, text: &str) -> String {
        let expected = format!("> {}", text.trim_end());
        let screen = self.terminal.wait_until(SOON, &expected, |screen| {
            screen.lines().next().is_some_and(|line| line.trim_end() == expected)
        });
        screen.split_once('\n').map(|(_, below)| below.trim_end().to_owned()).unwrap_or_default()
    }

    /// Sees what Tab makes of a line: one word fits.
    fn completes(&self, typed: &str, becomes: &str) {
        self.types(typed);
        self.terminal.send_keys(&["Tab"]);
        let below = self.line(becomes);
        assert_eq!(below, "", "after {typed}");
    }

    /// What Tab shows below the line, once `last` is among it.
    fn lists(&self, typed: &str, last: &str) -> String {
        self.types(typed);
        for _ in 0..self.tabs {
            self.terminal.send_keys(&["Tab"]);
        }
        let screen = self.terminal.wait_until(SOON, last, |screen| {
            screen.split_once('\n').is_some_and(|(_, below)| below.contains(last))
        });
        screen.split_once('\n').unwrap().1.to_owned()
    }

    /// Sees that Tab does nothing: what is typed after it stands where it was typed, and alone.
    fn does_nothing(&self, typed: &str) {
        self.types(typed);
        for _ in 0..self.tabs {
            self.terminal.send_keys(&["Tab"]);
        }
        self.terminal.type_text("=end");
        assert_eq!(self.line(&format!("{typed}=end")), "", "after {typed}");
    }

    /// Runs a command that prints nothing.
    fn enters(&self, command: &str) {
        self.types(command);
        self.terminal.send_keys(&["Enter"]);
        self.terminal.wait_until(SOON, "a new prompt", |screen| {
            screen.trim_end().lines().last().is_some_and(|line| line.trim_end() == ">")
        });
    }
}

/// Lines, and what one Tab makes of them in every shell.
const COMPLETED: &[(&str, &str)] = &[
    ("cs we", "cs web"),
    ("cs restor", "cs restore"),
    ("cs --prof", "cs --profile"),
    ("cs --profile wo", "cs --profile work"),
    ("cs --profile=wo", "cs --profile=work"),
    ("cs --isolation=ho", "cs --isolation=home"),
    ("cs rm api we", "cs rm api web"),
    ("cs profile ado", "cs profile adopt"),
    ("csn new --mod", "csn new --model"),
    ("cs web --output-format=str", "cs web --output-format=stream-json"),
    ("cs -d my", "cs -d my\\ dir/"),
    ("cs --dir=my", "cs --dir=my\\ dir/"),
    ("cs -d ~/my", "cs -d ~/my\\ dir/"),
    ("cs web --settings my\\ dir/a", "cs web --settings my\\ dir/a\\ file"),
    ("cs 'we", "cs 'web'"),
    ("cs exec web -- frobn", "cs exec web -- frobnicate"),
    ("cs exec web -- frobnicate my", "cs exec web -- frobnicate my\\ dir/"),
    ("true; cs we", "true; cs web"),
];

/// The same for names with a dash, which are no functions in every mode.
const SHORT_FORMS: &[(&str, &str)] = &[
    ("cs-resume we", "cs-resume web"),
    ("cs-list --prof", "cs-list --profile"),
    ("csl --mod", "csl --model"),
    ("A=b cs we", "A=b cs web"),
];

fn all_of(person: &Person, cases: &[(&str, &str)]) {
    for (typed, becomes) in cases {
        person.completes(typed, becomes);
    }
}

/// What an empty word shows, names first; and what it does not show.
fn sees_names_before_verbs(person: &Person) {
    let screen = person.lists("cs ", "prompt");
    let words: Vec<&str> = screen.split_whitespace().collect();
    // In the order of the alphabet, `allow` would come first.
    assert!(words[0].eq_ignore_ascii_case("api") || words[0] == "Big-One", "{screen}");
    assert!(["web", "work", "default", "open", "allow"].iter().all(|word| words.contains(word)), "{screen}");
    assert!(!screen.contains("--profile"), "{screen}");
    // The control: it is there for one who begins with a dash.
    assert!(person.lists("cs --", "--profile").contains("--isolation"));
    person.does_nothing("cs new ");
    person.does_nothing("cs rename web ");
}

fn terminal(shell: &str) -> Option<String> {
    let program = needed(shell)?;
    Tmux::available().then(|| program.to_str().unwrap().to_owned())
}

const COMPINIT: &str = "autoload -Uz compinit; compinit -u -D";

#[test]
fn bash_completes_what_a_person_types() {
    let Some(bash) = terminal("bash") else { return };
    let place = Place::new();
    let person = place.person(Shell::Bash, &bash, &place.init(Shell::Bash, "cs"));
    all_of(&person, COMPLETED);
    all_of(&person, SHORT_FORMS);
    sees_names_before_verbs(&person);
}

#[test]
fn bash_completes_under_strict_and_odd_settings() {
    let Some(bash) = terminal("bash") else { return };
    for (settings, cases) in [
        ("set -u -o noclobber -o pipefail -f; IFS=,; shopt -s failglob nocasematch", COMPLETED),
        ("set -o posix -u", &COMPLETED[..9]),
        ("COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}", &COMPLETED[..11]),
        ("alias builtin=echo local=echo complete=echo compopt=echo; command() { echo NO; }", &COMPLETED[..5]),
    ] {
        let place = Place::new();
        let rc = format!("{settings}\n{}", place.init(Shell::Bash, "cs"));
        let person = place.person(Shell::Bash, &bash, &rc);
        all_of(&person, cases);
    }
}

#[test]
fn bash_without_compopt_lists_paths_itself() {
    // As bash before 4.0, which is what macOS has.
    let Some(bash) = terminal("bash") else { return };
    let place = Place::new();
    let rc = format!("enable -n compopt 2>/dev/null\n{}", place.init(Shell::Bash, "cs"));
    let person = place.person(Shell::Bash, &bash, &rc);
    all_of(
        &person,
        &[
            ("cs we", "cs web"),
            ("cs -d my", "cs -d my\\ dir"),
            ("cs --dir=~/my", "cs --dir=~/my\\ dir"),
            ("cs -d \"my", "cs -d \"my dir"),
            ("cs exec web -- frobn", "cs exec web -- frobnicate"),
            ("cs exec web -- frobnicate my\\ dir/a", "cs exec web -- frobnicate my\\ dir/a\\ file"),
        ],
    );
    let other = place.person(Shell::Bash, &bash, &format!("{rc}\nCOMP_WORDBREAKS=' '"));
    all_of(&other, &[("cs --profile=wo", "cs --profile=work"), ("cs --dir=my", "cs --dir=my\\ dir")]);
}

#[test]
fn bash_leaves_command_lines_to_bash_completion_where_that_is_there() {
    let Some(bash) = terminal("bash") else { return };
    for function in ["_comp_command_offset", "_command_offset"] {
        let place = Place::new();
        // It is told where in bash's own words the command is: `=` makes words of its own.
        let rc = format!(
            "{function}() {{ COMPREPLY=(\"from-$1-${{COMP_WORDS[$1]}}\"); }}\n{}",
            place.init(Shell::Bash, "cs")
        );
        let person = place.person(Shell::Bash, &bash, &rc);
        person.completes("cs exec web -- frob x", "cs exec web -- frob from-4-frob");
        person.completes("cs exec web frob x", "cs exec web frob from-3-frob");
        person.completes("cs we", "cs web");
    }
}

#[test]
fn bash_answers_with_every_error_being_fatal() {
    let Some(bash) = needed("bash") else { return };
    let place = Place::new();
    let script = format!(
        "set -euo pipefail; {}\nCOMP_LINE='cs --profile=wo' COMP_POINT=15 COMP_WORDS=(cs --profile = wo) COMP_CWORD=3\n\
         __cs_complete cs wo =; printf '%s|' \"${{COMPREPLY[@]}}\"\n\
         COMP_LINE='cs new ' COMP_POINT=7 COMP_WORDS=(cs new '') COMP_CWORD=2\n\
         __cs_complete cs '' new; printf '%s|' \"${{#COMPREPLY[@]}}\"\nmv \"$0\" \"$0\".gone\n\
         __cs_complete cs '' new; printf '%s|' \"${{#COMPREPLY[@]}}\"",
        place.init(Shell::Bash, "cs")
    );
    let cs = place.world.root().join("it's a $HOME/cs");
    let output = place
        .world
        .any_command(&bash, &place.world.home(), &["--norc", "-c", &script, cs.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"work|0|0|", "{}", shown(&output));
    assert!(output.stderr.is_empty(), "{}", shown(&output));
}

#[test]
fn zsh_completes_what_a_person_types() {
    let Some(zsh) = terminal("zsh") else { return };
    let place = Place::new();
    let person = place.person(Shell::Zsh, &zsh, &format!("{COMPINIT}\n{}", place.init(Shell::Zsh, "cs")));
    all_of(&person, COMPLETED);
    all_of(&person, SHORT_FORMS);
    sees_names_before_verbs(&person);
    let screen = person.lists("cs ", "tour");
    assert!(screen.contains("-- just now, ~/src/api"), "{screen}");
    assert!(screen.contains("-- resume a session, or make it here"), "{screen}");
}

#[test]
fn zsh_completes_under_strict_and_odd_settings() {
    let Some(zsh) = terminal("zsh") else { return };
    for settings in [
        "setopt nounset noclobber ksharrays shwordsplit globsubst rcquotes extendedglob; IFS=,",
        "alias -g cs=CS zsh=ZSH names=NAMES; alias compdef=echo builtin=echo local=echo; command() { echo NO; }",
    ] {
        let place = Place::new();
        let rc = format!("{COMPINIT}\n{settings}\n{}\nunalias -a", place.init(Shell::Zsh, "cs"));
        let person = place.person(Shell::Zsh, &zsh, &rc);
        all_of(&person, &COMPLETED[..13]);
    }
}

#[test]
fn zsh_completes_also_where_compinit_comes_after_us_and_is_quiet_where_it_never_does() {
    let Some(zsh) = terminal("zsh") else { return };
    let place = Place::new();
    let init = place.init(Shell::Zsh, "cs");
    let after = place.person(Shell::Zsh, &zsh, &format!("{init}\n{init}\n{COMPINIT}"));
    all_of(&after, &COMPLETED[..3]);
    drop(after);

    let never = place.person(Shell::Zsh, &zsh, &format!("{init}\n{init}"));
    never.does_nothing("cs we");
    // The control, and what a plugin manager does that is in no hurry.
    never.enters(COMPINIT);
    all_of(&never, &COMPLETED[..3]);
    never.types("[[ \" $precmd_functions \" != *__cs_* ]] && echo gone");
    never.terminal.send_keys(&["Enter"]);
    never.terminal.wait_for("\ngone", SOON);
}

#[test]
fn fish_completes_what_a_person_types() {
    let Some(fish) = terminal("fish") else { return };
    let place = Place::new();
    let person = place.person(Shell::Fish, &fish, &place.init(Shell::Fish, "cs"));
    all_of(&person, COMPLETED);
    all_of(&person, SHORT_FORMS);
    sees_names_before_verbs(&person);
    let screen = person.lists("cs ", "deny");
    assert!(screen.contains("(just now, ~/src/api)"), "{screen}");
}

#[test]
fn fish_says_what_fits_without_a_terminal() {
    let Some(fish) = needed("fish") else { return };
    let place = Place::new();
    // What was registered for another cs goes.
    let script = format!(
        "complete -c cs -f -a 'of-another'\n{0}\n{0}\ncomplete -C 'cs we'; complete -C 'cs '; echo; complete -C 'cs -d my'\n\
         complete -C 'cs-list --js'; complete -C 'cs exec web -- frobn' | string match 'frob*'\nset -u x 2>/dev/null; status is-interactive",
        place.init(Shell::Fish, "cs")
    );
    let arguments = ["--no-config", "--interactive", "--command", &script];
    let output = place.world.any_command(&fish, &place.world.home(), &arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("web\tjust now, ~/src/api\n"), "{}", shown(&output));
    assert!(text.contains("\nrestore\t") && !text.contains("--profile"), "{text}");
    assert!(!text.contains("of-another"), "{text}");
    assert!(text.contains("\nmy dir/\n--json\tPrint JSON\nfrobnicate"), "{text}");
}

#[test]
fn the_family_has_its_own_names() {
    for (shell, before) in [(Shell::Bash, ""), (Shell::Zsh, COMPINIT), (Shell::Fish, "")] {
        let Some(program) = terminal(shell.name()) else { return };
        let place = Place::new();
        let person = place.person(shell, &program, &format!("{before}\n{}", place.init(shell, "ccs")));
        all_of(
            &person,
            &[
                ("ccs we", "ccs web"),
                ("ccs-resume we", "ccs-resume web"),
                ("ccsn x --mod", "ccsn x --model"),
                ("ccs-list --prof", "ccs-list --profile"),
                ("ccsl --mod", "ccsl --model"),
            ],
        );
    }
}

#[test]
fn the_files_of_packagers_ask_the_program_on_the_path_also_where_a_function_has_its_name() {
    let place = Place::new();
    let world = &place.world;
    std::os::unix::fs::symlink(World::cs_program(), world.bin().join("cs")).unwrap();
    let file = |shell: &str| world.cs(&["completions", shell]).ok();
    if let Some(bash) = terminal("bash") {
        let script = world.write("cs.bash", &file("bash"));
        let rc = format!("cs() {{ echo FUNCTION; }}\n. {}", script.display());
        let person = place.person(Shell::Bash, &bash, &rc);
        all_of(&person, &COMPLETED[..6]);
    }
    if let Some(zsh) = terminal("zsh") {
        world.write("functions/_cs", &file("zsh"));
        let rc = format!("cs() {{ echo FUNCTION; }}\nfpath=(~/functions $fpath)\n{COMPINIT}");
        // The very first Tab, which only loads the function with most such files.
        let person = place.person(Shell::Zsh, &zsh, &rc);
        all_of(&person, &COMPLETED[..6]);
        let sourced = place.person(Shell::Zsh, &zsh, &format!("{COMPINIT}\n. ~/functions/_cs"));
        all_of(&sourced, &COMPLETED[..3]);
    }
    if let Some(fish) = terminal("fish") {
        world.write(".config/fish/completions/cs.fish", &file("fish"));
        let person = place.person(Shell::Fish, &fish, "function cs; echo FUNCTION; end");
        all_of(&person, &COMPLETED[..6]);
    }
}

#[test]
fn registering_again_changes_nothing() {
    for (shell, arguments, state) in [
        (Shell::Bash, &["--norc", "-i", "-c"][..], "complete -p; declare -f __cs_complete"),
        (Shell::Zsh, &["-d", "-f", "-i", "-c"], "typeset -p precmd_functions __cs_complete_names"),
        (
            Shell::Zsh,
            &["-d", "-f", "-i", "-c"],
            "for name in ${(ok)_comps}; do [[ $_comps[$name] != *cs* ]] || print $name $_comps[$name]; done",
        ),
        (Shell::Fish, &["--no-config", "-i", "-c"], "complete --command cs; complete --command cs-list"),
    ] {
        let Some(program) = needed(shell.name()) else { continue };
        let place = Place::new();
        let line = place.init(shell, "cs");
        let before = if state.contains("_comps") { COMPINIT } else { "" };
        let after = |times: usize| {
            let script = format!("{before}\n{}{state}", format!("{line}\n").repeat(times));
            let arguments = [arguments, &[&script]].concat();
            let output = place.world.any_command(&program, &place.world.home(), &arguments).output().unwrap();
            assert!(output.status.success(), "{}", shown(&output));
            String::from_utf8(output.stdout).unwrap()
        };
        let once = after(1);
        assert!(once.contains("__cs_complete") && once.contains("cs-list"), "{once}");
        assert_eq!(after(3), once, "{}", shell.name());
    }
}

#[test]
fn powershell_completes_what_a_person_types() {
    let Some(pwsh) = optional("pwsh") else { return };
    let place = Place::new();
    let _ = place.init(Shell::PowerShell, "cs");
    let script = "Set-StrictMode -Version Latest\n$ErrorActionPreference = 'Stop'\n\
         Invoke-Expression (Get-Content -Raw -LiteralPath init.powershell)\n\
         foreach ($line in 'cs we', 'cs --profile=wo', 'cs-resume we', 'csn x --mod', 'cs new ', 'cs -d my') {\n\
         (TabExpansion2 $line $line.Length).CompletionMatches | ForEach-Object { \"$line|$($_.CompletionText)|$($_.ToolTip)\" } }\n";
    let file = place.world.write("script.ps1", script);
    let arguments = ["-NoProfile", "-NonInteractive", "-File", file.to_str().unwrap()];
    let output = place.world.any_command(&pwsh, &place.world.home(), &arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for line in [
        "cs we|web|just now, ~/src/api",
        "cs --profile=wo|--profile=work|profile",
        "cs-resume we|web|just now, ~/src/api",
        "csn x --mod|--model|the model",
    ] {
        assert!(text.contains(line), "{line}: {}", shown(&output));
    }
    assert!(!text.contains("cs new |") && text.contains("my dir"), "{}", shown(&output));
}

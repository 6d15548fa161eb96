//! Bindings: what the hook does when the directory changes, and what `claude` does without it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::shells::{Sh, environment, in_plain_shells};
use crate::support::needed;
use crate::support::world::{Ran, World, listing, ran};

/// A world with the profile `work`, to which `~/src/work` is bound.
fn bound(world: &World) -> PathBuf {
    world.cs(&["profile", "create", "work"]).code.unwrap();
    let place = world.project("work");
    fs::create_dir_all(place.join("deep/er")).unwrap();
    world.cs_in(&place, &["bind", "work"]).ok();
    place
}

/// What makes the shell one that somebody sits at, with nothing of its user's.
fn interactively(sh: &Sh) -> &'static [&'static str] {
    match sh.name {
        "bash" => &["--norc", "--noprofile", "-i"],
        "zsh" => &["-f", "-i"],
        _ => &["--no-config", "-i"],
    }
}

/// Types `lines` into an interactive shell that has read our line; the directory is `from`.
fn typed(sh: &Sh, world: &World, from: &Path, lines: &str) -> Ran {
    typed_after(sh, world, from, &sh.line(), lines)
}

fn typed_after(sh: &Sh, world: &World, from: &Path, line: &str, lines: &str) -> Ran {
    let shell = needed(sh.name).expect("it was there when the test began");
    let flags = interactively(sh);
    // fish shows no prompt where it is not given a terminal.
    let first = if sh.name == "fish" { "emit fish_prompt\n" } else { "" };
    let input = world.root().join("tmp").join(format!("typed-{}", uuid::Uuid::now_v7()));
    fs::write(&input, format!("{line}\n{first}{lines}\n")).unwrap();
    let mut command = world.any_command(&shell, from, flags);
    command.env("PS1", "").env("TERM", "dumb").stdin(fs::File::open(input).unwrap());
    ran(&mut command)
}

/// What `env -0` wrote into `name` in the home directory, without what every `cd` changes.
fn at(world: &World, name: &str) -> BTreeMap<OsString, OsString> {
    let mut environment = environment(&world.home().join(name));
    for moves in ["PWD", "OLDPWD", "SHLVL"] {
        environment.remove(OsStr::new(moves));
    }
    environment
}

fn profile_at(world: &World, name: &str) -> Option<OsString> {
    at(world, name).get(OsStr::new("CS_PROFILE")).cloned()
}

#[test]
fn entering_uses_the_profile_and_leaving_puts_everything_back() {
    in_plain_shells(|sh, world| {
        world.set("ANTHROPIC_API_KEY", "it's \\ \"$HOME\" `x`\\");
        let place = bound(world);
        symlink(&place, world.home().join("link")).unwrap();
        let popd = if sh.name == "fish" { "popd" } else { "popd >/dev/null" };
        let pushd = if sh.name == "fish" { "pushd" } else { "pushd >/dev/null" };
        let lines = format!(
            "env -0 >~/e0\ncd ~/src/work\nenv -0 >~/e1\ncd deep/er\nenv -0 >~/e2\ncd ../..\nenv -0 >~/e3\ncd ..\nenv -0 >~/e4\n\
             {pushd} ~/src/work/deep\nenv -0 >~/e5\n{popd}\nenv -0 >~/e6\ncd ~/link/deep\nenv -0 >~/e7\ncd\nenv -0 >~/e8\n\
             cd ~/src/work && env -0 >~/e9\ncd ~\nenv -0 >~/e10\n"
        );
        let ran = typed(sh, world, &world.home(), &lines);
        let said = ran.stderr.clone();
        ran.ok();
        for outside in ["e4", "e6", "e8", "e10"] {
            assert_eq!(at(world, "e0"), at(world, outside), "{}: {outside}: {said}", sh.what);
        }
        for inside in ["e2", "e3", "e5", "e7"] {
            assert_eq!(at(world, "e1"), at(world, inside), "{}: {inside}: {said}", sh.what);
        }
        let config: OsString = world.config_of("work").into();
        assert_eq!(
            at(world, "e1").get(OsStr::new("CLAUDE_CONFIG_DIR")),
            Some(&config),
            "{}: {said}",
            sh.what
        );
        assert_eq!(at(world, "e1").get(OsStr::new("ANTHROPIC_API_KEY")), None, "{}", sh.what);
        assert!(said.contains("using profile 'work' here (bound: "), "{}: {said}", sh.what);
        assert!(said.contains("no longer using 'work'"), "{}: {said}", sh.what);
        assert!(said.contains("not passing on ANTHROPIC_API_KEY"), "{}: {said}", sh.what);
    });
}

#[test]
fn a_shell_that_begins_in_a_bound_directory_uses_it_from_the_first_prompt_on() {
    in_plain_shells(|sh, world| {
        let place = bound(world);
        typed(sh, world, &place, "env -0 >~/e0\ncd ~\nenv -0 >~/e1\n").ok();
        assert_eq!(profile_at(world, "e0"), Some("work".into()), "{}", sh.what);
        assert_eq!(profile_at(world, "e1"), None, "{}", sh.what);
    });
}

#[test]
fn a_subshell_and_a_shell_inside_leave_the_outer_one_as_it_is() {
    in_plain_shells(|sh, world| {
        let place = bound(world);
        let inner = world.write(
            "inner",
            &format!("{}\ncd ~\nenv -0 >~/inner-out\ncd ~/src/work\nenv -0 >~/inner-in\n", sh.line()),
        );
        let (subshell, shell) = match sh.name {
            "bash" => ("(cd ~ && true)", format!("bash --norc -i <{}", inner.display())),
            "zsh" => ("(cd ~ && true)", format!("zsh -f -i <{}", inner.display())),
            _ => ("fish --no-config -c 'cd ~'", format!("fish --no-config -i <{}", inner.display())),
        };
        let lines =
            format!("env -0 >~/e0\n{subshell}\nenv -0 >~/e1\n{shell}\nenv -0 >~/e2\ncd ~\nenv -0 >~/e3\n");
        typed(sh, world, &place, &lines).ok();
        assert_eq!(at(world, "e0"), at(world, "e1"), "{}", sh.what);
        assert_eq!(at(world, "e0"), at(world, "e2"), "{}", sh.what);
        assert_eq!(profile_at(world, "inner-out"), None, "{}: it could leave too", sh.what);
        assert_eq!(profile_at(world, "inner-in"), Some("work".into()), "{}", sh.what);
        assert_eq!(profile_at(world, "e3"), None, "{}", sh.what);
    });
}

#[test]
fn status_pipestatus_and_the_last_word_survive_the_hook() {
    in_plain_shells(|sh, world| {
        bound(world);
        let lines = match sh.name {
            "fish" => {
                "cd ~/src/work; false\necho $status\ntrue | false | sh -c 'exit 3'\necho $pipestatus\n\
                 cd ~; sh -c 'exit 4'\necho $status $pipestatus\nfunction three; cd ~/src/work; return 3; end\nthree\necho $status\n"
            }
            _ => {
                "cd ~/src/work; false\necho $?\ncd ~; true | false | (exit 3)\necho ${PIPESTATUS[@]-} ${pipestatus[@]-}\n\
                 cd ~/src/work; echo one two\necho $_\ncd ~\necho $_\ncd ~/src/work; (exit 4)\necho $? $_\n\
                 PROMPT_COMMAND[7]='echo \"later $? ${PIPESTATUS[@]}\"'; precmd_functions+=(later); later() { echo later $? $pipestatus; }\n\
                 cd ~; true | false | (exit 5)\ncd ~/src/work; (exit 6)\n"
            }
        };
        let ours = typed(sh, world, &world.home(), lines);
        assert!(ours.stderr.contains("using profile 'work'"), "{}: {}", sh.what, ours.stderr);
        let plain = typed_after(sh, world, &world.home(), "", lines);
        assert!(plain.stdout.lines().count() >= 4, "{}: {}", sh.what, plain.stdout);
        assert_eq!(ours.stdout, plain.stdout, "{}", sh.what);
    });
}

/// The processes that the shell and what it starts made, with `lines` typed.
fn processes(sh: &Sh, world: &World, lines: &str) -> usize {
    let strace = needed("strace").unwrap();
    let trace = world.root().join("trace");
    let shell = needed(sh.name).unwrap();
    let flags = interactively(sh);
    let input = world.root().join("tmp/typed");
    fs::write(&input, format!("{}\n{lines}\n", sh.line())).unwrap();
    let words = ["-f", "-qq", "-e", "trace=fork,vfork,clone,clone3,execve", "-o", trace.to_str().unwrap()];
    let words = [&words[..], &[shell.to_str().unwrap()], flags].concat();
    let mut command = world.any_command(&strace, &world.home(), &words);
    ran(command.env("PS1", "").env("TERM", "dumb").stdin(fs::File::open(input).unwrap())).ok();
    let text = fs::read_to_string(&trace).unwrap();
    // A thread is a clone as well; fish has some.
    text.lines().filter(|line| line.contains('(') && !line.contains("CLONE_THREAD")).count()
}

#[test]
fn no_process_is_started_where_nothing_is_bound() {
    if needed("strace").is_none() {
        return;
    }
    in_plain_shells(|sh, world| {
        bound(world);
        // Bindings that are somewhere else, and a rule for remotes, which only a checkout can meet.
        world.cs(&["bind", "work", "--remote", "github.com/acme/*"]).ok();
        for name in ["a", "a/b", "workshop"] {
            world.project(name);
        }
        let few = processes(sh, world, "cd ~/src/a");
        let many = processes(sh, world, &"cd ~/src/a\ncd b\ncd ..\ncd ../workshop\ncd /\ncd ~\n".repeat(20));
        assert_eq!(few, many, "{}", sh.what);
        let inside = processes(sh, world, "cd ~/src/a\ncd ~/src/work\ncd ~/src/a");
        assert!(inside > few + 1, "{}: {inside} is not more than {few}: does it count at all?", sh.what);
    });
}

#[test]
fn a_file_of_the_repository_has_no_effect_before_it_is_allowed_and_says_so_once() {
    in_plain_shells(|sh, world| {
        world.cs(&["profile", "create", "work"]).code.unwrap();
        let place = world.project("repo");
        fs::create_dir_all(place.join("sub")).unwrap();
        fs::write(place.join(".cs.toml"), "profile = \"work\"\n").unwrap();
        let lines = "env -0 >~/e0\ncd ~/src/repo\nenv -0 >~/e1\ncd sub\ncd ..\nenv -0 >~/e2\ncs allow\nenv -0 >~/e3\n\
                     echo '# more' >>.cs.toml\ncd sub\nenv -0 >~/e4\ncd ~\nenv -0 >~/e5\n";
        let ran = typed(sh, world, &world.home(), lines);
        let said = ran.stderr.clone();
        ran.ok();
        assert_eq!(at(world, "e0"), at(world, "e1"), "{}: {said}", sh.what);
        assert_eq!(at(world, "e0"), at(world, "e2"), "{}: {said}", sh.what);
        assert_eq!(profile_at(world, "e3"), Some("work".into()), "{}: at once, {said}", sh.what);
        assert_eq!(at(world, "e0"), at(world, "e4"), "{}: it was changed, {said}", sh.what);
        assert_eq!(at(world, "e0"), at(world, "e5"), "{}: {said}", sh.what);
        assert_eq!(said.matches("is not allowed, so it has no effect").count(), 2, "{}: {said}", sh.what);
    });
}

#[test]
fn off_stays_off_until_the_directory_is_left() {
    in_plain_shells(|sh, world| {
        bound(world);
        let lines = "env -0 >~/e0\ncd ~/src/work\nenv -0 >~/e1\ncs off\nenv -0 >~/e2\ncd deep\nenv -0 >~/e3\ncs use -\nenv -0 >~/e4\n\
                     cs off\ncd ~\ncd ~/src/work\nenv -0 >~/e5\n";
        let ran = typed(sh, world, &world.home(), lines);
        let said = ran.stderr.clone();
        ran.ok();
        assert_eq!(at(world, "e0"), at(world, "e2"), "{}: {said}", sh.what);
        assert_eq!(at(world, "e0"), at(world, "e3"), "{}: {said}", sh.what);
        assert_eq!(profile_at(world, "e4"), Some("work".into()), "{}: {said}", sh.what);
        assert_eq!(at(world, "e1"), at(world, "e5"), "{}: used again, {said}", sh.what);
    });
}

#[test]
fn what_a_person_uses_is_stronger_than_a_binding() {
    in_plain_shells(|sh, world| {
        bound(world);
        world.cs(&["--no-open", "api"]).code.unwrap();
        let lines = "env -0 >~/e4\ncs use api\nenv -0 >~/e0\ncd ~/src/work\nenv -0 >~/e1\ncd ~\nenv -0 >~/e2\ncs off\ncd ~/src/work\nenv -0 >~/e3\n\
                     cs use api\ncs off\ncs bind --list\ncd deep\nenv -0 >~/e5\ncs use -\nenv -0 >~/e6\n";
        let ran = typed(sh, world, &world.home(), lines);
        let said = ran.stderr.clone();
        ran.ok();
        assert_eq!(at(world, "e0"), at(world, "e1"), "{}: {said}", sh.what);
        assert_eq!(at(world, "e0"), at(world, "e2"), "{}: {said}", sh.what);
        assert_eq!(profile_at(world, "e3"), Some("work".into()), "{}: {said}", sh.what);
        // Off is off, also where something is bound, and whatever is asked meanwhile.
        assert_eq!(at(world, "e4"), at(world, "e5"), "{}: {said}", sh.what);
        assert_eq!(at(world, "e6").get(OsStr::new("CS_SESSION")), Some(&"api".into()), "{}: {said}", sh.what);
    });
}

#[test]
fn bind_and_remove_act_in_this_shell_at_once() {
    in_plain_shells(|sh, world| {
        world.cs(&["profile", "create", "work"]).code.unwrap();
        world.project("new");
        let lines =
            "cd ~/src/new\nenv -0 >~/e0\ncs bind work\nenv -0 >~/e1\ncs bind --remove\nenv -0 >~/e2\n";
        let ran = typed(sh, world, &world.home(), lines);
        let said = ran.stderr.clone();
        ran.ok();
        assert_eq!(profile_at(world, "e1"), Some("work".into()), "{}: {said}", sh.what);
        assert_eq!(at(world, "e0"), at(world, "e2"), "{}: {said}", sh.what);
    });
}

#[test]
fn a_binding_whose_profile_is_gone_is_said_once_and_the_shell_goes_on() {
    in_plain_shells(|sh, world| {
        bound(world);
        world.cs(&["profile", "remove", "--force", "work"]).ok();
        let ran = typed(sh, world, &world.home(), "cd ~/src/work\ncd deep\ncd er\necho here\nenv -0 >~/e0\n");
        assert_eq!(ran.stderr.matches("cs restore work").count(), 1, "{}: {}", sh.what, ran.stderr);
        assert!(ran.ok().contains("here"), "{}", sh.what);
        assert_eq!(profile_at(world, "e0"), None, "{}", sh.what);
    });
}

#[test]
fn a_token_is_asked_for_when_claude_starts_and_not_when_somebody_walks_by() {
    in_plain_shells(|sh, world| {
        let place = world.project("glm");
        let asked = world.home().join("asked");
        let command = format!("echo x >>{}; echo secret-token", asked.display());
        world.cs(&["profile", "create", "glm", "--provider", "glm", "--token-command", &command]).ok();
        world.cs_in(&place, &["bind", "glm"]).ok();
        typed(sh, world, &world.home(), "cd ~/src/glm\nenv -0 >~/e0\n").ok();
        assert_eq!(profile_at(world, "e0"), Some("glm".into()), "{}", sh.what);
        assert!(!asked.exists(), "{}", sh.what);
        typed(sh, world, &world.home(), "cd ~/src/glm\nclaude -p x\n").ok();
        assert!(asked.exists(), "{}", sh.what);
        assert_eq!(world.last_start().var("ANTHROPIC_AUTH_TOKEN"), Some("secret-token"), "{}", sh.what);
    });
}

#[test]
fn claude_follows_the_binding_without_the_hook_and_in_a_script_by_the_shim() {
    in_plain_shells(|sh, world| {
        let place = bound(world);
        world.cs(&["shim", "install"]).ok();
        let config = world.config_of("work");
        let line = sh.line().replace(" init ", " init --no-hook ");
        typed_after(sh, world, &world.home(), &line, "cd ~/src/work/deep\nenv -0 >~/e0\nclaude -p 'a  b'\n")
            .ok();
        assert_eq!(profile_at(world, "e0"), None, "{}", sh.what);
        let start = world.last_start();
        assert_eq!(start.args, ["-p", "a  b"], "{}", sh.what);
        assert_eq!(start.var("CLAUDE_CONFIG_DIR"), config.to_str(), "{}", sh.what);
        assert_eq!(start.cwd, place.join("deep"), "{}", sh.what);

        let shim = world.data().join("shim/claude");
        for (directory, expected) in [(place.join("deep"), config.to_str()), (world.home(), None)] {
            ran(&mut world.any_command(&shim, &directory, &["x"])).ok();
            assert_eq!(world.last_start().var("CLAUDE_CONFIG_DIR"), expected, "{}", sh.what);
        }
    });
}

#[test]
fn the_hook_writes_nothing_where_nothing_is_bound() {
    in_plain_shells(|sh, world| {
        bound(world);
        world.project("other");
        // What the shells make for themselves.
        typed(sh, world, &world.home(), "true\n").ok();
        let ours = || {
            let mut all = listing(world.root());
            all.retain(|path, _| !path.starts_with("tmp") && !path.ends_with(".bash_history"));
            all
        };
        let before = ours();
        typed(sh, world, &world.home(), "cd ~/src/other\ncd ~\n").ok();
        assert_eq!(before, ours(), "{}", sh.what);
    });
}

//! The programs that make a sandbox, bubblewrap and podman, and the command lines they take.
//!
//! A command line is a pure function of a [`Sandbox`]; only finding an engine, and asking whether it
//! works here, looks at the machine.

mod around;
mod bwrap;
mod filter;
mod podman;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::model::{Abilities, Engine, Failure, Result, Sandbox};
use crate::os;

pub use around::Around;
pub use filter::filter;

/// Returns the command line that runs `command` in `sandbox`, in the directory `directory`.
pub fn command_line(
    sandbox: &Sandbox,
    command: &[OsString],
    directory: &Path,
    around: &Around,
) -> Vec<OsString> {
    match sandbox.engine {
        Engine::Bwrap => bwrap::command_line(sandbox, command, directory, around),
        Engine::Podman => podman::command_line(sandbox, command, directory, around),
    }
}

/// Finds the first of `engines` that is installed, on `path` (the value of `PATH`), where no session can write. Fails if
/// none is, with what to install.
pub fn find(engines: &[Engine], path: Option<&OsStr>) -> Result<(Engine, PathBuf)> {
    let mut not_taken = None;
    for engine in engines {
        match os::find_program(engine.program(), path, os::is_out_of_reach) {
            Ok(program) => return Ok((*engine, program)),
            Err(skipped) => not_taken = not_taken.or(skipped),
        }
    }
    let names: Vec<&str> = engines.iter().map(|engine| engine.program()).collect();
    let but = not_taken.map(|it| format!("; {it}")).unwrap_or_default();
    let failure = Failure::failed(format!("there is no {} to hold a sandbox{but}", names.join(" or ")));
    Err(match engines {
        [Engine::Podman] => failure.hint("to install it: sudo apt install podman"),
        _ => failure
            .hint("to install it: sudo apt install bubblewrap (or: dnf, pacman -S, apk add bubblewrap)"),
    })
}

/// Returns the abilities of `engine`, which is at `program`. Fails, with what to do, if it cannot make a sandbox here.
/// Runs bubblewrap once, with nothing in it but this machine, to be read only; once more for each ability that it
/// lacks.
pub fn abilities(engine: Engine, program: &Path) -> Result<Abilities> {
    // podman leaves a process behind wherever it is tried, and says by itself what it lacks.
    if engine == Engine::Podman {
        return Ok(Abilities::default());
    }
    let root = os::pin(Path::new("/")).ok().filter(|root| root.leave_open().is_ok());
    let number = root.as_ref().map(os::HandedOn::number).unwrap_or_default();
    let all = Abilities { takes_open_files: root.is_some(), closes_user_spaces: true };
    let works = |abilities| tried(program, &bwrap::trial(abilities, &number));
    if works(all).is_ok() {
        return Ok(all);
    }
    let without = works(Abilities::default());
    let Err(said) = without else {
        let takes_open_files = works(Abilities { closes_user_spaces: false, ..all }).is_ok();
        let closes_user_spaces = works(Abilities { takes_open_files: false, ..all }).is_ok();
        return Ok(Abilities { takes_open_files, closes_user_spaces });
    };
    let setting = |name: &str| {
        std::fs::read_to_string(Path::new("/proc/sys").join(name)).map(|text| text.trim().to_owned()).ok()
    };
    Err(explained(engine, &said, &setting))
}

/// Runs `program` in a trial of itself. Fails with what it says.
fn tried(program: &Path, arguments: &[String]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).arg(program).arg("--version").stdin(Stdio::null()).stdout(Stdio::null());
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns the failure for an engine's own words. `setting` reads a setting of the kernel, by its path.
fn explained(engine: Engine, said: &str, setting: &dyn Fn(&str) -> Option<String>) -> Failure {
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim();
    let name = engine.program();
    let failure = Failure::failed(format!("{name} cannot make a sandbox here: {last}"));
    let is = |name: &str, value: &str| setting(name).as_deref() == Some(value);
    if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        failure.hint(format!(
            "AppArmor forbids it; an administrator can allow {name}: https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces"
        ))
    } else if is("kernel/unprivileged_userns_clone", "0") {
        failure.hint(
            "the kernel forbids it; an administrator can allow it: sysctl kernel.unprivileged_userns_clone=1",
        )
    } else if is("user/max_user_namespaces", "0") {
        failure.hint(
            "the kernel forbids it; an administrator can allow it: sysctl user.max_user_namespaces=10000",
        )
    } else {
        failure.hint("inside a container it needs one that allows user namespaces; without: cs --isolation config-dir NAME")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mount, Mounts};

    fn sandbox(engine: Engine) -> Sandbox {
        let mut mounts = Mounts::new();
        mounts.put("/bin", Mount::Link("usr/bin".into()));
        mounts.put("/home/me", Mount::Empty);
        mounts.put("/home/me/api", Mount::Write);
        mounts.put("/home/me/api/.git/config.worktree", Mount::NoText);
        mounts.put("/home/me/api/.git/hooks", Mount::Read);
        mounts.put("/home/me/api/.git/modules", Mount::Nothing);
        mounts.put("/tmp", Mount::Empty);
        mounts.put("/usr", Mount::Read);
        Sandbox {
            engine,
            program: format!("/usr/bin/{}", engine.program()).into(),
            abilities: Abilities { takes_open_files: true, closes_user_spaces: true },
            mounts,
            network: true,
            root: "/data/sessions/x".into(),
            is_claude: true,
            scratch: "/data/sessions/x/root".into(),
            unnoted: None,
        }
    }

    fn line(sandbox: &Sandbox, around: &Around) -> String {
        let command: Vec<OsString> = ["/bin/claude", "-p", "it's"].map(Into::into).into();
        let words = command_line(sandbox, &command, Path::new("/home/me/api"), around);
        words
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
            .replace(" --", "\n--")
    }

    #[test]
    fn bubblewrap_is_told_everything_and_in_order() {
        let open = [("/home/me/api", "12"), ("/usr", "13")].map(|(path, open)| (path.into(), open.into()));
        let (filter, held) = (Some("10".into()), Some("11".into()));
        let around = Around { filter, held, open: open.into(), terminal: true, ..Around::default() };
        insta::assert_snapshot!(line(&sandbox(Engine::Bwrap), &around), @r"
        /usr/bin/bwrap
        --die-with-parent
        --unshare-user
        --unshare-pid
        --unshare-ipc
        --unshare-cgroup-try
        --disable-userns
        --cap-drop ALL
        --seccomp 10
        --json-status-fd 11
        --proc /proc
        --dev /dev
        --symlink usr/bin /bin
        --tmpfs /home/me
        --bind-fd 12 /home/me/api
        --ro-bind /dev/null /home/me/api/.git/config.worktree
        --ro-bind /home/me/api/.git/hooks /home/me/api/.git/hooks
        --tmpfs /home/me/api/.git/modules
        --remount-ro /home/me/api/.git/modules
        --tmpfs /tmp
        --ro-bind-fd 13 /usr
        --remount-ro /
        --chdir /home/me/api
        -- /bin/claude -p it's
        ");
        let abilities = Abilities::default();
        let cut_off = Sandbox { network: false, abilities, ..sandbox(Engine::Bwrap) };
        let without = line(&cut_off, &Around::default());
        assert!(without.contains("\n--new-session") && without.contains("\n--unshare-net"));
        assert!(
            !without.contains("--disable-userns") && without.contains("\n--bind /home/me/api /home/me/api")
        );
    }

    #[test]
    fn podman_is_told_everything_and_in_order() {
        let around = Around {
            terminal: true,
            variables: vec!["HOME".into(), "TOKEN".into()],
            ids: (1000, 100),
            ..Around::default()
        };
        insta::assert_snapshot!(line(&sandbox(Engine::Podman), &around), @r"
        /usr/bin/podman run
        --rm
        --interactive
        --init
        --cgroups=disabled
        --tty
        --name=cs-x
        --userns=keep-id
        --user=1000:100
        --cap-drop=all
        --security-opt=no-new-privileges
        --security-opt=label=disable
        --network=host
        --env HOME
        --env TOKEN
        --mount=type=tmpfs,tmpfs-mode=1777,dst=/home/me
        --mount=type=bind,src=/home/me/api,dst=/home/me/api,ro=false
        --mount=type=bind,src=/dev/null,dst=/home/me/api/.git/config.worktree,ro=true
        --mount=type=bind,src=/home/me/api/.git/hooks,dst=/home/me/api/.git/hooks,ro=true
        --mount=type=tmpfs,ro=true,dst=/home/me/api/.git/modules
        --mount=type=tmpfs,tmpfs-mode=1777,dst=/tmp
        --mount=type=bind,src=/usr,dst=/usr,ro=true
        --workdir=/home/me/api
        --rootfs /data/sessions/x/root /bin/claude -p it's
        ");
    }

    #[test]
    fn a_kernel_that_forbids_it_is_named() {
        let settings = |which: &'static str, value: &'static str| {
            move |name: &str| (name == which).then(|| value.to_owned())
        };
        for (which, value, hinted) in [
            ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor"),
            ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
            ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces"),
            ("user/max_user_namespaces", "9", "container"),
        ] {
            let said = "bwrap: No permissions to create new namespace\n\n";
            let failure = explained(Engine::Bwrap, said, &settings(which, value));
            assert_eq!(
                failure.message,
                "bwrap cannot make a sandbox here: bwrap: No permissions to create new namespace"
            );
            assert!(failure.hints[0].contains(hinted), "{failure:?}");
        }
    }

    #[test]
    fn an_engine_that_is_missing_is_named_with_what_to_install() {
        let failure = find(&[Engine::Bwrap, Engine::Podman], Some(OsStr::new("relative:/nowhere")))
            .expect_err("there is none");
        assert_eq!(failure.message, "there is no bwrap or podman to hold a sandbox");
        assert!(failure.hints[0].contains("apt install bubblewrap"));
        assert!(find(&[Engine::Podman], None).expect_err("none").hints[0].contains("apt install podman"));
    }
}

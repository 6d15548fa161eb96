//! podman without root: a container whose root is an empty directory of ours, with the same paths in
//! it as a sandbox of bubblewrap.

use std::ffi::OsString;
use std::path::Path;

use super::around::Around;
use crate::model::{Mount, Sandbox};

pub(super) fn command_line(
    sandbox: &Sandbox,
    command: &[OsString],
    directory: &Path,
    around: &Around,
) -> Vec<OsString> {
    let mut words = vec![sandbox.program.clone().into_os_string()];
    let mut say = |word: &str| words.push(word.into());
    for word in ["run", "--rm", "--interactive", "--init", "--cgroups=disabled"] {
        say(word);
    }
    if around.terminal {
        say("--tty");
    }
    // What runs in it outlives this program where that is killed. A name there is given once.
    if let Some(id) = sandbox.root.file_name().filter(|_| sandbox.is_claude) {
        say(&format!("--name=cs-{}", id.to_string_lossy()));
    }
    let (user, group) = around.ids;
    // Only who is not root can keep an id.
    say(if user == 0 { "--userns=host" } else { "--userns=keep-id" });
    say(&format!("--user={user}:{group}"));
    for word in ["--cap-drop=all", "--security-opt=no-new-privileges", "--security-opt=label=disable"] {
        say(word);
    }
    say(if sandbox.network { "--network=host" } else { "--network=none" });
    for name in &around.variables {
        words.extend(["--env".into(), name.clone()]);
    }
    for (path, mount) in sandbox.mounts.iter() {
        let mut option = OsString::from("--mount=");
        match mount {
            Mount::Read | Mount::Write => {
                option.push("type=bind,src=");
                option.push(path);
                option.push(",dst=");
                option.push(path);
                option.push(if *mount == Mount::Read { ",ro=true" } else { ",ro=false" });
            }
            Mount::Empty => {
                option.push("type=tmpfs,tmpfs-mode=1777,dst=");
                option.push(path);
            }
            Mount::Nothing => {
                option.push("type=tmpfs,ro=true,dst=");
                option.push(path);
            }
            Mount::NoText => {
                option.push("type=bind,src=/dev/null,dst=");
                option.push(path);
                option.push(",ro=true");
            }
            // Made in the root itself before it starts.
            Mount::Link(_) => continue,
        }
        words.push(option);
    }
    let mut workdir = OsString::from("--workdir=");
    workdir.push(directory);
    words.extend([workdir, "--rootfs".into(), sandbox.scratch.clone().into()]);
    words.extend(command.iter().cloned());
    words
}

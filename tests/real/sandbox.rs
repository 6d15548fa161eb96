//! experiment
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::claude::{RealClaude, quiet_env};
use crate::support::oauth::Oauth;
use tempfile::TempDir;

#[test]
fn experiment() {
    let Some(claude) = RealClaude::find() else { return };
    for case in ["plain", "dir-ro", "dir-rw"] {
        let login = Oauth::start();
        let dir = TempDir::new().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let home = root.join("home");
        let store = root.join("profiles/work/claude");
        let config = root.join("sessions/x/claude");
        for d in [&home, &store, &config] {
            fs::create_dir_all(d).unwrap();
        }
        fs::create_dir_all(store.join("projects")).unwrap();
        fs::write(store.join("history.jsonl"), "secret").unwrap();
        login.log_in_expired(&store);
        let s = |p: &Path| p.to_str().unwrap().to_owned();
        let file = store.join(".credentials.json");
        let mut args: Vec<String> = ["--die-with-parent", "--unshare-pid", "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--tmpfs", "/tmp"].map(str::to_owned).into();
        let mut bind = |kind: &str, p: &Path| args.extend([kind.to_owned(), s(p), s(p)]);
        bind("--ro-bind", claude.program());
        bind("--bind", &home);
        bind("--bind", &config);
        // the authority of the stand-in
        for (n, v) in login.env() { if n == "NODE_EXTRA_CA_CERTS" { bind("--ro-bind", Path::new(&v)); } }
        match case {
            "plain" => {}
            "file-ro" => bind("--ro-bind", &file),
            "file-rw" => bind("--bind", &file),
            "dir-ro" => bind("--ro-bind", &store),
            "dir-rw" => bind("--bind", &store),
            "parent-rw" => bind("--bind", store.parent().unwrap()),
            _ => { bind("--bind", store.parent().unwrap()); bind("--ro-bind", &file); }
        }
        if case == "dir-rw" { args.extend(["--tmpfs".to_owned(), s(&store.join("projects"))]); }
        args.push("--".to_owned());
        let trace = format!("/tmp/exp-{case}-{}", std::process::id());
        let mut command = if case == "plain" {
            let mut c = Command::new("strace"); c.args(["-f", "-e", "trace=%file", "-o", &trace]).arg(claude.program()); c
        } else if std::env::var("EXP_TRACE").is_ok() {
            let mut c = Command::new("strace"); c.args(["-f", "-e", "trace=%file", "-o", &trace, "bwrap"]).args(&args).arg(claude.program()); c
        } else {
            let mut c = Command::new("bwrap"); c.args(&args).arg(claude.program()); c };
        let mut n = 0;
        for round in ["one"] {
            let _ = round; n += 1;
            let before = fs::read_to_string(&file).unwrap();
            let mut command = { let mut c = Command::new(command.get_program()); c.args(command.get_args()); c };
            command.env_clear().envs(quiet_env(&home)).envs(login.env())
                .env("CLAUDE_CONFIG_DIR", &config).env("CLAUDE_SECURESTORAGE_CONFIG_DIR", &store).current_dir(&home)
                .args(["-p", "SAY:hello"]);
            let out = command.output().unwrap();
            let after = fs::read_to_string(&file).unwrap();
            println!("{case} round {n}: code {:?} out {:?} err {:?} refreshes {} rejections {} file changed {} emptied {} listing {:?}", out.status.code(), String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr), login.refreshes(), login.rejections(), before != after, after.contains("\"refreshToken\":\"\""), fs::read_dir(&store).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>());
        }
        let _ = &mut command;
    }
}

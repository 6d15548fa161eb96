//! Running a command within bounds under strace, and reading which paths it touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::world::World;
use crate::verbs::Act;

/// What a command may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The longest it may take, on a machine that does other things too.
    pub longest: Duration,
    /// The seconds of a processor.
    pub processor: u32,
}

impl Bounds {
    /// Those of every verb. Nothing that hangs is quicker.
    pub(crate) const USUAL: Self = Self { longest: Duration::from_secs(40), processor: 10 };

    /// The command that sets them, a gigabyte of memory among them.
    fn set(self) -> String {
        format!("ulimit -v 1048576; ulimit -t {}; exec \"$@\"", self.processor)
    }
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Done {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub out: String,
    pub err: String,
    /// True if it was ended because it took too long.
    pub hung: bool,
    pub took: Duration,
    pub trace: Trace,
}

/// The paths that `cs` itself touched, not the programs that it starts.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Everything that was looked at, opened, listed, linked, made or removed, as it was named.
    pub touched: BTreeSet<PathBuf>,
    /// Everything that was opened, as the kernel names it: where the links lead.
    pub opened: BTreeSet<PathBuf>,
}

/// The calls that are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// All that name a path.
    Naming,
    /// Those that open something, which are far fewer.
    Opening,
}

/// Runs `program` as `act` says in `world`.
pub(crate) fn run(world: &World, program: &Path, act: &Act, bounds: Bounds, calls: Calls) -> Done {
    let set = bounds.set();
    let trace = world.root().join("trace");
    let mut words: Vec<&str> = "-f -y -qq --seccomp-bpf -e signal=none -e".split(' ').collect();
    words.push(match calls {
        Calls::Naming => "trace=%file,%process",
        Calls::Opening => "trace=open,openat,openat2,%process",
    });
    words.push("-o");
    words.extend([trace.to_str().unwrap(), "/bin/sh", "-c", &set, "sh", program.to_str().unwrap()]);
    words.extend(act.words);
    let (out, err) = (world.root().join("out"), world.root().join("err"));
    let input = world.root().join("in");
    fs::write(&input, act.input.replace("{home}", world.home().to_str().unwrap())).unwrap();
    // What is planted may be the directory itself, or one above.
    let home = world.home();
    let directory = home.join(act.directory);
    let here = directory.ancestors().find(|directory| directory.is_dir()).unwrap_or(&home);
    let mut command = world.any_command(Path::new("strace"), here, &words);
    command
        .envs(act.variables.iter().copied())
        .stdin(fs::File::open(&input).unwrap())
        .stdout(Stdio::from(fs::File::create(&out).unwrap()))
        .stderr(Stdio::from(fs::File::create(&err).unwrap()));
    let begin = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut hung = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > bounds.longest {
            hung = true;
            end_below(child.id());
            let _ = child.kill();
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let trace = Trace::read(&text(&trace), here, program);
    let (code, signal) = (status.code(), status.signal());
    Done { code, signal, out: text(&out), err: text(&err), hung, took: begin.elapsed(), trace }
}

/// Ends the processes that this one started, by whichever of its threads.
fn end_below(pid: u32) {
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_ascii_whitespace().filter_map(|child| child.parse::<i32>().ok()) {
            end_below(child.unsigned_abs());
            if let Some(child) = rustix::process::Pid::from_raw(child) {
                let _ = rustix::process::kill_process(child, rustix::process::Signal::KILL);
            }
        }
    }
}

impl Trace {
    /// Reads the output of `strace -f -y` of a shell that became `program` in `directory`.
    pub(crate) fn read(text: &str, directory: &Path, program: &Path) -> Self {
        let parents = parents(text);
        let mut found = Self::default();
        let (mut ours, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for line in text.lines() {
            let Some((pid, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            if seen.insert(pid) && parents.get(pid).is_some_and(|parent| ours.contains(parent)) {
                ours.insert(pid);
            }
            if let Some(rest) = call.strip_prefix("execve(") {
                if call.contains(") = 0") || call.contains("<unfinished") {
                    if strings(rest).first().is_some_and(|path| path == program.as_os_str()) {
                        ours.insert(pid);
                    } else {
                        ours.remove(pid);
                    }
                }
                continue;
            }
            if !ours.contains(pid) {
                continue;
            }
            if call.trim_start_matches("<... ").starts_with("open")
                && let Some((_, result)) = call.rsplit_once(" = ")
                && let Some((_, path)) = result.split_once('<')
                && let Some((path, _)) = path.rsplit_once('>')
            {
                found.opened.insert(PathBuf::from(unescaped(path)));
            }
            found.touched.extend(named(call, directory));
        }
        found
    }
}

/// Returns who made each process or thread.
fn parents(text: &str) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start().trim_start_matches("<... ");
        if (call.starts_with("clone") || call.starts_with("vfork") || call.starts_with("fork"))
            && let Some((_, child)) = call.rsplit_once("= ")
        {
            found.insert(child.split(['<', ' ']).next().unwrap_or_default(), pid);
        }
    }
    found
}

/// Returns the paths that a call names, made whole.
fn named(call: &str, directory: &Path) -> Vec<PathBuf> {
    let Some((name, rest)) = call.split_once('(') else { return Vec::new() };
    // The target of a link is text.
    let skipped = usize::from(matches!(name, "symlink" | "symlinkat"));
    let mut from: Option<PathBuf> = None;
    let mut found = Vec::new();
    let mut number = 0;
    for part in arguments(rest) {
        if let Some(text) = part.strip_prefix('"') {
            let path = PathBuf::from(unescaped(text));
            number += 1;
            if number > skipped {
                let base = from.take().unwrap_or_else(|| directory.to_path_buf());
                found.push(plain(&base.join(path)));
            }
        } else if let Some((_, path)) = part.split_once('<') {
            from = Some(PathBuf::from(unescaped(path.trim_end_matches('>'))));
        }
    }
    found
}

/// Returns the arguments of a call: what stands in quotes with the first of them, and descriptors.
fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut current, mut quoted, mut escaped, mut depth) =
        (Vec::new(), String::new(), false, false, 0);
    for letter in text.chars() {
        match letter {
            '"' if !escaped => {
                quoted = !quoted;
                if quoted {
                    current.clear();
                    current.push('"');
                } else {
                    found.push(std::mem::take(&mut current));
                    current.clear();
                }
                continue;
            }
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' if !quoted => depth -= 1,
            ',' if !quoted => {
                if current.contains('<') {
                    found.push(std::mem::take(&mut current).trim().to_owned());
                }
                current.clear();
                continue;
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
        current.push(letter);
    }
    found
}

/// Returns the strings in the arguments of a call.
fn strings(text: &str) -> Vec<std::ffi::OsString> {
    arguments(text)
        .iter()
        .filter_map(|part| part.strip_prefix('"'))
        .map(|text| unescaped(text).into())
        .collect()
}

/// Takes the escapes of C out of a text. Paths here are UTF-8.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut letters = text.bytes().peekable();
    while let Some(byte) = letters.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match letters.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                while let Some(more @ b'0'..=b'7') = letters.peek().copied() {
                    value = value * 8 + u32::from(more - b'0');
                    letters.next();
                }
                bytes.push(u8::try_from(value & 0xff).unwrap());
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns a path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                found.pop();
            }
            Component::CurDir => {}
            part => found.push(part),
        }
    }
    found
}

#[test]
fn a_trace_tells_what_cs_touched_and_what_others_did() {
    let text = concat!(
        "10 execve(\"/bin/sh\", [\"sh\"], 0x7 /* 3 vars */) = 0\n",
        "10 openat(AT_FDCWD</h>, \"/h/of-the-shell\", O_RDONLY) = 3</h/of-the-shell>\n",
        "10 execve(\"/bin/cs\", [\"cs\", \"list\"], 0x7 /* 3 vars */) = 0\n",
        "10 openat(AT_FDCWD</h>, \"/h/a, b\\\"c\", O_RDONLY|O_CLOEXEC) = 3</h/elsewhere>\n",
        "10 openat2(3</h/x>, \"y/z\", {flags=O_RDONLY, mode=0, resolve=RESOLVE_BENEATH}, 24) = -1 ENOENT (No such file)\n",
        "10 statx(4</h/d>, \"\", AT_STATX_SYNC_AS_STAT|AT_EMPTY_PATH, STATX_ALL, {stx_mask=0}) = 0\n",
        "10 symlink(\"/h/target\", \"/h/link\") = 0\n",
        "10 readlink(\"relative\", 0x7, 256) = -1 EINVAL (Invalid argument)\n",
        "10 renameat2(5</h/p>, \"one\", 6</h/q>, \"two\", RENAME_NOREPLACE) = 0\n",
        "10 vfork( <unfinished ...>\n",
        "12 openat(AT_FDCWD</h>, \"/h/of-a-thread\", O_RDONLY) = 3</h/of-a-thread>\n",
        "11 execve(\"/usr/bin/git\", [\"git\"], 0x7 /* 3 vars */) = 0\n",
        "11 openat(AT_FDCWD</h>, \"/h/of-git\", O_RDONLY) = 3</h/of-git>\n",
        "10 <... vfork resumed>) = 11\n",
        "10 clone3({flags=CLONE_THREAD, stack_size=0x7}, 88) = 12\n",
    );
    let trace = Trace::read(text, Path::new("/h/w"), Path::new("/bin/cs"));
    let paths =
        |paths: &BTreeSet<PathBuf>| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    assert_eq!(
        paths(&trace.touched),
        [
            "/h/a, b\"c",
            "/h/d",
            "/h/link",
            "/h/of-a-thread",
            "/h/p/one",
            "/h/q/two",
            "/h/w/relative",
            "/h/x/y/z"
        ]
    );
    assert_eq!(paths(&trace.opened), ["/h/elsewhere", "/h/of-a-thread"]);
}

//! Handing a program to another process, which becomes it: through a socket that only this user reaches,
//! so that neither its variables nor its arguments are on a command line or a disk.
//!
//! See docs/decisions/013-a-pane-becomes-claude-and-is-told-how-through-a-socket.md

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::process::{Identity, Umask, terminal};

/// The name of the socket in its directory.
const SOCKET: &str = "s";

/// The time each side waits for the other one's next words.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most that is taken for one program: more than any system lets one be started with.
const MOST: u64 = 64 << 20;

/// The byte by which the taker says that it has all it needs, and is about to become the program.
const READY: u8 = b'.';

/// A program, with all it is given.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Its environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// The directory to start it in.
    pub directory: PathBuf,
    /// Anything else that the taker has to know, in words that both sides agree on.
    pub note: String,
    /// Its file mode mask.
    pub umask: Umask,
}

/// The process that is going to become the program.
#[derive(Debug, Serialize, Deserialize)]
pub struct Taker {
    /// The process.
    pub process: Identity,
    /// Its terminal.
    pub tty: Option<String>,
}

/// A socket at which a process waits for another one, to give it a program.
#[derive(Debug)]
pub struct Meeting {
    listener: UnixListener,
}

/// The other one is there, and waits for the program.
#[derive(Debug)]
pub struct Met {
    stream: UnixStream,
    /// The process that came.
    pub taker: Taker,
}

/// The reason a program was not handed over.
#[derive(Debug)]
pub enum NotTaken {
    /// The other one ended, or did not say anything in time.
    Gone,
    /// It could not become the program.
    Failed(io::Error),
}

impl Meeting {
    /// Waits in `directory`, which is this user's only.
    pub fn at(directory: &Path) -> io::Result<Self> {
        let listener = there(directory, || UnixListener::bind(SOCKET))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener })
    }

    /// Waits for the next process that comes. `None` if nobody came within half a minute, or as soon as
    /// `expected` says that nobody will.
    pub fn wait(&self, expected: impl Fn() -> bool) -> io::Result<Option<Met>> {
        let end = Instant::now() + PATIENCE;
        let mut rounds = 0_u32;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(hello(&stream)?.map(|taker| Met { stream, taker }));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            rounds += 1;
            if Instant::now() > end || (rounds.is_multiple_of(20) && !expected()) {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Reads the line in which the other side says who it is; `None` if it is late, gone, or says something
/// else.
fn hello(mut stream: &UnixStream) -> io::Result<Option<Taker>> {
    let mut line = Vec::new();
    let mut piece = [0; 512];
    // It says nothing more before it is answered.
    while !line.ends_with(b"\n") && line.len() < 4096 {
        match stream.read(&mut piece) {
            Ok(0) => return Ok(None),
            Ok(count) => line.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_late(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(serde_json::from_slice(&line).ok())
}

impl Met {
    /// Hands the program over, and waits until the other one has become it.
    pub fn hand(mut self, handed: &Handed) -> Result<(), NotTaken> {
        let gone = |_| NotTaken::Gone;
        self.stream.write_all(&pack(handed)).map_err(gone)?;
        self.stream.shutdown(std::net::Shutdown::Write).map_err(gone)?;
        // Its end of the socket is closed when it becomes the program.
        let mut said = Vec::new();
        self.stream.take(1024).read_to_end(&mut said).map_err(gone)?;
        match said.split_first() {
            Some((&READY, [])) => Ok(()),
            Some((&READY, number)) => {
                let text = String::from_utf8_lossy(number);
                let number = text.parse().map(io::Error::from_raw_os_error);
                Err(NotTaken::Failed(number.unwrap_or_else(|_| io::Error::other(text))))
            }
            _ => Err(NotTaken::Gone),
        }
    }
}

/// Asks in `directory` for the program to become. The stream has to be given back ([`failed`]) if that fails;
/// it closes by itself if not.
pub fn take(directory: &Path) -> io::Result<(Handed, UnixStream)> {
    let mut stream = there(directory, || UnixStream::connect(SOCKET))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let me = Taker { process: Identity::current(), tty: terminal() };
    let mut line = serde_json::to_vec(&me)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut packed = Vec::new();
    (&stream).take(MOST).read_to_end(&mut packed)?;
    let handed =
        unpack(&packed).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "it was not all said"))?;
    stream.write_all(&[READY])?;
    Ok((handed, stream))
}

/// Says that this process could not become the program it was given.
pub fn failed(mut stream: UnixStream, error: &io::Error) {
    let said = error.raw_os_error().map_or_else(|| error.to_string(), |number| number.to_string());
    let _ = stream.write_all(said.as_bytes());
}

/// Runs `act` in `directory`: the path of a socket has at most 107 bytes, and a directory may have more.
fn there<T>(directory: &Path, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    // Where it is known, the flag by which a directory need not be readable.
    #[cfg(target_os = "linux")]
    let kind = rustix::fs::OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let kind = rustix::fs::OFlags::RDONLY;
    let before = rustix::fs::open(".", kind | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty())?;
    rustix::process::chdir(directory)?;
    let done = act();
    rustix::process::fchdir(&before)?;
    done
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Writes a count, then each piece with its length: mask, directory, note, number of words, the words,
/// the variables.
fn pack(handed: &Handed) -> Vec<u8> {
    let mut pieces = vec![
        handed.umask.bits().to_string().into_bytes(),
        handed.directory.as_os_str().as_bytes().to_vec(),
        handed.note.clone().into_bytes(),
        handed.command.len().to_string().into_bytes(),
    ];
    pieces.extend(handed.command.iter().map(|word| word.as_bytes().to_vec()));
    for (name, value) in &handed.environment {
        pieces.extend([name.as_bytes().to_vec(), value.as_bytes().to_vec()]);
    }
    let mut packed = (pieces.len() as u64).to_le_bytes().to_vec();
    for piece in pieces {
        packed.extend((piece.len() as u64).to_le_bytes());
        packed.extend(piece);
    }
    packed
}

/// Reads what [`pack`] wrote; `None` if part of it is missing.
fn unpack(packed: &[u8]) -> Option<Handed> {
    let mut rest = packed;
    let number = |rest: &mut &[u8]| -> Option<usize> {
        let (head, tail) = rest.split_first_chunk::<8>()?;
        *rest = tail;
        usize::try_from(u64::from_le_bytes(*head)).ok()
    };
    let count = number(&mut rest)?;
    let mut pieces = Vec::new();
    for _ in 0..count {
        let length = number(&mut rest)?;
        let (piece, tail) = rest.split_at_checked(length)?;
        pieces.push(OsStr::from_bytes(piece).to_owned());
        rest = tail;
    }
    let mut pieces = pieces.into_iter();
    let umask = Umask::of(pieces.next()?.to_str()?.parse().ok()?);
    let directory = PathBuf::from(OsString::from_vec(pieces.next()?.into_vec()));
    let note = pieces.next()?.into_string().ok()?;
    let words: usize = pieces.next()?.to_str()?.parse().ok()?;
    let command: Vec<OsString> = pieces.by_ref().take(words).collect();
    let mut environment = BTreeMap::new();
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        environment.insert(name, value);
    }
    (command.len() == words && rest.is_empty()).then_some(Handed {
        command,
        environment,
        directory,
        note,
        umask,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_arrives_as_it_was_and_half_of_it_not_at_all() {
        let handed = Handed {
            command: vec!["/bin/claude".into(), OsString::from_vec(vec![0xff, b'a']), "".into()],
            environment: [("A".into(), "with\nlines".into()), ("B".into(), "".into())].into(),
            directory: "/somewhere".into(),
            note: "a note".into(),
            umask: Umask::of(0o027),
        };
        let packed = pack(&handed);
        let found = unpack(&packed).expect("all of it");
        assert_eq!((&found.command, &found.environment), (&handed.command, &handed.environment));
        assert_eq!(found.note, handed.note);
        assert_eq!((found.directory, found.umask.bits()), (handed.directory, 0o027));
        for end in 0..packed.len() {
            assert!(unpack(&packed[..end]).is_none(), "{end} of {} bytes", packed.len());
        }
    }
}

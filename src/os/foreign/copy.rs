//! Copying what is on foreign ground, and reading it through: bounded, without its holes, up to its last whole line.
//!
//! A file of a terabyte that is one hole takes no space, and is made in a moment: nobody has the time to read it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::{Foreign, Unfit};

/// The largest file that is copied, in bytes.
const LARGEST: u64 = 16 << 30;

/// How far from its end a file is looked through for the end of its last line.
const LONGEST_REST: u64 = 256 << 20;

impl Foreign {
    /// Copies the regular file `from` here, mode 0600, with its time, whole or not at all; a file that was here is
    /// replaced, and a link not followed. Durable when it returns. Fails with [`Unfit::TooLarge`] above 16 GiB.
    pub fn copy_from(&self, from: &Self) -> io::Result<()> {
        let (source, facts) = from.open()?.ok_or(io::ErrorKind::NotFound)?;
        super::system::put(
            self,
            &mut |copy| {
                copy_data(&source, copy, facts.size)?;
                copy.set_modified(facts.modified)
            },
            true,
        )
        .map(drop)
    }
}

/// Copies the first `size` bytes of `from` to the empty file `to`, and makes no room for what is a hole. The kernel
/// copies without a detour where it can, and shares the blocks where the file system can. Fails with
/// [`Unfit::TooLarge`] above 16 GiB.
pub fn copy_data(from: &File, to: &File, size: u64) -> io::Result<()> {
    if size > LARGEST {
        return Err(Unfit::TooLarge(LARGEST).into());
    }
    let (mut from, mut to) = (from, to);
    let mut at = 0;
    while let Some((start, end)) = next_data(from, at, size) {
        from.seek(SeekFrom::Start(start))?;
        to.seek(SeekFrom::Start(start))?;
        let copied = io::copy(&mut Read::by_ref(&mut from).take(end - start), &mut to)?;
        if copied < end - start {
            // It was cut meanwhile.
            return to.set_len(start + copied);
        }
        at = end;
    }
    to.set_len(size)
}

/// Returns the next piece of `file` from `at` on that is no hole, as far as the system tells; `None` at `size`.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn next_data(file: &File, at: u64, size: u64) -> Option<(u64, u64)> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    if at >= size {
        return None;
    }
    match seek(file, SeekFrom::Data(at)) {
        Ok(start) if start >= size => None,
        Ok(start) => {
            let end = seek(file, SeekFrom::Hole(start)).unwrap_or(size);
            Some((start, end.clamp(start + 1, size)))
        }
        // From here on there is nothing but a hole.
        Err(Errno::NXIO) => None,
        // The file system does not tell.
        Err(_) => Some((at, size)),
    }
}

/// Returns all from `at` on: what is a hole is not to be told here.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn next_data(_file: &File, at: u64, size: u64) -> Option<(u64, u64)> {
    (at < size).then_some((at, size))
}

/// The size from which on a file is looked through for holes: below it, reading them is as quick.
const WORTH_ASKING: u64 = 16 << 20;

/// The most that may be missing of a file whose holes are filled in, as in an archive.
const MOST_HOLES: u64 = 64 << 20;

/// A file that is read through from its beginning, without its holes.
#[derive(Debug)]
pub struct WithoutHoles {
    file: File,
    at: u64,
    /// The end of the piece that is being read.
    end: u64,
    size: u64,
}

impl WithoutHoles {
    /// Returns the first `size` bytes of `file`.
    pub fn new(file: File, size: u64) -> Self {
        Self { file, at: 0, end: if size > WORTH_ASKING { 0 } else { size }, size }
    }
}

impl Read for WithoutHoles {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.end {
            let Some((start, end)) = next_data(&self.file, self.at, self.size) else { return Ok(0) };
            self.file.seek(SeekFrom::Start(start))?;
            (self.at, self.end) = (start, end);
        }
        let most = buffer.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most])?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Fails with [`Unfit::Holes`] if much of the first `size` bytes of a file are holes, which would have to be filled in.
pub fn few_holes(file: &File, size: u64) -> io::Result<()> {
    let (mut at, mut holes) = (0, 0);
    if size <= WORTH_ASKING {
        return Ok(());
    }
    while at < size {
        let (start, end) = next_data(file, at, size).unwrap_or((size, size));
        holes += start - at;
        if holes > MOST_HOLES {
            return Err(Unfit::Holes.into());
        }
        at = end;
    }
    let mut file = file;
    file.rewind()
}

/// Returns how many bytes of a file of `size` bytes are whole lines: one that is being written to may end in the
/// middle of one. Fails with [`Unfit::NoLines`] where its last 256 MiB have no end of a line.
pub fn whole_lines(file: &File, size: u64) -> io::Result<u64> {
    const STEP: u64 = 64 << 10;
    let first = size.saturating_sub(LONGEST_REST);
    let mut pieces = Vec::new();
    if size > WORTH_ASKING {
        let mut at = first;
        while let Some((start, end)) = next_data(file, at, size) {
            pieces.push((start, end));
            at = end;
        }
    } else {
        pieces.push((first, size));
    }
    let (mut file, mut buffer) = (file, Vec::new());
    for (piece, mut end) in pieces.into_iter().rev() {
        while end > piece {
            let start = end.saturating_sub(STEP).max(piece);
            buffer.clear();
            file.seek(SeekFrom::Start(start))?;
            Read::by_ref(&mut file).take(end - start).read_to_end(&mut buffer)?;
            if let Some(at) = buffer.iter().rposition(|byte| *byte == b'\n') {
                file.rewind()?;
                return Ok(start + at as u64 + 1);
            }
            end = start;
        }
    }
    file.rewind()?;
    if first == 0 { Ok(0) } else { Err(Unfit::NoLines.into()) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_copied_is_what_was_there_without_its_holes() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let ground = Foreign::ground(dir.path());
        let mut file = File::create(dir.path().join("from")).expect("made");
        file.write_all(b"begin\n").expect("written");
        file.seek(SeekFrom::Start(64 << 20)).expect("moved");
        file.write_all(b"end\n").expect("written");
        file.set_len(96 << 20).expect("made longer");
        let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        file.set_modified(then).expect("set");
        fs::write(dir.path().join("to"), "what was there").expect("written");
        ground.join("to").copy_from(&ground.join("from")).expect("copied");
        let read = |name: &str| fs::read(dir.path().join(name)).expect("there");
        assert!(read("to") == read("from"), "byte for byte");
        let about = fs::metadata(dir.path().join("to")).expect("there");
        assert_eq!(about.modified().expect("a time"), then);
        #[cfg(target_os = "linux")]
        assert!(std::os::unix::fs::MetadataExt::blocks(&about) < 2048, "holes take no room: {about:?}");
        file.set_len(LARGEST + 1).expect("made longer");
        let refused = ground.join("to").copy_from(&ground.join("from")).expect_err("too large");
        assert_eq!(super::super::unfit(&refused), Some(Unfit::TooLarge(LARGEST)));
        assert_eq!(read("to").len(), 96 << 20, "and what was there stays");
    }

    #[test]
    fn lines_are_whole_up_to_the_last_end_of_one() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let whole = |text: &[u8], longer: u64| {
            fs::write(dir.path().join("file"), text).expect("written");
            let file = fs::OpenOptions::new().read(true).write(true).open(dir.path().join("file"));
            let file = file.expect("opened");
            let size = text.len() as u64 + longer;
            file.set_len(size).expect("made longer");
            whole_lines(&file, size)
        };
        let long = [b"one\n".as_slice(), &vec![b'a'; 100_000]].concat();
        // What is behind the end of the last line may be a hole.
        assert_eq!(whole(b"one\ntorn", 100 << 20).expect("looked"), 4);
        for (text, size) in [(b"".as_slice(), 0), (b"torn", 0), (b"one\n", 4), (b"one\ntorn", 4), (&long, 4)]
        {
            assert_eq!(whole(text, 0).expect("looked"), size);
        }
        let refused = whole(b"one\n", 3 << 30).expect_err("three gigabytes without a line");
        assert_eq!(super::super::unfit(&refused), Some(Unfit::NoLines));
    }

    #[test]
    fn what_is_read_through_has_no_holes() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("file");
        let mut file = File::create(&path).expect("made");
        file.write_all(b"begin\n").expect("written");
        file.seek(SeekFrom::Start(3 << 30)).expect("moved");
        file.write_all(b"end\n").expect("written");
        let open = || File::open(&path).expect("there");
        let size = file.metadata().expect("there").len();
        let mut content = Vec::new();
        WithoutHoles::new(open(), size).read_to_end(&mut content).expect("read");
        content.retain(|byte| *byte != 0);
        assert_eq!(content, b"begin\nend\n");
        if cfg!(target_os = "linux") {
            let refused = few_holes(&open(), size).expect_err("all but a little is one");
            assert_eq!(super::super::unfit(&refused), Some(Unfit::Holes));
        }
        few_holes(&open(), 6).expect("none");
        let mut small = Vec::new();
        WithoutHoles::new(open(), 3).read_to_end(&mut small).expect("read");
        assert_eq!(small, b"beg", "no more than was asked for");
    }
}

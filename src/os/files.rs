//! Files and directories for their owner only, made so that nobody ever sees half of one.
//!
//! Every call that the standard library does not retry after a signal is retried here:
//! `rename`, `link`, `mkdir` and `fsync` on a directory all surface `EINTR`.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `call` again for as long as a signal interrupts it.
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Returns the names in the directory `path` that begin with `beginning`, unordered; none where there is no such
/// directory. Names that are not UTF-8 are skipped. Fails where it is there and cannot be read to its end.
pub fn names_in(path: &Path, beginning: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let listed = each_name(path, |name| {
        let name = name.as_encoded_bytes();
        if name.starts_with(beginning.as_bytes()) {
            names.extend(std::str::from_utf8(name).map(str::to_owned));
        }
    });
    match listed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(names),
    }
}

/// Returns the paths of all that is in the directory `path`, unordered. Fails where it is not there, or cannot be read
/// to its end.
///
/// In place of the standard library's, which ends the process where the directory cannot be closed again.
pub fn entries_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    each_name(path, |name| entries.push(path.join(name)))?;
    Ok(entries)
}

/// Calls `tell` with each name in the directory `path`.
#[cfg(target_os = "linux")]
fn each_name(path: &Path, mut tell: impl FnMut(&std::ffi::OsStr)) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, RawDir, open};
    use std::os::unix::ffi::OsStrExt;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = uninterrupted(|| Ok(open(path, flags, Mode::empty())?))?;
    // The standard library makes three allocations of each name: with ten thousand that is felt.
    let mut buffer = Vec::with_capacity(32 << 10);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Err(rustix::io::Errno::INTR) => continue,
            entry => entry?,
        };
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            tell(std::ffi::OsStr::from_bytes(name));
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn each_name(path: &Path, mut tell: impl FnMut(&std::ffi::OsStr)) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        tell(&entry?.file_name());
    }
    Ok(())
}

/// Calls `attempt` again for most of a second, as long as it fails. For a file that another program rewrites, and a
/// disk or a table of files that is short of something for a moment: what is there is not taken for absent. A process
/// that has waited in vain does not wait again.
pub fn patiently<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    const PAUSES: [u64; 6] = [10, 20, 50, 100, 200, 400];
    static SPENT: AtomicBool = AtomicBool::new(false);
    for pause in PAUSES {
        let done = attempt();
        if done.is_ok() || SPENT.load(Ordering::Relaxed) {
            return done;
        }
        std::thread::sleep(std::time::Duration::from_millis(pause));
    }
    let done = attempt();
    SPENT.store(done.is_err(), Ordering::Relaxed);
    done
}

/// Makes one directory, mode 0700 at creation. An existing *directory* is fine and keeps its mode;
/// anything else there is an error.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let make = || {
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            fs::DirBuilder::new().mode(0o700).create(path)
        }
        #[cfg(not(unix))]
        {
            fs::create_dir(path)
        }
    };
    match uninterrupted(make) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        done => done,
    }
}

/// Makes a directory and those above it that are missing, each mode 0700.
pub fn create_private_dirs(path: &Path) -> io::Result<()> {
    create_private_dirs_below(Path::new(""), path)
}

/// Makes a directory and those above it that are missing, each mode 0700, but never `base` or anything
/// above it: if `base` is gone, nothing is made.
pub fn create_private_dirs_below(base: &Path, path: &Path) -> io::Result<()> {
    match create_private_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent() {
            Some(parent) if parent != base => {
                create_private_dirs_below(base, parent)?;
                create_private_dir(path)
            }
            _ => Err(error),
        },
        done => done,
    }
}

/// Makes the file `path` with `content`, mode 0600, whole or not at all. Returns `Ok(false)` if something
/// is there already, which is untouched. Durable when it returns.
pub fn publish_file(path: &Path, content: &[u8]) -> io::Result<bool> {
    let staged = stage(path, content, true)?;
    let linked = match uninterrupted(|| fs::hard_link(&staged, path)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // Some file systems have no hard links; creating exclusively keeps the promise that one
        // of many wins, though a crash can then leave the winner's file short.
        Err(error) if path.symlink_metadata().is_err() && cannot_link(&error) => {
            create_private_file(path, content, true)
        }
        Err(error) => Err(error),
    };
    let _ = uninterrupted(|| fs::remove_file(&staged));
    if matches!(linked, Ok(true)) {
        sync_parent(path);
    }
    linked
}

/// Replaces the file `path` (or makes it), mode 0600, so that a reader sees the old or the new
/// content whole. With `durable` it has reached the disk when this returns.
pub fn replace_file(path: &Path, content: &[u8], durable: bool) -> io::Result<()> {
    let staged = stage(path, content, durable)?;
    if let Err(error) = uninterrupted(|| fs::rename(&staged, path)) {
        let _ = fs::remove_file(&staged);
        return Err(error);
    }
    if durable {
        sync_parent(path);
    }
    Ok(())
}

/// Replaces a file that is not ours, in its own mode, or makes one that others may read, so that a
/// reader sees the old or the new content whole. Durable when it returns.
pub fn rewrite_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let staged = stage(path, content, true)?;
    let finish = || {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = path.metadata().map_or(0o644, |about| about.permissions().mode() & 0o7777);
            fs::set_permissions(&staged, fs::Permissions::from_mode(mode))?;
        }
        uninterrupted(|| fs::rename(&staged, path))
    };
    if let Err(error) = finish() {
        let _ = fs::remove_file(&staged);
        return Err(error);
    }
    sync_parent(path);
    Ok(())
}

/// Writes `content` over the file `path` in place, mode 0600, as one write of whole 512-byte blocks
/// (filled up with newlines). For a note that every launch rewrites: replacing it by a rename makes
/// the file system flush it, at eight times the cost (ext4). A crash leaves the old block or the
/// new one; a reader at this very instant may see some of both, so what is noted must be of no harm
/// when it is read so.
pub fn overwrite_note(path: &Path, content: &str) -> io::Result<()> {
    const BLOCK: usize = 512;
    let mut block = content.as_bytes().to_vec();
    block.resize(block.len().next_multiple_of(BLOCK), b'\n');
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    let mut file = options.open(path)?;
    file.write_all(&block)?;
    settle(&file)
}

/// Gives the directory `from` the name `to`, which must not exist. Both are on one file system.
/// When this has returned `Ok`, the change is committed.
pub fn publish_dir(from: &Path, to: &Path) -> io::Result<()> {
    rename_new(from, to)?;
    sync_parent(to);
    sync_parent(from);
    Ok(())
}

/// Gives the file `from` the name `to`, in the place of the regular file there, if there is one. Fails where
/// anything else stands there ([`not_a_file`]). Both are in one directory.
pub fn put_in_place(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(what) = not_a_file(to) {
        return Err(io::Error::other(format!("it is {what}")));
    }
    uninterrupted(|| fs::rename(from, to))?;
    sync_parent(to);
    Ok(())
}

/// Returns what stands at `path` where a person wants a file, with its article; `None` for a regular file, and if
/// nothing is there. A link is a link, whatever it leads to.
pub fn not_a_file(path: &Path) -> Option<&'static str> {
    let kind = path.symlink_metadata().ok()?.file_type();
    if kind.is_file() {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a FIFO");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }
    }
    match () {
        () if kind.is_dir() => Some("a directory"),
        () if kind.is_symlink() => Some("a link"),
        () => Some("something else than a file"),
    }
}

/// Removes the file `path`. One that is not there is as good as removed.
pub fn remove_file(path: &Path) -> io::Result<()> {
    match uninterrupted(|| fs::remove_file(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Removes the symbolic link `path`, never what it points to. One that is not there is as good as
/// removed.
pub fn remove_link(path: &Path) -> io::Result<()> {
    match remove_file(path) {
        // A link to a directory is a directory there, for those who remove it.
        Err(error) if cfg!(windows) && path.is_symlink() => fs::remove_dir(path).map_err(|_| error),
        done => done,
    }
}

/// Makes the symbolic link `path` to `target`. `Ok(false)` if something is there already.
pub fn make_link(path: &Path, target: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    let made = uninterrupted(|| std::os::unix::fs::symlink(target, path));
    #[cfg(windows)]
    let made = if target.is_dir() {
        std::os::windows::fs::symlink_dir(target, path)
    } else {
        std::os::windows::fs::symlink_file(target, path)
    };
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the symbolic link `path` to `target`, in the place of the link there, if there is one: whoever looks sees
/// the old or the new one. Fails where anything else stands there.
#[cfg(unix)]
pub fn replace_link(path: &Path, target: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|about| !about.is_symlink()) {
        return Err(io::Error::other("it is no link, so nothing of ours"));
    }
    let staged = staged_beside(path)?;
    make_link(&staged, target)?;
    if let Err(error) = uninterrupted(|| fs::rename(&staged, path)) {
        let _ = fs::remove_file(&staged);
        return Err(error);
    }
    sync_parent(path);
    Ok(())
}

/// Reads a regular file of at most 16 MiB; `None` if nothing is there. Fails, without waiting, for a
/// FIFO, a device or a directory.
pub fn read_optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match open_without_waiting(path) {
        Ok(file) => read_opened(file).map(Some),
        Err(error) if missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Does the work of [`read_optional`] on a file that was opened without waiting.
pub(super) fn read_opened(mut file: fs::File) -> io::Result<Vec<u8>> {
    const LIMIT: u64 = 16 << 20;
    // Nearly every file of ours fits here, and a read of a regular file is only short at its end.
    // What is larger, or reads as empty (as a FIFO without a writer does), is looked at closer; a
    // directory is an error by itself.
    let mut buffer = [0; 1024];
    let filled = uninterrupted(|| file.read(&mut buffer))?;
    if (1..buffer.len()).contains(&filled) {
        return Ok(buffer[..filled].to_vec());
    }
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if about.len() > LIMIT {
        return Err(io::Error::other("larger than 16 MiB"));
    }
    let mut content = buffer[..filled].to_vec();
    file.take(LIMIT).read_to_end(&mut content)?;
    Ok(content)
}

/// Reads a regular file of at most `limit` bytes that a stranger may have put there; `None` if nothing is
/// there. Fails for anything else without opening it: opening alone does something to a FIFO or a device.
pub fn read_small(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let too_large = || io::Error::other(format!("larger than {limit} bytes"));
    let Some(file) = open_small(path, limit, &too_large)? else { return Ok(None) };
    read_at_most(file, limit, &too_large).map(Some)
}

/// Opens a regular file of at most `limit` bytes, above which `too_large` is the error; `None` if nothing is there.
/// Anything else fails without being opened.
pub(super) fn open_small(
    path: &Path,
    limit: u64,
    too_large: &dyn Fn() -> io::Error,
) -> io::Result<Option<fs::File>> {
    let fits = |about: fs::Metadata| match about.is_file() {
        true if about.len() > limit => Err(too_large()),
        true => Ok(()),
        false => Err(io::Error::other("not a regular file")),
    };
    match path.metadata() {
        Ok(about) => fits(about)?,
        Err(error) if missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    let file = open_without_waiting(path)?;
    // Something else may stand there by now.
    fits(file.metadata()?)?;
    Ok(Some(file))
}

/// Reads an open file, which may grow meanwhile; `too_large` is the error above `limit` bytes.
pub(super) fn read_at_most(
    file: fs::File,
    limit: u64,
    too_large: &dyn Fn() -> io::Error,
) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit { Err(too_large()) } else { Ok(content) }
}

/// Opens a file for reading, and does not wait for the other end of a FIFO.
pub(super) fn open_without_waiting(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    options.open(path)
}

/// Returns the path with every link resolved, as other programs name it. On Windows the `\\?\` that the
/// system's own answer begins with is taken off: few programs write paths so.
pub fn real_path(path: &Path) -> io::Result<PathBuf> {
    let real = fs::canonicalize(path)?;
    #[cfg(windows)]
    if let Some(text) = real.to_str() {
        if let Some(share) = text.strip_prefix(r"\\?\UNC\") {
            return Ok(PathBuf::from(format!(r"\\{share}")));
        }
        if let Some(path) = text.strip_prefix(r"\\?\").filter(|path| path.as_bytes().get(1) == Some(&b':')) {
            return Ok(PathBuf::from(path));
        }
    }
    Ok(real)
}

/// Returns the path with every link resolved ([`real_path`]); `None` if that leads to nothing, or round in a circle.
/// Fails where the system cannot say.
pub fn resolved(path: &Path) -> io::Result<Option<PathBuf>> {
    match real_path(path) {
        Ok(real) => Ok(Some(real)),
        Err(error) if missing(&error) || is_no_name(&error) => Ok(None),
        #[cfg(unix)]
        Err(error) if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::LOOP) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns true if only this user can reach the file `path`: the file has no permissions for others, or
/// one of the directories above it that belong to this user has none. On systems other than Unix every
/// existing file counts as private: the system sees to that.
pub fn only_owner_reaches(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let user = rustix::process::geteuid().as_raw();
        let is_open_to_others = |about: &fs::Metadata| about.mode() & 0o077 != 0;
        let Ok(real) = real_path(path) else { return false };
        real.ancestors()
            .filter_map(|part| part.metadata().ok())
            .any(|about| about.uid() == user && !is_open_to_others(&about))
    }
    #[cfg(not(unix))]
    {
        path.exists()
    }
}

/// Returns true if two paths lead to one and the same existing file or directory.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    real_path(a).is_ok_and(|a| real_path(b).is_ok_and(|b| a == b))
}

/// Returns true unless nothing at all is at `path`; a dangling link is something. Where the system cannot say, there
/// may be something: it is neither made again nor taken for gone.
pub fn exists(path: &Path) -> bool {
    !matches!(look(path), Ok(None))
}

/// Returns what the system says of `path` itself, not of what a link leads to; `None` if nothing is there. Fails
/// where it cannot say.
pub fn look(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match path.symlink_metadata() {
        Err(error) if missing(&error) || is_no_name(&error) => Ok(None),
        about => about.map(Some),
    }
}

/// Returns the target of the link at `path`; `None` if nothing is there, or no link. Fails where the system cannot
/// say.
pub fn link_at(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::read_link(path) {
        Ok(target) => Ok(Some(target)),
        // Not a link: EINVAL, or ERROR_NOT_A_REPARSE_POINT.
        Err(error) if matches!(error.raw_os_error(), Some(22 | 4390)) => Ok(None),
        Err(error) if missing(&error) || is_no_name(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns true if `path` is a directory itself, not a link to one.
pub fn is_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_dir())
}

/// Flushes all that was written to the file system of `path`, where the system can (Linux); elsewhere the
/// directories below it, and the files themselves have to be flushed. Fails where the disk does.
pub fn flush_file_system(path: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let dir = fs::File::open(path)?;
        uninterrupted(|| Ok(rustix::fs::syncfs(&dir)?))
    }
    #[cfg(not(target_os = "linux"))]
    flush_directories(path)
}

/// Flushes the directory `path` and those below it, links not followed, so that no power cut takes an entry of them
/// away. The files themselves have to be flushed. Fails where the disk does.
pub fn flush_directories(path: &Path) -> io::Result<()> {
    for entry in entries_of(path)? {
        if entry.symlink_metadata()?.is_dir() {
            flush_directories(&entry)?;
        }
    }
    #[cfg(unix)]
    {
        let dir = fs::File::open(path)?;
        match uninterrupted(|| dir.sync_all()) {
            // Some network file systems cannot, and have no need to.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {}
            done => done?,
        }
    }
    Ok(())
}

/// Fails if what was written to `file` is not taken by its file system. One that other machines reach says so as
/// late as when the file is closed, and the standard library passes that on to nobody; flushing it says so too.
/// On a disk of this machine the write itself has said it, and nothing is flushed.
pub fn settle(file: &fs::File) -> io::Result<()> {
    if super::disk::is_remote(file) { uninterrupted(|| file.sync_all()) } else { Ok(()) }
}

/// Flushes standard output to the disk, if it is a regular file.
pub fn flush_output() -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::fs::{FileType, fstat, fsync};
        let output = rustix::stdio::stdout();
        if FileType::from_raw_mode(fstat(output)?.st_mode) == FileType::RegularFile {
            return uninterrupted(|| Ok(fsync(output)?));
        }
    }
    Ok(())
}

/// Makes the file `path`, mode 0600, for writing; an error if something is there already.
pub fn new_private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    uninterrupted(|| options.open(path))
}

/// Makes now the time of the last change of a file, as far as that can be.
pub fn touch(path: &Path) {
    if let Ok(file) = OpenOptions::new().append(true).open(path) {
        let _ = file.set_modified(std::time::SystemTime::now());
    }
}

/// Opens the regular file `path` for reading. A link, a FIFO, a device or a directory in its place is an
/// error and is not waited for.
pub fn open_regular(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed());
    }
    if path.symlink_metadata()?.is_symlink() {
        return Err(io::Error::other("it is a link"));
    }
    let file = uninterrupted(|| options.open(path))?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// Flushes a directory's entries to the disk, as far as the system can.
fn sync_dir(path: &Path) {
    // Failing to flush is no failure to commit: the entry is already visible to everyone, and a
    // caller that reported an error now would report one for a change that stands.
    #[cfg(unix)]
    if let Ok(dir) = fs::File::open(path) {
        let _ = uninterrupted(|| dir.sync_all());
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn sync_parent(path: &Path) {
    if let Some(parent) = path.parent() {
        sync_dir(parent);
    }
}

/// Returns true if the error says that nothing is there. A path through a file (`ENOTDIR`) says so too.
pub(super) fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Returns true if the error says that nothing can ever be there: the path is too long, or no path at all.
fn is_no_name(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput)
}

fn cannot_link(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
        || error.raw_os_error() == Some(95)
}

/// Returns the path of a fresh hidden file beside `path`.
fn staged_beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("no file name"))?;
    let mut staged = std::ffi::OsString::from(".");
    staged.push(name);
    staged.push(format!(".{}.new", uuid::Uuid::now_v7().simple()));
    Ok(path.with_file_name(staged))
}

/// Writes `content` to a fresh file beside `path` and returns where.
fn stage(path: &Path, content: &[u8], durable: bool) -> io::Result<PathBuf> {
    let staged = staged_beside(path)?;
    match create_private_file(&staged, content, durable) {
        Ok(_) => Ok(staged),
        Err(error) => {
            let _ = fs::remove_file(&staged);
            Err(error)
        }
    }
}

/// Makes the file `path` with `content`, mode 0600; `Ok(false)` if something is there already.
/// A crash can leave it short: for files in a directory that is published whole afterwards. With
/// `durable` it has reached the disk when this returns.
pub fn create_private_file(path: &Path, content: &[u8], durable: bool) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    };
    file.write_all(content)?;
    if durable {
        uninterrupted(|| file.sync_all())?;
    } else {
        settle(&file)?;
    }
    Ok(true)
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let renamed = uninterrupted(|| Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?));
    match renamed {
        // Network and FUSE file systems may not know the flag.
        Err(error) if matches!(error.raw_os_error(), Some(22 | 38 | 45 | 95)) => rename_if_free(from, to),
        done => done,
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    rename_if_free(from, to)
}

/// Renames if the target is free, looking first. Another process could take the name in between, but a
/// name here is a fresh id of ours, and renaming a directory onto a full one fails anyway.
fn rename_if_free(from: &Path, to: &Path) -> io::Result<()> {
    if exists(to) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut attempts = 0;
    loop {
        match uninterrupted(|| fs::rename(from, to)) {
            // On Windows a scanner may hold a fresh file open for some milliseconds.
            Err(error)
                if cfg!(windows) && attempts < 5 && error.kind() == io::ErrorKind::PermissionDenied =>
            {
                attempts += 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            done => return done,
        }
    }
}

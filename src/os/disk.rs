//! The file system something lies on.

use std::io;
use std::path::Path;

/// Free space and kind of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that this user may still write.
    pub free: u64,
    /// Its kind, if other machines reach it, as far as the system says (Linux).
    pub network: Option<&'static str>,
}

/// Returns the file system of `path`, or of the nearest directory above it that exists.
pub fn disk_of(path: &Path) -> io::Result<Disk> {
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    #[cfg(target_os = "linux")]
    {
        let about = rustix::fs::statfs(there)?;
        let block = u64::try_from(about.f_bsize).unwrap_or(0);
        // The kind is a number of 32 bits, which some systems hold with a sign.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the upper half is the sign's"
        )]
        let kind = about.f_type as u32;
        let network = if kind == FUSE { fuse_below(there) } else { network(kind) };
        Ok(Disk { free: block.saturating_mul(about.f_bavail), network })
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        let about = rustix::fs::statvfs(there)?;
        Ok(Disk { free: about.f_frsize.saturating_mul(about.f_bavail), network: None })
    }
    #[cfg(not(unix))]
    {
        let _ = there;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Returns true if other machines may reach what an open file lies on, or a program of its own keeps it, as far as
/// the system says (Linux).
pub(super) fn is_remote(file: &std::fs::File) -> bool {
    #[cfg(target_os = "linux")]
    {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as in `disk_of`")]
        rustix::fs::fstatfs(file).is_ok_and(|about| {
            let kind = about.f_type as u32;
            kind == FUSE || network(kind).is_some()
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}

/// Returns the kind of a network file system by its number (`statfs(2)`).
#[cfg(target_os = "linux")]
fn network(kind: u32) -> Option<&'static str> {
    match kind {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9P"),
        0x5346_414f | 0x6b41_4653 => Some("AFS"),
        0x0bd0_0bd0 => Some("Lustre"),
        0x4750_4653 => Some("GPFS"),
        0x1983_0326 => Some("BeeGFS"),
        0x0116_1970 => Some("GFS2"),
        0x7461_636f => Some("OCFS2"),
        0x2003_0528 => Some("OrangeFS"),
        0xaad7_aaea => Some("PanFS"),
        0x786f_4256 | 0xbacb_acbc => Some("a shared folder of the virtual machine's host"),
        0x7375_7245 => Some("Coda"),
        0x00c3_6400 => Some("Ceph"),
        _ => None,
    }
}

/// The number of file systems that programs provide, of whatever kind (`statfs(2)`).
#[cfg(target_os = "linux")]
const FUSE: u32 = 0x6573_5546;

/// Those of them that lie on other machines, by their types in `/proc/self/mountinfo`.
#[cfg(target_os = "linux")]
const FUSE_KINDS: &[(&str, &str)] = &[
    ("fuse.ceph", "Ceph"),
    ("fuse.ceph-fuse", "Ceph"),
    ("fuse.gcsfuse", "gcsfuse"),
    ("fuse.glusterfs", "GlusterFS"),
    ("fuse.juicefs", "JuiceFS"),
    ("fuse.mount.davfs", "WebDAV"),
    ("fuse.rclone", "rclone"),
    ("fuse.s3fs", "s3fs"),
    ("fuse.sshfs", "sshfs"),
];

/// Returns the kind of the network file system that a program provides at `path`; `None` if the files are
/// of this machine. Reads `/proc/self/mountinfo`.
#[cfg(target_os = "linux")]
fn fuse_below(path: &Path) -> Option<&'static str> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    fuse_kind(&mounts, &std::fs::canonicalize(path).ok()?)
}

/// Does the work of [`fuse_below`] on the text of `mountinfo` (proc(5): the fifth field is the mount
/// point, the first after the dash the kind).
#[cfg(target_os = "linux")]
fn fuse_kind(mounts: &str, path: &Path) -> Option<&'static str> {
    let mounted = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let place = left.split(' ').nth(4)?.replace("\\040", " ");
        let depth = Path::new(&place).components().count();
        path.starts_with(&place).then(|| (depth, right.split(' ').next().unwrap_or_default().to_owned()))
    };
    // Of two at one place the later one hides the earlier.
    let (_, kind) = mounts.lines().filter_map(mounted).max_by_key(|(depth, _)| *depth)?;
    FUSE_KINDS.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_shows_is_known_by_what_is_mounted_nearest() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      40 22 0:50 / /home/me/far\\040away rw,nosuid - fuse.sshfs me@host: rw\n\
                      41 40 0:51 / /home/me/far\\040away/near rw - fuse.gocryptfs /x rw\n";
        let kind = |path: &str| fuse_kind(mounts, Path::new(path));
        assert_eq!(kind("/home/me/far away/cs"), Some("sshfs"));
        assert_eq!(kind("/home/me/far away/near/cs"), None, "encrypted, on a disk of this machine");
        assert_eq!((kind("/home/me/far"), fuse_kind("", Path::new("/"))), (None, None));
    }

    #[test]
    fn a_file_system_is_known_by_its_number_and_one_that_is_not_there_by_what_is_above() {
        assert_eq!(
            (network(0x6969), network(0xff53_4d42), network(0xef53)),
            (Some("NFS"), Some("SMB"), None)
        );
        let dir = tempfile::tempdir().expect("a temporary directory");
        let below = disk_of(&dir.path().join("not/there")).expect("known");
        assert_eq!(below.network, disk_of(dir.path()).expect("known").network);
        assert!(below.free > 0);
    }
}

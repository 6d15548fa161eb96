//! The file system something lies on.

use std::io;
use std::path::Path;

/// What is known of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that this user may still write.
    pub free: u64,
    /// Its kind, where it is one that other machines reach; as far as the system says (Linux).
    pub network: Option<&'static str>,
}

/// The file system that `path`, or the nearest directory above it that exists, lies on.
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
        Ok(Disk { free: block.saturating_mul(about.f_bavail), network: network(kind) })
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

/// The kind of a network file system by its number (`statfs(2)`).
#[cfg(target_os = "linux")]
fn network(kind: u32) -> Option<&'static str> {
    match kind {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9P"),
        0x5346_414f => Some("AFS"),
        0x7375_7245 => Some("Coda"),
        0x00c3_6400 => Some("Ceph"),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

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

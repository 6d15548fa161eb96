//! Open files for the program that this process becomes.

use std::io;

/// A file in memory that stays open in the program this process becomes.
#[derive(Debug)]
pub struct HandedOn {
    #[cfg(target_os = "linux")]
    file: std::fs::File,
}

/// Hands `content` on, to be read by the program this process becomes. For Linux.
#[cfg(target_os = "linux")]
pub fn hand_on(content: &[u8]) -> io::Result<HandedOn> {
    use std::io::{Seek, Write};
    let file = rustix::fs::memfd_create("cs", rustix::fs::MemfdFlags::empty())?;
    let mut file = std::fs::File::from(file);
    file.write_all(content)?;
    file.rewind()?;
    Ok(HandedOn { file })
}

/// Hands `content` on, to be read by the program this process becomes. For Linux.
#[cfg(not(target_os = "linux"))]
pub fn hand_on(_: &[u8]) -> io::Result<HandedOn> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

impl HandedOn {
    /// Returns the number of the open file; empty elsewhere than on Linux.
    pub fn number(&self) -> String {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            self.file.as_raw_fd().to_string()
        }
        #[cfg(not(target_os = "linux"))]
        {
            String::new()
        }
    }
}

/// Returns the ids of this user and of its group; 0 and 0 where there are none.
pub fn user_ids() -> (u32, u32) {
    #[cfg(unix)]
    {
        (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    }
    #[cfg(not(unix))]
    {
        (0, 0)
    }
}

//! What differs between operating systems, under one set of names: who a process is, becoming
//! another program, files for their owner only, locks that die with their holder.
//!
//! A leaf beside `model`, because both `store` and `claude` need it and neither imports the other.

mod access;
mod disk;
mod files;
mod lock;
mod process;
mod tree;

pub use access::{Access, access};
pub use disk::{Disk, disk_of};
pub use files::{
    create_private_dir, create_private_dirs, create_private_dirs_below, create_private_file, exists, is_dir,
    is_same_file, make_link, names_in, overwrite_note, publish_dir, publish_file, read_optional, read_small,
    real_path, remove_file, replace_file, rewrite_file,
};
pub use lock::{Lock, LockError};
pub use process::{
    Identity, Liveness, Umask, become_program, boot_id, environment, environment_of, host_name,
    process_alive, restrict_umask, running_with, shell_command, start_time, terminal,
};
pub use tree::{Size, tree_size};

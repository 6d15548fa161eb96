//! The differences between operating systems, under one set of names: who a process is, becoming another
//! program, files for their owner only, locks that die with their holder.
//!
//! A leaf beside `model`, because both `store` and `claude` need it and neither imports the other.

mod access;
mod copying;
#[cfg(unix)]
mod descent;
mod disk;
mod files;
mod foreign;
mod handing;
#[cfg(unix)]
mod handover;
mod lock;
mod memory;
mod moving;
mod named;
mod ports;
mod process;
mod program;
mod removal;
mod stuck;
mod trail;
mod tree;
mod trusted;
mod usage;

pub use access::{Access, access};
pub use copying::{NotCopied, copy_between};
pub use disk::{Disk, disk_of};
#[cfg(unix)]
pub use files::replace_link;
pub use files::{
    create_private_dir, create_private_dirs, create_private_dirs_below, create_private_file, entries_of,
    exists, flush_directories, flush_file_system, flush_output, is_dir, is_same_file, link_at, look,
    make_link, names_in, new_private_file, not_a_file, only_owner_reaches, open_regular, overwrite_note,
    patiently, publish_dir, publish_file, put_in_place, read_optional, read_small, real_path, remove_file,
    remove_link, replace_file, resolved, rewrite_file, settle, touch,
};
pub use foreign::{
    Entry, EntryKind, Facts, Foreign, Held, MOST_BYTES, Unfit, WithoutHoles, copy_data, few_holes,
    read_unlinked, unfit, whole_lines,
};
pub use handing::{HandedOn, PinError, hand_on, pin, user_ids};
#[cfg(unix)]
pub use handover::{Handed, Meeting, Met, NotTaken, Taker, failed, take};
pub use lock::{Holder, Lock, LockError, Looked, lock_within};
pub use memory::free_memory;
pub use moving::{finish_move, move_dir};
pub use named::{Named, read_named};
pub use ports::{Listener, listeners, ports_free};
#[cfg(not(unix))]
pub use process::run_program;
#[cfg(unix)]
pub use process::terminal_size;
pub use process::{
    Identity, Liveness, Umask, absolute, become_alone, become_program, boot_id, current_directory,
    environment, environment_of, host_name, is_ancestor, process_alive, restrict_umask, running_in,
    running_with, shell_command, start_time, temporary_directory, terminal, this_program,
    working_directory_of,
};
pub use program::{
    Candidate, PassedOver, find_program, is_out_of_reach, path_out_of_reach, take_no_program_from,
    take_no_program_of_sessions_in,
};
pub use removal::{Left, Unremovable, check_tree, is_mount_point, remove_tree};
pub use stuck::output_unless_stuck;
pub use trail::trail;
pub use tree::{Size, tree_measured, tree_size};
pub use trusted::{Distrust, Trusted, read_trusted, trusted_file, trusted_root};
pub use usage::{Process, Processes, Used};

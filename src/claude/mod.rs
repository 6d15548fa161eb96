//! What Claude Code is and does: its variables, files, flags, transcripts, and where its program
//! is. The only room that knows any of it.
//!
//! [`plan`] is pure. What it needs to know about the disk is gathered first, into a [`Scene`].
//! Facts without another source are from experiments with 2.1.197 and 2.1.329 on Linux.

mod arguments;
mod conversation;
mod flags;
mod health;
mod live;
mod login;
mod place;
mod planning;
mod program;
mod proof;
mod seed;
mod settings;
mod sharing;
mod variables;

pub use arguments::{Asked, asked, settings_argument};
pub use conversation::{
    About, Conversation, about, conversations, copy_conversation, find_conversation, newest_resumable,
};
pub use flags::{Fits, Offered, all_offered, offered};
pub use health::{
    Account, RETENTION_DAYS, SettingsFacts, StateFacts, keychain_item, legacy_state_file, live_files_left,
    locks_of, login_file, memory_of_base, plugin_places, project_settings_files, settings_facts,
    settings_file, state_facts,
};
pub use live::{Live, live_in};
pub use login::{Login, login_of};
pub use place::{Place, slug};
pub use planning::{Scene, Start, plan};
pub use program::{find_program, is_program};
pub use proof::{DIRECTORY_VARIABLES, Proof, Verdict, names, prove};
pub use seed::{Wanted, fresh_profile_state, seed_for};
pub use settings::{injected, merged_settings};
pub use sharing::{Shared, memory_seeds, shared_items};
pub use variables::{CHILD_MARKERS, CREDENTIALS, MODELS, OURS};

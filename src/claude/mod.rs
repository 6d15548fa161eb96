//! Everything about Claude Code: its variables, files, flags, transcripts, and the place of its program.
//! The only room that knows any of it.
//!
//! [`plan`] is pure. The facts it needs about the disk are gathered first, into a [`Scene`]. Facts
//! without another source are from experiments with 2.1.197 and 2.1.329 on Linux.

mod arguments;
mod contents;
mod conversation;
mod enclosing;
mod flags;
mod ground;
mod health;
mod injecting;
mod jobs;
mod live;
mod login;
mod place;
mod planning;
mod prices;
mod program;
mod proof;
mod scene;
mod seed;
mod servers;
mod settings;
mod sharing;
mod spent;
mod status;
mod variables;

pub use arguments::{Asked, GoesOn, asked, goes_on, settings_path};
pub use contents::{CACHES, CONVERSATIONS, OWN, may_be_copied};
pub use conversation::{
    About, Conversation, about, conversation_of, conversations, conversations_below, find_conversation,
    newest_resumable, said_in,
};
pub use flags::{Fits, Offered, all_offered, offered};
pub use ground::ConfigGround;
pub use health::{
    Account, RETENTION_DAYS, SettingsFacts, StateFacts, keychain_item, legacy_state_file, live_files_left,
    locks_of, memory_of_base, plugin_places, settings_facts, settings_file, state_facts,
};
pub use injecting::{NamedFile, SettingsPlace, Text};
pub use jobs::kept_by_jobs;
pub use live::{Live, live_in, noted_in, pending_job};
pub use login::{Login, has_login_file, is_config_directory, login_file, login_of};
pub use place::{Project, slug};
pub use planning::plan;
pub use prices::{cost_of, prices_date};
pub use program::{find_program, is_program};
pub use proof::{DIRECTORY_VARIABLES, Proof, Verdict, names, prove};
pub use scene::{Continuation, Scene};
pub use seed::{SeedRequest, fresh_profile_state, seed_for};
pub use servers::{Fate, Merge, merge_servers, server_hashes};
pub use settings::{has_status_line, injected, is_ending, project_settings};
pub use sharing::{Shared, memory_seeds, shared_items};
pub use spent::{Message, Tokens, Transcript, all_transcripts, read_spent};
pub use status::{Limit, STATUS_LIMIT, Status};
pub use variables::{CHILD_MARKERS, CREDENTIALS, MODELS, OURS, QUIET, XDG, is_claudes, looks_secret};

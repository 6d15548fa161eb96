//! `cs`: several Claude Code sessions side by side, without letting them touch each other.
//!
//! This page and those below it are the tour of the code. Most of the middle floor is private, so build it with
//!
//! ```sh
//! cargo doc --no-deps --document-private-items --open
//! ```
//!
//! `ARCHITECTURE.md` has the same on one page: the picture, the way of a name, and where something new goes.
//!
//! # The floors
//!
//! From the visible to the pure. A room imports only what stands on a floor below it.
//!
//! 1. What a person meets.
//!    - [`commands`]: a file for each verb: read its arguments, call the floors below, say what came of it
//! 2. Rooms beside [`work`], which use it. They print nothing and ask nobody.
//!    - [`doctor`]: what is wrong, and what repairs it
//!    - [`transfer`]: sessions and profiles on their way out to a file, and in
//!    - [`usage`]: what was spent
//! 3. What is done with sessions, whoever asks, and what a command line asks for.
//!    - [`work`]: make ([`create`](work::create)), look ([`scene`](work::scene)), start
//!      ([`launch`](work::launch)), end, remove, bind. It prints nothing and asks nobody either
//!    - [`cli`]: the command line as a value ([`Invocation`](cli::Invocation)), and nothing else
//! 4. The rooms. Each is the only code that knows its subject, and knows none of the others.
//!    - [`store`]: the records, and all that is written below the data root
//!    - [`claude`]: what Claude Code is and does, and the pure function that plans a launch
//!    - [`shell`]: quoting, and code for five shells
//!    - [`git`]: what git keeps on disk about a directory, and worktrees, through the git program
//!    - [`sandbox`]: bubblewrap and podman, which hold a sandbox
//!    - [`multiplexer`]: tmux and zellij, where sessions outlive a connection
//!    - [`config`]: `config.toml` and `.cs.toml`
//!    - [`ui`]: tables, ages, questions, and text made safe for a terminal
//! 5. The ground, of which the second uses the first.
//!    - [`model`]: what there is, as pure types: names, profiles, sessions, plans, launches, failures, verbs
//!    - [`os`]: what differs from system to system: process identity, private files, locks, `exec`
//!
//! # The words
//!
//! One word for one thing, in the code as in what people read.
//!
//! The things:
//!
//! - **profile**: who you are to Claude: one login, or one API endpoint, and its settings
//!   ([`Profile`](model::Profile))
//! - **session**: a name for a line of work: a directory to work in, and a Claude config directory of its own. It
//!   belongs to one profile for life ([`Session`](model::Session))
//! - **subject**: the session or profile that a name stands for ([`Subject`](model::Subject))
//! - **conversation**: what Claude keeps under one id, in one transcript. A session has many over time
//!   ([`Conversation`](claude::Conversation))
//! - **history**: where the conversations of a session are kept: its own directory, its profile's, or a group's
//!   ([`History`](model::History))
//! - **group**: a place where several keep their conversations together; a **member** is one of those
//!   ([`Member`](store::Member))
//! - **share**: what a session takes from its profile, item by item ([`Share`](model::Share))
//! - **isolation**: how a session is kept apart: `config-dir`, `home`, `sandbox` or `none`
//!   ([`Isolation`](model::Isolation))
//! - **sandbox**: all that a program sees of the machine, where that is not all of it
//!   ([`Sandbox`](model::Sandbox)); the **enclosure** is what was found to make one from
//!   ([`enclosure`](work::enclosure))
//! - **binding**: a directory, or the checkouts of a remote, that belong to a profile or session
//!   ([`Place`](model::Place), [`Target`](model::Target)); which one holds in a directory is its
//!   [`DirectoryBinding`](work::binding::DirectoryBinding)
//! - **project**: a directory as Claude names it, with the root that its trust is kept by
//!   ([`Project`](claude::Project))
//! - **worktree**: a checkout of git's that a session has for itself ([`Worktree`](model::Worktree)); **stowed**, it
//!   was removed with its session, and can come back with it ([`StowedWorktree`](model::StowedWorktree))
//! - **open**: of a session: a process runs its Claude now ([`Open`](work::open::Open)). **Ended**: that process is gone
//! - **ephemeral**: of a session: it goes to the trash when its Claude has ended ([`ending`](work::ending))
//! - **pane**: a place in tmux or zellij where a session runs ([`pane`](work::pane))
//! - **foreign ground**: a path that the inside of a session, a sandbox or a repository can change. What is read
//!   there is limited in kind and size, and not believed ([`Foreign`](os::Foreign))
//!
//! The requests:
//!
//! - **verb**: the word after `cs` that says what to do, a row of the one table ([`verb`](model::verb))
//! - **invocation**: what a command line asks for, as a value ([`Invocation`](cli::Invocation))
//! - **request**: which session or profile to start, and how ([`Request`](work::launch::Request))
//! - **description**: what a person said of a session that is to be made
//!   ([`Description`](work::create::Description))
//!
//! The deeds:
//!
//! - **scene**: everything that a plan depends on, looked at once ([`Scene`](claude::Scene))
//! - **continuation**: which conversation a launch is for: a new one, one again, or a copy of one
//!   ([`Continuation`](claude::Continuation))
//! - **plan**: the program, its variables, its directory, its sandbox, and the layout it needs
//!   ([`Plan`](model::Plan))
//! - **layout**: the directories, links and files that have to be there before the program runs
//!   ([`Layout`](model::Layout)). A **put** is one change towards it ([`Put`](model::Put)); a **drift** is something
//!   that stands otherwise and is not ours to change ([`Drift`](store::Drift))
//! - **launch**: a plan, and the steps that carry it out ([`Launch`](model::Launch))
//! - **preview**: the launch that would be carried out, made without changing anything
//!   ([`preview`](work::launch::preview))
//! - **step**: one thing that a launch does, as plain data ([`Step`](model::Step))
//! - **purpose**: what a launch is for, which decides what it holds and notes ([`Purpose`](model::Purpose))
//! - **draft**: a session that is on the disk and that nobody sees yet ([`Draft`](store::Draft)); **made**, it is
//!   published, and its maker still holds its lock ([`Made`](work::create::Made))
//! - **takeover**: one thing that an import found, and what became of it
//!   ([`Takeover`](transfer::Takeover))
//! - **outcome**: how a command ends that did not fail ([`Outcome`](model::Outcome))
//! - **kind**: of a failure: what code decides by. Its message is for people only ([`Kind`](model::Kind))

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the tour is built with private items; without them its links to those are plain text"
)]

pub mod claude;
pub mod cli;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod git;
pub mod model;
pub mod multiplexer;
pub mod os;
pub mod sandbox;
pub mod shell;
pub mod store;
pub mod transfer;
pub mod ui;
pub mod usage;
pub mod work;

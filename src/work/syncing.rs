//! Bringing sessions up to date with their profile, and profiles with `~/.claude`: links, MCP servers, and where
//! conversations live. What `cs` put there is changed and taken away; nothing else is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::claude::{self, ConfigGround, Fate};
use crate::model::{
    Isolation, Kind, Layout, Link, ManifestPlace, Name, Profile, Put, Result, SHAREABLE, SeedFile, Session,
    Subject,
};
use crate::os::{self, Foreign, MOST_BYTES};
use crate::store::{self, Drift, Member, Merged};
use crate::work::context::Context;
use crate::work::history::{self, Elsewhere};
use crate::work::launch::said_of;
use crate::work::{conversations, open, profiles, scene, share};

/// A way to bring something up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A link is made, or leads elsewhere.
    Link,
    /// A link is taken away.
    Unlink,
    /// A file is made.
    File,
    /// Something is added to a file.
    AddTo,
    /// An MCP server is added.
    AddServer,
    /// An MCP server is changed.
    ChangeServer,
    /// An MCP server is removed.
    RemoveServer,
    /// A conversation is copied.
    CopyConversation,
    /// Conversations are shared with others from here on.
    ShareConversations,
    /// Conversations are kept apart from others from here on.
    KeepConversationsApart,
}

impl Deed {
    /// Returns the words for it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::File => "file",
            Self::AddTo => "add to",
            Self::AddServer => "server added",
            Self::ChangeServer => "server changed",
            Self::RemoveServer => "server removed",
            Self::CopyConversation => "copy conversation",
            Self::ShareConversations => "share conversations with",
            Self::KeepConversationsApart => "keep conversations apart from",
        }
    }
}

/// Something that was done, or would be.
pub(crate) struct Change {
    /// The owner of the config directory that it was done in.
    pub name: Name,
    /// The deed.
    pub deed: Deed,
    /// The item, the server, the conversation.
    pub item: String,
    /// The target of the link, or the path it came from.
    pub target: Option<PathBuf>,
}

/// Something that is not as it should be, and is not ours to change.
pub(crate) struct Kept {
    /// In whose config directory it is.
    pub name: Name,
    /// The thing, in words.
    pub what: String,
    /// The command that settles it.
    pub fix: Option<String>,
}

/// The result of bringing profiles and sessions up to date.
#[derive(Default)]
pub(crate) struct Synced {
    /// The changes that were made, or would be.
    pub changes: Vec<Change>,
    /// The things that were left as they are.
    pub kept: Vec<Kept>,
    /// Those that are open, and get what is new at their next start.
    pub open: Vec<Name>,
}

/// One run over profiles and sessions.
pub(crate) struct Sync<'a> {
    context: &'a Context,
    dry_run: bool,
    take: &'a [String],
    done: Synced,
}

impl<'a> Sync<'a> {
    /// Begins one; nothing is changed in a `dry_run`. Of the MCP servers named in `take` the profile's are taken,
    /// whatever is there.
    pub(crate) fn new(context: &'a Context, dry_run: bool, take: &'a [String]) -> Self {
        Self { context, dry_run, take, done: Synced::default() }
    }

    /// Returns what was done.
    pub(crate) fn done(self) -> Synced {
        self.done
    }

    /// Brings every profile with its sessions up to date.
    pub(crate) fn everything(&mut self) -> Result<()> {
        let (context, store) = (self.context, self.context.store()?);
        for entry in store.profiles(&context.home()?)? {
            match entry.profile {
                Ok(profile) => self.profile(&profile, None)?,
                Err(damage) => context.goes_without(&store.unread_profile(&entry.name, &damage).message),
            }
        }
        Ok(())
    }

    /// Brings a profile's own directory up to date, where that is ours, and all its sessions. `before` is the
    /// profile as it was, where its record was just changed: its links are ours too.
    pub(crate) fn profile(&mut self, profile: &Profile, before: Option<&Profile>) -> Result<()> {
        if profile.inherit.is_none() && share::is_ours(self.context, profile)? {
            self.subject(&Subject::Profile(profile.clone()), before)?;
        }
        for subject in profiles::each_session_of(self.context, profile)? {
            self.subject(&subject, before)?;
        }
        Ok(())
    }

    /// Brings one session, or one profile's own directory, up to date, unless somebody has it open.
    pub(crate) fn subject(&mut self, subject: &Subject, before: Option<&Profile>) -> Result<()> {
        let context = self.context;
        let _held = match subject {
            Subject::Session(session, _) if session.isolation == Isolation::None => return Ok(()),
            _ if self.is_open(subject)? => {
                self.done.open.push(subject.name().clone());
                return Ok(());
            }
            _ if self.dry_run => None,
            Subject::Session(session, _) => Some(context.store()?.lock_session(session)?),
            Subject::Profile(profile) => Some(context.store()?.lock_profile(&profile.name)?),
        };
        self.held(subject, before)
    }

    fn is_open(&self, subject: &Subject) -> Result<bool> {
        Ok(match subject {
            Subject::Session(session, profile) => open::opened(self.context, session, profile)?.is_some(),
            Subject::Profile(profile) => {
                !claude::live_in(&ConfigGround::of_profile(&profile.home.directory())).is_empty()
            }
        })
    }

    /// Does the same for one whose lock is held and which is not open.
    pub(crate) fn held(&mut self, subject: &Subject, before: Option<&Profile>) -> Result<()> {
        let context = self.context;
        let directory = match subject {
            Subject::Session(session, _) => session.directory().to_path_buf(),
            Subject::Profile(_) => context.home()?,
        };
        if !self.dry_run {
            history::settle(context, subject)?;
        }
        // What was put there before the record changed, and before there was a manifest, is ours.
        let was = match before {
            Some(before) => Some(scene::layout(context, &of(subject, before), &directory)?),
            None => None,
        };
        if let (Some(was), false) = (&was, self.dry_run) {
            store::note_standing(was)?;
        }
        self.conversations(subject)?;
        let layout = scene::layout(context, subject, &directory)?;
        self.links(subject.name(), &layout, was.as_ref())?;
        self.servers(subject, &layout)
    }

    fn links(&mut self, name: &Name, layout: &Layout, was: Option<&Layout>) -> Result<()> {
        let Some(place) = &layout.manifest else { return Ok(()) };
        if !self.dry_run {
            store::note_standing(layout)?;
        }
        let is_planned = |path: &PathBuf| layout.links.iter().any(|link| link.path == *path);
        let items = SHAREABLE.iter().map(|item| place.config.join(item));
        let gone: Vec<PathBuf> = items.filter(|path| !is_planned(path)).collect();
        let mut ours = self.ours_among(place, &gone, was)?;
        for path in gone.iter().filter(|path| path.is_symlink()) {
            if !ours.iter().any(|link| link.path == **path) {
                self.keep(
                    name,
                    format!("{} is a link that cs did not make", path.display()),
                    format!("rm {}", path.display()),
                );
            }
        }
        for link in &ours {
            self.changed(name, Deed::Unlink, item_of(place, &link.path), Some(link.target.clone()));
        }
        let survey = store::survey(layout)?;
        for drift in survey.drifts {
            let (in_place, link) = match drift {
                Drift::InPlaceOfLink(link) => (true, link),
                Drift::OtherTarget(link) => (false, link),
                // Only seen by whoever writes the file.
                Drift::LockInTheWay { .. } => continue,
            };
            if is_conversations(&link.path) {
                continue;
            }
            let moved = self.ours_among(place, std::slice::from_ref(&link.path), was)?;
            if !in_place && !moved.is_empty() {
                self.changed(name, Deed::Link, item_of(place, &link.path), Some(link.target.clone()));
                ours.extend(moved);
                continue;
            }
            let what = if in_place { "is its own" } else { "points somewhere else" };
            let path = link.path.display();
            self.keep(
                name,
                format!("{path} {what}, and not the profile's ({})", link.target.display()),
                format!("mv {path} {path}.own"),
            );
        }
        for put in survey.lacking {
            let (Put::Link(link) | Put::Relink(link)) = put else { continue };
            self.changed(name, Deed::Link, item_of(place, &link.path), Some(link.target));
        }
        let below = |path: &Path| layout.base.as_ref().is_none_or(|base| path.starts_with(base));
        let is_new = |file: &&SeedFile| file.replaces.is_some() || !os::exists(&file.path);
        for file in layout.files.iter().filter(is_new).filter(|file| below(&file.path)) {
            let deed = if file.replaces.is_some() { Deed::AddTo } else { Deed::File };
            self.changed(name, deed, file.path.display().to_string(), None);
        }
        if !self.dry_run {
            store::take_away(place, &ours)?;
            self.lay_out(name, layout)?;
        }
        Ok(())
    }

    /// Returns which of `paths` are links of ours: by the manifest, and in a dry run also by what was
    /// planned before.
    fn ours_among(
        &self,
        place: &ManifestPlace,
        paths: &[PathBuf],
        was: Option<&Layout>,
    ) -> Result<Vec<Link>> {
        let mut ours = store::ours_among(place, paths)?;
        let planned = was.filter(|_| self.dry_run).into_iter().flat_map(|was| &was.links);
        for link in planned.filter(|link| paths.contains(&link.path)) {
            let stands = std::fs::read_link(&link.path).is_ok_and(|target| target == link.target);
            if stands && !ours.contains(link) {
                ours.push(link.clone());
            }
        }
        Ok(ours)
    }

    /// Makes what is missing of `layout`. Returns false where something stands in the way of Claude's lock on a file, so
    /// that it gains nothing: that is told, and has the command end with exit code 1.
    fn lay_out(&self, name: &Name, layout: &Layout) -> Result<bool> {
        let mut done = true;
        for drift in store::lay_out(layout)? {
            if matches!(drift, Drift::LockInTheWay { .. }) {
                self.context.goes_without(&format!("{name}: {}", said_of(&drift, name.as_str())));
                done = false;
            }
        }
        Ok(done)
    }

    fn servers(&mut self, subject: &Subject, layout: &Layout) -> Result<()> {
        let (context, name) = (self.context, subject.name());
        let Some(place) = &layout.manifest else { return Ok(()) };
        let profile = subject.profile();
        let (state, file, source, bare) = match subject {
            Subject::Session(session, _) => {
                let paths = context.paths(session, profile)?;
                let file = Foreign::at(&paths.root, &paths.state);
                (paths.state, file, profile.home.state_file(), session.bare)
            }
            Subject::Profile(_) => {
                let state = profile.home.state_file();
                let file = Foreign::led_to(&state);
                (state, file, context.home()?.join(".claude.json"), profile.bare)
            }
        };
        let source = Foreign::led_to(&source);
        if bare {
            return Ok(());
        }
        let wanted = share::share_of(context, profile, false)?.mcp;
        let mut manifest = store::manifest(place)?;
        let merge = match claude::merge_servers(&state, &file, &source, &manifest.servers, self.take, wanted)
        {
            Ok(merge) => merge,
            Err(failure) if failure.kind == Kind::Io => {
                context.goes_without(&format!("{name}: {}", failure.message));
                return Ok(());
            }
            Err(failure) => {
                self.keep(name, failure.message, None);
                return Ok(());
            }
        };
        if let (Some(merged), false) = (&merge.file, self.dry_run) {
            let layout =
                Layout { base: layout.base.clone(), files: vec![merged.clone()], ..Layout::default() };
            if !self.lay_out(name, &layout)? {
                return Ok(());
            }
            let there = match os::patiently(|| file.read(MOST_BYTES)) {
                Ok(there) => there,
                Err(error) => {
                    context.goes_without(&format!("{name}: {}", file.failure("read", &error).message));
                    return Ok(());
                }
            };
            if there.as_ref() != Some(&merged.content) {
                self.keep(
                    name,
                    format!("{} was being written", state.display()),
                    Some("cs profile sync".into()),
                );
                return Ok(());
            }
        }
        // The file first: what is noted and not there would count as removed by a person.
        if !self.dry_run && manifest.servers != merge.base {
            manifest.servers = merge.base;
            store::write_manifest(&place.file, &manifest)?;
        }
        for (server, fate) in merge.fates {
            let deed = match fate {
                Fate::Added => Deed::AddServer,
                Fate::Changed => Deed::ChangeServer,
                Fate::Removed => Deed::RemoveServer,
                Fate::Conflict => {
                    let fix = format!("cs profile sync {name} --take {server}");
                    self.keep(name, format!("the MCP server {server} is not the profile's, and stays"), fix);
                    continue;
                }
            };
            self.changed(name, deed, server, None);
        }
        Ok(())
    }

    /// Puts conversations where they belong: with others, or apart again.
    fn conversations(&mut self, subject: &Subject) -> Result<()> {
        let context = self.context;
        let session = match subject {
            Subject::Session(session, _) => Some(session),
            Subject::Profile(_) => None,
        };
        let wanted = history::elsewhere(context, session, subject.profile())?;
        let member = history::member(context, subject)?;
        let linked = member.linked();
        let is_there = |elsewhere: &Elsewhere| linked.as_ref() == Some(&elsewhere.apart.projects);
        if linked.is_some() && !wanted.as_ref().is_some_and(is_there)
            || linked.is_none() && wanted.is_none() && member.linked_prompts().is_some()
        {
            if !self.is_our_link(subject, &member)? {
                let path = member.projects();
                self.keep(subject.name(), format!("{} is a link that cs did not make", path.display()), None);
                return Ok(());
            }
            self.leave(subject, &member)?;
        }
        let Some(elsewhere) = wanted else { return Ok(()) };
        let moves = self.dry_run && linked.is_some() && !is_there(&elsewhere);
        // Joining can have been cut short between transcripts and prompts.
        let half =
            linked.is_some() && elsewhere.group.is_some() && elsewhere.ours && member.has_own_prompts();
        if member.is_apart() || moves || half { self.join(subject, &member, &elsewhere) } else { Ok(()) }
    }

    fn join(&mut self, subject: &Subject, member: &Member, elsewhere: &Elsewhere) -> Result<()> {
        let name = subject.name();
        let projects = &elsewhere.apart.projects;
        if !elsewhere.ours && !claude::conversations(&history::ground_of(self.context, subject)?)?.is_empty()
        {
            self.keep(
                name,
                format!(
                    "its conversations stay its own: cs copies nothing into {}",
                    os::real_path(projects).unwrap_or_else(|_| projects.clone()).display()
                ),
                None,
            );
            return Ok(());
        }
        let live = history::live_at(self.context, projects)?;
        let may_grow = |path: &Path| claude::conversation_of(path).is_none_or(|id| !live.contains(&id));
        let merged = if self.dry_run {
            member.joining(&elsewhere.apart, &may_grow)?
        } else {
            member.join(&elsewhere.apart, &may_grow)?
        };
        self.copied(name, &merged, Some(projects));
        self.changed(name, Deed::ShareConversations, elsewhere.named(), Some(projects.clone()));
        for path in merged.different {
            self.keep(
                name,
                format!(
                    "{} is there already with other content: its own is put aside in {}",
                    path.display(),
                    member.root.display()
                ),
                None,
            );
        }
        Ok(())
    }

    fn leave(&mut self, subject: &Subject, member: &Member) -> Result<()> {
        let name = subject.name();
        let from = member.linked();
        let mut ids = conversations::own_ids(self.context, subject, member)?;
        // What bears the id of one of its own and is another is no more its own than its transcript.
        let is_own = |path: &Path| claude::conversation_of(path).is_some_and(|id| ids.contains(&id));
        let different = member.leaving(&is_own)?.different;
        for id in different.iter().filter_map(|path| claude::conversation_of(path)) {
            ids.remove(&id);
        }
        let is_own = |path: &Path| claude::conversation_of(path).is_some_and(|id| ids.contains(&id));
        let said_in_own = |line: &str| claude::said_in(line).is_some_and(|id| ids.contains(&id));
        let others = claude::conversations(&history::ground_of(self.context, subject)?)?
            .iter()
            .filter(|found| !ids.contains(&found.id))
            .count();
        let merged =
            if self.dry_run { member.leaving(&is_own)? } else { member.leave(&is_own, &said_in_own)? };
        self.copied(name, &merged, None);
        if let Some(from) = from {
            let what = match others {
                0 => String::new(),
                1 => " (1 of others stays there)".into(),
                n => format!(" ({n} of others stay there)"),
            };
            self.changed(name, Deed::KeepConversationsApart, format!("{}{what}", from.display()), None);
        }
        for path in different {
            self.keep(name, format!("{} differs there from its own, which stays", path.display()), None);
        }
        Ok(())
    }

    fn copied(&mut self, name: &Name, merged: &Merged, to: Option<&PathBuf>) {
        let ids: BTreeSet<_> =
            merged.copied.iter().filter_map(|path| claude::conversation_of(path)).collect();
        for id in ids {
            self.changed(name, Deed::CopyConversation, id.to_string(), to.cloned());
        }
    }

    /// Returns true if the link in place of somebody's transcripts is one that cs makes.
    fn is_our_link(&self, subject: &Subject, member: &Member) -> Result<bool> {
        let store = self.context.store()?;
        let Some(target) = member.linked().or_else(|| member.linked_prompts()) else { return Ok(false) };
        let place = ManifestPlace::new(&member.root, &member.config);
        let profile = subject.profile().home.directory();
        let of_profile =
            os::real_path(&profile.join("projects")).unwrap_or_else(|_| profile.join("projects"));
        Ok(target.starts_with(store.groups_dir())
            || matches!(subject, Subject::Session(..)) && target == of_profile
            || store::manifest(&place)?.has("projects", &target))
    }

    fn changed(&mut self, name: &Name, deed: Deed, item: String, target: Option<PathBuf>) {
        self.done.changes.push(Change { name: name.clone(), deed, item, target });
    }

    fn keep(&mut self, name: &Name, what: String, fix: impl Into<Option<String>>) {
        self.done.kept.push(Kept { name: name.clone(), what, fix: fix.into() });
    }
}

/// Returns the same session or profile, under `profile`.
fn of(subject: &Subject, profile: &Profile) -> Subject {
    match subject {
        Subject::Session(session, _) => Subject::Session(Session::clone(session), profile.clone()),
        Subject::Profile(_) => Subject::Profile(profile.clone()),
    }
}

fn item_of(place: &ManifestPlace, path: &Path) -> String {
    place.name_of(path).unwrap_or_else(|| path.display().to_string())
}

/// Returns true if a link is one in place of conversations: those come and go with what they hold.
fn is_conversations(path: &Path) -> bool {
    path.ends_with("projects") || path.ends_with("history.jsonl")
}

//! The walls of a sandbox: where its session works, what may not be in it, and the links that are not believed.
//!
//! What is inside can move its own directories away and put links in their place. So where a session works is noted
//! with it ([`Walls`]), and what leads there, or to anything else that would be in a sandbox, is not followed through a
//! link that may have been made in one.
//!
//! See docs/decisions/012-a-sandbox-has-a-login-of-its-own.md

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use crate::git::Checkout;
use crate::model::{Failure, Isolation, Mount, Mounts, Name, Result, Session, Walls};
use crate::os;
use crate::shell::quoted;
use crate::work::context::Context;
use crate::work::directory;

/// Returns the walls for a new session that is to work in `directory`, and the directory to record: one
/// behind a link that is part of the checkout is recorded as the one it leads to. `asked` is the path that a person came
/// by. Refused where that leads out of a checkout, or of what a sandbox can write, by a link in it.
pub(crate) fn walls_for_new(context: &Context, directory: &Path, asked: &Path) -> Result<(PathBuf, Walls)> {
    let guarded = Guarded::gather(context)?;
    let site = Site::of(directory, &guarded)?;
    let ground = Ground::new(context, &guarded, None, &site.walls);
    let came_by = os::trail(asked).ok().filter(|(real, _)| *real == site.real);
    let came_by = came_by.map(|(real, links)| Site { real, links, walls: site.walls.clone() });
    came_by.as_ref().unwrap_or(&site).check_links(None, asked, &ground)?;
    let mut recorded = directory;
    for (link, _) in &site.links {
        if ground.checkout_of(link).is_some() || ground.lets_write(link)? {
            recorded = &site.real;
        }
    }
    Ok((recorded.to_path_buf(), site.walls))
}

/// The directory that a session works in, as it is found now.
pub(crate) struct Site {
    /// The directory, links resolved.
    pub real: PathBuf,
    /// The links on the way to it.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// What a record would say of it.
    pub walls: Walls,
}

impl Site {
    /// Looks at `directory`. Fails where it is not there.
    pub(crate) fn of(directory: &Path, guarded: &Guarded) -> Result<Self> {
        let (real, links) = trail("work in", directory)?;
        let checkout = Checkout::of(&real).filter(|found| guarded.against_writing(&found.root).is_none());
        let directories = checkout.as_ref().and_then(Checkout::git_directories);
        let directories =
            directories.filter(|(own, common)| own == common || guarded.against_writing(common).is_none());
        let text = |path: &Path| directory::recordable(path);
        let walls = Walls {
            directory: text(&real)?,
            checkout: checkout.map(|found| text(&found.root)).transpose()?,
            git: directories.as_ref().map(|(own, _)| text(own)).transpose()?,
            common: directories.as_ref().map(|(_, common)| text(common)).transpose()?,
        };
        Ok(Self { real, links, walls })
    }

    /// Refuses, for `session` that is to work in `directory`, another place than the one that was noted, a repository
    /// that was not in it, and where nothing was noted a link that may have been put there from inside.
    pub(crate) fn check(&self, session: &Session, directory: &Path, ground: &Ground<'_>) -> Result<()> {
        let is_recorded = directory == session.directory();
        let is_known = session.walls.as_ref().is_some_and(|noted| noted.directory == self.walls.directory);
        if !is_recorded || !is_known {
            self.check_links(Some(&session.name), directory, ground)?;
        }
        let Some(recorded) = &session.walls else {
            return self.check_worktree(session, is_recorded);
        };
        let name = &session.name;
        if is_recorded && recorded.directory != self.walls.directory {
            return Err(Failure::refused(format!(
                "session '{name}' does not start in a sandbox: {} leads to {} now, and was {} when that was noted",
                directory.display(),
                self.real.display(),
                recorded.directory
            ))
            .hint(format!("if you moved it there yourself: cs --dir {} {name}", quoted(directory)))
            .hint(format!("if not, look what was put there: ls -ld {}", quoted(directory))));
        }
        if (is_recorded || recorded.holds(&self.real)) && !recorded.covers(&self.walls) {
            let now = |walls: &Walls| {
                let git = walls.common.as_ref().or(walls.checkout.as_ref());
                git.cloned().unwrap_or_else(|| "none that can be used".to_owned())
            };
            return Err(Failure::refused(format!(
                "session '{name}' does not start in a sandbox: the repository of {} is {} now, and was {} when that was noted",
                directory.display(),
                now(&self.walls),
                now(recorded)
            ))
            .hint(format!("if you changed it yourself: cs --dir {} {name}", quoted(session.directory())))
            .hint(format!("if not, look what its .git says: cat {}", quoted(&self.top().join(".git")))));
        }
        Ok(())
    }

    /// Refuses the worktree of a session, of which nothing was noted yet, that does not belong to its repository.
    fn check_worktree(&self, session: &Session, is_recorded: bool) -> Result<()> {
        let Some(worktree) = session.worktree.as_deref().filter(|_| is_recorded) else { return Ok(()) };
        let main = os::real_path(worktree.repository()).ok();
        let belongs = self
            .walls
            .common
            .as_deref()
            .map(Path::new)
            .is_some_and(|common| main.as_deref().is_some_and(|main| common.starts_with(main)));
        if belongs || self.walls.checkout.is_none() {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "session '{}' does not start in a sandbox: {} is no worktree of {} any more",
            session.name, worktree.root, worktree.repository
        ))
        .hint(format!("look what its .git says: cat {}", quoted(&self.top().join(".git")))))
    }

    /// Refuses a way to the directory through a link in what can be written from inside a sandbox, or in a checkout, that
    /// leads out of it again.
    fn check_links(&self, name: Option<&Name>, directory: &Path, ground: &Ground<'_>) -> Result<()> {
        for (link, _) in &self.links {
            let out_of_checkout = ground.checkout_of(link).filter(|root| !self.real.starts_with(root));
            let out_of_sandbox = ground.top_of(link)?.filter(|top| !self.real.starts_with(top));
            if out_of_checkout.is_none() && out_of_sandbox.is_none() {
                continue;
            }
            let (who, word) = match name {
                Some(name) => (format!("session '{name}'"), name.as_str()),
                None => ("a new session".to_owned(), "NAME"),
            };
            return Err(Failure::refused(format!(
                "{who} does not start in a sandbox: {} leads to {} through the link {}, which may have been put there from inside one",
                directory.display(),
                self.real.display(),
                link.display()
            ))
            .hint(format!("if you made that link yourself, name where it leads: cs --dir {} {word}", quoted(&self.real))));
        }
        Ok(())
    }

    /// Returns the checkout that the directory is in, to be written; what git runs, or is told to run, outside of it
    /// is only to be read. What lies in git's own directories may have been put there by an earlier Claude, so no link
    /// there is followed. Refused where there is one in place of what is only to be read: it could be replaced.
    pub(crate) fn contents(&self, name: &Name) -> Result<Mounts> {
        let mut mounts = Mounts::new();
        let Some(root) = self.walls.checkout.as_ref().map(PathBuf::from) else { return Ok(mounts) };
        mounts.put(&root, Mount::Write);
        let (Some(own), Some(common)) = (&self.walls.git, &self.walls.common) else { return Ok(mounts) };
        let (own, common) = (PathBuf::from(own), PathBuf::from(common));
        let settings = os::read_optional(&common.join("config")).ok().flatten().unwrap_or_default();
        let per_worktree = String::from_utf8_lossy(&settings).to_lowercase().contains("worktreeconfig");
        if own == common {
            let elsewhere = common.join("commondir");
            if os::exists(&elsewhere) {
                return Err(Failure::refused(format!(
                    "session '{name}' does not start in a sandbox: {} has git take its settings and hooks from elsewhere",
                    elsewhere.display()
                ))
                .hint(format!("git makes none there: rm {}", quoted(&elsewhere))));
            }
            // A mount of its own: otherwise it could be moved away, and another one put in its place.
            mounts.put(&common, Mount::Write);
            for part in ["config", "config.worktree", "hooks", "info", "modules", "worktrees"] {
                let path = common.join(part);
                let mount = match path.symlink_metadata() {
                    Ok(about) if about.is_dir() || about.is_file() => Mount::Read,
                    Ok(_) => {
                        return Err(Failure::refused(format!(
                            "session '{name}' does not start in a sandbox: {} is a link, and could be replaced from inside",
                            path.display()
                        ))
                        .hint(format!("put what it leads to there in its place: ls -l {}", quoted(&path))));
                    }
                    // What is not there could be made.
                    Err(_) if part == "config.worktree" && per_worktree => Mount::NoText,
                    Err(_) if part.starts_with("config") => continue,
                    Err(_) => Mount::Nothing,
                };
                mounts.put(path, mount);
            }
            return Ok(mounts);
        }
        let is_there =
            |path: &Path| path.symlink_metadata().is_ok_and(|about| about.is_dir() || about.is_file());
        let mut put = |path: PathBuf, mount: Mount| {
            if is_there(&path) {
                mounts.put(path, mount);
            }
        };
        put(root.join(".git"), Mount::Read);
        put(common.clone(), Mount::Read);
        for part in ["objects", "refs", "logs", "reftable", "lfs"] {
            put(common.join(part), Mount::Write);
        }
        let could_be_made = per_worktree && !is_there(&own.join("config.worktree"));
        put(own.clone(), if could_be_made { Mount::Read } else { Mount::Write });
        for part in ["commondir", "gitdir", "config.worktree", "modules"] {
            put(own.join(part), Mount::Read);
        }
        Ok(mounts)
    }

    fn top(&self) -> &Path {
        Path::new(self.walls.checkout.as_ref().unwrap_or(&self.walls.directory))
    }
}

/// The ground that can be written from inside a sandbox: a link there may lead anywhere, and so does not lead into one.
pub(crate) struct Ground<'a> {
    context: &'a Context,
    guarded: &'a Guarded,
    /// What the sandbox that is made can write, and could before.
    own: Vec<PathBuf>,
    /// What those of other sessions can.
    others: OnceCell<Vec<PathBuf>>,
}

impl<'a> Ground<'a> {
    /// Returns the ground of the sandbox with `walls`, of those that were noted of `session`, and of all other sessions.
    pub(crate) fn new(
        context: &'a Context,
        guarded: &'a Guarded,
        session: Option<&Session>,
        walls: &Walls,
    ) -> Self {
        let noted = session.and_then(|session| session.walls.as_deref());
        let own = std::iter::once(walls).chain(noted).flat_map(tops).collect();
        Self { context, guarded, own, others: OnceCell::new() }
    }

    /// Adds what may be written besides.
    pub(crate) fn extend(&mut self, path: &Path) {
        self.own.push(path.to_path_buf());
    }

    fn is_guarded(&self, path: &Path) -> bool {
        self.guarded.against_writing(path).is_some()
    }

    /// Returns the root of the checkout that `link` is in, if there can be a sandbox for it.
    fn checkout_of(&self, link: &Path) -> Option<PathBuf> {
        Checkout::of(link.parent()?).map(|checkout| checkout.root).filter(|root| !self.is_guarded(root))
    }

    /// Returns the directory that can be written from inside a sandbox and that `path`, a real one, is in. What it is
    /// itself is not decided inside. Fails where it cannot be told which sandboxes there are.
    fn top_of(&self, path: &Path) -> Result<Option<&Path>> {
        if self.others.get().is_none() {
            let _ = self.others.set(self.gather()?);
        }
        let all = self.own.iter().chain(self.others.get().into_iter().flatten());
        Ok(all.map(PathBuf::as_path).find(|top| path != *top && path.starts_with(top)))
    }

    /// Returns true if `path`, a real one, can be written from inside a sandbox. Fails as [`Ground::check`].
    pub(crate) fn lets_write(&self, path: &Path) -> Result<bool> {
        Ok(self.top_of(path)?.is_some())
    }

    /// Returns what the sandboxes of all sessions can write.
    fn gather(&self) -> Result<Vec<PathBuf>> {
        let store = self.context.store()?;
        let mut found = Vec::new();
        let sessions = store.sessions()?.into_iter().filter_map(|entry| entry.record.ok());
        for session in sessions.filter(|session| session.isolation == Isolation::Sandbox) {
            found.push(real_of(&store.session_root(session.id).join("claude")));
            found.push(real_of(&store.profile_root(&session.profile).join("sandbox")));
            if let Some(walls) = &session.walls {
                found.extend(tops(walls));
            } else {
                let real = real_of(session.directory());
                found.extend(Checkout::of(&real).map(|checkout| checkout.root));
                found.push(real);
            }
        }
        let kept = os::real_path(store.root()).unwrap_or_else(|_| store.root().to_path_buf());
        found.retain(|top| !self.is_guarded(top) || top.starts_with(&kept));
        Ok(found)
    }

    /// Refuses a way to `path` through one of `links` that can be written from inside a sandbox. `what` says what it is of
    /// use for. Fails where it cannot be told which sandboxes there are.
    pub(crate) fn check(&self, what: &str, path: &Path, links: &[(PathBuf, PathBuf)]) -> Result<()> {
        for (link, target) in links {
            if self.lets_write(link)? {
                return Err(Failure::refused(format!(
                    "{} is not let into the sandbox ({what}): the link {} leads to {}, and may have been put there from inside one",
                    path.display(),
                    link.display(),
                    target.display()
                ))
                .hint("name what it leads to instead, or put a file there in place of the link"));
            }
        }
        Ok(())
    }
}

/// The directories that a sandbox with these walls can write, git's own aside.
fn tops(walls: &Walls) -> Vec<PathBuf> {
    walls.checkout.iter().chain([&walls.directory]).map(PathBuf::from).collect()
}

/// The places that no sandbox lets in: whoever could write there would be outside.
pub(crate) struct Guarded {
    home: PathBuf,
    /// The places, each with what it is.
    pub places: Vec<(String, PathBuf)>,
}

impl Guarded {
    /// Returns the places there are.
    pub(crate) fn gather(context: &Context) -> Result<Self> {
        let home = context.home()?;
        let real = |path: PathBuf| os::real_path(&path).unwrap_or(path);
        let mut places = vec![
            ("what cs keeps".to_owned(), real(context.store()?.root().to_path_buf())),
            ("your ~/.claude".to_owned(), real(home.join(".claude"))),
            ("your ~/.ssh".to_owned(), real(home.join(".ssh"))),
        ];
        if let Some(directory) = context.config_path()?.parent() {
            places.push(("the settings of cs".to_owned(), real(directory.to_path_buf())));
        }
        for entry in context.store()?.profiles(&home)? {
            if let Ok(profile) = entry.profile {
                let what = format!("the config directory of profile '{}'", profile.name);
                places.push((what, real(profile.home.directory())));
            }
        }
        Ok(Self { home: real(home), places })
    }

    /// Returns why `path`, a real one, is not to be written from inside; `None` where nothing speaks against it.
    pub(crate) fn against_writing(&self, path: &Path) -> Option<String> {
        self.against_reading(path).or_else(|| {
            let (what, _) = self.places.iter().find(|(_, place)| place.starts_with(path))?;
            Some(format!("{what} would be in it"))
        })
    }

    /// Returns why `path`, a real one, is not to be read from inside; `None` where nothing speaks against it.
    pub(crate) fn against_reading(&self, path: &Path) -> Option<String> {
        if self.home.starts_with(path) {
            return Some("your home directory would be in it".into());
        }
        let (what, _) = self.places.iter().find(|(_, place)| path.starts_with(place))?;
        Some(format!("{what} is there"))
    }
}

/// Returns the real path of `path` and the links on the way, as [`os::trail`]. `what` is what it is for.
pub(crate) fn trail(what: &str, path: &Path) -> Result<(PathBuf, Vec<(PathBuf, PathBuf)>)> {
    os::trail(path).map_err(|error| Failure::io(what, path, &error))
}

/// Returns the real path of what may not be there yet.
pub(crate) fn real_of(path: &Path) -> PathBuf {
    let known = path.ancestors().find_map(|above| Some((os::real_path(above).ok()?, above)));
    let Some((real, above)) = known else { return path.to_path_buf() };
    real.components().chain(path.components().skip(above.components().count())).collect()
}

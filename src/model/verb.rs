//! The one table of verbs: their words, what is said of them, and what follows them.
//!
//! `cs --help` and the help of each verb, the manual, Tab, the short forms of the shells and the table in
//! README.md are made from it, and so is the list of words that cannot be names. Its order is that of
//! `cs --help`.

use std::sync::LazyLock;

/// Verbs that belong together.
#[derive(Debug)]
pub struct Group {
    /// The line above them in `cs --help`.
    pub title: &'static str,
    /// The verbs.
    pub verbs: &'static [Verb],
}

/// A verb, or a word below one (`list` of `cs wt list`).
#[derive(Debug)]
pub struct Verb {
    /// The word.
    pub name: &'static str,
    /// Other words for it.
    pub also: &'static [&'static str],
    /// Options that mean it where they come first.
    pub flags: &'static [&'static str],
    /// The letters that its short form adds to the name of the family: `n` makes `csn`.
    pub short: Option<&'static str>,
    /// The arguments after it, as they are shown. Words below it are not repeated here.
    pub arguments: &'static str,
    /// The slots of its bare words, in order. Verbs with words below them, and those whose words clap has a list
    /// of, have none.
    pub takes: &'static [Slot],
    /// The first line of its own help: what it does.
    pub about: &'static str,
    /// The same for the list that Tab shows, in at most 48 characters.
    pub brief: &'static str,
    /// The same for `cs --help`.
    pub help: Help,
    /// The words below it.
    pub below: &'static [Verb],
}

/// The part of a verb in `cs --help`.
#[derive(Debug)]
pub enum Help {
    /// One row: the verb with its arguments, and this line.
    Line(&'static str),
    /// Rows of its own: what is typed, and what that does.
    Rows(&'static [(&'static str, &'static str)]),
}

/// The kind of thing that a bare word names, which is what Tab offers in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A session or a profile.
    Name,
    /// The same, or `-` for the one before.
    NameOrDash,
    /// A session.
    Session,
    /// A session, by what it is about; or an id.
    Resumable,
    /// A profile.
    Profile,
    /// An API endpoint that is known by name.
    Provider,
    /// A worktree of this repository; elsewhere a session.
    Worktree,
    /// A branch of this repository.
    Branch,
    /// Something in the trash.
    Trash,
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A shell that `cs init` has code for.
    Shell,
    /// An item that a profile shares, and how: `skills=private`.
    Item,
    /// A name that is not there yet, which is for a person to choose.
    New,
    /// This word and all that follow are arguments for Claude.
    Claude,
    /// This word and all that follow are arguments for `claude auth login`.
    Login,
    /// This word and all that follow are a command line.
    Command,
}

use Help::{Line, Rows};

/// The verb that the rows of the table begin from: without options, words or other names.
const PLAIN: Verb = Verb {
    name: "",
    also: &[],
    flags: &[],
    short: None,
    arguments: "",
    takes: &[],
    about: "",
    brief: "",
    help: Line(""),
    below: &[],
};

/// Words that are no verbs, and are kept: for verbs to come, and for what `cs WORD` means already.
const KEPT: &[&str] = &["default", "help", "move", "shell", "sync", "version"];

/// The verbs, in groups.
pub const GROUPS: &[Group] = &[
    Group {
        title: "Sessions",
        verbs: &[
            Verb {
                name: "open",
                arguments: "NAME [ARGS…]",
                takes: &[Slot::Name, Slot::Claude],
                about: "Open a session: resume it where it works, or make it here",
                brief: "resume a session, or make it here",
                help: Line("the same, spelled out"),
                ..PLAIN
            },
            Verb {
                name: "new",
                short: Some("n"),
                arguments: "NAME [ARGS…]",
                takes: &[Slot::New, Slot::Claude],
                about: "Make a session and start Claude in it",
                brief: "make a session",
                help: Line("make one; an error if the name is taken"),
                ..PLAIN
            },
            Verb {
                name: "list",
                also: &["ls"],
                short: Some("-list"),
                about: "List sessions and profiles",
                brief: "list sessions and profiles",
                help: Line("sessions and profiles"),
                ..PLAIN
            },
            Verb {
                name: "resume",
                // What Claude prints when a session ends is `cs --resume ID`.
                flags: &["--resume", "-r"],
                short: Some("-resume"),
                arguments: "[NAME|ID]",
                takes: &[Slot::Resumable, Slot::Claude],
                about: "Resume a session by name, beginning of a name, session id or conversation id",
                brief: "resume a session, by name or id",
                help: Line("resume one; without a name, choose"),
                ..PLAIN
            },
            Verb {
                name: "last",
                short: Some("l"),
                arguments: "[ARGS…]",
                takes: &[Slot::Claude],
                about: "Resume the session that was used last, skipping those that are open",
                brief: "resume the session used last",
                help: Line("resume the one used last"),
                ..PLAIN
            },
            Verb {
                name: "show",
                arguments: "NAME",
                takes: &[Slot::Name],
                about: "Show all there is to know about a session or profile",
                brief: "all about a session or profile",
                help: Line("all there is to know about one"),
                ..PLAIN
            },
            Verb {
                name: "fork",
                arguments: "NAME NEW",
                takes: &[Slot::Session, Slot::New, Slot::Claude],
                about: "Make a session that continues a copy of another one's conversation",
                brief: "go on from a copy of a conversation",
                help: Line("go on from a copy of its conversation, beside it"),
                ..PLAIN
            },
            Verb {
                name: "attach",
                arguments: "NAME",
                takes: &[Slot::Session],
                about: "Show a session that runs inside tmux (or zellij); start it there if it is not open",
                brief: "show a session that runs in tmux",
                help: Line("show one that runs inside tmux, or start it there"),
                ..PLAIN
            },
            Verb {
                name: "rename",
                arguments: "NAME NEW",
                takes: &[Slot::Session, Slot::New],
                about: "Give a session another name",
                brief: "give a session another name",
                help: Line("give it another name"),
                ..PLAIN
            },
            Verb {
                name: "rm",
                arguments: "NAME…",
                takes: &[Slot::Session],
                about: "Move sessions to the trash",
                brief: "move sessions to the trash",
                help: Line("move it to the trash"),
                ..PLAIN
            },
            Verb {
                name: "restore",
                arguments: "[NAME]",
                takes: &[Slot::Trash],
                about: "Bring a session or profile back from the trash; list the trash",
                brief: "bring something back from the trash",
                help: Line("bring it back; without a name, list the trash"),
                ..PLAIN
            },
        ],
    },
    Group {
        title: "Worktrees (of git: a branch and a directory for each session)",
        verbs: &[Verb {
            name: "wt",
            about: "Worktrees of this repository: list, open, finish, remove them",
            brief: "worktrees: list, open, finish, remove",
            help: Rows(&[
                ("-w NAME [ARGS…]", "a session in a worktree of its own"),
                ("wt list", "which there are: changes, commits, size, session"),
                ("wt open|finish|rm|gc", "go on in one; bring its work home; remove it"),
            ]),
            below: &[
                Verb {
                    name: "list",
                    also: &["ls"],
                    about: "List them: state, commits ahead and behind, changes, size, session",
                    ..PLAIN
                },
                Verb {
                    name: "open",
                    takes: &[Slot::Worktree, Slot::Claude],
                    about: "Open the session of a worktree; one without gets one",
                    ..PLAIN
                },
                Verb {
                    name: "finish",
                    takes: &[Slot::Worktree],
                    about: "Show what is left of the work, bring it home if told how, then remove the worktree",
                    ..PLAIN
                },
                Verb {
                    name: "rm",
                    takes: &[Slot::Worktree],
                    about: "Remove worktrees, with their sessions; to undo: cs restore NAME",
                    ..PLAIN
                },
                Verb {
                    name: "gc",
                    about: "Find worktrees whose work is done; list them, or with --yes remove them",
                    ..PLAIN
                },
            ],
            ..PLAIN
        }],
    },
    Group {
        title: "Health",
        verbs: &[
            Verb {
                name: "doctor",
                arguments: "[NAME]",
                takes: &[Slot::Name],
                about: "Find problems with sessions, profiles and the set-up; --fix repairs the safe ones",
                brief: "look for what is wrong, and repair it",
                help: Line("what is wrong with sessions, profiles, set-up; --fix"),
                ..PLAIN
            },
            Verb {
                name: "cleanup",
                arguments: "[NAME…]",
                takes: &[Slot::Session],
                about: "Find what can go: unused, empty, orphaned; list it, or with --yes move it to the trash",
                brief: "find what can go, and take it away",
                help: Rows(&[("cleanup", "what can go: unused, empty, orphaned; --yes")]),
                ..PLAIN
            },
            Verb {
                name: "trash",
                about: "The trash: list it, or empty it",
                brief: "list the trash, or empty it",
                help: Line("what was removed; trash empty"),
                below: &[
                    Verb { name: "list", also: &["ls"], about: "List what is in it", ..PLAIN },
                    Verb {
                        name: "empty",
                        takes: &[Slot::Trash],
                        about: "Remove for good what is in it",
                        ..PLAIN
                    },
                ],
                ..PLAIN
            },
            Verb {
                name: "du",
                arguments: "[NAME]",
                takes: &[Slot::Name],
                about: "How much room sessions, profiles and the trash take",
                brief: "how much room everything takes",
                help: Line("how much room they take"),
                ..PLAIN
            },
            Verb {
                name: "top",
                about: "What the open sessions use: memory, processor, disk",
                brief: "what the open sessions use",
                help: Line("what the open ones use: memory, processor, disk"),
                ..PLAIN
            },
            Verb {
                name: "usage",
                arguments: "[NAME]",
                takes: &[Slot::Name],
                about: "Tokens and cost, summed up from the transcripts",
                brief: "tokens and cost, from the transcripts",
                help: Rows(&[("usage", "tokens and cost, by day, session, profile or model")]),
                ..PLAIN
            },
        ],
    },
    Group {
        title: "Moving",
        verbs: &[
            Verb {
                name: "export",
                arguments: "NAME… FILE",
                takes: &[Slot::Session],
                about: "Write sessions to a file: records and conversations, never a login",
                brief: "write sessions to a file",
                help: Line("records and conversations to a file, never a login"),
                ..PLAIN
            },
            Verb {
                name: "import",
                arguments: "FILE",
                takes: &[Slot::File],
                about: "Take over sessions from a file of `cs export`, from CCS, or from what you have",
                brief: "take over sessions and profiles",
                help: Line("take them from one; also from: ccs, claude"),
                ..PLAIN
            },
        ],
    },
    Group {
        title: "Profiles (a login or an API endpoint; 'default' is your own ~/.claude)",
        verbs: &[Verb {
            name: "profile",
            also: &["auth"],
            about: "Profiles: accounts and API endpoints",
            brief: "profiles: accounts and API endpoints",
            help: Rows(&[
                ("profile create NAME", "make one; then: cs profile login NAME"),
                ("profile list", "and show, default, edit, share, sync, adopt, remove"),
                ("NAME [ARGS…]", "run Claude as that profile: cs work mcp list"),
            ]),
            below: &[
                Verb {
                    name: "create",
                    takes: &[Slot::New],
                    about: "Make a profile: an account of Claude's, or an API endpoint",
                    ..PLAIN
                },
                Verb {
                    name: "list",
                    also: &["ls"],
                    about: "List profiles: login, sessions, last use, which one is the default",
                    ..PLAIN
                },
                Verb { name: "show", takes: &[Slot::Profile], about: "Show one profile", ..PLAIN },
                Verb {
                    name: "default",
                    takes: &[Slot::Profile],
                    about: "Print the profile of new sessions, or choose it",
                    ..PLAIN
                },
                Verb {
                    name: "login",
                    takes: &[Slot::Profile, Slot::Login],
                    about: "Log in: runs Claude's own login inside the profile",
                    ..PLAIN
                },
                Verb {
                    name: "edit",
                    takes: &[Slot::Profile],
                    about: "Open the record of a profile in your editor",
                    ..PLAIN
                },
                Verb {
                    name: "share",
                    takes: &[Slot::Name, Slot::Item],
                    about: "Show what a profile's sessions share with it, or change that",
                    ..PLAIN
                },
                Verb {
                    name: "sync",
                    takes: &[Slot::Name],
                    about: "Bring a profile's sessions up to date: what the profile gained, and what it lost",
                    ..PLAIN
                },
                Verb {
                    name: "adopt",
                    takes: &[Slot::New, Slot::Directory],
                    about: "Make an existing config directory a profile, in place",
                    ..PLAIN
                },
                Verb {
                    name: "remove",
                    also: &["rm"],
                    takes: &[Slot::Profile],
                    about: "Move a profile to the trash",
                    ..PLAIN
                },
            ],
            ..PLAIN
        }],
    },
    Group {
        title: "In this shell (needs the line of cs init, below)",
        verbs: &[
            Verb {
                name: "use",
                arguments: "[NAME|-]",
                takes: &[Slot::NameOrDash],
                about: "Set the variables of a session or profile in this shell; - goes back to the one before",
                brief: "enter a session in this shell",
                help: Rows(&[("use NAME", "set the session's or profile's variables here; - swaps")]),
                ..PLAIN
            },
            Verb {
                name: "off",
                about: "Put the variables of this shell back as they were before `cs use`",
                brief: "leave it again",
                help: Line("put everything back as it was"),
                ..PLAIN
            },
            Verb {
                name: "cd",
                arguments: "NAME",
                takes: &[Slot::Session],
                about: "Go to the directory of a session, in this shell",
                brief: "go to the directory of a session",
                help: Line("go to its directory"),
                ..PLAIN
            },
        ],
    },
    Group {
        title: "Directories",
        verbs: &[
            Verb {
                name: "bind",
                arguments: "[NAME]",
                takes: &[Slot::Name],
                about: "Bind a directory, or the checkouts of a remote, to a profile or session",
                brief: "bind a directory to a profile or session",
                help: Rows(&[("bind NAME", "work here and below belongs to that profile or session")]),
                ..PLAIN
            },
            Verb {
                name: "allow",
                arguments: "[PATH]",
                takes: &[Slot::Directory],
                about: "Trust this repository's .cs.toml",
                brief: "let a .cs.toml choose the profile",
                help: Rows(&[("allow", "let the .cs.toml of a repository count")]),
                ..PLAIN
            },
            Verb {
                name: "deny",
                arguments: "[PATH]",
                takes: &[Slot::Directory],
                about: "Withdraw `cs allow`, and do not ask again",
                brief: "never let it",
                help: Rows(&[("deny", "do not, and do not ask again")]),
                ..PLAIN
            },
        ],
    },
    Group {
        title: "Inside a session or profile, without starting Claude",
        verbs: &[
            Verb {
                name: "exec",
                arguments: "NAME -- CMD…",
                takes: &[Slot::Name, Slot::Command],
                about: "Run any program as if inside a session or profile",
                brief: "run any program in a session",
                help: Line("run any program with its variables"),
                ..PLAIN
            },
            Verb {
                name: "env",
                arguments: "NAME",
                takes: &[Slot::Name],
                about: "Print the variables of a session or profile",
                brief: "print the variables of a session",
                help: Line("print its variables (--shell, --json, --dotenv)"),
                ..PLAIN
            },
            Verb {
                name: "path",
                arguments: "NAME",
                takes: &[Slot::Name],
                about: "Print the config directory of a session or profile",
                brief: "print the config directory of a session",
                help: Line("print its config directory"),
                ..PLAIN
            },
        ],
    },
    Group {
        title: "Set-up",
        verbs: &[
            Verb {
                name: "init",
                arguments: "SHELL",
                takes: &[Slot::Shell],
                about: "Print the code that sets up your shell",
                brief: "print the code for your shell",
                help: Rows(&[
                    ("init SHELL", "the code for your shell: eval \"$(cs init zsh)\""),
                    ("", "(--install puts it into your start-up file)"),
                ]),
                ..PLAIN
            },
            Verb {
                name: "completions",
                arguments: "SHELL",
                takes: &[Slot::Shell],
                about: "Print a completion script, for packagers (`cs init` has it built in)",
                brief: "print a static completion script",
                help: Line("a static completion script, for packagers"),
                ..PLAIN
            },
            Verb {
                name: "prompt",
                arguments: "KIND",
                about: "Print a piece for your prompt that shows the session in use",
                brief: "print a piece for your prompt",
                help: Line("a piece for your prompt: bash, zsh, fish, starship, …"),
                ..PLAIN
            },
            Verb {
                name: "statusline",
                about: "A status line for Claude: session, profile, directory, branch, model, context, cost, limits",
                brief: "a status line for Claude",
                help: Line("a status line for Claude; it runs it by itself"),
                ..PLAIN
            },
            Verb {
                name: "shim",
                about: "A claude for programs that start Claude themselves: editors, scripts, cron",
                brief: "a claude for editors and scripts",
                help: Rows(&[("shim install", "a claude for editors and scripts that start it")]),
                below: &[
                    Verb { name: "install", about: "Make it, and say how it is used", ..PLAIN },
                    Verb { name: "remove", about: "Take it away", ..PLAIN },
                ],
                ..PLAIN
            },
            Verb {
                name: "man",
                arguments: "[DIRECTORY]",
                takes: &[Slot::Directory],
                about: "Print the manual page, or write all of them to a directory",
                brief: "print or write the manual pages",
                help: Line("the manual page, or all of them as files"),
                ..PLAIN
            },
            Verb {
                name: "config",
                about: "Settings: show them, edit them, or say where they are",
                brief: "show or edit the settings",
                help: Line("show the settings; config edit, config path"),
                below: &[
                    Verb { name: "path", about: "Print where the file is", ..PLAIN },
                    Verb { name: "show", about: "Print what is in force", ..PLAIN },
                    Verb { name: "edit", about: "Open the file in your editor ($VISUAL, $EDITOR)", ..PLAIN },
                ],
                ..PLAIN
            },
            Verb {
                name: "tour",
                about: "See it work, in a throw-away place",
                brief: "see it work, in a throw-away place",
                help: Line("see it work, in a throw-away place"),
                ..PLAIN
            },
        ],
    },
];

/// A word that shells, Claude and `cs` itself call, and that people do not see. As it begins with `_`, it is no
/// name either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Internal {
    /// Becomes Claude, as the function and the shim `claude` do.
    Claude,
    /// Answers a Tab.
    Complete,
    /// Is told by Claude that an ephemeral session ended.
    Ended,
    /// Follows a shell that changed its directory.
    Hook,
    /// Becomes what a pane was made for.
    #[cfg(unix)]
    Inside,
    /// Plays Claude on the tour.
    StandIn,
    /// Moves an ephemeral session to the trash once its Claude is gone.
    Tidy,
}

impl Internal {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Claude,
        Self::Complete,
        Self::Ended,
        Self::Hook,
        #[cfg(unix)]
        Self::Inside,
        Self::StandIn,
        Self::Tidy,
    ];

    /// Returns the word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Claude => "__claude",
            Self::Complete => "__complete",
            Self::Ended => "__ended",
            Self::Hook => "__hook",
            #[cfg(unix)]
            Self::Inside => "__inside",
            Self::StandIn => "__stand-in",
            Self::Tidy => "__tidy",
        }
    }

    /// Returns what `word` is, if it is one of them.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|internal| internal.word() == word)
    }
}

impl Verb {
    /// Returns all words for it, its name first.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }

    /// Returns what the word below it is that `word` stands for.
    pub fn find_below(&self, word: &str) -> Option<&'static Self> {
        self.below.iter().find(|verb| verb.words().any(|known| known == word))
    }
}

impl Slot {
    /// Returns whether this word is the first of all that follow, which are handed on as they are.
    pub fn is_rest(self) -> bool {
        matches!(self, Self::Claude | Self::Login | Self::Command)
    }
}

/// Returns the verbs.
pub fn all() -> impl Iterator<Item = &'static Verb> {
    GROUPS.iter().flat_map(|group| group.verbs)
}

/// Returns the verb that `word` stands for.
pub fn find(word: &str) -> Option<&'static Verb> {
    all().find(|verb| verb.words().any(|known| known == word))
}

/// Returns the verb that the option `word` stands for where it comes first.
pub fn of_flag(word: &str) -> Option<&'static Verb> {
    all().find(|verb| verb.flags.contains(&word))
}

/// Returns the verb of these words, such as `wt list`.
///
/// It is for words that are written in the program; panics where the table has none such.
pub fn of(words: &str) -> &'static Verb {
    let mut words = words.split(' ');
    let first = words.next().and_then(find);
    words.fold(first, |verb, word| verb?.find_below(word)).expect("the table has this verb")
}

/// Returns what each short form adds to the name of the family, and the verb it stands for.
pub fn short_forms() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().filter_map(|verb| Some((verb.short?, verb.name)))
}

/// Returns the words that cannot be names: those of the verbs, and those that are kept.
pub fn reserved() -> &'static [&'static str] {
    // In one list, as names are read by the thousand.
    static WORDS: LazyLock<Vec<&str>> =
        LazyLock::new(|| all().flat_map(Verb::words).chain(KEPT.iter().copied()).collect());
    &WORDS
}

/// Returns whether `text`, in whatever case, cannot be a name.
pub fn is_reserved(text: &str) -> bool {
    reserved().iter().any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, NameError};
    use std::collections::BTreeSet;

    #[test]
    fn no_word_means_two_things() {
        let reserved = reserved();
        assert_eq!(reserved.iter().collect::<BTreeSet<_>>().len(), reserved.len(), "{reserved:?}");
        let internal: BTreeSet<&str> = Internal::ALL.iter().map(|internal| internal.word()).collect();
        assert_eq!(internal.len(), Internal::ALL.len());
        let short: BTreeSet<&str> = short_forms().map(|(short, _)| short).collect();
        assert_eq!(short.len(), short_forms().count());
        for verb in all() {
            let below: Vec<&str> = verb.below.iter().flat_map(Verb::words).collect();
            assert_eq!(below.iter().collect::<BTreeSet<_>>().len(), below.len(), "{below:?}");
        }
    }

    #[test]
    fn no_word_is_a_name() {
        for word in reserved() {
            assert!(matches!(Name::new(word), Err(NameError::Reserved(_))), "{word}");
        }
        for internal in Internal::ALL {
            assert_eq!(Name::new(internal.word()), Err(NameError::BadStart('_')));
            assert_eq!(Internal::of(internal.word()), Some(*internal));
        }
        assert!(!is_reserved("api") && !is_reserved("") && Internal::of("api").is_none(), "the control");
    }

    #[test]
    fn every_verb_says_what_it_does_in_each_place() {
        for verb in all() {
            assert!(!verb.about.is_empty(), "{verb:?}");
            assert!(!verb.brief.is_empty() && verb.brief.len() <= 48, "{verb:?}: a line beside the name");
            assert!(
                verb.below.is_empty() || (verb.arguments.is_empty() && verb.takes.is_empty()),
                "{verb:?}"
            );
            assert!(
                verb.below.iter().all(|verb| !verb.about.is_empty() && verb.below.is_empty()),
                "{verb:?}"
            );
        }
    }

    #[test]
    fn what_is_handed_on_as_it_is_comes_last() {
        for verb in all().flat_map(|verb| std::iter::once(verb).chain(verb.below)) {
            let rest = verb.takes.iter().position(|slot| slot.is_rest());
            assert!(rest.is_none_or(|at| at + 1 == verb.takes.len()), "{verb:?}");
        }
    }

    #[test]
    fn a_verb_is_found_by_each_of_its_words() {
        assert_eq!(find("ls").map(|verb| verb.name), Some("list"));
        assert_eq!(of("wt rm").about, "Remove worktrees, with their sessions; to undo: cs restore NAME");
        assert_eq!(of("profile ls").name, "list");
        assert_eq!(of_flag("-r").map(|verb| verb.name), Some("resume"));
        for word in ["", "api", "-r", "list ls"] {
            assert!(find(word).is_none(), "{word}");
        }
    }
}

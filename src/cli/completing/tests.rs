use super::*;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

fn of(words: &[&str], typed: &str) -> Offer {
    offer(&words.iter().map(OsString::from).collect::<Vec<_>>(), typed)
}

/// Returns the slot that is looked up, and the words that are offered beside it.
fn shown(words: &[&str], typed: &str) -> (Option<Slot>, Vec<String>) {
    match of(words, typed) {
        Offer::Words { slot, words } => {
            (slot.map(|(_, slot)| slot), words.into_iter().map(|candidate| candidate.value).collect())
        }
        Offer::Command(at) => panic!("a command from word {at} on"),
    }
}

fn slot(words: &[&str], typed: &str) -> Option<Slot> {
    let (slot, words) = shown(words, typed);
    assert_eq!(words, Vec::<String>::new());
    slot
}

fn words(words: &[&str], typed: &str) -> Vec<String> {
    let (slot, words) = shown(words, typed);
    assert_eq!(slot, None);
    words
}

#[test]
fn the_first_word_is_a_name_or_a_verb_and_an_option_only_after_a_dash() {
    let (slot, first) = shown(&[], "");
    assert_eq!((slot, first.len()), (Some(Slot::Name), verb::all().count()));
    assert_eq!(shown(&[], "re").1, ["resume", "rename", "restore"]);
    assert_eq!(shown(&[], "l").1, ["list", "last"]);
    assert_eq!(shown(&[], "ls").1, ["ls"], "another name of a verb, where only it fits");
    assert_eq!(shown(&["--profile", "work"], ""), (Some(Slot::Name), vec![]), "then a verb is refused");
    assert_eq!(words(&[], "--pro"), ["--profile"]);
    assert!(words(&[], "-").contains(&"--isolation".to_owned()));
    assert_eq!(words(&["help"], "profile"), ["profile"]);
    assert_eq!(words(&["help", "profile"], "cr"), ["create"]);
}

#[test]
fn names_stand_where_a_verb_takes_one() {
    for verb in ["show", "env", "path", "bind", "open", "exec"] {
        assert_eq!(slot(&[verb], ""), Some(Slot::Name), "{verb}");
    }
    for verb in ["rename", "rm", "fork", "cd"] {
        assert_eq!(slot(&[verb], ""), Some(Slot::Session), "{verb}");
    }
    for verb in ["show", "default", "login", "edit", "remove"] {
        assert_eq!(slot(&["profile", verb], ""), Some(Slot::Profile), "{verb}");
    }
    for verb in ["share", "sync"] {
        assert_eq!(slot(&["profile", verb], ""), Some(Slot::Name), "{verb}: sessions too");
    }
    assert_eq!(words(&["profile", "share", "work"], "skills=p"), ["skills=private"]);
    assert_eq!(slot(&["auth", "login"], "w"), Some(Slot::Profile));
    assert_eq!(slot(&["rm", "api", "web"], ""), Some(Slot::Session));
    assert_eq!(slot(&["restore"], ""), Some(Slot::Trash));
    assert_eq!(slot(&["use"], ""), Some(Slot::NameOrDash));
    assert_eq!(slot(&["resume"], ""), Some(Slot::Resumable));
    for (new, typed) in [(&["new"][..], ""), (&["rename", "api"], ""), (&["fork", "api"], "-")] {
        assert_eq!(slot(new, typed), None, "{new:?}: a new name is for a person to choose");
    }
}

#[test]
fn options_are_followed_by_what_they_take() {
    for option in ["--profile", "-P"] {
        assert_eq!(slot(&[option], ""), Some(Slot::Profile));
        assert_eq!(slot(&["new", "--bare", option], ""), Some(Slot::Profile));
        assert_eq!(slot(&["list", option], ""), Some(Slot::Profile));
    }
    let prefixed = |typed| match of(&[], typed) {
        Offer::Words { slot, words } if words.is_empty() => slot,
        other => panic!("{other:?}"),
    };
    assert_eq!(prefixed("--profile=w"), Some(("--profile=".into(), Slot::Profile)));
    assert_eq!(prefixed("-Pw"), Some(("-P".into(), Slot::Profile)));
    assert_eq!(prefixed("--dir=~/x"), Some(("--dir=".into(), Slot::Directory)));
    assert_eq!(slot(&["-yd"], ""), Some(Slot::Directory), "the last of some short ones takes it");
    assert_eq!(shown(&["-d/tmp"], "").0, Some(Slot::Name), "it has its value already");
    assert_eq!(words(&["--isolation"], ""), ["config-dir", "home", "sandbox", "none"]);
    assert_eq!(words(&["env", "api", "--shell"], "power"), ["powershell"]);
    assert_eq!(words(&["init"], ""), ["bash", "zsh", "fish", "powershell"]);
    assert_eq!(words(&["completions"], ""), words(&["init"], ""));
    assert_eq!(slot(&["profile", "create", "x", "--provider"], "k"), Some(Slot::Provider));
    assert_eq!(slot(&["profile", "create", "x", "--token-file"], ""), Some(Slot::File));
    for words in [&["allow"][..], &["deny"], &["man"], &["profile", "adopt", "x"], &["bind", "--dir"]] {
        assert_eq!(slot(words, ""), Some(Slot::Directory), "{words:?}");
    }
}

#[test]
fn what_follows_a_name_is_claudes() {
    for before in [&["api"][..], &["-P", "work", "api"], &["open", "api"], &["last"], &["fork", "a", "b"]] {
        assert_eq!(words(before, "--mo"), ["--model"], "{before:?}");
        assert_eq!(words(before, "mc"), ["mcp"], "{before:?}");
    }
    assert_eq!(words(&["new", "--bare", "api", "--model"], "op"), ["opus"]);
    assert_eq!(words(&["api"], "--model=ha"), ["--model=haiku"]);
    assert_eq!(slot(&["api", "--add-dir"], ""), Some(Slot::Directory));
    assert_eq!(words(&["profile", "login", "work"], "--ss"), ["--sso"]);
    assert_eq!(words(&["a prompt"], ""), words(&["api"], ""), "what is no name is taken for one here");
}

#[test]
fn what_follows_exec_is_a_command_line_of_its_own() {
    assert_eq!(of(&["exec", "api"], ""), Offer::Command(2));
    assert_eq!(of(&["exec", "api", "--"], ""), Offer::Command(3));
    assert_eq!(of(&["exec", "api", "--", "ls", "-l"], "-"), Offer::Command(3));
    assert_eq!(words(&["exec", "api"], "-"), ["--"]);
}

/// Every argument that takes a value and for which nothing is offered, by verb. `verb` is what `command`
/// stands for.
fn left_alone(command: &Command, path: &str, verb: Option<&Verb>) -> Vec<String> {
    let takes = verb.map_or(&[][..], |verb| verb.takes);
    let handed_on = takes.last().is_some_and(|slot| slot.is_rest());
    let mut found = Vec::new();
    for arg in tree::with_slots(command, takes).get_arguments().filter(|arg| arg.get_action().takes_values())
    {
        let known = arg.get::<ArgValueCompleter>().is_some()
            || arg.get::<ArgValueCandidates>().is_some()
            || !arg.get_possible_values().is_empty()
            || (handed_on && arg.is_positional());
        if !known {
            found.push(format!("{path}{}", arg.get_id()));
        }
    }
    for below in command.get_subcommands() {
        let name = below.get_name();
        let verb = verb.map_or_else(|| verb::find(name), |verb| verb.find_below(name));
        assert!(verb.is_some(), "{path}{name} is not in the table");
        found.extend(left_alone(below, &format!("{path}{name} "), verb));
    }
    found
}

#[test]
fn an_argument_for_which_nothing_is_offered_is_text_that_only_a_person_knows() {
    let found = left_alone(&Cli::command(), "", None);
    let text = [
        "wt finish message",
        "wt gc older_than",
        "rename new",
        "restore new",
        "cleanup older_than",
        "trash empty older_than",
        "import new",
        "usage since",
        "statusline theme",
        "statusline format",
        "profile create name",
        "profile create base_url",
        "profile create model",
        "profile create token_env",
        "profile create token_command",
        "profile create token",
        "profile share history",
        "profile sync take",
        "profile adopt name",
        "bind remote",
        "init cmd",
    ];
    assert_eq!(found, text, "left: what nothing is offered for");
}

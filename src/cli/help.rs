//! The text of `cs --help`: the frame in `templates/help.txt`, with the table of verbs in it.

use crate::model::verb::{self, Group, Help, Verb};

const FRAME: &str = include_str!("../../templates/help.txt");

/// The mark in the frame that the verbs take the place of.
const VERBS: &str = "__VERBS__\n";

/// Returns the help that is read first.
pub fn help() -> String {
    let groups: String = verb::GROUPS.iter().map(group).collect();
    FRAME.replacen(VERBS, &groups, 1)
}

/// A group: its title, a row or more for each verb, and an empty line.
fn group(group: &Group) -> String {
    let rows: String = group.verbs.iter().map(rows).collect();
    format!("{}\n{rows}\n", group.title)
}

fn rows(verb: &Verb) -> String {
    match verb.help {
        Help::Line(line) => {
            let typed = format!("{} {}", verb.name, verb.arguments);
            let short = verb.short.map(|short| format!("cs{short}")).unwrap_or_default();
            row(typed.trim_end(), line, &short)
        }
        Help::Rows(rows) => rows.iter().map(|(typed, line)| row(typed, line, "")).collect(),
    }
}

fn row(typed: &str, line: &str, short: &str) -> String {
    let row = format!("  {typed:<22}{line:<43}{short}");
    format!("{}\n", row.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verbs_stand_in_their_frame_once_and_in_columns() {
        let help = help();
        assert_eq!(FRAME.matches(VERBS).count(), 1);
        assert!(!help.contains("__"), "{help}");
        for line in [
            "Sessions\n  open NAME [ARGS…]     the same, spelled out\n",
            "  new NAME [ARGS…]      make one; an error if the name is taken    csn\n",
            "  wt open|finish|rm|gc  go on in one; bring its work home; remove it\n\nHealth\n",
            "                        (--install puts it into your start-up file)\n",
        ] {
            assert!(help.contains(line), "{line}{help}");
        }
    }

    #[test]
    fn no_row_is_wider_than_a_terminal_and_none_runs_into_its_line() {
        for verb in verb::all() {
            for row in rows(verb).lines() {
                assert!(row.chars().count() <= 80, "{row}");
                assert_eq!(row.chars().skip(22).take(2).collect::<String>(), "  ", "{row}");
            }
        }
    }
}

//! `.env` files that their readers agree on.

use super::quote::plain_value;
use crate::model::{EnvChanges, Failure, Result, VarName};

/// Returns the variables that `changes` sets as lines of a `.env` file. Those it unsets are left out, as
/// such a file cannot say that.
///
/// Every value that is written is read the same by the dotenv package of Node, by Node's own
/// `--env-file`, by `docker compose --env-file`, and by `set -a; . ./file` in sh.
/// They agree on less than one would think, so a value gets the first of three forms that fits:
///
/// * `NAME=value` if the value has only letters, digits and `_ . / : , @ % + -`, or nothing at all. Ports,
///   slugs and names do. These are read the same by `docker run --env-file` too, which takes quotes for
///   part of the value, and by python-dotenv.
/// * `NAME="value"` if the value holds none of `"`, `$`, `` ` `` and `\`: inside double quotes sh and
///   compose expand `$`, sh runs text in backticks, and the readers differ on which backslashes go away.
/// * `NAME='value'` if the value holds no `'` and does not end in `\`: nothing is special inside single
///   quotes, except that Node and compose take `\'` for a quote that goes on.
///
/// Fails with the variable's name (exit 5) if none fits, or if a value has control characters.
///
/// python-dotenv also expands `${…}` and halves `\\` inside single quotes.
pub fn dotenv(changes: &EnvChanges) -> Result<String> {
    let mut text = String::new();
    for (name, change) in changes.iter() {
        let Some(value) = change.value() else { continue };
        let value = plain_value(name, value)?.as_str();
        let quote = quote_for(name, value)?;
        text += &[name.as_str(), "=", quote, value, quote, "\n"].concat();
    }
    Ok(text)
}

/// Returns the quote that stands on both sides of `value`.
fn quote_for(name: &VarName, value: &str) -> Result<&'static str> {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "_./:,@%+-".contains(c)) {
        Ok("")
    } else if !value.contains(['"', '$', '`', '\\']) {
        Ok("\"")
    } else if !value.contains('\'') && !value.ends_with('\\') {
        Ok("'")
    } else {
        Err(Failure::refused(format!(
            "variable '{name}' holds quotes or backslashes that readers of .env files take differently"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exit;

    fn of(value: &str) -> Result<String> {
        let mut changes = EnvChanges::new();
        changes.set("A", value);
        changes.unset("B");
        dotenv(&changes)
    }

    #[test]
    fn values_are_plain_where_they_can_be_else_double_quoted_else_single_quoted() {
        assert_eq!(of("").as_deref(), Ok("A=\n"));
        assert_eq!(of("20000").as_deref(), Ok("A=20000\n"));
        assert_eq!(of("postgres://me@host:5432/my_api").as_deref(), Ok("A=postgres://me@host:5432/my_api\n"));
        assert_eq!(of("~/x").as_deref(), Ok("A=\"~/x\"\n"));
        assert_eq!(of("it's # fine").as_deref(), Ok("A=\"it's # fine\"\n"));
        assert_eq!(of("a $b `c` \\d \"e\"").as_deref(), Ok("A='a $b `c` \\d \"e\"'\n"));
    }

    #[test]
    fn what_readers_take_differently_is_refused_by_name() {
        for bad in ["it's $b", "'\"", "C:\\", "a'\\b", "a\nb", "a\u{7f}"] {
            let failure = of(bad).expect_err(bad);
            assert_eq!(failure.exit(), Exit::Refused);
            assert!(failure.message.contains("'A'"), "{failure}");
        }
    }
}

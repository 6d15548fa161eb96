//! Paths for people.

use std::borrow::Cow;

/// Returns a path with the home directory `home` as `~`.
pub fn short<'a>(path: &'a str, home: &str) -> Cow<'a, str> {
    match path.strip_prefix(home) {
        Some("") => "~".into(),
        Some(rest) if rest.starts_with('/') => format!("~{rest}").into(),
        _ => path.into(),
    }
}

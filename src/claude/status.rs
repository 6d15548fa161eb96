//! The input of a status line from Claude Code: one JSON object on standard input.

use serde_json::Value;

/// The most bytes of it that are read: what 2.1.329 sends is below 2 KiB.
pub const STATUS_LIMIT: u64 = 1 << 20;

/// The facts that a status line is given (2.1.197 and 2.1.329, by experiment; the limits from the program
/// itself). Everything may be missing: nothing was said yet, another version, another endpoint. Texts are
/// those of others: escape them before they are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// The name of the session, as Claude has it.
    pub session: Option<String>,
    /// The directory Claude is in now.
    pub directory: Option<String>,
    /// The model, for people: `Opus 5.5`.
    pub model: Option<String>,
    /// The effort of its thinking: `medium`.
    pub effort: Option<String>,
    /// The used part of the context, in percent.
    pub context: Option<f64>,
    /// The number of tokens that the context holds at most.
    pub context_size: Option<u64>,
    /// The cost of this run of Claude, in USD at list prices.
    pub cost: Option<f64>,
    /// The time since this run began, in milliseconds.
    pub duration: Option<u64>,
    /// Lines of files that it added and removed.
    pub lines: Option<(u64, u64)>,
    /// The limit of five hours; only with a subscription, and after the first answer.
    pub five_hour: Option<Limit>,
    /// The limit of a week; as above.
    pub week: Option<Limit>,
    /// The output style, if it is not the usual one.
    pub style: Option<String>,
    /// The mode of vim keys, if they are on.
    pub vim: Option<String>,
    /// Claude's version.
    pub version: Option<String>,
}

/// The used part of a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The used part, in percent.
    pub used: f64,
    /// The time of the limit's next beginning, in seconds of Unix time.
    pub resets: Option<i64>,
}

impl Status {
    /// Reads what Claude sent. Values that are missing, of another kind or out of all reason are left
    /// out; text that is no JSON says nothing at all.
    pub fn parse(text: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(text) else { return Self::default() };
        let text = |pointer: &str| {
            let text = value.pointer(pointer)?.as_str()?;
            (!text.trim().is_empty()).then(|| text.to_owned())
        };
        let number = |pointer: &str| value.pointer(pointer)?.as_f64().filter(|number| *number >= 0.0);
        let whole = |pointer: &str| value.pointer(pointer)?.as_u64();
        let percent = |pointer: &str| number(pointer).filter(|percent| *percent <= 1000.0);
        let limit = |name: &str| {
            let resets = value.pointer(&format!("/rate_limits/{name}/resets_at")).and_then(Value::as_i64);
            Some(Limit { used: percent(&format!("/rate_limits/{name}/used_percentage"))?, resets })
        };
        Self {
            session: text("/session_name"),
            directory: text("/workspace/current_dir").or_else(|| text("/cwd")),
            model: text("/model/display_name").or_else(|| text("/model/id")),
            effort: text("/effort/level"),
            context: percent("/context_window/used_percentage"),
            context_size: whole("/context_window/context_window_size").filter(|size| *size > 0),
            cost: number("/cost/total_cost_usd").filter(|cost| *cost < 1e9),
            duration: whole("/cost/total_duration_ms").filter(|duration| *duration < 1 << 42),
            lines: whole("/cost/total_lines_added")
                .zip(whole("/cost/total_lines_removed"))
                .filter(|lines| *lines != (0, 0)),
            five_hour: limit("five_hour"),
            week: limit("seven_day"),
            style: text("/output_style/name").filter(|style| style != "default"),
            vim: text("/vim/mode"),
            version: text("/version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_claude_sends_is_read() {
        let sent = br#"{"session_id":"x","cwd":"/w","effort":{"level":"medium"},"session_name":"api",
            "model":{"id":"claude-opus-5-5","display_name":"Opus 5.5"},
            "workspace":{"current_dir":"/w/sub","project_dir":"/w","added_dirs":[]},"version":"2.1.329",
            "output_style":{"name":"default"},
            "cost":{"total_cost_usd":0.5,"total_duration_ms":499,"total_lines_added":3,"total_lines_removed":0},
            "context_window":{"context_window_size":1000000,"current_usage":null,"used_percentage":42},
            "rate_limits":{"five_hour":{"used_percentage":23.5,"resets_at":1738425600},"seven_day":{"used_percentage":41}}}"#;
        let status = Status::parse(sent);
        assert_eq!(status.directory.as_deref(), Some("/w/sub"));
        assert_eq!((status.context, status.context_size), (Some(42.0), Some(1_000_000)));
        assert_eq!(status.lines, Some((3, 0)));
        assert_eq!(status.five_hour, Some(Limit { used: 23.5, resets: Some(1_738_425_600) }));
        assert_eq!(status.week, Some(Limit { used: 41.0, resets: None }));
        assert_eq!((status.style, status.vim), (None, None));
    }

    #[test]
    fn whatever_is_not_as_it_should_be_is_left_out() {
        for hostile in [
            &b""[..],
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            br#"{"model":"Opus","cost":7,"context_window":[],"rate_limits":null,"workspace":"/w"}"#,
            br#"{"context_window":{"used_percentage":"42"},"cost":{"total_cost_usd":"1","total_duration_ms":-1}}"#,
            br#"{"context_window":{"used_percentage":-3},"cost":{"total_cost_usd":1e300}}"#,
            br#"{"rate_limits":{"five_hour":{"used_percentage":null},"seven_day":{"resets_at":5}},"cwd":"  "}"#,
        ] {
            assert_eq!(Status::parse(hostile), Status::default(), "{}", String::from_utf8_lossy(hostile));
        }
    }
}

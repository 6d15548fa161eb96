//! The list prices of models.

use std::sync::LazyLock;

use serde::Deserialize;

use super::spent::{Message, Tokens};

const TABLE: &str = include_str!("../../templates/prices.toml");

/// Returns the day the prices are of, as their file says.
pub fn prices_date() -> &'static str {
    TABLE.split("as of ").nth(1).and_then(|rest| rest.get(..10)).unwrap_or_default()
}

/// USD for a million tokens.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Rate {
    input: f64,
    output: f64,
    write: f64,
    write_1h: f64,
    read: f64,
}

/// The rate of requests with a longer prompt.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Above {
    tokens: u64,
    #[serde(flatten)]
    rate: Rate,
}

#[derive(Debug, Deserialize)]
struct Price {
    models: Vec<String>,
    #[serde(flatten)]
    rate: Rate,
    above: Option<Above>,
    fast: Option<Rate>,
}

#[derive(Debug, Deserialize)]
struct Prices {
    price: Vec<Price>,
}

static PRICES: LazyLock<Vec<Price>> =
    LazyLock::new(|| toml::from_str::<Prices>(TABLE).map(|prices| prices.price).unwrap_or_default());

/// Returns the cost of a message in USD: the one its line has, else by the list prices; `None` if its
/// model has no known price. The rules are those of Claude Code 2.1.329.
pub fn cost_of(message: &Message) -> Option<f64> {
    if message.cost.is_some() {
        return message.cost;
    }
    let model = plain_name(&message.model);
    let price = PRICES.iter().find(|price| price.models.iter().any(|known| known == model))?;
    let Tokens { input, output, write, write_1h, read } = message.tokens;
    let prompt = [write, write_1h, read].into_iter().fold(input, u64::saturating_add);
    let rate = match (price.fast, price.above) {
        (Some(fast), _) if message.fast => fast,
        (_, Some(above)) if prompt > above.tokens => above.rate,
        _ => price.rate,
    };
    let parts = [
        (input, rate.input),
        (output, rate.output),
        (write, rate.write),
        (write_1h, rate.write_1h),
        (read, rate.read),
    ];
    let tokens: f64 = parts.iter().map(|(tokens, rate)| millions(*tokens) * rate).sum();
    let searches = millions(message.searches) * 1e6 * 0.01;
    Some((tokens + searches) * if message.in_us { 1.1 } else { 1.0 })
}

#[allow(clippy::cast_precision_loss, reason = "what is lost is far below a cent")]
fn millions(number: u64) -> f64 {
    number as f64 / 1e6
}

/// Returns the name of a model without its provider, date, version and window:
/// `us.anthropic.claude-opus-4-5-20251101-v1:0` is `claude-opus-4-5`.
fn plain_name(model: &str) -> &str {
    let model = model.find("claude-").map_or(model, |at| &model[at..]);
    let model = model.split(['@', '[', ':']).next().unwrap_or(model);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let model = match model.rsplit_once("-v") {
        Some((name, version)) if number(version) => name,
        _ => model,
    };
    match model.rsplit_once('-') {
        Some((name, "latest")) => name,
        Some((name, date)) if date.len() == 8 && number(date) => name,
        _ => model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_providers_are_known() {
        for (name, plain) in [
            ("claude-opus-4-5-20251101", "claude-opus-4-5"),
            ("us.anthropic.claude-3-5-haiku-20241022-v1:0", "claude-3-5-haiku"),
            ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
            ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5"),
            ("anthropic/claude-3-7-sonnet-latest", "claude-3-7-sonnet"),
            ("claude-opus-5", "claude-opus-5"),
            ("glm-4.6", "glm-4.6"),
        ] {
            assert_eq!(plain_name(name), plain);
        }
    }

    #[test]
    fn the_table_is_whole_and_names_no_model_twice() {
        let mut names: Vec<&String> = PRICES.iter().flat_map(|price| &price.models).collect();
        assert!(names.len() > 20);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), PRICES.iter().map(|price| price.models.len()).sum::<usize>());
        assert!(names.iter().all(|name| plain_name(name) == *name));
        assert_eq!(prices_date(), "2026-11-21");
    }

    #[test]
    fn a_message_costs_what_its_tokens_do() {
        let tokens = Tokens { input: 1_000, output: 2_000, write: 3_000, write_1h: 4_000, read: 5_000 };
        let message = |model: &str| Message { model: model.into(), tokens, ..Message::default() };
        let cost = |message: &Message| cost_of(message).map(|cost| (cost * 1e6).round() / 1e6);
        // 0.005 + 0.05 + 0.01875 + 0.04 + 0.0025
        assert_eq!(cost(&message("claude-opus-4-5-20251101")), Some(0.116_25));
        assert_eq!(cost(&message("claude-opus-99")), None);
        let said = Message { cost: Some(7.0), ..message("claude-opus-99") };
        assert_eq!(cost(&said), Some(7.0), "what the line says goes before everything");
        // 0.01 + 0.1 + 0.0375 + 0.08 + 0.005
        assert_eq!(cost(&Message { fast: true, ..message("claude-opus-5") }), Some(0.232_5));
        assert_eq!(
            cost(&Message { searches: 3, in_us: true, ..message("claude-opus-4-5") }),
            Some(0.160_875)
        );
        // 15,000 tokens of prompt: 0.0001 + 0.001 + 0.000375 + 0.0008 + 0.00005
        assert_eq!(cost(&message("claude-haiku-5-5")), Some(0.002_325));
        let long = Tokens { read: 100_000, ..tokens };
        // 0.0005 + 0.005 + 0.001875 + 0.004 + 0.005
        assert_eq!(cost(&Message { tokens: long, ..message("claude-haiku-5-5") }), Some(0.016_375));
    }
}

//! `cs new NAME [ARGS…]`: make a session; an error if the name is taken.

use std::ffi::OsString;

use super::start;
use crate::cli::StartOptions;
use crate::model::{Failure, Outcome, Result};
use crate::work::context::Context;

pub(super) fn run(context: &Context, options: &StartOptions, words: Vec<OsString>) -> Result<Outcome> {
    let mut words = words.into_iter();
    let name = words.next().unwrap_or_default();
    let name =
        name.to_str().ok_or_else(|| Failure::usage(format!("'{}' is not UTF-8", name.to_string_lossy())))?;
    start::create(context, options, &Context::new_name(name)?, words.collect())
}

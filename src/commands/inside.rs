//! `cs __inside DIRECTORY`, what a pane is made with: becomes what it is given there.

use std::ffi::OsString;
use std::path::Path;

use crate::model::verb::Internal;
use crate::model::{Failure, Outcome, Result};
use crate::work::context::Context;
use crate::work::pane;

pub(super) fn run(context: &Context, arguments: &[OsString]) -> Result<Outcome> {
    let [place] = arguments else {
        return Err(Failure::usage(format!("{} takes a directory", Internal::Inside.word())));
    };
    pane::take(context, Path::new(place))
}

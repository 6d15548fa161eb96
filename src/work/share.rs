//! The share of a session or profile.

use crate::model::{Profile, Result, Share};
use crate::work::context::Context;

/// Returns what is shared: as it is built in, then as `config.toml` says, then as the profile says; nothing where
/// it is bare.
pub(crate) fn share_of(context: &Context, profile: &Profile, bare: bool) -> Result<Share> {
    if bare {
        return Ok(Share::nothing());
    }
    Ok(Share::default().with(&context.config()?.share).with(&profile.share))
}

/// Returns true if the config directory of a profile was made by `cs`, and not adopted.
pub(crate) fn is_ours(context: &Context, profile: &Profile) -> Result<bool> {
    Ok(profile.home.is(&context.store()?.profile_root(profile.host()).join("claude")))
}

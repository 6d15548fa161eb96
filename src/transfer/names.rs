//! Names for what comes from elsewhere.

use crate::model::{Failure, Name, Result};

/// Returns the first variation of `wanted` that is not taken. Fails if a thousand are.
pub(super) fn free_name(wanted: &Name, taken: impl Fn(&Name) -> Result<bool>) -> Result<Name> {
    for number in 1..1000 {
        let name = wanted.numbered(number);
        if !taken(&name)? {
            return Ok(name);
        }
    }
    Err(Failure::failed(format!("all names from '{wanted}' on are taken")))
}

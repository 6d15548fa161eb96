//! `cs prompt`: a piece for a prompt that shows what is in use. It reads variables, so that a prompt
//! costs no process.

use super::report;
use crate::cli::PromptKind;
use crate::model::{Outcome, Result};

pub(super) fn run(prompt: PromptKind) -> Result<Outcome> {
    report::print(match prompt {
        PromptKind::Bash => include_str!("../../templates/prompt.bash"),
        PromptKind::Zsh => include_str!("../../templates/prompt.zsh"),
        PromptKind::Fish => include_str!("../../templates/prompt.fish"),
        PromptKind::PowerShell => include_str!("../../templates/prompt.ps1"),
        PromptKind::Starship => include_str!("../../templates/prompt.starship.toml"),
        PromptKind::P10k => include_str!("../../templates/prompt.p10k.zsh"),
    })?;
    Ok(Outcome::Done)
}

//! `cs prompt`: a piece for a prompt that shows what is in use. It reads variables, so that a prompt
//! costs no process.

use super::report;
use crate::cli::PromptKind;
use crate::model::{Outcome, Result};

pub(super) fn run(prompt: PromptKind) -> Result<Outcome> {
    report::print(match prompt {
        PromptKind::Bash => include_str!("../../shells/bash/prompt.bash"),
        PromptKind::Zsh => include_str!("../../shells/zsh/prompt.zsh"),
        PromptKind::Fish => include_str!("../../shells/fish/prompt.fish"),
        PromptKind::PowerShell => include_str!("../../shells/powershell/prompt.ps1"),
        PromptKind::Starship => include_str!("../../shells/prompt-starship.toml"),
        PromptKind::P10k => include_str!("../../shells/zsh/prompt-p10k.zsh"),
    })?;
    Ok(Outcome::Done)
}

//! A word that Tab offers.

/// A word that fits where the cursor is, and a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The word.
    pub value: String,
    /// A few words about it; empty for none.
    pub about: String,
}

impl Candidate {
    /// Returns the word `value` with what is said about it.
    pub fn new(value: impl Into<String>, about: impl Into<String>) -> Self {
        Self { value: value.into(), about: about.into() }
    }
}

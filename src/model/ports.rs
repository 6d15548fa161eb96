//! Ports of a session's own.

use serde::{Deserialize, Serialize};

/// A block of ten TCP ports that belong to one session, told by its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ports(u16);

impl Ports {
    /// How many ports are in a block.
    pub const SIZE: u16 = 10;

    /// The variables that carry them, in order.
    pub const VARIABLES: [&'static str; 10] = [
        "CS_PORT",
        "CS_PORT_1",
        "CS_PORT_2",
        "CS_PORT_3",
        "CS_PORT_4",
        "CS_PORT_5",
        "CS_PORT_6",
        "CS_PORT_7",
        "CS_PORT_8",
        "CS_PORT_9",
    ];

    /// The block that begins with `first`; `None` where it would not end below 65536, or where it
    /// would begin below 1024, which is not for everybody.
    pub fn new(first: u16) -> Option<Self> {
        (first >= 1024 && first.checked_add(Self::SIZE - 1).is_some()).then_some(Self(first))
    }

    /// The first port.
    pub fn first(self) -> u16 {
        self.0
    }

    /// Each port.
    pub fn all(self) -> impl Iterator<Item = u16> {
        (0..Self::SIZE).map(move |offset| self.0.saturating_add(offset))
    }

    /// Each variable with its port.
    pub fn variables(self) -> impl Iterator<Item = (&'static str, u16)> {
        Self::VARIABLES.into_iter().zip(self.all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_ten_ports_and_a_variable_for_each() {
        let ports = Ports::new(20_000).expect("a block");
        let all: Vec<_> = ports.variables().collect();
        assert_eq!((all[0], all[9]), (("CS_PORT", 20_000), ("CS_PORT_9", 20_009)));
        assert_eq!(all.len(), usize::from(Ports::SIZE));
        assert_eq!((Ports::new(1023), Ports::new(65_527)), (None, None));
        assert_eq!(Ports::new(65_526).and_then(|ports| ports.all().last()), Some(65_535));
    }
}

//! Ports of a session's own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A block of ten TCP ports that belong to one session, told by its first.
///
/// Every block begins at a multiple of ten, so that two of them are the same or have no port in
/// common, whatever the range was when each was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Ports(u16);

impl Ports {
    /// The number of ports in a block.
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

    /// Returns the block that begins with `first`. `None` if that is no multiple of ten, is below 1024
    /// (not for everybody), or the block would not end below 65536.
    pub fn new(first: u16) -> Option<Self> {
        let inside = first >= 1024 && first.checked_add(Self::SIZE - 1).is_some();
        (inside && first.is_multiple_of(Self::SIZE)).then_some(Self(first))
    }

    /// Returns the first port.
    pub fn first(self) -> u16 {
        self.0
    }

    /// Returns the last port.
    pub fn last(self) -> u16 {
        self.0.saturating_add(Self::SIZE - 1)
    }

    /// Returns each port in order.
    pub fn all(self) -> impl Iterator<Item = u16> {
        self.first()..=self.last()
    }

    /// Returns each variable with its port.
    pub fn variables(self) -> impl Iterator<Item = (&'static str, u16)> {
        Self::VARIABLES.into_iter().zip(self.all())
    }
}

impl TryFrom<u16> for Ports {
    type Error = String;

    fn try_from(first: u16) -> Result<Self, String> {
        Self::new(first).ok_or_else(|| format!("no block of ports begins at {first}"))
    }
}

impl From<Ports> for u16 {
    fn from(ports: Ports) -> Self {
        ports.0
    }
}

impl fmt::Display for Ports {
    /// Writes `20000-20009`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first(), self.last())
    }
}

/// The ports that blocks may be made of; there is room for one block at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: Ports,
    blocks: u16,
}

impl PortRange {
    /// Returns the whole blocks from `first` to `last`, both included; `None` if there is none, or if it
    /// would begin below 1024.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        let start = Ports::new(first.checked_next_multiple_of(Ports::SIZE)?).filter(|_| first >= 1024)?;
        let blocks = (u32::from(last) + 1).checked_sub(u32::from(start.first()))? / u32::from(Ports::SIZE);
        (blocks > 0).then_some(Self { first: start, blocks: u16::try_from(blocks).ok()? })
    }

    /// Returns the number of blocks.
    pub fn blocks(self) -> u16 {
        self.blocks
    }

    /// Returns every block once: first the one at `place` (of any size: it is taken modulo their number),
    /// then those after it, then those before it.
    pub fn from(self, place: u64) -> impl Iterator<Item = Ports> {
        let start = place % u64::from(self.blocks);
        (0..u64::from(self.blocks)).filter_map(move |step| {
            let number = u16::try_from((start + step) % u64::from(self.blocks)).ok()?;
            Ports::new(self.first.first().checked_add(number.checked_mul(Ports::SIZE)?)?)
        })
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
        assert_eq!(ports.to_string(), "20000-20009");
    }

    #[test]
    fn a_block_begins_at_a_multiple_of_ten_and_stays_among_the_ports_for_everybody() {
        for bad in [0, 1_020, 1_023, 20_005, 65_526, 65_530, 65_535] {
            assert_eq!(Ports::new(bad), None, "{bad}");
        }
        assert_eq!(Ports::new(65_520).and_then(|ports| ports.all().last()), Some(65_529));
        assert_eq!(serde_json::from_str::<Ports>("20000").ok(), Ports::new(20_000));
        assert!(serde_json::from_str::<Ports>("20005").is_err());
        assert_eq!(serde_json::to_string(&Ports::new(20_000)).ok().as_deref(), Some("20000"));
    }

    #[test]
    fn a_range_has_whole_blocks_only_and_each_is_tried_once_from_anywhere() {
        let firsts = |first, last, place| -> Vec<u16> {
            let range = PortRange::new(first, last);
            range.into_iter().flat_map(|range| range.from(place)).map(Ports::first).collect()
        };
        assert_eq!(firsts(20_000, 20_029, 0), [20_000, 20_010, 20_020]);
        assert_eq!(firsts(20_000, 20_029, 4), [20_010, 20_020, 20_000]);
        assert_eq!(firsts(20_001, 20_028, u64::MAX), [20_010]);
        assert_eq!(firsts(65_500, 65_535, 1), [65_510, 65_520, 65_500]);
        for (first, last) in
            [(20_000, 20_008), (20_001, 20_018), (20_010, 20_000), (1_000, 2_000), (65_530, 65_535)]
        {
            assert_eq!(PortRange::new(first, last), None, "{first}-{last}");
        }
        assert_eq!(PortRange::new(1_024, 65_535).map(PortRange::blocks), Some(6_450));
    }
}

//! Sizes and numbers for people.

/// Returns a number of bytes in at most four characters and a unit: `0 B`, `512 B`, `1.5 KiB`, `218 GiB`.
pub fn size(bytes: u64) -> String {
    if bytes < 1024 {
        format!("{bytes} B")
    } else {
        scaled(bytes, 1024, &[" KiB", " MiB", " GiB", " TiB", " PiB"])
    }
}

/// Returns a number in at most four characters and a letter: `999`, `1.5k`, `34k`, `1.2M`, `3.4G`.
pub fn number(number: u64) -> String {
    if number < 1000 { number.to_string() } else { scaled(number, 1000, &["k", "M", "G", "T"]) }
}

/// Returns `number` in the largest of `units` that it reaches, each `step` of the one before.
fn scaled(number: u64, step: u64, units: &[&str]) -> String {
    // Tenths of the unit, so that 1,048,575 bytes are not "1024.0 KiB".
    let (mut tenths, mut unit) = (number.saturating_mul(10) / step, 0);
    while tenths >= step * 10 && unit + 1 < units.len() {
        tenths /= step;
        unit += 1;
    }
    let unit = units[unit];
    if tenths < 100 {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    } else {
        format!("{}{unit}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_short_and_never_a_thousand_of_its_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10 << 10, "10 KiB"),
            ((1 << 20) - 1, "1023 KiB"),
            (1 << 20, "1.0 MiB"),
            (218 << 30, "218 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0, 999, 1_000, 1_550, 34_200, 999_999, 1_000_000, 3_400_000_000].map(number);
        assert_eq!(numbers, ["0", "999", "1.0k", "1.5k", "34k", "999k", "1.0M", "3.4G"]);
    }
}

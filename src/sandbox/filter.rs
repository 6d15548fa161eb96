//! No typing on the terminal outside.
//!
//! A program in a sandbox has the terminal, and with `ioctl(TIOCSTI)` it could put characters there as
//! if they had been typed: the shell outside would run them (CVE-2017-5226). A session of its own for
//! the terminal prevents that, and takes away Ctrl-C and the news of a changed size. So the kernel is
//! told to refuse that one call (and `TIOCLINUX`, which pastes), as flatpak does.

/// Returns the filter, as `bwrap --seccomp` reads it: instructions for the kernel's packet filter. `None`
/// on a machine whose numbers for `ioctl` are not known here.
pub fn filter() -> Option<Vec<u8>> {
    // As the kernel names the machine a call is for, and its number of `ioctl` there: a 64-bit machine
    // takes calls of its 32-bit kind too. On x86-64 there is a third one, whose numbers have a bit set.
    const CALLS: &[(u32, &[u32])] = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        &[(0xC000_003E, &[16, 0x4000_0000 + 514]), (0x4000_0003, &[54])]
    } else if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
        &[(0xC000_00B7, &[29]), (0x4000_0028, &[54])]
    } else {
        &[]
    };
    const TIOCSTI: u32 = 0x5412;
    const TIOCLINUX: u32 = 0x541C;
    const ALLOW: u32 = 0x7FFF_0000;
    const REFUSE: u32 = 0x0005_0000 | 1; // with EPERM
    // Loading a word of what is known of a call; comparing; ending.
    const LOAD: u16 = 0x20;
    const EQUAL: u16 = 0x15;
    const END: u16 = 0x06;
    const NUMBER: u32 = 0;
    const MACHINE: u32 = 4;
    const REQUEST: u32 = 24; // the lower half of the second argument: more of it the kernel does not read
    if CALLS.is_empty() {
        return None;
    }
    let mut code: Vec<(u16, u8, u8, u32)> = Vec::new();
    for (machine, numbers) in CALLS {
        let checks = u8::try_from(numbers.len()).ok()?;
        // Another machine: on to the next one, over the loading and the checks, and the end behind them.
        code.extend([(LOAD, 0, 0, MACHINE), (EQUAL, 0, checks + 7, *machine), (LOAD, 0, 0, NUMBER)]);
        for (at, number) in (0u8..).zip(*numbers) {
            // `ioctl`: over the other checks and the end of what is something else.
            code.push((EQUAL, checks - at, 0, *number));
        }
        code.push((END, 0, 0, ALLOW));
        code.extend([(LOAD, 0, 0, REQUEST), (EQUAL, 2, 0, TIOCSTI), (EQUAL, 1, 0, TIOCLINUX)]);
        code.push((END, 0, 0, ALLOW));
        code.push((END, 0, 0, REFUSE));
    }
    code.push((END, 0, 0, ALLOW));
    let bytes = code.into_iter().flat_map(|(what, yes, no, value)| {
        let what = what.to_ne_bytes();
        let value = value.to_ne_bytes();
        [what[0], what[1], yes, no, value[0], value[1], value[2], value[3]]
    });
    Some(bytes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows the filter, as the kernel does.
    fn verdict(machine: u32, number: u32, request: u32) -> u32 {
        let code = filter().expect("a filter");
        let mut at = 0;
        let mut held = 0;
        loop {
            let word = &code[at * 8..at * 8 + 8];
            let value = u32::from_ne_bytes([word[4], word[5], word[6], word[7]]);
            at += 1;
            match u16::from_ne_bytes([word[0], word[1]]) {
                0x20 => held = [number, machine, 0, 0, 0, 0, request][value as usize / 4],
                0x15 => at += usize::from(if held == value { word[2] } else { word[3] }),
                _ => return value,
            }
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn only_typing_and_pasting_are_refused() {
        const ALLOWED: u32 = 0x7FFF_0000;
        for (machine, number) in [(0xC000_003E, 16), (0xC000_003E, 0x4000_0202), (0x4000_0003, 54)] {
            assert_eq!(verdict(machine, number, 0x5412), 0x0005_0001);
            assert_eq!(verdict(machine, number, 0x541C), 0x0005_0001);
            assert_eq!(verdict(machine, number, 0x5413), ALLOWED, "asking for the size");
        }
        assert_eq!(verdict(0xC000_003E, 54, 0x5412), ALLOWED, "another call");
        assert_eq!(verdict(0xC000_003E, 0, 0x5412), ALLOWED);
        assert_eq!(verdict(0xC000_00B7, 29, 0x5412), ALLOWED, "a machine that this one is not");
    }
}

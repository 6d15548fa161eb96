//! The calls of the kernel that a sandbox does without.
//!
//! A program in a sandbox has the terminal, and with `ioctl(TIOCSTI)` it could put characters there as if they had
//! been typed: the shell outside would run them (CVE-2017-5226). A session of its own for the terminal prevents
//! that, and takes away Ctrl-C and the news of a changed size. So the kernel is told to refuse that call, and
//! `TIOCLINUX`, which pastes. It also refuses
//!
//! - keys: the session keyring is that of the shell outside;
//! - name spaces and mounts: in a user name space of its own a program has every capability again, and all of the
//!   kernel that asks for one is open to it;
//! - kinds of sockets that no name space holds (`AF_VSOCK` leads to the host of a virtual machine);
//! - what hardly any program needs and many holes were in, as flatpak does.
//!
//! `ptrace` is not refused: debuggers are among the tools of the trade, and nothing of the outside can be reached by
//! it, as the process that holds the sandbox is in none of its name spaces.

/// The numbers of calls for one kind of machine.
struct Machine {
    /// The kind, as the kernel names it.
    kind: u32,
    /// True if there is a third kind of calls whose numbers have a bit set: x32, which has each call once more.
    has_x32: bool,
    /// Calls that are refused.
    refused: &'static [u32],
    /// Calls that programs do without where there is none.
    absent: &'static [u32],
    clone: u32,
    ioctl: u32,
    personality: u32,
    socket: u32,
    /// The call that stands for all about sockets, where there is one.
    socketcall: Option<u32>,
}

/// Calls that came after all kinds of machines had agreed on their numbers: `io_uring_setup`, `_enter`, `_register`;
/// `open_tree`, `move_mount`, `fsopen`, `fsconfig`, `fsmount`, `fspick`; `clone3`, whose flags cannot be looked at;
/// `mount_setattr`, `open_tree_attr`.
#[cfg(any(test, all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
const ABSENT: &[u32] = &[425, 426, 427, 428, 429, 430, 431, 432, 433, 435, 442, 467];

#[cfg(any(test, all(target_os = "linux", target_arch = "x86_64")))]
const X86_64: Machine = Machine {
    kind: 0xC000_003E,
    has_x32: true,
    refused: &[
        103, // syslog
        134, // uselib
        163, // acct
        179, // quotactl
        443, // quotactl_fd
        248, // add_key
        249, // request_key
        250, // keyctl
        237, // mbind
        238, // set_mempolicy
        239, // get_mempolicy
        450, // set_mempolicy_home_node
        256, // migrate_pages
        279, // move_pages
        272, // unshare
        308, // setns
        165, // mount
        166, // umount2
        155, // pivot_root
        161, // chroot
        304, // open_by_handle_at
        298, // perf_event_open
        321, // bpf
        323, // userfaultfd
        154, // modify_ldt
        246, // kexec_load
        320, // kexec_file_load
        175, // init_module
        313, // finit_module
        176, // delete_module
    ],
    absent: ABSENT,
    clone: 56,
    ioctl: 16,
    personality: 135,
    socket: 41,
    socketcall: None,
};

/// A 64-bit machine takes calls of its 32-bit kind too.
#[cfg(any(test, all(target_os = "linux", target_arch = "x86_64")))]
const I386: Machine = Machine {
    kind: 0x4000_0003,
    has_x32: false,
    refused: &[
        103, // syslog
        86,  // uselib
        51,  // acct
        131, // quotactl
        443, // quotactl_fd
        286, // add_key
        287, // request_key
        288, // keyctl
        274, // mbind
        276, // set_mempolicy
        275, // get_mempolicy
        450, // set_mempolicy_home_node
        294, // migrate_pages
        317, // move_pages
        310, // unshare
        346, // setns
        21,  // mount
        22,  // umount
        52,  // umount2
        217, // pivot_root
        61,  // chroot
        342, // open_by_handle_at
        336, // perf_event_open
        357, // bpf
        374, // userfaultfd
        123, // modify_ldt
        113, // vm86old
        166, // vm86
        283, // kexec_load
        128, // init_module
        350, // finit_module
        129, // delete_module
    ],
    absent: ABSENT,
    clone: 120,
    ioctl: 54,
    personality: 136,
    socket: 359,
    socketcall: Some(102),
};

#[cfg(any(test, all(target_os = "linux", target_arch = "aarch64")))]
const AARCH64: Machine = Machine {
    kind: 0xC000_00B7,
    has_x32: false,
    refused: &[
        116, // syslog
        89,  // acct
        60,  // quotactl
        443, // quotactl_fd
        217, // add_key
        218, // request_key
        219, // keyctl
        235, // mbind
        237, // set_mempolicy
        236, // get_mempolicy
        450, // set_mempolicy_home_node
        238, // migrate_pages
        239, // move_pages
        97,  // unshare
        268, // setns
        40,  // mount
        39,  // umount2
        41,  // pivot_root
        51,  // chroot
        265, // open_by_handle_at
        241, // perf_event_open
        280, // bpf
        282, // userfaultfd
        104, // kexec_load
        294, // kexec_file_load
        105, // init_module
        273, // finit_module
        106, // delete_module
    ],
    absent: ABSENT,
    clone: 220,
    ioctl: 29,
    personality: 92,
    socket: 198,
    socketcall: None,
};

#[cfg(any(test, all(target_os = "linux", target_arch = "aarch64")))]
const ARM: Machine = Machine {
    kind: 0x4000_0028,
    has_x32: false,
    refused: &[
        103, // syslog
        86,  // uselib
        51,  // acct
        131, // quotactl
        443, // quotactl_fd
        309, // add_key
        310, // request_key
        311, // keyctl
        319, // mbind
        321, // set_mempolicy
        320, // get_mempolicy
        450, // set_mempolicy_home_node
        400, // migrate_pages
        344, // move_pages
        337, // unshare
        375, // setns
        21,  // mount
        52,  // umount2
        218, // pivot_root
        61,  // chroot
        371, // open_by_handle_at
        364, // perf_event_open
        386, // bpf
        388, // userfaultfd
        347, // kexec_load
        401, // kexec_file_load
        128, // init_module
        379, // finit_module
        129, // delete_module
    ],
    absent: ABSENT,
    clone: 120,
    ioctl: 54,
    personality: 136,
    socket: 281,
    socketcall: Some(102),
};

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const MACHINES: &[Machine] = &[X86_64, I386];
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
const MACHINES: &[Machine] = &[AARCH64, ARM];
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
const MACHINES: &[Machine] = &[];

/// Returns the filter, as `bwrap --seccomp` reads it: instructions for the kernel's packet filter. `None`
/// on a machine whose numbers of calls are not known here.
pub fn filter() -> Option<Vec<u8>> {
    if MACHINES.is_empty() {
        return None;
    }
    let bytes = code(MACHINES).into_iter().flat_map(|(what, yes, no, value)| {
        let what = what.to_ne_bytes();
        let value = value.to_ne_bytes();
        [what[0], what[1], yes, no, value[0], value[1], value[2], value[3]]
    });
    Some(bytes.collect())
}

/// One instruction: what is done, how many instructions are skipped if it is true and if not, and its number.
type Instruction = (u16, u8, u8, u32);

// Loading a word of what is known of a call, going on elsewhere, comparing, ending.
const LOAD: u16 = 0x20;
const SKIP: u16 = 0x05;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const ANY_BIT: u16 = 0x45;
const END: u16 = 0x06;

const ALLOW: u32 = 0x7FFF_0000;
// Refusing, with EPERM, ENOSYS and EAFNOSUPPORT.
const NOT_PERMITTED: u32 = 0x0005_0001;
const NO_SUCH_CALL: u32 = 0x0005_0026;
const NO_SUCH_FAMILY: u32 = 0x0005_0061;

// The words that are known of a call; of an argument the lower half, more of these the kernel does not read.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const FIRST: u32 = 16;
const SECOND: u32 = 24;

fn code(machines: &[Machine]) -> Vec<Instruction> {
    let mut code = vec![(LOAD, 0, 0, MACHINE)];
    for machine in machines {
        let checks = checks(machine);
        let length = u32::try_from(checks.len()).unwrap_or(u32::MAX);
        code.extend([(EQUAL, 1, 0, machine.kind), (SKIP, 0, 0, length)]);
        code.extend(checks);
    }
    // A machine that this one is not.
    code.push((END, 0, 0, NO_SUCH_CALL));
    code
}

/// Returns the decision about a call for one kind of machine. Every way through it ends in it.
fn checks(machine: &Machine) -> Vec<Instruction> {
    const X32: u32 = 0x4000_0000;
    // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
    const NAME_SPACES: u32 = 0x7E02_0000;
    const TIOCSTI: u32 = 0x5412;
    const TIOCLINUX: u32 = 0x541C;
    // AF_UNSPEC, UNIX, INET, INET6, NETLINK.
    const FAMILIES: [u32; 5] = [0, 1, 2, 10, 16];
    // The machine's own, and asking which it is.
    const PERSONALITIES: [u32; 2] = [0, 0xFFFF_FFFF];
    const OF_SOCKETCALL: u32 = 1;

    let mut code = vec![(LOAD, 0, 0, NUMBER)];
    if machine.has_x32 {
        code.extend([(AT_LEAST, 0, 1, X32), (END, 0, 0, NO_SUCH_CALL)]);
    }
    for (numbers, answer) in [(machine.refused, NOT_PERMITTED), (machine.absent, NO_SUCH_CALL)] {
        for number in numbers {
            code.extend([(EQUAL, 0, 1, *number), (END, 0, 0, answer)]);
        }
    }
    let mut look = |number: u32, argument: u32, test: u16, values: &[u32], met: u32, otherwise: u32| {
        let count = u8::try_from(values.len()).unwrap_or(u8::MAX);
        code.extend([(EQUAL, 0, count + 3, number), (LOAD, 0, 0, argument)]);
        for (at, value) in (1..).zip(values) {
            // Over the other values, and the end for what is none of them.
            code.push((test, count - at + 1, 0, *value));
        }
        code.extend([(END, 0, 0, otherwise), (END, 0, 0, met)]);
    };
    look(machine.clone, FIRST, ANY_BIT, &[NAME_SPACES], NOT_PERMITTED, ALLOW);
    look(machine.ioctl, SECOND, EQUAL, &[TIOCSTI, TIOCLINUX], NOT_PERMITTED, ALLOW);
    look(machine.personality, FIRST, EQUAL, &PERSONALITIES, ALLOW, NOT_PERMITTED);
    look(machine.socket, FIRST, EQUAL, &FAMILIES, ALLOW, NO_SUCH_FAMILY);
    if let Some(number) = machine.socketcall {
        look(number, FIRST, EQUAL, &[OF_SOCKETCALL], NO_SUCH_CALL, ALLOW);
    }
    code.push((END, 0, 0, ALLOW));
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows the filter for `machines`, as the kernel does.
    fn verdict(machines: &[Machine], kind: u32, number: u32, arguments: [u32; 2]) -> u32 {
        let code = code(machines);
        assert!(code.len() < 4096, "the kernel takes no more");
        let (mut at, mut held) = (0, 0);
        loop {
            let (what, yes, no, value) = code[at];
            at += 1;
            let met = match what {
                LOAD => {
                    let [first, second] = arguments;
                    held = [number, kind, 0, 0, first, 0, second, 0][value as usize / 4];
                    continue;
                }
                SKIP => {
                    at += value as usize;
                    continue;
                }
                EQUAL => held == value,
                AT_LEAST => held >= value,
                ANY_BIT => held & value != 0,
                _ => return value,
            };
            at += usize::from(if met { yes } else { no });
        }
    }

    const PC: &[Machine] = &[X86_64, I386];
    const ARMS: &[Machine] = &[AARCH64, ARM];

    #[test]
    fn typing_and_pasting_are_refused_and_asking_for_the_size_is_not() {
        for (machines, machine) in [(PC, X86_64), (PC, I386), (ARMS, AARCH64), (ARMS, ARM)] {
            let ioctl = |request| verdict(machines, machine.kind, machine.ioctl, [0, request]);
            assert_eq!((ioctl(0x5412), ioctl(0x541C)), (NOT_PERMITTED, NOT_PERMITTED));
            assert_eq!(ioctl(0x5413), ALLOW, "asking for the size");
            let other = |number| verdict(machines, machine.kind, number, [0x5412, 0x5412]);
            assert_eq!((other(3), other(4)), (ALLOW, ALLOW), "reading and writing");
        }
    }

    #[test]
    fn every_call_of_the_lists_is_refused_on_every_kind_of_machine_and_no_other() {
        for (machines, machine) in [(PC, X86_64), (PC, I386), (ARMS, AARCH64), (ARMS, ARM)] {
            let looked_at = [machine.clone, machine.ioctl, machine.personality, machine.socket];
            for number in 0..600 {
                let found = verdict(machines, machine.kind, number, [0, 0]);
                let expected = match number {
                    _ if machine.refused.contains(&number) => NOT_PERMITTED,
                    _ if machine.absent.contains(&number) => NO_SUCH_CALL,
                    _ => ALLOW,
                };
                assert_eq!(found, expected, "{number} of {:x}", machine.kind);
                assert!(found == ALLOW || !looked_at.contains(&number), "{number}");
            }
        }
    }

    #[test]
    fn what_is_asked_of_a_call_decides_where_it_matters() {
        for (machines, machine) in [(PC, X86_64), (PC, I386), (ARMS, AARCH64), (ARMS, ARM)] {
            let call = |number, first| verdict(machines, machine.kind, number, [first, 0]);
            // A thread, a child, and a child in a user name space of its own; then each other one.
            assert_eq!((call(machine.clone, 0x003D_0F00), call(machine.clone, 17)), (ALLOW, ALLOW));
            for space in
                [0x1000_0000, 0x2_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x2000_0000, 0x4000_0000]
            {
                assert_eq!(call(machine.clone, space | 0x11), NOT_PERMITTED, "{space:x}");
            }
            let personalities = [0, 0xFFFF_FFFF, 8, 0x0004_0000, 0x0020_0000];
            let found = personalities.map(|wanted| call(machine.personality, wanted) == ALLOW);
            assert_eq!(found, [true, true, false, false, false]);
            let found = [1, 2, 10, 16, 38, 40, 31].map(|family| call(machine.socket, family) == ALLOW);
            assert_eq!(found, [true, true, true, true, false, false, false]);
            if let Some(number) = machine.socketcall {
                assert_eq!((call(number, 1), call(number, 3)), (NO_SUCH_CALL, ALLOW));
            }
        }
    }

    #[test]
    fn calls_of_another_kind_are_not_there() {
        for number in [0, 16, 514, 39, 250] {
            assert_eq!(verdict(PC, X86_64.kind, 0x4000_0000 + number, [0, 0]), NO_SUCH_CALL, "x32");
            assert_eq!(verdict(PC, AARCH64.kind, number, [0, 0]), NO_SUCH_CALL);
            assert_eq!(verdict(ARMS, X86_64.kind, number, [0, 0]), NO_SUCH_CALL);
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn it_is_written_as_the_kernel_reads_it() {
        let (bytes, code) = (filter().expect("a filter"), code(PC));
        assert_eq!(bytes.len(), code.len() * 8);
        assert_eq!(&bytes[..8], [0x20, 0, 0, 0, 4, 0, 0, 0]);
    }
}

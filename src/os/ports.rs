//! TCP ports of this machine: whether one can be listened on, and who does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A socket that something listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Its port.
    pub port: u16,
    /// A process that has it; `None` if the system does not show that, as for another user's.
    pub pid: Option<u32>,
}

/// Returns true if nothing listens on any of `ports`: each can be bound on the loopback and on the
/// wildcard address, of IPv4 and, if the machine has it, of IPv6. Only binds and never listens, so nobody
/// can connect meanwhile. A moment later somebody else may have taken a port.
pub fn ports_free(ports: impl IntoIterator<Item = u16>) -> bool {
    let addresses: [IpAddr; 4] = [
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv6Addr::LOCALHOST.into(),
        Ipv6Addr::UNSPECIFIED.into(),
    ];
    ports.into_iter().all(|port| addresses.iter().all(|address| can_bind(SocketAddr::new(*address, port))))
}

#[cfg(unix)]
fn can_bind(address: SocketAddr) -> bool {
    use rustix::io::Errno;
    use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let bound = socket(family, SocketType::STREAM, None).and_then(|socket| {
        if cfg!(target_os = "linux") {
            // What a server does itself: without it a port counts as taken for a minute after the
            // last connection to it has ended. Linux never lets it hide a listener (`tcp(7)`,
            // `inet_csk_bind_conflict`); elsewhere it would, of a more or less special address.
            sockopt::set_socket_reuseaddr(&socket, true)?;
        }
        bind(&socket, &address)
    });
    match bound {
        Ok(()) => true,
        // A machine without IPv6 has nobody who listens there.
        Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) => address.is_ipv6(),
        Err(_) => false,
    }
}

/// Binds on the loopback address only and returns true for any other: listening elsewhere makes the
/// Windows firewall ask. So a listener on the wildcard address alone is not seen there.
#[cfg(not(unix))]
fn can_bind(address: SocketAddr) -> bool {
    if !address.ip().is_loopback() {
        return true;
    }
    match std::net::TcpListener::bind(address) {
        Ok(_) => true,
        Err(error) => address.is_ipv6() && error.kind() != std::io::ErrorKind::AddrInUse,
    }
}

/// Returns the listeners on the TCP ports that `wanted` accepts, sorted by port. Empty if the system does
/// not say (elsewhere than on Linux).
pub fn listeners(wanted: impl Fn(u16) -> bool) -> Vec<Listener> {
    #[cfg(target_os = "linux")]
    {
        linux::listeners(&wanted)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = wanted;
        Vec::new()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, HashSet};
    use std::fs;

    use super::Listener;

    pub(super) fn listeners(wanted: &dyn Fn(u16) -> bool) -> Vec<Listener> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let sockets: HashMap<u64, u16> = tables
            .iter()
            .flat_map(|table| parse(&fs::read_to_string(table).unwrap_or_default()))
            .filter(|(_, port)| wanted(*port))
            .collect();
        if sockets.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Listener> = Vec::new();
        let mut seen = HashSet::new();
        for process in crate::os::entries_of(std::path::Path::new("/proc")).unwrap_or_default() {
            let pid = process.file_name().and_then(|name| name.to_str()?.parse().ok());
            let Some(pid) = pid else { continue };
            for file in crate::os::entries_of(&process.join("fd")).unwrap_or_default() {
                let Ok(target) = fs::read_link(file) else { continue };
                let inode = target.to_str().and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']'));
                let Some(inode) = inode.and_then(|inode| inode.parse::<u64>().ok()) else { continue };
                if let Some(port) = sockets.get(&inode) {
                    seen.insert(inode);
                    found.push(Listener { port: *port, pid: Some(pid) });
                }
            }
        }
        let unseen = sockets.iter().filter(|(inode, _)| !seen.contains(inode));
        found.extend(unseen.map(|(_, port)| Listener { port: *port, pid: None }));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns inode and port of each listening socket of a table in the form of `/proc/net/tcp`.
    pub(super) fn parse(table: &str) -> Vec<(u64, u16)> {
        let listening = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, ..] = fields.as_slice() else { return None };
            let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
            // 0A is TCP_LISTEN.
            (*state == "0A").then_some((fields.get(9)?.parse().ok()?, port))
        };
        table.lines().skip(1).filter_map(listening).collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_is_free_until_something_listens_on_any_address_and_again_after() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().expect("an address").port();
            assert!(!ports_free([port]), "{address}");
            if cfg!(target_os = "linux") {
                let me = Listener { port, pid: Some(std::process::id()) };
                assert_eq!(listeners(|wanted| wanted == port), [me], "{address}");
            }
            drop(listener);
            // Another test may just be starting a program, which has the listener too until it is one.
            let is_free = (0..500).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                ports_free([port])
            });
            assert!(is_free, "{address}, the control");
            assert_eq!(listeners(|wanted| wanted == port), []);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_that_has_just_ended_keeps_no_port() {
        use std::io::Read;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let mut client = std::net::TcpStream::connect(address).expect("connected");
        // The side that closes first is the one that waits.
        drop(listener.accept().expect("accepted"));
        drop(listener);
        let _ = client.read(&mut [0]);
        drop(client);
        let is_free = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            ports_free([address.port()])
        });
        assert!(is_free, "whatever another test is starting");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_what_listens_is_taken_from_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000\n   \
             1: 0100007F:4E21 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0000\n\
             nonsense\n";
        assert_eq!(super::linux::parse(table), [(4242, 20_000)]);
    }
}

//! From where an address can be reached.

use std::net::IpAddr;

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// From this machine only.
    Here,
    /// From its own network only.
    Private,
    Public,
    /// The name means nothing here; in its own network it may.
    Unknown,
}

/// Ends of names that mean something in one network only. Those of ElastiCache and MemoryDB can be
/// looked up everywhere, and lead into a VPC.
///
/// Source: RFC 6762 (`.local`), RFC 8375 (`.home.arpa`), ICANN's reservation of `.internal`, and
/// "Accessing your ElastiCache cluster", AWS documentation.
const PRIVATE_NAMES: [&str; 5] = [
    ".local",
    ".internal",
    ".home.arpa",
    ".cache.amazonaws.com",
    ".cache.amazonaws.com.cn",
];

impl Reach {
    /// By the name or address alone; `None` where only looking the name up can tell.
    pub(super) fn of(host: &str) -> Option<Self> {
        let host = host.trim_matches(['[', ']']);
        if let Ok(address) = host.parse() {
            return Some(Self::of_address(address));
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return Some(Self::Here);
        }
        let private = !name.contains('.') || PRIVATE_NAMES.iter().any(|end| name.ends_with(end));
        private.then_some(Self::Private)
    }

    /// By the addresses that a name leads to.
    pub(super) fn of_addresses(addresses: &[IpAddr]) -> Self {
        let reaches: Vec<Self> = (addresses.iter())
            .map(|address| Self::of_address(*address))
            .collect();
        let order = [Self::Public, Self::Private, Self::Here];
        let widest = order.into_iter().find(|reach| reaches.contains(reach));
        widest.unwrap_or(Self::Unknown)
    }

    /// Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
    fn of_address(address: IpAddr) -> Self {
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() {
            return Self::Here;
        }
        let private = match address {
            IpAddr::V4(v4) => {
                let [first, second, ..] = v4.octets();
                let shared = first == 100 && second & 0b1100_0000 == 64;
                v4.is_private() || v4.is_link_local() || shared
            }
            IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
        };
        if private { Self::Private } else { Self::Public }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_sorted_by_from_where_they_can_be_reached() {
        for (host, expected) in [
            ("localhost", Some(Reach::Here)),
            ("LOCALHOST.", Some(Reach::Here)),
            ("127.0.0.53", Some(Reach::Here)),
            ("::1", Some(Reach::Here)),
            ("[::1]", Some(Reach::Here)),
            ("::ffff:127.0.0.1", Some(Reach::Here)),
            ("0.0.0.0", Some(Reach::Here)),
            ("10.1.2.3", Some(Reach::Private)),
            ("172.31.0.9", Some(Reach::Private)),
            ("172.32.0.9", Some(Reach::Public)),
            ("192.168.1.1", Some(Reach::Private)),
            ("169.254.0.1", Some(Reach::Private)),
            ("100.64.0.1", Some(Reach::Private)),
            ("100.128.0.1", Some(Reach::Public)),
            ("fd00::1", Some(Reach::Private)),
            ("fe80::1", Some(Reach::Private)),
            ("2a00:1450::1", Some(Reach::Public)),
            ("redis", Some(Reach::Private)),
            ("nas.local", Some(Reach::Private)),
            (
                "ip-10-0-0-1.eu-west-1.compute.internal",
                Some(Reach::Private),
            ),
            (
                "master.x.abc.euw1.cache.amazonaws.com",
                Some(Reach::Private),
            ),
            ("redis.example.com", None),
        ] {
            assert_eq!(Reach::of(host), expected, "{host}");
        }
        let addresses = |list: &[&str]| -> Vec<IpAddr> {
            list.iter()
                .map(|address| address.parse().unwrap())
                .collect()
        };
        for (list, expected) in [
            (&["10.0.0.1", "10.0.0.2"][..], Reach::Private),
            (&["127.0.0.1"], Reach::Here),
            (&["10.0.0.1", "8.8.8.8"], Reach::Public),
            (&[], Reach::Unknown),
        ] {
            assert_eq!(Reach::of_addresses(&addresses(list)), expected);
        }
    }
}

//! Of the connections of a server no client has all: each address has a share.
//!
//! A proxy has the connections of all its visitors. So an address of this machine or its network, where proxies
//! are, has no limit of its own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::guesses::{is_near, network};
use crate::http::LogLimit;

/// The least time between two lines about one client's many connections.
const PAUSE: Duration = Duration::from_secs(60);

/// How many connections each client has.
pub(super) struct Shares {
    most: usize,
    clients: Clients,
    said: LogLimit,
}

type Clients = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection's part in its client's share, given back when this is dropped.
pub(super) struct Share {
    client: IpAddr,
    is_too_much: bool,
    clients: Clients,
}

fn lock(clients: &Clients) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    clients.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether two addresses count as one client.
pub(super) fn is_same_client(one: IpAddr, other: IpAddr) -> bool {
    network(one) == network(other)
}

impl Shares {
    /// So many for each.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            clients: Arc::default(),
            said: LogLimit::new(PAUSE),
        }
    }

    /// One connection more of this peer's; `None` where it has no limit.
    pub(super) fn enter(&self, peer: IpAddr) -> Option<Share> {
        if is_near(peer) {
            return None;
        }
        let client = network(peer);
        let mut clients = lock(&self.clients);
        let count = clients.entry(client).or_default();
        *count += 1;
        Some(Share {
            client,
            is_too_much: *count > self.most,
            clients: Arc::clone(&self.clients),
        })
    }

    /// Says now and then that a connection was refused.
    pub(super) fn warn(&self, peer: IpAddr) {
        if self.said.admit().is_some() {
            let connections = self.most;
            tracing::warn!(
                %peer,
                connections,
                "connection limit for one address reached: closing its new connections"
            );
        }
    }
}

impl Share {
    /// Whether its client has more than it may.
    pub(super) fn is_too_much(&self) -> bool {
        self.is_too_much
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut clients = lock(&self.clients);
        if let Some(count) = clients.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_has_its_share_and_a_proxy_nearby_has_no_limit() {
        let shares = Shares::new(2);
        let enter = |peer: &str| shares.enter(peer.parse().unwrap());
        let too_much = |share: &Option<Share>| share.as_ref().map(Share::is_too_much);
        let held: Vec<_> = ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2"]
            .map(enter)
            .into();
        let expected = [Some(false), Some(false), Some(true), Some(false)];
        assert_eq!(held.iter().map(too_much).collect::<Vec<_>>(), expected);
        drop(held);
        assert!(lock(&shares.clients).is_empty());
        let held = [
            "2001:db8:1::1",
            "2001:db8:1:ffff::2",
            "2001:db8:1::3",
            "2001:db8:2::1",
        ]
        .map(enter);
        assert_eq!(held.each_ref().map(too_much), expected);
        for near in [
            "127.0.0.1",
            "::1",
            "::ffff:10.0.0.1",
            "192.168.1.1",
            "fd00::1",
        ] {
            assert!(enter(near).is_none(), "{near}");
        }
    }
}

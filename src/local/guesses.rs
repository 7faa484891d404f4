//! Guesses at the API key, slowed down: people choose keys that can be guessed.
//!
//! From one address ten wrong keys may come at once, and one more every ten seconds. What is beyond
//! that is not even compared, so that nobody learns from it. A right key costs nothing, and somebody
//! else's guesses hold it up only where both come from one address.
//!
//! Addresses share a fixed number of places, chosen by a secret hash. So the memory is fixed, nobody is
//! forgotten by filling it, and however many addresses take part (or are made up in a header), all of
//! them together have about a hundred guesses a second. An asker whose place is another's by chance
//! waits with him: one in a thousand.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::HeaderMap;
use tokio::time::Instant;

/// What a wrong key costs.
const COST: Duration = Duration::from_secs(10);

/// How many wrong keys may come at once.
const AT_ONCE: u32 = 10;

/// How many places the addresses share.
const PLACES: usize = 1024;

/// In which proxies tell for whom they ask.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What is to be said to somebody who gives a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Right,
    Wrong,
    /// It was not looked at. After so long the next one will be.
    TooMany(Duration),
}

impl Judgement {
    /// For the header `Retry-After`, and what to say: `None` where the key was looked at.
    pub(super) fn wait(self) -> Option<(String, String)> {
        let Self::TooMany(wait) = self else {
            return None;
        };
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let message = format!("too many wrong API keys: try again in {seconds} s");
        Some((seconds.to_string(), message))
    }
}

/// How many wrong keys came from where.
#[derive(Debug)]
pub(super) struct Guesses {
    /// For each place: until when its wrong keys are paid for.
    paid: Mutex<Vec<Instant>>,
    hasher: RandomState,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            paid: Mutex::new(vec![Instant::now(); PLACES]),
            hasher: RandomState::new(),
        }
    }
}

impl Guesses {
    /// Compares a key given by `asker`, unless too many were wrong. All in one step: guesses that come
    /// side by side are counted like those that follow each other.
    pub(super) fn judge(&self, asker: IpAddr, is_right: impl FnOnce() -> bool) -> Judgement {
        let now = Instant::now();
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let until = &mut paid[self.place(asker)];
        let after = (*until).max(now) + COST;
        let wait = after.saturating_duration_since(now + COST * AT_ONCE);
        if wait > Duration::ZERO {
            return Judgement::TooMany(wait);
        }
        if is_right() {
            return Judgement::Right;
        }
        *until = after;
        Judgement::Wrong
    }

    fn place(&self, asker: IpAddr) -> usize {
        let hash = self.hasher.hash_one(network(asker));
        usize::try_from(hash % PLACES as u64).unwrap_or(0)
    }
}

/// Who counts as one asker: of IPv6 the /48, which one customer may have all to himself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 80 << 80).into(),
    }
}

/// Who asks: the peer; or, where that is a proxy on this machine or in its network, whom it names last
/// in `X-Forwarded-For`. What stands before that anybody may have written.
pub(super) fn asker(peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.ip().to_canonical();
    let is_near = match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    };
    let named = (headers.get_all(FORWARDED_FOR).iter().next_back())
        .filter(|_| is_near)
        .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    named.unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Wrong keys from there until one is not looked at: how many, and what is said then.
    fn until_too_many(guesses: &Guesses, asker: &str) -> (usize, Judgement) {
        let asker = asker.parse().unwrap();
        let judgements = std::iter::repeat_with(|| guesses.judge(asker, || false));
        let (before, after): (Vec<_>, Vec<_>) = (judgements.take(20).enumerate())
            .partition(|(_, judgement)| *judgement == Judgement::Wrong);
        (before.len(), after[0].1)
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_keys_from_one_place_have_to_wait() {
        let guesses = Guesses::default();
        let asker = "192.0.2.1".parse().unwrap();
        let right = || guesses.judge(asker, || true);
        assert_eq!([right(), right()], [Judgement::Right; 2]);
        let (count, last) = until_too_many(&guesses, "192.0.2.1");
        assert_eq!((count, last), (10, Judgement::TooMany(10 * SECOND)));
        // Not even the right one is looked at: nobody learns which it is.
        assert_eq!(right(), Judgement::TooMany(10 * SECOND));
        assert_eq!(
            guesses.judge(asker, || panic!("it is not looked at")),
            Judgement::TooMany(10 * SECOND)
        );
        advance(9 * SECOND + SECOND / 2).await;
        let wait = right().wait();
        let message = "too many wrong API keys: try again in 1 s".to_owned();
        assert_eq!(wait, Some(("1".to_owned(), message)));
        advance(SECOND / 2).await;
        assert_eq!([right(), right()], [Judgement::Right; 2]);
        // One in ten seconds, and after a hundred all ten again: never more.
        assert_eq!(until_too_many(&guesses, "192.0.2.1").0, 1);
        advance(3600 * SECOND).await;
        assert_eq!(until_too_many(&guesses, "192.0.2.1").0, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn others_are_not_held_up_and_all_together_have_an_end() {
        let guesses = Guesses::default();
        until_too_many(&guesses, "2001:db8:1::1");
        let same = "2001:db8:1:ffff::2".parse().unwrap();
        assert_eq!(guesses.judge(same, || true).wait().unwrap().0, "10");
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let others = (0..1000).map(address);
        let held_up = others.filter(|other| guesses.judge(*other, || true) != Judgement::Right);
        assert!(held_up.count() < 20, "those whose place it is, too");

        let wrong = |asker| guesses.judge(asker, || false) == Judgement::Wrong;
        let network = |number: u32| Ipv6Addr::from_bits(u128::from(number) << 80).into();
        let at_once = (0..100_000).map(network).filter(|asker| wrong(*asker));
        assert_eq!(
            at_once.count(),
            10 * PLACES - 10,
            "without those of the first"
        );
        advance(10 * SECOND).await;
        let then = (0..100_000).map(address).filter(|asker| wrong(*asker));
        assert_eq!(then.count(), PLACES);
    }

    #[test]
    fn a_proxy_nearby_says_for_whom_it_asks() {
        for (peer, forwarded, expected) in [
            ("127.0.0.1:1", &[][..], "127.0.0.1"),
            ("127.0.0.1:1", &["192.0.2.1"], "192.0.2.1"),
            ("[::1]:1", &["2001:db8::1"], "2001:db8::1"),
            ("172.17.0.1:1", &["192.0.2.1"], "192.0.2.1"),
            ("[fd00::1]:1", &["192.0.2.1"], "192.0.2.1"),
            // What the visitor wrote himself stands before what the proxy wrote.
            ("127.0.0.1:1", &["10.0.0.1, 192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1:1", &["10.0.0.1", "192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1:1", &["unknown"], "127.0.0.1"),
            ("127.0.0.1:1", &[""], "127.0.0.1"),
            // Strangers are not asked.
            ("198.51.100.1:1", &["192.0.2.1"], "198.51.100.1"),
            ("[::ffff:198.51.100.1]:1", &["192.0.2.1"], "198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            let asker = asker(peer.parse().unwrap(), &headers);
            assert_eq!(asker.to_string(), expected, "{peer} {forwarded:?}");
        }
    }
}

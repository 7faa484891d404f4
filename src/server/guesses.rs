//! Guesses at an API key that can be guessed, slowed down.
//!
//! Every answer to a key tells whether it is right. So two wishes are at odds: a guesser gets few answers, and
//! the owner always gets one. Only something that tells them apart can serve both:
//!
//! - **The key.** Nobody finds a long random key by trying, so such a key is compared at once, always, and none
//!   of this module's limits is for it. lamed's own keys are of that kind.
//! - **The address.** For a shorter key, comparisons take turns: ten a second for one address, a hundred for all
//!   together, and one second's worth at once. Keys beyond that wait for their turn, the owner's as well, but
//!   for [`PATIENCE`] at most. Where so many wait already, the next gets 429 and is not compared.
//!
//! So the owner of a short key comes in within two seconds, unless twenty guesses from his own address wait side
//! by side all the time, or two hundred from all addresses. Against that a longer key is the remedy.
//!
//! Addresses share a fixed number of places, chosen by a secret hash: the memory is fixed, and filling it makes
//! lamed forget no one.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::HeaderMap;
use tokio::time::{Instant, sleep};

/// How fast keys are compared.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// The time between two comparisons.
    each: Duration,
    /// How many may come at once after a pause.
    at_once: u32,
}

/// For each place.
const OF_ONE: Pace = Pace {
    each: Duration::from_millis(100),
    at_once: 10,
};

/// For all places together.
const OF_ALL: Pace = Pace {
    each: Duration::from_millis(10),
    at_once: 100,
};

/// How long a key waits for its turn at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many places the addresses share.
const PLACES: usize = 1024;

/// In which proxies tell for whom they ask.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What is to be said to somebody who gives a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Right,
    Wrong,
    /// It was not compared.
    TooMany,
}

/// For [`Judgement::TooMany`]: `Retry-After` in seconds. By then a turn is free.
pub(super) const RETRY_AFTER: &str = "1";

/// For [`Judgement::TooMany`], in words.
pub(super) const TOO_MANY: &str = "too many wrong API keys: retry in 1 s";

/// How many keys came from where.
#[derive(Debug)]
pub(super) struct Guesses {
    turns: Mutex<Turns>,
    hasher: RandomState,
}

/// Until when the comparisons so far take, at their pace.
#[derive(Debug)]
struct Turns {
    places: Vec<Instant>,
    all: Instant,
}

impl Default for Guesses {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            turns: Mutex::new(Turns {
                places: vec![now; PLACES],
                all: now,
            }),
            hasher: RandomState::new(),
        }
    }
}

impl Guesses {
    /// Compares a key given by `asker` when it is its turn, unless too many wait already. A right key takes no
    /// turn away from the next.
    pub(super) async fn judge(&self, asker: IpAddr, is_right: impl FnOnce() -> bool) -> Judgement {
        let place = self.place(asker);
        let Some(wait) = self.turns().take(place) else {
            return Judgement::TooMany;
        };
        if wait > Duration::ZERO {
            sleep(wait).await;
        }
        if !is_right() {
            return Judgement::Wrong;
        }
        self.turns().give_back(place);
        Judgement::Right
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, asker: IpAddr) -> usize {
        let hash = self.hasher.hash_one(network(asker));
        usize::try_from(hash % PLACES as u64).unwrap_or(0)
    }
}

impl Turns {
    /// Takes the next turn: how long it is until then. `None` when that would be too long.
    fn take(&mut self, place: usize) -> Option<Duration> {
        let now = Instant::now();
        let (of_one, one) = OF_ONE.after(self.places[place], now);
        let (of_all, all) = OF_ALL.after(self.all, now);
        let wait = of_one.max(of_all);
        if wait > PATIENCE {
            return None;
        }
        (self.places[place], self.all) = (one, all);
        Some(wait)
    }

    fn give_back(&mut self, place: usize) {
        self.places[place] -= OF_ONE.each;
        self.all -= OF_ALL.each;
    }
}

impl Pace {
    /// How long one more has to wait, and until when all take then.
    fn after(self, until: Instant, now: Instant) -> (Duration, Instant) {
        let after = until.max(now) + self.each;
        let wait = after.saturating_duration_since(now + self.each * self.at_once);
        (wait, after)
    }
}

/// Who counts as one asker: of IPv6 the /48, which one customer may have to himself.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 80 << 80).into(),
    }
}

/// Whether this is an address of this machine or its network, where a proxy may be.
pub(super) fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// Who asks: the peer, or whom `proxies` proxies before this server name in `X-Forwarded-For`. Each appends the
/// address that it sees, so the last ones are theirs, and what stands before those anybody may have written.
/// Without a number it is 1 where the peer is on this machine or in its network, else 0.
pub(super) fn asker(peer: SocketAddr, headers: &HeaderMap, proxies: Option<usize>) -> IpAddr {
    let peer = peer.ip().to_canonical();
    let proxies = proxies.unwrap_or(usize::from(is_near(peer)));
    let written: Vec<&str> = (headers.get_all(FORWARDED_FOR).iter())
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .collect();
    // Of fewer addresses than proxies the first is a proxy's as well.
    let named = (written.len().min(proxies).checked_sub(1))
        .and_then(|place| written.iter().rev().nth(place))
        .and_then(|text| address(text.trim()));
    named.unwrap_or(peer)
}

/// Reads `192.0.2.1`, `2001:db8::1`, and both with a port, as some proxies write them.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    text.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn v4(number: u32) -> IpAddr {
        number.to_be_bytes().into()
    }

    /// Guessers with these addresses, each of whom tries the next key as soon as he is answered; and how many
    /// keys they had compared.
    fn guessers(guesses: &Arc<Guesses>, addresses: impl Iterator<Item = IpAddr>) -> Arc<AtomicU32> {
        let compared = Arc::new(AtomicU32::new(0));
        for address in addresses {
            let (guesses, compared) = (Arc::clone(guesses), Arc::clone(&compared));
            tokio::spawn(async move {
                loop {
                    let wrong = || {
                        compared.fetch_add(1, Ordering::Relaxed);
                        false
                    };
                    if guesses.judge(address, wrong).await == Judgement::TooMany {
                        sleep(Duration::from_millis(50)).await;
                    } else {
                        tokio::task::yield_now().await;
                    }
                }
            });
        }
        compared
    }

    /// Comes in with the right key again and again, each time within the patience.
    async fn owner_comes_in(guesses: &Guesses, asker: IpAddr) {
        for _ in 0..10 {
            let start = Instant::now();
            let judgement = guesses.judge(asker, || true).await;
            assert_eq!(judgement, Judgement::Right);
            assert!(start.elapsed() <= PATIENCE, "{:?}", start.elapsed());
            // Not at the moment at which a turn is free.
            sleep(SECOND + Duration::from_millis(37)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_owner_comes_in_from_the_guessers_own_address() {
        let guesses = Arc::new(Guesses::default());
        let start = Instant::now();
        let compared = guessers(&guesses, std::iter::repeat_n(v4(1), 19));
        owner_comes_in(&guesses, v4(1)).await;
        let seconds = start.elapsed().as_secs_f64();
        let compared = f64::from(compared.load(Ordering::Relaxed));
        assert!(
            compared <= 10.0 + 10.0 * seconds,
            "{compared} in {seconds} s"
        );
        assert!(
            compared >= 9.0 * seconds,
            "they tried hard: {compared} in {seconds} s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_owner_comes_in_while_many_addresses_guess() {
        let guesses = Arc::new(Guesses::default());
        let start = Instant::now();
        let compared = guessers(&guesses, (0..199).map(v4));
        owner_comes_in(&guesses, v4(1000)).await;
        let seconds = start.elapsed().as_secs_f64();
        let compared = f64::from(compared.load(Ordering::Relaxed));
        assert!(
            compared <= 100.0 + 100.0 * seconds,
            "{compared} in {seconds} s"
        );
        assert!(
            compared >= 90.0 * seconds,
            "they tried hard: {compared} in {seconds} s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_that_keys_are_not_compared_however_many_come() {
        let guesses = Arc::new(Guesses::default());
        let start = Instant::now();
        // All of a /48 are one; the others are held up by no more than all together.
        let network = u128::from(0x2001_0db8_0001_u64) << 80;
        let same = |number: u128| Ipv6Addr::from_bits(network + number).into();
        let one = guessers(&guesses, (0..300).map(same));
        sleep(10 * SECOND).await;
        let others = (0..1000).map(v4);
        let mut held_up = 0;
        for other in others {
            let start = Instant::now();
            assert_eq!(guesses.judge(other, || true).await, Judgement::Right);
            held_up += u32::from(start.elapsed() > Duration::ZERO);
        }
        assert!(held_up < 20, "{held_up}: those whose place it is as well");
        let seconds = start.elapsed().as_secs_f64();
        let one = f64::from(one.load(Ordering::Relaxed));
        assert!(one <= 10.0 + 10.0 * seconds, "{one} in {seconds} s");

        let many = guessers(&guesses, (0..1000).map(v4));
        sleep(10 * SECOND).await;
        let many = many.load(Ordering::Relaxed);
        assert!((900..=1100).contains(&many), "{many} in 10 s");
    }

    #[test]
    fn proxies_say_for_whom_they_ask() {
        for (peer, forwarded, proxies, expected) in [
            ("127.0.0.1:1", &[][..], None, "127.0.0.1"),
            ("127.0.0.1:1", &["192.0.2.1"], None, "192.0.2.1"),
            ("[::1]:1", &["2001:db8::1"], None, "2001:db8::1"),
            ("172.17.0.1:1", &["192.0.2.1"], None, "192.0.2.1"),
            ("[fd00::1]:1", &["192.0.2.1"], None, "192.0.2.1"),
            // Some write the port as well.
            ("127.0.0.1:1", &["192.0.2.1:4711"], None, "192.0.2.1"),
            ("127.0.0.1:1", &["[2001:db8::1]:4711"], None, "2001:db8::1"),
            // What the visitor wrote himself stands before what the proxy wrote.
            ("127.0.0.1:1", &["10.0.0.1, 192.0.2.1"], None, "192.0.2.1"),
            ("127.0.0.1:1", &["10.0.0.1", "192.0.2.1"], None, "192.0.2.1"),
            ("127.0.0.1:1", &["unknown"], None, "127.0.0.1"),
            ("127.0.0.1:1", &[""], None, "127.0.0.1"),
            // Strangers are not asked, unless they are known to be proxies.
            ("198.51.100.1:1", &["192.0.2.1"], None, "198.51.100.1"),
            (
                "[::ffff:198.51.100.1]:1",
                &["192.0.2.1"],
                None,
                "198.51.100.1",
            ),
            ("198.51.100.1:1", &["x, 192.0.2.1"], Some(1), "192.0.2.1"),
            // No proxy writes it: nothing in it counts.
            ("127.0.0.1:1", &["192.0.2.1"], Some(0), "127.0.0.1"),
            // A proxy before the proxy.
            (
                "127.0.0.1:1",
                &["x, 192.0.2.1, 203.0.113.1"],
                Some(2),
                "192.0.2.1",
            ),
            (
                "127.0.0.1:1",
                &["x, 192.0.2.1", "203.0.113.1"],
                Some(2),
                "192.0.2.1",
            ),
            // Past the first proxy.
            ("127.0.0.1:1", &["192.0.2.1"], Some(2), "192.0.2.1"),
            ("127.0.0.1:1", &[], Some(2), "127.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            let asker = asker(peer.parse().unwrap(), &headers, proxies);
            assert_eq!(
                asker.to_string(),
                expected,
                "{peer} {forwarded:?} {proxies:?}"
            );
        }
    }
}

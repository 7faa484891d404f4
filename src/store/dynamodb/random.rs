//! Random numbers for shards, pauses and request tokens. Nothing secret hangs on them.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The standard library's hasher with a key from the operating system, over a counter.
fn next() -> u64 {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    KEY.get_or_init(RandomState::new).hash_one(number)
}

/// A number below `end`, which is not 0.
pub(super) fn below(end: u64) -> u64 {
    next() % end
}

/// What names one attempt to write: 32 hexadecimal digits.
pub(super) fn token() -> String {
    format!("{:016x}{:016x}", next(), next())
}

//! The `compact` scheme's memory: trees of small sets of 64-bit hashes.
//!
//! Redis keeps a set of at most 512 integers as a sorted array, an intset, of 8 bytes each; as a
//! flag, an idempotency key takes some 150. One with 511 is just 4,096 bytes with its header, which
//! is what the allocator gives: hence [`FULL`]. A full set stays as it is, and newcomers go to one of
//! its children, chosen by the next bits of their hash: 16 children below a root, 4 below others. A
//! look-up goes down the same path. So no tree is ever moved or rebuilt, every set that the script
//! may touch is known from the hash before it runs, and delete finds them all from the roots.
//!
//! With four children, sets that are all new and nearly empty cost the least of what fan-outs cost
//! then; with sixteen below the root, a counter of 10,000,000 events needs seven levels. Clients give
//! the script as many levels as they have found to be needed.
//!
//! Time is cut into slices as long as the window. The sets of slice *n* stand in slot *n* mod 3, and
//! expire when slice *n* + 2 begins. So what is remembered is forgotten after one window at the
//! least and two at the most, by Redis' own expiry, and a slot is empty long before its next turn.
//!
//! Two of *n* keys of one counter have the same hash with a probability of *n*²/2⁶⁵: of 10,000,000
//! events, fewer than 0.00001 are expected to be dropped wrongly.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha1::{Digest, Sha1};

use crate::domain::IdempotencyKey;
use crate::store::Window;
use crate::store::redis::keyspace::{ExperimentKeys, Key};

/// A set with so many members takes no more. The scripts have the same number.
pub(super) const FULL: u64 = 511;

/// Slots of a window with an end. The script that counts has the same number.
const SLOTS: usize = 3;
const SLOT_NAMES: [&str; SLOTS] = ["0", "1", "2"];

/// A SHA-1 as Redis and Python lamed write it.
pub(super) fn hex(sha1: &[u8; 20]) -> String {
    let digits = sha1.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(hex_digit).collect()
}

/// The digit of a number below 16.
fn hex_digit(number: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(number & 15)])
}

/// An idempotency key under a counter.
pub(super) struct Token([u8; 20]);

impl Token {
    pub(super) fn new(counter_key: &str, key: &IdempotencyKey) -> Self {
        let mut sha1 = Sha1::new();
        sha1.update(counter_key);
        sha1.update(" ");
        sha1.update(key.as_str());
        Self(sha1.finalize().into())
    }

    /// The flag's name: as Python lamed has it.
    pub(super) fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The hash, as a set of integers takes it.
    pub(super) fn hash(&self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// A window as the scripts have it: milliseconds, or `forever`.
pub(super) fn window_name(window: Window) -> String {
    window.map_or_else(
        || "forever".to_owned(),
        |window| window.as_millis().to_string(),
    )
}

/// The memory of one counter for one window.
pub(super) struct Memory {
    prefix: String,
    slots: usize,
}

impl Memory {
    pub(super) fn new(experiment: &ExperimentKeys, counter_key: &str, window: &str) -> Self {
        let digest = Sha1::new()
            .chain_update(counter_key)
            .chain_update(" ")
            .chain_update(window)
            .finalize();
        Self {
            // 96 bits: no two counters share one.
            prefix: experiment.seen(&BASE64_URL_SAFE_NO_PAD.encode(&digest[..12])),
            slots: if window == "forever" { 1 } else { SLOTS },
        }
    }

    /// The sets in which the script looks for a hash, by its steps: for each slot its levels.
    pub(super) fn path<'a>(
        &'a self,
        steps: &'a str,
        levels: usize,
    ) -> impl Iterator<Item = Key<'a, 3>> {
        let sets =
            (0..self.slots).flat_map(move |slot| (0..levels).map(move |level| (slot, level)));
        sets.map(move |(slot, level)| {
            let path = steps.get(..level).unwrap_or(steps);
            [&self.prefix, SLOT_NAMES[slot], path]
        })
    }

    /// The uppermost sets.
    pub(super) fn roots(&self) -> impl Iterator<Item = String> {
        let slots = SLOT_NAMES[..self.slots].iter();
        slots.map(|slot| [&self.prefix, *slot].concat())
    }

    /// The sets below one.
    pub(super) fn children(&self, set: &str) -> impl Iterator<Item = String> {
        let is_root = set.len() == self.prefix.len() + 1;
        let steps = if is_root { ROOT_STEPS } else { STEPS };
        steps.chars().map(move |step| format!("{set}{step}"))
    }
}

/// The steps from a root, and from other sets.
const ROOT_STEPS: &str = "0123456789abcdef";
const STEPS: &str = "0123";

/// How many levels there can be: each step takes bits of the hash.
pub(super) const MAX_LEVELS: usize = 32;

/// All steps of a hash from the root down: 4 bits, then 2 bits each.
pub(super) fn steps(hash: i64) -> String {
    let bits = hash.cast_unsigned();
    let below = (0..30).map(|step| bits << (4 + 2 * step) >> 62);
    let steps = std::iter::once(bits >> 60).chain(below);
    steps.map(|step| hex_digit(step as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Name;
    use crate::store::redis::keyspace::Namespace;

    #[test]
    fn a_token_is_pythons_flag() {
        let key = IdempotencyKey::new("u-1").unwrap();
        let token = Token::new("alephbet:counters:my a/b test:participate:rot-ö", &key);
        // python3: hashlib.sha1(f"{key} u-1".encode()).hexdigest()
        assert_eq!(token.hex(), "7327e9a9d30d6b39d06fadf8542ed29c85c8bc38");
        assert_eq!(token.hash(), 0x7327_e9a9_d30d_6b39);
    }

    #[test]
    fn a_path_leads_from_parents_to_children() {
        let name = |text: &str| Name::stored(text.to_owned());
        let experiment = Namespace::new(&name("n"), false).experiment(&name("e"));
        for (window, slots) in [("1000", 3), ("forever", 1)] {
            let memory = Memory::new(&experiment, "n:counters:e:participate:v", window);
            for hash in [0, -1, i64::MIN, 0x7327_e9a9_d30d_6b39] {
                let steps = steps(hash);
                let path = memory.path(&steps, MAX_LEVELS);
                let path: Vec<String> = path.map(|set| set.concat()).collect();
                assert_eq!(path.len(), slots * MAX_LEVELS);
                for (slot, root) in path.chunks(MAX_LEVELS).zip(memory.roots()) {
                    assert_eq!(slot[0], root);
                    for pair in slot.windows(2) {
                        assert!(memory.children(&pair[0]).any(|child| child == pair[1]));
                    }
                }
            }
        }
        assert_eq!(steps(i64::MIN + 27).len(), MAX_LEVELS - 1);
        assert_eq!(steps(i64::MIN + 27), format!("8{}123", "0".repeat(27)));
    }

    #[test]
    fn the_scripts_have_the_same_numbers() {
        let full = format!("local FULL = {FULL}\n");
        for script in [include_str!("track.lua"), include_str!("delete.lua")] {
            assert!(script.contains(&full));
        }
        assert!(include_str!("track.lua").contains(&format!("local SLOTS = {SLOTS}\n")));
    }
}

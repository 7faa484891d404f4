//! The items of the table.
//!
//! | `pk` | `sk` | what it is | its attributes |
//! |---|---|---|---|
//! | `e:NAMESPACE:EXPERIMENT` | `x` | an experiment | `version`, one higher with each change of its counters; `deleted`, the version of the last delete; `variants`, how many counters each has |
//! | the same | `i:EVENT:VARIANT` | a counter | `id`, a number that no other counter of the experiment ever had; `event`, `variant` |
//! | the same | `c:ID:2026-11:SHARD` | its counts of a month | `1` to `31`: the count of a day |
//! | the same | `c:ID:2026-11-0:SHARD` | its counts of ten days, with values | `1`: the count of a day; `1s`: the sum of its values; `1q`: of their squares |
//! | the same | `copy` | what was declared | `copy` |
//! | `n:NAMESPACE` | `x` | a namespace | `counters`, how many it has |
//! | the same | `e:EXPERIMENT` | an experiment of it | `experiment` |
//! | `s` | `namespaces` | the namespaces beside the configured one | `names` |
//! | `k:HASH` | `k` | an idempotency key | `ttl`, in seconds, where it is to be forgotten |
//!
//! A counter that is deleted and comes back has another `id`, so all that was remembered under the old one means nothing.
//! What counts, counts on an item that is there: a delete removes it, so nobody counts unnoticed what is deleted.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use sha1::{Digest, Sha1};

use crate::domain::{Counter, Day, EventKind, IdempotencyKey, Name};

/// Names longer than this are cut in keys, so that an item which counts stays below 1 KB.
const LONGEST: usize = 64;
/// How much is left of them, before their hash.
const CUT: usize = 40;

/// The attribute by which DynamoDB removes what has expired.
pub(super) const TTL: &str = "ttl";

/// What places an item in the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub pk: String,
    pub sk: String,
}

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }

    /// Of an item that was read.
    pub(super) fn of(item: &Value) -> Option<Self> {
        Some(Self::new(text(item, "pk")?, text(item, "sk")?))
    }
}

/// The partition of an experiment.
pub(super) fn partition(namespace: &Name, experiment: &Name) -> String {
    format!(
        "e:{}:{}",
        short(namespace.as_str()),
        short(experiment.as_str())
    )
}

/// The experiment itself.
pub(super) fn experiment(namespace: &Name, experiment: &Name) -> Key {
    Key::new(partition(namespace, experiment), "x")
}

/// What was declared of it.
pub(super) fn copy(namespace: &Name, experiment: &Name) -> Key {
    Key::new(partition(namespace, experiment), "copy")
}

/// A counter.
pub(super) fn counter(counter: &Counter) -> Key {
    let Counter { kind, variant, .. } = counter;
    let sk = format!("i:{}:{}", short(kind.as_str()), short(variant.as_str()));
    Key::new(partition(&counter.namespace, &counter.experiment), sk)
}

/// Where a counter counts.
pub(super) fn counts(partition: &str, id: u64, period: &str, shard: u64) -> Key {
    Key::new(partition, format!("c:{id}:{period}:{shard}"))
}

/// The days whose counts are in one item with those of this day.
pub(super) fn period(day: Day, has_value: bool) -> String {
    let month = format!("{:04}-{:02}", day.year, day.month);
    match has_value {
        false => month,
        true => format!("{month}-{}", ((day.day - 1) / 10).min(2)),
    }
}

/// The counter, and the first day of the month, of a key that [`counts`] gave.
pub(super) fn counted(sk: &str) -> Option<(u64, Day)> {
    let mut parts = sk.strip_prefix("c:")?.split(':');
    let id = parts.next()?.parse().ok()?;
    let month = parts.next()?.get(..7)?;
    Some((id, format!("{month}-01").parse().ok()?))
}

/// A namespace.
pub(super) fn namespace(namespace: &Name) -> Key {
    Key::new(listing(namespace), "x")
}

/// The partition of a namespace.
pub(super) fn listing(namespace: &Name) -> String {
    format!("n:{}", short(namespace.as_str()))
}

/// The entry of an experiment in its namespace.
pub(super) fn entry(namespace: &Name, experiment: &Name) -> Key {
    Key::new(
        listing(namespace),
        format!("e:{}", short(experiment.as_str())),
    )
}

/// The namespaces beside the configured one.
pub(super) fn namespaces() -> Key {
    Key::new("s", "namespaces")
}

/// An idempotency key under a counter.
pub(super) fn remembered(partition: &str, id: u64, key: &IdempotencyKey) -> Key {
    let text = format!("{partition}\n{id}\n{}", key.as_str());
    Key::new(format!("k:{}", hash(&text)), "k")
}

/// A name in a key: whole, or its beginning and its hash.
fn short(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '%' => text.push_str("%25"),
            ':' => text.push_str("%3A"),
            '~' => text.push_str("%7E"),
            _ => text.push(character),
        }
    }
    if text.len() <= LONGEST {
        return text;
    }
    let end = text.floor_char_boundary(CUT);
    format!("{}~{}", &text[..end], hash(name))
}

/// 22 characters.
fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha1::digest(text)[..16])
}

/// A text attribute.
pub(super) fn text<'a>(item: &'a Value, attribute: &str) -> Option<&'a str> {
    item[attribute]["S"].as_str()
}

/// A whole number.
pub(super) fn number<T: std::str::FromStr>(item: &Value, attribute: &str) -> Option<T> {
    read_number(&item[attribute])
}

/// The same of an attribute's value.
pub(super) fn read_number<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value["N"].as_str()?.parse().ok()
}

/// The kind and the variant of a counter that was read.
pub(super) fn names(item: &Value) -> Option<(EventKind, Name)> {
    let name = |attribute| text(item, attribute).map(|text| Name::stored(text.to_owned()));
    Some((EventKind::from(name("event")?), name("variant")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_keys_are_told_apart_and_are_never_long() {
        let long = "é".repeat(100);
        let names = [
            "a:b",
            "a%3Ab",
            "a",
            "~",
            "%7E",
            "10 ✓",
            &long,
            &long[2..],
            &"x".repeat(64),
            &"x".repeat(65),
        ];
        let keys: std::collections::BTreeSet<String> =
            names.iter().map(|name| short(name)).collect();
        assert_eq!(keys.len(), names.len());
        for key in keys {
            assert!(key.len() <= LONGEST && !key.contains(':'), "{key}");
        }
        assert_eq!(short("button color"), "button color");
        assert_eq!(short("a:b"), "a%3Ab");
    }

    #[test]
    fn a_day_is_in_the_item_of_its_period() {
        for (days, month, ten_days) in [
            (20_757, "2026-10", "2026-10-2"),
            (20_758, "2026-11", "2026-11-0"),
            (20_767, "2026-11", "2026-11-0"),
            (20_768, "2026-11", "2026-11-1"),
            (20_778, "2026-11", "2026-11-2"),
        ] {
            let day = Day::new(days);
            assert_eq!([period(day, false), period(day, true)], [month, ten_days]);
            for period in [month, ten_days] {
                let key = counts("e:n:e", 7, period, 63);
                let first = Day { day: 1, ..day };
                assert_eq!(counted(&key.sk), Some((7, first)));
            }
        }
        assert_eq!(counted("copy"), None);
    }

    /// The largest item that counts: the longest names, and the longest numbers that a day can have.
    #[test]
    fn an_item_that_counts_stays_below_one_kilobyte() {
        let name = Name::stored("é:".repeat(66));
        let partition = partition(&name, &name);
        let shard = 63;
        let month = counts(&partition, u64::MAX, "2026-12", shard);
        let ten_days = counts(&partition, u64::MAX, "2026-12-2", shard);
        let key = |key: &Key| "pksk".len() + key.pk.len() + key.sk.len();
        // A number takes a byte for two digits, and one or two more.
        let digits = |digits: usize| digits.div_ceil(2) + 2;
        let count = digits(10);
        let days = |first: usize, last: usize| (first..=last).map(|day| day.to_string().len());
        let of_month: usize = days(1, 31).map(|name| name + count).sum();
        let of_ten_days: usize = (days(21, 31))
            .map(|name| name + count + (name + 1 + digits(20)) + (name + 1 + digits(30)))
            .sum();
        assert!(key(&month) + of_month < 1024);
        assert!(
            key(&ten_days) + of_ten_days < 1024,
            "{} {of_ten_days}",
            key(&ten_days)
        );
    }
}

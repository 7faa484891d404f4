//! Who gets which variant: `AlephBet`'s rules, bit for bit. The browser client has the same functions
//! (`embedded/client/src/assignment.js`); `fixtures/assignment/vectors.json` holds both to what `AlephBet` does.

use std::fmt::Write;

use sha1::{Digest, Sha1};

/// 2⁵² − 1: what thirteen hexadecimal digits can say at most.
const MOST: f64 = 0x000f_ffff_ffff_ffff_u64 as f64;

/// A number from 0 to 1 that depends on the texts alone. The name is that of the run; the salt is `variant` or
/// `sample`, or `group` with a group's name; the unit is a user id.
#[must_use]
pub fn draw(name: &str, salt: &str, unit: &str) -> f64 {
    let hash = Sha1::digest(format!("{name}.{salt}.{unit}"));
    let digits = (hash.iter().take(7)).fold(0_u64, |digits, byte| (digits << 8) | u64::from(*byte));
    // Seven bytes are fourteen digits.
    (digits >> 4) as f64 / MOST
}

/// Which variant a number from 0 to 1 gives, by its place. The variants are in the order of [`in_order`].
/// `None` where the number is 1 and all are equally likely, which `AlephBet` has no variant for.
#[must_use]
pub fn pick(random: f64, variants: &Variants) -> Option<usize> {
    match variants {
        Variants::Equal(count) => {
            let place = (random / (1.0 / *count as f64)).floor();
            (place < *count as f64).then_some(place as usize)
        }
        Variants::Weighted(weights) => {
            let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
            let mut left = (random * sum).ceil();
            weights.iter().position(|weight| {
                left -= f64::from(*weight);
                left <= 0.0
            })
        }
    }
}

/// What is known of an experiment's variants, in the order of assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variants {
    /// So many, equally likely.
    Equal(usize),
    /// A weight for each.
    Weighted(Vec<u32>),
}

/// Whether a unit is in a sample: a share from 0 to 1.
#[must_use]
pub fn is_sampled(name: &str, sample: f64, unit: &str) -> bool {
    sample >= 1.0 || draw(name, "sample", unit) <= sample
}

/// Whether a unit's lot is in the range of a group, whose end is not in it.
#[must_use]
pub fn is_grouped(group: &str, from: f64, to: f64, unit: &str) -> bool {
    (from..to).contains(&draw(group, "group", unit))
}

/// The idempotency key of an event that counts once for a unit.
#[must_use]
pub fn idempotency_key(namespace: &str, name: &str, event: &str, unit: &str) -> String {
    hash(&format!("{namespace}.{name}.{event}.{unit}"))
}

/// The idempotency key of an event that counts each time for a unit: of the key of all such events, and what tells
/// this one from the others.
#[must_use]
pub fn repeated_key(of_all: &str, one: &str) -> String {
    hash(&format!("{of_all}.{one}"))
}

fn hash(text: &str) -> String {
    let mut digits = String::with_capacity(40);
    for byte in Sha1::digest(text) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The name of a run, which is an experiment of its own for the wire, the stores and the draws.
#[must_use]
pub fn wire_name(name: &str, run: u32) -> String {
    if run > 1 {
        format!("{name} #{run}")
    } else {
        name.to_owned()
    }
}

/// Puts variants in the order of assignment, which is JavaScript's for the keys of an object: names like integers
/// first, ascending, then as they are declared.
pub fn in_order<T>(variants: &mut [T], name: impl Fn(&T) -> &str) {
    variants.sort_by_key(|variant| index(name(variant)).map_or((1, 0), |index| (0, index)));
}

/// The integer of a name that JavaScript takes for an array's index: no sign, no leading zero, less than 2³² − 1.
fn index(name: &str) -> Option<u32> {
    let is_plain = name == "0" || !name.starts_with(['0', '+']);
    let index = name.parse().ok().filter(|_| is_plain)?;
    (index < u32::MAX).then_some(index)
}

/// One regular expression of JavaScript for the paths of an experiment, to match `location.pathname`, which is
/// percent-encoded. A `*` in a path stands for any text.
#[must_use]
pub fn path_pattern<'a>(paths: impl IntoIterator<Item = &'a str>) -> String {
    let paths: Vec<String> = paths.into_iter().map(one_path).collect();
    format!("^(?:{})$", paths.join("|"))
}

fn one_path(path: &str) -> String {
    let mut pattern = String::new();
    for byte in path.bytes() {
        match byte {
            b'*' => pattern.push_str(".*"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'%' | b'-' | b'_' => {
                pattern.push(char::from(byte));
            }
            // Some browsers encode it, others do not.
            b'^' => pattern.push_str("(?:\\^|%5E)"),
            0..=b' ' | b'"' | b'#' | b'<' | b'>' | b'?' | b'`' | b'{' | b'}' | 0x7f.. => {
                let _ = write!(pattern, "%{byte:02X}");
            }
            _ => {
                pattern.push('\\');
                pattern.push(char::from(byte));
            }
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: &str = "button color";

    #[test]
    fn alephbet_says_the_same() {
        for (user, random, two, weighted, three, key) in [
            (
                "user-1",
                0.030_317_236_847,
                0,
                0,
                0,
                "7439bf7c568e499a04ff280951568c77b0fa7407",
            ),
            (
                "user-2",
                0.125_846_483_273,
                0,
                0,
                0,
                "5577620a761d4c3774765d8e6f36559c3c4e17b3",
            ),
            (
                "42",
                0.530_635_194_523,
                1,
                0,
                1,
                "494c339ffd2ec105033dc62744fcdf0bb71e25e4",
            ),
            (
                "ünï",
                0.428_189_048_575,
                0,
                0,
                1,
                "71b1b5fc28813ac98828b11485e79d3d18a0e61a",
            ),
        ] {
            let drawn = draw(COLOR, "variant", user);
            assert!((drawn - random).abs() < 1e-12, "{user}: {drawn}");
            assert_eq!(pick(drawn, &Variants::Equal(2)), Some(two));
            assert_eq!(
                pick(drawn, &Variants::Weighted(vec![80, 20])),
                Some(weighted)
            );
            assert_eq!(pick(drawn, &Variants::Equal(3)), Some(three));
            assert_eq!(idempotency_key("alephbet", COLOR, "participate", user), key);
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(pick(0.0, &Variants::Weighted(vec![0, 1])), Some(0));
        assert_eq!(pick(1.0, &Variants::Weighted(vec![1, 2])), Some(1));
        assert_eq!(pick(1.0, &Variants::Equal(2)), None);
        assert!(is_sampled(COLOR, 1.0, "ann") && !is_sampled(COLOR, 0.0, "ann"));
        assert!(
            is_grouped("checkout", 0.0, 1.0, "ann") && !is_grouped("checkout", 0.0, 0.0, "ann")
        );
        assert_eq!(wire_name(COLOR, 1), COLOR);
        assert_eq!(wire_name(COLOR, 2), "button color #2");
    }

    #[test]
    fn names_like_integers_come_first() {
        let mut names = [
            "b",
            "10",
            "a",
            "9",
            "01",
            "-1",
            "4294967295",
            "4294967294",
            "+1",
            "0",
            "1.5",
            "",
        ];
        in_order(&mut names, |name| name);
        assert_eq!(
            names,
            [
                "0",
                "9",
                "10",
                "4294967294",
                "b",
                "a",
                "01",
                "-1",
                "4294967295",
                "+1",
                "1.5",
                ""
            ]
        );
    }

    #[test]
    fn paths_become_one_pattern() {
        assert_eq!(
            path_pattern(["/shop/*", "/a.b+c(d)|e"]),
            r"^(?:/shop/.*|/a\.b\+c\(d\)\|e)$"
        );
        assert_eq!(
            path_pattern(["/über uns?^%C3"]),
            r"^(?:/%C3%BCber%20uns%3F(?:\^|%5E)%C3)$"
        );
    }
}

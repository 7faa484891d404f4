//! Values that are checked where they stand, so that an error knows its line and column: serde_json
//! knows the place of an error only while the value is being read.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};

/// Reads a text, and makes of it what `check` says.
pub(super) fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    check: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Text<T, F>(F, PhantomData<T>);
    impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<T, F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(check, PhantomData))
}

/// Reads a whole number in a range, or the text of one: redis-py takes both. `or` is what a message
/// adds to the range.
pub(super) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64> + PartialOrd + fmt::Display>(
    deserializer: D,
    range: RangeInclusive<T>,
    or: &'static str,
) -> Result<T, D::Error> {
    struct Whole<T> {
        range: RangeInclusive<T>,
        or: &'static str,
    }
    impl<T: TryFrom<u64> + PartialOrd + fmt::Display> Visitor<'_> for Whole<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            let (first, last) = (self.range.start(), self.range.end());
            write!(f, "a whole number from {first} to {last}{}", self.or)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            (T::try_from(number).ok())
                .filter(|number| self.range.contains(number))
                .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            match text.trim().parse() {
                Ok(number) => self.visit_u64(number),
                Err(_) => Err(E::invalid_type(Unexpected::Str(text), &self)),
            }
        }
    }
    deserializer.deserialize_any(Whole { range, or })
}

/// Reads a share of something.
pub(super) fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    struct Share;
    impl Visitor<'_> for Share {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a number above 0 and below 1 (0.05 means 5 %)")
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
            if number > 0.0 && number < 1.0 {
                Ok(number)
            } else {
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
            Err(E::invalid_value(Unexpected::Unsigned(number), &self))
        }
    }
    deserializer.deserialize_any(Share).map(Some)
}

/// Reads a number from 0 to 1.
pub(super) fn proportion<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Proportion;
    impl Visitor<'_> for Proportion {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a number from 0 to 1 (0.5 means 50 %)")
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
            if (0.0..=1.0).contains(&number) {
                Ok(number)
            } else {
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
            match number {
                0 => Ok(0.0),
                1 => Ok(1.0),
                _ => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
            }
        }
    }
    deserializer.deserialize_any(Proportion)
}

/// The same for a key that may be missing.
pub(super) fn optional_share<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    proportion(deserializer).map(Some)
}

/// Reads a number above 0.
pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Positive;
    impl Visitor<'_> for Positive {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a number above 0")
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
            if number > 0.0 {
                Ok(number)
            } else {
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
            if number > 0 {
                Ok(number as f64)
            } else {
                Err(E::invalid_value(Unexpected::Unsigned(number), &self))
            }
        }
    }
    deserializer.deserialize_any(Positive)
}

/// Reads an object whose keys may stand there once only, in the order in which they stand there. (serde
/// would take the last of two.)
pub(super) fn distinct<'de, D: Deserializer<'de>, K, V>(
    deserializer: D,
) -> Result<Vec<(K, V)>, D::Error>
where
    K: Deserialize<'de> + PartialEq + fmt::Display,
    V: Deserialize<'de>,
{
    struct Distinct<K, V>(PhantomData<(K, V)>);
    impl<'de, K, V> Visitor<'de> for Distinct<K, V>
    where
        K: Deserialize<'de> + PartialEq + fmt::Display,
        V: Deserialize<'de>,
    {
        type Value = Vec<(K, V)>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<(K, V)>, A::Error> {
            let mut read: Vec<(K, V)> = Vec::new();
            while let Some(key) = map.next_key::<K>()? {
                if read.iter().any(|(known, _)| *known == key) {
                    return Err(A::Error::custom(format!("duplicate key `{key}`")));
                }
                read.push((key, map.next_value()?));
            }
            Ok(read)
        }
    }
    deserializer.deserialize_map(Distinct(PhantomData))
}

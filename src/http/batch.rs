//! The body of a POST: events, read without keeping what is of no use.
//!
//! As a tree of values `[{"":0},{"":0},…]` would take a hundred times as much as it does as text.
//! So nothing is kept but the texts of up to [`MAX_BATCH`] events; the rest is checked to be JSON,
//! counted, and passed over.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::wire::parameter;

/// How many events one POST may hold.
pub(super) const MAX_BATCH: usize = 100;

/// What of an event is read.
const FIELDS: [&str; 7] = [
    parameter::NAMESPACE,
    parameter::EXPERIMENT,
    parameter::VARIANT,
    parameter::EVENT,
    parameter::UUID,
    parameter::USER,
    parameter::VALUE,
];

/// A body, of whatever JSON.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    Array {
        /// The first of them, up to one more than may be.
        first: Vec<Element>,
        /// How many there are in all.
        length: usize,
    },
    One(Element),
}

/// What stands where an event should.
#[derive(Debug, PartialEq)]
pub(super) enum Element {
    Object(Object),
    Other,
}

/// The fields of an event. Of a repeated one the last counts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Object([Field; FIELDS.len()]);

/// The value of a field.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Field {
    /// Or `null`.
    #[default]
    Missing,
    Text(String),
    Number(f64),
    Other,
}

impl Object {
    /// The field of this name; none but an event's is known.
    pub(super) fn get(&self, name: &str) -> &Field {
        let position = FIELDS.iter().position(|field| *field == name);
        position.map_or(&Field::Missing, |position| &self.0[position])
    }
}

/// What becomes of any JSON: each kind of value is `other`, unless it is said how to read it.
pub(super) trait Shape: Sized {
    fn other() -> Self;

    fn null() -> Self {
        Self::other()
    }

    fn text(_: &str) -> Self {
        Self::other()
    }

    fn number(_: f64) -> Self {
        Self::other()
    }

    fn array<'de, A: SeqAccess<'de>>(mut array: A) -> Result<Self, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::other())
    }

    fn object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::other())
    }
}

impl Shape for Body {
    fn other() -> Self {
        Self::One(Element::Other)
    }

    fn array<'de, A: SeqAccess<'de>>(mut array: A) -> Result<Self, A::Error> {
        let mut first = Vec::new();
        while first.len() <= MAX_BATCH {
            match array.next_element()? {
                Some(Any(element)) => first.push(element),
                None => break,
            }
        }
        let mut length = first.len();
        while array.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        Ok(Self::Array { first, length })
    }

    fn object<'de, A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        Element::object(object).map(Self::One)
    }
}

impl Shape for Element {
    fn other() -> Self {
        Self::Other
    }

    fn object<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut object = Object::default();
        while let Some(Any(Position(position))) = map.next_key()? {
            match position {
                Some(position) => object.0[position] = map.next_value::<Any<Field>>()?.0,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Self::Object(object))
    }
}

impl Shape for Field {
    fn other() -> Self {
        Self::Other
    }

    fn null() -> Self {
        Self::Missing
    }

    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn number(number: f64) -> Self {
        Self::Number(number)
    }
}

/// Where a key stands in [`FIELDS`], if it does.
struct Position(Option<usize>);

impl Shape for Position {
    fn other() -> Self {
        Self(None)
    }

    fn text(text: &str) -> Self {
        Self(FIELDS.iter().position(|field| *field == text))
    }
}

/// Reads any JSON as a shape.
pub(super) struct Any<T>(pub(super) T);

impl<'de, T: Shape> Deserialize<'de> for Any<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        (deserializer.deserialize_any(OfShape(PhantomData))).map(Self)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Any::deserialize(deserializer).map(|Any(body)| body)
    }
}

struct OfShape<T>(PhantomData<T>);

impl<'de, T: Shape> Visitor<'de> for OfShape<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Ok(T::number(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        Ok(T::number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<T, A::Error> {
        T::array(array)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Body {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn an_event_is_its_texts() {
        let json = r#"{"uuid":1,"x":[{"uuid":"a"}],"uuid":"last","event":"g","event":null,"variant":[{}]}"#;
        let Body::One(Element::Object(object)) = read(json) else {
            panic!("an object");
        };
        let fields = ["uuid", "event", "variant", "experiment", "x"].map(|name| object.get(name));
        let last = Field::Text("last".to_owned());
        let [missing, other] = [Field::Missing, Field::Other];
        assert_eq!(fields, [&last, &missing, &other, &missing, &missing]);
    }

    #[test]
    fn all_are_counted_and_no_more_kept_than_is_needed() {
        for (json, kept, length) in [
            ("[]".to_owned(), 0, 0),
            ("[1, {}]".to_owned(), 2, 2),
            (format!("[{}{{}}]", "{},".repeat(99)), 100, 100),
            (format!("[{}{{}}]", "{},".repeat(9999)), 101, 10_000),
        ] {
            let Body::Array { first, length: all } = read(&json) else {
                panic!("an array");
            };
            assert_eq!((first.len(), all), (kept, length));
        }
        for json in ["null", "1", "-1", "0.5", "true", r#""{}""#] {
            assert_eq!(read(json), Body::One(Element::Other), "{json}");
        }
        for json in ["", "{", "[1,]", "[] []", "[1e999]", r#"{"x": nul}"#] {
            assert!(serde_json::from_str::<Body>(json).is_err(), "{json}");
        }
    }
}

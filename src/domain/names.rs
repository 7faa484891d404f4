//! Names of namespaces, experiments, variants and goals: checked once, at the border.

use std::cmp::Ordering;
use std::fmt;

/// The name of a namespace, experiment, variant or goal: any text of 1 to 200 bytes without
/// control characters.
///
/// The order of names is their [`natural_order`], the one in which people expect to see them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// The longest name, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 200;

    /// Checks a name that comes from outside.
    ///
    /// # Errors
    /// When it is empty, too long or contains a control character.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        check(text.into(), Self::MAX_BYTES).map(Self)
    }

    /// Takes a name that a store already holds: what was counted under other rules (by Python
    /// lamed, say) must stay visible.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        natural_order(&self.0, &other.0)
    }
}

/// The token by which the client marks one event: the same token under the same counter is counted
/// once. On the wire it is called `uuid`. It never appears in logs, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The longest idempotency key, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 128;

    /// Checks a key that comes from outside.
    ///
    /// # Errors
    /// When it is empty, too long or contains a control character.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        check(text.into(), Self::MAX_BYTES).map(Self)
    }

    /// The token itself: for hashing and storing, not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

/// Why a text is no name. Reads as the end of a sentence: "`experiment` is empty".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    Empty,
    TooLong { max_bytes: usize },
    ControlCharacter,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong { max_bytes } => write!(f, "is longer than {max_bytes} bytes"),
            Self::ControlCharacter => f.write_str("contains a control character"),
        }
    }
}

impl std::error::Error for NameError {}

fn check(text: String, max_bytes: usize) -> Result<String, NameError> {
    if text.is_empty() {
        Err(NameError::Empty)
    } else if text.len() > max_bytes {
        Err(NameError::TooLong { max_bytes })
    } else if has_control(&text) {
        Err(NameError::ControlCharacter)
    } else {
        Ok(text)
    }
}

/// Most names are ASCII, of which bytes say it all.
fn has_control(text: &str) -> bool {
    match text.is_ascii() {
        true => text.bytes().any(|byte| byte.is_ascii_control()),
        false => text.contains(char::is_control),
    }
}

/// Compares two texts as people sort them: runs of digits by their value ("2-Blue" before
/// "10-Red"), everything else by character. Total: only equal texts are equal.
#[must_use]
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (x, y) = (leading_digits(left), leading_digits(right));
        if !x.is_empty() && !y.is_empty() {
            let (m, n) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            let by_value = m.len().cmp(&n.len()).then_with(|| m.cmp(n));
            if by_value != Ordering::Equal {
                return by_value;
            }
            (left, right) = (&left[x.len()..], &right[y.len()..]);
            continue;
        }
        let (mut p, mut q) = (left.chars(), right.chars());
        match (p.next(), q.next()) {
            // "01" and "1" have the same value: the plain order keeps the whole order total.
            (None, None) => return a.cmp(b),
            (x, y) if x == y => (left, right) = (p.as_str(), q.as_str()),
            (x, y) => return x.cmp(&y),
        }
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let long = "é".repeat(100);
        assert_eq!(Name::new(long.clone()).unwrap().as_str(), long);
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(
            Name::new(format!("{long}x")),
            Err(NameError::TooLong { max_bytes: 200 })
        );
        for control in ["a\nb", "\u{0}", "\u{7f}", "\u{85}"] {
            assert_eq!(Name::new(control), Err(NameError::ControlCharacter));
        }
        for text in [" ", "a:b%{c}", "🦀", "שלום", "\"'<>&\\"] {
            assert_eq!(Name::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn order_is_the_one_people_expect() {
        let mut names = [
            "b", "a10", "a9", "a", "10", "9", "09", "a9b2", "a9b10", "é", "B", "",
        ];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            [
                "", "09", "9", "10", "B", "a", "a9", "a9b2", "a9b10", "a10", "b", "é"
            ]
        );
    }

    #[test]
    fn an_idempotency_key_is_never_printed() {
        let key = IdempotencyKey::new("3f2c").unwrap();
        assert_eq!(format!("{key:?}"), "IdempotencyKey(…)");
    }
}

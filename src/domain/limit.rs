//! The limits on what strangers can make by sending names.

use std::fmt;

/// A limit that keeps strangers from filling a store, and its value. It is asked only when a counter is
/// new: what a store has goes on to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The counters of a namespace.
    Counters(u64),
    /// The namespaces of a store beside the configured one.
    Namespaces(u64),
    /// The variants of an experiment. Those that the config declares have their place in any case.
    Variants(u64),
}

impl Limit {
    /// The key of the config that sets it.
    #[must_use]
    pub fn setting(self) -> &'static str {
        match self {
            Self::Counters(_) => "max_counters",
            Self::Namespaces(_) => "max_namespaces",
            Self::Variants(_) => "max_variants",
        }
    }
}

/// What holds, and the setting: for the client and for the operator.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (most, one, many, place) = match *self {
            Self::Counters(most) => (most, "counter", "counters", "in a namespace"),
            Self::Namespaces(most) => (
                most,
                "namespace",
                "namespaces",
                "in addition to the configured namespace",
            ),
            Self::Variants(most) => (most, "variant", "variants", "in an experiment"),
        };
        let noun = if most == 1 { one } else { many };
        let setting = self.setting();
        write!(f, "at most {} {noun} {place} (`{setting}`)", Grouped(most))
    }
}

/// `1234567` as `1,234,567`
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Self(self.0 / 1000), self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_a_phrase_with_its_setting() {
        for (limit, text) in [
            (
                Limit::Counters(10_000),
                "at most 10,000 counters in a namespace (`max_counters`)",
            ),
            (
                Limit::Counters(1),
                "at most 1 counter in a namespace (`max_counters`)",
            ),
            (
                Limit::Namespaces(1_000_007),
                "at most 1,000,007 namespaces in addition to the configured namespace (`max_namespaces`)",
            ),
            (
                Limit::Variants(999),
                "at most 999 variants in an experiment (`max_variants`)",
            ),
        ] {
            assert_eq!(limit.to_string(), text);
        }
    }
}

//! What conversions are worth, exactly: values in ten-thousandths, and their sums.

use std::fmt;
use std::str::FromStr;

use super::{Day, Name};

/// The value of one conversion: from 0, with four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(u64);

/// What is no [`Value`]. Reads as the end of a sentence: "`value` must be …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAValue;

impl fmt::Display for NotAValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a number from 0, such as 49.9")
    }
}

impl Value {
    /// The highest value: a million.
    pub const MAX: Self = Self(1_000_000 * Self::UNITS);

    /// How many ten-thousandths make 1.
    const UNITS: u64 = 10_000;

    /// The nearest value of four decimals, or [`Self::MAX`] for more.
    ///
    /// # Errors
    /// When it is below 0, or no number.
    pub fn new(number: f64) -> Result<Self, NotAValue> {
        if !(0.0..=f64::MAX).contains(&number) {
            return Err(NotAValue);
        }
        // At most 10^10, where every whole number has an f64.
        let most = Self::MAX.0 as f64;
        Ok(Self((number * Self::UNITS as f64).round().min(most) as u64))
    }

    /// In ten-thousandths.
    #[must_use]
    pub fn units(self) -> u64 {
        self.0
    }

    /// Its square in units of 10⁻⁸, as two numbers that each add up in 64 bits: `high · 10¹⁰ + low`.
    #[must_use]
    pub fn square(self) -> (u64, u64) {
        let square = u128::from(self.0).pow(2);
        // The highest square is 10^20.
        let part = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        (part(square / Sums::HIGH), part(square % Sums::HIGH))
    }
}

/// The sum of values, and that of their squares. Exact for more events than 64 bits can count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// In ten-thousandths.
    pub sum: u128,
    /// In units of 10⁻⁸.
    pub squares: u128,
}

impl Sums {
    const HIGH: u128 = 10_000_000_000;
    const DECIMALS: usize = 4;
    const DECIMALS_OF_SQUARES: usize = 8;

    /// Of the three numbers that stores keep: the sum, and the two of [`Value::square`].
    #[must_use]
    pub fn stored(sum: u64, high: u64, low: u64) -> Self {
        Self {
            sum: sum.into(),
            squares: u128::from(high) * Self::HIGH + u128::from(low),
        }
    }

    /// Both sums with those of others.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum.saturating_add(other.sum),
            squares: self.squares.saturating_add(other.squares),
        }
    }

    /// The sum of the values, rounded.
    #[must_use]
    pub fn total(self) -> f64 {
        self.sum as f64 / Value::UNITS as f64
    }

    /// As decimal numbers: the sum, and the sum of the squares.
    #[must_use]
    pub fn decimals(self) -> [String; 2] {
        let decimal = |number: u128, decimals: usize| {
            let unit = 10_u128.pow(decimals as u32);
            let text = format!("{}.{:0decimals$}", number / unit, number % unit);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        [
            decimal(self.sum, Self::DECIMALS),
            decimal(self.squares, Self::DECIMALS_OF_SQUARES),
        ]
    }

    /// What [`Self::decimals`] gave; none where it cannot have.
    #[must_use]
    pub fn read(sum: &str, squares: &str) -> Option<Self> {
        let number = |text: &str, decimals: usize| {
            let (whole, part) = text.split_once('.').unwrap_or((text, ""));
            let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if whole.is_empty() || part.len() > decimals || !is_digits(whole) || !is_digits(part) {
                return None;
            }
            u128::from_str(&format!("{whole}{part:0<decimals$}")).ok()
        };
        Some(Self {
            sum: number(sum, Self::DECIMALS)?,
            squares: number(squares, Self::DECIMALS_OF_SQUARES)?,
        })
    }
}

/// What the conversions of a goal under a variant were worth on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySums {
    pub day: Day,
    pub goal: Name,
    pub variant: Name,
    pub sums: Sums,
}

impl DaySums {
    /// Puts them into the order in which stores give them.
    pub fn sort(sums: &mut [Self]) {
        sums.sort_unstable_by(|a, b| {
            (a.day, &a.goal, &a.variant).cmp(&(b.day, &b.goal, &b.variant))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_four_decimals() {
        for (number, units) in [
            (0.0, 0),
            (-0.0, 0),
            (49.9, 499_000),
            (0.1 + 0.2, 3000),
            (0.00005, 1),
            (0.00004, 0),
            (999_999.999_9, 9_999_999_999),
            (1e6, 10_000_000_000),
            (f64::MAX, 10_000_000_000),
        ] {
            assert_eq!(Value::new(number).map(Value::units), Ok(units), "{number}");
        }
        for number in [-0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Value::new(number), Err(NotAValue), "{number}");
        }
    }

    #[test]
    fn sums_are_exact_and_come_back_as_they_were() {
        let mut sums = Sums::default();
        for (number, times) in [(999_999.999_9, 3_u64), (0.0001, 7), (12.5, 1)] {
            let value = Value::new(number).unwrap();
            let (high, low) = value.square();
            for _ in 0..times {
                sums = sums.and(Sums::stored(value.units(), high, low));
            }
        }
        // By hand: 3 · 999999.9999 + 7 · 0.0001 + 12.5, and the same of the squares.
        let decimals = ["3000012.5004", "2999999999556.25000010"].map(str::to_owned);
        assert_eq!(sums.sum, 30_000_125_004);
        assert_eq!(
            sums.squares,
            3 * 9_999_999_999_u128.pow(2) + 7 + 125_000_u128.pow(2)
        );
        let [sum, squares] = sums.decimals();
        assert_eq!(sum, decimals[0]);
        assert_eq!(Sums::read(&sum, &squares), Some(sums));
        assert_eq!(Sums::default().decimals(), ["0", "0"]);
        assert_eq!(Sums::read("0", "0"), Some(Sums::default()));
        for text in ["", "-1", "1.00001", "1.2.3", "1e5", ".5", "a"] {
            assert_eq!(Sums::read(text, "0"), None, "{text}");
        }
    }
}

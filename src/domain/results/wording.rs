//! Numbers, days and names in sentences.

use crate::domain::{Day, Name};

/// `+12 % (3 to 21)`: with as many decimals as so wide an interval deserves.
#[must_use]
pub fn span(value: f64, [low, high]: [f64; 2], unit: &str) -> String {
    let half = (high - low).abs() / 2.0 * 100.0;
    let decimals = if half >= 2.0 && unit == " %" {
        0
    } else if half >= 0.2 {
        1
    } else {
        2
    };
    let number = |value: f64| minus(format!("{:.decimals$}", value * 100.0));
    let sign = if value > 0.0 { "+" } else { "" };
    format!(
        "{sign}{}{unit} ({} to {})",
        number(value),
        number(low),
        number(high)
    )
}

pub(super) fn percent(value: f64, decimals: usize) -> String {
    format!("{} %", minus(format!("{:.decimals$}", value * 100.0)))
}

/// A minus sign that is one, and no minus before a zero.
fn minus(number: String) -> String {
    match number.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|byte| matches!(byte, b'0' | b'.')) => digits.to_owned(),
        Some(digits) => format!("−{digits}"),
        None => number,
    }
}

/// Two digits that count: 4,213 as 4,300. Rounded up, for it is what is needed at least.
pub(super) fn about(number: u64) -> String {
    let mut unit = 1_u64;
    while number / unit >= 100 {
        unit *= 10;
    }
    grouped(number.div_ceil(unit) as f64 * unit as f64)
}

/// `1234567` as `1,234,567`
#[must_use]
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3 Dec`
pub(super) fn short(day: Day) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = usize::try_from(day.month - 1).ok();
    match month.and_then(|month| MONTHS.get(month)) {
        Some(month) => format!("{} {month}", day.day),
        None => day.to_string(),
    }
}

/// The name that may be meant: the one that takes the fewest changes of a letter, no more than a third of
/// the letters (Levenshtein 1966), capitals aside.
pub(super) fn nearest<'a>(
    name: &Name,
    known: impl IntoIterator<Item = &'a Name>,
) -> Option<&'a Name> {
    let letters = |name: &Name| name.as_str().to_lowercase().chars().collect::<Vec<char>>();
    let wanted = letters(name);
    (known.into_iter())
        .map(|known| (distance(&wanted, &letters(known)), known))
        .filter(|(distance, _)| *distance * 3 <= wanted.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut now = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let changed = before[column] + usize::from(letter != against);
            let least = changed.min(before[column + 1] + 1).min(now[column] + 1);
            now.push(least);
        }
        before = now;
    }
    before.last().copied().unwrap_or(0)
}

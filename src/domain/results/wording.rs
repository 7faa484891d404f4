//! Numbers, days and names in sentences.

use std::borrow::Cow;

use crate::domain::{Day, Name};

/// `+12 % (3 to 21)`: with as many decimals as so wide an interval deserves.
#[must_use]
pub fn span(value: f64, [low, high]: [f64; 2], unit: &str) -> String {
    let decimals = decimals([low, high], unit);
    let number = |value: f64| {
        let size = grouped_to((value * 100.0).abs(), decimals);
        minus(if value < 0.0 {
            format!("-{size}")
        } else {
            size
        })
    };
    let sign = if value > 0.0 { "+" } else { "" };
    format!(
        "{sign}{}{unit} ({} to {})",
        number(value),
        number(low),
        number(high)
    )
}

fn decimals([low, high]: [f64; 2], unit: &str) -> usize {
    let half = (high - low).abs() / 2.0 * 100.0;
    match half {
        _ if half >= 2.0 && unit == " %" => 0,
        _ if half >= 0.2 => 1,
        _ => 2,
    }
}

/// `54 % more “button clicked” (likely 21–99 %)`, `23 % fewer …`; a range on both sides of 0 has its signs:
/// `(likely −4 to +28 %)`. The two words are for more and for less.
pub(super) fn change(
    value: f64,
    ends: [f64; 2],
    unit: &str,
    [more, less]: [&str; 2],
    noun: &str,
) -> String {
    let decimals = decimals(ends, unit);
    let size = |value: f64| grouped_to(value.abs() * 100.0, decimals);
    let word = if value < 0.0 { less } else { more };
    let range = range(ends, size);
    let named = match unit {
        " points" => " percentage points",
        unit => unit,
    };
    format!(
        "{}{named} {word} {noun} (likely {range}{unit})",
        size(value)
    )
}

/// `0.52 more EUR per visitor from “order placed” (likely 0.31–0.73)`
pub(super) fn change_of_mean(value: f64, ends: [f64; 2], noun: &str) -> String {
    let size = |value: f64| mean(value.abs());
    let word = if value < 0.0 { "less" } else { "more" };
    let range = range(ends, size);
    format!("{} {word} {noun} (likely {range})", size(value))
}

/// What something is worth on average: `0.52`, `1,234`.
#[must_use]
pub fn mean(value: f64) -> String {
    minus(grouped_to(value, if value.abs() < 1000.0 { 2 } else { 0 }))
}

/// A number as it was declared: `500`, `99.5`, `1,000`
#[must_use]
pub fn as_declared(value: f64) -> String {
    let decimals = [0, 1, 2, 3].into_iter().find(|decimals| {
        let unit = 10_f64.powi(*decimals);
        ((value * unit).round() / unit - value).abs() < 1e-9
    });
    grouped_to(value, decimals.unwrap_or(4) as usize)
}

fn range([low, high]: [f64; 2], size: impl Fn(f64) -> String) -> String {
    if low >= 0.0 {
        format!("{}–{}", size(low), size(high))
    } else if high <= 0.0 {
        format!("{}–{}", size(high), size(low))
    } else {
        format!("−{} to +{}", size(low), size(high))
    }
}

/// `6.76 %`
#[must_use]
pub fn rate(value: f64) -> String {
    format!("{:.2} %", value * 100.0)
}

/// `77.1 %`; never certain: `> 99.9 %`
#[must_use]
pub fn chance(value: f64) -> String {
    let percent = value * 100.0;
    if percent > 99.9 {
        "> 99.9 %".to_owned()
    } else if percent < 0.1 {
        "< 0.1 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

/// `+149 %`, `−4.5 points`, `0`: the end of an axis.
#[must_use]
pub fn tick(value: f64, unit: &str) -> String {
    let percent = value * 100.0;
    if percent == 0.0 {
        return "0".to_owned();
    }
    let decimals = usize::from(percent.abs() < 10.0);
    format!("{percent:+.decimals$} {unit}").replace('-', "−")
}

/// `5 %`, `0.5 %`: as it was declared.
#[must_use]
pub fn percent(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e4;
    format!("{} %", minus(rounded.to_string()))
}

/// `1 visitor`, `1,234 visitors`
pub(super) fn number_of(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number as f64))
}

/// `2 days`, or `2.7 years`
pub(super) fn time(days: u64) -> String {
    match days {
        0..=365 => number_of(days, "day"),
        _ => {
            let years = days as f64 / 365.25;
            let decimals = usize::from(years < 10.0);
            format!("{} years", grouped_to(years, decimals))
        }
    }
}

/// A variant in a sentence: `red`, or `“with a reason”`, which would read as words of the sentence.
pub(super) fn called(name: &Name) -> Cow<'_, str> {
    match name.as_str() {
        words if words.contains(char::is_whitespace) => Cow::Owned(format!("“{words}”")),
        word => Cow::Borrowed(word),
    }
}

/// `a`, `a and b`, `a, b and c`
pub(super) fn list(names: &[&Name]) -> String {
    let names: Vec<Cow<str>> = names.iter().map(|name| called(name)).collect();
    match names.as_slice() {
        [] => String::new(),
        [name] => name.to_string(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
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
    grouped(rounded_up(number, 2) as f64)
}

/// So many digits that count.
#[must_use]
pub fn rounded_up(number: u64, digits: u32) -> u64 {
    let mut unit = 1_u64;
    while number / unit >= 10_u64.pow(digits) {
        unit *= 10;
    }
    number.div_ceil(unit).saturating_mul(unit)
}

/// `1234567` as `1,234,567`
#[must_use]
pub fn grouped(number: f64) -> String {
    grouped_to(number, 0)
}

/// The same with decimals.
fn grouped_to(number: f64, decimals: usize) -> String {
    let all = format!("{number:.decimals$}");
    let (digits, fraction) = all.split_at(all.find('.').unwrap_or(all.len()));
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
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

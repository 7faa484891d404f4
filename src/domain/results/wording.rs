//! Numbers in sentences.

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

//! Intervals as bars on a common axis.

use anstyle::{AnsiColor, Style};

use crate::cli::printer::DIM;
use crate::domain::results::Outcome;

/// Fewer columns show nothing.
pub(super) const MIN_WIDTH: usize = 16;
/// More show no more.
pub(super) const MAX_WIDTH: usize = 48;

const BETTER: Style = AnsiColor::Green.on_default();
const WORSE: Style = AnsiColor::Red.on_default();

/// A value and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    /// What is decided, all comparisons of the experiment taken into account.
    pub decided: Option<Outcome>,
}

impl Span {
    /// Green where it is decided that the variant is better, red where that it is worse.
    pub(super) fn style(self) -> Style {
        match self.decided {
            Some(Outcome::Better) => BETTER,
            Some(Outcome::Worse) => WORSE,
            None => Style::new(),
        }
    }
}

/// So many times the narrowest interval, or the largest change, is as far as an axis goes: beside an interval without
/// end the others would be points.
const FARTHEST: f64 = 3.0;

/// An axis that has room for the spans, and for 0. What goes on beyond it ends with an arrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    width: usize,
}

impl Axis {
    /// None without spans.
    pub(super) fn new(spans: &[Span], width: usize) -> Option<Self> {
        let reach = |span: &Span| (span.value - span.low).min(span.high - span.value);
        let narrowest = spans.iter().map(reach).fold(f64::INFINITY, f64::min);
        let largest = spans.iter().map(|span| span.value.abs());
        let farthest = FARTHEST * largest.fold(narrowest, f64::max);
        let low = spans.iter().map(|span| span.low).fold(0.0, f64::min);
        let high = spans.iter().map(|span| span.high).fold(0.0, f64::max);
        let (low, high) = (low.max(-farthest), high.min(farthest));
        (high > low).then_some(Self { low, high, width })
    }

    /// The end of a bar, or an arrow if it goes on.
    fn ends(self, span: Span) -> [char; 2] {
        let slack = (self.high - self.low) * 1e-9;
        [
            if span.low < self.low - slack {
                '←'
            } else {
                '├'
            },
            if span.high > self.high + slack {
                '→'
            } else {
                '┤'
            },
        ]
    }

    fn column(self, value: f64) -> usize {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        (share * (self.width - 1) as f64).round() as usize
    }

    /// `├──┼───●────┤`, or the line at 0 alone.
    pub(super) fn bar(self, span: Option<Span>) -> String {
        let zero = self.column(0.0);
        // Nothing to the right of what is drawn: a line ends with it.
        let line = |from: usize, to: usize| -> String {
            let columns = (from..to).map(|column| if column == zero { '│' } else { ' ' });
            columns.collect()
        };
        let Some(span) = span else {
            return format!("{DIM}{}{DIM:#}", line(0, zero + 1));
        };
        let (low, high) = (self.column(span.low), self.column(span.high));
        let point = self.column(span.value);
        let [left, right] = self.ends(span);
        let bar: String = (low..=high)
            .map(|column| match column {
                _ if column == point => '●',
                _ if column == low => left,
                _ if column == high => right,
                _ if column == zero => '┼',
                _ => '─',
            })
            .collect();
        let style = span.style();
        format!(
            "{DIM}{}{DIM:#}{style}{bar}{style:#}{DIM}{}{DIM:#}",
            line(0, low),
            line(high + 1, zero + 1)
        )
    }

    /// The ends of the axis, and 0 where there is room for it.
    pub(super) fn labels(self, label: impl Fn(f64) -> String) -> String {
        let zero = self.column(0.0);
        let (low, high) = (label(self.low), label(self.high));
        let mut text = vec![' '; self.width];
        let mut put = |at: usize, label: &str| {
            for (place, character) in text.iter_mut().skip(at).zip(label.chars()) {
                *place = character;
            }
        };
        let (left, right) = (low.chars().count(), high.chars().count());
        if left + right < self.width {
            put(0, &low);
            put(self.width - right, &high);
        }
        if zero > left && zero + 1 + right < self.width {
            put(zero, "0");
        }
        let text: String = text.into_iter().collect();
        format!("{DIM}{}{DIM:#}", text.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_drawn_to_scale() {
        let span = |value, low, high| Span {
            value,
            low,
            high,
            decided: None,
        };
        let spans = [span(0.1, -0.2, 0.4), span(0.3, 0.2, 0.4)];
        let axis = Axis::new(&spans, 31).unwrap();
        let plain = |text: String| anstream::adapter::strip_str(&text).to_string();
        assert_eq!(
            [
                plain(axis.bar(None)),
                plain(axis.bar(Some(spans[0]))),
                plain(axis.bar(Some(spans[1]))),
                plain(axis.labels(|value| format!("{:.0} %", value * 100.0))),
            ],
            [
                "          │",
                "├─────────┼────●──────────────┤",
                "          │         ├────●────┤",
                "-20 %     0                40 %",
            ]
        );
        // One with hardly any visitors makes the others no points.
        let spans = [span(0.5, -0.63, 158.0), span(0.1, -0.2, 0.4)];
        let axis = Axis::new(&spans, 31).unwrap();
        assert_eq!(
            spans.map(|span| plain(axis.bar(Some(span)))),
            ["├────────┼──────●─────────────→", "      ├──┼●────┤",]
        );
        assert!(Axis::new(&[], 20).is_none());
        assert!(Axis::new(&[span(0.0, 0.0, 0.0)], 20).is_none());
    }
}

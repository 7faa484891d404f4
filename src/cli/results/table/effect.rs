//! How a variant compares with the control, as text and as a bar.

use crate::cli::results::bars::Span;
use crate::domain::results::{Comparison, GoalVariant, mean, span, tick};

/// How a variant compares, on both scales.
#[derive(Clone, Copy)]
pub(super) struct Effect {
    difference: Span,
    lift: Option<Span>,
    /// Of means, which are in units, not in points.
    is_mean: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// By the control's rate.
    Lift,
    /// In percentage points.
    Difference,
    /// In units of the value.
    Mean,
}

impl Scale {
    pub(super) fn label(self, value: f64) -> String {
        let unit = match self {
            Self::Lift => "%",
            Self::Difference => "points",
            Self::Mean => return signed(value),
        };
        tick(value, unit)
    }
}

/// `+0.52`
fn signed(value: f64) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}", mean(value))
}

impl Effect {
    pub(super) fn of_variant(variant: &GoalVariant) -> Option<Self> {
        variant.versus_control.as_ref().and_then(Self::of)
    }

    /// None while the sequential test says nothing.
    fn of(comparison: &Comparison) -> Option<Self> {
        let sequential = comparison.sequential.as_ref()?;
        let lift = comparison.lift.zip(sequential.lift_interval);
        let decided = comparison.outcome();
        Some(Self {
            difference: Span {
                value: comparison.difference,
                low: sequential.interval.low,
                high: sequential.interval.high,
                decided,
            },
            is_mean: comparison.is_of_means(),
            lift: lift.map(|(value, interval)| Span {
                value,
                low: interval.low,
                high: interval.high,
                decided,
            }),
        })
    }

    /// Lifts, if all have one: bars of one table share their axis.
    pub(super) fn common(effects: &[Option<Self>]) -> Scale {
        if effects.iter().flatten().all(|effect| effect.lift.is_some()) {
            Scale::Lift
        } else if effects.iter().flatten().any(|effect| effect.is_mean) {
            Scale::Mean
        } else {
            Scale::Difference
        }
    }

    pub(super) fn span(self, scale: Scale) -> Span {
        match scale {
            Scale::Lift => self.lift.unwrap_or(self.difference),
            Scale::Difference | Scale::Mean => self.difference,
        }
    }

    pub(super) fn text(self) -> String {
        let (shown, unit) = match self.lift {
            Some(lift) => (lift, " %"),
            None => (self.difference, " points"),
        };
        let style = shown.style();
        let text = match self.lift {
            None if self.is_mean => {
                let [value, low, high] = [shown.value, shown.low, shown.high].map(signed);
                format!("{value} ({low} to {high})")
            }
            _ => span(shown.value, [shown.low, shown.high], unit),
        };
        format!("{style}{text}{style:#}")
    }
}

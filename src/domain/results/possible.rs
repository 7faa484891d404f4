//! Intervals within what rates can be.

use crate::domain::statistics::{Proportion, Sequential};

/// With few participants an interval reaches beyond what a difference, and a lift, of two rates can be: the control
/// has a rate of its own, and the variant's is between 0 and 1. How far the rates themselves may be off is taken
/// generously ([`Proportion::bounds`]), so that what stays holds at every look as it did. The interval of a lift to
/// no conversion at all has no width.
pub(super) fn possible(
    mut sequential: Sequential,
    control: Proportion,
    variant: Proportion,
) -> Sequential {
    let (a, b) = (control.bounds(), variant.bounds());
    let interval = &mut sequential.interval;
    interval.low = interval.low.max(-a.high).max(b.low - 1.0);
    interval.high = interval.high.min(1.0 - a.low).min(b.high);
    let lift = sequential.lift_interval.filter(|_| variant.conversions > 0);
    sequential.lift_interval = lift.map(|mut lift| {
        lift.low = lift.low.max(-1.0);
        if a.low > 0.0 {
            // 0 stays where it is, within or outside.
            lift.high = lift.high.min((b.high / a.low - 1.0).max(lift.low.max(0.0)));
        }
        lift
    });
    sequential
}

/// Means are between 0 and the highest value of a conversion, and no lift is below −100 %.
pub(super) fn possible_means(mut sequential: Sequential, cap: f64) -> Sequential {
    let interval = &mut sequential.interval;
    (interval.low, interval.high) = (interval.low.max(-cap), interval.high.min(cap));
    if let Some(lift) = &mut sequential.lift_interval {
        lift.low = lift.low.max(-1.0);
    }
    sequential
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statistics::{lift, sequential};

    fn of(conversions: u64, participants: u64) -> Proportion {
        Proportion::new(conversions, participants).unwrap()
    }

    #[test]
    fn no_interval_reaches_beyond_what_the_rates_allow() {
        // 29 % against 38 %: −93 to +100 points would be nonsense.
        let (a, b) = (of(9, 31), of(11, 29));
        let (wide, shown) = (sequential(a, b).unwrap(), sequential(a, b).unwrap());
        let shown = possible(shown, a, b);
        assert!(wide.interval.low < -0.9 && wide.interval.high > 1.0);
        let (low, high) = (shown.interval.low, shown.interval.high);
        assert!(
            (-0.58..-0.29).contains(&low) && (0.62..0.71).contains(&high),
            "{shown:?}"
        );
    }

    #[test]
    fn what_is_possible_keeps_estimate_and_decision() {
        let numbers = [1, 2, 7, 30, 31, 100, 999, 5000, 1_000_000];
        let sides = || {
            (numbers.iter())
                .flat_map(|n| [0, 1, n / 20, n / 3, n / 2, n - 1, *n].map(|x| of(x.min(*n), *n)))
        };
        for a in sides() {
            for b in sides() {
                let Some(before) = sequential(a, b) else {
                    continue;
                };
                let after = possible(before, a, b);
                let d = b.rate() - a.rate();
                let (is, was) = (after.interval, before.interval);
                assert!(is.low >= was.low && is.high <= was.high, "{a:?} {b:?}");
                assert!(is.low >= -1.0 && is.high <= 1.0, "{a:?} {b:?}");
                assert!(
                    is.low <= d + 1e-12 && d <= is.high + 1e-12,
                    "{a:?} {b:?} {is:?}"
                );
                assert_eq!(
                    (is.low > 0.0, is.high < 0.0),
                    (was.low > 0.0, was.high < 0.0),
                    "{a:?} {b:?} {is:?} {was:?}"
                );
                let (Some(is), Some(was)) = (after.lift_interval, before.lift_interval) else {
                    continue;
                };
                let lift = lift(a, b).unwrap();
                assert!(
                    is.low >= -1.0 && is.low <= lift && lift <= is.high,
                    "{a:?} {b:?} {is:?}"
                );
                assert_eq!(
                    (is.low > 0.0, is.high < 0.0),
                    (was.low > 0.0, was.high < 0.0)
                );
            }
        }
    }
}

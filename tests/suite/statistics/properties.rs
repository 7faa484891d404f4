//! What holds of any counts.

use std::time::Duration;

use lamed::domain::statistics::{
    Contrast, Interval, Looking, Proportion, Wanted, chance_to_win, chances_to_be_best, difference,
    holm, lift, one_look, participants_needed, posterior, sample_ratio, sequential,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{NOTHING, counts, sums_to_one};
use crate::support::within;

/// Milliseconds are what it takes: whoever meets this limit hangs.
const LIMIT: Duration = Duration::from_mins(2);

#[test]
fn nothing_is_ever_nan_or_infinite_or_out_of_range() {
    within(LIMIT, || {
        let grid = nasty();
        for &a in &grid {
            is_within(a.rate(), 0.0, 1.0, a);
            is_interval(a.interval(), a);
            assert!(a.interval().low >= 0.0 && a.interval().high <= 1.0, "{a:?}");
            assert!(
                a.interval().low <= a.rate() && a.rate() <= a.interval().high,
                "{a:?}"
            );
            for &b in &grid {
                check_pair(a, b);
            }
        }
    });
}

fn check_pair(a: Proportion, b: Proportion) {
    let at = (a, b);
    is_within(difference(a, b), -1.0, 1.0, at);
    assert!(lift(a, b).is_none_or(f64::is_finite), "{at:?}");
    assert_eq!(lift(a, b).is_none(), a.conversions == 0);
    let look = one_look(a, b);
    is_interval(look.interval, at);
    assert!(look.z.is_none_or(f64::is_finite), "{at:?}");
    is_within(look.p_value, 0.0, 1.0, at);
    if let Some(sequential) = sequential(a, b) {
        let interval = sequential.interval;
        is_interval(interval, at);
        is_within(sequential.p_value, 0.0, 1.0, at);
        // At the very edge rounding decides.
        if (sequential.p_value - 0.05).abs() > 1e-9 {
            assert_eq!(sequential.p_value < 0.05, excludes_zero(interval), "{at:?}");
        }
        if let Some(lift) = sequential.lift_interval {
            is_interval(lift, at);
            assert_eq!(excludes_zero(lift), excludes_zero(interval), "{at:?}");
        }
    }
    check_posterior(a, b);
    for weight in [1, 3, u32::MAX] {
        let Some(ratio) = sample_ratio(&[(a.participants, 1), (b.conversions, weight)]) else {
            panic!("{at:?}");
        };
        assert!(ratio.chi_square.is_finite() && ratio.chi_square >= 0.0);
        is_within(ratio.p_value, 0.0, 1.0, at);
        is_within(ratio.sequential_p_value, 0.0, 1.0, at);
    }
}

fn check_posterior(a: Proportion, b: Proportion) {
    let at = (a, b);
    let (posterior, chances) = (posterior(a, b), chances_to_be_best(&[a, b, a]));
    is_within(posterior.chance_to_win, 0.0, 1.0, at);
    is_within(posterior.expected_loss, 0.0, 1.0, at);
    sums_to_one(&chances, at);
    assert!((chances[0] - chances[2]).abs() < 1e-12, "{at:?}");
}

#[test]
fn what_is_no_proportion_neither_panics_nor_hangs() {
    let impossible = [(1, 0), (0, 0), (5, 3), (u64::MAX, 1), (3, 10)];
    let impossible = impossible.map(|(conversions, participants)| Proportion {
        conversions,
        participants,
    });
    for a in impossible {
        let _ = a.interval();
        for b in impossible {
            let _ = (difference(a, b), lift(a, b), one_look(a, b));
            let _ = (sequential(a, b), posterior(a, b));
            let _ = chances_to_be_best(&[a, b]);
        }
    }
}

#[test]
fn exchanging_control_and_variant_mirrors_everything() {
    for (a, b) in random_pairs(500) {
        let at = (a, b);
        assert_eq!(difference(a, b), -difference(b, a), "{at:?}");
        let (there, back) = (one_look(a, b), one_look(b, a));
        mirrors(there.interval, back.interval, at);
        assert_eq!(there.z, back.z.map(|z| 0.0 - z), "{at:?}");
        assert_eq!(there.p_value, back.p_value, "{at:?}");
        if let (Some(there), Some(back)) = (sequential(a, b), sequential(b, a)) {
            mirrors(there.interval, back.interval, at);
            assert_eq!(there.p_value, back.p_value, "{at:?}");
        }
        let (there, back) = (posterior(a, b), posterior(b, a));
        sums_to_one(&[there.chance_to_win, back.chance_to_win], at);
        let lead = back.expected_loss - there.expected_loss;
        assert!((lead - (mean(b) - mean(a))).abs() < 1e-14, "{at:?}");
        let pair = chances_to_be_best(&[a, b]);
        assert!((pair[1] - there.chance_to_win).abs() < 1e-12, "{at:?}");
    }
}

#[test]
fn exchanging_conversions_and_failures_mirrors_everything() {
    let failed = |of: Proportion| counts(of.participants - of.conversions, of.participants);
    for (a, b) in random_pairs(300) {
        let at = (a, b);
        let (rate, other) = (a.interval(), failed(a).interval());
        assert!((rate.low + other.high - 1.0).abs() < 1e-15, "{at:?}");
        let (straight, turned) = (one_look(a, b), one_look(failed(b), failed(a)));
        assert!(near(straight.p_value, turned.p_value), "{at:?}");
        let (straight, turned) = (posterior(a, b), posterior(failed(b), failed(a)));
        assert!(near(straight.chance_to_win, turned.chance_to_win), "{at:?}");
        assert!(near(straight.expected_loss, turned.expected_loss), "{at:?}");
    }
}

#[test]
fn one_more_conversion_never_speaks_against_a_variant() {
    for (a, b) in random_pairs(500) {
        let Some(more) = Proportion::new(b.conversions + 1, b.participants) else {
            continue;
        };
        let at = (a, b);
        assert!(more.rate() > b.rate(), "{at:?}");
        assert!(more.interval().low > b.interval().low, "{at:?}");
        assert!(more.interval().high >= b.interval().high, "{at:?}");
        assert!(difference(a, more) > difference(a, b), "{at:?}");
        assert!(lift(a, more) >= lift(a, b), "{at:?}");
        assert!(one_look(a, more).z >= one_look(a, b).z, "{at:?}");
        let (less, more) = (posterior(a, b), posterior(a, more));
        // To the last digits.
        let slack = 1.0 + 1e-12;
        assert!(more.chance_to_win * slack >= less.chance_to_win, "{at:?}");
        assert!(more.expected_loss <= less.expected_loss * slack, "{at:?}");
    }
}

#[test]
fn variants_that_are_alike_share_their_chances() {
    for of in nasty() {
        assert_eq!(chance_to_win(of, of), 0.5, "{of:?}");
        for k in 1..=8 {
            for chance in chances_to_be_best(&vec![of; k]) {
                assert!((chance * k as f64 - 1.0).abs() < 1e-12, "{of:?}: {chance}");
            }
        }
    }
}

#[test]
fn what_is_no_comparison_has_no_result() {
    assert_eq!(Proportion::new(0, 0), None);
    assert_eq!(Proportion::new(2, 1), None);
    assert_eq!(sequential(counts(0, 5), counts(7, 7)), None);
    assert_eq!(one_look(counts(0, 5), counts(0, 9)).z, None);
    assert_eq!(one_look(counts(0, 5), counts(0, 9)).p_value, 1.0);
    for none in [
        &[][..],
        &[(5, 1)],
        &[(5, 1), (9, 0)],
        &[(0, 1), (0, 1)],
        &[(0, 1), (0, 1), (7, 0)],
    ] {
        assert_eq!(sample_ratio(none), None);
    }
    assert!(chances_to_be_best(&[]).is_empty());
    assert_eq!(chances_to_be_best(&[counts(1, 2)]), [1.0]);
    assert!(holm(&[]).is_empty());
    for (a, b) in [
        (0.1, 0.1),
        (0.0, 0.0),
        (0.0, 1.0),
        (1.0, 0.0),
        (-0.1, 0.1),
        (0.1, 1.1),
        (f64::NAN, 0.1),
        (0.1, f64::INFINITY),
        (0.5, 0.500_000_001),
    ] {
        assert_eq!(participants_needed(a, b, 1), None, "{a} {b}");
    }
}

#[test]
fn only_variants_with_a_weight_count_in_the_sample_ratio() {
    let all = sample_ratio(&[(5000, 1), (77, 0), (5200, 1)]);
    assert_eq!(all, sample_ratio(&[(5000, 1), (5200, 1)]));
    assert_eq!(all.map(|ratio| ratio.alarm()), Some(false));
    // χ² is for one look, and raises no alarm.
    let before = sample_ratio(&[(10_000, 1), (10_480, 1)]).unwrap();
    assert!(before.p_value < 0.001 && before.sequential_p_value > 0.01);
    assert!(!before.alarm());
}

/// Experiments that are split as declared, each looked at after every participant.
#[test]
fn the_alarm_of_the_sample_ratio_is_false_in_less_than_one_of_a_hundred() {
    const RUNS: u32 = 1000;
    let mut random = StdRng::seed_from_u64(99);
    for (weights, fooled) in [([99, 1], 40), ([50, 50], 5)] {
        let (mut alarms, mut chi_squares) = (0, 0);
        for _ in 0..RUNS {
            let (mut counts, mut alarm, mut chi_square) = ([0; 2], false, false);
            for _ in 0..500 {
                counts[usize::from(random.random_range(0..100) >= weights[0])] += 1;
                let ratio = sample_ratio(&[(counts[0], weights[0]), (counts[1], weights[1])]);
                let ratio = ratio.unwrap();
                alarm |= ratio.alarm();
                chi_square |= ratio.p_value < 0.001;
            }
            alarms += u32::from(alarm);
            chi_squares += u32::from(chi_square);
        }
        assert!(alarms * 100 < RUNS, "{weights:?}: {alarms} of {RUNS}");
        // The same looks at χ² raise more: the simulation would see it.
        assert!(chi_squares > fooled, "{weights:?}: {chi_squares} of {RUNS}");
    }
}

#[test]
fn a_plan_decides_by_its_boundary_until_it_is_complete() {
    let at = |n: u64, planned: f64| {
        let contrast = Contrast::of_rates(counts(n / 20, n), counts(n * 3 / 50, n));
        Looking::planned(planned).compare(&contrast).unwrap()
    };
    // 5 % v 6 %, with |z| ≥ 2.2818·√(M/N) in a larger and larger plan.
    let now = 12_000.0;
    let found = |planned: f64| at(6000, planned).p_value < 0.05;
    let z = one_look(counts(300, 6000), counts(360, 6000)).z.unwrap();
    let largest = |c: f64| now * (z / c).powi(2);
    assert!(found(now) && found(largest(2.2819)) && !found(largest(2.2818)));
    // One participant beyond the plan there is the sequence alone, which takes more.
    assert!(!found(now - 1.0) && at(60_000, now - 1.0).p_value < 0.05);
    assert!(at(6000, now).interval.low > at(6000, now - 1.0).interval.low);
    // The level of the sequence is a tenth of that without a plan.
    let width = |interval: Interval| interval.high - interval.low;
    let without = sequential(counts(300, 6000), counts(360, 6000)).unwrap();
    assert!(width(at(6000, now).interval) < width(without.interval));
    assert!(width(at(6000, now - 1.0).interval) > width(without.interval));
}

#[test]
fn what_a_plan_lacks_is_foreseen_until_it_is_complete() {
    let wanted = Wanted::rates(0.05, 0.06, 0.5, 1).unwrap();
    let plan = wanted.plan().unwrap();
    let looking = Looking::planned(plan as f64);
    assert_eq!(wanted.participants(looking, 0.0), Some(plan));
    let without = wanted.participants(Looking::default(), 0.0).unwrap();
    let beyond = wanted.participants(looking, plan as f64).unwrap();
    assert!(
        plan < without && without < beyond,
        "{plan} {without} {beyond}"
    );
    // A larger plan takes longer, and a smaller one has no chance.
    let larger = Looking::planned(2.0 * plan as f64);
    let later = wanted.participants(larger, 0.0).unwrap();
    assert!(plan < later && later < without);
    let smaller = Looking::planned(plan as f64 / 2.0);
    assert_eq!(wanted.participants(smaller, 0.0), Some(beyond));
    // The power grows with the participants, up to what was asked for.
    let power = |n: f64| wanted.power(looking, n * plan as f64);
    assert!(power(0.25) < power(0.5) && power(0.5) < power(0.9) && power(0.9) < 0.8);
    assert!((power(1.0) - 0.8).abs() < 1e-3);
}

#[test]
fn what_makes_up_for_few_participants_is_many_of_them() {
    let needed = participants_needed(0.05, 0.06, 1).unwrap();
    let of = |n: u64| {
        let rates = [0.05, 0.06].map(|rate| (rate * n as f64).round() as u64);
        sequential(counts(rates[0], n), counts(rates[1], n)).unwrap()
    };
    // With 80 % power the effect itself, without luck either way, is significant.
    assert!(of(needed).p_value < 0.05);
    assert!(participants_needed(0.05, 0.07, 1).unwrap() < needed);
    // As one of several, it takes more; none counts as one.
    assert!(participants_needed(0.05, 0.06, 14).unwrap() > needed);
    assert_eq!(participants_needed(0.05, 0.06, 0), Some(needed));
    assert_eq!(participants_needed(0.06, 0.05, 1), Some(needed));
}

// Counts.

/// Zeros, ones, all, all but one, half, at sizes from 1 to the largest.
fn nasty() -> Vec<Proportion> {
    let mut all = Vec::new();
    for n in [1, 2, 3, 30, 1000, 1_000_000_000, u64::MAX - 1, u64::MAX] {
        for x in [0, 1, 2, n / 20, n / 2, n.saturating_sub(2), n - 1, n] {
            all.extend(Proportion::new(x, n));
        }
    }
    all.dedup();
    all
}

/// Pairs of all sizes, their rates up to a few standard errors apart.
fn random_pairs(count: usize) -> Vec<(Proportion, Proportion)> {
    let mut random = StdRng::seed_from_u64(7);
    let mut one = |rate: f64| {
        let n = 10_f64.powf(random.random_range(0.0..9.5)).ceil();
        let error = (rate * (1.0 - rate) / n).sqrt() * random.random_range(-4.0..4.0);
        let x = ((rate + error).clamp(0.0, 1.0) * n).round();
        counts(x as u64, n as u64)
    };
    (0..count)
        .map(|i| {
            let rate = 0.5_f64.powf(1.0 + (i % 10) as f64);
            let rate = if i % 3 == 0 { 1.0 - rate } else { rate };
            (one(rate), one(rate))
        })
        .collect()
}

/// The mean of the posterior.
fn mean(of: Proportion) -> f64 {
    (of.conversions as f64 + 1.0) / (of.participants as f64 + 2.0)
}

// What is expected.

fn is_within(value: f64, low: f64, high: f64, at: impl std::fmt::Debug) {
    assert!(low <= value && value <= high, "{at:?}: {value}");
}

fn is_interval(interval: Interval, at: impl std::fmt::Debug) {
    let finite = interval.low.is_finite() && interval.high.is_finite();
    assert!(
        finite && interval.low <= interval.high,
        "{at:?}: {interval:?}"
    );
}

fn excludes_zero(interval: Interval) -> bool {
    interval.low > 0.0 || interval.high < 0.0
}

fn mirrors(there: Interval, back: Interval, at: impl std::fmt::Debug) {
    assert_eq!((there.low, there.high), (-back.high, -back.low), "{at:?}");
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-11 * a.max(b) + NOTHING
}

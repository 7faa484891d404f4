//! `domain::statistics` against what scipy, statsmodels, gbstats and mpmath compute
//! (`fixtures/statistics`), and what holds of any counts.

use std::fs;
use std::path::Path;
use std::time::Instant;

use lamed::domain::statistics::{
    Interval, Method, Posterior, Proportion, chance_to_win, chances_to_be_best, difference,
    expected_loss, holm, lift, one_look, participants_needed, posterior, sample_ratio, sequential,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// How far a result may be from the oracle's, relatively.
const AGREES: f64 = 1e-9;

/// Chances and p-values under this may be anything under it.
const NOTHING: f64 = 1e-300;

#[test]
fn rates_and_their_intervals_agree() {
    each("rate_interval", |case, off| {
        let interval = proportion(&case["of"]).interval();
        off.interval("interval", interval, &case["interval"]);
    });
}

#[test]
fn differences_and_lifts_agree() {
    each("difference", |case, off| {
        let (a, b) = pair(case);
        off.number("difference", difference(a, b), &case["difference"]);
        off.option("lift", lift(a, b), &case["lift"]);
    });
}

#[test]
fn comparisons_for_one_look_agree() {
    each("one_look", |case, off| {
        let (a, b) = pair(case);
        let look = one_look(a, b);
        let method = match look.method {
            Method::Z => "z",
            Method::Fisher => "fisher",
        };
        assert_eq!(case["method"], method, "{case}");
        off.interval("interval", look.interval, &case["interval"]);
        off.option("z", look.z, &case["z"]);
        off.number(method, look.p_value, &case["p_value"]);
    });
}

#[test]
fn comparisons_for_every_look_agree() {
    each("sequential", |case, off| {
        let (a, b) = pair(case);
        let sequential = sequential(a, b);
        assert_eq!(sequential.is_none(), case["p_value"].is_null(), "{case}");
        let Some(sequential) = sequential else { return };
        off.interval("interval", sequential.interval, &case["interval"]);
        off.number("p_value", sequential.p_value, &case["p_value"]);
        let lift = sequential.lift_interval;
        assert_eq!(lift.is_none(), case["lift_interval"].is_null(), "{case}");
        if let Some(lift) = lift {
            off.interval("lift_interval", lift, &case["lift_interval"]);
        }
    });
}

#[test]
fn sample_ratios_agree() {
    each("sample_ratio", |case, off| {
        let counts: Vec<(u64, u32)> = (array(&case["counts"]).iter())
            .map(|count| (whole(&count[0]), u32::try_from(whole(&count[1])).unwrap()))
            .collect();
        let ratio = sample_ratio(&counts).unwrap();
        off.number("chi_square", ratio.chi_square, &case["chi_square"]);
        off.number("p_value", ratio.p_value, &case["p_value"]);
        let found = ratio.sequential_p_value;
        off.number("sequential_p_value", found, &case["sequential_p_value"]);
    });
}

#[test]
fn chances_to_win_and_expected_losses_agree() {
    each("posterior", |case, off| {
        let (a, b) = pair(case);
        off.number("chance_to_win", chance_to_win(a, b), &case["chance_to_win"]);
        off.number("expected_loss", expected_loss(a, b), &case["expected_loss"]);
    });
}

#[test]
fn chances_to_be_best_agree() {
    each("best", |case, off| {
        let variants: Vec<Proportion> = array(&case["variants"]).iter().map(proportion).collect();
        let chances = chances_to_be_best(&variants);
        off.all("chances", &chances, &case["chances"]);
        sums_to_one(&chances, case);
    });
}

#[test]
fn adjusted_p_values_agree() {
    each("holm", |case, off| {
        let p_values: Vec<f64> = array(&case["p_values"]).iter().map(float).collect();
        off.all("adjusted", &holm(&p_values), &case["adjusted"]);
    });
}

#[test]
fn participants_needed_agree() {
    each("participants_needed", |case, _| {
        let (a, b) = (float(&case["control_rate"]), float(&case["variant_rate"]));
        let found = participants_needed(a, b).unwrap();
        // Where the rates' own rounding decides, in the last digits of many.
        let off = found.abs_diff(whole(&case["participants"])) as f64;
        assert!(off <= AGREES * found as f64, "{case}: {found}");
    });
}

#[test]
fn there_are_enough_cases() {
    let cases = fixture();
    let count: usize = (cases.as_object().unwrap().values())
        .map(|of_quantity| array(of_quantity).len())
        .sum();
    assert!(count >= 200, "{count}");
}

// What holds of any counts.

#[test]
fn nothing_is_ever_nan_or_infinite_or_out_of_range() {
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
    let Posterior {
        chance_to_win,
        expected_loss,
    } = posterior(a, b);
    is_within(chance_to_win, 0.0, 1.0, at);
    is_within(expected_loss, 0.0, 1.0, at);
    for weight in [1, 3, u32::MAX] {
        let Some(ratio) = sample_ratio(&[(a.participants, 1), (b.conversions, weight)]) else {
            panic!("{at:?}");
        };
        assert!(ratio.chi_square.is_finite() && ratio.chi_square >= 0.0);
        is_within(ratio.p_value, 0.0, 1.0, at);
        is_within(ratio.sequential_p_value, 0.0, 1.0, at);
    }
    let chances = chances_to_be_best(&[a, b, a]);
    sums_to_one(&chances, at);
    assert!((chances[0] - chances[2]).abs() < 1e-12, "{at:?}");
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
        assert_eq!(participants_needed(a, b), None, "{a} {b}");
    }
}

#[test]
fn only_variants_with_a_weight_count_in_the_sample_ratio() {
    let all = sample_ratio(&[(5000, 1), (77, 0), (5200, 1)]);
    assert_eq!(all, sample_ratio(&[(5000, 1), (5200, 1)]));
    assert_eq!(all.map(|ratio| ratio.alarm()), Some(false));
    // χ² may alarm before the sequence does.
    let before = sample_ratio(&[(10_000, 1), (10_480, 1)]).unwrap();
    assert!(before.p_value < 0.001 && before.sequential_p_value > 0.01);
    assert!(before.alarm());
}

#[test]
fn what_makes_up_for_few_participants_is_many_of_them() {
    let needed = participants_needed(0.05, 0.06).unwrap();
    let of = |n: u64| {
        let rates = [0.05, 0.06].map(|rate| (rate * n as f64).round() as u64);
        sequential(counts(rates[0], n), counts(rates[1], n)).unwrap()
    };
    // With 80 % power the effect itself, without luck either way, is significant.
    assert!(of(needed).p_value < 0.05);
    assert!(participants_needed(0.05, 0.07).unwrap() < needed);
    assert_eq!(participants_needed(0.06, 0.05), Some(needed));
}

/// A generous limit: this build may not be optimised. `cargo bench --bench peeking` has the time
/// that counts.
#[test]
fn eight_variants_at_a_billion_take_no_time() {
    let variants: Vec<Proportion> = (0..8)
        .map(|i| counts(50_000_000 + 3000 * i, 1_000_000_000))
        .collect();
    let limit = if cfg!(debug_assertions) { 100 } else { 1 };
    let fastest = (0..20).map(|_| {
        let start = Instant::now();
        for &variant in &variants[1..] {
            std::hint::black_box(one_look(variants[0], variant));
            std::hint::black_box(sequential(variants[0], variant));
            std::hint::black_box(chance_to_win(variants[0], variant));
            std::hint::black_box(expected_loss(variants[0], variant));
        }
        std::hint::black_box(chances_to_be_best(&variants));
        start.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest.as_millis() < limit, "{fastest:?}");
}

// Counts.

fn counts(conversions: u64, participants: u64) -> Proportion {
    Proportion::new(conversions, participants).unwrap()
}

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

fn sums_to_one(chances: &[f64], at: impl std::fmt::Debug) {
    let sum: f64 = chances.iter().sum();
    assert!((sum - 1.0).abs() < 1e-12, "{at:?}: {chances:?}");
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-11 * a.max(b) + NOTHING
}

// The fixture.

fn fixture() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/statistics/cases.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Compares every case of a quantity. `--nocapture` shows how far it is off at most.
fn each(quantity: &str, mut compare: impl FnMut(&Value, &mut Off)) {
    let cases = fixture();
    let mut off = Off::default();
    for case in array(&cases[quantity]) {
        off.case = case.to_string();
        compare(case, &mut off);
    }
    for (name, (most, case)) in off.most {
        println!("{quantity} {name}: {most:.1e} at {case}");
    }
    assert!(off.wrong.is_empty(), "{}", off.wrong.join("\n"));
}

/// How far results are off.
#[derive(Default)]
struct Off {
    case: String,
    most: std::collections::BTreeMap<String, (f64, String)>,
    wrong: Vec<String>,
}

impl Off {
    fn number(&mut self, name: &str, found: f64, expected: &Value) {
        let expected = float(expected);
        let relative = if found == expected || found.max(expected).abs() < NOTHING {
            0.0
        } else {
            ((found - expected) / expected).abs()
        };
        if relative.is_nan() || relative > AGREES {
            let case = &self.case;
            self.wrong
                .push(format!("{name} {found:e}, off by {relative:.1e}: {case}"));
        }
        let most = self.most.entry(name.into()).or_default();
        if relative > most.0 {
            *most = (relative, self.case.clone());
        }
    }

    fn option(&mut self, name: &str, found: Option<f64>, expected: &Value) {
        match found {
            Some(found) => self.number(name, found, expected),
            None => assert!(expected.is_null(), "{name}: {}", self.case),
        }
    }

    fn interval(&mut self, name: &str, found: Interval, expected: &Value) {
        self.all(name, &[found.low, found.high], expected);
    }

    fn all(&mut self, name: &str, found: &[f64], expected: &Value) {
        assert_eq!(found.len(), array(expected).len(), "{name}: {}", self.case);
        for (found, expected) in found.iter().zip(array(expected)) {
            self.number(name, *found, expected);
        }
    }
}

fn pair(case: &Value) -> (Proportion, Proportion) {
    (proportion(&case["control"]), proportion(&case["variant"]))
}

fn proportion(value: &Value) -> Proportion {
    counts(whole(&value[0]), whole(&value[1]))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

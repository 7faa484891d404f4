//! Against what scipy, statsmodels, gbstats and mpmath compute: `fixtures/statistics`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lamed::domain::statistics::{
    Contrast, Interval, Looking, Proportion, TestMethod, Wanted, chance_to_win, chances_to_be_best,
    difference, expected_loss, holm, lift, one_look, participants_needed, sample_ratio, sequential,
};
use serde_json::Value;

use super::{NOTHING, counts, sums_to_one};

/// How far a result may be from the oracle's, relatively.
const AGREES: f64 = 1e-9;

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
            TestMethod::Z => "z",
            TestMethod::Fisher => "fisher",
            TestMethod::Welch => "welch",
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
fn comparisons_with_a_plan_agree() {
    each("planned", |case, off| {
        let (a, b) = pair(case);
        let looking = Looking::planned(float(&case["planned"]));
        let found = looking.compare(&Contrast::of_rates(a, b));
        assert_eq!(found.is_none(), case["p_value"].is_null(), "{case}");
        let Some(found) = found else { return };
        off.interval("interval", found.interval, &case["interval"]);
        off.number("p_value", found.p_value, &case["p_value"]);
        let lift = found.lift_interval;
        assert_eq!(lift.is_none(), case["lift_interval"].is_null(), "{case}");
        if let Some(lift) = lift {
            off.interval("lift_interval", lift, &case["lift_interval"]);
        }
    });
}

#[test]
fn advised_plans_agree() {
    each("plan_needed", |case, _| {
        let rate = |name: &str| float(&case[name]);
        let comparisons = usize::try_from(whole(&case["comparisons"])).unwrap();
        let (a, b) = (rate("control_rate"), rate("variant_rate"));
        let wanted = Wanted::rates(a, b, rate("control_share"), comparisons).unwrap();
        let found = wanted.plan().unwrap();
        let off = found.abs_diff(whole(&case["participants"])) as f64;
        assert!(off <= AGREES * found as f64, "{case}: {found}");
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
        let found = participants_needed(a, b, 1).unwrap();
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
    most: BTreeMap<String, (f64, String)>,
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

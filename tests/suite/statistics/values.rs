//! Goals with a value, against what scipy, gbstats and mpmath compute: `fixtures/statistics/values.py`.

use std::fs;
use std::path::Path;

use lamed::domain::Sums;
use lamed::domain::statistics::{Interval, Valued, difference_of_means, welch};
use serde_json::Value;

/// How far a result may be from the oracle's, relatively.
const AGREES: f64 = 1e-9;

fn valued(case: &Value) -> Valued {
    let number = |name: &str| case[name].as_str().unwrap().parse().unwrap();
    let sums = Sums {
        sum: number("sum"),
        squares: number("squares"),
    };
    Valued::new(case["participants"].as_u64().unwrap(), sums).unwrap()
}

fn agrees(name: &str, found: f64, expected: &Value, case: &Value) {
    let expected = expected.as_f64().unwrap();
    let off = (found - expected).abs();
    assert!(
        off <= AGREES * expected.abs() || expected.abs().max(found.abs()) < super::NOTHING,
        "{name}: {found:e}, not {expected:e}: {case}"
    );
}

/// Ends may lie near 0: in relation to the width.
fn interval_agrees(name: &str, found: Interval, expected: &Value, case: &Value) {
    let [low, high] = [0, 1].map(|end| expected[end].as_f64().unwrap());
    let most = AGREES * (high - low);
    assert!(
        (found.low - low).abs() <= most && (found.high - high).abs() <= most,
        "{name}: {found:?}: {case}"
    );
}

#[test]
fn means_and_their_comparisons_agree() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/statistics/values.json");
    let cases: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(cases.len() > 40);
    for case in &cases {
        let (a, b) = (valued(&case["of"][0]), valued(&case["of"][1]));
        for (place, side) in [a, b].into_iter().enumerate() {
            agrees("mean", side.mean(), &case["means"][place], case);
            agrees("variance", side.variance(), &case["variances"][place], case);
        }
        agrees(
            "difference",
            difference_of_means(a, b),
            &case["difference"],
            case,
        );
        let found = welch(a, b).unwrap();
        agrees("t", found.t, &case["t"], case);
        let degrees = &case["degrees_of_freedom"];
        agrees("degrees", found.degrees_of_freedom, degrees, case);
        agrees("p", found.p_value, &case["p_value"], case);
        interval_agrees("interval", found.interval, &case["interval"], case);
    }
}

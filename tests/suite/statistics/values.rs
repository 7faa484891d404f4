//! Goals with a value, against what scipy, gbstats and mpmath compute: `fixtures/statistics/values.py`.

use std::fs;
use std::path::Path;

use lamed::domain::results::{GoalKind, Results, VerdictKind, by_day};
use lamed::domain::statistics::{
    ALPHA, Contrast, Interval, Looking, Valued, difference_of_means, welch,
};
use lamed::domain::{
    Count, Day, DayCount, DaySums, Declared, EventKind, ExperimentCounts, Goal, GoalValue, Name,
    Sums, Value as Worth,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::support::name;

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
        let at_look = Looking::default()
            .compare(&Contrast::of_means(a, b))
            .unwrap();
        let expected = &case["sequential"];
        interval_agrees("at look", at_look.interval, &expected["interval"], case);
        agrees("p at look", at_look.p_value, &expected["p_value"], case);
    }
}

/// Orders of a day: (variant, participants, what each order is worth).
type Orders<'a> = (&'a str, u64, Vec<f64>);

fn declared(cap: f64) -> Declared {
    Declared {
        variants: vec![(name("blue"), 50), (name("red"), 50)],
        goals: vec![Goal {
            value: Some(GoalValue {
                unit: name("EUR"),
                cap,
            }),
            ..Goal::new(name("order"))
        }],
        ..Declared::new(name("e"))
    }
}

fn counted(days: &[Vec<Orders>]) -> (ExperimentCounts, Vec<DayCount>) {
    let (mut by_day, mut worth) = (Vec::new(), Vec::new());
    let order = || EventKind::Conversion(name("order"));
    for (number, orders) in days.iter().enumerate() {
        let day = Day::new(20_000 + i64::try_from(number).unwrap());
        for (variant, participants, values) in orders {
            let variant: Name = name(variant);
            let mut count = |kind, count| {
                let variant = variant.clone();
                by_day.push(DayCount {
                    day,
                    kind,
                    variant,
                    count,
                });
            };
            count(EventKind::Exposure, *participants);
            count(order(), values.len() as u64);
            let sums = values.iter().fold(Sums::default(), |sums, value| {
                let value = Worth::new(*value).unwrap();
                let (high, low) = value.square();
                sums.and(Sums::stored(value.units(), high, low))
            });
            worth.push(DaySums {
                day,
                goal: name("order"),
                variant,
                sums,
            });
        }
    }
    let counts = by_day.iter().map(|one| Count {
        kind: one.kind.clone(),
        variant: one.variant.clone(),
        count: one.count,
    });
    let mut counts = ExperimentCounts::new(name("e"), counts.collect::<Vec<_>>());
    counts.set_worth_by_day(worth);
    (counts, by_day)
}

#[test]
fn participants_are_compared_by_what_they_are_worth() {
    // As many orders of each; those of red are dearer.
    let day = |red: f64| vec![("blue", 500, vec![20.0; 50]), ("red", 500, vec![red; 50])];
    let (counts, days) = counted(&[day(20.0), day(60.0), day(60.0)]);
    let results = Results::of(&counts, &days, Some(&declared(100.0)), None);
    let goal = &results.goals[0];
    assert_eq!(goal.kind, GoalKind::Value);
    let red = &goal.variants[1];
    assert_eq!(
        (red.mean(), red.per_conversion()),
        (Some(14.0 / 3.0), Some(140.0 / 3.0))
    );
    let versus = red.versus_control.as_ref().unwrap();
    assert!((versus.lift.unwrap() - 4.0 / 3.0).abs() < 1e-12);
    assert!(versus.posterior().is_none());
    assert_eq!(goal.chances_to_be_best(), [None, None]);
    assert_eq!(
        results.verdict.kind,
        VerdictKind::Winner,
        "{}",
        results.verdict.text
    );
    assert_eq!(
        results.verdict.text,
        "red wins: 133 % more EUR per visitor from “order” (likely 62–233 %)"
    );

    // The last day is now.
    let by_day = by_day(&results, &counts, &days);
    let means: Vec<Vec<f64>> = (by_day.iter())
        .map(|day| {
            let of_goal = day.goals[0].1.iter();
            of_goal
                .map(|one| one.worth.unwrap().valued.unwrap().mean())
                .collect()
        })
        .collect();
    assert_eq!(means, [[2.0, 2.0], [2.0, 4.0], [2.0, 14.0 / 3.0]]);

    // Worth less is a loser; without values it is a rate; without `value` declared, too.
    let (counts, days) = counted(&[vec![
        ("blue", 600, vec![60.0; 110]),
        ("red", 600, vec![20.0; 110]),
    ]]);
    let results = Results::of(&counts, &days, Some(&declared(100.0)), None);
    let text = &results.verdict.text;
    assert_eq!(results.verdict.kind, VerdictKind::ControlBest, "{text}");
    assert!(
        text.starts_with("red loses: 67 % less EUR per visitor from “order”"),
        "{text}"
    );
    let bare = ExperimentCounts::new(counts.experiment.clone(), counts.all().to_vec());
    let results = Results::of(&bare, &days, Some(&declared(100.0)), None);
    assert_eq!(results.goals[0].kind, GoalKind::Proportion);
    let results = Results::of(&counts, &days, None, None);
    assert_eq!(results.goals[0].kind, GoalKind::Proportion);
}

/// Values of a lognormal shape with a heavy tail, capped: the interval of every look misses no difference in at most
/// 5 % of experiments (and two standard errors).
#[test]
fn looking_again_and_again_at_capped_values_finds_nothing_where_nothing_is() {
    const RUNS: u64 = 400;
    const LOOKS: u64 = 60;
    let mut random = StdRng::seed_from_u64(5);
    let mut normal = move || -> f64 {
        let (u, v): (f64, f64) = (random.random(), random.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let mut order = move |chance: f64| -> Option<Worth> {
        // One draw decides whether there is an order: Φ⁻¹ of 0.9 is 1.2816.
        (normal() > chance).then(|| Worth::new((40.0 * normal().exp()).min(500.0)).unwrap())
    };
    for planned in [None, Some((LOOKS * 100) as f64)] {
        let looking = planned.map_or_else(Looking::default, Looking::planned);
        let mut wrong = 0;
        for _ in 0..RUNS {
            let mut sides = [Sums::default(); 2];
            let mut participants = 0;
            wrong += u64::from((0..LOOKS).any(|_| {
                for sums in &mut sides {
                    for value in (0..50).filter_map(|_| order(1.2816)) {
                        let (high, low) = value.square();
                        *sums = sums.and(Sums::stored(value.units(), high, low));
                    }
                }
                participants += 50;
                let [a, b] = sides.map(|sums| Valued::new(participants, sums).unwrap());
                let p = looking.p_value(&Contrast::of_means(a, b));
                p.is_some_and(|p| p < ALPHA)
            }));
        }
        let most = RUNS as f64 * ALPHA + 2.0 * (RUNS as f64 * ALPHA * (1.0 - ALPHA)).sqrt();
        assert!((wrong as f64) <= most, "{planned:?}: {wrong} of {RUNS}");
        assert!(planned.is_none() || wrong > 0, "it never looks");
    }
}

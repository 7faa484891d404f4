//! Counts in, verdicts out.

use super::*;
use crate::domain::{Count, Day, DayCount, Goal, Kind, PARTICIPATE, Unit};

fn name(text: &str) -> Name {
    Name::stored(text.to_owned())
}

/// Counts as `(event, variant, count)`.
fn counts(counts: &[(&str, &str, u64)]) -> ExperimentCounts {
    let counts = (counts.iter()).map(|(event, variant, count)| Count {
        kind: Kind::from(name(event)),
        variant: name(variant),
        count: *count,
    });
    ExperimentCounts::new(name("e"), counts)
}

/// One goal `g`, as `(variant, participants, conversions)`.
fn one_goal(sides: &[(&str, u64, u64)]) -> ExperimentCounts {
    let events = sides
        .iter()
        .flat_map(|(variant, participants, conversions)| {
            [
                (PARTICIPATE, *variant, *participants),
                ("g", *variant, *conversions),
            ]
        });
    counts(&events.collect::<Vec<_>>())
}

fn declared(variants: &[(&str, u32)], goals: &[(&str, bool)], effect: Option<f64>) -> Declared {
    Declared {
        name: name("e"),
        control: None,
        variants: variants
            .iter()
            .map(|(variant, weight)| (name(variant), *weight))
            .collect(),
        goals: (goals.iter())
            .map(|(goal, unique)| Goal {
                name: name(goal),
                unique: *unique,
            })
            .collect(),
        minimum_effect: effect,
        unit: Unit::default(),
    }
}

fn verdict(counts: &ExperimentCounts, declared: Option<&Declared>) -> (VerdictKind, String) {
    let verdict = Results::of(counts, declared, None).verdict;
    (verdict.kind, verdict.text)
}

#[test]
fn every_kind_of_verdict() {
    use super::VerdictKind::*;
    let effect = declared(&[], &[], Some(0.1));
    let weights = declared(&[("a", 1), ("b", 1)], &[], None);
    let repeated = declared(&[], &[("g", false)], None);
    for (counts, declared, kind, text) in [
        (counts(&[]), None, NoParticipants, "no participants yet"),
        (
            counts(&[(PARTICIPATE, "a", 3)]),
            None,
            NoGoal,
            "no goal reached yet",
        ),
        (
            one_goal(&[("a", 100, 10)]),
            None,
            NoComparison,
            "one variant only: there is nothing to compare",
        ),
        (
            one_goal(&[("a", 100, 10), ("b", 100, 101)]),
            None,
            Count,
            "counts, not a proportion: there are more conversions than participants, so no rates are compared",
        ),
        (
            one_goal(&[("a", 100, 10), ("b", 0, 2)]),
            None,
            Count,
            "b has conversions but no participants, so no rates are compared: do its exposures arrive?",
        ),
        (
            one_goal(&[("a", 100, 10), ("b", 100, 9)]),
            Some(&repeated),
            Count,
            "counts, not a proportion: a visitor may convert more than once, so no rates are compared",
        ),
        (
            one_goal(&[("a", 100, 4), ("b", 90, 9)]),
            None,
            TooEarly,
            "too early: a verdict takes 30 participants and 5 conversions of each variant",
        ),
        (
            one_goal(&[("a", 29, 20), ("b", 29, 20)]),
            None,
            TooEarly,
            "too early: a verdict takes 30 participants and 5 conversions of each variant",
        ),
        (
            one_goal(&[("a", 10_000, 500), ("b", 10_000, 650)]),
            None,
            Winner,
            "b is better than a: +30 % (9 to 56), safe to stop",
        ),
        (
            one_goal(&[("a", 10_000, 650), ("b", 10_000, 500)]),
            None,
            ControlBest,
            "a, the control, is the best: b −23 % (−36 to −8), safe to stop",
        ),
        // No conversion at all is a result, where there should be many.
        (
            one_goal(&[("a", 5000, 300), ("b", 5000, 0)]),
            None,
            ControlBest,
            "a, the control, is the best: b −6.0 points (−7.0 to −5.0), safe to stop",
        ),
        (
            one_goal(&[("a", 10_000, 650), ("b", 10_000, 500), ("c", 10_000, 655)]),
            None,
            Loser,
            "worse than a: b −23 % (−36 to −8); the others are still open",
        ),
        (
            one_goal(&[("a", 10_000, 500), ("b", 10_000, 650), ("c", 10_000, 700)]),
            None,
            Winner,
            "c is better than a: +40 % (17 to 68), safe to stop; better, too: b",
        ),
        (
            one_goal(&[("a", 1000, 100), ("b", 1000, 130)]),
            None,
            KeepGoing,
            "keep going: about 2,500 more participants a variant, if the effect is as it looks now",
        ),
        (
            one_goal(&[("a", 1000, 100), ("b", 1000, 100)]),
            Some(&effect),
            KeepGoing,
            "keep going: no difference to be seen so far; about 31,000 would show the smallest effect \
             declared",
        ),
        (
            one_goal(&[("a", 1_000_000, 100_000), ("b", 1_000_000, 100_100)]),
            Some(&effect),
            Equivalent,
            "no difference of 10 % or more: safe to stop",
        ),
        (
            one_goal(&[("a", 5000, 500), ("b", 5500, 800)]),
            Some(&weights),
            SampleRatio,
            "the sample ratio is off: b has 5,500 participants where its weight expects 5,250; find out \
             why before you trust any result",
        ),
    ] {
        assert_eq!(
            verdict(&counts, declared),
            (kind, text.to_owned()),
            "{counts:?}"
        );
    }
}

#[test]
fn a_verdict_of_several_goals_names_the_first_that_is_a_proportion() {
    let events = [
        (PARTICIPATE, "a", 10_000),
        (PARTICIPATE, "b", 10_000),
        ("viewed", "a", 90_000),
        ("bought", "a", 500),
        ("bought", "b", 650),
    ];
    let (kind, text) = verdict(&counts(&events), None);
    assert_eq!(kind, VerdictKind::Winner);
    assert_eq!(
        text,
        "bought: b is better than a: +30 % (9 to 56), safe to stop"
    );
    // Declared goals come first, in their order, reached or not.
    let declared = declared(&[], &[("signed up", true), ("bought", true)], None);
    let results = Results::of(&counts(&events), Some(&declared), None);
    let goals: Vec<&str> = results
        .goals
        .iter()
        .map(|goal| goal.goal.as_str())
        .collect();
    assert_eq!(goals, ["signed up", "bought", "viewed"]);
    assert_eq!(results.verdict.kind, VerdictKind::TooEarly);
}

#[test]
fn what_is_not_declared_is_shown_and_not_compared() {
    let counts = one_goal(&[("a", 100, 10), ("b", 100, 10), ("junk", 0, 3)]);
    let declared = declared(&[("a", 1), ("b", 1), ("off", 0)], &[], None);
    let results = Results::of(&counts, Some(&declared), Some(&name("junk")));
    assert_eq!(results.control, Some(name("a")));
    let goal = &results.goals[0];
    assert_eq!(goal.kind, GoalKind::Proportion);
    let shown: Vec<(&str, u64, Option<f64>, bool)> = (goal.variants.iter())
        .map(|v| {
            (
                v.variant.as_str(),
                v.conversions,
                v.rate(),
                v.versus_control.is_some(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a", 10, Some(0.1), false),
            ("b", 10, Some(0.1), true),
            ("junk", 3, None, false),
            ("off", 0, None, false),
        ]
    );
    // Without a declaration the same junk makes the goal a count, which is shown for what it is.
    let results = Results::of(&counts, None, None);
    assert_eq!(results.goals[0].kind, GoalKind::Count);
}

#[test]
fn the_control_is_the_wish_then_the_declared_then_the_first() {
    let counts = one_goal(&[("a", 1, 0), ("b", 1, 0), ("c", 1, 0)]);
    let mut declared = declared(&[], &[], None);
    declared.control = Some(name("c"));
    let control = |declared, wish: &str| {
        let wish = name(wish);
        let results = Results::of(&counts, declared, Some(&wish));
        results.control.map(|control| control.to_string())
    };
    assert_eq!(control(Some(&declared), "b").as_deref(), Some("b"));
    assert_eq!(control(Some(&declared), "none").as_deref(), Some("c"));
    assert_eq!(control(None, "none").as_deref(), Some("a"));
}

#[test]
fn holm_is_over_all_comparisons_of_the_experiment() {
    let sides = [("a", 10_000, 500), ("b", 10_000, 600)];
    let alone = Results::of(&one_goal(&sides), None, None);
    let p = |results: &Results| {
        let comparison = results.goals[0].variants[1]
            .versus_control
            .as_ref()
            .unwrap();
        (
            comparison.sequential.as_ref().unwrap().p_value,
            comparison.p_holm.unwrap(),
        )
    };
    let (sequential, holm) = p(&alone);
    assert_eq!(sequential, holm);
    // A second goal that cannot be tested yet takes its place all the same.
    let declared = declared(&[], &[("g", true), ("h", true)], None);
    let (same, doubled) = p(&Results::of(&one_goal(&sides), Some(&declared), None));
    assert_eq!((same, doubled), (sequential, 2.0 * sequential));
}

#[test]
fn days_end_where_the_counts_are() {
    let counts = one_goal(&[("a", 100, 10), ("b", 90, 9)]);
    let results = Results::of(&counts, None, None);
    let day = |day, event: &str, count| DayCount {
        day: Day::new(day),
        kind: Kind::from(name(event)),
        variant: name("a"),
        count,
    };
    // 40 participants and 2 conversions were counted by what keeps no days.
    let counted = [
        day(1, PARTICIPATE, 40),
        day(1, "g", 5),
        day(3, PARTICIPATE, 20),
        day(3, "g", 3),
    ];
    let days = by_day(&results, &counted);
    let shown: Vec<_> = (days.iter())
        .map(|day| {
            let [a, b] = &day.goals[0].1[..] else {
                panic!()
            };
            let of_day = (day.participants[0].1, a.conversions);
            (day.day.to_string(), of_day, a.rate, b.rate)
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "1970-01-02".to_owned(),
                (40, 5),
                Some(7.0 / 80.0),
                Some(0.1)
            ),
            ("1970-01-04".to_owned(), (20, 3), Some(0.1), Some(0.1)),
        ]
    );
}

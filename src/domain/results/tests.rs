//! Counts in, verdicts out.

mod days;
mod plans;
mod undeclared;

use super::*;
use crate::domain::{Better, Count, Day, DayCount, EventKind, Goal, PARTICIPATE};

fn name(text: &str) -> Name {
    Name::stored(text.to_owned())
}

/// Counts as `(event, variant, count)`.
fn counts(counts: &[(&str, &str, u64)]) -> ExperimentCounts {
    let counts = (counts.iter()).map(|(event, variant, count)| Count {
        kind: EventKind::from(name(event)),
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
        variants: variants
            .iter()
            .map(|(variant, weight)| (name(variant), *weight))
            .collect(),
        goals: (goals.iter())
            .map(|(goal, unique)| Goal {
                unique: *unique,
                ..Goal::new(name(goal))
            })
            .collect(),
        minimum_effect: effect,
        ..Declared::new(name("e"))
    }
}

fn verdict(counts: &ExperimentCounts, declared: Option<&Declared>) -> (VerdictKind, String) {
    let verdict = Results::of(counts, &[], declared, None).verdict;
    (verdict.kind, verdict.text)
}

#[test]
fn errors_of_pages_are_no_goal() {
    let counts = counts(&[
        (PARTICIPATE, "a", 100),
        (PARTICIPATE, "b", 100),
        ("$error", "b", 90),
        ("g", "a", 10),
    ]);
    let results = Results::of(&counts, &[], None, None);
    let goals: Vec<&str> = results
        .goals
        .iter()
        .map(|goal| goal.goal.as_str())
        .collect();
    assert_eq!(goals, ["g"]);
}

#[test]
fn every_kind_of_verdict() {
    use super::VerdictKind::*;
    let effect = declared(&[], &[], Some(0.1));
    let weights = declared(&[("a", 1), ("b", 1)], &[], None);
    let repeated = declared(&[], &[("g", false)], None);
    let once = declared(&[], &[("g", true)], None);
    let two = declared(&[], &[("sign up", true), ("paid", true)], None);
    let misspelled = [
        (PARTICIPATE, "a", 6000),
        (PARTICIPATE, "b", 6000),
        ("Sign-up", "a", 300),
        ("paid", "a", 100),
        ("paid", "b", 100),
    ];
    for (counts, declared, kind, text) in [
        (
            one_goal(&[("a", 100, 10), ("b", 90, 101)]),
            Some(&once),
            TooManyConversions,
            "b has 101 conversions but only 90 visitors, and the goal counts once per visitor. Do not use the results \
             until you know why",
        ),
        (
            counts(&misspelled),
            Some(&two),
            GoalMissing,
            "sign up: No conversions of 12,000 visitors: check that your pages send this goal. The goal `Sign-up` \
             arrives, but it is not declared",
        ),
        (
            counts(&misspelled[..2]),
            Some(&once),
            GoalMissing,
            "No conversions of 12,000 visitors: check that your pages send this goal",
        ),
        (
            one_goal(&[("a", 4999, 0), ("b", 5000, 0)]),
            Some(&once),
            TooEarly,
            "Too early: each variant needs 30 visitors and 5 conversions",
        ),
        (counts(&[]), None, NoParticipants, "No visitors yet"),
        (
            counts(&[(PARTICIPATE, "a", 3)]),
            None,
            NoGoal,
            "No conversions yet",
        ),
        (
            one_goal(&[("a", 100, 10)]),
            None,
            NoComparison,
            "Only one variant so far: nothing to compare yet",
        ),
        (
            one_goal(&[("a", 100, 10), ("b", 100, 101)]),
            None,
            Count,
            "Some visitors did this more than once: averages shown, no winner chosen",
        ),
        (
            one_goal(&[("a", 100, 10), ("b", 0, 2)]),
            None,
            Count,
            "b has conversions but no visitors: no winner chosen. Check that your pages count the visitors of b",
        ),
        (
            one_goal(&[("a", 100, 10), ("b", 100, 9)]),
            Some(&repeated),
            Count,
            "A visitor can do this more than once: averages shown, no winner chosen",
        ),
        (
            one_goal(&[("a", 100, 4), ("b", 90, 9)]),
            None,
            TooEarly,
            "Too early: each variant needs 30 visitors and 5 conversions",
        ),
        (
            one_goal(&[("a", 29, 20), ("b", 29, 20)]),
            None,
            TooEarly,
            "Too early: each variant needs 30 visitors and 5 conversions",
        ),
        (
            one_goal(&[("a", 10_000, 500), ("b", 10_000, 650)]),
            None,
            Winner,
            "b wins: 30 % more “g” (likely 9–56 %). You can ship it",
        ),
        (
            one_goal(&[("a", 10_000, 650), ("b", 10_000, 500)]),
            None,
            ControlBest,
            "b loses: 23 % fewer “g” (likely 8–36 %). Keep a. You can stop",
        ),
        // No conversion at all is a result, where there should be many.
        (
            one_goal(&[("a", 5000, 300), ("b", 5000, 0)]),
            None,
            ControlBest,
            "b loses: 6.0 percentage points fewer “g” (likely 5.0–7.0 points). Keep a. You can stop",
        ),
        (
            one_goal(&[("a", 10_000, 650), ("b", 10_000, 500), ("c", 10_000, 655)]),
            None,
            Loser,
            "b loses: 23 % fewer “g” (likely 8–36 %). The other variants are not decided yet",
        ),
        (
            one_goal(&[("a", 10_000, 500), ("b", 10_000, 650), ("c", 10_000, 700)]),
            None,
            Winner,
            "c wins: 40 % more “g” (likely 17–68 %). You can ship it. b is also better than a",
        ),
        // A name of several words is told apart from the sentence.
        (
            one_goal(&[
                ("as before", 10_000, 500),
                ("with reason", 10_000, 650),
                ("with video", 10_000, 700),
            ]),
            None,
            Winner,
            "“with video” wins: 40 % more “g” (likely 17–68 %). You can ship it. “with reason” is also better than \
             “as before”",
        ),
        (
            one_goal(&[("a", 1000, 100), ("b", 1000, 130)]),
            None,
            KeepGoing,
            "Not decided yet. If b stays this far ahead: about 2,500 more visitors per variant",
        ),
        (
            one_goal(&[("a", 1000, 100), ("b", 1000, 100)]),
            Some(&effect),
            KeepGoing,
            "Not decided yet. No clear difference so far. For a change of 10 %: about 31,000 more visitors per variant",
        ),
        (
            one_goal(&[("a", 1_000_000, 100_000), ("b", 1_000_000, 100_100)]),
            Some(&effect),
            Equivalent,
            "A change of 10 % or more is ruled out. You can stop",
        ),
        (
            one_goal(&[("a", 5000, 500), ("b", 5500, 800)]),
            Some(&weights),
            SampleRatio,
            "Visitors are split unevenly: 5,500 instead of about 5,250 saw “b”. Do not use the results until you know why",
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
        "b wins: 30 % more “bought” (likely 9–56 %). You can ship it"
    );
    // Declared goals come first, in their order, reached or not.
    let declared = declared(&[], &[("signed up", true), ("bought", true)], None);
    let results = Results::of(&counts(&events), &[], Some(&declared), None);
    let goals: Vec<&str> = results
        .goals
        .iter()
        .map(|goal| goal.goal.as_str())
        .collect();
    assert_eq!(goals, ["signed up", "bought", "viewed"]);
    assert_eq!(results.verdict.kind, VerdictKind::GoalMissing);
}

#[test]
fn the_control_is_the_wish_then_the_declared_then_the_first() {
    let counts = one_goal(&[("a", 1, 0), ("b", 1, 0), ("c", 1, 0)]);
    let mut declared = declared(&[], &[], None);
    declared.control = Some(name("c"));
    let control = |declared, wish: &str| {
        let wish = name(wish);
        let results = Results::of(&counts, &[], declared, Some(&wish));
        results.control.map(|control| control.to_string())
    };
    assert_eq!(control(Some(&declared), "b").as_deref(), Some("b"));
    assert_eq!(control(Some(&declared), "none").as_deref(), Some("c"));
    assert_eq!(control(None, "none").as_deref(), Some("a"));
}

#[test]
fn holm_is_over_all_comparisons_of_the_experiment() {
    let sides = [("a", 10_000, 500), ("b", 10_000, 600)];
    let alone = Results::of(&one_goal(&sides), &[], None, None);
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
    let (same, doubled) = p(&Results::of(&one_goal(&sides), &[], Some(&declared), None));
    assert_eq!((same, doubled), (sequential, 2.0 * sequential));
}

/// A goal as one whose rate should be low.
fn lower(sides: &[(&str, u64, u64)]) -> Results {
    let mut declared = declared(&[], &[("g", true)], Some(0.1));
    declared.goals[0].better = Better::Lower;
    Results::of(&one_goal(sides), &[], Some(&declared), None)
}

#[test]
fn of_a_goal_where_less_is_better_the_lower_rate_wins() {
    let text = |results: &Results| (results.verdict.kind, results.verdict.text.clone());
    assert_eq!(
        text(&lower(&[("a", 10_000, 300), ("b", 10_000, 600)])),
        (
            VerdictKind::ControlBest,
            "b loses: 100 % more “g” (likely 62–151 %; fewer is better). Keep a. You can stop"
                .to_owned()
        )
    );
    let results = lower(&[("a", 10_000, 600), ("b", 10_000, 300), ("c", 10_000, 250)]);
    assert_eq!(
        text(&results),
        (
            VerdictKind::Winner,
            "c wins: 58 % fewer “g” (likely 48–67 %; fewer is better). You can ship it. b is also better than a"
                .to_owned()
        )
    );
    let decided: Vec<_> = results
        .decided()
        .map(|(_, variant, how)| (variant.as_str(), how))
        .collect();
    assert_eq!(decided, [("b", Outcome::Better), ("c", Outcome::Better)]);
    // The same as of those who did not reach it.
    let mirrored = Results::of(
        &one_goal(&[
            ("a", 10_000, 9400),
            ("b", 10_000, 9700),
            ("c", 10_000, 9750),
        ]),
        &[],
        None,
        None,
    );
    let chances = |results: &Results| {
        let goal = &results.goals[0];
        let versus = goal.variants[1].versus_control.as_ref().unwrap();
        (versus.posterior().unwrap(), goal.chances_to_be_best())
    };
    assert_eq!(chances(&results), chances(&mirrored));
    assert!(chances(&results).0.chance_to_win > 0.99);
    let pairs = results.goals[0].pairs(&results.principal());
    let found: Vec<_> = (pairs.iter())
        .map(|pair| {
            (
                pair.variant.as_str(),
                pair.versus.as_str(),
                pair.comparison.outcome(),
            )
        })
        .collect();
    assert_eq!(
        found[..2],
        [
            ("b", "a", Some(Outcome::Better)),
            ("a", "b", Some(Outcome::Worse))
        ]
    );
}

/// A day's counts of one variant.
fn of_day(day: i64, variant: &str, participants: u64, conversions: u64) -> [DayCount; 2] {
    [(PARTICIPATE, participants), ("g", conversions)].map(|(event, count)| DayCount {
        day: Day::new(day),
        kind: EventKind::from(name(event)),
        variant: name(variant),
        count,
    })
}

//! Counts in, verdicts out.

mod plans;

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
            "There are more conversions than visitors: averages shown, no winner chosen",
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
            "Visitors are split unevenly: 5,500 instead of about 5,250 saw b. Do not use the results until you know why",
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
fn what_is_not_declared_is_shown_and_not_compared() {
    let counts = one_goal(&[("a", 100, 10), ("b", 100, 10), ("junk", 0, 3)]);
    let declared = declared(&[("a", 1), ("b", 1), ("off", 0)], &[], None);
    let results = Results::of(&counts, &[], Some(&declared), Some(&name("junk")));
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
    let results = Results::of(&counts, &[], None, None);
    assert_eq!(results.goals[0].kind, GoalKind::Count);
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

#[test]
fn days_end_where_the_counts_are() {
    let counts = one_goal(&[("a", 100, 10), ("b", 90, 9)]);
    let results = Results::of(&counts, &[], None, None);
    let day = |day, event: &str, count| DayCount {
        day: Day::new(day),
        kind: EventKind::from(name(event)),
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
    let days = by_day(&results, &counts, &counted);
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

/// Each verdict that needs no more visitors says when to act on it: now, or after a full week.
#[test]
fn a_verdict_of_the_first_week_waits_for_its_end() {
    let effect = declared(&[("a", 1), ("b", 1)], &[("g", true)], Some(0.1));
    for (conversions, text) in [
        (100_100, "A change of 10 % or more is ruled out"),
        (90_500, "b loses: 9.5 % fewer “g”"),
        (109_500, "b wins: 9.5 % more “g”"),
    ] {
        let counts = one_goal(&[("a", 1_000_000, 100_000), ("b", 1_000_000, conversions)]);
        let days = [
            of_day(20_788, "a", 1_000_000, 100_000),
            of_day(20_788, "b", 1_000_000, conversions),
        ]
        .concat();
        let Verdict { text: all, .. } = Results::of(&counts, &[], Some(&effect), None).verdict;
        assert!(all.starts_with(text) && all.contains("You can "), "{all}");
        let Verdict {
            text: one, steps, ..
        } = Results::of(&counts, &days, Some(&effect), None).verdict;
        assert!(one.starts_with(text) && !one.contains("You can "), "{one}");
        assert_eq!(
            steps,
            [
                "Wait for a full week: only 1 day is counted so far, and visitors of weekdays and weekends differ."
            ]
        );
    }
}

#[test]
fn a_verdict_reached_at_the_end_of_a_day_stands() {
    // 2026-12-01 is the day 20,788. Before it, 1,000 of each were counted by what keeps no days.
    let days = [
        of_day(20_788, "a", 4000, 150),
        of_day(20_788, "b", 4000, 160),
        of_day(20_790, "a", 5000, 250),
        of_day(20_790, "b", 5000, 400),
        of_day(20_791, "a", 5000, 400),
        of_day(20_791, "b", 5000, 330),
    ]
    .concat();
    let counts = one_goal(&[("a", 15_000, 850), ("b", 15_000, 940)]);
    let without = Results::of(&counts, &[], None, None);
    assert_eq!(without.verdict.kind, VerdictKind::KeepGoing);
    let results = Results::of(&counts, &days, None, None);
    assert_eq!(
        (results.verdict.kind, results.verdict.text.as_str()),
        (
            VerdictKind::Winner,
            "b wins: 11 % more “g” (likely −4 to +28 %). Decided on 3 Dec; less clear since"
        )
    );
    let versus = results.goals[0].variants[1]
        .versus_control
        .as_ref()
        .unwrap();
    let decision = Decision {
        outcome: Outcome::Better,
        day: Some(Day::new(20_790)),
        faded: true,
    };
    assert_eq!(versus.decision, Some(decision));
    // By hand: 10,000 of each, 450 against 610.
    let then = Results::of(
        &one_goal(&[("a", 10_000, 450), ("b", 10_000, 610)]),
        &[],
        None,
        None,
    );
    let then = then.goals[0].variants[1].versus_control.as_ref().unwrap();
    let p_value = then.sequential.as_ref().unwrap().p_value;
    assert_eq!(
        (versus.running_p_value(), versus.p_holm),
        (Some(p_value), Some(p_value))
    );
    assert!(versus.sequential.as_ref().unwrap().p_value > 0.05);

    // What was crossed within the day of now is of today; what is gone by its end leaves no trace.
    let today = Results::of(
        &one_goal(&[("a", 10_000, 450), ("b", 10_000, 610)]),
        &days[..8],
        None,
        None,
    );
    let versus = today.goals[0].variants[1].versus_control.as_ref().unwrap();
    assert_eq!(
        versus.decision.map(|one| (one.day, one.faded)),
        Some((Some(Day::new(20_790)), false))
    );
    let merged: Vec<DayCount> = [
        of_day(20_790, "a", 14_000, 800),
        of_day(20_790, "b", 14_000, 890),
    ]
    .concat();
    let merged = Results::of(&counts, &merged, None, None);
    assert_eq!(merged.verdict.kind, VerdictKind::KeepGoing);

    // Days with too few to judge by decide nothing, however clear they look.
    let few = [
        of_day(20_788, "a", 25, 0),
        of_day(20_788, "b", 25, 24),
        of_day(20_790, "a", 2975, 300),
        of_day(20_790, "b", 2975, 300),
    ]
    .concat();
    let few = Results::of(
        &one_goal(&[("a", 3000, 300), ("b", 3000, 324)]),
        &few,
        None,
        None,
    );
    assert_eq!(few.verdict.kind, VerdictKind::KeepGoing);
}

#[test]
fn what_strangers_sent_is_summed_up() {
    let junk: Vec<String> = (0..2000).map(|number| format!("junk {number}")).collect();
    let mut events = vec![
        (PARTICIPATE, "a", 5000),
        (PARTICIPATE, "b", 5000),
        ("g", "a", 500),
        ("g", "b", 700),
    ];
    for name in &junk {
        events.extend([
            (PARTICIPATE, name.as_str(), 1),
            ("g", name, 1),
            (name, "a", 1),
        ]);
    }
    let counts = counts(&events);
    for (declared, shown, kind) in [
        (None, SHOWN_VARIANTS, VerdictKind::SampleRatio),
        (
            Some(declared(&[("a", 1), ("b", 1)], &[("g", true)], None)),
            SHOWN_VARIANTS + 2,
            VerdictKind::Winner,
        ),
    ] {
        let results = Results::of(&counts, &[], declared.as_ref(), None);
        let left = 2002 - shown;
        assert_eq!(
            (results.verdict.kind, results.variants.len()),
            (kind, shown)
        );
        let goals = SHOWN_GOALS + usize::from(declared.is_some());
        let others = Others {
            variants: left,
            participants: left as u64,
            goals: 2001 - goals,
            conversions: (2001 - goals) as u64,
        };
        assert_eq!((results.goals.len(), results.others), (goals, others));
        assert_eq!(results.participants(), 12_000);
        let goal = results
            .goals
            .iter()
            .find(|goal| goal.goal.as_str() == "g")
            .unwrap();
        assert_eq!(goal.other_conversions, left as u64);
        let paired = if declared.is_some() { 2 } else { SHOWN_PAIRED };
        assert_eq!(
            goal.pairs(&results.principal()).len(),
            paired * (paired - 1)
        );
    }
    // What is asked for is shown, however small.
    let wish = name("junk 1999");
    let results = Results::of(&counts, &[], None, Some(&wish));
    assert_eq!(results.control, Some(wish));
}

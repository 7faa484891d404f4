//! Verdicts at the end of days.

use super::*;

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

//! Plans, forecasts, and what to do.

use super::*;

/// The same counts on each of so many days, from 1 Dec 2026, and a part of them today.
fn days(number: i64, each: &[(&str, u64, u64)], today: &[(&str, u64, u64)]) -> Vec<DayCount> {
    let of = |day: i64, sides: &[(&str, u64, u64)]| -> Vec<DayCount> {
        let sides = sides.iter();
        sides
            .flat_map(|(variant, n, x)| of_day(20_788 + day, variant, *n, *x))
            .collect()
    };
    let mut days: Vec<DayCount> = (0..number).flat_map(|day| of(day, each)).collect();
    days.extend(of(number, today));
    days
}

/// What all days have together.
fn total(days: &[DayCount]) -> ExperimentCounts {
    let counts = days.iter().map(|day| Count {
        kind: day.kind.clone(),
        variant: day.variant.clone(),
        count: day.count,
    });
    ExperimentCounts::new(name("e"), counts)
}

fn planned(participants: u64) -> Declared {
    Declared {
        planned_participants: Some(participants),
        ..declared(&[("a", 1), ("b", 1)], &[("g", true)], None)
    }
}

fn results(days: &[DayCount], declared: &Declared) -> Results {
    Results::of(&total(days), days, Some(declared), None)
}

fn versus(results: &Results) -> &Comparison {
    results.goals[0].variants[1]
        .versus_control
        .as_ref()
        .unwrap()
}

#[test]
fn a_plan_decides_sooner_and_what_it_decided_stands() {
    let each = [("a", 500, 25), ("b", 500, 30)];
    let complete = days(29, &each, &each);
    let without = declared(&[("a", 1), ("b", 1)], &[("g", true)], None);
    let plain = results(&complete, &without);
    assert_eq!(plain.verdict.kind, VerdictKind::Winner);
    let plan = results(&complete, &planned(30_000));
    let day = |results: &Results| versus(results).decision.unwrap().day.unwrap();
    // By hand: |z| ≥ 2.2818·√(30,000/N) with z = 0.01·√(N/4)/√(0.055·0.945), so from N·0.01/√(4·0.051975) ≥
    // 2.2818·√30,000 on, which is N ≥ 18,021: at the end of day 19.
    assert_eq!(day(&plan), Day::new(20_788 + 18));
    assert!(day(&plain) > day(&plan), "{}", day(&plain));
    assert_eq!(
        plan.plan,
        Some(Plan {
            planned: 30_000,
            participants: 30_000
        })
    );
    // The interval is of now, and narrower than without a plan.
    let width = |results: &Results| {
        let interval = versus(results).sequential.unwrap().interval;
        interval.high - interval.low
    };
    assert!(width(&plan) < width(&plain));

    // After the plan the sequence is left, which would not decide it; that the difference is as clear as it was is
    // seen all the same.
    let late = days(40, &each, &each);
    let plan = planned(30_000);
    let decision = |results: &Results| versus(results).decision;
    let late = results(&late, &plan);
    assert_eq!(decision(&late).map(|one| one.faded), Some(false));
    // The boundary at which the plan ended was passed, the sequence at a tenth of the level was not.
    let sides = [("a", 500, 25), ("b", 500, 29)];
    let passed = results(&days(31, &sides, &sides), &plan);
    assert!(versus(&passed).sequential.unwrap().p_value > 0.05);
    assert_eq!(decision(&passed).map(|one| one.faded), Some(false));
    assert!(
        !passed.verdict.text.contains("less clear"),
        "{}",
        passed.verdict.text
    );
}

#[test]
fn a_plan_is_of_the_declared_shares() {
    // A tenth of the visitors, so a plan of 10,000 has (1 + 4)/10 of them for a and b, whoever has come.
    let weights = [("a", 4), ("b", 1), ("c", 5)];
    let declared = Declared {
        planned_participants: Some(24_000),
        ..declared(&weights, &[("g", true)], None)
    };
    let counts = |n: u64| one_goal(&[("a", 4 * n, n / 5), ("b", n, n / 12), ("c", 5 * n, n / 4)]);
    let interval = |n: u64| {
        let results = Results::of(&counts(n), &[], Some(&declared), None);
        let sequential = versus(&results).sequential.unwrap();
        sequential.interval.high - sequential.interval.low
    };
    // Until 12,000 of a and b have come; then it is the sequence alone.
    assert!(interval(2412) > interval(2400));
    // Not declared, or without a weight: nothing is planned.
    for control in ["a", "b"] {
        let junk = one_goal(&[("a", 900, 90), ("b", 900, 99)]);
        let off = Declared {
            planned_participants: Some(2000),
            ..super::declared(&[("a", 1), ("b", 0)], &[("g", true)], None)
        };
        let planned = Results::of(&junk, &[], Some(&off), Some(&name(control)));
        let plain = Declared {
            planned_participants: None,
            ..off
        };
        let plain = Results::of(&junk, &[], Some(&plain), Some(&name(control)));
        let interval = |results: &Results| {
            let mut variants = results.goals[0].variants.iter();
            variants
                .find_map(|one| one.versus_control.as_ref()?.sequential)
                .map(|s| s.interval)
        };
        assert!(interval(&planned).is_some());
        assert_eq!(interval(&planned), interval(&plain));
    }
}

#[test]
fn how_long_it_takes_is_said_in_days() {
    let each = [("a", 255, 26), ("b", 255, 33)];
    let plain = declared(&[("a", 1), ("b", 1)], &[("g", true)], None);
    let found = results(&days(4, &each, &[("a", 100, 10), ("b", 100, 13)]), &plain);
    assert_eq!(
        found.verdict.text,
        "Not decided yet. If b stays this far ahead: about 3,000 more visitors per variant, 12 days at your 510 \
         visitors a day"
    );
    assert_eq!(
        found.forecast,
        Some(Forecast {
            participants_per_day: Some(510),
            days: Some(12),
            participants_per_variant: Some(2911),
        })
    );
    // Begun on 1 Dec, it would end on 17 Dec: the third week ends on the 21st.
    assert_eq!(
        found.verdict.steps,
        [
            "Stop after full weeks, at the end of 21 Dec or later: visitors of weekdays and weekends differ."
        ]
    );
    // One day says nothing of a full one; a first day beside today has to do.
    let first = results(&days(0, &[], &each), &plain);
    assert_eq!(first.forecast.unwrap().participants_per_day, None);
    let second = results(&days(1, &each, &each), &plain);
    assert_eq!(second.forecast.unwrap().participants_per_day, Some(510));
    // Only the last seven full days count, also those on which nobody came.
    let mut gone = days(9, &each, &[]);
    gone.extend(of_day(20_788 + 14, "a", 10, 1));
    let gone = results(&gone, &plain);
    assert_eq!(gone.participants_per_day, Some(510.0 * 2.0 / 7.0));
}

#[test]
fn a_plan_that_is_on_its_way_says_how_far_it_is() {
    let each = [("a", 500, 50), ("b", 500, 51)];
    let found = results(&days(4, &each, &each), &planned(30_000));
    assert_eq!(
        found.verdict.text,
        "Not decided yet: 5,000 of 30,000 planned visitors so far. To complete the plan: about 13,000 more visitors \
         per variant, 25 days at your 1,000 visitors a day"
    );
    let forecast = found.forecast.unwrap();
    assert_eq!(
        (forecast.days, forecast.participants_per_variant),
        (Some(25), Some(12_500))
    );
    assert!((found.plan.unwrap().share() - 1.0 / 6.0).abs() < 1e-12);
    let ahead = [("a", 500, 50), ("b", 500, 60)];
    let found = results(&days(4, &ahead, &ahead), &planned(30_000));
    let text = "Not decided yet: 5,000 of 30,000 planned visitors so far. If b stays this far ahead: about ";
    assert!(
        found.verdict.text.starts_with(text),
        "{}",
        found.verdict.text
    );
    assert!(found.forecast.unwrap().days.unwrap() < 25);
    // All are there.
    let found = results(&days(29, &each, &each), &planned(30_000));
    assert_eq!(
        (found.verdict.kind, found.verdict.text.as_str()),
        (
            VerdictKind::Undecidable,
            "No clear difference after the planned 30,000 visitors. You can stop"
        )
    );
}

#[test]
fn what_would_take_years_is_said() {
    let each = [("a", 100, 10), ("b", 100, 10)];
    let small = declared(&[("a", 1), ("b", 1)], &[("g", true)], Some(0.01));
    let found = results(&days(59, &each, &each), &small);
    assert_eq!(
        (found.verdict.kind, found.verdict.text.as_str()),
        (
            VerdictKind::Undecidable,
            "Not decidable with this traffic for a change of 1 %: about 4,200,000 more visitors per variant, 113 years"
        )
    );
    assert_eq!(found.verdict.steps.len(), 2);
    // After a week the effect may be larger than it looks.
    let early = results(&days(6, &each, &each), &small);
    assert_eq!(early.verdict.kind, VerdictKind::KeepGoing);
    // An effect worth having shows within a year: that is waited for.
    let large = declared(&[("a", 1), ("b", 1)], &[("g", true)], Some(0.2));
    let wait = results(&days(20, &each, &each), &large);
    assert_eq!(wait.verdict.kind, VerdictKind::KeepGoing);
    assert!(
        wait.verdict.text.starts_with(
            "Not decided yet. No clear difference so far. For a change of 20 %: about "
        ),
        "{}",
        wait.verdict.text
    );
    // Without traffic nothing is known of time.
    let counts = total(&days(59, &each, &each));
    let unknown = Results::of(&counts, &[], Some(&small), None);
    assert_eq!(unknown.verdict.kind, VerdictKind::KeepGoing);
    assert_eq!(unknown.forecast.unwrap().days, None);
}

#[test]
fn an_improvement_worth_having_is_ruled_out() {
    let sides = [("a", 100_000, 10_000), ("b", 100_000, 9850)];
    let verdict = |better, effect| {
        let mut declared = declared(&[("a", 1), ("b", 1)], &[("g", true)], Some(effect));
        declared.goals[0].better = better;
        let verdict = Results::of(&one_goal(&sides), &[], Some(&declared), None).verdict;
        (verdict.kind, verdict.text)
    };
    // The lift is between −6 and +3 %.
    let (kind, text) = verdict(Better::Higher, 0.04);
    assert_eq!(kind, VerdictKind::RuledOut);
    assert_eq!(
        text,
        "An improvement of 4 % or more is ruled out. Keep a. You can stop"
    );
    assert_eq!(verdict(Better::Lower, 0.04).0, VerdictKind::KeepGoing);
    assert_eq!(verdict(Better::Higher, 0.02).0, VerdictKind::KeepGoing);
    let (kind, text) = verdict(Better::Higher, 0.07);
    assert_eq!(kind, VerdictKind::Equivalent);
    assert_eq!(text, "A change of 7 % or more is ruled out. You can stop");
}

#[test]
fn an_experiment_that_does_not_run_is_not_waited_for() {
    let sides = [("a", 1000, 100), ("b", 1000, 130)];
    let mut stopped = declared(&[("a", 1), ("b", 1)], &[("g", true)], None);
    stopped.state = crate::domain::State::Stopped;
    let open = Results::of(&one_goal(&sides), &[], Some(&stopped), None);
    assert_eq!(
        open.verdict.text,
        "Not decided: the experiment does not run"
    );
    assert_eq!(open.forecast, None);
    let won = one_goal(&[("a", 10_000, 500), ("b", 10_000, 650)]);
    let won = Results::of(&won, &[], Some(&stopped), None);
    assert_eq!(won.verdict.text, "b wins: 30 % more “g” (likely 9–56 %)");
}

#[test]
fn what_to_do_stands_with_the_alarm_of_the_sample_ratio() {
    let even = [("a", 500, 50), ("b", 500, 50)];
    let uneven = [("a", 500, 50), ("b", 400, 50)];
    let mut counted = days(3, &even, &[]);
    let later = days(9, &uneven, &uneven);
    counted.extend(
        later
            .into_iter()
            .filter(|count| count.day >= Day::new(20_788 + 3)),
    );
    for (variant, errors) in [("a", 3), ("b", 612)] {
        counted.push(DayCount {
            day: Day::new(20_788 + 5),
            kind: EventKind::from(name("$error")),
            variant: name(variant),
            count: errors,
        });
    }
    counted.extend(of_day(20_788 + 5, "old", 40, 0));
    let declared = declared(&[("a", 1), ("b", 1)], &[("g", true)], None);
    let found = results(&counted, &declared);
    assert_eq!(found.verdict.kind, VerdictKind::SampleRatio);
    assert_eq!(
        found.verdict.text,
        "Visitors are split unevenly: 4,300 instead of about 4,650 saw “b”. Do not use the results until you know why"
    );
    assert_eq!(
        found.verdict.steps,
        [
            "The uneven split was first seen at the end of 6 Dec. Look for what changed on that day or shortly before.",
            "About 350 visitors of “b” are missing. Check that this variant loads as fast as the others, does not redirect \
             before it is counted, and works in every browser.",
            "The code of b failed for 612 visitors (a: 3). Look in the browser console, and fix it.",
            "40 visitors saw variants that are not declared: old. Correct the names in your pages, or declare them.",
            "Fix the cause, then use `lamed restart`: the new run counts from 0, because the old counts stay wrong.",
        ]
    );
    // Without days, errors and declaration there is less to say.
    let found = Results::of(
        &one_goal(&[("a", 5000, 500), ("b", 5500, 800)]),
        &[],
        None,
        None,
    );
    let steps = found.verdict.steps;
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert!(steps[0].starts_with("About 250 visitors of “a” are missing."));
    assert!(steps[1].starts_with("If the variants should not get equally many visitors"));
}

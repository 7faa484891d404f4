//! Names that are not declared.

use super::*;

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

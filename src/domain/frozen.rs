//! What must not change while an experiment runs, as its results stand on it.

use super::{Better, Declared, Goal, Name, assignment};

/// How a declaration differs from that with which the present run began, in what is frozen: variants, weights,
/// unit, plan, and what a goal counts. Each reads as a sentence without its end.
#[must_use]
pub fn changes(began: &Declared, now: &Declared) -> Vec<String> {
    let mut changes = Vec::new();
    let mut differ = |what: &str, then: String, now: String| {
        if then != now {
            changes.push(format!("{what} changed from {then} to {now}"));
        }
    };
    differ("the variants", variants(began), variants(now));
    differ("`unit`", began.unit.to_string(), now.unit.to_string());
    let plan = |declared: &Declared| match declared.planned_participants {
        None => "none".to_owned(),
        Some(participants) => participants.to_string(),
    };
    differ("`planned_participants`", plan(began), plan(now));
    for goal in &now.goals {
        if let Some(before) = began.goal(&goal.name) {
            let what = format!("the goal `{}`", goal.name);
            differ(&what, counted(before), counted(goal));
        }
    }
    if now.sample < began.sample {
        changes.push(format!(
            "`sample` fell from {} to {}: you can only raise it",
            began.sample, now.sample
        ));
    }
    changes
}

/// With their weights, in the order of assignment.
fn variants(declared: &Declared) -> String {
    let mut variants: Vec<&(Name, u32)> = declared.variants.iter().collect();
    assignment::in_order(&mut variants, |(name, _)| name.as_str());
    let each: Vec<String> = (variants.iter())
        .map(|(name, weight)| format!("{name}: {weight}"))
        .collect();
    format!("{{{}}}", each.join(", "))
}

fn counted(goal: &Goal) -> String {
    let unique = match goal.unique {
        true => "once per visitor",
        false => "each time",
    };
    let better = match goal.better {
        Better::Higher => "",
        Better::Lower => ", lower is better",
    };
    let value = goal.value.as_ref().map_or_else(String::new, |value| {
        format!(", in {} up to {}", value.unit, value.cap)
    });
    format!("“{unique}{better}{value}”")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{State, Unit};

    #[test]
    fn what_results_stand_on_is_frozen() {
        let name = |text: &str| Name::stored(text.to_owned());
        let began = Declared {
            sample: 0.5,
            goals: vec![Goal::new(name("g"))],
            ..Declared::example()
        };
        let same = Declared {
            control: Some(name("red")),
            state: State::Stopped,
            sample: 0.6,
            minimum_effect: Some(0.1),
            paths: vec!["/a".to_owned()],
            goals: vec![Goal::new(name("g")), Goal::new(name("h"))],
            archived: true,
            ..began.clone()
        };
        assert_eq!(changes(&began, &same), [""; 0]);
        let other = Declared {
            variants: vec![(name("red"), 50), (name("blue"), 50)],
            unit: Unit::User,
            planned_participants: Some(1000),
            sample: 0.4,
            goals: vec![Goal {
                unique: false,
                better: Better::Lower,
                ..Goal::new(name("g"))
            }],
            ..began.clone()
        };
        assert_eq!(
            changes(&began, &other),
            [
                "the variants changed from {blue: 50, red: 50} to {red: 50, blue: 50}",
                "`unit` changed from visitor to user",
                "`planned_participants` changed from none to 1000",
                "the goal `g` changed from “once per visitor” to “each time, lower is better”",
                "`sample` fell from 0.5 to 0.4: you can only raise it",
            ]
        );
    }
}

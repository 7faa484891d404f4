//! Declared experiments as JSON: for the function, for who reads results, and as the copy of what an experiment's
//! results stand on.

use serde::{Deserialize, Serialize};

use crate::domain::{self, Better, GoalValue, Name, State, Unit};

/// An experiment as declared. What is left out is as the config has it without that key.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Declared {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// In the order in which they are declared.
    #[serde(default)]
    pub variants: Vec<(String, u32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<DeclaredGoal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_effect: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_participants: Option<u64>,
    /// `visitor` or `user`.
    pub unit: String,
    pub state: DeclaredState,
    pub run: u32,
    pub sample: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<DeclaredGroup>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub archived: bool,
}

/// What an experiment does now, as the config writes it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum DeclaredState {
    Draft,
    Running,
    Stopped,
    Shipped(String),
}

/// A goal as declared.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct DeclaredGoal {
    pub name: String,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub unique: bool,
    /// Whether a lower rate is the better one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lower: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
}

/// The part of a group.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct DeclaredGroup {
    pub name: String,
    pub from: f64,
    pub to: f64,
}

/// All that a config declares, as `lamed deploy` puts it beside the function.
#[derive(Debug, Serialize, Deserialize)]
pub struct Experiments {
    /// Whether nothing else is counted.
    #[serde(default)]
    pub declared_only: bool,
    #[serde(default)]
    pub experiments: Vec<Declared>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !*value
}

fn name(text: String) -> Name {
    Name::stored(text)
}

impl From<&domain::Declared> for Declared {
    fn from(declared: &domain::Declared) -> Self {
        Self {
            name: declared.name.to_string(),
            control: declared.control.as_ref().map(Name::to_string),
            variants: (declared.variants.iter())
                .map(|(name, weight)| (name.to_string(), *weight))
                .collect(),
            goals: declared.goals.iter().map(DeclaredGoal::from).collect(),
            minimum_effect: declared.minimum_effect,
            planned_participants: declared.planned_participants,
            unit: declared.unit.to_string(),
            state: match &declared.state {
                State::Draft => DeclaredState::Draft,
                State::Running => DeclaredState::Running,
                State::Stopped => DeclaredState::Stopped,
                State::Shipped(variant) => DeclaredState::Shipped(variant.to_string()),
            },
            run: declared.run,
            sample: declared.sample,
            paths: declared.paths.clone(),
            group: declared.group.as_ref().map(|group| DeclaredGroup {
                name: group.name.to_string(),
                from: group.from,
                to: group.to,
            }),
            archived: declared.archived,
        }
    }
}

impl From<&domain::Goal> for DeclaredGoal {
    fn from(goal: &domain::Goal) -> Self {
        Self {
            name: goal.name.to_string(),
            unique: goal.unique,
            lower: goal.better == Better::Lower,
            value: goal.value.as_ref().map(|value| value.unit.to_string()),
            cap: goal.value.as_ref().map(|value| value.cap),
        }
    }
}

impl From<Declared> for domain::Declared {
    fn from(declared: Declared) -> Self {
        Self {
            name: name(declared.name),
            control: declared.control.map(name),
            variants: (declared.variants.into_iter())
                .map(|(variant, weight)| (name(variant), weight))
                .collect(),
            goals: (declared.goals.into_iter())
                .map(|goal| domain::Goal {
                    name: name(goal.name),
                    unique: goal.unique,
                    better: match goal.lower {
                        true => Better::Lower,
                        false => Better::Higher,
                    },
                    value: goal.value.zip(goal.cap).map(|(unit, cap)| GoalValue {
                        unit: name(unit),
                        cap,
                    }),
                })
                .collect(),
            minimum_effect: declared.minimum_effect,
            planned_participants: declared.planned_participants,
            unit: match declared.unit.as_str() {
                "user" => Unit::User,
                _ => Unit::Visitor,
            },
            state: match declared.state {
                DeclaredState::Draft => State::Draft,
                DeclaredState::Running => State::Running,
                DeclaredState::Stopped => State::Stopped,
                DeclaredState::Shipped(variant) => State::Shipped(name(variant)),
            },
            run: declared.run,
            sample: declared.sample,
            paths: declared.paths,
            group: declared.group.map(|group| domain::Group {
                name: name(group.name),
                from: group.from,
                to: group.to,
            }),
            archived: declared.archived,
        }
    }
}

impl Experiments {
    /// What a config declares.
    #[must_use]
    pub fn of(experiments: &domain::Experiments) -> Self {
        Self {
            declared_only: experiments.accept() == domain::Accept::Declared,
            experiments: experiments.all().iter().map(Declared::from).collect(),
        }
    }

    /// The same for the handler.
    #[must_use]
    pub fn within(self, namespace: Name) -> domain::Experiments {
        let accept = match self.declared_only {
            true => domain::Accept::Declared,
            false => domain::Accept::Any,
        };
        let declared = self.experiments.into_iter().map(Into::into).collect();
        domain::Experiments::new(namespace, declared, accept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Goal, Group};

    #[test]
    fn declarations_survive_the_way() {
        let text = |text: &str| name(text.to_owned());
        let plain = domain::Declared::example();
        let full = domain::Declared {
            control: Some(text("red")),
            goals: vec![
                Goal {
                    unique: false,
                    better: Better::Lower,
                    value: Some(GoalValue {
                        unit: text("EUR"),
                        cap: 1000.5,
                    }),
                    ..Goal::new(text("order placed"))
                },
                Goal::new(text("g")),
            ],
            minimum_effect: Some(0.05),
            planned_participants: Some(30_000),
            unit: Unit::User,
            state: State::Shipped(text("red")),
            run: 3,
            sample: 0.1,
            paths: vec!["/shop/*".to_owned()],
            group: Some(Group {
                name: text("checkout"),
                from: 0.25,
                to: 0.5,
            }),
            archived: true,
            ..plain.clone()
        };
        let all = domain::Experiments::new(text("n"), vec![plain, full], domain::Accept::Declared);
        let json = serde_json::to_string(&Experiments::of(&all)).unwrap();
        let back: Experiments = serde_json::from_str(&json).unwrap();
        assert_eq!(back.within(text("n")), all);
    }
}

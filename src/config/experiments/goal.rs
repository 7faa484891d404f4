//! A goal as the file writes it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::json;

use crate::config::file::{Name, name};
use crate::config::schema::described;
use crate::config::value::positive;
use crate::domain::{self, ERROR, GoalValue, PARTICIPATE};

/// Under `EXPERIMENT:NAME` AlephBet keeps what it knows of the visitor, and that a goal was reached:
/// a goal of such a name would count as reached from the start.
const KEPT_BY_ALEPHBET: [&str; 2] = ["variant", "in_sample"];

/// `"sign up"`, or `{"name": "page view", "unique": false}`.
pub(super) struct Goal(pub(super) domain::Goal);

impl JsonSchema for Goal {
    fn schema_name() -> Cow<'static, str> {
        "Goal".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (name, full) = (
            generator.subschema_for::<Name>(),
            generator.subschema_for::<FullGoal>(),
        );
        json_schema!({
            "description": "The name of a goal. Write an object if a visitor can reach the goal many times, if a lower rate is better, or if the goal has a value.",
            "anyOf": [name, full],
        })
    }
}

impl<'de> Deserialize<'de> for Goal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = domain::Goal;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(r#"a goal name or {"name": "…", "unique": false}"#)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<domain::Goal, E> {
                let Name(name) = name(text).map_err(E::custom)?;
                Ok(domain::Goal::new(name))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<domain::Goal, A::Error> {
                let full = FullGoal::deserialize(MapAccessDeserializer::new(map))?;
                full.checked().map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Either).map(Self)
    }
}

/// A goal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FullGoal {
    /// The name of the goal. Pages send it as the name of the event.
    name: Name,
    /// Whether the goal is counted once per visitor. If not, results show a number per participant
    /// instead of a percentage.
    #[serde(default = "yes")]
    #[schemars(extend("default" = true))]
    unique: bool,
    /// Whether a higher or a lower rate is better. Use "lower" for goals such as "unsubscribed".
    #[serde(default)]
    #[schemars(extend("default" = "higher"))]
    better: Better,
    /// The unit of the value that each conversion has, such as "EUR". Without it, conversions have no
    /// value.
    value: Option<Name>,
    /// The highest value of one conversion. Higher values are counted as this one, so that no single
    /// event decides the result. Required if `value` is set.
    cap: Option<Cap>,
}

struct Cap(f64);

impl<'de> Deserialize<'de> for Cap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        positive(deserializer).map(Self)
    }
}

described!(
    Cap,
    "A value.",
    json!({"type": "number", "exclusiveMinimum": 0})
);

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Better {
    /// The more visitors reach the goal, the better.
    #[default]
    Higher,
    /// The fewer visitors reach the goal, the better.
    Lower,
}

fn yes() -> bool {
    true
}

impl FullGoal {
    fn checked(self) -> Result<domain::Goal, String> {
        let Name(name) = self.name;
        let value = match (self.value, self.cap) {
            (None, None) => None,
            (Some(Name(unit)), Some(Cap(cap))) => Some(GoalValue { unit, cap }),
            (Some(_), None) => {
                return Err(format!(
                    "the goal `{name}` has a `value` and no `cap`: add the highest value of one conversion"
                ));
            }
            (None, Some(_)) => {
                return Err(format!(
                    "the goal `{name}` has a `cap` and no `value`: add the unit of the values, such as \"EUR\""
                ));
            }
        };
        Ok(domain::Goal {
            name,
            unique: self.unique,
            better: match self.better {
                Better::Higher => domain::Better::Higher,
                Better::Lower => domain::Better::Lower,
            },
            value,
        })
    }
}

pub(super) fn check_goal(name: &domain::Name) -> Result<(), String> {
    match name.as_str() {
        PARTICIPATE => Err(format!(
            "`{name}` is reserved for participants: choose another name for the goal"
        )),
        ERROR => Err(format!(
            "`{name}` is the event of errors in pages: rename the goal"
        )),
        kept if KEPT_BY_ALEPHBET.contains(&kept) => Err(format!(
            "AlephBet cannot count a goal `{name}`, because it keeps its own state under that name: \
             rename the goal"
        )),
        _ => Ok(()),
    }
}

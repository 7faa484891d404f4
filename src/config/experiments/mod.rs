//! The declared experiments as the file writes them.

mod goal;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::json;

use self::goal::{Goal, check_goal};
use super::file::Name;
use super::nearest::meant;
use super::schema::{described, whole_number};
use super::value::{distinct, optional_share, proportion, share, text, whole};
use crate::domain::assignment::wire_name;
use crate::domain::{self, Declared};

/// So often an experiment can be restarted.
const MAX_RUN: u64 = 1000;

/// As many participants as may be planned for.
const MAX_PLANNED: u64 = 1_000_000_000;

/// Experiments by name, which go together.
#[derive(Default)]
pub(super) struct Experiments(Vec<Declared>);

impl Experiments {
    /// In natural order.
    pub(super) fn declared(mut self) -> Vec<Declared> {
        self.0.sort_by(|a, b| a.name.cmp(&b.name));
        self.0
    }

    /// # Errors
    /// When it does not go with those that are there.
    fn add(&mut self, new: Declared) -> Result<(), String> {
        if let Err(error) = domain::Name::new(wire_name(new.name.as_str(), new.run)) {
            return Err(format!(
                "the name of run {} of the experiment `{}` {error}: declare an experiment with a shorter name",
                new.run, new.name
            ));
        }
        for there in &self.0 {
            for (one, other) in [(there, &new), (&new, there)] {
                collision(one, other)?;
            }
            overlap(there, &new)?;
        }
        self.0.push(new);
        Ok(())
    }
}

/// Events would not tell a run of one experiment from the other experiment.
fn collision(one: &Declared, other: &Declared) -> Result<(), String> {
    let collides = |run| wire_name(one.name.as_str(), run) == other.name.as_str();
    match (2..=one.run).find(|run| collides(*run)) {
        None => Ok(()),
        Some(run) => Err(format!(
            "`{}` is the name of run {run} of the experiment `{}`: rename one of them",
            other.name, one.name
        )),
    }
}

/// A visitor would be in both.
fn overlap(one: &Declared, other: &Declared) -> Result<(), String> {
    let (Some(group), Some(others)) = (&one.group, &other.group) else {
        return Ok(());
    };
    if group.name != others.name || !one.is_running() || !other.is_running() {
        return Ok(());
    }
    if group.overlaps(others) {
        return Err(format!(
            "the experiments `{}` and `{}` overlap in the group `{}`: change `from` and `to`",
            one.name, other.name, group.name
        ));
    }
    if one.unit != other.unit {
        return Err(format!(
            "the experiments `{}` and `{}` of the group `{}` must have the same `unit`",
            one.name, other.name, group.name
        ));
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Experiments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Experiments;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Experiments, A::Error> {
                let mut experiments = Experiments::default();
                while let Some(Name(name)) = map.next_key()? {
                    if experiments.0.iter().any(|there| there.name == name) {
                        return Err(A::Error::custom(format!("duplicate key `{name}`")));
                    }
                    let declared = map.next_value::<Experiment>()?.declared(name);
                    experiments.add(declared).map_err(A::Error::custom)?;
                }
                Ok(experiments)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

impl JsonSchema for Experiments {
    fn schema_name() -> Cow<'static, str> {
        "Experiments".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<BTreeMap<Name, Shape>>()
    }
}

/// A declared experiment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Shape {
    /// The variant that others are compared with. Without it, the control is the first variant.
    control: Option<Name>,
    /// Variants by name, with their weights. Weights are whole numbers; at least one must be above 0.
    #[serde(default, deserialize_with = "distinct")]
    #[schemars(with = "BTreeMap<Name, u32>", extend("default" = {}))]
    variants: Vec<(Name, u32)>,
    /// The goals that visitors can reach. Each is a name, or an object such as {"name": "page viewed", "unique": false}.
    /// The verdict is about the first goal without `"unique": false`.
    #[serde(default)]
    #[schemars(extend("default" = []))]
    goals: Vec<Goal>,
    /// The smallest change that matters to you, relative to the rate of the control: 0.05 means 5 %.
    #[serde(default, deserialize_with = "share")]
    #[schemars(with = "f64", extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    minimum_effect: Option<f64>,
    /// How many participants you plan for, in all variants together. `lamed plan` tells you how many
    /// you need.
    planned_participants: Option<Planned>,
    /// Who gets a variant and is counted once: visitors, or users who are signed in.
    #[serde(default)]
    #[schemars(extend("default" = "visitor"))]
    unit: Unit,
    /// What the experiment does now: "draft", "running", "stopped", or {"shipped": "VARIANT"}. When it is
    /// shipped, all visitors see this variant, and nothing is counted.
    #[serde(default)]
    #[schemars(extend("default" = "running"))]
    state: State,
    /// The number of the run. `lamed restart` raises it: the counts begin at 0, and each visitor gets a
    /// variant again.
    run: Option<Run>,
    /// The share of visitors that take part, from 0 to 1. While the experiment runs, you can only raise it.
    #[serde(default, deserialize_with = "optional_share")]
    #[schemars(with = "f64", extend("minimum" = 0, "maximum" = 1, "default" = 1))]
    sample: Option<f64>,
    /// The paths of your site where the experiment runs; `*` stands for any text. Without it, the
    /// experiment runs everywhere.
    paths: Option<Vec<Path>>,
    /// Experiments of one group share the visitors: a visitor never takes part in two of them at the same time. Each
    /// visitor has a fixed number from 0 to 1. The experiment gets the visitors whose number is between `from` and `to`.
    group: Option<Group>,
    /// Whether the experiment is hidden from lists.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    archived: bool,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Unit {
    /// A browser. It gets a variant and remembers it. A person with two browsers is two visitors.
    #[default]
    Visitor,
    /// A user who is signed in, with the id that the page gives. All devices of a user show the same
    /// variant. Without an id, the visitor sees the control and is not counted.
    User,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Only people who add `?lamed.EXPERIMENT=VARIANT` to the address see a variant. Nothing is counted.
    Draft,
    /// Visitors take part and are counted.
    #[default]
    Running,
    /// All visitors see the control. Nothing is counted. The results stay.
    Stopped,
    /// All visitors see this variant. Nothing is counted. The results stay.
    Shipped(Name),
}

struct Run(u32);

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let run: u64 = whole(deserializer, 1..=MAX_RUN, "")?;
        Ok(Self(u32::try_from(run).unwrap_or(1)))
    }
}

described!(Run, "From 1.", {
    let mut schema = whole_number(1, MAX_RUN);
    schema["default"] = json!(1);
    schema
});

struct Planned(u64);

impl<'de> Deserialize<'de> for Planned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 1..=MAX_PLANNED, "").map(Self)
    }
}

described!(Planned, "Participants.", whole_number(1, MAX_PLANNED));

struct Path(String);

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |path| match path {
            _ if !path.starts_with(['/', '*']) => {
                Err(format!("the path `{path}` must begin with `/` or `*`"))
            }
            _ if path.contains(['?', '#']) => Err(format!(
                "the path `{path}` must not contain `?` or `#`: only the path of an address is compared"
            )),
            _ => Ok(Self(path.to_owned())),
        })
    }
}

described!(
    Path,
    "A path of your site such as \"/shop/*\".",
    json!({"type": "string", "pattern": "^[/*][^?#]*$"})
);

/// A part of a group.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Group {
    /// The name of the group.
    name: Name,
    /// The lowest number of a visitor who takes part, from 0 to 1.
    #[serde(deserialize_with = "proportion")]
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    from: f64,
    /// Visitors with this number or a higher one do not take part. From 0 to 1, and above `from`.
    #[serde(deserialize_with = "proportion")]
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    to: f64,
}

/// An experiment whose parts go together.
#[derive(Deserialize)]
#[serde(try_from = "Shape")]
struct Experiment(Shape);

/// Says that a name is none of the variants, and what may be meant.
fn no_variant(Name(name): &Name, shape: &Shape) -> String {
    let variants: Vec<&str> = (shape.variants.iter())
        .map(|(Name(variant), _)| variant.as_str())
        .collect();
    let instead = match variants.as_slice() {
        [] => "there are none".to_owned(),
        variants => meant(name.as_str(), variants),
    };
    format!("`{name}` is not one of the `variants`: {instead}")
}

impl TryFrom<Shape> for Experiment {
    type Error = String;

    fn try_from(shape: Shape) -> Result<Self, String> {
        if !shape.variants.is_empty() && shape.variants.iter().all(|(_, weight)| *weight == 0) {
            return Err("all weights are 0: at least one must be above 0".to_owned());
        }
        for (position, Goal(goal)) in shape.goals.iter().enumerate() {
            check_goal(&goal.name)?;
            let mut before = shape.goals[..position].iter();
            if before.any(|Goal(other)| other.name == goal.name) {
                return Err(format!("duplicate goal `{}`", goal.name));
            }
        }
        let is_variant = |name: &Name| shape.variants.iter().any(|(variant, _)| variant == name);
        if let Some(control) = &shape.control
            && !shape.variants.is_empty()
            && !is_variant(control)
        {
            return Err(format!("the control {}", no_variant(control, &shape)));
        }
        if let State::Shipped(variant) = &shape.state
            && !is_variant(variant)
        {
            return Err(format!(
                "the shipped variant {}",
                no_variant(variant, &shape)
            ));
        }
        if shape.paths.as_ref().is_some_and(Vec::is_empty) {
            return Err("`paths` is empty: remove it to run the experiment everywhere".to_owned());
        }
        if let Some(Group { from, to, .. }) = &shape.group
            && from >= to
        {
            return Err(format!(
                "in `group`, `from` ({from}) must be less than `to` ({to})"
            ));
        }
        Ok(Self(shape))
    }
}

impl Experiment {
    fn declared(self, name: domain::Name) -> Declared {
        let Self(shape) = self;
        Declared {
            name,
            control: shape.control.map(|Name(control)| control),
            variants: (shape.variants.into_iter())
                .map(|(Name(variant), weight)| (variant, weight))
                .collect(),
            goals: shape.goals.into_iter().map(|Goal(goal)| goal).collect(),
            minimum_effect: shape.minimum_effect,
            planned_participants: shape.planned_participants.map(|Planned(number)| number),
            unit: match shape.unit {
                Unit::Visitor => domain::Unit::Visitor,
                Unit::User => domain::Unit::User,
            },
            state: match shape.state {
                State::Draft => domain::State::Draft,
                State::Running => domain::State::Running,
                State::Stopped => domain::State::Stopped,
                State::Shipped(Name(variant)) => domain::State::Shipped(variant),
            },
            run: shape.run.map_or(1, |Run(run)| run),
            sample: shape.sample.unwrap_or(1.0),
            paths: (shape.paths.into_iter().flatten())
                .map(|Path(path)| path)
                .collect(),
            group: shape.group.map(|group| domain::Group {
                name: group.name.0,
                from: group.from,
                to: group.to,
            }),
            archived: shape.archived,
        }
    }
}

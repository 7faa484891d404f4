//! Experiments as their owner declares them.

use std::fmt;

use super::{Name, assignment};

/// An experiment as declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    pub name: Name,
    pub control: Option<Name>,
    /// Variants with their weights, as they are declared.
    pub variants: Vec<(Name, u32)>,
    pub goals: Vec<Goal>,
    /// The smallest lift worth knowing of: 0.05 is 5 % of the control's rate.
    pub minimum_effect: Option<f64>,
    /// How many participants the experiment is planned for, all variants together.
    pub planned_participants: Option<u64>,
    pub unit: Unit,
    pub state: State,
    /// From 1. A restart begins the next run, which is an experiment of its own for stores and draws.
    pub run: u32,
    /// The share of visitors or users that take part, from 0 to 1.
    pub sample: f64,
    /// Where in the site it runs: paths, in which a `*` stands for any text. Empty is everywhere.
    pub paths: Vec<String>,
    pub group: Option<Group>,
    /// Hidden from lists, and nothing else.
    pub archived: bool,
}

impl Declared {
    /// A running experiment without variants and goals.
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self {
            name,
            control: None,
            variants: Vec::new(),
            goals: Vec::new(),
            minimum_effect: None,
            planned_participants: None,
            unit: Unit::default(),
            state: State::default(),
            run: 1,
            sample: 1.0,
            paths: Vec::new(),
            group: None,
            archived: false,
        }
    }

    /// One to try lamed with, where nothing is declared.
    #[must_use]
    pub fn example() -> Self {
        let name = |text: &str| Name::stored(text.to_owned());
        Self {
            variants: vec![(name("blue"), 50), (name("red"), 50)],
            goals: vec![Goal::new(name("button clicked"))],
            ..Self::new(name("button color"))
        }
    }

    /// The variant that others are compared with: the one that is named, else the first that is declared.
    #[must_use]
    pub fn control(&self) -> Option<&Name> {
        let first = self.variants.first().map(|(name, _)| name);
        self.control.as_ref().or(first)
    }

    /// What those see who do not take part: the variant that is shipped, else the control.
    #[must_use]
    pub fn fallback(&self) -> Option<&Name> {
        self.state.shipped().or(self.control())
    }

    /// What its present run is called on the wire and in the stores.
    #[must_use]
    pub fn wire_name(&self) -> Name {
        Name::stored(assignment::wire_name(self.name.as_str(), self.run))
    }

    /// Whether it takes in participants and counts.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Whether a variant is declared.
    #[must_use]
    pub fn has_variant(&self, variant: &Name) -> bool {
        self.variants.iter().any(|(name, _)| name == variant)
    }

    /// The declaration of a goal.
    #[must_use]
    pub fn goal(&self, name: &Name) -> Option<&Goal> {
        self.goals.iter().find(|goal| goal.name == *name)
    }
}

/// What an experiment does now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Only who asks for it sees it, and nothing is counted.
    Draft,
    #[default]
    Running,
    /// All see the control, and nothing more is counted.
    Stopped,
    /// All see this variant, and nothing more is counted.
    Shipped(Name),
}

impl State {
    /// The word for it in the config and in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Shipped(_) => "shipped",
        }
    }

    /// The variant that all see.
    #[must_use]
    pub fn shipped(&self) -> Option<&Name> {
        match self {
            Self::Shipped(variant) => Some(variant),
            Self::Draft | Self::Running | Self::Stopped => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self.shipped() {
            Some(variant) => write!(f, " {variant}"),
            None => Ok(()),
        }
    }
}

/// A range of a lot that all experiments of the group share, so that nobody is in two of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: Name,
    /// From 0 to 1.
    pub from: f64,
    /// Not in the range itself.
    pub to: f64,
}

impl Group {
    /// Whether somebody may be in both ranges.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.name == other.name && self.from < other.to && other.from < self.to
    }
}

/// Whom an experiment gives a variant and counts once. An experiment is for one of them, never both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// A browser, which remembers its variant.
    #[default]
    Visitor,
    /// Who is signed in: the variant depends on the id alone, on all devices.
    User,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Visitor => "visitor",
            Self::User => "user",
        })
    }
}

/// A goal as declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    pub name: Name,
    /// Counted once a visitor (AlephBet's default), or each time.
    pub unique: bool,
    pub better: Better,
    /// Where each conversion has a value.
    pub value: Option<GoalValue>,
}

impl Goal {
    /// A goal that is counted once a visitor, without a value.
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self {
            name,
            unique: true,
            better: Better::default(),
            value: None,
        }
    }
}

/// What the conversions of a goal are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalValue {
    /// In what it is given, such as "EUR".
    pub unit: Name,
    /// A higher value of one conversion is counted as this.
    pub cap: f64,
}

/// Whether a higher or a lower rate of a goal is the better one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Better {
    #[default]
    Higher,
    /// As of "unsubscribed".
    Lower,
}

//! Experiments as their owner declares them.

use std::collections::BTreeMap;
use std::fmt;

use super::{Counter, ERROR, EventKind, Name};

/// An experiment as declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    pub name: Name,
    pub control: Option<Name>,
    /// Variants with their weights, in natural order.
    pub variants: Vec<(Name, u32)>,
    pub goals: Vec<Goal>,
    /// The smallest lift worth knowing of: 0.05 is 5 % of the control's rate.
    pub minimum_effect: Option<f64>,
    pub unit: Unit,
}

impl Declared {
    /// One to try lamed with, where nothing is declared.
    #[must_use]
    pub fn example() -> Self {
        let name = |text: &str| Name::stored(text.to_owned());
        Self {
            name: name("button color"),
            control: None,
            variants: vec![(name("blue"), 50), (name("red"), 50)],
            goals: vec![Goal {
                name: name("button clicked"),
                unique: true,
                better: Better::default(),
            }],
            minimum_effect: None,
            unit: Unit::default(),
        }
    }

    /// What those see who do not take part: the control, or without one the first variant in natural order.
    #[must_use]
    pub fn fallback(&self) -> Option<&Name> {
        let first = self.variants.iter().map(|(name, _)| name).min();
        self.control.as_ref().or(first)
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    pub name: Name,
    /// Counted once a visitor (AlephBet's default), or each time.
    pub unique: bool,
    pub better: Better,
}

/// Whether a higher or a lower rate of a goal is the better one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Better {
    #[default]
    Higher,
    /// As of "unsubscribed".
    Lower,
}

/// The variants that the config declares, by experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeclaredVariants(BTreeMap<Name, Vec<Name>>);

impl DeclaredVariants {
    /// Whether the variant is declared for the experiment.
    #[must_use]
    pub fn include(&self, experiment: &Name, variant: &Name) -> bool {
        let variants = self.0.get(experiment);
        variants.is_some_and(|variants| variants.contains(variant))
    }

    /// The experiments with their variants, in natural order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &[Name])> {
        (self.0.iter()).map(|(experiment, variants)| (experiment, variants.as_slice()))
    }
}

impl FromIterator<(Name, Vec<Name>)> for DeclaredVariants {
    fn from_iter<T: IntoIterator<Item = (Name, Vec<Name>)>>(experiments: T) -> Self {
        let with_variants = |(_, variants): &(Name, Vec<Name>)| !variants.is_empty();
        Self(experiments.into_iter().filter(with_variants).collect())
    }
}

impl From<&[Declared]> for DeclaredVariants {
    fn from(experiments: &[Declared]) -> Self {
        let variants = |declared: &Declared| {
            let names = declared.variants.iter().map(|(name, _)| name.clone());
            names.collect()
        };
        (experiments.iter())
            .map(|declared| (declared.name.clone(), variants(declared)))
            .collect()
    }
}

/// Which events are counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Accept {
    /// All.
    #[default]
    Any,
    /// Those of these experiments, their variants and goals, in this namespace.
    Declared {
        namespace: Name,
        experiments: Vec<Declared>,
    },
}

/// What of an event is not declared. Reads as the end of a sentence: "`variant` is not …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    Namespace,
    Experiment,
    Variant,
    Event,
}

impl fmt::Display for Undeclared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespace => "is not the configured namespace",
            Self::Experiment => "is not declared",
            Self::Variant => "is not declared for this experiment",
            Self::Event => "must be `participate` or a declared goal of this experiment",
        })
    }
}

impl Accept {
    /// Whether an event is counted under this counter.
    ///
    /// # Errors
    /// When it is not: what is not declared.
    pub fn check(&self, counter: &Counter) -> Result<(), Undeclared> {
        let Self::Declared {
            namespace,
            experiments,
        } = self
        else {
            return Ok(());
        };
        if counter.namespace != *namespace {
            return Err(Undeclared::Namespace);
        }
        let experiment = (experiments.iter())
            .find(|declared| declared.name == counter.experiment)
            .ok_or(Undeclared::Experiment)?;
        let mut variants = experiment.variants.iter();
        if !variants.any(|(variant, _)| *variant == counter.variant) {
            return Err(Undeclared::Variant);
        }
        match &counter.kind {
            EventKind::Conversion(goal) if goal.as_str() == ERROR => Ok(()),
            EventKind::Conversion(goal) if !experiment.goals.iter().any(|g| g.name == *goal) => {
                Err(Undeclared::Event)
            }
            _ => Ok(()),
        }
    }
}

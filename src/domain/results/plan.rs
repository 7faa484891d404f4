//! What an experiment is planned for, and how far it is.

use super::Variant;
use crate::domain::statistics::Looking;
use crate::domain::{Declared, Name};

/// How far the plan of an experiment is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// `planned_participants`: of all variants together.
    pub planned: u64,
    /// Those of the compared variants so far.
    pub participants: u64,
}

impl Plan {
    pub(super) fn of(declared: Option<&Declared>, variants: &[Variant]) -> Option<Self> {
        let planned = declared?
            .planned_participants
            .filter(|planned| *planned > 0)?;
        Some(Self {
            planned,
            participants: compared(variants),
        })
    }

    /// From 0; 1 and more when it is complete.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.participants as f64 / self.planned as f64
    }

    /// Those who are still to come.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.planned.saturating_sub(self.participants)
    }
}

/// The participants of all variants that take part in comparisons.
pub(super) fn compared(variants: &[Variant]) -> u64 {
    let compared = variants.iter().filter(|variant| variant.compared);
    compared.fold(0, |sum: u64, one| sum.saturating_add(one.participants))
}

/// How many of the planned participants each comparison gets. As declared, whatever comes: a plan that follows the
/// counts promises too much.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    planned: f64,
    weights: Vec<(Name, f64)>,
}

impl Shares {
    pub(super) fn of(declared: Option<&Declared>) -> Self {
        let Some((declared, planned)) =
            declared.and_then(|declared| Some((declared, declared.planned_participants?)))
        else {
            return Self::default();
        };
        let weights = declared.variants.iter();
        Self {
            planned: planned as f64,
            weights: weights
                .map(|(name, weight)| (name.clone(), f64::from(*weight)))
                .collect(),
        }
    }

    /// How these two are looked at: by the plan, if both get participants by it.
    pub(super) fn looking(&self, control: &Name, variant: &Name) -> Looking {
        let of = |wanted: &Name| {
            let mut weights = self.weights.iter();
            weights.find_map(|(name, weight)| (name == wanted && *weight > 0.0).then_some(*weight))
        };
        let all: f64 = self.weights.iter().map(|(_, weight)| weight).sum();
        match (of(control), of(variant)) {
            (Some(one), Some(other)) if self.planned > 0.0 => {
                Looking::planned(self.planned * (one + other) / all)
            }
            _ => Looking::default(),
        }
    }
}

//! What of an experiment is shown one by one, and what is summed up.
//!
//! Anybody can send names. Declared ones are all shown; of the others only the largest, so that the
//! work and the size of an answer are bounded whatever strangers sent.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::Variant;
use crate::domain::{Declared, ERROR, ExperimentCounts, Name};

/// So many undeclared variants are shown.
pub const SHOWN_VARIANTS: usize = 24;

/// So many undeclared goals are shown.
pub const SHOWN_GOALS: usize = 24;

/// So many variants are compared with each other, or may be made the control of a snapshot, where none is
/// declared.
pub const SHOWN_PAIRED: usize = 12;

/// What is summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    pub variants: usize,
    /// Of those variants.
    pub participants: u64,
    pub goals: usize,
    /// Of those goals, under all variants.
    pub conversions: u64,
}

/// The names that are shown, in natural order, and the sum of the rest.
pub(super) struct Shown<'a> {
    pub variants: Vec<&'a Name>,
    /// Those that are not declared.
    pub goals: Vec<&'a Name>,
    /// All conversions of each goal.
    pub conversions: HashMap<&'a Name, u64>,
    pub others: Others,
}

impl<'a> Shown<'a> {
    /// `wishes` are shown however small they are.
    pub(super) fn of(
        counts: &'a ExperimentCounts,
        declared: Option<&'a Declared>,
        wishes: &[Option<&Name>],
    ) -> Self {
        let (mut of_variants, mut of_goals) = (HashMap::new(), HashMap::new());
        for count in counts.all() {
            let of_variant: &mut (u64, u64) = of_variants.entry(&count.variant).or_default();
            match count.kind.goal() {
                None => of_variant.0 = of_variant.0.saturating_add(count.count),
                Some(goal) if goal.as_str() == ERROR => {}
                Some(goal) => {
                    of_variant.1 = of_variant.1.saturating_add(count.count);
                    let sum: &mut u64 = of_goals.entry(goal).or_default();
                    *sum = sum.saturating_add(count.count);
                }
            }
        }
        let (mut variants, mut goals) = (BTreeSet::new(), BTreeSet::new());
        if let Some(declared) = declared {
            variants.extend(declared.variants.iter().map(|(name, _)| name));
            goals.extend(declared.goals.iter().map(|goal| &goal.name));
        }
        let (kept, left) = largest(&of_variants, SHOWN_VARIANTS, |name| {
            variants.contains(name) || wishes.contains(&Some(name))
        });
        variants.extend(kept);
        let (shown_goals, left_goals) =
            largest(&of_goals, SHOWN_GOALS, |name| goals.contains(name));
        let undeclared = shown_goals.into_iter().filter(|name| !goals.contains(name));
        let mut undeclared: Vec<&Name> = undeclared.collect();
        undeclared.sort_unstable();
        let sum = |each: &mut dyn Iterator<Item = u64>| each.fold(0, u64::saturating_add);
        Self {
            variants: variants.into_iter().collect(),
            goals: undeclared,
            others: Others {
                variants: left.len(),
                participants: sum(&mut left.iter().map(|name| of_variants[name].0)),
                goals: left_goals.len(),
                conversions: sum(&mut left_goals.iter().map(|name| of_goals[name])),
            },
            conversions: of_goals,
        }
    }
}

/// All that are wanted, and so many of the others, those of the most events first; then what is left.
fn largest<'a, T: Ord + Copy>(
    sizes: &HashMap<&'a Name, T>,
    most: usize,
    is_wanted: impl Fn(&Name) -> bool,
) -> (Vec<&'a Name>, Vec<&'a Name>) {
    let (mut kept, mut others): (Vec<&Name>, Vec<&Name>) =
        sizes.keys().copied().partition(|name| is_wanted(name));
    others.sort_unstable_by_key(|name| (Reverse(sizes[name]), *name));
    let left = others.split_off(others.len().min(most));
    kept.append(&mut others);
    (kept, left)
}

/// The variants that are compared with each other: those that are declared, else the largest, and the control.
pub(super) fn principal<'a>(variants: &'a [Variant], control: Option<&Name>) -> Vec<&'a Name> {
    let mut compared: Vec<&Variant> = variants.iter().filter(|one| one.compared).collect();
    compared.sort_by_key(|one| (Some(&one.name) != control, Reverse(one.participants)));
    let declared = compared.iter().any(|one| one.weight.is_some());
    let most = if declared {
        compared.len()
    } else {
        SHOWN_PAIRED
    };
    compared.truncate(most);
    let mut names: Vec<&Name> = compared.into_iter().map(|one| &one.name).collect();
    names.sort_unstable();
    names
}

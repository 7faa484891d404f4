//! Counts as they are read back.

use super::{DaySums, EventKind, Name, Sums};

/// One counter of an experiment and its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    pub kind: EventKind,
    pub variant: Name,
    pub count: u64,
}

/// All counters of one experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentCounts {
    pub experiment: Name,
    counts: Vec<Count>,
    worth: Vec<Worth>,
    worth_by_day: Vec<DaySums>,
}

/// What the conversions of a goal under a variant were worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worth {
    pub goal: Name,
    pub variant: Name,
    pub sums: Sums,
}

impl ExperimentCounts {
    /// Counts that fall on the same kind and variant are added up.
    #[must_use]
    pub fn new(experiment: Name, counts: impl IntoIterator<Item = Count>) -> Self {
        let mut counts: Vec<Count> = counts.into_iter().collect();
        counts.sort_unstable_by(|a, b| (&a.kind, &a.variant).cmp(&(&b.kind, &b.variant)));
        counts.dedup_by(|next, first| {
            let same = next.kind == first.kind && next.variant == first.variant;
            if same {
                first.count = first.count.saturating_add(next.count);
            }
            same
        });
        Self {
            experiment,
            counts,
            worth: Vec::new(),
            worth_by_day: Vec::new(),
        }
    }

    /// Adds what the conversions were worth on each day.
    pub fn set_worth_by_day(&mut self, days: Vec<DaySums>) {
        self.set_worth(days.iter().map(|day| Worth {
            goal: day.goal.clone(),
            variant: day.variant.clone(),
            sums: day.sums,
        }));
        self.worth_by_day = days;
    }

    /// Adds what the conversions were worth in all. What falls on the same goal and variant is added up.
    pub fn set_worth(&mut self, worth: impl IntoIterator<Item = Worth>) {
        let mut worth: Vec<Worth> = worth.into_iter().collect();
        worth.sort_unstable_by(|a, b| (&a.goal, &a.variant).cmp(&(&b.goal, &b.variant)));
        worth.dedup_by(|next, first| {
            let same = next.goal == first.goal && next.variant == first.variant;
            if same {
                first.sums = first.sums.and(next.sums);
            }
            same
        });
        self.worth = worth;
    }

    /// What the conversions of a goal under a variant were worth; nothing where the goal has no value.
    #[must_use]
    pub fn worth(&self, goal: &Name, variant: &Name) -> Sums {
        let place =
            (self.worth).binary_search_by(|one| (&one.goal, &one.variant).cmp(&(goal, variant)));
        place.map_or_else(|_| Sums::default(), |place| self.worth[place].sums)
    }

    /// The same by day, where it is known, in the order of days.
    #[must_use]
    pub fn worth_by_day(&self) -> &[DaySums] {
        &self.worth_by_day
    }

    /// Whether conversions of a goal were worth anything.
    #[must_use]
    pub fn has_worth(&self, goal: &Name) -> bool {
        self.worth.iter().any(|one| one.goal == *goal)
    }

    /// Every variant that any event named, in natural order.
    #[must_use]
    pub fn variants(&self) -> Vec<&Name> {
        distinct(self.counts.iter().map(|c| &c.variant))
    }

    /// Every goal that was reached, in natural order.
    #[must_use]
    pub fn goals(&self) -> Vec<&Name> {
        distinct(self.counts.iter().filter_map(|c| c.kind.goal()))
    }

    /// How many participants were shown `variant`.
    #[must_use]
    pub fn participants(&self, variant: &Name) -> u64 {
        self.count(None, variant)
    }

    /// How often `goal` was reached under `variant`.
    #[must_use]
    pub fn conversions(&self, goal: &Name, variant: &Name) -> u64 {
        self.count(Some(goal), variant)
    }

    /// All counts, in the order of kinds and variants.
    #[must_use]
    pub fn all(&self) -> &[Count] {
        &self.counts
    }

    /// By bisection, for there may be thousands.
    fn count(&self, goal: Option<&Name>, variant: &Name) -> u64 {
        let place =
            (self.counts).binary_search_by(|c| (c.kind.goal(), &c.variant).cmp(&(goal, variant)));
        place.map_or(0, |place| self.counts[place].count)
    }
}

/// Which counters to delete: those of an experiment, narrowed to a kind of event, a variant, or
/// both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub namespace: Name,
    pub experiment: Name,
    pub kind: Option<EventKind>,
    pub variant: Option<Name>,
}

impl Selection {
    /// Whether a counter of the experiment is among the selected.
    #[must_use]
    pub fn includes(&self, kind: &EventKind, variant: &Name) -> bool {
        self.kind.as_ref().is_none_or(|k| k == kind)
            && self.variant.as_ref().is_none_or(|v| v == variant)
    }
}

/// Each name once, in natural order.
fn distinct<'a>(names: impl Iterator<Item = &'a Name>) -> Vec<&'a Name> {
    let mut names: Vec<&Name> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

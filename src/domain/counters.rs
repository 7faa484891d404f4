//! Counts as they are read back.

use super::{EventKind, Name};

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
        Self { experiment, counts }
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

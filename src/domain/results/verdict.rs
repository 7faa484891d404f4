//! The verdict, in plain words: the same wherever it is shown.

use crate::domain::Name;

/// What can be said now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub kind: VerdictKind,
    /// The variant that it speaks of.
    pub variant: Option<Name>,
    /// A headline of one sentence or a few, without the last full stop. Names stand in it as they are.
    pub text: String,
    /// What to do, if there is something to do: plain sentences.
    pub steps: Vec<String>,
}

/// The kinds of verdict, the ones that stand above others first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerdictKind {
    /// Visitors did not get the variants at the declared ratio: no other verdict can be trusted.
    SampleRatio,
    /// What results stand on is not as it was when the run began.
    Changed,
    /// A goal that is declared to be counted once a visitor has more conversions than participants.
    TooManyConversions,
    #[default]
    NoParticipants,
    NoGoal,
    /// One variant only.
    NoComparison,
    /// Conversions are counts, not a proportion.
    Count,
    /// A declared goal has no conversion although there are many participants.
    GoalMissing,
    TooEarly,
    /// The variant is better than the control.
    Winner,
    /// The control is better than every other.
    ControlBest,
    /// The variant is worse than the control, others are not decided.
    Loser,
    /// Whatever difference there is, it is smaller than the smallest effect declared.
    Equivalent,
    /// No variant is better than the control by the smallest effect declared, or more.
    RuledOut,
    /// The plan is complete, or it would take years.
    Undecidable,
    KeepGoing,
}

impl VerdictKind {
    /// The word for it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SampleRatio => "sample_ratio",
            Self::Changed => "changed",
            Self::TooManyConversions => "too_many_conversions",
            Self::NoParticipants => "no_participants",
            Self::NoGoal => "no_goal",
            Self::NoComparison => "no_comparison",
            Self::Count => "count",
            Self::GoalMissing => "goal_missing",
            Self::TooEarly => "too_early",
            Self::Winner => "winner",
            Self::ControlBest => "control_best",
            Self::Loser => "loser",
            Self::Equivalent => "equivalent",
            Self::RuledOut => "ruled_out",
            Self::Undecidable => "undecidable",
            Self::KeepGoing => "keep_going",
        }
    }
}

impl Default for Verdict {
    fn default() -> Self {
        Self::new(VerdictKind::NoParticipants, None, "No visitors yet")
    }
}

impl Verdict {
    pub(super) fn new(kind: VerdictKind, variant: Option<&Name>, text: impl Into<String>) -> Self {
        Self {
            kind,
            variant: variant.cloned(),
            text: text.into(),
            steps: Vec::new(),
        }
    }

    pub(super) fn with(mut self, steps: impl IntoIterator<Item = String>) -> Self {
        self.steps.extend(steps);
        self
    }
}

//! What was counted by day, and what it said on each.

use serde::Serialize;

use super::ends;
use crate::domain::results::{self, DayResults};
use crate::domain::statistics::Valued;

/// What a day (UTC) brought.
#[derive(Debug, Serialize)]
pub struct Day {
    /// As `2026-11-30`.
    pub day: String,
    pub variants: Vec<ParticipantsOfDay>,
    pub goals: Vec<GoalOfDay>,
}

/// The participants that a variant got on one day.
#[derive(Debug, Serialize)]
pub struct ParticipantsOfDay {
    pub variant: String,
    /// Of that day alone.
    pub participants: u64,
}

/// A goal on one day.
#[derive(Debug, Serialize)]
pub struct GoalOfDay {
    pub goal: String,
    pub variants: Vec<SideOfDay>,
}

/// A variant's side of a goal on one day.
#[derive(Debug, Serialize)]
pub struct SideOfDay {
    pub variant: String,
    /// Of that day alone.
    pub conversions: u64,
    /// Up to and including that day, a share of the participants; null without any.
    pub rate: Option<f64>,
    /// Of the rate: the 95 % interval at one look.
    pub interval: Option<[f64; 2]>,
    /// By how much the rate is above the control's, valid at every look.
    pub safe_interval: Option<[f64; 2]>,
    /// Where the goal has a value.
    pub worth: Option<WorthOfDay>,
}

/// What a variant's conversions are worth, by one day.
#[derive(Debug, Serialize)]
pub struct WorthOfDay {
    /// Of that day.
    pub total: f64,
    /// Up to and including that day: a participant; null with less than two participants.
    pub mean: Option<f64>,
    pub interval: Option<[f64; 2]>,
}

impl From<&DayResults<'_>> for Day {
    fn from(day: &DayResults) -> Self {
        Self {
            day: day.day.to_string(),
            variants: (day.participants.iter())
                .map(|(variant, participants)| ParticipantsOfDay {
                    variant: variant.to_string(),
                    participants: *participants,
                })
                .collect(),
            goals: (day.goals.iter())
                .map(|(goal, variants)| GoalOfDay {
                    goal: goal.to_string(),
                    variants: (variants.iter())
                        .map(|side| SideOfDay {
                            variant: side.variant.to_string(),
                            conversions: side.conversions,
                            rate: side.rate,
                            interval: side.proportion.map(|p| ends(p.interval())),
                            safe_interval: side.safe_interval.map(ends),
                            worth: side.worth.map(WorthOfDay::from),
                        })
                        .collect(),
                })
                .collect(),
        }
    }
}

impl From<results::WorthOfDay> for WorthOfDay {
    fn from(worth: results::WorthOfDay) -> Self {
        Self {
            total: worth.sums.total(),
            mean: worth.valued.map(Valued::mean),
            interval: worth.valued.map(|valued| ends(valued.interval())),
        }
    }
}

//! One goal: its variants, and each compared with the control.

use super::comparison::{Comparison, How, decide, judged};
use super::forecast::Forecast;
use super::history::{History, Series};
use super::measured::Known;
use super::plan::Shares;
use super::shown::Shown;
use super::{Variant, Verdict};
use crate::domain::statistics::{Proportion, Valued, chances_to_be_best};
use crate::domain::{Better, Day, Declared, ExperimentCounts, Goal, GoalValue, Name, Sums};

/// What a goal's conversions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalKind {
    /// At most one a participant: a rate.
    Proportion,
    /// At most one a participant, and each has a value: participants are compared by what they are worth.
    Value,
    /// As many as it comes: the statistics of rates do not hold.
    Count,
}

/// What the counts say about one goal.
#[derive(Clone, Debug)]
pub struct GoalResults {
    pub goal: Name,
    pub kind: GoalKind,
    pub better: Better,
    pub declared: bool,
    /// Whether it is declared to be counted once a visitor, or nothing is declared of it.
    pub unique: bool,
    /// Where it is of [`GoalKind::Value`].
    pub value: Option<GoalValue>,
    pub variants: Vec<GoalVariant>,
    /// Of variants that are not shown one by one.
    pub other_conversions: u64,
    pub verdict: Verdict,
    /// Where more participants may decide it.
    pub forecast: Option<Forecast>,
    pub(super) shares: Shares,
}

/// One variant's share of a goal.
#[derive(Clone, Debug)]
pub struct GoalVariant {
    pub variant: Name,
    pub participants: u64,
    pub conversions: u64,
    /// None where conversions are no share of participants, and for variants that are not compared.
    pub proportion: Option<Proportion>,
    /// What the conversions are worth.
    pub sums: Sums,
    /// What the participants are worth, where the goal is of [`GoalKind::Value`]; none for variants that are not
    /// compared, and with less than two participants.
    pub valued: Option<Valued>,
    /// None for the control, for variants that are not compared, and where there is no rate.
    pub versus_control: Option<Comparison>,
    /// The ends of days, and now.
    pub(super) looks: Vec<Looked>,
}

/// A variant at the end of a day, or now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    /// None where no days are known.
    pub day: Option<Day>,
    pub known: Known,
}

impl GoalVariant {
    /// Conversions a participant; none without participants.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.participants > 0).then(|| self.conversions as f64 / self.participants as f64)
    }

    /// What the conversions are worth, a participant; none without participants.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.participants > 0).then(|| self.sums.total() / self.participants as f64)
    }

    /// What one conversion is worth on average; none without any.
    #[must_use]
    pub fn per_conversion(&self) -> Option<f64> {
        (self.conversions > 0).then(|| self.sums.total() / self.conversions as f64)
    }

    pub(super) fn known(&self) -> Known {
        Known {
            proportion: self.proportion,
            valued: self.valued,
        }
    }

    /// The last of the days is that of now.
    fn look_back(&mut self, days: &[Day], past: &Past) {
        let at = |place: usize| {
            let participants = past.participants.sums[place];
            let worth = past.worth.map(|worth| worth[place]);
            Known {
                proportion: Proportion::new(past.conversions.sums[place], participants),
                valued: worth.and_then(|sums| Valued::new(participants, sums)),
            }
        };
        self.looks = (days.iter().enumerate())
            .map(|(place, day)| Looked {
                day: Some(*day),
                known: at(place),
            })
            .collect();
        let day = self.looks.pop().and_then(|last| last.day);
        let known = self.known();
        self.looks.push(Looked { day, known });
    }
}

/// A variant's counts up to the ends of days.
struct Past<'a> {
    participants: &'a Series,
    conversions: &'a Series,
    /// Of a goal with a value.
    worth: Option<&'a [Sums]>,
}

/// One variant beside another, for the matrix of pairs.
#[derive(Clone, Debug)]
pub struct Pair<'a> {
    pub variant: &'a Name,
    pub versus: &'a Name,
    pub comparison: Comparison,
}

impl GoalResults {
    /// These variants compared with each other, both ways; p-values are adjusted for all pairs of
    /// the goal.
    #[must_use]
    pub fn pairs(&self, among: &[&Name]) -> Vec<Pair<'_>> {
        let with_rate: Vec<&GoalVariant> = (self.variants.iter())
            .filter(|one| one.proportion.is_some() && among.contains(&&one.variant))
            .collect();
        let ordered = |versus: &GoalVariant, variant: &GoalVariant| {
            Comparison::of(&self.how(versus, variant), versus, variant)
        };
        let both = (with_rate.iter().enumerate()).flat_map(|(place, variant)| {
            (with_rate[..place].iter()).filter_map(move |versus| {
                let there = ordered(versus, variant)?;
                let back = ordered(variant, versus)?;
                Some(((*versus, *variant), (there, back)))
            })
        });
        // Both ways, it is the same question.
        let (sides, comparisons): (Vec<_>, Vec<_>) = both.unzip();
        let (mut there, mut back): (Vec<_>, Vec<_>) = comparisons.into_iter().unzip();
        decide(there.iter_mut().collect());
        decide(back.iter_mut().collect());
        (sides.into_iter().zip(there.into_iter().zip(back)))
            .flat_map(|((versus, variant), (there, back))| {
                let pair = |variant, versus, comparison| Pair {
                    variant,
                    versus,
                    comparison,
                };
                [
                    pair(&variant.variant, &versus.variant, there),
                    pair(&versus.variant, &variant.variant, back),
                ]
            })
            .collect()
    }

    /// How the second is compared with the first.
    pub(super) fn how(&self, control: &GoalVariant, variant: &GoalVariant) -> How<'_> {
        How {
            kind: self.kind,
            better: self.better,
            value: self.value.as_ref(),
            looking: self.shares.looking(&control.variant, &variant.variant),
        }
    }

    /// For each variant the chance that it has the best rate; none where there is no rate, or one only, and where
    /// what is compared is no rate.
    #[must_use]
    pub fn chances_to_be_best(&self) -> Vec<Option<f64>> {
        if self.kind != GoalKind::Proportion {
            return vec![None; self.variants.len()];
        }
        let with_rate: Vec<Proportion> = (self.variants.iter())
            .filter_map(|variant| Some(judged(self.better, variant.proportion?)))
            .collect();
        let several = with_rate.len() > 1;
        let mut chances = several
            .then(|| chances_to_be_best(&with_rate))
            .into_iter()
            .flatten();
        (self.variants.iter())
            .map(|variant| variant.proportion.and_then(|_| chances.next()))
            .collect()
    }
}

/// The declared goals in their order, then others in natural order. Without verdicts yet.
pub(super) fn all(
    counts: &ExperimentCounts,
    days: &[crate::domain::DayCount],
    declared: Option<&Declared>,
    shown: &Shown,
    variants: &[Variant],
    control: Option<&Name>,
) -> Vec<GoalResults> {
    let shares = Shares::of(declared);
    let declared = declared.map_or(&[][..], |declared| &declared.goals);
    let others = shown.goals.iter().map(|name| Goal::new((*name).clone()));
    let goals: Vec<Goal> = declared.iter().cloned().chain(others).collect();
    let names: Vec<&Name> = goals.iter().map(|goal| &goal.name).collect();
    let history = History::of(counts, days, variants, &names);
    (goals.iter().enumerate())
        .map(|(place, goal)| {
            let mut results = one(counts, goal, variants);
            results.declared = place < declared.len();
            results.shares = shares.clone();
            let all = shown.conversions.get(&goal.name).copied();
            let of_shown = results.variants.iter().map(|one| one.conversions);
            results.other_conversions =
                of_shown.fold(all.unwrap_or(0), |rest, one| rest.saturating_sub(one));
            for (at, variant) in results.variants.iter_mut().enumerate() {
                let past = Past {
                    participants: &history.participants[at],
                    conversions: &history.conversions[place][at],
                    worth: history.worth[place].get(at).map(|worth| &*worth.up_to),
                };
                variant.look_back(&history.days, &past);
            }
            compare(&mut results, control);
            results
        })
        .collect()
}

fn one(counts: &ExperimentCounts, goal: &Goal, variants: &[Variant]) -> GoalResults {
    let of = |variant: &Variant| counts.conversions(&goal.name, &variant.name);
    let exceeds = |variant: &Variant| variant.compared && of(variant) > variant.participants;
    // An API that knows of no values counts conversions all the same.
    let is_worth = counts.has_worth(&goal.name) || !variants.iter().any(|one| of(one) > 0);
    let kind = match goal.unique && !variants.iter().any(exceeds) {
        true if goal.value.is_some() && is_worth => GoalKind::Value,
        true => GoalKind::Proportion,
        false => GoalKind::Count,
    };
    let is_shown = |variant: &Variant| kind != GoalKind::Count && variant.compared;
    GoalResults {
        goal: goal.name.clone(),
        kind,
        better: goal.better,
        declared: false,
        unique: goal.unique,
        value: (goal.value.clone()).filter(|_| kind == GoalKind::Value),
        variants: (variants.iter())
            .map(|variant| GoalVariant {
                variant: variant.name.clone(),
                participants: variant.participants,
                conversions: of(variant),
                proportion: Proportion::new(of(variant), variant.participants)
                    .filter(|_| is_shown(variant)),
                sums: counts.worth(&goal.name, &variant.name),
                valued: (kind == GoalKind::Value && variant.compared)
                    .then(|| counts.worth(&goal.name, &variant.name))
                    .and_then(|sums| Valued::new(variant.participants, sums)),
                versus_control: None,
                looks: Vec::new(),
            })
            .collect(),
        other_conversions: 0,
        verdict: Verdict::default(),
        forecast: None,
        shares: Shares::default(),
    }
}

fn compare(goal: &mut GoalResults, control: Option<&Name>) {
    let is_control = |one: &GoalVariant| Some(&one.variant) == control;
    let Some(beside) = goal.variants.iter().find(|one| is_control(one)).cloned() else {
        return;
    };
    let compared = |one: &GoalVariant| match is_control(one) {
        true => None,
        false => Comparison::of(&goal.how(&beside, one), &beside, one),
    };
    let all: Vec<Option<Comparison>> = goal.variants.iter().map(compared).collect();
    for (variant, comparison) in goal.variants.iter_mut().zip(all) {
        variant.versus_control = comparison;
    }
}

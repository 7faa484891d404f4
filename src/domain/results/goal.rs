//! One goal: its variants, and each compared with the control.

use super::comparison::{Comparison, decide, judged};
use super::forecast::Forecast;
use super::history::{History, Series};
use super::plan::Shares;
use super::shown::Shown;
use super::{Variant, Verdict};
use crate::domain::statistics::{Proportion, chances_to_be_best};
use crate::domain::{Better, Day, Declared, ExperimentCounts, Goal, Name};

/// What a goal's conversions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalKind {
    /// At most one a participant: a rate.
    Proportion,
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
    /// None for the control, for variants that are not compared, and where there is no rate.
    pub versus_control: Option<Comparison>,
    /// The ends of days, and now.
    pub(super) looks: Vec<Looked>,
}

/// A variant's share at the end of a day, or now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    /// None where no days are known.
    pub day: Option<Day>,
    pub proportion: Option<Proportion>,
}

impl GoalVariant {
    /// Conversions a participant; none without participants.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.participants > 0).then(|| self.conversions as f64 / self.participants as f64)
    }

    /// The last of the days is that of now.
    fn look_back(&mut self, days: &[Day], participants: &Series, conversions: &Series) {
        let ends = participants.sums.iter().zip(&conversions.sums);
        self.looks = (days.iter().zip(ends))
            .map(|(day, (participants, conversions))| Looked {
                day: Some(*day),
                proportion: Proportion::new(*conversions, *participants),
            })
            .collect();
        let day = self.looks.pop().and_then(|last| last.day);
        let proportion = self.proportion;
        self.looks.push(Looked { day, proportion });
    }
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
            let looking = self.shares.looking(&versus.variant, &variant.variant);
            Comparison::of(self.better, looking, versus, variant)
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

    /// For each variant the chance that it is the best; none where there is no rate, or one only.
    #[must_use]
    pub fn chances_to_be_best(&self) -> Vec<Option<f64>> {
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
            let series = history.participants.iter().zip(&history.conversions[place]);
            for (variant, (participants, conversions)) in results.variants.iter_mut().zip(series) {
                variant.look_back(&history.days, participants, conversions);
            }
            compare(&mut results, control);
            results
        })
        .collect()
}

fn one(counts: &ExperimentCounts, goal: &Goal, variants: &[Variant]) -> GoalResults {
    let of = |variant: &Variant| counts.conversions(&goal.name, &variant.name);
    let exceeds = |variant: &Variant| variant.compared && of(variant) > variant.participants;
    let kind = match goal.unique && !variants.iter().any(exceeds) {
        true => GoalKind::Proportion,
        false => GoalKind::Count,
    };
    GoalResults {
        goal: goal.name.clone(),
        kind,
        better: goal.better,
        declared: false,
        unique: goal.unique,
        variants: (variants.iter())
            .map(|variant| GoalVariant {
                variant: variant.name.clone(),
                participants: variant.participants,
                conversions: of(variant),
                proportion: Proportion::new(of(variant), variant.participants)
                    .filter(|_| kind == GoalKind::Proportion && variant.compared),
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
    for variant in goal.variants.iter_mut().filter(|one| !is_control(one)) {
        let looking = goal.shares.looking(&beside.variant, &variant.variant);
        variant.versus_control = Comparison::of(goal.better, looking, &beside, variant);
    }
}

//! What the counts of an experiment say: its statistics, and a verdict in plain words.
//!
//! [`Results::of`] is all of it: who is compared with whom, which goals are proportions, what holds
//! after so many comparisons. Nothing here is read or written; the numbers come from
//! [`super::statistics`], the words from [`Verdict`].

mod alarms;
mod comparison;
mod days;
mod design;
mod forecast;
mod goal;
mod history;
mod judgement;
mod measured;
mod plan;
mod possible;
mod shown;
#[cfg(test)]
mod tests;
mod undecided;
mod verdict;
mod wording;

use self::alarms::Split;
use self::forecast::Traffic;
use self::judgement::Setting;

pub use self::comparison::{
    Comparison, Decision, EXPECTED_CONVERSIONS, MIN_CONVERSIONS, MIN_PARTICIPANTS, MIN_VALUES,
    Outcome, StillNeeded,
};
pub use self::days::{DayResults, WorthOfDay, by_day};
pub use self::design::Design;
pub use self::forecast::Forecast;
pub use self::goal::{GoalKind, GoalResults, GoalVariant, Pair};
pub use self::plan::Plan;
use self::shown::Shown;
pub use self::shown::{Others, SHOWN_GOALS, SHOWN_PAIRED, SHOWN_VARIANTS};
pub use self::verdict::{Verdict, VerdictKind};
pub use self::wording::{
    as_declared, chance, grouped, mean, percent, rate, rounded_up, span, tick,
};
use super::statistics::SampleRatio;
use super::{DayCount, Declared, ExperimentCounts, Name};

/// What an experiment's counts say, with one of its variants as the control.
#[derive(Clone, Debug)]
pub struct Results {
    pub experiment: Name,
    /// What others are compared with; none without any variant.
    pub control: Option<Name>,
    /// The variants that are declared, and the largest of the others that any event named: the one that is the control
    /// where no other is asked for, then the others in natural order.
    pub variants: Vec<Variant>,
    /// The variants and goals that are not shown one by one, and take no part in comparisons.
    pub others: Others,
    /// None where there is nothing to check: fewer than two variants, or no participants.
    pub sample_ratio: Option<SampleRatio>,
    /// The declared goals in their order, then the largest of the others in natural order.
    pub goals: Vec<GoalResults>,
    /// Of the sample ratio, else of the first goal that has one.
    pub verdict: Verdict,
    /// None without `planned_participants`.
    pub plan: Option<Plan>,
    /// That of the goal of the verdict.
    pub forecast: Option<Forecast>,
    /// Of the last full days, all variants together; none where no full day is known.
    pub participants_per_day: Option<f64>,
}

/// A variant and its participants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    pub name: Name,
    pub participants: u64,
    /// As declared. Where others are declared, a variant without a weight is shown but not compared.
    pub weight: Option<u32>,
    /// Whether it takes part in comparisons.
    pub compared: bool,
}

impl Variant {
    fn all(names: &[&Name], counts: &ExperimentCounts, declared: &[(Name, u32)]) -> Vec<Self> {
        (names.iter().copied())
            .map(|name| {
                let mut weights = declared.iter().filter(|(declared, _)| declared == name);
                let weight = weights.next().map(|(_, weight)| *weight);
                Self {
                    name: name.clone(),
                    participants: counts.participants(name),
                    weight,
                    compared: weight.is_some() || declared.is_empty(),
                }
            })
            .collect()
    }
}

impl Variant {
    /// The variants that visitors are split over, with their weights: the declared ones; where none is,
    /// all that have participants, in equal parts.
    fn split(variants: &[Self]) -> Vec<(&Self, u32)> {
        (variants.iter().filter(|variant| variant.compared))
            .filter_map(|variant| match variant.weight {
                None => (variant.participants > 0).then_some((variant, 1)),
                Some(0) => None,
                Some(weight) => Some((variant, weight)),
            })
            .collect()
    }
}

impl Results {
    /// Evaluates the counts, and those of each day where they are known. `control` goes before the
    /// declared one, where it is one of the variants compared.
    #[must_use]
    pub fn of(
        counts: &ExperimentCounts,
        days: &[DayCount],
        declared: Option<&Declared>,
        control: Option<&Name>,
    ) -> Self {
        let weights = declared.map_or(&[][..], |declared| &declared.variants);
        let wishes = [control, declared.and_then(Declared::control)];
        let shown = Shown::of(counts, declared, &wishes);
        let mut variants = Variant::all(&shown.variants, counts, weights);
        let control = choose(&variants, wishes);
        // The same order whatever the control is, as a snapshot has one for all of them.
        let first = choose(&variants, [None, wishes[1]]);
        variants.sort_by_key(|variant| Some(&variant.name) != first.as_ref());
        let split = Split::of(&variants);
        let sample_ratio = split.ratio();
        let mut goals = goal::all(counts, days, declared, &shown, &variants, control.as_ref());
        let setting = Setting {
            variants: &variants,
            control: control.as_ref(),
            minimum_effect: declared.and_then(|declared| declared.minimum_effect),
            plan: Plan::of(declared, &variants),
            traffic: Traffic::of(counts, days, &variants),
            is_running: declared.is_none_or(Declared::is_running),
        };
        adjust(&mut goals, setting.minimum_effect);
        let alarm = sample_ratio.as_ref().is_some_and(SampleRatio::alarm);
        let alarm = alarm.then(|| split.alarm(counts, days, &variants));
        let verdicts: Vec<(Verdict, Option<Forecast>)> = (goals.iter())
            .map(|goal| match &alarm {
                Some(alarm) => (alarm.clone(), None),
                None => judgement::of_goal(goal, &goals, &setting),
            })
            .collect();
        for (goal, (verdict, forecast)) in goals.iter_mut().zip(verdicts) {
            (goal.verdict, goal.forecast) = (verdict, forecast);
        }
        let (verdict, place) = match alarm {
            Some(alarm) => (alarm, None),
            None => judgement::of_experiment(&goals, &variants),
        };
        let participants_per_day = setting.traffic.and_then(|traffic| traffic.per_day);
        let (plan, forecast) = (setting.plan, place.and_then(|place| goals[place].forecast));
        Self {
            experiment: counts.experiment.clone(),
            control,
            variants,
            others: shown.others,
            sample_ratio,
            goals,
            verdict,
            plan,
            forecast,
            participants_per_day,
        }
    }

    /// Says with the alarm of the sample ratio how many events of crawlers were not counted, if any.
    pub fn note_crawlers(&mut self, ignored: u64) {
        let Some(step) = alarms::crawlers(ignored) else {
            return;
        };
        let of_goals = self.goals.iter_mut().map(|goal| &mut goal.verdict);
        for verdict in of_goals.chain([&mut self.verdict]) {
            if verdict.kind == VerdictKind::SampleRatio {
                // Before the last one: to start anew.
                let place = verdict.steps.len().saturating_sub(1);
                verdict.steps.insert(place, step.clone());
            }
        }
    }

    /// Withholds all verdicts, where the experiment was changed while it ran.
    pub fn withhold(&mut self, changes: &[String]) {
        let Some(verdict) = alarms::changed(changes) else {
            return;
        };
        for goal in &mut self.goals {
            (goal.verdict, goal.forecast) = (verdict.clone(), None);
        }
        (self.verdict, self.forecast) = (verdict, None);
    }

    /// How many participants there are in all.
    #[must_use]
    pub fn participants(&self) -> u64 {
        let each = self.variants.iter().map(|variant| variant.participants);
        each.fold(self.others.participants, u64::saturating_add)
    }

    /// Whether the sample ratio raises the alarm, which withholds all other verdicts.
    #[must_use]
    pub fn has_alarm(&self) -> bool {
        self.sample_ratio.as_ref().is_some_and(SampleRatio::alarm)
    }

    /// The variants that are worth comparing with each other: those that are declared, else the largest,
    /// and the control.
    #[must_use]
    pub fn principal(&self) -> Vec<&Name> {
        shown::principal(&self.variants, self.control.as_ref())
    }

    /// The comparisons that are decided, one way or the other: goal, variant, and how it compares.
    pub fn decided(&self) -> impl Iterator<Item = (&Name, &Name, Outcome)> {
        let trusted = !self.has_alarm() && self.verdict.kind != VerdictKind::Changed;
        (self.goals.iter())
            .flat_map(|goal| {
                goal.variants
                    .iter()
                    .map(move |variant| (&goal.goal, variant))
            })
            .filter_map(|(goal, variant)| {
                let outcome = variant.versus_control.as_ref()?.outcome()?;
                Some((goal, &variant.variant, outcome))
            })
            .filter(move |_| trusted)
    }
}

/// The first of the wishes that is a variant compared, else the first such variant.
fn choose(variants: &[Variant], wishes: [Option<&Name>; 2]) -> Option<Name> {
    let compared: Vec<&Name> = (variants.iter())
        .filter(|variant| variant.compared)
        .map(|variant| &variant.name)
        .collect();
    let mut wishes = wishes.into_iter().flatten();
    let wish = wishes.find(|wish| compared.contains(wish));
    wish.or(compared.first().copied()).cloned()
}

/// Takes into account how many comparisons of the experiment there are: Holm's adjustment.
fn adjust(goals: &mut [GoalResults], minimum_effect: Option<f64>) {
    let mut comparisons: Vec<&mut Comparison> = (goals.iter_mut())
        .flat_map(|goal| &mut goal.variants)
        .filter_map(|variant| variant.versus_control.as_mut())
        .collect();
    let number = comparisons.len();
    for comparison in &mut comparisons {
        comparison.foresee(minimum_effect, number);
    }
    comparison::decide(comparisons);
}

//! From the numbers to the verdict.

use super::Variant;
use super::goal::{
    Comparison, GoalKind, GoalResults, GoalVariant, MIN_CONVERSIONS, MIN_PARTICIPANTS,
};
use super::verdict::{Verdict, VerdictKind};
use super::wording::{about, grouped, percent, span};
use crate::domain::Name;

/// The verdict of the experiment where the sample ratio is in order: that of the first goal that is a
/// proportion, else of the first.
pub(super) fn of_experiment(goals: &[GoalResults], variants: &[Variant]) -> Verdict {
    if variants.iter().all(|variant| variant.participants == 0) && goals.is_empty() {
        return Verdict::default();
    }
    let proportion = goals.iter().find(|goal| goal.kind == GoalKind::Proportion);
    match proportion.or(goals.first()) {
        None => Verdict::new(VerdictKind::NoGoal, None, "no goal reached yet"),
        Some(goal) if goals.len() == 1 => goal.verdict.clone(),
        Some(goal) => Verdict {
            text: format!("{}: {}", goal.goal, goal.verdict.text),
            ..goal.verdict.clone()
        },
    }
}

fn participants_of(number: u64) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} participant{plural}", grouped(number as f64))
}

/// The alarm, with the variant that is off the most.
pub(super) fn sample_ratio(split: &[(&Variant, u32)]) -> Verdict {
    let participants: f64 = split
        .iter()
        .map(|(variant, _)| variant.participants as f64)
        .sum();
    let weights: f64 = split.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let expected = |weight: u32| participants * f64::from(weight) / weights;
    let off = |(variant, weight): &(&Variant, u32)| {
        (variant.participants as f64 - expected(*weight)).abs() / expected(*weight).sqrt()
    };
    let most = split.iter().max_by(|a, b| off(a).total_cmp(&off(b)));
    let is_declared = split.iter().any(|(variant, _)| variant.weight.is_some());
    let (expects, advice) = if is_declared {
        (
            "its weight expects",
            "find out why before you trust any result",
        )
    } else {
        (
            "equal parts would be",
            "declare the weights if they are not equal, else find out why before you trust any result",
        )
    };
    let detail = most.map_or_else(String::new, |(variant, weight)| {
        format!(
            ": {} has {} where {expects} {}",
            variant.name,
            participants_of(variant.participants),
            grouped(expected(*weight))
        )
    });
    Verdict::new(
        VerdictKind::SampleRatio,
        most.map(|(variant, _)| &variant.name),
        format!("the sample ratio is off{detail}; {advice}"),
    )
}

/// The verdict of one goal where the sample ratio is in order.
pub(super) fn of_goal(
    goal: &GoalResults,
    variants: &[Variant],
    control: Option<&Name>,
    minimum_effect: Option<f64>,
) -> Verdict {
    let compared = variants.iter().filter(|variant| variant.compared).count();
    let Some(control) = control.filter(|_| compared > 1) else {
        return Verdict::new(
            VerdictKind::NoComparison,
            None,
            "one variant only: there is nothing to compare",
        );
    };
    if goal.kind == GoalKind::Count {
        return count(goal, variants);
    }
    let sides: Vec<Side> = goal.variants.iter().filter_map(Side::of).collect();
    let ripe: Vec<&Side> = sides
        .iter()
        .filter(|side| side.comparison.is_ripe())
        .collect();
    if ripe.is_empty() {
        return Verdict::new(
            VerdictKind::TooEarly,
            None,
            format!(
                "too early: a verdict takes {MIN_PARTICIPANTS} participants and {MIN_CONVERSIONS} \
                 conversions of each variant"
            ),
        );
    }
    won(&ripe, control)
        .or_else(|| lost(&sides, &ripe, control))
        .or_else(|| equivalent(&sides, minimum_effect))
        .unwrap_or_else(|| undecided(&ripe))
}

/// Why rates are not compared.
fn count(goal: &GoalResults, variants: &[Variant]) -> Verdict {
    let mut compared = (goal.variants.iter().zip(variants))
        .filter_map(|(side, variant)| variant.compared.then_some(side));
    let ghost = compared
        .clone()
        .find(|side| side.participants == 0 && side.conversions > 0);
    let exceeds = compared.any(|side| side.conversions > side.participants);
    let text = match ghost {
        Some(side) => format!(
            "{} has conversions but no participants, so no rates are compared: do its exposures arrive?",
            side.variant
        ),
        None if exceeds => "counts, not a proportion: there are more conversions than participants, so no \
                            rates are compared"
            .to_owned(),
        None => "counts, not a proportion: a visitor may convert more than once, so no rates are compared"
            .to_owned(),
    };
    Verdict::new(VerdictKind::Count, ghost.map(|side| &side.variant), text)
}

/// A variant and how it compares.
struct Side<'a> {
    variant: &'a Name,
    comparison: &'a Comparison,
}

impl<'a> Side<'a> {
    fn of(variant: &'a GoalVariant) -> Option<Self> {
        Some(Self {
            variant: &variant.variant,
            comparison: variant.versus_control.as_ref()?,
        })
    }

    fn is_better(&self) -> bool {
        self.comparison.is_decided() && self.comparison.difference > 0.0
    }

    fn is_worse(&self) -> bool {
        self.comparison.is_decided() && self.comparison.difference < 0.0
    }

    fn rate(&self) -> f64 {
        self.comparison.variant.rate()
    }

    /// `+12 % (3 to 21)`, or in points where there is no lift to speak of.
    fn effect(&self) -> String {
        let Comparison {
            difference,
            lift,
            sequential,
            ..
        } = self.comparison;
        let sequential = sequential.as_ref();
        let lift_interval = sequential.and_then(|s| s.lift_interval);
        match (lift, lift_interval, sequential) {
            (Some(lift), Some(interval), _) => span(*lift, [interval.low, interval.high], " %"),
            (_, _, Some(s)) => span(*difference, [s.interval.low, s.interval.high], " points"),
            (_, _, None) => String::new(),
        }
    }
}

fn won(ripe: &[&Side], control: &Name) -> Option<Verdict> {
    let winners = || ripe.iter().filter(|side| side.is_better());
    let best = winners().max_by(|a, b| a.rate().total_cmp(&b.rate()))?;
    let others: Vec<&str> = winners()
        .filter(|side| side.variant != best.variant)
        .map(|side| side.variant.as_str())
        .collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("; better, too: {}", others.join(", ")),
    };
    Some(Verdict::new(
        VerdictKind::Winner,
        Some(best.variant),
        format!(
            "{} is better than {control}: {}, safe to stop{others}",
            best.variant,
            best.effect()
        ),
    ))
}

fn lost(sides: &[Side], ripe: &[&Side], control: &Name) -> Option<Verdict> {
    let losers: Vec<&&Side> = ripe.iter().filter(|side| side.is_worse()).collect();
    let worst = losers.iter().min_by(|a, b| a.rate().total_cmp(&b.rate()))?;
    let all: Vec<String> = (losers.iter())
        .map(|side| format!("{} {}", side.variant, side.effect()))
        .collect();
    if losers.len() == sides.len() {
        return Some(Verdict::new(
            VerdictKind::ControlBest,
            Some(control),
            format!(
                "{control}, the control, is the best: {}, safe to stop",
                all.join(", ")
            ),
        ));
    }
    Some(Verdict::new(
        VerdictKind::Loser,
        Some(worst.variant),
        format!(
            "worse than {control}: {}; the others are still open",
            all.join(", ")
        ),
    ))
}

fn equivalent(sides: &[Side], minimum_effect: Option<f64>) -> Option<Verdict> {
    let effect = minimum_effect?;
    let within = |side: &Side| {
        let interval = side
            .comparison
            .sequential
            .as_ref()
            .and_then(|s| s.lift_interval);
        side.comparison.is_ripe() && interval.is_some_and(|i| i.low > -effect && i.high < effect)
    };
    sides.iter().all(within).then(|| {
        Verdict::new(
            VerdictKind::Equivalent,
            None,
            format!(
                "no difference of {} or more: safe to stop",
                percent(effect, 0)
            ),
        )
    })
}

/// How long still: of the undecided variant that seems the best.
fn undecided(ripe: &[&Side]) -> Verdict {
    let open = ripe.iter().filter(|side| !side.comparison.is_decided());
    let best = open.max_by(|a, b| a.rate().total_cmp(&b.rate()));
    let needed = best
        .map(|side| side.comparison.still_needed)
        .unwrap_or_default();
    let variant = best.map(|side| side.variant);
    let at_minimum = match needed.for_minimum_effect {
        None | Some(0) => String::new(),
        Some(more) => format!(
            "; about {} would show the smallest effect declared",
            about(more)
        ),
    };
    let text = match needed.for_effect_seen {
        None => format!("keep going: no difference to be seen so far{at_minimum}"),
        Some(0) => format!("keep going: it is close{at_minimum}"),
        Some(more) => format!(
            "keep going: about {} more participants a variant, if the effect is as it looks now{at_minimum}",
            about(more)
        ),
    };
    Verdict::new(VerdictKind::KeepGoing, variant, text)
}

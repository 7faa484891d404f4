//! From the numbers to the verdict.

use super::Variant;
use super::comparison::{Comparison, MIN_CONVERSIONS, MIN_PARTICIPANTS, Outcome};
use super::goal::{GoalKind, GoalResults, GoalVariant};
use super::verdict::{Verdict, VerdictKind};
use super::wording::{about, grouped, nearest, percent, short, span};
use crate::domain::{Better, Name};

/// With so many participants, a declared goal that was never reached is more likely not sent.
const PARTICIPANTS_WITHOUT_GOAL: u64 = 10_000;

/// The verdict of the experiment where the sample ratio is in order: that of the first goal with an
/// alarm, else of the first that is a proportion, else of the first.
pub(super) fn of_experiment(goals: &[GoalResults], variants: &[Variant]) -> Verdict {
    if variants.iter().all(|variant| variant.participants == 0) && goals.is_empty() {
        return Verdict::default();
    }
    let find = |wanted: fn(&GoalResults) -> bool| goals.iter().find(|goal| wanted(goal));
    let alarm = find(|goal| goal.verdict.kind == VerdictKind::TooManyConversions);
    let proportion = find(|goal| goal.kind == GoalKind::Proportion);
    match alarm.or(proportion).or(goals.first()) {
        None => Verdict::new(VerdictKind::NoGoal, None, "no conversions yet"),
        Some(goal) if goals.len() == 1 => goal.verdict.clone(),
        Some(goal) => Verdict {
            text: format!("{}: {}", goal.goal, goal.verdict.text),
            ..goal.verdict.clone()
        },
    }
}

fn participants_of(number: u64) -> String {
    number_of(number, "participant")
}

fn number_of(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number as f64))
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
            "by its weight",
            "find the cause before you trust any result",
        )
    } else {
        (
            "with equal weights",
            "declare the weights if they are not equal, otherwise find the cause before you trust any result",
        )
    };
    let detail = most.map_or_else(String::new, |(variant, weight)| {
        format!(
            ": {} has {}, expected {} {expects}",
            variant.name,
            participants_of(variant.participants),
            grouped(expected(*weight))
        )
    });
    Verdict::new(
        VerdictKind::SampleRatio,
        most.map(|(variant, _)| &variant.name),
        format!("sample ratio mismatch{detail}; {advice}"),
    )
}

/// The verdict on an experiment that was changed while it ran; none where nothing was.
pub(super) fn changed(changes: &[String]) -> Option<Verdict> {
    (!changes.is_empty()).then(|| {
        let text = format!(
            "the config was changed while the experiment ran: {}; undo the change, or start a new run with \
             `lamed restart`",
            changes.join("; ")
        );
        Verdict::new(VerdictKind::Changed, None, text)
    })
}

/// The verdict of one goal where the sample ratio is in order.
pub(super) fn of_goal(
    goal: &GoalResults,
    all: &[GoalResults],
    variants: &[Variant],
    control: Option<&Name>,
    minimum_effect: Option<f64>,
) -> Verdict {
    if let Some(alarm) = too_many(goal, variants) {
        return alarm;
    }
    let compared = variants.iter().filter(|variant| variant.compared).count();
    let Some(control) = control.filter(|_| compared > 1) else {
        return Verdict::new(
            VerdictKind::NoComparison,
            None,
            "only one variant: cannot compare",
        );
    };
    if goal.kind == GoalKind::Count {
        return count(goal, variants);
    }
    if let Some(missing) = missing(goal, all, variants) {
        return missing;
    }
    let sides: Vec<Side> = goal.variants.iter().filter_map(Side::of).collect();
    let is_judged = |side: &&Side| side.comparison.is_ripe() || side.comparison.decision.is_some();
    let ripe: Vec<&Side> = sides.iter().filter(is_judged).collect();
    if ripe.is_empty() {
        return Verdict::new(
            VerdictKind::TooEarly,
            None,
            format!(
                "too early: a verdict needs {MIN_PARTICIPANTS} participants and {MIN_CONVERSIONS} \
                 conversions of each variant"
            ),
        );
    }
    won(&ripe, control)
        .or_else(|| lost(&sides, &ripe, control))
        .or_else(|| equivalent(&sides, minimum_effect))
        .unwrap_or_else(|| undecided(&ripe))
}

/// The alarm of a goal that is declared to be counted once a visitor, and cannot have been.
fn too_many(goal: &GoalResults, variants: &[Variant]) -> Option<Verdict> {
    if !(goal.declared && goal.unique && goal.kind == GoalKind::Count) {
        return None;
    }
    let mut compared = (goal.variants.iter().zip(variants)).filter(|(_, one)| one.compared);
    let (side, _) = compared.find(|(side, _)| side.conversions > side.participants)?;
    Some(Verdict::new(
        VerdictKind::TooManyConversions,
        Some(&side.variant),
        format!(
            "{} has {} but only {}, and the goal counts once per visitor: participants are lost, events are \
             counted twice, or visitors from before a delete convert; find the cause before you trust \
             any result",
            side.variant,
            number_of(side.conversions, "conversion"),
            participants_of(side.participants),
        ),
    ))
}

/// A declared goal that should have arrived by now.
fn missing(goal: &GoalResults, all: &[GoalResults], variants: &[Variant]) -> Option<Verdict> {
    let compared = variants.iter().filter(|variant| variant.compared);
    let participants = compared.fold(0, |sum: u64, one| sum.saturating_add(one.participants));
    let reached = goal.other_conversions > 0 || goal.variants.iter().any(|v| v.conversions > 0);
    if !goal.declared || reached || participants < PARTICIPANTS_WITHOUT_GOAL {
        return None;
    }
    let undeclared = all.iter().filter(|other| !other.declared);
    let near = nearest(&goal.goal, undeclared.map(|other| &other.goal));
    let near = near.map_or_else(String::new, |name| {
        format!("; the goal `{name}` arrives, but it is not declared")
    });
    Some(Verdict::new(
        VerdictKind::GoalMissing,
        None,
        format!(
            "no conversions of {}: check that your pages send this goal{near}",
            participants_of(participants)
        ),
    ))
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
            "{} has conversions but no participants: rates cannot be compared; check that your pages send its \
             participants",
            side.variant
        ),
        None if exceeds => {
            "counts only: there are more conversions than participants, so rates are not compared"
                .to_owned()
        }
        None => "counts only: a visitor can convert more than once, so rates are not compared"
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

    fn is(&self, outcome: Outcome) -> bool {
        self.comparison.outcome() == Some(outcome)
    }

    /// The higher, the better.
    fn merit(&self) -> f64 {
        let rate = self.comparison.variant.rate();
        match self.comparison.better {
            Better::Higher => rate,
            Better::Lower => -rate,
        }
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

/// What is to be known where a lower rate is the better one.
fn which(sides: &[&Side]) -> &'static str {
    match sides.first().map(|side| side.comparison.better) {
        Some(Better::Lower) => " (lower is better)",
        _ => "",
    }
}

/// What was decided at the end of a day, and would not be now.
fn since(sides: &[&Side]) -> String {
    let faded = sides.iter().filter_map(|side| {
        let decision = side.comparison.decision.filter(|decision| decision.faded)?;
        let of = match sides.len() {
            1 => String::new(),
            _ => format!("{} was ", side.variant),
        };
        Some(format!(
            "; {of}decided on {}, less clear now",
            short(decision.day?)
        ))
    });
    faded.collect()
}

fn won(ripe: &[&Side], control: &Name) -> Option<Verdict> {
    let winners: Vec<&Side> = (ripe.iter().copied())
        .filter(|side| side.is(Outcome::Better))
        .collect();
    let best = (winners.iter().copied()).max_by(|a, b| a.merit().total_cmp(&b.merit()))?;
    let others: Vec<&str> = (winners.iter())
        .filter(|side| side.variant != best.variant)
        .map(|side| side.variant.as_str())
        .collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("; also better: {}", others.join(", ")),
    };
    Some(Verdict::new(
        VerdictKind::Winner,
        Some(best.variant),
        format!(
            "{} is better than {control}{}: {}, safe to stop{others}{}",
            best.variant,
            which(&winners),
            best.effect(),
            since(&winners)
        ),
    ))
}

fn lost(sides: &[Side], ripe: &[&Side], control: &Name) -> Option<Verdict> {
    let losers: Vec<&Side> = (ripe.iter().copied())
        .filter(|side| side.is(Outcome::Worse))
        .collect();
    let worst = losers
        .iter()
        .min_by(|a, b| a.merit().total_cmp(&b.merit()))?;
    let (which, since) = (which(&losers), since(&losers));
    let all: Vec<String> = (losers.iter())
        .map(|side| format!("{} {}", side.variant, side.effect()))
        .collect();
    if losers.len() == sides.len() {
        return Some(Verdict::new(
            VerdictKind::ControlBest,
            Some(control),
            format!(
                "the control {control} is the best{which}: {}, safe to stop{since}",
                all.join(", ")
            ),
        ));
    }
    Some(Verdict::new(
        VerdictKind::Loser,
        Some(worst.variant),
        format!(
            "worse than {control}{which}: {}; the others are not decided yet{since}",
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
    let open = (ripe.iter()).filter(|side| side.comparison.decision.is_none());
    let best = open.max_by(|a, b| a.merit().total_cmp(&b.merit()));
    let needed = best
        .map(|side| side.comparison.still_needed)
        .unwrap_or_default();
    let variant = best.map(|side| side.variant);
    let at_minimum = match needed.for_minimum_effect {
        None | Some(0) => String::new(),
        Some(more) => format!("; about {} for the declared minimum effect", about(more)),
    };
    let text = match needed.for_effect_seen {
        None => format!("keep going: no difference so far{at_minimum}"),
        Some(0) => format!("keep going: almost decided{at_minimum}"),
        Some(more) => format!(
            "keep going: about {} more participants per variant, if the effect stays the same{at_minimum}",
            about(more)
        ),
    };
    Verdict::new(VerdictKind::KeepGoing, variant, text)
}

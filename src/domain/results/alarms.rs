//! What is wrong with the counts, and what to do about it.

use super::Variant;
use super::goal::{GoalKind, GoalResults};
use super::history::History;
use super::verdict::{Verdict, VerdictKind};
use super::wording::{called, grouped, list, nearest, number_of, short};
use crate::domain::statistics::{SampleRatio, sample_ratio};
use crate::domain::{Day, DayCount, ERROR, ExperimentCounts, Name};

/// With so many participants, a declared goal that was never reached is more likely not sent.
const PARTICIPANTS_WITHOUT_GOAL: u64 = 10_000;

/// What stands under each alarm.
const UNTIL_YOU_KNOW: &str = "Do not use the results until you know why";

fn visitors(number: u64) -> String {
    number_of(number, "visitor")
}

/// How visitors were split, against how they should have been.
pub(super) struct Split<'a> {
    sides: Vec<(&'a Variant, u32)>,
    participants: f64,
    weights: f64,
}

/// Crawlers may be one of the causes, where a variant draws more of them.
pub(super) fn crawlers(ignored: u64) -> Option<String> {
    (ignored > 0).then(|| {
        format!(
            "The server has ignored {} from crawlers since it started. Your own automated tests may be among them.",
            number_of(ignored, "event")
        )
    })
}

impl<'a> Split<'a> {
    pub(super) fn of(variants: &'a [Variant]) -> Self {
        let sides = Variant::split(variants);
        let (participants, weights) = (sides.iter()).fold((0.0, 0.0), |sum, (variant, weight)| {
            (
                sum.0 + variant.participants as f64,
                sum.1 + f64::from(*weight),
            )
        });
        Self {
            sides,
            participants,
            weights,
        }
    }

    pub(super) fn ratio(&self) -> Option<SampleRatio> {
        let counts: Vec<(u64, u32)> = (self.sides.iter())
            .map(|(variant, weight)| (variant.participants, *weight))
            .collect();
        sample_ratio(&counts)
    }

    fn expected(&self, weight: u32) -> f64 {
        self.participants * f64::from(weight) / self.weights
    }

    /// In standard errors; below 0 where visitors are missing.
    fn off(&self, (variant, weight): &(&Variant, u32)) -> f64 {
        (variant.participants as f64 - self.expected(*weight)) / self.expected(*weight).sqrt()
    }

    /// The alarm, with the variant that is off the most.
    pub(super) fn alarm(
        &self,
        counts: &ExperimentCounts,
        days: &[DayCount],
        variants: &[Variant],
    ) -> Verdict {
        let most =
            (self.sides.iter()).max_by(|a, b| self.off(a).abs().total_cmp(&self.off(b).abs()));
        let (name, detail) = match most {
            None => (None, String::new()),
            Some((variant, weight)) => (
                Some(&variant.name),
                format!(
                    ": {} instead of about {} saw “{}”",
                    grouped(variant.participants as f64),
                    grouped(self.expected(*weight)),
                    variant.name
                ),
            ),
        };
        let text = format!("Visitors are split unevenly{detail}. {UNTIL_YOU_KNOW}");
        let began = self.first_day(counts, days, variants).map(|(day, is_first)| match is_first {
            true => format!("The split has been uneven since the first day, {}.", short(day)),
            false => format!(
                "The uneven split was first seen at the end of {}. Look for what changed on that day or shortly before.",
                short(day)
            ),
        });
        let steps = [
            began,
            self.lacking(),
            self.errors(counts),
            undeclared(variants),
            self.undeclared_weights(),
            Some(
                "Fix the cause, then use `lamed restart`: the new run counts from 0, because the old counts stay wrong."
                    .to_owned(),
            ),
        ];
        Verdict::new(VerdictKind::SampleRatio, name, text).with(steps.into_iter().flatten())
    }

    /// The first day that ended with the alarm, and whether there was none before it.
    fn first_day(
        &self,
        counts: &ExperimentCounts,
        days: &[DayCount],
        variants: &[Variant],
    ) -> Option<(Day, bool)> {
        let history = History::of(counts, days, variants, &[]);
        let places: Vec<(usize, u32)> = (variants.iter().enumerate())
            .filter_map(|(place, variant)| {
                let mut sides = self.sides.iter();
                let (_, weight) = sides.find(|(side, _)| side.name == variant.name)?;
                Some((place, *weight))
            })
            .collect();
        let first = (0..history.days.len()).find(|day| {
            let so_far: Vec<(u64, u32)> = (places.iter())
                .map(|(place, weight)| (history.participants[*place].sums[*day], *weight))
                .collect();
            sample_ratio(&so_far).is_some_and(|ratio| ratio.alarm())
        })?;
        Some((history.days[first], first == 0))
    }

    fn lacking(&self) -> Option<String> {
        let least = (self.sides.iter()).min_by(|a, b| self.off(a).total_cmp(&self.off(b)))?;
        let (variant, weight) = least;
        let missing = self.expected(*weight) - variant.participants as f64;
        (missing >= 1.0).then(|| {
            format!(
                "About {} of “{}” are missing. Check that this variant loads as fast as the others, does not redirect \
                 before it is counted, and works in every browser.",
                visitors(missing.round() as u64),
                variant.name
            )
        })
    }

    /// Errors of pages: code of a variant that fails keeps its visitors from being counted.
    fn errors(&self, counts: &ExperimentCounts) -> Option<String> {
        let error = Name::stored(ERROR.to_owned());
        let mut found: Vec<(&Name, u64)> = (self.sides.iter())
            .map(|(variant, _)| (&variant.name, counts.conversions(&error, &variant.name)))
            .collect();
        found.sort_by_key(|(_, errors)| std::cmp::Reverse(*errors));
        let (worst, most) = found.first().filter(|(_, errors)| *errors > 0)?;
        let others: Vec<String> = (found[1..].iter())
            .map(|(name, errors)| format!("{name}: {}", grouped(*errors as f64)))
            .collect();
        Some(format!(
            "The code of {} failed for {} ({}). Look in the browser console, and fix it.",
            called(worst),
            visitors(*most),
            others.join(", ")
        ))
    }

    fn undeclared_weights(&self) -> Option<String> {
        let is_declared = |(variant, _): &(&Variant, u32)| variant.weight.is_some();
        (!self.sides.iter().any(is_declared)).then(|| {
            "If the variants should not get equally many visitors, declare their weights in the config.".to_owned()
        })
    }
}

/// Visitors of variants that nobody declared are missing elsewhere.
fn undeclared(variants: &[Variant]) -> Option<String> {
    let undeclared = (variants.iter()).filter(|one| !one.compared && one.participants > 0);
    let (mut names, mut number) = (Vec::new(), 0_u64);
    for variant in undeclared {
        names.push(&variant.name);
        number = number.saturating_add(variant.participants);
    }
    (!names.is_empty()).then(|| {
        format!(
            "{} saw variants that are not declared: {}. Correct the names in your pages, or declare them.",
            visitors(number),
            list(&names)
        )
    })
}

/// The verdict on an experiment that was changed while it ran; none where nothing was.
pub(super) fn changed(changes: &[String]) -> Option<Verdict> {
    (!changes.is_empty()).then(|| {
        let text = format!(
            "The config was changed while the experiment ran: {}. Do not use the results",
            changes.join("; ")
        );
        Verdict::new(VerdictKind::Changed, None, text)
            .with(["Undo the change, or start a new run with `lamed restart`.".to_owned()])
    })
}

/// The alarm of a goal that is declared to be counted once a visitor, and cannot have been.
pub(super) fn too_many(goal: &GoalResults, variants: &[Variant]) -> Option<Verdict> {
    if !(goal.declared && goal.unique && goal.kind == GoalKind::Count) {
        return None;
    }
    let mut compared = (goal.variants.iter().zip(variants)).filter(|(_, one)| one.compared);
    let (side, _) = compared.find(|(side, _)| side.conversions > side.participants)?;
    let text = format!(
        "{} has {} but only {}, and the goal counts once per visitor. {UNTIL_YOU_KNOW}",
        called(&side.variant),
        number_of(side.conversions, "conversion"),
        visitors(side.participants),
    );
    let steps = [
        "Check that every page that sends the goal also counts the visitor.",
        "Check that no other code sends the goal a second time with another idempotency key.",
        "If counts were deleted: earlier visitors still convert. Start a new run with `lamed restart`.",
    ];
    let alarm = Verdict::new(VerdictKind::TooManyConversions, Some(&side.variant), text);
    Some(alarm.with(steps.map(str::to_owned)))
}

/// A declared goal that should have arrived by now.
pub(super) fn missing(
    goal: &GoalResults,
    all: &[GoalResults],
    participants: u64,
) -> Option<Verdict> {
    let reached = goal.other_conversions > 0 || goal.variants.iter().any(|v| v.conversions > 0);
    if !goal.declared || reached || participants < PARTICIPANTS_WITHOUT_GOAL {
        return None;
    }
    let undeclared = all.iter().filter(|other| !other.declared);
    let near = nearest(&goal.goal, undeclared.map(|other| &other.goal));
    let near = near.map_or_else(String::new, |name| {
        format!(". The goal `{name}` arrives, but it is not declared")
    });
    let text = format!(
        "No conversions of {}: check that your pages send this goal{near}",
        visitors(participants)
    );
    Some(Verdict::new(VerdictKind::GoalMissing, None, text))
}

/// Why rates are not compared.
pub(super) fn count(goal: &GoalResults, variants: &[Variant]) -> Verdict {
    let mut compared = (goal.variants.iter().zip(variants))
        .filter_map(|(side, variant)| variant.compared.then_some(side));
    let ghost = compared
        .clone()
        .find(|side| side.participants == 0 && side.conversions > 0);
    let exceeds = compared.any(|side| side.conversions > side.participants);
    let why = match ghost {
        Some(side) => {
            let name = called(&side.variant);
            let text = format!(
                "{name} has conversions but no visitors: no winner chosen. Check that your pages count the visitors of \
                 {name}"
            );
            return Verdict::new(VerdictKind::Count, Some(&side.variant), text);
        }
        None if exceeds => "Some visitors did this more than once",
        None => "A visitor can do this more than once",
    };
    let text = format!("{why}: averages shown, no winner chosen");
    Verdict::new(VerdictKind::Count, None, text)
}

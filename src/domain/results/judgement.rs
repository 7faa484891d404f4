//! From the numbers to the verdict.

use super::Variant;
use super::alarms::{count, missing, too_many};
use super::comparison::{Comparison, MIN_CONVERSIONS, MIN_PARTICIPANTS, MIN_VALUES, Outcome};
use super::forecast::{Forecast, Traffic};
use super::goal::{GoalKind, GoalResults, GoalVariant};
use super::plan::{Plan, compared};
use super::undecided::undecided;
use super::verdict::{Verdict, VerdictKind};
use super::wording::{called, change, change_of_mean, list, number_of, percent, short};
use crate::domain::{Better, Name};

/// What a verdict allows: to use the command of this name.
const SHIP: &str = ". You can ship it";
const STOP: &str = ". You can stop";

/// What all goals of an experiment have in common.
pub(super) struct Setting<'a> {
    pub variants: &'a [Variant],
    pub control: Option<&'a Name>,
    pub minimum_effect: Option<f64>,
    pub plan: Option<Plan>,
    pub traffic: Option<Traffic>,
    /// Whether more participants come.
    pub is_running: bool,
}

impl Setting<'_> {
    /// What a verdict ends with that needs no more participants: there may be better days to decide.
    fn now(&self, allowed: &'static str) -> &'static str {
        if self.is_running && self.full_week().is_none() {
            allowed
        } else {
            ""
        }
    }

    /// A difference that is found within days may be one of those days.
    fn full_week(&self) -> Option<String> {
        let elapsed = self.traffic.filter(|_| self.is_running)?.elapsed();
        (elapsed < 7).then(|| {
            format!(
                "Wait for a full week: only {} counted so far, and visitors of weekdays and weekends differ.",
                match elapsed {
                    1 => "1 day is".to_owned(),
                    _ => format!("{} are", number_of(elapsed, "day")),
                }
            )
        })
    }
}

/// The verdict of the experiment where the sample ratio is in order, and the place of its goal: the first goal with
/// an alarm, else the first that is compared, else the first.
pub(super) fn of_experiment(
    goals: &[GoalResults],
    variants: &[Variant],
) -> (Verdict, Option<usize>) {
    if variants.iter().all(|variant| variant.participants == 0) && goals.is_empty() {
        return (Verdict::default(), None);
    }
    let find = |wanted: fn(&GoalResults) -> bool| goals.iter().position(wanted);
    let alarm = find(|goal| goal.verdict.kind == VerdictKind::TooManyConversions);
    let compared = find(|goal| goal.kind != GoalKind::Count);
    let place = alarm.or(compared).or((!goals.is_empty()).then_some(0));
    let Some(place) = place else {
        return (
            Verdict::new(VerdictKind::NoGoal, None, "No conversions yet"),
            None,
        );
    };
    let goal = &goals[place];
    let mut verdict = goal.verdict.clone();
    let names_goal = matches!(
        verdict.kind,
        VerdictKind::Winner | VerdictKind::ControlBest | VerdictKind::Loser
    );
    if goals.len() > 1 && !names_goal {
        verdict.text = format!("{}: {}", goal.goal, verdict.text);
    }
    (verdict, Some(place))
}

/// The verdict of one goal where the sample ratio is in order, and what it still takes.
pub(super) fn of_goal(
    goal: &GoalResults,
    all: &[GoalResults],
    setting: &Setting,
) -> (Verdict, Option<Forecast>) {
    let variants = setting.variants;
    if let Some(alarm) = too_many(goal, variants) {
        return (alarm, None);
    }
    let number = variants.iter().filter(|variant| variant.compared).count();
    let Some(control) = setting.control.filter(|_| number > 1) else {
        let text = "Only one variant so far: nothing to compare yet";
        return (Verdict::new(VerdictKind::NoComparison, None, text), None);
    };
    if goal.kind == GoalKind::Count {
        return (count(goal, variants), None);
    }
    if let Some(missing) = missing(goal, all, compared(variants)) {
        return (missing, None);
    }
    let sides: Vec<Side> = goal.variants.iter().filter_map(Side::of).collect();
    let is_judged = |side: &&Side| side.comparison.is_ripe() || side.comparison.decision.is_some();
    let ripe: Vec<&Side> = sides.iter().filter(is_judged).collect();
    let open = || undecided(&ripe, setting);
    if ripe.is_empty() {
        let text = match goal.kind {
            GoalKind::Value => format!("Too early: each variant needs {MIN_VALUES} conversions"),
            _ => format!(
                "Too early: each variant needs {MIN_PARTICIPANTS} visitors and {MIN_CONVERSIONS} conversions"
            ),
        };
        let forecast = setting
            .traffic
            .filter(|_| setting.is_running)
            .map(|traffic| Forecast {
                participants_per_day: traffic.per_day.map(|number| number.round() as u64),
                ..Forecast::default()
            });
        return (Verdict::new(VerdictKind::TooEarly, None, text), forecast);
    }
    let of_all = All {
        goal,
        sides: &sides,
        ripe: &ripe,
        control,
        setting,
    };
    let decided = (of_all.won())
        .or_else(|| of_all.all_lost())
        .or_else(|| of_all.equivalent())
        .or_else(|| of_all.ruled_out());
    if let Some(decided) = decided {
        return (decided, None);
    }
    match of_all.lost() {
        Some(lost) => (lost, open().1),
        None => open(),
    }
}

/// A variant and how it compares.
pub(super) struct Side<'a> {
    pub variant: &'a Name,
    pub comparison: &'a Comparison,
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
    pub(super) fn merit(&self) -> f64 {
        let mean = self.comparison.contrast.variant.value;
        match self.comparison.better {
            Better::Higher => mean,
            Better::Lower => -mean,
        }
    }

    /// `54 % more “button clicked” (likely 21–99 %)`, or in points where there is no lift to speak of;
    /// `12 % more EUR per visitor from “order placed” (likely 3–21 %)`
    fn effect(&self, goal: &GoalResults) -> String {
        let Comparison {
            difference,
            lift,
            sequential,
            ..
        } = self.comparison;
        let sequential = sequential.as_ref();
        let lift_interval = sequential.and_then(|s| s.lift_interval);
        let (value, interval, unit) = match (lift, lift_interval, sequential) {
            (Some(lift), Some(interval), _) => (*lift, interval, " %"),
            (_, _, Some(s)) => (*difference, s.interval, " points"),
            (_, _, None) => return String::new(),
        };
        let range = [interval.low, interval.high];
        match &goal.value {
            None => {
                let noun = format!("“{}”", goal.goal);
                change(value, range, unit, ["more", "fewer"], &noun)
            }
            Some(of) => {
                let noun = format!("{} per visitor from “{}”", of.unit, goal.goal);
                match unit {
                    " %" => change(value, range, unit, ["more", "less"], &noun),
                    _ => change_of_mean(value, range, &noun),
                }
            }
        }
    }

    /// Whether the lift is not above this, or below it, whichever is better, at every look.
    fn excludes_better(&self, effect: f64) -> bool {
        let interval = self.comparison.sequential.and_then(|s| s.lift_interval);
        let excludes = interval.is_some_and(|i| match self.comparison.better {
            Better::Higher => i.high < effect,
            Better::Lower => i.low > -effect,
        });
        self.comparison.is_ripe() && excludes
    }
}

/// All variants of a goal beside the control.
struct All<'a> {
    goal: &'a GoalResults,
    sides: &'a [Side<'a>],
    /// Those that can be judged.
    ripe: &'a [&'a Side<'a>],
    control: &'a Name,
    setting: &'a Setting<'a>,
}

impl<'a> All<'a> {
    fn those(&self, outcome: Outcome) -> Vec<&'a Side<'a>> {
        let mut those: Vec<&Side> = (self.ripe.iter().copied())
            .filter(|side| side.is(outcome))
            .collect();
        those.sort_by(|a, b| b.merit().total_cmp(&a.merit()));
        those
    }

    /// What is to be known where a lower rate is the better one.
    fn which(&self) -> &'static str {
        match (self.goal.better, &self.goal.value) {
            (Better::Higher, _) => "",
            (Better::Lower, None) => "; fewer is better",
            (Better::Lower, Some(_)) => "; less is better",
        }
    }

    /// `54 % more “button clicked” (likely 21–99 %)`
    fn effect(&self, side: &Side) -> String {
        let effect = side.effect(self.goal);
        match effect.strip_suffix(')') {
            Some(effect) => format!("{effect}{})", self.which()),
            None => effect,
        }
    }

    fn won(&self) -> Option<Verdict> {
        let winners = self.those(Outcome::Better);
        let (best, others) = winners.split_first()?;
        let control = called(self.control);
        let others = match names(others).as_slice() {
            [] => String::new(),
            [one] => format!(". {} is also better than {control}", called(one)),
            several => format!(". {} are also better than {control}", list(several)),
        };
        let text = format!(
            "{} wins: {}{}{others}{}",
            called(best.variant),
            self.effect(best),
            self.setting.now(SHIP),
            since(&winners)
        );
        Some(
            Verdict::new(VerdictKind::Winner, Some(best.variant), text)
                .with(self.setting.full_week()),
        )
    }

    /// `red loses: 23 % fewer “button clicked” (likely 8–36 %)`
    fn losers(&self, losers: &[&Side]) -> String {
        match losers {
            [one] => format!("{} loses: {}", called(one.variant), self.effect(one)),
            several => {
                let each: Vec<String> = (several.iter())
                    .map(|side| format!("{} {}", called(side.variant), self.effect(side)))
                    .collect();
                format!("{} lose: {}", list(&names(several)), each.join(", "))
            }
        }
    }

    fn all_lost(&self) -> Option<Verdict> {
        let losers = self.those(Outcome::Worse);
        if losers.is_empty() || losers.len() < self.sides.len() {
            return None;
        }
        let text = format!(
            "{}. Keep {}{}{}",
            self.losers(&losers),
            called(self.control),
            self.setting.now(STOP),
            since(&losers)
        );
        Some(
            Verdict::new(VerdictKind::ControlBest, Some(self.control), text)
                .with(self.setting.full_week()),
        )
    }

    fn lost(&self) -> Option<Verdict> {
        let losers = self.those(Outcome::Worse);
        let worst = losers.last()?;
        let text = format!(
            "{}. The other variants are not decided yet{}",
            self.losers(&losers),
            since(&losers)
        );
        Some(Verdict::new(VerdictKind::Loser, Some(worst.variant), text))
    }

    fn equivalent(&self) -> Option<Verdict> {
        let effect = self.setting.minimum_effect?;
        let within = |side: &Side| {
            let interval = side.comparison.sequential.and_then(|s| s.lift_interval);
            side.comparison.is_ripe()
                && interval.is_some_and(|i| i.low > -effect && i.high < effect)
        };
        self.sides.iter().all(within).then(|| {
            let text = format!(
                "A change of {} or more is ruled out{}",
                percent(effect),
                self.setting.now(STOP)
            );
            Verdict::new(VerdictKind::Equivalent, None, text).with(self.setting.full_week())
        })
    }

    fn ruled_out(&self) -> Option<Verdict> {
        let effect = self.setting.minimum_effect?;
        let is_out = |side: &Side| side.is(Outcome::Worse) || side.excludes_better(effect);
        self.sides.iter().all(is_out).then(|| {
            let text = format!(
                "An improvement of {} or more is ruled out. Keep {}{}",
                percent(effect),
                called(self.control),
                self.setting.now(STOP)
            );
            Verdict::new(VerdictKind::RuledOut, None, text).with(self.setting.full_week())
        })
    }
}

fn names<'a>(sides: &[&Side<'a>]) -> Vec<&'a Name> {
    sides.iter().map(|side| side.variant).collect()
}

/// What was decided at the end of a day, and would not be now.
fn since(sides: &[&Side]) -> String {
    let faded = sides.iter().filter_map(|side| {
        let decision = side.comparison.decision.filter(|decision| decision.faded)?;
        let day = short(decision.day?);
        Some(match sides.len() {
            1 => format!(". Decided on {day}; less clear since"),
            _ => format!(
                ". {} was decided on {day}; less clear since",
                called(side.variant)
            ),
        })
    });
    faded.collect()
}

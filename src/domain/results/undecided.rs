//! What is not decided yet: how long still, and whether it is worth it.

use super::comparison::StillNeeded;
use super::forecast::{Forecast, LONGEST_DAYS, until_planned};
use super::judgement::{Setting, Side};
use super::verdict::{Verdict, VerdictKind};
use super::wording::{about, called, grouped, number_of, percent, time};
use crate::domain::Better;

/// How long still: of the undecided variant that seems the best.
pub(super) fn undecided(ripe: &[&Side], setting: &Setting) -> (Verdict, Option<Forecast>) {
    let open = (ripe.iter()).filter(|side| side.comparison.decision.is_none());
    let Some(best) = open.max_by(|a, b| a.merit().total_cmp(&b.merit())) else {
        let text = "Not decided yet: some variants have too few visitors";
        return (Verdict::new(VerdictKind::KeepGoing, None, text), None);
    };
    let open = Open { best, setting };
    if !setting.is_running {
        let text = "Not decided: the experiment does not run";
        return (
            Verdict::new(VerdictKind::KeepGoing, Some(best.variant), text),
            None,
        );
    }
    open.complete()
        .or_else(|| open.hopeless())
        .unwrap_or_else(|| open.keep_going())
}

/// A variant that is not decided.
struct Open<'a> {
    best: &'a Side<'a>,
    setting: &'a Setting<'a>,
}

impl Open<'_> {
    fn needed(&self) -> StillNeeded {
        self.best.comparison.still_needed
    }

    /// How many days it takes until each of the two has so many more, on average.
    fn days(&self, per_variant: u64) -> Option<u64> {
        let so_far = self.best.comparison.contrast.participants();
        (self.setting.traffic?).days(per_variant.saturating_mul(2), so_far)
    }

    fn forecast(&self, per_variant: Option<u64>, days: Option<u64>) -> Forecast {
        let per_day = self.setting.traffic.and_then(|traffic| traffic.per_day);
        Forecast {
            participants_per_day: per_day.map(|number| number.round() as u64),
            days,
            participants_per_variant: per_variant,
        }
    }

    /// `about 320 more visitors per variant, 2 days at your 510 visitors a day`
    fn more(&self, per_variant: u64) -> String {
        let visitors = format!("about {} more visitors per variant", about(per_variant));
        match self
            .days(per_variant)
            .zip(self.forecast(None, None).participants_per_day)
        {
            None => visitors,
            Some((days, per_day)) => format!(
                "{visitors}, {} at your {} a day",
                time(days),
                number_of(per_day, "visitor")
            ),
        }
    }

    /// Whether more would be worth waiting for; it is, as long as no traffic is known.
    fn is_too_long(&self, per_variant: Option<u64>) -> bool {
        let days = per_variant.map(|more| self.days(more));
        match days {
            None => true,
            Some(days) => days.is_some_and(|days| days > LONGEST_DAYS),
        }
    }

    /// All who were planned are there, and it is still not decided.
    fn complete(&self) -> Option<(Verdict, Option<Forecast>)> {
        let plan = self.setting.plan.filter(|plan| plan.missing() == 0)?;
        let seen = self.needed().for_effect_seen;
        let more = seen.filter(|more| *more > 0 && !self.is_too_long(Some(*more)));
        let longer = more.map_or_else(String::new, |more| {
            format!(". A clear result needs {}", self.more(more))
        });
        let text = format!(
            "No clear difference after the planned {}. You can stop{longer}",
            number_of(plan.planned, "visitor")
        );
        let forecast = self.forecast(more, more.and_then(|more| self.days(more)));
        let verdict = Verdict::new(VerdictKind::Undecidable, Some(self.best.variant), text);
        Some((verdict, Some(forecast)))
    }

    /// It would take years: also if the effect is larger than it looks, and for an effect worth having.
    fn hopeless(&self) -> Option<(Verdict, Option<Forecast>)> {
        self.setting.traffic?.per_day?;
        let StillNeeded {
            for_effect_seen,
            for_minimum_effect,
            at_best,
        } = self.needed();
        let is_worth_it =
            |more: Option<u64>| more.is_some_and(|more| !self.is_too_long(Some(more)));
        let plan_ends = self.setting.plan.is_some_and(|plan| {
            let days = self.days(until_planned(&plan, self.setting.variants));
            days.is_some_and(|days| days <= LONGEST_DAYS)
        });
        if plan_ends || is_worth_it(at_best) || is_worth_it(for_minimum_effect) {
            return None;
        }
        let (more, what) = match (for_minimum_effect.zip(self.setting.minimum_effect), at_best) {
            (Some((more, effect)), _) => (more, format!(" for a change of {}", percent(effect))),
            (None, more) => (for_effect_seen.or(more)?, String::new()),
        };
        let days = self.days(more)?;
        let text = format!(
            "Not decidable with this traffic{what}: about {} more visitors per variant, {}",
            about(more),
            time(days)
        );
        let steps = [
            "Stop the experiment, or test a bigger change: larger effects show sooner.".to_owned(),
            "A goal that more visitors reach decides sooner, too.".to_owned(),
        ];
        let verdict =
            Verdict::new(VerdictKind::Undecidable, Some(self.best.variant), text).with(steps);
        Some((verdict, Some(self.forecast(Some(more), Some(days)))))
    }

    fn keep_going(&self) -> (Verdict, Option<Forecast>) {
        let needed = self.needed();
        let planned = self.setting.plan.map(|plan| {
            let rest = until_planned(&plan, self.setting.variants);
            (plan, rest)
        });
        let progress = planned.map_or_else(String::new, |(plan, _)| {
            format!(
                ": {} of {} so far",
                grouped(plan.participants as f64),
                number_of(plan.planned, "planned visitor")
            )
        });
        let seen = (needed.for_effect_seen)
            .filter(|more| planned.is_none_or(|(_, rest)| *more <= rest))
            .filter(|more| !self.is_too_long(Some(*more)));
        let rest = planned.map(|(_, rest)| rest);
        let next = match (seen, rest) {
            (Some(0), _) => ". Almost decided".to_owned(),
            (Some(more), _) => format!(
                ". If {} stays this far {}: {}",
                called(self.best.variant),
                self.direction(),
                self.more(more)
            ),
            (None, Some(rest)) => format!(". To complete the plan: {}", self.more(rest)),
            (None, None) => ". No clear difference so far".to_owned(),
        };
        let minimum = needed.for_minimum_effect.zip(self.setting.minimum_effect);
        let minimum = minimum.filter(|(more, _)| planned.is_none() && *more > 0 && seen != Some(0));
        let at_minimum = minimum.map_or_else(String::new, |(more, effect)| {
            format!(". For a change of {}: {}", percent(effect), self.more(more))
        });
        let more = seen.or(rest).or(minimum.map(|(more, _)| more));
        let days = more.and_then(|more| self.days(more));
        let text = format!("Not decided yet{progress}{next}{at_minimum}");
        let weeks = (self.setting.traffic.zip(days)).filter(|(_, days)| *days <= LONGEST_DAYS);
        let weeks = weeks.map(|(traffic, days)| {
            format!(
                "Stop after full weeks, at the end of {} or later: visitors of weekdays and weekends differ.",
                traffic.end_of_week(days)
            )
        });
        let verdict =
            Verdict::new(VerdictKind::KeepGoing, Some(self.best.variant), text).with(weeks);
        (verdict, Some(self.forecast(more, days)))
    }

    fn direction(&self) -> &'static str {
        let is_higher = self.best.comparison.difference > 0.0;
        match (self.best.comparison.better, is_higher) {
            (Better::Higher, true) | (Better::Lower, false) => "ahead",
            _ => "behind",
        }
    }
}

//! The log groups of the functions.

use super::deploy::Planner;
use super::missing;
use super::step::{Group, Plan, Step, Words};
use crate::deploy::desired::{DEFAULT_RETENTION_DAYS, MARK, log_group};

impl Planner<'_> {
    pub(super) fn log_group(&self, plan: &mut Plan, function: &str) {
        self.retention(plan, function);
        let there = self.observed.log_groups.get(function);
        if there.is_some_and(|there| missing(&self.desired.tags, &there.tags)) {
            let step = Step::TagLogGroup(function.to_owned());
            let words = Words::update("log group", log_group(function)).detail("tags");
            plan.push(Group::Logs(function.to_owned()), step, words);
        }
    }

    /// Makes the log group where there is none. One that somebody else made is kept as long as it was, unless the
    /// config says how long.
    fn retention(&self, plan: &mut Plan, function: &str) {
        let name = log_group(function);
        let there = self.observed.log_groups.get(function);
        // One that lamed has not finished making: functions come after their log groups.
        let unfinished = there.is_some_and(|there| {
            there.retention.is_none() && there.tags.get(MARK) == Some(&self.desired.name)
        }) && !self.observed.functions.contains_key(function);
        let days = match self.desired.retention {
            None if there.is_none() || unfinished => Some(DEFAULT_RETENTION_DAYS),
            configured => configured,
        };
        let Some(days) = days.filter(|days| there.and_then(|there| there.retention) != Some(*days))
        else {
            return;
        };
        let words = match there {
            None => Words::create("log group", name).detail(format!("keeps logs for {days} days")),
            Some(there) => {
                let before = there
                    .retention
                    .map_or("forever".to_owned(), |d| format!("{d} days"));
                let words = Words::update("log group", name)
                    .detail(format!("keeps logs {before} → {days} days"));
                let shorter = there.retention.is_none_or(|before| before > days);
                if shorter && !unfinished {
                    words.destructive()
                } else {
                    words
                }
            }
        };
        let step = Step::SetUpLogGroup {
            function: function.to_owned(),
            new: there.is_none(),
            days,
        };
        plan.push(Group::Logs(function.to_owned()), step, words);
    }
}

//! What the functions logged, out of CloudWatch Logs.

use std::collections::BTreeSet;

use super::aws::{Aws, AwsError};
use super::concurrently;
use super::desired::log_group;
use crate::domain::Timestamp;

/// An event that comes so much later than those after it is still shown, in milliseconds.
const LATE: i64 = 60_000;

/// A line, or several, that a function logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    pub at: Timestamp,
    pub function: String,
    pub message: String,
}

/// Reads the logs of some functions, each event once.
pub struct Logs<'a> {
    aws: &'a Aws,
    functions: Vec<&'a str>,
    since: Timestamp,
    /// The time and id of events that were given out and may be read again.
    seen: BTreeSet<(Timestamp, String)>,
}

impl<'a> Logs<'a> {
    /// What these functions log from that moment on.
    #[must_use]
    pub fn new(aws: &'a Aws, functions: Vec<&'a str>, since: Timestamp) -> Self {
        Self {
            aws,
            functions,
            since,
            seen: BTreeSet::new(),
        }
    }

    /// All events that were not read before, oldest first; `None` where no function has a log group.
    ///
    /// # Errors
    /// When AWS cannot be asked, or does not allow it.
    pub async fn read(&mut self) -> Result<Option<Vec<LogEvent>>, AwsError> {
        let read = concurrently(&self.functions, async |name| self.group(name).await);
        let read = read.await?;
        if read.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut events: Vec<(LogEvent, String)> = read.into_iter().flatten().flatten().collect();
        events.retain(|(event, id)| self.seen.insert((event.at, id.clone())));
        // Stable: events of one moment stay in their group's order.
        events.sort_by_key(|(event, _)| event.at);
        if let Some((newest, _)) = self.seen.last() {
            self.since = self.since.max(Timestamp(newest.0 - LATE));
            self.seen = self.seen.split_off(&(self.since, String::new()));
        }
        Ok(Some(events.into_iter().map(|(event, _)| event).collect()))
    }

    async fn group(&self, function: &str) -> Result<Option<Vec<(LogEvent, String)>>, AwsError> {
        let name = log_group(function);
        let filter = async || {
            let filter = self.aws.logs.filter_log_events().log_group_name(&name);
            let pages = filter.start_time(self.since.0).into_paginator().send();
            pages.collect::<Result<Vec<_>, _>>().await
        };
        let pages = self.aws.find("logs:FilterLogEvents", filter).await?;
        let event = |event: aws_sdk_cloudwatchlogs::types::FilteredLogEvent| {
            let read = LogEvent {
                at: Timestamp(event.timestamp?),
                function: function.to_owned(),
                message: event.message?,
            };
            Some((read, event.event_id.unwrap_or_default()))
        };
        Ok(pages.map(|pages| {
            (pages.into_iter())
                .flat_map(|page| page.events.unwrap_or_default())
                .filter_map(event)
                .collect()
        }))
    }
}

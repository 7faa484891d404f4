//! What a deployment costs, before there is a bill.

use serde::Serialize;

use super::Doors;

/// Lambda: a million requests, and the time of a function of 128 MB that takes 5 ms for each, on x86_64.
///
/// Source: "AWS Lambda pricing", us-east-1, November 2026: $0.20 a million requests, $0.0000166667 a GB-second.
const LAMBDA: f64 = 0.20 + 1e6 * 0.005 * 0.125 * 0.000_016_666_7;

/// API Gateway: a million requests of a REST API, up to 333 million a month.
///
/// Source: "Amazon API Gateway pricing", us-east-1, November 2026.
const REST_API: f64 = 3.50;

/// DynamoDB: a million write units, paid by request.
///
/// Source: "Pricing for on-demand capacity", us-east-1, November 2026.
const WRITE_UNITS: f64 = 0.625;

/// The write units of an event, new or not: two items of a transaction, each twice.
///
/// Source: "Amazon DynamoDB transactions: how it works", AWS documentation.
const UNITS_OF_EVENT: f64 = 4.0;

/// US dollars for a million of each, in us-east-1 and without the free tier.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Costs {
    pub events: f64,
    /// Events that were counted before.
    pub duplicates: f64,
    /// Page views that count nothing: loads of `lamed.js`.
    pub page_views: f64,
    /// Whether a Redis comes on top.
    pub plus_redis: bool,
}

impl Costs {
    /// Of a deployment with these doors, whose counts are in a table or in a Redis. Of two doors, the dearer one.
    #[must_use]
    pub fn of(doors: Doors, in_table: bool) -> Self {
        let request = LAMBDA + if doors.rest_api { REST_API } else { 0.0 };
        let write = if in_table {
            UNITS_OF_EVENT * WRITE_UNITS
        } else {
            0.0
        };
        let cents = |dollars: f64| (dollars * 100.0).round() / 100.0;
        Self {
            events: cents(request + write),
            duplicates: cents(request + write),
            page_views: cents(request),
            plus_redis: !in_table,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in `docs/aws.md`.
    #[test]
    fn the_docs_say_the_same() {
        let docs = include_str!("../../docs/aws.md");
        let columns = [(false, true), (false, false), (true, true), (true, false)];
        let costs = columns.map(|(rest_api, in_table)| {
            let doors = Doors {
                rest_api,
                url: !rest_api,
            };
            Costs::of(doors, in_table)
        });
        let of_event = |costs: &Costs| match costs.plus_redis {
            true => format!("{:.2} + Redis", costs.events),
            false => format!("{:.2}", costs.events),
        };
        for (row, cells) in [
            ("events that count", costs.each_ref().map(of_event)),
            (
                "events that were counted before",
                costs.each_ref().map(of_event),
            ),
            (
                "loads of `lamed.js`",
                costs
                    .each_ref()
                    .map(|costs| format!("{:.2}", costs.page_views)),
            ),
        ] {
            let line = format!("| {row} | {} |", cells.join(" | "));
            assert!(docs.contains(&line), "{line}");
        }
    }
}

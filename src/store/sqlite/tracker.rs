//! Counting events, and forgetting their idempotency keys in time.

use rusqlite::{Connection, OptionalExtension, params};
use sha1::{Digest, Sha1};

use super::limits;
use crate::domain::{Event, Limit, Outcome, Timestamp, Value};
use crate::store::{CountLimits, Counting, DEFAULT_WINDOW};

/// How many remembered keys are looked at for each event, to see whether their window has passed.
/// Four are enough for all to be looked at in less than half a window, where events come evenly.
const SWEPT_PER_EVENT: usize = 4;

/// After how many events that is done, for all of them at once.
const SWEEP_EVERY: usize = 256;

/// For how many milliseconds a key is remembered at least that an earlier build wrote, which did not write
/// down until when. With a longer window it is remembered longer.
const UNWRITTEN: i64 = DEFAULT_WINDOW.as_millis() as i64;

/// Counts within transactions.
pub(super) struct Tracker {
    counting: Counting,
    swept: Swept,
    /// Events since the last sweep.
    unswept: usize,
}

/// The last key that was looked at; before the first one at the beginning.
#[derive(Clone, Default)]
struct Swept {
    counter: i64,
    key: Vec<u8>,
}

/// Adds to what the conversions of a day were worth.
fn add_value(
    connection: &Connection,
    counter: i64,
    day: &str,
    value: Value,
) -> rusqlite::Result<usize> {
    let (high, low) = value.square();
    connection
        .prepare_cached(
            "INSERT INTO sums (counter, day, sum, high, low) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (counter, day) DO UPDATE SET
               sum = sum + excluded.sum, high = high + excluded.high, low = low + excluded.low",
        )?
        .execute(params![counter, day, value.units(), high, low])
}

impl Tracker {
    pub(super) fn new(counting: Counting) -> Self {
        Self {
            counting,
            swept: Swept::default(),
            unswept: 0,
        }
    }

    /// Counts with other limits from now on.
    pub(super) fn limit(&mut self, limits: CountLimits) {
        let CountLimits {
            max_counters,
            max_namespaces,
            max_variants,
        } = limits;
        self.counting = Counting {
            max_counters,
            max_namespaces,
            max_variants,
            ..self.counting
        };
    }

    /// Counts each event not counted within the window.
    pub(super) fn track(
        &mut self,
        connection: &Connection,
        events: &[Event],
        now: Timestamp,
    ) -> rusqlite::Result<Vec<Outcome>> {
        // It is remembered as long as today's window says, also where another one is in force later.
        let window = (self.counting.window)
            .map(|window| i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
        let until = window.map_or(i64::MAX, |window| now.0.saturating_add(window));
        let horizon = window.map_or(i64::MIN, |window| {
            now.0.saturating_sub(window.max(UNWRITTEN))
        });
        let mut remember = connection.prepare_cached(
            "INSERT INTO remembered (counter, key, at, until) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (counter, key) DO UPDATE SET at = excluded.at, until = excluded.until
             WHERE coalesce(until <= ?3, at <= ?5)",
        )?;
        let mut count =
            connection.prepare_cached("UPDATE counters SET count = count + 1 WHERE id = ?1")?;
        let mut count_day = connection.prepare_cached(
            "INSERT INTO days (counter, day, count) VALUES (?1, ?2, 1)
             ON CONFLICT (counter, day) DO UPDATE SET count = count + 1",
        )?;
        let day = now.day().to_string();
        let outcomes = (events.iter())
            .map(|event| {
                let counter = match self.counter_id(connection, event)? {
                    Ok(counter) => counter,
                    Err(limit) => return Ok(Outcome::Refused(limit)),
                };
                let key = Sha1::digest(event.key.as_str());
                let until = match event.configured.forever {
                    true => i64::MAX,
                    false => until,
                };
                if remember.execute(params![counter, &key[..16], now.0, until, horizon])? == 0 {
                    return Ok(Outcome::Duplicate);
                }
                count.execute([counter])?;
                count_day.execute(params![counter, day])?;
                if let Some(value) = event.value {
                    add_value(connection, counter, &day, value)?;
                }
                Ok(Outcome::Counted)
            })
            .collect::<rusqlite::Result<_>>()?;
        self.unswept += events.len();
        if self.counting.window.is_some() && self.unswept >= SWEEP_EVERY {
            self.sweep(connection, SWEPT_PER_EVENT * self.unswept, horizon, now)?;
            self.unswept = 0;
        }
        Ok(outcomes)
    }

    /// The counter, made if need be; the limit where there is no room for it.
    fn counter_id(
        &self,
        connection: &Connection,
        event: &Event,
    ) -> rusqlite::Result<Result<i64, Limit>> {
        let counter = &event.counter;
        let names = params![
            counter.namespace.as_str(),
            counter.experiment.as_str(),
            counter.kind.as_str(),
            counter.variant.as_str(),
        ];
        let known = connection
            .prepare_cached(
                "SELECT id FROM counters
                 WHERE namespace = ?1 AND experiment = ?2 AND event = ?3 AND variant = ?4",
            )?
            .query_row(names, |row| row.get(0))
            .optional()?;
        if let Some(known) = known {
            return Ok(Ok(known));
        }
        if let Some(limit) = limits::met_by(event, connection, &self.counting)? {
            return Ok(Err(limit));
        }
        connection
            .prepare_cached(
                "INSERT INTO counters (namespace, experiment, event, variant, count)
                 VALUES (?1, ?2, ?3, ?4, 0)",
            )?
            .insert(names)
            .map(Ok)
    }

    /// Looks at the next `rows` remembered keys, from one end of the table to the other and again,
    /// and removes those whose window has passed.
    fn sweep(
        &mut self,
        connection: &Connection,
        rows: usize,
        horizon: i64,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        let last = connection
            .prepare_cached(
                "SELECT counter, key FROM
                   (SELECT counter, key FROM remembered WHERE (counter, key) > (?1, ?2)
                    ORDER BY counter, key LIMIT ?3)
                 ORDER BY counter DESC, key DESC LIMIT 1",
            )?
            .query_row(params![self.swept.counter, self.swept.key, rows], |row| {
                Ok(Swept {
                    counter: row.get(0)?,
                    key: row.get(1)?,
                })
            })
            .optional()?;
        let Some(last) = last else {
            self.swept = Swept::default();
            return Ok(());
        };
        connection
            .prepare_cached(
                "DELETE FROM remembered
                 WHERE (counter, key) > (?1, ?2) AND (counter, key) <= (?3, ?4)
                 AND coalesce(until <= ?6, at <= ?5)",
            )?
            .execute(params![
                self.swept.counter,
                self.swept.key,
                last.counter,
                last.key,
                horizon,
                now.0
            ])?;
        self.swept = last;
        Ok(())
    }
}

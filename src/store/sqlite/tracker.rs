//! Counting events, and forgetting their idempotency keys in time.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use sha1::{Digest, Sha1};

use super::limits;
use crate::domain::{Counter, Event, Limit, Outcome, Timestamp, Value};
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

    /// Begins to count the events of a transaction.
    pub(super) fn begin<'a>(
        &'a mut self,
        connection: &'a Connection,
        now: Timestamp,
    ) -> rusqlite::Result<Round<'a>> {
        // It is remembered as long as today's window says, also where another one is in force later.
        let window = (self.counting.window)
            .map(|window| i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
        Ok(Round {
            until: window.map_or(i64::MAX, |window| now.0.saturating_add(window)),
            horizon: window.map_or(i64::MIN, |window| {
                now.0.saturating_sub(window.max(UNWRITTEN))
            }),
            day: now.day().to_string(),
            remember: connection.prepare_cached(
                "INSERT INTO remembered (counter, key, at, until) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (counter, key) DO UPDATE SET at = excluded.at, until = excluded.until
                 WHERE coalesce(until <= ?3, at <= ?5)",
            )?,
            ids: HashMap::new(),
            counts: BTreeMap::new(),
            tracker: self,
            connection,
            now,
        })
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

/// The events of one transaction. Their counters are read once and written once, by [`Self::write`].
pub(super) struct Round<'a> {
    pub tracker: &'a mut Tracker,
    connection: &'a Connection,
    now: Timestamp,
    day: String,
    /// Until when an idempotency key of now is remembered, in milliseconds since 1970.
    until: i64,
    /// What was remembered by then, and has no end of its own, is forgotten.
    horizon: i64,
    remember: CachedStatement<'a>,
    ids: HashMap<Counter, i64>,
    /// By how much each counter has grown, and is not written yet.
    counts: BTreeMap<i64, u64>,
}

impl Round<'_> {
    /// Counts each event not counted within the window.
    pub(super) fn track(&mut self, events: &[Event]) -> rusqlite::Result<Vec<Outcome>> {
        self.tracker.unswept += events.len();
        events.iter().map(|event| self.track_one(event)).collect()
    }

    fn track_one(&mut self, event: &Event) -> rusqlite::Result<Outcome> {
        let counter = match self.counter_id(event)? {
            Ok(counter) => counter,
            Err(limit) => return Ok(Outcome::Refused(limit)),
        };
        let key = Sha1::digest(event.key.as_str());
        let until = match event.configured.forever {
            true => i64::MAX,
            false => self.until,
        };
        let (now, horizon) = (self.now.0, self.horizon);
        if (self.remember).execute(params![counter, &key[..16], now, until, horizon])? == 0 {
            return Ok(Outcome::Duplicate);
        }
        *self.counts.entry(counter).or_default() += 1;
        if let Some(value) = event.value {
            self.add_value(counter, value)?;
        }
        Ok(Outcome::Counted)
    }

    /// The counter, made if need be; the limit where there is no room for it.
    fn counter_id(&mut self, event: &Event) -> rusqlite::Result<Result<i64, Limit>> {
        let counter = &event.counter;
        if let Some(known) = self.ids.get(counter) {
            return Ok(Ok(*known));
        }
        let names = params![
            counter.namespace.as_str(),
            counter.experiment.as_str(),
            counter.kind.as_str(),
            counter.variant.as_str(),
        ];
        let known = (self.connection)
            .prepare_cached(
                "SELECT id FROM counters
                 WHERE namespace = ?1 AND experiment = ?2 AND event = ?3 AND variant = ?4",
            )?
            .query_row(names, |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(known) => known,
            None => {
                if let Some(limit) = limits::met_by(event, self.connection, &self.tracker.counting)?
                {
                    return Ok(Err(limit));
                }
                (self.connection)
                    .prepare_cached(
                        "INSERT INTO counters (namespace, experiment, event, variant, count)
                         VALUES (?1, ?2, ?3, ?4, 0)",
                    )?
                    .insert(names)?
            }
        };
        self.ids.insert(counter.clone(), id);
        Ok(Ok(id))
    }

    /// Adds to what the conversions of a day were worth.
    fn add_value(&self, counter: i64, value: Value) -> rusqlite::Result<usize> {
        let (high, low) = value.square();
        (self.connection)
            .prepare_cached(
                "INSERT INTO sums (counter, day, sum, high, low) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (counter, day) DO UPDATE SET
                   sum = sum + excluded.sum, high = high + excluded.high, low = low + excluded.low",
            )?
            .execute(params![counter, self.day, value.units(), high, low])
    }

    /// Writes what was counted so far. Before that, nothing else may look at the counters, or change them.
    pub(super) fn write(&mut self) -> rusqlite::Result<()> {
        self.ids.clear();
        if !self.counts.is_empty() {
            let mut count = (self.connection)
                .prepare_cached("UPDATE counters SET count = count + ?2 WHERE id = ?1")?;
            let mut count_day = self.connection.prepare_cached(
                "INSERT INTO days (counter, day, count) VALUES (?1, ?2, ?3)
                 ON CONFLICT (counter, day) DO UPDATE SET count = count + excluded.count",
            )?;
            for (counter, more) in std::mem::take(&mut self.counts) {
                count.execute(params![counter, more])?;
                count_day.execute(params![counter, self.day, more])?;
            }
        }
        let events = self.tracker.unswept;
        if self.tracker.counting.window.is_some() && events >= SWEEP_EVERY {
            let rows = SWEPT_PER_EVENT * events;
            (self.tracker).sweep(self.connection, rows, self.horizon, self.now)?;
            self.tracker.unswept = 0;
        }
        Ok(())
    }
}

//! The tables, and every statement on them but those that count.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{BUSY, limits};
use crate::domain::{
    Count, Day, DayCount, DaySums, EventKind, ExperimentCounts, Name, Selection, Sums,
};

/// The version of the tables, in `PRAGMA user_version`.
const VERSION: i64 = 1;

/// What was declared of an experiment, to be kept.
pub(super) struct Kept {
    pub namespace: Name,
    pub experiment: Name,
    pub copy: String,
    pub replace: bool,
}

/// Sets up a connection, and the tables where there are none.
pub(super) fn prepare(mut connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY)?;
    // With a write-ahead log, FULL is what makes a commit survive a power cut.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    // Keys come in no order: with all recent pages at hand, and 32 MB of log between two checkpoints,
    // the disk is waited for at commits and hardly elsewhere.
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 8192, |_| Ok(()))?;
    // After a checkpoint a log that was larger for once is cut to the same 32 MB.
    connection.pragma_update_and_check(None, "journal_size_limit", 32 << 20, |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        let message =
            format!("its version {version} is newer than this lamed supports: update lamed");
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISMATCH),
            Some(message),
        ));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    limits::prepare(&transaction)?;
    add_until(&transaction)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(connection)
}

/// Earlier builds did not write down until when a key is remembered. They can use the table with that
/// column, so the version stays.
fn add_until(connection: &Connection) -> rusqlite::Result<()> {
    const KNOWN: &str =
        "SELECT count(*) > 0 FROM pragma_table_info('remembered') WHERE name = 'until'";
    if connection.query_row(KNOWN, [], |row| row.get(0))? {
        return Ok(());
    }
    connection.execute_batch("ALTER TABLE remembered ADD COLUMN until INTEGER")
}

/// Writes what stands there already: SQLite does not compare.
pub(super) fn touch(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", VERSION)
}

/// The counts of the experiments in `scope`, or of all in natural order.
pub(super) fn counts(
    connection: &Connection,
    namespace: &Name,
    scope: Option<Vec<Name>>,
) -> rusqlite::Result<Vec<ExperimentCounts>> {
    let experiments = match scope {
        Some(scope) => scope,
        None => experiments(connection, namespace)?,
    };
    let mut select = connection.prepare_cached(
        "SELECT event, variant, count FROM counters WHERE namespace = ?1 AND experiment = ?2",
    )?;
    (experiments.into_iter())
        .map(|experiment| {
            let counts = select
                .query_map([namespace.as_str(), experiment.as_str()], |row| {
                    Ok(Count {
                        kind: EventKind::from(Name::stored(row.get(0)?)),
                        variant: Name::stored(row.get(1)?),
                        count: row.get(2)?,
                    })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(ExperimentCounts::new(experiment, counts))
        })
        .collect()
}

fn experiments(connection: &Connection, namespace: &Name) -> rusqlite::Result<Vec<Name>> {
    let names = connection
        .prepare_cached("SELECT DISTINCT experiment FROM counters WHERE namespace = ?1")?
        .query_map([namespace.as_str()], |row| row.get(0).map(Name::stored))?
        .collect::<rusqlite::Result<BTreeSet<Name>>>()?;
    Ok(names.into_iter().collect())
}

/// The counts of one experiment by day.
pub(super) fn days(
    connection: &Connection,
    namespace: &Name,
    experiment: &Name,
) -> rusqlite::Result<Vec<DayCount>> {
    let mut counts = connection
        .prepare_cached(
            "SELECT day, event, variant, days.count FROM days JOIN counters ON id = counter
             WHERE namespace = ?1 AND experiment = ?2",
        )?
        .query_map([namespace.as_str(), experiment.as_str()], |row| {
            Ok(DayCount {
                day: day(row.get(0)?)?,
                kind: EventKind::from(Name::stored(row.get(1)?)),
                variant: Name::stored(row.get(2)?),
                count: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    DayCount::sort(&mut counts);
    Ok(counts)
}

/// What the conversions of one experiment were worth by day.
pub(super) fn sums(
    connection: &Connection,
    namespace: &Name,
    experiment: &Name,
) -> rusqlite::Result<Vec<DaySums>> {
    let mut sums = connection
        .prepare_cached(
            "SELECT day, event, variant, sum, high, low FROM sums JOIN counters ON id = counter
             WHERE namespace = ?1 AND experiment = ?2",
        )?
        .query_map([namespace.as_str(), experiment.as_str()], |row| {
            Ok(DaySums {
                day: day(row.get(0)?)?,
                goal: Name::stored(row.get(1)?),
                variant: Name::stored(row.get(2)?),
                sums: Sums::stored(row.get(3)?, row.get(4)?, row.get(5)?),
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    DaySums::sort(&mut sums);
    Ok(sums)
}

fn day(text: String) -> rusqlite::Result<Day> {
    text.parse().map_err(|()| rusqlite::Error::InvalidQuery)
}

/// Deletes the selected counters; what was remembered under them goes with them. They leave all namespaces
/// at once: no name is empty. What belongs to them may be millions of rows, so [`remove_deleted`] removes
/// it piece by piece, also after a crash. Until then nobody gets their `id`.
pub(super) fn delete(connection: &Connection, selection: &Selection) -> rusqlite::Result<u64> {
    let deleted = connection
        .prepare_cached(
            "UPDATE counters SET namespace = '', experiment = id, event = '', variant = ''
             WHERE namespace = ?1 AND experiment = ?2
             AND event = coalesce(?3, event) AND variant = coalesce(?4, variant)",
        )?
        .execute(params![
            selection.namespace.as_str(),
            selection.experiment.as_str(),
            selection.kind.as_ref().map(EventKind::as_str),
            selection.variant.as_ref().map(Name::as_str),
        ])?;
    // With its last counter.
    connection
        .prepare_cached(
            "DELETE FROM copies WHERE namespace = ?1 AND experiment = ?2 AND NOT EXISTS
               (SELECT * FROM counters WHERE namespace = ?1 AND experiment = ?2)",
        )?
        .execute([selection.namespace.as_str(), selection.experiment.as_str()])?;
    Ok(deleted as u64)
}

/// Keeps a copy, and gives what is kept then.
pub(super) fn keep(connection: &Connection, kept: &Kept) -> rusqlite::Result<String> {
    let Kept {
        namespace,
        experiment,
        copy,
        replace,
    } = kept;
    connection
        .prepare_cached(
            "INSERT INTO copies VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET copy = ?3 WHERE ?4",
        )?
        .execute(params![
            namespace.as_str(),
            experiment.as_str(),
            copy,
            replace
        ])?;
    let there = copy_of(connection, namespace, experiment)?;
    Ok(there.unwrap_or_else(|| copy.clone()))
}

/// The copy that is kept of an experiment.
pub(super) fn copy_of(
    connection: &Connection,
    namespace: &Name,
    experiment: &Name,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT copy FROM copies WHERE namespace = ?1 AND experiment = ?2")?
        .query_row([namespace.as_str(), experiment.as_str()], |row| row.get(0))
        .optional()
}

/// Removes up to so many remembered keys of a deleted counter, or the counter itself after the last one.
/// Says whether there may be more.
pub(super) fn remove_deleted(connection: &mut Connection, keys: u64) -> rusqlite::Result<bool> {
    let deleted: Option<i64> = connection
        .prepare_cached("SELECT id FROM counters WHERE namespace = '' LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(counter) = deleted else {
        return Ok(false);
    };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let removed = transaction
        .prepare_cached(
            "DELETE FROM remembered WHERE counter = ?1 AND key <=
               (SELECT max(key) FROM
                 (SELECT key FROM remembered WHERE counter = ?1 ORDER BY key LIMIT ?2))",
        )?
        .execute(params![counter, keys])?;
    if (removed as u64) < keys {
        (transaction.prepare_cached("DELETE FROM days WHERE counter = ?1")?).execute([counter])?;
        (transaction.prepare_cached("DELETE FROM sums WHERE counter = ?1")?).execute([counter])?;
        (transaction.prepare_cached("DELETE FROM counters WHERE id = ?1")?).execute([counter])?;
    }
    transaction.commit()?;
    Ok(true)
}

//! The limits on what strangers can make, asked when a counter is new.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{Event, Limit};
use crate::store::Counting;

/// Makes the tables that the limits are asked about, where there are none.
pub(super) fn prepare(transaction: &Connection) -> rusqlite::Result<()> {
    let select = "SELECT 1 FROM sqlite_schema WHERE name = 'namespaces'";
    if (transaction.query_row(select, [], |_| Ok(())))
        .optional()?
        .is_none()
    {
        transaction.execute_batch(include_str!("limits.sql"))?;
    }
    Ok(())
}

/// The limit that leaves no room for the counter of this event, which is a new one. Where there is room,
/// its namespace has a place.
pub(super) fn met_by(
    event: &Event,
    connection: &Connection,
    counting: &Counting,
) -> rusqlite::Result<Option<Limit>> {
    let number = |select: &str, names: &[&str]| {
        let mut select = connection.prepare_cached(select)?;
        select.query_row(rusqlite::params_from_iter(names), |row| {
            row.get::<_, u64>(0)
        })
    };
    let counter = &event.counter;
    let namespace = counter.namespace.as_str();
    let (experiment, variant) = (counter.experiment.as_str(), counter.variant.as_str());
    if !event.configured.variant {
        let is_known = number(
            "SELECT count(*) FROM variants WHERE namespace = ?1 AND experiment = ?2 AND variant = ?3",
            &[namespace, experiment, variant],
        )?;
        let variants = "SELECT count(*) FROM variants WHERE namespace = ?1 AND experiment = ?2";
        if is_known == 0 && number(variants, &[namespace, experiment])? >= counting.max_variants {
            return Ok(Some(Limit::Variants(counting.max_variants)));
        }
    }
    let counters = connection
        .prepare_cached("SELECT counters FROM namespaces WHERE namespace = ?1")?
        .query_row([namespace], |row| row.get::<_, u64>(0))
        .optional()?;
    if counters.is_some_and(|counters| counters >= counting.max_counters) {
        return Ok(Some(Limit::Counters(counting.max_counters)));
    }
    if counters.is_none() && !event.configured.namespace {
        let taken = number("SELECT count(*) FROM namespaces WHERE place = 1", &[])?;
        if taken >= counting.max_namespaces {
            return Ok(Some(Limit::Namespaces(counting.max_namespaces)));
        }
        connection
            .prepare_cached("INSERT INTO namespaces VALUES (?1, 0, 1)")?
            .execute(params![namespace])?;
    }
    Ok(None)
}

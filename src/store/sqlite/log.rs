//! The size of the write-ahead log. SQLite begins it anew when all of it is in the file and nobody reads an
//! old state; another program that reads one for long makes it grow.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::BUSY;

const MIB: u64 = 1024 * 1024;

/// The size up to which the log is left to SQLite, which works it off at each 32 MB.
const LARGE: u64 = 64 * MIB;

/// The size at which nothing more is written. Events get 503 then, before the disk is full.
const MOST: u64 = 1024 * MIB;

/// The least time between two trials to empty it.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// The least time between two lines that say how large it is.
const SILENCE: Duration = Duration::from_secs(60);

/// What a checkpoint left.
pub(super) struct Checkpoint {
    /// Pages in the log, in the file or not.
    pub frames: u64,
    busy: bool,
}

/// Puts what is in the log into the file, in one of SQLite's modes.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Checkpoint> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(Checkpoint {
            busy: row.get(0)?,
            // -1 without a log.
            frames: row.get::<_, i64>(1)?.try_into().unwrap_or(0),
        })
    })
}

/// Puts all of the log into the file and makes it empty, unless a reader needs it. Does not wait.
pub(super) fn empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = checkpoint(connection, "TRUNCATE");
    connection.busy_timeout(BUSY)?;
    Ok(!done?.busy)
}

/// Keeps the log short.
pub(super) struct Log {
    large: u64,
    most: u64,
    tried: Option<Instant>,
    said: Option<Instant>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            large: LARGE,
            most: MOST,
            tried: None,
            said: None,
        }
    }
}

impl Log {
    #[cfg(test)]
    pub(super) fn limited(large: u64, most: u64) -> Self {
        Self {
            large,
            most,
            ..Self::default()
        }
    }

    /// Whether it is worth a trial to empty a log of this size, now or later.
    pub(super) fn is_large(&self, size: u64) -> bool {
        size > self.large
    }

    /// Empties the log where it is large and no reader needs it, and tells the operator where one does.
    pub(super) fn tend(&mut self, connection: &Connection, size: u64, now: Instant) {
        let passed = |then: Option<Instant>, pause| then.is_none_or(|then| now >= then + pause);
        if !self.is_large(size) || !passed(self.tried, PAUSE) {
            return;
        }
        self.tried = Some(now);
        let emptied = empty(connection).unwrap_or(false);
        if !emptied && passed(self.said, SILENCE) {
            self.said = Some(now);
            tracing::warn!(
                "the `-wal` file of the store has grown to {} MB, because another program still reads an old state of \
                 the store: stop that program",
                size / MIB
            );
        }
    }

    /// Whether there is room for more.
    pub(super) fn check(&self, size: u64) -> Result<(), String> {
        if size <= self.most {
            return Ok(());
        }
        Err(format!(
            "the `-wal` file of the store has reached its limit ({} MB): stop the program that reads an old \
             state of the store",
            size / MIB
        ))
    }
}

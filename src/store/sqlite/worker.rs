//! The thread that owns the connection.

use std::fmt;
use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::log::{self, Log, PAUSE};
use super::tables::{self, Kept};
use super::tracker::Tracker;
use super::watch::Watch;
use crate::domain::{Event, Outcome, Selection, Timestamp};
use crate::store::{CountLimits, StoreError};

/// Requests that share a transaction at most; also how many may wait before callers wait too.
pub(super) const GROUP: usize = 1024;

/// How many remembered keys of deleted counters are removed between two groups: a few milliseconds.
const REMOVED_AT_ONCE: u64 = 4096;

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// Is given the connection, or why nothing can be read.
pub(super) type Read = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

pub(super) enum Job {
    Write(Write),
    /// Runs between two transactions, and answers by itself.
    Read(Read),
}

pub(super) enum Write {
    Track(Vec<Event>, Answer<Vec<Outcome>>),
    Delete(Selection, Answer<u64>),
    Keep(Kept, Answer<String>),
    /// Counts with other limits from the next event on.
    Limit(CountLimits, Answer<()>),
    /// Changes nothing, and goes to the disk all the same: it tells whether others would.
    Probe(Answer<()>),
}

/// What a write did, if its transaction is committed.
pub(super) enum Written {
    Tracked(Vec<Outcome>),
    Deleted(u64),
    Kept(String),
    Limited,
    Probed,
}

pub(super) fn unavailable(error: &dyn fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("SQLite: {error}"))
}

/// What the thread has.
pub(super) struct Worker<C> {
    pub connection: Connection,
    /// Of a file. It is closed after the connection.
    pub watch: Option<Watch>,
    pub log: Log,
    pub tracker: Tracker,
    pub clock: C,
    /// For waiting with an end.
    pub runtime: Runtime,
    /// Reading goes on where the disk is full. Only who asks after a failure pays for a write.
    pub writable: bool,
    /// Whether something of deleted counters may be left to remove.
    pub deleted: bool,
    /// Whether removing it failed, and is to go on after the next write that does not.
    pub postponed: bool,
}

impl<C: Fn() -> Timestamp> Worker<C> {
    /// The life of the thread: ends when the store is dropped and all that waited is done.
    pub(super) fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut group = Vec::new();
        while self.wait(&mut waiting, &mut group) {
            self.serve(&mut group);
            self.tidy();
        }
    }

    /// Fills the group; leaves it empty where there is something else to do meanwhile. `false` at the end.
    fn wait(&self, waiting: &mut mpsc::Receiver<Job>, group: &mut Vec<Job>) -> bool {
        if self.deleted {
            return match waiting.try_recv() {
                Ok(job) => {
                    group.push(job);
                    while group.len() < GROUP
                        && let Ok(job) = waiting.try_recv()
                    {
                        group.push(job);
                    }
                    true
                }
                Err(mpsc::error::TryRecvError::Empty) => true,
                Err(mpsc::error::TryRecvError::Disconnected) => false,
            };
        }
        if self.log.is_large(self.log_size()) {
            let received = (self.runtime)
                .block_on(async { timeout(PAUSE, waiting.recv_many(group, GROUP)).await });
            return received.is_err() || !group.is_empty();
        }
        waiting.blocking_recv_many(group, GROUP) > 0
    }

    fn log_size(&self) -> u64 {
        self.watch.as_ref().map_or(0, Watch::log_size)
    }

    /// Whether the files are as they were left.
    fn look(&mut self) -> Result<(), String> {
        (self.watch.as_mut()).map_or(Ok(()), |watch| watch.check(&self.connection))
    }

    fn serve(&mut self, group: &mut Vec<Job>) {
        if group.is_empty() {
            return;
        }
        let state = self.look();
        let (mut writes, mut reads) = (Vec::new(), Vec::new());
        for job in group.drain(..) {
            match job {
                Job::Write(Write::Probe(to)) if self.writable && state.is_ok() => {
                    let _ = to.send(self.has_room().map_err(|reason| unavailable(&reason)));
                }
                Job::Write(write) => writes.push(write),
                Job::Read(read) => reads.push(read),
            }
        }
        if !writes.is_empty() {
            let result = state.clone().and_then(|()| self.write(&writes));
            self.writable = result.is_ok();
            answer(writes, result);
        }
        for read in reads {
            read(match &state {
                Ok(()) => Ok(&self.connection),
                Err(reason) => Err(unavailable(reason)),
            });
        }
    }

    /// Whether the log may grow.
    fn has_room(&mut self) -> Result<(), String> {
        if self.log.check(self.log_size()).is_err() {
            // The reader may have ended just now.
            let _ = log::empty(&self.connection);
            let _ = self.look();
        }
        self.log.check(self.log_size())
    }

    /// Once this returns `Ok`, the writes are on disk, in the file that everybody sees.
    fn write(&mut self, writes: &[Write]) -> Result<Vec<Written>, String> {
        self.has_room()?;
        let now = (self.clock)();
        let written = commit(&mut self.connection, writes, &mut self.tracker, now)
            .map_err(|error| error.to_string())?;
        self.look()?;
        self.deleted |= std::mem::take(&mut self.postponed);
        self.deleted |= (writes.iter()).any(|write| matches!(write, Write::Delete(..)));
        Ok(written)
    }

    /// What has time: a piece of what was deleted, and the log.
    fn tidy(&mut self) {
        if self.deleted {
            let more = (self.look())
                .and_then(|()| self.has_room())
                .map(|()| tables::remove_deleted(&mut self.connection, REMOVED_AT_ONCE));
            self.postponed = !matches!(more, Ok(Ok(_)));
            self.deleted = matches!(more, Ok(Ok(true)));
        }
        self.tend_log();
    }

    fn tend_log(&mut self) {
        let size = self.log_size();
        if !self.log.is_large(size) {
            return;
        }
        self.log.tend(&self.connection, size, Instant::now());
        // What it has become. A file that went away is told of by the next that comes.
        let _ = self.look();
    }
}

/// All or nothing: once this returns `Ok`, the writes are on disk.
pub(super) fn commit(
    connection: &mut Connection,
    writes: &[Write],
    tracker: &mut Tracker,
    now: Timestamp,
) -> rusqlite::Result<Vec<Written>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut round = tracker.begin(&transaction, now)?;
    let mut written = Vec::with_capacity(writes.len());
    for write in writes {
        if !matches!(write, Write::Track(..)) {
            round.write()?;
        }
        written.push(match write {
            Write::Track(events, _) => Written::Tracked(round.track(events)?),
            Write::Delete(selection, _) => {
                Written::Deleted(tables::delete(&transaction, selection)?)
            }
            Write::Keep(kept, _) => Written::Kept(tables::keep(&transaction, kept)?),
            Write::Limit(limits, _) => {
                round.tracker.limit(*limits);
                Written::Limited
            }
            Write::Probe(_) => {
                tables::touch(&transaction)?;
                Written::Probed
            }
        });
    }
    round.write()?;
    drop(round);
    transaction.commit()?;
    Ok(written)
}

/// Tells each asker; one that has gone away meanwhile is no error.
fn answer(writes: Vec<Write>, result: Result<Vec<Written>, String>) {
    match result {
        Ok(written) => {
            for pair in writes.into_iter().zip(written) {
                match pair {
                    (Write::Track(_, to), Written::Tracked(outcomes)) => {
                        let _ = to.send(Ok(outcomes));
                    }
                    (Write::Delete(_, to), Written::Deleted(count)) => {
                        let _ = to.send(Ok(count));
                    }
                    (Write::Keep(_, to), Written::Kept(copy)) => {
                        let _ = to.send(Ok(copy));
                    }
                    (Write::Limit(_, to), Written::Limited) => {
                        let _ = to.send(Ok(()));
                    }
                    (Write::Probe(to), Written::Probed) => {
                        let _ = to.send(Ok(()));
                    }
                    // A write's result is made from the write itself.
                    _ => unreachable!(),
                }
            }
        }
        Err(reason) => {
            let error = || unavailable(&reason);
            for write in writes {
                match write {
                    Write::Track(_, to) => drop(to.send(Err(error()))),
                    Write::Delete(_, to) => drop(to.send(Err(error()))),
                    Write::Keep(_, to) => drop(to.send(Err(error()))),
                    Write::Limit(_, to) => drop(to.send(Err(error()))),
                    Write::Probe(to) => drop(to.send(Err(error()))),
                }
            }
        }
    }
}

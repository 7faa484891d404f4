//! SQLite: the embedded store. One thread owns the connection; what is waiting when it is free
//! shares one transaction, so that many events share one wait for the disk (group commit).

mod limits;
mod tables;
mod tracker;

use std::fmt;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use self::tracker::Tracker;
use super::{Counting, Store, StoreError};
use crate::domain::{DayCount, Event, ExperimentCounts, Instant, Name, Outcome, Selection};

/// Requests that share a transaction at most; also how many may wait before callers wait too.
const GROUP: usize = 1024;

/// Where the tables are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Gone with the process.
    Memory,
    /// One file; a `-wal` file stands beside it while in use.
    File(PathBuf),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("SQLite in memory"),
            Self::File(path) => write!(f, "SQLite in `{}`", path.display()),
        }
    }
}

/// A store in SQLite. Dropping it waits until the tables are closed: what stood in the `-wal` file
/// is in the one file then.
pub struct SqliteStore {
    /// Both are there until the drop.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Job {
    Write(Write),
    /// Runs between two transactions, and answers by itself.
    Read(Box<dyn FnOnce(&Connection) + Send>),
}

enum Write {
    Track(Vec<Event>, Answer<Vec<Outcome>>),
    Delete(Selection, Answer<u64>),
    /// Changes nothing, and goes to the disk all the same: it tells whether others would.
    Probe(Answer<()>),
}

/// What a write did, if its transaction is committed.
enum Written {
    Tracked(Vec<Outcome>),
    Deleted(u64),
    Probed,
}

impl SqliteStore {
    /// Opens the tables, and makes them where there are none.
    ///
    /// # Errors
    /// When the file cannot be opened and written, or is no SQLite file.
    pub fn open(location: &Location, counting: Counting) -> Result<Self, StoreError> {
        Self::open_with_clock(location, counting, Instant::now)
    }

    /// The same, by another clock than the system's.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with_clock(
        location: &Location,
        counting: Counting,
        clock: impl Fn() -> Instant + Send + 'static,
    ) -> Result<Self, StoreError> {
        let failed = |error: &dyn fmt::Display| StoreError::Failed(format!("{location}: {error}"));
        let connection = match location {
            Location::Memory => Connection::open_in_memory(),
            Location::File(path) => open_file(path),
        };
        let connection = (connection.and_then(tables::prepare))
            .map_err(|error| failed(&why_not_opened(location, &error)))?;
        let (jobs, waiting) = mpsc::channel(GROUP);
        let thread = thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || work(connection, waiting, Tracker::new(counting), clock))
            .map_err(|error| failed(&error))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    async fn write<T>(&self, write: impl FnOnce(Answer<T>) -> Write) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Write(write(answer)), answered).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Read(Box::new(|connection| {
            // The asker may have gone away meanwhile.
            let _ = answer.send(read(connection).map_err(|error| unavailable(&error)));
        }));
        self.ask(job, answered).await
    }

    async fn ask<T>(
        &self,
        job: Job,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Failed("the SQLite thread has ended".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, it has said so itself.
            let _ = thread.join();
        }
    }
}

/// Opens a file. A new one is for its owner alone, as reading the counts elsewhere takes the key;
/// SQLite gives the files beside it the same mode.
fn open_file(path: &Path) -> rusqlite::Result<Connection> {
    let is_new = !path.exists();
    let connection = Connection::open(path)?;
    #[cfg(unix)]
    if is_new {
        use std::os::unix::fs::PermissionsExt;
        // It is empty still. Some file systems know no modes.
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
    }
    Ok(connection)
}

/// SQLite keeps to itself why the system refuses it a file.
fn why_not_opened(location: &Location, error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};

    let Location::File(path) = location else {
        return error.to_string();
    };
    if !matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly)) {
        return error.to_string();
    }
    let again = (OpenOptions::new().read(true).write(true))
        .create(!path.exists())
        .open(path);
    match again {
        Ok(_) => format!("{error} (its folder has to be writable, too, for the files beside it)"),
        Err(system) => system.to_string(),
    }
}

fn unavailable(error: &dyn fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("SQLite: {error}"))
}

#[async_trait]
impl Store for SqliteStore {
    async fn track(&self, events: &[Event]) -> Result<Vec<Outcome>, StoreError> {
        let events = events.to_vec();
        self.write(|answer| Write::Track(events, answer)).await
    }

    async fn counts(
        &self,
        namespace: &Name,
        scope: Option<&[Name]>,
    ) -> Result<Vec<ExperimentCounts>, StoreError> {
        let (namespace, scope) = (namespace.clone(), scope.map(<[Name]>::to_vec));
        self.read(move |connection| tables::counts(connection, &namespace, scope))
            .await
    }

    async fn days(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DayCount>>, StoreError> {
        let (namespace, experiments) = (namespace.clone(), experiments.to_vec());
        self.read(move |connection| {
            (experiments.iter())
                .map(|experiment| tables::days(connection, &namespace, experiment))
                .collect()
        })
        .await
    }

    async fn delete(&self, selection: &Selection) -> Result<u64, StoreError> {
        let selection = selection.clone();
        self.write(|answer| Write::Delete(selection, answer)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.write(Write::Probe).await
    }
}

/// The life of the thread: ends when the store is dropped and all that waited is done.
fn work(
    mut connection: Connection,
    mut waiting: mpsc::Receiver<Job>,
    mut tracker: Tracker,
    clock: impl Fn() -> Instant,
) {
    let mut group = Vec::new();
    // Reading goes on where the disk is full. Only who asks after a failure pays for a write.
    let mut writable = true;
    while waiting.blocking_recv_many(&mut group, GROUP) > 0 {
        let (mut writes, mut reads) = (Vec::new(), Vec::new());
        for job in group.drain(..) {
            match job {
                Job::Write(Write::Probe(to)) if writable => {
                    let _ = to.send(Ok(()));
                }
                Job::Write(write) => writes.push(write),
                Job::Read(read) => reads.push(read),
            }
        }
        if !writes.is_empty() {
            let result = commit(&mut connection, &writes, &mut tracker, clock());
            writable = result.is_ok();
            answer(writes, result);
        }
        for read in reads {
            read(&connection);
        }
    }
}

/// All or nothing: once this returns `Ok`, the writes are on disk.
fn commit(
    connection: &mut Connection,
    writes: &[Write],
    tracker: &mut Tracker,
    now: Instant,
) -> rusqlite::Result<Vec<Written>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let written = (writes.iter())
        .map(|write| match write {
            Write::Track(events, _) => tracker
                .track(&transaction, events, now)
                .map(Written::Tracked),
            Write::Delete(selection, _) => {
                tables::delete(&transaction, selection).map(Written::Deleted)
            }
            Write::Probe(_) => tables::touch(&transaction).map(|()| Written::Probed),
        })
        .collect::<rusqlite::Result<_>>()?;
    transaction.commit()?;
    Ok(written)
}

/// Tells each asker; one that has gone away meanwhile is no error.
fn answer(writes: Vec<Write>, result: rusqlite::Result<Vec<Written>>) {
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
                    (Write::Probe(to), Written::Probed) => {
                        let _ = to.send(Ok(()));
                    }
                    // A write's result is made from the write itself.
                    _ => unreachable!(),
                }
            }
        }
        Err(error) => {
            for write in writes {
                match write {
                    Write::Track(_, to) => {
                        let _ = to.send(Err(unavailable(&error)));
                    }
                    Write::Delete(_, to) => {
                        let _ = to.send(Err(unavailable(&error)));
                    }
                    Write::Probe(to) => {
                        let _ = to.send(Err(unavailable(&error)));
                    }
                }
            }
        }
    }
}

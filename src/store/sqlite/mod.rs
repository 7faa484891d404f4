//! SQLite: the embedded store. One thread owns the connection; what is waiting when it is free
//! shares one transaction, so that many events share one wait for the disk (group commit).

mod backup;
mod limits;
mod log;
mod tables;
#[cfg(test)]
mod tests;
mod tracker;
mod watch;
mod worker;

use std::fmt;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc as threads};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use self::backup::back_up;
use self::log::Log;
use self::tables::Kept;
use self::tracker::Tracker;
use self::watch::Watch;
use self::worker::{Answer, GROUP, Job, Worker, Write, unavailable};
use super::{CountLimits, Counting, DEFAULT_TIMEOUT, Durability, Health, Store, StoreError};
use crate::domain::{
    DayCount, DaySums, Event, ExperimentCounts, Name, Outcome, Selection, Timestamp,
};

/// How long another program may keep the file locked. Shorter than [`DEFAULT_TIMEOUT`], so that the log
/// names the reason.
const BUSY: Duration = Duration::from_millis(1500);

/// The longest that closing the tables may take. A disk that does not answer keeps nobody longer.
const CLOSING: Duration = Duration::from_secs(5);

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

/// A store in SQLite. Dropping it waits until the tables are closed, at most five seconds: what stood in the
/// `-wal` file is in the one file then.
pub struct SqliteStore {
    /// Both are there until the drop.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Hangs up when the tables are closed.
    closed: Mutex<threads::Receiver<()>>,
    in_file: bool,
}

impl SqliteStore {
    /// Opens the tables, and makes them where there are none.
    ///
    /// # Errors
    /// When the file cannot be opened and written, or is no SQLite file.
    pub fn open(location: &Location, counting: Counting) -> Result<Self, StoreError> {
        Self::open_with_clock(location, counting, Timestamp::now)
    }

    /// The same, by another clock than the system's.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with_clock(
        location: &Location,
        counting: Counting,
        clock: impl Fn() -> Timestamp + Send + 'static,
    ) -> Result<Self, StoreError> {
        Self::worker(location, counting, clock).and_then(Self::start)
    }

    fn worker<C: Fn() -> Timestamp>(
        location: &Location,
        counting: Counting,
        clock: C,
    ) -> Result<Worker<C>, StoreError> {
        let failed = |error: &dyn fmt::Display| StoreError::Failed(format!("{location}: {error}"));
        let connection = match location {
            Location::Memory => Connection::open_in_memory(),
            Location::File(path) => open_file(path),
        };
        let connection = (connection.and_then(tables::prepare))
            .map_err(|error| failed(&why_not_opened(location, &error)))?;
        let watch = match location {
            Location::Memory => None,
            Location::File(path) => Some(Watch::new(path).map_err(|error| failed(&error))?),
        };
        let runtime = (tokio::runtime::Builder::new_current_thread().enable_time())
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Worker {
            connection,
            watch,
            log: Log::default(),
            tracker: Tracker::new(counting),
            clock,
            runtime,
            writable: true,
            deleted: true,
            postponed: false,
        })
    }

    fn start(worker: Worker<impl Fn() -> Timestamp + Send + 'static>) -> Result<Self, StoreError> {
        let in_file = worker.watch.is_some();
        let (jobs, waiting) = mpsc::channel(GROUP);
        let (open, closed) = threads::channel::<()>();
        let thread = (thread::Builder::new().name("sqlite".to_owned()))
            .spawn(move || {
                worker.run(waiting);
                drop(open);
            })
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            closed: Mutex::new(closed),
            in_file,
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
            if !answer.is_closed() {
                let _ =
                    answer.send(connection.and_then(|connection| {
                        read(connection).map_err(|error| unavailable(&error))
                    }));
            }
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
        let answer = async {
            jobs.send(job).await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        };
        // What is waiting then may be done later all the same: sending it again is safe.
        (timeout(DEFAULT_TIMEOUT, answer).await).unwrap_or_else(|_| {
            Err(unavailable(&format!(
                "no answer within {DEFAULT_TIMEOUT:?}"
            )))
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let Some(thread) = self.thread.take() else {
            return;
        };
        let closed = (self.closed.get_mut()).unwrap_or_else(PoisonError::into_inner);
        if closed.recv_timeout(CLOSING) == Err(threads::RecvTimeoutError::Timeout) {
            tracing::warn!(
                "the store is not closed: the disk does not answer; it has all acknowledged events"
            );
        } else {
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

    async fn sums(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DaySums>>, StoreError> {
        let (namespace, experiments) = (namespace.clone(), experiments.to_vec());
        self.read(move |connection| {
            (experiments.iter())
                .map(|experiment| tables::sums(connection, &namespace, experiment))
                .collect()
        })
        .await
    }

    async fn delete(&self, selection: &Selection) -> Result<u64, StoreError> {
        let selection = selection.clone();
        self.write(|answer| Write::Delete(selection, answer)).await
    }

    async fn limit(&self, limits: CountLimits) -> Result<(), StoreError> {
        self.write(|answer| Write::Limit(limits, answer)).await
    }

    async fn keep_copy(
        &self,
        namespace: &Name,
        experiment: &Name,
        copy: &str,
        replace: bool,
    ) -> Result<String, StoreError> {
        let kept = Kept {
            namespace: namespace.clone(),
            experiment: experiment.clone(),
            copy: copy.to_owned(),
            replace,
        };
        self.write(|answer| Write::Keep(kept, answer)).await
    }

    async fn copies(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let (namespace, experiments) = (namespace.clone(), experiments.to_vec());
        self.read(move |connection| {
            (experiments.iter())
                .map(|experiment| tables::copy_of(connection, &namespace, experiment))
                .collect()
        })
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.write(Write::Probe).await
    }

    async fn health(&self, _: &Name) -> Result<Health, StoreError> {
        self.ping().await?;
        Ok(match self.in_file {
            true => Health::well("sqlite", Durability::Synchronous),
            false => Health::well("memory", Durability::None),
        })
    }
}

//! What only small limits show.

use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::domain::{Configured, Counter, IdempotencyKey};

const LARGE: u64 = 100_000;
const MOST: u64 = 400_000;

fn open(path: &Path) -> SqliteStore {
    let file = Location::File(path.to_owned());
    let mut worker = SqliteStore::worker(&file, Counting::default(), Timestamp::now).unwrap();
    worker.log = Log::limited(LARGE, MOST);
    SqliteStore::start(worker).unwrap()
}

async fn track(store: &SqliteStore, number: usize) -> Result<Vec<Outcome>, StoreError> {
    let name = |text: &str| Name::new(text).unwrap();
    let event = Event {
        counter: Counter {
            namespace: name("n"),
            experiment: name("e"),
            kind: name("participate").into(),
            variant: name("v"),
        },
        key: IdempotencyKey::new(number.to_string()).unwrap(),
        configured: Configured::default(),
        value: None,
    };
    store.track(&[event]).await
}

/// A program that looked once, and holds on to what it saw.
fn reader(path: &Path) -> Connection {
    let reader = Connection::open(path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT * FROM counters")
        .unwrap();
    reader
}

#[tokio::test]
async fn the_log_stays_short_beside_a_reader_that_does_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lamed.db");
    let log = folder.path().join("lamed.db-wal");
    let size = || log.metadata().unwrap().len();
    let store = open(&path);
    let reading = reader(&path);
    let mut number = 0;
    let refused = loop {
        match track(&store, number).await {
            Ok(outcomes) => assert_eq!(outcomes, [Outcome::Counted]),
            Err(refused) => break refused,
        }
        number += 1;
        assert!(number < 1_000, "{} bytes", size());
    };
    assert!(matches!(refused, StoreError::Unavailable(_)));
    assert!(
        refused.to_string().contains("has reached its limit"),
        "{refused}"
    );
    assert!((MOST..MOST + 100_000).contains(&size()), "{} bytes", size());
    assert!(store.ping().await.is_err());
    let namespace = Name::new("n").unwrap();
    assert_eq!(store.counts(&namespace, None).await.unwrap().len(), 1);

    // It is used again as soon as the reader ends, and what was refused counts.
    drop(reading);
    store.ping().await.unwrap();
    assert!(size() < 10_000, "{} bytes", size());
    assert_eq!(track(&store, number).await.unwrap(), [Outcome::Counted]);
    assert_eq!(
        track(&store, number - 1).await.unwrap(),
        [Outcome::Duplicate]
    );
}

#[tokio::test]
async fn the_log_is_emptied_soon_after_a_reader_ends_without_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lamed.db");
    let log = folder.path().join("lamed.db-wal");
    let size = || log.metadata().unwrap().len();
    let store = open(&path);
    let reading = reader(&path);
    let mut number = 0;
    while size() <= LARGE {
        track(&store, number).await.unwrap();
        number += 1;
    }
    drop(reading);
    let start = Instant::now();
    while size() > 0 {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{} bytes",
            size()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

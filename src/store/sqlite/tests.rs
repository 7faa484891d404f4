//! What only small limits show.

use std::path::Path;
use std::time::{Duration, Instant};

use super::worker::{Write, Written, commit};
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

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn event(number: usize) -> Event {
    Event {
        counter: Counter {
            namespace: name("n"),
            experiment: name("e"),
            kind: name("participate").into(),
            variant: name("v"),
        },
        key: IdempotencyKey::new(number.to_string()).unwrap(),
        configured: Configured::default(),
        value: None,
    }
}

async fn track(store: &SqliteStore, number: usize) -> Result<Vec<Outcome>, StoreError> {
    store.track(&[event(number)]).await
}

/// Events of one transaction write their counters together: but never past what comes between them.
#[test]
fn one_transaction_counts_and_deletes_in_its_order() {
    let now = || Timestamp(1_700_000_000_000);
    let mut worker = SqliteStore::worker(&Location::Memory, Counting::default(), now).unwrap();
    let track = |numbers: &[usize]| {
        let events = numbers.iter().map(|number| event(*number)).collect();
        Write::Track(events, oneshot::channel().0)
    };
    let delete = || {
        let selection = Selection {
            namespace: name("n"),
            experiment: name("e"),
            kind: None,
            variant: None,
        };
        Write::Delete(selection, oneshot::channel().0)
    };
    let writes = [track(&[1, 2, 1]), delete(), track(&[1]), track(&[3, 1])];
    let written = commit(&mut worker.connection, &writes, &mut worker.tracker, now()).unwrap();
    let written: Vec<_> = (written.into_iter())
        .map(|written| match written {
            Written::Tracked(outcomes) => Ok(outcomes),
            Written::Deleted(counters) => Err(counters),
            _ => panic!("neither tracked nor deleted"),
        })
        .collect();
    use Outcome::{Counted, Duplicate};
    assert_eq!(
        written,
        [
            Ok(vec![Counted, Counted, Duplicate]),
            Err(1),
            Ok(vec![Counted]),
            Ok(vec![Counted, Duplicate]),
        ]
    );
    // Of the counter that is there, and of the deleted one, which is removed later.
    let select = "SELECT namespace, counters.count, days.count FROM counters JOIN days ON counter = id ORDER BY id";
    let mut select = worker.connection.prepare(select).unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let rows: Vec<(String, u64, u64)> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, [(String::new(), 2, 2), ("n".to_owned(), 2, 2)]);
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

//! Another window, in every store: what was counted is remembered for as long as the window said then, and
//! what is counted from now on for as long as the new one says.

use std::path::Path;
use std::time::Duration;

use lamed::domain::{Event, Outcome};
use lamed::store::{Counting, Dedupe, Location, RedisStore, SqliteStore, Store, Window};

use crate::support::{Clock, Redis, event};

/// Milliseconds.
const SHORT: i64 = 2_000;
const DAY: i64 = 86_400_000;
const LONG: i64 = 1_000 * DAY;

const CHANGES: [(Option<i64>, Option<i64>); 4] = [
    (Some(DAY), Some(SHORT)),
    (Some(SHORT), Some(DAY)),
    (None, Some(SHORT)),
    (Some(SHORT), None),
];

fn counting(window: Option<i64>, dedupe: Dedupe) -> Counting {
    let window: Window = window.map(|window| Duration::from_millis(window.unsigned_abs()));
    Counting {
        window,
        dedupe,
        ..Counting::default()
    }
}

#[tokio::test]
async fn redis_keeps_what_another_window_promised() {
    let clock = Clock::new();
    let redis = Redis::start_by(&clock, &[]);
    let mut db = 0;
    for dedupe in [Dedupe::Compact, Dedupe::Flags] {
        for (before, after) in CHANGES {
            let url = format!("{}/{db}", redis.url());
            db += 1;
            let open = |window| -> Box<dyn Store> {
                let mut settings = crate::support::patient(&url);
                settings.counting = counting(window, dedupe);
                Box::new(RedisStore::new(&settings).unwrap())
            };
            println!("{dedupe:?}: {before:?} → {after:?}");
            keeps_promises(&clock, open, before, after).await;
        }
    }
}

#[tokio::test]
async fn sqlite_keeps_what_another_window_promised() {
    for (before, after) in CHANGES {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lamed.db");
        let clock = Clock::new();
        println!("{before:?} → {after:?}");
        keeps_promises(&clock, |window| open(&file, window, &clock), before, after).await;
    }
}

fn open(file: &Path, window: Option<i64>, clock: &Clock) -> Box<dyn Store> {
    let file = Location::File(file.to_owned());
    let counting = counting(window, Dedupe::Compact);
    Box::new(SqliteStore::open_with_clock(&file, counting, clock.reader()).unwrap())
}

async fn keeps_promises(
    clock: &Clock,
    open: impl Fn(Option<i64>) -> Box<dyn Store>,
    before: Option<i64>,
    after: Option<i64>,
) {
    let all = async |store: &dyn Store, kind: &str, outcome: Outcome| {
        let events: Vec<Event> = (0..300)
            .map(|number| event("e", kind, "v", &number.to_string()))
            .collect();
        let outcomes = store.track(&events).await.unwrap();
        let others = outcomes.iter().filter(|other| **other != outcome).count();
        assert_eq!(others, 0, "{kind} at {}: not {outcome:?}", clock.now());
    };
    let store = open(before);
    all(&*store, "before", Outcome::Counted).await;
    drop(store);
    let store = open(after);
    all(&*store, "before", Outcome::Duplicate).await;
    // Others make a store forget what it may.
    clock.advance(before.unwrap_or(LONG) - 1);
    for round in 0..5 {
        all(&*store, &format!("other {round}"), Outcome::Counted).await;
    }
    all(&*store, "before", Outcome::Duplicate).await;
    if let Some(before) = before {
        // `compact` remembers for up to two windows.
        clock.advance(before + 2);
        all(&*store, "before", Outcome::Counted).await;
    }

    all(&*store, "after", Outcome::Counted).await;
    clock.advance(after.unwrap_or(LONG) - 1);
    all(&*store, "after", Outcome::Duplicate).await;
    if let Some(after) = after {
        clock.advance(after + 2);
        all(&*store, "after", Outcome::Counted).await;
    }
}

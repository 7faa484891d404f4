//! Random events, at any time, against a model that knows for each idempotency key until when it is
//! remembered. The clocks stand still, so that the model is exact to the millisecond.

use std::collections::HashMap;
use std::time::Duration;

use lamed::domain::{Event, Outcome, Selection, Timestamp};
use lamed::store::{Counting, Dedupe, Location, RedisStore, SqliteStore, Store, Window};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::support::dynamodb::Table;
use crate::support::{Clock, Redis, event, name};

/// Milliseconds.
const WINDOW: i64 = 3_600_000;

const EXPERIMENTS: [&str; 2] = ["color", "a:b %{}"];
const EVENTS: [&str; 2] = ["participate", "buy"];
const VARIANTS: [&str; 2] = ["red", "blue"];

/// One way of remembering.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Memory {
    Flags,
    Compact(Option<i64>),
    Sqlite(Option<i64>),
    DynamoDb(Option<i64>),
}

impl Memory {
    fn counting(self) -> Counting {
        let (window, dedupe) = match self {
            Self::Compact(window) => (window, Dedupe::Compact),
            Self::Sqlite(window) | Self::DynamoDb(window) => (window, Dedupe::Compact),
            Self::Flags => (Some(WINDOW), Dedupe::Flags),
        };
        Counting {
            window: window.map(|window| Duration::from_millis(window.unsigned_abs())),
            dedupe,
            ..Counting::default()
        }
    }

    /// The last millisecond at which a key counted now is remembered.
    fn until(self, now: i64) -> i64 {
        let until = match self {
            // Redis expires a key after the millisecond that it is given.
            Self::Flags => now + WINDOW,
            Self::Sqlite(Some(window)) => now + window - 1,
            // To the end of the second.
            Self::DynamoDb(Some(window)) => (now + window + 999) / 1000 * 1000 - 1,
            Self::Compact(None) | Self::Sqlite(None) | Self::DynamoDb(None) => i64::MAX,
            Self::Compact(Some(window)) => (now / window + 2) * window,
        };
        if let Self::Compact(Some(window)) = self {
            let promised = now + window..=now + 2 * window;
            assert!(promised.contains(&until), "{self:?} at {now}: {until}");
        }
        until
    }
}

/// What is remembered until when, by experiment, event and variant, and then by idempotency key.
#[derive(Default)]
struct Model {
    remembered: HashMap<[&'static str; 3], HashMap<String, i64>>,
    counts: HashMap<[&'static str; 3], u64>,
}

impl Model {
    fn track(&mut self, counter: [&'static str; 3], key: &str, now: i64, until: i64) -> Outcome {
        let keys = self.remembered.entry(counter).or_default();
        if keys.get(key).is_some_and(|until| now <= *until) {
            return Outcome::Duplicate;
        }
        keys.insert(key.to_owned(), until);
        *self.counts.entry(counter).or_default() += 1;
        Outcome::Counted
    }

    fn delete(&mut self, selected: impl Fn(&[&'static str; 3]) -> bool) -> u64 {
        self.remembered.retain(|counter, _| !selected(counter));
        let before = self.counts.len();
        self.counts.retain(|counter, _| !selected(counter));
        (before - self.counts.len()) as u64
    }
}

/// The world: a store that can be opened anew, a clock, a model.
struct World<F> {
    random: StdRng,
    clock: Clock,
    model: Model,
    memory: Memory,
    memories: Vec<Memory>,
    open: F,
    store: Box<dyn Store>,
    made: usize,
}

impl<F: FnMut(&Clock, Memory) -> Box<dyn Store>> World<F> {
    fn new(seed: u64, clock: Clock, memories: &[Memory], mut open: F) -> Self {
        println!("seed {seed}");
        Self {
            random: StdRng::seed_from_u64(seed),
            store: open(&clock, memories[0]),
            clock,
            model: Model::default(),
            memory: memories[0],
            memories: memories.to_vec(),
            open,
            made: 0,
        }
    }

    async fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.random.random_range(0..100) {
                0..70 => self.track(12).await,
                70..90 => self.pass_time(),
                90..94 => self.delete().await,
                94..96 => self.track_many().await,
                _ => self.restart(),
            }
        }
        self.compare().await;
    }

    /// Events with keys of which most were used before.
    async fn track(&mut self, count: usize) {
        let events: Vec<_> = (0..count)
            .map(|_| {
                let counter = self.counter();
                (counter, format!("k{}", self.random.random_range(0..150)))
            })
            .collect();
        self.send(&events).await;
    }

    /// More new keys for one counter than a set takes, and some of them again.
    async fn track_many(&mut self) {
        let counter = self.counter();
        let first = self.made;
        self.made += 1_200;
        let new: Vec<_> = (first..self.made)
            .map(|number| (counter, format!("n{number}")))
            .collect();
        for events in new.chunks(100) {
            self.send(events).await;
        }
        let again: Vec<_> = (0..50)
            .map(|_| {
                let number = self.random.random_range(0..self.made);
                (counter, format!("n{number}"))
            })
            .collect();
        self.send(&again).await;
    }

    async fn send(&mut self, events: &[([&'static str; 3], String)]) {
        let now = self.clock.now();
        let until = self.memory.until(now);
        let expected: Vec<Outcome> = (events.iter())
            .map(|(counter, key)| self.model.track(*counter, key, now, until))
            .collect();
        let events: Vec<Event> = (events.iter())
            .map(|([experiment, kind, variant], key)| event(experiment, kind, variant, key))
            .collect();
        let outcomes = self.store.track(&events).await.unwrap();
        assert_eq!(
            outcomes, expected,
            "at {now} by {:?}: {events:?}",
            self.memory
        );
    }

    fn counter(&mut self) -> [&'static str; 3] {
        let mut one_of = |names: &[&'static str]| *names.choose(&mut self.random).unwrap();
        [one_of(&EXPERIMENTS), one_of(&EVENTS), one_of(&VARIANTS)]
    }

    /// By little, by much, or to the very edge of a slice or a window.
    fn pass_time(&mut self) {
        let now = self.clock.now();
        let window = match self.memory {
            Memory::Compact(Some(window))
            | Memory::Sqlite(Some(window))
            | Memory::DynamoDb(Some(window)) => window,
            _ => WINDOW,
        };
        self.clock.advance(match self.random.random_range(0..6) {
            0 => 1,
            1 => self.random.random_range(0..window / 10),
            2 => self.random.random_range(0..2 * window),
            3 => window - now % window - 1,
            4 => window - now % window,
            _ => window,
        });
    }

    async fn delete(&mut self) {
        // What a flag remembers of this very millisecond stays: an event on its way, sent again.
        self.clock.advance(1);
        let [experiment, event, variant] = self.counter();
        let event = self.random.random_bool(0.4).then_some(event);
        let variant = self.random.random_bool(0.4).then_some(variant);
        let selection = Selection {
            namespace: name("alephbet"),
            experiment: name(experiment),
            kind: event.map(|event| name(event).into()),
            variant: variant.map(name),
        };
        let expected = self.model.delete(|[e, k, v]| {
            *e == experiment && event.is_none_or(|x| x == *k) && variant.is_none_or(|x| x == *v)
        });
        let deleted = self.store.delete(&selection).await.unwrap();
        assert_eq!(deleted, expected, "{selection:?}");
    }

    /// Another process, perhaps with another way of remembering.
    fn restart(&mut self) {
        self.memory = *self.memories.choose(&mut self.random).unwrap();
        self.store = (self.open)(&self.clock, self.memory);
    }

    async fn compare(&self) {
        let counts = self.store.counts(&name("alephbet"), None).await.unwrap();
        let mut left = self.model.counts.clone();
        for counts in &counts {
            for experiment in EXPERIMENTS {
                if counts.experiment != name(experiment) {
                    continue;
                }
                for variant in VARIANTS {
                    let participate = left.remove(&[experiment, "participate", variant]);
                    assert_eq!(
                        counts.participants(&name(variant)),
                        participate.unwrap_or(0)
                    );
                    let buy = left.remove(&[experiment, "buy", variant]);
                    assert_eq!(
                        counts.conversions(&name("buy"), &name(variant)),
                        buy.unwrap_or(0)
                    );
                }
            }
        }
        assert!(left.is_empty(), "not in the results: {left:?}");
        for experiment in EXPERIMENTS {
            let (namespace, experiment_name) = (name("alephbet"), name(experiment));
            let days = self.store.days(&namespace, &[experiment_name]).await;
            let sum: u64 = days.unwrap().iter().flatten().map(|day| day.count).sum();
            let counts = self.model.counts.iter();
            let expected: u64 = counts
                .filter(|([e, ..], _)| *e == experiment)
                .map(|(_, n)| n)
                .sum();
            assert_eq!(sum, expected, "days of {experiment}");
        }
    }
}

fn open_redis(redis: &Redis, memory: Memory) -> Box<dyn Store> {
    let mut settings = crate::support::patient(&redis.url());
    settings.counting = memory.counting();
    Box::new(RedisStore::new(&settings).unwrap())
}

fn seeds() -> [u64; 3] {
    [1, 2, rand::random()]
}

#[tokio::test]
async fn redis_counts_exactly_through_switches_between_the_schemes() {
    for seed in seeds() {
        let clock = Clock::new();
        let mut redis =
            Redis::start_by(&clock, &["--appendonly", "yes", "--appendfsync", "always"]);
        let memories = [Memory::Flags, Memory::Compact(Some(WINDOW))];
        let mut times = 0;
        let mut world = World::new(seed, clock, &memories, |_, memory| {
            times += 1;
            if times % 3 == 0 {
                redis.kill();
                redis.restart();
            }
            open_redis(&redis, memory)
        });
        world.live(500).await;
    }
}

#[tokio::test]
async fn redis_counts_exactly_through_changes_of_the_window() {
    for seed in seeds() {
        let clock = Clock::new();
        // Where sets of integers are lowered, sets are larger, and no less right.
        let redis = Redis::start_by(&clock, &["--set-max-intset-entries", "64"]);
        let windows = [Some(WINDOW), Some(7 * WINDOW), Some(WINDOW / 60), None];
        let mut world = World::new(seed, clock, &windows.map(Memory::Compact), |_, memory| {
            open_redis(&redis, memory)
        });
        world.live(500).await;
    }
}

#[tokio::test]
async fn sqlite_counts_exactly_through_changes_of_the_window() {
    for seed in seeds() {
        let folder = tempfile::tempdir().unwrap();
        let file = Location::File(folder.path().join("lamed.db"));
        let windows = [Some(WINDOW), Some(7 * WINDOW), Some(WINDOW / 60), None];
        let memories = windows.map(Memory::Sqlite);
        let mut world = World::new(seed, Clock::new(), &memories, |clock, memory| {
            let counting = memory.counting();
            Box::new(SqliteStore::open_with_clock(&file, counting, clock.reader()).unwrap())
        });
        world.live(300).await;
    }
}

#[tokio::test]
async fn dynamodb_counts_exactly_through_changes_of_the_window() {
    for seed in seeds() {
        let table = Table::create().await;
        let windows = [Some(WINDOW), Some(7 * WINDOW), Some(WINDOW / 60), None];
        let memories = windows.map(Memory::DynamoDb);
        let mut world = World::new(seed, Clock::new(), &memories, |clock, memory| {
            table.store_at(memory.counting(), clock)
        });
        world.live(150).await;
    }
}

/// What was remembered of slices that have passed is given back, and no counter with it.
#[tokio::test]
async fn redis_gives_back_the_memory_of_what_it_has_forgotten() {
    let clock = Clock::new();
    let redis = Redis::start_by(&clock, &[]);
    let store = open_redis(&redis, Memory::Compact(Some(WINDOW)));
    let mut made = 0;
    let mut fill = async || {
        let events: Vec<Event> = (made..made + 3_000)
            .map(|number: usize| event("e", "participate", "v", &number.to_string()))
            .collect();
        made += events.len();
        store.track(&events).await.unwrap();
    };
    let mut connection = redis.connection();
    let mut sets = || -> Vec<String> {
        redis::cmd("KEYS")
            .arg("alephbet:seen:*")
            .query(&mut connection)
            .unwrap()
    };
    let mut sizes = Vec::new();
    for _ in 0..8 {
        fill().await;
        sizes.push(sets().len());
        clock.advance(WINDOW);
    }
    // Two slices at a time, each a root and its sixteen children.
    assert_eq!(sizes, [17, 34, 34, 34, 34, 34, 34, 34]);
    assert_eq!(sets().len(), 17);
    clock.advance(WINDOW);
    assert_eq!(sets(), [""; 0]);
    let counts = store.counts(&name("alephbet"), None).await.unwrap();
    assert_eq!(counts[0].participants(&name("v")), 24_000);
}

/// Deleting 20,000 keys' worth of sets, in several levels and for several windows, leaves none.
#[tokio::test]
async fn deleting_leaves_no_set_behind() {
    let redis = Redis::start(&[]);
    let mut connection = redis.connection();
    for memory in [Memory::Compact(None), Memory::Compact(Some(WINDOW))] {
        let store = open_redis(&redis, memory);
        for goal in ["participate", "buy"] {
            let events: Vec<Event> = (0..10_000)
                .map(|number| event("e", goal, "v", &format!("{number}")))
                .collect();
            let outcomes = store.track(&events).await.unwrap();
            let expected = if memory == Memory::Compact(None) {
                Outcome::Counted
            } else {
                Outcome::Duplicate
            };
            assert!(outcomes.iter().all(|outcome| *outcome == expected));
        }
        let others: Vec<Event> = (0..600)
            .map(|number| event("e", "other", "v", &format!("{memory:?} {number}")))
            .collect();
        store.track(&others).await.unwrap();
    }
    let store = open_redis(&redis, Memory::Flags);
    let selection = Selection {
        namespace: name("alephbet"),
        experiment: name("e"),
        kind: None,
        variant: None,
    };
    assert_eq!(store.delete(&selection).await.unwrap(), 3);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "alephbet:deleted:e:buy:v",
            "alephbet:deleted:e:other:v",
            "alephbet:deleted:e:participate:v"
        ]
    );
}

/// Rows whose window has passed go while events come, before they are two windows old.
#[tokio::test]
async fn sqlite_gives_back_the_rows_of_what_it_has_forgotten() {
    const SLICES: i64 = 20;
    const EVENTS: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lamed.db");
    let clock = Clock::new();
    let window: Window = Some(Duration::from_millis(WINDOW.unsigned_abs()));
    let counting = Counting {
        window,
        ..Counting::default()
    };
    let file = Location::File(path.clone());
    let store = SqliteStore::open_with_clock(&file, counting, clock.reader()).unwrap();
    let mut made = 0;
    for _ in 0..5 * SLICES {
        let events: Vec<Event> = (made..made + EVENTS)
            .map(|number| event("e", "participate", "v", &number.to_string()))
            .collect();
        made += EVENTS;
        assert!((store.track(&events).await.unwrap().iter()).all(|o| *o == Outcome::Counted));
        clock.advance(WINDOW / SLICES);
    }
    drop(store);
    let connection = rusqlite::Connection::open(path).unwrap();
    let (rows, oldest): (usize, i64) = connection
        .query_row("SELECT count(*), min(at) FROM remembered", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(rows < 2 * SLICES as usize * EVENTS, "{rows} rows");
    assert!(oldest > Timestamp(clock.now()).0 - 2 * WINDOW, "{oldest}");
}

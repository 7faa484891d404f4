//! What strangers can make by sending names, in every store: never more than the limits say.

use std::collections::BTreeSet;
use std::sync::Arc;

use lamed::domain::{Configured, Event, Limit, Outcome, Selection};
use lamed::store::{Counting, Dedupe, Location, RedisSettings, RedisStore, SqliteStore, Store};
use redis::Commands;
use tokio::task::JoinSet;

use crate::support::dynamodb::Table;
use crate::support::{Cluster, Redis, event, event_in, name, redis_6_2};
use Outcome::{Counted, Duplicate, Refused};

const LIMITS: Counting = Counting {
    window: None,
    dedupe: Dedupe::Compact,
    max_counters: 8,
    max_namespaces: 2,
    max_variants: 3,
};
const NO_COUNTER: Outcome = Refused(Limit::Counters(LIMITS.max_counters));
const NO_NAMESPACE: Outcome = Refused(Limit::Namespaces(LIMITS.max_namespaces));
const NO_VARIANT: Outcome = Refused(Limit::Variants(LIMITS.max_variants));

fn over(mut settings: RedisSettings, counting: Counting) -> RedisStore {
    settings.counting = counting;
    RedisStore::new(&settings).unwrap()
}

fn on(redis: &Redis, counting: Counting) -> RedisStore {
    over(crate::support::patient(&redis.url()), counting)
}

async fn track(store: &dyn Store, events: &[Event]) -> Vec<Outcome> {
    store.track(events).await.unwrap()
}

/// A participant in a namespace.
fn shown_in(namespace: &str, experiment: &str) -> Event {
    event_in(namespace, experiment, "participate", "v", "1")
}

/// A participant of a variant.
fn shown(variant: &str) -> Event {
    event("e", "participate", variant, "1")
}

async fn delete(
    store: &dyn Store,
    namespace: &str,
    experiment: &str,
    variant: Option<&str>,
) -> u64 {
    let selection = Selection {
        namespace: name(namespace),
        experiment: name(experiment),
        kind: None,
        variant: variant.map(name),
    };
    store.delete(&selection).await.unwrap()
}

/// The story of all limits; `frees` says whether a namespace gives its place back.
async fn story(store: &dyn Store, frees: bool) {
    // The configured namespace and two others, in one call or in several.
    let first = ["alephbet", "n:s", "two"].map(|namespace| shown_in(namespace, "x"));
    assert_eq!(track(store, &first).await, [Counted; 3]);
    let invented: Vec<Event> = (0..100)
        .map(|number| shown_in(&format!("n{number}"), "x"))
        .collect();
    assert_eq!(track(store, &invented).await, [NO_NAMESPACE; 100]);
    assert_eq!(store.counts(&name("n1"), None).await.unwrap(), []);
    // Those that are there go on, with new counters and with known ones.
    let more = ["alephbet", "n:s", "two", "three"].map(|namespace| shown_in(namespace, "y"));
    let outcomes = [Counted, Counted, Counted, NO_NAMESPACE];
    assert_eq!(track(store, &more).await, outcomes);
    assert_eq!(track(store, &first).await, [Duplicate; 3]);
    // The last experiment of a namespace takes its place with it.
    assert_eq!(delete(store, "two", "x", None).await, 1);
    assert_eq!(track(store, &more[3..]).await, [NO_NAMESPACE]);
    assert_eq!(delete(store, "two", "y", None).await, 1);
    let third = track(store, &more[3..]).await;
    assert_eq!(third, [if frees { Counted } else { NO_NAMESPACE }]);
    let back = track(store, &[shown_in("two", "z")]).await;
    assert_eq!(back, [if frees { NO_NAMESPACE } else { Counted }]);
    assert_eq!(delete(store, "alephbet", "x", None).await, 1);
    assert_eq!(delete(store, "alephbet", "y", None).await, 1);

    // Three variants: a goal makes a variant as well as a participant does.
    let goal = |variant: &str| event("e", "g", variant, "1");
    let variants = [shown("a"), goal("b"), goal("a:b"), shown("c")];
    let outcomes = [Counted, Counted, Counted, NO_VARIANT];
    assert_eq!(track(store, &variants).await, outcomes);
    let invented: Vec<Event> = (0..100).map(|number| shown(&number.to_string())).collect();
    assert_eq!(track(store, &invented).await, [NO_VARIANT; 100]);
    // New counters of variants that are there, and of other experiments.
    let known = [
        goal("a"),
        shown("a:b"),
        goal("c"),
        event("f", "g", "c", "1"),
    ];
    let outcomes = [Counted, Counted, NO_VARIANT, Counted];
    assert_eq!(track(store, &known).await, outcomes);
    // A declared variant is taken, and counts.
    let declared = Event {
        configured: Configured {
            namespace: true,
            variant: true,
            ..Configured::default()
        },
        ..shown("declared")
    };
    assert_eq!(track(store, &[declared]).await, [Counted]);
    assert_eq!(delete(store, "alephbet", "e", Some("b")).await, 1);
    assert_eq!(track(store, &variants[3..]).await, [NO_VARIANT]);
    assert_eq!(delete(store, "alephbet", "e", Some("a:b")).await, 2);
    let outcomes = [Counted, NO_VARIANT];
    assert_eq!(track(store, &[shown("c"), shown("d")]).await, outcomes);

    // There are six counters now: c, declared and twice a of e, and one of f.
    let goals: Vec<Event> = (0..5)
        .map(|number| event("e", &format!("g{number}"), "a", "1"))
        .collect();
    let outcomes = [Counted, Counted, Counted, NO_COUNTER, NO_COUNTER];
    assert_eq!(track(store, &goals).await, outcomes);
    assert_eq!(track(store, &goals[..1]).await, [Duplicate]);
    assert_eq!(delete(store, "alephbet", "f", None).await, 1);
    assert_eq!(track(store, &goals[3..]).await, [Counted, NO_COUNTER]);
}

#[tokio::test]
async fn sqlite_keeps_the_limits() {
    story(&SqliteStore::open(&Location::Memory, LIMITS).unwrap(), true).await;
    // Over a restart, and in the hands of another process.
    let folder = tempfile::tempdir().unwrap();
    let file = Location::File(folder.path().join("lamed.db"));
    let first = SqliteStore::open(&file, LIMITS).unwrap();
    let namespaces = ["one", "two"].map(|namespace| shown_in(namespace, "x"));
    assert_eq!(track(&first, &namespaces).await, [Counted; 2]);
    let second = SqliteStore::open(&file, LIMITS).unwrap();
    let third = [shown_in("three", "x")];
    assert_eq!(track(&second, &third).await, [NO_NAMESPACE]);
    assert_eq!(delete(&second, "one", "x", None).await, 1);
    assert_eq!(track(&first, &third).await, [Counted]);
}

#[tokio::test]
async fn redis_keeps_the_limits() {
    let oldest = redis_6_2().map(|path| Redis::start_other(path, &[]));
    for redis in [Some(Redis::start(&[])), oldest].iter().flatten() {
        for dedupe in [Dedupe::Compact, Dedupe::Flags] {
            redis::cmd("FLUSHALL")
                .exec(&mut redis.connection())
                .unwrap();
            story(&on(redis, Counting { dedupe, ..LIMITS }), true).await;
        }
    }
}

/// Its namespaces keep their places.
#[tokio::test]
async fn a_cluster_keeps_the_limits() {
    let cluster = Cluster::start().await;
    story(&over(cluster.settings(), LIMITS), false).await;
}

#[tokio::test]
async fn dynamodb_keeps_the_limits() {
    let table = Table::create().await;
    story(&table.store_counting(LIMITS), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_side_by_side_on_two_functions_keep_the_limits() {
    let table = Table::create().await;
    let function = || Arc::new(table.store_counting(LIMITS));
    crowd([function(), function()]).await;
}

/// Servers side by side, each with many requests at once, on each limit.
async fn crowd(stores: [Arc<dyn Store>; 2]) {
    let mut requests = JoinSet::new();
    for client in 0..40 {
        let store = stores[client % 2].clone();
        requests.spawn(async move {
            let mut counted = Vec::new();
            for round in 0..6 {
                let events = [
                    shown_in(&format!("n{client} {round}"), "x"),
                    shown(&format!("v{client} {round}")),
                    event("f", &format!("g{client} {round}"), "v", "1"),
                ];
                let outcomes = track(&*store, &events).await;
                let those = events.into_iter().zip(outcomes);
                counted.extend(those.filter_map(|(event, outcome)| {
                    assert_ne!(outcome, Duplicate);
                    (outcome == Counted).then_some(event.counter)
                }));
            }
            counted
        });
    }
    let mut namespaces = BTreeSet::new();
    let mut variants = BTreeSet::new();
    let mut counters = 0;
    for counter in requests.join_all().await.into_iter().flatten() {
        if counter.namespace != name("alephbet") {
            namespaces.insert(counter.namespace);
            continue;
        }
        counters += 1;
        if counter.experiment == name("e") {
            variants.insert(counter.variant);
        }
    }
    assert_eq!(namespaces.len(), 2, "{namespaces:?}");
    assert_eq!(variants.len(), 3, "{variants:?}");
    // On a cluster, what was about to be refused as a variant may have held the place of a counter.
    assert!(counters <= 8, "{counters}");
    for number in counters..10 {
        let goal = event("f", &format!("late {number}"), "v", "1");
        let outcome = if number < 8 { Counted } else { NO_COUNTER };
        assert_eq!(track(&*stores[1], &[goal]).await, [outcome]);
    }
    let read = stores[0].counts(&name("alephbet"), None).await.unwrap();
    assert_eq!(read[0].variants().len(), 3);
    assert_eq!(read[1].goals().len(), 5);
    for namespace in namespaces {
        let read = stores[0].counts(&namespace, None).await.unwrap();
        assert_eq!(read.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_side_by_side_on_two_servers_keep_the_limits() {
    let redis = Redis::start(&[]);
    let server = || Arc::new(on(&redis, LIMITS));
    crowd([server(), server()]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = Location::File(folder.path().join("lamed.db"));
    let server = || Arc::new(SqliteStore::open(&file, LIMITS).unwrap());
    crowd([server(), server()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_side_by_side_on_a_cluster_keep_the_limits() {
    let cluster = Cluster::start().await;
    let server = || Arc::new(over(cluster.settings(), LIMITS));
    crowd([server(), server()]).await;
}

/// Python lamed, or an earlier build, on the same Redis: it knows neither the set of namespaces nor the
/// variants kept beside an experiment.
#[tokio::test]
async fn what_others_write_and_delete_is_seen() {
    let redis = Redis::start(&[]);
    let counting = Counting {
        max_counters: 100,
        ..LIMITS
    };
    let store = on(&redis, counting);
    let mut theirs = redis.connection();
    let index = "alephbet:e:counter_keys";
    let counter = |variant: &str| format!("alephbet:counters:e:participate:{variant}");
    let variants = ["a", "b", "c", "d"].map(shown);
    let outcomes = [Counted, Counted, Counted, NO_VARIANT];
    assert_eq!(track(&store, &variants).await, outcomes);
    let _: () = theirs.srem(index, counter("a")).unwrap();
    let _: () = theirs.sadd(index, counter("theirs")).unwrap();
    let _: () = theirs.sadd(index, "alephbet:counters:e:g:theirs").unwrap();
    let new = [
        shown("d"),
        event("e", "h", "theirs", "1"),
        event("e", "h", "a", "1"),
    ];
    assert_eq!(track(&store, &new).await, [NO_VARIANT, Counted, NO_VARIANT]);
    let _: () = theirs.del(index).unwrap();
    assert_eq!(track(&store, &new[2..]).await, [Counted]);
    // Three counters again, but of one variant.
    let goals = ["i", "j"].map(|goal| event("e", goal, "a", "1"));
    assert_eq!(track(&store, &goals).await, [Counted; 2]);
    let outcomes = [Counted, Counted, NO_VARIANT];
    assert_eq!(track(&store, &["x", "y", "z"].map(shown)).await, outcomes);
    // What is kept beside an experiment is forgotten.
    let kept: Vec<String> = theirs.keys("*:variants:*").unwrap();
    assert_eq!(kept, ["alephbet:variants:e:of"]);
    let left: i64 = theirs.pttl(&kept[0]).unwrap();
    assert!((1..=86_400_000).contains(&left), "{left}");
}

/// A new counter takes one round trip on one Redis, whatever is asked about it.
#[tokio::test]
async fn a_new_counter_is_one_round_trip() {
    let redis = Redis::start(&[]);
    let store = on(&redis, LIMITS);
    track(&store, &[shown_in("one", "x")]).await;
    let mut connection = redis.connection();
    let reset = || redis::cmd("CONFIG").arg("RESETSTAT").take();
    reset().exec(&mut connection).unwrap();
    let events = [
        shown_in("two", "x"),
        shown_in("three", "x"),
        shown("a"),
        shown("b"),
        shown("c"),
        shown("d"),
    ];
    for event in &events {
        track(&store, std::slice::from_ref(event)).await;
    }
    assert_eq!(calls(&redis, "evalsha"), events.len());
    assert_eq!(calls(&redis, "eval"), 0);
}

/// How often a command ran, by clients or in scripts.
fn calls(redis: &Redis, command: &str) -> usize {
    let info: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut redis.connection())
        .unwrap();
    let prefix = format!("cmdstat_{command}:calls=");
    let line = info.lines().find_map(|line| line.strip_prefix(&prefix));
    let calls = line.map(|line| line.split(',').next().unwrap());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

/// Full with 10,000 counters in all, 100 variants × 99 goals of which are one experiment's.
async fn fill(store: &dyn Store) {
    for goal in 0..99 {
        let events: Vec<Event> = (0..100)
            .map(|variant| event("e", &format!("g{goal}"), &format!("v{variant}"), "1"))
            .collect();
        assert_eq!(track(store, &events).await, [Counted; 100]);
    }
}

/// 100 events of variants that are one too many.
fn junk() -> Vec<Event> {
    (0..100)
        .map(|number| shown(&format!("junk {number}")))
        .collect()
}

#[tokio::test]
async fn a_refused_event_is_cheap_on_a_full_redis() {
    let redis = Redis::start(&[]);
    let store = on(&redis, Counting::default());
    fill(&store).await;
    let before = calls(&redis, "smembers");
    for _ in 0..10 {
        let refused = Refused(Limit::Variants(100));
        assert_eq!(track(&store, &junk()).await, [refused; 100]);
    }
    // All counters of an experiment are looked at once, whoever asks.
    let another = on(&redis, Counting::default());
    track(&another, &junk()).await;
    assert!(calls(&redis, "smembers") - before <= 1);
}

#[tokio::test]
async fn a_refused_event_is_cheap_on_a_full_sqlite() {
    let counting = Counting {
        max_counters: 9_900,
        ..Counting::default()
    };
    let full = SqliteStore::open(&Location::Memory, counting).unwrap();
    fill(&full).await;
    let empty = Counting {
        max_counters: 1,
        max_variants: 1,
        ..Counting::default()
    };
    let empty = SqliteStore::open(&Location::Memory, empty).unwrap();
    track(&empty, &[event("f", "g", "v", "1")]).await;
    // Of several tries the fastest, as the machine may have other things to do.
    let time = async |store: &SqliteStore, events: &[Event]| {
        let mut fastest = std::time::Duration::MAX;
        for _ in 0..20 {
            let start = std::time::Instant::now();
            let outcomes = track(store, events).await;
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Refused(_))));
            fastest = fastest.min(start.elapsed());
        }
        fastest
    };
    let new_goals: Vec<Event> = (0..100)
        .map(|number| event("e", &format!("new {number}"), "v1", "1"))
        .collect();
    for events in [junk(), new_goals] {
        let (in_full, in_empty) = (time(&full, &events).await, time(&empty, &events).await);
        println!("100 refused events: {in_full:?} with 9,900 counters, {in_empty:?} with one");
        assert!(in_full < 30 * in_empty, "{in_full:?} and {in_empty:?}");
    }
}

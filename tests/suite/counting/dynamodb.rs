//! What DynamoDB does that no other store does: it cancels transactions that meet, throttles, keeps what has expired, and
//! takes money for each write.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use lamed::domain::{Event, Outcome, Selection, Value as Worth};
use lamed::store::{
    Counting, Credentials, CredentialsSource, DynamoDbSettings, DynamoDbStore, Store, StoreError,
};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::dynamodb::{Anybody, Proxy, Table, Trouble};
use crate::support::{Clock, event, free_port, name, tools};
use Outcome::{Counted, Duplicate};

const A_DAY: i64 = 86_400_000;
const CONNECTIONS: usize = 64;
const TIMES: usize = 3;

fn shown(uuid: &str) -> Event {
    event("e", "participate", "v", uuid)
}

async fn track(store: &dyn Store, event: &Event) -> Outcome {
    store.track(std::slice::from_ref(event)).await.unwrap()[0]
}

async fn participants(store: &dyn Store) -> u64 {
    let counts = store.counts(&name("alephbet"), Some(&[name("e")])).await;
    counts.unwrap()[0].participants(&name("v"))
}

async fn delete(store: &dyn Store) -> Result<u64, StoreError> {
    let selection = Selection {
        namespace: name("alephbet"),
        experiment: name("e"),
        kind: None,
        variant: None,
    };
    store.delete(&selection).await
}

/// A store that gives up as soon as in production, or sooner.
fn impatient(table: &Table, timeout: Duration) -> DynamoDbStore {
    let settings = DynamoDbSettings {
        timeout,
        ..table.settings.clone()
    };
    DynamoDbStore::new(&settings, Arc::new(Anybody)).unwrap()
}

#[tokio::test]
async fn an_event_is_one_request_and_four_write_units_however_old_the_experiment_is() {
    let table = Table::create().await;
    let proxy = Proxy::start();
    let clock = Clock::new();
    let store = table.behind(&proxy).store_at(Counting::default(), &clock);
    let order = |uuid: &str| Event {
        value: Some(Worth::new(999_999.999_9).unwrap()),
        ..event("e", "ordered", "v", uuid)
    };
    // The first of each counter and month finds or makes the items.
    let mut days = 0;
    for until in [1, 400] {
        while days < until {
            for event in [shown(&days.to_string()), order(&days.to_string())] {
                assert_eq!(track(&*store, &event).await, Counted);
            }
            clock.advance(A_DAY);
            days += 1;
        }
        for uuid in ["a", "b"] {
            let events = [shown(uuid), order(uuid)].map(|mut event| {
                let key = format!("{} {until}", event.key.as_str());
                event.key = lamed::domain::IdempotencyKey::new(key).unwrap();
                event
            });
            if uuid == "b" {
                proxy.state().units.clear();
                proxy.state().calls.clear();
            }
            for event in &events {
                assert_eq!(track(&*store, event).await, Counted);
            }
        }
        let state = proxy.state();
        assert_eq!(state.units, [4.0, 4.0], "after {until} days");
        assert_eq!(
            state.calls,
            BTreeMap::from([("TransactWriteItems".to_owned(), 2)])
        );
    }
    let days = store.days(&name("alephbet"), &[name("e")]).await.unwrap();
    assert_eq!(days[0].iter().map(|day| day.count).sum::<u64>(), 808);
    assert_eq!(days[0].len(), 2 * 401);
}

/// DynamoDB removes what has expired within days; until then it is there.
#[tokio::test]
async fn an_expired_key_counts_again_at_once_though_its_item_is_still_there() {
    let table = Table::create().await;
    let clock = Clock::new();
    let counting = Counting {
        window: Some(Duration::from_secs(60)),
        ..Counting::default()
    };
    let store = table.store_at(counting, &clock);
    for count in 1..=3 {
        assert_eq!(track(&*store, &shown("1")).await, Counted);
        assert_eq!(table.keys("k:").await.len(), 1);
        clock.advance(59_000);
        assert_eq!(track(&*store, &shown("1")).await, Duplicate);
        assert_eq!(participants(&*store).await, count);
        clock.advance(2_000);
    }
}

/// The requests are those that AWS's own library signs.
#[tokio::test]
async fn requests_are_signed_as_botocore_signs_them() {
    const CHECK: &str = r#"
import json, sys
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
import botocore.auth

headers, body = json.load(sys.stdin)
theirs = headers.pop("authorization")
url = "http://" + headers["host"] + "/"
signed = {name: headers[name] for name in theirs.split("SignedHeaders=")[1].split(",")[0].split(";")}
request = AWSRequest("POST", url, data=body.encode(), headers=signed)
request.context["timestamp"] = headers["x-amz-date"]
auth = SigV4Auth(Credentials("AKIDEXAMPLE", "s3cret", "t0ken"), "dynamodb", "eu-west-1")
ours = auth.string_to_sign(request, auth.canonical_request(request))
print(theirs.split("Signature=")[1] == auth.signature(ours, request), *sorted(signed))
"#;
    let table = Table::create().await;
    let proxy = Proxy::start();
    let store = table.behind(&proxy).store();
    track(&store, &event("ä:b", "participate", "10 ✓", "1")).await;
    let last = proxy.state().last.take().unwrap();
    let mut python = Command::new(tools().join("venv/bin/python"))
        .args(["-c", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(python.stdin.take().unwrap(), &last).unwrap();
    let output = python.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "True content-type host x-amz-date x-amz-security-token x-amz-target\n"
    );
}

/// Gives credentials for a while, and counts how often.
#[derive(Clone, Default)]
struct Lent {
    lasts: Arc<AtomicU64>,
    given: Arc<AtomicUsize>,
}

#[async_trait]
impl CredentialsSource for Lent {
    async fn credentials(&self) -> Result<Credentials, String> {
        self.given.fetch_add(1, Ordering::SeqCst);
        match self.lasts.load(Ordering::SeqCst) {
            0 => Err("signed out".to_owned()),
            seconds => Ok(Credentials {
                expires: Some(SystemTime::now() + Duration::from_secs(seconds)),
                ..Anybody.credentials().await?
            }),
        }
    }
}

#[tokio::test]
async fn credentials_are_replaced_before_and_after_they_expire() {
    let table = Table::create().await;
    let proxy = Proxy::start();
    let lent = Lent::default();
    let settings = DynamoDbSettings {
        timeout: Duration::from_secs(5),
        ..table.behind(&proxy).settings
    };
    let store = DynamoDbStore::new(&settings, Arc::new(lent.clone())).unwrap();
    let given = async |seconds: u64| {
        lent.lasts.store(seconds, Ordering::SeqCst);
        let before = lent.given.load(Ordering::SeqCst);
        let done = store.ping().await.map_err(|error| error.to_string());
        (lent.given.load(Ordering::SeqCst) - before, done)
    };
    let (_, done) = given(0).await;
    assert!(done.unwrap_err().contains("signed out"));
    // Less than five minutes are left: others are asked for, and these do if there are none.
    assert_eq!(given(60).await, (1, Ok(())));
    assert_eq!(given(0).await, (1, Ok(())));
    assert_eq!(given(3600).await, (1, Ok(())));
    assert_eq!(given(3600).await, (0, Ok(())));
    // AWS knows better.
    let mut expired = Some(Trouble::Expired);
    proxy.rule(move |_, _| expired.take());
    assert_eq!(given(3600).await, (1, Ok(())));
}

/// The answer that got lost said "counted", so the one that arrives says it, too.
#[tokio::test]
async fn an_event_whose_answer_was_lost_is_counted_once_and_said_to_be_counted() {
    let table = Table::create().await;
    let proxy = Proxy::start();
    let store = impatient(&table.behind(&proxy), Duration::from_secs(4));
    assert_eq!(track(&store, &shown("0")).await, Counted);
    let troubles = [
        Trouble::LostReply,
        Trouble::CutAfter,
        Trouble::CutBefore,
        Trouble::Internal,
        Trouble::Throttled,
        Trouble::Conflict,
        Trouble::Late(Duration::from_secs(2)),
    ];
    for (number, trouble) in troubles.into_iter().enumerate() {
        let mut left = Some(trouble);
        proxy.rule(move |_, _| left.take());
        let event = shown(&format!("t{number}"));
        assert_eq!(track(&store, &event).await, Counted, "{trouble:?}");
        assert_eq!(track(&store, &event).await, Duplicate, "{trouble:?}");
    }
    // Lost, and then a conflict: the same request goes out until its answer comes.
    let mut troubles = [Trouble::CutAfter, Trouble::Conflict, Trouble::Conflict].into_iter();
    proxy.rule(move |_, _| troubles.next());
    assert_eq!(track(&store, &shown("both")).await, Counted);
    assert_eq!(participants(&store).await, 9);
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_an_error_within_the_timeout() {
    let table = Table::create().await;
    let proxy = Proxy::start();
    let store = impatient(&table.behind(&proxy), Duration::from_secs(2));
    for trouble in [Trouble::Silence, Trouble::Throttled, Trouble::Conflict] {
        proxy.calm();
        let event = shown(&format!("{trouble:?}"));
        // The counter is known.
        track(&store, &shown("0")).await;
        proxy.rule(move |_, _| Some(trouble));
        let start = Instant::now();
        let error = store.track(std::slice::from_ref(&event)).await.unwrap_err();
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            start.elapsed()
        );
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        proxy.calm();
        assert_eq!(track(&store, &event).await, Counted, "{trouble:?}");
    }
    let gone = DynamoDbSettings {
        endpoint: Some(format!("http://127.0.0.1:{}", free_port())),
        timeout: Duration::from_secs(1),
        ..table.settings.clone()
    };
    let error = DynamoDbStore::new(&gone, Arc::new(Anybody))
        .unwrap()
        .ping()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot connect"), "{error}");
    let missing = DynamoDbSettings {
        table: "missing".to_owned(),
        ..table.settings.clone()
    };
    let missing = DynamoDbStore::new(&missing, Arc::new(Anybody)).unwrap();
    assert!(!missing.has_table().await.unwrap());
    let error = missing.ping().await.unwrap_err().to_string();
    assert!(
        error.starts_with("the DynamoDB table `missing` in eu-west-1: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_delete_is_seen_by_other_functions_at_once() {
    let table = Table::create().await;
    let [first, second] = [table.store(), table.store()];
    for round in 1..=2 {
        for store in [&first, &second] {
            track(store, &shown("1")).await;
            track(store, &shown("2")).await;
        }
        assert_eq!(participants(&first).await, 2);
        assert_eq!(delete(&second).await.unwrap(), 1, "{round}");
        assert_eq!(delete(&second).await.unwrap(), 0, "{round}");
        // What the first knows is deleted: its event begins the counter anew.
        assert_eq!(track(&first, &shown("1")).await, Counted);
        assert_eq!(participants(&second).await, 1);
        assert_eq!(track(&second, &shown("1")).await, Duplicate);
    }
}

#[tokio::test]
async fn an_interrupted_delete_is_finished_by_the_next() {
    let table = Table::create().await;
    let proxy = Proxy::start();
    let deleter = impatient(&table.behind(&proxy), Duration::from_secs(2));
    let other = table.store();
    assert_eq!(track(&other, &shown("1")).await, Counted);
    let left = async || table.keys("e:alephbet:e c:1:").await.len();
    assert_eq!(left().await, 1);
    proxy.rule(|operation, _| (operation == "BatchWriteItem").then_some(Trouble::Internal));
    delete(&deleter).await.unwrap_err();
    assert_eq!(left().await, 1);
    assert_eq!(participants(&other).await, 0);
    // For five seconds another function may not know of it; then it looks.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    assert_eq!(track(&other, &shown("1")).await, Counted);
    assert_eq!(participants(&other).await, 1);
    proxy.calm();
    assert_eq!(delete(&deleter).await.unwrap(), 1);
    assert_eq!(left().await, 0);
    assert_eq!(table.keys("e:alephbet:e c:").await, [""; 0]);
}

/// Hundreds of counters go in several transactions.
#[tokio::test]
async fn a_large_experiment_is_deleted_whole() {
    let table = Table::create().await;
    let store = table.store();
    let events: Vec<Event> = (0..200)
        .map(|number| event("e", &format!("g{number}"), "v", "1"))
        .collect();
    for events in events.chunks(50) {
        assert_eq!(store.track(events).await.unwrap(), [Counted; 50]);
    }
    track(&store, &event("f", "participate", "v", "1")).await;
    store
        .keep_copy(&name("alephbet"), &name("e"), "{}", false)
        .await
        .unwrap();
    assert_eq!(delete(&store).await.unwrap(), 200);
    assert_eq!(table.keys("e:alephbet:e").await, ["e:alephbet:e x"]);
    let all = store.counts(&name("alephbet"), None).await.unwrap();
    assert_eq!(all.len(), 1);
    let left = table.ask(
        "GetItem",
        json!({"Key": {"pk": {"S": "n:alephbet"}, "sk": {"S": "x"}}}),
    );
    assert_eq!(left.await["Item"]["counters"]["N"], "1");
}

/// Random trouble, in one request of six.
fn troubles(seed: u64) -> impl FnMut(&str, &serde_json::Value) -> Option<Trouble> + Send {
    let mut random = StdRng::seed_from_u64(seed);
    move |operation, _| {
        if operation == "Query" {
            return None;
        }
        Some(match random.random_range(0..600) {
            0..40 => Trouble::Conflict,
            40..60 => Trouble::Throttled,
            60..70 => Trouble::Internal,
            70..80 => Trouble::CutBefore,
            80..90 => Trouble::CutAfter,
            90..93 => Trouble::LostReply,
            93..100 => Trouble::Late(Duration::from_millis(30)),
            _ => return None,
        })
    }
}

/// Two functions take `events` events three times each, on 64 connections, in any order: each counts once.
async fn hammer(events: usize) {
    let table = Table::create().await;
    let proxy = Proxy::start().with_conflicts(Duration::from_millis(1));
    let seed = rand::random();
    println!("seed {seed}");
    proxy.rule(troubles(seed));
    let behind = table.behind(&proxy);
    let stores = [(); 2].map(|()| Arc::new(impatient(&behind, Duration::from_secs(2))));
    let mut order: Vec<usize> = (0..events * TIMES).map(|n| n % events).collect();
    order.shuffle(&mut rand::rng());
    let (order, next) = (Arc::new(order), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::new(AtomicUsize::new(0));
    let failed = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut connections = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let store = stores[connection % 2].clone();
        let (order, next) = (order.clone(), next.clone());
        let (counted, failed) = (counted.clone(), failed.clone());
        connections.spawn(async move {
            while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let event = shown(&number.to_string());
                loop {
                    match store.track(std::slice::from_ref(&event)).await {
                        Ok(outcomes) => {
                            counted
                                .fetch_add(usize::from(outcomes == [Counted]), Ordering::Relaxed);
                            break;
                        }
                        // The client's 503: it sends the event again.
                        Err(StoreError::Unavailable(_)) => failed.fetch_add(1, Ordering::Relaxed),
                        Err(error) => panic!("{error}"),
                    };
                }
            }
        });
    }
    connections.join_all().await;
    let (counted, failed) = (
        counted.load(Ordering::Relaxed),
        failed.load(Ordering::Relaxed),
    );
    let took = start.elapsed();
    proxy.calm();
    {
        let state = proxy.state();
        let (conflicts, calls) = (state.conflicted, &state.calls);
        println!(
            "{events} events × {TIMES} in {took:?}: {failed} errors, {conflicts} conflicts, {calls:?}"
        );
    }
    assert_eq!(participants(&*stores[0]).await, events as u64);
    // A reply that was lost for good may have been the one that said so.
    assert!(
        counted <= events && counted + failed >= events,
        "{counted}, {failed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_functions_count_exactly_through_conflicts_throttling_and_lost_answers() {
    hammer(200).await;
}

/// As long as MiniStack takes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn ten_thousand_events_are_counted_exactly_through_all_trouble() {
    hammer(10_000).await;
}

/// Conflicts as DynamoDB makes them, each transaction taking 5 ms: events of one instance never meet.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_one_counter_are_spread_over_shards() {
    let table = Table::create().await;
    let proxy = Proxy::start().with_conflicts(Duration::from_millis(5));
    let store = Arc::new(table.behind(&proxy).store());
    assert_eq!(track(&*store, &shown("first")).await, Counted);
    const EVENTS: usize = 1_500;
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (store, next) = (store.clone(), next.clone());
        connections.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= EVENTS {
                    break;
                }
                assert_eq!(track(&*store, &shown(&number.to_string())).await, Counted);
            }
        });
    }
    connections.join_all().await;
    let seconds = start.elapsed().as_secs_f64();
    let conflicts = proxy.state().conflicted;
    let rate = EVENTS as f64 / seconds;
    println!("{rate:.0} events a second on one counter, {conflicts} conflicts");
    assert_eq!(conflicts, 0);
    assert_eq!(participants(&*store).await, EVENTS as u64 + 1);
    let shards = table.keys("e:alephbet:e c:").await.len();
    assert!((8..=64).contains(&shards), "{shards}");
}

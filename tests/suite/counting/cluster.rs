//! A Redis Cluster: three nodes, of which one stops, and a slot that moves, in the middle of a load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lamed::domain::{Event, Outcome, Selection};
use lamed::store::{Counting, RedisStore, Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::{Cluster, event, name};

const EXPERIMENTS: usize = 12;
const EVENTS: usize = 300;

/// The events of one experiment, sent until acknowledged, and again.
async fn load(
    store: Arc<RedisStore>,
    experiment: usize,
    acknowledged: Arc<AtomicUsize>,
    half: Arc<Notify>,
) {
    for number in 0..EVENTS {
        let event = event(
            &format!("e{experiment}"),
            "participate",
            "v",
            &number.to_string(),
        );
        for _ in 0..2 {
            let events = std::slice::from_ref(&event);
            while let Err(error) = store.track(events).await {
                assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
                sleep(Duration::from_millis(10)).await;
            }
        }
        if acknowledged.fetch_add(1, Ordering::SeqCst) + 1 == EXPERIMENTS * EVENTS / 3 {
            half.notify_one();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stops_and_a_slot_moves_and_every_event_counts_once() {
    let mut nodes = Cluster::start().await;
    let store = Arc::new(nodes.store());
    let (acknowledged, third) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut loads = JoinSet::new();
    for experiment in 0..EXPERIMENTS {
        loads.spawn(load(
            store.clone(),
            experiment,
            acknowledged.clone(),
            third.clone(),
        ));
    }
    third.notified().await;
    nodes.move_slot(nodes.slot("e0")).await;
    let stopped = nodes.owner(nodes.slot("e1"));
    nodes.0[stopped].kill();
    sleep(Duration::from_millis(300)).await;
    nodes.0[stopped].restart();
    loads.join_all().await;

    let counts = nodes.store().counts(&name("alephbet"), None).await.unwrap();
    let counted: BTreeMap<String, u64> = (counts.iter())
        .map(|counts| {
            (
                counts.experiment.to_string(),
                counts.participants(&name("v")),
            )
        })
        .collect();
    let expected: BTreeMap<String, u64> = (0..EXPERIMENTS)
        .map(|number| (format!("e{number}"), EVENTS as u64))
        .collect();
    assert_eq!(counted, expected);
}

/// Whatever is interrupted on the way to a new counter or from a deleted one, results are whole.
#[tokio::test]
async fn a_counter_is_registered_before_it_is_made_and_never_invisible() {
    let nodes = Cluster::start().await;
    let store = nodes.store();
    let track = async |event: &Event| store.track(std::slice::from_ref(event)).await.unwrap();
    let names = async || -> Vec<String> {
        let counts = store.counts(&name("alephbet"), None).await.unwrap();
        counts
            .iter()
            .map(|counts| counts.experiment.to_string())
            .collect()
    };
    // Registered, and then interrupted: as if nothing had been.
    let mut registered = redis::cluster::ClusterClient::new([nodes.0[0].url()])
        .unwrap()
        .get_connection()
        .unwrap();
    let mut sadd = |key: &str, member: &str| {
        let _: () = redis::cmd("SADD")
            .arg(key)
            .arg(member)
            .query(&mut registered)
            .unwrap();
    };
    sadd("{alephbet}:experiments", "e");
    sadd(
        "{alephbet}:counter_keys",
        "alephbet:counters:{e}:participate:v",
    );
    assert_eq!(names().await, [""; 0]);
    let shown = event("e", "participate", "v", "1");
    assert_eq!(track(&shown).await, [Outcome::Counted]);
    assert_eq!(names().await, ["e"]);

    // Deleted, it is gone, although its name stays in the index; and it comes back.
    let selection = Selection {
        namespace: name("alephbet"),
        experiment: name("e"),
        kind: None,
        variant: None,
    };
    assert_eq!(store.delete(&selection).await.unwrap(), 1);
    assert_eq!(names().await, [""; 0]);
    assert_eq!(track(&shown).await, [Outcome::Counted]);
    assert_eq!(names().await, ["e"]);
}

#[tokio::test]
async fn a_cluster_refuses_a_counter_too_many() {
    let nodes = Cluster::start().await;
    let mut settings = nodes.settings();
    settings.counting = Counting {
        max_counters: 3,
        ..Counting::default()
    };
    let store = RedisStore::new(&settings).unwrap();
    let events: Vec<Event> = (0..6)
        .map(|number| event(&format!("e{number}"), "participate", "v", "1"))
        .collect();
    let mut outcomes = store.track(&events).await.unwrap();
    assert_eq!(store.track(&events[..1]).await.unwrap().len(), 1);
    outcomes.sort_by_key(|outcome| *outcome != Outcome::Counted);
    use Outcome::{Counted, Refused};
    assert_eq!(
        outcomes,
        [Counted, Counted, Counted, Refused, Refused, Refused]
    );
    assert_eq!(
        store.counts(&name("alephbet"), None).await.unwrap().len(),
        3
    );
}

//! A Redis Cluster: in the middle of a load a slot moves, a node stops, a replica takes over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lamed::domain::{Event, Limit, Outcome, Selection};
use lamed::store::{Counting, RedisStore, Store, StoreError};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::{Cluster, event, name};

const EXPERIMENTS: usize = 12;

/// Clients that send each event until it is acknowledged, and then once more, until told to stop.
struct Load {
    clients: JoinSet<(String, u64)>,
    acknowledged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn start(store: &Arc<RedisStore>) -> Self {
        let mut load = Self {
            clients: JoinSet::new(),
            acknowledged: Arc::default(),
            stop: Arc::default(),
        };
        for number in 0..EXPERIMENTS {
            let store = store.clone();
            let (acknowledged, stop) = (load.acknowledged.clone(), load.stop.clone());
            load.clients.spawn(async move {
                let experiment = format!("e{number}");
                let mut events = 0;
                while !stop.load(Ordering::SeqCst) {
                    let event = event(&experiment, "participate", "v", &events.to_string());
                    for _ in 0..2 {
                        while let Err(error) = store.track(std::slice::from_ref(&event)).await {
                            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
                            sleep(Duration::from_millis(10)).await;
                        }
                    }
                    events += 1;
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
                (experiment, events)
            });
        }
        load
    }

    /// Waits until so many more events are acknowledged.
    async fn goes_on_for(&self, events: u64) {
        let enough = self.acknowledged.load(Ordering::SeqCst) + events;
        while self.acknowledged.load(Ordering::SeqCst) < enough {
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many events each experiment had.
    async fn finish(self) -> BTreeMap<String, u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await.into_iter().collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_moves_and_a_node_stops_and_another_fails_over_and_every_event_counts_once() {
    let mut nodes = Cluster::start().await;
    let store = Arc::new(nodes.store());
    let load = Load::start(&store);
    load.goes_on_for(300).await;
    nodes.move_slot(nodes.slot("e0")).await;
    load.goes_on_for(300).await;
    let stopped = nodes.owner(nodes.slot("e1"));
    nodes.0[stopped].kill();
    load.goes_on_for(100).await;
    nodes.0[stopped].restart();
    load.goes_on_for(300).await;
    let replica = nodes.add_replica((stopped + 1) % 3).await;
    nodes.fail_over_to(replica).await;
    load.goes_on_for(300).await;
    let expected = load.finish().await;

    let counts = nodes.store().counts(&name("alephbet"), None).await.unwrap();
    let counted: BTreeMap<String, u64> = (counts.iter())
        .map(|counts| {
            let participants = counts.participants(&name("v"));
            (counts.experiment.to_string(), participants)
        })
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
    let refused = Refused(Limit::Counters(3));
    assert_eq!(
        outcomes,
        [Counted, Counted, Counted, refused, refused, refused]
    );
    assert_eq!(
        store.counts(&name("alephbet"), None).await.unwrap().len(),
        3
    );
}

#[tokio::test]
async fn a_cluster_that_is_taken_for_one_redis_is_named() {
    let nodes = Cluster::start().await;
    let mut settings = nodes.settings();
    settings.cluster = false;
    let store = RedisStore::new(&settings).unwrap();
    for number in 0..4 {
        let event = event(&format!("e{number}"), "participate", "v", "1");
        let error = store.track(&[event]).await.unwrap_err();
        let StoreError::Failed(reason) = &error else {
            panic!("{error:?}");
        };
        let url = nodes.0[0].url();
        assert_eq!(
            *reason,
            format!(
                "{url}/0 is a node of a Redis Cluster: set `\"cluster\": true` under `redis` in the config"
            )
        );
    }
}

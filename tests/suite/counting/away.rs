//! A cluster of which not all is there.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lamed::domain::Outcome;
use lamed::store::{RedisStore, Store};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::{Clock, Cluster, Redis, Server, cluster_behind, event, name, patient, query};

/// An experiment on each node, and the node that has the namespace's indexes.
fn experiments(nodes: &Cluster) -> ([String; 3], usize) {
    let on = |wanted: usize| {
        let mut names = (0..).map(|number| format!("e{number}"));
        names.find(|name| nodes.owner(nodes.slot(name)) == wanted)
    };
    let slot = redis::cmd("CLUSTER")
        .arg(&["KEYSLOT", "{alephbet}:experiments"])
        .query(&mut nodes.0[0].connection())
        .unwrap();
    ([0, 1, 2].map(|node| on(node).unwrap()), nodes.owner(slot))
}

fn path(experiment: &str, uuid: &str) -> String {
    let query = query(&[
        ("experiment", experiment),
        ("event", "participate"),
        ("variant", "v"),
        ("uuid", uuid),
    ]);
    format!("/prod/track?{query}")
}

async fn readiness(server: &Server) -> (u16, Value) {
    let reply = server.client().get("/readyz").await;
    (reply.status, reply.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_with_a_node_away_counts_what_it_can() {
    let mut nodes = Cluster::start().await;
    let (experiments, index) = experiments(&nodes);
    let (lost, other) = ((index + 1) % 3, (index + 2) % 3);
    nodes.0[lost].kill();

    // It starts by a node that is there, wherever that stands in the list.
    let address = |node: usize| format!("127.0.0.1:{}", nodes.0[node].port);
    let home = tempfile::tempdir().unwrap();
    let config = json!({"redis": {"nodes": [address(lost), address(other)]}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--store", "config"]);
    let degraded = "1 of 3 nodes of the cluster cannot count";
    let (status, json) = readiness(&server).await;
    assert_eq!(
        (
            status,
            &json["status"],
            &json["reason"],
            &json["durability"]
        ),
        (
            200,
            &json!("degraded"),
            &json!(degraded),
            &json!("appendfsync always")
        )
    );

    let mut client = server.client();
    let counted = r#"{"counted":true}"#;
    for node in [index, other] {
        let reply = client.get(&path(&experiments[node], "1")).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, counted));
    }
    assert_eq!(client.get(&path(&experiments[lost], "1")).await.status, 503);
    // Of a batch, new counters too: what it can count is counted, and what it cannot is sent again.
    let batch: Vec<Value> = (experiments.iter())
        .map(|experiment| {
            json!({"experiment": experiment, "event": "buy", "variant": "v", "uuid": "1"})
        })
        .collect();
    let batch = json!(batch).to_string();
    assert_eq!(client.post("/prod/track", &batch).await.status, 503);
    nodes.0[lost].restart();
    while readiness(&server).await.1["status"] != "ready" {
        tokio::task::yield_now().await;
    }
    let reply = client.post("/prod/track", &batch).await;
    assert_eq!(reply.json()["counted"], 1, "{}", reply.body);
    assert_eq!(reply.json()["duplicates"], 2, "{}", reply.body);
    assert_eq!(
        client.get(&path(&experiments[lost], "1")).await.body,
        counted
    );
}

/// A node that takes connections and answers nothing keeps nobody waiting but its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_node_holds_up_its_own_events_alone() {
    let nodes = Cluster::start().await;
    let (experiments, index) = experiments(&nodes);
    let (lost, other) = ((index + 1) % 3, (index + 2) % 3);
    let store = Arc::new(nodes.store());
    let track = |node: usize, uuid: usize| {
        let (store, experiment) = (store.clone(), experiments[node].clone());
        let event = event(&experiment, "participate", "v", &uuid.to_string());
        async move { store.track(&[event]).await }
    };
    for node in 0..3 {
        assert_eq!(track(node, 0).await.unwrap(), [Outcome::Counted]);
    }
    let signal = |name: &str| {
        let pid = nodes.0[lost].pid().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    };
    signal("-STOP");
    let mut waiting = JoinSet::new();
    for uuid in 1..=50 {
        waiting.spawn(track(lost, uuid));
    }
    for uuid in 1..=100 {
        for node in [index, other] {
            assert_eq!(track(node, uuid).await.unwrap(), [Outcome::Counted]);
        }
    }
    // None of the others was answered meanwhile.
    let failed = waiting.join_all().await;
    assert!(failed.iter().all(Result::is_err), "{failed:?}");
    signal("-CONT");
    while track(lost, 1).await.is_err() {}
    assert_eq!(track(lost, 1).await.unwrap(), [Outcome::Duplicate]);
}

/// How many experiments were emptied.
const EMPTIED: usize = 10_000;

/// Passes on what a client sends, and keeps the answers back while only a part of the indexes of all
/// experiments was asked for: a client that waits for an answer before it asks for the rest gets none.
async fn keep_answers_back(listener: TcpListener, port: u16) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (told, _) = watch::channel(());
    let told = Arc::new(told);
    while let Ok((client, _)) = listener.accept().await {
        let redis = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let ((mut from_client, mut to_client), (mut from_redis, mut to_redis)) =
            (client.into_split(), redis.into_split());
        let (asked_here, told_here) = (asked.clone(), told.clone());
        tokio::spawn(async move {
            const INDEX: &[u8] = b"}:counter_keys\r\n";
            let (mut seen, mut piece) = (Vec::new(), vec![0; 65_536]);
            while let Ok(length @ 1..) = from_client.read(&mut piece).await {
                seen.extend_from_slice(&piece[..length]);
                let found = seen
                    .windows(INDEX.len())
                    .filter(|text| *text == INDEX)
                    .count();
                // An index that is not yet there as a whole is looked for again.
                seen.drain(..seen.len().saturating_sub(INDEX.len() - 1));
                asked_here.fetch_add(found, Ordering::SeqCst);
                told_here.send_replace(());
                to_redis.write_all(&piece[..length]).await.unwrap();
            }
        });
        let (asked, mut hearing) = (asked.clone(), told.subscribe());
        tokio::spawn(async move {
            let mut piece = vec![0; 65_536];
            while let Ok(length @ 1..) = from_redis.read(&mut piece).await {
                while (1..EMPTIED).contains(&asked.load(Ordering::SeqCst)) {
                    hearing.changed().await.unwrap();
                }
                to_client.write_all(&piece[..length]).await.unwrap();
            }
        });
    }
}

/// On a cluster an experiment stays in the set of experiments when its last counter is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn emptied_experiments_are_read_in_one_round() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap().port();
    let redis: Redis = cluster_behind(proxy, &Clock::new()).await;
    let names: Vec<String> = (0..EMPTIED).map(|number| format!("e{number}")).collect();
    let mut sadd = redis::cmd("SADD");
    sadd.arg("{alephbet}:experiments").arg(&names);
    sadd.exec(&mut redis.connection()).unwrap();
    tokio::spawn(keep_answers_back(listener, redis.port));
    let mut settings = patient(&format!("redis://127.0.0.1:{proxy}"));
    settings.cluster = true;
    let store = RedisStore::new(&settings).unwrap();
    let begin = std::time::Instant::now();
    assert_eq!(
        store.counts(&name("alephbet"), None).await.unwrap().len(),
        0
    );
    println!("{EMPTIED} emptied experiments: {:?}", begin.elapsed());
}

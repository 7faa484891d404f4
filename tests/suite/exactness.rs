//! Exact counts, whatever the order and however often an event comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::seq::SliceRandom;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::dynamodb::Table;
use crate::support::{Client, Redis, Server, query};

const EVENTS: usize = 10_000;
const TIMES: usize = 3;
const CONNECTIONS: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_count_exactly_on_redis() {
    let redis = Redis::start(&[]);
    hammer(&["--store", &redis.url()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_count_exactly_by_flags() {
    let redis = Redis::start(&[]);
    let config = json!({"dedupe": "flags"}).to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, config).unwrap();
    let config = file.to_str().unwrap();
    hammer(&["--config", config, "--store", &redis.url()]).await;
    let flags: u64 = redis::cmd("EVAL")
        .arg("return #redis.call('KEYS', string.rep('?', 40))")
        .arg(0)
        .query(&mut redis.connection())
        .unwrap();
    assert_eq!(flags, EVENTS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_count_exactly_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lamed.db");
    hammer(&["--store", &format!("embedded:{}", file.display())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_count_exactly_in_memory_behind_the_gateway() {
    // The gateway's throttle would stand in the way: a client sends again what it refused.
    hammer(&["--local", "--store", "embedded"]).await;
}

/// Fewer, as MiniStack is slow.
#[tokio::test(flavor = "multi_thread")]
async fn many_connections_count_exactly_on_dynamodb() {
    let table = Table::create().await;
    let home = tempfile::tempdir().unwrap();
    let server = table.serve(home, "127.0.0.1:0", &[]);
    hammer_server(server, EVENTS / 20, Replies::SomeSayTryAgain).await;
}

/// What a copy of the one file holds after a clean stop: all of it.
#[tokio::test]
async fn the_file_alone_holds_all_counts_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lamed.db");
    let store = format!("embedded:{}", file.display());
    let mut server = Server::start(&["--store", &store]);
    assert!(track(&mut server.client(), 1).await);
    server.terminate();
    assert_eq!(server.wait().0.code(), Some(0));
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let server = Server::start(&["--store", &store]);
    assert!(!track(&mut server.client(), 1).await, "counted before");
}

/// 64 connections send each of 10,000 events three times, shuffled: exactly 10,000 are counted.
async fn hammer(arguments: &[&str]) {
    hammer_server(Server::start(arguments), EVENTS, Replies::All).await;
}

/// Which events get a reply that says what became of them.
#[derive(Clone, Copy, PartialEq)]
enum Replies {
    All,
    /// The double may be too slow for the store's timeout: some get 503, and are sent again.
    SomeSayTryAgain,
}

async fn hammer_server(server: Server, events: usize, replies: Replies) {
    let mut order: Vec<usize> = (0..events * TIMES).map(|n| n % events).collect();
    order.shuffle(&mut rand::rng());
    let (order, next) = (Arc::new(order), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::new(&server.address);
        let (order, next, counted) = (order.clone(), next.clone(), counted.clone());
        clients.spawn(async move {
            while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                if track_until(&mut client, *number, replies).await {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    clients.join_all().await;
    let counted = counted.load(Ordering::Relaxed);
    match replies {
        Replies::All => assert_eq!(counted, events, "replies that said counted"),
        Replies::SomeSayTryAgain => assert!(counted <= events, "{counted}"),
    }
    assert_eq!(
        server.experiments().await,
        [json!({
            "experiment": "e",
            "goals": [{"goal": "g", "results": [
                {"label": "0", "successes": events / 4, "trials": events / 4},
                {"label": "1", "successes": events / 4, "trials": events / 4},
            ]}],
            "variants": [{"label": "0", "trials": events / 4}, {"label": "1", "trials": events / 4}],
        })]
    );
}

async fn track(client: &mut Client, number: usize) -> bool {
    track_until(client, number, Replies::All).await
}

/// Sends an event until it gets its 200; says whether it was counted then.
async fn track_until(client: &mut Client, number: usize, replies: Replies) -> bool {
    let variant = (number % 2).to_string();
    let event = if (number / 2).is_multiple_of(2) {
        "participate"
    } else {
        "g"
    };
    let query = query(&[
        ("experiment", "e"),
        ("variant", &variant),
        ("event", event),
        ("uuid", &number.to_string()),
    ]);
    loop {
        let response = client.get(&format!("/prod/track?{query}")).await;
        match response.status {
            200 => return response.json()["counted"] == true,
            429 => tokio::task::yield_now().await,
            503 if replies == Replies::SomeSayTryAgain => tokio::task::yield_now().await,
            _ => panic!("{response:?}"),
        }
    }
}

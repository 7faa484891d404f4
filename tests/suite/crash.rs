//! Nothing that was acknowledged is lost, nothing is counted twice, whatever dies in between.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::dynamodb::Table;
use crate::support::{Client, Redis, Server, free_port, query};

const CLIENTS: usize = 16;
const EVENTS: usize = 4_000;

/// Clients that send each event until it gets its 200, and then once more.
struct Load {
    events: usize,
    clients: JoinSet<()>,
    acknowledged: Arc<AtomicUsize>,
    quarter: Arc<Notify>,
}

impl Load {
    fn start(address: &str) -> Self {
        Self::of(EVENTS, address)
    }

    fn of(events: usize, address: &str) -> Self {
        let next = Arc::new(AtomicUsize::new(0));
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let quarter = Arc::new(Notify::new());
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let mut client = Client::new(address);
            let (next, acknowledged, quarter) =
                (next.clone(), acknowledged.clone(), quarter.clone());
            clients.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= events {
                        break;
                    }
                    let order = order_path(number);
                    send_until_acknowledged(&mut client, &order).await;
                    if acknowledged.fetch_add(1, Ordering::SeqCst) % (events / 4) == events / 4 - 1
                    {
                        quarter.notify_one();
                    }
                    send_until_acknowledged(&mut client, &order).await;
                }
            });
        }
        Self {
            events,
            clients,
            acknowledged,
            quarter,
        }
    }

    async fn finish(self) {
        self.clients.join_all().await;
        assert_eq!(self.acknowledged.load(Ordering::SeqCst), self.events);
    }
}

async fn send_until_acknowledged(client: &mut Client, path: &str) {
    loop {
        match client.send("GET", path, &[], "").await {
            Ok(response) if response.status == 200 => return,
            Ok(response) => assert_eq!(response.status, 503, "{response:?}"),
            Err(_) => {}
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn track_path(uuid: &str) -> String {
    let event = [
        ("experiment", "e"),
        ("variant", "v"),
        ("event", "participate"),
        ("uuid", uuid),
    ];
    format!("/prod/track?{}", query(&event))
}

/// An order that is worth its number and a quarter.
fn order_path(number: usize) -> String {
    let (uuid, value) = (number.to_string(), format!("{number}.25"));
    let event = [
        ("experiment", "e"),
        ("variant", "v"),
        ("event", "ordered"),
        ("uuid", &uuid),
        ("value", &value),
    ];
    format!("/prod/track?{}", query(&event))
}

/// A server whose config declares the orders.
fn serve(listen: &str, store: &str) -> Server {
    Server::start_in(declaring(), listen, &["--quiet", "--store", store])
}

fn declaring() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let declared = json!({"experiments": {"e": {"variants": {"v": 1}, "goals": [
        {"name": "ordered", "value": "EUR", "cap": EVENTS}]}}});
    std::fs::write(home.path().join("config.json"), declared.to_string()).unwrap();
    home
}

/// All orders, each once, with what they are worth.
fn ordered(events: usize) -> Vec<Value> {
    let quarters = (0..events as u64).map(|number| 4 * number + 1);
    let (sum, squares) = quarters.fold((0, 0), |(sum, squares), value| {
        (sum + value, squares + value * value)
    });
    assert_eq!((sum % 4, squares % 16), (0, 0));
    let value = json!({"sum": (sum / 4).to_string(), "squares": (squares / 16).to_string()});
    vec![json!({
        "experiment": "e",
        "goals": [{"goal": "ordered", "results": [
            {"label": "v", "successes": events, "trials": 0, "value": value}]}],
        "variants": [{"label": "v", "trials": 0}],
    })]
}

fn counted(number: usize) -> Vec<Value> {
    vec![json!({
        "experiment": "e",
        "goals": [],
        "variants": [{"label": "v", "trials": number}],
    })]
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_crash_in_the_middle_of_a_load() {
    let mut redis = Redis::durable();
    let server = serve("127.0.0.1:0", &redis.url());
    let load = Load::start(&server.address);
    for _ in 0..2 {
        load.quarter.notified().await;
        redis.kill();
        redis.restart();
    }
    load.finish().await;
    assert_eq!(server.experiments().await, ordered(EVENTS));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_may_crash_in_the_middle_of_a_load() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("embedded:{}", folder.path().join("lamed.db").display());
    let listen = format!("127.0.0.1:{}", free_port());
    let mut server = serve(&listen, &store);
    let load = Load::start(&listen);
    for _ in 0..2 {
        load.quarter.notified().await;
        server.kill();
        server = serve(&listen, &store);
    }
    load.finish().await;
    assert_eq!(server.experiments().await, ordered(EVENTS));
}

/// Fewer, as MiniStack is slow.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_may_crash_in_the_middle_of_a_load_on_dynamodb() {
    let table = Table::create().await;
    let listen = format!("127.0.0.1:{}", free_port());
    let serve = || table.serve(declaring(), &listen, &["--quiet"]);
    let mut server = serve();
    let load = Load::of(400, &listen);
    for _ in 0..2 {
        load.quarter.notified().await;
        server.kill();
        server = serve();
    }
    load.finish().await;
    assert_eq!(server.experiments().await, ordered(400));
}

#[tokio::test]
async fn a_store_that_is_down_gives_503_and_counting_resumes_by_itself() {
    for local in [true, false] {
        let mut redis = Redis::durable();
        let url = redis.url();
        let mut arguments = vec!["--quiet", "--store", &url];
        arguments.extend(local.then_some("--local"));
        let server = Server::start(&arguments);
        let mut client = server.client();
        assert_eq!(
            client.get(&track_path("1")).await.body,
            r#"{"counted":true}"#
        );

        redis.kill();
        assert_unavailable(&mut client).await;
        redis.restart();
        assert_eq!(
            client.get(&track_path("1")).await.body,
            r#"{"counted":false}"#
        );
        assert_eq!(
            client.get(&track_path("2")).await.body,
            r#"{"counted":true}"#
        );

        // One that accepts and says nothing is as good as down.
        signal(&redis, "-STOP");
        assert_unavailable(&mut client).await;
        signal(&redis, "-CONT");
        assert_eq!(
            client.get(&track_path("2")).await.body,
            r#"{"counted":false}"#
        );
        send_until_acknowledged(&mut client, &track_path("3")).await;
        assert_eq!(server.experiments().await, counted(3));
    }
}

/// 503 with all headers, within the timeout of 2 s and what a busy machine adds.
async fn assert_unavailable(client: &mut Client) {
    let start = Instant::now();
    let reply = client.get(&track_path("3")).await;
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            503,
            r#"{"message":"the store cannot be reached: try again"}"#
        )
    );
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("cache-control", "no-cache, no-store, must-revalidate"),
        ("pragma", "no-cache"),
    ] {
        assert_eq!(reply.header(name), Some(value));
    }
}

fn signal(redis: &Redis, signal: &str) {
    let pid = redis.pid().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap()
            .success()
    );
}

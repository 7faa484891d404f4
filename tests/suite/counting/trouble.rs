//! Redis in trouble: what the client is told, what the operator reads, and that it passes.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Redis, Response, Server};

async fn track(server: &Server, uuid: usize) -> Response {
    let path = format!("/prod/track?experiment=e&event=participate&variant=v&uuid={uuid}");
    server.client().get(&path).await
}

fn run(redis: &Redis, command: &[&str]) {
    let (name, arguments) = command.split_first().unwrap();
    redis::cmd(name)
        .arg(arguments)
        .exec(&mut redis.connection())
        .unwrap();
}

/// Makes trouble, sees the reply to a new event and the reason in the log, ends it, and sees that the
/// event is counted then, and once.
async fn passes(trouble: &[&[&str]], status: u16, reason: &str, end: &[&[&str]]) {
    let redis = Redis::start(&[]);
    let server = Server::start(&["--store", &redis.url()]);
    assert_eq!(track(&server, 1).await.body, r#"{"counted":true}"#);
    for command in trouble {
        run(&redis, command);
    }
    let before = dump(&redis);
    let reply = track(&server, 2).await;
    let message = match status {
        503 => "the store cannot be reached: try again",
        _ => "the store failed: the log has the reason",
    };
    assert_eq!(
        (reply.status, reply.json()),
        (status, json!({"message": message})),
        "{trouble:?}"
    );
    assert!(
        server.log().contains(reason),
        "{trouble:?}: {}",
        server.log()
    );
    assert_eq!(dump(&redis), before, "{trouble:?}");
    for command in end {
        run(&redis, command);
    }
    assert_eq!(
        track(&server, 2).await.body,
        r#"{"counted":true}"#,
        "{trouble:?}"
    );
    assert_eq!(
        track(&server, 2).await.body,
        r#"{"counted":false}"#,
        "{trouble:?}"
    );
}

/// All that there is, by key.
fn dump(redis: &Redis) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut connection = redis.connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    (keys.into_iter())
        .map(|key| {
            let value = redis::cmd("DUMP").arg(&key).query(&mut connection).unwrap();
            (key, value)
        })
        .collect()
}

#[tokio::test]
async fn without_memory_nothing_is_half_counted() {
    let full: &[&str] = &["CONFIG", "SET", "maxmemory", "1"];
    let room: &[&str] = &["CONFIG", "SET", "maxmemory", "0"];
    passes(&[full], 503, "maxmemory", &[room]).await;
}

#[tokio::test]
async fn a_replica_takes_no_events() {
    let replica: &[&str] = &["REPLICAOF", "127.0.0.1", "1"];
    let primary: &[&str] = &["REPLICAOF", "NO", "ONE"];
    passes(&[replica], 503, "read only replica", &[primary]).await;
}

#[tokio::test]
async fn a_wrong_typed_key_is_named_in_the_log_wherever_it_stands() {
    for key in [
        "alephbet:counters:e:participate:v",
        "alephbet:windows:e:until",
        "alephbet:e:counter_keys",
    ] {
        let away: &[&str] = &["RENAME", key, "kept"];
        let wrong: &[&str] = &["RPUSH", key, "x"];
        let gone: &[&str] = &["DEL", key];
        let back: &[&str] = &["RENAME", "kept", key];
        passes(&[away, wrong], 500, "WRONGTYPE", &[gone, back]).await;
    }
}

/// A set of the memory is a wrong-typed key, and then gone: what it remembered may count again.
#[tokio::test]
async fn a_wrong_typed_set_stops_counting_and_what_it_remembered_is_lost() {
    let redis = Redis::start(&[]);
    let server = Server::start(&["--store", &redis.url()]);
    assert_eq!(track(&server, 1).await.body, r#"{"counted":true}"#);
    let mut connection = redis.connection();
    let sets: Vec<String> = redis::cmd("KEYS")
        .arg("alephbet:seen:*")
        .query(&mut connection)
        .unwrap();
    assert_eq!(sets.len(), 1);
    run(&redis, &["DEL", &sets[0]]);
    run(&redis, &["RPUSH", &sets[0], "x"]);
    assert_eq!(track(&server, 2).await.status, 500);
    assert!(server.log().contains("WRONGTYPE"), "{}", server.log());
    run(&redis, &["DEL", &sets[0]]);
    assert_eq!(track(&server, 2).await.body, r#"{"counted":true}"#);
    assert_eq!(server.experiments().await[0]["variants"][0]["trials"], 2);
}

#[tokio::test]
async fn an_emptied_redis_begins_again() {
    let redis = Redis::start(&[]);
    let server = Server::start(&["--store", &redis.url()]);
    for _ in 0..2 {
        assert_eq!(track(&server, 1).await.body, r#"{"counted":true}"#);
        assert_eq!(track(&server, 1).await.body, r#"{"counted":false}"#);
        assert_eq!(server.experiments().await[0]["variants"][0]["trials"], 1);
        run(&redis, &["FLUSHALL"]);
        run(&redis, &["SCRIPT", "FLUSH"]);
    }
}

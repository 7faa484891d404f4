//! What is not to be counted leaves nothing behind.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Redis, Response, Server, query};

/// A server over a store, with these keys in its config.
fn server(store: &str, config: &Value) -> Server {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    Server::start_in(home, "127.0.0.1:0", &["--store", store])
}

async fn track(server: &Server, fields: [&str; 4]) -> Response {
    let [experiment, event, variant, uuid] = fields;
    let query = query(&[
        ("experiment", experiment),
        ("event", event),
        ("variant", variant),
        ("uuid", uuid),
    ]);
    server.client().get(&format!("/prod/track?{query}")).await
}

async fn post(server: &Server, events: &[[&str; 4]]) -> Response {
    let body: Vec<Value> = (events.iter())
        .map(|[experiment, event, variant, uuid]| {
            json!({"experiment": experiment, "event": event, "variant": variant, "uuid": uuid})
        })
        .collect();
    let body = Value::from(body).to_string();
    let mut client = server.client();
    client
        .send("POST", "/prod/track", &[], &body)
        .await
        .unwrap()
}

fn keys(redis: &Redis) -> Vec<String> {
    let keys = redis::cmd("KEYS").arg("*").query(&mut redis.connection());
    let mut keys: Vec<String> = keys.unwrap();
    keys.sort();
    keys
}

#[tokio::test]
async fn a_namespace_takes_no_more_counters_than_it_may() {
    let redis = Redis::start(&[]);
    for store in [&redis.url(), "embedded"] {
        for dedupe in ["compact", "flags"] {
            redis::cmd("FLUSHALL")
                .exec(&mut redis.connection())
                .unwrap();
            let server = server(store, &json!({"max_counters": 3, "dedupe": dedupe}));
            let events = [
                ["e", "participate", "a", "1"],
                ["e", "participate", "b", "1"],
                ["e", "g", "a", "1"],
            ];
            let all = post(&server, &events).await;
            assert_eq!(all.body, r#"{"counted":3,"duplicates":0}"#);
            let before = keys(&redis);

            let one_more = track(&server, ["junk", "participate", "x", "1"]).await;
            let message = "limit reached: at most 3 counters in a namespace (`max_counters`)";
            let refused = |counted, duplicates| json!({"message": message, "counted": counted, "duplicates": duplicates});
            assert_eq!((one_more.status, one_more.json()), (429, refused(0, 0)));
            assert_eq!(one_more.header("access-control-allow-origin"), Some("*"));
            assert_eq!(keys(&redis), before, "what a refused event leaves behind");
            assert!(server.log().contains("`max_counters`"), "{}", server.log());

            // What there is counts on; and so it does in a batch with one that is refused.
            let events = [
                ["e", "g", "a", "1"],
                ["e", "g", "b", "1"],
                ["e", "g", "a", "2"],
            ];
            let mixed = post(&server, &events).await;
            assert_eq!((mixed.status, mixed.json()), (429, refused(1, 1)));
            assert_eq!(
                server.experiments().await,
                [json!({
                    "experiment": "e",
                    "goals": [{"goal": "g", "results": [
                        {"label": "a", "successes": 2, "trials": 1},
                        {"label": "b", "successes": 0, "trials": 1},
                    ]}],
                    "variants": [{"label": "a", "trials": 1}, {"label": "b", "trials": 1}],
                })]
            );

            // A delete makes room, and other namespaces have their own.
            let key = [("x-api-key", server.key.as_str())];
            let delete = "/prod/delete?experiment=e&variant=b";
            let deleted = server
                .client()
                .send("DELETE", delete, &key, "")
                .await
                .unwrap();
            assert_eq!(deleted.body, r#"{"deleted":1}"#);
            let new = track(&server, ["e", "g", "b", "1"]).await;
            assert_eq!(new.body, r#"{"counted":true}"#);
            let elsewhere = server
                .client()
                .get("/prod/track?namespace=n&experiment=e&event=g&variant=b&uuid=1")
                .await;
            assert_eq!(elsewhere.body, r#"{"counted":true}"#);
        }
    }
}

/// 429 names the limit and its setting, and so does the log; what there is and what is declared counts on.
#[tokio::test]
async fn strangers_make_no_more_namespaces_and_variants_than_they_may() {
    let redis = Redis::start(&[]);
    let config = json!({
        "max_namespaces": 1,
        "max_variants": 2,
        "experiments": {"e": {"variants": {"red": 1, "blue": 1}}},
    });
    for store in [&redis.url(), "embedded"] {
        let server = server(store, &config);
        let shown = async |namespace: &str, experiment: &str, variant: &str| {
            let query = query(&[
                ("namespace", namespace),
                ("experiment", experiment),
                ("variant", variant),
                ("event", "participate"),
                ("uuid", "1"),
            ]);
            server.client().get(&format!("/prod/track?{query}")).await
        };
        for (namespace, experiment, variant) in [
            ("other", "e", "a"),
            ("alephbet", "e", "a"),
            ("alephbet", "e", "b"),
            ("alephbet", "f", "c"),
            ("alephbet", "e", "red"),
            ("other", "e", "b"),
        ] {
            let reply = shown(namespace, experiment, variant).await;
            assert_eq!(reply.body, r#"{"counted":true}"#, "{namespace} {variant}");
        }
        let before = keys(&redis);
        for (namespace, experiment, variant, limit) in [
            (
                "third",
                "e",
                "a",
                "at most 1 namespace in addition to the configured namespace (`max_namespaces`)",
            ),
            (
                "alephbet",
                "e",
                "c",
                "at most 2 variants in an experiment (`max_variants`)",
            ),
            // Declared it is in the configured namespace alone.
            (
                "other",
                "e",
                "red",
                "at most 2 variants in an experiment (`max_variants`)",
            ),
        ] {
            let reply = shown(namespace, experiment, variant).await;
            let message = format!("limit reached: {limit}");
            let expected = json!({"message": message, "counted": 0, "duplicates": 0});
            assert_eq!((reply.status, reply.json()), (429, expected));
            assert!(reply.header("access-control-allow-origin").is_some());
        }
        let mut left = keys(&redis);
        left.retain(|key| !key.contains(":variants:"));
        assert_eq!(left, before, "what refused events leave behind");
        assert!(
            server.log().contains("`max_namespaces`"),
            "{}",
            server.log()
        );
        let reply = shown("alephbet", "e", "blue").await;
        assert_eq!(
            reply.body, r#"{"counted":true}"#,
            "declared, and never seen"
        );
        redis::cmd("FLUSHALL")
            .exec(&mut redis.connection())
            .unwrap();
    }
}

#[tokio::test]
async fn where_declared_experiments_alone_are_accepted_anything_else_is_refused() {
    let redis = Redis::start(&[]);
    let config = json!({
        "accept": "declared",
        "experiments": {"color": {"variants": {"red": 1, "blue": 1}, "goals": ["buy"]}},
    });
    for store in [&redis.url(), "embedded"] {
        let server = server(store, &config);
        for (fields, message) in [
            (
                ["size", "participate", "red", "1"],
                "`experiment` is not declared",
            ),
            (
                ["color", "participate", "green", "1"],
                "`variant` is not declared for this experiment",
            ),
            (
                ["color", "sell", "red", "1"],
                "`event` must be `participate` or a declared goal of this experiment",
            ),
        ] {
            let reply = track(&server, fields).await;
            assert_eq!(
                (reply.status, reply.json()),
                (400, json!({"message": message}))
            );
        }
        let elsewhere = server
            .client()
            .get("/prod/track?namespace=n&experiment=color&event=buy&variant=red&uuid=1")
            .await;
        assert_eq!(
            (elsewhere.status, elsewhere.json()),
            (
                400,
                json!({"message": "`namespace` is not the configured namespace"})
            )
        );
        let undeclared = ["color", "buy", "green", "1"];
        let all_undeclared = post(&server, &[undeclared]).await;
        let message = "`variant` in event 0 is not declared for this experiment";
        assert_eq!(
            (all_undeclared.status, all_undeclared.json()),
            (400, json!({"message": message}))
        );
        assert_eq!(keys(&redis), [""; 0]);
        let mixed = [undeclared, ["color", "buy", "red", "1"]];
        let message = "`variant` is not declared for this experiment";
        let refused = json!([{"index": 0, "message": message}]);
        for (counted, duplicates) in [(1, 0), (0, 1)] {
            let mixed = post(&server, &mixed).await;
            let expected =
                json!({"counted": counted, "duplicates": duplicates, "refused": refused});
            assert_eq!((mixed.status, mixed.json()), (200, expected));
        }
        for fields in [
            ["color", "participate", "red", "1"],
            ["color", "buy", "blue", "1"],
            ["color", "$error", "blue", "1"],
        ] {
            assert_eq!(track(&server, fields).await.body, r#"{"counted":true}"#);
        }
        redis::cmd("FLUSHALL")
            .exec(&mut redis.connection())
            .unwrap();
    }
}

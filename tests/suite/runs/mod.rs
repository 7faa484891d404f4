//! Experiments as data: states, runs, and a config file that changes under the running server.

mod live;
mod reload;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::dynamodb::{self, Table};
use crate::support::{Redis, Response, Server, line, query};

/// A server that counts in the store, with these experiments.
fn serve(store: &str, experiments: &Value) -> Server {
    let home = tempfile::tempdir().unwrap();
    let config = json!({"experiments": experiments});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    dynamodb::give_access(home.path(), &format!("http://{}", dynamodb::address()));
    let store = ["--store", store, "--api-key", "the key of the test"];
    Server::start_in(home, "127.0.0.1:0", &store)
}

/// Starts a test with each store.
async fn stores(redis: &Redis) -> [String; 3] {
    let table = Table::create().await;
    [redis.url(), "embedded".to_owned(), table.name()]
}

fn config_of(server: &Server) -> PathBuf {
    server.home.path().join("config.json")
}

fn declare(server: &Server, experiments: &Value) {
    let config = json!({"experiments": experiments});
    fs::write(config_of(server), config.to_string()).unwrap();
}

async fn track(server: &Server, experiment: &str, event: &str, uuid: &str) -> Value {
    let query = query(&[
        ("experiment", experiment),
        ("event", event),
        ("variant", "red"),
        ("uuid", uuid),
    ]);
    let reply = (server.client().get(&format!("/prod/track?{query}"))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["counted"].clone()
}

/// Waits until the server has logged so many lines with the text.
async fn logged(server: &Server, text: &str, times: usize) -> String {
    let start = Instant::now();
    loop {
        let log = server.log();
        if log.matches(text).count() >= times {
            return log;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{text}: {log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn readiness(server: &Server) -> (u16, Value) {
    let reply: Response = server.client().get("/readyz").await;
    (reply.status, reply.json()["status"].clone())
}

/// What the API says that it follows, by name and run.
async fn followed(server: &Server) -> Value {
    let headers = [("x-api-key", server.key.as_str())];
    let mut client = server.client();
    let reply = client.send("GET", "/prod/experiments", &headers, "").await;
    reply.unwrap().json()[0]["meta"]["declared"].clone()
}

/// The counts of `red`, by experiment.
async fn counted(server: &Server) -> Vec<(String, u64)> {
    let all = server.experiments().await;
    (all.iter())
        .map(|one| {
            let name = one["experiment"].as_str().unwrap().to_owned();
            (name, one["variants"][0]["trials"].as_u64().unwrap())
        })
        .collect()
}

fn color(more: &Value) -> Value {
    let mut declared = json!({"variants": {"blue": 1, "red": 1}, "goals": ["clicked"]});
    (declared.as_object_mut().unwrap()).extend(more.as_object().unwrap().clone());
    declared
}

#[tokio::test]
async fn events_of_what_does_not_run_are_answered_and_not_counted() {
    let redis = Redis::start(&[]);
    for store in stores(&redis).await {
        let experiments = json!({
            "draft": color(&json!({"state": "draft"})),
            "stopped": color(&json!({"state": "stopped"})),
            "shipped": color(&json!({"state": {"shipped": "red"}})),
            "third": color(&json!({"run": 3})),
        });
        let server = serve(&store, &experiments);
        for (experiment, is_counted) in [
            ("draft", false),
            ("stopped", false),
            ("shipped", false),
            ("third", false),
            ("third #2", false),
            ("third #3", true),
            ("other", true),
        ] {
            for event in ["participate", "clicked"] {
                let counted = track(&server, experiment, event, "1").await;
                assert_eq!(counted, is_counted, "{experiment}");
            }
        }
        let event = |experiment: &str, uuid: &str| json!({"experiment": experiment, "event": "participate", "variant": "red", "uuid": uuid});
        let batch = json!([
            event("third", "2"),
            event("third #3", "2"),
            event("third #3", "1"),
            event("shipped", "2"),
            {"experiment": "stopped"},
        ]);
        let batch = batch.to_string();
        let mut client = server.client();
        let reply = client.post("/prod/track", &batch);
        assert_eq!(
            reply.await.json(),
            json!({"counted": 1, "duplicates": 1, "ignored": 2, "refused": [
                {"index": 4, "message": "`variant` is missing"},
            ]}),
        );
        // An array of nothing but these is no error: a client drops them.
        let batch = json!([event("draft", "2")]).to_string();
        let reply = server.client().post("/prod/track", &batch).await;
        assert_eq!(
            (reply.status, reply.json()),
            (200, json!({"counted": 0, "duplicates": 0, "ignored": 1}))
        );
        assert_eq!(
            counted(&server).await,
            [("other".to_owned(), 1), ("third #3".to_owned(), 2)]
        );
    }
}

#[tokio::test]
async fn pages_get_what_the_config_says_and_drafts_only_when_asked_for() {
    let experiments = json!({
        "draft": color(&json!({"state": "draft"})),
        "shipped": color(&json!({"state": {"shipped": "red"}})),
        "stopped": color(&json!({"state": "stopped", "control": "red"})),
        "run": color(&json!({"run": 2, "sample": 0.25, "paths": ["/shop/*", "/cart"],
            "group": {"name": "g", "from": 0.5, "to": 1}})),
    });
    let server = serve("embedded", &experiments);
    let json = async |query: &str| {
        let reply = server
            .client()
            .get(&format!("/prod/lamed.js?{query}"))
            .await;
        reply.json()["experiments"].clone()
    };
    let told = |name: &str, wire: &str, state: &str, fallback: &str| {
        json!({"name": name, "wire": wire, "state": state, "fallback": fallback, "sample": 1.0,
            "variants": [["blue", 1], ["red", 1]], "goals": [{"name": "clicked"}]})
    };
    let mut run = told("run", "run #2", "running", "blue");
    run["sample"] = json!(0.25);
    run["path"] = json!("^(?:/shop/.*|/cart)$");
    run["group"] = json!({"name": "g", "from": 0.5, "to": 1.0});
    let public = [
        run,
        told("shipped", "shipped", "shipped", "red"),
        told("stopped", "stopped", "stopped", "red"),
    ];
    assert_eq!(json("json").await, Value::from(public.to_vec()));
    assert_eq!(
        json("json&preview=other").await,
        Value::from(public.to_vec())
    );
    let with_draft = [&[told("draft", "draft", "draft", "blue")][..], &public].concat();
    assert_eq!(json("json&preview=draft").await, Value::from(with_draft));
    let script = server.client().get("/prod/lamed.js").await.body;
    assert!(script.contains("stopped") && !script.contains("\"draft\",\"wire\""));
}

#[tokio::test]
async fn results_of_an_experiment_that_was_changed_are_withheld() {
    let redis = Redis::start(&[]);
    for store in stores(&redis).await {
        let file = tempfile::tempdir().unwrap();
        let store = match store.as_str() {
            "embedded" => format!("embedded:{}", file.path().join("c.db").display()),
            redis => redis.to_owned(),
        };
        let before = json!({"color": color(&json!({}))});
        let mut server = serve(&store, &before);
        assert_eq!(track(&server, "color", "participate", "1").await, true);
        server.terminate();
        server.wait();
        // What was changed while no server ran is not refused: that would lose events.
        let after = json!({"color": color(&json!({"variants": {"blue": 1, "red": 2}}))});
        let server = serve(&store, &after);
        let change = "the variants changed from {blue: 1, red: 1} to {blue: 1, red: 2}";
        let warning = format!(
            "warning: results give no verdict: experiment `color`: {change}; undo the change, or"
        );
        assert!(server.log().contains(&warning), "{}", server.log());
        assert_eq!(followed(&server).await[0]["changed"], json!([change]));
        let url = format!("http://{}/prod", server.address);
        let results = ["results", "--url", &url, "--api-key", &server.key, "--json"];
        let results = line(&server.home, &results).run().stdout;
        let results: Value = serde_json::from_str(&results).unwrap();
        let verdict = format!(
            "The config was changed while the experiment ran: {change}. Do not use the results"
        );
        let steps = ["Undo the change, or start a new run with `lamed restart`."];
        let withheld = json!({"kind": "changed", "variant": null, "text": verdict, "steps": steps});
        assert_eq!(results["experiments"][0]["verdict"], withheld);
        assert_eq!(results["experiments"][0]["goals"][0]["verdict"], withheld);
        // A delete of all takes the copy along.
        let delete = [
            "delete",
            "color",
            "--yes",
            "--url",
            &url,
            "--api-key",
            &server.key,
        ];
        assert_eq!(line(&server.home, &delete).run().code, Some(0));
        assert_eq!(followed(&server).await[0].get("changed"), None);
        assert_eq!(track(&server, "color", "participate", "1").await, true);
        assert_eq!(followed(&server).await[0].get("changed"), None);
    }
}

/// Who is signed in comes back with the same key on each device, however late.
#[tokio::test]
async fn events_of_users_are_remembered_beyond_the_window() {
    let redis = Redis::start(&[]);
    for store in stores(&redis).await {
        let home = tempfile::tempdir().unwrap();
        let experiments =
            json!({"users": color(&json!({"unit": "user"})), "visitors": color(&json!({}))});
        let config = json!({"uuid_expiry_seconds": 1, "experiments": experiments});
        fs::write(home.path().join("config.json"), config.to_string()).unwrap();
        dynamodb::give_access(home.path(), &format!("http://{}", dynamodb::address()));
        let server = Server::start_in(home, "127.0.0.1:0", &["--store", &store]);
        for experiment in ["users", "visitors"] {
            assert_eq!(track(&server, experiment, "participate", "1").await, true);
        }
        let start = Instant::now();
        while track(&server, "visitors", "participate", "1").await == false {
            assert!(start.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(track(&server, "users", "participate", "1").await, false);
        // A delete forgets it.
        let mut client = server.client();
        let key = [("x-api-key", server.key.as_str())];
        let delete = client.send("DELETE", "/prod/delete?experiment=users", &key, "");
        assert_eq!(delete.await.unwrap().json(), json!({"deleted": 1}));
        assert_eq!(track(&server, "users", "participate", "1").await, true);
    }
}

//! `docs/openapi.json` says what the API is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use lamed::http::Routes;
use serde_json::{Value, json};

use crate::support::{Deadline, Server, tools};

fn file() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    fs::read_to_string(path).unwrap()
}

/// A server with an experiment of each kind, and with counts. It has the API key `k`.
async fn serve() -> Server {
    let home = tempfile::tempdir().unwrap();
    let config = json!({
        "max_counters": 1_000_000, "max_variants": 100_000, "max_namespaces": 100_000,
        "experiments": {
            "button color": {
                "control": "red", "variants": {"blue": 50, "red": 50}, "minimum_effect": 0.1, "planned_participants": 1000,
                "goals": ["bought", {"name": "order placed", "unique": false, "value": "EUR", "cap": 100, "better": "lower"}],
                "paths": ["/shop/*"], "group": {"name": "checkout", "from": 0, "to": 0.5},
            },
            "for users": {"unit": "user", "run": 2, "sample": 0.5, "variants": {"blue": 50, "red": 50}, "goals": ["bought"]},
            "shipped": {"unit": "user", "state": {"shipped": "red"}, "variants": {"blue": 50, "red": 50}},
        },
    });
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let arguments = ["--store", "embedded", "--api-key", "the-key-of-the-test"];
    let server = Server::start_in(home, "127.0.0.1:0", &arguments);
    let events = json!([
        {"experiment": "button color", "variant": "red", "event": "participate", "uuid": "1"},
        {"experiment": "button color", "variant": "red", "event": "order placed", "uuid": "1"},
        {"experiment": "for users", "event": "participate", "user": "ann"},
        {"experiment": "for users", "event": "participate", "user": "bob"},
    ]);
    let reply = server
        .client()
        .post("/prod/track", &events.to_string())
        .await;
    assert_eq!(reply.status, 200);
    server
}

#[tokio::test]
async fn serve_has_it_for_anybody() {
    let server = Server::start(&["--store", "embedded"]);
    let mut client = server.client();
    let reply = client.get("/openapi.json").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, file().as_str()));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    let reply = client
        .send("OPTIONS", "/openapi.json", &[], "")
        .await
        .unwrap();
    let methods = reply.header("access-control-allow-methods");
    assert_eq!((reply.status, methods), (200, Some("GET,OPTIONS")));
    let reply = client.post("/openapi.json", "").await;
    assert_eq!(
        (reply.status, reply.header("allow")),
        (405, Some("GET,OPTIONS"))
    );
}

#[test]
fn it_names_every_route_and_this_version() {
    let description: Value = serde_json::from_str(&file()).unwrap();
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    let routes = Routes::new([]).with_flags();
    let mut expected: BTreeSet<(String, String)> = (routes.iter())
        .map(|route| {
            let key = if route.path.ends_with('/') {
                "{key}"
            } else {
                ""
            };
            let method = route.method.as_str().to_lowercase();
            (format!("/prod/{}{key}", route.path), method)
        })
        .collect();
    for own in ["/openapi.json", "/healthz", "/readyz"] {
        expected.insert((own.to_owned(), "get".to_owned()));
    }
    let described = description["paths"].as_object().unwrap().iter();
    let described: BTreeSet<(String, String)> = described
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.clone()))
        })
        .collect();
    assert_eq!(described, expected);
}

/// By schemathesis, with the seed in `tests/servers/openapi.py`.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_does_what_it_says() {
    let server = serve().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/openapi.py");
    let child = Command::new(tools().join("venv/bin/python"))
        .arg(script)
        .env("LAMED_URL", format!("http://{}/prod", server.address))
        .env("LAMED_API_KEY", "the-key-of-the-test")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let _deadline = Deadline::of(&child);
    let output = tokio::task::spawn_blocking(|| child.wait_with_output());
    let output = output.await.unwrap().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let said = result["said"].as_str().unwrap();
    assert!(result["passed"] == true, "{said}");
    // All of them were tried.
    assert!(
        said.contains("Operations:       12 selected / 12 total") && said.contains("Tested: 12"),
        "{said}"
    );
}

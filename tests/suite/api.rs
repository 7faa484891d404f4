//! Plain `serve`: the same API with the manners of a server of one's own. What both edges share is
//! in `fixtures/gateway`.

use lamed::domain::Timestamp;
use serde_json::{Value, json};

use crate::support::Server;

#[tokio::test]
async fn a_server_of_ones_own_speaks_plain_http() {
    let server = Server::start(&["--store", "embedded", "--api-key", "the-key-of-the-test"]);
    let mut client = server.client();
    let key = [("x-api-key", "the-key-of-the-test")];
    let track = "/prod/track?experiment=a+b&variant=v&event=participate&uuid=1";
    let experiments = r#"[{"meta":{"scope":null}},{"experiment":"a b","goals":[],"variants":[{"label":"v","trials":1}]}]"#;
    let none: &[(&str, &str)] = &[];
    let wrong = [("x-api-key", "THE-KEY-OF-THE-TEST")];
    for (method, path, headers, status, body) in [
        ("GET", track, none, 200, r#"{"counted":true}"#),
        ("GET", track, none, 200, r#"{"counted":false}"#),
        ("GET", "/prod/experiments", &key, 200, experiments),
        (
            "GET",
            "/prod/experiments",
            none,
            403,
            r#"{"message":"Forbidden"}"#,
        ),
        (
            "GET",
            "/prod/experiments",
            &wrong,
            403,
            r#"{"message":"Forbidden"}"#,
        ),
        (
            "GET",
            "/prod/track?variant=v",
            none,
            400,
            r#"{"message":"`experiment` is missing"}"#,
        ),
        (
            "GET",
            "/prod/nothing",
            none,
            404,
            r#"{"message":"not found"}"#,
        ),
        ("GET", "/", none, 404, r#"{"message":"not found"}"#),
        (
            "PUT",
            "/prod/track",
            none,
            405,
            r#"{"message":"method not allowed"}"#,
        ),
        ("HEAD", "/prod/track", none, 405, ""),
        ("OPTIONS", "/prod/delete", none, 200, ""),
        (
            "DELETE",
            "/prod/delete?experiment=a+b",
            &key,
            200,
            r#"{"deleted":1}"#,
        ),
    ] {
        let reply = client.send(method, path, headers, "").await.unwrap();
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (status, body),
            "{method} {path}"
        );
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("cache-control", "no-cache, no-store, must-revalidate"),
            ("content-type", "application/json"),
            ("pragma", "no-cache"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{method} {path}");
        }
        let allow = (status == 405).then_some("GET,POST,OPTIONS");
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
        let methods = (method == "OPTIONS").then_some("DELETE,OPTIONS");
        assert_eq!(
            reply.header("access-control-allow-methods"),
            methods,
            "{method} {path}"
        );
    }
    let body = " ".repeat(10 * 1024 * 1024 + 1);
    let reply = server.client().post("/prod/track", &body).await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (413, Some("*"))
    );
}

#[tokio::test]
async fn days_are_served_where_asked_for() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    let mut client = server.client();
    let track = "/prod/track?experiment=e&uuid=1";
    for event in [
        "participate&variant=b",
        "participate&variant=a",
        "g&variant=b",
    ] {
        client.get(&format!("{track}&event={event}")).await;
    }
    let key = [("x-api-key", server.key.as_str())];
    let reply = client
        .send("GET", "/prod/experiments?days=1", &key, "")
        .await;
    let reply = reply.unwrap().json();
    let days = reply[1]["days"].as_array().unwrap();
    // Around midnight they are two.
    let today = Timestamp::now().day().to_string();
    assert_eq!(days.last().unwrap()["day"], today);
    let all: Vec<Value> = (days.iter())
        .flat_map(|day| [&day["variants"], &day["goals"]])
        .flat_map(|list| list.as_array().unwrap().clone())
        .collect();
    let expected = json!([
        {"label": "a", "trials": 1},
        {"label": "b", "trials": 1},
        {"goal": "g", "results": [{"label": "b", "successes": 1}]},
    ]);
    if days.len() == 1 {
        assert_eq!(Value::from(all), expected);
    }
}

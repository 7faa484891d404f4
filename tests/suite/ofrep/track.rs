//! `POST /track` with `user`.

use serde_json::{Value, json};

use super::{ODD, config, post, serve, serve_with};
use crate::support::Server;

/// What the API has of an experiment: participants and conversions by variant.
async fn counts(server: &Server, experiment: &str) -> Value {
    let all = server.experiments().await;
    let found = all.into_iter().find(|one| one["experiment"] == experiment);
    found.map_or(Value::Null, |one| json!([one["variants"], one["goals"]]))
}

fn tracked(counted: u64, duplicates: u64, ignored: u64) -> Value {
    match ignored {
        0 => json!({"counted": counted, "duplicates": duplicates}),
        _ => json!({"counted": counted, "duplicates": duplicates, "ignored": ignored}),
    }
}

#[tokio::test]
async fn a_server_counts_a_user_with_one_call_and_nothing_stored() {
    for edge in [
        &["--store", "embedded"][..],
        &["--local", "--store", "embedded"],
    ] {
        let server = serve_with(&config(), edge);
        let mut client = server.client();
        let event = |experiment: &str, event: &str| json!({"experiment": experiment, "event": event, "user": "user-1"});
        for (body, expected) in [
            (event("button color", "participate"), tracked(1, 0, 0)),
            (event("button color", "participate"), tracked(0, 1, 0)),
            (event("button color", "bought"), tracked(1, 0, 0)),
            (event("button color", "$error"), tracked(1, 0, 0)),
            (event("button color", "not declared"), tracked(1, 0, 0)),
            // By the page's name and by that of the run.
            (event("second", "participate"), tracked(1, 0, 0)),
            (event("second #2", "participate"), tracked(0, 1, 0)),
            (event("second #2", "bought"), tracked(1, 0, 0)),
            // What a browser with `lamed.js` sends for the same user is the same event.
            (
                json!({
                    "namespace": "alephbet", "experiment": "button color", "event": "participate",
                    "variant": "blue", "uuid": "7439bf7c568e499a04ff280951568c77b0fa7407",
                }),
                tracked(0, 1, 0),
            ),
            (
                json!([
                    event("button color", "bought"),
                    event("stopped", "participate"),
                    event("shipped", "bought"),
                    event("draft", "bought"),
                    {"experiment": "visitors", "event": "participate", "variant": "red", "uuid": "1"},
                ]),
                tracked(1, 1, 3),
            ),
        ] {
            let reply = post(&mut client, "/prod/track", &body).await;
            assert_eq!((reply.status, reply.json()), (200, expected), "{body}");
        }
        assert_eq!(
            counts(&server, "button color").await[0],
            json!([{"label": "blue", "trials": 1}])
        );
        assert_eq!(counts(&server, "second").await, Value::Null);
        let second = counts(&server, "second #2").await;
        assert_eq!(second[0].as_array().unwrap().len(), 1, "{second}");
        assert_eq!(
            second[1][0]["results"][0]["label"], second[0][0]["label"],
            "{second}"
        );
    }
}

#[tokio::test]
async fn who_is_outside_is_ignored_and_all_others_take_part() {
    let server = serve();
    let mut client = server.client();
    let mut counted = [0; 2];
    for (place, experiment) in [ODD, "first half"].into_iter().enumerate() {
        for part in 0..4 {
            let event = |user| json!({"experiment": experiment, "event": "participate", "user": format!("{user}")});
            let batch: Vec<Value> = (part * 100..part * 100 + 100).map(event).collect();
            let reply = post(&mut client, "/prod/track", &Value::from(batch)).await;
            let reply = reply.json();
            let [taken, ignored] = ["counted", "ignored"].map(|name| reply[name].as_u64().unwrap());
            assert_eq!((taken + ignored, &reply["duplicates"]), (100, &json!(0)));
            counted[place] += taken;
        }
    }
    // Half of 400; 50 is five standard deviations.
    assert!(
        counted.iter().all(|counted| counted.abs_diff(200) < 50),
        "{counted:?}"
    );
}

#[tokio::test]
async fn a_goal_that_counts_each_time_counts_a_retry_once() {
    let server = serve();
    let mut client = server.client();
    let viewed = |user: &str, uuid: Value| json!({"experiment": "button color", "event": "viewed", "user": user, "uuid": uuid});
    for (body, expected) in [
        (viewed("user-1", json!("order 1")), tracked(1, 0, 0)),
        (viewed("user-1", json!("order 1")), tracked(0, 1, 0)),
        (viewed("user-1", json!("order 2")), tracked(1, 0, 0)),
        (viewed("user-2", json!("order 1")), tracked(1, 0, 0)),
    ] {
        let reply = post(&mut client, "/prod/track", &body).await;
        assert_eq!((reply.status, reply.json()), (200, expected), "{body}");
    }
    let reply = post(&mut client, "/prod/track", &viewed("user-1", Value::Null)).await;
    assert_eq!(
        (reply.status, reply.json()),
        (
            400,
            json!({"message": "`uuid` is missing: this goal counts each time, so each event needs a `uuid` (the \
                               number of an order, for example); with it, a retry counts once"})
        )
    );
    let reply = post(
        &mut client,
        "/prod/track",
        &json!([viewed("user-3", json!("x")), viewed("user-3", Value::Null)]),
    )
    .await;
    assert_eq!((reply.status, &reply.json()["counted"]), (200, &json!(1)));
    assert_eq!(reply.json()["refused"][0]["index"], 1);
}

#[tokio::test]
async fn ids_stand_in_bodies_alone_and_never_in_logs_or_errors() {
    const ID: &str = "ann@example.com";
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.json"), config().to_string()).unwrap();
    let arguments = [
        "--store",
        "embedded",
        "--api-key",
        "the-key-of-the-test",
        "-vvvv",
    ];
    let server = Server::start_in(home, "127.0.0.1:0", &arguments);
    let mut client = server.client();
    let long = format!("{ID}{}", "x".repeat(256));
    let event = |more: Value| {
        let mut event = json!({"experiment": "button color", "event": "bought", "user": ID});
        let more = more.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(more);
        event
    };
    let not_in_address = "`user` must not be in the URL, because servers log URLs: send it in the body \
                          of a POST";
    let query = "?experiment=button+color&event=bought&user=ann%40example.com";
    let whole = format!("{query}&variant=red&uuid=1");
    for query in [query, &whole] {
        let reply = client.get(&format!("/prod/track{query}")).await;
        let expected = json!({"message": not_in_address});
        assert_eq!((reply.status, reply.json()), (400, expected));
    }
    for (query, body, message) in [
        ("?user=ann%40example.com", event(json!({})), not_in_address),
        (
            "",
            event(json!({"variant": "red"})),
            "`variant` must be left out where `user` is given: lamed computes it from the user",
        ),
        (
            "",
            event(json!({"experiment": "other"})),
            "`experiment` is not declared",
        ),
        (
            "",
            event(json!({"experiment": null})),
            "`experiment` is missing",
        ),
        ("", event(json!({"event": null})), "`event` is missing"),
        (
            "",
            event(json!({"namespace": "other"})),
            "`namespace` is not the configured namespace",
        ),
        (
            "",
            event(json!({"experiment": "visitors"})),
            "`experiment` names an experiment that counts visitors: send `variant` and `uuid` instead of `user`",
        ),
        (
            "",
            event(json!({"experiment": "empty"})),
            "`experiment` names an experiment that has no variants in the config",
        ),
        ("", event(json!({"user": ""})), "`user` is empty"),
        (
            "",
            event(json!({"user": long})),
            "`user` is longer than 256 bytes",
        ),
        ("", event(json!({"user": [ID]})), "`user` must be a string"),
        ("", event(json!({"uuid": ""})), "`uuid` is empty"),
    ] {
        let reply = post(&mut client, &format!("/prod/track{query}"), &body).await;
        assert_eq!(
            (reply.status, reply.json()),
            (400, json!({"message": message})),
            "{body}"
        );
    }
    let reply = post(&mut client, "/prod/track", &event(json!({}))).await;
    assert_eq!(reply.json(), tracked(1, 0, 0));
    let log = server.log();
    assert!(log.contains("answered"), "{log}");
    for secret in [ID, "ann%40example", "ann@"] {
        assert!(!log.contains(secret), "{log}");
    }
}

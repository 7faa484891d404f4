//! Events of crawlers. `fixtures/gateway/crawlers.story.json` has the rest.

use serde_json::json;

use super::track;
use crate::support::Server;

const GOOGLE: (&str, &str) = (
    "User-Agent",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
);

#[tokio::test]
async fn crawlers_are_counted_where_the_config_says_so_and_nowhere_else() {
    let batch = r#"[{"experiment":"e","variant":"v","event":"g","uuid":"1"}]"#;
    let ignored = (
        r#"{"counted":false}"#,
        r#"{"counted":0,"duplicates":0,"ignored":1}"#,
    );
    let counted = (r#"{"counted":true}"#, r#"{"counted":1,"duplicates":0}"#);
    for (config, (one, several)) in [
        (json!({}), ignored),
        (json!({"ignore_bots": true}), ignored),
        (json!({"ignore_bots": false}), counted),
    ] {
        for edge in [
            &["--store", "embedded"][..],
            &["--store", "embedded", "--local"],
        ] {
            let home = tempfile::tempdir().unwrap();
            std::fs::write(home.path().join("config.json"), config.to_string()).unwrap();
            let server = Server::start_in(home, "127.0.0.1:0", edge);
            let mut client = server.client();
            let single = client.send("GET", &track("v", "1"), &[GOOGLE], "").await;
            assert_eq!(single.unwrap().body, one, "{config} {edge:?}");
            let posted = client.send("POST", "/prod/track", &[GOOGLE], batch).await;
            assert_eq!(posted.unwrap().body, several, "{config} {edge:?}");
            assert_eq!(
                server.experiments().await.is_empty(),
                one == ignored.0,
                "{config} {edge:?}"
            );
        }
    }
}

/// One variant lacks visitors. Crawlers may be why, so what was not counted of them stands with the alarm on the dashboard.
#[tokio::test]
async fn what_was_not_counted_stands_with_the_alarm_of_the_sample_ratio() {
    let server = Server::start(&["--store", "embedded", "--local"]);
    let mut client = server.client();
    for (variant, visitors) in [("blue", 300), ("red", 150)] {
        let event = |number: usize| json!({"experiment": "e", "event": "participate", "variant": variant, "uuid": format!("{number}")});
        let events: Vec<_> = (0..visitors).map(event).collect();
        for batch in events.chunks(100) {
            let reply = client.post("/prod/track", &json!(batch).to_string()).await;
            assert_eq!(reply.status, 200);
        }
        let batch = json!([event(1), event(2)]).to_string();
        let posted = client.send("POST", "/prod/track", &[GOOGLE], &batch).await;
        assert_eq!(posted.unwrap().json()["ignored"], 2);
    }
    let session = client.sign_in(&server.key).await.json()["session"].clone();
    let authorization = format!("Bearer {}", session.as_str().unwrap());
    let headers = [("authorization", authorization.as_str())];
    let path = "/dashboard/experiment?experiment=e";
    let document = client.send("GET", path, &headers, "").await.unwrap().json();
    let verdict = &document["verdict"];
    assert_eq!(verdict["kind"], "sample_ratio");
    let steps: Vec<&str> = (verdict["steps"].as_array().unwrap().iter())
        .map(|step| step.as_str().unwrap())
        .collect();
    let of_crawlers = steps.iter().rev().nth(1).unwrap();
    assert_eq!(
        *of_crawlers,
        "The server has ignored 4 events from crawlers since it started. Your own automated tests may be among them.",
        "{steps:?}"
    );
}

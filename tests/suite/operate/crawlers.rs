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

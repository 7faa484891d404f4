//! What a server tells: `/metrics`, and its log as JSON.

use serde_json::{Map, Value, json};

use super::track;
use crate::support::{Client, Redis, Server, line};

/// After the story: all lines but the buckets' and the sums, which depend on time. In the order of the
/// alphabet, since the order of labels is nobody's promise.
const FIGURES: &str = r#"# HELP lamed_build_info Version of lamed.
# HELP lamed_events_total Events by result.
# HELP lamed_open_connections Open connections to the API.
# HELP lamed_request_duration_seconds Time from the head of a request to its reply.
# HELP lamed_requests_total Answered requests.
# HELP lamed_store_duration_seconds Time from a request to the store to its reply.
# HELP process_start_time_seconds Start time of the process, in seconds since 1970.
# TYPE lamed_build_info gauge
# TYPE lamed_events_total counter
# TYPE lamed_open_connections gauge
# TYPE lamed_request_duration_seconds histogram
# TYPE lamed_requests_total counter
# TYPE lamed_store_duration_seconds histogram
# TYPE process_start_time_seconds gauge
lamed_build_info{version="1.0.0"} 1
lamed_events_total{outcome="counted"} 2
lamed_events_total{outcome="duplicate"} 1
lamed_events_total{outcome="failed"} 0
lamed_events_total{outcome="ignored"} 2
lamed_events_total{outcome="refused"} 1
lamed_events_total{outcome="unavailable"} 1
lamed_open_connections 2
lamed_request_duration_seconds_count{handler="delete"} 1
lamed_request_duration_seconds_count{handler="experiments"} 2
lamed_request_duration_seconds_count{handler="none"} 3
lamed_request_duration_seconds_count{handler="track"} 8
lamed_requests_total{handler="delete",status="200"} 1
lamed_requests_total{handler="experiments",status="200"} 1
lamed_requests_total{handler="experiments",status="403"} 1
lamed_requests_total{handler="none",status="200"} 1
lamed_requests_total{handler="none",status="404"} 2
lamed_requests_total{handler="track",status="200"} 5
lamed_requests_total{handler="track",status="400"} 1
lamed_requests_total{handler="track",status="429"} 1
lamed_requests_total{handler="track",status="503"} 1
lamed_store_duration_seconds_count{operation="delete"} 1
lamed_store_duration_seconds_count{operation="ping"} 1
lamed_store_duration_seconds_count{operation="read"} 1
lamed_store_duration_seconds_count{operation="track"} 5
process_start_time_seconds TIME
"#;

#[tokio::test]
async fn the_metrics_tell_what_happened() {
    let mut redis = Redis::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let config = json!({"max_counters": 1, "redis": {"url": redis.url()}});
    std::fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--metrics", "127.0.0.1:0"]);
    let (mut client, mut other) = (server.client(), server.client());
    let crawler = [("user-agent", "Googlebot/2.1")];
    let key = [("x-api-key", server.key.as_str())];
    let batch = r#"[{"experiment":"e","variant":"v","event":"participate","uuid":"7"}]"#;
    let (counted, second, refused) = (track("v", "1"), track("v", "2"), track("w", "1"));
    for (method, path, headers, body) in [
        ("GET", counted.as_str(), &[][..], ""),
        ("GET", &counted, &[], ""),
        ("GET", &second, &[], ""),
        ("GET", &refused, &[], ""),
        ("GET", &counted, &crawler, ""),
        ("POST", "/prod/track", &crawler, batch),
        ("GET", "/prod/track?experiment=e", &[], ""),
        ("OPTIONS", "/prod/track", &[], ""),
        ("GET", "/prod/experiments", &key, ""),
        ("GET", "/prod/experiments", &[], ""),
        ("GET", "/prod/other", &[], ""),
        ("GET", "/metrics", &[], ""),
        ("DELETE", "/prod/delete?experiment=e", &key, ""),
        ("GET", "/healthz", &[], ""),
        ("GET", "/readyz", &[], ""),
    ] {
        client.send(method, path, headers, body).await.unwrap();
    }
    redis.kill();
    assert_eq!(other.get(&counted).await.status, 503);

    let url = server.ready["metrics_url"].as_str().unwrap();
    let address = url
        .strip_prefix("http://")
        .and_then(|url| url.strip_suffix("/metrics"));
    let mut scraper = Client::new(address.unwrap());
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    for _ in 0..2 {
        let told = scraper.get("/metrics").await;
        assert_eq!(
            (told.status, told.header("content-type")),
            (200, Some(kind))
        );
        assert_eq!(masked(&told.body), FIGURES);
    }
    assert_eq!(scraper.get("/").await.status, 404);
}

fn masked(metrics: &str) -> String {
    let mut lines: Vec<String> = (metrics.lines())
        .filter(|line| !(line.contains("_seconds_bucket{") || line.contains("_seconds_sum{")))
        .map(|line| match line.split_once(' ') {
            Some((name @ "process_start_time_seconds", time)) => {
                assert!(time.parse::<f64>().unwrap() > 1.7e9, "{line}");
                format!("{name} TIME\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    lines.sort();
    lines.concat()
}

#[tokio::test]
async fn a_log_as_json_is_nothing_else() {
    let arguments = ["-v", "--log-format", "json", "--store", "embedded"];
    let mut server = Server::start(&arguments);
    let mut client = server.client();
    client.get(&track("v", "the-uuid")).await;
    client.get("/prod/a%22b?uuid=the-uuid").await;
    server.terminate();
    assert!(server.wait().0.success());
    let log: Vec<Value> = (server.log().lines()).map(masked_line).collect();
    let answered = |path, status| {
        json!({
            "timestamp": "SOME", "level": "INFO", "target": "lamed::server::direct",
            "message": "answered", "method": "GET", "path": path, "status": status,
            "elapsed": "SOME",
        })
    };
    assert_eq!(
        log,
        [answered("/prod/track", 200), answered("/prod/a%22b", 404)]
    );

    let home = tempfile::tempdir().unwrap();
    let arguments = ["serve", "--log-format", "json", "--store", "sqlite"];
    let outcome = line(&home, &arguments).run();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        masked_line(outcome.stderr.trim_end()),
        json!({
            "timestamp": "SOME", "level": "ERROR", "target": "lamed::cli::printer",
            "message": "`--store`: unknown store: expected auto, docker, embedded, embedded:FILE, dynamodb:TABLE, \
                        redis://… or config",
        })
    );
}

/// A line of the log, without what is different each time.
fn masked_line(line: &str) -> Value {
    let mut object: Map<String, Value> = serde_json::from_str(line).unwrap();
    for volatile in ["timestamp", "elapsed"] {
        if let Some(value) = object.get_mut(volatile) {
            *value = json!("SOME");
        }
    }
    Value::from(object)
}

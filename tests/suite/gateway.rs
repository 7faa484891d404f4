//! `serve --local` behaves as API Gateway does: the exchanges of `fixtures/gateway`, and what a
//! fixture cannot hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::support::{Client, Response, Server};

/// The key in the fixtures.
pub const KEY: &str = "the-key-of-the-fixtures";

/// Different at each reply.
const VOLATILE: [&str; 4] = [
    "content-length",
    "date",
    "x-amz-apigw-id",
    "x-amzn-requestid",
];

#[derive(Deserialize)]
struct Story {
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Exchange {
    request: Request,
    reply: Reply,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        let mut headers = response.headers;
        headers.retain(|name, _| !VOLATILE.contains(&name.as_str()));
        Self {
            status: response.status,
            headers,
            body: response.body,
        }
    }
}

#[tokio::test]
async fn every_exchange_of_the_fixtures_is_answered_as_written() {
    for story in stories() {
        let server = Server::start(&["--local", "--store", "embedded", "--api-key", KEY]);
        play(&story, &server.address).await;
    }
}

/// What a fixture has of the API alone, and nothing of the gateway.
#[tokio::test]
async fn plain_serve_reads_bodies_and_is_asked_by_browsers_as_serve_local_is() {
    let server = Server::start(&["--store", "embedded", "--api-key", KEY]);
    let mut client = server.client();
    let stories = stories().into_iter();
    for Exchange { request, reply } in stories.flat_map(|story| exchanges(&story)) {
        let preflight = request.method == "OPTIONS" && reply.status == 200;
        if preflight || request.path == "/prod/track?encodings" {
            let answered = request.send(&mut client).await;
            assert_eq!(
                Reply::from(answered),
                reply,
                "{} {}",
                request.method,
                request.path
            );
        }
    }
}

/// Sends the requests of a story to a gateway over an empty store, and compares the replies.
pub async fn play(story: &Path, address: &str) {
    let mut client = Client::new(address);
    for Exchange { request, reply } in exchanges(story) {
        let place = format!("{}: {} {}", story.display(), request.method, request.path);
        let response = request.send(&mut client).await;
        for id in ["x-amz-apigw-id", "x-amzn-requestid"] {
            assert!(
                response.header(id).is_some_and(|id| id.len() >= 16),
                "{place}: {id}"
            );
        }
        assert_eq!(Reply::from(response), reply, "{place}");
    }
}

fn exchanges(story: &Path) -> Vec<Exchange> {
    let text = std::fs::read_to_string(story).unwrap();
    let Story { exchanges } = serde_json::from_str(&text).unwrap();
    assert!(!exchanges.is_empty());
    exchanges
}

impl Request {
    async fn send(&self, client: &mut Client) -> Response {
        let headers: Vec<(&str, &str)> = (self.headers.iter())
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let response = client.send(&self.method, &self.path, &headers, &self.body);
        response.await.unwrap()
    }
}

/// The files of all stories.
pub fn stories() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gateway");
    let mut files: Vec<PathBuf> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".story.json"))
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    files
}

#[tokio::test]
async fn a_body_over_10_mb_or_an_event_over_6_mb_is_too_long() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    for size in [6 * 1024 * 1024, 10 * 1024 * 1024 + 1] {
        let mut client = server.client();
        let reply = client.post("/prod/track", &" ".repeat(size)).await;
        assert_eq!(
            (
                reply.status,
                reply.header("x-amzn-errortype"),
                reply.body.as_str()
            ),
            (
                413,
                Some("RequestTooLargeException"),
                r#"{"message":"Request Too Long"}"#
            )
        );
    }
    // Smaller ones reach the function, which has a limit of its own.
    let large = " ".repeat(5 * 1024 * 1024);
    let reply = server.client().post("/prod/track", &large).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (413, r#"{"message":"the body must be at most 256 KiB"}"#)
    );
}

#[tokio::test]
async fn more_requests_than_the_throttle_allows_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let config = r#"{"aws": {"throttle": {"rate": 0.001, "burst": 2}}}"#;
    std::fs::write(home.path().join("config.json"), config).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let mut client = server.client();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(track(&mut client).await);
    }
    assert_eq!(statuses[0].status, 200);
    assert_eq!(statuses[1].status, 200);
    let refused = &statuses[2];
    assert_eq!(
        (
            refused.status,
            refused.header("x-amzn-errortype"),
            refused.body.as_str()
        ),
        (
            429,
            Some("TooManyRequestsException"),
            r#"{"message":"Too Many Requests"}"#
        )
    );
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
}

async fn track(client: &mut Client) -> Response {
    client
        .get("/prod/track?experiment=e&variant=v&event=participate&uuid=1")
        .await
}

#[tokio::test]
async fn extra_wiring_is_served_as_it_will_be_deployed() {
    let home = tempfile::tempdir().unwrap();
    let config = r#"{"extra_wiring": [{
        "lambda": {"FunctionName": "lamed-track", "Handler": "lamed.track", "MemorySize": 128, "Timeout": 3},
        "api_gateway": {"pathPart": "hello", "method": {"httpMethod": "GET", "apiKeyRequired": false}}
    }]}"#;
    std::fs::write(home.path().join("config.json"), config).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let mut client = server.client();
    let path = "/prod/hello?experiment=e&variant=v&event=participate&uuid=1";
    assert_eq!(client.get(path).await.body, r#"{"counted":true}"#);
    assert_eq!(track(&mut client).await.body, r#"{"counted":false}"#);
}

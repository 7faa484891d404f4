//! `GET /lamed.js` of both edges.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::support::{Response, Server, line};

/// Names that would end a script, a string or a line, or mean something to what reads them.
const NASTY: [&str; 7] = [
    "</script><script>alert(1)//",
    "<!--",
    "\"quoted\" 'and' \\ ${1}",
    "\u{2028}\u{2029}",
    "🦀 שלום",
    "__LAMED_CONFIG__",
    "__proto__",
];

const EDGES: [&[&str]; 2] = [
    &["--store", "embedded"],
    &["--local", "--store", "embedded"],
];

/// A server with this config. It has the API key `k`.
fn serve(edge: &[&str], config: &Value) -> Server {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let key = ["--api-key", "the-key-of-the-test"];
    Server::start_in(home, "127.0.0.1:0", &[edge, &key].concat())
}

/// A config, and what the script is told of it.
fn nasty() -> (Value, Value) {
    let weights: serde_json::Map<_, _> = (NASTY.iter())
        .map(|name| ((*name).to_owned(), json!(7)))
        .collect();
    let config = json!({
        "namespace": NASTY[0],
        "uuid_expiry_seconds": 1000,
        "experiments": {
            NASTY[5]: {"variants": weights, "goals": NASTY, "control": NASTY[4]},
            "b": {
                "unit": "user", "variants": {"z": 1, "10": 2, "9": 0, "A": 3},
                "goals": ["g", {"name": "again", "unique": false}],
            },
            "nothing to show": {"goals": ["g"]},
        },
    });
    let mut names = NASTY;
    names.sort_unstable();
    let told = json!({
        "namespace": NASTY[0],
        "window": 1000,
        "experiments": [
            {
                "name": NASTY[5], "wire": NASTY[5], "state": "running", "sample": 1.0, "fallback": NASTY[4],
                "variants": names.map(|name| json!([name, 7])),
                "goals": NASTY.map(|name| json!({"name": name})),
            },
            {
                "name": "b", "wire": "b", "user": true, "state": "running", "sample": 1.0, "fallback": "10",
                "variants": [["9", 0], ["10", 2], ["A", 3], ["z", 1]],
                "goals": [{"name": "g"}, {"name": "again", "unique": false}],
            },
        ],
    });
    (config, told)
}

/// All headers but those that differ from reply to reply.
fn headers(reply: &Response) -> BTreeMap<&str, &str> {
    let all = reply
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(|(name, _)| !["date", "content-length"].contains(name) && !name.starts_with("x-amz"))
        .collect()
}

async fn get(server: &Server, path: &str, asked: &[(&str, &str)]) -> Response {
    let mut client = server.client();
    client.send("GET", path, asked, "").await.unwrap()
}

#[tokio::test]
async fn browsers_keep_the_script_for_a_minute_and_ask_whether_it_changed() {
    let (config, told) = nasty();
    let mut bodies = Vec::new();
    for edge in EDGES {
        let server = serve(edge, &config);
        for (path, content_type) in [
            ("/prod/lamed.js", "text/javascript; charset=utf-8"),
            ("/prod/lamed.mjs", "text/javascript; charset=utf-8"),
            ("/prod/lamed.js?json&preview=x", "application/json"),
        ] {
            let reply = get(&server, path, &[]).await;
            let tag = reply.header("etag").unwrap().to_owned();
            assert!(tag.len() == 42 && tag.starts_with('"'), "{tag}");
            let mut expected = BTreeMap::from([
                ("access-control-allow-origin", "*"),
                ("cache-control", "public, max-age=60, stale-if-error=86400"),
                ("content-type", content_type),
                ("etag", tag.as_str()),
            ]);
            if edge == EDGES[0] {
                expected.insert("vary", "Accept-Encoding");
            }
            assert_eq!(
                (reply.status, headers(&reply)),
                (200, expected.clone()),
                "{path}"
            );
            let weak = format!("\"other\", W/{tag}");
            for known in [tag.as_str(), &weak, "*"] {
                let again = get(&server, path, &[("if-none-match", known)]).await;
                assert_eq!(
                    (again.status, headers(&again)),
                    (304, expected.clone()),
                    "{known}"
                );
                assert_eq!(again.body, "");
            }
            let other = get(&server, path, &[("if-none-match", "\"other\"")]).await;
            assert_eq!((other.status, &other.body), (200, &reply.body));
            bodies.push(reply.body);
        }
        let mut client = server.client();
        let reply = client
            .send("OPTIONS", "/prod/lamed.js", &[], "")
            .await
            .unwrap();
        let methods = reply.header("access-control-allow-methods");
        assert_eq!((reply.status, methods), (200, Some("GET,OPTIONS")));
        let reply = client
            .send("POST", "/prod/lamed.js", &[], "")
            .await
            .unwrap();
        assert_eq!(reply.status, if edge == EDGES[0] { 405 } else { 403 });
    }
    let local = bodies.split_off(3);
    assert_eq!(bodies, local);
    let [script, module, json] = &bodies[..] else {
        panic!("{bodies:?}");
    };
    assert_eq!(serde_json::from_str::<Value>(json).unwrap(), told);
    for script in [script, module] {
        assert_eq!(script.matches(json.as_str()).count(), 1);
        let lower = script.to_lowercase();
        assert!(script.is_ascii() && !lower.contains("</script") && !lower.contains("<!--"));
    }
}

#[tokio::test]
async fn a_server_of_ones_own_compresses_the_script() {
    let server = serve(EDGES[0], &nasty().0);
    let plain = get(
        &server,
        "/prod/lamed.js",
        &[("accept-encoding", "identity")],
    )
    .await;
    assert_eq!(plain.header("content-encoding"), None);
    let gzip = ("accept-encoding", "gzip, deflate, br, zstd");
    let reply = get(&server, "/prod/lamed.js", &[gzip]).await;
    let tag = reply.header("etag").unwrap().to_owned();
    assert_ne!(Some(tag.as_str()), plain.header("etag"));
    assert_eq!(
        (reply.header("content-encoding"), reply.header("vary")),
        (Some("gzip"), Some("Accept-Encoding"))
    );
    let mut body = String::new();
    GzDecoder::new(&reply.bytes[..])
        .read_to_string(&mut body)
        .unwrap();
    assert_eq!(body, plain.body);
    assert!(reply.bytes.len() < 5000, "{}", reply.bytes.len());
    let again = get(&server, "/prod/lamed.js", &[gzip, ("if-none-match", &tag)]).await;
    assert_eq!(
        (
            again.status,
            again.header("etag"),
            again.header("content-encoding"),
            again.bytes.len()
        ),
        (304, Some(tag.as_str()), None, 0)
    );
    // Other replies are as they were.
    let track = get(&server, "/prod/track", &[gzip]).await;
    assert_eq!(
        (track.header("vary"), track.header("content-encoding")),
        (None, None)
    );
}

#[tokio::test]
async fn the_script_can_have_other_paths_and_runs_what_is_declared() {
    let wired = |path: &str| {
        json!({
            "lambda": {"FunctionName": "lamed-client", "Handler": "lamed.client", "Timeout": 3},
            "api_gateway": {"pathPart": path, "method": {"httpMethod": "GET"}},
        })
    };
    let config =
        json!({"uuid_expiry_seconds": null, "extra_wiring": [wired("hello"), wired("hello.mjs")]});
    let empty = json!({"namespace": "alephbet", "experiments": []});
    for edge in EDGES {
        let server = serve(edge, &config);
        assert_eq!(server.log(), "");
        for (path, as_ever) in [("hello", "lamed.js"), ("hello.mjs", "lamed.mjs")] {
            let reply = get(&server, &format!("/prod/{path}"), &[]).await;
            let as_ever = get(&server, &format!("/prod/{as_ever}"), &[]).await;
            assert_eq!((reply.status, &reply.body), (200, &as_ever.body));
        }
        let told = get(&server, "/prod/hello?json", &[]).await.json();
        if edge == EDGES[0] {
            assert_eq!(told, empty);
            // The printed tag leads there.
            let url = format!("http://{}/prod", server.address);
            let html = line(&server.home, &["snippet", "--url", &url]).run().stdout;
            assert!(
                html.starts_with(&format!("<script src=\"{url}/hello\"></script>\n")),
                "{html}"
            );
        } else {
            // What `lamed snippet` shows where nothing is declared can be tried at once.
            assert_eq!(told["experiments"][0]["name"], "button color");
        }
    }
}

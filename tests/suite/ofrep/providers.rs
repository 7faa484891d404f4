//! The official OpenFeature providers against `serve`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{ODD, encoded, serve};
use crate::support::{Browser, Deadline, Server, tools, within};

fn test_file(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(path)
}

/// What a script prints that gets the address of the API and this.
pub(super) fn run(mut command: Command, url: &str, given: &Value) -> Value {
    let mut child = command
        .env("LAMED_TEST_TOOLS", tools())
        .env("LAMED_URL", url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _deadline = Deadline::of(&child);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(given.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The address of a server's API.
pub(super) fn base(server: &Server) -> String {
    format!("http://{}/prod", server.address)
}

pub(super) fn node(script: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(test_file(script));
    node
}

pub(super) fn python(script: &str) -> Command {
    let mut python = Command::new(tools().join("venv/bin/python"));
    python.arg(test_file(script));
    python
}

/// Flag and user, and what each provider makes of the answer: value, reason, variant, error.
fn asked() -> Vec<(String, Option<&'static str>, Value)> {
    let red = |reason| json!(["red", reason, "red", null]);
    let failed = |code| json!(["default", "ERROR", null, code]);
    let odd = encoded(ODD);
    let of = |name: &str| name.to_owned();
    vec![
        (of("button color"), Some("42"), red("SPLIT")),
        (
            of("button color"),
            Some("user-1"),
            json!(["blue", "SPLIT", "blue", null]),
        ),
        (of("stopped"), Some("42"), red("STATIC")),
        (of("shipped"), Some("user-1"), red("STATIC")),
        (of("draft"), Some("42"), failed("FLAG_NOT_FOUND")),
        (of("visitors"), Some("42"), failed("FLAG_NOT_FOUND")),
        (of("unknown"), Some("42"), failed("FLAG_NOT_FOUND")),
        (of("button color"), None, failed("TARGETING_KEY_MISSING")),
        (of(ODD), Some("ann"), red("SPLIT")),
        (odd, Some("ann"), red("SPLIT")),
    ]
}

#[test]
fn for_servers_in_javascript() {
    let server = serve();
    let mut asked = asked();
    // Its ofrep-core 0.1.4 takes a reply without a value for none at all; the code's default is what counts.
    let outside = json!(["default", "ERROR", null, "GENERAL"]);
    asked.push((ODD.to_owned(), Some("user-1"), outside));
    evaluates(node("browser/ofrep/evaluate.mjs"), &base(&server), &asked);
}

#[test]
fn for_servers_in_python() {
    let server = serve();
    let mut asked = asked();
    let outside = json!(["default", "DISABLED", "red", null]);
    asked.push((ODD.to_owned(), Some("user-1"), outside));
    evaluates(python("servers/evaluate.py"), &base(&server), &asked);
}

/// At this address, as at any other, the providers for servers evaluate the flags of [`super::config`] right.
/// What stands behind a function URL need not keep a query that belongs to a name, as MiniStack does not.
pub fn servers_evaluate_at(url: &str) {
    let mut asked = asked();
    asked.retain(|(flag, _, _)| flag != ODD);
    evaluates(node("browser/ofrep/evaluate.mjs"), url, &asked);
    evaluates(python("servers/evaluate.py"), url, &asked);
}

fn evaluates(script: Command, url: &str, asked: &[(String, Option<&str>, Value)]) {
    let given: Value = asked
        .iter()
        .map(|(flag, user, _)| json!([flag, user]))
        .collect();
    let answers = run(script, url, &given);
    for ((flag, user, expected), answer) in asked.iter().zip(answers.as_array().unwrap()) {
        assert_eq!(answer, expected, "{flag} {user:?}");
    }
}

#[test]
fn for_pages_in_a_browser() {
    within(Duration::from_mins(2), || {
        let server = serve();
        let bundle = node("browser/ofrep/bundle.mjs")
            .env("LAMED_TEST_TOOLS", tools())
            .output()
            .unwrap();
        assert!(bundle.status.success(), "{bundle:?}");
        let bundle = String::from_utf8(bundle.stdout).unwrap();
        // A page of another origin, with headers of its own.
        let html = format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n<script>{bundle}</script>\n<script>
            const statuses = []
            const provider = new OFREPWebProvider({{
              baseUrl: 'http://{}/prod',
              pollInterval: 0,
              cacheMode: 'disabled',
              headers: [['Authorization', 'Bearer x'], ['X-API-Key', 'x']],
              fetchImplementation: async request => {{
                const response = await fetch(request)
                statuses.push([response.status, response.headers.get('etag')?.length ?? 0])
                return response
              }},
            }})
            const client = OpenFeature.getClient()
            const details = name => {{
              const {{ value, reason, variant, errorCode }} = client.getStringDetails(name, 'default')
              return [value, reason, variant ?? null, errorCode ?? null]
            }}
            let done = OpenFeature.setContext({{ targetingKey: 'user-1' }}).then(() => OpenFeature.setProviderAndWait(provider))
            </script>",
            server.address
        );
        let names = json!([
            "button color",
            "stopped",
            "shipped",
            ODD,
            "draft",
            "visitors",
            "unknown"
        ]);
        let read = format!("done.then(() => {names}.map(details))");
        let change = |context: &str| {
            format!(
                "done = OpenFeature.setContext({context}).then(() => [statuses.at(-1), details('button color')])"
            )
        };
        let answer = Browser::start().ask(json!({"do": "use", "html": html, "steps": [
            {"read": read},
            // The same user: nothing is new.
            {"read": change("{targetingKey: 'user-1', page: 2}")},
            {"read": change("{targetingKey: '42'}")},
            {"read": "statuses[0]"},
            {"read": "OpenFeature.setContext({}).then(() => ['button color', 'shipped'].map(details))"},
        ]}));
        assert_eq!(answer["foreign"], json!([]));
        let red = |reason: &str| json!(["red", reason, "red", null]);
        let missing = json!(["default", "ERROR", null, "FLAG_NOT_FOUND"]);
        let blue = json!(["blue", "SPLIT", "blue", null]);
        assert_eq!(
            answer["read"],
            json!([
                [
                    blue,
                    red("STATIC"),
                    red("STATIC"),
                    ["default", "DISABLED", "red", null],
                    missing,
                    missing,
                    missing
                ],
                [[304, 42], blue],
                [[200, 42], red("SPLIT")],
                [200, 42],
                // Nobody is signed in any more: it is not the last user's variant that shows.
                [
                    ["default", "ERROR", null, "TARGETING_KEY_MISSING"],
                    red("STATIC")
                ],
            ])
        );
        let counted = Runtime::new().unwrap().block_on(server.experiments());
        assert_eq!(counted, [Value::Null; 0]);
    });
}

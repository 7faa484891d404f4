//! Experiments for users, as servers see them: `POST /track` with `user`, and OFREP.

mod agreement;
mod examples;
mod protocol;
pub mod providers;
mod track;

use std::fs;

use serde_json::{Value, json};

use crate::support::{Client, Response, Server};

/// Where `serve` has OFREP.
const FLAGS: &str = "/prod/ofrep/v1/evaluate/flags";

/// A name that has to be encoded in an address.
const ODD: &str = "50% off? a/b & ü";

/// Experiments of every state, for users but for one.
pub fn config() -> Value {
    let with = |more: Value| {
        let mut experiment = json!({
            "unit": "user", "variants": {"blue": 50, "red": 50},
            "goals": ["bought", {"name": "viewed", "unique": false}],
        });
        let more = more.as_object().unwrap().clone();
        experiment.as_object_mut().unwrap().extend(more);
        experiment
    };
    json!({"experiments": {
        "button color": with(json!({})),
        "second": with(json!({"run": 2})),
        ODD: with(json!({"sample": 0.5, "control": "red"})),
        "draft": with(json!({"state": "draft"})),
        "stopped": with(json!({"state": "stopped", "control": "red"})),
        "shipped": with(json!({"state": {"shipped": "red"}})),
        "first half": with(json!({"group": {"name": "checkout", "from": 0, "to": 0.5}})),
        "visitors": with(json!({"unit": "visitor"})),
        "empty": {"unit": "user", "goals": ["bought"]},
    }})
}

/// A server with this config. It has the API key `k`.
fn serve_with(config: &Value, arguments: &[&str]) -> Server {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let key = ["--api-key", "the-key-of-the-test"];
    Server::start_in(home, "127.0.0.1:0", &[arguments, &key].concat())
}

fn serve() -> Server {
    serve_with(&config(), &["--store", "embedded"])
}

async fn post(client: &mut Client, path: &str, body: &Value) -> Response {
    let json = [("content-type", "application/json")];
    let sent = client.send("POST", path, &json, &body.to_string()).await;
    sent.unwrap()
}

/// A name as JavaScript's `encodeURIComponent` has it, or stricter.
fn encoded(name: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric();
    let encode = |byte: u8| match is_plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}

//! The dashboard: what it gives to whom, and the page in a real browser.

mod deletion;
mod http;
mod names;
mod opened;
mod page;
mod snapshot;

use std::fs;

use serde_json::{Value, json};

use crate::cli::{count, home};
use crate::support::Server;

/// Of these experiments one has a winner.
async fn server(arguments: &[&str]) -> Server {
    server_with(arguments, json!({})).await
}

/// The same with more in its config.
async fn server_with(arguments: &[&str], mut config: Value) -> Server {
    let home = home();
    config["experiments"] = json!({"color": {"variants": {"blue": 50, "red": 50}}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let arguments = [&["--store", "embedded"], arguments].concat();
    let server = Server::start_in(home, "127.0.0.1:0", &arguments);
    count(
        &server,
        &[
            ("color", "participate", "blue", 1000),
            ("color", "participate", "red", 1000),
            ("color", "clicked", "blue", 100),
            ("color", "clicked", "red", 250),
            ("color", "viewed", "red", 1500),
            ("a, b", "participate", "v", 1),
        ],
    )
    .await;
    server
}

fn verdict(experiment: &Value) -> &str {
    experiment["verdict"]["text"].as_str().unwrap()
}

//! The dashboard: what it gives to whom, and the page in a real browser.

mod actions;
mod browsers;
mod charts;
mod deletion;
mod documents;
mod http;
mod layout;
mod live;
mod names;
mod opened;
mod page;
mod snapshot;
mod start;
mod story;

use std::fs;

use serde_json::{Value, json};

use crate::cli::{count, home};
use crate::support::{Server, line};

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

/// A server with these experiments declared, and these events counted.
async fn declared(experiments: Value, events: &[(&str, &str, &str, usize)]) -> Server {
    let home = home();
    let config = json!({"experiments": experiments});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    count(&server, events).await;
    server
}

/// The page as one file with a changed snapshot of the server: it shows what is hard to count.
fn edited(server: &Server, change: impl FnOnce(&mut Value)) -> String {
    let arguments = ["dashboard", "--local", "--output", "-"];
    let page = line(&server.home, &arguments).run().stdout;
    let (head, rest) = page.split_once(r#"id="snapshot">"#).unwrap();
    let (snapshot, tail) = rest.split_once("</script>").unwrap();
    let mut snapshot: Value = serde_json::from_str(snapshot).unwrap();
    change(&mut snapshot);
    let json = snapshot.to_string().replace('<', "\\u003c");
    let page = format!("{head}id=\"snapshot\">{json}</script>{tail}");
    let file = server.home.path().join("edited.html");
    fs::write(&file, page).unwrap();
    format!("file://{}", file.display())
}

fn verdict(experiment: &Value) -> &str {
    experiment["verdict"]["text"].as_str().unwrap()
}

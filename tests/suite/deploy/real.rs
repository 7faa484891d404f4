//! The deployed thing itself: the real function on MiniStack, behind each door and over each store, with a real browser and
//! the official OpenFeature providers before it.

use std::io::Cursor;
use std::time::Duration;

use super::*;
use crate::ofrep;
use crate::support::dynamodb::address;
use crate::support::{Browser, Client, Executable, Redis, is_skipped, line, within};

/// Where requests come in and where they are counted.
struct Home {
    home: TempDir,
    name: &'static str,
    redis: Option<Redis>,
}

impl Home {
    /// A deployment of this name, which no other test has. MiniStack does not find functions whose names begin with `url`. `store` and `door` are as the config has them.
    fn new(name: &'static str, door: &str, store: &str) -> Self {
        let home = Self {
            home: crate::cli::home(),
            name,
            redis: (store == "redis").then(Redis::durable),
        };
        let mut config = ofrep::config();
        config["aws"] = json!({
            "name": name, "front_door": door, "store": store, "architecture": Executable::NATIVE,
        });
        home.configure(&config);
        home
    }

    fn configure(&self, config: &Value) {
        let mut config = config.clone();
        if let Some(redis) = &self.redis {
            config["redis"] = json!({"host": "127.0.0.1", "port": redis.port});
        }
        fs::write(self.home.path().join("config.json"), config.to_string()).unwrap();
    }

    fn config(&self) -> Value {
        let text = fs::read_to_string(self.home.path().join("config.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[track_caller]
    fn runs(&self, arguments: &[&str]) -> Outcome {
        let mut line = line(&self.home, arguments);
        for (name, value) in [
            ("AWS_ENDPOINT_URL", &*format!("http://{}", address())),
            ("AWS_ACCESS_KEY_ID", "AKIATEST"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "eu-west-1"),
        ] {
            line = line.env(name, value);
        }
        let outcome = line.run();
        assert_eq!(outcome.code, Some(0), "{}: {outcome}", self.name);
        outcome
    }

    /// What a command gives as JSON.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let outcome = self.runs(&[arguments, &["--json"]].concat());
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    /// The base URL.
    #[track_caller]
    fn deploy(&self) -> String {
        let deployed = self.json(&["deploy", "--no-preflight", "--yes"]);
        let track = deployed["track_url"].as_str().unwrap();
        track.strip_suffix("/track").unwrap().to_owned()
    }

    /// What is counted of an experiment: (event, variant) → trials or conversions.
    #[track_caller]
    fn counted(&self, experiment: &str) -> Vec<(String, u64, u64)> {
        let results = self.json(&["results", experiment]);
        let results = &results["experiments"][0];
        let variants = results["goals"][0]["variants"].as_array().unwrap();
        let count = |variant: &Value, what: &str| variant[what].as_u64().unwrap();
        (variants.iter())
            .map(|variant| {
                let name = variant["variant"].as_str().unwrap().to_owned();
                (
                    name,
                    count(variant, "participants"),
                    count(variant, "conversions"),
                )
            })
            .collect()
    }
}

/// A visitor who takes part and buys, with lamed.js as the snippet includes it, and comes back.
fn visitor(base: &str) -> String {
    let page =
        format!("<!doctype html><meta charset=\"utf-8\"><script src=\"{base}/lamed.js\"></script>");
    let mut browser = Browser::start();
    let mut visit = || {
        let answer = browser.ask(json!({"do": "visit", "html": page, "script":
            "const variant = lamed.variant('visitors'); lamed.complete('bought'); return variant"}));
        assert_eq!(answer["errors"], json!([]), "{answer}");
        answer["result"].as_str().unwrap().to_owned()
    };
    let variant = visit();
    assert_eq!(visit(), variant);
    variant
}

/// `POST /track` with users, one of them twice.
async fn users(base: &str) {
    let (host, path) = base
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut client = Client::new(host);
    let path = format!("/{path}/track");
    let event =
        |user: &str| json!({"experiment": "button color", "event": "participate", "user": user});
    let batch = json!([event("ann"), event("42"), event("ann")]);
    let reply = client.post(&path, &batch.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let reply = client.post(&path, &event("42").to_string()).await;
    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({"counted": 0, "duplicates": 1})),
        "{}",
        reply.body
    );
}

/// They were counted before.
async fn users_again(base: &str) {
    let (host, path) = base
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let event = json!({"experiment": "button color", "event": "participate", "user": "ann"});
    let reply = Client::new(host)
        .post(&format!("/{path}/track"), &event.to_string())
        .await;
    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({"counted": 0, "duplicates": 1})),
        "{}",
        reply.body
    );
}

#[track_caller]
fn counts_and_goes(name: &'static str, door: &'static str, store: &'static str) {
    if is_skipped(Executable::NATIVE, "cross compiler") {
        return;
    }
    within(Duration::from_mins(3), move || {
        let home = Home::new(name, door, store);
        let base = home.deploy();
        let again = home.runs(&["deploy", "--no-preflight", "--yes"]);
        assert!(again.stderr.ends_with("no changes needed\n"), "{again}");

        let variant = visitor(&base);
        let mut expected = vec![("blue".to_owned(), 0, 0), ("red".to_owned(), 0, 0)];
        for (name, participants, conversions) in &mut expected {
            if *name == variant {
                (*participants, *conversions) = (1, 1);
            }
        }
        assert_eq!(home.counted("visitors"), expected);

        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(users(&base));
        let users: u64 = home
            .counted("button color")
            .iter()
            .map(|(_, participants, _)| participants)
            .sum();
        assert_eq!(users, 2);
        if door == "function_url" {
            ofrep::providers::servers_evaluate_at(&base);
        }

        let status = home.json(&["status"]);
        assert_eq!(
            (&status["release"], &status["drift"]),
            (&json!(1), &json!([]))
        );
        home.is_known_to_all_commands(&base);
        home.rolls_back(&base);
        let mut config = home.config();
        config["experiments"]["visitors"]["state"] = json!("stopped");
        home.configure(&config);
        home.deploy();
        assert_eq!(home.json(&["status"])["release"], 3);
        home.runs(&["delete", "visitors", "--yes"]);
        home.runs(&["destroy", "--yes"]);
        if store == "dynamodb" {
            assert_eq!(
                home.deploy_and_count(),
                2,
                "the table outlived the function"
            );
            home.runs(&["destroy", "--yes", "--counts"]);
        }
    });
}

impl Home {
    #[track_caller]
    fn is_known_to_all_commands(&self, base: &str) {
        assert_eq!(self.json(&["preflight"])["ok"], true);
        let snippet = self.runs(&["snippet"]).stdout;
        assert!(snippet.contains(&format!("{base}/lamed.js")), "{snippet}");
        assert!(self.json(&["logs"])["events"].is_array());
        let page = self.runs(&["dashboard", "--output", "-"]).stdout;
        assert!(page.contains("visitors"), "{page}");
    }

    /// Another release and back: what was counted stays, and events still count once.
    #[track_caller]
    fn rolls_back(&self, base: &str) {
        let zip = lamed::assets::bootstrap(Executable::NATIVE)
            .unwrap()
            .to_vec();
        let mut other = ZipWriter::new_append(Cursor::new(zip)).unwrap();
        other
            .start_file("another-release", SimpleFileOptions::default())
            .unwrap();
        let other = other.finish().unwrap().into_inner();
        fs::write(self.home.path().join("other.zip"), other).unwrap();
        self.runs(&[
            "deploy",
            "--no-preflight",
            "--yes",
            "--bootstrap",
            "other.zip",
        ]);
        assert_eq!(self.json(&["status"])["release"], 2);
        self.runs(&["rollback", "--yes"]);
        assert_eq!(self.json(&["status"])["release"], 1);
        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(users_again(base));
    }

    /// The participants of the users, after another deploy.
    #[track_caller]
    fn deploy_and_count(&self) -> u64 {
        self.deploy();
        let counted = self.counted("button color");
        counted
            .iter()
            .map(|(_, participants, _)| participants)
            .sum()
    }
}

#[test]
fn a_function_url_over_a_table() {
    counts_and_goes("alone", "function_url", "dynamodb");
}

#[test]
fn a_function_url_over_a_redis() {
    counts_and_goes("redis", "function_url", "redis");
}

#[test]
fn a_rest_api_over_a_table() {
    counts_and_goes("gateway", "rest_api", "dynamodb");
}

#[test]
fn a_rest_api_over_a_redis() {
    counts_and_goes("both", "rest_api", "redis");
}

//! Config files: every shape that was ever released keeps its meaning, and what is wrong with a
//! file is said in one line, with its place and without its passwords.

mod command;
mod meanings;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lamed::assets::CONFIG_TEMPLATE;
use lamed::config::Config;
use lamed::store::{Counting, RedisSettings, Server};
use serde_json::json;

use self::meanings::meanings;
use crate::support::name;

/// The password of all files here.
const PASSWORD: &str = "hunter2";

#[test]
fn files_of_every_released_shape_keep_their_meaning() {
    let meanings = meanings();
    for (file, meaning) in &meanings {
        let path = folder().join(file);
        let config = Config::parse(&path, &fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(config, *meaning, "{file}");
        // Equal, so the password was read; but nobody gets to see it.
        let shown = format!("{config:?}");
        assert!(!shown.contains(PASSWORD), "{file}: {shown}");
    }
    let files: BTreeSet<String> = (fs::read_dir(folder()).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file.ends_with(".json"))
        .collect();
    let compared: BTreeSet<String> = meanings.iter().map(|(file, _)| file.to_string()).collect();
    assert_eq!(files, compared);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config")
}

fn window(seconds: Option<u64>) -> Counting {
    Counting {
        window: seconds.map(Duration::from_secs),
        ..Counting::default()
    }
}

/// A client sends an event again for days, so lamed remembers for longer. Python lamed's own form keeps
/// Python's day: both count on one Redis.
#[test]
fn events_are_remembered_for_thirty_days_unless_the_config_says_otherwise() {
    const DAY: u64 = 86_400;
    assert_eq!(Config::default().counting, window(Some(30 * DAY)));
    for (text, seconds) in [
        ("{}", Some(30 * DAY)),
        (r#"{"dedupe": "compact"}"#, Some(30 * DAY)),
        (r#"{"dedupe": "flags"}"#, Some(DAY)),
        (r#"{"dedupe": "flags", "uuid_expiry_seconds": 7}"#, Some(7)),
        (r#"{"dedupe": "flags", "uuid_expiry_seconds": null}"#, None),
        (r#"{"uuid_expiry_seconds": null}"#, None),
        (r#"{"uuid_expiry_seconds": 86400}"#, Some(DAY)),
    ] {
        let config = Config::parse(Path::new("c"), text).unwrap();
        let window = config.counting.window.map(|window| window.as_secs());
        assert_eq!(window, seconds, "{text}");
    }
}

#[test]
fn the_template_is_in_order() {
    let parse = |text: &str| Config::parse(Path::new("config.json"), text);
    let counting = window(Some(2_592_000));
    let meaning = Config {
        redis: Some(RedisSettings {
            counting,
            ..RedisSettings::new(Server::Tcp {
                host: "localhost".to_owned(),
                port: 6379,
                tls: None,
            })
        }),
        counting,
        ..Config::default()
    };
    assert_eq!(parse(CONFIG_TEMPLATE).unwrap(), meaning);
}

#[test]
fn a_byte_order_mark_is_no_obstacle() {
    let config = Config::parse(
        Path::new("config.json"),
        "\u{feff}{\"namespace\": \"shop\"}",
    );
    assert_eq!(config.unwrap().namespace, name("shop"));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_without_passwords() {
    let cases = fs::read_to_string(folder().join("wrong.txt")).unwrap();
    let mut surprises = String::new();
    for case in cases.split("\n\n").filter(|case| !case.starts_with('#')) {
        let (text, expected) = case.split_once("=> ").unwrap();
        let text = text.strip_suffix('\n').unwrap_or(text);
        let message = match Config::parse(Path::new("config.json"), text) {
            Ok(config) => format!("accepted: {config:?}"),
            Err(error) => error.to_string(),
        };
        if message != expected.trim_end() || message.contains("hunter") {
            surprises.push_str(&format!("{case}\ngot {message}\n\n"));
        }
    }
    assert!(surprises.is_empty(), "{surprises}");
}

/// As AlephBet assigns the variants of a page: the order decides which variant a user gets.
#[test]
fn variants_keep_their_order_and_experiments_are_sorted() {
    let text = r#"{"experiments": {
        "z": {"variants": {"red": 80, "blue": 20, "10": 1, "9": 2}}, "a": {"variants": {"b": 1, "a": 1}}
    }}"#;
    let config = Config::parse(Path::new("config.json"), text).unwrap();
    let client = config.browser_client();
    let told: serde_json::Value = serde_json::from_str(client.json()).unwrap();
    let variants = |place: usize| told["experiments"][place]["variants"].clone();
    assert_eq!(
        (variants(0), variants(1)),
        (
            json!([["b", 1], ["a", 1]]),
            json!([["9", 2], ["10", 1], ["red", 80], ["blue", 20]])
        )
    );
    // Without a control, who does not take part sees the first one that is declared.
    assert_eq!(told["experiments"][1]["fallback"], "red");
}

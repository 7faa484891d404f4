//! `lamed configure --wizard`

use std::fs;

use super::*;
use crate::support::{Line, Outcome, Redis, free_port, line};

const FILE: &str = ".lamed/config.json";

fn wizard(home: &TempDir) -> Line {
    line(home, &["configure", "--wizard"])
}

fn config(home: &TempDir) -> String {
    fs::read_to_string(home.path().join(FILE)).unwrap()
}

#[test]
fn a_new_file_is_made_of_answers_after_the_redis_was_tried_out() {
    let home = home();
    let redis = Redis::start(&["--requirepass", "s3cret"]);
    let port = redis.port.to_string();
    let outcome = wizard(&home).run_on_terminal(&[
        ("Redis host [localhost]: ", "127.0.0.1\r"),
        ("Port [6379]: ", "no\r"),
        ("Port [6379]: ", &format!("{port}\r")),
        ("Use TLS? [y/N]", "n"),
        ("User (leave empty for none): ", "\r"),
        ("Password (leave empty for none): ", "wrong\r"),
        ("forever) [30d]: ", "12h\r"),
        ("save anyway", "j"),
        ("> change the answers", "\r"),
        ("Redis host [127.0.0.1]: ", "\r"),
        (&format!("Port [{port}]: "), "\r"),
        ("Use TLS? [y/N]", "\r"),
        ("User (leave empty for none): ", "\r"),
        (
            "Password (leave empty to keep it, type - for none): ",
            "s3cret\r",
        ),
        ("forever) [43200s]: ", "forever\r"),
    ]);
    let shown = &outcome.stdout;
    assert_eq!(outcome.code, Some(0), "{shown}");
    let (_, end) = shown.rsplit_once("redis://").unwrap();
    let (_, end) = end.split_once(" ms\n").unwrap();
    assert_eq!(
        end,
        "wrote `~/.lamed/config.json`\n\
         created `~/.lamed/config.schema.json`: editors use it to complete and check the config\n"
    );
    let refused = format!(
        "error: redis://127.0.0.1:{port}/0 does not accept this user and password: correct \
         `password`, and `username` if set, under `redis` in the config\n"
    );
    assert!(shown.contains(&refused), "{shown}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("wrong\n"),
        "{shown}"
    );
    assert_eq!(
        config(&home),
        format!(
            r#"{{
  "$schema": "./config.schema.json",
  "redis": {{
    "host": "127.0.0.1",
    "port": {port},
    "password": "s3cret",
    "ssl": false
  }},
  "namespace": "alephbet",
  "uuid_expiry_seconds": null,
  "experiments": {{}}
}}
"#
        )
    );
    assert_eq!(mode(&home.path().join(FILE)), 0o600);
}

/// A home with this config, readable by all.
fn home_with(text: &str) -> TempDir {
    let home = home();
    fs::create_dir(home.path().join(".lamed")).unwrap();
    fs::write(home.path().join(FILE), text).unwrap();
    home
}

#[test]
fn what_is_not_asked_for_stays_as_it_is() {
    let port = free_port();
    let text = r#"{"z": [1,   {"redis": "}"}], "redis": {"charset": null, "password":"hunter2", "host": "127.0.0.1",
    "port":"PORT", "username" : "ann"}, "namespace":"\u0073hop",
    "experiments": {"b": {}, "a": {}}}"#
        .replace("PORT", &port.to_string());
    let home = home_with(&text);
    let outcome = wizard(&home).run_on_terminal(&[
        ("Redis host [127.0.0.1]: ", "\r"),
        (&format!("Port [{port}]: "), "\r"),
        ("Use TLS? [y/N]", "\r"),
        ("User (type - for none) [ann]: ", "-\r"),
        ("Password (leave empty to keep it, type - for none): ", "\r"),
        ("forever) [30d]: ", "7d\r"),
        // Nobody listens there.
        ("save anyway", "\r"),
        ("save anyway", "j"),
        ("> change the answers", "j"),
        ("> save anyway", "\r"),
    ]);
    let Outcome { code, stdout, .. } = &outcome;
    let refused = format!(
        "error: redis://127.0.0.1:{port}/0: Connection refused (os error 111): make sure that it \
         runs and accepts connections, or correct `redis` in the config\n"
    );
    assert_eq!(stdout.matches(&refused).count(), 2, "{stdout}");
    // The key that nobody knows is kept, and told.
    let told = "error: ~/.lamed/config.json:1:4: unknown key `z`";
    assert!(stdout.contains(told) && *code == Some(2), "{stdout}");
    assert!(!stdout.contains("hunter2"), "{stdout}");
    let expected = text.replace(r#", "username" : "ann""#, "").replace(
        r#""a": {}}}"#,
        "\"a\": {}},\n    \"uuid_expiry_seconds\": 604800}",
    );
    assert_eq!(config(&home), expected);
    assert_eq!(mode(&home.path().join(FILE)), 0o600);
}

#[test]
fn a_url_is_split_where_something_of_it_changes() {
    let redis = Redis::start(&[]);
    let home = home_with(
        r#"{"redis": {"url": "rediss://ann:hunter2@127.0.0.1:1/3#insecure", "socket_timeout": 1}}"#,
    );
    let outcome = wizard(&home).run_on_terminal(&[
        ("Redis host [127.0.0.1]: ", "\r"),
        ("Port [1]: ", &format!("{}\r", redis.port)),
        ("Use TLS? [Y/n]", "n"),
        ("User (type - for none) [ann]: ", "-\r"),
        (
            "Password (leave empty to keep it, type - for none): ",
            "-\r",
        ),
        ("forever) [30d]: ", "\r"),
    ]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let expected = format!(
        "{{\"redis\": {{\n    \"socket_timeout\": 1,\n    \"host\": \"127.0.0.1\",\n    \"port\": {},\n    \
         \"ssl\": false,\n    \"ssl_cert_reqs\": \"none\",\n    \"db\": 3\n  }}}}",
        redis.port
    );
    assert_eq!(config(&home), expected);
}

#[test]
fn ctrl_c_leaves_the_file_and_the_terminal_as_they_were() {
    let text = r#"{"redis": {"host": "127.0.0.1", "port": 1}}"#;
    let before = [
        ("Redis host [127.0.0.1]: ", "h\r"),
        ("Port [1]: ", "\r"),
        ("Use TLS? [y/N]", "n"),
        ("User (leave empty for none): ", "\r"),
        ("Password (leave empty for none): ", "p\r"),
        ("forever) [30d]: ", "\r"),
        ("save anyway", ""),
    ];
    for (asked, (prompt, _)) in before.iter().enumerate() {
        let home = home_with(text);
        let mut dialogue = before[..asked].to_vec();
        dialogue.push((prompt, "\u{3}"));
        let outcome = wizard(&home).run_on_terminal(&dialogue);
        assert_eq!(
            (
                outcome.code,
                outcome.stderr.as_str(),
                config(&home).as_str()
            ),
            (Some(130), "", text),
            "{prompt}: {}",
            outcome.stdout
        );
        let files = fs::read_dir(home.path().join(".lamed")).unwrap();
        assert_eq!(files.count(), 1, "{prompt}");
    }
}

#[test]
fn without_a_terminal_it_asks_nothing() {
    wizard(&home()).gives(
        2,
        "",
        "error: `--wizard` needs a terminal for its questions: edit `~/.lamed/config.json` yourself\n",
    );
    let home = home_with("{,}");
    let outcome = wizard(&home).run_on_terminal(&[]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (
            Some(2),
            "error: ~/.lamed/config.json:1:2: expected a key in double quotes\n"
        )
    );
}

#[test]
fn what_somebody_else_saved_meanwhile_stays() {
    let text = r#"{"redis": {"host": "/nobody/listens.sock"}}"#;
    let home = home_with(text);
    let change = format!("{}\u{c}12h\r", home.path().join(FILE).display());
    let outcome = wizard(&home).run_on_terminal(&[
        ("Redis host [/nobody/listens.sock]: ", "\r"),
        ("User (leave empty for none): ", "\r"),
        ("Password (leave empty for none): ", "\r"),
        ("forever) [30d]: ", &change),
        ("save anyway", "j"),
        ("> change the answers", "j"),
        ("> save anyway", "\r"),
    ]);
    let refused =
        "error: `~/.lamed/config.json` was changed by another program: run the command again\n";
    assert!(
        outcome.code == Some(1) && outcome.stdout.ends_with(refused),
        "{outcome}"
    );
    assert_eq!(config(&home), format!("{text}\n"));
}

//! `lamed serve`: starting, what it says, what it keeps to itself.

mod local;
mod table;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::support::{Line, Outcome, REMEMBERED, Redis, Server, free_port, line, query};

fn serve(home: &TempDir, arguments: &[&str]) -> Line {
    line(
        home,
        &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(),
    )
}

#[test]
fn serve_says_what_keeps_it_from_starting() {
    let home = home();
    fs::write(home.path().join("text"), "no database").unwrap();
    let (taken, dead) = (TcpListener::bind("127.0.0.1:0").unwrap(), free_port());
    let taken = taken.local_addr().unwrap().to_string();
    let in_use = TcpListener::bind(&taken).unwrap_err();
    let refused = TcpStream::connect(("127.0.0.1", dead)).unwrap_err();
    let correct = "make sure that it runs and accepts connections, or correct";
    let locked = Redis::start(&["--requirepass", "hunter2"]);
    let no_key = "choose an API key with `--api-key` or `$LAMED_API_KEY`";
    for (arguments, code, message) in [
        (
            "",
            2,
            "no Redis is configured: run `lamed configure`, or use another store, for example \
             `--store embedded:lamed.db`",
        ),
        (
            "--store sqlite",
            2,
            "`--store`: unknown store: expected auto, docker, embedded, embedded:FILE, dynamodb:TABLE, \
             redis://… or config",
        ),
        (
            "--store embedded:",
            2,
            "`--store`: missing file name after `embedded:`",
        ),
        (
            "--store dynamodb",
            2,
            "`--store`: missing table name: use `dynamodb:TABLE`",
        ),
        (
            "--store dynamodb:my/table",
            2,
            "`--store`: `my/table` is not the name of a DynamoDB table: expected 3 to 255 letters, digits, `_`, \
             `.` or `-`",
        ),
        (
            "--store redis://:hunter2@h:x",
            2,
            "`--store`: not a Redis URL: expected redis://HOST:PORT/DB, or rediss://HOST:PORT/DB for TLS",
        ),
        (
            "--store embedded:gone/lamed.db",
            1,
            "cannot open the store: the folder `gone` does not exist",
        ),
        (
            "--store embedded:text",
            1,
            "cannot open the store: SQLite in `text`: file is not a database",
        ),
        (
            "--store embedded:.",
            1,
            "cannot open the store: SQLite in `.`: Is a directory (os error 21)",
        ),
        (
            &format!("--store redis://:hunter2@127.0.0.1:{dead}/7"),
            1,
            &format!(
                "cannot use the Redis: redis://127.0.0.1:{dead}/7: {refused}: {correct} its URL"
            ),
        ),
        (
            &format!("--store redis://:hunter3@127.0.0.1:{}", locked.port),
            1,
            &format!(
                "cannot use the Redis: redis://127.0.0.1:{}/0 does not accept this user and password: \
                 correct the user and the password in its URL",
                locked.port
            ),
        ),
        (
            &format!("--store embedded --listen {taken}"),
            1,
            &format!(
                "cannot listen on {taken}: {in_use}; choose another address, for example `--listen 127.0.0.1:{}`",
                taken
                    .rsplit_once(':')
                    .unwrap()
                    .1
                    .parse::<u16>()
                    .unwrap()
                    .wrapping_add(1)
            ),
        ),
        (
            "--store embedded --listen 70000",
            2,
            "`--listen 70000`: the port must be between 0 and 65535",
        ),
        (
            "--store embedded --listen localhost",
            2,
            "`--listen localhost` must be HOST:PORT: add the port, for example `--listen localhost:3000`",
        ),
        (
            "--store embedded --api-key fifteen-letters",
            2,
            "the API key has 15 characters: choose one of at least 16, for example the output of `openssl rand -hex 16`",
        ),
        (
            "--local --store embedded --listen 0.0.0.0:0 --api-key k",
            2,
            "the API key has 1 character: choose one of at least 16, for example the output of `openssl rand -hex 16`",
        ),
        (
            "--store embedded --listen 0.0.0.0:0",
            2,
            &format!("other machines can reach `--listen 0.0.0.0:0`: {no_key}"),
        ),
        (
            "--store embedded --listen [::]:0",
            2,
            &format!("other machines can reach `--listen [::]:0`: {no_key}"),
        ),
        (
            "--store embedded --api-key=",
            2,
            "the API key must not be empty",
        ),
        (
            "--store embedded --api-key=key\r",
            2,
            "the API key must not contain control characters, or begin or end with a space",
        ),
    ] {
        let arguments: Vec<&str> = (arguments.split(' '))
            .filter(|word| !word.is_empty())
            .collect();
        // Port 3000 may be taken.
        let line = if arguments.contains(&"--listen") {
            line(&home, &[&["serve"], &arguments[..]].concat())
        } else {
            serve(&home, &arguments)
        };
        line.gives(code, "", &format!("error: {message}\n"));
    }
}

#[test]
fn serve_gives_up_on_a_redis_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let home = home();
    let config = json!({"redis": {"host": "127.0.0.1", "port": port, "socket_timeout": 0.1}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let start = Instant::now();
    let Outcome { code, stderr, .. } = serve(&home, &[]).run();
    let cannot = format!("error: cannot use the Redis: redis://127.0.0.1:{port}/0");
    let what_to_do =
        "make sure that it runs and accepts connections, or correct `redis` in the config";
    let expected = format!("{cannot} did not answer within 100ms: {what_to_do}\n");
    assert_eq!((code, stderr), (Some(1), expected));
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn serve_says_where_it_is_once_it_is_ready() {
    for (arguments, place, hints, talk) in [
        (
            &["--store", "embedded:lamed.db"][..],
            "the file `lamed.db`",
            "",
            "",
        ),
        (
            &["--local", "--store", "embedded"],
            "memory",
            "
  lamed snippet --local   print the HTML to paste into your pages
  lamed results --local   show the results
",
            "
The counts are lost when the server stops (Ctrl-C); use `--store embedded:lamed.db` to keep them
",
        ),
    ] {
        let home = home();
        let mut server = serve(
            &home,
            &[arguments, &["--api-key", "the-key-of-the-test"]].concat(),
        )
        .start();
        let (_, rest) = server
            .until("API key")
            .split_once("http://127.0.0.1:")
            .unwrap();
        let (port, rest) = rest.split_once('/').unwrap();
        // Signed in where it is for this machine alone.
        let session = match rest.split_once("#session=") {
            Some((_, rest)) => format!("#session={}", &rest[..32]),
            None => String::new(),
        };
        assert_eq!(session.is_empty(), !arguments.contains(&"--local"));
        let expected = format!(
            "lamed counts in {place}

  track        http://127.0.0.1:{port}/prod/track
  experiments  http://127.0.0.1:{port}/prod/experiments
  dashboard    http://127.0.0.1:{port}/dashboard{session}
  API key      the key that you chose
{hints}"
        );
        server.terminate();
        let Outcome {
            code,
            stdout,
            stderr,
        } = server.end();
        assert_eq!((code, stdout, stderr.as_str()), (Some(0), expected, talk));
    }
}

#[test]
fn the_ready_line_for_programs_has_these_keys() {
    let mut server = Server::start(&["--store", "embedded:lamed.db"]);
    let (address, key) = (&server.address, &server.key);
    assert_eq!(
        server.ready,
        json!({
            "track_url": format!("http://{address}/prod/track"),
            "experiments_url": format!("http://{address}/prod/experiments"),
            "dashboard_url": format!("http://{address}/dashboard"),
            "metrics_url": null,
            "api_key": key,
            "store": "embedded:lamed.db",
        })
    );
    let letters = key.bytes().filter(u8::is_ascii_alphanumeric).count();
    assert_eq!((key.len(), letters), (40, 40));
    server.terminate();
    let (status, rest) = server.wait();
    assert_eq!(
        (status.code(), rest, server.log()),
        (Some(0), String::new(), String::new())
    );
}

#[tokio::test]
async fn a_demo_has_a_winner_and_a_sample_ratio_that_is_off() {
    let home = home();
    let shipped = json!({"variants": {"a": 1, "b": 1}, "state": {"shipped": "b"}});
    let config = json!({"accept": "declared", "experiments": {"button color": shipped}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--demo"]);
    let results = line(&server.home, &["results", "--local", "--json"]).run();
    let results: Value = serde_json::from_str(&results.stdout).unwrap();
    let shown: Vec<(&str, &str, usize)> = (results["experiments"].as_array().unwrap().iter())
        .map(|experiment| {
            (
                experiment["experiment"].as_str().unwrap(),
                experiment["verdict"]["kind"].as_str().unwrap(),
                experiment["days"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("button color", "winner", 14),
            ("free shipping from 50 €", "sample_ratio", 14)
        ]
    );
}

#[test]
fn the_key_from_the_environment_opens_and_no_other() {
    let home = home();
    let arguments = [
        "serve",
        "--json",
        "--store",
        "embedded",
        "--listen",
        "0.0.0.0:0",
    ];
    let mut server = line(&home, &arguments)
        .env("LAMED_API_KEY", "chosen-by-the-owner")
        .start();
    let ready: Value = serde_json::from_str(server.until("\n")).unwrap();
    assert_eq!(ready["api_key"], "chosen-by-the-owner");
    let track_url = ready["track_url"]
        .as_str()
        .unwrap()
        .replace("0.0.0.0", "127.0.0.1");
    let base = track_url.strip_suffix("/track").unwrap();
    let results =
        |url: &str, key: &str| line(&home, &["results", "--url", url]).env("LAMED_API_KEY", key);
    let nothing = &format!("no events yet\n{REMEMBERED}");
    results(base, "chosen-by-the-owner").gives(0, "", nothing);
    results(&format!("{base}/"), "chosen-by-the-owner").gives(0, "", nothing);
    results(&track_url, "chosen-by-the-owner").gives(0, "", nothing);
    line(
        &home,
        &["results", "--url", base, "--api-key", "chosen-by-the-owner"],
    )
    .env("LAMED_API_KEY", "other")
    .gives(0, "", nothing);
    let forbidden = format!("error: {base} answered 403: Forbidden; ");
    results(base, "other").gives(1, "", &format!("{forbidden}check the API key\n"));
    results(base, "").gives(
        1,
        "",
        &format!("{forbidden}pass the API key with `--api-key` or `$LAMED_API_KEY`\n"),
    );
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let mut redis = Redis::start(&["--requirepass", "hunter2"]);
    let config = json!({"redis": {"host": "127.0.0.1", "port": redis.port, "password": "hunter2"}});
    let home = home();
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let arguments = ["-vv", "--api-key", "the-key-of-this-one"];
    let server = Server::start_in(home, "127.0.0.1:0", &arguments);
    let mut client = server.client();
    let track = |uuid: &str| {
        let event = [
            ("experiment", "e"),
            ("variant", "v"),
            ("event", "g"),
            ("uuid", uuid),
        ];
        format!("/prod/track?{}", query(&event))
    };
    let body = r#"{"experiment": "e", "variant": "v", "event": "g", "uuid": "the-uuid"}"#;
    let key = [("x-api-key", "the-key-of-this-one")];
    let wrong = [("x-api-key", "the-key-of-another")];
    for (method, path, headers, body) in [
        ("GET", track("the-uuid").as_str(), &[][..], ""),
        ("POST", "/prod/track", &[], body),
        ("POST", "/prod/track", &[], &body[..60]),
        ("GET", &track(&"the-uuid".repeat(30)), &[], ""),
        ("GET", "/prod/experiments?uuid=the-uuid", &key, ""),
        ("GET", "/prod/experiments", &wrong, ""),
        (
            "DELETE",
            "/prod/delete?experiment=e&uuid=the-uuid",
            &key,
            "",
        ),
        ("PUT", "/prod/track?uuid=the-uuid", &[], body),
        ("GET", "/track?uuid=the-uuid", &[], ""),
    ] {
        client.send(method, path, headers, body).await.unwrap();
    }
    let mut garbage = TcpStream::connect(&server.address).unwrap();
    garbage
        .write_all(b"the-uuid the-key hunter2\r\n\r\n")
        .unwrap();
    garbage.read_to_end(&mut Vec::new()).unwrap();
    redis.kill();
    assert_eq!(client.get(&track("the-uuid")).await.status, 503);
    let log = server.log();
    for secret in ["the-uuid", "the-key", "hunter2"] {
        assert!(!log.contains(secret), "{log}");
    }
    let answered: Vec<&str> = (log.lines())
        .filter_map(|line| line.split_once("answered method="))
        .filter_map(|(_, rest)| rest.split(" elapsed=").next())
        .collect();
    assert_eq!(
        answered,
        [
            "GET path=\"/prod/track\" status=200",
            "POST path=\"/prod/track\" status=200",
            "POST path=\"/prod/track\" status=400",
            "GET path=\"/prod/track\" status=400",
            "GET path=\"/prod/experiments\" status=200",
            "GET path=\"/prod/experiments\" status=403",
            "DELETE path=\"/prod/delete\" status=200",
            "PUT path=\"/prod/track\" status=405",
            "GET path=\"/track\" status=404",
            "GET path=\"/prod/track\" status=503",
        ]
    );
}

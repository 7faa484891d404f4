//! `/healthz` and `/readyz`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use super::track;
use crate::support::{Client, Outcome, Redis, Server, free_port, line};

/// Status, kind and text. JSON has its keys in order.
async fn ask(client: &mut Client, path: &str) -> (u16, Option<String>, String) {
    let response = client.get(path).await;
    let kind = response.header("content-type").map(str::to_owned);
    let json = serde_json::from_str::<Value>(&response.body);
    let body = json.map_or(response.body, line_of);
    (response.status, kind, body)
}

fn line_of(json: Value) -> String {
    format!("{json}\n")
}

fn ready(store: &str, durability: &str) -> Value {
    let promise = match durability {
        "appendfsync always" | "synchronous full" => "a crash loses no acknowledged event",
        "appendfsync everysec" => "a crash loses up to about 2 seconds of acknowledged events",
        "appendonly yes, appendfsync unknown" => {
            "a crash loses up to about 2 seconds of acknowledged events with `appendfsync everysec`, or no \
             event with `always`"
        }
        "snapshots" => "a crash loses all events since the last snapshot",
        "unknown" => "the store does not report what a crash loses",
        _ => "a crash or restart loses all counts",
    };
    json!({"status": "ready", "store": store, "durability": durability, "promise": promise})
}

fn unready(reason: &str) -> Value {
    json!({"status": "unready", "reason": reason})
}

/// What `/readyz` says of the durability of each store.
#[tokio::test]
async fn readiness_names_the_store_and_what_its_acknowledgements_are_worth() {
    let answer = async |server: &Server| {
        let reply = server.client().get("/readyz").await;
        assert_eq!(reply.status, 200);
        reply.json()
    };
    let fsync = |value| Redis::start(&["--appendonly", "yes", "--appendfsync", value]);
    for (redis, durability) in [
        (fsync("always"), "appendfsync always"),
        (fsync("everysec"), "appendfsync everysec"),
        (Redis::start(&["--save", "3600 1"]), "snapshots"),
        (Redis::start(&[]), "none"),
    ] {
        let server = Server::start(&["--store", &redis.url()]);
        assert_eq!(answer(&server).await, ready("redis", durability));
    }
    // Who may not ask for the settings sees whether there is an append-only file, or nothing.
    let redis = fsync("everysec");
    for (rules, durability) in [
        (&["-config"][..], "appendonly yes, appendfsync unknown"),
        (&["-config", "-info"], "unknown"),
    ] {
        let mut setuser = redis::cmd("ACL");
        setuser.arg(&["SETUSER", "ann", "reset", "on", ">s3cret", "~*", "+@all"]);
        setuser.arg(rules).exec(&mut redis.connection()).unwrap();
        let url = format!("redis://ann:s3cret@127.0.0.1:{}", redis.port);
        let server = Server::start(&["--store", &url]);
        assert_eq!(answer(&server).await, ready("redis", durability));
    }
    for (store, name, durability) in [
        ("embedded", "memory", "none"),
        ("embedded:lamed.db", "sqlite", "synchronous full"),
    ] {
        let server = Server::start(&["--store", store]);
        assert_eq!(answer(&server).await, ready(name, durability));
    }
}

/// Rights that are taken away while it runs, or that were never given.
#[tokio::test]
async fn a_user_who_may_not_count_makes_it_unready_and_is_told_what_is_missing() {
    let redis = Redis::start(&[]);
    let allow = |rule: &str| {
        let mut setuser = redis::cmd("ACL");
        setuser.arg(&[
            "SETUSER", "ann", "reset", "on", ">s3cret", "~*", "+@all", rule,
        ]);
        setuser.exec(&mut redis.connection()).unwrap();
    };
    allow("+@all");
    let url = format!("redis://ann:s3cret@127.0.0.1:{}", redis.port);
    let server = Server::start(&["--store", &url]);
    let mut client = server.client();
    for (rule, status, reason) in [
        (
            "-zadd",
            503,
            Some("the Redis user is not allowed to run `zadd`"),
        ),
        (
            "-mget",
            200,
            Some("the Redis user is not allowed to run `mget`"),
        ),
        ("+@all", 200, None),
    ] {
        allow(rule);
        let reply = client.get("/readyz").await;
        let json = reply.json();
        assert_eq!(
            (reply.status, json["reason"].as_str()),
            (status, reason),
            "{rule}"
        );
        let expected = match (status, reason) {
            (503, _) => "unready",
            (_, Some(_)) => "degraded",
            _ => "ready",
        };
        assert_eq!(json["status"], expected);
    }
    drop(server);
    allow("-pexpireat");
    let home = tempfile::tempdir().unwrap();
    let refused = line(
        &home,
        &["serve", "--listen", "127.0.0.1:0", "--store", &url],
    )
    .run();
    let error = "error: cannot use the Redis: the Redis user is not allowed to run `pexpireat`: allow it for the user; docs/redis.md lists \
         the permissions that lamed needs\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(1), error));
}

#[tokio::test]
async fn a_server_is_ready_as_long_as_its_store_answers() {
    for edge in [&[][..], &["--local"]] {
        let mut redis = Redis::start(&["--requirepass", "hunter2"]);
        let url = format!("redis://:hunter2@127.0.0.1:{}", redis.port);
        let server = Server::start(&[&["--store", &url], edge].concat());
        let mut client = server.client();
        let text = Some("text/plain; charset=utf-8".to_owned());
        let json = Some("application/json".to_owned());
        let alive = (200, text, "ok\n".to_owned());
        let ready = (200, json.clone(), line_of(ready("redis", "none")));
        let unready = (503, json, line_of(unready("the store cannot be reached")));
        assert_eq!(ask(&mut client, "/healthz").await, alive);
        assert_eq!(ask(&mut client, "/readyz").await, ready);

        redis.kill();
        assert_eq!(ask(&mut client, "/healthz").await, alive);
        for _ in 0..3 {
            assert_eq!(ask(&mut client, "/readyz").await, unready);
        }
        redis.restart();
        assert_eq!(ask(&mut client, "/readyz").await, ready);

        let log = server.log();
        let said = log
            .matches("not ready: the store cannot be reached")
            .count();
        assert!((1..3).contains(&said) && !log.contains("hunter2"), "{log}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_write_is_not_ready_until_it_can() {
    let home = tempfile::tempdir().unwrap();
    let serve = ["serve", "--json", "--listen", "127.0.0.1:0"];
    // Files that may not grow stand for a full disk; the signal that comes with it does not.
    let mut running = line(
        &home,
        &[&serve[..], &["--store", "embedded:lamed.db"]].concat(),
    )
    .under("sh", &["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
    .start();
    let ready: Value = serde_json::from_str(running.until("\n")).unwrap();
    let track_url = ready["track_url"].as_str().unwrap();
    let address = track_url.split('/').nth(2).unwrap();
    let mut client = Client::new(address);
    let pid = running.pid().to_string();
    let let_files_grow_to = |size: &str| {
        let status = Command::new("prlimit")
            .args(["--pid", &pid, &format!("--fsize={size}:")])
            .status();
        assert!(status.unwrap().success());
    };
    let event = track("v", "1");

    let_files_grow_to("0");
    assert_eq!(client.get(&event).await.status, 503);
    for _ in 0..2 {
        assert_eq!(client.get("/readyz").await.status, 503);
    }
    // Nobody is sent to a server that is not ready: it finds out by itself.
    let_files_grow_to("unlimited");
    assert_eq!(client.get("/readyz").await.status, 200);
    assert_eq!(client.get(&event).await.body, r#"{"counted":true}"#);
    running.terminate();
    let log = running.end().stderr;
    assert!(
        log.contains("not ready: the store cannot be reached"),
        "{log}"
    );
}

/// How the image asks.
fn health_check(listen: &str) -> Outcome {
    let dockerfile = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/Dockerfile");
    let dockerfile = std::fs::read_to_string(dockerfile).unwrap();
    let (_, check) = dockerfile.split_once("\nHEALTHCHECK ").unwrap();
    let (_, command) = check.split_once("CMD ").unwrap();
    let words: Vec<String> = serde_json::from_str(command.lines().next().unwrap()).unwrap();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(words.remove(0), "/usr/local/bin/lamed");
    let home = tempfile::tempdir().unwrap();
    line(&home, &[&words[..], &["--listen", listen]].concat()).run()
}

#[test]
fn the_image_asks_whether_it_is_ready_and_computes_nothing() {
    let outcome = |code, stdout: &str, stderr: &str| Outcome {
        code: Some(code),
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    };
    let mut redis = Redis::start(&[]);
    let server = Server::start(&["--store", &redis.url(), "--metrics", "127.0.0.1:0"]);
    assert_eq!(health_check(&server.address), outcome(0, "ready\n", ""));
    let (_, port) = server.address.split_once(':').unwrap();
    let all = health_check(&format!("0.0.0.0:{port}"));
    assert_eq!(all.code, Some(0), "{all}");
    let metrics = Command::new("curl")
        .args(["--silent", server.ready["metrics_url"].as_str().unwrap()])
        .output();
    let metrics = String::from_utf8(metrics.unwrap().stdout).unwrap();
    let pings = r#"lamed_store_duration_seconds_count{operation="ping"} 2"#;
    assert!(metrics.contains(pings), "{metrics}");
    assert!(!metrics.contains(r#"operation="read"} "#), "{metrics}");

    redis.kill();
    let unready = "error: not ready: the store cannot be reached\n";
    assert_eq!(health_check(&server.address), outcome(1, "", unready));
    let nobody = format!("127.0.0.1:{}", free_port());
    let refused = health_check(&nobody);
    let error = format!("error: cannot reach `lamed serve` at {nobody}: ");
    assert!(
        refused.code == Some(1) && refused.stderr.starts_with(&error),
        "{refused}"
    );
    let stranger = format!(
        "127.0.0.1:{}",
        server.ready["metrics_url"]
            .as_str()
            .unwrap()
            .trim_end_matches("/metrics")
            .rsplit(':')
            .next()
            .unwrap()
    );
    let error =
        format!("error: the server at {stranger} is not `lamed serve`: `/readyz` answered 404\n");
    assert_eq!(health_check(&stranger), outcome(1, "", &error));
    assert_eq!(health_check("nowhere").code, Some(2));
}

#[tokio::test]
async fn health_is_only_asked_for() {
    let server = Server::start(&["--store", "embedded"]);
    let mut client = server.client();
    let head = client.send("HEAD", "/readyz", &[], "").await.unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let posted = client.post("/healthz", "").await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET,HEAD"))
    );
    // The API is in its stage, and knows nothing of them.
    for other in ["/prod/healthz", "/healthz/", "/readyz2"] {
        assert_eq!(client.get(other).await.status, 404, "{other}");
    }
}

#[test]
fn a_server_that_ends_is_not_ready() {
    let mut server = Server::start(&["--store", "embedded"]);
    // A balancer that was about to ask.
    let mut asking = TcpStream::connect(&server.address).unwrap();
    asking.write_all(b"GET /readyz HTTP/1.1\r\n").unwrap();
    // An answer to another says that the server has both.
    let mut other = TcpStream::connect(&server.address).unwrap();
    other.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").unwrap();
    let mut ready = String::new();
    other.read_to_string(&mut ready).unwrap();
    assert!(ready.contains("\r\n\r\n{\"status\":\"ready\""), "{ready}");

    server.terminate();
    while TcpStream::connect(&server.address).is_ok() {
        std::thread::yield_now();
    }
    asking.write_all(b"Host: h\r\n\r\n").unwrap();
    let mut draining = String::new();
    asking.read_to_string(&mut draining).unwrap();
    assert!(
        draining.starts_with("HTTP/1.1 503 ")
            && draining.ends_with(
                "\r\n\r\n{\"status\":\"unready\",\"reason\":\"the server is stopping\"}\n"
            ),
        "{draining}"
    );
    assert_eq!(server.wait().0.code(), Some(0));
}

//! `lamed serve`: starting, what it says, what it keeps to itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::support::dynamodb::{self, Proxy, Table};
use crate::support::{
    Line, Outcome, REMEMBERED, Redis, Server, free_port, line, make_certificates, query,
};

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
            &format!("cannot listen on {taken}: {in_use}; choose another address with `--listen`"),
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

#[tokio::test]
async fn serve_says_what_keeps_it_from_a_table() {
    let serve = |home: &TempDir, store: &str| {
        serve(home, &["--store", store]).env("AWS_EC2_METADATA_DISABLED", "true")
    };
    let without = home();
    let error =
        "error: no AWS region is set: use `--region`, set `AWS_REGION`, or run `aws configure`\n";
    serve(&without, "dynamodb:lamed").gives(1, "", error);
    let error = "error: no AWS credentials found: run `aws configure` or `aws sso login`, or set \
                 `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`\n";
    let line = serve(&without, "dynamodb:lamed").env("AWS_REGION", "eu-west-1");
    line.gives(1, "", error);

    let table = Table::create().await;
    let home = home();
    dynamodb::give_access(home.path(), table.settings.endpoint.as_ref().unwrap());
    let Outcome { code, stderr, .. } = serve(&home, "dynamodb:missing").run();
    let begins = "error: cannot use the DynamoDB table `missing` in eu-west-1: it does not exist: create it with \
                  `aws dynamodb create-table --region eu-west-1 --table-name missing ";
    assert!(code == Some(1) && stderr.starts_with(begins), "{stderr}");
    dynamodb::give_access(home.path(), &format!("http://127.0.0.1:{}", free_port()));
    let Outcome { code, stderr, .. } = serve(&home, &table.name()).run();
    assert!(
        code == Some(1) && stderr.contains(": cannot connect: "),
        "{stderr}"
    );
    dynamodb::give_access(home.path(), "127.0.0.1");
    let Outcome { code, stderr, .. } = serve(&home, &table.name()).run();
    assert!(
        code == Some(1) && stderr.contains("is not a URL"),
        "{stderr}"
    );
}

#[tokio::test]
async fn serve_speaks_tls_to_who_a_trusted_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let proxy = Proxy::start_with_tls(folder.path());
    let (_, port) = proxy.address.rsplit_once(':').unwrap();
    let home = home();
    dynamodb::give_access(home.path(), &format!("https://localhost:{port}"));
    let said = |authority: &str| {
        let line = serve(&home, &["--store", "dynamodb:missing"]);
        let line = line.env("SSL_CERT_FILE", folder.path().join(authority));
        line.run().stderr
    };
    // MiniStack's own words: all of the way works.
    let stderr = said("ca.crt");
    assert!(stderr.contains("it does not exist: create it"), "{stderr}");
    let stderr = said("other.crt");
    assert!(
        stderr.contains("TLS: invalid peer certificate: UnknownIssuer"),
        "{stderr}"
    );
}

#[tokio::test]
async fn serve_counts_in_a_table() {
    let table = Table::create().await;
    let mut server = table.serve(home(), "127.0.0.1:0", &[]);
    assert_eq!(server.ready["store"], table.name());
    let place = table.settings.to_string();
    assert!(
        server.log().contains(&format!("counts in {place}")) || server.log().is_empty(),
        "{}",
        server.log()
    );
    let path = format!(
        "/prod/track?{}",
        query(&[
            ("experiment", "e"),
            ("variant", "v"),
            ("event", "g"),
            ("uuid", "1")
        ])
    );
    for counted in [true, false] {
        let reply = server.client().get(&path).await;
        assert_eq!(reply.json(), json!({"counted": counted}));
    }
    let ready = server.client().get("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()["store"].clone()),
        (200, json!("dynamodb")),
        "{ready:?}"
    );
    server.terminate();
    assert_eq!(server.wait().0.code(), Some(0));
    let server = table.serve(home(), "127.0.0.1:0", &[]);
    assert_eq!(
        server.client().get(&path).await.json(),
        json!({"counted": false})
    );
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
    assert!(start.elapsed() < Duration::from_secs(5));
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
    let config = json!({"accept": "declared", "experiments": {"e": {"variants": {"a": 1}}}});
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
    let nothing = &format!("no events in namespace `alephbet` yet\n{REMEMBERED}");
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

/// In the home of a server, while it runs: how to reach it.
fn local(home: &TempDir, address: &str) -> PathBuf {
    let (_, port) = address.rsplit_once(':').unwrap();
    home.path().join(format!(".lamed/local/{port}.json"))
}

/// What a command says that finds no server.
const NONE_RUNS: &str = "error: your `lamed serve --local` is not running on this machine: start it, or \
                         use `--url BASE`\n";

#[test]
fn a_local_server_is_found_by_the_commands_beside_it_as_long_as_it_runs() {
    let mut server = Server::start(&["--local", "--store", "embedded"]);
    let path = local(&server.home, &server.address);
    let results = line(&server.home, &["results", "--local"]);
    // What the environment holds is the key of another server.
    let results = results.env("LAMED_API_KEY", "other");
    results.gives(
        0,
        "",
        &format!("no events in namespace `alephbet` yet\n{REMEMBERED}"),
    );
    let track_url = format!("<script src=\"http://{}/prod/lamed.js\">", server.address);
    assert!(
        line(&server.home, &["snippet", "--local"])
            .run()
            .stdout
            .contains(&track_url)
    );
    assert_eq!(mode(&path), 0o600);

    // A later one goes first, and leaves the earlier one to be found.
    let later = serve(
        &server.home,
        &[
            "--local",
            "--store",
            "embedded",
            "--api-key",
            "the-key-of-the-test",
        ],
    );
    let mut later = later.start();
    later.until("results");
    let found = || line(&server.home, &["snippet", "--local"]).run().stdout;
    assert!(!found().contains(&track_url));
    later.terminate();
    assert_eq!(later.end().code, Some(0));
    assert!(found().contains(&track_url));
    server.terminate();
    assert_eq!(server.wait().0.code(), Some(0));
    assert!(!path.exists());
    for command in ["results", "snippet"] {
        line(&server.home, &[command, "--local"]).gives(1, "", NONE_RUNS);
    }
}

#[test]
fn a_local_server_that_crashed_is_missed() {
    let mut server = Server::start(&["--local", "--store", "embedded"]);
    server.kill();
    assert!(local(&server.home, &server.address).exists());
    line(&server.home, &["results", "--local"]).gives(1, "", NONE_RUNS);

    // Whoever has its port now is not told the key.
    let stranger = TcpListener::bind(&server.address).unwrap();
    let (told, heard) = mpsc::channel();
    thread::spawn(move || {
        for stream in stranger.incoming().map_while(Result::ok) {
            let _ = told.send(answer(stream));
        }
    });
    for command in [
        &["results"][..],
        &["delete", "e", "--yes"],
        &["dashboard"],
        &["snippet"],
    ] {
        line(&server.home, &[command, &["--local"]].concat()).gives(1, "", NONE_RUNS);
        let heard = heard.recv().unwrap();
        assert!(heard.starts_with("GET /proof?nonce="), "{heard}");
        assert!(!heard.contains(&server.key), "{heard}");
    }
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
}

/// Answers as a server might; gives what it was asked.
fn answer(stream: TcpStream) -> String {
    let mut asked = String::new();
    let mut lines = BufReader::new(&stream);
    while !asked.ends_with("\r\n\r\n") && lines.read_line(&mut asked).unwrap() > 0 {}
    let proof = "A".repeat(43);
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n{proof}\n");
    let _ = (&stream).write_all(reply.as_bytes());
    asked
}

#[test]
fn a_home_that_cannot_be_written_only_hides_the_server() {
    let home = home();
    fs::write(home.path().join(".lamed"), "").unwrap();
    let mut server = serve(&home, &["--local", "--store", "embedded:lamed.db"]).start();
    server.until("results");
    server.terminate();
    let Outcome { code, stderr, .. } = server.end();
    let warning = ": Not a directory (os error 20); `--local` will not find this server\n";
    assert_eq!(code, Some(0));
    assert!(
        stderr.starts_with("warning: cannot write `~/.lamed/local/"),
        "{stderr}"
    );
    assert!(stderr.ends_with(warning), "{stderr}");
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

//! The command line as its user meets it: what it prints, where, and its exit code.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lamed::assets::{CONFIG_TEMPLATE, SNIPPET, alephbet};
use lamed::domain::natural_order;
use redis::Commands;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Deadline, Line, Outcome, Redis, Server, free_port, line, query};

/// How long a reply may take.
const LIMIT: Duration = Duration::from_secs(20);

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

// --- configure -----------------------------------------------------------------------------------

const FILE: &str = ".lamed/config.json";

/// An editor that puts these texts, one each time, in the place of what it is given.
fn editor(home: &TempDir, texts: &[&str]) -> &'static str {
    for (number, text) in texts.iter().enumerate() {
        fs::write(home.path().join(format!("text-{number}")), text).unwrap();
    }
    let script = r#"for text in text-*; do cat "$text" >"$1" && rm "$text" && exit; done"#;
    fs::write(home.path().join("editor"), script).unwrap();
    "sh editor"
}

fn configure(home: &TempDir) -> Line {
    line(home, &["configure"])
}

#[test]
fn configure_makes_the_file_from_the_template_for_its_user_alone() {
    let home = home();
    (configure(&home).env("EDITOR", "cat")).gives(
        2,
        CONFIG_TEMPLATE,
        "created `~/.lamed/config.json`\n\
         error: ~/.lamed/config.json:3:35: the host is `ENTER YOUR REDIS HOST`: put the name or \
         address of your Redis here\n",
    );
    assert_eq!(mode(&home.path().join(FILE)), 0o600);
}

#[test]
fn configure_opens_what_is_there_in_the_visual_editor_first() {
    let home = home();
    let edited = r#"{"redis": {"host": "h", "charset": "utf-8"}}"#;
    fs::write(home.path().join("config.json"), "{}").unwrap();
    configure(&home)
        .env("VISUAL", editor(&home, &[edited]))
        .env("EDITOR", "false")
        .gives(
            0,
            "",
            "warning: `redis.charset` is an option of redis-py that lamed does not use\n\
             `config.json` is in order\n",
        );
    // Looking at it changes nothing.
    (configure(&home).env("EDITOR", "cat")).run();
    let files = (
        fs::read_to_string(home.path().join("config.json")).unwrap(),
        home.path().join(FILE).exists(),
    );
    assert_eq!(files, (edited.to_owned(), false));
}

#[test]
fn configure_asks_again_on_a_terminal() {
    for (answer, shown, code, text) in [
        (
            "y",
            "Edit it again? yes\n`~/.lamed/config.json` is in order\n",
            0,
            "{}",
        ),
        (
            "n",
            "Edit it again? no\nerror: `~/.lamed/config.json` was left as it is\n",
            2,
            "{,}",
        ),
    ] {
        let home = home();
        let outcome = configure(&home)
            .env("EDITOR", editor(&home, &["{,}", "{}"]))
            .run_on_terminal(&[("[Y/n]", answer)]);
        assert_eq!(
            (outcome.code, outcome.stdout),
            (
                Some(code),
                format!(
                    "created `~/.lamed/config.json`\n\
                     error: ~/.lamed/config.json:1:2: expected a key in double quotes\n{shown}"
                )
            )
        );
        let path = home.path().join(FILE);
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), mode(&path)),
            (text, 0o600)
        );
    }
}

#[test]
fn configure_says_what_keeps_it_from_editing() {
    let created = "created `~/.lamed/config.json`\n";
    let none = "error: no terminal and no `$EDITOR`: edit `~/.lamed/config.json` yourself\n";
    for (editor, code, message) in [
        ("", 2, none),
        (
            "no-such-editor --wait",
            1,
            "error: cannot start the editor `no-such-editor --wait`: No such file or directory \
             (os error 2)\n",
        ),
        (
            "false",
            1,
            "error: the editor `false` failed: exit status: 1\n",
        ),
    ] {
        (configure(&home()).env("EDITOR", editor)).gives(code, "", &format!("{created}{message}"));
    }
    let nowhere = home();
    let outcome = configure(&nowhere).env("PATH", "").run_on_terminal(&[]);
    let error = "error: no editor found: name yours in `$EDITOR`\n";
    assert_eq!(
        (outcome.code, outcome.stdout),
        (Some(1), format!("{created}{error}"))
    );
    let home = home();
    fs::write(home.path().join(".lamed"), "").unwrap();
    configure(&home).gives(
        1,
        "",
        "error: cannot create `~/.lamed`: File exists (os error 17)\n",
    );
}

// --- serve ---------------------------------------------------------------------------------------

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
    let locked = Redis::start(&["--requirepass", "hunter2"]);
    let no_key = "can be reached from other machines: choose the key yourself, by `--api-key` or \
                  `$LAMED_API_KEY`";
    for (arguments, code, message) in [
        (
            "",
            2,
            "the config names no Redis: run `lamed configure`, or choose with `--store`, as in \
             `--store embedded:lamed.db`",
        ),
        (
            "--store sqlite",
            2,
            "`--store`: unknown store: known are auto, docker, embedded, embedded:FILE, redis://… \
             and config",
        ),
        (
            "--store embedded:",
            2,
            "`--store`: a file's name is missing after `embedded:`",
        ),
        (
            "--store redis://:hunter2@h:x",
            2,
            "`--store`: not a Redis URL: it looks like redis://HOST:PORT/DB, or rediss://… with TLS",
        ),
        (
            "--store embedded:gone/lamed.db",
            1,
            "cannot open the store: there is no folder `gone`",
        ),
        (
            "--store embedded:text",
            1,
            "cannot open the store: SQLite in `text`: file is not a database",
        ),
        (
            &format!("--store redis://:hunter2@127.0.0.1:{dead}/7"),
            1,
            &format!("cannot use the Redis at redis://127.0.0.1:{dead}/7: {refused}"),
        ),
        (
            &format!("--store redis://:hunter3@127.0.0.1:{}", locked.port),
            1,
            &format!(
                "cannot use the Redis at redis://127.0.0.1:{}/0: Password authentication failed - AuthenticationFailed",
                locked.port
            ),
        ),
        (
            &format!("--store embedded --listen {taken}"),
            1,
            &format!("cannot listen on {taken}: {in_use}; choose another address with `--listen`"),
        ),
        (
            "--store embedded --listen 3000",
            2,
            "`--listen 3000` is not HOST:PORT: invalid socket address",
        ),
        (
            "--store embedded --listen 0.0.0.0:0",
            2,
            &format!("`--listen 0.0.0.0:0` {no_key}"),
        ),
        (
            "--store embedded --listen [::]:0",
            2,
            &format!("`--listen [::]:0` {no_key}"),
        ),
        ("--store embedded --api-key=", 2, "the API key is empty"),
        (
            "--store embedded --api-key=key\r",
            2,
            "no client could send the API key: it holds a control character, or a space at an end",
        ),
    ] {
        let arguments: Vec<&str> = arguments
            .split(' ')
            .filter(|word| !word.is_empty())
            .collect();
        let arguments = [&["serve"], &arguments[..]].concat();
        line(&home, &arguments).gives(code, "", &format!("error: {message}\n"));
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
    serve(&home, &[]).gives(
        1,
        "",
        &format!("error: cannot use the Redis at redis://127.0.0.1:{port}/0: timed out\n"),
    );
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
  lamed snippet --local   the HTML to paste into your pages
  lamed results --local   what was counted
",
            "
The counts are gone when the server stops (Ctrl-C); `--store embedded:lamed.db` keeps them
",
        ),
    ] {
        let home = home();
        let mut server = serve(&home, &[arguments, &["--api-key", "k"]].concat()).start();
        let (_, rest) = server
            .until("API key")
            .split_once("http://127.0.0.1:")
            .unwrap();
        let (port, _) = rest.split_once('/').unwrap();
        let expected = format!(
            "lamed counts in {place}

  track        http://127.0.0.1:{port}/prod/track
  experiments  http://127.0.0.1:{port}/prod/experiments
  API key      k
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
            "dashboard_url": null,
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
        .env("LAMED_API_KEY", "chosen")
        .start();
    let ready: Value = serde_json::from_str(server.until("\n")).unwrap();
    assert_eq!(ready["api_key"], "chosen");
    let track_url = ready["track_url"]
        .as_str()
        .unwrap()
        .replace("0.0.0.0", "127.0.0.1");
    let base = track_url.strip_suffix("/track").unwrap();
    let results =
        |url: &str, key: &str| line(&home, &["results", "--url", url]).env("LAMED_API_KEY", key);
    let nothing = "nothing is counted in namespace `alephbet` yet\n";
    results(base, "chosen").gives(0, "", nothing);
    results(&format!("{base}/"), "chosen").gives(0, "", nothing);
    results(&track_url, "chosen").gives(0, "", nothing);
    line(&home, &["results", "--url", base, "--api-key", "chosen"])
        .env("LAMED_API_KEY", "other")
        .gives(0, "", nothing);
    let forbidden = format!("error: {base} answered 403: Forbidden; ");
    results(base, "other").gives(
        1,
        "",
        &format!("{forbidden}is the API key the right one?\n"),
    );
    results(base, "").gives(
        1,
        "",
        &format!("{forbidden}give the API key by `--api-key` or `$LAMED_API_KEY`\n"),
    );
}

/// In the home of a server, while it runs: how to reach it.
const LOCAL: &str = ".lamed/local.json";

#[test]
fn a_local_server_is_found_by_the_commands_beside_it_as_long_as_it_runs() {
    let mut server = Server::start(&["--local", "--store", "embedded"]);
    let path = server.home.path().join(LOCAL);
    let results = line(&server.home, &["results", "--local"]);
    results.gives(0, "", "nothing is counted in namespace `alephbet` yet\n");
    let track_url = format!("AlephbetAdapter(\"http://{}/prod/track\"", server.address);
    assert!(
        line(&server.home, &["snippet", "--local"])
            .run()
            .stdout
            .contains(&track_url)
    );
    assert_eq!(mode(&path), 0o600);

    // A later one takes its place, and keeps it.
    let later = serve(
        &server.home,
        &["--local", "--store", "embedded", "--api-key", "k"],
    );
    let mut later = later.start();
    later.until("results");
    server.terminate();
    assert_eq!(server.wait().0.code(), Some(0));
    let results = line(&server.home, &["results", "--local"]);
    results.gives(0, "", "nothing is counted in namespace `alephbet` yet\n");
    later.terminate();
    assert_eq!(later.end().code, Some(0));
    assert!(!path.exists());
}

#[test]
fn a_local_server_that_crashed_is_missed() {
    let mut server = Server::start(&["--local", "--store", "embedded"]);
    server.kill();
    let refused = TcpStream::connect(&server.address).unwrap_err();
    let base = format!("http://{}/prod", server.address);
    let results = line(&server.home, &["results", "--local"]);
    results.gives(1, "", &format!("error: cannot reach {base}: {refused}\n"));
}

#[test]
fn a_home_that_cannot_be_written_only_hides_the_server() {
    let home = home();
    fs::write(home.path().join(".lamed"), "").unwrap();
    let mut server = serve(&home, &["--local", "--store", "embedded:lamed.db"]).start();
    server.until("results");
    server.terminate();
    let Outcome { code, stderr, .. } = server.end();
    assert_eq!(
        (code, stderr.as_str()),
        (
            Some(0),
            "warning: cannot write `~/.lamed/local.json`, so `--local` will not find this server: \
             File exists (os error 17)\n"
        )
    );
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let mut redis = Redis::start(&["--requirepass", "hunter2"]);
    let config = json!({"redis": {"host": "127.0.0.1", "port": redis.port, "password": "hunter2"}});
    let home = home();
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let arguments = ["-vv", "--api-key", "the-key"];
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
    let key = [("x-api-key", "the-key")];
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

// --- the server's manners ----------------------------------------------------------------------

/// A connection whose request waits in its handler for the rest of the body, and that rest.
fn busy(server: &Server) -> (TcpStream, &'static str) {
    let body = r#"{"experiment": "e", "variant": "v", "event": "g", "uuid": "1"}"#;
    let (first, rest) = body.split_at(20);
    let mut stream = connect(server);
    let length = body.len();
    let head = format!(
        "POST /prod/track HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(read_head(&mut stream), go_on);
    stream.write_all(first.as_bytes()).unwrap();
    (stream, rest)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
    String::from_utf8(text).unwrap()
}

/// Asks a server to stop, and waits until it takes no more connections.
fn stop_listening(server: &Server) {
    let start = Instant::now();
    server.terminate();
    while TcpStream::connect(&server.address).is_ok() {
        assert!(start.elapsed() < LIMIT);
    }
}

#[test]
fn a_request_being_handled_is_answered_before_the_end() {
    for edge in [&[][..], &["--local"]] {
        let mut server = Server::start(&[edge, &["--store", "embedded"]].concat());
        let (silent, mut idle) = (connect(&server), connect(&server));
        idle.write_all(b"GET /prod/nothing HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        read_head(&mut idle);
        let (mut busy, rest) = busy(&server);
        stop_listening(&server);
        busy.write_all(rest.as_bytes()).unwrap();
        let mut reply = String::new();
        busy.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            (
                head.lines().next(),
                head.contains("connection: close"),
                body
            ),
            (
                Some("HTTP/1.1 200 OK"),
                true,
                r#"{"counted":1,"duplicates":0}"#
            )
        );
        // Nor do those who ask nothing keep it waiting.
        for mut stream in [silent, idle] {
            stream.read_to_end(&mut Vec::new()).unwrap();
        }
        assert_eq!(server.wait().0.code(), Some(0));
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut server = Server::start(&["--store", "embedded"]);
    let _unfinished = busy(&server);
    stop_listening(&server);
    server.terminate();
    assert_eq!(server.wait().0.code(), Some(130));
}

#[tokio::test]
async fn http_2_is_spoken_by_prior_knowledge() {
    for edge in [&[][..], &["--local"]] {
        let server = Server::start(&[edge, &["--store", "embedded"]].concat());
        let stream = tokio::net::TcpStream::connect(&server.address)
            .await
            .unwrap();
        let stream = TokioIo::new(stream);
        let (client, connection) = http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        tokio::spawn(connection);
        // All at once on one connection; the last comes a second time.
        let mut replies = JoinSet::new();
        for uuid in [1, 2, 3, 4, 5, 5] {
            let mut client = client.clone();
            let request = hyper::Request::get(format!(
                "http://{}/prod/track?experiment=e&variant=v&event=g&uuid={uuid}",
                server.address
            ));
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            replies.spawn(async move {
                let reply = timeout(LIMIT, client.send_request(request))
                    .await
                    .unwrap()
                    .unwrap();
                let head = (reply.version(), reply.status().as_u16());
                let body = reply.into_body().collect().await.unwrap().to_bytes();
                (head, String::from_utf8(body.into()).unwrap())
            });
        }
        let mut replies = replies.join_all().await;
        replies.sort_by(|(_, one), (_, other)| one.cmp(other));
        let reply = |body: &str| ((hyper::Version::HTTP_2, 200), body.to_owned());
        let mut expected = vec![reply(r#"{"counted":true}"#); 6];
        expected[0] = reply(r#"{"counted":false}"#);
        assert_eq!(replies, expected);
    }
}

// --- results -------------------------------------------------------------------------------------

/// Counts so many different events.
async fn count(server: &Server, counts: &[(&str, &str, &str, usize)]) {
    let mut client = server.client();
    for (experiment, event, variant, times) in counts {
        let events: Vec<Value> = (0..*times)
            .map(|uuid| {
                json!({"experiment": experiment, "event": event, "variant": variant,
                    "uuid": uuid.to_string()})
            })
            .collect();
        for events in events.chunks(100) {
            let body = Value::from(events).to_string();
            let reply = timeout(LIMIT, client.post("/prod/track", &body))
                .await
                .unwrap();
            let counted = json!({"counted": events.len(), "duplicates": 0});
            assert_eq!(reply.json(), counted);
        }
    }
}

#[tokio::test]
async fn results_are_a_table() {
    let home = home();
    let config = json!({"experiments": {"button color": {"control": "red"}}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let arguments = ["--local", "--store", "embedded"];
    let server = Server::start_in(home, "127.0.0.1:0", &arguments);
    count(
        &server,
        &[
            ("button color", "participate", "blue", 1200),
            ("button color", "participate", "red", 1001),
            ("button color", "clicked", "blue", 77),
            ("button color", "clicked", "red", 1001),
            ("button color", "page view", "red", 2504),
            ("button color", "page view", "gone", 3),
            ("no goal yet", "participate", "10-Newest", 2),
            ("no goal yet", "participate", "2-New", 1),
            ("no goal yet", "participate", "1-Original", 1),
            ("שלום 🦀", "a,b|c", "\u{202e}right to left", 1),
            ("שלום 🦀", "participate", "日本語", 10),
            ("שלום 🦀", "a,b|c", "日本語", 5),
        ],
    )
    .await;
    let results =
        |arguments: &[&str]| line(&server.home, &[&["results", "--local"], arguments].concat());
    let no_goal_yet = " variant               participants
 1-Original (control)             1
 2-New                            1
 10-Newest                        2
";
    let table = format!(
        "\
button color
 goal       variant        participants  conversions       rate
 clicked    blue                  1,200           77     6.42 %
            gone                      0            0          –
            red (control)         1,001        1,001   100.00 %
 page view  blue                  1,200            0     0.00 %
            gone                      0            3          –
            red (control)         1,001        2,504  2.50 each

no goal yet · no goal reached yet
{no_goal_yet}
שלום 🦀
 goal   variant                   participants  conversions     rate
 a,b|c  \u{fffd}right to left (control)             0            1        –
        日本語                              10            5  50.00 %
"
    );
    results(&[]).gives(0, &table, "");
    let bold_and_dim = "\u{1b}[1mno goal yet\u{1b}[0m\u{1b}[2m · no goal reached yet\u{1b}[0m\n";
    let colored = format!("{bold_and_dim}{no_goal_yet}");
    results(&["no goal yet", "--color", "always"]).gives(0, &colored, "");
    results(&["no goal yet", "button colour"]).gives(
        1,
        "",
        "error: nothing is counted for experiment `button colour` in namespace `alephbet`\n",
    );
    results(&["--namespace", "other"]).gives(
        0,
        "",
        "nothing is counted in namespace `other` yet\n",
    );
}

#[tokio::test]
async fn results_are_json() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    let events = [
        ("e", "participate", "b", 3),
        ("e", "participate", "a", 4),
        ("e", "g", "b", 1),
        ("e", "g", "c\u{202e}", 1),
        ("f", "participate", "a", 1),
    ];
    count(&server, &events).await;
    let results = |arguments: &[&str]| {
        let results = ["results", "--local", "--json"];
        line(&server.home, &[&results, arguments].concat())
    };
    results(&["e"]).gives(
        0,
        concat!(
            r#"{"namespace":"alephbet","experiments":[{"experiment":"e","control":"a","variants":["#,
            r#"{"variant":"a","participants":4},{"variant":"b","participants":3},"#,
            r#"{"variant":"c\u202e","participants":0}],"goals":[{"goal":"g","variants":["#,
            r#"{"variant":"a","participants":4,"conversions":0,"rate":0.0},"#,
            r#"{"variant":"b","participants":3,"conversions":1,"rate":0.3333333333333333},"#,
            r#"{"variant":"c\u202e","participants":0,"conversions":1,"rate":null}]}]}]}"#,
            "\n"
        ),
        "",
    );
    results(&["--namespace", "n"]).gives(0, "{\"namespace\":\"n\",\"experiments\":[]}\n", "");
    results(&["g"]).gives(
        1,
        "",
        "error: nothing is counted for experiment `g` in namespace `alephbet`\n",
    );
}

/// The API takes no control characters, but Redis holds what others wrote there, too.
#[test]
fn results_cannot_write_to_the_terminal_what_they_like() {
    let redis = Redis::start(&[]);
    let (experiment, goal, variant) = ("\u{1b}[2Je", "\u{9b}31mg\n", "\u{1b}]0;v\u{7}");
    let mut connection = redis.connection();
    for (event, count) in [("participate", 2), (goal, 1)] {
        let key = format!("alephbet:counters:{experiment}:{event}:{variant}");
        let () = connection.sadd("alephbet:experiments", experiment).unwrap();
        let () = connection.sadd("alephbet:counter_keys", &key).unwrap();
        let () = connection
            .sadd(format!("alephbet:{experiment}:counter_keys"), &key)
            .unwrap();
        let () = connection.set(&key, count).unwrap();
    }
    let server = Server::start(&["--local", "--store", &redis.url()]);
    let results =
        |arguments: &[&str]| line(&server.home, &[&["results", "--local"], arguments].concat());
    results(&[]).gives(
        0,
        "\u{fffd}[2Je
 goal    variant           participants  conversions     rate
 \u{fffd}31mg\u{fffd}  \u{fffd}]0;v\u{fffd} (control)             2            1  50.00 %
",
        "",
    );
    results(&["--json"]).gives(
        0,
        concat!(
            r#"{"namespace":"alephbet","experiments":[{"experiment":"\u001b[2Je","#,
            r#""control":"\u001b]0;v\u0007","variants":[{"variant":"\u001b]0;v\u0007","#,
            r#""participants":2}],"goals":[{"goal":"\u009b31mg\n","variants":[{"#,
            r#""variant":"\u001b]0;v\u0007","participants":2,"conversions":1,"rate":0.5}]}]}]}"#,
            "\n"
        ),
        "",
    );
}

// --- delete --------------------------------------------------------------------------------------

#[tokio::test]
async fn delete_takes_away_what_it_is_told_and_no_more() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    let kept = ("kept", "participate", "v", 1);
    let events = ["participate", "g", "h"];
    for event in events {
        count(&server, &[("e", event, "a", 2), ("e", event, "b", 2)]).await;
    }
    count(&server, &[kept]).await;
    let delete = |arguments: &[&str]| {
        line(
            &server.home,
            &[&["delete", "--local", "e", "--yes"], arguments].concat(),
        )
    };
    delete(&["--goal", "g", "--variant", "a"]).gives(
        0,
        "",
        "deleted experiment `e`, goal `g`, variant `a`: 1 counter\n",
    );
    delete(&["--goal", "h"]).gives(0, "", "deleted experiment `e`, goal `h`: 2 counters\n");
    delete(&["--goal", "participate", "--json"]).gives(0, "{\"deleted\":2}\n", "");
    delete(&["--variant", "a"]).gives(
        1,
        "",
        "error: nothing was counted under experiment `e`, variant `a` in namespace `alephbet`\n",
    );
    delete(&["--namespace", "n", "--json"]).gives(
        1,
        "",
        "error: nothing was counted under experiment `e` in namespace `n`\n",
    );
    delete(&[]).gives(0, "", "deleted experiment `e`: 1 counter\n");
    line(&server.home, &["results", "--local"]).gives(
        0,
        "kept · no goal reached yet\n variant      participants\n v (control)             1\n",
        "",
    );
    // What was remembered is gone, too.
    count(&server, &[("e", "participate", "a", 2)]).await;
}

#[tokio::test]
async fn delete_asks_first() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    count(&server, &[("e", "participate", "a", 2)]).await;
    let delete = || line(&server.home, &["delete", "--local", "e"]);
    delete().gives(
        2,
        "",
        "error: deleting experiment `e` cannot be undone: say `--yes`\n",
    );
    for (answer, code, shown) in [
        ("n", 1, "no\nerror: nothing was deleted\n"),
        ("y", 0, "yes\ndeleted experiment `e`: 1 counter\n"),
    ] {
        let outcome = delete().run_on_terminal(&[("[y/N]", answer)]);
        let expected = format!(
            "Delete experiment `e` at http://{}/prod? {shown}",
            server.address
        );
        assert_eq!((outcome.code, outcome.stdout), (Some(code), expected));
    }
}

#[test]
fn a_command_has_to_know_which_api_it_speaks_to() {
    let home = home();
    let which = "error: which API? Say `--local` for the one `lamed serve --local` serves here, or \
                 `--url BASE`\n";
    for command in [&["results"][..], &["delete", "e", "--yes"], &["snippet"]] {
        line(&home, command).gives(2, "", which);
        for url in [
            "x.example/prod",
            "ftp://x.example/prod",
            "http:///prod",
            "https://x.example/prod?a=b",
        ] {
            line(&home, &[command, &["--url", url]].concat()).gives(
                2,
                "",
                &format!("error: `--url {url}` is not the base of an API: it looks like https://HOST/prod\n"),
            );
        }
    }
}

#[test]
fn what_answers_may_be_no_lamed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (base, home) = (
        format!("http://{}/prod", listener.local_addr().unwrap()),
        home(),
    );
    for (reply, error) in [
        (
            "200 OK\r\n\r\n<html>",
            format!("what answers at {base} is no lamed API: expected value at line 1 column 1"),
        ),
        (
            "502 Bad Gateway\r\n\r\n<html>",
            format!("{base} answered 502"),
        ),
        (
            "503 Service Unavailable\r\n\r\n{\"message\": \"a\\u001b[2Jb\"}",
            format!("{base} answered 503: a\u{fffd}[2Jb"),
        ),
        (
            "200 OK\r\ncontent-length: 9\r\n\r\n[",
            format!("{base} broke off: end of file before message length reached"),
        ),
    ] {
        let listener = listener.try_clone().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream);
            let _ = stream.write_all(format!("HTTP/1.1 {reply}").as_bytes());
        });
        let results = line(&home, &["results", "--url", &base]);
        results.gives(1, "", &format!("error: {error}\n"));
    }
}

// --- snippet -------------------------------------------------------------------------------------

#[test]
fn the_snippet_shows_an_example_where_nothing_is_declared() {
    let home = home();
    let snippet = |arguments: &[&str]| {
        let snippet = ["snippet", "--url", "https://x.example/prod/"];
        line(&home, &[&snippet, arguments].concat())
    };
    let html = SNIPPET
        .replace("{{alephbet}}", alephbet::URL)
        .replace("{{integrity}}", alephbet::INTEGRITY)
        .replace("{{track_url}}", "\"https://x.example/prod/track\"")
        .replace("{{namespace}}", "\"alephbet\"")
        .replace(
            "{{experiments}}",
            r#"  run("button color", {
    "blue": {weight: 50, activate: function () {
      // your code: show this variant
    }},
    "red": {weight: 50, activate: function () {
      // your code: show this variant
    }}
  }, [
    new AlephBet.Goal("button clicked")
  ]);"#,
        );
    snippet(&[]).gives(
        0,
        &html,
        "no experiments are declared in the config: the one above is an example to change\n",
    );
    snippet(&["--json"]).gives(0, &format!("{}\n", json!({"html": html})), "");
}

/// What a browser would take for the script: up to the first `</script`.
fn script(html: &str) -> &str {
    let (_, rest) = html.split_once("<script>").unwrap();
    let (script, rest) = rest.split_once("</script").unwrap();
    assert_eq!(rest, ">\n");
    script
}

/// Runs a script as a page does that loaded a stub of AlephBet; gives what the stub was told.
fn told(home: &TempDir, script: &str) -> Value {
    let page = format!(
        r#"
const told = {{experiments: []}};
const window = {{AlephBet: {{
  AlephbetAdapter: function (url, namespace) {{ told.adapter = [url, namespace]; }},
  Goal: function (name, options) {{ this.goal = [name, options || {{}}]; }},
  Experiment: function (options) {{
    const variants = Object.entries(options.variants);
    this.add_goals = (goals) => told.experiments.push({{
      name: options.name,
      variants: variants.map(([name, variant]) => [name, variant.weight]),
      goals: goals.map((goal) => goal.goal),
    }});
  }},
}}}};
const AlephBet = window.AlephBet;
{script}
console.log(JSON.stringify(told));
"#
    );
    let file = home.path().join("page.js");
    fs::write(&file, page).unwrap();
    let node = Command::new("node")
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _deadline = Deadline::of(&node);
    serde_json::from_slice(&node.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn the_snippet_holds_every_name_exactly() {
    let mut names = [
        "</script><script>alert(1)//",
        "<!--",
        "\"quoted\" 'and' \\ back`${1}`",
        "\u{2028}\u{2029}",
        "🦀 שלום",
        "{{experiments}}",
        "__proto__",
        "constructor",
        "&lt;",
    ];
    names.sort_by(|a, b| natural_order(a, b));
    let weights: Map<_, _> = names
        .map(|name| (name.to_owned(), json!(7)))
        .into_iter()
        .collect();
    let mut goals: Vec<Value> = names.map(Value::from).into();
    goals.push(json!({"name": "again and again", "unique": false}));
    let experiments: Map<_, _> = (names.iter())
        .map(|name| {
            (
                name.to_string(),
                json!({"variants": weights, "goals": goals}),
            )
        })
        .collect();
    let namespace = "{{experiments}}</script>\"\u{2028}";
    let config = json!({"namespace": namespace, "experiments": experiments});
    let home = home();
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let snippet = line(&home, &["snippet", "--url", "https://x.example/prod"]);
    let mut goals: Vec<Value> = names.map(|name| json!([name, {}])).into();
    goals.push(json!(["again and again", {"unique": false}]));
    let experiment = |name| {
        let variants = names.map(|name| json!([name, 7]));
        json!({"name": name, "variants": variants, "goals": goals})
    };
    let expected = json!({
        "adapter": ["https://x.example/prod/track", namespace],
        "experiments": names.map(experiment),
    });
    assert_eq!(told(&home, script(&snippet.run().stdout)), expected);
}

//! Too much at once: heads, bodies, connections, files.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;

use super::track;
use crate::support::http2::{
    END_HEADERS, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, head,
};
use crate::support::{Server, line};

/// What a server answers to these bytes, until it closes the connection.
fn exchange(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    // It may have answered and closed before all is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

#[tokio::test]
async fn heads_and_bodies_that_are_too_large_are_refused() {
    for edge in [
        &["--store", "embedded"][..],
        &["--store", "embedded", "--local"],
    ] {
        let server = Server::start(edge);
        let head = |filling: usize| {
            let filling = "x".repeat(filling);
            format!("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: {filling}\r\n\r\n")
        };
        let fits = 32 * 1024 - head(0).len();
        assert_eq!(status(&exchange(&server, head(fits - 1).as_bytes())), "200");
        assert_eq!(status(&exchange(&server, head(fits + 1).as_bytes())), "431");
        let long = format!("GET /healthz?{} HTTP/1.1\r\n", "x".repeat(40_000));
        assert_eq!(status(&exchange(&server, long.as_bytes())), "431");
        for (path, most) in [("/prod/track", 256), ("/dashboard/session", 4)] {
            let json = [("content-type", "application/json")];
            let post = async |length: usize| {
                let (mut client, body) = (server.client(), " ".repeat(length));
                client.send("POST", path, &json, &body).await.unwrap()
            };
            assert_eq!(post(most * 1024).await.status, 400, "{path}");
            let reply = post(most * 1024 + 1).await;
            let message = format!(r#"{{"message":"the body must be at most {most} KiB"}}"#);
            assert_eq!((reply.status, reply.body), (413, message), "{path}");
        }
    }
}

#[tokio::test]
async fn heads_over_http_2_have_the_same_limit() {
    let server = Server::start(&["--store", "embedded"]);
    let stream = tokio::net::TcpStream::connect(&server.address)
        .await
        .unwrap();
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        // It would keep to what the server says.
        .max_header_list_size(1 << 20)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut statuses = Vec::new();
    for size in [1000, 40_000, 1000] {
        let request = hyper::Request::builder()
            .uri(format!("http://{}/healthz", server.address))
            .header("x", "x".repeat(size))
            .body(Empty::<Bytes>::new())
            .unwrap();
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        statuses.push(response.status().as_u16());
        response.into_body().collect().await.unwrap();
    }
    assert_eq!(statuses, [200, 431, 200]);
}

#[test]
fn http_2_streams_are_few_and_not_to_be_reset_without_end() {
    let server = Server::start(&["--store", "embedded"]);
    // A body to come; and that it is not needed any more.
    let head = head("GET", "/healthz");
    let cancel = 8_u32.to_be_bytes();
    let resets = (0..1000).flat_map(|number| {
        let stream = 2 * number + 1;
        [
            frame(HEADERS, END_HEADERS, stream, &head),
            frame(RST_STREAM, 0, stream, &cancel),
        ]
        .concat()
    });
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, b""));
    bytes.extend(resets);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let _ = stream.write_all(&bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);

    let said = |part: &[u8]| answer.windows(part.len()).any(|window| window == part);
    let streams = [&[0, 3], &100_u32.to_be_bytes()[..]].concat();
    let head_list = [&[0, 6], &(32 * 1024_u32).to_be_bytes()[..]].concat();
    assert!(said(&streams) && said(&head_list), "{answer:?}");
    // ENHANCE_YOUR_CALM
    let goaway = (answer.windows(9)).position(|head| head[3] == GOAWAY && head[4..9] == [0; 5]);
    let goaway = &answer[goaway.expect("no GOAWAY") + 9..];
    assert_eq!(goaway[4..8], 11_u32.to_be_bytes(), "{answer:?}");
    assert_eq!(server.log(), "");
}

/// Sends a request and keeps the connection.
fn ask(stream: &mut TcpStream) {
    let request = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
    stream.write_all(request).unwrap();
}

/// The end of an answer to [`ask`].
fn hear(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\nok\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{answer}");
        answer.push(char::from(byte[0]));
    }
    answer
}

/// Waits until the log says so.
fn await_in_log(server: &Server, text: &str) {
    let start = Instant::now();
    while !server.log().contains(text) {
        assert!(start.elapsed() < Duration::from_secs(20), "no `{text}`");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn at_the_connection_limit_idle_connections_are_closed_for_new_ones() {
    let server = Server::start(&["--store", "embedded", "--max-connections", "2"]);
    let mut streams: Vec<TcpStream> = (0..4)
        .map(|_| TcpStream::connect(&server.address).unwrap())
        .collect();
    for stream in &mut streams {
        ask(stream);
        hear(stream);
    }
    // The first came first.
    assert_eq!(streams[0].read(&mut [0]).unwrap(), 0);
    ask(&mut streams[3]);
    hear(&mut streams[3]);
    let log = server.log();
    let said = "connection limit reached: closing the connections that have been idle longest";
    assert_eq!(log.matches(said).count(), 1, "{log}");
    assert!(log.contains("connections=2"), "{log}");
}

#[tokio::test]
async fn a_server_without_free_files_says_so_once_and_goes_on() {
    let server = Server::start(&["--store", "embedded"]);
    let mut first = TcpStream::connect(&server.address).unwrap();
    ask(&mut first);
    hear(&mut first);
    let pid = server.pid();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let status = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--nofile={open}:")])
        .status();
    assert!(status.unwrap().success());

    let mut second = TcpStream::connect(&server.address).unwrap();
    ask(&mut second);
    await_in_log(&server, "cannot accept connections: new connections wait");
    // Long enough for some more attempts; meanwhile who is connected is answered.
    for _ in 0..5 {
        sleep(Duration::from_millis(100));
        ask(&mut first);
        hear(&mut first);
    }
    drop(first);
    hear(&mut second);
    drop(second);
    assert!(server.client().get(&track("v", "1")).await.status == 200);
    let log = server.log();
    // Who looks at the config may say so, too.
    let said = log.lines().filter(|line| line.contains("cannot accept"));
    assert_eq!(said.count(), 1, "{log}");
    assert!(log.contains("os error 24"), "{log}");
}

#[test]
fn connections_stay_within_the_files_that_the_system_allows() {
    let home = tempfile::tempdir().unwrap();
    let arguments = [
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--store",
        "embedded:lamed.db",
        "--max-connections",
        "300",
    ];
    let mut server = line(&home, &arguments)
        .under("prlimit", &["--nofile=30:80"])
        .start();
    let ready: Value = serde_json::from_str(server.until("\n")).unwrap();
    let url = ready["track_url"].as_str().unwrap();
    let address = url.split('/').nth(2).unwrap();
    let mut streams: Vec<TcpStream> = (0..41)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    streams.iter_mut().for_each(ask);
    streams[..40]
        .iter_mut()
        .for_each(|stream| drop(hear(stream)));
    // Room for the last: it is not lost.
    drop(streams.remove(0));
    hear(&mut streams[39]);
    drop(streams);
    server.terminate();
    let log = server.end().stderr;
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(
        lines[0],
        "warning: `--max-connections` is reduced to 40: the system allows 80 open files; raise this limit \
         with `ulimit -Hn` or `LimitNOFILE=`"
    );
    assert!(
        lines.len() == 2 && lines[1].ends_with(" connections=40"),
        "{log}"
    );
}

//! The server's manners: how it ends, and HTTP/2.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Instant;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::support::Server;

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

/// Asks a server to stop, and waits until it takes no more connections.
fn stop_listening(server: &Server) {
    server.terminate();
    wait_for_the_end_of_listening(server);
}

fn wait_for_the_end_of_listening(server: &Server) {
    let start = Instant::now();
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

/// As `npx` passes on what the terminal has told already.
#[test]
fn two_signals_at_once_are_one() {
    let mut server = Server::start(&["--store", "embedded"]);
    let (mut busy, rest) = busy(&server);
    let pid = server.pid();
    let both = Command::new("sh")
        .args(["-c", "kill -INT $0 && kill -TERM $0", &pid])
        .status();
    assert!(both.unwrap().success());
    wait_for_the_end_of_listening(&server);
    busy.write_all(rest.as_bytes()).unwrap();
    assert!(read_head(&mut busy).starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_later_signal_does_not_wait() {
    let mut server = Server::start(&["--store", "embedded"]);
    let _unfinished = busy(&server);
    stop_listening(&server);
    // Until it is no longer a part of the first.
    thread::sleep(Duration::from_millis(300));
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

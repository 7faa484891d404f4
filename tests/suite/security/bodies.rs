//! Bodies that are too much, or that mean more than one thing.

use std::fs;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::requests::{counted, edges, statuses};
use crate::support::Server;

#[test]
fn bodies_have_their_limits() {
    const BLOCK: usize = 0x10_0000;
    for (server, _) in edges() {
        let head = "POST /prod/track HTTP/1.1\r\nHost: x\r\n";
        let blocks = format!("{BLOCK:x}\r\n{}\r\n", " ".repeat(BLOCK)).repeat(11);
        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{blocks}0\r\n\r\n");
        let sized = format!(
            "{head}Content-Length: {}\r\n\r\n{}",
            11 * BLOCK,
            " ".repeat(11 * BLOCK)
        );
        for request in [chunked, sized] {
            assert_eq!(statuses(&server, request).0, [413]);
        }
    }
}

/// The most memory that a process ever had, in KB.
pub(super) fn most_memory(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_body_takes_little_more_memory_than_it_is_long() {
    const LENGTH: usize = 256 * 1024;
    let server = Server::start(&["--store", "embedded"]);
    let mut client = server.client();
    let before = most_memory(&server);
    for (start, piece, end) in [
        ("[", r#"{"":0},"#, "0]"),
        ("[", "[],", "0]"),
        ("[", "0,", "0]"),
        (r#"{"x":["#, r#"{"":0},"#, "0]}"),
        (r#"[{"x":{"#, r#""":{},"#, r#""":0}}]"#),
        (r#"{"x":"#, "[", ""),
        ("", "[", ""),
        ("", r#"{"":"#, ""),
        (r#"{"experiment":""#, r"\u0000", r#""}"#),
        (r#"{"uuid":"#, "9", "}"),
    ] {
        let times = (LENGTH - start.len() - end.len()) / piece.len();
        let body = format!("{start}{}{end}", piece.repeat(times));
        let reply = client.post("/prod/track", &body).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert!(reply.body.len() < 200, "{}", reply.body);
    }
    let more = most_memory(&server) - before;
    assert!(more < 8 * 1024, "{more} KB more");
}

/// Sends so many spaces as a body, each a piece of its own.
async fn post_in_pieces(server: &Server, length: usize) {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let request = format!(
        "POST /prod/track HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        "1\r\n \r\n".repeat(length)
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_body_in_pieces_of_one_byte_takes_little_more_memory_than_in_one() {
    let server = Server::start(&["--store", "embedded"]);
    // What the first request takes, whatever it is.
    post_in_pieces(&server, 1024).await;
    let before = most_memory(&server);
    post_in_pieces(&server, 128 * 1024).await;
    let more = most_memory(&server) - before;
    assert!(more < 3 * 1024, "{more} KB more");
}

#[tokio::test]
async fn numbers_names_and_repetitions_are_read_one_way() {
    for (server, _) in edges() {
        let mut client = server.client();
        let mut post = async |body: &str| {
            let reply = client.post("/prod/track", body).await;
            (reply.status, reply.json())
        };
        // Of a repeated name the last counts, as everywhere else.
        let twice =
            r#"{"experiment":"other","variant":"v","event":"g","uuid":"1","experiment":"e"}"#;
        assert_eq!(
            post(twice).await,
            (200, json!({"counted": 1, "duplicates": 0}))
        );
        let not_a_string = json!({"message": "`uuid` must be a string"});
        for uuid in ["1e308", "18446744073709551616", "-0", "true", "[]", "{}"] {
            let body = format!(r#"{{"experiment":"e","variant":"v","event":"g","uuid":{uuid}}}"#);
            assert_eq!(post(&body).await, (400, not_a_string.clone()), "{uuid}");
        }
        let many = format!("[{}]", vec![twice; 101].join(","));
        let message =
            json!({"message": "the body contains 101 events: send at most 100 at a time"});
        assert_eq!(post(&many).await, (400, message));
        assert_eq!(counted(&server).await, 1);
    }
}

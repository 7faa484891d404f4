//! Attacks by HTTP/2: many connections, each with as much as it may have, take little memory, and others are
//! answered beside them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::bodies::most_memory;
use crate::support::Server;
use crate::support::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    frame, head,
};

const CONNECTIONS: usize = 40;
/// Streams that a connection may have.
const STREAMS: u32 = 100;
/// In KB.
const MOST_MEMORY: u64 = 30 * 1024;

fn streams() -> impl Iterator<Item = u32> {
    (0..STREAMS).map(|number| 2 * number + 1)
}

/// Bodies that never end.
fn open_bodies() -> Vec<u8> {
    let head = head("POST", "/prod/track");
    let piece = [b' '; 650];
    let heads = streams().map(|stream| frame(HEADERS, END_HEADERS, stream, &head));
    let bodies = streams().map(|stream| frame(DATA, 0, stream, &piece));
    heads.chain(bodies).flatten().collect()
}

/// Answers that nobody reads: the longest that takes no key.
fn no_window() -> Vec<u8> {
    let none = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let head = head("GET", "/dashboard");
    let requests = streams().map(|stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
    none.into_iter().chain(requests.flatten()).collect()
}

/// Requests that are taken back at once.
fn rapid_resets() -> Vec<u8> {
    let head = head("GET", "/dashboard");
    let cancel = 8_u32.to_be_bytes();
    (0..5_000)
        .map(|number| 2 * number + 1)
        .flat_map(|stream| {
            [
                frame(HEADERS, END_HEADERS | END_STREAM, stream, &head),
                frame(RST_STREAM, 0, stream, &cancel),
            ]
        })
        .flatten()
        .collect()
}

/// A head that does not end.
fn continuations() -> Vec<u8> {
    let fields = b"\x00\x01x\x64".iter().copied().chain([b'y'; 100]);
    let fields: Vec<u8> = fields.collect::<Vec<u8>>().repeat(150);
    let start = frame(HEADERS, END_STREAM, 1, &head("GET", "/healthz"));
    let rest = (0..200).map(|_| frame(CONTINUATION, 0, 1, &fields));
    start.into_iter().chain(rest.flatten()).collect()
}

/// Settings, each of which wants an acknowledgement.
fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xFF, 0xFF]).repeat(20_000)
}

/// Sends this, and reads until all of it was read or the connection is closed.
async fn attack(stream: &mut TcpStream, bytes: &[u8]) {
    const TOLD: &[u8] = b"the end!";
    let ping = frame(PING, 0, 0, TOLD);
    let all = [PREFACE, &frame(SETTINGS, 0, 0, b""), bytes, &ping].concat();
    let ack = frame(PING, ACK, 0, TOLD);
    let (mut reading, mut writing) = stream.split();
    let read = async {
        let (mut heard, mut piece) = (Vec::new(), vec![0; 65_536]);
        while let Ok(length @ 1..) = reading.read(&mut piece).await {
            heard.extend_from_slice(&piece[..length]);
            if heard.windows(ack.len()).any(|window| window == ack) {
                break;
            }
            heard.drain(..heard.len().saturating_sub(ack.len()));
        }
    };
    // It may be closed before all is sent.
    let (_, ()) = tokio::join!(writing.write_all(&all), read);
}

/// The status of an answer over HTTP/2.
async fn ask(server: &Server) -> u8 {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let request = frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        1,
        &head("GET", "/healthz"),
    );
    let all = [PREFACE, &frame(SETTINGS, 0, 0, b""), &request].concat();
    stream.write_all(&all).await.unwrap();
    loop {
        let mut start = [0; 9];
        stream.read_exact(&mut start).await.unwrap();
        let mut payload = vec![0; usize::from(start[1]) * 256 + usize::from(start[2])];
        stream.read_exact(&mut payload).await.unwrap();
        if start[3] == HEADERS {
            // `:status: 200` in HPACK; else a literal.
            return payload[0];
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_by_http_2_take_little_memory_and_keep_nobody_waiting() {
    for (name, bytes) in [
        ("open bodies", open_bodies()),
        ("no window", no_window()),
        ("rapid resets", rapid_resets()),
        ("continuations", continuations()),
        ("settings", settings()),
    ] {
        let server = Server::start(&["--store", "embedded"]);
        assert_eq!(server.client().get("/healthz").await.status, 200);
        assert_eq!(ask(&server).await, 0x88);
        let before = most_memory(&server);
        let mut attackers = JoinSet::new();
        let bytes = std::sync::Arc::new(bytes);
        let held = std::sync::Arc::new(Barrier::new(CONNECTIONS + 1));
        for _ in 0..CONNECTIONS {
            let (address, bytes, held) = (server.address.clone(), bytes.clone(), held.clone());
            attackers.spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                attack(&mut stream, &bytes).await;
                held.wait().await;
                stream
            });
        }
        held.wait().await;
        // Beside all of them.
        assert_eq!(server.client().get("/healthz").await.status, 200, "{name}");
        let answered = async { while ask(&server).await != 0x88 {} };
        let answered = timeout(Duration::from_secs(30), answered).await;
        assert!(answered.is_ok(), "{name}: only refusals over HTTP/2");
        let more = most_memory(&server) - before;
        assert!(more < MOST_MEMORY, "{name}: {more} KB more");
        println!("{name}: {more} KB");
        drop(attackers.join_all().await);
    }
}

//! Clients that hold a connection and do nothing with it: with room for one connection, whoever comes next
//! is answered all the same.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Response};
use lamed::domain::{Experiments, Name, Secret};
use lamed::http::{Api, Routes, Rules};
use lamed::server::{Answering, ApiKey, Body, Connections, Direct, Edge, Limits, serve};
use lamed::store::{Counting, Location, SqliteStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, interval, sleep, timeout};

/// Far below what any server takes, and far above what an answer takes here.
const SHORT: Duration = Duration::from_millis(300);

/// A server that waits longer for a slow client waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// Not reached in these tests.
const LONG: Duration = Duration::from_secs(50);

/// One connection at a time.
fn limits() -> Limits {
    Limits {
        connections: 1,
        grace: LONG,
        head_time: LONG,
        body_time: LONG,
        idle: LONG,
        ..Limits::default()
    }
}

/// A server in this process, which ends with the test; its address.
async fn start(edge: impl Edge, limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let connections = Connections::new(limits);
        serve(
            listener,
            Arc::new(edge),
            &connections,
            std::future::pending(),
        )
        .await;
    });
    address
}

pub fn api() -> Direct {
    let store = SqliteStore::open(&Location::Memory, Counting::default()).unwrap();
    let namespace = Name::new("alephbet").unwrap();
    let api = Api::new(Arc::new(store), Rules::new(Experiments::none(namespace)));
    Direct::new(api, Routes::new([]), ApiKey::new(Secret::new("k")))
}

/// A good client after this one.
async fn next_is_answered(address: SocketAddr) {
    let answered = timeout(PATIENCE, ask(address)).await;
    answered.expect("the connection is held for ever");
}

async fn ask(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"OPTIONS /prod/track HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// Sends a byte now and then, until the server has closed the connection; what it answered.
async fn drip(address: SocketAddr, start: &[u8], rest: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(start).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut ticks = interval(SHORT / 6);
    let dripping = async {
        for byte in rest.iter().cycle() {
            ticks.tick().await;
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    let closed = tokio::select! {
        // A reset, where it closed before it had read all.
        _ = reader.read_to_end(&mut answer) => true,
        () = dripping => false,
        () = sleep(PATIENCE) => false,
    };
    assert!(closed, "the connection is held for ever");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_first_head_has_its_time() {
    let limits = Limits {
        head_time: SHORT,
        ..limits()
    };
    let address = start(api(), limits).await;
    // Nothing at all; the beginning of HTTP/2; a head that never ends; HTTP/2 without a request.
    let settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for (first, rest) in [
        (&b""[..], &b""[..]),
        (b"PRI * HT", b""),
        (b"GET /prod/track HTTP/1.1\r\nHost: h\r\nX: ", b"x"),
        (settings, b""),
    ] {
        let begun = Instant::now();
        drip(address, first, rest).await;
        let took = begun.elapsed();
        assert!((SHORT..LONG).contains(&took), "{first:?} {took:?}");
        next_is_answered(address).await;
    }
}

#[tokio::test]
async fn a_body_has_its_time() {
    let limits = Limits {
        body_time: SHORT,
        ..limits()
    };
    let address = start(api(), limits).await;
    let head = b"POST /prod/track HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";
    let answer = drip(address, head, b" ").await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ")
            && answer.ends_with(r#"{"message":"the body is incomplete"}"#),
        "{answer}"
    );
    next_is_answered(address).await;
}

#[tokio::test]
async fn a_connection_is_not_kept_idle_for_ever() {
    let limits = Limits {
        idle: SHORT,
        ..limits()
    };
    let address = start(api(), limits).await;
    let request = b"OPTIONS /prod/track HTTP/1.1\r\nHost: h\r\n\r\n";
    // Idle; dripping the next head.
    for rest in [&b""[..], b"GET /prod/track HTTP/1.1\r\nX: xxxxxxxxxx"] {
        let answer = drip(address, request, rest).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        next_is_answered(address).await;
    }
}

/// Answers more than any socket holds; it takes its time, which is no idleness.
struct Verbose;

impl Edge for Verbose {
    fn answer(&self, request: Request<Body>, _: SocketAddr) -> Answering<'_> {
        Box::pin(self.response(request))
    }
}

impl Verbose {
    async fn response(&self, request: Request<Body>) -> Response<Full<Bytes>> {
        if request.uri().path() == "/large" {
            tokio::time::sleep(2 * SHORT).await;
            return Response::new(Full::from(vec![0; 64 << 20]));
        }
        Response::new(Full::default())
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let limits = Limits {
        idle: SHORT,
        ..limits()
    };
    let address = start(Verbose, limits).await;
    let mut deaf = TcpStream::connect(address).await.unwrap();
    let request = b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
    deaf.write_all(request).await.unwrap();
    next_is_answered(address).await;
    // It was being sent.
    let mut answer = Vec::new();
    let _ = deaf.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.len() < 64 << 20);
}

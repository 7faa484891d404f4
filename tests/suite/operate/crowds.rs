//! More clients than there is room for: who keeps the server waiting gives way, and whoever waits for the server
//! is answered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http2;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lamed::server::{Answering, Body, Connections, Direct, Edge, Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::timeout;

use super::slow::api;

const CONNECTIONS: usize = 8;

/// A server in which no slow client gives way would take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers `/slow` when it is let to, and tells when it is asked for it. A body is read by another edge.
struct Gate {
    asked: Notify,
    opened: Semaphore,
    rest: Direct,
}

impl Edge for Gate {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_> {
        Box::pin(self.response(request, peer))
    }
}

impl Gate {
    async fn response(&self, request: Request<Body>, peer: SocketAddr) -> Response<Full<Bytes>> {
        if request.uri().path() == "/slow" {
            self.asked.notify_one();
            self.opened.acquire().await.unwrap().forget();
        }
        if request.method() == Method::POST {
            return self.rest.answer(request, peer).await;
        }
        Response::new(Full::from("done"))
    }
}

/// A server's address, and its edge.
async fn start(limits: Limits) -> (SocketAddr, Arc<Gate>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gate = Arc::new(Gate {
        asked: Notify::new(),
        opened: Semaphore::new(0),
        rest: api(),
    });
    let edge = Arc::clone(&gate);
    tokio::spawn(async move {
        let connections = Connections::new(limits);
        serve(listener, edge, &connections, std::future::pending()).await;
    });
    (address, gate)
}

fn few(grace: Duration) -> Limits {
    Limits {
        connections: CONNECTIONS,
        grace,
        ..Limits::default()
    }
}

async fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// All that still comes.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset, where it was closed before all was read.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("not closed");
    String::from_utf8_lossy(&answer).into_owned()
}

const QUICK: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// What clients hold a connection with: nothing, a part of a head, HTTP/2 without a request, a body.
const HOLDS: [&[u8]; 4] = [
    b"",
    b"GET / HTTP/1.1\r\nX: ",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    b"POST /prod/track HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1",
];

#[tokio::test]
async fn slow_clients_give_way_and_requests_that_are_answered_do_not() {
    let (address, gate) = start(few(Duration::ZERO)).await;
    let mut answered = Vec::new();
    for _ in 0..CONNECTIONS - 2 {
        answered.push(send(address, SLOW).await);
        gate.asked.notified().await;
    }
    let mut holding = Vec::new();
    for hold in HOLDS.iter().cycle().take(10 * CONNECTIONS) {
        holding.push(send(address, hold).await);
        let answer = rest(send(address, QUICK).await).await;
        assert!(answer.ends_with("done"), "{answer}");
    }
    // The last may still be there.
    holding.truncate(holding.len() - 2);
    for closed in holding {
        let answer = rest(closed).await;
        assert!(!answer.contains("HTTP/1.1"), "{answer}");
    }
    gate.opened.add_permits(answered.len());
    for stream in answered {
        let answer = rest(stream).await;
        assert!(answer.ends_with("done"), "{answer}");
    }
}

#[tokio::test]
async fn where_every_client_waits_for_an_answer_the_next_ones_wait_too() {
    let (address, gate) = start(few(Duration::ZERO)).await;
    let mut answered = Vec::new();
    for _ in 0..CONNECTIONS {
        answered.push(send(address, SLOW).await);
        gate.asked.notified().await;
    }
    let mut next = send(address, QUICK).await;
    let early = timeout(Duration::from_millis(300), next.read_u8()).await;
    assert!(early.is_err(), "{early:?}");
    gate.opened.add_permits(1);
    assert!(rest(next).await.ends_with("done"));
    gate.opened.add_permits(answered.len());
    for stream in answered {
        assert!(rest(stream).await.ends_with("done"));
    }
}

#[tokio::test]
async fn a_client_that_has_just_come_has_its_time_to_ask() {
    let (address, _gate) = start(few(PATIENCE)).await;
    let mut first = Vec::new();
    for _ in 0..2 * CONNECTIONS {
        first.push(send(address, b"").await);
    }
    for mut stream in first {
        stream.write_all(QUICK).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.ends_with("done"), "{answer}");
    }
}

/// An event, with so many bytes of a body.
fn event(length: usize) -> String {
    let event = r#"{"experiment":"e","variant":"v","event":"g","uuid":"1"}"#;
    format!("{event}{}", " ".repeat(length - event.len()))
}

fn post(length: usize) -> String {
    format!(
        "POST /prod/track HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn all_bodies_share_what_they_may_take_and_the_slowest_gives_way() {
    const LENGTH: usize = 16 * 1024;
    let (address, _gate) = start(Limits {
        bodies: 4 * LENGTH,
        grace: Duration::ZERO,
        ..Limits::default()
    })
    .await;
    // All of it but one byte, of 40 bodies: ten times what there is room for.
    let begun = format!("{}{}", post(LENGTH), event(LENGTH - 1));
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(send(address, begun.as_bytes()).await);
        // Others are answered meanwhile, with a body or without.
        let whole = format!("{}{}", post(LENGTH), event(LENGTH));
        let answer = rest(send(address, whole.as_bytes()).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(rest(send(address, QUICK).await).await.ends_with("done"));
    }
    let (mut gave_way, mut counted) = (0, 0);
    for mut stream in held {
        // It may be closed already.
        let _ = stream.write_all(b" ").await;
        let answer = rest(stream).await;
        let message = r#"{"message":"too many request bodies at once: retry in 5 s"}"#;
        match answer.get(9..12) {
            Some("503")
                if answer.contains("\r\nretry-after: 5\r\n") && answer.ends_with(message) =>
            {
                gave_way += 1;
            }
            Some("200") => counted += 1,
            _ => panic!("{answer}"),
        }
    }
    assert!(gave_way >= 36 && counted >= 1, "{gave_way} {counted}");
}

/// A body that is sent, but ends when it is told to.
struct Unfinished(Option<Bytes>, oneshot::Receiver<()>);

impl hyper::body::Body for Unfinished {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Pin::new(&mut self.1).poll(context).map(|_| None),
        }
    }
}

#[tokio::test]
async fn bodies_over_http_2_share_the_same_room() {
    const LENGTH: usize = 16 * 1024;
    let (address, _gate) = start(Limits {
        bodies: LENGTH,
        grace: Duration::ZERO,
        ..Limits::default()
    })
    .await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = async || {
        let (end, ended) = oneshot::channel();
        let body = Unfinished(Some(event(LENGTH).into()), ended);
        let request = Request::post(format!("http://{address}/prod/track"));
        sender.ready().await.unwrap();
        let response = sender.send_request(request.body(body).unwrap());
        (end, tokio::spawn(response))
    };
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(request().await);
        let (end, response) = request().await;
        drop(end);
        assert_eq!(response.await.unwrap().unwrap().status(), 200);
    }
    for (_end, response) in slow {
        assert_eq!(response.await.unwrap().unwrap().status(), 503);
    }
}

//! Guesses at the API key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, Response, Server};

/// How many guess side by side.
const GUESSERS: usize = 16;

/// Somebody behind a proxy on this machine.
struct Asker {
    client: Client,
    address: String,
}

impl Asker {
    fn of(server: &Server, address: &str) -> Self {
        Self {
            client: server.client(),
            address: address.to_owned(),
        }
    }

    async fn signs_in(&mut self, key: &str) -> Response {
        let headers = [
            ("x-forwarded-for", self.address.as_str()),
            ("content-type", "application/json"),
        ];
        let body = json!({ "key": key }).to_string();
        let path = "/dashboard/session";
        let reply = self.client.send("POST", path, &headers, &body).await;
        reply.unwrap()
    }

    async fn reads(&mut self, key: &str) -> Response {
        let headers = [
            ("x-forwarded-for", self.address.as_str()),
            ("x-api-key", key),
        ];
        let path = "/prod/experiments";
        self.client.send("GET", path, &headers, "").await.unwrap()
    }
}

/// Guesses from addresses by both doors without a pause, until it is dropped; and how many keys were compared.
fn guess(
    server: &Server,
    addresses: impl Iterator<Item = String>,
) -> (JoinSet<()>, Arc<AtomicU32>) {
    let compared = Arc::new(AtomicU32::new(0));
    let mut guessers = JoinSet::new();
    for (number, address) in addresses.enumerate() {
        let mut asker = Asker::of(server, &address);
        let compared = Arc::clone(&compared);
        guessers.spawn(async move {
            loop {
                let reply = match number % 2 {
                    0 => asker.signs_in("wrong").await,
                    _ => asker.reads("wrong").await,
                };
                match reply.status {
                    403 => compared.fetch_add(1, Ordering::Relaxed),
                    status => panic!("{status}: {}", reply.body),
                };
            }
        });
    }
    (guessers, compared)
}

/// From one address, or from one each.
fn addresses(is_one: bool) -> impl Iterator<Item = String> {
    (1..=GUESSERS).map(move |number| format!("192.0.2.{}", if is_one { 1 } else { number }))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_comes_in_while_others_guess() {
    // One that can be guessed, and one that cannot.
    for (key, is_short) in [
        ("easy-to-find-key", true),
        ("kM4wq9ZtL2xv7RbNc8Hs3PdY", false),
    ] {
        for is_one in [true, false] {
            let server = Server::start(&["--store", "embedded", "--api-key", key]);
            let start = Instant::now();
            let (mut guessers, compared) = guess(&server, addresses(is_one));
            // Until the guessers have to wait for their turns.
            while compared.load(Ordering::Relaxed) < 20 {
                assert!(
                    start.elapsed() < Duration::from_secs(60),
                    "nobody is answered"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            // From the guesser's own address.
            let mut owner = Asker::of(&server, "192.0.2.1");
            for _ in 0..2 {
                let asked = Instant::now();
                let replies = [owner.signs_in(key).await, owner.reads(key).await];
                assert_eq!(replies.map(|reply| reply.status), [200; 2]);
                let took = asked.elapsed();
                assert!(took < Duration::from_secs(20), "{took:?}");
            }
            let compared = compared.load(Ordering::Relaxed);
            let seconds = start.elapsed().as_secs() + 1;
            let most = match is_one {
                true => 10 + 10 * seconds,
                false => 10 * GUESSERS as u64 + 100 * seconds,
            };
            assert!(
                !is_short || u64::from(compared) <= most,
                "{compared} in {seconds} s"
            );
            guessers.abort_all();
            while let Some(ended) = guessers.join_next().await {
                assert!(ended.is_err_and(|error| error.is_cancelled()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_guesses_are_not_compared_and_who_is_in_stays_in() {
    let server = Server::start(&["--store", "embedded", "--api-key", "easy-to-find-key"]);
    let session = Asker::of(&server, "192.0.2.1")
        .signs_in("easy-to-find-key")
        .await
        .json();
    let mut guessers = JoinSet::new();
    for number in 0..60 {
        // What stands before the proxy's word is the guesser's own.
        let mut asker = Asker::of(&server, &format!("198.51.100.{number}, 192.0.2.1"));
        guessers.spawn(async move { asker.signs_in("wrong").await });
    }
    let mut refused = 0;
    for reply in guessers.join_all().await {
        let (message, retry) = match reply.status {
            403 => ("wrong API key", None),
            429 => ("too many wrong API keys: retry in 1 s", Some("1")),
            status => panic!("{status}: {}", reply.body),
        };
        assert_eq!(
            (reply.json(), reply.header("retry-after")),
            (json!({ "message": message }), retry)
        );
        refused += u32::from(reply.status == 429);
    }
    // Ten at once, ten in each second for which the others wait, and a few meanwhile.
    assert!((10..=30).contains(&refused), "{refused}");

    // No key is no guess.
    let mut client = server.client();
    assert_eq!(client.get("/prod/experiments").await.status, 403);
    let Value::String(session) = &session["session"] else {
        panic!("{session}");
    };
    let bearer = format!("Bearer {session}");
    let headers = [("authorization", bearer.as_str())];
    let path = "/dashboard/experiments";
    let overview = client.send("GET", path, &headers, "").await.unwrap();
    assert_eq!(overview.status, 200);
}

/// What a page of another site can have the owner's browser send, as often as it likes.
#[tokio::test]
async fn pages_of_other_sites_guess_nothing() {
    let server = Server::start(&["--store", "embedded", "--api-key", "easy-to-find-key"]);
    let mut client = server.client();
    let start = Instant::now();
    for number in 0..100 {
        let headers = match number % 2 {
            0 => [
                ("content-type", "text/plain"),
                ("origin", "https://evil.example"),
            ],
            _ => [
                ("content-type", "application/json"),
                ("sec-fetch-site", "cross-site"),
            ],
        };
        let body = r#"{"key":"easy-to-find-key"}"#;
        let path = "/dashboard/session";
        let reply = client.send("POST", path, &headers, body).await.unwrap();
        assert_eq!(reply.status, if number % 2 == 0 { 415 } else { 403 });
    }
    // They took nobody's turn: ten seconds' worth of them.
    assert_eq!(client.sign_in("easy-to-find-key").await.status, 200);
    assert!(start.elapsed() < Duration::from_secs(9));
}

/// A proxy of a CDN before the site's own: both append.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_made_up_before_two_proxies_take_nobodys_turn() {
    let arguments = [
        "--store",
        "embedded",
        "--api-key",
        "easy-to-find-key",
        "--trusted-proxies",
        "2",
    ];
    let server = Server::start(&arguments);
    let made_up = (0..40).map(|number| format!("198.51.100.{number}, 192.0.2.1, 203.0.113.9"));
    let mut guessers = JoinSet::new();
    for address in made_up {
        let mut asker = Asker::of(&server, &address);
        guessers.spawn(async move {
            loop {
                asker.signs_in("wrong").await;
            }
        });
    }
    // While its place is full, others come in at once through the same CDN.
    let mut guesser = Asker::of(&server, "192.0.2.1, 203.0.113.9");
    while guesser.signs_in("wrong").await.status != 429 {}
    let mut let_in = 0;
    for address in ["192.0.2.2", "198.51.100.7", "2001:db8::1", "192.0.2.99"] {
        let mut owner = Asker::of(&server, &format!("{address}, 203.0.113.9"));
        let_in += u16::from(owner.signs_in("easy-to-find-key").await.status == 200);
    }
    // But one in a thousand, whose place is the guesser's.
    assert!(let_in >= 3, "{let_in} of 4");
    guessers.abort_all();
    while guessers.join_next().await.is_some() {}
}

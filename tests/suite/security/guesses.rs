//! Guesses at the API key.

use serde_json::{Value, json};

use crate::support::{Client, Response, Server};

const KEY: &str = "easy";

/// Somebody behind a proxy on this machine.
struct Asker<'a> {
    client: Client,
    address: &'a str,
}

impl Asker<'_> {
    async fn signs_in(&mut self, key: &str) -> Response {
        let headers = [("x-forwarded-for", self.address)];
        let body = json!({ "key": key }).to_string();
        let path = "/dashboard/session";
        let reply = self.client.send("POST", path, &headers, &body).await;
        reply.unwrap()
    }

    async fn reads(&mut self, header: (&str, &str), path: &str) -> Response {
        let headers = [("x-forwarded-for", self.address), header];
        self.client.send("GET", path, &headers, "").await.unwrap()
    }
}

#[tokio::test]
async fn after_a_few_wrong_keys_the_next_is_not_looked_at() {
    let server = Server::start(&["--store", "embedded", "--api-key", KEY]);
    let asker = |address| Asker {
        client: server.client(),
        address,
    };
    let mut guesser = asker("192.0.2.1");
    let session = guesser.signs_in(KEY).await.json();
    // By both doors together: ten, and not one more.
    for guess in 0..10 {
        let key = guess.to_string();
        let (reply, message) = if guess % 2 == 0 {
            (guesser.signs_in(&key).await, "that is not the API key")
        } else {
            let header = ("x-api-key", key.as_str());
            (
                guesser.reads(header, "/prod/experiments").await,
                "Forbidden",
            )
        };
        assert_eq!(
            (reply.status, reply.json()),
            (403, json!({ "message": message }))
        );
    }
    let by_header = ("x-api-key", KEY);
    for reply in [
        guesser.signs_in("another").await,
        guesser.signs_in(KEY).await,
        guesser.reads(by_header, "/prod/experiments").await,
        guesser
            .reads(by_header, "/prod/experiment?experiment=e")
            .await,
        // What stands before the proxy's word is the guesser's own.
        asker("198.51.100.7, 192.0.2.1").signs_in(KEY).await,
    ] {
        let seconds = reply.header("retry-after").unwrap();
        let message = format!("too many wrong API keys: try again in {seconds} s");
        assert_eq!(
            (reply.status, reply.json()),
            (429, json!({ "message": message }))
        );
        assert!((1..=10).contains(&seconds.parse().unwrap()), "{seconds}");
    }
    // No key is no guess, and who is in stays in.
    let none = guesser.reads(("x", "x"), "/prod/experiments").await;
    assert_eq!(none.status, 403);
    let Value::String(session) = &session["session"] else {
        panic!("{session}");
    };
    let bearer = format!("Bearer {session}");
    let header = ("authorization", bearer.as_str());
    let overview = guesser.reads(header, "/dashboard/experiments").await;
    assert_eq!(overview.status, 200);
    // Others are not held up, but for one in a thousand, whose place is the guesser's.
    let mut let_in = 0;
    for address in ["192.0.2.2", "198.51.100.7", "2001:db8::1", "127.0.0.1"] {
        let_in += u16::from(asker(address).signs_in(KEY).await.status == 200);
    }
    assert!(let_in >= 2, "{let_in} of 4");
}

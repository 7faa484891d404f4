//! Requests that no browser sends: byte for byte, to both edges.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::cli::LIMIT;
use crate::support::Server;

pub const KEY: &str = "the-key-of-the-test";

/// Plain `serve`, and behind the copy of API Gateway.
pub fn edges() -> [(Server, bool); 2] {
    [false, true].map(|local| {
        let mut arguments = vec!["--store", "embedded", "--api-key", KEY];
        arguments.extend(local.then_some("--local"));
        (Server::start(&arguments), local)
    })
}

/// All that comes back until the server closes the connection; it is asked to by one more request
/// without a body.
pub fn exchange(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let all = [
        request,
        b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ]
    .concat();
    let writing = std::thread::spawn(move || {
        // It may hang up before it has all of it.
        let _ = writer.write_all(&all);
    });
    let mut reply = Vec::new();
    let mut buffer = [0; 65_536];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        reply.extend(&buffer[..length]);
    }
    writing.join().unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

/// The statuses of all replies, without that of the last request, and whether the connection went on
/// up to it.
pub fn statuses(server: &Server, request: impl AsRef<[u8]>) -> (Vec<u16>, bool) {
    let reply = exchange(server, request.as_ref());
    let mut statuses: Vec<u16> = (reply.split("HTTP/1.1 ").skip(1))
        .filter_map(|rest| rest.get(..3)?.parse().ok())
        .collect();
    let (last, nothing) = (reply.rsplit("HTTP/1.1 ").next().unwrap(), ["404", "403"]);
    let went_on = statuses.len() > 1 && nothing.iter().any(|status| last.starts_with(status));
    if went_on {
        statuses.pop();
    }
    (statuses, went_on)
}

fn track(uuid: &str) -> String {
    format!("/prod/track?experiment=e&variant=v&event=g&uuid={uuid}")
}

/// How many events were counted.
pub async fn counted(server: &Server) -> u64 {
    let experiments = server.experiments().await;
    let goal = experiments
        .first()
        .map(|first| &first["goals"][0]["results"][0]["successes"]);
    goal.and_then(Value::as_u64).unwrap_or(0)
}

#[tokio::test]
async fn nothing_is_read_or_deleted_without_the_key() {
    for (server, _) in edges() {
        let mut client = server.client();
        assert_eq!(client.get(&track("1")).await.status, 200);
        // Each guess from elsewhere, so that none is one too many.
        let mut elsewhere = (1..).map(|number| format!("192.0.2.{number}"));
        let longer = format!("{KEY}x");
        let bearer = format!("Bearer {KEY}");
        for headers in [
            &[][..],
            &[("x-api-key", "")],
            &[("x-api-key", "another")],
            &[("x-api-key", "THE-KEY-OF-THE-TEST")],
            &[("x-api-key", &KEY[..6])],
            &[("x-api-key", &longer)],
            &[("authorization", &bearer)],
            &[("cookie", "x-api-key=the-key-of-the-test")],
            // Of two the first counts.
            &[("x-api-key", "another"), ("x-api-key", KEY)],
        ] {
            for (method, path) in [
                ("GET", "/prod/experiments"),
                ("GET", "/prod/experiment?experiment=e"),
                ("DELETE", "/prod/delete?experiment=e"),
                (
                    "GET",
                    "/prod/experiments?x-api-key=the-key-of-the-test&api_key=the-key-of-the-test&key=the-key-of-the-test",
                ),
            ] {
                let address = elsewhere.next().unwrap();
                let headers = [headers, &[("x-forwarded-for", &address)]].concat();
                let reply = client.send(method, path, &headers, "").await.unwrap();
                let got = (reply.status, reply.body.as_str());
                assert_eq!(
                    got,
                    (403, r#"{"message":"Forbidden"}"#),
                    "{method} {path} {headers:?}"
                );
            }
        }
        // What is asked for by another method than it seems is another request.
        let headers = [("x-api-key", KEY), ("x-http-method-override", "DELETE")];
        let path = "/prod/delete?experiment=e&_method=DELETE";
        let reply = client.send("GET", path, &headers, "").await.unwrap();
        assert!([403, 405].contains(&reply.status));
        assert_eq!(counted(&server).await, 1);
    }
}

#[test]
fn a_path_is_taken_as_it_is_written() {
    const NOTHING: [&str; 22] = [
        "//prod/track",
        "//track",
        "/prod//track",
        "/prod/track//",
        "/prod/./track",
        "/prod/../prod/track",
        "/prod/x/../track",
        "/prod/track/..",
        "/prod/%2e%2e/prod/track",
        "/prod/%74rack",
        "/prod/track%00",
        "/prod/track%2f",
        "/prod/track;x",
        "/prod\\track",
        "/PROD/track",
        "/prodtrack",
        "/prod",
        "/",
        "*",
        "/prod//experiments",
        "/prod/x/../experiments",
        "/dashboard/../prod/experiments",
    ];
    for (server, local) in edges() {
        let nothing = if local { 403 } else { 404 };
        for path in NOTHING {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            // What begins with the dashboard's path is the dashboard's.
            let nothing = match path.starts_with("/dashboard") {
                true if local => 421,
                true => 404,
                false => nothing,
            };
            assert_eq!(statuses(&server, request), (vec![nothing], true), "{path}");
        }
        // A proxy's form of the same path, whatever host it names; and API Gateway's one slash more.
        for path in [
            "http://evil.example/prod/experiments",
            "/prod/experiments/",
            "/prod/experiments?/prod/track",
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_eq!(statuses(&server, request), (vec![403], true), "{path}");
        }
        for line in [
            "GET prod/track HTTP/1.1",
            "GET  /prod/track HTTP/1.1",
            "GET /prod/tr ack HTTP/1.1",
            "GET /prod/track",
        ] {
            let request = format!("{line}\r\nHost: x\r\n\r\n");
            assert_eq!(statuses(&server, request), (vec![400], false), "{line}");
        }
        for line in [
            "OPTIONS * HTTP/1.1",
            "CONNECT evil.example:80 HTTP/1.1",
            "PROPFIND / HTTP/1.1",
        ] {
            let request = format!("{line}\r\nHost: x\r\n\r\n");
            assert_eq!(statuses(&server, request), (vec![nothing], true), "{line}");
        }
        // Not even what was sent comes back.
        let trace = exchange(
            &server,
            b"TRACE /prod/track HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n\r\n",
        );
        assert!(!trace.contains("secret"), "{trace}");
    }
}

#[test]
fn whom_a_request_asks_is_never_in_doubt() {
    for (server, _) in edges() {
        let (track, key) = (track("1"), format!("x-api-key: {KEY}\r\n"));
        for path in [
            &track,
            "/prod/experiments",
            "/dashboard",
            "/healthz",
            "/readyz",
            "http://localhost/dashboard",
            "/nothing",
        ] {
            for hosts in [
                "Host: localhost\r\nHost: localhost\r\n",
                "Host: localhost\r\nhost: evil.example\r\n",
                "Host: localhost, evil.example\r\n",
                "Host: user@localhost\r\n",
                "",
            ] {
                let request = format!("GET {path} HTTP/1.1\r\n{hosts}{key}\r\n");
                let (got, _) = statuses(&server, request);
                assert_eq!(got, [400], "{path} {hosts:?}");
            }
        }
        // What asks by an older version need not name one.
        let old = "GET /healthz HTTP/1.0\r\n\r\n";
        assert!(exchange(&server, old.as_bytes()).starts_with("HTTP/1.0 200"));
        let two = "GET /healthz HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n";
        assert!(exchange(&server, two.as_bytes()).starts_with("HTTP/1.0 400"));
    }
}

#[tokio::test]
async fn where_a_request_ends_is_never_in_doubt() {
    let body =
        |uuid: &str| format!(r#"{{"experiment":"e","variant":"v","event":"g","uuid":"{uuid}"}}"#);
    let chunked = |uuid: &str| format!("{:x}\r\n{}\r\n0\r\n\r\n", body(uuid).len(), body(uuid));
    let smuggled = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", track("smuggled"));
    let length = body("0").len();
    let post = |headers: &str, rest: &str| {
        format!("POST /prod/track HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n{rest}")
    };
    for (server, local) in edges() {
        // Both lengths: the chunks count, and the connection ends there (RFC 9112, 6.3).
        let cut_off = chunked("1") + &smuggled;
        for headers in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
        ] {
            assert_eq!(
                statuses(&server, post(headers, &cut_off)),
                (vec![200], false),
                "{headers}"
            );
        }
        let refused = [
            (
                format!("Content-Length: {length}\r\nContent-Length: 0"),
                body("2"),
            ),
            (format!("Content-Length: {length}, {length}"), body("2")),
            (format!("Content-Length: +{length}"), body("2")),
            ("Content-Length: -1".to_owned(), body("2")),
            ("Content-Length: 0x10".to_owned(), body("2")),
            ("Content-Length: 99999999999999999999".to_owned(), body("2")),
            (format!("Content-Length : {length}"), body("2")),
            (format!("Content-Length\r\n : {length}"), body("2")),
            (format!("X: a\r\n b\r\nContent-Length: {length}"), body("2")),
            (format!("X: a\rContent-Length: {length}"), body("2")),
            (format!("X: \0\r\nContent-Length: {length}"), body("2")),
            ("Transfer-Encoding : chunked".to_owned(), chunked("2")),
            ("Transfer-Encoding: xchunked".to_owned(), chunked("2")),
            (
                "Transfer-Encoding: chunked, identity".to_owned(),
                chunked("2"),
            ),
            (
                format!("Transfer-Encoding: identity\r\nContent-Length: {length}"),
                body("2"),
            ),
        ];
        for (headers, rest) in &refused {
            let request = post(headers, &(rest.clone() + &smuggled));
            assert_eq!(
                statuses(&server, request),
                (vec![400], false),
                "{headers:?}"
            );
        }
        // Chunks that are none: the request is broken off.
        let broken = if local { 502 } else { 408 };
        let one = body("2");
        for chunks in [
            format!("0x{length:x}\r\n{one}\r\n0\r\n\r\n"),
            format!("{length:x}\n{one}\r\n0\r\n\r\n"),
            format!("-{length:x}\r\n{one}\r\n0\r\n\r\n"),
            format!("fffffffffffffffff\r\n{one}\r\n0\r\n\r\n"),
        ] {
            let request = post("Transfer-Encoding: chunked", &(chunks.clone() + &smuggled));
            assert_eq!(
                statuses(&server, request),
                (vec![broken], false),
                "{chunks:?}"
            );
        }
        let old =
            post("Transfer-Encoding: chunked", &chunked("2")).replacen("HTTP/1.1", "HTTP/1.0", 1);
        assert_eq!(statuses(&server, old + &smuggled), (vec![400], false));
        // A body where none is expected is a body all the same.
        for (line, status) in [
            (format!("GET {}", track("3")), 200),
            ("GET /prod/experiments".to_owned(), 403),
            ("POST /nothing".to_owned(), if local { 403 } else { 404 }),
        ] {
            let length = smuggled.len();
            let request =
                format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{smuggled}");
            let (got, _) = statuses(&server, request);
            assert_eq!(got, [status], "{line}");
        }
        // A line may end by LF alone (RFC 9112, 2.2), at every place alike.
        let bare = format!("GET {} HTTP/1.1\nHost: x\n\n", track("4"));
        assert_eq!(statuses(&server, bare), (vec![200], true));
        assert_eq!(
            counted(&server).await,
            3,
            "1, 3 and 4, and nothing that was smuggled"
        );
    }
}

#[test]
fn heads_have_their_limits() {
    for (server, _) in edges() {
        let get =
            |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        for (request, status) in [
            (
                get(&track("1"), &format!("X: {}\r\n", "a".repeat(600_000))),
                431,
            ),
            (get(&track("1"), &"X: a\r\n".repeat(200)), 431),
            (get(&track(&"1".repeat(70_000)), ""), 431),
        ] {
            assert_eq!(statuses(&server, request), (vec![status], false));
        }
    }
}

#[tokio::test]
async fn pages_of_others_may_read_the_api_and_nothing_of_the_dashboard() {
    let origin = [("origin", "https://evil.example")];
    for (server, _) in edges() {
        let mut client = server.client();
        client.host = "localhost".to_owned();
        for (method, path, open) in [
            ("GET", track("1").as_str(), true),
            ("GET", "/prod/experiments", true),
            ("OPTIONS", "/prod/delete", true),
            ("GET", "/dashboard", false),
            ("GET", "/dashboard/experiments", false),
            ("OPTIONS", "/dashboard/experiment", false),
            ("POST", "/dashboard/session", false),
        ] {
            let reply = client.send(method, path, &origin, "").await.unwrap();
            let allowed = reply.header("access-control-allow-origin");
            assert_eq!(allowed, open.then_some("*"), "{method} {path}");
            // No cookie, so no browser ever sends one along by itself.
            for name in ["set-cookie", "access-control-allow-credentials"] {
                assert_eq!(reply.header(name), None, "{method} {path}");
            }
        }
        // By a form of another site, which can choose neither method nor header.
        for kind in ["text/plain", "application/x-www-form-urlencoded"] {
            let headers = [("origin", "https://evil.example"), ("content-type", kind)];
            let path = "/dashboard/experiment?experiment=e";
            let reply = client
                .send("POST", path, &headers, "experiment=e")
                .await
                .unwrap();
            assert_eq!(reply.status, 404);
        }
        assert_eq!(counted(&server).await, 1);
    }
}

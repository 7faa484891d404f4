//! What the dashboard gives, and to whom.

use serde_json::{Value, json};

use super::server;
use crate::cli::home;
use crate::support::{Client, Response, Server, free_port, line};

const CSP: &str = "default-src 'none'; script-src 'sha256-…'; style-src 'sha256-…'; connect-src 'self'; \
                   img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn get(client: &mut Client, path: &str, session: &str) -> Response {
    let authorization = format!("Bearer {session}");
    let headers = [("authorization", authorization.as_str())];
    client.send("GET", path, &headers, "").await.unwrap()
}

/// The session in an address that is signed in.
pub(super) fn session(url: &Value) -> String {
    let (_, session) = url.as_str().unwrap().split_once("#session=").unwrap();
    session.to_owned()
}

#[tokio::test]
async fn the_page_is_for_all_and_the_data_for_those_with_the_key() {
    let server = server(&["--api-key", "the-key-of-the-test"]).await;
    let mut client = server.client();
    let empty = Server::start(&["--store", "embedded"]);
    let empty = empty.client().get("/dashboard").await.body;
    assert_eq!(
        server.ready["dashboard_url"],
        format!("http://{}/dashboard", server.address)
    );
    for path in ["/dashboard", "/dashboard/"] {
        let page = client.get(path).await;
        let policy = page.header("content-security-policy").unwrap();
        let masked = policy
            .split('\'')
            .map(|part| match part.strip_prefix("sha256-") {
                Some(hash) => {
                    assert_eq!(hash.len(), 44);
                    "sha256-…"
                }
                None => part,
            });
        assert_eq!(masked.collect::<Vec<_>>().join("'"), CSP);
        let head = [
            "content-type",
            "cache-control",
            "x-frame-options",
            "x-content-type-options",
        ];
        assert_eq!(
            head.map(|name| page.header(name).unwrap()),
            ["text/html; charset=utf-8", "no-store", "DENY", "nosniff"]
        );
        assert_eq!(page.body, empty, "there is no data in it");
        assert!(!page.body.contains("{{"), "all places are filled in");
    }
    for path in [
        "/dashboard/experiments",
        "/dashboard/experiment?experiment=color",
    ] {
        let reply = client.get(path).await;
        assert_eq!(
            (reply.status, &*reply.body),
            (401, r#"{"message":"sign in"}"#)
        );
        assert_eq!(reply.header("access-control-allow-origin"), None);
        // The key itself is no session, wherever it stands.
        for reply in [
            get(&mut client, path, "the-key-of-the-test").await,
            client
                .send("GET", path, &[("x-api-key", "the-key-of-the-test")], "")
                .await
                .unwrap(),
            client
                .get(&format!(
                    "{path}{}session=k",
                    if path.contains('?') { '&' } else { '?' }
                ))
                .await,
        ] {
            assert_eq!(reply.status, 401);
        }
    }
    let wrong = client.sign_in("K").await;
    assert_eq!(
        (wrong.status, &*wrong.body),
        (403, r#"{"message":"wrong API key"}"#)
    );
    // As the page sends it; else it may come from another site's.
    let json = ("content-type", "application/json");
    for (headers, body, status, message) in [
        (&[json][..], "key=k", 400, r#"the body must be {"key": …}"#),
        (
            &[("content-type", "text/plain")],
            r#"{"key":"the-key-of-the-test"}"#,
            415,
            "the `Content-Type` must be `application/json`",
        ),
        (
            &[json, ("sec-fetch-site", "cross-site")],
            r#"{"key":"the-key-of-the-test"}"#,
            403,
            "only the dashboard page of this server can sign in",
        ),
    ] {
        let reply = client
            .send("POST", "/dashboard/session", headers, body)
            .await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.status, reply.json()),
            (status, json!({ "message": message }))
        );
    }
    let reply = client.sign_in("the-key-of-the-test").await;
    let session = reply.json()["session"].as_str().unwrap().to_owned();
    assert_eq!((reply.status, session.len()), (200, 32));
    assert_eq!(
        get(&mut client, "/dashboard/experiments", &session)
            .await
            .status,
        200
    );

    // What another site's page could do: ask whether it may, and be told nothing.
    let headers = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "DELETE"),
        ("access-control-request-headers", "authorization"),
    ];
    let asked = client
        .send("OPTIONS", "/dashboard/experiment", &headers, "")
        .await
        .unwrap();
    assert_eq!(
        (asked.status, asked.header("access-control-allow-origin")),
        (404, None)
    );
    assert_eq!(server.log(), "");
}

#[tokio::test]
async fn deleting_takes_a_session_too() {
    let server = server(&["--local"]).await;
    let (mut client, session) = (server.client(), session(&server.ready["dashboard_url"]));
    let path = "/dashboard/experiment?experiment=color&goal=viewed";
    let none = client.send("DELETE", path, &[], "").await.unwrap();
    assert_eq!(none.status, 401);
    let authorization = format!("Bearer {session}");
    let headers = [("authorization", authorization.as_str())];
    let mut delete = async |path: &str| {
        client
            .send("DELETE", path, &headers, "")
            .await
            .unwrap()
            .body
    };
    assert_eq!(delete(path).await, r#"{"deleted":1}"#);
    assert_eq!(
        delete("/dashboard/experiment?experiment=color&variant=red").await,
        r#"{"deleted":2}"#
    );
    assert_eq!(
        delete("/dashboard/experiments?experiment=color").await,
        r#"{"message":"not found"}"#
    );
    let left = server.experiments().await;
    let labels: Vec<&Value> = (left.iter())
        .map(|experiment| &experiment["variants"])
        .collect();
    assert_eq!(
        labels,
        [
            &json!([{"label": "v", "trials": 1}]),
            &json!([{"label": "blue", "trials": 1000}])
        ]
    );
}

#[tokio::test]
async fn a_name_that_leads_here_is_not_enough() {
    let local = server(&["--local"]).await;
    let own = Server::start(&["--store", "embedded"]);
    for (server, host, status) in [
        (&local, "evil.example", 421),
        (&local, "127.0.0.1.evil.example", 421),
        (&local, "192.168.0.1", 421),
        (&local, "localhost:1", 200),
        (&local, "127.0.0.1", 200),
        (&local, "[::1]:3000", 200),
        // Behind a proxy, with a name of its own.
        (&own, "ab.example.com", 200),
    ] {
        let mut client = server.client();
        client.host = host.to_owned();
        assert_eq!(client.get("/dashboard").await.status, status, "{host}");
        assert_ne!(client.get("/prod/experiments").await.status, 421, "{host}");
    }
}

#[tokio::test]
async fn a_dashboard_of_another_api_keeps_the_key_to_itself() {
    let mut server = server(&["--api-key", "hunter2-hunter2-hunter2"]).await;
    let home = home();
    let base = format!("http://{}/prod", server.address);
    let arguments = ["dashboard", "--url", &base, "--json", "-v"];
    let mut dashboard = line(&home, &arguments)
        .env("LAMED_API_KEY", "hunter2-hunter2-hunter2")
        .start();
    let ready: Value = serde_json::from_str(dashboard.until("\n")).unwrap();
    assert_eq!(ready["api"], base);
    let (address, _) = ready["dashboard_url"]
        .as_str()
        .unwrap()
        .split_once("/dashboard#")
        .unwrap();
    let address = address.strip_prefix("http://").unwrap();
    let (mut client, session) = (Client::new(address), session(&ready["dashboard_url"]));
    let home_page = client.get("/").await;
    assert_eq!(
        (home_page.status, home_page.header("location")),
        (302, Some("/dashboard"))
    );
    let mut seen = client.get("/dashboard").await.body;
    let overview = get(&mut client, "/dashboard/experiments", &session).await;
    assert_eq!(overview.json()["api"], base);
    seen.push_str(&overview.body);
    let document = get(
        &mut client,
        "/dashboard/experiment?experiment=color",
        &session,
    )
    .await;
    assert_eq!(document.status, 200);
    seen.push_str(&document.body);
    // Nobody signs in by the API key here.
    let refused = client.sign_in("hunter2-hunter2-hunter2").await;
    assert_eq!(
        (refused.status, &*refused.body),
        (
            403,
            r#"{"message":"this dashboard does not accept API keys: run `lamed dashboard` again"}"#
        )
    );
    server.kill();
    let gone = get(&mut client, "/dashboard/experiments", &session).await;
    assert_eq!(gone.status, 502);
    assert!(
        gone.body
            .starts_with(&format!(r#"{{"message":"cannot reach {base}: "#)),
        "{}",
        gone.body
    );
    dashboard.terminate();
    let end = dashboard.end();
    assert_eq!(end.code, Some(0));
    assert!(
        end.stderr.contains("path=\"/dashboard/experiment\""),
        "{}",
        end.stderr
    );
    for secret in ["hunter2-hunter2-hunter2", &session] {
        assert!(
            !seen.contains(secret) && !end.stderr.contains(secret),
            "{secret}"
        );
    }
}

#[test]
fn what_keeps_a_dashboard_from_starting_is_said_at_once() {
    let home = home();
    let dead = format!("http://127.0.0.1:{}/prod", free_port());
    let dashboard = |arguments: &[&str]| line(&home, &[&["dashboard"], arguments].concat());
    let outcome = dashboard(&["--url", &dead, "--no-open"]).run();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    assert!(
        outcome
            .stderr
            .starts_with(&format!("error: cannot reach {dead}: ")),
        "{}",
        outcome.stderr
    );
    dashboard(&["--url", &dead, "--listen", "0.0.0.0:0"]).gives(
        2,
        "",
        "error: other machines can reach `--listen 0.0.0.0:0`: use the dashboard of `lamed serve`, which asks for the \
         API key\n",
    );
}

//! OFREP as it stands on the wire.

use serde_json::{Value, json};

use super::{FLAGS, ODD, config, encoded, post, serve, serve_with};
use crate::support::{Client, Response};

fn context(user: &str) -> Value {
    json!({"context": {"targetingKey": user, "plan": {"name": "pro"}}})
}

async fn one(client: &mut Client, name: &str, user: &str) -> Response {
    let path = format!("{FLAGS}/{}", encoded(name));
    post(client, &path, &context(user)).await
}

fn found(key: &str, reason: &str, variant: &str) -> Value {
    match reason {
        "DISABLED" => json!({"key": key, "reason": reason, "variant": variant}),
        _ => json!({"key": key, "value": variant, "reason": reason, "variant": variant}),
    }
}

#[tokio::test]
async fn each_state_has_its_answer() {
    let server = serve();
    let mut client = server.client();
    // ann is in the sample of `ODD`, and user-1 is not.
    for (name, user, reason, variant) in [
        ("button color", "user-1", "SPLIT", "blue"),
        ("button color", "42", "SPLIT", "red"),
        ("stopped", "42", "STATIC", "red"),
        ("shipped", "user-1", "STATIC", "red"),
        (ODD, "user-1", "DISABLED", "red"),
        (ODD, "ann", "SPLIT", "red"),
    ] {
        let reply = one(&mut client, name, user).await;
        assert_eq!(
            (reply.status, reply.json()),
            (200, found(name, reason, variant)),
            "{name} {user}"
        );
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
    // The name of a run on the wire is nothing that pages know.
    for name in ["draft", "visitors", "empty", "other", "second #2"] {
        let reply = one(&mut client, name, "42").await;
        assert_eq!(
            (reply.status, reply.json()),
            (
                404,
                json!({
                    "key": name, "errorCode": "FLAG_NOT_FOUND",
                    "errorDetails": "no running, stopped or shipped experiment for users has this name",
                })
            )
        );
    }
    // Asking counts nothing.
    assert_eq!(server.experiments().await, [Value::Null; 0]);
}

#[tokio::test]
async fn names_are_found_as_providers_write_them() {
    let server = serve();
    let mut client = server.client();
    let body = context("42");
    for (path, name) in [
        (encoded(ODD), ODD),
        // As they are, but for what no address can have.
        ("50%%20off?%20a/b%20&%20%C3%BC".to_owned(), ODD),
        ("50%25%20off?%20a/b%20&%20%C3%BC".to_owned(), ODD),
        ("button%20color".to_owned(), "button color"),
        ("button%20color?v=1".to_owned(), "button color"),
        ("b%75tton%20color".to_owned(), "button color"),
        // As a form.
        ("button+color".to_owned(), "button color"),
        ("50%25+off%3F+a%2Fb+%26+%C3%BC".to_owned(), ODD),
    ] {
        // Some providers drop the path of their base URL.
        for flags in [FLAGS, FLAGS.strip_prefix("/prod").unwrap()] {
            let reply = post(&mut client, &format!("{flags}/{path}"), &body).await;
            assert_eq!(
                (reply.status, &reply.json()["key"]),
                (200, &json!(name)),
                "{path}"
            );
        }
    }
    for path in [
        "button%20color/",
        "%FF",
        "button%20color%3Fv=1",
        "?button%20color",
    ] {
        let reply = post(&mut client, &format!("{FLAGS}/x{path}"), &body).await;
        assert_eq!(reply.status, 404, "{path}");
    }
}

#[tokio::test]
async fn all_are_evaluated_at_once_and_not_sent_again() {
    let server = serve();
    let mut client = server.client();
    let reply = post(&mut client, FLAGS, &context("user-1")).await;
    assert_eq!(reply.status, 200);
    let flags = reply.json()["flags"].clone();
    let mut expected = Vec::new();
    // In natural order.
    for name in [
        ODD,
        "button color",
        "first half",
        "second",
        "shipped",
        "stopped",
    ] {
        expected.push(one(&mut client, name, "user-1").await.json());
    }
    assert_eq!(flags, Value::from(expected));
    let tag = reply.header("etag").unwrap();
    assert_eq!(reply.header("access-control-expose-headers"), Some("ETag"));
    let body = context("user-1").to_string();
    for known in [tag, &format!("W/{tag}"), &format!("\"other\", {tag}")] {
        let headers = [("if-none-match", known)];
        let again = client.send("POST", FLAGS, &headers, &body).await.unwrap();
        assert_eq!((again.status, &*again.body), (304, ""), "{known}");
        for name in [
            "etag",
            "access-control-expose-headers",
            "access-control-allow-origin",
        ] {
            assert_eq!(again.header(name), reply.header(name), "{name}");
        }
    }
    // Somebody who sees something else gets that.
    let headers = [("if-none-match", tag)];
    let body = context("42").to_string();
    let other = client.send("POST", FLAGS, &headers, &body).await.unwrap();
    assert_eq!(other.status, 200);
    assert_ne!(other.json()["flags"], flags);
}

#[tokio::test]
async fn what_is_wrong_has_its_code() {
    let server = serve();
    let mut client = server.client();
    let long = "x".repeat(257);
    for (body, code, details) in [
        (
            r#"{"context":{"targetingKey":42}}"#.to_owned(),
            "INVALID_CONTEXT",
            "`targetingKey` must be a string",
        ),
        (
            context(&long).to_string(),
            "INVALID_CONTEXT",
            "`targetingKey` is longer than 256 bytes",
        ),
        (
            r#"{"context":["ann"]}"#.to_owned(),
            "INVALID_CONTEXT",
            "`context` must be a JSON object",
        ),
        (
            r#"["ann"]"#.to_owned(),
            "PARSE_ERROR",
            "the body must be a JSON object with a `context`",
        ),
        (
            r#"{"context":"#.to_owned(),
            "PARSE_ERROR",
            "the body is not JSON: EOF while parsing a value at line 1 column 11",
        ),
    ] {
        for (name, has_key) in [("", false), ("/stopped", true), ("/button%20color", true)] {
            let reply = client.post(&format!("{FLAGS}{name}"), &body).await;
            let mut expected = json!({"errorCode": code, "errorDetails": details});
            if has_key {
                expected["key"] = json!(name.replace("%20", " ")[1..]);
            }
            assert_eq!((reply.status, reply.json()), (400, expected), "{body}");
        }
    }
    // The last of a repeated key counts, and nothing else of a context is of interest.
    let body = r#"{"context":1,"context":{"targetingKey":"a","deep":[[{"targetingKey":1}]],"targetingKey":"42"}}"#;
    let reply = client.post(&format!("{FLAGS}/button%20color"), body).await;
    assert_eq!((reply.status, &reply.json()["value"]), (200, &json!("red")));
    let reply = client.post(FLAGS, &" ".repeat(300_000)).await;
    assert_eq!(reply.status, 413);
    let gzip = [("content-encoding", "gzip")];
    let reply = client.send("POST", FLAGS, &gzip, "{}").await.unwrap();
    assert_eq!(reply.status, 415);
}

#[tokio::test]
async fn who_is_not_signed_in_sees_what_all_see() {
    let server = serve();
    let mut client = server.client();
    let missing = |name: &str| {
        json!({
            "key": name, "errorCode": "TARGETING_KEY_MISSING",
            "errorDetails": "`targetingKey` is missing in `context`: it is the id of the user",
        })
    };
    for body in [
        json!({}),
        json!({"context": null}),
        json!({"context": {"user": "ann"}}),
        context(""),
        json!({"context": {"targetingKey": null}}),
    ] {
        let reply = post(&mut client, &format!("{FLAGS}/button%20color"), &body).await;
        assert_eq!((reply.status, reply.json()), (400, missing("button color")));
        let reply = post(&mut client, &format!("{FLAGS}/shipped"), &body).await;
        let shipped = found("shipped", "STATIC", "red");
        assert_eq!((reply.status, reply.json()), (200, shipped.clone()));
        let reply = post(&mut client, &format!("{FLAGS}/draft"), &body).await;
        assert_eq!(reply.status, 404);
        let reply = post(&mut client, FLAGS, &body).await;
        let running = [ODD, "button color", "first half", "second"].map(missing);
        let mut flags = running.to_vec();
        flags.extend([shipped, found("stopped", "STATIC", "red")]);
        assert_eq!((reply.status, reply.json()), (200, json!({"flags": flags})));
    }
}

#[tokio::test]
async fn browsers_may_ask_and_a_rest_api_has_none_of_it() {
    let server = serve();
    let mut client = server.client();
    for path in [FLAGS.to_owned(), format!("{FLAGS}/button%20color")] {
        let reply = client.send("OPTIONS", &path, &[], "").await.unwrap();
        let header = |name: &str| reply.header(&format!("access-control-allow-{name}"));
        assert_eq!(
            (
                reply.status,
                header("methods"),
                header("headers"),
                header("origin")
            ),
            (
                200,
                Some("POST,OPTIONS"),
                Some("*,Authorization,Content-Type,If-None-Match,X-Api-Key"),
                Some("*")
            )
        );
        let reply = client.get(&path).await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some("POST,OPTIONS"))
        );
        // It takes no key, and minds none.
        let headers = [("x-api-key", "wrong"), ("authorization", "Bearer wrong")];
        let body = context("42").to_string();
        let sent = client.send("POST", &path, &headers, &body).await;
        assert_eq!(sent.unwrap().status, 200);
    }
    let reply = client
        .send("OPTIONS", "/prod/track", &[], "")
        .await
        .unwrap();
    assert_eq!(
        reply.header("access-control-allow-headers"),
        Some("*,Content-Type,X-Api-Key")
    );
    let local = serve_with(&config(), &["--local", "--store", "embedded"]);
    let reply = post(&mut local.client(), FLAGS, &context("42")).await;
    assert_eq!(reply.status, 403);
}

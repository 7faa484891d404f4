//! Plain `serve`: the same API with the manners of a server of one's own. What both edges share is
//! in `fixtures/gateway`.

use crate::support::Server;

#[tokio::test]
async fn a_server_of_ones_own_speaks_plain_http() {
    let server = Server::start(&["--store", "embedded", "--api-key", "k"]);
    let mut client = server.client();
    let key = [("x-api-key", "k")];
    let track = "/prod/track?experiment=a+b&variant=v&event=participate&uuid=1";
    let experiments = r#"[{"meta":{"scope":null}},{"experiment":"a b","goals":[],"variants":[{"label":"v","trials":1}]}]"#;
    let none: &[(&str, &str)] = &[];
    let wrong = [("x-api-key", "K")];
    for (method, path, headers, status, body) in [
        ("GET", track, none, 200, r#"{"counted":true}"#),
        ("GET", track, none, 200, r#"{"counted":false}"#),
        ("GET", "/prod/experiments", &key, 200, experiments),
        (
            "GET",
            "/prod/experiments",
            none,
            403,
            r#"{"message":"Forbidden"}"#,
        ),
        (
            "GET",
            "/prod/experiments",
            &wrong,
            403,
            r#"{"message":"Forbidden"}"#,
        ),
        (
            "GET",
            "/prod/track?variant=v",
            none,
            400,
            r#"{"message":"`experiment` is missing"}"#,
        ),
        (
            "GET",
            "/prod/nothing",
            none,
            404,
            r#"{"message":"not found"}"#,
        ),
        ("GET", "/", none, 404, r#"{"message":"not found"}"#),
        (
            "PUT",
            "/prod/track",
            none,
            405,
            r#"{"message":"method not allowed"}"#,
        ),
        ("HEAD", "/prod/track", none, 405, ""),
        ("OPTIONS", "/prod/delete", none, 200, ""),
        (
            "DELETE",
            "/prod/delete?experiment=a+b",
            &key,
            200,
            r#"{"deleted":1}"#,
        ),
    ] {
        let reply = client.send(method, path, headers, "").await.unwrap();
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (status, body),
            "{method} {path}"
        );
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("cache-control", "no-cache, no-store, must-revalidate"),
            ("content-type", "application/json"),
            ("pragma", "no-cache"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{method} {path}");
        }
        let allow = (status == 405).then_some("GET,POST,OPTIONS");
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
        let methods = (method == "OPTIONS").then_some("DELETE,OPTIONS");
        assert_eq!(
            reply.header("access-control-allow-methods"),
            methods,
            "{method} {path}"
        );
    }
    let body = " ".repeat(10 * 1024 * 1024 + 1);
    let reply = server.client().post("/prod/track", &body).await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (413, Some("*"))
    );
}

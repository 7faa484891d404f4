//! Names that are meant to become something else.

use super::requests::{KEY, edges, exchange};
use crate::support::{Redis, Server, query};

#[tokio::test]
async fn names_cannot_become_headers() {
    let injected = "a%0D%0AX-Injected:%201%0D%0A%0D%0A";
    for (server, _) in edges() {
        for query in [
            format!("experiment={injected}&variant=v&event=g&uuid=1"),
            format!("experiment=e&variant={injected}&event=g&uuid=1"),
            format!("experiment=e&variant=v&event={injected}&uuid=1"),
            format!("experiment=e&variant=v&event=g&uuid={injected}"),
            format!("experiment=e&variant=v&event=g&uuid=1&namespace={injected}"),
            format!("{injected}={injected}"),
        ] {
            let reply = server.client().get(&format!("/prod/track?{query}")).await;
            assert_eq!(
                (reply.status, reply.header("x-injected")),
                (400, None),
                "{query}"
            );
        }
        let path = exchange(
            &server,
            format!("GET /prod/{injected} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
        );
        assert!(!path.to_lowercase().contains("x-injected"), "{path}");
    }
}

/// Names by which one experiment's keys could be taken for another's. Each is counted, read and deleted
/// by itself, and none keeps the others from being read.
#[tokio::test]
async fn no_name_reaches_the_keys_of_another() {
    let redis = Redis::start(&[]);
    let server = Server::start(&["--store", &redis.url(), "--api-key", KEY]);
    let mut client = server.client();
    let names = [
        ("%3A", "g", "v"),
        (":", "g", "v"),
        ("%", "g", "v"),
        ("%25", "g", "v"),
        ("a:b", "g", "v"),
        ("a%3Ab", "g", "v"),
        ("counter_keys", "g", "v"),
        ("windows", "g", "v"),
        ("e", "g", "counter_keys"),
        ("counters:e:g", "g", "v"),
        ("days:e:g", "g", "v"),
        ("deleted:e:g", "g", "v"),
    ];
    for (experiment, event, variant) in names {
        let event = [
            ("experiment", experiment),
            ("variant", variant),
            ("event", event),
            ("uuid", "1"),
        ];
        let reply = client.get(&format!("/prod/track?{}", query(&event))).await;
        assert_eq!(reply.body, r#"{"counted":true}"#, "{experiment}");
    }
    assert_eq!(server.experiments().await.len(), names.len());
    let key = [("x-api-key", KEY)];
    for (experiment, _, _) in names {
        let path = format!("/prod/delete?{}", query(&[("experiment", experiment)]));
        let reply = client.send("DELETE", &path, &key, "").await.unwrap();
        assert_eq!(reply.body, r#"{"deleted":1}"#, "{experiment}");
    }
}

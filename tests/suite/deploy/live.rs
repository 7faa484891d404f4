//! "Is live" is checked by one request that counts nothing.

use serde_json::json;

use super::*;
use crate::support::{Redis, Server};

const UNREACHABLE: &str = r#"{"message":"the store cannot be reached: try again"}"#;

#[test]
fn what_is_live_is_asked_once_whether_it_answers() {
    let site = Site::new();
    site.aws.reset();
    site.deploy();
    assert_eq!(site.aws.probes(), 1);
    // What an earlier deploy has left may not answer.
    site.aws.reset();
    let outcome = site.deploy();
    assert_eq!(site.aws.probes(), 1);
    assert!(!outcome.stderr.contains("waiting"), "{outcome}");
    site.build("second");
    // News takes its time.
    site.aws.probed(&[
        (403, r#"{"message":"Missing Authentication Token"}"#),
        (500, r#"{"message": "Internal server error"}"#),
        (200, r#"{"counted":false}"#),
    ]);
    let outcome = site.deploy();
    assert_eq!(site.aws.probes(), 1 + 3);
    let waits = "waiting until the API answers…";
    assert_eq!(outcome.stderr.matches(waits).count(), 1, "{outcome}");
    site.aws.reset();
    let outcome = site.line(&["rollback", "--yes"]).run();
    assert_eq!((outcome.code, site.aws.probes()), (Some(0), 1), "{outcome}");
    site.line(&["rollback", "--to", "1", "--yes"]).run();
    site.deploy_line(&["--dry-run"]).run();
    site.line(&["status", "--bootstrap", "function.zip"]).run();
    assert_eq!(site.aws.probes(), 1);
}

#[test]
fn each_front_door_is_asked() {
    let site = Site::with_url();
    site.aws.slow_news(2);
    site.deploy();
    assert_eq!(site.aws.probes(), 1);
    site.configure(&with("/aws", json!({"front_door": "both"})));
    site.deploy();
    assert_eq!(site.aws.probes(), 1 + 2);
    site.build("second");
    site.deploy();
    site.aws.reset();
    let forbidden =
        r#"{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: x"}"#;
    site.aws.probed(&[(403, forbidden)]);
    let outcome = site.line(&["rollback", "--yes"]).run();
    let said = "the function URL lacks a permission: run `lamed deploy` again, which gives both";
    assert!(
        outcome.code == Some(1) && outcome.stderr.contains(said),
        "{outcome}"
    );
}

#[test]
fn what_does_not_answer_is_deployed_and_said_to_be_broken() {
    let site = Site::new();
    site.aws.probed(&[(503, UNREACHABLE)]);
    let outcome = site.deploy_line(&["--yes"]).run();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    let last = site.anonymous(outcome.stderr.lines().last().unwrap());
    assert_eq!(
        last,
        "error: deployed, but events cannot be counted yet: http://AWS/restapis/API/prod/_user_request_/track answers 503 \
         `the store cannot be reached: try again`: the function cannot reach its store: `lamed logs` shows the reason; \
         check the address, the password and the network of the store"
    );
    assert!(outcome.stderr.contains("created API key"), "{outcome}");
    // The deploy itself stays, and the next one does not say that all is well.
    let outcome = site.deploy_line(&["--yes"]).run();
    let said = "error: no changes needed, but events cannot be counted yet: ";
    assert!(
        outcome.code == Some(1) && outcome.stderr.contains(said),
        "{outcome}"
    );
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    site.build("second");
    site.deploy();
    site.aws
        .probed(&[(502, r#"{"message": "Internal server error"}"#)]);
    let outcome = site.line(&["rollback", "--yes", "--json"]).run();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    let said = "error: rolled back, but events cannot be counted yet: ";
    assert!(outcome.stderr.contains(said), "{outcome}");
    assert_eq!(site.live(), [1; 5]);
}

/// The request itself, as every home answers it.
#[tokio::test]
async fn a_probe_counts_nothing_and_needs_the_store() {
    let mut redis = Redis::start(&[]);
    for local in [&["--local"][..], &[]] {
        let url = redis.url();
        let server = Server::start(
            &[
                &["--store", &url, "--api-key", "the-key-of-the-test"],
                local,
            ]
            .concat(),
        );
        let mut client = server.client();
        let probe = "/prod/track?probe=1&experiment=e&variant=v&event=participate&uuid=1";
        for path in ["/prod/track?probe=1", "/prod/track?probe", probe] {
            let reply = client.get(path).await;
            assert_eq!(
                (reply.status, reply.json()),
                (200, json!({"counted": false}))
            );
        }
        assert_eq!(redis.keys(0).len(), 0);
        redis.kill();
        let reply = client.get("/prod/track?probe=1").await;
        assert_eq!((reply.status, reply.body.as_str()), (503, UNREACHABLE));
        redis.restart();
    }
}

//! The commands that speak to the deployed API find its URL and key by themselves.

use serde_json::json;

use super::*;
use crate::support::Server;

#[tokio::test]
async fn commands_speak_to_what_is_deployed() {
    let site = Site::new();
    let nothing = "error: there is no REST API `lamed` in region eu-west-1: run `lamed deploy`, or choose another region \
         by `--region`; `--local` means the API that `lamed serve --local` serves here\n";
    for command in [
        &["results"][..],
        &["snippet"],
        &["delete", "button color", "--yes"],
    ] {
        site.line(command).gives(1, "", nothing);
    }
    site.deploy();
    let state = site.aws.state();
    let key = state["api_keys"][0]["value"].as_str().unwrap();
    let server = Server::start(&["--local", "--store", "embedded", "--api-key", key]);
    site.aws.api_is_at(&server.address);
    let base = format!(
        "{}/restapis/{}/prod/_user_request_",
        site.aws.url(),
        state["apis"][0]["id"].as_str().unwrap()
    );

    let snippet = site.line(&["snippet"]).run();
    assert!(
        snippet.stdout.contains(&format!("\"{base}/track\"")),
        "{snippet}"
    );
    let event = json!({"experiment": "button color", "event": "participate", "variant": "blue", "uuid": "1"});
    let reply = server
        .client()
        .post("/prod/track", &event.to_string())
        .await;
    assert_eq!(reply.json(), json!({"counted": 1, "duplicates": 0}));
    let table = "button color · no goal reached yet
 variant         participants
 blue (control)             1
";
    site.line(&["results"]).gives(0, table, "");
    // A key that is given goes first.
    let outcome = site
        .line(&["results", "--api-key", "of-another-deployment"])
        .run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let outcome = site.line(&["delete", "button color", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    site.line(&["results"])
        .gives(0, "", "nothing is counted in namespace `alephbet` yet\n");
}

//! The commands that speak to the deployed API find its URL and key by themselves.

use serde_json::json;

use super::*;
use crate::support::{REMEMBERED, Server};

#[tokio::test]
async fn commands_speak_to_what_is_deployed() {
    let site = Site::new();
    let nothing = "error: `lamed` is not deployed in region eu-west-1: run `lamed deploy`, or choose another region \
         with `--region`; use `--local` for the API of `lamed serve --local`\n";
    for command in [
        &["results"][..],
        &["dashboard"],
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
    assert!(!snippet.stderr.contains("warning"), "{snippet}");
    assert!(
        snippet
            .stdout
            .contains(&format!("<script src=\"{base}/lamed.js\">")),
        "{snippet}"
    );
    let event = json!({"experiment": "button color", "event": "participate", "variant": "blue", "uuid": "1"});
    let reply = server
        .client()
        .post("/prod/track", &event.to_string())
        .await;
    assert_eq!(reply.json(), json!({"counted": 1, "duplicates": 0}));
    let table = "button color
 · No conversions yet
 variant  participants
 blue                1
";
    site.line(&["results"]).gives(0, table, "");
    let dashboard = ["dashboard", "--output", "results.html"];
    site.line(&dashboard).gives(0, "", "wrote `results.html`\n");
    let page = fs::read_to_string(site.home.path().join("results.html")).unwrap();
    assert!(page.contains("No conversions yet") && page.contains(&base) && !page.contains(key));
    // A key that is given goes first.
    let outcome = site
        .line(&["results", "--api-key", "of-another-deployment"])
        .run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let outcome = site.line(&["delete", "button color", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    site.line(&["results"])
        .gives(0, "", &format!("no events yet\n{REMEMBERED}"));
}

/// The API says with what each run began: a deploy of something else would make its results worthless.
#[tokio::test]
async fn what_a_run_stands_on_is_not_deployed_away() {
    let site = Site::new();
    let declare = |more: &str| {
        let mut config = config();
        let experiments = format!(r#"{{"color": {{"variants": {{"blue": 1, "red": 1}}{more}}}}}"#);
        config["experiments"] = serde_json::from_str(&experiments).unwrap();
        site.configure(&config);
        config["experiments"].clone()
    };
    let experiments = declare("");
    site.deploy();
    let state = site.aws.state();
    let key = state["api_keys"][0]["value"].as_str().unwrap();
    let home = tempfile::tempdir().unwrap();
    let config = json!({"experiments": experiments}).to_string();
    fs::write(home.path().join("config.json"), config).unwrap();
    let arguments = ["--local", "--store", "embedded", "--api-key", key];
    let server = Server::start_in(home, "127.0.0.1:0", &arguments);
    site.aws.api_is_at(&server.address);
    // Before the first event anything may change.
    declare(r#", "unit": "user""#);
    let outcome = site.deploy_line(&["--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let event =
        json!({"experiment": "color", "event": "participate", "variant": "blue", "uuid": "1"});
    server
        .client()
        .post("/prod/track", &event.to_string())
        .await;
    declare(r#", "sample": 1"#);
    let outcome = site.deploy_line(&["--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    declare(r#", "unit": "user", "planned_participants": 100"#);
    let outcome = site.deploy_line(&["--yes"]).run();
    let refusal = "error: experiment `color`: `unit` changed from visitor to user; `planned_participants` changed from \
                   none to 100; undo the change, or start a new run with `lamed restart`\n";
    assert!(
        outcome.code == Some(2) && outcome.stderr.ends_with(refusal),
        "{outcome}"
    );
    site.deploy_line(&["--dry-run"]).gives(2, "", refusal);
    declare(r#", "unit": "user", "planned_participants": 100, "run": 2"#);
    let outcome = site.deploy_line(&["--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn a_profile_that_is_named_signs_in_the_place_of_keys_in_the_environment() {
    let site = Site::new();
    let file = |name: &str, text: &str| {
        let file = site.home.path().join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let credentials = "\
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = secret

[work]
aws_access_key_id = AKIAWORK
aws_secret_access_key = secret
";
    let config = "\
[profile home]
aws_access_key_id = AKIAHOME
aws_secret_access_key = secret
";
    let files = [
        (
            "AWS_SHARED_CREDENTIALS_FILE",
            file("credentials", credentials),
        ),
        ("AWS_CONFIG_FILE", file("config", config)),
    ];
    let signers = |variable: &str, arguments: &[&str]| {
        site.aws.reset();
        let line = site.deploy_line(&[&["--yes"], arguments].concat());
        let line = files
            .iter()
            .fold(line, |line, (name, file)| line.env(name, file));
        let outcome = line.env("AWS_PROFILE", variable).run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let calls = site.aws.calls();
        let services: BTreeSet<&str> = calls.iter().map(|call| call.service()).collect();
        assert_eq!(services.len(), 5, "{services:?}");
        let keys: BTreeSet<String> = calls.into_iter().map(|call| call.key).collect();
        Vec::from_iter(keys)
    };
    // The first one writes, too.
    assert_eq!(signers("default", &["--profile", "work"]), ["AKIAWORK"]);
    assert_eq!(signers("default", &["--profile", "home"]), ["AKIAHOME"]);
    // As for the AWS CLI, a profile that only the environment names comes after keys there.
    assert_eq!(signers("work", &[]), ["AKIATEST"]);
}

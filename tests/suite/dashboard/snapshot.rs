//! The dashboard as one file.

use std::fs;

use serde_json::{Value, json};

use super::http::{get, session};
use super::server;
use crate::cli::mode;
use crate::support::line;

#[tokio::test]
async fn a_snapshot_is_one_file_with_all_that_the_page_shows() {
    let server = server(&["--local"]).await;
    let arguments = ["dashboard", "--local", "--output", "snapshot.html"];
    line(&server.home, &arguments).gives(0, "", "wrote `snapshot.html`\n");
    let file = server.home.path().join("snapshot.html");
    let page = fs::read_to_string(&file).unwrap();
    assert_ne!(mode(&file), 0o600, "it is made to be sent around");
    assert!(!page.contains(&server.key));
    assert!(page.contains("connect-src 'none'"));
    let (_, rest) = page.split_once(r#"id="snapshot">"#).unwrap();
    let (snapshot, _) = rest.split_once("</script>").unwrap();
    let mut snapshot: Value = serde_json::from_str(snapshot).unwrap();
    let (mut client, session) = (server.client(), session(&server.ready["dashboard_url"]));
    let overview = get(&mut client, "/dashboard/experiments", &session)
        .await
        .json();
    assert_eq!(snapshot["experiments"], overview);
    let table = get(
        &mut client,
        "/dashboard/experiment?experiment=color&csv=1",
        &session,
    );
    let table = table.await.json();
    assert_eq!(snapshot["details"]["color"]["csv"], table["csv"]);
    let mut documents = Vec::new();
    for control in ["blue", "red"] {
        let path = format!("/dashboard/experiment?experiment=color&control={control}");
        documents.push(get(&mut client, &path, &session).await.json());
    }
    let detail = &mut snapshot["details"]["color"];
    // No server will be asked for them.
    for goal in detail["usual"]["goals"].as_array_mut().unwrap() {
        let path = format!(
            "/dashboard/experiment?experiment=color&pairs={}",
            goal["goal"].as_str().unwrap()
        );
        let pairs = goal.as_object_mut().unwrap().remove("pairs").unwrap();
        assert_eq!(
            json!({ "pairs": pairs }),
            get(&mut client, &path, &session).await.json()
        );
    }
    assert_eq!(detail["usual"], documents[0]);
    // What the other control changes, put into that, is all of the other document.
    let mut other = detail["usual"].clone();
    let changes = &detail["others"]["red"];
    other["control"] = json!("red");
    other["verdict"] = changes["verdict"].clone();
    for (goal, changes) in (other["goals"].as_array_mut().unwrap().iter_mut())
        .zip(changes["goals"].as_array().unwrap())
    {
        goal["verdict"] = changes["verdict"].clone();
        for (side, versus) in (goal["variants"].as_array_mut().unwrap().iter_mut())
            .zip(changes["versus_control"].as_array().unwrap())
        {
            side["versus_control"] = versus.clone();
        }
    }
    for (place, day) in other["days"].as_array_mut().unwrap().iter_mut().enumerate() {
        for (goal, changes) in (day["goals"].as_array_mut().unwrap().iter_mut())
            .zip(changes["goals"].as_array().unwrap())
        {
            let ranges = changes["safe_intervals"][place].as_array().unwrap();
            for (side, range) in (goal["variants"].as_array_mut().unwrap().iter_mut()).zip(ranges) {
                side["safe_interval"] = range.clone();
            }
        }
    }
    assert_eq!(other, documents[1]);
    assert_eq!(detail["others"].as_object().unwrap().len(), 1);
    assert_eq!(snapshot["details"].as_object().unwrap().len(), 2);
    let to_stdout = line(&server.home, &["dashboard", "--local", "--output", "-"]).run();
    assert!(to_stdout.stdout.starts_with("<!doctype html>"));
}

/// What is at hand already is worth more than nothing.
#[tokio::test]
async fn a_snapshot_that_fails_leaves_what_was_there() {
    let server = server(&["--local"]).await;
    let file = server.home.path().join("snapshot.html");
    let arguments = [
        &["dashboard", "--local", "--api-key", "wrong"][..],
        &["--output", "snapshot.html"],
    ]
    .concat();
    let refused = || line(&server.home, &arguments).run().code;
    assert_eq!((refused(), file.exists()), (Some(1), false));
    fs::write(&file, "of last week").unwrap();
    let code = refused();
    let page = fs::read_to_string(&file).unwrap();
    assert_eq!((code, page.as_str()), (Some(1), "of last week"));
}

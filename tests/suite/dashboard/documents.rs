//! What the documents of the dashboard say.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::http::{get, session};
use super::{server, server_with, verdict};
use crate::cli::{count, home};
use crate::support::{Server, line};

const FULL_WEEK: &str = "Wait for a full week: only 1 day is counted so far, and visitors of weekdays and weekends differ.";

/// The HTML to paste follows the config of the running server.
#[tokio::test]
async fn the_snippet_is_that_of_the_present_config() {
    let server = server(&["--local"]).await;
    let (mut client, session) = (server.client(), session(&server.ready["dashboard_url"]));
    line(
        &server.home,
        &["new", "later", "--variants", "a,b", "--yes"],
    )
    .run();
    let wanted = line(&server.home, &["snippet", "--local"]).run().stdout;
    assert!(wanted.contains("lamed.run(\"later\""), "{wanted}");
    let start = Instant::now();
    loop {
        let overview = get(&mut client, "/dashboard/experiments", &session).await;
        let shown = overview.json()["snippet"].clone();
        if shown == wanted {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{shown}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn documents_say_what_results_say() {
    let server = server(&["--local"]).await;
    let (mut client, session) = (server.client(), session(&server.ready["dashboard_url"]));
    let mut overview = get(&mut client, "/dashboard/experiments", &session)
        .await
        .json();
    let winner = "red wins: 150 % more “clicked” (likely 81–267 %)";
    let recent = take_recent(&mut overview);
    assert_eq!(recent, [1, 2000], "participants of the last days");
    let base = format!("http://{}/prod", server.address);
    assert_eq!(
        overview,
        json!({
            "namespace": "alephbet",
            "default_namespace": "alephbet",
            "api": base,
            "snippet": line(&server.home, &["snippet", "--local"]).run().stdout,
            "experiments": [
                {"experiment": "a, b", "name": "a, b", "run": 1, "state": null, "shipped": null,
                    "hidden": false, "control": "v", "participants": 1, "variants": 1, "goals": 0,
                    "srm_alarm": false,
                    "verdict": {"kind": "no_goal", "variant": null, "text": "No conversions yet", "steps": []}},
                {"experiment": "color", "name": "color", "run": 1, "state": "running", "shipped": null,
                    "hidden": false, "control": "blue", "participants": 2000, "variants": 2,
                    "goals": 2, "srm_alarm": false,
                    "verdict": {"kind": "winner", "variant": "red", "text": winner, "steps": [FULL_WEEK]}},
            ],
        })
    );
    // The same as `results --json` says; pairs are made when asked for.
    let experiment = "/dashboard/experiment?experiment=color";
    let document = get(&mut client, experiment, &session).await.json();
    let results = line(&server.home, &["results", "--local", "--json", "color"])
        .run()
        .stdout;
    let results: Value = serde_json::from_str(&results).unwrap();
    assert_eq!(document, results["experiments"][0]);
    let mut pairs = Vec::new();
    for goal in ["clicked", "viewed"] {
        let path = format!("{experiment}&pairs={goal}");
        pairs.push(get(&mut client, &path, &session).await.json()["pairs"].clone());
    }
    let of = |pair: &Value| {
        format!(
            "{} / {}: {:+.2}",
            pair["variant"],
            pair["versus"],
            pair["difference"].as_f64().unwrap()
        )
    };
    let pairs: Vec<Vec<String>> = (pairs.iter())
        .map(|pairs| pairs.as_array().unwrap().iter().map(of).collect())
        .collect();
    let [one, other] = [r#""red" / "blue": +0.15"#, r#""blue" / "red": -0.15"#];
    assert_eq!(pairs, [vec![one, other], vec![]]);

    let switched = get(&mut client, &format!("{experiment}&control=red"), &session)
        .await
        .json();
    assert_eq!(
        (switched["control"].as_str(), verdict(&switched)),
        (
            Some("red"),
            "blue loses: 60 % fewer “clicked” (likely 45–73 %). Keep red"
        )
    );
    let odd = get(
        &mut client,
        "/dashboard/experiment?experiment=a%2C+b",
        &session,
    )
    .await;
    assert_eq!(
        (odd.status, verdict(&odd.json())),
        (200, "No conversions yet")
    );
    for (path, status, message) in [
        (
            "experiment?experiment=color&pairs=none",
            404,
            "experiment not found: color",
        ),
        (
            "experiment?experiment=none",
            404,
            "experiment not found: none",
        ),
        ("experiment", 400, "`experiment` is missing"),
        (
            "experiments?namespace=%07",
            400,
            "`namespace` contains a control character",
        ),
        ("nothing", 404, "not found"),
    ] {
        let reply = get(&mut client, &format!("/dashboard/{path}"), &session).await;
        assert_eq!(
            (reply.status, reply.json()),
            (status, json!({ "message": message }))
        );
    }
}

/// Takes what depends on the day out of the lines. How many participants the last days had.
fn take_recent(overview: &mut Value) -> Vec<u64> {
    let lines = overview["experiments"].as_array_mut().unwrap();
    let of_line = |line: &mut Value| {
        let line = line.as_object_mut().unwrap();
        let (recent, last) = (line.remove("recent"), line.remove("last_day"));
        let recent = recent.unwrap();
        let recent = recent.as_array().unwrap();
        assert_eq!(recent.last().map(|day| &day[0]), last.as_ref());
        recent.iter().map(|day| day[1].as_u64().unwrap()).sum()
    };
    lines.iter_mut().map(of_line).collect()
}

/// What is declared has a line and a document before its first event; in other namespaces it has not.
#[tokio::test]
async fn what_is_declared_is_there_before_its_first_event() {
    let home = home();
    let config = json!({"experiments": {
        "new": {"variants": {"blue": 50, "red": 50}, "goals": ["clicked"], "state": "draft"},
    }});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let (mut client, session) = (server.client(), session(&server.ready["dashboard_url"]));
    let list = get(&mut client, "/dashboard/experiments", &session).await;
    let line = &list.json()["experiments"][0];
    let facts = ["experiment", "state", "participants", "last_day", "recent"].map(|key| &line[key]);
    assert_eq!(json!(facts), json!(["new", "draft", 0, null, []]));
    let path = "/dashboard/experiment?experiment=new";
    let document = get(&mut client, path, &session).await.json();
    let sides = document["variants"].as_array().unwrap().len();
    assert_eq!((&document["state"], sides), (&json!("draft"), 2));
    let elsewhere = get(&mut client, &format!("{path}&namespace=other"), &session).await;
    assert_eq!(elsewhere.status, 404);
    let other = "/dashboard/experiments?namespace=other";
    let list = get(&mut client, other, &session).await.json();
    assert_eq!(list["experiments"], json!([]));
}

#[tokio::test]
async fn the_table_for_spreadsheets_is_that_of_the_terminal() {
    let server = server(&["--local"]).await;
    let (mut client, session) = (server.client(), session(&server.ready["dashboard_url"]));
    let path = "/dashboard/experiment?experiment=color&csv=1";
    let table = get(&mut client, path, &session).await.json();
    let arguments = ["results", "--local", "--csv", "color"];
    let printed = line(&server.home, &arguments).env("LC_ALL", "C").run();
    assert_eq!(table, json!({ "csv": printed.stdout }));
}

/// The interval that the chart of a day has is that of the verdict on that day.
#[tokio::test]
async fn each_day_has_the_range_of_the_verdict() {
    let server = server(&["--local"]).await;
    let (mut client, session) = (server.client(), session(&server.ready["dashboard_url"]));
    let path = "/dashboard/experiment?experiment=color";
    let document = get(&mut client, path, &session).await.json();
    let today = document["days"].as_array().unwrap().last().unwrap();
    let of_day = &today["goals"][0]["variants"];
    let now = &document["goals"][0]["variants"];
    let ranges = [&of_day[0]["safe_interval"], &of_day[1]["safe_interval"]];
    assert_eq!(ranges[0], &Value::Null, "of the control");
    assert!(ranges[1].is_array());
    assert_eq!(ranges[1], &now[1]["versus_control"]["sequential_interval"]);
}

/// Twenty requests of a stranger make 1,000 variants, and as many goals.
#[tokio::test]
async fn what_strangers_send_does_not_blow_up_the_documents() {
    // Not even where so many variants may be.
    let config = json!({"max_variants": 1000});
    let server = server_with(&["--local"], config).await;
    let names: Vec<String> = (0..1000).map(|number| format!("junk {number}")).collect();
    let events: Vec<(&str, &str, &str, usize)> = (names.iter())
        .flat_map(|name| {
            [
                ("junk", "participate", name.as_str(), 1),
                ("junk", name, name, 1),
            ]
        })
        .collect();
    count(&server, &events).await;
    let (mut client, session) = (server.client(), session(&server.ready["dashboard_url"]));
    let path = "/dashboard/experiment?experiment=junk";
    let document = get(&mut client, path, &session).await;
    assert!(document.body.len() < 1_500_000, "{}", document.body.len());
    let document = document.json();
    assert_eq!(
        document["others"],
        json!({"variants": 976, "participants": 976, "goals": 976, "conversions": 976})
    );
    let shown = |part: &str| document[part].as_array().unwrap().len();
    assert_eq!((shown("variants"), shown("goals")), (24, 24));
    let pairs = get(&mut client, &format!("{path}&pairs=junk+0"), &session).await;
    assert_eq!(pairs.json()["pairs"].as_array().unwrap().len(), 12 * 11);
    // A snapshot, a table and the API's own answer grow no faster than what was counted.
    let output = |arguments: &[&str]| {
        let outcome = line(&server.home, arguments).run();
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
        outcome.stdout
    };
    let snapshot = output(&["dashboard", "--local", "--output", "-"]);
    assert!(snapshot.len() < 8_000_000, "{}", snapshot.len());
    let table = output(&["results", "--local", "junk"]);
    assert!(table.contains("\n 976 others "), "{table}");
    assert!(
        table.ends_with("\n · 976 other undeclared goals: 976 conversions\n"),
        "{table}"
    );
    let key = [("x-api-key", server.key.as_str())];
    let experiments = client
        .send("GET", "/prod/experiments?days=1", &key, "")
        .await;
    let experiments = experiments.unwrap();
    assert!(
        experiments.body.len() < 500_000,
        "{}",
        experiments.body.len()
    );
}

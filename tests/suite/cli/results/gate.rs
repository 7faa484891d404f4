//! `lamed results --fail-on`: what CI stops on.

use std::fs;

use lamed::domain::Timestamp;
use serde_json::json;

use crate::cli::{count, home};
use crate::support::{REMEMBERED, Server, line};

#[tokio::test]
async fn ci_can_stop_on_results() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    let events = [
        ("e", "participate", "a", 3000),
        ("e", "participate", "b", 3000),
        ("e", "participate", "c", 3000),
        ("e", "g", "a", 150),
        ("e", "g", "b", 300),
        ("e", "g", "c", 60),
        ("off", "participate", "a", 1000),
        ("off", "participate", "b", 1300),
        ("open", "participate", "a", 10),
        ("open", "g", "a", 1),
        ("open", "participate", "b", 10),
    ];
    count(&server, &events).await;
    for (experiment, gates, error) in [
        ("e", "srm,undecided", ""),
        (
            "off",
            "undecided",
            "`--fail-on undecided`: experiment `off`: Visitors are split unevenly: 1,300 instead of about 1,150 saw “b”. \
             Do not use the results until you know why",
        ),
        (
            "e",
            "loser",
            "`--fail-on loser`: experiment `e`: goal `g`: c is worse than a",
        ),
        (
            "e",
            "srm,winner",
            "`--fail-on winner`: experiment `e`: goal `g`: b is better than a",
        ),
        (
            "off",
            "winner,srm,undecided",
            "`--fail-on srm`: experiment `off`: Visitors are split unevenly: 1,300 instead of about 1,150 saw “b”. \
             Do not use the results until you know why; \
             `--fail-on undecided`: experiment `off`: Visitors are split unevenly: 1,300 instead of about 1,150 saw “b”. \
             Do not use the results until you know why",
        ),
        (
            "open",
            "undecided",
            "`--fail-on undecided`: experiment `open`: Too early: each variant needs 30 visitors and 5 \
             conversions",
        ),
    ] {
        let results = ["results", "--local", experiment, "--fail-on", gates];
        let outcome = line(&server.home, &results).run();
        let (code, stderr) = if error.is_empty() {
            (0, String::new())
        } else {
            (1, format!("error: {error}\n"))
        };
        assert_eq!(
            (outcome.code, outcome.stderr),
            (Some(code), stderr),
            "{gates}"
        );
        assert!(outcome.stdout.starts_with(experiment), "{}", outcome.stdout);
    }
}

#[tokio::test]
async fn ci_stops_where_there_is_nothing_to_look_at() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    line(&server.home, &["results", "--local", "--fail-on", "srm"]).gives(
        1,
        "",
        &format!(
            "no events yet\n{REMEMBERED}error: cannot check `--fail-on`: no experiments found\n"
        ),
    );
}

/// "Unsubscribed" doubled, which is no win.
#[tokio::test]
async fn a_goal_where_less_is_better_fails_ci_when_it_rises() {
    let home = home();
    let goal = json!({"name": "unsubscribed", "better": "lower"});
    let config = json!({"experiments": {"e": {"goals": [goal]}}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let events = [
        ("e", "participate", "a", 1000),
        ("e", "participate", "b", 1000),
        ("e", "unsubscribed", "a", 60),
        ("e", "unsubscribed", "b", 120),
    ];
    count(&server, &events).await;
    let results = |arguments: &[&str]| {
        let results = ["results", "--local", "--color", "always"];
        line(&server.home, &[&results, arguments].concat())
    };
    let outcome = results(&["--fail-on", "winner"]).run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    for part in [
        "b loses: 100 % more “unsubscribed” (likely 27–245 %; fewer is better). Keep a",
        // Red, though it is higher.
        "\u{1b}[31m+100 % (27 to 245)",
        "\u{1b}[31m< 0.1 %",
    ] {
        assert!(
            outcome.stdout.contains(part),
            "{part:?}: {}",
            outcome.stdout
        );
    }
    let outcome = results(&["--fail-on", "loser"]).run();
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome
            .stderr
            .ends_with("goal `unsubscribed`: b is worse than a\n")
    );
    let csv = line(
        &server.home,
        &["results", "--local", "--csv", "--csv-separator", ","],
    )
    .run();
    let today = Timestamp::now().day().to_string();
    let end = csv
        .stdout
        .lines()
        .last()
        .unwrap()
        .rsplitn(14, ',')
        .skip(7)
        .take(6);
    let [time, on, decided, _, better, _] = end.collect::<Vec<_>>()[..] else {
        panic!("{}", csv.stdout)
    };
    assert_eq!((better, decided, on, time), ("lower", "worse", &*today, ""));
    // Beside a declared goal, another one may be a misspelled one.
    let note = "This goal is not declared in the config: check its name";
    assert!(!outcome.stdout.contains(note), "{outcome}");
    count(&server, &[("e", "unsubscribd", "a", 1)]).await;
    let outcome = results(&[]).run();
    assert_eq!(outcome.stdout.matches(note).count(), 1, "{outcome}");
}

//! `lamed results`

use std::fs;

use redis::Commands;
use serde_json::json;

use super::*;
use crate::support::{Redis, Server, line};

#[tokio::test]
async fn results_are_a_table() {
    let home = home();
    let config = json!({"experiments": {"button color": {"control": "red"}}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let arguments = ["--local", "--store", "embedded"];
    let server = Server::start_in(home, "127.0.0.1:0", &arguments);
    count(
        &server,
        &[
            ("button color", "participate", "blue", 1200),
            ("button color", "participate", "red", 1001),
            ("button color", "clicked", "blue", 77),
            ("button color", "clicked", "red", 1001),
            ("button color", "page view", "red", 1502),
            ("button color", "page view", "gone", 3),
            ("no goal yet", "participate", "10-Newest", 2),
            ("no goal yet", "participate", "2-New", 1),
            ("no goal yet", "participate", "1-Original", 1),
            ("שלום 🦀", "a,b|c", "\u{202e}right to left", 1),
            ("שלום 🦀", "participate", "日本語", 10),
            ("שלום 🦀", "a,b|c", "日本語", 5),
        ],
    )
    .await;
    let results =
        |arguments: &[&str]| line(&server.home, &[&["results", "--local"], arguments].concat());
    let no_goal_yet = " variant               participants
 1-Original (control)             1
 2-New                            1
 10-Newest                        2
";
    let table = format!(
        "\
button color
 goal       variant        participants  conversions       rate
 clicked    blue                  1,200           77     6.42 %
            gone                      0            0          –
            red (control)         1,001        1,001   100.00 %
 page view  blue                  1,200            0     0.00 %
            gone                      0            3          –
            red (control)         1,001        1,502  1.50 each

no goal yet · no goal reached yet
{no_goal_yet}
שלום 🦀
 goal   variant                   participants  conversions     rate
 a,b|c  \u{fffd}right to left (control)             0            1        –
        日本語                              10            5  50.00 %
"
    );
    results(&[]).gives(0, &table, "");
    let bold_and_dim = "\u{1b}[1mno goal yet\u{1b}[0m\u{1b}[2m · no goal reached yet\u{1b}[0m\n";
    let colored = format!("{bold_and_dim}{no_goal_yet}");
    results(&["no goal yet", "--color", "always"]).gives(0, &colored, "");
    results(&["no goal yet", "button colour"]).gives(
        1,
        "",
        "error: nothing is counted for experiment `button colour` in namespace `alephbet`\n",
    );
    results(&["--namespace", "other"]).gives(
        0,
        "",
        "nothing is counted in namespace `other` yet\n",
    );
}

#[tokio::test]
async fn results_are_json() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    let events = [
        ("e", "participate", "b", 3),
        ("e", "participate", "a", 4),
        ("e", "g", "b", 1),
        ("e", "g", "c\u{202e}", 1),
        ("f", "participate", "a", 1),
    ];
    count(&server, &events).await;
    let results = |arguments: &[&str]| {
        let results = ["results", "--local", "--json"];
        line(&server.home, &[&results, arguments].concat())
    };
    results(&["e"]).gives(
        0,
        concat!(
            r#"{"namespace":"alephbet","experiments":[{"experiment":"e","control":"a","variants":["#,
            r#"{"variant":"a","participants":4},{"variant":"b","participants":3},"#,
            r#"{"variant":"c\u202e","participants":0}],"goals":[{"goal":"g","variants":["#,
            r#"{"variant":"a","participants":4,"conversions":0,"rate":0.0},"#,
            r#"{"variant":"b","participants":3,"conversions":1,"rate":0.3333333333333333},"#,
            r#"{"variant":"c\u202e","participants":0,"conversions":1,"rate":null}]}]}]}"#,
            "\n"
        ),
        "",
    );
    results(&["--namespace", "n"]).gives(0, "{\"namespace\":\"n\",\"experiments\":[]}\n", "");
    results(&["g"]).gives(
        1,
        "",
        "error: nothing is counted for experiment `g` in namespace `alephbet`\n",
    );
}

/// The API takes no control characters, but Redis holds what others wrote there, too.
#[test]
fn results_cannot_write_to_the_terminal_what_they_like() {
    let redis = Redis::start(&[]);
    let (experiment, goal, variant) = ("\u{1b}[2Je", "\u{9b}31mg\n", "\u{1b}]0;v\u{7}");
    let mut connection = redis.connection();
    for (event, count) in [("participate", 2), (goal, 1)] {
        let key = format!("alephbet:counters:{experiment}:{event}:{variant}");
        let () = connection.sadd("alephbet:experiments", experiment).unwrap();
        let () = connection.sadd("alephbet:counter_keys", &key).unwrap();
        let () = connection
            .sadd(format!("alephbet:{experiment}:counter_keys"), &key)
            .unwrap();
        let () = connection.set(&key, count).unwrap();
    }
    let server = Server::start(&["--local", "--store", &redis.url()]);
    let results =
        |arguments: &[&str]| line(&server.home, &[&["results", "--local"], arguments].concat());
    results(&[]).gives(
        0,
        "\u{fffd}[2Je
 goal    variant           participants  conversions     rate
 \u{fffd}31mg\u{fffd}  \u{fffd}]0;v\u{fffd} (control)             2            1  50.00 %
",
        "",
    );
    results(&["--json"]).gives(
        0,
        concat!(
            r#"{"namespace":"alephbet","experiments":[{"experiment":"\u001b[2Je","#,
            r#""control":"\u001b]0;v\u0007","variants":[{"variant":"\u001b]0;v\u0007","#,
            r#""participants":2}],"goals":[{"goal":"\u009b31mg\n","variants":[{"#,
            r#""variant":"\u001b]0;v\u0007","participants":2,"conversions":1,"rate":0.5}]}]}]}"#,
            "\n"
        ),
        "",
    );
}

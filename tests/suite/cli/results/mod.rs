//! `lamed results`

mod gate;
mod json;

use std::fs;

use lamed::domain::Timestamp;
use redis::Commands;
use serde_json::json;

use super::*;
use crate::support::{REMEMBERED, Redis, Server, line};

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
            ("button color", "participate", "red", 1180),
            ("button color", "clicked", "blue", 77),
            ("button color", "clicked", "red", 150),
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
    let hint = "hint: use `lamed results --local NAME` to see an experiment in full\n";
    results(&[]).gives(0, LIST, hint);
    results(&["button color", "no goal yet", "שלום 🦀"]).gives(0, TABLES, "");
    let bold_and_dim = "\u{1b}[1mno goal yet\u{1b}[0m\n\u{1b}[2m · No conversions yet\u{1b}[0m\n";
    let plain = TABLES.split_once("No conversions yet\n").unwrap().1;
    let colored = format!("{bold_and_dim}{}", plain.split_once("\n\n").unwrap().0);
    results(&["no goal yet", "--color", "always"]).gives(0, &format!("{colored}\n"), "");
    results(&["no goal yet", "button colour"]).gives(
        1,
        "",
        "error: experiment `button colour` not found: did you mean \
         `button color`?\n",
    );
    results(&["--control", "green"]).gives(1, "", "error: variant `green` not found\n");
    results(&["--namespace", "other"]).gives(
        0,
        "",
        &format!("no events in namespace `other` yet\n{REMEMBERED}"),
    );
}

const LIST: &str = " experiment                  participants  verdict
 button color                       2,380  ✗ blue loses: 50 % fewer “clicked” (likely 25–68 %). …
 no goal yet (not declared)             4  · No conversions yet
 שלום 🦀 (not declared)                10  · “<U+202E>right to left” has conversions but no visi…
";

const TABLES: &str = "\
button color
 ✗ blue loses: 50 % fewer “clicked” (likely 25–68 %). Keep red
   - Wait for a full week: only 1 day is counted so far, and visitors of weekdays and weekends
     differ.
 clicked        participants     rate  change (safe range)                             chance to win
 red (control)         1,180  12.71 %                                               │
 blue                  1,200   6.42 %   −50 % (−68 to −25)  ├──────●───────┤        │        < 0.1 %
 gone                      0        –                                               │
                                                            −68 %                   0
 page view      participants  conversions  average
 red (control)         1,180        1,502     1.27
 blue                  1,200            0     0.00
 gone                      0            3        –
 · gone has conversions but no visitors: no winner chosen. Check that your pages count the visitors
   of gone

no goal yet
 · No conversions yet
 variant               participants
 1-Original (control)             1
 2-New                            1
 10-Newest                        2

שלום 🦀
 · “<U+202E>right to left” has conversions but no visitors: no winner chosen. Check that your pages
   count the visitors of “<U+202E>right to left”
 a,b|c                            participants  conversions  average
 <U+202E>right to left (control)             0            1        –
 日本語                                     10            5     0.50
";

#[tokio::test]
async fn results_are_a_spreadsheet() {
    let home = home();
    let config = json!({"experiments": {"=1+1": {"variants": {"a": 3, "off": 0}}}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let events = [
        ("=1+1", "participate", "a", 40),
        ("=1+1", "participate", "-b, \"c\"", 50),
        ("=1+1", "g", "a", 20),
        ("no goal", "participate", "a", 1),
    ];
    count(&server, &events).await;
    let csv = |arguments: &[&str], locale: &str| {
        let results = ["results", "--local", "--csv"];
        let results = line(&server.home, &[&results, arguments].concat());
        let outcome = results.env("LC_ALL", locale).run();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        outcome.stdout
    };
    let plain = csv(&[], "C");
    // By the mark, Excel knows UTF-8.
    let lines: Vec<&str> = plain.strip_prefix('\u{feff}').unwrap().lines().collect();
    // The columns that are simple to split: the first ones, and the last ones, which came last.
    let shown: Vec<String> = (lines.iter())
        .map(|line| {
            let first: Vec<&str> = line.split(',').take(8).collect();
            let last: Vec<&str> = line.rsplitn(14, ',').skip(7).take(6).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            format!("{} … {}", first.join(","), last.join(","))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "namespace,experiment,control,goal,kind,variant,participants,conversions … \
             weight,better,running_p_value,decided,decided_on,time",
            "alephbet,'=1+1,a,g,proportion,a,40,20 … 3,higher,,,,",
            "alephbet,'=1+1,a,g,proportion,\"'-b, \"\"c\"\"\",50 … ,higher,,,,",
            "alephbet,'=1+1,a,g,proportion,off,0,0 … 0,higher,,,,",
            "alephbet,no goal,a,,,a,1, … ,,,,,",
        ]
    );
    let columns = [0, 1, 3, 4].map(|line| lines[line].split(',').count());
    assert_eq!(columns, [46; 4]);
    // Where decimals have a comma, cells are parted by semicolons; the option says it in any locale.
    let german = csv(&[], "de_DE.UTF-8");
    assert!(
        german.contains(";g;proportion;a;40;20;0,5;0,3519952693"),
        "{german}"
    );
    assert_eq!(german, csv(&["--csv-separator", ";"], "C"));
    assert_eq!(plain, csv(&["--csv-separator", ","], "de_DE.UTF-8"));
}

#[tokio::test]
async fn results_are_watched_until_stopped() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    count(&server, &[("e", "participate", "a", 1)]).await;
    let watch = ["results", "--local", "--watch", "1"];
    let mut watched = line(&server.home, &watch).start();
    let first = watched.until("             1\n");
    // Not on a terminal, each look says when it was.
    let (stamp, rest) = first.split_once('\n').unwrap();
    let today = Timestamp::now().day().to_string();
    assert!(
        stamp.starts_with(&today) && stamp.ends_with(" UTC") && rest.starts_with("e\n"),
        "{first}"
    );
    count(&server, &[("f", "participate", "a", 3)]).await;
    watched.until(" f                      3 ");
    watched.interrupt();
    let outcome = watched.end();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_table_that_is_watched_has_one_head_and_the_time_in_each_row() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    count(&server, &[("e", "participate", "a", 1)]).await;
    let watch = ["results", "--local", "--watch", "1", "--csv"];
    let mut watched = line(&server.home, &watch).start();
    watched.until("UTC,");
    count(&server, &[("e", "participate", "b", 1)]).await;
    watched.until(",b,1,");
    let shown = watched.until("UTC,").to_owned();
    watched.interrupt();
    watched.end();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("namespace"))
            .count(),
        1,
        "{shown}"
    );
    let today = format!(",{}", Timestamp::now().day());
    assert!(
        lines.iter().skip(1).all(|line| line.contains(&today)),
        "{shown}"
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
        "<U+001B>[2Je
 · Only one variant so far: nothing to compare yet
 <U+009B>31mg<U+000A>  participants  conversions     rate
 <U+001B>]0;v<U+0007>             2            1  50.00 %
",
        "",
    );
    let json = results(&["--json"]).run().stdout;
    let names = [
        r#""\u001b[2Je""#,
        r#""\u009b31mg\n""#,
        r#""\u001b]0;v\u0007""#,
    ];
    assert!(names.iter().all(|name| json.contains(name)), "{json}");
    assert!(!json.trim_end().contains(char::is_control), "{json}");
    let csv = results(&["--csv"]).run().stdout;
    let row = "alephbet,<U+001B>[2Je,<U+001B>]0;v<U+0007>,<U+009B>31mg<U+000A>,proportion,<U+001B>]0;v<U+0007>,2,1,0.5";
    assert!(csv.contains(row), "{csv}");
    assert!(!csv.replace('\n', "").contains(char::is_control), "{csv}");
}

//! `lamed logs`

use super::*;
use crate::support::{Aws, Fault, When};

/// Logs these: a function, milliseconds from now, a message. Gives the time of each.
fn log(aws: &Aws, events: &[(&str, i64, &str)]) -> Vec<String> {
    let times = aws.script("put_logs.py", &[&json!(events).to_string()]);
    serde_json::from_str(&times).unwrap()
}

#[test]
fn logs_of_all_functions_are_one_list() {
    let (aws, home) = (Aws::start(), home());
    let logs = |arguments: &[&str]| aws.line(&home, &[&["logs"], arguments].concat());
    let place = format!("account {}, eu-west-1", aws.account);
    logs(&[]).gives(
        1,
        "",
        &format!(
            "error: no logs of `lamed` found in {place}: run `lamed deploy`, or choose another \
             region with `--region`\n"
        ),
    );
    let start = "INIT_START Runtime Version: provided:al2023";
    let report = "REPORT RequestId: 1\tDuration: 1.20 ms\t\n";
    let times = log(
        &aws,
        &[
            (
                "lamed-track",
                -60_000,
                "thread 'main' panicked at\n  the disco\u{1b}[31m\n\n",
            ),
            ("lamed-delete-experiment", -50_000, "{\"level\":\"WARN\"}\n"),
            ("lamed-track", -40_000, "redis\tis gone\n"),
            ("lamed-track", -70_000, start),
            ("lamed-track", -55_000, report),
            ("lamed-track", -3_000_000, "long ago"),
            ("foreign", -45_000, "not ours"),
        ],
    );
    let (panic, json, gone) = (&times[0], &times[1], &times[2]);
    let panicked =
        format!("{panic} lamed-track thread 'main' panicked at\n      the disco<U+001B>[31m\n");
    let deleted = format!("{json} lamed-delete-experiment {{\"level\":\"WARN\"}}\n");
    let gone = format!("{gone} lamed-track redis is gone\n");
    logs(&[]).gives(0, &format!("{panicked}{deleted}{gone}"), "");
    logs(&["--function", "lamed-delete-experiment", "--json"]).gives(
        0,
        &format!(
            "{{\"events\":[{{\"at\":\"{json}\",\"function\":\"lamed-delete-experiment\",\
             \"message\":\"{{\\\"level\\\":\\\"WARN\\\"}}\"}}]}}\n"
        ),
        "",
    );
    logs(&["--function", "lamed-track", "--since", "2h", "-v"]).gives(
        0,
        &format!(
            "{} lamed-track long ago\n{} lamed-track {start}\n{panicked}{} lamed-track {}\n{gone}",
            times[5],
            times[3],
            times[4],
            report.trim().replace('\t', " ")
        ),
        "",
    );
    logs(&["--since", "1s"]).gives(0, "", "no logs in the last 1s\n");
    logs(&["--function", "foreign"]).gives(
        2,
        "",
        "error: `--function foreign`: unknown function: expected one of lamed-track, lamed-all-experiments, \
         lamed-experiment, lamed-delete-experiment, lamed-client, lamed\n",
    );
    for since in ["", "m", "10", "1.5h", "-3s", "٣s", "3€", "10m "] {
        logs(&[&format!("--since={since}")]).gives(
            2,
            "",
            &format!(
                "error: invalid value '{since}' for '--since <TIME>': expected a whole number and a \
                 unit, for example 30s, 10m, 2h or 7d\n\nFor more information, try '--help'.\n"
            ),
        );
    }
    aws.deny("logs:FilterLogEvents");
    logs(&[]).gives(
        1,
        "",
        &format!(
            "error: the AWS credentials do not allow `logs:FilterLogEvents`: allow it in IAM for \
             `arn:aws:iam::{}:user/moto` on `*`\n",
            aws.account
        ),
    );
}

#[test]
fn following_shows_each_event_once_and_late_ones_too() {
    let (aws, home) = (Aws::start(), home());
    // Now and then AWS is busy.
    aws.fault("logs:FilterLogEvents", When::Nth(2), Fault::Throttled);
    let first = log(
        &aws,
        &[
            ("lamed-track", -40_000, "one"),
            ("lamed-track", -9_000, "two"),
        ],
    );
    let mut lines = aws.line(&home, &["logs", "--follow"]).start();
    lines.until(" two\n");
    let second = log(&aws, &[("lamed-experiment", -35_000, "late")]);
    lines.until(" late\n");
    let third = log(&aws, &[("lamed-track", -9_000, "new")]);
    lines.until(" new\n");
    lines.terminate();
    let outcome = lines.end();
    let expected = format!(
        "{} lamed-track one\n{} lamed-track two\n{} lamed-experiment late\n{} lamed-track new\n",
        first[0], first[1], second[0], third[0]
    );
    assert_eq!(
        (outcome.code, outcome.stdout, outcome.stderr),
        (Some(0), expected, String::new())
    );
    let mut lines = aws
        .line(
            &home,
            &["logs", "-f", "--json", "--function", "lamed-experiment"],
        )
        .start();
    let line = format!(
        "{{\"at\":\"{}\",\"function\":\"lamed-experiment\",\"message\":\"late\"}}\n",
        second[0]
    );
    assert_eq!(lines.until("}\n"), line);
    lines.terminate();
    assert_eq!(lines.end().code, Some(0));
}

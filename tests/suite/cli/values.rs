//! Goals with a value, as `lamed results` shows them.

use std::fs;

use serde_json::{Value, json};

use super::home;
use crate::support::{Server, line};

/// 600 visitors of each variant; blue sells 120 times for 20, red 120 times for 80, and once for more than the cap.
async fn shop() -> Server {
    let home = home();
    let goal = json!({"name": "order placed", "value": "EUR", "cap": 200});
    let config = json!({"experiments": {"price": {
        "variants": {"blue": 50, "red": 50}, "goals": [goal, "signed up"]}}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let mut events = Vec::new();
    for (variant, price) in [("blue", 20.0), ("red", 80.0)] {
        let mut push = |event: &str, number: usize, value: f64| {
            events.push(json!({
                "experiment": "price", "variant": variant, "event": event,
                "uuid": format!("{variant} {number}"), "value": value}));
        };
        (0..600).for_each(|number| push("participate", number, 0.0));
        (0..120).for_each(|number| push("order placed", number, price));
        (0..60).for_each(|number| push("signed up", number, 0.0));
    }
    events.push(
        json!({"experiment": "price", "variant": "red", "event": "order placed",
        "uuid": "a forged one", "value": 1e6}),
    );
    let mut client = server.client();
    for batch in events.chunks(100) {
        let body = Value::from(batch.to_vec()).to_string();
        assert_eq!(client.post("/prod/track", &body).await.status, 200);
    }
    server
}

#[tokio::test]
async fn results_of_values_are_a_table_and_markdown() {
    let server = shop().await;
    let results =
        |arguments: &[&str]| line(&server.home, &[&["results", "--local"], arguments].concat());
    let mut shown = String::new();
    for columns in ["140", "80", "50"] {
        let results = results(&[]).env("COLUMNS", columns).run();
        assert_eq!(results.stderr, "");
        shown.push_str(&format!("--- {columns}\n{}", results.stdout));
    }
    assert_eq!(shown, TABLES);
    results(&["--markdown"]).gives(0, MARKDOWN, "");
}

#[tokio::test]
async fn results_of_values_are_json_and_a_spreadsheet() {
    let server = shop().await;
    let results =
        |arguments: &[&str]| line(&server.home, &[&["results", "--local"], arguments].concat());
    let all: Value = serde_json::from_str(&results(&["--json"]).run().stdout).unwrap();
    let goal = &all["experiments"][0]["goals"][0];
    let of_red = &goal["variants"][1];
    assert_eq!(
        (&goal["kind"], &goal["value"]),
        (&json!("value"), &json!({"unit": "EUR", "cap": 200.0}))
    );
    // 120 × 80 + 200, and of 600 visitors. By scipy: t.interval(0.95, 599, mean, std/sqrt(600)).
    let worth = &of_red["worth"];
    assert_eq!(
        [&worth["total"], &worth["mean"]],
        [&json!(9800.0), &json!(9800.0 / 600.0)]
    );
    let near = |found: &Value, expected: f64| (found.as_f64().unwrap() - expected).abs() < 1e-9;
    assert!(near(&worth["per_conversion"], 9800.0 / 121.0), "{worth}");
    assert!(
        near(&worth["interval"][0], 13.696_378_890_995_66),
        "{worth}"
    );
    assert!(near(&worth["interval"][1], 18.970_287_775_671), "{worth}");
    let versus = &of_red["versus_control"];
    assert_eq!(
        [
            &versus["method"],
            &versus["chance_to_win"],
            &versus["expected_loss"]
        ],
        [&json!("welch"), &Value::Null, &Value::Null]
    );
    assert!(
        near(&versus["difference"], 9800.0 / 600.0 - 4.0),
        "{versus}"
    );
    let day = &all["experiments"][0]["days"][0]["goals"][0]["variants"][1]["worth"];
    assert_eq!(
        [&day["total"], &day["mean"]],
        [&json!(9800.0), &json!(9800.0 / 600.0)]
    );

    let csv = results(&["--csv", "--csv-separator", ","]).run().stdout;
    let row = csv
        .lines()
        .find(|line| line.contains(",value,red,"))
        .unwrap();
    let worth: Vec<&str> = row.rsplitn(8, ',').take(7).collect();
    let [per_conversion, high, low, mean, total, cap, unit] = worth[..] else {
        panic!("{row}")
    };
    assert_eq!(
        [unit, cap, total, mean],
        ["EUR", "200", "9800", "16.333333333333332"]
    );
    for (cell, number) in [(low, 13.69), (high, 18.97), (per_conversion, 80.99)] {
        let cell: f64 = cell.parse().unwrap();
        assert!((cell - number).abs() < 0.01, "{row}");
    }
}

const TABLES: &str = "\
--- 140
price
 ✓ red wins: 308 % more EUR per visitor from “order placed” (likely 176–504 %)
   - Wait for a full week: only 1 day is counted so far, and visitors of weekdays and weekends differ.
 order placed    participants  conversions     rate  per conversion  EUR per visitor  change (safe range)
 blue (control)           600          120  20.00 %           20.00             4.00                       │
 red                      600          121  20.17 %           80.99            16.33  +308 % (176 to 504)  │          ├────────●───────────┤
                                                                                                           0                          +504 %
 · Values above 200 EUR count as 200 EUR
 signed up       participants  conversions     rate  change (safe range)                                                    chance to win
 blue (control)           600           60  10.00 %                                        │
 red                      600           60  10.00 %      0 % (−46 to 84)  ├────────────────●─────────────────────────────┤         50.0 %
                                                                          −46 %            0                         +84 %
 … Not decided yet. No clear difference so far
--- 80
price
 ✓ red wins: 308 % more EUR per visitor from “order placed” (likely 176–504 %)
   - Wait for a full week: only 1 day is counted so far, and visitors of
     weekdays and weekends differ.
 order placed    participants     rate  EUR per visitor  change (safe range)
 blue (control)           600  20.00 %             4.00
 red                      600  20.17 %            16.33  +308 % (176 to 504)
 · Values above 200 EUR count as 200 EUR
 signed up       participants     rate  change (safe range)  chance to win
 blue (control)           600  10.00 %
 red                      600  10.00 %      0 % (−46 to 84)         50.0 %
 … Not decided yet. No clear difference so far
--- 50
price
 ✓ red wins: 308 % more EUR per visitor from
   “order placed” (likely 176–504 %)
   - Wait for a full week: only 1 day is counted
     so far, and visitors of weekdays and weekends
     differ.
 order placed    EUR per visitor  safe range
 blue (control)             4.00  │
 red                       16.33  │    ├───●─────┤
                                  0         +504 %
 · Values above 200 EUR count as 200 EUR
 signed up          rate  change (safe range)
 blue (control)  10.00 %
 red             10.00 %      0 % (−46 to 84)
 … Not decided yet. No clear difference so far
";

const MARKDOWN: &str = "\
### price

**red wins: 308 % more EUR per visitor from “order placed” (likely 176–504 %)**

- Wait for a full week: only 1 day is counted so far, and visitors of weekdays and weekends differ.

| order placed | participants | conversions | EUR per visitor | change (safe range) |
| --- | ---: | ---: | ---: | ---: |
| blue (control) | 600 | 120 | 4.00 |  |
| red | 600 | 121 | 16.33 | +308 % (176 to 504) |

Values above 200 EUR count as 200 EUR.

| signed up | participants | conversions | rate | change (safe range) |
| --- | ---: | ---: | ---: | ---: |
| blue (control) | 600 | 60 | 10.00 % |  |
| red | 600 | 60 | 10.00 % | 0 % (−46 to 84) |

Not decided yet. No clear difference so far

";

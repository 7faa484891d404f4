//! `lamed results --json`

use std::fs;

use lamed::domain::Timestamp;
use serde_json::{Value, json};

use crate::cli::{count, home};
use crate::support::{Server, line};

#[tokio::test]
async fn results_are_json() {
    let home = home();
    let config =
        json!({"experiments": {"e": {"variants": {"a": 1, "b": 1}, "minimum_effect": 0.5}}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let events = [
        ("e", "participate", "b", 50),
        ("e", "participate", "a", 40),
        ("e", "g", "b", 20),
        ("e", "g", "a", 6),
        ("e", "g", "c\u{202e}", 1),
        ("f", "participate", "a", 1),
    ];
    count(&server, &events).await;
    let results = |arguments: &[&str]| {
        let results = ["results", "--local", "--json"];
        line(&server.home, &[&results, arguments].concat())
    };
    let outcome = results(&["e"]).run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert!(outcome.stdout.contains(r"c\u202e"));
    let today = Timestamp::now().day().to_string();
    let versus = json!({
        "difference": 0.25,
        "difference_interval": [0.06249471523370029, 0.4093666850955284],
        "lift": 1.6666666666666667,
        "lift_interval": null,
        "z": 2.6001571698057617,
        "p_value": 0.009318107254445193,
        "method": "z",
        "sequential_interval": [-0.3756213968207064, 0.6071991805577309],
        "sequential_p_value": 0.6555613295521181,
        "running_p_value": 0.6555613295521181,
        "p_holm": 0.6555613295521181,
        "decided": null,
        "decided_on": null,
        "chance_to_win": 0.9952765874519517,
        "expected_loss": 0.00014366098142415846,
        "participants_needed": {"for_effect_seen": 113, "for_minimum_effect": 811},
    });
    let forecast =
        json!({"participants_per_day": null, "days": null, "participants_per_variant": 113});
    assert_eq!(
        nine_digits(serde_json::from_str(&outcome.stdout).unwrap()),
        nine_digits(json!({"namespace": "alephbet", "experiments": [{
            "experiment": "e",
            "name": "e",
            "run": 1,
            "state": "running",
            "shipped": null,
            "control": "a",
            "variants": [
                {"variant": "a", "participants": 40, "weight": 1},
                {"variant": "b", "participants": 50, "weight": 1},
                {"variant": "c\u{202e}", "participants": 0, "weight": null},
            ],
            "others": null,
            "srm": {
                "chi_square": 1.1111111111111112,
                "p_value": 0.29184054514378854,
                "sequential_p_value": 1.0,
                "alarm": false,
            },
            "verdict": {
                "kind": "keep_going",
                "variant": "b",
                "text": "Not decided yet. If b stays this far ahead: about 120 more visitors per variant. For a change of 50 %: about 820 more visitors per variant",
                "steps": [],
            },
            "plan": null,
            "forecast": forecast,
            "goals": [
                {
                    "goal": "g",
                    "kind": "proportion",
                    "value": null,
                    "better": "higher",
                    "variants": [
                        {
                            "variant": "a",
                            "participants": 40,
                            "conversions": 6,
                            "rate": 0.15,
                            "interval": [0.0706118771732036, 0.29072324366489705],
                            "worth": null,
                            "chance_to_be_best": 0.004723412548048296,
                            "versus_control": null,
                        },
                        {
                            "variant": "b",
                            "participants": 50,
                            "conversions": 20,
                            "rate": 0.4,
                            "interval": [0.27608389730256533, 0.5381856225241064],
                            "worth": null,
                            "chance_to_be_best": 0.9952765874519516,
                            "versus_control": versus,
                        },
                        {
                            "variant": "c\u{202e}",
                            "participants": 0,
                            "conversions": 1,
                            "rate": null,
                            "interval": null,
                            "worth": null,
                            "chance_to_be_best": null,
                            "versus_control": null,
                        },
                    ],
                    "other_conversions": 0,
                    "verdict": {
                        "kind": "keep_going",
                        "variant": "b",
                        "text": "Not decided yet. If b stays this far ahead: about 120 more visitors per variant. For a change of 50 %: about 820 more visitors per variant",
                        "steps": [],
                    },
                },
            ],
            "days": [
                {
                    "day": today,
                    "variants": [
                        {"variant": "a", "participants": 40},
                        {"variant": "b", "participants": 50},
                        {"variant": "c\u{202e}", "participants": 0},
                    ],
                    "goals": [
                        {
                            "goal": "g",
                            "variants": [
                                {
                                    "variant": "a",
                                    "conversions": 6,
                                    "rate": 0.15,
                                    "interval": [0.0706118771732036, 0.29072324366489705],
                                    "safe_interval": null,
                                    "worth": null,
                                },
                                {
                                    "variant": "b",
                                    "conversions": 20,
                                    "rate": 0.4,
                                    "interval": [0.27608389730256533, 0.5381856225241064],
                                    "safe_interval": [-0.3756213968207064, 0.6071991805577309],
                                    "worth": null,
                                },
                                {
                                    "variant": "c\u{202e}",
                                    "conversions": 1,
                                    "rate": null,
                                    "interval": null,
                                    "safe_interval": null,
                                    "worth": null,
                                },
                            ],
                        },
                    ],
                },
            ],
        }]})),
        "{}",
        outcome.stdout
    );
    results(&["--namespace", "n"]).gives(0, "{\"namespace\":\"n\",\"experiments\":[]}\n", "");
    results(&["g"]).gives(1, "", "error: experiment `g` not found\n");
}

/// Numbers of nine digits: the last ones may differ from machine to machine.
fn nine_digits(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            json!(format!("{:.8e}", number.as_f64().unwrap()))
        }
        Value::Array(values) => values.into_iter().map(nine_digits).collect(),
        Value::Object(map) => (map
            .into_iter()
            .map(|(key, value)| (key, nine_digits(value))))
        .collect(),
        other => other,
    }
}

//! Page, OFREP and `/track` give a user the same, and count it once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::providers::{base, node, run};
use super::{FLAGS, post, serve_with};
use crate::support::{Browser, Redis, Server, within};

const USERS: usize = 10_000;

/// So many events go into one request.
const BATCH: usize = 100;

/// So many connections ask side by side.
const CONNECTIONS: usize = 4;

fn user(number: usize) -> String {
    match number % 3 {
        0 => format!("{number}"),
        1 => format!("user-{number}@example.com"),
        _ => format!("ünï {number}/🦀"),
    }
}

/// By experiment and user: what `OFREP` says, as `lamed.js` would: no variant outside.
async fn evaluated(server: &Server) -> BTreeMap<String, Vec<Value>> {
    let mut all = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let mut client = server.client();
        all.spawn(async move {
            let mut answers = Vec::new();
            for number in (connection..USERS).step_by(CONNECTIONS) {
                let body = json!({"context": {"targetingKey": user(number)}});
                let reply = post(&mut client, FLAGS, &body).await.json();
                answers.push((number, reply["flags"].clone()));
            }
            answers
        });
    }
    let mut answers: Vec<_> = all.join_all().await.into_iter().flatten().collect();
    answers.sort_by_key(|(number, _)| *number);
    let mut by_experiment: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (_, flags) in answers {
        for flag in flags.as_array().unwrap() {
            let is_in = flag["reason"] == "SPLIT";
            assert_eq!(is_in, flag["value"] == flag["variant"], "{flag}");
            let name = flag["key"].as_str().unwrap().to_owned();
            let variant = if is_in {
                flag["value"].clone()
            } else {
                Value::Null
            };
            by_experiment.entry(name).or_default().push(variant);
        }
    }
    by_experiment
}

/// Sends an event of each user, and adds up the replies.
async fn track(server: &Server, event: impl Fn(usize) -> Value) -> [u64; 3] {
    let mut client = server.client();
    let mut sum = [0; 3];
    for first in (0..USERS).step_by(BATCH) {
        let batch: Value = (first..first + BATCH).map(&event).collect();
        let reply = post(&mut client, "/prod/track", &batch).await.json();
        for (place, name) in ["counted", "duplicates", "ignored"].into_iter().enumerate() {
            sum[place] += reply[name].as_u64().unwrap_or_default();
        }
        assert_eq!(reply["refused"], Value::Null, "{reply}");
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_users_get_the_same_from_lamed_js_ofrep_and_track() {
    let with = |run: u32| {
        json!({
            "unit": "user", "run": run, "sample": 0.7,
            "variants": {"blue": 50, "red": 30, "10": 20, "9": 1},
        })
    };
    let config = json!({"experiments": {"first": with(1), "again": with(2)}});
    let server = serve_with(&config, &["--store", "embedded"]);
    let script = server.client().get("/prod/lamed.js?json").await.json();
    let users: Vec<String> = (0..USERS).map(user).collect();
    let given = json!({"config": script, "users": users});
    let by_page = run(node("browser/ofrep/assign.mjs"), &base(&server), &given);
    let by_ofrep = evaluated(&server).await;
    for (name, wire) in [("first", "first"), ("again", "again #2")] {
        let by_page = by_page[name].as_array().unwrap();
        assert_eq!(by_page.len(), USERS);
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for ((user, page), ofrep) in users.iter().zip(by_page).zip(&by_ofrep[name]) {
            assert_eq!(&page[0], ofrep, "{name} {user}");
            // `AlephBet` itself, whose only run is the first; of the second it is told the name.
            assert_eq!(page[0], page[2], "{name} {user}");
            *counts
                .entry(page[0].as_str().unwrap_or_default())
                .or_default() += 1;
        }
        let outside = counts.remove("").unwrap();
        assert_eq!(
            counts.keys().copied().collect::<Vec<_>>(),
            ["10", "9", "blue", "red"]
        );
        assert!(
            outside.abs_diff(3000) < 250,
            "{outside} of 10,000 are outside of 0.7"
        );
        let tracked = track(
            &server,
            |number| json!({"experiment": name, "event": "participate", "user": user(number)}),
        );
        assert_eq!(tracked.await, [USERS as u64 - outside, 0, outside]);
        // What `lamed.js` would send has the same variant and the same key: each is a duplicate.
        let sent = track(&server, |number| {
            let [variant, uuid] = [0, 1].map(|place: usize| by_page[number][place].clone());
            match variant {
                Value::Null => {
                    json!({"experiment": name, "event": "participate", "user": user(number)})
                }
                _ => {
                    json!({"experiment": wire, "event": "participate", "variant": variant, "uuid": uuid})
                }
            }
        });
        assert_eq!(sent.await, [0, USERS as u64 - outside, outside]);
        let all = server.experiments().await;
        let counted = all.iter().find(|one| one["experiment"] == wire).unwrap();
        let mut expected: Vec<Value> = counts
            .iter()
            .map(|(label, trials)| json!({"label": label, "trials": trials}))
            .collect();
        // In natural order.
        expected.sort_by_key(|one| {
            one["label"]
                .as_str()
                .unwrap()
                .parse::<u8>()
                .unwrap_or(u8::MAX)
        });
        assert_eq!(counted["variants"], Value::from(expected));
    }
    // The draws of the two runs have nothing to do with each other.
    let same = (by_ofrep["first"].iter().zip(&by_ofrep["again"]))
        .filter(|(one, other)| one == other && !one.is_null());
    let same = same.count();
    assert!(
        same.abs_diff(1862) < 250,
        "{same} have the same variant in both"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_experiments_of_a_group_never_have_the_same_user() {
    let with = |from: f64, to: f64| {
        json!({
            "unit": "user", "variants": {"blue": 1, "red": 1},
            "group": {"name": "checkout", "from": from, "to": to},
        })
    };
    let ranges = [
        ("left", 0.0, 0.3),
        ("middle", 0.3, 0.8),
        ("right", 0.9, 1.0),
    ];
    let experiments: serde_json::Map<_, _> = (ranges.iter())
        .map(|(name, from, to)| ((*name).to_owned(), with(*from, *to)))
        .collect();
    let config = json!({"experiments": experiments});
    let server = serve_with(&config, &["--store", "embedded"]);
    let by_ofrep = evaluated(&server).await;
    for number in 0..USERS {
        let places = by_ofrep
            .values()
            .filter(|variants| !variants[number].is_null());
        assert!(places.count() <= 1, "{}", user(number));
    }
    let mut observed: Vec<(f64, f64)> = Vec::new();
    for (name, from, to) in ranges {
        let inside = by_ofrep[name]
            .iter()
            .filter(|variant| !variant.is_null())
            .count();
        observed.push((inside as f64, (to - from) * USERS as f64));
        let event =
            |number| json!({"experiment": name, "event": "participate", "user": user(number)});
        assert_eq!(
            track(&server, event).await,
            [inside as u64, 0, (USERS - inside) as u64]
        );
    }
    let [inside, expected] = [0, 1].map(|of| {
        observed
            .iter()
            .map(|pair| if of == 0 { pair.0 } else { pair.1 })
            .sum::<f64>()
    });
    observed.push((USERS as f64 - inside, USERS as f64 - expected));
    let chi_square: f64 = observed
        .iter()
        .map(|(seen, expected)| (seen - expected).powi(2) / expected)
        .sum();
    // Three degrees of freedom, p = 0.001.
    assert!(chi_square < 16.27, "{chi_square}: {observed:?}");
}

#[test]
fn one_user_on_three_devices_and_two_servers_is_one_participant() {
    within(Duration::from_mins(2), || {
        let redis = Redis::start(&[]);
        let config = json!({
            "redis": {"host": "127.0.0.1", "port": redis.port},
            "experiments": {"button color": {
                "unit": "user", "run": 2, "variants": {"blue": 50, "red": 50}, "goals": ["bought"],
            }},
        });
        let servers = [(); 2].map(|()| serve_with(&config, &["--store", "config"]));
        let runtime = Runtime::new().unwrap();
        let mut browser = Browser::start();
        let mut seen = Vec::new();
        // Each is a fresh browser.
        for device in 0..3 {
            let address = &servers[device % 2].address;
            let html = format!(
                "<!doctype html>\n<meta charset=\"utf-8\">\n\
                 <script src=\"http://{address}/prod/lamed.js\" data-user=\"user-1\"></script>\n\
                 <script>lamed.variant('button color'); lamed.complete('bought')</script>"
            );
            let answer = browser.ask(json!({"do": "use", "html": html, "steps": [
                {"until": "Object.keys(localStorage).length > 1 && \
                           !Object.values(localStorage).some(item => item.includes('\"event\":{'))"},
                {"read": "lamed.variant('button color')"},
            ]}));
            assert_eq!(answer["errors"], json!([]));
            seen.push(answer["read"][0].clone());
        }
        for server in &servers {
            let mut client = server.client();
            runtime.block_on(async {
                for (event, duplicates) in [("participate", 1), ("bought", 1)] {
                    let body =
                        json!({"experiment": "button color", "event": event, "user": "user-1"});
                    let reply = post(&mut client, "/prod/track", &body).await.json();
                    assert_eq!(reply, json!({"counted": 0, "duplicates": duplicates}));
                }
                let body = json!({"context": {"targetingKey": "user-1"}});
                let path = format!("{FLAGS}/button%20color");
                let reply = post(&mut client, &path, &body).await.json();
                seen.push(reply["value"].clone());
            });
        }
        let variant = seen[0].clone();
        assert!(seen.iter().all(|one| *one == variant), "{seen:?}");
        for server in &servers {
            let counted = runtime.block_on(server.experiments());
            let result = json!({"label": variant, "successes": 1, "trials": 1});
            assert_eq!(
                counted,
                [json!({
                    "experiment": "button color #2",
                    "goals": [{"goal": "bought", "results": [result]}],
                    "variants": [{"label": variant, "trials": 1}],
                })]
            );
        }
    });
}

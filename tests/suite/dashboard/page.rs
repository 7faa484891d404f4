//! The page in a real browser, against the real server.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::server;
use crate::cli::count;
use crate::support::{Browser, Server, line, within};

pub(super) const LIMIT: Duration = Duration::from_mins(2);

const HOSTILE: &str = "<img src=x onerror=\"window.owned=1\"><script>alert(1)</script>";

/// What the page shows of the experiment.
pub(super) const SHOWN: &str = r##"(() => ({
  title: document.getElementById("title")?.textContent,
  verdict: document.getElementById("verdict")?.dataset.verdict,
  control: document.getElementById("control")?.value,
  address: location.hash,
  goals: [...document.querySelectorAll("section.goal")].map(goal => goal.dataset.goal),
  scale: document.querySelector("table.results")?.dataset.scale,
  listed: [...document.querySelectorAll("#list a[data-experiment]")].map(a => a.dataset.experiment),
}))()"##;

pub(super) fn use_page(browser: &mut Browser, url: &Value, steps: Value) -> Value {
    let used = browser.ask(json!({"do": "use", "url": url, "steps": steps}));
    assert_eq!(
        (&used["errors"], &used["foreign"]),
        (&json!([]), &json!([]))
    );
    used["read"].clone()
}

pub(super) fn shown(experiment: &str) -> String {
    format!(
        "document.getElementById('title')?.textContent === {}",
        json!(experiment)
    )
}

/// Whether the start page shows a line.
pub(super) const LISTED: &str = "document.querySelector('#list a')";

pub(super) fn start(arguments: &'static [&'static str]) -> Server {
    Runtime::new().unwrap().block_on(server(arguments))
}

#[test]
fn a_reader_finds_an_experiment_and_looks_at_it_from_both_sides() {
    within(LIMIT, || {
        let server = start(&["--local"]);
        let url = &server.ready["dashboard_url"];
        let read = use_page(
            &mut Browser::start(),
            url,
            json!([
                {"until": LISTED},
                {"read": SHOWN},
                {"fill": ["#search", "COL"]},
                {"read": SHOWN},
                {"click": "#list a[data-experiment=color]"},
                {"until": shown("color")},
                {"read": SHOWN},
                {"select": ["#control", "red"]},
                {"until": "document.getElementById('verdict').dataset.verdict === 'control_best'"},
                {"click": "#scale input[value=absolute]"},
                {"until": "document.querySelector('table.results').dataset.scale === 'absolute'"},
                {"read": SHOWN},
                {"back": true},
                {"until": "document.querySelector('table.results').dataset.scale === 'relative'"},
                {"read": SHOWN},
                {"press": "r"},
                {"until": "document.getElementById('heard').textContent === 'Updated'"},
                {"read": "document.body.textContent.includes('session=')"},
            ]),
        );
        let blue = json!({"title": "color", "verdict": "winner", "control": "blue", "scale": "relative",
            "goals": ["clicked", "viewed"]});
        let expected = json!([
            {"address": "", "goals": [], "listed": ["color", "a, b"]},
            {"goals": [], "listed": ["color"]},
            blue,
            {"title": "color", "verdict": "control_best", "control": "red", "scale": "absolute"},
            {"title": "color", "verdict": "control_best", "control": "red", "scale": "relative"},
            false,
        ]);
        assert_includes(&read, &expected);
        let address = read[3]["address"].as_str().unwrap();
        assert!(
            address.contains("control=red") && address.contains("scale=absolute"),
            "{address}"
        );
    });
}

#[test]
fn the_key_signs_in_and_trouble_is_said() {
    within(LIMIT, || {
        let mut server = start(&["--api-key", "hunter2-hunter2-hunter2"]);
        let mut browser = Browser::start();
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let command = json!({"do": "use", "url": url, "steps": [
            {"until": "document.getElementById('key')"},
            {"fill": ["#key", "hunter3"]},
            {"press": "Enter"},
            {"until": "document.getElementById('sign-in-error').textContent !== ''"},
            {"read": "document.getElementById('sign-in-error').textContent"},
            {"fill": ["#key", "hunter2-hunter2-hunter2"]},
            {"press": "Enter"},
            {"until": LISTED},
            {"read": "[location.href, document.documentElement.outerHTML, JSON.stringify(sessionStorage)]
                .some(text => text.includes('hunter'))"},
            {"open": format!("{url}#experiment=none")},
            {"until": "document.getElementById('main').textContent.includes('experiment not found: none')"},
            {"axe": true},
        ]});
        let used = browser.ask(command);
        assert_eq!(used["read"], json!(["wrong API key", false, []]));
        // The browser's own words for the 403 and the 404.
        let errors = used["errors"].as_array().unwrap();
        assert!(
            errors.len() == 2
                && errors
                    .iter()
                    .all(|error| error.as_str().unwrap().contains("status of 40")),
            "{errors:?}"
        );

        // A page that is open while its server goes away keeps what it shows.
        let dashboard = line(
            &server.home,
            &[
                "dashboard",
                "--url",
                &format!("http://{}/prod", server.address),
                "--api-key",
                "hunter2-hunter2-hunter2",
                "--json",
            ],
        );
        let mut dashboard = dashboard.start();
        let ready: Value = serde_json::from_str(dashboard.until("\n")).unwrap();
        let used = browser
            .ask(json!({"do": "use", "url": ready["dashboard_url"], "steps": [{"until": LISTED}]}));
        assert_eq!(used["errors"], json!([]));
        server.kill();
        let used = browser.ask(json!({"do": "use", "url": ready["dashboard_url"], "steps": [
            {"until": "document.getElementById('failure')"},
            {"read": "document.getElementById('failure').textContent.includes('cannot reach http://127.0.0.1')"},
            {"axe": true},
        ]}));
        assert_eq!(used["read"], json!([true, []]));
    });
}

#[test]
fn names_are_text_whatever_they_hold() {
    within(LIMIT, || {
        let server = Server::start(&["--local", "--store", "embedded"]);
        let long = "x".repeat(200);
        Runtime::new().unwrap().block_on(count(
            &server,
            &[
                (HOSTILE, "participate", HOSTILE, 400),
                (HOSTILE, "participate", &long, 400),
                (HOSTILE, HOSTILE, HOSTILE, 40),
                (HOSTILE, HOSTILE, &long, 44),
                (HOSTILE, "__proto__", "constructor", 3),
            ],
        ));
        let mut browser = Browser::start();
        let steps = json!([
            {"click": "#list a"},
            {"until": shown(HOSTILE)},
            {"read": "[document.images.length, 'owned' in window]"},
            {"read": SHOWN},
            {"read": "document.documentElement.scrollWidth <= innerWidth"},
        ]);
        let snapshot = server.home.path().join("snapshot.html");
        line(
            &server.home,
            &["dashboard", "--local", "--output", "snapshot.html"],
        )
        .run();
        for url in [
            server.ready["dashboard_url"].clone(),
            json!(format!("file://{}", snapshot.display())),
        ] {
            let read = use_page(&mut browser, &url, steps.clone());
            let expected =
                json!([[0, false], {"title": HOSTILE, "goals": [HOSTILE, "__proto__"]}, true]);
            assert_includes(&read, &expected);
        }
    });
}

#[test]
fn a_thousand_experiments_are_listed_and_searched() {
    within(LIMIT, || {
        let server = Server::start(&["--local", "--store", "embedded"]);
        let runtime = Runtime::new().unwrap();
        let names: Vec<String> = (0..1000)
            .map(|number| format!("experiment {number}"))
            .collect();
        let counts: Vec<(&str, &str, &str, usize)> = (names.iter())
            .flat_map(|name| {
                [
                    (name.as_str(), "participate", "a", 1),
                    (name, "participate", "b", 1),
                    (name, "g", "a", 1),
                ]
            })
            .collect();
        runtime.block_on(count(&server, &counts));
        let read = use_page(
            &mut Browser::start(),
            &server.ready["dashboard_url"],
            json!([
                {"until": LISTED},
                {"read": "document.querySelectorAll('#list a[data-experiment]').length"},
                {"read": "window.made = [...document.querySelectorAll('#list li')], 0"},
                {"fill": ["#search", "99"]},
                {"read": SHOWN},
                {"fill": ["#search", ""]},
                {"read": "[...document.querySelectorAll('#list li')].every((line, place) => line === window.made[place])"},
            ]),
        );
        assert_eq!(read[0], 1000);
        assert_eq!(read[2]["listed"].as_array().unwrap().len(), 19);
        assert_eq!(read[3], true, "each line is made once");
    });
}

#[test]
fn everybody_can_read_it() {
    within(LIMIT, || {
        let server = start(&["--local"]);
        let snapshot = server.home.path().join("snapshot.html");
        line(
            &server.home,
            &["dashboard", "--local", "--output", "snapshot.html"],
        )
        .run();
        let file = format!("file://{}", snapshot.display());
        let live = server.ready["dashboard_url"].as_str().unwrap();
        let mut browser = Browser::start();
        let all_open = "document.querySelectorAll('details:not(.menu)').forEach(details => { details.open = true })";
        for (url, width, dark) in [(live, 1280, false), (live, 360, true), (&*file, 1280, true)] {
            let used = browser.ask(
                json!({"do": "use", "url": url, "width": width, "dark": dark, "steps": [
                    {"until": "document.querySelector('#list a[data-experiment=color]')"},
                    {"axe": true},
                    {"click": "#list a[data-experiment=color]"},
                    {"until": shown("color")},
                    {"read": all_open},
                    {"axe": true},
                    {"read": "document.documentElement.scrollWidth <= innerWidth"},
                    {"read": "document.querySelectorAll('[data-do=delete]').length > 0"},
                ]}),
            );
            let can_delete = url == live;
            assert_eq!(
                used["read"],
                json!([[], null, [], true, can_delete]),
                "{url} {width}"
            );
            assert_eq!(
                (&used["errors"], &used["foreign"]),
                (&json!([]), &json!([]))
            );
        }
    });
}

/// A snapshot shows what the server showed, with either control, once the server is gone.
#[test]
fn a_snapshot_switches_controls_without_a_server() {
    const SECTIONS: &str = "[...document.querySelectorAll('#verdict, section.goal')].map(section => section.innerText)";
    within(LIMIT, || {
        let mut server = start(&["--local"]);
        let file = server.home.path().join("snapshot.html");
        line(
            &server.home,
            &["dashboard", "--local", "--output", "snapshot.html"],
        )
        .run();
        let mut browser = Browser::start();
        let mut read = |url: String| {
            let url = json!(format!("{url}experiment=color"));
            let steps = json!([
                {"until": shown("color")},
                {"read": SHOWN},
                {"read": SECTIONS},
                {"select": ["#control", "red"]},
                {"until": "document.getElementById('verdict').dataset.verdict === 'control_best'"},
                {"read": SHOWN},
                {"read": SECTIONS},
            ]);
            use_page(&mut browser, &url, steps)
        };
        let live = read(format!(
            "{}&",
            server.ready["dashboard_url"].as_str().unwrap()
        ));
        server.kill();
        let of_snapshot = read(format!("file://{}#", file.display()));
        assert_eq!(of_snapshot, live);
        let expected = json!([
            {"verdict": "winner", "control": "blue"}, live[1],
            {"verdict": "control_best", "control": "red"}, live[3],
        ]);
        assert_includes(&live, &expected);
    });
}

/// Whether what was read has at least what was expected.
#[track_caller]
pub(super) fn assert_includes(read: &Value, expected: &Value) {
    fn includes(read: &Value, expected: &Value) -> bool {
        match (read, expected) {
            (Value::Array(read), Value::Array(expected)) => {
                read.len() == expected.len()
                    && read.iter().zip(expected).all(|(r, e)| includes(r, e))
            }
            (Value::Object(read), Value::Object(expected)) => expected
                .iter()
                .all(|(key, value)| read.get(key).is_some_and(|r| includes(r, value))),
            _ => read == expected,
        }
    }
    assert!(
        includes(read, expected),
        "expected {expected:#}\nread {read:#}"
    );
}

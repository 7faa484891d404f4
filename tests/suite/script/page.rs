//! Pages with `lamed.js` in a real browser, counted by a real server.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Browser, Server, line, within};

const LIMIT: Duration = Duration::from_mins(3);

const COLOR: &str = "button color";
const ODD: &str = "50% off: צבע + \"כן\" & <b>🦀</script>\\ '{{experiments}}' =";
const CLICKED: &str = "button clicked";
const VISITORS: usize = 12;

fn serve() -> Server {
    let home = tempfile::tempdir().unwrap();
    let config = json!({"experiments": {
        COLOR: {"variants": {"blue": 50, "red": 50}, "goals": [CLICKED, {"name": "viewed", "unique": false}]},
        ODD: {"control": "א", "variants": {"א": 1, "</script>": 1}, "goals": [CLICKED]},
    }});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    Server::start_in(
        home,
        "127.0.0.1:0",
        &["--store", "embedded", "--api-key", "the-key-of-the-test"],
    )
}

fn snippet(server: &Server, arguments: &[&str]) -> String {
    let url = format!("http://{}/prod", server.address);
    let outcome = line(
        &server.home,
        &[&["snippet", "--quiet", "--url", &url], arguments].concat(),
    )
    .run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    outcome.stdout
}

/// By experiment and event: how often each variant was counted.
fn counted(server: &Server) -> BTreeMap<(String, String), BTreeMap<String, u64>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut counted = BTreeMap::new();
    for experiment in Runtime::new().unwrap().block_on(server.experiments()) {
        let name = text(&experiment["experiment"]);
        let mut add = |event: String, counts: &Value, number: &str| {
            let counts = counts.as_array().unwrap().iter();
            let counts = counts.filter(|count| count[number] != 0);
            let by_variant =
                counts.map(|count| (text(&count["label"]), count[number].as_u64().unwrap()));
            counted.insert((name.clone(), event), by_variant.collect());
        };
        add("participate".to_owned(), &experiment["variants"], "trials");
        for goal in experiment["goals"].as_array().unwrap() {
            add(text(&goal["goal"]), &goal["results"], "successes");
        }
    }
    counted
}

/// Visitors who reach a goal by a click that leads to another page at once: each with what they saw, first
/// `COLOR`, then `ODD`.
fn visit(browser: &mut Browser, snippet: &str) -> Vec<[String; 2]> {
    let names = serde_json::to_string(&[COLOR, ODD])
        .unwrap()
        .replace('<', "\\u003c");
    let html = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>A shop</title>\n{snippet}\n\
         <p data-lamed=\"{COLOR}\" data-lamed-variant=\"red\" hidden>Red!</p>\n\
         <a id=\"buy\" href=\"/?end\" onclick='lamed.complete(\"viewed\")' data-lamed-goal=\"{CLICKED}\">Buy</a>\n\
         <script>const names = {names}</script>\n"
    );
    let visitor = |_| {
        let answer = browser.ask(json!({"do": "use", "html": html, "steps": [
            {"read": "names.map(name => lamed.variant(name))"},
            // At a first visit the browser's tabs first agree on who the visitor is.
            {"until": "document.querySelector('p').hidden === (lamed.variant(names[0]) !== 'red')"},
            {"read": "[document.querySelector('p').hidden, getComputedStyle(document.documentElement).opacity]"},
            {"click": "#buy"},
            {"until": "location.search === '?end' && document.readyState === 'complete'"},
            // A page again, and the same goal again.
            {"click": "#buy"},
            {"until": "document.readyState === 'complete' && Object.keys(localStorage).length > 1 && \
                       !Object.values(localStorage).some(item => item.includes('\"event\":{'))"},
            {"read": "names.map(name => lamed.variant(name))"},
        ]}));
        assert_eq!(
            (&answer["errors"], &answer["foreign"]),
            (&json!([]), &json!([]))
        );
        let read = answer["read"].as_array().unwrap();
        assert_eq!(read[0], read[2], "another variant");
        assert_eq!(read[1], json!([read[0][0] != "red", "1"]));
        serde_json::from_value(read[0].clone()).unwrap()
    };
    (0..VISITORS).map(visitor).collect()
}

fn add(expected: &mut BTreeMap<String, u64>, seen: &str, times: u64) {
    *expected.entry(seen.to_owned()).or_default() += times;
}

#[test]
fn a_goal_in_the_moment_of_a_navigation_is_counted_exactly_once() {
    within(LIMIT, || {
        let mut browser = Browser::start();
        for form in [&[][..], &["--inline"]] {
            let server = serve();
            let visitors = visit(&mut browser, &snippet(&server, form));
            let (mut once, mut viewed) = ([BTreeMap::new(), BTreeMap::new()], BTreeMap::new());
            for [color, odd] in &visitors {
                add(&mut once[0], color, 1);
                add(&mut once[1], odd, 1);
                add(&mut viewed, color, 2);
            }
            let key = |experiment: &str, event: &str| (experiment.to_owned(), event.to_owned());
            let [color, odd] = once;
            let expected = BTreeMap::from([
                (key(COLOR, "participate"), color.clone()),
                (key(COLOR, CLICKED), color),
                (key(COLOR, "viewed"), viewed),
                (key(ODD, "participate"), odd.clone()),
                (key(ODD, CLICKED), odd),
            ]);
            assert_eq!(counted(&server), expected, "{form:?}");
        }
    });
}

#[test]
fn a_variant_can_be_looked_at_without_being_counted() {
    within(LIMIT, || {
        let server = serve();
        let html = format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n{}",
            snippet(&server, &[])
        );
        let mut browser = Browser::start();
        let answer = browser.ask(json!({"do": "use", "html": html, "steps": [
            {"until": "location.search = '?lamed.button+color=red'"},
            {"until": "document.readyState === 'complete' && document.documentElement.dataset.lamedPreview"},
            {"read": "[lamed.variant('button color'), Object.keys(localStorage).length]"},
        ]}));
        // The first page, before it was left, took part.
        assert_eq!(answer["read"][0][0], "red", "{answer}");
        assert_eq!(answer["errors"], json!([]));
    });
}

//! The snippet on pages where something is wrong: the page's own code, the storage, the names, the
//! number of snippets. Whatever it is, visitors are counted once, and the page goes on.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::*;

/// The variant whose code fails on some pages.
const RED: &str = r#""red": {weight: 50, activate: function () {
        // your code: show this variant"#;

const CLICKED: &str = "button clicked";

fn config(namespace: &str, experiment: &str) -> Value {
    json!({"namespace": namespace, "experiments": {experiment: {
        "variants": {"blue": 50, "red": 50},
        "goals": [CLICKED, {"name": PAGE_VIEW, "unique": false}],
    }}})
}

/// The snippet of a config, for the API of the server.
fn snippet_of(server: &Server, config: &Value) -> String {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let url = format!("http://{}/prod", server.address);
    let outcome = line(&home, &["snippet", "--alephbet", "--url", &url]).run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    outcome.stdout
}

fn start() -> (Server, String) {
    let server = Server::start(&["--local", "--store", "embedded"]);
    let snippet = snippet_of(&server, &config("alephbet", COLOR));
    (server, snippet)
}

impl Browser {
    /// Opens a page and runs a script in it.
    fn open(&mut self, html: &str, script: &str) -> Visit {
        Visit(self.ask(json!({"do": "visit", "html": html, "script": script})))
    }
}

/// What was counted of an event, whatever the variant.
fn total(experiments: &[Value], event: &str) -> u64 {
    let sum = |counts: &Value, count: &str| -> u64 {
        let counts = counts.as_array().unwrap().iter();
        counts.map(|of| of[count].as_u64().unwrap()).sum()
    };
    let [experiment] = experiments else {
        panic!("{experiments:?}");
    };
    if event == "participate" {
        return sum(&experiment["variants"], "trials");
    }
    let mut goals = experiment["goals"].as_array().unwrap().iter();
    let goal = goals.find(|goal| goal["goal"] == event);
    goal.map_or(0, |goal| sum(&goal["results"], "successes"))
}

/// Visitors who each open three pages of one template. Red's code works on the first alone.
#[test]
fn a_visitor_is_counted_once_where_the_code_of_a_variant_fails() {
    // Few in a round, for the driver waits some seconds for a script.
    const ROUNDS: u64 = 6;
    const VISITORS: u64 = 5;
    within(LIMIT, || {
        let (server, snippet) = start();
        let snippet = snippet.replace(RED, &format!("{RED}\n        buy.textContent = 'Red!'"));
        let complete = format!("<script>lamed.complete({})</script>", json!(CLICKED));
        let pages = ["<p id=buy>", "", ""].map(|body| format!("{body}{snippet}{complete}"));
        let harness = format!(
            "const pages = {};
             const delivered = () => JSON.parse(localStorage.alephbet)._alephbet_queue === '[]';
             for (let visitor = 0; visitor < {VISITORS}; visitor++) {{
               localStorage.clear();
               for (const page of pages) {{
                 const frame = document.createElement('iframe');
                 const loaded = new Promise(resolve => frame.onload = resolve);
                 frame.srcdoc = page;
                 document.body.append(frame);
                 await loaded;
                 while (!delivered()) await new Promise(requestAnimationFrame);
                 frame.remove();
               }}
             }}",
            script(&pages)
        );
        let (mut browser, mut failures) = (Browser::start(), 0);
        for _ in 0..ROUNDS {
            let visit = browser.open("<!doctype html><title>A shop</title>", &harness);
            for error in visit.errors() {
                let said = "lamed: the code of the variant \"red\" of \"button color\" failed: ";
                assert!(error.starts_with(said), "{error}");
                failures += 1;
            }
        }
        let experiments = experiments(&server);
        let red = experiments[0]["variants"][1]["trials"].as_u64().unwrap();
        assert_eq!(failures, 2 * red);
        let counted = ["participate", CLICKED].map(|event| total(&experiments, event));
        assert_eq!(counted, [ROUNDS * VISITORS; 2]);
    });
}

#[test]
fn a_page_goes_on_where_its_storage_is_broken() {
    const FULL: &str = "for (let size = 1 << 23; size; size >>= 1) {
        try { while (true) localStorage['x'.repeat(size) + Math.random()] = '' } catch {}
    }";
    const BLOCKED: &str =
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('denied') }})";
    const READ_ONLY: &str = "Storage.prototype.setItem = () => { throw new Error('denied') }";
    const FORGETFUL: &str = "Storage.prototype.setItem = () => {}";
    within(LIMIT, || {
        let (server, snippet) = start();
        let mut browser = Browser::start();
        let calls = format!(
            "lamed.complete({0}); lamed.complete({0}); return [lamed.variant({1}) ?? null]",
            json!(CLICKED),
            json!(COLOR)
        );
        for fault in [
            BLOCKED,
            READ_ONLY,
            FORGETFUL,
            FULL,
            "localStorage.alephbet = '{'",
            "localStorage.alephbet = 'null'",
            "localStorage.alephbet = '[]'",
            r#"localStorage.alephbet = '{"_alephbet_queue":"["}'"#,
        ] {
            let page = format!("<!doctype html><script>{fault}</script>{snippet}");
            let visit = browser.open(&page, &calls);
            assert_eq!(visit.0["result"], json!([null]), "{fault}");
            assert_eq!(visit.0["tracked"], json!([]), "{fault}");
            for error in visit.errors() {
                let said = "lamed: cannot run the experiment \"button color\": ";
                assert!(error.starts_with(said), "{fault}: {error}");
            }
            browser.forget();
        }
        assert_eq!(experiments(&server), Vec::<Value>::new());

        // Full from then on: who takes part already stays that, and a goal that cannot be remembered is
        // not counted, so that it is never counted twice.
        let visit = browser.open(&snippet, &format!("{FULL}; {calls}"));
        assert!(visit.0["result"][0].is_string(), "{visit:?}");
        for error in visit.errors() {
            let said = "lamed: cannot count the goal \"button clicked\" of \"button color\": ";
            assert!(error.starts_with(said), "{error}");
        }
        let counted = ["participate", CLICKED].map(|event| total(&experiments(&server), event));
        assert_eq!(counted, [1, 0]);

        // Room for all but the queue: what cannot wait there is still sent.
        browser.forget();
        let nearly_full = "<script>
            const {setItem} = Storage.prototype
            Storage.prototype.setItem = function (key, value) {
              if (value.length > 150) throw new Error('full')
              setItem.call(this, key, value)
            }
        </script>";
        let visit = browser.open(&format!("{nearly_full}{snippet}"), &calls);
        visit.assert_delivered();
        let counted = ["participate", CLICKED].map(|event| total(&experiments(&server), event));
        assert_eq!(counted, [2, 1]);
    });
}

#[test]
fn snippets_of_one_page_work_together() {
    within(LIMIT, || {
        let (server, snippet) = start();
        let shown = "activate: function () { window.shown = (window.shown ?? 0) + 1;";
        let snippet = snippet.replace("activate: function () {", shown);
        let other = snippet_of(&server, &config("other", "prices"));
        let page = format!("{snippet}<script>const first = lamed</script>{snippet}{other}");
        let calls = format!(
            "lamed.complete({0}); first.complete({0}); lamed.complete({1});
             lamed.complete('Buton clicked'); lamed.variant('price');
             const known = ['button color', 'prices'].map(name => first.variant(name) !== undefined);
             return [lamed === first, window.shown, ...known]",
            json!(CLICKED),
            json!(PAGE_VIEW)
        );
        let visit = Browser::start().open(&page, &calls);
        assert_eq!(visit.0["result"], json!([true, 1, true, true]));
        let errors: Vec<_> = visit.errors().map(|error| error.lines().next()).collect();
        let expected = [
            "lamed: cannot run the experiment \"button color\": Error: it is declared twice on this page",
            "lamed: unknown goal \"Buton clicked\": did you mean \"button clicked\"?",
            "lamed: unknown experiment \"price\": did you mean \"prices\"?",
        ];
        assert_eq!(errors, expected.map(Some));
        assert_eq!(visit.0["queue"], json!([]));
        for namespace in ["alephbet", "other"] {
            let path = format!("/prod/experiments?namespace={namespace}");
            let headers = [("x-api-key", server.key.as_str())];
            let mut client = server.client();
            let reply = client.send("GET", &path, &headers, "");
            let reply = Runtime::new().unwrap().block_on(reply).unwrap().json();
            let experiments = &reply.as_array().unwrap()[1..];
            let counted =
                ["participate", CLICKED, PAGE_VIEW].map(|event| total(experiments, event));
            assert_eq!(counted, [1, 1, 1], "{namespace}");
        }
    });
}

/// What a browser remembers of an earlier visitor, or of the same one before signing in, decides nothing.
#[test]
fn a_users_variant_depends_on_the_id_alone() {
    within(LIMIT, || {
        let server = serve("127.0.0.1:0", "embedded");
        let (snippet, mut browser) = (snippet(&server), Browser::start());
        let remembered = json!({format!("{COLOR}:variant"): "blue"}).to_string();
        let plant = "for (const key of ['alephbet', ...Object.keys(localStorage)])";
        let plant = format!(
            "<script>{plant} localStorage[key] = {}</script>",
            json!(remembered)
        );
        let page = page(Some("dan"), &snippet, &[]);
        for page in [
            format!("{plant}{page}"),
            page.clone(),
            format!("{plant}{page}"),
        ] {
            assert_eq!(browser.visit(&page).variants()[0].as_deref(), Some("red"));
        }
        let color = &experiments(&server)[1];
        let counted = json!([{"label": "red", "trials": 1}]);
        assert_eq!(
            (&color["experiment"], &color["variants"]),
            (&json!(COLOR), &counted)
        );
    });
}

#[test]
fn a_page_that_is_loaded_ahead_counts_once_it_is_seen() {
    within(LIMIT, || {
        let (server, snippet) = start();
        let mut browser = Browser::start();
        // As Chromium's speculation rules do it.
        let ahead = "<script>Object.defineProperty(document, 'prerendering', {value: true, configurable: true})</script>";
        let complete = format!("<script>lamed.complete({})</script>", json!(CLICKED));
        let page = format!("{ahead}{snippet}{complete}");
        let seen = "Object.defineProperty(document, 'prerendering', {value: false});
            document.dispatchEvent(new Event('prerenderingchange'));";
        let ask = format!("lamed.variant({}) ?? null", json!(COLOR));
        let counts = || {
            let experiments = experiments(&server);
            let events = ["participate", CLICKED].into_iter();
            let counted = |event| {
                if experiments.is_empty() {
                    0
                } else {
                    total(&experiments, event)
                }
            };
            events.map(counted).collect::<Vec<_>>()
        };

        let visit = browser.open(&page, "return localStorage.length");
        assert_eq!((&visit.0["result"], counts()), (&json!(0), vec![0, 0]));

        // The page was told that no variant is shown, and shows what it shows without one.
        let visit = browser.open(
            &page,
            &format!("const before = {ask}; {seen} return [before, {ask}]"),
        );
        assert_eq!(
            (&visit.0["result"], counts()),
            (&json!([null, null]), vec![0, 0])
        );

        let visit = browser.open(&page, &format!("{seen} return {ask}"));
        visit.assert_delivered();
        assert!(visit.0["result"].is_string(), "{visit:?}");
        assert_eq!(counts(), [1, 1]);

        // The browser remembers the variant, so it is known ahead.
        let remembered = visit.0["result"].clone();
        let visit = browser.open(&page, &format!("return {ask}"));
        assert_eq!((&visit.0["result"], counts()), (&remembered, vec![1, 1]));
    });
}

//! The page follows what is counted: from the first visitor on, while it is seen.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::declared;
use super::page::{LIMIT, LISTED, shown, start, use_page};
use crate::support::{Browser, line, within};

/// The participants of an experiment in the list.
const COUNT: &str =
    "document.querySelector('#list a[data-experiment=color] .count .value').textContent";

/// An event from a visitor, sent by the page itself: it knows the address of the API.
fn counts(experiment: &str, variant: &str, uuid: &str) -> String {
    let event =
        json!({"experiment": experiment, "variant": variant, "event": "participate", "uuid": uuid});
    format!(
        "(body => new Promise(done => {{ const request = new XMLHttpRequest(); request.onload = () => done(request.status); \
         request.open('POST', document.querySelector('#api .address').textContent + '/track'); request.send(body) }}))({})",
        json!(event.to_string())
    )
}

#[test]
fn the_script_to_paste_waits_for_the_first_visitor_and_turns_green() {
    within(LIMIT, || {
        let experiments =
            json!({"color": {"variants": {"blue": 1, "red": 1}, "goals": ["clicked"]}});
        let server = Runtime::new().unwrap().block_on(declared(experiments, &[]));
        let snippet = line(&server.home, &["snippet", "--local"]).run().stdout;
        let read = use_page(
            &mut Browser::start(),
            &server.ready["dashboard_url"],
            json!([
                {"until": "document.getElementById('signal')"},
                {"read": "document.getElementById('signal').textContent"},
                {"click": "[data-copy=snippet]"},
                {"until": "document.getElementById('heard').textContent === 'Copied'"},
                {"read": "navigator.clipboard.readText()"},
                {"axe": true},
                {"read": counts("color", "red", "1")},
                // Nobody touches the page.
                {"until": "document.querySelector('#signal[data-arrived]')"},
                {"read": "[document.getElementById('signal').className, document.querySelector('#list a .count .value').textContent]"},
                {"axe": true},
            ]),
        );
        let read = read.as_array().unwrap();
        assert_eq!(read[0], "Waiting for the first visitor…");
        assert_eq!(read[1], snippet.trim_end());
        assert_eq!(snippet.lines().count(), 2, "two lines to paste");
        assert_eq!(
            read[2..],
            [
                json!([]),
                json!(200),
                json!(["signal good", "1"]),
                json!([])
            ]
        );
    });
}

/// Figures change by themselves, and who reads a chart, a menu or a field keeps their place.
#[test]
fn figures_follow_what_is_counted() {
    const PARTICIPANTS: &str =
        "document.querySelector('#participants tr[data-variant=red] .count').textContent";
    within(LIMIT, || {
        let server = start(&["--local"]);
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let read = use_page(
            &mut Browser::start(),
            &json!(format!("{url}&experiment=color")),
            json!([
                {"until": shown("color")},
                {"focus": ".goal [data-key^=figures]"},
                {"press": "Enter"},
                {"read": PARTICIPANTS},
                {"read": counts("color", "red", "later")},
                {"until": format!("{PARTICIPANTS} === '1,001'")},
                {"read": "[document.activeElement.dataset.key.startsWith('figures'), document.querySelector('.goal details[data-part=figures]').open]"},
                // The start page, too; it shows at once what it knows.
                {"click": ".back"},
                {"until": format!("{LISTED} && document.querySelector('#list a[data-experiment=color] .count .value').textContent === '2,001'")},
                {"read": counts("color", "red", "still later")},
                {"until": "document.querySelector('#list a[data-experiment=color] .count .value').textContent === '2,002'"},
            ]),
        );
        assert_eq!(read, json!(["1,000", 200, [true, true], 200]));
    });
}

/// The dashboard of an API elsewhere follows it in the same way.
#[test]
fn the_dashboard_of_a_deployed_api_is_live_too() {
    within(LIMIT, || {
        let server = start(&["--api-key", "the-key-of-the-test"]);
        let base = format!("http://{}/prod", server.address);
        let arguments = [
            "dashboard",
            "--url",
            &base,
            "--api-key",
            "the-key-of-the-test",
            "--json",
        ];
        let mut dashboard = line(&server.home, &arguments).start();
        let ready: Value = serde_json::from_str(dashboard.until("\n")).unwrap();
        let event =
            r#"{"experiment":"color","variant":"red","event":"participate","uuid":"later"}"#;
        let send = format!(
            "fetch('{base}/track', {{method: 'POST', body: {}}}).then(reply => reply.status)",
            json!(event)
        );
        let read = use_page(
            &mut Browser::start(),
            &ready["dashboard_url"],
            json!([
                {"until": LISTED},
                {"read": COUNT},
                // From a page of the API's own host: the dashboard's may ask nobody else.
                {"elsewhere": {"url": format!("http://{}/healthz", server.address), "steps": [{"read": send}]}},
                {"until": format!("{COUNT} === '2,001'")},
            ]),
        );
        assert_eq!(read, json!(["2,000", 200]));
    });
}

/// While nobody sees the page it asks for nothing; when it is seen again it asks at once.
#[test]
fn a_page_that_nobody_sees_rests() {
    const HIDE: &str = r##"(() => {
      window.asked = 0
      const ask = window.fetch
      window.fetch = (...what) => { window.asked += 1; return ask(...what) }
      Object.defineProperty(document, "hidden", { configurable: true, get: () => true })
      document.dispatchEvent(new Event("visibilitychange"))
    })()"##;
    const SHOW: &str = r##"(() => {
      const asked = window.asked
      Object.defineProperty(document, "hidden", { configurable: true, get: () => false })
      document.dispatchEvent(new Event("visibilitychange"))
      return [asked, window.asked]
    })()"##;
    within(LIMIT, || {
        let server = start(&["--local"]);
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let read = use_page(
            &mut Browser::start(),
            &json!(url),
            json!([
                {"until": LISTED},
                {"read": HIDE},
                {"read": counts("color", "red", "later")},
                // As long as another tab takes to see it by itself.
                {"elsewhere": {"url": url, "steps": [
                    {"until": LISTED},
                    {"read": counts("color", "red", "still later")},
                    {"until": format!("{COUNT} === '2,002'")},
                ]}},
                {"read": COUNT},
                {"read": SHOW},
                {"until": format!("{COUNT} === '2,002'")},
            ]),
        );
        assert_eq!(read, json!([null, 200, 200, "2,000", [0, 1]]));
    });
}

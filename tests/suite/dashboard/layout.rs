//! A phone and paper.

use serde_json::{Value, json};

use super::charts::demo;
use super::page::{LIMIT, LISTED, shown};
use crate::support::{Browser, within};

/// On a phone what a reader came for is on the first screen, the rest below it; nothing is cut off.
#[test]
fn a_phone_shows_the_content_first() {
    const PLACES: &str = r##"(() => {
      const top = selector => Math.round(document.querySelector(selector).getBoundingClientRect().top + scrollY)
      const content = document.querySelector("#verdict") ? "#verdict" : "#list a"
      return {
        first: top(content) < 420,
        after: top(".foot") > Math.round(document.querySelector("main").getBoundingClientRect().bottom + scrollY) - 1,
        fits: document.documentElement.scrollWidth <= innerWidth,
        keys: document.getElementById("keys").checkVisibility(),
        reach: [...document.querySelectorAll("main :is(button, summary, select)")].filter(one => one.checkVisibility()).every(one => one.getBoundingClientRect().height >= 36),
      }
    })()"##;
    within(LIMIT, || {
        let server = demo();
        let url = &server.ready["dashboard_url"];
        for dark in [false, true] {
            let used = Browser::start().ask(json!({"do": "use", "url": url, "width": 390, "height": 844, "dark": dark, "steps": [
                {"until": LISTED},
                {"read": PLACES},
                {"axe": true},
                {"click": "#list a[data-experiment='button color']"},
                {"until": shown("button color")},
                {"read": PLACES},
                {"click": ".menu summary"},
                {"axe": true},
                {"read": "document.documentElement.scrollWidth <= innerWidth"},
            ]}));
            let places =
                json!({"first": true, "after": true, "fits": true, "keys": false, "reach": true});
            assert_eq!(
                used["read"],
                json!([places, [], places, [], true]),
                "{dark}"
            );
            assert_eq!(used["errors"], json!([]));
        }
    });
}

/// On paper there is what can be read, in ink on white, and not what can be clicked.
#[test]
fn paper_has_the_results_without_the_buttons() {
    const SEEN: &str = r##"(() => {
      const seen = selector => [...document.querySelectorAll(selector)].some(one => one.checkVisibility())
      return {
        paper: getComputedStyle(document.body).backgroundColor,
        results: ["#title", "#verdict", ".results", ".chart svg", "#participants"].every(seen),
        controls: [".do", ".toolbar", "#refresh", ".back", ".segments", "#switch-namespace", "#keys"].filter(seen),
      }
    })()"##;
    within(LIMIT, || {
        let server = demo();
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let url = format!("{url}&experiment=button+color");
        let read = |media: &str| -> Value {
            let used = Browser::start().ask(
                json!({"do": "use", "url": url, "width": 794, "dark": true, "steps": [
                    {"until": shown("button color")},
                    {"until": "document.querySelector('.chart svg')"},
                    {"media": media},
                    {"read": SEEN},
                ]}),
            );
            used["read"][0].clone()
        };
        let paper = json!({"paper": "rgb(255, 255, 255)", "results": true, "controls": []});
        assert_eq!(read("print"), paper);
        let screen = read("screen");
        let controls = screen["controls"].as_array().unwrap().len();
        assert_eq!((&screen["results"], controls), (&json!(true), 7));
        assert_ne!(screen["paper"], paper["paper"]);
    });
}

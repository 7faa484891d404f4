//! Deleting on the page.

use serde_json::json;
use tokio::runtime::Runtime;

use super::page::{LIMIT, LISTED, SHOWN, assert_includes, shown, start, use_page};
use crate::cli::count;
use crate::support::{Browser, within};

/// What the question before a delete says.
const ASKED: &str = r##"(() => ({
  open: document.getElementById("remove").open,
  facts: [...document.querySelectorAll("#remove-what > *")].map(part => part.textContent),
  word: document.getElementById("remove-word").textContent,
  off: document.getElementById("remove-confirm").disabled,
}))()"##;

#[test]
fn deleting_takes_the_name_typed() {
    within(LIMIT, || {
        let server = start(&["--local"]);
        let read = use_page(
            &mut Browser::start(),
            &server.ready["dashboard_url"],
            json!([
                {"click": "#list a[data-experiment=color]"},
                {"until": shown("color")},
                {"click": ".menu summary"},
                {"click": "[data-do=delete]"},
                {"select": ["#remove-part", "2"]},
                {"read": "document.getElementById('remove-confirm').disabled"},
                {"fill": ["#remove-name", "view"]},
                {"read": "document.getElementById('remove-confirm').disabled"},
                {"press": "Escape"},
                {"click": ".menu summary"},
                {"click": "[data-do=delete]"},
                {"select": ["#remove-part", "2"]},
                {"fill": ["#remove-name", "viewed"]},
                {"click": "#remove-confirm"},
                {"until": "document.querySelectorAll('section.goal').length === 1"},
                {"read": "document.getElementById('remove').open"},
                {"click": ".menu summary"},
                {"click": "[data-do=delete]"},
                {"fill": ["#remove-name", "color"]},
                {"press": "Enter"},
                {"until": LISTED},
                {"read": SHOWN},
            ]),
        );
        // It is declared, and waits for visitors.
        let expected = json!([true, true, false, {"listed": ["a, b", "color"]}]);
        assert_includes(&read, &expected);
        let left = Runtime::new().unwrap().block_on(server.experiments());
        assert_eq!((left.len(), &left[0]["experiment"]), (1, &json!("a, b")));
    });
}

#[test]
fn the_question_says_what_goes() {
    within(LIMIT, || {
        let server = start(&["--local"]);
        let runtime = Runtime::new().unwrap();
        runtime.block_on(count(&server, &[("a, b", "participate", "  ", 3)]));
        let read = use_page(
            &mut Browser::start(),
            &server.ready["dashboard_url"],
            json!([
                {"click": "#list a[data-experiment='a, b']"},
                {"click": ".menu summary"},
                {"click": "[data-do=delete]"},
                {"select": ["#remove-part", "1"]},
                {"read": ASKED},
                {"fill": ["#remove-name", "delete"]},
                {"read": ASKED},
                {"press": "Escape"},
                {"click": ".back"},
                {"click": "#list a[data-experiment=color]"},
                {"until": shown("color")},
                {"click": ".menu summary"},
                {"click": "[data-do=delete]"},
                {"read": ASKED},
                {"select": ["#remove-part", "1"]},
                {"read": ASKED},
            ]),
        );
        fn facts<'a>(facts: &[&'a str]) -> Vec<&'a str> {
            [&["Namespace", "alephbet", "Experiment"], facts].concat()
        }
        let spaces = facts(&["a, b", "Variant", "␣␣", "Deletes", "1 counter of 3 events"]);
        assert_eq!(
            read,
            json!([
                {"open": true, "off": true, "word": "delete", "facts": spaces},
                {"open": true, "off": false, "word": "delete", "facts": spaces},
                {"open": true, "off": true, "word": "color",
                    "facts": facts(&["color", "Deletes", "5 counters of 3,850 events"])},
                {"open": true, "off": true, "word": "clicked",
                    "facts": facts(&["color", "Goal", "clicked", "Deletes", "2 counters of 350 events"])},
            ])
        );
    });
}

/// What is deleted in another tab, by somebody else, and what Back leads to.
#[test]
fn what_was_deleted_is_neither_listed_nor_shown() {
    const SEEN: &str = r##"(() => [
      document.querySelector("#main h1").textContent,
      [...document.querySelectorAll("#list a[data-experiment]")].map(a => a.dataset.experiment),
    ])()"##;
    const NOT_FOUND: &str = "document.querySelector('#main h1')?.textContent === 'Not found'";
    within(LIMIT, || {
        let server = start(&["--local"]);
        let runtime = Runtime::new().unwrap();
        let more = [("c", "participate", "v", 1), ("d", "participate", "v", 1)];
        runtime.block_on(count(&server, &more));
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let in_place = |experiment: &str| format!("{url}&experiment={experiment}");
        let quietly = "fetch('/dashboard/experiment?experiment=c', {method: 'DELETE',
            headers: {Authorization: 'Bearer ' + sessionStorage.getItem('lamed-session')}}).then(reply => reply.status)";
        let command = json!({"do": "use", "url": url, "steps": [
            {"click": "#list a[data-experiment=d]"},
            {"until": shown("d")},
            {"elsewhere": {"url": in_place("d"), "steps": [
                {"click": ".menu summary"},
                {"click": "[data-do=delete]"},
                {"fill": ["#remove-name", "d"]},
                {"press": "Enter"},
                {"until": LISTED},
            ]}},
            {"until": NOT_FOUND},
            {"click": "[data-key=all]"},
            {"until": LISTED},
            {"read": SEEN},
            {"read": quietly},
            {"click": "#list a[data-experiment=c]"},
            {"until": NOT_FOUND},
            {"click": "[data-key=all]"},
            {"until": LISTED},
            {"read": SEEN},
            {"click": "#list a[data-experiment=color]"},
            {"until": shown("color")},
            {"select": ["#control", "red"]},
            {"until": "document.getElementById('verdict').dataset.verdict === 'control_best'"},
            {"click": ".menu summary"},
            {"click": "[data-do=delete]"},
            {"fill": ["#remove-name", "color"]},
            {"press": "Enter"},
            {"until": LISTED},
            {"read": SEEN},
            {"back": true},
            {"until": "document.getElementById('verdict')?.dataset.verdict === 'no_participants'"},
            {"read": SEEN},
        ]});
        let used = Browser::start().ask(command);
        assert_eq!(
            used["read"],
            json!([
                ["Experiments", ["color", "a, b", "c"]],
                200,
                ["Experiments", ["color", "a, b"]],
                ["Experiments", ["a, b", "color"]],
                ["color", []],
            ])
        );
    });
}

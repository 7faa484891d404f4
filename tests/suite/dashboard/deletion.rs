//! Deleting on the page.

use serde_json::json;
use tokio::runtime::Runtime;

use super::page::{LIMIT, SHOWN, assert_includes, shown, start, use_page};
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
                {"click": "section.goal[data-goal=viewed] button[data-delete=goal]"},
                {"read": "document.getElementById('remove-confirm').disabled"},
                {"fill": ["#remove-name", "view"]},
                {"read": "document.getElementById('remove-confirm').disabled"},
                {"press": "Escape"},
                {"click": "section.goal[data-goal=viewed] button[data-delete=goal]"},
                {"fill": ["#remove-name", "viewed"]},
                {"click": "#remove-confirm"},
                {"until": "document.querySelectorAll('section.goal').length === 1"},
                {"read": "document.getElementById('remove').open"},
                {"click": "button[data-delete=experiment]"},
                {"fill": ["#remove-name", "color"]},
                {"press": "Enter"},
                {"until": shown("a, b")},
                {"read": SHOWN},
            ]),
        );
        let expected = json!([true, true, false, {"title": "a, b", "listed": ["a, b"]}]);
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
                {"click": "#participants tr[data-variant='  '] [data-delete]"},
                {"read": ASKED},
                {"fill": ["#remove-name", "delete"]},
                {"read": ASKED},
                {"press": "Escape"},
                {"click": "#list a[data-experiment=color]"},
                {"until": shown("color")},
                {"click": "button[data-delete=experiment]"},
                {"read": ASKED},
                {"press": "Escape"},
                {"click": "[data-goal=clicked] button[data-delete=goal]"},
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
            {"until": shown("a, b")},
            {"click": "#list a[data-experiment=d]"},
            {"until": shown("d")},
            {"elsewhere": {"url": in_place("d"), "steps": [
                {"click": "button[data-delete=experiment]"},
                {"fill": ["#remove-name", "d"]},
                {"press": "Enter"},
                {"until": shown("a, b")},
            ]}},
            {"until": NOT_FOUND},
            {"read": SEEN},
            {"read": quietly},
            {"click": "#list a[data-experiment=c]"},
            {"until": format!("{NOT_FOUND} && !document.querySelector('#list a[data-experiment=c]')")},
            {"read": SEEN},
            {"click": "#list a[data-experiment=color]"},
            {"until": shown("color")},
            {"select": ["#control", "red"]},
            {"until": "document.getElementById('verdict').dataset.verdict === 'control_best'"},
            {"click": "button[data-delete=experiment]"},
            {"fill": ["#remove-name", "color"]},
            {"press": "Enter"},
            {"until": shown("a, b")},
            {"read": SEEN},
            {"back": true},
            {"until": NOT_FOUND},
            {"read": SEEN},
        ]});
        let used = Browser::start().ask(command);
        assert_eq!(
            used["read"],
            json!([
                ["Not found", ["a, b", "c", "color"]],
                200,
                ["Not found", ["a, b", "color"]],
                ["a, b", ["a, b"]],
                ["Not found", ["a, b"]],
            ])
        );
    });
}

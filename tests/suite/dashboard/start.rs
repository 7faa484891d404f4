//! The start page: a line for each experiment, filters, order, search.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::declared;
use super::page::{LIMIT, LISTED, use_page};
use crate::support::{Browser, Server, within};

/// The lines: name, verdict, state, participants, last activity.
const LINES: &str = r##"[...document.querySelectorAll("#list a")].map(a => [a.dataset.experiment, a.dataset.verdict,
  a.querySelector(".state")?.textContent ?? null, a.querySelector(".count .value").textContent, a.querySelector(".last").textContent])"##;

const NAMES: &str = r##"[...document.querySelectorAll("#list a")].map(a => a.dataset.experiment)"##;

fn start() -> Server {
    let two = |state: Value| json!({"variants": {"a": 1, "b": 1}, "goals": ["g"], "state": state});
    let experiments = json!({
        "winner": two(json!("running")), "loser": two(json!("running")), "uneven": two(json!("running")),
        "draft": two(json!("draft")), "stopped": two(json!("stopped")), "shipped": two(json!({"shipped": "b"})),
        "archived": {"variants": {"a": 1, "b": 1}, "state": "stopped", "archived": true},
    });
    let sides = |name: &'static str, [a, b]: [usize; 2], [x, y]: [usize; 2]| {
        let goal = "g";
        [
            (name, "participate", "a", a),
            (name, "participate", "b", b),
            (name, goal, "a", x),
            (name, goal, "b", y),
        ]
    };
    let events = [
        sides("winner", [1000, 1000], [100, 250]),
        sides("loser", [900, 900], [250, 100]),
        sides("uneven", [1000, 1300], [100, 130]),
        sides("stranger", [1, 1], [1, 0]),
    ];
    let events = events.concat();
    Runtime::new()
        .unwrap()
        .block_on(declared(experiments, &events[..events.len() - 1]))
}

#[test]
fn each_experiment_has_a_line_and_the_list_can_be_narrowed_down() {
    within(LIMIT, || {
        let server = start();
        let url = &server.ready["dashboard_url"];
        let mut browser = Browser::start();
        let read = use_page(
            &mut browser,
            url,
            json!([
                {"until": LISTED},
                {"read": LINES},
                {"read": "document.querySelectorAll('#list a .spark .bars').length"},
                {"select": ["#filter-verdict", "loser"]},
                {"read": NAMES},
                {"select": ["#filter-verdict", "attention"]},
                {"read": NAMES},
                {"select": ["#filter-state", "draft"]},
                {"read": "document.getElementById('no-hits').textContent"},
                {"axe": true},
                {"select": ["#filter-verdict", "all"]},
                {"read": NAMES},
                {"select": ["#filter-state", "archived"]},
                {"read": NAMES},
                {"select": ["#filter-state", "current"]},
                {"select": ["#filter-sort", "name"]},
                {"read": NAMES},
                // A search without hits says so, and leads back.
                {"fill": ["#search", "nothing <b>"]},
                {"read": "document.getElementById('no-hits').textContent"},
                {"read": "document.querySelector('#found').textContent"},
                {"click": "[data-key=clear]"},
                {"read": "[document.querySelectorAll('#list a').length, document.activeElement.id, location.hash]"},
            ]),
        );
        assert_eq!(
            read,
            json!([
                [
                    ["uneven", "sample_ratio", "Running", "2,300", "today"],
                    ["winner", "winner", "Running", "2,000", "today"],
                    ["loser", "control_best", "Running", "1,800", "today"],
                    ["stranger", "too_early", null, "2", "today"],
                    ["draft", "no_participants", "Draft", "0", "no events"],
                    ["shipped", "no_participants", "Shipped: b", "0", "no events"],
                    ["stopped", "no_participants", "Stopped", "0", "no events"],
                ],
                4,
                ["loser"],
                ["uneven"],
                "No experiment matches these filters.Clear search and filters",
                [],
                ["draft"],
                ["archived"],
                [
                    "draft", "loser", "shipped", "stopped", "stranger", "uneven", "winner"
                ],
                "No experiment matches “nothing <b>” with these filters.Clear search and filters",
                "No experiments found",
                [7, "search", "#sort=name"],
            ])
        );
        // What is chosen is in the address.
        let narrowed = format!("{}&verdict=winner&search=win", url.as_str().unwrap());
        let read = use_page(
            &mut browser,
            &json!(narrowed),
            json!([
                {"until": LISTED},
                {"read": NAMES},
                {"read": "[document.getElementById('search').value, document.getElementById('filter-verdict').value]"},
            ]),
        );
        assert_eq!(read, json!([["winner"], ["win", "winner"]]));
    });
}

/// By keyboard: one stop for the whole list, from which arrow keys go on; `/` leads to the search from everywhere.
#[test]
fn the_list_is_walked_by_keyboard() {
    const AT: &str = "document.activeElement.dataset.experiment ?? document.activeElement.id";
    within(LIMIT, || {
        let server = start();
        let read = use_page(
            &mut Browser::start(),
            &server.ready["dashboard_url"],
            json!([
                {"until": LISTED},
                {"press": "/"},
                {"read": AT},
                {"press": "ArrowDown"},
                {"read": AT},
                {"press": "ArrowDown"},
                {"read": AT},
                {"read": "[...document.querySelectorAll('#list a')].filter(a => a.tabIndex === 0).map(a => a.dataset.experiment)"},
                {"press": "Enter"},
                {"until": "document.getElementById('title')?.textContent === 'winner'"},
                {"read": AT},
                {"click": ".back"},
                {"until": LISTED},
                {"read": AT},
                {"press": "Enter"},
                {"until": "document.getElementById('title')"},
                {"press": "/"},
                {"until": LISTED},
                {"read": AT},
            ]),
        );
        assert_eq!(
            read,
            json!([
                "search",
                "uneven",
                "winner",
                ["winner"],
                "title",
                "winner",
                "search"
            ])
        );
    });
}

//! One story per row: what stands beside a verdict never says something else.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::page::{LIMIT, shown, use_page};
use super::{declared, edited};
use crate::support::{Browser, Server, within};

/// The rows of all goals: variant, tone, change with range, result, and where its bar is cut.
const ROWS: &str = r##"[...document.querySelectorAll(".results tbody tr")].map(row => [row.dataset.variant, row.dataset.decided,
  [...row.querySelectorAll(".change span")].map(part => part.textContent).join(" "),
  [...row.querySelectorAll(".decided > span")].map(part => part.textContent).join(" "),
  [...row.querySelectorAll("[data-cut]")].map(cut => cut.dataset.cut).join()])"##;

/// What is green or red, apart from the verdict.
const COLOURED: &str =
    r##"[...document.querySelectorAll("#main :is(.good, .bad)")].map(part => part.className)"##;

const OPEN_ALL: &str =
    "document.querySelectorAll('details:not(.menu)').forEach(details => { details.open = true })";

type Sides<'a> = [(&'a str, usize, &'a [(&'a str, usize)]); 2];

/// A server with one experiment.
fn with(declaration: Value, sides: Sides) -> Server {
    let events = sides.iter().flat_map(|(variant, participants, goals)| {
        let goals = goals
            .iter()
            .map(move |(goal, count)| ("e", *goal, *variant, *count));
        std::iter::once(("e", "participate", *variant, *participants)).chain(goals)
    });
    let events: Vec<_> = events.collect();
    let experiments = json!({ "e": declaration });
    Runtime::new()
        .unwrap()
        .block_on(declared(experiments, &events))
}

fn rows(server: &Server, steps: &[Value]) -> Value {
    let url = server.ready["dashboard_url"].as_str().unwrap();
    let url = json!(format!("{url}&experiment=e"));
    let steps: Vec<Value> = [&[json!({"until": shown("e")})], steps].concat();
    use_page(&mut Browser::start(), &url, json!(steps))
}

/// 24 % against 38 % of 300 visitors: a chance to win of 99.6 % is no verdict.
#[test]
fn a_chance_to_win_stands_only_beside_a_verdict_that_agrees() {
    within(LIMIT, || {
        let server = with(
            json!({"variants": {"blue": 1, "red": 1}, "goals": ["cart", "order"]}),
            [
                ("blue", 163, &[("cart", 39), ("order", 18)]),
                ("red", 137, &[("cart", 52), ("order", 27)]),
            ],
        );
        let read = rows(
            &server,
            &[
                json!({"read": ROWS}),
                json!({"read": COLOURED}),
                json!({"read": "document.getElementById('main').innerText.includes('99.6')"}),
                json!({"read": OPEN_ALL}),
                json!({"read": "[...document.querySelectorAll('[data-table=figures]')].map(table => table.innerText.includes('99.6\u{a0}%'))"}),
                json!({"read": COLOURED}),
                json!({"click": "#scale input[value=absolute]"}),
                json!({"until": "document.querySelector('table.results').dataset.scale === 'absolute'"}),
                json!({"read": ROWS}),
            ],
        );
        // The one bar goes on beyond its end; the other range, from −63 to +15,805 %, says nothing.
        assert_eq!(
            read,
            json!([
                [
                    ["blue", "calm", "", "", ""],
                    [
                        "red",
                        "calm",
                        "+59\u{a0}% −30 to +347\u{a0}%",
                        "Not decided",
                        "high"
                    ],
                    ["blue", "calm", "", "", ""],
                    ["red", "calm", "too early to say", "Not decided", ""],
                ],
                [],
                false,
                null,
                [true, false],
                [],
                [
                    ["blue", "calm", "", "", ""],
                    [
                        "red",
                        "calm",
                        "+14.0\u{a0}points −9.7 to +37.7\u{a0}points",
                        "Not decided",
                        ""
                    ],
                    ["blue", "calm", "", "", ""],
                    [
                        "red",
                        "calm",
                        "+8.7\u{a0}points −10.0 to +27.3\u{a0}points",
                        "Not decided",
                        ""
                    ],
                ],
            ])
        );
    });
}

/// A loser is red wherever it is named, whatever the control is called, and never green.
#[test]
fn a_loser_is_announced_as_a_loser() {
    within(LIMIT, || {
        let declaration = json!({"variants": {"old nav": 1, "new nav": 1}, "control": "old nav", "goals": ["signed up"]});
        let server = with(
            declaration,
            [
                ("old nav", 5000, &[("signed up", 500)]),
                ("new nav", 5000, &[("signed up", 330)]),
            ],
        );
        let read = rows(
            &server,
            &[
                json!({"read": ROWS}),
                json!({"read": "document.getElementById('verdict').className"}),
                json!({"read": "document.querySelectorAll('#main .good').length"}),
                json!({"click": ".back"}),
                json!({"read": "document.querySelector('#list a .badge').className"}),
            ],
        );
        let expected = json!([
            [
                ["old nav", "calm", "", "", ""],
                [
                    "new nav",
                    "bad",
                    "−34\u{a0}% −47 to −19\u{a0}%",
                    "Worse < 0.1\u{a0}% to win",
                    ""
                ],
            ],
            "verdict bad",
            0,
            "badge bad",
        ]);
        assert_eq!(read, expected);
        // Where less is better, more is worse, and the winner is who has less.
        let server = with(
            json!({"variants": {"a": 1, "b": 1}, "goals": [{"name": "left", "better": "lower"}]}),
            [("a", 5000, &[("left", 500)]), ("b", 5000, &[("left", 330)])],
        );
        let read = rows(&server, &[json!({"read": ROWS})]);
        assert_eq!(read[0][1][1], "good");
        assert_eq!(read[0][1][3], "Better > 99.9\u{a0}% to win");
    });
}

/// The verdict is said once: not again as the verdict of its goal.
#[test]
fn the_verdict_is_said_once() {
    within(LIMIT, || {
        let server = with(
            json!({"variants": {"a": 1, "b": 1}, "goals": ["bought", "asked"]}),
            [
                ("a", 1000, &[("bought", 100), ("asked", 30)]),
                ("b", 1000, &[("bought", 250), ("asked", 33)]),
            ],
        );
        let read = rows(
            &server,
            &[
                json!({"read": "[...document.querySelectorAll('.says')].map(says => says.closest('.goal').dataset.goal)"}),
                json!({"read": "document.getElementById('verdict').dataset.verdict"}),
            ],
        );
        assert_eq!(read, json!([["asked"], "winner"]));
    });
}

/// Beside the alarm stands what to do; all else steps back, without colour and still readable.
#[test]
fn beside_the_alarm_stands_what_to_check() {
    const DIMMED: &str = r##"(() => {
      const soft = getComputedStyle(document.querySelector(".facts")).color
      return [...document.querySelectorAll(".goal .value, .goal h2, #participants td.count")].every(part => getComputedStyle(part).color === soft)
    })()"##;
    within(LIMIT, || {
        let server = with(
            json!({"variants": {"a": 1, "b": 1}, "goals": ["bought"]}),
            [
                ("a", 2000, &[("bought", 200)]),
                ("b", 2600, &[("bought", 520)]),
            ],
        );
        let read = rows(
            &server,
            &[
                json!({"read": ROWS}),
                json!({"read": DIMMED}),
                json!({"read": "[...document.querySelectorAll('[data-verb]')].map(button => button.dataset.verb).slice(0, 2)"}),
                json!({"axe": true}),
            ],
        );
        assert_eq!(read[0][1][1], "calm");
        assert_eq!(read[0][1][3], "–", "no result");
        assert_eq!(
            (&read[1], &read[2], &read[3]),
            (&json!(true), &json!(["restart", "stop"]), &json!([]))
        );
        let url = edited(&server, |snapshot| {
            snapshot["details"]["e"]["usual"]["verdict"]["steps"] = json!([
                "It began on 17 Nov: what changed then?",
                "Open `/?lamed.e=a` and look."
            ]);
        });
        for dark in [false, true] {
            let used = Browser::start().ask(json!({"do": "use", "url": format!("{url}#experiment=e"), "dark": dark, "steps": [
                {"until": shown("e")},
                {"read": "[...document.querySelectorAll('#verdict #steps li')].map(step => step.textContent)"},
                {"read": "document.querySelector('#steps code').textContent"},
                {"read": DIMMED},
                {"axe": true},
            ]}));
            assert_eq!(
                used["read"],
                json!([
                    [
                        "It began on 17 Nov: what changed then?",
                        "Open /?lamed.e=a and look."
                    ],
                    "/?lamed.e=a",
                    true,
                    [],
                ])
            );
        }
    });
}

/// How far it is towards the plan is drawn and said, where there is one.
#[test]
fn progress_towards_the_plan_is_a_bar() {
    const PLAN: &str = r##"[document.querySelector("#plan [role=progressbar]")?.getAttribute("aria-valuenow") ?? null,
      document.querySelector("#plan .part")?.getAttribute("width") ?? null, document.getElementById("plan")?.innerText ?? null,
      document.getElementById("forecast")?.innerText ?? null]"##;
    within(LIMIT, || {
        let server = with(
            json!({"variants": {"a": 1, "b": 1}, "goals": ["bought"]}),
            [("a", 100, &[("bought", 10)]), ("b", 100, &[("bought", 12)])],
        );
        let mut seen = Vec::new();
        let plan = json!({"planned": 30000, "participants": 12345, "share": 0.4115});
        let forecast =
            json!({"participants_per_day": 510.4, "days": 3.2, "participants_per_variant": 820});
        let nothing = Value::Null;
        let slow =
            json!({"participants_per_day": 510, "days": 986, "participants_per_variant": 250_000});
        let unknown = json!({"participants_per_day": null, "days": null, "participants_per_variant": 490_000});
        for (plan, forecast) in [
            (&plan, &forecast),
            (&plan, &nothing),
            (&nothing, &forecast),
            (&nothing, &nothing),
            (&nothing, &slow),
            (&nothing, &unknown),
        ] {
            let url = edited(&server, |snapshot| {
                let usual = &mut snapshot["details"]["e"]["usual"];
                usual["plan"] = plan.clone();
                usual["forecast"] = forecast.clone();
            });
            let url = json!(format!("{url}#experiment=e"));
            let steps = json!([{"until": shown("e")}, {"read": PLAN}]);
            seen.push(use_page(&mut Browser::start(), &url, steps)[0].clone());
        }
        let planned = "12,345 of 30,000 planned participants (41\u{a0}%)";
        let rest = "About 4 more days at 510 participants a day.";
        assert_eq!(
            json!(seen),
            json!([
                ["41", "41.15%", format!("{planned}. {rest}"), rest],
                ["41", "41.15%", planned, null],
                [null, null, null, rest],
                [null, null, null, null],
                [
                    null,
                    null,
                    null,
                    "About 2.7 more years at 510 participants a day."
                ],
                [
                    null,
                    null,
                    null,
                    "About 490,000 more participants for each variant."
                ],
            ])
        );
    });
}

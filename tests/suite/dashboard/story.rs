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
    const RESULTS: &str = r##"[...document.querySelectorAll(".results tbody tr")].map(row => [row.dataset.variant, row.dataset.decided, row.querySelector(".decided").textContent])"##;
    within(LIMIT, || {
        let server = undecided();
        let results = json!([
            ["blue", "calm", ""],
            ["red", "calm", "Not decided"],
            ["blue", "calm", ""],
            ["red", "calm", "Not decided"],
        ]);
        let read = rows(
            &server,
            &[
                json!({"read": RESULTS}),
                json!({"read": COLOURED}),
                json!({"read": "document.getElementById('main').innerText.includes('99.6')"}),
                json!({"read": OPEN_ALL}),
                json!({"read": "[...document.querySelectorAll('[data-table=figures]')].map(table => table.innerText.includes('99.6\u{a0}%'))"}),
                json!({"read": COLOURED}),
            ],
        );
        assert_eq!(read, json!([results, [], false, null, [true, false], []]));
    });
}

fn undecided() -> Server {
    with(
        json!({"variants": {"blue": 1, "red": 1}, "goals": ["cart", "order"]}),
        [
            ("blue", 163, &[("cart", 39), ("order", 18)]),
            ("red", 137, &[("cart", 52), ("order", 27)]),
        ],
    )
}

/// A bar that goes on beyond its end has an arrow; a range that no rate can have, or that is nearly all there is, says nothing.
#[test]
fn ranges_are_shown_where_they_say_something() {
    within(LIMIT, || {
        let server = undecided();
        let mut browser = Browser::start();
        let mut shown_of = |lift: [f64; 2], points: [f64; 2], decided: Value| {
            let url = edited(&server, |snapshot| {
                let goal = &mut snapshot["details"]["e"]["usual"]["goals"][0];
                let versus = &mut goal["variants"][1]["versus_control"];
                versus["lift_interval"] = json!(lift);
                versus["sequential_interval"] = json!(points);
                versus["decided"] = decided;
            });
            let url = json!(format!("{url}#experiment=e"));
            let read = use_page(
                &mut browser,
                &url,
                json!([
                    {"until": shown("e")},
                    {"read": ROWS},
                    {"click": "#scale input[value=absolute]"},
                    {"until": "document.querySelector('table.results').dataset.scale === 'absolute'"},
                    {"read": ROWS},
                ]),
            );
            let of = |place: usize| [read[place][1][2].clone(), read[place][1][4].clone()];
            json!([of(0), of(1)])
        };
        let nothing = || json!(["too early to say", ""]);
        // An arrow where the bar goes on; nothing cut where there is room.
        let wide = shown_of([-0.304, 3.469], [-0.097, 0.377], Value::Null);
        let points = "+14.0\u{a0}points −9.7 to +37.7\u{a0}points";
        assert_eq!(
            wide,
            json!([["+59\u{a0}% −30 to +347\u{a0}%", "high"], [points, ""]])
        );
        // 23.9 % cannot fall by 93 points, and 15,805 % more is anything.
        let impossible = shown_of([-0.63, 158.05], [-0.93, 1.0], Value::Null);
        assert_eq!(impossible, json!([nothing(), nothing()]));
        let reaches_all = shown_of([-1.0, 4.0], [-0.25, 0.3], Value::Null);
        assert_eq!(reaches_all, json!([nothing(), nothing()]));
        // What is decided is shown, within what can be.
        let decided = shown_of([0.21, 12.5], [0.05, 0.9], json!("better"));
        assert_eq!(
            decided,
            json!([
                ["+59\u{a0}% 21–1,250\u{a0}%", "high"],
                ["+14.0\u{a0}points 5.0–76.1\u{a0}points", "high"]
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

/// What conversions are worth is written in its unit, and compared like rates.
#[test]
fn a_goal_with_a_value_is_shown_in_its_unit() {
    const GOAL: &str = r##"[...document.querySelectorAll(".goal .cap, .goal thead .rate, .goal td.rate span:not(.hidden), .goal .change span, .goal .decided > span, #scale span")]
      .map(part => (part.firstChild?.textContent ?? "").replaceAll("\u00a0", " "))"##;
    const FIGURES: &str = r##"[...document.querySelectorAll("[data-table=figures] tbody tr")].slice(0, 3).map(row => row.innerText.replaceAll("\u00a0", " "))"##;
    within(LIMIT, || {
        let goal = json!({"name": "order placed", "value": "EUR", "cap": 500});
        let experiments =
            json!({"e": {"variants": {"new": 1, "old": 1}, "control": "old", "goals": [goal]}});
        let participants = [
            ("e", "participate", "old", 600),
            ("e", "participate", "new", 600),
        ];
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(declared(experiments, &participants));
        let orders: Vec<Value> = [("old", 10), ("new", 30)]
            .into_iter()
            .flat_map(|(variant, least)| {
                (0..120).map(move |place| {
                    let value = f64::from(least + place % 5);
                    json!({"experiment": "e", "event": "order placed", "variant": variant, "uuid": format!("order {place}"), "value": value})
                })
            })
            .collect();
        for batch in orders.chunks(100) {
            let mut client = server.client();
            let body = json!(batch).to_string();
            let sent = client.send("POST", "/prod/track", &[], &body);
            assert_eq!(runtime.block_on(sent).unwrap().status, 200);
        }
        let read = rows(
            &server,
            &[
                json!({"read": GOAL}),
                json!({"focus": ".goal [data-key^=figures]"}),
                json!({"press": "Enter"}),
                json!({"until": "document.querySelector('[data-table=figures]')"}),
                json!({"read": FIGURES}),
                json!({"click": "#scale input[value=absolute]"}),
                json!({"until": "document.querySelector('table.results').dataset.scale === 'absolute'"}),
                json!({"read": GOAL}),
                json!({"axe": true}),
            ],
        );
        let texts =
            |place: usize| -> Vec<String> { serde_json::from_value(read[place].clone()).unwrap() };
        let [relative, figures, absolute] = [0, 1, 2].map(texts);
        let (change, result) = (&relative[8..10], &relative[10..]);
        assert_eq!(
            relative[..8],
            [
                "In percent",
                "In EUR",
                "Values above 500 EUR count as 500 EUR.",
                "EUR per visitor",
                "2.40",
                "1,440 EUR / 600",
                "6.40",
                "3,840 EUR / 600"
            ]
        );
        assert_eq!(
            (change[0].as_str(), change[1].ends_with(" %")),
            ("+167 %", true)
        );
        // There is no chance to win of a mean.
        assert_eq!(result, [""]);
        assert_eq!(
            (absolute[8].as_str(), absolute[9].ends_with(" EUR")),
            ("+4.0 EUR", true)
        );
        assert!(
            figures[1].starts_with("Total\t1,440 EUR\t3,840 EUR"),
            "{figures:?}"
        );
        assert!(
            figures[2].contains("12.00 EUR") && figures[2].contains("32.00 EUR"),
            "{figures:?}"
        );
        assert_eq!(read[3], json!([]));
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
        let plan = json!({"planned": 30000, "participants": 12345, "share": 0.4115});
        let soon = json!({"participants_per_day": 510, "days": 4, "participants_per_variant": 820});
        let slow =
            json!({"participants_per_day": 510, "days": 986, "participants_per_variant": 250_000});
        let unknown =
            json!({"participants_per_day": null, "days": null, "participants_per_variant": 820});
        let nothing = Value::Null;
        let mut seen = Vec::new();
        for (plan, forecast) in [
            (&plan, &soon),
            (&plan, &slow),
            (&plan, &unknown),
            (&plan, &nothing),
            (&nothing, &soon),
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
        let [soon, slow] = ["About 4 more days.", "About 2.7 more years."];
        assert_eq!(
            json!(seen),
            json!([
                ["41", "41.15%", format!("{planned}. {soon}"), soon],
                ["41", "41.15%", format!("{planned}. {slow}"), slow],
                ["41", "41.15%", planned, null],
                ["41", "41.15%", planned, null],
                // The verdict says it.
                [null, null, null, null],
            ])
        );
    });
}

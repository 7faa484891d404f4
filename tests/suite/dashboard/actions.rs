//! What a reader can do: commands to copy, the link, the table.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::declared;
use super::page::{LIMIT, shown, start, use_page};
use crate::support::{Browser, line, within};

/// What stands beside the title, and in the menu.
const VERBS: &str = r##"[...document.querySelectorAll("[data-verb]")].map(button => [button.closest(".menu") ? "more" : button.className || "-", button.textContent])"##;

const CLIPBOARD: &str = "navigator.clipboard.readText()";

#[test]
fn what_to_do_follows_from_verdict_and_state() {
    within(LIMIT, || {
        let two =
            |state: Value| json!({"variants": {"a": 1, "b": 1}, "goals": ["g"], "state": state});
        let experiments = json!({
            "won": two(json!("running")), "open": two(json!("running")), "lost": two(json!("running")),
            "uneven": two(json!("running")), "draft": two(json!("draft")), "stopped": two(json!("stopped")),
            "shipped": two(json!({"shipped": "b"})),
        });
        let events = [
            ("won", "participate", "a", 1000),
            ("won", "participate", "b", 1000),
            ("won", "g", "a", 100),
            ("won", "g", "b", 250),
            ("lost", "participate", "a", 1000),
            ("lost", "participate", "b", 1000),
            ("lost", "g", "a", 250),
            ("lost", "g", "b", 100),
            ("open", "participate", "a", 100),
            ("open", "participate", "b", 100),
            ("open", "g", "a", 20),
            ("open", "g", "b", 22),
            ("uneven", "participate", "a", 1000),
            ("uneven", "participate", "b", 1400),
            ("not declared", "participate", "a", 1),
        ];
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(declared(experiments, &events));
        let mut browser = Browser::start();
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let mut verbs = |experiment: &str| {
            let url = json!(format!("{url}&experiment={experiment}"));
            let steps = json!([{"until": shown(experiment)}, {"read": VERBS}]);
            use_page(&mut browser, &url, steps)[0].clone()
        };
        let ship = |variant: &str| json!(["more", format!("Ship {variant}…")]);
        let more = |verb: &str| json!(["more", format!("{verb}…")]);
        for (experiment, expected) in [
            (
                "won",
                json!([
                    ["primary", "Ship b…"],
                    ["-", "Stop…"],
                    more("Restart"),
                    ship("a")
                ]),
            ),
            (
                "lost",
                json!([["primary", "Stop…"], more("Restart"), ship("a"), ship("b")]),
            ),
            (
                "open",
                json!([["-", "Stop…"], more("Restart"), ship("a"), ship("b")]),
            ),
            (
                "uneven",
                json!([
                    ["primary", "Restart…"],
                    ["-", "Stop…"],
                    ship("a"),
                    ship("b")
                ]),
            ),
            ("draft", json!([["primary", "Start…"], more("Archive")])),
            (
                "stopped",
                json!([
                    ["primary", "Archive…"],
                    more("Restart"),
                    more("Start"),
                    ship("a"),
                    ship("b")
                ]),
            ),
            (
                "shipped",
                json!([
                    ["primary", "Archive…"],
                    more("Restart"),
                    ship("a"),
                    ship("b")
                ]),
            ),
            ("not declared", json!([])),
        ] {
            assert_eq!(verbs(experiment), expected, "{experiment}");
        }
    });
}

/// The command is copied by keyboard alone, also where a page has no clipboard, and a shell runs it as it is meant whatever
/// the names are.
#[test]
fn a_copied_command_does_what_it_says() {
    const ODD: &str = "a \"b\" $(touch owned) `c` 'd' \\ !e";
    const DASHED: &str = "--yes";
    within(LIMIT, || {
        let two = json!({"variants": {"plain": 1, DASHED: 1, "$HOME": 1}, "goals": ["g"]});
        let experiments = json!({ODD: two, "simple": two});
        let server = Runtime::new().unwrap().block_on(declared(experiments, &[]));
        let mut browser = Browser::start();
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let mut copied = |experiment: &str, variant: &str, steps: Value| {
            let in_url: String = form_urlencoded::byte_serialize(experiment.as_bytes()).collect();
            let mut all = vec![
                json!({"until": shown(experiment)}),
                json!({"focus": ".menu summary"}),
                json!({"press": "Enter"}),
                json!({"focus": format!("[data-verb=ship][data-variant={}]", json!(variant))}),
                json!({"press": "Enter"}),
                json!({"until": "document.getElementById('command').open"}),
            ];
            all.extend(steps.as_array().unwrap().iter().cloned());
            all.extend([
                json!({"read": "document.activeElement.dataset.copy"}),
                json!({"press": "Enter"}),
                json!({"until": "document.getElementById('heard').textContent === 'Copied'"}),
                json!({"read": CLIPBOARD}),
                json!({"axe": true}),
                json!({"press": "Escape"}),
                json!({"read": "[document.getElementById('command').open, document.querySelector('.menu').open]"}),
            ]);
            let url = json!(format!("{url}&experiment={in_url}"));
            let read = use_page(&mut browser, &url, json!(all));
            let read = read.as_array().unwrap();
            let [.., copied, command, axe, open] = read.as_slice() else {
                panic!("{read:?}")
            };
            assert_eq!(
                (copied, axe, open),
                (&json!("command"), &json!([]), &json!([false, false]))
            );
            command.as_str().unwrap().to_owned()
        };
        let without = json!([{"read": "navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')), 0"}]);
        let plain = copied("simple", "plain", json!([]));
        assert_eq!(plain, "lamed ship simple plain");
        let config = || fs::read_to_string(server.home.path().join("config.json")).unwrap();
        for (experiment, variant, steps) in [
            ("simple", "plain", json!([])),
            (ODD, "$HOME", without),
            (ODD, DASHED, json!([])),
        ] {
            let command = copied(experiment, variant, steps);
            let bin = env!("CARGO_BIN_EXE_lamed");
            let command = command.replacen("lamed ship", &format!("'{bin}' ship -y"), 1);
            let mut shell = Command::new("bash");
            let ran = shell
                .args(["-c", &command])
                .current_dir(&server.home)
                .env("HOME", server.home.path());
            let ran = ran.output().unwrap();
            assert!(ran.status.success(), "{command}: {ran:?}");
            let config: Value = serde_json::from_str(&config()).unwrap();
            let state = &config["experiments"][experiment]["state"];
            assert_eq!(state, &json!({ "shipped": variant }), "{command}");
        }
        assert!(!server.home.path().join("owned").exists());
    });
}

#[test]
fn the_link_and_the_table_can_be_taken_along() {
    within(LIMIT, || {
        let server = start(&["--local"]);
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let of = json!(format!("{url}&experiment=color&control=red"));
        let snapshot = server.home.path().join("snapshot.html");
        line(
            &server.home,
            &["dashboard", "--local", "--output", "snapshot.html"],
        )
        .run();
        let file = json!(format!("file://{}#experiment=color", snapshot.display()));
        let mut browser = Browser::start();
        let read = use_page(
            &mut browser,
            &of,
            json!([
                {"until": shown("color")},
                {"click": "[data-do=link]"},
                {"until": "document.querySelector('[data-do=link]').textContent === 'Copied'"},
                {"read": CLIPBOARD},
                {"download": "[data-do=csv]"},
            ]),
        );
        let (page, _) = url.split_once('#').unwrap();
        assert_eq!(read[0], format!("{page}#experiment=color&control=red"));
        let table = line(&server.home, &["results", "--local", "--csv", "color"]);
        let table = table.env("LC_ALL", "C").run().stdout;
        assert_eq!(read[1], json!(["color.csv", table]));
        // A file has its tables in it.
        let steps = json!([{"until": shown("color")}, {"download": "[data-do=csv]"}]);
        assert_eq!(use_page(&mut browser, &file, steps)[0][1], table);
    });
}

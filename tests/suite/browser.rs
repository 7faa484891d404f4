//! The real AlephBet in a real browser, on pages with the snippet as `lamed snippet` prints it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use lamed::assets::alephbet;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Browser, Model, Server, free_port, line, tools, within};

mod faults;

const LIMIT: Duration = Duration::from_mins(2);

const COLOR: &str = "button color";
const ODD: &str = "50% off: צבע + \"כן\" & <b>🦀</script>\\ '{{experiments}}' =";
const ANN: Option<&str> = Some("ann");
const SIGNED_UP: &str = "signed up";
const PAID: &str = "נרשם & שילם: 1+1";
/// Counted each time.
const PAGE_VIEW: &str = "page view";

fn config() -> Value {
    let page_view = json!({"name": PAGE_VIEW, "unique": false});
    json!({"experiments": {
        COLOR: {
            "unit": "user",
            "control": "red",
            "variants": {"blue": 9, "never": 0, "red": 1},
            "goals": [SIGNED_UP, page_view],
        },
        ODD: {
            "variants": {"א: 100%": 50, "b+c {d}": 50},
            "goals": [SIGNED_UP, PAID, page_view],
        },
    }})
}

#[test]
fn visitors_and_what_they_do_are_counted_exactly() {
    within(LIMIT, || {
        let server = serve("127.0.0.1:0", "embedded");
        let (snippet, mut browser) = (snippet(&server), Browser::start());
        let goals = [SIGNED_UP, SIGNED_UP, PAID, PAGE_VIEW, PAGE_VIEW];
        let (mut expected, mut colors) = (Expected::default(), BTreeSet::new());
        // Who is signed in at each visit. Ann signs in on a device that knew her as a stranger, and on
        // one that others use, too.
        for (device, visits) in [
            &[Some("ann")][..],
            &[None, None, Some("ann"), None],
            &[Some("dan"), Some("ann"), Some("dan")],
            &[None],
            &[Some("fay"), Some("gil")],
        ]
        .into_iter()
        .enumerate()
        {
            for user in visits {
                let visit = browser.visit(&page(*user, &snippet, &goals));
                visit.assert_delivered();
                expected.visit(device, *user, &visit, &goals);
                let [color, _] = visit.variants();
                assert_eq!(color.is_some(), user.is_some());
                colors.extend(user.zip(color));
            }
            browser.forget();
        }
        assert_eq!(experiments(&server), expected.experiments());
        // AlephBet derives these from the ids, and the weights 9, 0 and 1 in this order.
        let derived = [
            ("ann", "blue"),
            ("dan", "red"),
            ("fay", "blue"),
            ("gil", "blue"),
        ];
        assert_eq!(colors, derived.map(|(id, color)| (id, color.into())).into());

        let results = run(&server, &["results", "--local", "--json"]);
        let results: Value = serde_json::from_str(&results).unwrap();
        assert_eq!(
            numbers_of_results(&results),
            numbers(&expected.experiments())
        );
        assert_eq!(results["experiments"][1]["control"], "red");
    });
}

#[test]
fn what_happens_while_the_server_is_away_is_counted_when_it_is_back() {
    within(LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("embedded:{}", folder.path().join("lamed.db").display());
        let listen = format!("127.0.0.1:{}", free_port());
        let mut server = serve(&listen, &store);
        let (snippet, mut browser) = (snippet(&server), Browser::start());
        let mut expected = Expected::default();

        let visit = browser.visit(&page(ANN, &snippet, &[PAGE_VIEW]));
        visit.assert_delivered();
        expected.visit(0, ANN, &visit, &[PAGE_VIEW]);

        server.terminate();
        assert_eq!(server.wait().0.code(), Some(0));
        let visit = browser.visit(&page(ANN, &snippet, &[SIGNED_UP, PAGE_VIEW]));
        expected.visit(0, ANN, &visit, &[SIGNED_UP, PAGE_VIEW]);
        assert!(visit.statuses().all(|status| status.is_null()), "{visit:?}");
        for error in visit.errors() {
            assert!(error.contains("net::ERR_CONNECTION_REFUSED"), "{error}");
        }
        let queue = [
            (ODD, SIGNED_UP),
            (COLOR, SIGNED_UP),
            (ODD, PAGE_VIEW),
            (COLOR, PAGE_VIEW),
        ];
        assert_eq!(visit.queue(), queue);

        let server = serve(&listen, &store);
        let visit = browser.visit(&page(ANN, &snippet, &[PAGE_VIEW]));
        visit.assert_delivered();
        expected.visit(0, ANN, &visit, &[PAGE_VIEW]);
        // Four events were waiting and two are new: the rest is what AlephBet sends again.
        assert!(visit.statuses().count() > 6, "{visit:?}");
        assert_eq!(experiments(&server), expected.experiments());
    });
}

#[test]
fn a_browser_takes_the_published_alephbet_alone_and_pages_go_on_without_it() {
    within(LIMIT, || {
        let hash = "openssl dgst -sha384 -binary alephbet.min.js | openssl base64 -A";
        let output = Command::new("sh")
            .args(["-c", hash])
            .current_dir(tools().join("node_modules/alephbet/dist"))
            .output()
            .unwrap();
        let published = format!("sha384-{}", String::from_utf8(output.stdout).unwrap());
        assert_eq!(published, alephbet::INTEGRITY);

        let home = home();
        let url = ["snippet", "--alephbet", "--url", "http://127.0.0.1:1/prod"];
        let snippet = line(&home, &url).run().stdout;
        let another = format!("sha384-{}", "A".repeat(64));
        let other = snippet.replace(&published, &another);
        let visit = Browser::start().visit(&page(None, &other, &[PAGE_VIEW]));
        let (result, sent) = (&visit.0["result"], visit.statuses().count());
        assert_eq!((result, sent), (&json!([null, null]), 0));
        let errors = visit.0["errors"].to_string();
        assert!(errors.contains("'integrity' attribute"), "{errors}");
        assert_eq!(visit.0["errors"].as_array().unwrap().len(), 1, "{errors}");
    });
}

/// A home with the config.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".lamed");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("config.json"), config().to_string()).unwrap();
    home
}

fn serve(listen: &str, store: &str) -> Server {
    Server::start_in(home(), listen, &["--local", "--store", store])
}

/// What a command prints in the server's home.
fn run(server: &Server, arguments: &[&str]) -> String {
    let outcome = line(&server.home, arguments).run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    outcome.stdout
}

fn snippet(server: &Server) -> String {
    run(server, &["snippet", "--local", "--alephbet"])
}

fn experiments(server: &Server) -> Vec<Value> {
    Runtime::new().unwrap().block_on(server.experiments())
}

/// A page as its author would write it, who knows the visitor or does not. Reaches the goals.
fn page(id: Option<&str>, snippet: &str, goals: &[&str]) -> String {
    let id = id.map(|id| format!("<script>window.lamedUserId = {}</script>", script(&id)));
    let id = id.unwrap_or_default();
    let goals = script(&goals);
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>A shop</title>\n{id}\n{snippet}\n\
         <script>for (const goal of {goals}) lamed.complete(goal)</script>\n"
    )
}

/// JSON that can stand in a script in HTML.
fn script(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value)
        .unwrap()
        .replace('<', "\\u003c")
}

impl Browser {
    fn visit(&mut self, page: &str) -> Visit {
        let variants = format!("return {}.map(lamed.variant)", script(&[COLOR, ODD]));
        Visit(self.ask(json!({"do": "visit", "html": page, "script": variants})))
    }

    /// The next visit is from a new device.
    fn forget(&mut self) {
        assert_eq!(self.ask(json!({"do": "forget"})), json!({}));
    }
}

/// What became of a visit, in the driver's words.
#[derive(Debug)]
struct Visit(Value);

impl Visit {
    /// The variants of `COLOR` and `ODD`.
    fn variants(&self) -> [Option<String>; 2] {
        serde_json::from_value(self.0["result"].clone()).unwrap()
    }

    /// What the console has of errors, and what nobody caught.
    fn errors(&self) -> impl Iterator<Item = &str> {
        let errors = self.0["errors"].as_array().unwrap().iter();
        errors.map(|error| error.as_str().unwrap())
    }

    /// The replies to what was tracked; null where there was none.
    fn statuses(&self) -> impl Iterator<Item = &Value> {
        let tracked = self.0["tracked"].as_array().unwrap().iter();
        tracked.map(|request| &request["status"])
    }

    /// What waits to be sent: experiments and events.
    fn queue(&self) -> Vec<(&str, &str)> {
        let items = self.0["queue"].as_array().unwrap().iter();
        items
            .map(|item| {
                let field = |name: &str| item["properties"][name].as_str().unwrap();
                (field("experiment"), field("event"))
            })
            .collect()
    }

    fn assert_delivered(&self) {
        for nothing in ["errors", "foreign", "queue"] {
            assert_eq!(self.0[nothing], json!([]), "{nothing}");
        }
        let refused: Vec<&Value> = self.statuses().filter(|status| **status != 200).collect();
        assert!(refused.is_empty(), "{refused:?}");
    }
}

/// What the visits should be counted as.
#[derive(Default)]
struct Expected {
    model: Model,
    page_views: u32,
}

impl Expected {
    /// `COLOR` is for users, `ODD` for visitors: devices.
    fn visit(&mut self, device: usize, user: Option<&str>, visit: &Visit, goals: &[&str]) {
        let whose = [user.unwrap_or_default().to_owned(), device.to_string()];
        let experiments = [COLOR, ODD].into_iter().zip(whose).zip(visit.variants());
        for ((experiment, who), variant) in experiments {
            let Some(variant) = variant else { continue };
            for event in ["participate"].iter().chain(goals) {
                let key = if *event == PAGE_VIEW {
                    self.page_views += 1;
                    self.page_views.to_string()
                } else {
                    who.clone()
                };
                if (experiment, *event) != (COLOR, PAID) {
                    (self.model).track(["alephbet", experiment, event, &variant], &key);
                }
            }
        }
    }

    fn experiments(&self) -> Vec<Value> {
        self.model.all("alephbet")
    }
}

/// A line for each number that `/experiments` gives of a goal, sorted.
fn numbers(experiments: &[Value]) -> Vec<String> {
    lines(experiments, ["results", "label", "successes", "trials"])
}

/// The same of what `lamed results` says, without declared variants that nobody was shown.
fn numbers_of_results(results: &Value) -> Vec<String> {
    let experiments = results["experiments"].as_array().unwrap();
    lines(
        experiments,
        ["variants", "variant", "conversions", "participants"],
    )
}

fn lines(experiments: &[Value], words: [&str; 4]) -> Vec<String> {
    let mut lines = Vec::new();
    for experiment in experiments {
        for goal in experiment["goals"].as_array().unwrap() {
            for result in goal[words[0]].as_array().unwrap() {
                let [label, successes, trials] = [1, 2, 3].map(|word| &result[words[word]]);
                if trials == 0 {
                    continue;
                }
                lines.push(format!(
                    "{}: {}: {label}: {successes} of {trials}",
                    experiment["experiment"], goal["goal"]
                ));
            }
        }
    }
    lines.sort();
    lines
}

//! `lamed plan`

use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::support::{Server, line};

#[test]
fn a_plan_says_how_many_visitors_and_days_it_takes() {
    let home = home();
    let plan = ["plan", "--rate", "5%", "--effect", "0.1", "--daily", "1000"];
    line(&home, &plan).env("COLUMNS", "80").gives(0, PLAN, "");
    // However narrow or wide the terminal is, the curve fits.
    for (columns, most) in [("60", 60), ("40", 45), ("200", 80)] {
        let shown = line(&home, &plan).env("COLUMNS", columns).run().stdout;
        let curve = shown.lines().filter(|line| line.contains(['│', '└']));
        let widest = curve.map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= most, "{columns}: {shown}");
    }
}

const PLAN: &str = "\
Rate of the control: 5 %
Effect: 10 %, from 5 % to 5.5 %
2 variants, 1,000 visitors a day

If the effect is real, 4 of 5 experiments find it with this many visitors:

                 visitors  per variant  days  full weeks
 with a plan       77,800       38,900    78          12
 without a plan   142,400       71,200   143          21

Write the plan into the experiment in the config file, before the start:
\"planned_participants\": 77800,
\"minimum_effect\": 0.1

How often 77,800 visitors find an effect of each size (● with a plan, ○ without)
 100 % │                                             ●●●●●●●●●●●●●●●●●●●●●●●●●●
       │                                      ●●●●●●●     ○○○○○○○
  80 % │··································●●●●·······○○○○○·····················
       │                              ●●●●        ○○○
  60 % │                           ●●●         ○○○
       │                        ●●●         ○○○
  40 % │                      ●●         ○○○
       │                  ●●●●        ○○○
  20 % │              ●●●●        ○○○○
       │        ●●●●●●     ○○○○○○○
   0 % │●●●●●●●●○○○○○○○○○○○
       └───────────────────────────────────────────────────────────────────────
        0 %                              10 %                              20 %

Run for full weeks: visitors of weekdays and weekends differ.
";

#[test]
fn a_plan_is_json() {
    let home = home();
    let shown = |arguments: &[&str]| -> Value {
        let outcome = line(&home, &[&["plan", "--json"], arguments].concat()).run();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        serde_json::from_str(&outcome.stdout).unwrap()
    };
    let mut plan = shown(&["--rate", "5%", "--effect", "20%", "--daily", "1000"]);
    let curve = plan["curve"].take();
    assert_eq!(
        plan,
        json!({
            "experiment": null,
            "rate": 0.05,
            "effect": 0.2,
            "better": "higher",
            "variants": 2,
            "comparisons": 1,
            "participants_per_day": 1000.0,
            "power": 0.8,
            "with_plan": {"participants": 20280, "participants_per_variant": 10140, "days": 21},
            "without_plan": {"participants": 33782, "participants_per_variant": 16891, "days": 34},
            "planned": null,
            "curve": null,
        })
    );
    assert_eq!(curve["participants"], 20280);
    let points = curve["points"].as_array().unwrap();
    assert_eq!(points.len(), 21);
    let middle = &points[10];
    assert!((middle["effect"].as_f64().unwrap() - 0.2).abs() < 1e-12);
    assert!((middle["with_plan"].as_f64().unwrap() - 0.8).abs() < 1e-3);
    // More variants take more, and 10 % is found by default.
    let five = shown(&["--rate", "5%", "--variants", "5"]);
    assert_eq!(
        (&five["effect"], &five["comparisons"]),
        (&json!(0.1), &json!(4))
    );
    assert!(five["with_plan"]["participants"].as_u64() > Some(77_645 * 2));
}

#[test]
fn what_makes_no_plan_is_refused() {
    let home = home();
    for (arguments, error) in [
        (
            &["--rate", "5"][..],
            "expected a number such as 5% or 0.05: did you mean 5%?",
        ),
        (
            &["--rate", "0%"],
            "must be more than 0 % and less than 100 %",
        ),
        (&["--rate", "5%", "--effect=-5%"], "must be more than 0 %"),
        (&["--rate", "x"], "expected a number such as 5% or 0.05"),
        (
            &["--rate", "60%", "--effect", "90%"],
            "an effect of 90 % is impossible: the rate would change from 60 % to 114 %",
        ),
        (
            &["--rate", "50%", "--effect", "1e-9"],
            "an effect of 0 % is too small to plan for",
        ),
        (
            &[],
            "error: missing rate: use `--rate`, for example `--rate 5%`, or name an experiment",
        ),
        (
            &["nothing", "--rate", "5%"],
            "experiment `nothing` not found",
        ),
    ] {
        let outcome = line(&home, &[&["plan"], arguments].concat()).run();
        assert_ne!(outcome.code, Some(0), "{arguments:?}");
        assert!(
            outcome.stderr.contains(error),
            "{arguments:?}: {}",
            outcome.stderr
        );
    }
}

#[tokio::test]
async fn an_experiment_is_planned_by_its_counts() {
    let home = home();
    let experiment = json!({
        "variants": {"a": 3, "b": 1, "off": 0},
        "goals": [{"name": "left", "better": "lower"}, "g"],
        "minimum_effect": 0.2,
        "planned_participants": 20000,
    });
    let config = json!({"experiments": {"e": experiment}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let events = [
        ("e", "participate", "a", 900),
        ("e", "participate", "b", 300),
        ("e", "left", "a", 90),
        ("e", "left", "b", 25),
        ("loose", "participate", "x", 10),
        ("loose", "participate", "y", 10),
        ("loose", "participate", "z", 10),
        ("all", "participate", "x", 10),
        ("all", "g", "x", 10),
        ("all", "participate", "y", 10),
        ("often", "participate", "x", 10),
        ("often", "g", "x", 20),
    ];
    count(&server, &events).await;
    let plan = |arguments: &[&str]| line(&server.home, &[&["plan"], arguments].concat());
    let shown = plan(&["e", "--local", "--daily", "500", "--json"])
        .run()
        .stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let of = |name: &str| shown[name].clone();
    assert_eq!(
        [
            of("experiment"),
            of("rate"),
            of("effect"),
            of("better"),
            of("variants"),
            of("comparisons")
        ],
        [
            json!("e"),
            json!(0.1),
            json!(0.2),
            json!("lower"),
            json!(2),
            json!(2)
        ]
    );
    assert_eq!(shown["planned"]["participants"], 20_000);
    assert_eq!(shown["planned"]["days"], 40);
    let power = shown["planned"]["power"].as_f64().unwrap();
    assert!(power > 0.8 && power < 1.0, "{power}");
    let text = plan(&["e", "--local"]).run().stdout;
    assert!(
        text.starts_with(
            "e\nRate of the control: 10 % (goal left, as counted)\nEffect: 20 %, from 10 % to 8 %\n2 variants\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("\nYour config plans 20,000 visitors. With them, ")
            && text.contains(" % of experiments find an effect of 20 %.\n")
            && text.contains("How often your planned 20,000 visitors find "),
        "{text}"
    );
    // With the rate nothing is asked of a server; what is declared stays.
    let asked = plan(&["e", "--rate", "10%", "--daily", "500", "--json"]).run();
    assert_eq!(
        serde_json::from_str::<Value>(&asked.stdout).unwrap()["with_plan"],
        shown["with_plan"]
    );
    for (experiment, why) in [
        ("loose", "it has no goal that counts once and has no value"),
        ("all", "all visitors of its control converted"),
        ("often", "it has no goal that counts once and has no value"),
    ] {
        let told =
            format!("error: cannot take the rate from `{experiment}`: {why}; use `--rate`\n");
        plan(&[experiment, "--local"]).gives(1, "", &told);
    }
    // What counts already keeps its plan.
    let more =
        json!([{"experiment": "all", "event": "participate", "variant": "x", "uuid": "more"}]);
    let reply = server.client().post("/prod/track", &more.to_string()).await;
    assert_eq!(reply.json()["counted"], 1);
    let text = plan(&["all", "--local", "--variants", "2"]).run().stdout;
    assert!(
        text.contains("4 of 5 experiments") && !text.contains("planned_participants"),
        "{text}"
    );
    let unknown = "error: experiment `f` not found\n";
    plan(&["f", "--local"]).gives(1, "", unknown);
}

#[tokio::test]
async fn results_show_how_far_a_plan_is() {
    let home = home();
    let experiment = json!({"variants": {"a": 1, "b": 1}, "planned_participants": 1000});
    let config = json!({"experiments": {"e": experiment}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let events = [
        ("e", "participate", "a", 150),
        ("e", "participate", "b", 150),
        ("e", "g", "a", 15),
        ("e", "g", "b", 15),
    ];
    count(&server, &events).await;
    let results = |columns: &str| {
        let line = line(&server.home, &["results", "--local"]).env("COLUMNS", columns);
        line.run().stdout
    };
    let bar = "\n   █████████░░░░░░░░░░░░░░░░░░░░░  300 of 1,000 planned visitors\n";
    assert!(results("100").contains(bar), "{}", results("100"));
    let bar = "\n   ███░░░░░░░░  300 of 1,000 planned visitors\n";
    assert!(results("45").contains(bar), "{}", results("45"));
    assert!(
        results("30").contains("\n   300 of 1,000 planned visitors\n"),
        "{}",
        results("30")
    );
    let json = line(&server.home, &["results", "--local", "--json"])
        .run()
        .stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["experiments"][0]["plan"],
        json!({"planned": 1000, "participants": 300, "share": 0.3})
    );
}

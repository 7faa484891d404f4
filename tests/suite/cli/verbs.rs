//! `lamed new`, `start`, `stop`, `ship`, `restart`, `archive` and `experiments`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::{Server, line, query};

const CONFIG: &str = r#"{
	"namespace": "shop",
	"redis": {"password": "hunter2"},
	"experiments": {
		"button color": {"variants": {"red": 1, "blue": 1}}
	}
}
"#;

#[test]
fn a_verb_changes_the_file_and_shows_how() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, CONFIG).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let live = "A running `lamed serve` with this file loads it within seconds, browsers within a minute. For AWS, run `lamed deploy`.\n";
    line(&home, &["ship", "button color", "red", "--yes"]).gives(
        0,
        "",
        &format!(
            "config.json:5\n-         \"button color\": {{\"variants\": {{\"red\": 1, \"blue\": 1}}}}\n\
             +         \"button color\": {{\n+             \"variants\": {{\"red\": 1, \"blue\": 1}},\n\
             +             \"state\": {{\n+                 \"shipped\": \"red\"\n+             }}\n+         }}\n\n\
             `button color` is shipped: all visitors see `red`\n{live}"
        ),
    );
    let shipped = fs::read_to_string(&file).unwrap();
    assert!(
        shipped.starts_with(
            "{\n\t\"namespace\": \"shop\",\n\t\"redis\": {\"password\": \"hunter2\"},\n"
        )
    );
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    let outcome = line(&home, &["restart", "button color", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    line(&home, &["stop", "button color", "--yes"]).run();
    let outcome = line(&home, &["start", "button color", "--yes"]).run();
    assert!(
        (outcome.stderr).ends_with(&format!(
            "`button color` is running\n{live}It has no goal yet: add one under `goals` in the config file.\n"
        )),
        "{outcome}"
    );
    fs::write(&file, &shipped).unwrap();
    // Without an answer nothing changes.
    let outcome = line(&home, &["restart", "button color"]).run();
    let asks = "error: cannot ask for confirmation: not a terminal; use `--yes` to confirm: Change `config.json`?\n";
    assert!(
        outcome.code == Some(2) && outcome.stderr.ends_with(asks),
        "{outcome}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), shipped);
    for (arguments, error) in [
        (
            &["stop", "buton color"][..],
            "error: experiment `buton color` not found: did you mean `button color`?\n",
        ),
        (
            &["ship", "button color", "green"],
            "error: `button color` has no variant `green`: expected one of `red`, `blue`\n",
        ),
        (
            &["new", "button color", "--variants", "a,b"],
            "error: experiment `button color` already exists (state: shipped red): choose another name, or use `lamed restart` to begin a new run\n",
        ),
    ] {
        line(&home, &[arguments, &["--yes"]].concat()).gives(2, "", error);
    }
    // A file in one line shows all of itself, but for the password.
    fs::write(&file, CONFIG.replace(['\n', '\t'], "")).unwrap();
    let outcome = line(&home, &["stop", "button color", "--yes"]).run();
    assert!(
        outcome.stderr.contains("\"password\": \"***\""),
        "{outcome}"
    );
    assert!(fs::read_to_string(&file).unwrap().contains("hunter2"));
}

#[test]
fn what_keeps_an_experiment_from_a_verdict_or_a_list_is_said() {
    let home = tempfile::tempdir().unwrap();
    let new = [
        "new",
        "color",
        "--variants",
        "blue=0,red",
        "--start",
        "--yes",
    ];
    let goal = "It has no goal yet: add one under `goals` in the config file.\n";
    let control = "The control `blue` has weight 0: it gets no visitors, and lamed cannot compare other variants with it.\n";
    let said = line(&home, &new).run().stderr;
    assert!(said.ends_with(&format!("\n{goal}{control}")), "{said}");
    line(&home, &["stop", "color", "--yes"]).run();
    let said = line(&home, &["start", "color", "--yes"]).run().stderr;
    assert!(said.ends_with(&format!("\n{goal}{control}")), "{said}");
    let new = [
        "new",
        "price",
        "--variants",
        "old,new=0",
        "--goal",
        "bought",
        "--start",
        "--yes",
    ];
    let said = line(&home, &new).run().stderr;
    assert!(said.ends_with("For AWS, run `lamed deploy`.\n"), "{said}");
    // Archived ones are not said to be missing.
    for name in ["color", "price"] {
        line(&home, &["archive", name, "--yes"]).run();
    }
    let outcome = line(&home, &["experiments", "--url", "http://127.0.0.1:9"]).run();
    let archived = "all experiments are archived: use `--all` to see them\n";
    assert!(outcome.stderr.starts_with(archived), "{outcome}");
}

#[test]
fn a_first_experiment_makes_the_file() {
    let home = tempfile::tempdir().unwrap();
    let new = [
        "new",
        "50% off",
        "--variants",
        "plain=3, banner",
        "--goal",
        "bought",
        "--yes",
        "--json",
    ];
    let outcome = line(&home, &new).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let file = home.path().join(".lamed/config.json");
    let config: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(file.with_file_name("config.schema.json").exists());
    assert_eq!(
        config["experiments"],
        json!({"50% off": {"variants": {"plain": 3, "banner": 1}, "goals": ["bought"], "state": "draft"}})
    );
    for (arguments, error) in [
        (&["new", "x"][..], "use `--variants`"),
        (&["new", "x", "--variants", "a"], "at least two variants"),
        (
            &["new", "x", "--variants", "a=-1"],
            "the weight must be a whole number from 0",
        ),
        (
            &["new", "x", "--variants", "a", "--sample", "2"],
            "expected a number from 0 to 1",
        ),
        (
            &["new", "x", "--variants", "a=0,b=0"],
            "all weights are 0: at least one must be above 0, for example",
        ),
        (
            &["new", "x", "--variants", "a, b, a=2"],
            "`--variants` names `a` twice",
        ),
        (
            &[
                "new",
                "x",
                "--variants",
                "a,b",
                "--goal",
                "g, h",
                "--goal",
                "g",
            ],
            "`--goal` names `g` twice",
        ),
    ] {
        let outcome = line(&home, &[arguments, &["--yes"]].concat()).run();
        assert!(
            outcome.code == Some(2) && outcome.stderr.contains(error),
            "{outcome}"
        );
    }
}

#[tokio::test]
async fn experiments_are_listed_with_their_state_and_verdict() {
    let home = tempfile::tempdir().unwrap();
    let config = r#"{"experiments": {
        "color": {"variants": {"red": 9, "blue": 1}, "run": 2},
        "headline": {"variants": {"a": 1, "b": 1}, "state": {"shipped": "b"}},
        "old": {"variants": {"a": 1}, "state": "stopped", "archived": true}
    }}"#;
    fs::write(home.path().join("config.json"), config).unwrap();
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    for (experiment, uuid) in [
        ("color", "1"),
        ("color #2", "1"),
        ("color #2", "2"),
        ("other", "1"),
    ] {
        let query = query(&[
            ("experiment", experiment),
            ("event", "participate"),
            ("variant", "red"),
            ("uuid", uuid),
        ]);
        server.client().get(&format!("/prod/track?{query}")).await;
    }
    let list = " experiment  state         run  weights         days  participants
 color       running         2  red 9 : blue 1     1             2
   No conversions yet
 headline    shipped b       1  a 1 : b 1          0             0
 other       not declared    1                     1             1
   No conversions yet
";
    line(&server.home, &["experiments", "--local"]).gives(0, list, "");
    let narrow = line(&server.home, &["experiments", "--local", "--all"])
        .env("COLUMNS", "46")
        .run();
    assert!(
        narrow
            .stdout
            .starts_with(" experiment  state         participants\n"),
        "{narrow}"
    );
    assert!(narrow.stdout.contains("\n old"), "{narrow}");
    let json = line(&server.home, &["experiments", "--local", "--json"]).run();
    let rows: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        rows[1],
        json!({"experiment": "headline", "state": "shipped", "shipped": "b", "run": 1, "archived": false,
            "weights": [["a", 1], ["b", 1]], "days": 0, "participants": 0, "verdict": null})
    );
    // The events above came by GET, as AlephBet sends them.
    let stop = line(&server.home, &["stop", "color", "--yes"]).run();
    let warning = "warning: events of `color` came by `GET /track` in the last 24 hours, as AlephBet sends them: pages \
                   with AlephBet still show its variants; change those pages\n";
    assert!(stop.stderr.ends_with(warning), "{stop}");
    let ship = line(&server.home, &["ship", "headline", "a", "--yes"]).run();
    assert!(!ship.stderr.contains("AlephBet"), "{ship}");
    // Without an API, what is declared is known all the same.
    let outcome = line(
        &server.home,
        &["experiments", "--url", "http://127.0.0.1:9"],
    )
    .run();
    assert!(
        outcome
            .stdout
            .contains("  a 1 : b 1          –             –\n")
            && outcome.stderr.starts_with("warning: counts are missing: "),
        "{outcome}"
    );
    let outcome = line(&server.home, &["experiments", "--url", "nonsense"]).run();
    let is_usage = outcome.code == Some(2) && outcome.stderr.starts_with("error: `--url nonsense`");
    assert!(is_usage && outcome.stdout.is_empty(), "{outcome}");
}

/// Somebody saves the file while the question waits for its answer.
#[test]
fn what_somebody_else_saved_meanwhile_stays() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, CONFIG).unwrap();
    let stop = line(&home, &["stop", "button color"]);
    let change = format!("{}\u{c}y\r", file.display());
    let outcome = stop.run_on_terminal(&[("Change `config.json`? [y/N]", &change)]);
    let refused = "error: `config.json` was changed by another program: run the command again\n";
    assert!(
        outcome.code == Some(1) && outcome.stdout.ends_with(refused),
        "{outcome}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{CONFIG}\n"));
}

/// A name with the number of the run is at most as long as a name.
#[test]
fn a_name_too_long_for_another_run_cannot_be_restarted() {
    let home = tempfile::tempdir().unwrap();
    for (length, code) in [(197, 0), (198, 2)] {
        let name = "n".repeat(length);
        let config = json!({"experiments": {&name: {"variants": {"a": 1, "b": 1}}}}).to_string();
        let file = home.path().join("config.json");
        fs::write(&file, &config).unwrap();
        let outcome = line(&home, &["restart", &name, "--yes"]).run();
        assert_eq!(outcome.code, Some(code), "{outcome}");
        if code == 0 {
            continue;
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), config);
        let refused = format!(
            "the name of run 2 of the experiment `{name}` is longer than 200 bytes: declare an experiment with a shorter name\n"
        );
        assert!(outcome.stderr.ends_with(&refused), "{outcome}");
    }
}

/// Whether pages have AlephBet is asked afterwards: no server is needed to stop.
#[test]
fn a_verb_needs_no_server_but_refuses_what_is_no_address_before_it_writes() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.json");
    fs::write(&file, CONFIG).unwrap();
    let stop = ["stop", "button color", "--yes"];
    let outcome = line(&home, &[&stop[..], &["--url", "localhost:3000"]].concat()).run();
    let refused = "error: `--url localhost:3000` is not the base URL of an API: expected a URL such as https://HOST/prod\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), refused));
    assert_eq!(fs::read_to_string(&file).unwrap(), CONFIG);
    let outcome = line(&home, &[&stop[..], &["--local"]].concat()).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(fs::read_to_string(&file).unwrap().contains("stopped"));
}

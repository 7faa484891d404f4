//! What is live, back to what was live before, and away with all of it.

use std::io::ErrorKind;
use std::net::TcpListener;

use serde_json::{Value, json};

use super::*;

#[test]
fn status_shows_what_is_live_and_what_is_other_than_the_config() {
    let site = Site::new();
    let nothing = "error: `lamed` is not deployed in account ACCOUNT, eu-west-1: run `lamed deploy`, or choose \
         another region with `--region`\n";
    let outcome = site.status(&[]);
    assert_eq!(
        (
            outcome.code,
            outcome.stdout.as_str(),
            outcome.stderr.as_str()
        ),
        (Some(1), "", nothing)
    );

    site.deploy();
    let mut all = site.status(&[]).stdout;
    site.build("second");
    site.configure(&with("/redis/password", "another"));
    all.push_str(&format!("---\n{}", site.status(&[]).stdout));
    site.deploy();
    all.push_str(&format!("---\n{}", site.status(&[]).stdout));
    is_fixture("status.txt", &all);
    let document: Value = serde_json::from_str(&site.status(&["--json"]).stdout).unwrap();
    is_fixture("status.json", &pretty(&document));
    let live: Vec<&Value> = document["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["version"])
        .collect();
    assert_eq!(live, [2; 5]);
    site.aws.reset();
    site.status(&[]);
    assert_eq!(site.aws.writes(), [""; 0]);
}

#[test]
fn status_shows_what_python_lamed_left() {
    let site = Site::of_python(&config());
    let before = site.status(&[]).stdout;
    site.deploy();
    let after = site.status(&[]).stdout;
    is_fixture("status-python.txt", &format!("{before}---\n{after}"));
}

#[test]
fn rollback_moves_all_functions_together() {
    let site = Site::new();
    for code in ["first", "second", "third"] {
        site.build(code);
        site.deploy();
    }
    let deployed = site.account();
    site.aws.reset();
    site.rollback(
        &[],
        2,
        "\
lamed in account ACCOUNT, eu-west-1: release 3 → 2

  ~  alias  lamed-all-experiments:live    3 → 2
  ~  alias  lamed-client:live             3 → 2
  ~  alias  lamed-delete-experiment:live  3 → 2
  ~  alias  lamed-experiment:live         3 → 2
  ~  alias  lamed-track:live              3 → 2

5 to update

a rollback moves only the functions: paths, the API key, limits, permissions and the role stay as the last deploy left them
error: cannot ask for confirmation: not a terminal; use `--yes` to confirm: Roll back from release 3 to release 2?
",
    );
    assert_eq!(site.aws.writes(), [""; 0]);
    site.rollback(
        &["--yes"],
        0,
        "\
lamed in account ACCOUNT, eu-west-1: release 3 → 2

  ~  alias  lamed-all-experiments:live    3 → 2
  ~  alias  lamed-client:live             3 → 2
  ~  alias  lamed-delete-experiment:live  3 → 2
  ~  alias  lamed-experiment:live         3 → 2
  ~  alias  lamed-track:live              3 → 2

5 to update

a rollback moves only the functions: paths, the API key, limits, permissions and the role stay as the last deploy left them
release 2 is live; run `lamed deploy` to apply the config again
~ updated alias lamed-all-experiments:live
~ updated alias lamed-client:live
~ updated alias lamed-delete-experiment:live
~ updated alias lamed-experiment:live
~ updated alias lamed-track:live
",
    );
    assert_eq!(site.aws.writes(), ["lambda:UpdateAlias"; 5]);
    assert_eq!(site.live(), [2; 5]);
    assert_eq!(
        changes(&deployed, &site.account()),
        [
            "functions lamed-all-experiments aliases live version: \"3\" → \"2\"",
            "functions lamed-client aliases live version: \"3\" → \"2\"",
            "functions lamed-delete-experiment aliases live version: \"3\" → \"2\"",
            "functions lamed-experiment aliases live version: \"3\" → \"2\"",
            "functions lamed-track aliases live version: \"3\" → \"2\"",
        ]
    );
    let outcome = site.line(&["rollback", "--yes", "-q"]).run();
    assert_eq!(
        (outcome.code, site.live()),
        (Some(0), vec![1; 5]),
        "{outcome}"
    );
    site.rollback(
        &["--yes"],
        1,
        "error: cannot roll back: no release older than the live release 1 is available\n",
    );
    site.rollback(
        &["--to", "9", "--yes"],
        1,
        "error: release 9 not found: expected one of 3, 2, 1\n",
    );
    site.rollback(
        &["--to", "1"],
        0,
        "release 1 is already live; run `lamed deploy` to apply the config again\n",
    );
    let json = site
        .line(&["rollback", "--to", "2", "--yes", "--json", "-q"])
        .run();
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["from"], &json["to"]), (&json!(1), &json!(2)));
    assert_eq!(json["changes"].as_array().unwrap().len(), 5);
    assert_eq!(site.live(), [2; 5]);

    // What is to be live was published before: nothing of it is made again.
    assert_eq!(site.writes_of_deploy(), ["lambda:UpdateAlias"; 5]);
    assert_eq!(changes(&deployed, &site.account()), [""; 0]);
}

#[test]
fn there_is_no_way_back_to_python_lamed() {
    let site = Site::of_python(&config());
    site.rollback(
        &["--yes"],
        1,
        "error: no release is live: run `lamed deploy` first\n",
    );
    site.deploy();
    site.aws.reset();
    site.rollback(
        &["--yes"],
        1,
        "error: cannot roll back: no release older than the live release 1 is available; the versions of \
        Python lamed cannot answer the requests that API Gateway sends now\n",
    );
    site.rollback(
        &["--to", "0", "--yes"],
        1,
        "error: release 0 not found: expected one of 1\n",
    );
    assert_eq!(site.aws.writes(), [""; 0]);
    site.build("second");
    site.deploy();
    let outcome = site.line(&["rollback", "--yes", "-q"]).run();
    // Python lamed had neither `lamed-client` nor `lamed-experiment`.
    assert_eq!(
        (outcome.code, site.live()),
        (Some(0), vec![3, 1, 3, 1, 3]),
        "{outcome}"
    );
}

#[test]
fn destroy_removes_what_lamed_made_and_nothing_else() {
    let site = Site::new();
    site.aws.script("foreign.py", &[]);
    let foreign = site.account();
    // Nobody speaks to Redis.
    let redis = TcpListener::bind("127.0.0.1:0").unwrap();
    redis.set_nonblocking(true).unwrap();
    let mut config = json!({
        "redis": {"host": "127.0.0.1", "port": redis.local_addr().unwrap().port()},
        "aws": {"tags": {"team": "growth"}, "vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}},
    });
    config["extra_wiring"] = super::upgrade::python_config()["extra_wiring"].clone();
    site.configure(&config);
    for code in ["first", "second"] {
        site.build(code);
        site.deploy();
    }
    let deployed = site.account();
    site.aws.reset();
    let outcome = site.line(&["destroy", "--dry-run"]).run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let plan = site.anonymous(&outcome.stdout);
    is_fixture("destroy.txt", &plan);
    let outcome = site.line(&["destroy"]).run();
    let question = "error: cannot ask for confirmation: not a terminal; use `--yes` to confirm: Permanently delete `lamed` from account ACCOUNT, eu-west-1?";
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        site.anonymous(&outcome.stderr),
        format!("{plan}{question}\n")
    );
    assert_eq!(site.aws.writes(), [""; 0]);
    assert_eq!(changes(&deployed, &site.account()), [""; 0]);

    let outcome = site.line(&["destroy", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(
        outcome
            .stderr
            .ends_with("deleted; the counts in Redis are kept\n"),
        "{outcome}"
    );
    assert_eq!(changes(&foreign, &site.account()), [""; 0]);
    let again = site.line(&["destroy", "--yes"]).run();
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        site.anonymous(&again.stderr),
        "`lamed` is not deployed in account ACCOUNT, eu-west-1\n"
    );
    assert_eq!(redis.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_python_lamed_made_is_removed_too() {
    let site = Site::of_python(&super::upgrade::python_config());
    let outcome = site.line(&["destroy", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(changes(&Site::new().account(), &site.account()), [""; 0]);
}

impl Site {
    fn status(&self, arguments: &[&str]) -> Outcome {
        let outcome = self
            .line(&[&["status", "--bootstrap", "function.zip"], arguments].concat())
            .run();
        Outcome {
            code: outcome.code,
            stdout: self.anonymous(&outcome.stdout),
            stderr: self.anonymous(&outcome.stderr),
        }
    }

    #[track_caller]
    fn rollback(&self, arguments: &[&str], code: i32, stderr: &str) {
        let outcome = self.line(&[&["rollback"], arguments].concat()).run();
        let stderr_now = self.anonymous(&said(&outcome));
        assert_eq!(
            (outcome.code, outcome.stdout.as_str(), stderr_now.as_str()),
            (Some(code), "", stderr)
        );
    }

    /// The numbers of the versions that are live.
    pub(super) fn live(&self) -> Vec<u64> {
        let state = self.aws.state();
        let functions = state["functions"].as_object().unwrap().values();
        let version = |function: &Value| {
            function["aliases"]["live"]["version"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        };
        functions.map(version).collect()
    }
}

/// A release is code: what was stopped since stays stopped, and the key stays the one that is in use.
#[test]
fn a_rollback_brings_back_code_and_neither_experiments_nor_settings() {
    let site = Site::with_nothing();
    let declare = |state: &str| {
        let experiment = json!({"variants": {"blue": 1, "red": 1}, "state": state});
        site.configure_just(&json!({"experiments": {"button color": experiment}}));
    };
    declare("running");
    site.deploy();
    site.build("second");
    declare("stopped");
    let rotate = ["--yes", "--new-key"];
    assert_eq!(site.deploy_line(&rotate).run().code, Some(0));
    let deployed = site.live_function();
    // As it was, where that is asked for.
    let outcome = site
        .line(&["rollback", "--with-experiments", "--yes"])
        .run();
    let change = "experiment `button color`: stopped → running\n";
    assert!(
        outcome.code == Some(0) && outcome.stderr.contains(change),
        "{outcome}"
    );
    assert!(
        site.live_function()
            .experiments
            .contains(r#""state":"running""#)
    );
    site.deploy();
    assert_eq!(site.live_function().program, b"second");

    // Nor does the config bring anything that was not deployed.
    site.configure_just(&json!({}));
    let outcome = site.line(&["rollback", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let after = site.live_function();
    assert_eq!(after.program, b"first");
    assert_eq!(
        (&after.experiments, &after.settings),
        (&deployed.experiments, &deployed.settings)
    );
    assert!(
        after.experiments.contains(r#""state":"stopped""#),
        "{}",
        after.experiments
    );
    let status = site
        .line(&["status", "--json", "--bootstrap", "function.zip"])
        .run();
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        (&status["release"], &status["releases"]),
        (&json!(1), &json!([2, 1]))
    );
}

/// What a version of the function behind a URL consists of.
struct Live {
    program: Vec<u8>,
    experiments: String,
    settings: String,
}

impl Site {
    fn live_function(&self) -> Live {
        use std::io::{Cursor, Read};
        let function = &self.aws.state()["functions"]["lamed"];
        let version = function["aliases"]["live"]["version"].as_str().unwrap();
        let zip = self.aws.code("lamed", version);
        let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let mut read = |name: &str| {
            let mut content = Vec::new();
            zip.by_name(name)
                .unwrap()
                .read_to_end(&mut content)
                .unwrap();
            content
        };
        // After what makes it a program of Linux.
        let program = read("bootstrap").split_off(20);
        let settings = &function["versions"][version]["Environment"]["LAMED_SETTINGS"];
        Live {
            program,
            experiments: String::from_utf8(read("experiments.json")).unwrap(),
            settings: settings.as_str().unwrap().to_owned(),
        }
    }
}

//! The JSON Schema of the config file says what lamed itself says of a file, as far as a schema can.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lamed::assets::CONFIG_TEMPLATE;
use lamed::config::Config;
use serde_json::{Value, json};

use crate::support::tools;

/// A validator that is not ours: Python's `jsonschema`, which moto brings along. It answers for each
/// document whether it is valid.
const VALIDATOR: &str = "
import json, jsonschema, sys

schema, *documents = json.load(sys.stdin)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
print(json.dumps([validator.is_valid(document) for document in documents]))
";

fn are_valid(documents: &[Value]) -> Vec<bool> {
    let mut question = vec![lamed::config::schema().to_value()];
    question.extend_from_slice(documents);
    let mut python = Command::new(tools().join("venv/bin/python"))
        .args(["-c", VALIDATOR])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`tests/run` installs it");
    let question = Value::from(question).to_string();
    (python.stdin.take().unwrap().write_all(question.as_bytes())).unwrap();
    serde_json::from_slice(&python.wait_with_output().unwrap().stdout).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config")
}

#[test]
fn every_file_that_loads_is_valid() {
    let mut files: Vec<PathBuf> = (fs::read_dir(folder()).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let mut documents: Vec<Value> = (files.iter())
        .map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap())
        .collect();
    files.push("the template".into());
    documents.push(serde_json::from_str(CONFIG_TEMPLATE).unwrap());
    let invalid: Vec<_> = (files.iter().zip(are_valid(&documents)))
        .filter(|(_, valid)| !valid)
        .collect();
    assert!(invalid.is_empty(), "{invalid:?}");
    // An optional value may be null wherever lamed takes that.
    let null = json!({"redis": null, "max_counters": null, "uuid_expiry_seconds": null,
        "experiments": {"e": {"control": null}}, "aws": {"vpc": null, "throttle": null, "architecture": null}});
    assert!(Config::parse(Path::new("c"), &null.to_string()).is_ok());
    assert_eq!(are_valid(&[null]), [true]);
}

/// What a schema cannot tell, or not in a way that an editor could explain: what two values mean
/// together, what comes twice, and what only AWS or Redis can say.
const BEYOND: [&str; 26] = [
    "duplicate key `redis`",
    "not a Redis URL: expected redis://HOST:PORT/DB, or rediss://HOST:PORT/DB for TLS",
    "`redis.url` and `redis.ssl` cannot be used together: remove one of them",
    "`redis.nodes` and `redis.host` cannot be used together: remove one of them",
    "`redis.nodes` are nodes of a cluster: remove `redis.cluster`",
    "expected a whole number from 1 to 65535 but found `70000`",
    "expected a whole number from 1 to 65535 but found `6379.0`",
    "`redis.ssl_certfile` and `redis.ssl_keyfile` must be used together",
    "all weights are 0: at least one must be above 0",
    "the control `c` is not one of the `variants`: expected one of `a`, `b`",
    "duplicate key `a`",
    "duplicate key `e`",
    "duplicate goal `g`",
    "the shipped variant `red` is not one of the `variants`: there are none",
    "the shipped variant `red` is not one of the `variants`: expected one of `a`",
    "in `group`, `from` (0.5) must be less than `to` (0.5)",
    "the goal `order` has a `value` and no `cap`: add the highest value of one conversion",
    "the goal `order` has a `cap` and no `value`: add the unit of the values, such as \"EUR\"",
    "`e #2` is the name of run 2 of the experiment `e`: rename one of them",
    "`e #3` is the name of run 3 of the experiment `e`: rename one of them",
    "the experiments `e` and `f` overlap in the group `g`: change `from` and `to`",
    "the experiments `e` and `f` of the group `g` must have the same `unit`",
    "`paths` is empty: remove it to run the experiment everywhere",
    "AlephBet cannot count a goal `in_sample`, because it keeps its own state under that name: rename the goal",
    "AlephBet cannot count a goal `variant`, because it keeps its own state under that name: rename the goal",
    "`participate` is reserved for participants: choose another name for the goal",
];

#[test]
fn what_lamed_refuses_is_not_valid() {
    let text = fs::read_to_string(folder().join("wrong.txt")).unwrap();
    let cases: Vec<(Value, &str)> = (text.split("\n\n"))
        .filter(|case| !case.starts_with('#'))
        .filter_map(|case| {
            let (config, message) = case.split_once("=> ").unwrap();
            let message = message.trim_end().split_once(": ").unwrap().1;
            Some((serde_json::from_str(config).ok()?, message))
        })
        .collect();
    let documents: Vec<Value> = cases.iter().map(|(config, _)| config.clone()).collect();
    let accepted: BTreeSet<&str> = (cases.iter().zip(are_valid(&documents)))
        .filter(|(_, valid)| *valid)
        .map(|((_, message), _)| *message)
        .collect();
    assert_eq!(accepted, BTreeSet::from(BEYOND));
    let unknown = cases
        .iter()
        .filter(|(_, message)| message.starts_with("unknown key"));
    assert!(unknown.count() >= 6);
}

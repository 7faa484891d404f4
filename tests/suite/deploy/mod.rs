//! `lamed deploy` and what goes with it, through the real binary against an AWS account of the test's
//! own.

mod back;
mod by_hand;
mod client;
mod earlier;
mod every_call;
mod faults;
mod foreign;
mod fresh;
mod live;
mod mini;
mod moves;
mod network;
mod real;
mod refusals;
mod regions;
mod role;
mod secrets;
mod tags;
mod twice;
mod upgrade;
mod url;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::aws::Aws;
use crate::support::{Line, Outcome};

/// An account, and a home with a config file and a Lambda function.
struct Site {
    aws: Aws,
    home: TempDir,
}

/// The machine types of ELF.
const X86_64: u16 = 62;
const ARM64: u16 = 183;

impl Site {
    fn new() -> Self {
        Self::of(Aws::start())
    }

    fn of(aws: Aws) -> Self {
        let site = Self {
            aws,
            home: crate::cli::home(),
        };
        site.configure(&config());
        site.build("first");
        site
    }

    /// Through a REST API, unless the config says something about the front door.
    fn configure(&self, config: &Value) {
        let mut config = config.clone();
        if config["aws"].get("front_door").is_none() {
            config["aws"]["front_door"] = "rest_api".into();
        }
        self.configure_just(&config);
    }

    /// With nothing added.
    fn configure_just(&self, config: &Value) {
        fs::write(self.home.path().join("config.json"), config.to_string()).unwrap();
    }

    /// Puts another Lambda function into the place of the one that is there.
    fn build(&self, code: &str) {
        write_function(&self.home.path().join("function.zip"), code);
    }

    /// An account as Python lamed 0.4.3 leaves it, and the config file that it was deployed with.
    fn of_python(config: &Value) -> Self {
        let site = Self::new();
        site.configure_just(config);
        let file = site.home.path().join("config.json");
        let arguments = ["--twice", "--config", file.to_str().unwrap()];
        site.aws.script("python_deploy.py", &arguments);
        site
    }

    fn line(&self, arguments: &[&str]) -> Line {
        self.aws.line(&self.home, arguments)
    }

    fn deploy_line(&self, arguments: &[&str]) -> Line {
        self.line(&[&DEPLOY, arguments].concat())
    }

    /// Deploys, and gives what it said.
    #[track_caller]
    fn deploy(&self) -> Outcome {
        let outcome = self.deploy_line(&["--yes"]).run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        outcome
    }

    /// Deploys, and gives the actions that wrote, in the order of the alphabet.
    #[track_caller]
    fn writes_of_deploy(&self) -> Vec<String> {
        self.aws.reset();
        self.deploy();
        let mut writes = self.aws.writes();
        writes.sort();
        writes
    }

    /// A text without what AWS makes up.
    fn anonymous(&self, text: &str) -> String {
        let state = self.aws.state();
        let mut text =
            (text.replace(&self.aws.url(), "http://AWS")).replace(&self.aws.account, "ACCOUNT");
        for api in state["apis"].as_array().unwrap() {
            text = text.replace(api["id"].as_str().unwrap(), "API");
        }
        without_moments(&text)
    }

    /// All that is in the account, with names for what AWS makes up.
    fn account(&self) -> Value {
        let state = self.aws.state();
        let mut names = vec![(
            state["account"].as_str().unwrap().to_owned(),
            "ACCOUNT".to_owned(),
        )];
        for (list, field, word) in [
            ("apis", "id", "API"),
            ("api_keys", "id", "KEY"),
            ("api_keys", "value", "VALUE"),
            ("usage_plans", "id", "PLAN"),
        ] {
            for thing in state[list].as_array().unwrap() {
                let name = thing["name"].as_str().unwrap();
                let made_up = thing[field].as_str().unwrap().to_owned();
                names.push((made_up, format!("{word} OF {name}")));
            }
        }
        for (name, function) in state["functions"].as_object().unwrap() {
            if let Some(url) = function["url"]["FunctionUrl"].as_str() {
                names.push((url.to_owned(), format!("URL OF {name}")));
                names.push((key_of(function), format!("KEY OF {name}")));
            }
        }
        let file = fs::read(self.home.path().join("function.zip")).unwrap();
        names.push((
            BASE64_STANDARD.encode(Sha256::digest(file)),
            "SHA".to_owned(),
        ));
        let mut text = state.to_string();
        for (made_up, name) in names {
            text = text.replace(&made_up, &name);
        }
        let mut account = serde_json::from_str(&text).unwrap();
        name_hashes(&mut account);
        account
    }
}

/// The API key in the settings of a function behind a function URL.
fn key_of(function: &Value) -> String {
    let settings = function["Environment"]["LAMED_SETTINGS"].as_str().unwrap();
    let settings: Value = serde_json::from_str(settings).unwrap();
    settings["door"]["key"].as_str().unwrap().to_owned()
}

/// `2026-11-23 04:40` and `2026-11-23T04:40:12.000+0000` as `MOMENT`.
fn without_moments(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(position) = rest.find("20") {
        let (before, moment) = rest.split_at(position);
        let shape = |(byte, like): (u8, u8)| {
            if like == b'0' {
                byte.is_ascii_digit()
            } else {
                like == b'?' || byte == like
            }
        };
        let like = b"2000-00-00?00:00";
        let is_moment = moment.len() >= like.len() && moment.bytes().zip(*like).all(shape);
        shown.push_str(before);
        let end = if is_moment {
            shown.push_str("MOMENT");
            let goes_on = |c: char| c.is_ascii_digit() || ":.+Z".contains(c);
            moment.len() - moment[like.len()..].trim_start_matches(goes_on).len()
        } else {
            shown.push_str("20");
            2
        };
        rest = &moment[end..];
    }
    shown + rest
}

/// The digests of APIs, which have the account's number in them, and the zips of Python lamed, which
/// have the time in them.
fn name_hashes(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((version, digest)) = text.rsplit_once(' ')
                && version.starts_with("lamed ")
                && digest.len() == 16
                && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            {
                *text = format!("{version} DIGEST");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(name_hashes),
        Value::Object(fields) => {
            if fields
                .get("Runtime")
                .is_some_and(|runtime| runtime == "python3.8")
            {
                fields["CodeSha256"] = json!("OF PYTHON");
            } else if let Some(sha) = fields.get_mut("CodeSha256").filter(|sha| *sha != "SHA") {
                // It has the script in it, which changes with the client.
                *sha = json!("SHA WITH EXPERIMENTS");
            }
            fields.values_mut().for_each(name_hashes);
        }
        _ => {}
    }
}

const DEPLOY: [&str; 4] = ["deploy", "--no-preflight", "--bootstrap", "function.zip"];

fn config() -> Value {
    json!({"redis": {"host": "redis.example", "password": "of the test"}})
}

/// The config with something set: `with("/aws/name", "shop")`.
fn with(path: &str, value: impl Into<Value>) -> Value {
    let mut config = config();
    let mut place = &mut config;
    for name in path.split('/').skip(1) {
        place = &mut place[name];
    }
    *place = value.into();
    config
}

/// A function for arm64, for who only deploys.
pub fn write_function(path: &Path, code: &str) {
    write_zip(path, "bootstrap", ARM64, code);
}

/// A zip that looks to deploy as a Lambda function does.
fn write_zip(path: &Path, name: &str, machine: u16, code: &str) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    let options = SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file(name, options).unwrap();
    let mut file = b"\x7fELF\x02\x01".to_vec();
    file.resize(18, 0);
    file.extend(machine.to_le_bytes());
    file.extend(code.as_bytes());
    zip.write_all(&file).unwrap();
    zip.finish().unwrap();
}

/// What differs, a line for each: its place, before → after.
fn changes(before: &Value, after: &Value) -> Vec<String> {
    fn walk(place: &str, before: &Value, after: &Value, changes: &mut Vec<String>) {
        let (parts, others) = (named_parts(before), named_parts(after));
        match (parts, others) {
            (Some(parts), Some(others)) => {
                let names: BTreeSet<&String> = parts.keys().chain(others.keys()).collect();
                for name in names {
                    let part =
                        |of: &BTreeMap<String, Value>| of.get(name).cloned().unwrap_or_default();
                    walk(
                        &format!("{place} {name}"),
                        &part(&parts),
                        &part(&others),
                        changes,
                    );
                }
            }
            _ if before == after => {}
            _ => changes.push(format!("{}: {before} → {after}", place.trim_start())),
        }
    }
    let mut changes = Vec::new();
    walk("", before, after, &mut changes);
    changes
}

/// Of a list by their names rather than their positions, where they have names.
fn named_parts(value: &Value) -> Option<BTreeMap<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone().into_iter().collect()),
        Value::Array(values) => {
            let named = values.iter().enumerate().map(|(position, value)| {
                let name = ["name", "path", "Sid"]
                    .iter()
                    .find_map(|field| value[field].as_str());
                (
                    name.map_or(position.to_string(), str::to_owned),
                    value.clone(),
                )
            });
            Some(named.collect())
        }
        _ => None,
    }
}

/// What was said on stderr, with the lines of steps in the order of the alphabet: they run side by side.
fn said(outcome: &Outcome) -> String {
    let is_step = |line: &&str| {
        ["+ created", "~ updated", "- deleted"]
            .iter()
            .any(|s| line.starts_with(s))
    };
    let (mut steps, rest): (Vec<&str>, Vec<&str>) = outcome.stderr.lines().partition(is_step);
    steps.sort_unstable();
    let all = rest.into_iter().chain(steps);
    all.map(|line| format!("{line}\n")).collect()
}

/// A fixture of `fixtures/aws`; `LAMED_TEST_WRITE_FIXTURES=1` writes it anew, to be checked by hand.
#[track_caller]
fn is_fixture(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/aws")
        .join(name);
    if std::env::var_os("LAMED_TEST_WRITE_FIXTURES").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert!(
        actual == expected,
        "not as in {}, but:\n{actual}",
        path.display()
    );
}

/// As fixtures have it.
fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

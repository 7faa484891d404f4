//! The commands of lamed on all pages, run: those for this machine beside a server of sample counts, the others in
//! an AWS account of the test's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::others::fits;
use super::{Shown, commands, pages};
use crate::deploy::write_function;
use crate::support::{Aws, Line, Outcome, Redis, Server, line};

/// 127.0.0.1 as one number: for lamed a name without dots, which only a network of its own knows.
const PRIVATE: &str = "2130706433";

/// Each command of lamed once, however many pages show it.
fn shown() -> Vec<Shown> {
    let mut seen = BTreeSet::new();
    (pages().iter())
        .flat_map(|page| commands(&page.text))
        .filter(|shown| {
            shown.lamed().is_some() && seen.insert((shown.words.clone(), shown.output.clone()))
        })
        .collect()
}

/// What a command needs to run.
#[derive(PartialEq)]
enum Needs {
    /// A home.
    Nothing,
    /// A config in which its experiment is declared, in a state that the command can change.
    Experiment,
    /// A server of this machine that counts in a file.
    File,
    /// A server with sample counts.
    Counts,
    /// A deployment.
    Account,
}

fn needs(arguments: &[&str]) -> Needs {
    let has = |flag: &str| arguments.contains(&flag);
    match arguments[0] {
        "serve" | "configure" | "completions" => Needs::Nothing,
        option if option.starts_with('-') => Needs::Nothing,
        "new" | "start" | "stop" | "ship" | "restart" | "archive" => Needs::Experiment,
        "plan" if has("--rate") => Needs::Experiment,
        "backup" | "ready" => Needs::File,
        _ if has("--local") || has("--url") => Needs::Counts,
        _ => Needs::Account,
    }
}

#[test]
fn every_command_parses() {
    let home = tempfile::tempdir().unwrap();
    let (shown, mut wrong) = (shown(), Vec::new());
    for shown in &shown {
        let arguments = shown.lamed().unwrap();
        let outcome = line(&home, &[&arguments[..], &["--help"]].concat()).run();
        if outcome.code != Some(0) {
            wrong.push(format!("$ {}\n{outcome}", shown.line));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(shown.len() > 60, "only {} commands of lamed", shown.len());
}

#[test]
fn what_needs_no_counts_runs() {
    let (redis, mut wrong) = (Redis::start(&[]), Vec::new());
    for shown in shown() {
        let arguments = shown.lamed().unwrap();
        let (home, arguments) = match needs(&arguments) {
            Needs::Nothing => {
                let home = home(&redis);
                let arguments = elsewhere(&arguments, home.path());
                (home, arguments)
            }
            Needs::Experiment => (declared(&arguments), answered(&arguments)),
            Needs::File => {
                let (server, arguments) = counting_in_a_file(&arguments);
                let line = line(&server.home, &words(&arguments));
                wrong.extend(failure(&shown, run(line, &arguments)));
                continue;
            }
            Needs::Counts | Needs::Account => continue,
        };
        let line = line(&home, &words(&arguments)).env("EDITOR", "true");
        let line = (shown.environment.iter()).fold(line, |line, (n, value)| line.env(n, value));
        wrong.extend(failure(&shown, run(line, &arguments)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A home whose config declares the experiment of this command, unless it is the one that declares it.
fn declared(arguments: &[&str]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let name = (arguments.get(1)).filter(|name| !name.starts_with('-') && arguments[0] != "new");
    let mut experiments = json!({});
    if let Some(name) = name {
        let shipped = arguments.get(2).filter(|_| arguments[0] == "ship");
        let other = shipped.unwrap_or(&"red");
        let state = if arguments[0] == "start" {
            "draft"
        } else {
            "running"
        };
        experiments[name] =
            json!({"variants": {"blue": 50, *other: 50}, "goals": ["bought"], "state": state});
    }
    let config = json!({ "experiments": experiments });
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    home
}

/// A server that counts in the file of the command, and the command as it asks this server.
fn counting_in_a_file(arguments: &[&str]) -> (Server, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let mut arguments = elsewhere(arguments, home.path());
    let store = (arguments.iter()).find(|argument| argument.starts_with("embedded:"));
    let store = store.cloned().unwrap_or_else(|| "embedded".to_owned());
    let server = Server::start_in(
        home,
        "127.0.0.1:0",
        &[
            "--store",
            &store,
            "--api-key",
            "a-long-random-text-of-your-own",
        ],
    );
    if arguments[0] == "ready" {
        arguments = words_of(&["ready", "--listen", &server.address]);
    }
    (server, arguments)
}

#[test]
fn what_asks_a_server_runs() {
    let (redis, mut wrong) = (Redis::start(&[]), Vec::new());
    let mut running = None;
    for shown in shown() {
        let arguments = shown.lamed().unwrap();
        if needs(&arguments) != Needs::Counts {
            continue;
        }
        let server: &Server = running.get_or_insert_with(|| {
            Server::start_in(home(&redis), "127.0.0.1:0", &["--local", "--demo"])
        });
        let base = format!("http://{}/prod", server.address);
        let arguments = at(&arguments, &base);
        let line = line(&server.home, &words(&arguments)).env("LAMED_API_KEY", &server.key);
        wrong.extend(failure(&shown, run(line, &arguments)));
        if arguments[0] == "delete" {
            running = None;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_for_aws_runs() {
    let (mut account, mut wrong) = (Account::new(), Vec::new());
    for shown in shown() {
        let arguments = shown.lamed().unwrap();
        if needs(&arguments) != Needs::Account {
            continue;
        }
        if arguments.contains(&"--to") {
            // Where release 1 is the one before.
            account = Account::new();
        }
        let mut arguments = in_this_account(&arguments);
        // One that is quicker to send than those in the binary.
        let takes_one = ["deploy", "preflight"].contains(&&arguments[0][..]);
        if takes_one && !arguments.iter().any(|argument| argument == "--policy") {
            arguments.extend(["--bootstrap".to_owned(), FUNCTION.to_owned()]);
        }
        let line = account.line(&words(&arguments));
        wrong.extend(failure(&shown, run(line, &arguments)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The profiles, regions and releases of the reader are not those of the test.
fn in_this_account(arguments: &[&str]) -> Vec<String> {
    let mut arguments = answered(arguments);
    for option in ["--profile", "--region"] {
        if let Some(at) = arguments.iter().position(|argument| argument == option) {
            arguments.drain(at..=at + 1);
        }
    }
    for (option, value) in [("--to", "1"), ("--function", "lamed")] {
        if let Some(at) = arguments.iter().position(|argument| argument == option) {
            value.clone_into(&mut arguments[at + 1]);
        }
    }
    arguments
}

const FUNCTION: &str = "function.zip";

/// An AWS account with lamed in it, and a Redis that its functions could reach.
struct Account {
    aws: Aws,
    home: TempDir,
    _redis: Redis,
    /// What answers at the URL of the API; none when a command has changed what is deployed.
    api: Option<Server>,
    /// Whether a command has changed what it counted.
    is_changed: bool,
}

impl Account {
    fn new() -> Self {
        let redis = Redis::durable();
        Self {
            aws: Aws::start(),
            home: home(&redis),
            _redis: redis,
            api: None,
            is_changed: false,
        }
    }

    /// A command in this account, where something is live and something was before it.
    fn line(&mut self, arguments: &[&str]) -> Line {
        if self.api.is_none() || self.is_changed {
            self.is_changed = false;
            self.api = Some(self.deploy_twice());
        }
        match arguments[0] {
            // The next command finds counts again.
            "delete" => self.is_changed = true,
            "deploy" | "destroy" | "rollback" if !arguments.contains(&"--dry-run") => {
                self.api = None;
                self.aws.api_is_away();
            }
            _ => {}
        }
        self.aws.line(&self.home, arguments)
    }

    fn deploy_twice(&self) -> Server {
        for code in ["one", "another"] {
            write_function(&self.home.path().join(FUNCTION), code);
            let deploy = ["deploy", "--yes", "--no-preflight", "--bootstrap", FUNCTION];
            let outcome = self.aws.line(&self.home, &deploy).run();
            assert_eq!(outcome.code, Some(0), "{outcome}");
        }
        let status = ["status", "--json", "--reveal", "--bootstrap", FUNCTION];
        let status = self.aws.line(&self.home, &status).run();
        let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        let key = status["api_key"].as_str().unwrap();
        let server = Server::start(&["--local", "--demo", "--api-key", key]);
        self.aws.api_is_at(&server.address);
        server
    }
}

/// With a config of which `preflight` has nothing to say.
fn home(redis: &Redis) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let config = json!({
        "redis": {"host": PRIVATE, "port": redis.port},
        "aws": {"vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}},
    });
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    home
}

fn words_of(arguments: &[&str]) -> Vec<String> {
    arguments.iter().copied().map(str::to_owned).collect()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// Where a person would be asked, the answer is yes; and nobody waits for what is new.
fn answered(arguments: &[&str]) -> Vec<String> {
    let mut arguments = words_of(arguments);
    arguments.retain(|argument| argument != "--follow" && argument != "--watch");
    if arguments[0] == "doctor" {
        // The reader's page is not there; tests of the command have pages.
        arguments.retain(|argument| !argument.starts_with("http"));
    }
    let verbs = ["new", "start", "stop", "ship", "restart", "archive"];
    let asks = ["delete", "deploy", "destroy", "rollback"]
        .into_iter()
        .chain(verbs)
        .any(|command| command == arguments[0]);
    let has_answer = arguments
        .iter()
        .any(|argument| argument == "--yes" || argument == "-y");
    if asks && !has_answer {
        arguments.push("--yes".to_owned());
    }
    arguments
}

/// The same, of the API at `base`.
fn at(arguments: &[&str], base: &str) -> Vec<String> {
    let mut arguments = answered(arguments);
    if let Some(url) = arguments.iter().position(|argument| argument == "--url") {
        base.clone_into(&mut arguments[url + 1]);
    }
    arguments
}

/// The same on free ports, with files in the home, and without a container.
fn elsewhere(arguments: &[&str], home: &Path) -> Vec<String> {
    let home = format!("{}/", home.display());
    let mut elsewhere = Vec::new();
    for argument in arguments {
        let address = argument
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok());
        elsewhere.push(match address {
            Some(_) if !argument.contains("//") => "127.0.0.1:0".to_owned(),
            _ => argument.replace("/var/lib/lamed/", &home),
        });
    }
    let has = |flag: &str| arguments.contains(&flag);
    if has("serve") && !has("--listen") {
        elsewhere.extend(words_of(&["--listen", "127.0.0.1:0"]));
    }
    if has("--local") && !has("--store") && !has("--demo") {
        elsewhere.extend(words_of(&["--store", "embedded"]));
    }
    elsewhere
}

/// Runs it to its end; what serves until it is told to stop is told so when it is ready.
fn run(line: Line, arguments: &[String]) -> Outcome {
    let writes = arguments
        .iter()
        .any(|argument| argument.starts_with("--output"));
    match &arguments[0][..] {
        "serve" | "dashboard" if !writes => {
            let mut running = line.start();
            running.until("http://");
            running.terminate();
            running.end()
        }
        _ => line.run(),
    }
}

/// What is to be said of a command that failed, or that printed something else than is shown.
fn failure(shown: &Shown, outcome: Outcome) -> Option<String> {
    let arguments = shown.lamed().unwrap();
    let says = |flag: &str| arguments.iter().any(|argument| argument.starts_with(flag));
    let fine = match outcome.code {
        Some(0) => true,
        // What fails on purpose where the counts say so.
        Some(1) => says("--fail-on"),
        // It asks, and nobody is there to answer.
        Some(2) => says("--wizard") && outcome.stderr.contains("terminal"),
        _ => false,
    };
    // A page may show the beginning alone.
    let output = shown.output.trim_end();
    let is_shown = says("--wizard")
        || outcome.stdout.starts_with(output)
        || fits(outcome.stdout.trim_end(), output);
    (!fine || !is_shown).then(|| format!("$ {}\n{outcome}", shown.line))
}

//! The README's commands, run: those for this machine beside a server of sample counts, the others in
//! an AWS account of the test's own.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::{Shown, commands, pages};
use crate::deploy::write_function;
use crate::support::{Aws, Line, Outcome, Redis, Server, line};

/// 127.0.0.1 as one number: for lamed a name without dots, which only a network of its own knows.
const PRIVATE: &str = "2130706433";

#[test]
fn every_command_parses() {
    let home = tempfile::tempdir().unwrap();
    let mut parsed = 0;
    for shown in pages().iter().flat_map(|page| commands(page)) {
        let Some(arguments) = shown.lamed() else {
            program_is_there(&shown);
            continue;
        };
        let outcome = line(&home, &[&arguments[..], &["--help"]].concat()).run();
        assert_eq!(outcome.code, Some(0), "$ {}\n{outcome}", shown.line);
        parsed += 1;
    }
    assert!(parsed > 20, "only {parsed} commands of lamed");
}

/// A script of this repository is, and other programs are the reader's.
fn program_is_there(shown: &Shown) {
    let program = &shown.words[0];
    let is_path = program.contains('/') && !program.starts_with(['/', '~']);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
    assert!(!is_path || path.exists(), "$ {}", shown.line);
}

#[tokio::test]
async fn what_is_for_this_machine_runs() {
    let redis = Redis::start(&[]);
    for shown in pages().iter().flat_map(|page| commands(page)) {
        let Some(arguments) = shown.lamed() else {
            ask_the_server(&shown).await;
            continue;
        };
        let asks_here = arguments.contains(&"--local") || arguments.contains(&"--url");
        if asks_here && arguments[0] != "serve" {
            let home = home(&redis);
            let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--demo"]);
            let base = format!("http://{}/prod", server.address);
            let arguments = at(&arguments, &base);
            let line = line(&server.home, &words(&arguments)).env("LAMED_API_KEY", &server.key);
            succeeds(&shown, run(line, &arguments));
        } else if ["serve", "configure", "completions"].contains(&arguments[0]) {
            let home = home(&redis);
            let arguments = elsewhere(&arguments, home.path());
            let line = line(&home, &words(&arguments)).env("EDITOR", "true");
            let line = (shown.environment.iter()).fold(line, |line, (n, value)| line.env(n, value));
            succeeds(&shown, run(line, &arguments));
        }
    }
}

/// `curl URL`: the reply is what is shown.
async fn ask_the_server(shown: &Shown) {
    let [program, url] = &shown.words[..] else {
        return;
    };
    let Some(path) = url.strip_prefix("http://127.0.0.1:3000") else {
        return;
    };
    if program == "curl" {
        let server = Server::start(&["--local", "--store", "embedded"]);
        let reply = server.client().get(path).await;
        assert_eq!(reply.body, shown.output.trim_end(), "$ {}", shown.line);
    }
}

#[test]
fn what_is_for_aws_runs() {
    let mut account = Account::new();
    for shown in pages().iter().flat_map(|page| commands(page)) {
        let Some(arguments) = shown.lamed() else {
            continue;
        };
        let for_aws = match arguments[0] {
            "serve" | "configure" | "completions" => false,
            _ => !arguments.contains(&"--local") && !arguments.contains(&"--url"),
        };
        if for_aws {
            let mut arguments = words_of(&arguments);
            // One that is quicker to send than those in the binary.
            if ["deploy", "preflight"].contains(&&arguments[0][..]) {
                arguments.extend(["--bootstrap".to_owned(), FUNCTION.to_owned()]);
            }
            answer(&mut arguments);
            let line = account.line(&words(&arguments));
            succeeds(&shown, run(line, &arguments));
        }
    }
}

const FUNCTION: &str = "function.zip";

/// An AWS account with lamed in it, and a Redis that its functions could reach.
struct Account {
    aws: Aws,
    home: TempDir,
    _redis: Redis,
    /// What answers at the URL of the API; none when a command has changed what is deployed.
    api: Option<Server>,
}

impl Account {
    fn new() -> Self {
        let redis = Redis::durable();
        Self {
            aws: Aws::start(),
            home: home(&redis),
            _redis: redis,
            api: None,
        }
    }

    /// A command in this account, where something is live and something was before it.
    fn line(&mut self, arguments: &[&str]) -> Line {
        if self.api.is_none() {
            self.api = Some(self.deploy_twice());
        }
        let writes = ["delete", "deploy", "destroy", "rollback"].contains(&arguments[0]);
        if writes && !arguments.contains(&"--dry-run") {
            self.api = None;
            self.aws.api_is_away();
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
fn answer(arguments: &mut Vec<String>) {
    arguments.retain(|argument| argument != "--follow" && argument != "--watch");
    let asks = ["delete", "deploy", "destroy", "rollback"].contains(&&arguments[0][..]);
    if asks && !arguments.iter().any(|argument| argument == "--yes") {
        arguments.push("--yes".to_owned());
    }
}

/// The same, of the API at `base`.
fn at(arguments: &[&str], base: &str) -> Vec<String> {
    let mut arguments = words_of(arguments);
    if let Some(url) = arguments.iter().position(|argument| argument == "--url") {
        base.clone_into(&mut arguments[url + 1]);
    }
    answer(&mut arguments);
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

#[track_caller]
fn succeeds(shown: &Shown, outcome: Outcome) {
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
    assert!(fine, "$ {}\n{outcome}", shown.line);
}

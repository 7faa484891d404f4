//! An AWS account for a test: moto behind a proxy that records every call and makes the faults that
//! AWS makes.
//!
//! What moto does otherwise than AWS, found by trying version 5.2.5, and where it is put right:
//!
//! - `tests/aws/server.py`: duplicate resources, methods, statement ids, stages and keys of usage
//!   plans; a deployment to an existing stage wiped the stage's settings; deployments that were once
//!   live could not be deleted; published versions that equal the last one, numbers of versions that
//!   came twice, versions in use deleted; one policy for all aliases; architectures ignored on
//!   update; tags of anything but stages; stages of API keys; unset gateway responses; methods shown
//!   unasked; no pages in lists; names of functions and days of retention unchecked.
//! - here: permissions (and `iam:SimulatePrincipalPolicy`, which moto lacks), throttling, faults of
//!   the services, conflicts, expired credentials, broken connections, roles that Lambda cannot assume
//!   yet, functions that are still pending or being updated, things just made that are not found yet, code
//!   for runtimes that AWS has given up, invocations of the deployed API.
//! - nowhere: `apigateway:UpdateMethod`, `UpdateIntegration` and `UpdateGatewayResponse` are 500
//!   (put them anew instead); `Tags` in `UpdateStage` and `UpdateRestApi` are ignored; a usage plan
//!   keeps the stage of a deleted API; managed policies of AWS cannot be attached; runtimes are not
//!   checked; no log group comes into being by itself; `GetAccountSettings` is 404.

mod call;
mod fault;
mod moto;
mod news;
mod proxy;
mod secrets;
mod transitions;

#[cfg(test)]
mod tests;

pub use self::call::Call;
use self::fault::Refusal;
pub use self::fault::{Event, Fault, When};
use self::proxy::Proxy;
use super::{Deadline, Dialogue, Line, lamed, line, tools};

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// The region of all tests.
pub const REGION: &str = "eu-west-1";

/// The secret key of the tests' credentials.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYofTheTest";

/// An account that is nobody else's, empty. When it goes, all calls that were made to it must have been valid by
/// botocore's models.
pub struct Aws {
    proxy: Proxy,
    pub account: String,
}

impl Aws {
    pub fn start() -> Self {
        Self::numbered(&moto::account())
    }

    /// An account of this number, of which each test has to have another one.
    pub fn numbered(account: &str) -> Self {
        Self {
            proxy: Proxy::start(account),
            account: account.to_owned(),
        }
    }

    /// What `AWS_ENDPOINT_URL` says.
    pub fn url(&self) -> String {
        format!("http://{}", self.proxy.address)
    }

    /// `lamed …` in this home, with this account's credentials.
    pub fn line(&self, home: impl AsRef<Path>, arguments: &[&str]) -> Line {
        let line = line(home, arguments);
        let line = environment(&self.url())
            .into_iter()
            .fold(line, |line, (name, value)| line.env(name, value));
        // Who asks for the key is given it.
        let asks = arguments.contains(&"--reveal");
        line.without(self.proxy.secrets(), asks)
    }

    /// Runs `lamed …` and kills it at the moment when one of these calls hangs, done or not. Whether
    /// it came so far; if not, it has ended in peace.
    pub fn kill_at(
        &self,
        home: &Path,
        arguments: &[&str],
        calls: &str,
        when: When,
        done: bool,
    ) -> bool {
        let (told, news) = channel();
        let hang = if done {
            Fault::HangAfter
        } else {
            Fault::HangBefore
        };
        self.fault(calls, when, hang(told.clone()));
        let mut command = lamed(home);
        command.args(arguments).envs(environment(&self.url()));
        let output = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = output.spawn().unwrap();
        let deadline = Deadline::of(&child);
        let mut stdout = child.stdout.take().unwrap();
        let reader = thread::spawn(move || {
            let _ = io::copy(&mut stdout, &mut io::sink());
            let _ = told.send(Event::Ended);
        });
        let hangs = news.recv().unwrap() == Event::Hangs;
        if hangs {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        drop(deadline);
        reader.join().unwrap();
        assert!(hangs || status.success(), "it ended with {status}");
        self.settle();
        hangs
    }

    /// Waits until nothing is under way any more that commands began, though they have ended, and
    /// forgets it as [`Self::reset`] does.
    pub fn settle(&self) {
        self.proxy.quiet();
        self.reset();
    }

    /// All calls since the last reset.
    pub fn calls(&self) -> Vec<Call> {
        self.proxy.state().calls.clone()
    }

    /// The actions among them that write.
    pub fn writes(&self) -> Vec<String> {
        let calls = self.calls().into_iter();
        calls.filter(Call::writes).map(|call| call.action).collect()
    }

    /// Forgets all calls, and makes no more faults. Roles and functions in transition stay so.
    pub fn reset(&self) {
        let mut state = self.proxy.state();
        state.calls.clear();
        state.rules.clear();
        state.denied.clear();
        state.latency = Duration::ZERO;
        state.probed.clear();
        state.probes.clear();
    }

    /// Adds this to every call.
    pub fn latency(&self, latency: Duration) {
        self.proxy.state().latency = latency;
    }

    /// How many calls of this action there were at once, while the latency lasted.
    pub fn at_once(&self, action: &str) -> usize {
        let state = self.proxy.state();
        state.at_once.get(action).map_or(0, |(_, most)| *most)
    }

    /// From now on this befalls these calls: an action such as `lambda:CreateFunction`, or with a `*`
    /// for any rest. Of several faults the first one that was told wins.
    pub fn fault(&self, calls: &str, when: When, fault: Fault) {
        let rule = fault::Rule::new(calls, when, fault);
        self.proxy.state().rules.push(rule);
    }

    /// The caller may no longer do this: a permission as policies name it, `apigateway:POST` too.
    pub fn deny(&self, permission: &str) {
        self.proxy.state().denied.push(permission.to_owned());
    }

    /// From now on a change of a function comes through after so many replies that say that it has not.
    pub fn slow_functions(&self, replies: usize) {
        self.proxy.state().transitions.replies = replies;
    }

    /// This function failed to become ready: until it is deleted, nothing can be changed of it.
    pub fn fail_function(&self, name: &str, reason: &str) {
        let failed = &mut self.proxy.state().transitions.failed;
        failed.insert(name.to_owned(), reason.to_owned());
    }

    /// The versions that an alias was led to before they could take requests.
    pub fn early_versions(&self) -> Vec<String> {
        self.proxy.state().transitions.early.clone()
    }

    /// From now on Lambda cannot assume a new role until so many functions were refused.
    pub fn slow_roles(&self, refusals: usize) {
        self.proxy.state().transitions.refusals = refusals;
    }

    /// From now on so many calls are refused that need what was just made.
    pub fn slow_news(&self, refusals: usize) {
        self.proxy.state().news.refusals = refusals;
    }

    /// What was made without such a refusal after it.
    pub fn missed_news(&self) -> Vec<String> {
        self.proxy.state().news.missed()
    }

    /// What answers in the place of the deployed API: the address of a `lamed serve --local`.
    pub fn api_is_at(&self, address: &str) {
        self.proxy.state().api = Some(address.to_owned());
    }

    /// Nothing is there any more; probes are answered as if there were.
    pub fn api_is_away(&self) {
        self.proxy.state().api = None;
    }

    /// What the deployed API answers, one after the other, to the requests by which commands look whether it is live;
    /// the last one stays.
    pub fn probed(&self, answers: &[(u16, &str)]) {
        let answers = answers.iter();
        let answers = answers.map(|(status, body)| (*status, (*body).to_owned()));
        self.proxy.state().probed = answers.collect();
    }

    /// How many of those there were since the last reset.
    pub fn probes(&self) -> usize {
        self.proxy.state().probes.len()
    }

    /// All that is in the account.
    pub fn state(&self) -> Value {
        /// Idle ones, by the address of their moto: to start one takes longer than what it does.
        static READERS: Mutex<Vec<(&str, Dialogue)>> = Mutex::new(Vec::new());
        let moto = moto::address(&self.account);
        let idle = {
            let mut readers = READERS.lock().unwrap();
            let idle = readers.iter().position(|(address, _)| *address == moto);
            idle.map(|position| readers.swap_remove(position).1)
        };
        let url = format!("http://{moto}");
        let mut reader =
            idle.unwrap_or_else(|| Dialogue::start(python("account.py", &url).arg("-")));
        let account: u64 = self.account.parse().unwrap();
        let state = reader.ask(&account.into());
        READERS.lock().unwrap().push((moto, reader));
        state
    }

    /// The zip of a version of a function.
    pub fn code(&self, function: &str, version: &str) -> Vec<u8> {
        let place = format!("{}/{REGION}/{function}/{version}", self.account);
        let url = format!("http://{}/_code/{place}", moto::address(&self.account));
        let output = Command::new("curl").args(["-sf", &url]).output().unwrap();
        assert!(output.status.success(), "{url}");
        output.stdout
    }

    /// Makes these calls as `tests/aws/call.py` takes them, without record and faults.
    pub fn call(&self, calls: &Value) -> Value {
        let plain = format!("http://{}", self.proxy.plain);
        Dialogue::start(&mut python("call.py", &plain)).ask(calls)
    }

    /// What a script of `tests/aws` prints, which sees this account without record and faults.
    #[track_caller]
    pub fn script(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = python(name, &format!("http://{}", self.proxy.plain));
        let output = command.args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let calls = std::mem::take(&mut self.proxy.state().all);
        let calls: Vec<Value> = (calls.into_iter())
            .map(|(action, method, path, body)| {
                json!({"action": action, "method": method, "path": path, "body": body})
            })
            .collect();
        assert_eq!(invalid(&calls.into()), [""; 0]);
    }
}

/// What is wrong with these calls by botocore's models.
pub fn invalid(calls: &Value) -> Vec<String> {
    /// Idle ones: to load the models takes longer than what they do.
    static CHECKERS: Mutex<Vec<Dialogue>> = Mutex::new(Vec::new());
    let idle = CHECKERS.lock().unwrap().pop();
    let mut checker =
        idle.unwrap_or_else(|| Dialogue::start(&mut python("valid.py", "http://127.0.0.1:9")));
    let found = checker.ask(calls);
    CHECKERS.lock().unwrap().push(checker);
    serde_json::from_value(found).unwrap()
}

/// TLS in front of an account, with certificates from [`super::make_certificates`].
pub struct Tls {
    child: Child,
    pub port: u16,
}

impl Tls {
    pub fn start(certificates: &Path, aws: &Aws) -> Self {
        let mut command = python("tls.py", &aws.url());
        let [certificate, key] = ["server.crt", "server.key"].map(|name| certificates.join(name));
        command.arg(certificate).arg(key).arg(&aws.proxy.address);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let mut port = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut port).unwrap();
        let port = port.trim().parse().unwrap();
        Self { child, port }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// A script of `tests/aws`, for the AWS at this URL.
fn python(script: &str, url: &str) -> Command {
    let mut command = Command::new(tools().join("venv/bin/python"));
    command
        .arg("-B")
        .arg(scripts().join(script))
        .envs(environment(url));
    command
}

fn environment(url: &str) -> [(&'static str, &str); 6] {
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws")
}

//! What the answers of an API mean.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::names::{self, Client};
use super::page::Page;
use crate::config::DEFAULT_NAMESPACE;
use crate::domain::results::grouped;
use crate::domain::{Day, Declared, EventKind, Name, State};
use crate::http::wire::Tracked;
use crate::preflight::{Check, Status};
use crate::report::{Counted, Failure, Found, Runs, message};

/// How far the clock of the API may be off. Whoever signs requests or counts by day is not disturbed by less.
const CLOCK: Duration = Duration::from_mins(1);

/// Names in a list; the others are a number.
const SHOWN: usize = 5;

/// An answer over HTTP.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The time by the clock of who answered.
    pub date: Option<SystemTime>,
    pub body: String,
}

/// Where an API runs: it decides what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// `lamed serve --local`
    Local,
    Deployed,
    /// `--url`
    Elsewhere,
}

/// What an API answered.
#[derive(Debug)]
pub struct Answers<'a> {
    pub base: &'a str,
    pub home: Home,
    /// To `track?probe=1`, which counts nothing.
    pub probe: Result<Answer, String>,
    /// The base URL that was meant, where only the stage was missing.
    pub meant: Option<String>,
    /// To `lamed.js?json=1`: the experiments in the script.
    pub script: Result<Answer, String>,
    /// What was counted; none without a key.
    pub counted: Option<Result<Found, Failure>>,
    /// The namespace that was asked about.
    pub namespace: &'a Name,
    /// The experiments that the config here wants in the script.
    pub wanted: Vec<&'a Name>,
    /// Its drafts, which are in no script.
    pub drafts: Vec<&'a Name>,
    /// All that it declares.
    pub declared: &'a [Declared],
    pub now: SystemTime,
}

/// All checks of an API, in the order in which they are shown.
#[must_use]
pub fn api_checks(answers: &Answers) -> Vec<Check> {
    let mut checks = answers.reached();
    if checks
        .iter()
        .any(|check| check.check == API && check.status == Status::Failed)
    {
        return checks;
    }
    checks.extend(answers.clock());
    checks.push(answers.script());
    checks.extend(answers.counts());
    checks
}

const API: &str = "API";
const STORE: &str = "store";

impl Answers<'_> {
    /// Whether it is there, and can count.
    fn reached(&self) -> Vec<Check> {
        let base = self.base;
        let answer = match &self.probe {
            Ok(answer) => answer,
            Err(why) => {
                let remedy = match self.home {
                    Home::Local => "start it with `lamed serve --local`",
                    Home::Deployed => "check the network and the DNS of this machine",
                    Home::Elsewhere => "check the URL, and that the server runs",
                };
                return vec![Check::failed(
                    API,
                    format!("cannot reach {base}: {why}"),
                    remedy,
                )];
            }
        };
        let said = message(&answer.body).unwrap_or_default();
        let is_lamed = serde_json::from_str::<Tracked>(&answer.body).is_ok();
        let there = || Check::ok(API, format!("{base} answers"));
        let log = match self.home {
            Home::Deployed => "`lamed logs` shows the reason",
            _ => "the log of `lamed serve` shows the reason",
        };
        match answer.status {
            200 if is_lamed => vec![there(), Check::ok(STORE, "the store can count")],
            // From before there was a probe.
            400 if !said.is_empty() => vec![
                there(),
                Check::warning(
                    STORE,
                    "cannot check the store: the API is of an earlier lamed",
                    "update it: run `lamed deploy`, or start the new `lamed serve`",
                ),
            ],
            500 | 503 if said.contains("the store") => {
                vec![
                    there(),
                    Check::failed(STORE, format!("events are not counted: {said}"), log),
                ]
            }
            429 => vec![
                there(),
                Check::warning(
                    STORE,
                    "too many requests: cannot check the store",
                    "try again later",
                ),
            ],
            500..=599 => vec![Check::failed(
                API,
                format!("{base} answered {}{}", answer.status, quoted(&said)),
                log,
            )],
            status => vec![Check::failed(
                API,
                format!(
                    "{base} answered {status}{}: it is not the base URL of a lamed API",
                    quoted(&said)
                ),
                match &self.meant {
                    Some(meant) => format!("use `--url {meant}`"),
                    None => "check the base URL: it must end with the stage, for example https://HOST/prod".to_owned(),
                },
            )],
        }
    }

    fn clock(&self) -> Option<Check> {
        const CHECK: &str = "clock";
        let date = self.probe.as_ref().ok()?.date?;
        let (off, direction) = match date.duration_since(self.now) {
            Ok(off) => (off, "ahead of"),
            Err(error) => (error.duration(), "behind"),
        };
        // The header has whole seconds.
        if off <= CLOCK {
            return Some(Check::ok(CHECK, "the API and this machine agree"));
        }
        Some(Check::warning(
            CHECK,
            format!(
                "the clock of the API is {} {direction} the clock of this machine",
                rough(off)
            ),
            "set both clocks by NTP: events are counted by the day (UTC) of the API",
        ))
    }

    /// Whether it serves the script with what is declared.
    fn script(&self) -> Check {
        const CHECK: &str = "lamed.js";
        let answer = match &self.script {
            Ok(answer) => answer,
            Err(why) => {
                return Check::failed(
                    CHECK,
                    format!("cannot load it: {why}"),
                    "run `lamed doctor` again",
                );
            }
        };
        let update = match self.home {
            Home::Deployed => "run `lamed deploy`",
            _ => "start the new `lamed serve`; check the path that `extra_wiring` gives it",
        };
        let Some(client) = self.client() else {
            let found = format!("the API does not serve it: it answered {}", answer.status);
            return Check::failed(CHECK, found, update);
        };
        let served: BTreeSet<&str> = (client.experiments.iter())
            .map(|one| one.name.as_str())
            .collect();
        let missing: Vec<&str> = (self.wanted.iter())
            .map(|name| name.as_str())
            .filter(|name| !served.contains(name))
            .collect();
        if !missing.is_empty() {
            return Check::warning(
                CHECK,
                format!("without {} of your config", listed(missing.iter().copied())),
                match self.home {
                    Home::Deployed => "run `lamed deploy`",
                    _ => {
                        "wait some seconds if you have just changed it; otherwise check which config file the server uses"
                    }
                },
            );
        }
        if client.namespace != self.namespace.as_str() {
            return Check::warning(
                CHECK,
                format!(
                    "the script counts in namespace `{}`, but you asked about `{}`",
                    client.namespace, self.namespace
                ),
                "use `--namespace`, or change `namespace` in the config of the server",
            );
        }
        if let (true, Some(draft)) = (served.is_empty(), self.drafts.first()) {
            return Check::warning(
                CHECK,
                format!("served, but `{draft}` is a draft: it does nothing"),
                "start the experiment with `lamed start`",
            );
        }
        if served.is_empty() {
            return Check::warning(
                CHECK,
                "served, but no experiment is declared: it does nothing",
                "declare one: `lamed new NAME --variants old,new --goal bought --start`",
            );
        }
        Check::ok(CHECK, format!("served with {}", listed(served.into_iter())))
    }

    fn client(&self) -> Option<Client> {
        serde_json::from_str(&self.script.as_ref().ok()?.body).ok()
    }

    /// Whether the API knows what a page names.
    #[must_use]
    pub fn names_checks(&self, page: &Page) -> Vec<Check> {
        let (Some(client), Some(mentions)) = (self.client(), page.mentions()) else {
            return Vec::new();
        };
        names::check(&mentions, &client, &self.drafts, page.has_other_code())
    }

    /// Whether the key opens, and what was counted.
    fn counts(&self) -> Vec<Check> {
        const CHECK: &str = "API key";
        let found = match &self.counted {
            None => {
                return vec![Check::warning(
                    CHECK,
                    "no API key is known: cannot look for events",
                    "use `--api-key` or `$LAMED_API_KEY`",
                )];
            }
            Some(Ok(found)) => found,
            Some(Err(failure)) => {
                return vec![match failure.status {
                    401 | 403 => Check::failed(
                        CHECK,
                        format!("the API refuses the key: it answered {}", failure.status),
                        match self.home {
                            Home::Deployed => "`lamed status --reveal` shows the key",
                            _ => "use the key with which the server was started",
                        },
                    ),
                    429 => Check::warning(CHECK, failure.message.clone(), "try again later"),
                    _ => Check::failed(
                        "events",
                        format!("cannot read the counts: {}", failure.message),
                        "run `lamed results` for more",
                    ),
                }];
            }
        };
        let mut checks = vec![
            Check::ok(CHECK, "the key opens the results"),
            self.events(found),
        ];
        checks.extend(experiments(found, self.declared));
        checks
    }

    fn events(&self, found: &Found) -> Check {
        const CHECK: &str = "events";
        let participants: u64 = (found.counted.iter())
            .flat_map(|one| one.counts.all())
            .filter(|count| count.kind == EventKind::Exposure)
            .fold(0, |sum, count| sum.saturating_add(count.count));
        let last: Option<Day> = (found.counted.iter())
            .flat_map(|one| &one.days)
            .map(|count| count.day)
            .max();
        if participants == 0 {
            return Check::warning(
                CHECK,
                match self.namespace.as_str() {
                    DEFAULT_NAMESPACE => "no participant is counted yet".to_owned(),
                    other => format!("no participant is counted yet in namespace `{other}`"),
                },
                match (self.wanted.is_empty(), self.drafts.is_empty()) {
                    (true, false) => {
                        "start an experiment with `lamed start`: lamed does not count drafts"
                    }
                    _ => "open your page in a private window: lamed counts each browser once",
                },
            );
        }
        let last = last.map_or_else(String::new, |day| {
            format!(", the last event on {day} (UTC)")
        });
        let runs = Runs::new(found.runs.clone(), &[]);
        let is_earlier = |one: &Counted| !runs.lists(one.name());
        let all = match found.counted.iter().any(is_earlier) {
            true => " in all runs",
            false => "",
        };
        Check::ok(
            CHECK,
            format!(
                "{} participant{}{all}{last}",
                grouped(participants as f64),
                if participants == 1 { "" } else { "s" }
            ),
        )
    }
}

/// Changes of the config that the API refuses, running experiments without participants, and events of names that
/// are not declared.
fn experiments(found: &Found, declared: &[Declared]) -> Vec<Check> {
    const CHECK: &str = "experiments";
    let runs = Runs::new(found.runs.clone(), &[]);
    if !runs.from_api {
        return Vec::new();
    }
    let counted = |wire: &Name| {
        let one = found.counted.iter().find(|one| one.name() == wire);
        one.is_some_and(|one| {
            (one.counts.all().iter()).any(|count| count.kind == EventKind::Exposure)
        })
    };
    let running: Vec<_> = runs
        .present()
        .filter(|one| one.state == State::Running)
        .collect();
    let silent: Vec<&str> = (running.iter())
        .filter(|declared| !counted(&declared.wire_name()))
        .map(|declared| declared.name.as_str())
        .collect();
    let strangers: Vec<&str> = (found.counted.iter())
        .filter(|one| runs.of(one.name()).is_none() && runs.lists(one.name()))
        .map(|one| one.name().as_str())
        .collect();
    let mut checks = Vec::new();
    if let Some((name, changes)) = runs.refuses(declared) {
        checks.push(Check::warning(
            CHECK,
            format!(
                "your config changes `{name}`, which has events: the API refuses the change ({})",
                changes.join("; ")
            ),
            "undo the change, or start a new run with `lamed restart`",
        ));
    }
    // Where nothing is counted at all, the check of the events says so.
    let is_any_counted = found.counted.iter().any(|one| counted(one.name()));
    if !silent.is_empty() && is_any_counted {
        checks.push(Check::warning(
            CHECK,
            format!(
                "running, but without participants: {}",
                listed(silent.iter().copied())
            ),
            "check the name in `lamed.run` or `data-lamed`, and `paths` in the config",
        ));
    }
    if !strangers.is_empty() {
        checks.push(Check::warning(
            CHECK,
            format!(
                "events come for {}, which the config does not declare",
                listed(strangers.iter().copied())
            ),
            "correct the name on the page, or declare it with `lamed new`",
        ));
    }
    if checks.is_empty() && silent.is_empty() && !running.is_empty() {
        checks.push(Check::ok(CHECK, "all that run have participants"));
    }
    checks
}

/// `` `a`, `b` and 3 more ``
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn quoted(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(" (`{said}`)"),
    }
}

fn rough(off: Duration) -> String {
    let seconds = off.as_secs();
    let (number, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;

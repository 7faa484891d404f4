//! Any call of a deploy may meet anything: the next deploy makes the same of it as one that nothing befell.
//!
//! Some calls and faults, by chance, in each run; `tests/run every_call -- --ignored` has all of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::faults::Start;
use super::*;
use crate::support::aws::{Fault, When};

/// How many cases run each time, in some 40 seconds on two processors.
const CASES: usize = 24;

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mishap {
    /// lamed is killed while the call is under way; it was done, or not.
    Dies {
        done: bool,
    },
    Cut {
        done: bool,
    },
    Throttled,
    Internal,
    Conflict,
    Expired,
    Denied,
    Full,
}

const MISHAPS: [Mishap; 10] = [
    Mishap::Dies { done: false },
    Mishap::Dies { done: true },
    Mishap::Cut { done: false },
    Mishap::Cut { done: true },
    Mishap::Throttled,
    Mishap::Internal,
    Mishap::Conflict,
    Mishap::Expired,
    Mishap::Denied,
    Mishap::Full,
];

impl Mishap {
    fn fault(self) -> Option<Fault> {
        Some(match self {
            Self::Dies { .. } => return None,
            Self::Cut { done: false } => Fault::CutBefore,
            Self::Cut { done: true } => Fault::CutAfter,
            Self::Throttled => Fault::Throttled,
            Self::Internal => Fault::Internal,
            Self::Conflict => Fault::Conflict,
            Self::Expired => Fault::Expired,
            Self::Denied => Fault::Refused(
                403,
                "AccessDenied",
                "User: x is not authorized to perform: y with an explicit deny in a service control policy",
            ),
            Self::Full => Fault::Refused(400, "LimitExceededException", "Resource limit exceeded."),
        })
    }

    /// Whether a deploy goes on by itself.
    fn passes(self) -> bool {
        use Mishap::*;
        matches!(self, Cut { .. } | Throttled | Internal | Conflict)
    }
}

/// A start, the number of a call, and what befalls it.
type Case = (Start, usize, Mishap);

/// What is other than it should be.
fn wrong((start, call, mishap): Case, expected: &Value) -> Vec<String> {
    let site = start.site();
    let when = When::Nth(call);
    let arguments = [&DEPLOY[..], &["--yes"]].concat();
    match mishap {
        Mishap::Dies { done } => {
            site.aws
                .kill_at(site.home.path(), &arguments, "*", when, done);
        }
        mishap => {
            site.aws.fault("*", when, mishap.fault().unwrap());
            let outcome = site.line(&arguments).run();
            if mishap.passes() && outcome.code != Some(0) {
                return vec![outcome.to_string()];
            }
        }
    }
    site.aws.reset();
    site.deploy();
    let mut wrong = changes(expected, &site.outcome());
    let writes = site.writes_of_deploy();
    wrong.extend(
        writes
            .into_iter()
            .map(|write| format!("a third deploy: {write}")),
    );
    wrong
}

/// Runs the cases side by side.
fn converge(cases: &[Case], expected: &[(Start, Value)]) {
    let failed = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(number) else { break };
            if number > 0 && number.is_multiple_of(100) {
                println!("{number} of {} cases", cases.len());
            }
            let (_, expected) = (expected.iter())
                .find(|(start, _)| *start == case.0)
                .unwrap();
            let wrong = wrong(*case, expected);
            if !wrong.is_empty() {
                println!("{case:?}: {wrong:#?}");
                failed.lock().unwrap().push((*case, wrong));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Something of each start.
type OfStarts<T> = Vec<(Start, T)>;

/// How many calls an undisturbed deploy makes, and what it leaves.
fn undisturbed(starts: &[Start]) -> (OfStarts<usize>, OfStarts<Value>) {
    let all = starts.iter().map(|start| {
        let (calls, expected) = start.undisturbed();
        ((*start, calls.len()), (*start, expected))
    });
    all.unzip()
}

const STARTS: [Start; 4] = [Start::Nothing, Start::Python, Start::Url, Start::Alone];

#[test]
fn a_call_may_meet_anything() {
    let (calls, expected) = undisturbed(&STARTS);
    // Others in each run would make a failure hard to see again; a variable tries others.
    let seed = std::env::var("LAMED_TEST_SEED").map_or(18, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let cases: Vec<Case> = (0..CASES)
        .map(|number| {
            let (start, calls) = calls[number % calls.len()];
            let mishap = MISHAPS[number % MISHAPS.len()];
            (start, random.random_range(1..=calls), mishap)
        })
        .collect();
    converge(&cases, &expected);
}

fn all(start: Start, mishaps: &[Mishap]) {
    let (calls, expected) = undisturbed(&[start]);
    let cases: Vec<Case> = (1..=calls[0].1)
        .flat_map(|call| mishaps.iter().map(move |mishap| (start, call, *mishap)))
        .collect();
    println!("{} cases", cases.len());
    converge(&cases, &expected);
}

#[test]
#[ignore = "takes many minutes"]
fn every_call_of_a_deploy() {
    all(Start::Nothing, &MISHAPS);
}

#[test]
#[ignore = "takes many minutes"]
fn every_call_of_an_upgrade() {
    all(Start::Python, &MISHAPS);
}

#[test]
#[ignore = "takes many minutes"]
fn every_call_of_a_deploy_with_a_function_url() {
    all(Start::Url, &MISHAPS);
    all(Start::Alone, &MISHAPS);
}

/// Of the mishaps those after which nobody knows what was done.
#[test]
#[ignore = "takes some minutes"]
fn the_last_call_of_a_deploy_to_an_empty_account() {
    all(Start::Alone, &MISHAPS[..4]);
}

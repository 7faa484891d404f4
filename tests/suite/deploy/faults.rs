//! What goes wrong on the way, and that it comes to the same in the end.
//!
//! Here it befalls the first call of each kind; `every_call` has any call of all.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::fresh::wiring;
use super::*;
use crate::support::aws::{Call, Event, Fault, When};

const INTERRUPTED: &str = "error: interrupted: the running steps may or may not be complete; run the same command again to continue";

/// Where a deploy starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Start {
    Nothing,
    Python,
    /// From nothing, to a function URL and a table.
    Alone,
    /// From nothing, to a function URL and a Redis.
    Url,
}

impl Start {
    pub(super) fn site(self) -> Site {
        match self {
            Self::Nothing => Site::new(),
            Self::Alone => Site::with_nothing(),
            Self::Python => Site::of_python(&super::upgrade::python_config()),
            Self::Url => Site::with_url(),
        }
    }

    /// The calls of an undisturbed deploy, and what it leaves.
    pub(super) fn undisturbed(self) -> (Vec<Call>, Value) {
        let site = self.site();
        site.deploy();
        (site.aws.calls(), site.outcome())
    }
}

impl Site {
    /// The account without the numbers of releases: a deploy in two parts may take two.
    pub(super) fn outcome(&self) -> Value {
        let mut account = self.account();
        for function in account["functions"].as_object_mut().unwrap().values_mut() {
            for version in function["versions"].as_object_mut().unwrap().values_mut() {
                if let Some((lamed, _)) = version["Description"]
                    .as_str()
                    .and_then(|text| text.split_once(", release "))
                {
                    version["Description"] = json!(lamed);
                }
            }
        }
        account
    }
}

/// Their actions, each once, in their order.
fn kinds<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let actions = calls.into_iter().map(|call| call.action.as_str());
    actions.filter(|action| seen.insert(*action)).collect()
}

#[test]
fn what_passes_by_itself_is_waited_for() {
    for start in [Start::Nothing, Start::Alone, Start::Python] {
        let (_, expected) = start.undisturbed();
        let site = start.site();
        site.aws.slow_functions(3);
        site.aws.slow_roles(3);
        site.aws.fault("*", When::Every(7), Fault::Throttled);
        site.aws.fault("*", When::Every(11), Fault::Internal);
        site.aws.fault("*", When::Every(5), Fault::Conflict);
        site.deploy();
        assert_eq!(changes(&expected, &site.outcome()), [""; 0], "{start:?}");
        assert_eq!(site.aws.early_versions(), [""; 0]);
        assert_eq!(site.writes_of_deploy(), [""; 0]);
    }
}

/// All that is made, and needed by another call.
#[test]
fn what_was_just_made_is_waited_for() {
    let full = |site: &Site| {
        let aws = json!({
            "tags": {"team": "growth"}, "throttle": {"rate": 10, "burst": 20},
            "vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]},
        });
        site.configure(&with("/aws", aws));
    };
    let undisturbed = Site::new();
    full(&undisturbed);
    undisturbed.deploy();
    let site = Site::new();
    full(&site);
    site.aws.slow_news(2);
    site.aws.slow_roles(2);
    site.deploy();
    let expected = undisturbed.outcome();
    assert_eq!(changes(&expected, &site.outcome()), [""; 0]);
    // A role that is made again is given to functions that are there.
    let delete = json!([
        ["iam", "delete_role_policy", {"RoleName": "lamed", "PolicyName": "lamed-eu-west-1"}],
        ["iam", "delete_role", {"RoleName": "lamed"}],
    ]);
    assert_eq!(site.aws.call(&delete), json!(["done", "done"]));
    site.deploy();
    assert_eq!(site.aws.missed_news(), [""; 0]);
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

/// What nobody made will not come.
#[test]
fn what_will_not_pass_is_not_waited_for() {
    let full = "a quota of the account is full: remove what is not in use, or ask for more in Service Quotas";
    for (action, fault, said) in [
        (
            "iam:CreateRole",
            Fault::Refused(
                409,
                "LimitExceeded",
                "Cannot exceed quota for RolesPerAccount: 1000",
            ),
            full,
        ),
        (
            "apigateway:CreateApiKey",
            Fault::Refused(
                429,
                "LimitExceededException",
                "Maximum number of API keys reached.",
            ),
            full,
        ),
        (
            "logs:CreateLogGroup",
            Fault::Refused(400, "LimitExceededException", "Resource limit exceeded."),
            full,
        ),
        (
            "lambda:CreateFunction",
            Fault::Refused(
                400,
                "CodeStorageExceededException",
                "Code storage limit exceeded.",
            ),
            full,
        ),
        (
            "iam:CreateRole",
            Fault::Refused(
                404,
                "NoSuchEntity",
                "Scope ARN: arn:x does not exist or is not attachable.",
            ),
            "Scope ARN: arn:x does not exist",
        ),
    ] {
        let site = Site::new();
        site.aws.fault(action, When::From(1), fault);
        let start = Instant::now();
        let outcome = site.deploy_line(&["--yes"]).run();
        assert_eq!(outcome.code, Some(1), "{outcome}");
        let last = outcome.stderr.lines().last().unwrap();
        let begins = format!("error: `{action}`: ");
        assert!(
            last.starts_with(&begins) && last.contains(said),
            "{outcome}"
        );
        assert!(start.elapsed() < Duration::from_secs(60), "{action}");
    }
}

#[test]
fn a_connection_that_breaks_makes_nothing_twice() {
    for start in [Start::Nothing, Start::Alone, Start::Python] {
        let (calls, expected) = start.undisturbed();
        for cut in [Fault::CutBefore, Fault::CutAfter] {
            let site = start.site();
            for action in kinds(&calls) {
                site.aws.fault(action, When::Nth(1), cut.clone());
            }
            site.deploy();
            assert_eq!(
                changes(&expected, &site.outcome()),
                [""; 0],
                "{start:?} {cut:?}"
            );
        }
    }
}

/// AWS answers with the code of "busy", but it will not pass.
#[test]
fn a_function_that_failed_is_not_waited_for() {
    const REASON: &str = "The function has no free IP address in its subnets.";
    let site = Site::new();
    site.deploy();
    site.aws.fail_function("lamed-track", REASON);
    site.build("second");
    let start = Instant::now();
    let outcome = site.deploy_line(&["--yes"]).run();
    let said = format!(
        "error: function `lamed-track` is in the state `Failed`: {REASON}; its versions still answer, "
    );
    let last = outcome.stderr.lines().last().unwrap();
    assert!(
        outcome.code == Some(1) && last.starts_with(&said),
        "{outcome}"
    );
    assert!(start.elapsed() < Duration::from_secs(60));

    // One that never had a version is made anew.
    let site = Site::new();
    site.aws.fault(
        "lambda:PublishVersion",
        When::From(1),
        Fault::Refused(400, "Teapot", "no"),
    );
    site.deploy_line(&["--yes"]).run();
    site.aws.reset();
    site.aws.fail_function("lamed-track", REASON);
    let outcome = site.deploy();
    assert!(
        outcome
            .stderr
            .contains("it failed: The function has no free IP"),
        "{outcome}"
    );
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    let state = site.aws.state();
    assert_eq!(
        state["functions"]["lamed-track"]["aliases"]["live"]["version"],
        "1"
    );
}

/// Each run comes a little further than the one before, and dies at the first call of another kind.
#[test]
fn a_deploy_that_dies_again_and_again_is_finished_by_the_last_one() {
    for start in [Start::Nothing, Start::Alone, Start::Python] {
        let (calls, expected) = start.undisturbed();
        for done in [false, true] {
            let mut site = start.site();
            for action in kinds(calls.iter().filter(|call| call.writes())) {
                let arguments = [&DEPLOY[..], &["--yes"]].concat();
                let dies = |site: &Site| {
                    site.aws
                        .kill_at(site.home.path(), &arguments, action, When::Nth(1), done)
                };
                if !dies(&site) {
                    // All of this kind was done by those before, and so it came to its end.
                    assert_eq!(
                        changes(&expected, &site.outcome()),
                        [""; 0],
                        "{start:?}, done: {done}"
                    );
                    site = start.site();
                    assert!(dies(&site), "{action}");
                }
            }
            site.deploy();
            assert_eq!(
                changes(&expected, &site.outcome()),
                [""; 0],
                "{start:?}, done: {done}"
            );
        }
    }
}

#[test]
fn a_deploy_that_is_interrupted_says_so_and_the_next_one_finishes_it() {
    let (_, expected) = Start::Nothing.undisturbed();
    // While others run, and as the last one of all.
    for (call, step) in [
        ("lambda:PublishVersion", "created version"),
        ("apigateway:CreateDeployment", "created stage"),
    ] {
        for hang in [Fault::HangBefore, Fault::HangAfter] {
            let site = Site::new();
            let (told, news) = channel();
            site.aws.fault(call, When::From(1), hang(told));
            let mut deploy = site.deploy_line(&["--yes"]).start();
            assert_eq!(news.recv().unwrap(), Event::Hangs);
            deploy.interrupt();
            let outcome = deploy.end();
            assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
            assert_eq!(
                outcome.stderr.lines().last(),
                Some(INTERRUPTED),
                "{outcome}"
            );
            assert!(
                outcome.stderr.contains("created role") && !outcome.stderr.contains(step),
                "{outcome}"
            );
            site.aws.settle();
            site.deploy();
            assert_eq!(changes(&expected, &site.outcome()), [""; 0], "{call}");
            assert_eq!(site.writes_of_deploy(), [""; 0], "{call}");
        }
    }
}

#[test]
fn a_key_on_a_terminal_interrupts_and_nothing_is_drawn_over_what_is_said() {
    let site = Site::new();
    let (told, _news) = channel();
    site.aws.fault(
        "lambda:CreateFunction",
        When::From(1),
        Fault::HangBefore(told),
    );
    let line = site.deploy_line(&["--yes"]);
    // The plan sets them further apart than the bar does.
    let outcome = line.run_on_terminal(&[("function lamed-", "\x03")]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!(
        outcome.stdout.lines().last(),
        Some(INTERRUPTED),
        "{outcome}"
    );
    site.aws.settle();
    site.deploy();
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

/// What is no longer wanted is found again until it is gone.
#[test]
fn a_removal_that_dies_is_finished_by_the_next_deploy() {
    let wired = with(
        "/extra_wiring",
        json!([wiring("extra", "lamed.track", "collect", "POST", false)]),
    );
    let site = Site::new();
    site.deploy();
    let without = site.account();
    for action in [
        "apigateway:DeleteResource",
        "apigateway:CreateDeployment",
        "logs:DeleteLogGroup",
        "lambda:DeleteFunction",
    ] {
        site.configure(&wired);
        site.deploy();
        site.configure(&config());
        let arguments = [&DEPLOY[..], &["--yes"]].concat();
        assert!(
            site.aws
                .kill_at(site.home.path(), &arguments, action, When::Nth(1), true)
        );
        site.deploy();
        let left = changes(&without, &site.account());
        let left: Vec<_> = left
            .iter()
            .filter(|change| !change.starts_with("apis lamed deployments "))
            .collect();
        assert_eq!(left, [""; 0], "{action}");
    }
}

/// As soon as the API is gone, nothing leads to functions that the config does not name.
#[test]
fn a_destroy_that_dies_is_finished_by_the_next_one() {
    for action in [
        "apigateway:DeleteApiKey",
        "apigateway:DeleteRestApi",
        "lambda:DeleteFunction",
        "iam:DeleteRole",
    ] {
        let site = Site::new();
        site.configure(&with(
            "/extra_wiring",
            json!([wiring("extra", "lamed.track", "collect", "POST", false)]),
        ));
        site.deploy();
        site.configure(&config());
        assert!(site.aws.kill_at(
            site.home.path(),
            &["destroy", "--yes"],
            action,
            When::Nth(1),
            true
        ));
        let outcome = site.line(&["destroy", "--yes"]).run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        assert_eq!(
            changes(&Site::new().account(), &site.account()),
            [""; 0],
            "{action}"
        );
    }
}

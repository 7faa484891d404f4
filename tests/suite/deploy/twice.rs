//! Two first deploys at once, and what such two left in earlier days.

use std::sync::Arc;

use tokio::sync::Barrier;

use super::*;
use crate::support::aws::{Fault, When};

impl Site {
    fn ids(&self, list: &str) -> Vec<String> {
        let state = self.aws.state();
        let things = state[list].as_array().unwrap().iter();
        things
            .map(|thing| thing["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// One that is left as it was by a deploy that was alone.
    fn is_whole(&self) {
        assert_eq!(self.writes_of_deploy(), [""; 0]);
        let alone = Site::new();
        alone.deploy();
        let left = changes(&alone.account(), &self.account());
        let left: Vec<&String> = (left.iter())
            .filter(|change| !change.starts_with("apis lamed deployments "))
            .collect();
        assert_eq!(left, [""; 0]);
    }
}

#[test]
fn of_two_first_deploys_at_once_one_gives_way() {
    // Both have made an API, or a key, before either goes on; and a key alone.
    for (action, has_api) in [
        ("apigateway:CreateRestApi", false),
        ("apigateway:CreateApiKey", false),
        ("apigateway:CreateApiKey", true),
    ] {
        let site = Site::new();
        if has_api {
            site.deploy();
            let key = site.ids("api_keys").remove(0);
            let plan = site.ids("usage_plans").remove(0);
            let stage = format!("{}:prod", site.ids("apis")[0]);
            let removed = site.aws.call(&json!([
                ["apigateway", "delete_api_key", {"apiKey": key}],
                ["apigateway", "update_usage_plan", {"usagePlanId": plan, "patchOperations": [
                    {"op": "remove", "path": "/apiStages", "value": stage},
                ]}],
                ["apigateway", "delete_usage_plan", {"usagePlanId": plan}],
            ]));
            assert_eq!(removed, json!(["done", "done", "done"]));
        }
        let meet = Fault::Meet(Arc::new(Barrier::new(2)));
        site.aws.fault(action, When::First(2), meet);
        let mut both = [(); 2].map(|()| site.deploy_line(&["--yes"]).start());
        let mut outcomes = both.each_mut().map(|deploy| deploy.end());
        outcomes.sort_by_key(|outcome| outcome.code);
        let [done, gone] = outcomes;
        assert_eq!((done.code, gone.code), (Some(0), Some(1)), "{done} {gone}");
        let last = gone.stderr.lines().last().unwrap();
        assert!(
            last.starts_with(
                "error: another deploy of `lamed` runs at the same time: it made the "
            ) && last.contains("first, so this deploy stops; ")
                && last.ends_with(" steps are done: run the same command again to continue"),
            "{gone}"
        );
        for list in ["apis", "api_keys", "usage_plans"] {
            assert_eq!(site.ids(list).len(), 1, "{action}: {list}");
        }
        site.is_whole();
    }
}

/// Names of functions and tables are unique: both make the same, and the key of the one whose function it is holds.
#[test]
fn two_first_deploys_to_a_function_url_make_one() {
    for action in ["lambda:CreateFunction", "dynamodb:CreateTable"] {
        let site = Site::with_nothing();
        let meet = Fault::Meet(Arc::new(Barrier::new(2)));
        site.aws.fault(action, When::First(2), meet);
        let mut both = [(); 2].map(|()| site.deploy_line(&["--yes"]).start());
        for outcome in both.each_mut().map(|deploy| deploy.end()) {
            assert_eq!(outcome.code, Some(0), "{action}: {outcome}");
        }
        assert_eq!(site.writes_of_deploy(), [""; 0], "{action}");
        let alone = Site::with_nothing();
        alone.deploy();
        assert_eq!(
            changes(&alone.account(), &site.account()),
            [""; 0],
            "{action}"
        );
    }
}

/// Each was a first deploy that ended before it could give way.
#[test]
fn what_two_of_them_left_is_repaired() {
    let site = Site::new();
    site.deploy();
    let [used, key] = ["apis", "api_keys"].map(|list| site.ids(list).remove(0));
    let copy = site.second_deployment();
    let [spare] = &copy.apis[..] else {
        panic!("{copy:?}")
    };
    // All commands know which one is in use.
    let status = site.line(&["status", "--bootstrap", "function.zip"]).run();
    assert!(
        status.stdout.contains(&format!("/restapis/{used}/prod"))
            && status
                .stdout
                .contains(&format!("{spare}, {used} is in use")),
        "{status}"
    );
    let snippet = site.line(&["snippet"]).run();
    assert!(
        snippet.stdout.contains(&format!("/restapis/{used}/prod")),
        "{snippet}"
    );
    site.aws.reset();
    let outcome = site.deploy_line(&[]).run();
    let question = format!(
        "use `--yes` to confirm: Permanently delete usage plan `lamed`, API key `lamed` ({}), REST API `lamed` ({spare})?\n",
        copy.keys[0]
    );
    assert!(
        outcome.code == Some(2) && outcome.stderr.ends_with(&question),
        "{outcome}"
    );
    assert_eq!(site.aws.writes(), [""; 0]);
    site.deploy();
    assert_eq!(
        (site.ids("apis"), site.ids("api_keys")),
        (vec![used], vec![key])
    );
    site.is_whole();

    site.second_deployment();
    let outcome = site.line(&["destroy", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(changes(&Site::new().account(), &site.account()), [""; 0]);
}

/// A key of the name that somebody else uses is neither taken nor removed.
#[test]
fn a_key_in_somebody_elses_plan_is_theirs() {
    let site = Site::new();
    site.deploy();
    let ours = site.ids("api_keys").remove(0);
    let made = site.aws.call(&json!([
        ["apigateway", "create_api_key", {"name": "lamed", "enabled": true}],
        ["apigateway", "create_usage_plan", {"name": "theirs"}],
    ]));
    assert_eq!(made, json!(["done", "done"]));
    let state = site.aws.state();
    let plans = state["usage_plans"].as_array().unwrap().iter();
    let mut plans = plans.filter(|plan| plan["name"] == "theirs");
    let theirs = site.ids("api_keys").into_iter().find(|id| *id != ours);
    let made = site.aws.call(&json!([["apigateway", "create_usage_plan_key", {
        "usagePlanId": plans.next().unwrap()["id"], "keyId": theirs.unwrap(), "keyType": "API_KEY",
    }]]));
    assert_eq!(made, json!(["done"]));
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    site.line(&["destroy", "--yes"]).run();
    assert_eq!(site.ids("api_keys").len(), 1);
}

/// What the second deploy left.
#[derive(Debug)]
struct Copy {
    apis: Vec<String>,
    keys: Vec<String>,
}

impl Site {
    /// An API, a key and a plan of our name as an unlucky second deploy made them.
    fn second_deployment(&self) -> Copy {
        let before = ["apis", "api_keys"].map(|list| self.ids(list));
        let made = self.aws.call(&json!([
            ["apigateway", "create_rest_api", {"name": "lamed", "description": "lamed API"}],
            ["apigateway", "create_api_key", {"name": "lamed", "enabled": true}],
        ]));
        assert_eq!(made, json!(["done", "done"]));
        let [apis, keys] = ["apis", "api_keys"].map(|list| self.ids(list));
        let new = |all: Vec<String>, old: &[String]| -> Vec<String> {
            all.into_iter().filter(|id| !old.contains(id)).collect()
        };
        let (apis, keys) = (new(apis, &before[0]), new(keys, &before[1]));
        self.aws.script("second.py", &[&apis[0], &keys[0]]);
        Copy { apis, keys }
    }
}

//! Deployments of one name in several regions: they share a role, and nothing done in one takes anything from another.

use super::*;
use crate::support::aws::{Fault, When};

const OTHER: &str = "us-east-1";

impl Site {
    #[track_caller]
    fn in_other(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.line(&[arguments, &["--region", OTHER]].concat()).run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        outcome
    }

    #[track_caller]
    fn deploy_in_other(&self) -> Outcome {
        self.in_other(&[&DEPLOY[..], &["--yes"]].concat())
    }
}

/// The places of changes, without what they were and are.
fn places(before: &Value, after: &Value) -> Vec<String> {
    let changes = changes(before, after).into_iter();
    changes
        .map(|change| change.split(": ").next().unwrap().to_owned())
        .collect()
}

#[test]
fn what_is_done_in_one_region_takes_nothing_from_another() {
    let site = Site::new();
    site.deploy();
    let alone = site.account();
    site.deploy_in_other();
    let both = site.account();
    assert_eq!(
        places(&alone, &both),
        ["roles lamed policies lamed-us-east-1"]
    );
    assert_eq!(site.writes_of_deploy(), [""; 0]);

    let outcome = site.in_other(&["destroy", "--yes"]);
    let kept = "role `lamed` stays: functions in eu-west-1 use it\n";
    assert!(outcome.stderr.contains(kept), "{outcome}");
    assert_eq!(changes(&alone, &site.account()), [""; 0]);
    assert_eq!(site.writes_of_deploy(), [""; 0]);

    // The last one takes the role with it.
    let outcome = site.line(&["destroy", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(changes(&Site::new().account(), &site.account()), [""; 0]);
}

/// Earlier builds left one policy in the role: that of the region that was deployed last. Nothing in the role tells
/// of the others.
#[test]
fn a_role_that_functions_of_another_region_use_is_found_in_use() {
    let site = Site::new();
    site.deploy();
    site.deploy_in_other();
    let policies = site.aws.state()["roles"]["lamed"]["policies"].clone();
    let policy = policies["lamed-us-east-1"].to_string();
    let role = |call: &str, arguments: Value| json!(["iam", call, arguments]);
    site.aws.call(&json!([
        role(
            "delete_role_policy",
            json!({"RoleName": "lamed", "PolicyName": "lamed-eu-west-1"})
        ),
        role(
            "delete_role_policy",
            json!({"RoleName": "lamed", "PolicyName": "lamed-us-east-1"})
        ),
        role(
            "put_role_policy",
            json!({"RoleName": "lamed", "PolicyName": "lamed", "PolicyDocument": policy})
        ),
    ]));
    let outcome = site.in_other(&["destroy", "--yes"]);
    let kept = "role `lamed` stays: functions in eu-west-1 use it\n";
    assert!(outcome.stderr.contains(kept), "{outcome}");
    assert_eq!(site.aws.state()["roles"]["lamed"]["policies"], json!({}));
    // Those who may not look leave it, too.
    site.deploy_in_other();
    site.aws.reset();
    site.aws.fault(
        "lambda:GetFunctionConfiguration",
        When::From(1),
        Fault::Refused(403, "AccessDeniedException", "no"),
    );
    let outcome = site.in_other(&["destroy", "--yes"]);
    let kept = "role `lamed` stays: lamed cannot see whether functions in ";
    assert!(outcome.stderr.contains(kept), "{outcome}");
    assert!(site.aws.state()["roles"]["lamed"].is_object());
}

#[test]
fn python_lamed_in_another_region_keeps_its_rights() {
    let site = Site::of_python(&config());
    let before = site.account();
    let outcome = site.deploy_in_other();
    let kept = "role `lamed` keeps the rights that Python lamed gave it: Python lamed in eu-west-1 needs them\n";
    assert!(outcome.stderr.contains(kept), "{outcome}");
    let mut places = places(&before, &site.account());
    places.retain(|place| !place.starts_with("roles lamed tags"));
    assert_eq!(places, ["roles lamed policies lamed-us-east-1"]);

    site.deploy();
    let role = site.account()["roles"]["lamed"].clone();
    let policies: Vec<&String> = role["policies"].as_object().unwrap().keys().collect();
    assert_eq!(policies, ["lamed-eu-west-1", "lamed-us-east-1"]);
    assert!(!role["trust"].to_string().contains("apigateway"), "{role}");
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

//! What has a name of ours, and somebody else made.

use super::*;

/// A role and a function of somebody else's.
fn make(site: &Site) {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]});
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    ]});
    let made = site.aws.call(&json!([
        ["iam", "create_role", {"RoleName": "lamed", "AssumeRolePolicyDocument": trust.to_string()}],
        ["iam", "put_role_policy", {
            "RoleName": "lamed", "PolicyName": "theirs", "PolicyDocument": policy.to_string(),
        }],
        ["lambda", "create_function", {
            "FunctionName": "lamed-track", "Runtime": "nodejs22.x", "Handler": "index.handler", "Code": "x",
            "Role": format!("arn:aws:iam::{}:role/lamed", site.aws.account),
        }],
    ]));
    assert_eq!(made, json!(["done", "done", "done"]));
}

#[test]
fn it_is_overwritten_only_when_somebody_agrees() {
    let site = Site::new();
    make(&site);
    let before = site.account();
    site.aws.reset();
    let question = "Overwrite role `lamed`, function `lamed-track`, which lamed did not make?";
    let outcome = site.deploy_line(&[]).run();
    let refused = format!(
        "error: cannot ask for confirmation: not a terminal; use `--yes` to confirm: {question}\n"
    );
    assert!(
        outcome.code == Some(2) && outcome.stderr.ends_with(&refused),
        "{outcome}"
    );
    let outcome = site
        .deploy_line(&[])
        .run_on_terminal(&[("lamed did not make", "n\n")]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!(site.aws.writes(), [""; 0]);
    assert_eq!(changes(&before, &site.account()), [""; 0]);

    // Who agrees has it overwritten, and marked: nobody is asked again.
    site.deploy();
    let outcome = site.deploy_line(&[]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let account = site.account();
    let mark = json!({"lamed:deployment": "lamed"});
    assert_eq!(account["roles"]["lamed"]["tags"], mark);
    for function in account["functions"].as_object().unwrap().values() {
        assert_eq!(function["tags"], mark);
    }
}

#[test]
fn it_is_never_removed() {
    let site = Site::new();
    make(&site);
    let before = site.account();
    let outcome = site.line(&["destroy", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    for kept in ["function `lamed-track`", "role `lamed`"] {
        let said = format!("{kept} stays: lamed did not make it\n");
        assert!(outcome.stderr.contains(&said), "{outcome}");
    }
    assert_eq!(changes(&before, &site.account()), [""; 0]);
}

/// The mark names the deployment: what another one made is somebody else's.
#[test]
fn what_another_deployment_made_is_not_ours() {
    let site = Site::new();
    let wired = |function: &str| {
        json!([super::fresh::wiring(
            function,
            "lamed.track",
            "collect",
            "POST",
            false
        )])
    };
    site.configure(&with("/extra_wiring", wired("shop-lamed-track")));
    site.deploy();
    site.configure(&with("/aws", json!({"name": "shop"})));
    let outcome = site.deploy_line(&[]).run();
    let question = "Overwrite function `shop-lamed-track`, which lamed did not make?\n";
    assert!(outcome.stderr.ends_with(question), "{outcome}");
}

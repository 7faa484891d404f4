//! The role is deleted and made again: to the key that encrypts the functions' variables it is another one.

use super::*;
use crate::support::aws::When;

impl Site {
    fn delete_role(&self) {
        let role = |call: &str, arguments: Value| json!(["iam", call, arguments]);
        let done = self.aws.call(&json!([
            role(
                "delete_role_policy",
                json!({"RoleName": "lamed", "PolicyName": "lamed-eu-west-1"})
            ),
            role("delete_role", json!({"RoleName": "lamed"})),
        ]));
        assert_eq!(done, json!(["done", "done"]));
    }

    /// Every function was updated after the role was made, and what is live was published after that.
    #[track_caller]
    fn gave_the_role(&self, version: &str) {
        let account = self.account();
        for (name, function) in account["functions"].as_object().unwrap() {
            assert_eq!(function["aliases"]["live"]["version"], version, "{name}");
        }
        assert!(account["roles"]["lamed"].is_object());
        assert_eq!(self.writes_of_deploy(), [""; 0]);
    }
}

#[test]
fn a_role_that_was_made_again_is_given_to_the_functions_and_published() {
    let site = Site::new();
    site.deploy();
    site.delete_role();
    let writes = site.writes_of_deploy();
    let times = |action: &str| writes.iter().filter(|write| *write == action).count();
    for action in [
        "lambda:UpdateFunctionConfiguration",
        "lambda:PublishVersion",
        "lambda:UpdateAlias",
    ] {
        assert_eq!(times(action), 5, "{writes:?}");
    }
    assert_eq!(times("iam:CreateRole"), 1);
    site.gave_the_role("2");

    // A deploy that dies after it made the role leaves nothing that tells of it but the time.
    site.delete_role();
    let arguments = [&DEPLOY[..], &["--yes"]].concat();
    let home = site.home.path();
    assert!(
        site.aws
            .kill_at(home, &arguments, "iam:CreateRole", When::Nth(1), true)
    );
    site.deploy();
    site.gave_the_role("3");
}

#[test]
fn a_role_of_an_administrators_is_used_and_nothing_is_written_to_iam() {
    let site = Site::new();
    let role = json!({"RoleName": "of-the-admin", "AssumeRolePolicyDocument": "{}"});
    site.aws.call(&json!([["iam", "create_role", role]]));
    let arn = format!("arn:aws:iam::{}:role/of-the-admin", site.aws.account);
    let before = site.account()["roles"].clone();
    site.configure(&with("/aws", json!({"role": arn})));
    // Who deploys need not be allowed to look at roles.
    for action in [
        "iam:GetRole",
        "iam:ListRolePolicies",
        "iam:ListAttachedRolePolicies",
    ] {
        site.aws.deny(action);
    }
    site.deploy();
    let of_iam = |site: &Site| {
        site.aws
            .calls()
            .iter()
            .filter(|call| call.service() == "iam")
            .count()
    };
    assert_eq!(of_iam(&site), 0);
    for function in site.aws.state()["functions"].as_object().unwrap().values() {
        assert_eq!(function["Role"], arn.as_str());
    }
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    let outcome = site.line(&["destroy", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(of_iam(&site), 0);
    assert_eq!(site.account()["roles"], before);

    let limit = format!("arn:aws:iam::{}:policy/limit", site.aws.account);
    site.configure(&with(
        "/aws",
        json!({"role": arn, "permissions_boundary": limit}),
    ));
    let outcome = site.deploy_line(&["--yes"]).run();
    let said = "error: `aws.permissions_boundary` limits the role that lamed makes, but `aws.role` names another one: remove \
                one of them\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), said));
}

#[test]
fn the_role_is_limited_by_the_boundary_of_the_config() {
    let limited = |site: &Site, action: &str, limit: &str| {
        let calls = site.aws.calls();
        let call = calls.iter().find(|call| call.action == action);
        let body = &call.unwrap_or_else(|| panic!("no {action}")).body;
        let mut fields = form_urlencoded::parse(body.as_bytes());
        assert!(
            fields.any(|(name, value)| name == "PermissionsBoundary" && value == limit),
            "{body}"
        );
    };
    let site = Site::new();
    let arns =
        ["one", "two"].map(|name| format!("arn:aws:iam::{}:policy/{name}", site.aws.account));
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let policy = |name: &str| json!(["iam", "create_policy", {"PolicyName": name, "PolicyDocument": document.to_string()}]);
    site.aws.call(&json!([policy("one"), policy("two")]));
    site.configure(&with("/aws", json!({"permissions_boundary": arns[0]})));
    site.deploy();
    limited(&site, "iam:CreateRole", &arns[0]);
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    site.configure(&with("/aws", json!({"permissions_boundary": arns[1]})));
    assert_eq!(site.writes_of_deploy(), ["iam:PutRolePermissionsBoundary"]);
    limited(&site, "iam:PutRolePermissionsBoundary", &arns[1]);
    // Without the setting it stays.
    site.configure(&config());
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

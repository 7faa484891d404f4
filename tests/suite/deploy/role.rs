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

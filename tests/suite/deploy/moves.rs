//! From one config to the next: what the old deployment needs stays until it is out of use.

use super::fresh::wiring;
use super::*;
use crate::support::aws::Call;

/// The old deployment is served for a moment after the new one is made: what it calls is there until then.
#[test]
fn a_path_that_moves_to_another_function_is_never_without_one() {
    let site = Site::new();
    let wired = |functions: &[(&str, &str)]| {
        let wiring =
            |(function, path): &(&str, &str)| wiring(function, "lamed.track", path, "POST", false);
        let all: Vec<Value> = functions.iter().map(wiring).collect();
        with("/extra_wiring", all)
    };
    // One function goes, the other one keeps a path.
    site.configure(&wired(&[
        ("one", "collect"),
        ("two", "kept"),
        ("two", "moves"),
    ]));
    site.deploy();
    site.configure(&wired(&[
        ("three", "collect"),
        ("two", "kept"),
        ("three", "moves"),
    ]));
    site.aws.reset();
    site.deploy();
    let calls: Vec<_> = (site.aws.calls().into_iter())
        .filter(|call| call.writes())
        .collect();
    let all = |action: &str, function: &str| -> Vec<usize> {
        let path = format!("/functions/{function}");
        let is_it = |call: &Call| {
            call.action == action && (function.is_empty() || call.path.contains(&path))
        };
        let positions = calls.iter().enumerate().filter(|(_, call)| is_it(call));
        positions.map(|(position, _)| position).collect()
    };
    let deployed = all("apigateway:CreateDeployment", "")[0];
    let allowed = all("lambda:AddPermission", "three");
    assert_eq!(allowed.len(), 2);
    assert!(allowed.iter().all(|call| *call < deployed));
    for gone in [
        all("lambda:RemovePermission", "two"),
        all("lambda:DeleteFunction", "one"),
        all("logs:DeleteLogGroup", ""),
    ] {
        assert!(gone.len() == 1 && gone[0] > deployed, "{gone:?}");
    }
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

/// Lambda takes minutes to remove the network interfaces of a function, and needs the role's rights for it; and versions
/// to which a rollback may go have theirs.
#[test]
fn who_leaves_a_vpc_keeps_its_rights_until_no_version_is_in_it() {
    let site = Site::new();
    let vpc = json!({"vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}});
    site.configure(&with("/aws", vpc));
    site.deploy();
    let has_rights = || {
        let roles = site.aws.state()["roles"].to_string();
        roles.contains("ec2:DeleteNetworkInterface")
    };
    site.configure(&with(
        "/aws",
        json!({"vpc": {"subnet_ids": [], "security_group_ids": []}}),
    ));
    let mut deploys = 0;
    loop {
        site.deploy();
        let state = site.aws.state();
        let functions = state["functions"].as_object().unwrap().values();
        let mut versions =
            functions.flat_map(|function| function["versions"].as_object().unwrap().values());
        let in_vpc = versions.any(|version| version.to_string().contains("subnet-1"));
        if !in_vpc {
            break;
        }
        assert_eq!(site.writes_of_deploy(), [""; 0]);
        assert!(has_rights(), "{deploys}");
        deploys += 1;
        site.build(&format!("number {deploys}"));
    }
    assert!(deploys >= 4 && has_rights(), "{deploys}");
    assert_eq!(site.writes_of_deploy(), ["iam:PutRolePolicy"]);
    assert!(!has_rights());
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

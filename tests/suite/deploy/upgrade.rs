//! What Python lamed 0.4.3 deployed is taken over in place.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::support::aws::{Call, Fault, When};

/// With paths and functions of the user's own, but none of a method that lamed lacks.
pub fn python_config() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config/python-extra-wiring.json");
    let mut config: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let wiring = config["extra_wiring"].as_array_mut().unwrap();
    wiring.retain(|wired| wired["api_gateway"]["method"]["httpMethod"] != "PUT");
    assert_eq!(wiring.len(), 2);
    config
}

#[test]
fn a_deployment_of_python_lameds_is_taken_over_in_place() {
    let site = Site::of_python(&python_config());
    let (state, before) = (site.aws.state(), site.account());
    let outcome = site.deploy();
    is_fixture(
        "upgrade.txt",
        &site.anonymous(&format!("{}---\n{}", said(&outcome), outcome.stdout)),
    );
    let after = site.account();
    is_fixture("upgraded.json", &pretty(&after));
    for made_up in ["/apis/0/id", "/api_keys/0/id", "/api_keys/0/value"] {
        let now = site.aws.state();
        assert!(
            state.pointer(made_up).is_some_and(Value::is_string),
            "{made_up}"
        );
        assert_eq!(state.pointer(made_up), now.pointer(made_up), "{made_up}");
    }
    let gone: Vec<_> = paths(&before)
        .into_iter()
        .filter(|path| !paths(&after).contains(path))
        .collect();
    assert_eq!(gone, [""; 0]);
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    assert_eq!(changes(&after, &site.account()), [""; 0]);
}

/// `GET /track`, …
fn paths(account: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    for resource in account["apis"][0]["resources"].as_array().unwrap() {
        for name in resource
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| *name != "path")
        {
            paths.push(format!("{name} {}", resource["path"].as_str().unwrap()));
        }
    }
    paths
}

/// API Gateway serves what was deployed last. Until there is a new deployment it calls `live` with
/// Python's flat events, which both understand; after it with the proxy's, which Python does not.
#[test]
fn at_no_moment_does_the_gateway_speak_to_a_function_that_does_not_understand_it() {
    let site = Site::of_python(&python_config());
    site.aws.slow_functions(2);
    for action in [
        "lambda:UpdateAlias",
        "apigateway:PutIntegration",
        "lambda:AddPermission",
        "apigateway:CreateDeployment",
    ] {
        site.aws.fault(action, When::First(2), Fault::Throttled);
    }
    site.deploy();
    let calls: Vec<Call> = (site.aws.calls().into_iter())
        .filter(|call| call.writes() && call.status.is_some_and(|status| status < 300))
        .collect();
    let all = |action: &str| -> Vec<usize> {
        let positions = calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call.action == action);
        positions.map(|(position, _)| position).collect()
    };
    let of = |action: &str, function: &str| -> Vec<usize> {
        let path = format!("/functions/{function}/");
        all(action)
            .into_iter()
            .filter(|position| calls[*position].path.contains(&path))
            .collect()
    };
    let deployments = all("apigateway:CreateDeployment");
    let [deployment] = deployments[..] else {
        panic!("{deployments:?}")
    };
    for function in [
        "lamed-track",
        "lamed-all-experiments",
        "lamed-delete-experiment",
        "lamed-experiment",
    ] {
        let (code, configuration, published, live) = (
            of("lambda:UpdateFunctionCode", function),
            of("lambda:UpdateFunctionConfiguration", function),
            of("lambda:PublishVersion", function),
            of("lambda:UpdateAlias", function),
        );
        for one in [&code, &configuration, &published, &live] {
            assert_eq!(one.len(), 1, "{function}");
        }
        // AWS takes no other code while the runtime is one that it has given up.
        assert!(
            configuration < code && code < published && published < live,
            "{function}"
        );
        assert!(live[0] < deployment, "{function}");
        let permissions = of("lambda:AddPermission", function);
        assert!(
            !permissions.is_empty() && permissions.iter().all(|position| *position < deployment),
            "{function}"
        );
    }
    assert_eq!(site.aws.early_versions(), [""; 0]);
    // What the old deployment needs stays until it is out of use.
    let narrowing = [
        all("iam:DeleteRolePolicy"),
        all("iam:UpdateAssumeRolePolicy"),
    ]
    .concat();
    assert!(narrowing.len() == 2 && narrowing.iter().all(|position| *position > deployment));
    let lost: Vec<&str> = (calls.iter())
        .map(|call| call.action.as_str())
        .filter(|action| action.contains("Delete"))
        .filter(|action| !["apigateway:DeleteMethod", "iam:DeleteRolePolicy"].contains(action))
        .collect();
    assert_eq!(lost, [""; 0]);
}

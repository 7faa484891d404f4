//! What somebody set by hand in API Gateway, and what would stop the deployment from working.

use super::*;

impl Site {
    fn api(&self) -> String {
        let state = self.aws.state();
        state["apis"][0]["id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn by_hand(&self, calls: Value) {
        let done = self.aws.call(&calls);
        assert_eq!(done, json!(vec!["done"; calls.as_array().unwrap().len()]));
    }
}

const KEY: &str = "warning: the API key `lamed` is disabled: results, the dashboard and deletes get 403; enable it in API Gateway\n";
const ADDRESS: &str = "warning: the default address of the REST API is disabled (`disableExecuteApiEndpoint`): it answers 403; \
                       enable it in API Gateway, unless pages use a custom domain\n";

#[test]
fn it_is_seen_by_status_and_deploy_and_left_as_it_is() {
    let site = Site::new();
    site.deploy();
    let key = site.aws.state()["api_keys"][0]["id"].clone();
    site.by_hand(json!([
        ["apigateway", "update_api_key", {"apiKey": key, "patchOperations": [
            {"op": "replace", "path": "/enabled", "value": "false"},
        ]}],
        ["apigateway", "update_rest_api", {"restApiId": site.api(), "patchOperations": [
            {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "true"},
        ]}],
    ]));
    let status = ["status", "--bootstrap", "function.zip"];
    let outcome = site.line(&status).run();
    assert_eq!(outcome.stderr, format!("{KEY}{ADDRESS}"));
    let outcome = site.line(&[&status[..], &["--json", "-q"]].concat()).run();
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(document["warnings"].as_array().unwrap().len(), 2);
    assert_eq!(document["drift"], json!([]));

    // Nobody can ask there whether it is live.
    site.aws.reset();
    site.build("second");
    site.aws.probed(&[(403, r#"{"message":"Forbidden"}"#)]);
    let outcome = site.deploy();
    assert!(
        outcome.stderr.contains(KEY) && outcome.stderr.contains(ADDRESS),
        "{outcome}"
    );
    let outcome = site.line(&["rollback", "--yes"]).run();
    assert_eq!((outcome.code, site.aws.probes()), (Some(0), 0), "{outcome}");
}

/// AWS would refuse to remove the API when all else is gone.
#[test]
fn an_api_with_a_custom_domain_is_not_removed_and_nothing_else_is() {
    let site = Site::new();
    site.deploy();
    site.by_hand(json!([
        ["apigateway", "create_domain_name", {"domainName": "ab.example.com"}],
        ["apigateway", "create_base_path_mapping", {
            "domainName": "ab.example.com", "basePath": "shop", "restApiId": site.api(), "stage": "prod",
        }],
    ]));
    let before = site.account();
    let outcome = site.line(&["status", "--bootstrap", "function.zip"]).run();
    let row = "  domains      ab.example.com/shop\n";
    assert!(outcome.stdout.contains(row), "{outcome}");
    let refused = "error: the custom domain ab.example.com/shop leads to the REST API: remove the mapping in API Gateway first\n";
    site.aws.reset();
    site.line(&["destroy", "--yes"]).gives(1, "", refused);
    // The same where a function URL takes its place.
    site.configure_just(&with("/aws", json!({"front_door": "function_url"})));
    let outcome = site.deploy_line(&["--yes"]).run();
    assert!(
        outcome.code == Some(1) && outcome.stderr.ends_with(refused),
        "{outcome}"
    );
    assert_eq!(site.aws.writes(), [""; 0]);
    assert_eq!(changes(&before, &site.account()), [""; 0]);
    site.configure(&config());
    site.by_hand(json!([["apigateway", "delete_base_path_mapping", {
        "domainName": "ab.example.com", "basePath": "shop",
    }]]));
    let outcome = site.line(&["destroy", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

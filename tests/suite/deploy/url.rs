//! A function URL in the place of a REST API, beside one, and after one.

use super::*;

impl Site {
    /// One whose config says nothing of the front door: a new deployment gets a function URL.
    pub(super) fn with_url() -> Self {
        let site = Self::new();
        site.configure_just(&config());
        site
    }

    /// One whose config names no Redis either: a new deployment gets a table, too.
    pub(super) fn with_nothing() -> Self {
        let site = Self::new();
        site.configure_just(&json!({}));
        site
    }

    fn door(&self, door: &str) {
        self.configure_just(&with("/aws", json!({"front_door": door})));
    }

    /// The one function's address and key.
    fn url_and_key(&self) -> (String, String) {
        let state = self.aws.state();
        let function = &state["functions"]["lamed"];
        let url = function["url"]["FunctionUrl"].as_str().unwrap();
        (url.to_owned(), key_of(function))
    }

    #[track_caller]
    fn runs(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.line(arguments).run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        outcome
    }
}

#[test]
fn an_empty_account_gets_one_function_with_an_address_of_its_own_and_a_table() {
    let site = Site::with_nothing();
    let first = site.deploy();
    let (url, key) = site.url_and_key();
    let shown = format!("{}---\n{}", said(&first), first.stdout);
    assert!(!shown.contains(&key), "{shown}");
    let base = url.trim_end_matches('/');
    is_fixture(
        "deploy-url.txt",
        &site.anonymous(&shown.replace(base, "URL")),
    );
    let account = site.account();
    is_fixture("deployed-url.json", &pretty(&account));
    assert_eq!(site.writes_of_deploy(), [""; 0]);

    let status = site.runs(&[
        "status",
        "--json",
        "--reveal",
        "--bootstrap",
        "function.zip",
    ]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["track_url"], format!("{base}/track"));
    assert_eq!(status["api_key"], key);
    assert_eq!(status["drift"], json!([]));
    let snippet = site.runs(&["snippet"]).stdout;
    assert!(snippet.contains(&format!("{base}/lamed.js")), "{snippet}");

    let outcome = site.runs(&[
        "deploy",
        "--no-preflight",
        "--bootstrap",
        "function.zip",
        "--yes",
        "--new-key",
    ]);
    let (same, new) = site.url_and_key();
    assert!(same == url && new != key, "{same} {new}");
    assert!(
        !outcome.stderr.contains(&key) && !outcome.stderr.contains(&new),
        "{outcome}"
    );

    let table = site.account()["tables"].clone();
    let outcome = site.runs(&["destroy", "--yes"]);
    for said in [
        format!("the address {url} is lost for good"),
        "table `lamed` stays with the counts: use `--counts` to delete it, too".to_owned(),
        "deleted; the counts in DynamoDB are kept".to_owned(),
    ] {
        assert!(outcome.stderr.contains(&said), "{outcome}");
    }
    let left = site.account();
    for things in ["functions", "roles", "log_groups"] {
        assert_eq!(left[things], json!({}), "{things}");
    }
    assert_eq!(left["tables"], table);

    site.deploy();
    assert_eq!(site.account()["tables"], table, "it is taken up again");
    let outcome = site.runs(&["destroy", "--yes", "--counts"]);
    assert!(
        outcome.stderr.contains("deleted, with all counts"),
        "{outcome}"
    );
    assert_eq!(site.account()["tables"], json!({}));
}

#[test]
fn the_store_changes_only_when_the_config_says_so() {
    let site = Site::with_nothing();
    site.deploy();
    site.configure_just(&config());
    let outcome = site.deploy_line(&["--yes"]).run();
    let said = "error: the deployed functions count in a DynamoDB table, but the config names a Redis: set `aws.store` to \
                `dynamodb` to stay with the table, or to `redis` to begin in the Redis; counts are not moved\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), said));
    site.configure_just(&with("/aws", json!({"store": "dynamodb"})));
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    site.configure_just(&with("/aws", json!({"store": "redis"})));
    site.deploy();
    let policy = site.account()["roles"]["lamed"]["policies"].to_string();
    assert!(!policy.contains("dynamodb:"), "{policy}");

    site.configure_just(&json!({}));
    let outcome = site.deploy_line(&["--yes"]).run();
    let said = "error: the deployed functions count in a Redis, but the config names none: add `redis` to the config, or set \
                `aws.store` to `dynamodb` to begin in a new table; counts are not moved\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), said));
    site.configure_just(&json!({"aws": {"store": "redis"}}));
    let outcome = site.deploy_line(&["--yes"]).run();
    let said =
        "error: `aws.store` is `redis`, but the config names no Redis: run `lamed configure`\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), said));
}

#[test]
fn what_is_wrong_with_the_table_is_put_right_before_functions_use_it() {
    let site = Site::with_nothing();
    site.deploy();
    let deployed = site.account();
    let recovery = json!({"PointInTimeRecoveryEnabled": false});
    let expiry = json!({"Enabled": false, "AttributeName": "ttl"});
    for (call, arguments, writes) in [
        (
            "update_table",
            json!({"TableName": "lamed", "DeletionProtectionEnabled": false}),
            "dynamodb:UpdateTable",
        ),
        (
            "update_time_to_live",
            json!({"TableName": "lamed", "TimeToLiveSpecification": expiry}),
            "dynamodb:UpdateTimeToLive",
        ),
        (
            "update_continuous_backups",
            json!({"TableName": "lamed", "PointInTimeRecoverySpecification": recovery}),
            "dynamodb:UpdateContinuousBackups",
        ),
    ] {
        assert_eq!(
            site.aws.call(&json!([["dynamodb", call, arguments]])),
            json!(["done"])
        );
        assert_eq!(site.writes_of_deploy(), [writes]);
        assert_eq!(changes(&deployed, &site.account()), [""; 0]);
    }
    // Somebody else's of the name is asked about, and stays.
    site.runs(&["destroy", "--yes", "--counts"]);
    let made = json!([["dynamodb", "create_table", {
        "TableName": "lamed", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    }]]);
    assert_eq!(site.aws.call(&made), json!(["done"]));
    let refused = site.deploy_line(&[]).run();
    assert!(
        refused
            .stderr
            .contains("Overwrite table `lamed`, which lamed did not make?"),
        "{refused}"
    );
    let outcome = site.runs(&["destroy", "--yes", "--counts"]);
    assert!(
        outcome
            .stderr
            .contains("table `lamed` stays: lamed did not make it"),
        "{outcome}"
    );
    assert!(site.account()["tables"]["lamed"].is_object());

    // One that cannot hold the counts is refused.
    let other = json!([
        ["dynamodb", "delete_table", {"TableName": "lamed"}],
        ["dynamodb", "create_table", {
            "TableName": "lamed", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        }],
    ]);
    assert_eq!(site.aws.call(&other), json!(["done", "done"]));
    let outcome = site.deploy_line(&["--yes"]).run();
    let said = "error: the DynamoDB table `lamed` has the keys id, but lamed needs pk and sk: choose another `aws.name`, or \
                delete the table\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), said));
}

#[test]
fn pages_can_move_from_the_rest_api_to_the_url() {
    let site = Site::with_url();
    site.door("rest_api");
    site.deploy();
    let rest = site.aws.state();
    assert_eq!(rest["functions"].as_object().unwrap().len(), 5);
    // What is there stays what it is until it is asked to change.
    site.configure_just(&config());
    assert_eq!(site.writes_of_deploy(), [""; 0]);

    site.door("both");
    let before = site.account();
    site.deploy();
    let (url, key) = site.url_and_key();
    assert_eq!(
        key, rest["api_keys"][0]["value"],
        "both doors open with one key"
    );
    let added = changes(&before, &site.account());
    let others: Vec<&String> = (added.iter())
        .filter(|change| !change.contains("functions lamed:") && !change.contains("log_groups"))
        .collect();
    assert!(
        others
            .iter()
            .all(|change| change.starts_with("roles lamed")),
        "{others:#?}"
    );
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    site.configure_just(&config());
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    let status = site.runs(&["status", "--bootstrap", "function.zip"]).stdout;
    assert!(
        status.contains("REST API") && status.contains(url.trim_end_matches('/')),
        "{status}"
    );

    site.door("function_url");
    let refused = site.deploy_line(&[]).run();
    assert!(
        refused
            .stderr
            .contains("use `--yes` to confirm: Permanently delete"),
        "{refused}"
    );
    site.deploy();
    assert_eq!(
        site.url_and_key(),
        (url.clone(), key),
        "pages that have moved notice nothing"
    );
    let state = site.aws.state();
    let functions: Vec<&String> = state["functions"].as_object().unwrap().keys().collect();
    assert_eq!(functions, ["lamed"]);
    for things in ["apis", "api_keys", "usage_plans"] {
        assert_eq!(state[things], json!([]), "{things}");
    }
    assert_eq!(site.writes_of_deploy(), [""; 0]);

    site.door("rest_api");
    let back = site.deploy();
    assert!(
        back.stderr
            .contains(&format!("the address {url} is lost for good")),
        "{back}"
    );
    assert!(site.aws.state()["functions"]["lamed"].is_null());
}

#[test]
fn what_closes_the_url_is_put_right() {
    let site = Site::with_url();
    site.deploy();
    let deployed = site.account();
    let function = json!({"FunctionName": "lamed", "Qualifier": "live"});
    let with = |more: Value| {
        let mut arguments = function.clone();
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        arguments
    };
    let wide = json!({
        "StatementId": "lamed-through-url", "Action": "lambda:InvokeFunction", "Principal": "*",
    });
    for (calls, writes) in [
        (
            json!([[
                "lambda",
                "remove_permission",
                with(json!({"StatementId": "lamed-url"}))
            ]]),
            vec!["lambda:AddPermission"],
        ),
        (
            json!([
                [
                    "lambda",
                    "remove_permission",
                    with(json!({"StatementId": "lamed-through-url"}))
                ],
                ["lambda", "add_permission", with(wide)],
            ]),
            vec!["lambda:AddPermission", "lambda:RemovePermission"],
        ),
        (
            json!([[
                "lambda",
                "update_function_url_config",
                with(json!({"AuthType": "AWS_IAM"}))
            ]]),
            vec!["lambda:UpdateFunctionUrlConfig"],
        ),
        (
            json!([[
                "lambda",
                "update_function_url_config",
                with(json!({"Cors": {"AllowOrigins": ["*"]}}))
            ]]),
            vec!["lambda:UpdateFunctionUrlConfig"],
        ),
    ] {
        let done = site.aws.call(&calls);
        assert!(
            done.as_array().unwrap().iter().all(|done| done == "done"),
            "{done}"
        );
        assert_eq!(site.writes_of_deploy(), writes);
        assert_eq!(changes(&deployed, &site.account()), [""; 0]);
    }
}

#[test]
fn settings_of_the_url_are_honoured_and_those_without_effect_are_named() {
    let site = Site::with_url();
    let wired = super::fresh::wiring("extra", "lamed.track", "collect", "POST", false);
    let mut config = with(
        "/aws",
        json!({"reserved_concurrency": 7, "throttle": {"rate": 1, "burst": 2}}),
    );
    config["extra_wiring"] = json!([wired]);
    site.configure_just(&config);
    let outcome = site.deploy();
    for warning in [
        "warning: `aws.throttle` has no effect: a function URL has no such limit; use `aws.reserved_concurrency`\n",
        "warning: `extra_wiring`: `FunctionName`, `MemorySize` and `requestParameters` have no effect: behind a function \
         URL one function answers on all paths\n",
    ] {
        assert!(outcome.stderr.contains(warning), "{outcome}");
    }
    let function = &site.aws.state()["functions"]["lamed"];
    assert_eq!(function["reserved"], 7);
    let settings = function["Environment"]["LAMED_SETTINGS"].as_str().unwrap();
    assert!(
        settings.contains(r#""path":"collect","method":"POST","handler":"lamed.track""#),
        "{settings}"
    );
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

/// A function of somebody else's that happens to have the name.
#[test]
fn a_foreign_function_of_the_name_is_asked_about_and_never_removed() {
    let site = Site::with_url();
    let role = format!("arn:aws:iam::{}:role/other", site.aws.account);
    let made = site.aws.call(&json!([
        ["iam", "create_role", {"RoleName": "other", "AssumeRolePolicyDocument": "{}"}],
        ["lambda", "create_function", {
            "FunctionName": "lamed", "Runtime": "provided.al2023", "Role": role, "Handler": "x", "Code": "x",
        }],
    ]));
    assert_eq!(made, json!(["done", "done"]));
    let refused = site.deploy_line(&[]).run();
    assert!(
        refused
            .stderr
            .contains("Overwrite function `lamed`, which lamed did not make?"),
        "{refused}"
    );
    site.door("rest_api");
    site.deploy();
    assert_eq!(site.aws.state()["functions"]["lamed"]["Handler"], "x");
    let outcome = site.runs(&["destroy", "--yes"]);
    assert!(
        outcome
            .stderr
            .contains("function `lamed` stays: lamed did not make it"),
        "{outcome}"
    );
}

/// Policies of before may name the functions of a REST API alone.
#[test]
fn who_may_not_look_at_the_function_of_a_url_deploys_the_rest_api_as_before() {
    let site = Site::new();
    site.deploy();
    site.configure_just(&config());
    site.aws.deny("lambda:GetFunctionUrlConfig");
    let again = site.deploy();
    assert!(again.stderr.contains("no changes needed"), "{again}");
    let outcome = site.line(&["snippet"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    site.door("both");
    let outcome = site.deploy_line(&["--yes"]).run();
    assert!(
        outcome.stderr.contains("lambda:GetFunctionUrlConfig"),
        "{outcome}"
    );
}

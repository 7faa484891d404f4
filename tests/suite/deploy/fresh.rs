//! From nothing, and then from one config to the next.

use lamed::config::Config;
use lamed::function::{Settings, Store};
use lamed::http::{Method, Reply};
use serde_json::{Value, json};

use super::*;

#[test]
fn an_empty_account_gets_all_of_it_and_a_second_deploy_writes_nothing() {
    let site = Site::new();
    let first = site.deploy();
    is_fixture(
        "deploy.txt",
        &site.anonymous(&format!("{}---\n{}", said(&first), first.stdout)),
    );
    let account = site.account();
    is_fixture("deployed.json", &pretty(&account));
    site.speaks_as_the_config_says(&account);
    site.answers_options_as_the_handler_does(&account);

    assert_eq!(site.writes_of_deploy(), [""; 0]);
    let second = site.deploy();
    assert_eq!(said(&second), "no changes needed\n");
    assert_eq!(second.stdout, first.stdout);
    assert_eq!(changes(&account, &site.account()), [""; 0]);
}

#[test]
fn all_of_the_config_is_honoured_at_once() {
    let site = Site::new();
    site.configure(&json!({
        "redis": {"host": "redis.example", "password": "of the test", "ssl": true},
        "namespace": "shop ä",
        "aws": {
            "name": "shop",
            "vpc": {"subnet_ids": ["subnet-b", "subnet-a"], "security_group_ids": ["sg-1"]},
            "tags": {"team": "growth + co"},
            "throttle": {"rate": 0.5, "burst": 7},
            "log_retention_days": 7,
        },
        "extra_wiring": [wiring("lamed-track", "lamed.track", "collect", "POST", false)],
    }));
    site.deploy();
    let account = site.account();
    is_fixture("deployed-in-full.json", &pretty(&account));
    site.speaks_as_the_config_says(&account);
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

#[test]
fn a_change_of_the_config_changes_only_that() {
    let site = Site::new();
    site.deploy();
    let mut wiring = wiring("extra", "lamed.track", "collect", "POST", false);
    let mut config = config();
    let mut before = site.account();
    let mut story = String::new();
    let mut step = |what: &str, section: &str, value: Value| {
        config[section] = value;
        site.configure(&config);
        let writes = site.writes_of_deploy();
        assert_eq!(site.writes_of_deploy(), [""; 0], "{what}");
        let after = site.account();
        let changes = changes(&before, &after).join("\n");
        story.push_str(&format!("# {what}\n{}\n\n{changes}\n\n", writes.join("\n")));
        before = after;
    };
    let redis = json!({"host": "redis.example", "password": "another"});
    let vpc = json!({"vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}});
    step(
        "throttle",
        "aws",
        json!({"throttle": {"rate": 10, "burst": 20}}),
    );
    step("tags", "aws", json!({"tags": {"team": "growth"}}));
    step("retention", "aws", json!({"log_retention_days": 90}));
    step("another path", "extra_wiring", json!([wiring]));
    wiring["lambda"]["MemorySize"] = json!(256);
    step("memory", "extra_wiring", json!([wiring]));
    wiring["api_gateway"]["method"]["apiKeyRequired"] = json!(true);
    step("with the key", "extra_wiring", json!([wiring]));
    step("password", "redis", redis);
    step("VPC", "aws", vpc);
    step("out of the VPC", "aws", json!({"vpc": {"subnet_ids": []}}));
    site.build("second");
    step("code", "aws", json!({}));
    is_fixture("changes.txt", &story);
}

#[test]
fn what_is_lost_for_good_has_to_be_agreed_to() {
    let site = Site::new();
    site.deploy();
    let without = site.account();
    site.configure(&with(
        "/extra_wiring",
        json!([wiring("extra", "lamed.track", "collect", "POST", false)]),
    ));
    site.deploy();
    let with = site.account();
    site.configure(&config());
    site.aws.reset();
    let outcome = site.deploy_line(&[]).run();
    let plan = "lamed in account ACCOUNT, eu-west-1

  -  path         /collect
  ~  stage        prod               new deployment
  ~  role policy  lamed-eu-west-1    can only write its own logs
  -  log group    /aws/lambda/extra
  -  function     extra

2 to update, 3 to delete

";
    let question =
        "Permanently delete path `/collect`, log group `/aws/lambda/extra`, function `extra`?";
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        site.anonymous(&outcome.stderr),
        format!(
            "{plan}error: cannot ask for confirmation: not a terminal; use `--yes` to confirm: {question}\n"
        )
    );
    assert_eq!(site.aws.writes(), [""; 0]);
    assert_eq!(changes(&with, &site.account()), [""; 0]);

    let outcome = site
        .deploy_line(&[])
        .run_on_terminal(&[("Permanently delete", "n\n")]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(
        outcome
            .stdout
            .ends_with("error: cancelled: no changes made\n"),
        "{outcome}"
    );
    let outcome = site.deploy_line(&[]).run_on_terminal(&[("[y/N]", "\u{3}")]);
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(130), ""),
        "{outcome}"
    );
    assert_eq!(changes(&with, &site.account()), [""; 0]);

    let mut writes = site.writes_of_deploy();
    writes.sort();
    let expected = [
        "apigateway:CreateDeployment",
        "apigateway:DeleteResource",
        "iam:PutRolePolicy",
        "lambda:DeleteFunction",
        "logs:DeleteLogGroup",
    ];
    assert_eq!(writes, expected);
    let deployments = "apis lamed deployments ";
    let left: Vec<String> = (changes(&without, &site.account()).into_iter())
        .filter(|change| !change.starts_with(deployments))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn what_people_set_stays() {
    let site = Site::new();
    site.deploy();
    let account = site.aws.state();
    let function = &account["functions"]["lamed-track"];
    let settings = &function["Environment"]["LAMED_SETTINGS"];
    let id = &account["apis"][0]["id"];
    let arn = format!(
        "arn:aws:lambda:eu-west-1:{}:function:lamed-track",
        site.aws.account
    );
    let role = format!("arn:aws:iam::{}:role/other", site.aws.account);
    let calls = json!([
        ["lambda", "update_function_configuration", {
            "FunctionName": "lamed-track",
            "Environment": {"Variables": {"LAMED_SETTINGS": settings, "RUST_LOG": "debug"}},
        }],
        ["lambda", "tag_resource", {"Resource": arn, "Tags": {"owner": "somebody"}}],
        ["lambda", "create_alias", {"FunctionName": "lamed-track", "Name": "mine", "FunctionVersion": "1"}],
        ["lambda", "add_permission", {
            "FunctionName": "lamed-track", "Qualifier": "live", "StatementId": "mine",
            "Action": "lambda:InvokeFunction", "Principal": site.aws.account,
        }],
        ["iam", "put_role_policy", {
            "RoleName": "lamed", "PolicyName": "mine",
            "PolicyDocument": json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
            ]}).to_string(),
        }],
        ["apigateway", "update_stage", {"restApiId": id, "stageName": "prod", "patchOperations": [
            {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "5.0"},
            {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "9"},
            {"op": "replace", "path": "/variables/mine", "value": "x"},
        ]}],
        ["logs", "put_retention_policy", {"logGroupName": "/aws/lambda/lamed-track", "retentionInDays": 3}],
        ["iam", "create_role", {"RoleName": "other", "AssumeRolePolicyDocument": "{}"}],
        ["lambda", "create_function", {
            "FunctionName": "other", "Runtime": "provided.al2023", "Role": role, "Handler": "x", "Code": "x",
        }],
    ]);
    let done = site.aws.call(&calls);
    assert_eq!(done, json!(vec!["done"; calls.as_array().unwrap().len()]));
    let before = site.account();
    site.configure(&with("/redis/password", "another"));
    site.deploy();
    let after = site.account();
    let kept = |account: &Value| {
        let track = &account["functions"]["lamed-track"];
        json!([
            track["Environment"]["RUST_LOG"],
            track["tags"],
            track["aliases"]["mine"],
            track["aliases"]["live"]["policy"],
            account["roles"],
            account["functions"]["other"],
            account["apis"],
            account["log_groups"],
        ])
    };
    assert_eq!(kept(&before), kept(&after));
    assert_eq!(
        after["functions"]["lamed-track"]["versions"]["2"]["Environment"]["RUST_LOG"],
        "debug"
    );
    assert_eq!(
        after["apis"][0]["stages"]["prod"]["throttle"],
        json!({"*/*": [5.0, 9]})
    );
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

#[test]
fn deployments_of_other_names_live_side_by_side() {
    let site = Site::new();
    site.deploy();
    let before = site.account();
    site.configure(&with("/aws", json!({"name": "shop"})));
    site.deploy();
    let both = changes(&before, &site.account());
    let others: Vec<_> = both
        .iter()
        .filter(|change| !change.contains("shop-lamed"))
        .collect();
    assert_eq!(others, [""; 0]);
    assert!(
        both.iter().all(|change| change.contains(": null → ")),
        "{both:#?}"
    );
    let outcome = site.line(&["destroy", "--yes"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(changes(&before, &site.account()), [""; 0]);
}

#[test]
fn a_dry_run_only_shows() {
    let site = Site::new();
    let dry_run = |arguments: &[&str]| {
        let outcome = site
            .deploy_line(&[&["--dry-run"], arguments].concat())
            .run();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        outcome.stdout.replace(&site.aws.account, "ACCOUNT")
    };
    is_fixture("dry-run.txt", &dry_run(&[]));
    let document: Value = serde_json::from_str(&dry_run(&["--json"])).unwrap();
    is_fixture("dry-run.json", &pretty(&document));
    assert_eq!(site.aws.writes(), [""; 0]);

    let outcome = site.deploy_line(&["--yes", "--json"]).run();
    let deployed: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(deployed["changes"], document["changes"]);
    let base = format!(
        "{}/restapis/{}/prod/_user_request_",
        site.aws.url(),
        site.aws.state()["apis"][0]["id"].as_str().unwrap()
    );
    assert_eq!(deployed["track_url"], format!("{base}/track"));
    assert_eq!(deployed["experiments_url"], format!("{base}/experiments"));
    assert!(
        deployed["snippet"]
            .as_str()
            .unwrap()
            .starts_with(&format!("<script src=\"{base}/lamed.js\"></script>\n"))
    );

    assert_eq!(
        dry_run(&[]),
        "no changes needed in account ACCOUNT, eu-west-1\n"
    );
    // A secret is never shown.
    site.configure(&with("/redis/password", "another secret"));
    site.aws.reset();
    let password = "\
lamed in account ACCOUNT, eu-west-1

  ~  function  lamed-track                   LAMED_SETTINGS changed
  +  version   lamed-track                   lamed 1.0.0, release 2
  ~  alias     lamed-track:live              1 → new version
  ~  function  lamed-all-experiments         LAMED_SETTINGS changed
  +  version   lamed-all-experiments         lamed 1.0.0, release 2
  ~  alias     lamed-all-experiments:live    1 → new version
  ~  function  lamed-experiment              LAMED_SETTINGS changed
  +  version   lamed-experiment              lamed 1.0.0, release 2
  ~  alias     lamed-experiment:live         1 → new version
  ~  function  lamed-delete-experiment       LAMED_SETTINGS changed
  +  version   lamed-delete-experiment       lamed 1.0.0, release 2
  ~  alias     lamed-delete-experiment:live  1 → new version
  ~  function  lamed-client                  LAMED_SETTINGS changed
  +  version   lamed-client                  lamed 1.0.0, release 2
  ~  alias     lamed-client:live             1 → new version

5 to create, 10 to update

A million events cost about $3.71 and the Redis (us-east-1), and so do events that are sent again. A million page views without events cost $3.71.
";
    assert_eq!(dry_run(&[]), password);
    assert_eq!(site.aws.writes(), [""; 0]);
}

#[test]
fn experiments_ride_in_the_code_of_the_functions_that_know_them() {
    let site = Site::new();
    let declare = |weight: u32| {
        let variants = json!({"blue": weight, "red": 50});
        let mut config = config();
        config["experiments"] = json!({"button color": {"variants": variants}});
        site.configure(&config);
    };
    let code = || site.aws.state()["functions"]["lamed-client"]["CodeSha256"].clone();
    declare(50);
    site.deploy();
    let (before, code_before) = (site.account(), code());
    declare(50);
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    declare(60);
    let outcome = site.deploy_line(&["--dry-run"]).run();
    let plan = "\n\n  ~  experiments  lamed-track, lamed-all-experiments, lamed-client\n";
    assert!(outcome.stdout.ends_with(plan), "{outcome}");
    site.deploy();
    let code_after = code();
    let changed = changes(&before, &site.account());
    let knows = ["lamed-track", "lamed-all-experiments", "lamed-client"];
    let of_others = |change: &&String| {
        let starts = |name: &&str| change.starts_with(&format!("functions {name} "));
        !knows.iter().any(starts)
    };
    assert_eq!(changed.iter().find(of_others), None);
    // Back to the same bytes.
    declare(50);
    site.deploy();
    assert_eq!(code(), code_before);
    assert_ne!(code_after, code_before);
}

impl Site {
    /// Every function is told what the config says.
    fn speaks_as_the_config_says(&self, account: &Value) {
        let config = Config::read(&self.home.path().join("config.json")).unwrap();
        let expected = Settings {
            store: Store::Redis(config.redis.clone().unwrap()),
            ignore_bots: config.ignore_bots,
            door: None,
            namespace: config.namespace,
        };
        for function in account["functions"].as_object().unwrap().values() {
            for version in [function, &function["versions"]["1"]] {
                let settings = version["Environment"]["LAMED_SETTINGS"].as_str().unwrap();
                assert_eq!(Settings::from_json(settings).unwrap(), expected);
            }
        }
    }

    /// With what `lamed serve` would answer.
    fn answers_options_as_the_handler_does(&self, account: &Value) {
        for resource in account["apis"][0]["resources"].as_array().unwrap() {
            let verbs = [Method::Get, Method::Post, Method::Delete];
            let verbs = verbs
                .into_iter()
                .filter(|verb| !resource[verb.as_str()].is_null());
            let verbs: Vec<Method> = verbs.collect();
            if verbs.is_empty() {
                continue;
            }
            let headers: serde_json::Map<String, Value> =
                (Reply::preflight(&verbs).headers.into_iter())
                    .filter(|(name, _)| name != "Content-Type")
                    .map(|(name, value)| {
                        (
                            format!("method.response.header.{name}"),
                            json!(format!("'{value}'")),
                        )
                    })
                    .collect();
            let response = &resource["OPTIONS"]["integration"]["responses"]["200"];
            assert_eq!(
                response["responseParameters"],
                Value::from(headers),
                "{resource}"
            );
        }
    }
}

pub fn wiring(function: &str, handler: &str, path: &str, verb: &str, key: bool) -> Value {
    json!({
        "lambda": {"FunctionName": function, "Handler": handler, "MemorySize": 128, "Timeout": 10},
        "api_gateway": {"pathPart": path, "method": {
            "httpMethod": verb, "apiKeyRequired": key, "requestParameters": {},
        }},
    })
}

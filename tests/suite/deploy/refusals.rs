//! What cannot work is said in one line, before anything is written where it can be known.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::support::aws::{Fault, REGION, When};
use crate::support::{free_port, line};

impl Site {
    /// Fails without having written anything, and says this alone.
    #[track_caller]
    fn refuses(&self, line: Line, code: i32, said: &str) {
        let outcome = line.run();
        let stderr = self.anonymous(&outcome.stderr);
        let expected = format!("error: {said}\n");
        assert_eq!(
            (outcome.code, outcome.stdout.as_str(), stderr),
            (Some(code), "", expected)
        );
        assert_eq!(self.aws.writes(), [""; 0]);
    }
}

#[test]
fn without_a_region_or_credentials_there_is_nothing_to_do() {
    let site = Site::new();
    let nowhere = |arguments: &[&str]| {
        line(&site.home, &[&DEPLOY, arguments].concat())
            .env("AWS_ENDPOINT_URL", site.aws.url())
            .env("AWS_EC2_METADATA_DISABLED", "true")
    };
    site.refuses(
        nowhere(&[]),
        1,
        "no AWS region is set: use `--region`, set `AWS_REGION`, or run `aws configure`",
    );
    site.refuses(
        site.deploy_line(&["--region", "eu west"]),
        1,
        "`eu west` is not an AWS region: expected a name such as `eu-west-1`",
    );
    for (name, value) in [
        ("AWS_ENDPOINT_URL", ""),
        ("AWS_ENDPOINT_URL", "127.0.0.1:4566"),
        ("AWS_ENDPOINT_URL_LAMBDA", ""),
    ] {
        site.refuses(
            site.deploy_line(&["--yes"]).env(name, value),
            1,
            &format!(
                "`{name}` is not a URL: set it to a URL such as http://127.0.0.1:4566, or unset it"
            ),
        );
    }
    let file = site.home.path().join("of-aws");
    for url in ["", "127.0.0.1:4566"] {
        fs::write(&file, format!("[default]\nendpoint_url = {url}\n")).unwrap();
        let elsewhere = line(&site.home, &[&DEPLOY[..], &["--region", REGION]].concat())
            .env("AWS_CONFIG_FILE", file.to_str().unwrap());
        site.refuses(
            elsewhere,
            1,
            "`endpoint_url` in `~/.aws/config` is not a URL: set it to a URL such as http://127.0.0.1:4566, or unset it",
        );
    }
    let set = "run `aws configure` or `aws sso login`, or set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`";
    site.refuses(
        nowhere(&["--region", REGION]),
        1,
        &format!("no AWS credentials found: {set}"),
    );
    // A profile that is named goes before keys in the environment.
    site.refuses(
        site.deploy_line(&["--profile", "none"]),
        1,
        &format!("no AWS credentials found in the profile `none` of ~/.aws: {set}"),
    );
    assert_eq!(site.aws.calls(), []);
    site.aws.fault("*", When::From(1), Fault::Expired);
    site.refuses(
        site.deploy_line(&["--yes"]),
        1,
        "the AWS credentials expired: renew them, for example with `aws sso login`",
    );
    site.aws.reset();
    site.aws.fault(
        "*",
        When::From(1),
        Fault::Refused(
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
    );
    site.refuses(
        site.deploy_line(&["--yes"]),
        1,
        "AWS rejected the credentials in region `eu-west-1`: The security token included in the request is invalid.",
    );
}

#[test]
fn a_missing_permission_is_named() {
    let site = Site::new();
    for (permission, action) in [
        ("iam:GetRole", "iam:GetRole"),
        ("lambda:GetFunction", "lambda:GetFunction"),
        ("apigateway:GET", "apigateway:GET"),
        ("logs:DescribeLogGroups", "logs:DescribeLogGroups"),
    ] {
        site.aws.reset();
        site.aws.deny(permission);
        let said = format!(
            "the AWS credentials do not allow `{action}`: allow it in IAM for `arn:aws:iam::ACCOUNT:user/moto` on `*`"
        );
        site.refuses(site.deploy_line(&["--yes"]), 1, &said);
    }
    // What only shows when it is to be written: how far it came stands there, and the same command goes on.
    for permission in [
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "logs:CreateLogGroup",
        "lambda:CreateFunction",
        "lambda:PublishVersion",
        "apigateway:POST",
        "apigateway:PUT",
        "lambda:AddPermission",
    ] {
        let site = Site::new();
        site.aws.deny(permission);
        let outcome = site.deploy_line(&["--yes"]).run();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
        let last = site.anonymous(outcome.stderr.lines().last().unwrap());
        let steps = |start: &str| {
            outcome
                .stderr
                .lines()
                .filter(|line| line.starts_with(start))
                .count()
        };
        let planned = steps("  +") + steps("  ~");
        let done = steps("+ created") + steps("~ updated");
        assert_eq!(
            last,
            format!(
                "error: the AWS credentials do not allow `{permission}`: allow it in IAM for `arn:aws:iam::ACCOUNT:user/moto` on `*`; \
                 {done} of {planned} steps are done: run the same command again to continue"
            )
        );
        site.aws.reset();
        site.deploy();
        assert_eq!(site.writes_of_deploy(), [""; 0], "{permission}");
    }
}

#[test]
fn the_function_has_to_be_one() {
    let site = Site::new();
    let home = site.home.path();
    let deploy = |arguments: &[&str]| {
        site.line(&[&["deploy", "--no-preflight", "--yes"], arguments].concat())
    };
    fs::write(home.join("text.zip"), "no zip").unwrap();
    write_zip(&home.join("other.zip"), "main.py", ARM64, "");
    write_zip(&home.join("strange.zip"), "bootstrap", 3, "");
    write_zip(&home.join("intel.zip"), "bootstrap", X86_64, "");
    for (file, why) in [
        (
            "none.zip",
            "cannot read the file: No such file or directory (os error 2)",
        ),
        ("text.zip", "not a zip file"),
        (
            "other.zip",
            "the zip must contain a file `bootstrap`, which Lambda runs",
        ),
        (
            "strange.zip",
            "`bootstrap` in the zip must be a Linux program for arm64 or x86_64",
        ),
    ] {
        site.refuses(
            deploy(&["--bootstrap", file]),
            2,
            &format!("`--bootstrap {file}`: {why}"),
        );
    }
    site.configure(&with("/aws", json!({"architecture": "arm64"})));
    site.refuses(
        deploy(&["--bootstrap", "intel.zip"]),
        2,
        "`intel.zip` is built for x86_64, but the config says `\"architecture\": \"arm64\"`",
    );
    if lamed::assets::bootstrap("arm64").is_none() {
        let get = "pass a zip with `--bootstrap FILE` (`cargo xtask bootstrap` builds one)";
        site.refuses(
            deploy(&[]),
            1,
            &format!("this build of lamed does not include the Lambda function for arm64: {get}"),
        );
    }
}

#[test]
fn a_config_that_cannot_be_deployed_is_refused() {
    let site = Site::new();
    site.configure(&json!({"aws": {"store": "redis"}}));
    site.refuses(
        site.deploy_line(&["--yes"]),
        2,
        "`aws.store` is `redis`, but the config names no Redis: run `lamed configure`",
    );
    site.configure(&with("/aws", json!({"name": "my shop"})));
    let outcome = site.deploy_line(&["--yes"]).run();
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome.stderr.contains(
            "AWS does not allow the name `my shop`: use 1–40 characters from A–Z, a–z, 0–9, `-` and `_`"
        ),
        "{outcome}"
    );
    assert_eq!(outcome.stderr.lines().count(), 1);
    assert_eq!(site.aws.writes(), [""; 0]);
}

#[test]
fn of_two_with_the_name_neither_is_taken() {
    let site = Site::new();
    let api = json!(["apigateway", "create_rest_api", {"name": "lamed"}]);
    site.aws.call(&json!([api, api]));
    let ids = |list: &str| -> Vec<String> {
        let state = site.aws.state();
        let things = state[list].as_array().unwrap().iter();
        things
            .map(|thing| thing["id"].as_str().unwrap().to_owned())
            .collect()
    };
    for id in ids("apis") {
        assert!(site.deploy_line(&["--yes"]).run().stderr.contains(&id));
    }
    let outcome = site.deploy_line(&["--yes"]).run();
    let said = ids("apis")
        .iter()
        .fold(outcome.stderr, |said, id| said.replace(id, "ID"));
    assert_eq!(
        (outcome.code, said.as_str()),
        (
            Some(1),
            "error: found 2 REST APIs named `lamed` (ID, ID): lamed cannot tell which one is in use; rename or \
         delete the others\n"
        )
    );
    assert_eq!(site.aws.writes(), [""; 0]);
}

#[test]
fn an_aws_that_cannot_be_reached_is_not_waited_for() {
    let site = Site::new();
    let start = Instant::now();
    let line = site.deploy_line(&["--yes"]);
    let outcome = line
        .env(
            "AWS_ENDPOINT_URL",
            format!("http://127.0.0.1:{}", free_port()),
        )
        .run();
    assert!(
        start.elapsed() < Duration::from_secs(40),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    assert!(
        outcome
            .stderr
            .starts_with("error: cannot reach `http://127.0.0.1:"),
        "{outcome}"
    );
    assert!(outcome.stderr.contains("Connection refused"), "{outcome}");
}

/// Whether a text is matched by a pattern of IAM.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || pattern.ends_with('*')
}

/// All that commands call is allowed by the policy that `preflight --policy` prints, and where the call names the
/// resource, on that resource.
#[test]
fn the_policy_for_who_deploys_allows_what_commands_call() {
    let site = Site::new();
    let aws = json!({"tags": {"team": "growth"}, "vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}});
    site.policy_is_enough(with("/aws", aws));
    // With a role of an administrator's, roles are only passed.
    let arn = format!("arn:aws:iam::{}:role/of-the-admin", site.aws.account);
    site.configure(&with("/aws", json!({"role": arn})));
    let outcome = site.line(&["preflight", "--policy"]).run();
    assert!(
        !outcome.stdout.contains("iam:CreateRole") && outcome.stdout.contains(&arn),
        "{outcome}"
    );
}

/// The same for a function URL over a table.
#[test]
fn the_policy_allows_what_a_function_url_and_a_table_take() {
    let aws = json!({"front_door": "function_url", "reserved_concurrency": 5, "tags": {"team": "growth"}});
    Site::new().policy_is_enough(json!({"aws": aws}));
}

impl Site {
    #[track_caller]
    fn policy_is_enough(&self, mut config: Value) {
        self.configure(&config);
        let outcome = self.line(&["preflight", "--policy"]).run();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        let policy: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let texts = |value: &Value| match value {
            Value::Array(values) => values
                .iter()
                .map(|value| value.as_str().unwrap().to_owned())
                .collect(),
            value => vec![value.as_str().unwrap().to_owned()],
        };
        let statements: Vec<(Vec<String>, Vec<String>)> =
            (policy["Statement"].as_array().unwrap().iter())
                .map(|statement| (texts(&statement["Action"]), texts(&statement["Resource"])))
                .collect();
        self.aws.reset();
        self.deploy();
        self.build("second");
        config["aws"]["tags"]["team"] = json!("web");
        self.configure(&config);
        self.deploy();
        for arguments in [
            &["status", "--bootstrap", "function.zip"][..],
            &["preflight", "--bootstrap", "function.zip"],
            &["logs"],
            &["rollback", "--yes"],
            &["results"],
            &["destroy", "--yes", "--counts"],
        ] {
            self.line(arguments).run();
        }
        let account = &self.aws.account;
        for call in self.aws.calls() {
            let path = call.path.split('?').next().unwrap();
            let segments: Vec<&str> = path.split('/').collect();
            let resource = match (call.service(), &segments[..]) {
                ("apigateway", _) => Some(format!("arn:aws:apigateway:{REGION}::{path}")),
                ("lambda", [_, _, "functions", name, ..]) => {
                    Some(format!("arn:aws:lambda:{REGION}:{account}:function:{name}"))
                }
                _ => None,
            };
            let allowed = statements.iter().any(|(actions, resources)| {
                let here =
                    |resource: &String| resources.iter().any(|pattern| matches(pattern, resource));
                actions.contains(&call.permission()) && resource.as_ref().is_none_or(here)
            });
            assert!(allowed, "{} on {resource:?}", call.action);
        }
    }
}

//! What the tests of deploy rely on: that the proxy tells calls apart, and speaks as AWS does.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Aws, Fault, When, python};
use crate::support::{Client, Dialogue, Server};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

/// A caller without retries.
fn caller(aws: &Aws) -> Dialogue {
    Dialogue::start(&mut python("call.py", &aws.url()))
}

fn role(name: &str) -> Value {
    json!(["iam", "create_role", {"RoleName": name, "AssumeRolePolicyDocument": TRUST}])
}

fn function(aws: &Aws, name: &str) -> Value {
    json!(["lambda", "create_function", {
        "FunctionName": name,
        "Runtime": "provided.al2023",
        "Role": format!("arn:aws:iam::{}:role/lamed", aws.account),
        "Handler": "x",
        "Code": "first",
    }])
}

#[test]
fn calls_are_recorded_by_their_action_and_each_account_is_alone() {
    let (aws, other) = (Aws::start(), Aws::start());
    let calls = json!([
        ["sts", "get_caller_identity", {}],
        role("lamed"),
        function(&aws, "lamed"),
        ["lambda", "update_function_code", {"FunctionName": "lamed", "ZipFile": "x", "DryRun": true}],
        ["lambda", "tag_resource", {
            "Resource": format!("arn:aws:lambda:eu-west-1:{}:function:lamed", aws.account),
            "Tags": {"a": "b"},
        }],
        ["apigateway", "create_rest_api", {"name": "lamed"}],
        ["apigateway", "get_rest_apis", {}],
        ["apigateway", "put_method", {
            "restApiId": "none", "resourceId": "none", "httpMethod": "GET", "authorizationType": "NONE",
        }],
        ["logs", "create_log_group", {"logGroupName": "lamed"}],
        ["logs", "describe_log_groups", {}],
    ]);
    caller(&aws).ask(&calls);
    let calls: Vec<(String, Option<u16>)> = (aws.calls().into_iter())
        .map(|call| (call.action, call.status))
        .collect();
    let expected = [
        ("sts:GetCallerIdentity", 200),
        ("iam:CreateRole", 200),
        ("lambda:CreateFunction", 201),
        ("lambda:UpdateFunctionCode", 200),
        ("lambda:TagResource", 200),
        ("apigateway:CreateRestApi", 200),
        ("apigateway:GetRestApis", 200),
        ("apigateway:PutMethod", 404),
        ("logs:CreateLogGroup", 200),
        ("logs:DescribeLogGroups", 200),
    ];
    let expected = expected.map(|(action, status)| (action.to_owned(), Some(status)));
    assert_eq!(calls, expected);
    let writes = [
        "iam:CreateRole",
        "lambda:CreateFunction",
        "lambda:TagResource",
        "apigateway:CreateRestApi",
        "apigateway:PutMethod",
        "logs:CreateLogGroup",
    ];
    assert_eq!(aws.writes(), writes);
    aws.reset();
    assert_eq!(aws.calls(), []);

    let nothing = json!({
        "account": other.account, "api_keys": [], "apis": [], "functions": {}, "log_groups": {},
        "roles": {}, "tables": {}, "usage_plans": [],
    });
    assert_eq!(other.state(), nothing);
    assert_eq!(aws.state()["functions"]["lamed"]["tags"], json!({"a": "b"}));
}

#[test]
fn each_service_refuses_in_its_own_shape() {
    let aws = Aws::start();
    let reads = json!([
        ["iam", "list_roles", {}],
        ["sts", "get_caller_identity", {}],
        ["lambda", "list_functions", {}],
        ["apigateway", "get_rest_apis", {}],
        ["logs", "describe_log_groups", {}],
    ]);
    let mut caller = caller(&aws);
    let mut codes = |fault: Fault| {
        aws.reset();
        aws.fault("*", When::From(1), fault);
        let outcome = caller.ask(&reads);
        let codes: Vec<String> = (outcome.as_array().unwrap().iter())
            .map(|error| format!("{} {}", error["status"], error["code"].as_str().unwrap()))
            .collect();
        codes.join(", ")
    };
    assert_eq!(
        codes(Fault::Throttled),
        "400 Throttling, 400 Throttling, 429 TooManyRequestsException, \
         429 TooManyRequestsException, 400 ThrottlingException"
    );
    assert_eq!(
        codes(Fault::Internal),
        "500 ServiceFailure, 500 InternalFailure, 500 ServiceException, 500 InternalFailure, \
         500 InternalFailure"
    );
    assert_eq!(
        codes(Fault::Expired),
        "403 ExpiredToken, 403 ExpiredToken, 403 ExpiredTokenException, \
         403 ExpiredTokenException, 400 ExpiredTokenException"
    );
    assert_eq!(
        codes(Fault::Refused(418, "Teapot", "short and stout")),
        ["418 Teapot"; 5].join(", ")
    );
}

#[test]
fn what_is_denied_is_refused_and_simulated_as_such() {
    let aws = Aws::start();
    aws.deny("iam:CreateRole");
    aws.deny("apigateway:POST");
    let denied = |permission: &str, code: &str| {
        let message = format!(
            "User: arn:aws:iam::{}:user/moto is not authorized to perform: {permission} on \
             resource: * because no identity-based policy allows the {permission} action",
            aws.account
        );
        json!({"status": 403, "code": code, "message": message})
    };
    let calls = json!([
        role("lamed"),
        ["iam", "list_roles", {}],
        ["apigateway", "create_rest_api", {"name": "lamed"}],
        ["apigateway", "get_rest_apis", {}],
        ["iam", "simulate_principal_policy", {
            "PolicySourceArn": format!("arn:aws:iam::{}:user/moto", aws.account),
            "ActionNames": ["iam:CreateRole", "lambda:GetFunction"],
        }],
    ]);
    let expected = json!([
        denied("iam:CreateRole", "AccessDenied"),
        "done",
        denied("apigateway:POST", "AccessDeniedException"),
        "done",
        "done",
    ]);
    assert_eq!(caller(&aws).ask(&calls), expected);
}

#[test]
fn a_call_that_is_cut_was_done_or_not() {
    let aws = Aws::start();
    aws.fault("iam:CreateRole", When::Nth(1), Fault::CutBefore);
    aws.fault("*", When::Nth(2), Fault::CutAfter);
    let calls = json!([role("before"), role("after"), role("whole")]);
    let expected = json!(["ConnectionClosedError", "ConnectionClosedError", "done"]);
    assert_eq!(caller(&aws).ask(&calls), expected);
    let statuses: Vec<_> = aws.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [None, None, Some(200)]);
    let state = aws.state();
    let roles: Vec<_> = state["roles"].as_object().unwrap().keys().collect();
    assert_eq!(roles, ["after", "whole"]);
}

#[test]
fn faults_come_when_they_should() {
    let aws = Aws::start();
    let get = json!(["iam", "list_roles", {}]);
    let throttled = json!({"status": 400, "code": "Throttling", "message": "Rate exceeded"});
    let (done, throttled) = (json!("done"), throttled);
    let mut caller = caller(&aws);
    let mut struck = |when: When| {
        aws.reset();
        aws.fault("iam:List*", when, Fault::Throttled);
        let outcome = caller.ask(&json!([get, get, get, get, get]));
        (outcome.as_array().unwrap().iter())
            .map(|one| {
                assert!(*one == done || *one == throttled, "{one}");
                *one == throttled
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(struck(When::Nth(2)), [false, true, false, false, false]);
    assert_eq!(struck(When::First(2)), [true, true, false, false, false]);
    assert_eq!(struck(When::From(4)), [false, false, false, true, true]);
    assert_eq!(struck(When::Every(2)), [false, true, false, true, false]);
    aws.reset();
    aws.fault("*", When::From(1), Fault::Conflict);
    aws.latency(Duration::from_millis(30));
    let start = Instant::now();
    let expected = json!(["done", {
        "status": 409,
        "code": "ConcurrentModification",
        "message": "The request was rejected because multiple requests to change this object were submitted simultaneously.",
    }]);
    assert_eq!(caller.ask(&json!([get, role("lamed")])), expected);
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[test]
fn roles_and_functions_take_their_time() {
    let aws = Aws::start();
    aws.slow_roles(1);
    aws.slow_functions(2);
    let refused = |status: u16, code: &str, message: &str| json!({"status": status, "code": code, "message": message});
    let assume = refused(
        400,
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    );
    let early = |why: &str| {
        let message = format!("The operation cannot be performed at this time. {why}");
        refused(409, "ResourceConflictException", &message)
    };
    let update =
        json!(["lambda", "update_function_code", {"FunctionName": "lamed", "ZipFile": "x"}]);
    let publish = json!(["lambda", "publish_version", {"FunctionName": "lamed"}]);
    let alias = json!(["lambda", "create_alias", {
        "FunctionName": "lamed", "Name": "live", "FunctionVersion": "$LATEST",
    }]);
    let get = json!(["lambda", "get_function", {"FunctionName": "lamed"}]);
    let create = function(&aws, "lamed");
    let calls = json!([
        role("lamed"),
        create,
        create,
        update,
        get,
        update,
        publish,
        alias,
        get,
        publish,
    ]);
    let pending = early("The function is currently in the following state: Pending");
    let updating = early(&format!(
        "An update is in progress for resource: arn:aws:lambda:eu-west-1:{}:function:lamed",
        aws.account
    ));
    let expected = json!([
        "done", assume, "done", pending, "done", "done", updating, "done", "done", "done",
    ]);
    assert_eq!(caller(&aws).ask(&calls), expected);
}

#[test]
fn a_runtime_that_is_given_up_takes_no_code() {
    let aws = Aws::start();
    let mut create = function(&aws, "lamed");
    create[2]["Runtime"] = json!("python3.8");
    let code = json!(["lambda", "update_function_code", {"FunctionName": "lamed", "ZipFile": "x"}]);
    let configure = json!(["lambda", "update_function_configuration", {
        "FunctionName": "lamed", "Runtime": "provided.al2023",
    }]);
    let said = caller(&aws).ask(&json!([role("lamed"), create, code, configure, code]));
    assert_eq!(said[2]["code"], "InvalidParameterValueException", "{said}");
    assert_eq!((&said[3], &said[4]), (&json!("done"), &json!("done")));
}

#[tokio::test]
async fn the_deployed_api_is_another_server() {
    let (aws, server) = (Aws::start(), Server::start(&["--store", "embedded"]));
    aws.api_is_at(&server.address);
    let mut client = Client::new(aws.url().strip_prefix("http://").unwrap());
    let path =
        "/restapis/abc/prod/_user_request_/track?experiment=e&variant=v&event=participate&uuid=u";
    let reply = client.get(path).await;
    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({"counted": true}))
    );
}

#[test]
fn calls_that_aws_would_not_take_are_told() {
    let call = |action: &str, method: &str, path: &str, body: Value| {
        let body = match body {
            Value::String(text) => text,
            body => body.to_string(),
        };
        json!([{"action": action, "method": method, "path": path, "body": body}])
    };
    let function = |field: &str, value: Value| {
        let mut body = json!({
            "FunctionName": "lamed", "Runtime": "provided.al2023", "Role": "arn:aws:iam::123456789012:role/lamed",
            "Code": {"ZipFile": "eA=="}, "Environment": {"Variables": {"AB": "c"}},
        });
        body[field] = value;
        call(
            "lambda:CreateFunction",
            "POST",
            "/2015-03-31/functions",
            body,
        )
    };
    let alias = |method: &str, path: &str| {
        call(
            "lambda:CreateAlias",
            method,
            path,
            json!({"Name": "live", "FunctionVersion": "1"}),
        )
    };
    let role = |more: &str| {
        let body = format!(
            "Action=CreateRole&Version=2010-05-08&RoleName=lamed&AssumeRolePolicyDocument=x{more}"
        );
        call("iam:CreateRole", "POST", "/", body.into())
    };
    let method = |query: &str| {
        call(
            "apigateway:GetResources",
            "GET",
            &format!("/restapis/a/resources{query}"),
            "".into(),
        )
    };
    for (calls, wrong) in [
        (function("MemorySize", json!(128)), ""),
        (
            function("MemorySize", json!(1)),
            "MemorySize: 1 is less than 128",
        ),
        (
            function("MemorySize", json!("128")),
            "MemorySize: '128' is no integer",
        ),
        (
            function("Runtime", json!("rust")),
            "Runtime: `rust` is none of",
        ),
        (
            function("Role", json!("lamed")),
            "Role: `lamed` does not match",
        ),
        (function("Role", Value::Null), "Role: missing"),
        (
            function("FunctionName", json!("x".repeat(300))),
            "FunctionName: 300 is more than",
        ),
        (
            function("Code", json!({"ZipFile": "?"})),
            "Code.ZipFile: no base64",
        ),
        (
            function("Environment", json!({"Variables": {"a b": "c"}})),
            "Variables key: `a b` does not match",
        ),
        (function("Colour", json!("red")), "Colour: unknown member"),
        (alias("POST", "/2015-03-31/functions/lamed/aliases"), ""),
        (
            alias("PUT", "/2015-03-31/functions/lamed/aliases"),
            "the method is PUT, but should be POST",
        ),
        (
            alias("POST", "/2015-03-31/functions/lamed/alias"),
            "does not match",
        ),
        (role("&Tags.member.1.Key=a&Tags.member.1.Value=b"), ""),
        (role("&Tags.member.1.Key=a"), "Tags[0].Value: missing"),
        (role("&Tags.1.Key=a"), "Tags.1.Key: unknown parameter"),
        (
            role("&MaxSessionDuration=1"),
            "MaxSessionDuration: 1 is less than 3600",
        ),
        (method("?limit=500&embed=methods"), ""),
        (method("?limit=many"), "?limit: 'many' is no integer"),
        (method("?limits=1"), "?limits: unknown parameter"),
        (
            call(
                "logs:PutRetentionPolicy",
                "POST",
                "/",
                json!({"logGroupName": "a"}),
            ),
            "retentionInDays: missing",
        ),
        (
            call("logs:Nothing", "POST", "/", json!({})),
            "unknown operation",
        ),
    ] {
        let found = super::invalid(&calls).join("; ");
        assert!(
            found.contains(wrong) && found.is_empty() == wrong.is_empty(),
            "{calls}: {found}"
        );
    }
}

#[test]
#[should_panic(expected = "it tells `_lamed()`")]
fn an_output_with_a_secret_in_it_fails_the_test() {
    let home = tempfile::tempdir().unwrap();
    let line = crate::support::line(&home, &["completions", "bash"]);
    line.without(|| vec!["_lamed()".to_owned()], false).run();
}

//! The least policy for whoever deploys.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::actions::asked;
use super::{Account, Scope};

/// What [`super::super::read`] and `lamed logs` ask of functions.
const FUNCTION_READS: [&str; 5] = [
    "lambda:GetFunction",
    "lambda:GetFunctionUrlConfig",
    "lambda:GetPolicy",
    "lambda:ListAliases",
    "lambda:ListVersionsByFunction",
];

/// What they ask of the role.
const ROLE_READS: [&str; 4] = [
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
];

/// What they ask of the table.
const TABLE_READS: [&str; 3] = [
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:ListTagsOfResource",
];

/// What they ask of log groups.
const LOG_READS: [&str; 2] = ["logs:FilterLogEvents", "logs:ListTagsForResource"];

/// A policy that allows all that `preflight`, `deploy`, `status`, `logs`, `rollback` and `destroy` do, and no more than
/// can be said before AWS has given the API its id.
///
/// Source: "Service Authorization Reference", AWS documentation.
#[must_use]
pub fn policy(account: &Account, scope: Scope<'_>) -> Value {
    let of = |service: &str, reads: &[&'static str]| -> BTreeSet<&'static str> {
        let asked = asked(scope).map(|action| action.name);
        let of_service = asked.filter(|name| name.starts_with(service) && *name != "iam:PassRole");
        of_service.chain(reads.iter().copied()).collect()
    };
    let names = scope.functions.iter();
    let functions: Vec<String> = (names.clone())
        .flat_map(|name| {
            let function = account.function(name);
            [format!("{function}:*"), function]
        })
        .collect();
    let elsewhere: Vec<String> = names
        .clone()
        .map(|name| account.everywhere("lambda", &format!("function:{name}")))
        .collect();
    let groups: Vec<String> = names
        .flat_map(|name| {
            let group = account.log_group(name);
            [format!("{group}:*"), group]
        })
        .collect();
    let gateway = ["restapis", "apikeys", "usageplans", "tags"];
    let gateway: Vec<String> = (gateway.iter())
        .flat_map(|what| [format!("/{what}"), format!("/{what}/*")])
        .map(|path| account.gateway(&path))
        .collect();
    let domains = ["/domainnames", "/domainnames/*"].map(|path| account.gateway(path));
    let role = (scope.role).map_or_else(|| account.role(scope.deployment), str::to_owned);
    let statement = |id: &str, actions: BTreeSet<&str>, resources: Value| json!({"Sid": id, "Effect": "Allow", "Action": actions, "Resource": resources});
    let mut pass = statement("PassRole", ["iam:PassRole"].into(), json!(role));
    pass["Condition"] = json!({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}});
    let mut statements = vec![
        statement(
            "Functions",
            of("lambda:", &FUNCTION_READS),
            json!(functions),
        ),
        statement(
            "OtherRegions",
            ["lambda:GetFunctionConfiguration"].into(),
            json!(elsewhere),
        ),
        statement("LogGroups", of("logs:", &LOG_READS), json!(groups)),
        statement("Gateway", with_get(of("apigateway:", &[])), json!(gateway)),
        statement("Domains", ["apigateway:GET"].into(), json!(domains)),
        pass,
    ];
    if scope.role.is_none() {
        statements.push(statement("Role", of("iam:", &ROLE_READS), json!(role)));
    }
    if let Some(table) = scope.table {
        statements.push(statement(
            "Table",
            of("dynamodb:", &TABLE_READS),
            json!(account.table(table)),
        ));
    }
    let mut anything = of(
        "ec2:",
        &["iam:SimulatePrincipalPolicy", "logs:DescribeLogGroups"],
    );
    anything.insert("sts:GetCallerIdentity");
    statements.push(statement("Ask", anything, json!("*")));
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn with_get(mut actions: BTreeSet<&'static str>) -> BTreeSet<&'static str> {
    actions.insert("apigateway:GET");
    actions
}

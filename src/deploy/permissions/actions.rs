//! The actions, when each is needed and on what.

use super::Scope;

/// An action, when it is needed and on what.
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) need: Need,
    pub(super) on: On,
}

/// When an action is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Always,
    /// To look after a role of the deployment's own.
    OwnRole,
    /// Where the config limits that role.
    Boundary,
    /// Where requests come in through a REST API.
    RestApi,
    /// Where requests come in through a function URL.
    Url,
    /// Where the counts are in a DynamoDB table.
    Table,
    /// Where the config puts the functions into a VPC.
    Vpc,
    /// Only to remove what is no longer wanted, and by `lamed destroy`.
    Removal,
}

/// What an action is done to: policies may be limited to some resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On {
    Role,
    Functions,
    Table,
    LogGroups,
    /// Log groups as tags know them.
    TaggedLogGroups,
    /// These paths of API Gateway; `{api}` stands for the API's id.
    Gateway(&'static [&'static str]),
    Anything,
}

const fn action(name: &'static str, on: On, need: Need) -> Action {
    Action { name, need, on }
}

const METHODS: On = On::Gateway(&["/restapis/{api}/resources/any/methods/GET"]);

/// All that [`super::super::apply`] does, but for reading through [`super::super::read`]. A permission of API
/// Gateway is an HTTP method. Beside the calls themselves stand what AWS asks for along with them:
/// to hand a role to a function, to tag, and to look at subnets.
///
/// Source: "Service Authorization Reference"; for VPCs "Giving Lambda functions access to resources
/// in an Amazon VPC", AWS documentation.
pub(super) const ACTIONS: [Action; 45] = [
    action("iam:CreateRole", On::Role, Need::OwnRole),
    action("iam:GetRole", On::Role, Need::OwnRole),
    action("iam:PassRole", On::Role, Need::Always),
    action("iam:PutRolePermissionsBoundary", On::Role, Need::Boundary),
    action("iam:PutRolePolicy", On::Role, Need::OwnRole),
    action("iam:UpdateAssumeRolePolicy", On::Role, Need::OwnRole),
    action("iam:TagRole", On::Role, Need::OwnRole),
    action("iam:DeleteRole", On::Role, Need::Removal),
    action("iam:DeleteRolePolicy", On::Role, Need::Removal),
    action("iam:DetachRolePolicy", On::Role, Need::Removal),
    action("lambda:AddPermission", On::Functions, Need::Always),
    action("lambda:CreateAlias", On::Functions, Need::Always),
    action("lambda:CreateFunction", On::Functions, Need::Always),
    action("lambda:DeleteFunction", On::Functions, Need::Always),
    action("lambda:GetAlias", On::Functions, Need::Always),
    action(
        "lambda:GetFunctionConfiguration",
        On::Functions,
        Need::Always,
    ),
    action("lambda:ListVersionsByFunction", On::Functions, Need::Always),
    action("lambda:PublishVersion", On::Functions, Need::Always),
    action("lambda:RemovePermission", On::Functions, Need::Always),
    action("lambda:UpdateAlias", On::Functions, Need::Always),
    action("lambda:UpdateFunctionCode", On::Functions, Need::Always),
    action(
        "lambda:UpdateFunctionConfiguration",
        On::Functions,
        Need::Always,
    ),
    action("lambda:TagResource", On::Functions, Need::Always),
    action("lambda:CreateFunctionUrlConfig", On::Functions, Need::Url),
    action("lambda:GetFunctionUrlConfig", On::Functions, Need::Url),
    action("lambda:UpdateFunctionUrlConfig", On::Functions, Need::Url),
    action("lambda:PutFunctionConcurrency", On::Functions, Need::Url),
    action("dynamodb:CreateTable", On::Table, Need::Table),
    action("dynamodb:DescribeTable", On::Table, Need::Table),
    action("dynamodb:TagResource", On::Table, Need::Table),
    action("dynamodb:UpdateContinuousBackups", On::Table, Need::Table),
    action("dynamodb:UpdateTable", On::Table, Need::Table),
    action("dynamodb:UpdateTimeToLive", On::Table, Need::Table),
    action("dynamodb:DeleteTable", On::Table, Need::Removal),
    action("logs:CreateLogGroup", On::LogGroups, Need::Always),
    action("logs:PutRetentionPolicy", On::LogGroups, Need::Always),
    action("logs:TagResource", On::TaggedLogGroups, Need::Always),
    action("logs:DeleteLogGroup", On::LogGroups, Need::Removal),
    action(
        "apigateway:POST",
        On::Gateway(&[
            "/restapis",
            "/restapis/{api}/resources/any",
            "/restapis/{api}/deployments",
            "/apikeys",
            "/usageplans",
            "/usageplans/any/keys",
        ]),
        Need::RestApi,
    ),
    action("apigateway:PUT", METHODS, Need::RestApi),
    action("apigateway:DELETE", METHODS, Need::RestApi),
    action(
        "apigateway:PATCH",
        On::Gateway(&[
            "/restapis/{api}",
            "/restapis/{api}/stages/{stage}",
            "/usageplans/any",
        ]),
        Need::RestApi,
    ),
    action("ec2:DescribeSecurityGroups", On::Anything, Need::Vpc),
    action("ec2:DescribeSubnets", On::Anything, Need::Vpc),
    action("ec2:DescribeVpcs", On::Anything, Need::Vpc),
];

/// All actions that the deployment needs.
#[must_use]
pub fn needed(scope: Scope<'_>) -> Vec<&'static str> {
    let needed = asked(scope).filter(|action| action.need != Need::Removal);
    needed.map(|action| action.name).collect()
}

pub(super) fn asked(scope: Scope<'_>) -> impl Iterator<Item = &'static Action> {
    const { &ACTIONS }
        .iter()
        .filter(move |action| match action.need {
            Need::Removal if action.on == On::Table => scope.table.is_some(),
            Need::Removal => scope.role.is_none() || !action.name.starts_with("iam:"),
            Need::Always => true,
            Need::OwnRole => scope.role.is_none(),
            Need::RestApi => scope.doors.rest_api,
            Need::Url => scope.doors.url,
            Need::Table => scope.table.is_some(),
            Need::Boundary => scope.role.is_none() && scope.boundary,
            Need::Vpc => scope.vpc,
        })
}

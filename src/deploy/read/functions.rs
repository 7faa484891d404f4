//! Functions and their log groups.

use std::collections::BTreeMap;

use aws_sdk_lambda::primitives::{DateTime, DateTimeFormat};
use aws_sdk_lambda::types::{FunctionConfiguration, FunctionUrlAuthType, State};
use serde_json::Value;
use tokio::try_join;

use super::{Names, has_shape, is_ours, sorted};
use crate::deploy::aws::{Aws, AwsError};
use crate::deploy::desired::{LIVE, Vpc, log_group};
use crate::deploy::observed::{
    Configuration, LogGroup, ObservedFunction, ObservedUrl, Permission, Version,
};
use crate::domain::Secret;

pub(super) async fn function(
    aws: &Aws,
    name: &str,
    names: Names<'_>,
) -> Result<Option<ObservedFunction>, AwsError> {
    let lambda = &aws.lambda;
    let get = aws.find("lambda:GetFunction", async || {
        lambda.get_function().function_name(name).send().await
    });
    let versions = aws.find("lambda:ListVersionsByFunction", async || {
        let pages = lambda
            .list_versions_by_function()
            .function_name(name)
            .into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    let aliases = aws.find("lambda:ListAliases", async || {
        let pages = lambda.list_aliases().function_name(name).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    let policy = aws.find("lambda:GetPolicy", async || {
        lambda
            .get_policy()
            .function_name(name)
            .qualifier(LIVE)
            .send()
            .await
    });
    let url = async {
        match names.url_function == name {
            true => url(aws, name).await,
            false => Ok(None),
        }
    };
    let (function, versions, aliases, policy, url) =
        try_join!(get, versions, aliases, policy, url)?;
    let found = function.and_then(|f| Some((f.configuration?, f.tags, f.concurrency)));
    let Some((read, tags, concurrency)) = found else {
        return Ok(None);
    };
    let mut versions: Vec<Version> = (versions.unwrap_or_default().iter())
        .filter_map(version)
        .collect();
    versions.sort_by_key(|version| version.number);
    let policy = policy.and_then(|output| output.policy).unwrap_or_default();
    let latest = configuration(&read);
    let tags = tags.map(sorted).unwrap_or_default();
    Ok(Some(ObservedFunction {
        ours: is_ours(&tags, names, || has_shape(&latest, names)),
        latest,
        failed: (read.state() == Some(&State::Failed)).then(|| {
            read.state_reason()
                .unwrap_or("AWS gave no reason")
                .to_owned()
        }),
        versions,
        aliases: (aliases.unwrap_or_default().into_iter())
            .filter_map(|alias| Some((alias.name?, alias.function_version?.parse().ok()?)))
            .collect(),
        permissions: permissions(&policy),
        url,
        reserved_concurrency: concurrency
            .and_then(|concurrency| concurrency.reserved_concurrent_executions)
            .map(i32::unsigned_abs),
        tags,
    }))
}

fn version(read: &FunctionConfiguration) -> Option<Version> {
    Some(Version {
        number: read.version()?.parse().ok()?, // not `$LATEST`
        description: read.description().unwrap_or_default().to_owned(),
        modified: read.last_modified().unwrap_or_default().to_owned(),
        configuration: configuration(read),
    })
}

fn configuration(read: &FunctionConfiguration) -> Configuration {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let variables = read
        .environment()
        .and_then(|environment| environment.variables());
    let vpc = read.vpc_config();
    Configuration {
        runtime: text(read.runtime().map(|runtime| runtime.as_str())),
        handler: text(read.handler()),
        memory_mb: read.memory_size().unwrap_or_default().unsigned_abs(),
        timeout_seconds: read.timeout().unwrap_or_default().unsigned_abs(),
        role: text(read.role()),
        architecture: (read.architectures().first())
            .map_or("x86_64", |architecture| architecture.as_str())
            .to_owned(),
        modified: read.last_modified().and_then(moment),
        code_sha256: text(read.code_sha256()),
        environment: (variables.into_iter().flatten())
            .map(|(name, value)| (name.clone(), Secret::new(value)))
            .collect(),
        vpc: vpc.map_or_else(Vpc::default, |vpc| Vpc {
            subnets: vpc.subnet_ids().iter().cloned().collect(),
            security_groups: vpc.security_group_ids().iter().cloned().collect(),
        }),
    }
}

/// Of a moment as Lambda writes it: `2026-11-23T03:40:12.000+0000`. It is always in UTC.
fn moment(text: &str) -> Option<i64> {
    let whole = text.get(.."2026-11-23T03:40:12.000".len())?;
    let moment = DateTime::from_str(&format!("{whole}Z"), DateTimeFormat::DateTime);
    moment.ok()?.to_millis().ok()
}

/// The function URL on the alias `live`.
pub(super) async fn url(aws: &Aws, name: &str) -> Result<Option<ObservedUrl>, AwsError> {
    let get = async || {
        let get = aws.lambda.get_function_url_config().function_name(name);
        get.qualifier(LIVE).send().await
    };
    let read = aws.find("lambda:GetFunctionUrlConfig", get).await?;
    Ok(read.map(|read| ObservedUrl {
        is_open: read.auth_type() == &FunctionUrlAuthType::None && read.cors().is_none(),
        url: aws.function_url(read.function_url),
    }))
}

/// The statements of a function's policy by their ids.
///
/// Source: "Control access to Lambda function URLs", AWS documentation.
fn permissions(policy: &str) -> BTreeMap<String, Permission> {
    let policy: Value = serde_json::from_str(policy).unwrap_or(Value::Null);
    let statements = policy["Statement"].as_array().into_iter().flatten();
    statements
        .filter_map(|statement| {
            let id = statement["Sid"].as_str()?.to_owned();
            let condition = &statement["Condition"];
            let is_anybody = statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*";
            let through_url = &condition["Bool"]["lambda:InvokedViaFunctionUrl"];
            let permission = match statement["Action"].as_str() {
                _ if condition["ArnLike"]["AWS:SourceArn"].is_string() => {
                    let source = condition["ArnLike"]["AWS:SourceArn"].as_str();
                    Permission::Source(source.unwrap_or_default().to_owned())
                }
                Some("lambda:InvokeFunctionUrl")
                    if is_anybody
                        && condition["StringEquals"]["lambda:FunctionUrlAuthType"] == "NONE" =>
                {
                    Permission::Url
                }
                Some("lambda:InvokeFunction")
                    if is_anybody && (through_url == "true" || through_url == true) =>
                {
                    Permission::ThroughUrl
                }
                _ => Permission::Other,
            };
            Some((id, permission))
        })
        .collect()
}

pub(super) async fn group(
    aws: &Aws,
    function: &str,
    names: Names<'_>,
) -> Result<Option<LogGroup>, AwsError> {
    let name = log_group(function);
    let groups = aws
        .call("logs:DescribeLogGroups", async || {
            let groups = aws.logs.describe_log_groups().log_group_name_prefix(&name);
            let pages = groups.into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let Some(group) = groups
        .iter()
        .find(|group| group.log_group_name() == Some(&name))
    else {
        return Ok(None);
    };
    // Where nobody wants the function, its log group goes, whatever its tags are.
    let tags = if names.log_group_tags && names.functions.contains(&function) {
        group_tags(aws, group.arn().unwrap_or_default()).await?
    } else {
        BTreeMap::new()
    };
    Ok(Some(LogGroup {
        arn: group.arn().unwrap_or_default().to_owned(),
        retention: group.retention_in_days().map(i32::unsigned_abs),
        tags,
    }))
}

pub(super) async fn group_tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, AwsError> {
    // With the suffix it means the group's streams, which have no tags.
    let arn = arn.strip_suffix(":*").unwrap_or(arn);
    let list = async || {
        let list = aws.logs.list_tags_for_resource().resource_arn(arn);
        list.send().await
    };
    let read = aws.find("logs:ListTagsForResource", list).await?;
    Ok(read
        .and_then(|read| read.tags)
        .map(sorted)
        .unwrap_or_default())
}

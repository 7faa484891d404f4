//! Account → [`Observed`]: reads only, as many at a time as there are.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types as gateway;
use aws_sdk_lambda::types::FunctionConfiguration;
use serde_json::Value;
use tokio::try_join;

use super::aws::{Aws, AwsError};
use super::concurrently;
use super::desired::{LIVE, Throttle, Vpc, log_group};
use super::observed::{
    ApiKey, Configuration, Function, Integration, LogGroup, Method, Observed, Resource, RestApi,
    Role, Stage, UsagePlan, Version,
};
use crate::domain::Secret;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Of the role, the API, the key and the usage plan.
    pub deployment: &'a str,
    pub functions: &'a [&'a str],
    pub stage: &'a str,
    /// The environment variable by which a function of lamed is known.
    pub settings: &'a str,
}

/// Reads what is there.
///
/// # Errors
/// When AWS cannot be asked, does not allow it, or holds two APIs or keys of the name.
pub async fn observe(aws: &Aws, names: Names<'_>) -> Result<Observed, AwsError> {
    let found = concurrently(names.functions, async |name| function(aws, name).await);
    let groups = concurrently(names.functions, async |name| group(aws, name).await);
    let (role, api, keys, plans, found, groups) = try_join!(
        role(aws, names.deployment),
        rest_api(aws, names),
        keys(aws, names.deployment),
        usage_plans(aws),
        found,
        groups,
    )?;
    let mut observed = Observed {
        role,
        key: one_key(keys, names.deployment)?,
        api,
        ..Observed::default()
    };
    for (name, (function, group)) in names.functions.iter().zip(found.into_iter().zip(groups)) {
        observed
            .functions
            .extend(function.map(|function| ((*name).to_owned(), function)));
        observed
            .log_groups
            .extend(group.map(|group| ((*name).to_owned(), group)));
    }
    observed.usage_plan = usage_plan(aws, plans, &observed, names).await?;
    add_others(aws, &mut observed, names).await?;
    Ok(observed)
}

/// Only what a client needs: the API's id and the key's value.
///
/// # Errors
/// As [`observe`].
pub async fn find_api(aws: &Aws, name: &str) -> Result<Option<(String, Option<Secret>)>, AwsError> {
    let (apis, keys) = try_join!(apis_named(aws, name), keys(aws, name))?;
    let api = one_api(aws, apis, name).await?;
    let key = one_key(keys, name)?.map(|key| key.value);
    Ok(api.and_then(|api| Some((api.id?, key))))
}

async fn role(aws: &Aws, name: &str) -> Result<Option<Role>, AwsError> {
    let iam = &aws.iam;
    let get = aws.find("iam:GetRole", async || {
        iam.get_role().role_name(name).send().await
    });
    let inline = aws.find("iam:ListRolePolicies", async || {
        let pages = iam.list_role_policies().role_name(name).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    let attached = aws.find("iam:ListAttachedRolePolicies", async || {
        let pages = iam
            .list_attached_role_policies()
            .role_name(name)
            .into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    let (role, inline, attached) = try_join!(get, inline, attached)?;
    let Some(role) = role.and_then(|output| output.role) else {
        return Ok(None);
    };
    let inline = inline.unwrap_or_default();
    let documents = concurrently(&inline, async |policy| {
        aws.find("iam:GetRolePolicy", async || {
            iam.get_role_policy()
                .role_name(name)
                .policy_name(policy)
                .send()
                .await
        })
        .await
    });
    let documents = documents.await?.into_iter().flatten();
    Ok(Some(Role {
        arn: role.arn,
        trust: document(
            role.assume_role_policy_document
                .as_deref()
                .unwrap_or_default(),
        ),
        policies: documents
            .map(|output| (output.policy_name, document(&output.policy_document)))
            .collect(),
        attached: (attached.unwrap_or_default().into_iter())
            .filter_map(|policy| policy.policy_arn)
            .collect(),
        tags: (role.tags.unwrap_or_default().into_iter())
            .map(|tag| (tag.key, tag.value))
            .collect(),
    }))
}

/// A policy document. IAM gives it percent-encoded.
fn document(text: &str) -> Value {
    let query = format!("d={}", text.replace('+', "%2B"));
    let decoded = form_urlencoded::parse(query.as_bytes()).next();
    let decoded = decoded.map_or_else(String::new, |(_, text)| text.into_owned());
    serde_json::from_str(&decoded).unwrap_or(Value::Null)
}

async fn function(aws: &Aws, name: &str) -> Result<Option<Function>, AwsError> {
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
    let (function, versions, aliases, policy) = try_join!(get, versions, aliases, policy)?;
    let Some((read, tags)) = function.and_then(|f| Some((f.configuration?, f.tags))) else {
        return Ok(None);
    };
    let mut versions: Vec<Version> = (versions.unwrap_or_default().iter())
        .filter_map(version)
        .collect();
    versions.sort_by_key(|version| version.number);
    let policy = policy.and_then(|output| output.policy).unwrap_or_default();
    Ok(Some(Function {
        latest: configuration(&read),
        versions,
        aliases: (aliases.unwrap_or_default().into_iter())
            .filter_map(|alias| Some((alias.name?, alias.function_version?.parse().ok()?)))
            .collect(),
        permissions: permissions(&policy),
        tags: tags.map(sorted).unwrap_or_default(),
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

/// The statements of a function's policy: ids, and the ARN that each is limited to.
fn permissions(policy: &str) -> BTreeMap<String, Option<String>> {
    let policy: Value = serde_json::from_str(policy).unwrap_or(Value::Null);
    let statements = policy["Statement"].as_array().into_iter().flatten();
    statements
        .filter_map(|statement| {
            let id = statement["Sid"].as_str()?.to_owned();
            let source = &statement["Condition"]["ArnLike"]["AWS:SourceArn"];
            Some((id, source.as_str().map(str::to_owned)))
        })
        .collect()
}

async fn group(aws: &Aws, function: &str) -> Result<Option<LogGroup>, AwsError> {
    let name = log_group(function);
    let groups = aws
        .call("logs:DescribeLogGroups", async || {
            let groups = aws.logs.describe_log_groups().log_group_name_prefix(&name);
            let pages = groups.into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let group = groups
        .iter()
        .find(|group| group.log_group_name() == Some(&name));
    Ok(group.map(|group| LogGroup {
        retention: group.retention_in_days().map(i32::unsigned_abs),
    }))
}

pub(super) async fn apis_named(aws: &Aws, name: &str) -> Result<Vec<gateway::RestApi>, AwsError> {
    let mut apis = aws
        .call("apigateway:GetRestApis", async || {
            let pages = aws.apigateway.get_rest_apis().limit(500).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    apis.retain(|api| api.name() == Some(name));
    Ok(apis)
}

/// Names of APIs are not unique. Of several, the one that serves `/track`.
async fn one_api(
    aws: &Aws,
    mut apis: Vec<gateway::RestApi>,
    name: &str,
) -> Result<Option<gateway::RestApi>, AwsError> {
    if apis.len() > 1 {
        let ids: Vec<String> = apis.iter().filter_map(|api| api.id.clone()).collect();
        let resources = concurrently(&ids, async |id| resources(aws, id).await).await?;
        let mut serving = resources
            .iter()
            .map(|resources| resources.contains_key("track"));
        apis.retain(|_| serving.next().unwrap_or(false));
        if apis.len() != 1 {
            return Err(AwsError::new(format!(
                "{} REST APIs are called `{name}` ({}), and which of them is in use cannot be told: \
                 rename or delete the others",
                ids.len(),
                ids.join(", ")
            )));
        }
    }
    Ok(apis.pop())
}

async fn rest_api(aws: &Aws, names: Names<'_>) -> Result<Option<RestApi>, AwsError> {
    let apis = apis_named(aws, names.deployment).await?;
    let Some(api) = one_api(aws, apis, names.deployment).await? else {
        return Ok(None);
    };
    let id = api.id.unwrap_or_default();
    let (mut resources, gateway_responses, stage) = try_join!(
        resources(aws, &id),
        gateway_responses(aws, &id),
        stage(aws, &id, names.stage),
    )?;
    let root = resources.remove("").map(|resource| resource.id);
    Ok(Some(RestApi {
        root: api.root_resource_id.or(root).unwrap_or_default(),
        resources,
        gateway_responses,
        stage,
        tags: api.tags.map(sorted).unwrap_or_default(),
        id,
    }))
}

/// All resources by path, the root among them.
pub(super) async fn resources(
    aws: &Aws,
    api: &str,
) -> Result<BTreeMap<String, Resource>, AwsError> {
    let resources = aws
        .call("apigateway:GetResources", async || {
            let resources = aws.apigateway.get_resources().rest_api_id(api).limit(500);
            let pages = resources.embed("methods").into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let resource = |read: gateway::Resource| {
        let methods = read.resource_methods.unwrap_or_default();
        let methods = methods
            .iter()
            .map(|(verb, read)| (verb.clone(), method(read)));
        let path = read.path?.trim_start_matches('/').to_owned();
        let id = read.id?;
        let methods = methods.collect();
        Some((path, Resource { id, methods }))
    };
    Ok(resources.into_iter().filter_map(resource).collect())
}

fn method(read: &gateway::Method) -> Method {
    let parameters = read.request_parameters.clone().unwrap_or_default();
    Method {
        key_required: read.api_key_required.unwrap_or_default(),
        request_parameters: parameters.into_iter().collect(),
        integration: read.method_integration.as_ref().map(|integration| {
            let responses = integration.integration_responses();
            let response = responses.and_then(|responses| responses.get("200"));
            let headers = response.and_then(|response| response.response_parameters.clone());
            Integration {
                kind: integration
                    .r#type
                    .as_ref()
                    .map_or("", |kind| kind.as_str())
                    .to_owned(),
                uri: integration.uri.clone(),
                credentials: integration.credentials.clone(),
                headers: headers.map(sorted).unwrap_or_default(),
            }
        }),
    }
}

/// Those that were changed: AWS lists the others, too, and says that they are as they came.
async fn gateway_responses(
    aws: &Aws,
    api: &str,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, AwsError> {
    let read = aws
        .call("apigateway:GetGatewayResponses", async || {
            (aws.apigateway.get_gateway_responses())
                .rest_api_id(api)
                .limit(500)
                .send()
                .await
        })
        .await?;
    let changed = (read.items.unwrap_or_default().into_iter())
        .filter(|response| !response.default_response)
        .filter_map(|response| {
            let parameters = response.response_parameters.map(sorted).unwrap_or_default();
            Some((response.response_type?.as_str().to_owned(), parameters))
        });
    Ok(changed.collect())
}

pub(super) async fn stage(aws: &Aws, api: &str, name: &str) -> Result<Option<Stage>, AwsError> {
    let stage = aws.find("apigateway:GetStage", async || {
        let stage = aws.apigateway.get_stage().rest_api_id(api).stage_name(name);
        stage.send().await
    });
    let (stage, deployments) = try_join!(stage, deployments(aws, api))?;
    let Some(stage) = stage else {
        return Ok(None);
    };
    let all_methods = stage
        .method_settings()
        .and_then(|settings| settings.get("*/*"));
    let deployment = stage.deployment_id.clone().unwrap_or_default();
    Ok(Some(Stage {
        description: deployments.get(&deployment).cloned().unwrap_or_default(),
        throttle: all_methods
            // API Gateway says -1 where nothing was set.
            .filter(|settings| settings.throttling_burst_limit > 0)
            .map(|settings| Throttle {
                rate: settings.throttling_rate_limit,
                burst: settings.throttling_burst_limit.unsigned_abs(),
            }),
        tags: stage.tags.clone().map(sorted).unwrap_or_default(),
        deployment,
    }))
}

/// The descriptions of an API's deployments by id.
pub(super) async fn deployments(
    aws: &Aws,
    api: &str,
) -> Result<BTreeMap<String, String>, AwsError> {
    let deployments = aws
        .call("apigateway:GetDeployments", async || {
            let deployments = aws.apigateway.get_deployments().rest_api_id(api).limit(500);
            let pages = deployments.into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    Ok((deployments.into_iter())
        .filter_map(|deployment| Some((deployment.id?, deployment.description.unwrap_or_default())))
        .collect())
}

/// The keys of that name, with their values.
pub(super) async fn keys(aws: &Aws, name: &str) -> Result<Vec<ApiKey>, AwsError> {
    let keys = aws
        .call("apigateway:GetApiKeys", async || {
            let keys = aws.apigateway.get_api_keys().name_query(name).limit(500);
            let pages = keys.include_values(true).into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let mut keys: Vec<_> = (keys.into_iter())
        // The query finds all names that begin so.
        .filter(|key| key.name() == Some(name))
        .collect();
    keys.sort_by_key(|key| key.created_date);
    Ok((keys.into_iter())
        .filter_map(|key| {
            Some(ApiKey {
                id: key.id?,
                value: Secret::new(key.value?),
                enabled: key.enabled,
                tags: key.tags.map(sorted).unwrap_or_default(),
            })
        })
        .collect())
}

fn one_key(mut keys: Vec<ApiKey>, name: &str) -> Result<Option<ApiKey>, AwsError> {
    if keys.len() > 1 {
        let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        return Err(AwsError::new(format!(
            "{} API keys are called `{name}` ({}): rename or delete those that are not in use",
            ids.len(),
            ids.join(", ")
        )));
    }
    Ok(keys.pop())
}

pub(super) async fn usage_plans(aws: &Aws) -> Result<Vec<gateway::UsagePlan>, AwsError> {
    aws.call("apigateway:GetUsagePlans", async || {
        let pages = aws.apigateway.get_usage_plans().limit(500).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    })
    .await
}

/// The plan of the stage: a key cannot be in two plans of one stage, so one that a person made for
/// it counts, too. Else the plan of the name.
async fn usage_plan(
    aws: &Aws,
    plans: Vec<gateway::UsagePlan>,
    observed: &Observed,
    names: Names<'_>,
) -> Result<Option<UsagePlan>, AwsError> {
    let ours = observed
        .api
        .as_ref()
        .map(|api| format!("{}:{}", api.id, names.stage));
    let stages = |plan: &gateway::UsagePlan| -> Vec<String> {
        (plan.api_stages().iter())
            .filter_map(|stage| Some(format!("{}:{}", stage.api_id()?, stage.stage()?)))
            .collect()
    };
    let of_stage = |plan: &&gateway::UsagePlan| ours.iter().any(|ours| stages(plan).contains(ours));
    let named = |plan: &&gateway::UsagePlan| plan.name() == Some(names.deployment);
    let mut candidates: Vec<&gateway::UsagePlan> = plans.iter().filter(of_stage).collect();
    candidates.extend(plans.iter().filter(named));
    candidates.dedup_by_key(|plan| plan.id.clone());
    let ids: Vec<String> = candidates
        .iter()
        .filter_map(|plan| plan.id.clone())
        .collect();
    let keys = concurrently(&ids, async |id| plan_keys(aws, id).await).await?;
    let mut read = candidates
        .iter()
        .zip(ids)
        .zip(keys)
        .map(|((plan, id), keys)| UsagePlan {
            id,
            name: plan.name.clone().unwrap_or_default(),
            stages: stages(plan),
            keys,
            tags: plan.tags.clone().map(sorted).unwrap_or_default(),
        });
    let with_key =
        |plan: &UsagePlan| (observed.key.as_ref()).is_some_and(|key| plan.keys.contains(&key.id));
    let all: Vec<UsagePlan> = read.by_ref().collect();
    Ok((all.iter().find(|plan| with_key(plan)))
        .or(all.first())
        .cloned())
}

pub(super) async fn plan_keys(aws: &Aws, plan: &str) -> Result<Vec<String>, AwsError> {
    let keys = aws
        .call("apigateway:GetUsagePlanKeys", async || {
            let keys = aws
                .apigateway
                .get_usage_plan_keys()
                .usage_plan_id(plan)
                .limit(500);
            let pages = keys.into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    Ok(keys.into_iter().filter_map(|key| key.id).collect())
}

/// Adds the functions of lamed that the API calls, or that the role's policy still names, and that
/// nobody asked for: what an `extra_wiring` of earlier days left.
async fn add_others(aws: &Aws, observed: &mut Observed, names: Names<'_>) -> Result<(), AwsError> {
    let resources = observed.api.iter().flat_map(|api| api.resources.values());
    let mut called: Vec<String> = resources
        .flat_map(|resource| resource.methods.values())
        .filter_map(|method| called_function(method.integration.as_ref()?.uri.as_deref()?))
        .chain(named_by_policy(observed, names))
        .filter(|name| !names.functions.contains(&name.as_str()))
        .collect();
    called.sort();
    called.dedup();
    let read = concurrently(&called, async |name| {
        try_join!(function(aws, name), group(aws, name))
    });
    for (name, (function, group)) in called.iter().zip(read.await?) {
        if let Some(function) = function.filter(|function| is_lameds(&function.latest, names)) {
            observed.functions.insert(name.clone(), function);
            observed
                .log_groups
                .extend(group.map(|group| (name.clone(), group)));
        }
    }
    Ok(())
}

/// The functions that may write their logs by the policy that lamed gave the role.
fn named_by_policy(observed: &Observed, names: Names<'_>) -> Vec<String> {
    let policy = (observed.role.as_ref()).and_then(|role| role.policies.get(names.deployment));
    let statements = policy.and_then(|policy| policy["Statement"].as_array());
    let resources = (statements.into_iter().flatten())
        .filter_map(|statement| statement["Resource"].as_array())
        .flatten();
    let marker = format!(":log-group:{}", log_group(""));
    resources
        .filter_map(|resource| {
            let (_, name) = resource.as_str()?.split_once(&marker)?;
            Some(name.strip_suffix(":*")?.to_owned())
        })
        .collect()
}

/// Whether lamed made it: by its settings, or by the handler's name that Python lamed gave.
fn is_lameds(configuration: &Configuration, names: Names<'_>) -> bool {
    configuration.environment.contains_key(names.settings)
        || configuration.is_python() && configuration.handler.starts_with("lamed.")
}

/// The function whose alias `live` an integration calls.
pub(super) fn called_function(uri: &str) -> Option<String> {
    let (_, function) = uri.split_once(":function:")?;
    let (name, _) = function.split_once(&format!(":{LIVE}/"))?;
    Some(name.to_owned())
}

fn sorted(map: HashMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().collect()
}

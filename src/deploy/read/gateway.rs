//! The REST API, its stage, keys and usage plans.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types as gateway;
use tokio::try_join;

use super::twice::one_api;
use super::{Names, sorted};
use crate::deploy::aws::{Aws, AwsError};
use crate::deploy::concurrently;
use crate::deploy::desired::{LIVE, Throttle};
use crate::deploy::observed::{
    ApiKey, Integration, Observed, ObservedMethod, Resource, RestApi, Stage, UsagePlan,
};
use crate::domain::Secret;

pub(in crate::deploy) async fn apis_named(
    aws: &Aws,
    name: &str,
) -> Result<Vec<gateway::RestApi>, AwsError> {
    let mut apis = aws
        .call("apigateway:GetRestApis", async || {
            let pages = aws.apigateway.get_rest_apis().limit(500).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    apis.retain(|api| api.name() == Some(name));
    Ok(apis)
}

pub(super) async fn rest_api(
    aws: &Aws,
    names: Names<'_>,
) -> Result<(Option<RestApi>, Vec<String>), AwsError> {
    let apis = apis_named(aws, names.deployment).await?;
    let (Some(api), spare) = one_api(aws, apis, names.deployment).await? else {
        return Ok((None, Vec::new()));
    };
    let id = api.id.unwrap_or_default();
    let (mut resources, gateway_responses, stage) = try_join!(
        resources(aws, &id),
        gateway_responses(aws, &id),
        stage(aws, &id, names.stage),
    )?;
    let root = resources.remove("").map(|resource| resource.id);
    let api = RestApi {
        root: api.root_resource_id.or(root).unwrap_or_default(),
        resources,
        gateway_responses,
        stage,
        is_disabled: api.disable_execute_api_endpoint,
        domains: Vec::new(),
        compressed_from: api.minimum_compression_size,
        tags: api.tags.map(sorted).unwrap_or_default(),
        id,
    };
    Ok((Some(api), spare))
}

/// The custom domains that lead to an API. Who may not look at them is told of none.
pub(super) async fn domains(aws: &Aws, api: &str) -> Result<Vec<String>, AwsError> {
    let names = aws.ask("apigateway:GetDomainNames", async || {
        let pages = (aws.apigateway.get_domain_names())
            .limit(500)
            .into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    let names = match names.await {
        Err(error) if error.is_denied() => {
            tracing::warn!(%error, "cannot look for custom domains");
            return Ok(Vec::new());
        }
        names => names?,
    };
    let names: Vec<String> = (names.into_iter())
        .filter_map(|name| name.domain_name)
        .collect();
    let mappings = concurrently(&names, async |name| {
        let get = async || {
            let get = aws.apigateway.get_base_path_mappings().domain_name(name);
            let pages = get.limit(500).into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await
        };
        aws.find("apigateway:GetBasePathMappings", get).await
    });
    let mut domains = Vec::new();
    for (name, mappings) in names.iter().zip(mappings.await?) {
        let ours = mappings.into_iter().flatten();
        for mapping in ours.filter(|mapping| mapping.rest_api_id() == Some(api)) {
            domains.push(match mapping.base_path() {
                None | Some("(none)" | "") => name.clone(),
                Some(path) => format!("{name}/{path}"),
            });
        }
    }
    domains.sort();
    Ok(domains)
}

/// All resources by path, the root among them.
pub(in crate::deploy) async fn resources(
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

fn method(read: &gateway::Method) -> ObservedMethod {
    let parameters = read.request_parameters.clone().unwrap_or_default();
    ObservedMethod {
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

pub(in crate::deploy) async fn stage(
    aws: &Aws,
    api: &str,
    name: &str,
) -> Result<Option<Stage>, AwsError> {
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
async fn deployments(aws: &Aws, api: &str) -> Result<BTreeMap<String, String>, AwsError> {
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

/// The keys of that name with their values, in the order in which they were made.
pub(in crate::deploy) async fn keys(aws: &Aws, name: &str) -> Result<Vec<ApiKey>, AwsError> {
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
    keys.sort_by_key(|key| (key.created_date, key.id.clone()));
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

pub(in crate::deploy) async fn usage_plans(aws: &Aws) -> Result<Vec<gateway::UsagePlan>, AwsError> {
    aws.call("apigateway:GetUsagePlans", async || {
        let pages = aws.apigateway.get_usage_plans().limit(500).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    })
    .await
}

/// The plan of the stage: a key cannot be in two plans of one stage, so one that a person made for
/// it counts, too. Else the plan of the name.
pub(super) async fn usage_plan(
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

pub(in crate::deploy) async fn plan_keys(aws: &Aws, plan: &str) -> Result<Vec<String>, AwsError> {
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

/// The function whose alias `live` an integration calls.
pub(in crate::deploy) fn called_function(uri: &str) -> Option<String> {
    let (_, function) = uri.split_once(":function:")?;
    let (name, _) = function.split_once(&format!(":{LIVE}/"))?;
    Some(name.to_owned())
}

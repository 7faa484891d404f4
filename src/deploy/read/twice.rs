//! Names of APIs and of keys are not unique: two first deploys at once can leave two of each. Which one is in use, and
//! which ones are spare.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types as gateway;

use super::gateway::{apis_named, called_function, plan_keys, resources};
use super::{Names, concurrently};
use crate::deploy::aws::{Aws, AwsError};
use crate::deploy::desired::LIVE;
use crate::deploy::observed::{ApiKey, Resource, SpareApi, SpareKey, SparePlan, Spares};

/// What the API of a deployment is described by.
pub(in crate::deploy) const DESCRIPTION: &str = "lamed API";

/// The API of the name that is in use, and the ids of others that lamed made.
///
/// # Errors
/// When there are several, and lamed made none of them.
pub(super) async fn one_api(
    aws: &Aws,
    mut apis: Vec<gateway::RestApi>,
    name: &str,
) -> Result<(Option<gateway::RestApi>, Vec<String>), AwsError> {
    if apis.len() < 2 {
        return Ok((apis.pop(), Vec::new()));
    }
    let ids: Vec<String> = apis.iter().filter_map(|api| api.id.clone()).collect();
    let all = concurrently(&ids, async |id| resources(aws, id).await).await?;
    let mut ours = Vec::new();
    let mut serving = Vec::new();
    for (api, resources) in apis.into_iter().zip(&all) {
        let function = function_of_events(resources);
        if api.description() == Some(DESCRIPTION) || function.is_some() {
            ours.push((api, function, resources.contains_key("track")));
        } else if resources.contains_key("track") {
            serving.push(api);
        }
    }
    if ours.is_empty() && serving.len() == 1 {
        return Ok((serving.pop(), Vec::new()));
    }
    if ours.is_empty() {
        return Err(AwsError::new(format!(
            "found {} REST APIs named `{name}` ({}): lamed cannot tell which one is in use; \
             rename or delete the others",
            ids.len(),
            ids.join(", ")
        )));
    }
    // The one that the functions let in, else one with paths, else the first one.
    let function = ours.iter().find_map(|(_, function, _)| function.as_deref());
    let allowed = match function {
        Some(function) => policy(aws, function).await?,
        None => String::new(),
    };
    let is_allowed = |api: &gateway::RestApi| {
        let id = api.id().unwrap_or_default();
        allowed.contains(&format!(":{id}/"))
    };
    ours.sort_by_key(|(api, _, serves)| {
        let place = (api.created_date, api.id.clone());
        (!is_allowed(api), !serves, place)
    });
    let mut ours = ours.into_iter().map(|(api, ..)| api);
    let used = ours.next();
    Ok((used, ours.filter_map(|api| api.id).collect()))
}

/// The function that counts events, by the API's path for them.
fn function_of_events(resources: &BTreeMap<String, Resource>) -> Option<String> {
    let methods = resources.get("track")?.methods.values();
    let mut uris = methods.filter_map(|method| method.integration.as_ref()?.uri.as_deref());
    uris.find_map(called_function)
}

/// Who may call the alias `live` of a function.
pub(in crate::deploy) async fn policy(aws: &Aws, function: &str) -> Result<String, AwsError> {
    let get = async || {
        let get = aws.lambda.get_policy().function_name(function);
        get.qualifier(LIVE).send().await
    };
    let found = aws.find("lambda:GetPolicy", get).await?;
    Ok(found.and_then(|found| found.policy).unwrap_or_default())
}

/// The key of the name that is in use, and spare things: others of the name that are in no plan of somebody else's, and
/// the plans of spare APIs.
pub(super) async fn one_key(
    aws: &Aws,
    mut keys: Vec<ApiKey>,
    plans: &[gateway::UsagePlan],
    api: Option<&str>,
    spare: Vec<String>,
    names: Names<'_>,
) -> Result<(Option<ApiKey>, Spares), AwsError> {
    let stage_of = |api: &str| format!("{api}:{}", names.stage);
    let stages = |plan: &gateway::UsagePlan| -> Vec<String> {
        (plan.api_stages().iter())
            .filter_map(|stage| Some(format!("{}:{}", stage.api_id()?, stage.stage()?)))
            .collect()
    };
    let spare_stages: Vec<String> = spare.iter().map(|id| stage_of(id)).collect();
    let has_spare =
        |plan: &gateway::UsagePlan| stages(plan).iter().any(|s| spare_stages.contains(s));
    let ours = api.map(stage_of);
    let is_used = |plan: &gateway::UsagePlan| ours.iter().any(|ours| stages(plan).contains(ours));
    let mut spares = Spares {
        plans: (plans.iter().filter(|plan| has_spare(plan)))
            .filter_map(|plan| {
                let (gone, others): (Vec<_>, Vec<_>) =
                    (stages(plan).into_iter()).partition(|stage| spare_stages.contains(stage));
                let whole = others.is_empty() && plan.name() == Some(names.deployment);
                Some(SparePlan {
                    id: plan.id.clone()?,
                    name: plan.name.clone().unwrap_or_default(),
                    stages: gone,
                    whole,
                })
            })
            .collect(),
        apis: spare.into_iter().map(|id| SpareApi { id }).collect(),
        keys: Vec::new(),
    };
    if keys.len() < 2 {
        return Ok((keys.pop(), spares));
    }
    let ids: Vec<String> = plans.iter().filter_map(|plan| plan.id.clone()).collect();
    let members = concurrently(&ids, async |id| plan_keys(aws, id).await).await?;
    let plans_of = |key: &ApiKey| {
        let members = members.iter().zip(plans);
        let of = members.filter(|(keys, _)| keys.contains(&key.id));
        of.map(|(_, plan)| plan).collect::<Vec<_>>()
    };
    // In the order in which they were made.
    let used = keys
        .iter()
        .position(|key| plans_of(key).into_iter().any(is_used));
    let key = keys.remove(used.unwrap_or(0));
    let is_spare = |key: &ApiKey| {
        let mut plans = plans_of(key).into_iter();
        plans.all(|plan| is_used(plan) || has_spare(plan) || plan.name() == Some(names.deployment))
    };
    spares.keys = (keys.into_iter().filter(is_spare))
        .map(|key| SpareKey { id: key.id })
        .collect();
    Ok((Some(key), spares))
}

/// The API of the name that was made first.
pub(in crate::deploy) async fn first_api(
    aws: &Aws,
    name: &str,
) -> Result<Option<gateway::RestApi>, AwsError> {
    let mut apis = apis_named(aws, name).await?;
    apis.sort_by_key(|api| (api.created_date, api.id.clone()));
    Ok(apis.into_iter().next())
}

//! Account → [`Observed`]: reads only, as many at a time as there are.

mod functions;
mod gateway;
mod role;
mod table;
mod twice;

use std::collections::{BTreeMap, HashMap};

use tokio::{join, try_join};

use self::functions::{function, group, group_tags};
pub(super) use self::gateway::called_function;
use self::gateway::{apis_named, domains, rest_api, usage_plan};
pub(super) use self::gateway::{keys, plan_keys, resources, stage, usage_plans};
use self::role::role;
pub(super) use self::twice::{DESCRIPTION, first_api, policy};
use self::twice::{one_api, one_key};
use super::aws::{Aws, AwsError};
use super::concurrently;
use super::desired::{LIVE, MARK, log_group, region_policy};
use super::observed::{Configuration, LogGroup, Observed, Role};
use crate::domain::Secret;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Of the role, the API, the key and the usage plan.
    pub deployment: &'a str,
    pub functions: &'a [&'a str],
    /// The table of the counts, where there should be one.
    pub table: Option<&'a str>,
    /// The one of them that may have a function URL.
    pub url_function: &'a str,
    /// Whether it may be there unseen: who deploys a REST API may not be allowed to look at it.
    pub url_unseen: bool,
    pub stage: &'a str,
    /// Whether to look for custom domains that lead to the API.
    pub domains: bool,
    /// Whether all tags of log groups are needed: each group's take a call of their own.
    pub log_group_tags: bool,
    /// Whether to look into the other regions for functions that use the role, even where nothing tells of any.
    pub other_regions: bool,
    /// Whether it is to be compared with a config.
    pub compared: bool,
    /// The environment variable by which a function of lamed is known.
    pub settings: &'a str,
    /// Whether the deployment has a role of its own: one that somebody else looks after is not read.
    pub own_role: bool,
}

/// Reads what is there.
///
/// # Errors
/// When AWS cannot be asked, does not allow it, or holds two APIs of the name that lamed did not make.
pub async fn observe(aws: &Aws, names: Names<'_>) -> Result<Observed, AwsError> {
    let found = concurrently(names.functions, async |name| {
        match function(aws, name, names).await {
            Err(error) if error.is_denied() && *name == names.url_function && names.url_unseen => {
                Ok(None)
            }
            found => found,
        }
    });
    let groups = concurrently(names.functions, async |name| group(aws, name, names).await);
    let table = async {
        match names.table {
            Some(name) => table::table(aws, name, names).await,
            None => Ok(None),
        }
    };
    let (role, (api, spare), keys, plans, found, groups, table) = try_join!(
        own_role(aws, names),
        rest_api(aws, names),
        keys(aws, names.deployment),
        usage_plans(aws),
        found,
        groups,
        table,
    )?;
    let id = api.as_ref().map(|api| api.id.as_str());
    let (key, spares) = one_key(aws, keys, &plans, id, spare, names).await?;
    let mut observed = Observed {
        role,
        table,
        key,
        api,
        spares,
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
    if names.compared && !names.log_group_tags {
        add_marks(aws, &mut observed).await?;
    }
    if let Some(api) = observed.api.as_mut().filter(|_| names.domains) {
        api.domains = domains(aws, &api.id).await?;
    }
    observed.usage_plan = usage_plan(aws, plans, &observed, names).await?;
    add_others(aws, &mut observed, names).await?;
    Ok(observed)
}

/// What a client needs of a deployment.
#[derive(Clone, Debug)]
pub enum Found {
    /// The URL of a function, and the variable that lamed set on it.
    Url(String, Option<Secret>),
    /// The id of a REST API, and its key.
    RestApi(String, Option<Secret>),
}

/// Only what a client needs. A function URL goes before a REST API: pages are to move there.
///
/// # Errors
/// As [`observe`]. Who may not ask for the one may have the other.
pub async fn find(aws: &Aws, names: Names<'_>) -> Result<Option<Found>, AwsError> {
    let (url, api) = join!(find_url(aws, names), find_api(aws, names));
    match (url, api) {
        (Ok(Some(found)), _) => Ok(Some(found)),
        (Err(_), Ok(Some(found))) | (Ok(None), Ok(Some(found))) => Ok(Some(found)),
        (Err(error), _) | (_, Err(error)) => Err(error),
        (Ok(None), Ok(None)) => Ok(None),
    }
}

async fn find_url(aws: &Aws, names: Names<'_>) -> Result<Option<Found>, AwsError> {
    let name = names.url_function;
    let get = async || {
        let get = aws.lambda.get_function_configuration();
        get.function_name(name).qualifier(LIVE).send().await
    };
    let (url, function) = try_join!(
        functions::url(aws, name),
        aws.find("lambda:GetFunctionConfiguration", get)
    )?;
    let variables = function.and_then(|function| function.environment?.variables);
    let settings = variables.and_then(|mut variables| variables.remove(names.settings));
    Ok(url.map(|url| Found::Url(url.url, settings.map(Secret::new))))
}

async fn find_api(aws: &Aws, names: Names<'_>) -> Result<Option<Found>, AwsError> {
    let name = names.deployment;
    let (apis, keys) = try_join!(apis_named(aws, name), keys(aws, name))?;
    let (api, _) = one_api(aws, apis, name).await?;
    let Some(id) = api.and_then(|api| api.id) else {
        return Ok(None);
    };
    let plans = match keys.len() {
        0 | 1 => Vec::new(),
        _ => usage_plans(aws).await?,
    };
    let (key, _) = one_key(aws, keys, &plans, Some(&id), Vec::new(), names).await?;
    Ok(Some(Found::RestApi(id, key.map(|key| key.value))))
}

/// The deployment's own role, where it has one.
async fn own_role(aws: &Aws, names: Names<'_>) -> Result<Option<Role>, AwsError> {
    if names.own_role {
        role(aws, names).await
    } else {
        Ok(None)
    }
}

/// Adds the tags of log groups that are kept for ever and have no function yet: they tell whether lamed has
/// only begun to make them.
async fn add_marks(aws: &Aws, observed: &mut Observed) -> Result<(), AwsError> {
    let functions = &observed.functions;
    let mut unclear: Vec<(&String, &mut LogGroup)> = (observed.log_groups.iter_mut())
        .filter(|(name, group)| group.retention.is_none() && !functions.contains_key(*name))
        .collect();
    let arns: Vec<String> = (unclear.iter())
        .map(|(_, group)| group.arn.clone())
        .collect();
    let tags = concurrently(&arns, async |arn| group_tags(aws, arn).await).await?;
    for ((_, group), tags) in unclear.iter_mut().zip(tags) {
        group.tags = tags;
    }
    Ok(())
}

/// Adds the functions of lamed that the API calls, or that the role's policy still names, and that
/// nobody asked for: what an `extra_wiring` of earlier days left.
async fn add_others(aws: &Aws, observed: &mut Observed, names: Names<'_>) -> Result<(), AwsError> {
    let resources = observed.api.iter().flat_map(|api| api.resources.values());
    let mut called: Vec<String> = resources
        .flat_map(|resource| resource.methods.values())
        .filter_map(|method| called_function(method.integration.as_ref()?.uri.as_deref()?))
        .chain(named_by_policy(observed, names, aws.region()))
        .filter(|name| !names.functions.contains(&name.as_str()))
        .collect();
    called.sort();
    called.dedup();
    let read = concurrently(&called, async |name| {
        try_join!(function(aws, name, names), group(aws, name, names))
    });
    for (name, (function, group)) in called.iter().zip(read.await?) {
        if let Some(function) = function.filter(|function| function.ours) {
            observed.functions.insert(name.clone(), function);
            observed
                .log_groups
                .extend(group.map(|group| (name.clone(), group)));
        }
    }
    Ok(())
}

/// The functions that may write their logs by the policies that lamed gave the role for this region.
fn named_by_policy(observed: &Observed, names: Names<'_>, region: &str) -> Vec<String> {
    let of_region = region_policy(names.deployment, region);
    let policies = observed.role.iter().flat_map(|role| &role.policies);
    let policies =
        policies.filter(|(name, _)| [names.deployment, &of_region].contains(&name.as_str()));
    let statements = policies.filter_map(|(_, policy)| policy["Statement"].as_array());
    let resources = (statements.flatten())
        .filter_map(|statement| statement["Resource"].as_array())
        .flatten();
    let marker = format!(":log-group:{}", log_group(""));
    let here = format!(":logs:{region}:");
    resources
        .filter_map(|resource| {
            let (place, name) = resource.as_str()?.split_once(&marker)?;
            let name = name.strip_suffix(":*")?.to_owned();
            place.contains(&here).then_some(name)
        })
        .collect()
}

/// Whether lamed made it: by its mark, or where it has none by its shape.
fn is_ours(
    tags: &BTreeMap<String, String>,
    names: Names<'_>,
    shape: impl FnOnce() -> bool,
) -> bool {
    tags.get(MARK)
        .map_or_else(shape, |deployment| deployment == names.deployment)
}

/// A function of lamed's: by its settings, or by the handler's name that Python lamed gave.
fn has_shape(configuration: &Configuration, names: Names<'_>) -> bool {
    configuration.environment.contains_key(names.settings)
        || configuration.is_python() && configuration.handler.starts_with("lamed.")
}

fn sorted(map: HashMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().collect()
}

//! The plan that removes what lamed made, and nothing else. The data in Redis stays.

use super::deploy::remove_function;
use super::step::{Group, Plan, Step, Words};
use crate::deploy::desired::log_group;
use crate::deploy::observed::Observed;

/// Removes all that stands under the names of a deployment.
#[must_use]
pub fn destroy(observed: &Observed, name: &str, stage: &str) -> Plan {
    let mut plan = Plan::default();
    let ours = observed
        .api
        .as_ref()
        .map(|api| format!("{}:{stage}", api.id));
    if let Some(there) = &observed.usage_plan {
        let id = there.id.clone();
        if there.name == name {
            let step = Step::DeleteUsagePlan {
                id,
                stages: there.stages.clone(),
            };
            plan.push(
                Group::UsagePlan,
                step,
                Words::delete("usage plan", name).destructive(),
            );
        } else if let Some(stage) = ours.filter(|ours| there.stages.contains(ours)) {
            // Somebody's own, but the API cannot go while its stage is in it.
            let words = Words::update("usage plan", there.name.as_str());
            let words = words.detail("remove the stage");
            plan.push(Group::UsagePlan, Step::RemoveStage { id, stage }, words);
        }
    }
    if let Some(key) = &observed.key {
        let words = Words::delete("API key", name);
        plan.push(
            Group::UsagePlan,
            Step::DeleteKey(key.id.clone()),
            words.destructive(),
        );
    }
    if let Some(api) = &observed.api {
        let paths: Vec<String> = api
            .resources
            .keys()
            .map(|path| format!("/{path}"))
            .collect();
        let words = Words::delete("REST API", name)
            .detail(api.id.as_str())
            .detail(paths.join(" "));
        plan.push(
            Group::Narrowing,
            Step::DeleteApi(api.id.clone()),
            words.destructive(),
        );
    }
    for function in observed.functions.keys() {
        remove_function(&mut plan, function, observed);
    }
    let left = observed
        .log_groups
        .keys()
        .filter(|name| !observed.functions.contains_key(*name));
    for function in left {
        plan.push(
            Group::Removal(function.clone()),
            Step::DeleteLogGroup(function.clone()),
            Words::delete("log group", log_group(function)).destructive(),
        );
    }
    if let Some(role) = &observed.role {
        let step = Step::DeleteRole {
            name: name.to_owned(),
            policies: role.policies.keys().cloned().collect(),
            attached: role.attached.clone(),
        };
        plan.push(
            // After the functions: its policy tells which there are.
            Group::Narrowing,
            step,
            Words::delete("role", name).destructive(),
        );
    }
    plan
}

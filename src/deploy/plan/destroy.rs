//! The plan that removes what lamed made, and nothing else. The data in Redis stays.

use serde_json::Value;

use super::deploy::remove_function;
use super::step::{Group, Plan, Step, Words};
use super::{api, list, table};
use crate::deploy::desired::{log_group, region_policy};
use crate::deploy::observed::{Elsewhere, Observed, Role, regions};

/// Removes all that stands under the names of a deployment; the table of the counts only where they are to go, too.
#[must_use]
pub fn destroy(observed: &Observed, name: &str, stage: &str, region: &str, counts: bool) -> Plan {
    let mut plan = Plan::default();
    api::remove(&mut plan, observed, name, stage);
    table::remove(&mut plan, observed, counts);
    for (function, there) in &observed.functions {
        if there.ours {
            remove_function(&mut plan, function, observed);
        } else {
            let kept = format!("function `{function}` stays: lamed did not make it");
            plan.kept.push(kept);
        }
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
        remove_role(&mut plan, role, name, region);
    }
    plan
}

/// After the functions: its policies tell which there are. It stays while other regions use it, without what it
/// was allowed for this one.
fn remove_role(plan: &mut Plan, role: &Role, name: &str, region: &str) {
    let Elsewhere {
        regions: users,
        unknown,
        ..
    } = &role.elsewhere;
    if !role.ours {
        let kept = format!("role `{name}` stays: lamed did not make it");
        plan.kept.push(kept);
        return;
    }
    if users.is_empty() && unknown.is_empty() {
        let step = Step::DeleteRole {
            name: name.to_owned(),
            policies: role.policies.keys().cloned().collect(),
            attached: role.attached.clone(),
        };
        let words = Words::delete("role", name).destructive();
        plan.push(Group::Narrowing, step, words);
        return;
    }
    let own = region_policy(name, region);
    let is_of_region = |policy: &&String, document: &Value| {
        let regions = regions(document);
        **policy == own || **policy == name && regions.iter().eq([region])
    };
    let of_region = role.policies.iter();
    for (policy, _) in of_region.filter(|(policy, document)| is_of_region(policy, document)) {
        let step = Step::DeleteRolePolicy {
            role: name.to_owned(),
            policy: policy.clone(),
        };
        plan.push(
            Group::Narrowing,
            step,
            Words::delete("role policy", policy.as_str()),
        );
    }
    plan.kept.push(if users.is_empty() {
        format!(
            "role `{name}` stays: lamed cannot see whether functions in {} use it; delete it in IAM if they do not",
            list(unknown)
        )
    } else {
        format!("role `{name}` stays: functions in {} use it", list(users))
    });
}

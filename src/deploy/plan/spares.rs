//! What two first deploys at once left twice: what is not in use goes.

use super::step::{Group, Plan, Step, Words};
use crate::deploy::observed::Observed;

/// `all_goes` says that what is in use goes before, with its usage plan.
pub(super) fn remove(plan: &mut Plan, observed: &Observed, name: &str, all_goes: bool) {
    let spares = &observed.spares;
    let group = || match all_goes {
        true => Group::Narrowing,
        false => Group::Spares,
    };
    let used = observed.usage_plan.as_ref().map(|plan| plan.id.as_str());
    for spare in &spares.plans {
        let is_used = used == Some(spare.id.as_str());
        if spare.whole && !is_used {
            let step = Step::DeleteUsagePlan {
                id: spare.id.clone(),
                stages: spare.stages.clone(),
            };
            let words = Words::delete("usage plan", name).detail(spare.id.as_str());
            plan.push(group(), step, words.destructive());
        } else if !(is_used && all_goes && spare.name == name) {
            // An API cannot go while its stage is in a plan.
            for stage in &spare.stages {
                let step = Step::RemoveStage {
                    id: spare.id.clone(),
                    stage: stage.clone(),
                };
                let words = Words::update("usage plan", spare.name.as_str());
                plan.push(
                    group(),
                    step,
                    words.detail(format!("remove the stage {stage}")),
                );
            }
        }
    }
    let in_use = |what: Option<&String>| what.map_or(String::new(), |id| format!("{id} is in use"));
    for spare in &spares.keys {
        let words = Words::delete("API key", name)
            .detail(spare.id.as_str())
            .detail(in_use(observed.key.as_ref().map(|key| &key.id)));
        let step = Step::DeleteKey(spare.id.clone());
        plan.push(group(), step, words.destructive());
    }
    for spare in &spares.apis {
        let words = Words::delete("REST API", name)
            .detail(spare.id.as_str())
            .detail(in_use(observed.api.as_ref().map(|api| &api.id)));
        let step = Step::DeleteApi(spare.id.clone());
        plan.push(group(), step, words.destructive());
    }
}

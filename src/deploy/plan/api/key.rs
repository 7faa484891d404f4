//! The API key, and the usage plan that says what it opens.

use super::Planner;
use crate::deploy::plan::missing;
use crate::deploy::plan::step::{Group, Plan, Step, Words};

impl Planner<'_> {
    /// A key opens only what a usage plan names.
    pub(super) fn key(&self, plan: &mut Plan) {
        let name = self.desired.name.as_str();
        let key = self.observed.key.as_ref();
        match key {
            None => plan.push(Group::Key, Step::CreateKey, Words::create("API key", name)),
            Some(key) if missing(&self.desired.tags, &key.tags) => {
                plan.push(
                    Group::Key,
                    Step::TagKey,
                    Words::update("API key", name).detail("tags"),
                );
            }
            Some(_) => {}
        }
        let group = || Group::UsagePlan;
        let Some(there) = &self.observed.usage_plan else {
            let words = Words::create("usage plan", name);
            let words = words.detail(format!("for stage {}", self.desired.stage));
            plan.push(group(), Step::CreateUsagePlan, words);
            let words = Words::update("usage plan", name).detail("add the API key");
            plan.push(group(), Step::AddKey, words);
            return;
        };
        let stage = self
            .api
            .map(|api| format!("{}:{}", api.id, self.desired.stage));
        let has_stage = stage.is_some_and(|stage| there.stages.contains(&stage));
        if !has_stage {
            let words = Words::update("usage plan", there.name.as_str());
            let words = words.detail(format!("add stage {}", self.desired.stage));
            plan.push(group(), Step::AddStage, words);
        }
        if !key.is_some_and(|key| there.keys.contains(&key.id)) {
            let words = Words::update("usage plan", there.name.as_str()).detail("add the API key");
            plan.push(group(), Step::AddKey, words);
        }
        if there.name == name && missing(&self.desired.tags, &there.tags) {
            plan.push(
                group(),
                Step::TagUsagePlan,
                Words::update("usage plan", name).detail("tags"),
            );
        }
    }
}

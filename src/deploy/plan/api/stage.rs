//! The stage that serves the REST API, and what was deployed to it.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::Planner;
use crate::deploy::Account;
use crate::deploy::desired::{COMPRESSED_FROM, Desired};
use crate::deploy::plan::missing;
use crate::deploy::plan::step::{Group, Plan, Step, Words};

impl Planner<'_> {
    pub(super) fn stage(&self, plan: &mut Plan) {
        let there = self.api.and_then(|api| api.stage.as_ref());
        let digest = digest(self.desired, self.account);
        let api_changes = plan.changes.iter().any(|change| {
            matches!(
                change.group,
                Group::Api | Group::Path(_) | Group::Method(..) | Group::GatewayResponse(_)
            ) && !matches!(change.step, Step::TagApi)
        });
        // The digest tells what was deployed, should a deploy have ended just before this step.
        let current = there.is_some_and(|stage| stage.description.ends_with(&digest));
        let stage = self.desired.stage;
        if api_changes || !current {
            let description = format!("lamed {} {digest}", self.desired.lamed_version);
            let words = if there.is_some() {
                Words::update("stage", stage)
            } else {
                Words::create("stage", stage)
            };
            plan.push(
                Group::Deployment,
                Step::Deploy(description),
                words.detail("new deployment"),
            );
        }
        let throttle_there = there.and_then(|stage| stage.throttle);
        if let Some(throttle) = self.desired.throttle
            && throttle_there != Some(throttle)
        {
            let from = throttle_there.map_or("the limits of the account".to_owned(), |there| {
                format!(
                    "{} requests per second, bursts of {}",
                    there.rate, there.burst
                )
            });
            let to = format!(
                "{} requests per second, bursts of {}",
                throttle.rate, throttle.burst
            );
            plan.push(
                Group::Deployment,
                Step::SetThrottle(throttle),
                Words::update("stage", stage).detail(format!("{from} → {to}")),
            );
        }
        if missing(
            &self.desired.tags,
            &there.map(|stage| stage.tags.clone()).unwrap_or_default(),
        ) {
            let words = Words::update("stage", stage).detail("tags");
            plan.push(Group::Deployment, Step::TagStage, words);
        }
    }
}

/// Tells one API from another that would answer differently.
pub(in crate::deploy::plan) fn digest(desired: &Desired, account: &Account) -> String {
    let methods: Vec<_> = (desired.methods.iter())
        .map(|method| {
            json!([
                method.path,
                method.verb,
                account.integration(&method.function),
                method.key_required,
                method.request_parameters,
            ])
        })
        .collect();
    let all = json!([
        methods,
        desired.preflights,
        desired.gateway_headers,
        COMPRESSED_FROM
    ])
    .to_string();
    let hash = Sha256::digest(all.as_bytes());
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

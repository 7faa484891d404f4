//! The REST API's part of the plan.

mod key;
mod paths;
mod permissions;
mod stage;

use std::collections::BTreeMap;

#[cfg(test)]
pub(super) use self::stage::digest;
use super::step::{Group, Plan, Step, Words};
use super::{missing, spares};
use crate::deploy::Account;
use crate::deploy::desired::{COMPRESSED_FROM, Desired};
use crate::deploy::observed::{Observed, RestApi};

/// What the gateway answers itself: every such reply is one of the two.
const GATEWAY_RESPONSES: [&str; 2] = ["DEFAULT_4XX", "DEFAULT_5XX"];

pub(super) fn plan(plan: &mut Plan, desired: &Desired, observed: &Observed, account: &Account) {
    let name = desired.name.as_str();
    let api = observed.api.as_ref();
    let planner = Planner {
        desired,
        observed,
        account,
        api,
    };
    match api {
        None => plan.push(
            Group::Api,
            Step::CreateApi,
            (Words::create("REST API", name).detail("regional"))
                .detail(compression(Some(COMPRESSED_FROM))),
        ),
        Some(api) => {
            if api.compressed_from != Some(COMPRESSED_FROM) {
                let [from, to] = [api.compressed_from, Some(COMPRESSED_FROM)].map(compression);
                let detail = format!("{from} → {to}");
                plan.push(
                    Group::Api,
                    Step::SetCompression,
                    Words::update("REST API", name).detail(detail),
                );
            }
            if missing(&desired.tags, &api.tags) {
                plan.push(
                    Group::Api,
                    Step::TagApi,
                    Words::update("REST API", name).detail("tags"),
                );
            }
        }
    }
    for path in desired.paths() {
        planner.path(plan, path);
    }
    planner.unwanted_paths(plan);
    planner.gateway_responses(plan);
    let late = planner.permissions(plan);
    planner.stage(plan);
    planner.key(plan);
    plan.changes.extend(late.changes);
}

/// Takes away the REST API with its key and usage plan: the last of all, when its functions are gone.
pub(super) fn remove(plan: &mut Plan, observed: &Observed, name: &str, stage: &str) {
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
                Group::Narrowing,
                step,
                Words::delete("usage plan", name).destructive(),
            );
        } else if let Some(stage) = ours.filter(|ours| there.stages.contains(ours)) {
            // Somebody's own, but the API cannot go while its stage is in it.
            let words = Words::update("usage plan", there.name.as_str());
            let words = words.detail("remove the stage");
            plan.push(Group::Narrowing, Step::RemoveStage { id, stage }, words);
        }
    }
    if let Some(key) = &observed.key {
        let words = Words::delete("API key", name);
        plan.push(
            Group::Narrowing,
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
    spares::remove(plan, observed, name, true);
}

struct Planner<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    account: &'a Account,
    api: Option<&'a RestApi>,
}

impl Planner<'_> {
    fn gateway_responses(&self, plan: &mut Plan) {
        let wanted = mapped("gatewayresponse.header.", &self.desired.gateway_headers);
        for kind in GATEWAY_RESPONSES {
            let there = self.api.and_then(|api| api.gateway_responses.get(kind));
            if there == Some(&wanted) {
                continue;
            }
            let words = if there.is_some() {
                Words::update("gateway response", kind)
            } else {
                Words::create("gateway response", kind)
            };
            let step = Step::PutGatewayResponse(kind);
            plan.push(
                Group::GatewayResponse(kind),
                step,
                words.detail("with CORS headers"),
            );
        }
    }
}

/// What the gateway does to replies that a browser takes compressed.
fn compression(from: Option<i32>) -> String {
    match from {
        None => "no compression".to_owned(),
        Some(bytes) if bytes < 1000 => format!("compression from {bytes} bytes"),
        Some(bytes) => format!(
            "compression from {},{:03} bytes",
            bytes / 1000,
            bytes % 1000
        ),
    }
}

/// Header values as API Gateway wants its mappings: names with a prefix, values in quotes.
pub(in crate::deploy) fn mapped(
    prefix: &str,
    headers: &[(String, String)],
) -> BTreeMap<String, String> {
    let mapping =
        |(name, value): &(String, String)| (format!("{prefix}{name}"), format!("'{value}'"));
    headers.iter().map(mapping).collect()
}

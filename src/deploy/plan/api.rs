//! The REST API's part of the plan.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::step::{Group, Plan, Step, Words};
use super::{missing, spares, url};
use crate::deploy::Account;
use crate::deploy::desired::{COMPRESSED_FROM, Desired, DesiredMethod};
use crate::deploy::observed::{Observed, Permission, Resource, RestApi};
use crate::deploy::read::called_function;

/// What the gateway answers itself: every such reply is one of the two.
const GATEWAY_RESPONSES: [&str; 2] = ["DEFAULT_4XX", "DEFAULT_5XX"];

/// A statement of ours in a function's policy begins so.
const STATEMENT: &str = "lamed-";

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
    fn path(&self, plan: &mut Plan, path: &str) {
        let there = self.api.and_then(|api| api.resources.get(path));
        if there.is_none() {
            let step = Step::CreateResource(path.to_owned());
            plan.push(
                Group::Path(path.to_owned()),
                step,
                Words::create("path", format!("/{path}")),
            );
        }
        for method in self
            .desired
            .methods
            .iter()
            .filter(|method| method.path == path)
        {
            self.method(plan, method, there);
        }
        self.preflight(plan, path, there);
    }

    fn method(&self, plan: &mut Plan, wanted: &DesiredMethod, there: Option<&Resource>) {
        let DesiredMethod {
            path,
            verb,
            function,
            ..
        } = wanted;
        let group = Group::Method(path.clone(), (*verb).to_owned());
        let name = format!("{verb} /{path}");
        let put = |replace| Step::PutMethod {
            path: path.clone(),
            verb: (*verb).to_owned(),
            replace,
        };
        let Some(there) = there.and_then(|resource| resource.methods.get(*verb)) else {
            let words = Words::create("method", name).detail(format!("→ {function}"));
            let words = if wanted.key_required {
                words.detail("API key required")
            } else {
                words
            };
            plan.push(group, put(false), words);
            return;
        };
        let mut details = Vec::new();
        if there.key_required != wanted.key_required {
            let needs = |key| {
                if key {
                    "API key required"
                } else {
                    "no API key required"
                }
            };
            let (from, to) = (needs(there.key_required), needs(wanted.key_required));
            details.push(format!("{from} → {to}"));
        }
        if there.request_parameters != wanted.request_parameters {
            details.push("request parameters".to_owned());
        }
        if !details.is_empty() {
            plan.push(
                group,
                put(true),
                Words::update("method", name).details(details),
            );
            return;
        }
        let uri = self.account.integration(function);
        let details = match &there.integration {
            None => vec![format!("→ {function}")],
            Some(there) => {
                let mut details = Vec::new();
                if there.kind != "AWS_PROXY" {
                    details.push(format!("{} → AWS_PROXY", there.kind));
                }
                if there.uri.as_ref() != Some(&uri) {
                    let from = there
                        .uri
                        .as_deref()
                        .and_then(called_function)
                        .unwrap_or_default();
                    details.push(format!("{from} → {function}"));
                }
                if there.credentials.is_some() {
                    details.push("remove the role's credentials".to_owned());
                }
                details
            }
        };
        if !details.is_empty() {
            let step = Step::PutIntegration {
                path: path.clone(),
                verb: (*verb).to_owned(),
            };
            plan.push(group, step, Words::update("method", name).details(details));
        }
    }

    fn preflight(&self, plan: &mut Plan, path: &str, there: Option<&Resource>) {
        let Some(headers) = self.desired.preflights.get(path) else {
            return;
        };
        let there = there.and_then(|resource| resource.methods.get("OPTIONS"));
        let wanted = mapped("method.response.header.", headers);
        let same = there.is_some_and(|there| {
            let mock = there
                .integration
                .as_ref()
                .filter(|integration| integration.kind == "MOCK");
            !there.key_required && mock.is_some_and(|mock| mock.headers == wanted)
        });
        if same {
            return;
        }
        let allowed = (headers.iter())
            .find(|(name, _)| name == "Access-Control-Allow-Methods")
            .map_or("", |(_, value)| value);
        let name = format!("OPTIONS /{path}");
        let words = if there.is_some() {
            Words::update("method", name)
        } else {
            Words::create("method", name)
        };
        plan.push(
            Group::Method(path.to_owned(), "OPTIONS".to_owned()),
            Step::PutPreflight {
                path: path.to_owned(),
                replace: there.is_some(),
            },
            words.detail(format!("allows {allowed}")),
        );
    }

    /// Paths to functions of lamed that are no longer wanted. Those of others are none of our
    /// business.
    fn unwanted_paths(&self, plan: &mut Plan) {
        let wanted = self.desired.paths();
        let resources = self.api.iter().flat_map(|api| &api.resources);
        for (path, resource) in resources.filter(|(path, _)| !wanted.contains(path.as_str())) {
            let ours = resource.methods.values().any(|method| {
                let uri = method.integration.as_ref().and_then(|i| i.uri.as_deref());
                let function = uri.and_then(called_function);
                function.is_some_and(|name| self.observed.functions.contains_key(&name))
            });
            if ours {
                plan.push(
                    Group::Path(path.clone()),
                    Step::DeleteResource(path.clone()),
                    Words::delete("path", format!("/{path}")).destructive(),
                );
            }
        }
    }

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

    /// API Gateway may call the function for this method of this API, and for nothing else.
    ///
    /// What it may call only as long as the old deployment is served stands in `late`.
    fn permissions(&self, plan: &mut Plan) -> Plan {
        let mut late = Plan::default();
        for function in &self.desired.functions {
            let there = self.observed.functions.get(&function.name);
            let there = there
                .map(|there| there.permissions.clone())
                .unwrap_or_default();
            let mut wanted = BTreeMap::new();
            for method in self
                .desired
                .methods
                .iter()
                .filter(|m| m.function == function.name)
            {
                wanted.insert(statement(method), method);
            }
            let group = || Group::Permission(function.name.clone());
            let is_right = |statement: &str, method: &DesiredMethod| {
                let source = self.api.map(|api| {
                    let (stage, verb) = (self.desired.stage, method.verb);
                    Permission::Source(self.account.source(&api.id, stage, verb, &method.path))
                });
                source.is_some() && there.get(statement) == source.as_ref()
            };
            for statement in there
                .keys()
                .filter(|statement| statement.starts_with(STATEMENT) && !url::is_ours(statement))
            {
                let right = wanted
                    .get(statement)
                    .is_some_and(|method| is_right(statement, method));
                if !right {
                    // One that only changes its source goes before it comes again.
                    let (plan, group) = match wanted.contains_key(statement) {
                        true => (&mut *plan, group()),
                        false => (&mut late, Group::Narrowing),
                    };
                    let step = Step::Disallow {
                        function: function.name.clone(),
                        statement: statement.clone(),
                    };
                    let words = Words::delete("permission", function.name.as_str());
                    plan.push(group, step, words.detail(statement.as_str()));
                }
            }
            for (statement, method) in wanted {
                if is_right(&statement, method) {
                    continue;
                }
                let words = Words::create("permission", function.name.as_str());
                let words = words.detail(format!("for {} /{}", method.verb, method.path));
                let step = Step::Allow {
                    function: function.name.clone(),
                    statement,
                    verb: method.verb.to_owned(),
                    path: method.path.clone(),
                };
                plan.push(group(), step, words);
            }
        }
        late
    }

    fn stage(&self, plan: &mut Plan) {
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

    /// A key opens only what a usage plan names.
    fn key(&self, plan: &mut Plan) {
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

/// The id of the statement for a method: letters, digits, `-` and `_` are all that Lambda allows.
fn statement(method: &DesiredMethod) -> String {
    let mut id = format!("{STATEMENT}{}-", method.verb);
    for byte in method.path.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("_{byte:02x}"));
        }
    }
    id
}

/// Tells one API from another that would answer differently.
pub(super) fn digest(desired: &Desired, account: &Account) -> String {
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

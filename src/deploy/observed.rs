//! What is there: plain data, read by [`super::read`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::desired::{Throttle, Vpc};
use crate::domain::Secret;

/// What an account holds under the names of a deployment.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    pub role: Option<Role>,
    /// By name: those that the deployment wants, and those of lamed that its API calls.
    pub functions: BTreeMap<String, ObservedFunction>,
    pub api: Option<RestApi>,
    pub key: Option<ApiKey>,
    pub usage_plan: Option<UsagePlan>,
    /// The table of the counts; read only where there should be one.
    pub table: Option<ObservedTable>,
    /// By the function's name.
    pub log_groups: BTreeMap<String, LogGroup>,
    pub spares: Spares,
}

/// What two first deploys at once left twice: all that is not in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spares {
    pub apis: Vec<SpareApi>,
    pub keys: Vec<SpareKey>,
    pub plans: Vec<SparePlan>,
}

/// An API of the deployment's name that another one is used in the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpareApi {
    pub id: String,
}

/// The same of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpareKey {
    pub id: String,
}

/// A usage plan with stages of spare APIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparePlan {
    pub id: String,
    pub name: String,
    /// Those of spare APIs.
    pub stages: Vec<String>,
    /// Whether it has no others, and lamed made it.
    pub whole: bool,
}

#[derive(Clone, Debug)]
pub struct Role {
    pub arn: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    pub trust: Value,
    /// The ARN of the policy that limits it.
    pub boundary: Option<String>,
    /// Inline policies by name.
    pub policies: BTreeMap<String, Value>,
    /// The ARNs of managed policies.
    pub attached: Vec<String>,
    pub tags: BTreeMap<String, String>,
    pub elsewhere: Elsewhere,
    /// Whether lamed made it.
    pub ours: bool,
}

/// The other regions whose functions use a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// All that are known.
    pub regions: BTreeSet<String>,
    /// Those with functions of Python lamed, which need its wide rights.
    pub python: BTreeSet<String>,
    /// Those that the credentials do not allow to look at, or that cannot be reached.
    pub unknown: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub struct ObservedFunction {
    /// `$LATEST`, which is changed and then published.
    pub latest: Configuration,
    /// Why it failed to become ready, where it did.
    pub failed: Option<String>,
    /// Published versions, oldest first.
    pub versions: Vec<Version>,
    /// Version numbers by the name of the alias.
    pub aliases: BTreeMap<String, u64>,
    /// The permissions on the alias `live`, by statement id.
    pub permissions: BTreeMap<String, Permission>,
    /// Its function URL on the alias `live`; read only of the function that may have one.
    pub url: Option<ObservedUrl>,
    /// How many requests at once are kept for it.
    pub reserved_concurrency: Option<u32>,
    pub tags: BTreeMap<String, String>,
    /// Whether lamed made it.
    pub ours: bool,
}

/// What a statement of a function's policy allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// That the source of this ARN invokes it.
    Source(String),
    /// That everybody calls its URL.
    Url,
    /// That it is invoked for who calls its URL.
    ThroughUrl,
    Other,
}

/// A function URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedUrl {
    /// `https://ID.lambda-url.eu-west-1.on.aws/`
    pub url: String,
    /// Whether everybody may call it, and Lambda adds no CORS headers to those of the function.
    pub is_open: bool,
}

/// A DynamoDB table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedTable {
    pub name: String,
    /// Whether it is neither being made nor changed.
    pub is_active: bool,
    /// The attributes of its key.
    pub keys: Vec<String>,
    /// Whether items expire.
    pub expires: bool,
    /// Whether it can be brought back to any moment of the last 35 days.
    pub is_backed_up: bool,
    /// Whether AWS refuses to delete it.
    pub is_protected: bool,
    pub tags: BTreeMap<String, String>,
    /// Whether lamed made it.
    pub ours: bool,
}

/// A version of a function.
#[derive(Clone, Debug)]
pub struct Version {
    pub number: u64,
    pub description: String,
    /// As Lambda gives it: `2026-11-23T03:40:12.000+0000`.
    pub modified: String,
    pub configuration: Configuration,
}

/// What a version, or `$LATEST`, runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    pub runtime: String,
    pub handler: String,
    pub memory_mb: u32,
    pub timeout_seconds: u32,
    pub role: String,
    pub architecture: String,
    /// SHA-256 of the zip in base64.
    pub code_sha256: String,
    /// When it became so, in milliseconds since 1970, where Lambda tells.
    pub modified: Option<i64>,
    pub environment: BTreeMap<String, Secret>,
    pub vpc: Vpc,
}

#[derive(Clone, Debug)]
pub struct RestApi {
    pub id: String,
    pub root: String,
    /// By path, without the leading slash; the root is left out.
    pub resources: BTreeMap<String, Resource>,
    /// The header mappings of the gateway responses that were changed, by type.
    pub gateway_responses: BTreeMap<String, BTreeMap<String, String>>,
    pub stage: Option<Stage>,
    /// Whether somebody switched off the address that AWS gives it.
    pub is_disabled: bool,
    /// The custom domains that lead to it, with their paths: `ab.example.com/shop`. Read only where they matter.
    pub domains: Vec<String>,
    /// The size in bytes from which replies are compressed; `None` for never.
    pub compressed_from: Option<i32>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default)]
pub struct Resource {
    pub id: String,
    /// By verb.
    pub methods: BTreeMap<String, ObservedMethod>,
}

/// A method with its integration, as far as lamed sets them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedMethod {
    pub key_required: bool,
    pub request_parameters: BTreeMap<String, bool>,
    pub integration: Option<Integration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integration {
    /// `AWS_PROXY`, `AWS`, `MOCK`, …
    pub kind: String,
    pub uri: Option<String>,
    /// The role that API Gateway would take on: Python lamed's.
    pub credentials: Option<String>,
    /// The headers that a mock answers with.
    pub headers: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct Stage {
    pub deployment: String,
    /// The description of that deployment.
    pub description: String,
    pub throttle: Option<Throttle>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct ApiKey {
    pub id: String,
    pub value: Secret,
    pub enabled: bool,
    pub tags: BTreeMap<String, String>,
}

/// The usage plan that lets the key use the stage.
#[derive(Clone, Debug)]
pub struct UsagePlan {
    pub id: String,
    pub name: String,
    /// `API:STAGE`
    pub stages: Vec<String>,
    /// The ids of its keys.
    pub keys: Vec<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct LogGroup {
    pub arn: String,
    /// In days; `None` keeps for ever.
    pub retention: Option<u32>,
    /// Read only where they are compared with a config that sets tags, or tell who made the group.
    pub tags: BTreeMap<String, String>,
}

impl Observed {
    /// The deployment's function URL.
    #[must_use]
    pub fn url(&self) -> Option<&ObservedUrl> {
        let mut functions = self.functions.values();
        functions.find_map(|function| function.url.as_ref())
    }
}

impl Role {
    /// Whether Python lamed made it and nothing has narrowed it since: API Gateway may assume it, or it may do
    /// something in all regions.
    pub(super) fn is_wide(&self, deployment: &str) -> bool {
        let legacy = self.policies.get(deployment);
        self.trust.to_string().contains("apigateway.amazonaws.com")
            || legacy.is_some_and(|policy| regions(policy).is_empty())
    }

    /// Whether it looks as Python lamed and earlier builds made it: without the mark, but with the policy of the
    /// deployment's name that lets Lambda write logs.
    pub(super) fn has_legacy_shape(&self, deployment: &str) -> bool {
        let legacy = self.policies.get(deployment).map(Value::to_string);
        self.trust.to_string().contains("lambda.amazonaws.com")
            && legacy.is_some_and(|policy| policy.contains("logs:PutLogEvents"))
    }

    /// The regions that have a policy of their own in it.
    pub(super) fn registered(&self, deployment: &str) -> BTreeSet<String> {
        let named = |policy: &String| {
            let region = policy.strip_prefix(deployment)?.strip_prefix('-')?;
            Some(region.to_owned())
        };
        let legacy = self.policies.get(deployment).map(regions);
        (self.policies.keys().filter_map(named))
            .chain(legacy.into_iter().flatten())
            .collect()
    }
}

/// The regions of the log groups that a policy names.
pub(super) fn regions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let resources = statements.filter_map(|statement| statement["Resource"].as_array());
    let region = |resource: &Value| {
        let mut parts = resource.as_str()?.split(':').skip(2);
        let is_logs = parts.next() == Some("logs");
        let region = parts.next().filter(|region| *region != "*");
        region.filter(|_| is_logs).map(str::to_owned)
    };
    resources.flatten().filter_map(region).collect()
}

impl ObservedFunction {
    /// The version that the alias `live` points to.
    #[must_use]
    pub fn live(&self) -> Option<&Version> {
        let number = self.aliases.get(super::LIVE)?;
        self.versions
            .iter()
            .find(|version| version.number == *number)
    }
}

impl Configuration {
    /// Whether Python lamed left it.
    #[must_use]
    pub fn is_python(&self) -> bool {
        self.runtime.starts_with("python")
    }
}

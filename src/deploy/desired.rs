//! What should be there: plain data, made by the caller from the config.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Account;
use crate::domain::Secret;

/// The alias that API Gateway calls: it is moved when a new version is ready.
pub const LIVE: &str = "live";

/// The runtime of the bootstrap.
pub const RUNTIME: &str = "provided.al2023";

/// The size in bytes from which API Gateway compresses a reply: a shorter one hardly gets shorter.
pub const COMPRESSED_FROM: i32 = 1024;

/// The days that a new log group keeps its events for, where the config says nothing.
pub const DEFAULT_RETENTION_DAYS: u32 = 30;

/// The tag by which lamed knows what it made; its value is the name of the deployment.
pub const MARK: &str = "lamed:deployment";

/// The newest versions of a function that are kept, besides those that an alias uses.
pub const KEPT_VERSIONS: usize = 5;

/// A deployment as the config describes it.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The role, the REST API, the API key and the usage plan are called so.
    pub name: String,
    /// What deploys, for the descriptions of versions: `1.0.0`.
    pub lamed_version: &'static str,
    /// The path under which the API is served.
    pub stage: &'static str,
    pub code: Code,
    /// The same with the declared experiments in a file, for functions that serve the browser client.
    pub code_with_experiments: Code,
    /// The one environment variable that lamed sets; all others are the user's.
    pub settings: Variable,
    /// Whether requests come in through a REST API. Without it, `methods` and `preflights` are empty.
    pub rest_api: bool,
    /// The function URL that requests come in through.
    pub url: Option<DesiredUrl>,
    /// The table that holds the counts.
    pub table: Option<DesiredTable>,
    /// By name, each once.
    pub functions: Vec<DesiredFunction>,
    pub methods: Vec<DesiredMethod>,
    /// By path: the headers of the reply to OPTIONS.
    pub preflights: BTreeMap<String, Vec<(String, String)>>,
    /// The headers on what the gateway itself answers.
    pub gateway_headers: Vec<(String, String)>,
    /// `None` leaves it as it is.
    pub throttle: Option<Throttle>,
    /// `None` leaves it as it is; without subnets: outside of any VPC.
    pub vpc: Option<Vpc>,
    pub tags: BTreeMap<String, String>,
    /// The ARN of a role that somebody else looks after; `None` for one of the deployment's own.
    pub role: Option<String>,
    /// The ARN of the policy that limits the deployment's own role; `None` leaves it as it is.
    pub boundary: Option<String>,
    /// In days; `None` leaves existing log groups as they are.
    pub retention: Option<u32>,
}

/// The zip of the bootstrap.
#[derive(Clone)]
pub struct Code {
    pub architecture: String,
    pub zip: Cow<'static, [u8]>,
    /// As Lambda gives it: SHA-256 in base64.
    pub sha256: String,
}

impl Code {
    #[must_use]
    pub fn new(architecture: &str, zip: Cow<'static, [u8]>) -> Self {
        Self {
            architecture: architecture.to_owned(),
            sha256: BASE64_STANDARD.encode(Sha256::digest(&zip)),
            zip,
        }
    }
}

impl Code {
    /// What tells this program from others, in few characters; experiments beside it do not change it.
    pub(super) fn id(&self) -> &str {
        self.sha256.get(..8).unwrap_or(&self.sha256)
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code({}, {})", self.architecture, self.sha256)
    }
}

/// An environment variable.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: &'static str,
    pub value: Secret,
}

/// Where requests come in: by one of them or by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    pub rest_api: bool,
    pub url: bool,
}

/// A function URL, and what its function needs beside.
#[derive(Clone, Debug)]
pub struct DesiredUrl {
    pub function: String,
    /// The settings of that function, with the API key.
    pub settings: Secret,
    /// How many requests at once are kept for it; `None` leaves it as it is.
    pub reserved_concurrency: Option<u32>,
}

/// A DynamoDB table, paid by request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredTable {
    pub name: String,
    /// The attributes that make the key of an item, both texts.
    pub keys: [&'static str; 2],
    /// The attribute that says when an item expires, in seconds since 1970.
    pub expiry: &'static str,
    /// What functions do with it: `dynamodb:PutItem`, …
    pub actions: &'static [&'static str],
}

/// A Lambda function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredFunction {
    pub name: String,
    /// `lamed.track`
    pub handler: String,
    pub memory_mb: u32,
    pub timeout_seconds: u32,
    /// Whether its code is the one with the experiments.
    pub has_experiments: bool,
}

/// A method on a path of the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredMethod {
    /// One segment, without slashes.
    pub path: String,
    pub verb: &'static str,
    pub function: String,
    pub key_required: bool,
    pub request_parameters: BTreeMap<String, bool>,
}

/// Where functions run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vpc {
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<String>,
}

/// The stage's limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    /// Requests a second.
    pub rate: f64,
    /// Requests at once.
    pub burst: u32,
}

impl Desired {
    /// What a function runs.
    pub(super) fn code_of(&self, function: &DesiredFunction) -> &Code {
        if function.has_experiments {
            &self.code_with_experiments
        } else {
            &self.code
        }
    }

    /// Where requests come in.
    #[must_use]
    pub fn doors(&self) -> Doors {
        Doors {
            rest_api: self.rest_api,
            url: self.url.is_some(),
        }
    }

    /// The value of the variable that lamed sets on a function.
    pub(super) fn settings_of(&self, function: &str) -> &Secret {
        match &self.url {
            Some(url) if url.function == function => &url.settings,
            _ => &self.settings.value,
        }
    }

    /// The tags of what lamed has to know again as its own.
    pub(super) fn marked_tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.tags.clone();
        tags.insert(MARK.to_owned(), self.name.clone());
        tags
    }

    /// The paths of the API, each once, in order.
    pub(super) fn paths(&self) -> BTreeSet<&str> {
        (self.methods.iter())
            .map(|method| method.path.as_str())
            .collect()
    }

    /// Who may assume the role: Lambda alone.
    pub(super) fn trust(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }],
        })
    }

    /// The name of the role's policy for this region.
    pub(super) fn policy_name(&self, account: &Account) -> String {
        region_policy(&self.name, &account.region)
    }

    /// What the functions of this region may do: write their own logs, count in their table and, in a VPC, what Lambda
    /// needs to put them there.
    ///
    /// Source: AWS managed policies `AWSLambdaBasicExecutionRole` (here without the right to create
    /// log groups, which deploy does) and `AWSLambdaVPCAccessExecutionRole`.
    pub(super) fn policy(&self, account: &Account, in_vpc: bool) -> Value {
        let logs: Vec<String> = (self.functions.iter())
            .map(|function| format!("{}:*", account.log_group(&function.name)))
            .collect();
        let mut statements = vec![json!({
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": logs,
        })];
        if let Some(table) = &self.table {
            statements.push(json!({
                "Sid": "Counts",
                "Effect": "Allow",
                "Action": table.actions,
                "Resource": account.table(&table.name),
            }));
        }
        if in_vpc {
            statements.push(json!({
                "Sid": "NetworkInterfaces",
                "Effect": "Allow",
                "Action": [
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:CreateNetworkInterface",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                "Resource": "*",
            }));
        }
        json!({"Version": "2012-10-17", "Statement": statements})
    }
}

/// The role is global and deployments are regional: each region has a policy of its own in it, and touches no other.
pub(super) fn region_policy(deployment: &str, region: &str) -> String {
    format!("{deployment}-{region}")
}

/// Where Lambda writes what a function logs.
#[must_use]
pub fn log_group(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

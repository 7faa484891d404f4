//! The `aws` section: what is to be deployed, and how.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::json;

use super::schema::{described, whole_number};
use super::value::{positive, text, whole};

/// The name of a deployment where none is given: that of Python lamed's.
const DEFAULT_NAME: &str = "lamed";

/// What the longest of the names made from `aws.name` leaves of Lambda's 64 characters:
/// `NAME-lamed-delete-experiment`.
const MAX_NAME: usize = 64 - "-lamed-delete-experiment".len();

/// The days that CloudWatch Logs can keep a log group's events for.
///
/// Source: API reference of CloudWatch Logs, `PutRetentionPolicy`.
const RETENTION_DAYS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// The section, checked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    /// The name of the deployment. Set it for a second deployment in the same account: with `shop`, all
    /// names begin with `shop-`. With the default, names have no prefix.
    #[schemars(extend("default" = DEFAULT_NAME))]
    pub name: DeploymentName,
    /// Where requests come in: `function_url` is one function with its own address, `rest_api` is API Gateway, and
    /// `both` is for moving pages from one to the other. Without it, an existing deployment does not change, and a new
    /// one gets a function URL.
    pub front_door: Option<FrontDoor>,
    /// Where the functions count: `dynamodb` is a table that lamed makes in the account, `redis` is the Redis of this
    /// config. Without it, the functions use the Redis if the config has one, otherwise the table. If the deployed
    /// functions count in the other store, `deploy` stops until you set this key.
    pub store: Option<Counts>,
    /// How many requests the function behind a function URL can answer at the same time. AWS reserves this number
    /// from the limit of your account, and answers further requests with 429. Without this key, lamed does not
    /// change the limit.
    #[serde(deserialize_with = "concurrency")]
    #[schemars(with = "Option<Concurrency>")]
    pub reserved_concurrency: Option<u32>,
    /// The processor that the functions run on. Your lamed includes the function for one processor or for
    /// both. Without this key, lamed uses the one that it includes, or arm64 if it includes both.
    pub architecture: Option<Architecture>,
    /// The VPC that the functions run in. Without it, lamed does not change the VPC. With an empty
    /// `subnet_ids`, the functions run outside of a VPC.
    #[serde(deserialize_with = "vpc")]
    pub vpc: Option<Vpc>,
    /// The tags to set on all resources that can have tags. lamed does not remove tags that you delete here.
    #[serde(deserialize_with = "tags")]
    #[schemars(extend("default" = {}))]
    pub tags: BTreeMap<String, String>,
    /// The limits for requests to API Gateway. Without this key, lamed does not change them.
    pub throttle: Option<Throttle>,
    /// The ARN (the id on AWS) of a role that an administrator made for the functions. lamed uses it and writes nothing
    /// to IAM. Lambda must be able to assume the role. The role must allow the functions to write their logs. If they count in a table,
    /// it must allow them to use the table (docs/counting.md lists the actions).
    #[serde(deserialize_with = "role")]
    #[schemars(with = "Option<RoleArn>")]
    pub role: Option<String>,
    /// The ARN (the id on AWS) of a policy that limits the role that lamed makes. Some companies require one.
    #[serde(deserialize_with = "boundary")]
    #[schemars(with = "Option<PolicyArn>")]
    pub permissions_boundary: Option<String>,
    /// How many days CloudWatch keeps the logs of the functions. Without it, new log groups keep logs
    /// for 30 days, and lamed does not change existing log groups.
    #[serde(deserialize_with = "retention")]
    #[schemars(with = "Retention")]
    pub log_retention_days: Option<u32>,
}

/// `aws.name`: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentName(String);

impl DeploymentName {
    /// Checks a name.
    ///
    /// # Errors
    /// When AWS would refuse what is made from it, in words.
    pub fn new(name: &str) -> Result<Self, String> {
        resource_name(name, MAX_NAME).map(|name| Self(name.to_owned()))
    }

    /// What a resource is called that Python lamed called `name`.
    #[must_use]
    pub fn of(&self, name: &str) -> String {
        if self.0 == DEFAULT_NAME {
            name.to_owned()
        } else {
            format!("{}-{name}", self.0)
        }
    }
}

described!(
    DeploymentName,
    "Characters from A–Z, a–z, 0–9, `-` and `_`.",
    json!({
        "type": "string",
        "maxLength": MAX_NAME,
        "pattern": RESOURCE_NAME,
    })
);

/// What [`resource_name`] takes.
pub(super) const RESOURCE_NAME: &str = "^[A-Za-z0-9_-]+$";

impl Default for DeploymentName {
    fn default() -> Self {
        Self(DEFAULT_NAME.to_owned())
    }
}

impl<'de> Deserialize<'de> for DeploymentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, Self::new)
    }
}

/// Checks a name that Lambda, IAM and API Gateway all take.
pub(super) fn resource_name(name: &str, max: usize) -> Result<&str, String> {
    let valid = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if name.is_empty() || name.len() > max || !name.chars().all(valid) {
        return Err(format!(
            "AWS does not allow the name `{name}`: use 1–{max} characters from A–Z, a–z, 0–9, `-` and `_`"
        ));
    }
    Ok(name)
}

/// `aws.front_door`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrontDoor {
    FunctionUrl,
    RestApi,
    Both,
}

/// `aws.store`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Counts {
    DynamoDb,
    Redis,
}

/// [`Aws::reserved_concurrency`] in the schema.
struct Concurrency;
described!(Concurrency, "Requests at once.", whole_number(1, MAX_BURST));

fn concurrency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    struct Number(u32);
    impl<'de> Deserialize<'de> for Number {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            whole(deserializer, 1..=MAX_BURST, "").map(Self)
        }
    }
    let number = Option::<Number>::deserialize(deserializer)?;
    Ok(number.map(|Number(number)| number))
}

/// The processors that Lambda has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
pub enum Architecture {
    #[serde(rename = "arm64")]
    Arm64,
    #[serde(rename = "x86_64")]
    X86_64,
}

impl Architecture {
    /// As Lambda writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }
}

/// `aws.vpc`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Vpc {
    /// The IDs of subnets, for example `subnet-0abc`. If the list is empty, the functions run outside of a VPC.
    #[schemars(extend("default" = []))]
    pub subnet_ids: Vec<String>,
    /// The IDs of security groups, for example `sg-0abc`.
    #[schemars(extend("default" = []))]
    pub security_group_ids: Vec<String>,
}

/// Lambda takes both lists or none.
fn vpc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vpc>, D::Error> {
    let vpc = Option::<Vpc>::deserialize(deserializer)?;
    if let Some(Vpc {
        subnet_ids,
        security_group_ids,
    }) = &vpc
        && subnet_ids.is_empty() != security_group_ids.is_empty()
    {
        let (given, missing) = if subnet_ids.is_empty() {
            ("security_group_ids", "subnet_ids")
        } else {
            ("subnet_ids", "security_group_ids")
        };
        return Err(D::Error::custom(format!(
            "`vpc` has `{given}` but no `{missing}`: a VPC needs both lists"
        )));
    }
    Ok(vpc)
}

/// [`Aws::role`] in the schema.
struct RoleArn;
described!(
    RoleArn,
    "The ARN of a role.",
    json!({ "type": "string", "pattern": "^arn:[a-z-]+:iam::[0-9]{12}:role/.+$" })
);

/// [`Aws::permissions_boundary`] in the schema.
struct PolicyArn;
described!(
    PolicyArn,
    "The ARN of a policy.",
    json!({ "type": "string", "pattern": "^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$" })
);

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let arn = Option::<String>::deserialize(deserializer)?;
    arn.map(|arn| check_arn(arn, "role"))
        .transpose()
        .map_err(D::Error::custom)
}

fn boundary<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let arn = Option::<String>::deserialize(deserializer)?;
    arn.map(|arn| check_arn(arn, "policy"))
        .transpose()
        .map_err(D::Error::custom)
}

fn check_arn(arn: String, kind: &str) -> Result<String, String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_account = |id: &str| {
        id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
            || kind == "policy" && id == "aws"
    };
    let valid = match parts[..] {
        ["arn", partition, "iam", "", account, what] => {
            let name = what
                .strip_prefix(kind)
                .and_then(|rest| rest.strip_prefix('/'));
            let partition = !partition.is_empty()
                && partition
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            partition && is_account(account) && name.is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    if valid {
        return Ok(arn);
    }
    Err(format!(
        "`{arn}` is not the ARN of a {kind}: expected one such as `arn:aws:iam::123456789012:{kind}/NAME`"
    ))
}

/// What all services that lamed tags allow.
///
/// Source: "Tag naming limits and requirements", AWS documentation; `Tag`, IAM API reference, which has the fewest
/// characters and does not tell upper from lower case in keys. One of the 50 tags is lamed's own.
fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let tags = BTreeMap::<String, String>::deserialize(deserializer)?;
    let mut keys = BTreeSet::new();
    for (key, value) in &tags {
        check_tag(key, value).map_err(D::Error::custom)?;
        if !keys.insert(key.to_lowercase()) {
            return Err(D::Error::custom(format!(
                "the tag `{key}` is there twice: AWS ignores the case of keys"
            )));
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(D::Error::custom(format!(
            "{} tags are too many: use at most {MAX_TAGS}",
            tags.len()
        )));
    }
    Ok(tags)
}

/// How many tags the config may have.
const MAX_TAGS: usize = 49;

/// The most characters of the key and of the value of a tag.
const MAX_TAG: (usize, usize) = (128, 256);

fn check_tag(key: &str, value: &str) -> Result<(), String> {
    let lower = key.to_lowercase();
    for (prefix, whose) in [("aws:", "AWS"), ("lamed:", "lamed")] {
        if lower.starts_with(prefix) {
            return Err(format!(
                "the tag `{key}` cannot be set: keys that begin with `{prefix}` are for {whose}"
            ));
        }
    }
    let (of_key, of_value) = MAX_TAG;
    for (what, text, shortest, longest) in [("key", key, 1, of_key), ("value", value, 0, of_value)]
    {
        let length = text.chars().count();
        if !(shortest..=longest).contains(&length) {
            return Err(format!(
                "the {what} of the tag `{key}` has {length} characters: AWS allows {shortest}–{longest}"
            ));
        }
        let valid = |c: &char| c.is_alphanumeric() || *c == ' ' || "_.:/=+-@".contains(*c);
        if let Some(other) = text.chars().find(|c| !valid(c)) {
            return Err(format!(
                "the {what} of the tag `{key}` contains {other:?}: AWS allows letters, digits, spaces and \
                 `_ . : / = + - @`"
            ));
        }
    }
    Ok(())
}

/// `aws.throttle`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Requests per second.
    #[serde(deserialize_with = "positive")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub rate: f64,
    /// The size of a burst: how many requests can arrive at once.
    #[serde(deserialize_with = "burst")]
    #[schemars(with = "Burst")]
    pub burst: u32,
}

fn burst<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    whole(deserializer, 1..=MAX_BURST, "")
}

/// What API Gateway's own type holds.
const MAX_BURST: u32 = i32::MAX.unsigned_abs();

/// [`Throttle::burst`] in the schema.
struct Burst;
described!(Burst, "The size of a burst.", whole_number(1, MAX_BURST));

/// [`Aws::log_retention_days`] in the schema. A text is left to [`retention`].
struct Retention;
described!(
    Retention,
    "Days.",
    json!({ "anyOf": [{ "enum": RETENTION_DAYS }, { "type": "string" }] })
);

fn retention<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    struct Days(Option<u32>);
    impl<'de> Deserialize<'de> for Days {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let days: u32 = whole(deserializer, 1..=3653, "")?;
            if RETENTION_DAYS.contains(&days) {
                return Ok(Self(Some(days)));
            }
            let longer = RETENTION_DAYS.iter().find(|known| **known > days);
            Err(D::Error::custom(format!(
                "CloudWatch cannot keep logs for {days} days: the next longer period is {} days",
                longer.unwrap_or(&3653)
            )))
        }
    }
    Days::deserialize(deserializer).map(|Days(days)| days)
}

#[cfg(test)]
mod tests;

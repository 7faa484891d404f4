//! `extra_wiring`, in Python lamed's shape: further functions and paths.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::json;

use super::aws::{RESOURCE_NAME, resource_name};
use super::schema::{described, whole_number};
use super::value::{text, whole};
use crate::http::{Handler, Method, Route};

/// A function and the method that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wired {
    /// The function's name, before `aws.name` is put before it.
    pub function: String,
    pub memory_mb: u32,
    pub route: Route,
    /// API Gateway's `requestParameters`: names, and whether each is required.
    pub request_parameters: BTreeMap<String, bool>,
}

/// A function, and the path that calls it. Other keys are ignored, as in Python lamed.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Wiring {
    /// The function. Several elements can use the same function.
    lambda: LambdaFunction,
    /// The path and its method.
    api_gateway: Path,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LambdaFunction {
    /// The name of the function. If `aws.name` is set, lamed adds it as a prefix.
    function_name: FunctionName,
    /// The handler that the function runs.
    handler: HandlerName,
    /// The memory of the function, in MB.
    #[serde(default)]
    #[schemars(extend("default" = Memory::default().0))]
    memory_size: Memory,
    /// The longest time that a call may take, in seconds.
    timeout: Timeout,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Path {
    /// The path after `/prod/`, without slashes.
    path_part: PathPart,
    /// The method of the path. lamed adds OPTIONS.
    method: MethodShape,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct MethodShape {
    /// `GET`, `POST` or `DELETE`. An element with another method is ignored with a warning.
    http_method: String,
    /// Whether the API key is required.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    api_key_required: bool,
    /// The parameters in the form of API Gateway: `method.request.querystring.NAME`, and whether each is
    /// required.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    request_parameters: BTreeMap<String, bool>,
}

impl Wiring {
    /// What it means, or why it means nothing to lamed.
    pub(super) fn wired(self) -> Result<Wired, String> {
        let PathPart(path) = self.api_gateway.path_part;
        let MethodShape {
            http_method,
            api_key_required,
            request_parameters,
        } = self.api_gateway.method;
        let Some(method) = Method::from_name(&http_method) else {
            return Err(format!(
                "`extra_wiring`: the method `{http_method}` of the path `{path}` is ignored: lamed supports \
                 `GET`, `POST` and `DELETE`"
            ));
        };
        Ok(Wired {
            function: self.lambda.function_name.0,
            memory_mb: self.lambda.memory_size.0,
            route: Route {
                path,
                method,
                handler: self.lambda.handler.0,
                key_required: api_key_required,
                timeout: self.lambda.timeout.0,
            },
            request_parameters,
        })
    }
}

struct FunctionName(String);

impl<'de> Deserialize<'de> for FunctionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |name| {
            resource_name(name, 64).map(|name| Self(name.to_owned()))
        })
    }
}

described!(
    FunctionName,
    "Characters from A–Z, a–z, 0–9, `-` and `_`.",
    json!({
        "type": "string",
        "maxLength": 64,
        "pattern": RESOURCE_NAME,
    })
);

struct HandlerName(Handler);

described!(
    HandlerName,
    "A handler of lamed.",
    json!({
        "enum": ["lamed.track", "lamed.all", "lamed.experiment", "lamed.delete", "lamed.client"],
    })
);

impl<'de> Deserialize<'de> for HandlerName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |name| {
            Handler::from_name(name).map(Self).ok_or_else(|| {
                format!(
                    "unknown handler `{name}`: expected `lamed.track`, `lamed.all`, \
                     `lamed.experiment`, `lamed.delete` or `lamed.client`"
                )
            })
        })
    }
}

/// What Lambda gives a function, in MB.
struct Memory(u32);

described!(Memory, "MB.", whole_number(128, 10_240_u32));

impl Default for Memory {
    fn default() -> Self {
        Self(128)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 128..=10_240, "").map(Self)
    }
}

/// As long as Lambda lets a function run.
struct Timeout(Duration);

described!(Timeout, "Seconds.", whole_number(1, 900_u32));

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = whole(deserializer, 1..=900_u64, "")?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// One segment of a path, as API Gateway takes it.
struct PathPart(String);

described!(
    PathPart,
    "Characters from A–Z, a–z, 0–9 and `._-:`.",
    json!({
        "type": "string",
        "pattern": "^[A-Za-z0-9._:-]+$",
    })
);

impl<'de> Deserialize<'de> for PathPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let valid =
            |character: char| character.is_ascii_alphanumeric() || "._-:".contains(character);
        text(deserializer, |path| {
            if path.is_empty() || !path.chars().all(valid) {
                return Err(format!(
                    "API Gateway does not allow the path `{path}`: use one segment of characters \
                     from A–Z, a–z, 0–9 and `._-:`"
                ));
            }
            Ok(Self(path.to_owned()))
        })
    }
}

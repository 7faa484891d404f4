//! `extra_wiring`, in Python lamed's shape: further functions and paths.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::Deserializer;

use super::aws::resource_name;
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

/// An element as it stands in the file. Python lamed read no other keys, and let them stand.
#[derive(Deserialize)]
pub(super) struct Wiring {
    lambda: Function,
    api_gateway: Path,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Function {
    function_name: FunctionName,
    handler: HandlerName,
    #[serde(default)]
    memory_size: Memory,
    timeout: Timeout,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Path {
    path_part: PathPart,
    method: MethodShape,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MethodShape {
    http_method: String,
    #[serde(default)]
    api_key_required: bool,
    #[serde(default)]
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
                "`extra_wiring`: lamed has no `{http_method}` for `{path}`"
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

struct HandlerName(Handler);

impl<'de> Deserialize<'de> for HandlerName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |name| {
            Handler::from_name(name).map(Self).ok_or_else(|| {
                format!(
                    "unknown handler `{name}`: known are `lamed.track`, `lamed.all`, \
                     `lamed.experiment`, `lamed.delete`"
                )
            })
        })
    }
}

/// What Lambda gives a function, in MB.
struct Memory(u32);

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

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = whole(deserializer, 1..=900_u64, "")?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// One segment of a path, as API Gateway takes it.
struct PathPart(String);

impl<'de> Deserialize<'de> for PathPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let valid =
            |character: char| character.is_ascii_alphanumeric() || "._-:".contains(character);
        text(deserializer, |path| {
            if path.is_empty() || !path.chars().all(valid) {
                return Err(format!(
                    "API Gateway refuses the path `{path}`: use one segment of the letters A to Z, \
                     digits and `._-:`"
                ));
            }
            Ok(Self(path.to_owned()))
        })
    }
}

//! Which table counts, where it is, and who may write to it.

use std::env;
use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::domain::Secret;
use crate::store::{Counting, DEFAULT_TIMEOUT};

/// All that a [`super::DynamoDbStore`] has to know, but for its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamoDbSettings {
    pub table: String,
    pub region: String,
    /// Where the API answers instead of the region's own address.
    pub endpoint: Option<String>,
    pub counting: Counting,
    /// For counting in all, and for each other request with its retries.
    pub timeout: Duration,
}

impl DynamoDbSettings {
    /// A table that counts as lamed does by default.
    #[must_use]
    pub fn new(table: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            region: region.into(),
            endpoint: None,
            counting: Counting::default(),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// The same at the address that the environment names, in `AWS_ENDPOINT_URL_DYNAMODB` or `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn at_endpoint_of_environment(mut self) -> Self {
        self.endpoint = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find_map(variable);
        self
    }

    /// The region that the environment names, as it does in a Lambda function.
    #[must_use]
    pub fn region_of_environment() -> Option<String> {
        ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .into_iter()
            .find_map(variable)
    }

    /// Whether a text can be the name of a table.
    #[must_use]
    pub fn is_table_name(text: &str) -> bool {
        (3..=255).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    }

    /// The address of the API.
    pub(super) fn url(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| {
            let suffix = match self.region.split('-').next() {
                Some("cn") => "amazonaws.com.cn",
                Some("eusc") => "amazonaws.eu",
                _ => "amazonaws.com",
            };
            format!("https://dynamodb.{}.{suffix}", self.region)
        })
    }
}

impl fmt::Display for DynamoDbSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the DynamoDB table `{}` in {}", self.table, self.region)
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What a request is signed with.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: Secret,
    pub session_token: Option<Secret>,
    /// When others have to be asked for.
    pub expires: Option<SystemTime>,
}

/// Gives credentials, new ones when the old expire.
#[async_trait]
pub trait CredentialsSource: Send + Sync + 'static {
    /// # Errors
    /// When there are none: the reason, for the operator.
    async fn credentials(&self) -> Result<Credentials, String>;
}

/// The credentials that Lambda gives to a function, in its environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvironmentCredentials;

#[async_trait]
impl CredentialsSource for EnvironmentCredentials {
    async fn credentials(&self) -> Result<Credentials, String> {
        let needed =
            |name: &str| variable(name).ok_or_else(|| format!("no AWS credentials: set `{name}`"));
        Ok(Credentials {
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret::new(needed("AWS_SECRET_ACCESS_KEY")?),
            session_token: variable("AWS_SESSION_TOKEN").map(Secret::new),
            expires: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_its_address() {
        for (region, url) in [
            ("eu-west-1", "https://dynamodb.eu-west-1.amazonaws.com"),
            ("cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn"),
            (
                "eusc-de-east-1",
                "https://dynamodb.eusc-de-east-1.amazonaws.eu",
            ),
        ] {
            assert_eq!(DynamoDbSettings::new("lamed", region).url(), url);
        }
        let elsewhere = DynamoDbSettings {
            endpoint: Some("http://localhost:4566".to_owned()),
            ..DynamoDbSettings::new("lamed", "eu-west-1")
        };
        assert_eq!(elsewhere.url(), "http://localhost:4566");
    }

    #[test]
    fn names_of_tables_are_told_from_other_texts() {
        for (text, is_name) in [
            ("lamed", true),
            ("lamed-counts_2.x", true),
            ("ab", false),
            ("", false),
            ("a/b", false),
            ("lamed:x", false),
            (&"x".repeat(256), false),
        ] {
            assert_eq!(DynamoDbSettings::is_table_name(text), is_name, "{text}");
        }
    }
}

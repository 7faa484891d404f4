//! What the AWS configuration says, for who speaks to AWS by other means than the SDK.

use std::time::SystemTime;

use aws_sdk_lambda::config::{ProvideCredentials, SharedCredentialsProvider};

use super::{AwsError, access, endpoint_of};
use crate::domain::Secret;

/// A region, and credentials that are made anew when they expire.
#[derive(Debug)]
pub struct Access {
    pub region: String,
    /// Where DynamoDB answers, if not at its own address.
    pub endpoint: Option<String>,
    provider: SharedCredentialsProvider,
}

/// Credentials as they are now.
#[derive(Debug)]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: Secret,
    pub session_token: Option<Secret>,
    pub expires: Option<SystemTime>,
}

impl Access {
    /// Reads the configuration that all AWS tools share, with a profile and a region over it.
    ///
    /// # Errors
    /// When there is no region, or there are no credentials.
    pub async fn find(profile: Option<&str>, region: Option<&str>) -> Result<Self, AwsError> {
        let (_, config, region) = access(profile, region).await?;
        let provider = config.credentials_provider();
        let provider = provider.ok_or_else(|| AwsError::new("no AWS credentials"))?;
        let endpoint = endpoint_of(&config, "dynamodb");
        Ok(Self {
            region,
            endpoint,
            provider,
        })
    }

    /// The credentials as they are now.
    ///
    /// # Errors
    /// When there are none any more: why.
    pub async fn keys(&self) -> Result<Keys, String> {
        let found = self.provider.provide_credentials().await;
        let found = found.map_err(|error| format!("no AWS credentials: {error}"))?;
        Ok(Keys {
            access_key_id: found.access_key_id().to_owned(),
            secret_access_key: Secret::new(found.secret_access_key()),
            session_token: found.session_token().map(Secret::new),
            expires: found.expiry(),
        })
    }
}

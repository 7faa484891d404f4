//! The configuration that all AWS tools share: region, profile and credentials.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::SharedCredentialsProvider;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;

use super::network::{Network, network};
use super::{AwsError, credentials, endpoints};

/// The configuration that all AWS tools share, with its region and with credentials.
pub(super) async fn access(
    profile: Option<&str>,
    region: Option<&str>,
) -> Result<(Network, SdkConfig, String), AwsError> {
    endpoints::check_environment()?;
    let network = network(profile).await?;
    let config = configuration(&network, profile, region).await?;
    endpoints::check_profile(&config)?;
    let region = config.region().map(|region| region.as_ref().to_owned());
    let region = region.filter(|region| !region.is_empty()).ok_or_else(|| {
        AwsError::new(
            "no AWS region is set: use `--region`, set `AWS_REGION`, or run `aws configure`",
        )
    })?;
    if !region
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        return Err(AwsError::new(format!(
            "`{region}` is not an AWS region: expected a name such as `eu-west-1`"
        )));
    }
    credentials::check(&config, profile).await?;
    Ok((network, config, region))
}

async fn configuration(
    network: &Network,
    profile: Option<&str>,
    region: Option<&str>,
) -> Result<SdkConfig, AwsError> {
    let client = network.client();
    let timeouts = TimeoutConfig::builder()
        // The rest has no clock, but must move: see `upload`.
        .connect_timeout(Duration::from_secs(5))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(client.clone())
        .timeout_config(timeouts)
        // Our own knows what must not be done twice.
        .retry_config(RetryConfig::disabled());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    let Some(profile) = profile else {
        return Ok(config);
    };
    // Named on the command line, so it goes before keys in the environment, as in the AWS CLI.
    let provider = ProviderConfig::without_region()
        .with_region(config.region().cloned())
        .with_http_client(client);
    let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile);
    let credentials = credentials.configure(&provider).build();
    Ok((config.into_builder())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build())
}

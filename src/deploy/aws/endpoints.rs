//! The addresses of services: AWS's own, or those that the environment or the profile names in their place.

use std::env;

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use hyper::Uri;

use super::AwsError;

/// The addresses that the environment names.
pub(super) fn check_environment() -> Result<(), AwsError> {
    for (name, value) in env::vars_os() {
        if let Some(name) = (name.to_str()).filter(|name| name.starts_with("AWS_ENDPOINT_URL")) {
            check_endpoint(name, &value.to_string_lossy())?;
        }
    }
    Ok(())
}

/// The services that are called: as actions begin, and as profiles name them in a `services` section.
pub(super) const SERVICES: [(&str, &str); 6] = [
    ("apigateway", "api_gateway"),
    ("dynamodb", "dynamodb"),
    ("iam", "iam"),
    ("lambda", "lambda"),
    ("logs", "cloudwatch_logs"),
    ("sts", "sts"),
];

/// Those of a profile, which count where the environment has none.
pub(super) fn check_profile(config: &SdkConfig) -> Result<(), AwsError> {
    for (_, service) in SERVICES {
        if let Some(url) = endpoint_of(config, service) {
            check_endpoint("endpoint_url` in `~/.aws/config", &url)?;
        }
    }
    Ok(())
}

/// What the environment or the profile names as the address of a service.
pub(super) fn endpoint_of(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service);
    let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let (key, of) = key.ok().zip(config.service_config())?;
    of.load_config(key)
}

/// What the addresses of AWS in a region end with.
pub(super) fn suffix(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// The SDK panics where one is empty, and wonders about the region where one has no scheme.
fn check_endpoint(name: &str, url: &str) -> Result<(), AwsError> {
    let uri = url.parse::<Uri>();
    if uri.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https"))) {
        return Ok(());
    }
    Err(AwsError::new(format!(
        "`{name}` is not a URL: set it to a URL such as http://127.0.0.1:4566, or unset it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `dnsSuffix` in botocore's `partitions.json`.
    #[test]
    fn addresses_end_as_their_partition_says() {
        for (region, end) in [
            ("eu-west-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
        ] {
            assert_eq!(suffix(region), end, "{region}");
        }
    }
}

//! Credentials that cannot be had, and why.

use std::env;
use std::error::Error;

use aws_config::SdkConfig;
use aws_sdk_lambda::config::ProvideCredentials;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;

use super::AwsError;
use super::error::one_line;

/// How the SDK says that it looked everywhere.
const NOT_LOADED: &str = "the credential provider was not enabled";

/// Makes sure that there are credentials, or says why there are none.
pub(super) async fn check(config: &SdkConfig, profile: Option<&str>) -> Result<(), AwsError> {
    let Some(provider) = config.credentials_provider() else {
        return Err(AwsError::new(none(profile)));
    };
    let Err(error) = provider.provide_credentials().await else {
        return Ok(());
    };
    let causes = causes(&error);
    tracing::info!(causes = causes.join(": "), "no credentials");
    let selected = profile.map(str::to_owned);
    let selected =
        selected.or_else(|| env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty()));
    let selected = selected.unwrap_or_else(|| "default".to_owned());
    Err(AwsError::new(why(&causes, profile, &selected)))
}

fn why(causes: &[String], profile: Option<&str>, selected: &str) -> String {
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    if says("SSO token has expired") {
        return format!(
            "the sign-in of the profile `{selected}` expired: run `aws sso login --profile {selected}`"
        );
    }
    if says("the cached SSO token") {
        return format!(
            "the profile `{selected}` is not signed in: run `aws sso login --profile {selected}`"
        );
    }
    if let Some(missing) = causes.iter().find_map(|cause| undefined(cause))
        && missing != selected
    {
        return format!(
            "the profile `{selected}` needs the profile `{missing}`, which ~/.aws does not define"
        );
    }
    if says(NOT_LOADED) {
        return none(profile);
    }
    let cause = causes.last().map_or("", String::as_str);
    format!("cannot get the AWS credentials of the profile `{selected}`: {cause}")
}

/// The name in "profile `NAME` was not defined".
fn undefined(cause: &str) -> Option<&str> {
    let (before, _) = cause.split_once("` was not defined")?;
    before.rsplit_once('`').map(|(_, name)| name)
}

/// What each error in the chain says, the innermost last.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref::<AssumeRoleError>() {
            // AWS's own words; what is below repeats only the code.
            let said = refused.meta().message().unwrap_or("no message");
            let code = refused.meta().code().unwrap_or("no code");
            causes.push(format!("`sts:AssumeRole`: {} ({code})", one_line(said)));
            break;
        }
        causes.push(one_line(&error.to_string()));
        next = error.source();
    }
    causes
}

fn none(profile: Option<&str>) -> String {
    let place = profile.map_or(" found".to_owned(), |profile| {
        format!(" found in the profile `{profile}` of ~/.aws")
    });
    format!(
        "no AWS credentials{place}: run `aws configure` or `aws sso login`, or set `AWS_ACCESS_KEY_ID` and \
         `AWS_SECRET_ACCESS_KEY`"
    )
}

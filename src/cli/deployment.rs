//! The account and the deployment that the command line and the config name.

use super::{CliError, Context};
use crate::config::Config;
use crate::deploy::{Account, Aws, AwsError, DEFAULT_NAME, find_api};
use crate::domain::Secret;
use crate::http::STAGE;

/// The account that the command line and the environment name.
pub(super) async fn connect(context: &Context) -> Result<Aws, AwsError> {
    let (profile, region) = (context.profile.as_deref(), context.region.as_deref());
    Aws::connect(profile, region).await
}

/// `account 123456789012, eu-west-1`
pub(super) fn place(account: &Account) -> String {
    format!("account {}, {}", account.id, account.region)
}

/// The URLs and the key of what is deployed.
pub(super) async fn find(
    context: &Context,
    config: &Config,
) -> Result<(String, Option<Secret>), CliError> {
    let name = config.aws.name.of(DEFAULT_NAME);
    let aws = connect(context).await?;
    let Some((api, key)) = find_api(&aws, &name).await? else {
        return Err(CliError::failed(format!(
            "REST API `{name}` not found in region {}: run `lamed deploy`, or choose another region \
             with `--region`",
            aws.region()
        )));
    };
    Ok((aws.base_url(&api, STAGE), key))
}

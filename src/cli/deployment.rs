//! The account and the deployment that the command line and the config name.

use super::{CliError, Context};
use crate::config::Config;
use crate::deploy::{Account, Aws, AwsError, Deployment, NewKey};
use crate::domain::Secret;
use crate::server::ApiKey;

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
    let deployment = Deployment::new(config)?;
    let aws = connect(context).await?;
    let found = deployment.find(&aws).await?;
    found.ok_or_else(|| {
        CliError::failed(format!(
            "`{}` is not deployed in region {}: run `lamed deploy`, or choose another region with `--region`",
            deployment.name,
            aws.region()
        ))
    })
}

/// An API key for a function URL that has none; it takes the place of the one that is there where `rotate` says so.
pub(super) fn new_key(rotate: bool) -> Result<NewKey, CliError> {
    let key = ApiKey::random()?;
    Ok(NewKey {
        key: key.secret().clone(),
        rotate,
    })
}

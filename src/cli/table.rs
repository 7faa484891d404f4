//! `--store dynamodb:TABLE`

use std::sync::Arc;

use async_trait::async_trait;

use super::{CliError, Context};
use crate::config::Config;
use crate::deploy::Access;
use crate::store::{
    Credentials, CredentialsSource, DynamoDbSettings, DynamoDbStore, command_that_makes_a_table,
};

/// What all AWS tools find: in the environment, in `~/.aws`, or from the machine.
struct OfTools(Access);

#[async_trait]
impl CredentialsSource for OfTools {
    async fn credentials(&self) -> Result<Credentials, String> {
        let keys = self.0.keys().await?;
        Ok(Credentials {
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key,
            session_token: keys.session_token,
            expires: keys.expires,
        })
    }
}

/// Opens the table, which has to be there.
pub(super) async fn open(
    context: &Context,
    config: &Config,
    table: &str,
) -> Result<(DynamoDbStore, DynamoDbSettings), CliError> {
    let (profile, region) = (context.profile.as_deref(), context.region.as_deref());
    let access = Access::find(profile, region).await?;
    let settings = DynamoDbSettings {
        counting: config.counting,
        endpoint: access.endpoint.clone(),
        ..DynamoDbSettings::new(table, &access.region)
    };
    let cannot = |reason: String| CliError::failed(format!("cannot use {reason}"));
    let store = DynamoDbStore::new(&settings, Arc::new(OfTools(access)));
    let store = store.map_err(|error| cannot(error.to_string()))?;
    match store.has_table().await {
        Ok(true) => Ok((store, settings)),
        Ok(false) => Err(cannot(format!(
            "{settings}: it does not exist: create it with `{}`",
            command_that_makes_a_table(&settings)
        ))),
        Err(error) => Err(cannot(error.to_string())),
    }
}

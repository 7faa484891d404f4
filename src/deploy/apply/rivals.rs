//! Two first deploys at once: what each of them made alone is there twice, and the one whose things came later gives way.

use super::{AwsError, Step, Work};
use crate::deploy::read;

/// What this run made whose names are not unique.
#[derive(Default)]
pub(super) struct OwnThings {
    pub(super) api: Option<String>,
    pub(super) key: Option<String>,
    /// The usage plan.
    pub(super) plan: Option<String>,
}

impl Work<'_> {
    /// Whether the API that this run made is the first of its name; with an API that was there it is.
    pub(super) async fn has_first_api(&self) -> Result<(), AwsError> {
        let Some(own) = self.made().own.api.clone() else {
            return Ok(());
        };
        let first = read::first_api(self.aws, &self.desired()?.name).await?;
        match first.and_then(|api| api.id) {
            Some(first) if first != own => Err(self.gives_way(&format!("REST API `{first}`"))),
            _ => Ok(()),
        }
    }

    /// The same of the key. Whoever made an API is judged by that alone: else both could give way.
    pub(super) async fn has_first_key(&self) -> Result<(), AwsError> {
        let own = {
            let own = &self.made().own;
            own.key.clone().filter(|_| own.api.is_none())
        };
        let Some(own) = own else {
            return Ok(());
        };
        let keys = read::keys(self.aws, &self.desired()?.name).await?;
        match keys.into_iter().next() {
            Some(first) if first.id != own => {
                Err(self.gives_way(&format!("API key `{}`", first.id)))
            }
            _ => Ok(()),
        }
    }

    /// The stage that this run put into its plan.
    fn stage_of_plan(&self) -> Option<String> {
        let api = self.made().api.clone()?;
        Some(format!("{api}:{}", self.desired?.stage))
    }

    fn gives_way(&self, first: &str) -> AwsError {
        let name = self.desired.map_or("", |desired| desired.name.as_str());
        AwsError::rival(format!(
            "another deploy of `{name}` runs at the same time: it made the {first} first, so this deploy stops"
        ))
    }

    /// Takes back what the other one has, too. Where that fails, the next deploy finds it.
    pub(super) async fn withdraw(&self) {
        let OwnThings { api, key, plan } = std::mem::take(&mut self.made().own);
        let gateway = &self.aws.apigateway;
        if let Some(id) = plan {
            let stages = self.stage_of_plan().into_iter().collect();
            let step = Step::DeleteUsagePlan { id, stages };
            let deleted = self.key_and_plan(&step).await;
            tracing::info!(
                ?deleted,
                "another deploy was first: removing the usage plan of this one"
            );
        }
        if let Some(id) = api {
            let delete = async || gateway.delete_rest_api().rest_api_id(&id).send().await;
            let deleted = self.aws.remove("apigateway:DeleteRestApi", delete).await;
            tracing::info!(
                ?deleted,
                id,
                "another deploy was first: removing the REST API of this one"
            );
        }
        if let Some(id) = key {
            let delete = async || gateway.delete_api_key().api_key(&id).send().await;
            let deleted = self.aws.remove("apigateway:DeleteApiKey", delete).await;
            tracing::info!(
                ?deleted,
                id,
                "another deploy was first: removing the API key of this one"
            );
        }
    }
}

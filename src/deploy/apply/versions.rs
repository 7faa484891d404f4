//! Versions of functions, the alias `live` of each, and who may call it.

use std::collections::HashMap;

use aws_sdk_lambda::types::{AliasRoutingConfiguration, State};

use super::{AwsError, Work};
use crate::deploy::desired::LIVE;
use crate::deploy::read;

impl Work<'_> {
    /// AWS gives back the last version where nothing changed since; what a lost reply published is
    /// found by its number.
    pub(super) async fn publish(
        &self,
        name: &str,
        newest: u64,
        description: &str,
    ) -> Result<(), AwsError> {
        let lambda = &self.aws.lambda;
        let publish = async || {
            let publish = lambda.publish_version().function_name(name);
            let published = publish.description(description).send().await?;
            Ok((published.version, published.state))
        };
        let find = async || {
            let list = async || {
                let pages = lambda
                    .list_versions_by_function()
                    .function_name(name)
                    .into_paginator();
                pages.items().send().collect::<Result<Vec<_>, _>>().await
            };
            let versions = self.aws.call("lambda:ListVersionsByFunction", list).await?;
            let numbers = versions
                .iter()
                .filter_map(|version| version.version()?.parse::<u64>().ok());
            let made = numbers.max().filter(|number| *number > newest);
            Ok(made.map(|number| (Some(number.to_string()), None)))
        };
        let (version, state) = self
            .aws
            .create("lambda:PublishVersion", publish, find)
            .await?;
        let number = version.and_then(|version| version.parse().ok());
        let number = number.ok_or_else(|| {
            AwsError::new(format!(
                "AWS returned no number for the new version of `{name}`"
            ))
        })?;
        if state != Some(State::Active) {
            self.settle(name, Some(number)).await?;
        }
        self.made().versions.insert(name.to_owned(), number);
        Ok(())
    }

    /// A version that can take requests: this one, or the one just published.
    async fn version(&self, name: &str, version: Option<u64>) -> Result<String, AwsError> {
        if let Some(version) = version {
            self.settle(name, Some(version)).await?;
            return Ok(version.to_string());
        }
        let published = |made: &super::Made| made.versions.get(name).copied();
        Ok(self.known("new version", published)?.to_string())
    }

    pub(super) async fn create_alias(
        &self,
        name: &str,
        version: Option<u64>,
    ) -> Result<(), AwsError> {
        let version = self.version(name, version).await?;
        let lambda = &self.aws.lambda;
        let create = async || {
            let create = lambda.create_alias().function_name(name).name(LIVE);
            create.function_version(&version).send().await.map(drop)
        };
        let find = async || {
            let get = async || {
                lambda
                    .get_alias()
                    .function_name(name)
                    .name(LIVE)
                    .send()
                    .await
                    .map(drop)
            };
            self.aws.find("lambda:GetAlias", get).await
        };
        self.aws.create("lambda:CreateAlias", create, find).await
    }

    pub(super) async fn move_alias(
        &self,
        name: &str,
        version: Option<u64>,
    ) -> Result<(), AwsError> {
        let version = self.version(name, version).await?;
        let update = async || {
            let update = self
                .aws
                .lambda
                .update_alias()
                .function_name(name)
                .name(LIVE);
            // Whole: what share another version may have had ends.
            let whole = AliasRoutingConfiguration::builder()
                .set_additional_version_weights(Some(HashMap::new()))
                .build();
            let update = update.function_version(&version).routing_config(whole);
            update.send().await
        };
        self.aws.call("lambda:UpdateAlias", update).await.map(drop)
    }

    pub(super) async fn allow(
        &self,
        function: &str,
        statement: &str,
        verb: &str,
        path: &str,
    ) -> Result<(), AwsError> {
        let api = self.known("REST API", |made| made.api.clone())?;
        let source = self.account.source(&api, self.desired()?.stage, verb, path);
        let add = async || {
            let add = self
                .aws
                .lambda
                .add_permission()
                .function_name(function)
                .qualifier(LIVE);
            add.statement_id(statement)
                .action("lambda:InvokeFunction")
                .principal("apigateway.amazonaws.com")
                .source_arn(&source)
                .send()
                .await
                .map(drop)
        };
        // A statement of that id was removed before, if there was one: this is another deploy's, or of a lost reply.
        let find = async || {
            let policy = read::policy(self.aws, function).await?;
            if policy.contains(&format!("\"{source}\"")) {
                return Ok(Some(()));
            }
            self.has_first_api().await?;
            self.disallow(function, statement).await?;
            Ok(None)
        };
        self.aws.create("lambda:AddPermission", add, find).await
    }

    pub(super) async fn disallow(&self, function: &str, statement: &str) -> Result<(), AwsError> {
        let remove = async || {
            let remove = self.aws.lambda.remove_permission();
            let remove = remove.function_name(function).qualifier(LIVE);
            remove.statement_id(statement).send().await
        };
        self.aws.remove("lambda:RemovePermission", remove).await
    }
}

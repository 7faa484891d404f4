//! The API key and the usage plan.

use aws_sdk_apigateway::types::{ApiStage, Op, PatchOperation};

use super::functions::tags;
use super::{AwsError, Step, Work};
use crate::deploy::read;

impl Work<'_> {
    pub(super) async fn key_and_plan(&self, step: &Step) -> Result<(), AwsError> {
        let (aws, gateway) = (self.aws, &self.aws.apigateway);
        match step {
            Step::CreateKey => self.create_key().await,
            Step::CreateUsagePlan => {
                self.has_first_key().await?;
                self.create_usage_plan().await
            }
            Step::AddStage => {
                let plan = self.known("usage plan", |made| made.usage_plan.clone())?;
                let stage = format!("{}:{}", self.api()?, self.desired()?.stage);
                self.patch_plan(&plan, Op::Add, &stage).await
            }
            Step::AddKey => {
                self.add_key().await?;
                // Once more: of two keys made in one moment, one may have seen itself alone.
                self.has_first_key().await
            }
            Step::DeleteUsagePlan { id, stages } => {
                // A plan goes only when it has no stages.
                for stage in stages {
                    self.patch_plan(id, Op::Remove, stage).await?;
                }
                let delete = async || gateway.delete_usage_plan().usage_plan_id(id).send().await;
                aws.remove("apigateway:DeleteUsagePlan", delete).await
            }
            Step::RemoveStage { id, stage } => self.patch_plan(id, Op::Remove, stage).await,
            Step::DeleteKey(id) => {
                let delete = async || gateway.delete_api_key().api_key(id).send().await;
                aws.remove("apigateway:DeleteApiKey", delete).await
            }
            Step::DeleteApi(id) => {
                let delete = async || gateway.delete_rest_api().rest_api_id(id).send().await;
                aws.remove("apigateway:DeleteRestApi", delete).await
            }
            _ => Ok(()),
        }
    }

    async fn create_key(&self) -> Result<(), AwsError> {
        let (aws, gateway) = (self.aws, &self.aws.apigateway);
        let desired = self.desired()?;
        let create = async || {
            let create = gateway.create_api_key().name(&desired.name).enabled(true);
            let made = create.set_tags(tags(&desired.tags)).send().await?;
            Ok(made.id)
        };
        let find = async || {
            let keys = read::keys(aws, &desired.name).await?;
            Ok(keys.into_iter().next().map(|key| Some(key.id)))
        };
        let id = aws.create("apigateway:CreateApiKey", create, find).await?;
        let mut made = self.made();
        made.own.key.clone_from(&id);
        made.key = id;
        Ok(())
    }

    async fn create_usage_plan(&self) -> Result<(), AwsError> {
        let (aws, gateway) = (self.aws, &self.aws.apigateway);
        let desired = self.desired()?;
        let stage = ApiStage::builder()
            .api_id(self.api()?)
            .stage(desired.stage)
            .build();
        let create = async || {
            let create = gateway
                .create_usage_plan()
                .name(&desired.name)
                .api_stages(stage.clone());
            let made = create.set_tags(tags(&desired.tags)).send().await?;
            Ok(made.id)
        };
        let find = async || {
            let plans = read::usage_plans(aws).await?;
            let made = plans
                .into_iter()
                .find(|plan| plan.name() == Some(&desired.name));
            Ok(made.map(|plan| plan.id))
        };
        let id = aws
            .create("apigateway:CreateUsagePlan", create, find)
            .await?;
        let mut made = self.made();
        made.own.plan.clone_from(&id);
        made.usage_plan = id;
        Ok(())
    }

    async fn add_key(&self) -> Result<(), AwsError> {
        let key = self.known("API key", |made| made.key.clone())?;
        let plan = self.known("usage plan", |made| made.usage_plan.clone())?;
        let add = async || {
            let add = self
                .aws
                .apigateway
                .create_usage_plan_key()
                .usage_plan_id(&plan);
            add.key_id(&key).key_type("API_KEY").send().await.map(drop)
        };
        let find = async || {
            let keys = read::plan_keys(self.aws, &plan).await?;
            Ok(keys.contains(&key).then_some(()))
        };
        self.aws
            .create("apigateway:CreateUsagePlanKey", add, find)
            .await
    }

    async fn patch_plan(&self, plan: &str, op: Op, stage: &str) -> Result<(), AwsError> {
        let patch = PatchOperation::builder()
            .op(op)
            .path("/apiStages")
            .value(stage)
            .build();
        let update = async || {
            let update = self.aws.apigateway.update_usage_plan().usage_plan_id(plan);
            update.patch_operations(patch.clone()).send().await
        };
        self.aws.ensure("apigateway:UpdateUsagePlan", update).await
    }
}

//! The function URL, who may call it, and how many at once.

use aws_sdk_lambda::types::{Cors, FunctionUrlAuthType};

use super::functions::signed;
use super::{AwsError, Step, Work};
use crate::deploy::desired::LIVE;

impl Work<'_> {
    pub(super) async fn url(&self, step: &Step) -> Result<(), AwsError> {
        match step {
            Step::CreateUrl(function) => self.create_url(function).await,
            Step::OpenUrl(function) => self.open_url(function).await,
            Step::AllowUrl {
                function,
                statement,
                through,
            } => self.allow_url(function, statement, *through).await,
            Step::Reserve(function, number) => self.reserve(function, *number).await,
            _ => Ok(()),
        }
    }

    /// Without `Cors`: with it Lambda would add its headers to those of the function, and browsers refuse both.
    async fn create_url(&self, function: &str) -> Result<(), AwsError> {
        let lambda = &self.aws.lambda;
        let create = async || {
            let create = lambda.create_function_url_config().function_name(function);
            let create = create.qualifier(LIVE).auth_type(FunctionUrlAuthType::None);
            create.send().await.map(|made| made.function_url)
        };
        let find = async || {
            let get = async || {
                let get = lambda.get_function_url_config().function_name(function);
                get.qualifier(LIVE).send().await
            };
            let found = self.aws.find("lambda:GetFunctionUrlConfig", get).await?;
            Ok(found.map(|found| found.function_url))
        };
        let url = self
            .aws
            .create("lambda:CreateFunctionUrlConfig", create, find)
            .await?;
        self.made().url = Some(self.aws.function_url(url));
        Ok(())
    }

    async fn open_url(&self, function: &str) -> Result<(), AwsError> {
        let update = async || {
            let update = self.aws.lambda.update_function_url_config();
            let update = update.function_name(function).qualifier(LIVE);
            update
                .auth_type(FunctionUrlAuthType::None)
                .cors(Cors::builder().build())
                .send()
                .await
        };
        self.aws
            .call("lambda:UpdateFunctionUrlConfig", update)
            .await
            .map(drop)
    }

    async fn allow_url(
        &self,
        function: &str,
        statement: &str,
        through: bool,
    ) -> Result<(), AwsError> {
        let add = async || {
            let add = self.aws.lambda.add_permission().function_name(function);
            let add = add.qualifier(LIVE).statement_id(statement).principal("*");
            let add = if through {
                add.action("lambda:InvokeFunction")
                    .invoked_via_function_url(true)
            } else {
                add.action("lambda:InvokeFunctionUrl")
                    .function_url_auth_type(FunctionUrlAuthType::None)
            };
            add.send().await
        };
        // A statement of that id was removed before, if there was one.
        self.aws.ensure("lambda:AddPermission", add).await
    }

    async fn reserve(&self, function: &str, number: u32) -> Result<(), AwsError> {
        let put = async || {
            let put = self.aws.lambda.put_function_concurrency();
            let put = put.function_name(function);
            put.reserved_concurrent_executions(signed(number))
                .send()
                .await
        };
        self.aws
            .call("lambda:PutFunctionConcurrency", put)
            .await
            .map(drop)
    }
}

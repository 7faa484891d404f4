//! Functions and their log groups.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_lambda::primitives::{Blob, DateTime, DateTimeFormat};
use aws_sdk_lambda::types::{
    Architecture, Environment, FunctionCode, LastUpdateStatus, Runtime, State, VpcConfig,
};

use super::{AwsError, Step, Work};
use crate::deploy::aws::{ErrorKind, Patience};
use crate::deploy::desired::{Code, Desired, DesiredFunction, RUNTIME, Vpc, log_group};
use crate::deploy::observed::Configuration;
use crate::domain::Secret;

/// How long a function may take to become what it was told to be. In a VPC it takes minutes.
const SETTLING: Duration = Duration::from_secs(600);

impl Work<'_> {
    pub(super) async fn function(&self, step: &Step) -> Result<(), AwsError> {
        match self.step_of_function(step).await {
            Err(error) if error.kind == ErrorKind::Failed => {
                Err(self.why_failed(step, error).await)
            }
            result => result,
        }
    }

    /// AWS says only that the function is in this state.
    async fn why_failed(&self, step: &Step, error: AwsError) -> AwsError {
        let (Step::UpdateCode(name)
        | Step::UpdateConfiguration { name, .. }
        | Step::TagFunction(name)
        | Step::Publish { name, .. }) = step
        else {
            return error;
        };
        let get = async || {
            let get = self.aws.lambda.get_function_configuration();
            get.function_name(name).send().await
        };
        let found = self.aws.call("lambda:GetFunctionConfiguration", get).await;
        let reason = found.ok().and_then(|found| found.state_reason);
        AwsError::new(format!(
            "function `{name}` is in the state `Failed`: {}; its versions still answer, but AWS refuses changes: remove \
             the cause, or delete the function in Lambda",
            reason.as_deref().unwrap_or("AWS gave no reason")
        ))
    }

    async fn step_of_function(&self, step: &Step) -> Result<(), AwsError> {
        match step {
            Step::SetUpLogGroup {
                function,
                new,
                days,
            } => self.set_up_log_group(function, *new, *days).await,
            Step::TagLogGroup(function) => self.tag_log_group(function).await,
            Step::DeleteLogGroup(function) => self.delete_log_group(function).await,
            Step::CreateFunction { name, vpc } => self.create_function(name, vpc).await,
            Step::UpdateCode(name) => self.update_code(name).await,
            Step::UpdateConfiguration {
                name,
                environment,
                vpc,
                new_role,
            } => {
                self.update_configuration(name, environment, vpc.as_ref(), *new_role)
                    .await
            }
            Step::Restore {
                name,
                configuration,
                code,
            } => self.restore(name, configuration, code).await,
            Step::Publish {
                name,
                newest,
                description,
            } => self.publish(name, *newest, description).await,
            Step::CreateAlias(name, version) => self.create_alias(name, *version).await,
            Step::MoveAlias(name, version) => self.move_alias(name, *version).await,
            Step::Allow {
                function,
                statement,
                verb,
                path,
            } => self.allow(function, statement, verb, path).await,
            _ => self.change_function(step).await,
        }
    }

    async fn change_function(&self, step: &Step) -> Result<(), AwsError> {
        let (aws, lambda) = (self.aws, &self.aws.lambda);
        match step {
            Step::TagFunction(name) => {
                let arn = self.account.function(name);
                let tags = tags(&self.desired()?.marked_tags());
                let tag = async || {
                    let tag = lambda.tag_resource().resource(&arn);
                    tag.set_tags(tags.clone()).send().await
                };
                aws.call("lambda:TagResource", tag).await.map(drop)
            }
            Step::Disallow {
                function,
                statement,
            } => self.disallow(function, statement).await,
            Step::DeleteVersion(name, version) => {
                let delete = async || {
                    let delete = lambda.delete_function().function_name(name);
                    delete.qualifier(version.to_string()).send().await
                };
                aws.remove("lambda:DeleteFunction", delete).await
            }
            Step::DeleteFunction(name) => {
                let delete = async || lambda.delete_function().function_name(name).send().await;
                aws.remove("lambda:DeleteFunction", delete).await
            }
            _ => Ok(()),
        }
    }

    async fn set_up_log_group(&self, function: &str, new: bool, days: u32) -> Result<(), AwsError> {
        let (aws, logs) = (self.aws, &self.aws.logs);
        let name = log_group(function);
        if new {
            let tags = tags(&self.desired()?.marked_tags());
            let create = async || {
                let create = logs.create_log_group().log_group_name(&name);
                create.set_tags(tags.clone()).send().await
            };
            aws.ensure("logs:CreateLogGroup", create).await?;
        }
        let put = async || {
            let put = logs.put_retention_policy().log_group_name(&name);
            put.retention_in_days(signed(days)).send().await
        };
        aws.call("logs:PutRetentionPolicy", put).await.map(drop)
    }

    async fn tag_log_group(&self, function: &str) -> Result<(), AwsError> {
        let arn = self.account.log_group(function);
        let tags = tags(&self.desired()?.tags);
        let tag = async || {
            let tag = self.aws.logs.tag_resource().resource_arn(&arn);
            tag.set_tags(tags.clone()).send().await
        };
        self.aws.call("logs:TagResource", tag).await.map(drop)
    }

    async fn delete_log_group(&self, function: &str) -> Result<(), AwsError> {
        let name = log_group(function);
        let delete = async || {
            self.aws
                .logs
                .delete_log_group()
                .log_group_name(&name)
                .send()
                .await
        };
        self.aws.remove("logs:DeleteLogGroup", delete).await
    }

    async fn create_function(&self, name: &str, vpc: &Vpc) -> Result<(), AwsError> {
        let lambda = &self.aws.lambda;
        let desired = self.desired()?;
        let wanted = wanted(desired, name)?;
        let role = self.known("role", |made| made.role.clone())?;
        let settings = desired.settings_of(name).clone();
        let environment = BTreeMap::from([(desired.settings.name.to_owned(), settings)]);
        let code = desired.code_of(wanted);
        let zip = Blob::new(code.zip.as_ref());
        let marks = tags(&desired.marked_tags());
        let create = async || {
            let _permit = self.uploads.acquire().await;
            let create = lambda
                .create_function()
                .function_name(name)
                .runtime(Runtime::from(RUNTIME))
                .role(&role)
                .handler(&wanted.handler)
                .memory_size(signed(wanted.memory_mb))
                .timeout(signed(wanted.timeout_seconds))
                .architectures(Architecture::from(code.architecture.as_str()))
                .environment(variables(&environment))
                .code(FunctionCode::builder().zip_file(zip.clone()).build());
            let create = create.set_vpc_config((!vpc.subnets.is_empty()).then(|| vpc_config(vpc)));
            create.set_tags(marks.clone()).send().await.map(drop)
        };
        let find = async || {
            let get = async || {
                lambda
                    .get_function_configuration()
                    .function_name(name)
                    .send()
                    .await
                    .map(drop)
            };
            self.aws.find("lambda:GetFunctionConfiguration", get).await
        };
        self.aws
            .create("lambda:CreateFunction", create, find)
            .await?;
        self.settle(name, None).await
    }

    /// The configuration first, as [`super::super::plan`] does; the variables stay.
    async fn restore(
        &self,
        name: &str,
        configuration: &Configuration,
        code: &Code,
    ) -> Result<(), AwsError> {
        let update = async || {
            let update = self.aws.lambda.update_function_configuration();
            update
                .function_name(name)
                .runtime(Runtime::from(configuration.runtime.as_str()))
                .handler(&configuration.handler)
                .memory_size(signed(configuration.memory_mb))
                .timeout(signed(configuration.timeout_seconds))
                .send()
                .await
        };
        self.aws
            .call("lambda:UpdateFunctionConfiguration", update)
            .await?;
        self.settle(name, None).await?;
        self.upload(name, code).await
    }

    async fn update_code(&self, name: &str) -> Result<(), AwsError> {
        let desired = self.desired()?;
        self.upload(name, desired.code_of(wanted(desired, name)?))
            .await
    }

    async fn upload(&self, name: &str, code: &Code) -> Result<(), AwsError> {
        let zip = Blob::new(code.zip.as_ref());
        let architecture = Architecture::from(code.architecture.as_str());
        let update = async || {
            let _permit = self.uploads.acquire().await;
            let update = self.aws.lambda.update_function_code().function_name(name);
            update
                .zip_file(zip.clone())
                .architectures(architecture.clone())
                .send()
                .await
        };
        self.aws.call("lambda:UpdateFunctionCode", update).await?;
        self.settle(name, None).await
    }

    async fn update_configuration(
        &self,
        name: &str,
        environment: &BTreeMap<String, Secret>,
        vpc: Option<&Vpc>,
        new_role: bool,
    ) -> Result<(), AwsError> {
        let wanted = wanted(self.desired()?, name)?;
        let role = self.known("role", |made| made.role.clone())?;
        let description = if new_role {
            let created = self.known("role", |made| made.role_created)?;
            Some(format!("uses the role made at {}", moment(created)))
        } else {
            None
        };
        let update = async || {
            let update = self.aws.lambda.update_function_configuration();
            update
                .function_name(name)
                .runtime(Runtime::from(RUNTIME))
                .role(&role)
                .handler(&wanted.handler)
                .memory_size(signed(wanted.memory_mb))
                .timeout(signed(wanted.timeout_seconds))
                .environment(variables(environment))
                .set_description(description.clone())
                .set_vpc_config(vpc.map(vpc_config))
                .send()
                .await
        };
        self.aws
            .call("lambda:UpdateFunctionConfiguration", update)
            .await?;
        self.settle(name, None).await
    }

    /// Waits until a function, or a version of it, is what it was told to be.
    ///
    /// Source: "Lambda function states", AWS documentation.
    pub(super) async fn settle(&self, name: &str, version: Option<u64>) -> Result<(), AwsError> {
        let version = version.map(|version| version.to_string());
        let mut patience = Patience::new();
        loop {
            let get = async || {
                self.aws
                    .lambda
                    .get_function_configuration()
                    .function_name(name)
                    .set_qualifier(version.clone())
                    .send()
                    .await
            };
            let function = self
                .aws
                .call("lambda:GetFunctionConfiguration", get)
                .await?;
            let failed = |reason: Option<&str>| {
                let reason = reason.unwrap_or("AWS gave no reason");
                Err(AwsError::new(format!(
                    "function `{name}` failed to become ready: {reason}"
                )))
            };
            if function.state() == Some(&State::Failed) {
                return failed(function.state_reason());
            }
            match function.last_update_status() {
                Some(LastUpdateStatus::Failed) => {
                    return failed(function.last_update_status_reason());
                }
                Some(LastUpdateStatus::InProgress) => {}
                _ if function.state() == Some(&State::Pending) => {}
                _ => return Ok(()),
            }
            if patience.elapsed() > SETTLING {
                return Err(AwsError::new(format!(
                    "function `{name}` is not ready after {} minutes: its state is `{}`",
                    SETTLING.as_secs() / 60,
                    function.state_reason().unwrap_or("Pending")
                )));
            }
            patience.pause().await;
        }
    }
}

fn wanted<'a>(desired: &'a Desired, name: &str) -> Result<&'a DesiredFunction, AwsError> {
    let function = desired
        .functions
        .iter()
        .find(|function| function.name == name);
    function.ok_or_else(|| {
        AwsError::new(format!(
            "the config does not describe the function `{name}`"
        ))
    })
}

fn variables(environment: &BTreeMap<String, Secret>) -> Environment {
    let variables: HashMap<String, String> = (environment.iter())
        .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
        .collect();
    Environment::builder()
        .set_variables(Some(variables))
        .build()
}

/// Empty lists take a function out of its VPC.
fn vpc_config(vpc: &Vpc) -> VpcConfig {
    VpcConfig::builder()
        .set_subnet_ids(Some(vpc.subnets.iter().cloned().collect()))
        .set_security_group_ids(Some(vpc.security_groups.iter().cloned().collect()))
        .build()
}

pub(super) fn tags(tags: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    let tags: HashMap<_, _> = tags.clone().into_iter().collect();
    (!tags.is_empty()).then_some(tags)
}

/// `2026-11-23T03:40:12.345Z`
fn moment(milliseconds: i64) -> String {
    let moment = DateTime::from_millis(milliseconds).fmt(DateTimeFormat::DateTime);
    moment.unwrap_or_else(|_| milliseconds.to_string())
}

/// The SDK's numbers are signed; none of ours comes near the limit.
pub(super) fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

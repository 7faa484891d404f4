//! Where a deployment lives, and the ARNs and URLs that follow from it.

use super::{LIVE, log_group};

/// An account and a region of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Whose credentials are used.
    pub caller: String,
}

impl Account {
    /// The ARN of something in this account and region.
    pub(super) fn arn(&self, service: &str, what: &str) -> String {
        let Self {
            id,
            region,
            partition,
            ..
        } = self;
        format!("arn:{partition}:{service}:{region}:{id}:{what}")
    }

    /// The same in all regions.
    pub(super) fn everywhere(&self, service: &str, what: &str) -> String {
        format!("arn:{}:{service}:*:{}:{what}", self.partition, self.id)
    }

    /// The log group of a function, as tags and their permissions know it: elsewhere `:*` follows, for
    /// its streams.
    ///
    /// Source: `LogGroup`, CloudWatch Logs API reference.
    pub(super) fn log_group(&self, function: &str) -> String {
        self.arn("logs", &format!("log-group:{}", log_group(function)))
    }

    pub(super) fn role(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:role/{name}", self.partition, self.id)
    }

    pub(super) fn function(&self, name: &str) -> String {
        self.arn("lambda", &format!("function:{name}"))
    }

    pub(super) fn table(&self, name: &str) -> String {
        self.arn("dynamodb", &format!("table/{name}"))
    }

    /// What an integration calls: the function's alias `live`.
    pub(super) fn integration(&self, function: &str) -> String {
        let Self {
            region, partition, ..
        } = self;
        let function = self.function(function);
        format!(
            "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function}:{LIVE}/invocations"
        )
    }

    /// The method of an API, as the source of an invocation.
    pub(super) fn source(&self, api: &str, stage: &str, verb: &str, path: &str) -> String {
        self.arn("execute-api", &format!("{api}/{stage}/{verb}/{path}"))
    }

    /// A resource of API Gateway, as its tags know it.
    pub(super) fn gateway(&self, what: &str) -> String {
        let Self {
            region, partition, ..
        } = self;
        format!("arn:{partition}:apigateway:{region}::{what}")
    }
}

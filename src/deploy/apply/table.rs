//! The DynamoDB table of the counts.

use std::time::Duration;

use serde_json::{Value, json};

use super::{AwsError, Step, Work};
use crate::deploy::aws::Patience;
use crate::deploy::desired::DesiredTable;

/// How long AWS may take to make a table.
const MAKING: Duration = Duration::from_secs(300);

impl Work<'_> {
    pub(super) async fn table(&self, step: &Step) -> Result<(), AwsError> {
        let name = self.known("table", |made| made.table.clone())?;
        match step {
            Step::CreateTable => self.create_table(self.wanted_table()?).await,
            Step::AwaitTable => self.await_table(&name).await,
            Step::ProtectTable(on) => {
                let body = json!({"TableName": name, "DeletionProtectionEnabled": on});
                self.change_table("dynamodb:UpdateTable", &body).await?;
                self.await_table(&name).await
            }
            Step::SetExpiry => {
                let attribute = self.wanted_table()?.expiry;
                let expiry = json!({"AttributeName": attribute, "Enabled": true});
                let body = json!({"TableName": name, "TimeToLiveSpecification": expiry});
                self.change_table("dynamodb:UpdateTimeToLive", &body).await
            }
            Step::BackUpTable => {
                let recovery = json!({"PointInTimeRecoveryEnabled": true});
                let body = json!({"TableName": name, "PointInTimeRecoverySpecification": recovery});
                self.change_table("dynamodb:UpdateContinuousBackups", &body)
                    .await
            }
            Step::TagTable => {
                let arn = self.account.table(&name);
                let body = json!({"ResourceArn": arn, "Tags": self.table_tags()?});
                self.change_table("dynamodb:TagResource", &body).await
            }
            Step::DeleteTable => {
                let body = json!({"TableName": name});
                let delete = async || self.aws.dynamodb.ask("DeleteTable", &body).await;
                self.aws.remove("dynamodb:DeleteTable", delete).await
            }
            _ => Ok(()),
        }
    }

    fn wanted_table(&self) -> Result<&DesiredTable, AwsError> {
        let table = self.desired()?.table.as_ref();
        table.ok_or_else(|| AwsError::new("the config does not describe a table"))
    }

    fn table_tags(&self) -> Result<Vec<Value>, AwsError> {
        let tags = self.desired()?.marked_tags();
        let tags = tags.iter();
        Ok(tags
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect())
    }

    async fn create_table(&self, wanted: &DesiredTable) -> Result<(), AwsError> {
        let [partition, sort] = wanted.keys;
        let text = |name| json!({"AttributeName": name, "AttributeType": "S"});
        let body = json!({
            "TableName": wanted.name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [text(partition), text(sort)],
            "KeySchema": [
                {"AttributeName": partition, "KeyType": "HASH"},
                {"AttributeName": sort, "KeyType": "RANGE"},
            ],
            "DeletionProtectionEnabled": true,
            "Tags": self.table_tags()?,
        });
        self.change_table("dynamodb:CreateTable", &body).await?;
        self.await_table(&wanted.name).await
    }

    /// It is well when it is so already.
    async fn change_table(&self, action: &str, body: &Value) -> Result<(), AwsError> {
        let (_, operation) = action.split_once(':').unwrap_or(("", action));
        let change = async || self.aws.dynamodb.ask(operation, body).await;
        self.aws.ensure(action, change).await
    }

    /// A table is made, and changed, over seconds.
    async fn await_table(&self, name: &str) -> Result<(), AwsError> {
        let body = json!({"TableName": name});
        let mut patience = Patience::new();
        loop {
            let describe = async || self.aws.dynamodb.ask("DescribeTable", &body).await;
            let described = self.aws.call("dynamodb:DescribeTable", describe).await?;
            if described["Table"]["TableStatus"] == "ACTIVE" {
                return Ok(());
            }
            if patience.elapsed() > MAKING {
                return Err(AwsError::new(format!(
                    "table `{name}` is not ready after {} minutes",
                    MAKING.as_secs() / 60
                )));
            }
            patience.pause().await;
        }
    }
}

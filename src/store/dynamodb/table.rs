//! The table itself: how it is made, and whether it is there.

use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use super::client::Client;
use super::failure::Failure;
use super::items::{self, TTL};
use super::request;
use super::{DynamoDbSettings, DynamoDbStore};
use crate::store::StoreError;

/// How long AWS may take to make a table.
const MAKING: Duration = Duration::from_secs(120);

/// What makes a table at the command line, for who has none.
#[must_use]
pub fn command(settings: &DynamoDbSettings) -> String {
    let DynamoDbSettings { table, region, .. } = settings;
    let place = format!("--region {region} --table-name {table}");
    format!(
        "aws dynamodb create-table {place} --billing-mode PAY_PER_REQUEST \
         --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S \
         --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE && \
         aws dynamodb wait table-exists {place} && aws dynamodb update-time-to-live {place} \
         --time-to-live-specification Enabled=true,AttributeName={TTL}"
    )
}

impl DynamoDbStore {
    /// Makes the table of the settings, paid by request, with its expiry.
    ///
    /// # Errors
    /// When it cannot be made, or is there already.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        let table = &self.client.table;
        let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
        let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
        let create = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        });
        ask(&self.client, "CreateTable", &create.to_string()).await?;
        let end = Instant::now() + MAKING;
        let describe = json!({"TableName": table});
        loop {
            let answer = ask(&self.client, "DescribeTable", &describe.to_string()).await?;
            if answer["Table"]["TableStatus"] == "ACTIVE" {
                break;
            }
            if Instant::now() >= end {
                return Err(self.client.busy());
            }
            sleep(Duration::from_millis(200)).await;
        }
        let expiry = json!({
            "TableName": table,
            "TimeToLiveSpecification": {"AttributeName": TTL, "Enabled": true},
        });
        ask(&self.client, "UpdateTimeToLive", &expiry.to_string())
            .await
            .map(drop)
    }

    /// Whether the table is there; the store cannot say whether it can be written.
    ///
    /// # Errors
    /// When nobody can tell.
    pub async fn has_table(&self) -> Result<bool, StoreError> {
        let mut patience = self.client.patience();
        match self
            .client
            .ask("GetItem", &self.greeting(), &mut patience)
            .await
        {
            Ok(_) => Ok(true),
            Err(Failure::Refused { code, .. }) if code == "ResourceNotFoundException" => Ok(false),
            Err(failure) => Err(self.client.error(failure)),
        }
    }

    /// Asks for an item, with the rights that counting needs in any case.
    pub(super) async fn greet(&self) -> Result<(), StoreError> {
        ask(&self.client, "GetItem", &self.greeting())
            .await
            .map(drop)
    }

    fn greeting(&self) -> String {
        let (table, key) = (&self.client.table, request::key(&items::namespaces()));
        format!(r#"{{"TableName":"{table}","Key":{key}}}"#)
    }
}

async fn ask(client: &Client, operation: &str, body: &str) -> Result<Value, StoreError> {
    let mut patience = client.patience();
    let answer = client.ask(operation, body, &mut patience).await;
    answer.map_err(|failure| client.error(failure))
}

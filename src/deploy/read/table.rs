//! The DynamoDB table of the counts.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::try_join;

use super::Names;
use crate::deploy::aws::{Aws, AwsError};
use crate::deploy::desired::MARK;
use crate::deploy::observed::ObservedTable;

pub(super) async fn table(
    aws: &Aws,
    name: &str,
    names: Names<'_>,
) -> Result<Option<ObservedTable>, AwsError> {
    let body = json!({"TableName": name});
    let Some(described) = find(aws, "dynamodb:DescribeTable", &body).await? else {
        return Ok(None);
    };
    let table = &described["Table"];
    let arn = json!({"ResourceArn": table["TableArn"]});
    let (expiry, backups, tags) = try_join!(
        find(aws, "dynamodb:DescribeTimeToLive", &body),
        find(aws, "dynamodb:DescribeContinuousBackups", &body),
        find(aws, "dynamodb:ListTagsOfResource", &arn),
    )?;
    let backups = backups.unwrap_or_default();
    let recovery = &backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    let tags = tags.map(|tags| read_tags(&tags)).unwrap_or_default();
    Ok(Some(ObservedTable {
        name: name.to_owned(),
        is_active: table["TableStatus"] == "ACTIVE",
        keys: (table["KeySchema"].as_array().into_iter().flatten())
            .filter_map(|key| Some(key["AttributeName"].as_str()?.to_owned()))
            .collect(),
        expires: expiry.is_some_and(|expiry| {
            let status = &expiry["TimeToLiveDescription"]["TimeToLiveStatus"];
            status == "ENABLED" || status == "ENABLING"
        }),
        is_backed_up: recovery["PointInTimeRecoveryStatus"] == "ENABLED",
        is_protected: table["DeletionProtectionEnabled"] == true,
        ours: tags.get(MARK).is_some_and(|mark| mark == names.deployment),
        tags,
    }))
}

async fn find(aws: &Aws, action: &str, body: &Value) -> Result<Option<Value>, AwsError> {
    let (_, operation) = action.split_once(':').unwrap_or(("", action));
    aws.find(action, async || aws.dynamodb.ask(operation, body).await)
        .await
}

fn read_tags(read: &Value) -> BTreeMap<String, String> {
    let tags = read["Tags"].as_array().into_iter().flatten();
    tags.filter_map(|tag| {
        let (key, value) = (tag["Key"].as_str()?, tag["Value"].as_str()?);
        Some((key.to_owned(), value.to_owned()))
    })
    .collect()
}

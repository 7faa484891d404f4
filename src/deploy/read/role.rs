//! The role, and who else uses it.

use serde_json::Value;
use tokio::try_join;

use super::{Names, is_ours};
use crate::deploy::aws::{Aws, AwsError, ErrorKind};
use crate::deploy::concurrently;
use crate::deploy::observed::{Elsewhere, Role};

/// The regions of each partition.
///
/// Source: "AWS service endpoints: Lambda", AWS General Reference.
const REGIONS: [(&str, &[&str]); 3] = [
    (
        "aws",
        &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "mx-central-1",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    ),
    ("aws-cn", &["cn-north-1", "cn-northwest-1"]),
    ("aws-us-gov", &["us-gov-east-1", "us-gov-west-1"]),
];

pub(super) async fn role(aws: &Aws, names: Names<'_>) -> Result<Option<Role>, AwsError> {
    let name = names.deployment;
    let iam = &aws.iam;
    let get = aws.find("iam:GetRole", async || {
        iam.get_role().role_name(name).send().await
    });
    let inline = aws.find("iam:ListRolePolicies", async || {
        let pages = iam.list_role_policies().role_name(name).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    let attached = aws.find("iam:ListAttachedRolePolicies", async || {
        let pages = iam
            .list_attached_role_policies()
            .role_name(name)
            .into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    let (role, inline, attached) = try_join!(get, inline, attached)?;
    let Some(role) = role.and_then(|output| output.role) else {
        return Ok(None);
    };
    let inline = inline.unwrap_or_default();
    let documents = concurrently(&inline, async |policy| {
        aws.find("iam:GetRolePolicy", async || {
            iam.get_role_policy()
                .role_name(name)
                .policy_name(policy)
                .send()
                .await
        })
        .await
    });
    let documents = documents.await?.into_iter().flatten();
    let mut role = Role {
        arn: role.arn,
        created: role.create_date.to_millis().unwrap_or_default(),
        boundary: (role.permissions_boundary)
            .and_then(|boundary| boundary.permissions_boundary_arn),
        trust: document(
            role.assume_role_policy_document
                .as_deref()
                .unwrap_or_default(),
        ),
        policies: documents
            .map(|output| (output.policy_name, document(&output.policy_document)))
            .collect(),
        attached: (attached.unwrap_or_default().into_iter())
            .filter_map(|policy| policy.policy_arn)
            .collect(),
        tags: (role.tags.unwrap_or_default().into_iter())
            .map(|tag| (tag.key, tag.value))
            .collect(),
        elsewhere: Elsewhere::default(),
        ours: false,
    };
    role.ours = is_ours(&role.tags, names, || role.has_legacy_shape(name));
    role.elsewhere = elsewhere(aws, &role, names).await?;
    Ok(Some(role))
}

/// A policy document. IAM gives it percent-encoded.
fn document(text: &str) -> Value {
    let query = format!("d={}", text.replace('+', "%2B"));
    let decoded = form_urlencoded::parse(query.as_bytes()).next();
    let decoded = decoded.map_or_else(String::new, |(_, text)| text.into_owned());
    serde_json::from_str(&decoded).unwrap_or(Value::Null)
}

/// The other regions whose functions use the role. Its policies tell of most; where that is not enough, each
/// region is asked for the function that every deployment has.
async fn elsewhere(aws: &Aws, role: &Role, names: Names<'_>) -> Result<Elsewhere, AwsError> {
    let mut elsewhere = Elsewhere {
        regions: role.registered(names.deployment),
        ..Elsewhere::default()
    };
    elsewhere.regions.remove(aws.region());
    let Some(function) = names.functions.first() else {
        return Ok(elsewhere);
    };
    if !names.other_regions && !role.is_wide(names.deployment) {
        return Ok(elsewhere);
    }
    let partition = role.arn.split(':').nth(1).unwrap_or_default();
    let regions = REGIONS.iter().find(|(name, _)| *name == partition);
    let regions = regions.map_or(&[][..], |(_, regions)| regions);
    let found = concurrently(regions, async |region| {
        if *region == aws.region() {
            return Ok(None);
        }
        match aws.function_in(region, function).await {
            Ok(found) => Ok(found.filter(|found| found.role == role.arn).map(Ok)),
            // A region that the account has not enabled.
            Err(error) if error.kind == ErrorKind::Unrecognised => Ok(None),
            Err(error) => Ok(Some(Err(error))),
        }
    });
    for (region, found) in regions.iter().zip(found.await?) {
        let region = (*region).to_owned();
        match found {
            None => {}
            Some(Ok(function)) => {
                if function.runtime.starts_with("python") {
                    elsewhere.python.insert(region.clone());
                }
                elsewhere.regions.insert(region);
            }
            Some(Err(error)) => {
                tracing::info!(%error, region, "cannot look for functions");
                elsewhere.unknown.insert(region);
            }
        }
    }
    Ok(elsewhere)
}

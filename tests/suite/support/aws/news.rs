//! News of what was just made, which takes seconds to come to every part of AWS. Time is counted in refusals.
//!
//! The words are those that people report of AWS.

use std::collections::{BTreeMap, BTreeSet};

use super::{Call, Refusal};

/// After this call, these calls are refused so.
type Late = (
    &'static str,
    &'static [&'static str],
    (u16, &'static str, &'static str),
);

const LATE: [Late; 17] = [
    (
        "iam:CreateRole",
        &["iam:PutRolePolicy", "iam:TagRole"],
        (
            404,
            "NoSuchEntity",
            "The role with name lamed cannot be found.",
        ),
    ),
    (
        "iam:CreateRole",
        &["lambda:UpdateFunctionConfiguration"],
        (
            400,
            "InvalidParameterValueException",
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid for \
             CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException KMS Message: ARN does \
             not refer to a valid principal",
        ),
    ),
    (
        "iam:PutRolePolicy",
        &["lambda:CreateFunction"],
        (
            400,
            "InvalidParameterValueException",
            "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
        ),
    ),
    (
        "logs:CreateLogGroup",
        &["logs:PutRetentionPolicy", "logs:TagResource"],
        (
            400,
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        ),
    ),
    (
        "lambda:CreateFunction",
        &["lambda:GetFunctionConfiguration", "lambda:PublishVersion"],
        (
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:eu-west-1:1:function:lamed",
        ),
    ),
    (
        "lambda:PublishVersion",
        &["lambda:CreateAlias", "lambda:UpdateAlias"],
        (
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:eu-west-1:1:function:lamed:1",
        ),
    ),
    (
        "lambda:CreateAlias",
        &["lambda:AddPermission", "lambda:CreateFunctionUrlConfig"],
        (
            404,
            "ResourceNotFoundException",
            "Cannot find alias arn: arn:aws:lambda:eu-west-1:1:function:lamed:live",
        ),
    ),
    (
        "apigateway:CreateRestApi",
        &["apigateway:CreateResource", "apigateway:PutGatewayResponse"],
        (
            404,
            "NotFoundException",
            "Invalid API identifier specified 1:api",
        ),
    ),
    (
        "apigateway:CreateResource",
        &["apigateway:PutMethod"],
        (
            404,
            "NotFoundException",
            "Invalid Resource identifier specified",
        ),
    ),
    (
        "apigateway:PutMethod",
        &["apigateway:PutIntegration", "apigateway:PutMethodResponse"],
        (
            404,
            "NotFoundException",
            "Invalid Method identifier specified",
        ),
    ),
    (
        "apigateway:PutIntegration",
        &["apigateway:CreateDeployment"],
        (
            400,
            "BadRequestException",
            "No integration defined for method",
        ),
    ),
    (
        "apigateway:PutIntegration",
        &["apigateway:PutIntegrationResponse"],
        (
            404,
            "NotFoundException",
            "Invalid Integration identifier specified",
        ),
    ),
    (
        "apigateway:PutMethodResponse",
        &["apigateway:PutIntegrationResponse"],
        (
            400,
            "BadRequestException",
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping \
             expression parameter specified: method.response.header.Access-Control-Allow-Origin]",
        ),
    ),
    (
        "apigateway:CreateDeployment",
        &["apigateway:CreateUsagePlan", "apigateway:UpdateUsagePlan"],
        (
            400,
            "BadRequestException",
            "Invalid API Stage {api: api, stage: prod} specified for usageplan lamed",
        ),
    ),
    (
        "apigateway:CreateDeployment",
        &["apigateway:UpdateStage", "apigateway:TagResource"],
        (
            404,
            "NotFoundException",
            "Invalid stage identifier specified",
        ),
    ),
    (
        "apigateway:CreateApiKey",
        &["apigateway:CreateUsagePlanKey"],
        (
            404,
            "NotFoundException",
            "Invalid API Key identifier specified",
        ),
    ),
    (
        "apigateway:CreateUsagePlan",
        &["apigateway:CreateUsagePlanKey"],
        (404, "NotFoundException", "Invalid Usage Plan ID specified"),
    ),
];

#[derive(Default)]
pub struct News {
    /// How many calls are refused after each thing that is made.
    pub refusals: usize,
    /// By the position in [`LATE`], how many more are refused.
    left: BTreeMap<usize, usize>,
    struck: BTreeSet<usize>,
}

impl News {
    pub fn refusal(&mut self, call: &Call) -> Option<Refusal> {
        for (position, (_, needs, refusal)) in LATE.iter().enumerate() {
            if let Some(left) = self.left.get_mut(&position).filter(|left| **left > 0)
                && needs.contains(&call.action.as_str())
            {
                *left -= 1;
                self.struck.insert(position);
                let (status, code, message) = *refusal;
                return Some(Refusal::new(status, code, message));
            }
        }
        None
    }

    /// A call succeeded.
    pub fn passed(&mut self, call: &Call) {
        for (position, (made, ..)) in LATE.iter().enumerate() {
            if *made == call.action {
                self.left.insert(position, self.refusals);
            }
        }
    }

    /// The pairs of calls that no refusal came between.
    pub fn missed(&self) -> Vec<String> {
        let pairs = LATE.iter().enumerate();
        pairs
            .filter(|(position, _)| !self.struck.contains(position))
            .map(|(_, (made, needs, _))| format!("{made} → {needs:?}"))
            .collect()
    }
}

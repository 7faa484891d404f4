//! News of what was just made takes seconds to come to every part of AWS. This is the one place that says how it looks
//! until then: a refusal that stands here, of a call that needs what was made, is waited for.
//!
//! Source: the errors of each operation, AWS API references; the words as people report them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// By service: what, once it was made, may not be found yet.
const FOUND_LATER: [(&str, &[&str]); 5] = [
    ("iam", &["CreateRole"]),
    ("logs", &["CreateLogGroup"]),
    (
        "lambda",
        &["CreateFunction", "PublishVersion", "CreateAlias"],
    ),
    (
        "apigateway",
        &[
            "CreateRestApi",
            "CreateResource",
            "PutMethod",
            "PutIntegration",
            "PutMethodResponse",
            "CreateDeployment",
            "CreateApiKey",
            "CreateUsagePlan",
        ],
    ),
    ("dynamodb", &["CreateTable"]),
];

/// What is not found by a call that brings something else along, which nobody has just made.
const NOT_OURS: [&str; 1] = ["scope arn"];

/// Other refusals: after which calls which ones may still say so.
const REFUSED: [(&[&str], &[&str], &str); 3] = [
    (
        &["apigateway:PutMethodResponse"],
        &["apigateway:PutIntegrationResponse"],
        "mapping expression",
    ),
    (
        &["apigateway:PutMethod", "apigateway:PutIntegration"],
        &["apigateway:CreateDeployment"],
        "method", // "No integration defined for method", "The REST API doesn't contain any methods"
    ),
    (
        &["apigateway:CreateDeployment"],
        &["apigateway:CreateUsagePlan", "apigateway:UpdateUsagePlan"],
        "invalid api stage",
    ),
];

/// What Lambda says of a role that was made or changed a moment ago, maybe by a deploy that was interrupted: the role
/// itself, its rights, and the grant for the key that environments are encrypted with.
const OF_ROLES: [&str; 4] = [
    "cannot be assumed",
    "does not have permissions",
    "invalid for creategrant",
    "valid principal",
];

/// What was made in this run.
#[derive(Debug, Default)]
pub(super) struct News(Mutex<BTreeSet<String>>);

impl News {
    /// This call succeeded.
    pub(super) fn note(&self, action: &str) {
        if makes(action) {
            let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !made.contains(action) {
                made.insert(action.to_owned());
            }
        }
    }

    /// Whether a refusal of `action` may be gone in a moment.
    pub(super) fn is_spreading(&self, action: &str, is_not_found: bool, said: &str) -> bool {
        let said = said.to_ascii_lowercase();
        let (service, _) = action.split_once(':').unwrap_or((action, ""));
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_not_found && !NOT_OURS.iter().any(|words| said.contains(words)) {
            return (made.iter()).any(|made| made.starts_with(&format!("{service}:")));
        }
        REFUSED.iter().any(|(makers, needs, words)| {
            needs.contains(&action)
                && said.contains(words)
                && makers.iter().any(|maker| made.contains(*maker))
        })
    }
}

fn makes(action: &str) -> bool {
    let (service, operation) = action.split_once(':').unwrap_or((action, ""));
    let mut services = FOUND_LATER.iter();
    services.any(|(name, makers)| *name == service && makers.contains(&operation))
}

/// Whether Lambda does not know a role well enough yet.
pub(super) fn is_of_role(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    OF_ROLES.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_is_waited_for() {
        let news = News::default();
        assert!(!news.is_spreading("iam:PutRolePolicy", true, "The role cannot be found."));
        news.note("iam:CreateRole");
        news.note("lambda:UpdateAlias");
        for (action, said, spreads) in [
            ("iam:PutRolePolicy", "The role cannot be found.", true),
            ("iam:CreateRole", "Scope ARN: … does not exist", false),
            ("lambda:CreateAlias", "Function not found", false),
        ] {
            assert_eq!(news.is_spreading(action, true, said), spreads, "{said}");
        }
        let stage = "Invalid API Stage {api: a, stage: prod} specified for usageplan lamed";
        assert!(!news.is_spreading("apigateway:CreateUsagePlan", false, stage));
        news.note("apigateway:CreateDeployment");
        assert!(news.is_spreading("apigateway:CreateUsagePlan", false, stage));
        assert!(!news.is_spreading("apigateway:CreateApiKey", false, stage));
    }
}

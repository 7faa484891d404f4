//! The errors of AWS, and what they mean to a deploy.

use super::*;

#[test]
fn errors_are_sorted_by_what_can_be_done() {
    for (status, code, said, expected) in [
        (
            409,
            "ResourceConflictException",
            "Function already exist: lamed-track",
            ErrorKind::Exists,
        ),
        (
            409,
            "ConflictException",
            "Method already exists for this resource",
            ErrorKind::Exists,
        ),
        (
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress",
            ErrorKind::Busy,
        ),
        (
            409,
            "ConflictException",
            "Unable to complete operation due to concurrent modification",
            ErrorKind::Busy,
        ),
        (
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following state: Failed",
            ErrorKind::Failed,
        ),
        (
            400,
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
            ErrorKind::Busy,
        ),
        (
            400,
            "InvalidParameterValueException",
            "Unzipped size must be smaller",
            ErrorKind::Refused,
        ),
        (
            429,
            "TooManyRequestsException",
            "Rate exceeded",
            ErrorKind::Busy,
        ),
        (
            429,
            "LimitExceededException",
            "The request exceeded the rate limit.",
            ErrorKind::Busy,
        ),
        (
            429,
            "LimitExceededException",
            "Maximum number of API keys reached. Please contact AWS.",
            ErrorKind::Full,
        ),
        (
            409,
            "LimitExceeded",
            "Cannot exceed quota for RolesPerAccount: 1000",
            ErrorKind::Full,
        ),
        (
            400,
            "InvalidParameterValueException",
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant.",
            ErrorKind::Busy,
        ),
        (400, "Throttling", "Rate exceeded", ErrorKind::Busy),
        (500, "ServiceException", "", ErrorKind::Unclear),
        (403, "AccessDeniedException", "", ErrorKind::Denied),
        (404, "NoSuchEntity", "", ErrorKind::NotFound),
    ] {
        assert_eq!(kind(status, code, said), expected, "{code}: {said}");
    }
}

#[test]
fn variables_of_a_function_are_never_repeated() {
    for (said, shown) in [
        (
            "Lambda was unable to configure your environment variables because the environment variables you \
             have provided exceeded the 4KB limit. String measured: {\"PASSWORD\":\"secret\"}",
            "Lambda was unable to configure your environment variables because the environment variables you \
             have provided exceeded the 4KB limit. String measured: …",
        ),
        (
            "1 validation error detected: Value '{PASSWORD=secret}' at 'environment.variables' failed to satisfy \
             constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern]",
            "1 validation error detected: Value … failed to satisfy constraint: Map keys must satisfy constraint: \
             [Member must satisfy regular expression pattern]",
        ),
        (
            "The role defined for the function cannot be assumed by Lambda.",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
    ] {
        for action in [
            "lambda:CreateFunction",
            "lambda:UpdateFunctionConfiguration",
        ] {
            assert_eq!(without_environment(action, said), shown);
        }
    }
}

#[test]
fn a_missing_permission_is_named_with_who_needs_it() {
    let said = "User: arn:aws:iam::1:user/ci is not authorized to perform: apigateway:POST on \
                resource: arn:aws:apigateway:eu-west-1::/restapis because no identity-based policy";
    assert_eq!(
        denied("apigateway:CreateRestApi", said),
        "the AWS credentials do not allow `apigateway:POST`: allow it in IAM for \
         `arn:aws:iam::1:user/ci` on `arn:aws:apigateway:eu-west-1::/restapis`"
    );
    let refused = |reason: &str| {
        let said = format!(
            "User: arn:aws:iam::1:user/ci is not authorized to perform: iam:CreateRole on resource: \
             arn:aws:iam::1:role/a/very/long/path/lamed {reason}"
        );
        let shown = denied("iam:CreateRole", &said);
        assert!(shown.ends_with(&format!("; AWS says: {said}")), "{shown}");
        shown
    };
    for (reason, who) in [
        (
            "with an explicit deny in a service control policy: arn:aws:organizations::9:policy/o-1/service_control_policy/p-1",
            "a policy of your organization refuses it: ask its administrator",
        ),
        (
            "because no service control policy allows the iam:CreateRole action",
            "a policy of your organization refuses it",
        ),
        (
            "because no permissions boundary allows the iam:CreateRole action",
            "a permissions boundary refuses it: ask the administrator who set it",
        ),
        (
            "because no session policy allows the iam:CreateRole action",
            "the policy of this session refuses it",
        ),
        (
            "with an explicit deny in an identity-based policy",
            "a policy denies it: remove that statement",
        ),
        (
            "because of something that AWS has not told before",
            "allow it in IAM for `arn:aws:iam::1:user/ci` on `arn:aws:iam::1:role/a/very/long/path/lamed`",
        ),
    ] {
        let shown = refused(reason);
        assert!(shown.contains(who), "{shown}");
    }
    assert_eq!(
        denied("lambda:CreateFunction", "no"),
        "the AWS credentials do not allow `lambda:CreateFunction`: allow it in IAM for `the caller`"
    );
}

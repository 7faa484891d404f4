//! What AWS refused, or why it could not be asked: in one line.

use std::borrow::Cow;
use std::error::Error;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId;
use aws_smithy_runtime_api::http::Response;

use super::network::lacks_authorities;
use super::news::is_of_role;

/// A call to AWS that failed for good.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct AwsError {
    pub(in crate::deploy) kind: ErrorKind,
    message: String,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::deploy) enum ErrorKind {
    /// What was asked for is not there.
    NotFound,
    /// What was to be made is there already.
    Exists,
    /// AWS did nothing, for now: too many calls, another update under way, a new role that is not
    /// known everywhere yet.
    Busy,
    /// A function that failed to become ready, to which AWS lets nothing be done.
    Failed,
    /// Nobody knows whether AWS did it: no reply, or an error of its own.
    Unclear,
    /// AWS does not know the credentials: they are wrong, or the account has not enabled the region.
    Unrecognised,
    /// The credentials do not allow it.
    Denied,
    /// A quota of the account is full.
    Full,
    /// Another run did it first.
    Rival,
    /// It will never work as it is.
    Refused,
}

impl AwsError {
    pub(in crate::deploy) fn new(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Refused,
            message: message.into(),
        }
    }

    pub(in crate::deploy) fn rival(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Rival,
            ..Self::new(message)
        }
    }

    /// Whether the credentials do not allow the call.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.kind == ErrorKind::Denied
    }

    /// Reads what the SDK says of `action` (`lambda:CreateFunction`) in `region`.
    pub(super) fn read<E>(
        action: &str,
        region: &str,
        endpoint: Option<&str>,
        error: &SdkError<E, Response>,
    ) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let SdkError::ServiceError(service) = error else {
            return Self::without_reply(action, region, endpoint, error);
        };
        let status = service.raw().status().as_u16();
        let code = service.err().code().unwrap_or("no code");
        let said = service.err().message().unwrap_or("no message");
        let said = &*without_environment(action, said);
        let kind = kind(status, code, said);
        let message = match kind {
            ErrorKind::Denied => denied(action, said),
            _ if matches!(
                code,
                "ExpiredToken" | "ExpiredTokenException" | "RequestExpired"
            ) =>
            {
                "the AWS credentials expired: renew them, for example with `aws sso login`"
                    .to_owned()
            }
            _ if UNKNOWN_CREDENTIALS.contains(&code) => format!(
                "AWS rejected the credentials in region `{region}`: {}",
                one_line(said)
            ),
            ErrorKind::Full => format!(
                "`{action}`: {} ({code}): a quota of the account is full: remove what is not in use, or ask for more in \
                 Service Quotas",
                one_line(said).trim_end_matches('.')
            ),
            _ if service.err().code().is_none() => {
                format!("`{action}`: AWS answered {status} without a reason")
            }
            _ => format!("`{action}`: {} ({code})", one_line(said)),
        };
        tracing::debug!(
            action,
            status,
            code,
            said,
            id = error.request_id(),
            "AWS answered"
        );
        Self { kind, message }
    }

    fn without_reply<E>(
        action: &str,
        region: &str,
        endpoint: Option<&str>,
        error: &SdkError<E, Response>,
    ) -> Self
    where
        E: Error + 'static,
    {
        let root = root(error);
        let kind = match error {
            SdkError::ConstructionFailure(_) => ErrorKind::Refused,
            SdkError::DispatchFailure(failure) if failure.is_user() => ErrorKind::Refused,
            _ => ErrorKind::Unclear,
        };
        let (service, _) = action.split_once(':').unwrap_or((action, ""));
        let message = match endpoint {
            Some(endpoint) => format!(
                "cannot reach `{endpoint}` (set by `AWS_ENDPOINT_URL` or `endpoint_url`) for `{action}`: {root}"
            ),
            None => format!(
                "cannot reach AWS for `{action}`: {root}; check the network, and that region `{region}` \
                 has {service}"
            ),
        };
        Self { kind, message }
    }
}

/// The codes by which AWS says that it does not know a key, or that a signature is wrong.
const UNKNOWN_CREDENTIALS: [&str; 6] = [
    "AuthFailure",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// The codes by which AWS says that an account has as many of something as it may have.
const FULL: [&str; 5] = [
    "CodeStorageExceededException",
    "LimitExceeded",
    "LimitExceededException",
    "QuotaExceededException",
    "ServiceQuotaExceededException",
];

/// Sorts an error. Codes: "Common errors" and the errors of each operation, AWS API references; the
/// texts, where a code alone does not tell, are those that AWS sends.
fn kind(status: u16, code: &str, said: &str) -> ErrorKind {
    let says = |text: &str| said.to_ascii_lowercase().contains(text);
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => ErrorKind::Denied,
        "ResourceNotFoundException" | "NotFoundException" | "NoSuchEntity" => ErrorKind::NotFound,
        "EntityAlreadyExists" | "ResourceAlreadyExistsException" => ErrorKind::Exists,
        // Of DynamoDB: "Table already exists", "TimeToLive is already enabled"; a table that is being made.
        "ResourceInUseException" | "ValidationException" if says("already") => ErrorKind::Exists,
        "ResourceInUseException" | "ContinuousBackupsUnavailableException" => ErrorKind::Busy,
        // The same code for "exists" and for "another update is under way".
        "ResourceConflictException" | "ConflictException" if says("already") => ErrorKind::Exists,
        // It will not become ready by itself.
        "ResourceConflictException" if says("state: failed") => ErrorKind::Failed,
        "ResourceConflictException"
        | "ConflictException"
        | "ConcurrentModification"
        | "OperationAbortedException" => ErrorKind::Busy,
        "InvalidParameterValueException" if is_of_role(said) => ErrorKind::Busy,
        // Some services answer so, and 429, where calls come too fast, too.
        _ if FULL.contains(&code) && !says("rate") && !says("too many requests") => ErrorKind::Full,
        _ if status == 429 || code.contains("Throttl") || code.contains("TooManyRequests") => {
            ErrorKind::Busy
        }
        _ if UNKNOWN_CREDENTIALS.contains(&code) => ErrorKind::Unrecognised,
        "RequestLimitExceeded" | "PriorRequestNotComplete" => ErrorKind::Busy,
        _ if status >= 500 => ErrorKind::Unclear,
        _ => ErrorKind::Refused,
    }
}

/// AWS can repeat all variables of a function, the secret ones too, where it refuses them: "… exceeded the 4KB limit.
/// String measured: {…}", "Value '{…}' at 'environment.variables' failed to satisfy constraint: …".
fn without_environment<'a>(action: &str, said: &'a str) -> Cow<'a, str> {
    let sets_it = matches!(
        action,
        "lambda:CreateFunction" | "lambda:UpdateFunctionConfiguration"
    );
    let lower = said.to_ascii_lowercase();
    if !sets_it || !(lower.contains("environment") || lower.contains("variable")) {
        return Cow::Borrowed(said);
    }
    let Some(start) = said.find(['{', '\'', '"', '[']) else {
        return Cow::Borrowed(said);
    };
    // What follows the last place where a value could end.
    let rest = said.rsplit_once("' failed to ");
    let rest = rest.map_or(String::new(), |(_, rest)| {
        let rest = rest.split(['{', '\'', '"']).next().unwrap_or_default();
        format!(" failed to {}", rest.trim_end())
    });
    Cow::Owned(format!("{}…{rest}", &said[..start]))
}

/// Who can change the policy that refuses a call, by AWS's words for its kind.
///
/// Source: "Troubleshoot access denied error messages", IAM user guide.
const REFUSERS: [(&str, &str); 6] = [
    (
        "service control policy",
        "a policy of your organization refuses it: ask its administrator",
    ),
    (
        "resource control policy",
        "a policy of your organization refuses it: ask its administrator",
    ),
    (
        "permissions boundary",
        "a permissions boundary refuses it: ask the administrator who set it",
    ),
    (
        "session policy",
        "the policy of this session refuses it: sign in with another one",
    ),
    (
        "VPC endpoint policy",
        "the policy of the VPC endpoint refuses it: change that policy",
    ),
    ("explicit deny", "a policy denies it: remove that statement"),
];

/// AWS names the caller, the action, the resource and the kind of policy that refuses in a sentence. Who has to do
/// something follows from the kind.
///
/// "User: ARN is not authorized to perform: lambda:CreateFunction on resource: ARN because …"
fn denied(action: &str, said: &str) -> String {
    let said = one_line(said);
    let after = |marker: &str| {
        let (_, rest) = said.split_once(marker)?;
        rest.split_whitespace()
            .next()
            .map(|word| word.trim_matches(['"', '.']))
    };
    let action = after("to perform: ").unwrap_or(action);
    let caller = after("User: ").unwrap_or("the caller");
    if let Some((_, who)) = REFUSERS.iter().find(|(kind, _)| said.contains(kind)) {
        return format!("`{action}` is not allowed: {who}; AWS says: {said}");
    }
    let resource = after("on resource: ").map_or_else(String::new, |arn| format!(" on `{arn}`"));
    // Else it is what "allow it in IAM" says.
    let reason =
        match said.contains("because no identity-based policy") || !said.contains(" because ") {
            true => String::new(),
            false => format!("; AWS says: {said}"),
        };
    format!(
        "the AWS credentials do not allow `{action}`: allow it in IAM for `{caller}`{resource}{reason}"
    )
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The innermost cause, which is the one that says something.
pub(super) fn root(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let said = one_line(&innermost.to_string());
    if said.ends_with("UnknownIssuer") && lacks_authorities() {
        return format!(
            "{said}: this system has no certificate authorities: install the package `ca-certificates`, or set `SSL_CERT_FILE`"
        );
    }
    said
}

#[cfg(test)]
mod tests;

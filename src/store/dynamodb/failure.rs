//! Why a request has no answer, and what that means for those who wait for it.

use serde_json::Value;

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not sent.
    Unsent(String),
    /// Nobody knows whether it was carried out.
    Unclear(String),
    /// It was not carried out; it may be later.
    Busy(String),
    /// A transaction was not carried out: for each of its items why.
    Canceled(Vec<Reason>),
    /// A condition did not hold.
    Condition,
    /// It will not be carried out however often it is sent.
    Refused { code: String, message: String },
}

/// Why a transaction was not carried out, as far as one of its items goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is not for this item.
    None,
    /// Its condition did not hold.
    Condition,
    /// Another transaction was writing it.
    Conflict,
    /// The table has too much to do.
    Throttled,
    /// Anything else, which trying again does not help.
    Other,
}

impl Failure {
    /// What an answer means that is no success.
    pub(super) fn of_answer(status: u16, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let kind = body["__type"].as_str().unwrap_or_default();
        let code = kind.rsplit('#').next().unwrap_or_default();
        let message = ["message", "Message"]
            .into_iter()
            .find_map(|key| body[key].as_str());
        let message = message.unwrap_or_default();
        let said = format!("{code}: {message} (HTTP {status})");
        match code {
            "TransactionCanceledException" => {
                let reasons = body["CancellationReasons"].as_array();
                let reasons = reasons.into_iter().flatten().map(Reason::read).collect();
                match reasons_that_end(reasons) {
                    Ok(reasons) => Self::Canceled(reasons),
                    Err(()) => Self::Refused {
                        code: code.to_owned(),
                        message: message.to_owned(),
                    },
                }
            }
            "ConditionalCheckFailedException" => Self::Condition,
            // The first attempt with this token is still under way.
            "TransactionInProgressException" => Self::Unclear(said),
            "TransactionConflictException"
            | "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "ResourceInUseException" => Self::Busy(said),
            _ if status >= 500 => Self::Unclear(said),
            _ if status == 429 => Self::Busy(said),
            _ => Self::Refused {
                code: code.to_owned(),
                message: message.to_owned(),
            },
        }
    }
}

/// `Err` where trying again helps nobody.
fn reasons_that_end(reasons: Vec<Reason>) -> Result<Vec<Reason>, ()> {
    match reasons.is_empty() || reasons.contains(&Reason::Other) {
        true => Err(()),
        false => Ok(reasons),
    }
}

impl Reason {
    fn read(reason: &Value) -> Self {
        match reason["Code"].as_str() {
            Some("None") | None => Self::None,
            Some("ConditionalCheckFailed") => Self::Condition,
            Some("TransactionConflict") => Self::Conflict,
            Some("ThrottlingError" | "ProvisionedThroughputExceeded") => Self::Throttled,
            Some(_) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canceled(codes: &[&str]) -> Failure {
        let reasons: Vec<Value> = codes
            .iter()
            .map(|code| serde_json::json!({"Code": code}))
            .collect();
        let body = serde_json::json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": reasons,
        });
        Failure::of_answer(400, body.to_string().as_bytes())
    }

    #[test]
    fn a_canceled_transaction_has_a_reason_for_each_item() {
        let failure = canceled(&[
            "None",
            "ConditionalCheckFailed",
            "TransactionConflict",
            "ThrottlingError",
        ]);
        let Failure::Canceled(reasons) = failure else {
            panic!("{failure:?}");
        };
        let expected = [
            Reason::None,
            Reason::Condition,
            Reason::Conflict,
            Reason::Throttled,
        ];
        assert_eq!(reasons, expected);
        let too_large = canceled(&["None", "ValidationError"]);
        assert!(
            matches!(too_large, Failure::Refused { .. }),
            "{too_large:?}"
        );
    }

    #[test]
    fn only_an_error_of_the_server_leaves_open_what_was_done() {
        let of = |status, code: &str| {
            let body = format!(r#"{{"__type":"com.amazon.coral.service#{code}","message":"m"}}"#);
            Failure::of_answer(status, body.as_bytes())
        };
        assert!(matches!(
            of(500, "InternalServerError"),
            Failure::Unclear(_)
        ));
        assert!(matches!(
            of(400, "TransactionInProgressException"),
            Failure::Unclear(_)
        ));
        assert!(matches!(of(400, "ThrottlingException"), Failure::Busy(_)));
        assert!(matches!(
            of(400, "ConditionalCheckFailedException"),
            Failure::Condition
        ));
        let refused = of(400, "ValidationException");
        let Failure::Refused { code, message } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!([code, message], ["ValidationException", "m"]);
        assert!(matches!(
            Failure::of_answer(502, b"<html>"),
            Failure::Unclear(_)
        ));
    }
}

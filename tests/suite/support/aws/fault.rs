//! What goes wrong, when, and in which words AWS says so.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use hyper::Response;
use hyper::body::Bytes;
use serde_json::json;
use tokio::sync::Barrier;

use super::Call;

#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer: status, code, message.
    Refused(u16, &'static str, &'static str),
    /// Too many calls: 429, or what the service has for it.
    Throttled,
    /// A fault of the service's own.
    Internal,
    /// Somebody changes the same thing at the same time. Befalls only calls that write.
    Conflict,
    /// The credentials are no longer valid.
    Expired,
    /// The connection ends, and nothing was done.
    CutBefore,
    /// It was done, but the connection ends without a reply.
    CutAfter,
    /// Nothing goes wrong, but the call waits for another one that does so, too.
    Meet(Arc<Barrier>),
    /// Nothing was done, and no reply will come: the moment to kill the caller, of which the test is
    /// told.
    HangBefore(Sender<Event>),
    /// It was done, and no reply will come.
    HangAfter(Sender<Event>),
}

/// What a test waits for that kills its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The call came.
    Hangs,
    /// The command ended before it.
    Ended,
}

/// Which of the calls that a rule is about it befalls; counted from 1 since the last reset.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Nth(usize),
    First(usize),
    From(usize),
    Every(usize),
}

pub struct Rule {
    calls: String,
    when: When,
    fault: Fault,
    seen: usize,
}

impl Rule {
    /// `calls` is an action; a `*` at its end stands for any rest.
    pub fn new(calls: &str, when: When, fault: Fault) -> Self {
        Self {
            calls: calls.to_owned(),
            when,
            fault,
            seen: 0,
        }
    }

    /// What befalls this call.
    pub fn strikes(&mut self, call: &Call) -> Option<Fault> {
        let meant = match self.calls.strip_suffix('*') {
            Some(start) => call.action.starts_with(start),
            None => call.action == self.calls,
        };
        if !meant || matches!(self.fault, Fault::Conflict) && !call.writes() {
            return None;
        }
        self.seen += 1;
        let now = match self.when {
            When::Nth(n) => self.seen == n,
            When::First(n) => self.seen <= n,
            When::From(n) => self.seen >= n,
            When::Every(n) => self.seen.is_multiple_of(n),
        };
        now.then(|| self.fault.clone())
    }
}

/// An error as AWS answers it.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// How this service puts the fault; none for a cut.
    pub fn of(fault: &Fault, service: &str) -> Option<Self> {
        let query = matches!(service, "iam" | "sts" | "ec2");
        let (status, code, message) = match (fault, service) {
            (Fault::Refused(status, code, message), _) => (*status, *code, *message),
            (Fault::Throttled, "lambda") => (429, "TooManyRequestsException", "Rate exceeded"),
            (Fault::Throttled, "apigateway") => {
                (429, "TooManyRequestsException", "Too Many Requests")
            }
            (Fault::Throttled, "logs" | "dynamodb") => {
                (400, "ThrottlingException", "Rate exceeded")
            }
            (Fault::Throttled, _) => (400, "Throttling", "Rate exceeded"),
            (Fault::Internal, "lambda") => (
                500,
                "ServiceException",
                "An error occurred and the request cannot be processed.",
            ),
            (Fault::Internal, "iam") => (
                500,
                "ServiceFailure",
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
            (Fault::Internal, _) => (500, "InternalFailure", "Internal server error"),
            (Fault::Conflict, "lambda") => (
                409,
                "ResourceConflictException",
                "The operation cannot be performed at this time. An update is in progress.",
            ),
            (Fault::Conflict, "apigateway") => (
                409,
                "ConflictException",
                "Unable to complete operation due to concurrent modification. Please try again later.",
            ),
            (Fault::Conflict, "logs") => (
                400,
                "OperationAbortedException",
                "Multiple concurrent requests to update the same resource were in conflict.",
            ),
            (Fault::Conflict, "dynamodb") => (
                400,
                "ResourceInUseException",
                "Attempt to change a resource which is still in use: Table is being updated: lamed",
            ),
            (Fault::Conflict, _) => (
                409,
                "ConcurrentModification",
                "The request was rejected because multiple requests to change this object were submitted simultaneously.",
            ),
            (Fault::Expired, _) => (
                if matches!(service, "logs" | "dynamodb") {
                    400
                } else {
                    403
                },
                if query {
                    "ExpiredToken"
                } else {
                    "ExpiredTokenException"
                },
                "The security token included in the request is expired",
            ),
            (
                Fault::CutBefore
                | Fault::CutAfter
                | Fault::Meet(_)
                | Fault::HangBefore(_)
                | Fault::HangAfter(_),
                _,
            ) => return None,
        };
        Some(Self::new(status, code, message))
    }

    /// The permission that the caller lacks.
    pub fn denied(call: &Call, account: &str) -> Self {
        let permission = call.permission();
        let (status, code) = match call.service() {
            "iam" | "sts" => (403, "AccessDenied"),
            "ec2" => (403, "UnauthorizedOperation"),
            "logs" | "dynamodb" => (400, "AccessDeniedException"),
            _ => (403, "AccessDeniedException"),
        };
        Self::new(
            status,
            code,
            format!(
                "User: arn:aws:iam::{account}:user/moto is not authorized to perform: {permission} on resource: * \
                 because no identity-based policy allows the {permission} action"
            ),
        )
    }

    /// In the shape of the service's protocol.
    pub fn reply(&self, service: &str) -> Response<Bytes> {
        let Self {
            status,
            code,
            message,
        } = self;
        let reply = Response::builder()
            .status(*status)
            .header("x-amzn-requestid", "of-the-proxy");
        let (kind, body) = match service {
            "iam" | "sts" => (
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>of-the-proxy</RequestId></ErrorResponse>"
                ),
            ),
            "ec2" => (
                "text/xml",
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                     <RequestID>of-the-proxy</RequestID></Response>"
                ),
            ),
            "logs" | "dynamodb" => (
                "application/x-amz-json-1.1",
                json!({"__type": code, "message": message}).to_string(),
            ),
            "lambda" => (
                "application/json",
                json!({"Type": "User", "Message": message}).to_string(),
            ),
            _ => ("application/json", json!({"message": message}).to_string()),
        };
        let reply = match service {
            "lambda" | "apigateway" => reply.header("x-amzn-errortype", *code),
            _ => reply,
        };
        reply
            .header("content-type", kind)
            .body(body.into())
            .unwrap()
    }
}

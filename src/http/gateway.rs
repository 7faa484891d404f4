//! What a Lambda function is given and gives back.
//!
//! From API Gateway's Lambda proxy integration (REST, payload format 1.0) comes an event that is
//! read as a [`Request`], and the [`Reply`] goes back as its proxy reply. A direct invocation sends
//! a flat event, as Python lamed's functions took it. [`answer`] is the function for both.
//!
//! Source: "Set up Lambda proxy integrations in API Gateway", AWS documentation; where recordings
//! of the real service say more, they are named.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::routes::is_module;
use super::{Api, Details, Handler, Method, Parameters, Reply, Request};

/// The function: event in, answer out. Runs in Lambda, and behind the gateway of `serve --local`.
///
/// An event with `httpMethod` is API Gateway's, and the answer a proxy reply. Any other JSON object
/// is a flat event (`{"experiment": …}`): its texts are the parameters, and the answer is the body
/// of the reply.
///
/// # Errors
/// When the event is neither, or a flat event's reply is no 200.
pub async fn answer(api: &Api, handler: Handler, event: &Value) -> Result<Value, FunctionError> {
    if event.get("httpMethod").is_some() {
        return match request_from_event(event) {
            Ok(mut request) => {
                if handler == Handler::Client {
                    request.details = script(event);
                }
                Ok(proxy_reply(&sendable(api.handle(handler, &request).await)))
            }
            // API Gateway asks no function about these: `deploy` has it answer them itself.
            Err(_) if event["httpMethod"] == "OPTIONS" => {
                Ok(proxy_reply(&Reply::preflight(handler.methods())))
            }
            Err(error) => Err(FunctionError(error.to_string())),
        };
    }
    let Value::Object(flat) = event else {
        return Err(FunctionError("the event is not a JSON object".to_owned()));
    };
    let texts =
        (flat.iter()).filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let request = Request {
        method: handler.methods()[0],
        query: texts.collect(),
        body: Vec::new(),
        encoding: None,
        user_agent: None,
        details: Details::default(),
    };
    let reply = sendable(api.handle(handler, &request).await);
    if handler == Handler::Client && reply.status == 200 {
        return Ok(Value::from(reply.body));
    }
    let body = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
    match (reply.status, body["message"].as_str()) {
        (200, _) => Ok(body),
        (_, Some(message)) => Err(FunctionError(message.to_owned())),
        (_, None) => Err(FunctionError(reply.body)),
    }
}

/// The longest answer of a function, in bytes: 6 MB ("Lambda quotas", AWS documentation), less what
/// headers take.
const MAX_ANSWER: usize = 6 * 1024 * 1024 - 4096;

/// The reply, or in its place what to do where it is longer than Lambda can send. Its body becomes a
/// text within JSON, in which quotes and backslashes are escaped.
pub(super) fn sendable(reply: Reply) -> Reply {
    let escaped = (reply.body.bytes()).filter(|byte| matches!(byte, b'"' | b'\\'));
    let length = reply.body.len() + escaped.count();
    if length <= MAX_ANSWER {
        return reply;
    }
    Reply::message(
        400,
        "the results are larger than the 6 MB that Lambda can send: use `scope` to read fewer experiments",
    )
}

/// Why a function gave no answer: Lambda calls it a function error. The text reaches the caller.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct FunctionError(pub String);

/// Why an event is no request. Reads as a message for the log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EventError {
    #[error("the event is not an API Gateway proxy event: `{0}` is missing or of the wrong type")]
    Shape(&'static str),
    #[error("the body of the event is marked as base64, but it is not base64")]
    Base64,
}

/// Reads a request out of a proxy event.
///
/// # Errors
/// When the event is of another kind.
pub fn request_from_event(event: &Value) -> Result<Request, EventError> {
    let method = (event["httpMethod"].as_str())
        .and_then(Method::from_name)
        .ok_or(EventError::Shape("httpMethod"))?;
    Ok(Request {
        method,
        query: query(event)?,
        body: body(event)?,
        encoding: header(event, "content-encoding"),
        user_agent: header(event, "user-agent"),
        details: Details::default(),
    })
}

pub(super) fn body(event: &Value) -> Result<Vec<u8>, EventError> {
    match (&event["body"], event["isBase64Encoded"].as_bool()) {
        (Value::Null, _) => Ok(Vec::new()),
        (Value::String(text), Some(true)) => {
            let body = BASE64_STANDARD.decode(text);
            body.map_err(|_| EventError::Base64)
        }
        (Value::String(text), _) => Ok(text.clone().into_bytes()),
        _ => Err(EventError::Shape("body")),
    }
}

/// A body of bytes, as an answer has it.
pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// What is read for the browser client alone.
fn script(event: &Value) -> Details {
    Details {
        is_module: event["path"].as_str().is_some_and(is_module),
        if_none_match: header(event, "if-none-match"),
        flag: None,
    }
}

/// In the event a header's name is written as the client wrote it.
pub(super) fn header(event: &Value, name: &str) -> Option<String> {
    let headers = event["headers"].as_object()?;
    let header = (headers.iter()).find(|(written, _)| written.eq_ignore_ascii_case(name));
    header.and_then(|(_, value)| Some(value.as_str()?.to_owned()))
}

fn query(event: &Value) -> Result<Parameters, EventError> {
    let name = "multiValueQueryStringParameters";
    let values = match (&event[name], &event["queryStringParameters"]) {
        (Value::Object(all), _) => all,
        (Value::Null, Value::Object(last)) => last,
        (Value::Null, Value::Null) => return Ok(Parameters::default()),
        _ => return Err(EventError::Shape(name)),
    };
    let mut pairs = Vec::new();
    for (key, value) in values {
        let several = std::slice::from_ref(value);
        for value in value.as_array().map_or(several, Vec::as_slice) {
            let value = value.as_str().ok_or(EventError::Shape(name))?;
            pairs.push((key.clone(), value.to_owned()));
        }
    }
    Ok(pairs.into_iter().collect())
}

/// The reply as a function gives it to API Gateway.
#[must_use]
pub fn proxy_reply(reply: &Reply) -> Value {
    let headers: Map<String, Value> = (reply.headers.iter())
        .map(|(name, value)| (name.to_string(), Value::from(&**value)))
        .collect();
    json!({
        "statusCode": reply.status,
        "headers": headers,
        "body": reply.body,
        "isBase64Encoded": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_another_kind_are_named() {
        for (event, error) in [
            (json!({}), EventError::Shape("httpMethod")),
            (json!([1]), EventError::Shape("httpMethod")),
            (
                json!({"httpMethod": "GET", "body": 1}),
                EventError::Shape("body"),
            ),
            (
                json!({"httpMethod": "POST", "body": "ä", "isBase64Encoded": true}),
                EventError::Base64,
            ),
        ] {
            assert_eq!(request_from_event(&event), Err(error));
        }
        let event = json!({"httpMethod": "POST", "body": "e30=", "isBase64Encoded": true,
            "multiValueQueryStringParameters": {"a": ["1", "2"]}, "queryStringParameters": {"a": "2"},
            "headers": {"Accept": "*/*", "User-Agent": "curl"}});
        let request = request_from_event(&event).unwrap();
        assert_eq!(
            (
                request.body.as_slice(),
                request.query.get("a"),
                request.user_agent.as_deref()
            ),
            (&b"{}"[..], Some("2"), Some("curl"))
        );
    }
}

//! The front door of a function URL: one function with all routes, which checks the API key itself.
//!
//! Lambda gives it events of payload format 2.0 and takes the same proxy reply as API Gateway. Nothing
//! stands before it, so preflights, unknown paths and the key are answered here. The stage before a
//! path is optional: pages can move over from an API Gateway by changing the host alone.
//!
//! Source: "Invoking Lambda function URLs", AWS documentation.

use serde_json::Value;

use super::compressed::{choose, takes_gzip};
use super::door::{KEY_HEADER, find, flag, forbidden, is_key};
use super::gateway::{FunctionError, body, header, proxy_reply, sendable};
use super::{Api, Details, Handler, Parameters, Reply, Request, Route, Routes, after_stage};
use crate::domain::Secret;

/// The handler of the function behind a URL, by the name that Lambda's `_HANDLER` gives it.
pub const HANDLER: &str = "lamed.url";

/// The function behind a URL.
pub struct FunctionUrl {
    api: Api,
    routes: Routes,
    key: Secret,
    compressed: Compressed,
}

/// The compressed form of the script by its `ETag`, where there is one.
pub type Compressed = Box<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

impl FunctionUrl {
    /// A door to all routes, OFREP among them, that asks for `key` where a route requires one. Lambda compresses
    /// nothing: `compressed` has the script as it is sent to those who take it so.
    #[must_use]
    pub fn new(api: Api, routes: Routes, key: Secret, compressed: Compressed) -> Self {
        Self {
            api,
            routes: routes.with_flags(),
            key,
            compressed,
        }
    }

    /// The function: event in, answer out.
    ///
    /// # Errors
    /// When the event is not of a function URL.
    pub async fn answer(&self, event: &Value) -> Result<Value, FunctionError> {
        let http = &event["requestContext"]["http"];
        let (Some(method), Some(path)) = (http["method"].as_str(), event["rawPath"].as_str())
        else {
            return Err(FunctionError(
                "the event is not one of a function URL".to_owned(),
            ));
        };
        let path = after_stage(path).unwrap_or(path);
        let reply = match find(&self.routes, method, path) {
            Err(reply) => reply,
            Ok(route) if !self.may_use(route, event) => forbidden(),
            Ok(route) => {
                let request = request(route, path, event)?;
                let reply = self.api.handle(route.handler, &request).await;
                if route.handler == Handler::Client {
                    return Ok(self.script(reply, event));
                }
                sendable(reply)
            }
        };
        Ok(proxy_reply(&reply))
    }

    fn may_use(&self, route: &Route, event: &Value) -> bool {
        let is_right = |given: String| is_key(&self.key, given.as_bytes());
        !route.key_required || header(event, KEY_HEADER).is_some_and(is_right)
    }

    fn script(&self, reply: Reply, event: &Value) -> Value {
        let accepted = header(event, "accept-encoding").unwrap_or_default();
        let takes_gzip = takes_gzip([accepted.as_str()]);
        let (reply, compressed) = choose(reply, takes_gzip, |tag, _| (self.compressed)(tag));
        let mut answer = proxy_reply(&reply);
        if let Some(compressed) = compressed {
            answer["body"] = Value::from(super::gateway::base64(&compressed));
            answer["isBase64Encoded"] = Value::from(true);
        }
        answer
    }
}

/// In the query's object Lambda joins the values of repeated names by commas, so the raw query is read.
fn request(route: &Route, path: &str, event: &Value) -> Result<Request, FunctionError> {
    let query = event["rawQueryString"].as_str().unwrap_or_default();
    let is_document = matches!(route.handler, Handler::Client | Handler::Evaluate);
    let details = if is_document {
        Details {
            is_module: route.is_module(),
            flag: flag(route, path, Some(query).filter(|query| !query.is_empty())),
            if_none_match: header(event, "if-none-match"),
        }
    } else {
        Details::default()
    };
    Ok(Request {
        method: route.method,
        query: Parameters::decode(query),
        body: body(event).map_err(|error| FunctionError(error.to_string()))?,
        encoding: header(event, "content-encoding"),
        user_agent: header(event, "user-agent"),
        details,
    })
}

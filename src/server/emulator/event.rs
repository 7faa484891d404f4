//! A request as the proxy event that API Gateway invokes a function with.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};

use crate::domain::Timestamp;
use crate::http::{Parameters, Route, STAGE};
use crate::server::ApiKey;
use crate::server::key::random_text;

/// The ids of a deployment that has none: made up at start, in the shapes of the real ones.
pub(super) struct Identifiers {
    api: String,
    api_key: String,
    deployment: String,
}

/// Who asks.
pub(super) struct Caller<'a> {
    pub peer: SocketAddr,
    pub request_id: &'a str,
    /// The key, where one was required.
    pub key: Option<&'a ApiKey>,
}

const ACCOUNT: &str = "000000000000";

impl Identifiers {
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        Ok(Self {
            api: random_text(10)?,
            api_key: random_text(10)?,
            deployment: random_text(6)?,
        })
    }

    /// A UUID, version 4.
    pub(super) fn request_id(&self) -> String {
        let mut bytes: [u8; 16] = random();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        let (a, b, c, d, e) = (
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        );
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    /// What the gateway sends as `x-amz-apigw-id`.
    pub(super) fn extended_request_id(&self) -> String {
        BASE64_STANDARD.encode(random::<11>())
    }
}

/// An id without randomness would still be an id: failing a request over it helps nobody.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// The event. `path` is the request's without the stage; its percent-encoding and a trailing slash
/// stay, the query is decoded once. Of repeated names the single-valued maps keep the last.
pub(super) fn proxy_event(
    head: &Parts,
    path: &str,
    body: Vec<u8>,
    route: &Route,
    caller: &Caller,
    identifiers: &Identifiers,
) -> Value {
    let host = host(head);
    let headers = Multimap::new(forwarded_headers(head, &host, caller));
    let query = Parameters::decode(head.uri.query().unwrap_or_default());
    let query = Multimap::new(query.iter().map(|(k, v)| (k.to_owned(), v.to_owned())));
    let (body, is_base64) = match String::from_utf8(body) {
        Ok(text) if text.is_empty() => (Value::Null, false),
        Ok(text) => (Value::from(text), false),
        Err(error) => (Value::from(BASE64_STANDARD.encode(error.as_bytes())), true),
    };
    let method = head.method.as_str();
    let resource = format!("/{}", route.path);
    let now = Timestamp::now();
    let user_agent = headers.last("user-agent");
    json!({
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers.last_values(),
        "multiValueHeaders": headers.all_values(),
        "queryStringParameters": query.last_values(),
        "multiValueQueryStringParameters": query.all_values(),
        "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": identifiers.api,
            "deploymentId": identifiers.deployment,
            "domainName": host,
            "domainPrefix": identifiers.api,
            "extendedRequestId": identifiers.extended_request_id(),
            "httpMethod": method,
            "identity": identity(caller, identifiers, user_agent),
            "path": head.uri.path(),
            "protocol": format!("{:?}", head.version),
            "requestId": caller.request_id,
            "requestTime": request_time(now),
            "requestTimeEpoch": now.0,
            "resourceId": "local0",
            "resourcePath": resource,
            "stage": STAGE,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

fn host(head: &Parts) -> String {
    let header = head.headers.get("host").and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(|authority| authority.as_str());
    header.or(authority).unwrap_or_default().to_owned()
}

fn forwarded_headers(head: &Parts, host: &str, caller: &Caller) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = (head.headers.iter())
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    if !head.headers.contains_key("host") {
        headers.push(("host".to_owned(), host.to_owned()));
    }
    for (name, value) in [
        ("x-forwarded-for", caller.peer.ip().to_string()),
        ("x-forwarded-port", caller.peer.port().to_string()),
        ("x-forwarded-proto", "http".to_owned()),
    ] {
        headers.push((name.to_owned(), value));
    }
    headers
}

fn identity(caller: &Caller, identifiers: &Identifiers, user_agent: Value) -> Value {
    let mut identity = json!({
        "accessKey": null,
        "accountId": null,
        "caller": null,
        "cognitoAuthenticationProvider": null,
        "cognitoAuthenticationType": null,
        "cognitoIdentityId": null,
        "cognitoIdentityPoolId": null,
        "principalOrgId": null,
        "sourceIp": caller.peer.ip().to_string(),
        "user": null,
        "userAgent": user_agent,
        "userArn": null,
    });
    if let Some(key) = caller.key {
        identity["apiKey"] = Value::from(key.secret().reveal());
        identity["apiKeyId"] = Value::from(identifiers.api_key.as_str());
    }
    identity
}

/// `23/Nov/2026:01:02:03 +0000`
fn request_time(now: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let day = now.day();
    let month = usize::try_from(day.month - 1).map_or("", |month| MONTHS[month]);
    let (hour, minute, second) = now.time_of_day();
    format!(
        "{:02}/{month}/{:04}:{hour:02}:{minute:02}:{second:02} +0000",
        day.day, day.year
    )
}

/// Names with one value or more each.
struct Multimap(BTreeMap<String, Vec<String>>);

impl Multimap {
    fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            names.entry(name).or_default().push(value);
        }
        Self(names)
    }

    fn last(&self, name: &str) -> Value {
        let values = self.0.get(name);
        values.map_or(Value::Null, |values| Value::from(values.last().cloned()))
    }

    /// `null` when there are none.
    fn last_values(&self) -> Value {
        self.map(|values| Value::from(values.last().cloned()))
    }

    /// `null` when there are none.
    fn all_values(&self) -> Value {
        self.map(|values| Value::from(values.to_vec()))
    }

    fn map(&self, value: impl Fn(&[String]) -> Value) -> Value {
        if self.0.is_empty() {
            return Value::Null;
        }
        let map: Map<String, Value> = (self.0.iter())
            .map(|(name, values)| (name.clone(), value(values)))
            .collect();
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Secret;
    use crate::http::{RouteMatch, Routes};

    /// The event for a request line and headers, with all that changes from run to run replaced.
    fn event(path: &str, headers: &[(&str, &str)], body: &[u8], key: Option<&ApiKey>) -> Value {
        let mut request = hyper::Request::builder().uri(format!("/prod{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let routes = Routes::new([]);
        let path = head.uri.path().strip_prefix("/prod").unwrap();
        let RouteMatch::Route(route) = routes.find("GET", path) else {
            panic!("no route");
        };
        let caller = Caller {
            peer: "127.0.0.1:5000".parse().unwrap(),
            request_id: "request",
            key,
        };
        let identifiers = Identifiers {
            api: "api".to_owned(),
            api_key: "key id".to_owned(),
            deployment: "deployment".to_owned(),
        };
        let mut event = proxy_event(&head, path, body.to_vec(), route, &caller, &identifiers);
        let context = &mut event["requestContext"];
        assert_eq!(context["requestTime"].as_str().unwrap().len(), 26);
        for changing in ["extendedRequestId", "requestTime", "requestTimeEpoch"] {
            context[changing] = Value::from(changing);
        }
        event
    }

    #[test]
    fn an_event_is_whole() {
        let key = ApiKey::new(Secret::new("k"));
        let headers = [
            ("host", "localhost:3000"),
            ("user-agent", "test"),
            ("x-api-key", "k"),
            ("x-twice", "1"),
            ("x-twice", "2"),
        ];
        let path = "/experiments/?scope=a+b%2Bc%20d&x=1&x=2";
        let expected: Value =
            serde_json::from_str(include_str!("../../../fixtures/gateway/event.json")).unwrap();
        assert_eq!(event(path, &headers, b"", Some(&key)), expected);
    }

    #[test]
    fn what_is_absent_is_null() {
        let event = event("/track", &[], &[0xff], None);
        assert_eq!(event["queryStringParameters"], Value::Null);
        assert_eq!(event["multiValueQueryStringParameters"], Value::Null);
        assert_eq!(event["requestContext"]["identity"]["apiKey"], Value::Null);
        assert!(
            !event["requestContext"]["identity"]
                .as_object()
                .unwrap()
                .contains_key("apiKeyId")
        );
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("/w=="), &json!(true))
        );
    }

    #[test]
    fn request_ids_are_uuids() {
        let identifiers = Identifiers::random().unwrap();
        let id = identifiers.request_id();
        let dashes: Vec<usize> = id.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!(
            (id.len(), dashes, &id[14..15]),
            (36, vec![8, 13, 18, 23], "4")
        );
        assert_ne!(id, identifiers.request_id());
        assert_eq!(identifiers.extended_request_id().len(), 16);
    }
}

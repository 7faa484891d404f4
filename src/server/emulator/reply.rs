//! A function's proxy reply as API Gateway reads it.

use serde_json::Value;

use crate::http::{Header, Reply, header};

/// What API Gateway takes a body for that is said to be nothing.
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Reads a proxy reply as API Gateway does; `None` is what it answers with 502.
///
/// Recorded by others against AWS: an empty object and any unknown key are malformed; a status may
/// be a text or be missing, and a body may be missing.
#[must_use]
pub fn reply_from_proxy(reply: &Value) -> Option<Reply> {
    const KNOWN: [&str; 5] = [
        "statusCode",
        "headers",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
    ];
    let reply = reply.as_object().filter(|reply| !reply.is_empty())?;
    if reply.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return None;
    }
    let status = match reply.get("statusCode") {
        None => 200,
        Some(Value::Number(number)) => u16::try_from(number.as_u64()?).ok()?,
        Some(Value::String(text)) => text.parse().ok()?,
        Some(_) => return None,
    };
    let mut headers: Vec<Header> = Vec::new();
    for name in ["headers", "multiValueHeaders"] {
        for (key, value) in reply
            .get(name)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let several = std::slice::from_ref(value);
            for value in value.as_array().map_or(several, Vec::as_slice) {
                headers.push((key.clone().into(), scalar(value)?.into()));
            }
        }
    }
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(header(JSON));
    }
    let body = match reply.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => return None,
    };
    (100..=599).contains(&status).then_some(Reply {
        status,
        headers,
        body,
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::gateway::proxy_reply;

    #[test]
    fn a_reply_survives_the_way_through_the_gateway() {
        let reply = Reply::message(400, "`uuid` is missing");
        assert_eq!(
            reply_from_proxy(&proxy_reply(&reply)).map(sorted),
            Some(sorted(reply))
        );
    }

    fn sorted(mut reply: Reply) -> Reply {
        reply.headers.sort();
        reply
    }

    #[test]
    fn malformed_replies_are_told_from_odd_ones() {
        for malformed in [
            json!("text"),
            json!(null),
            json!([]),
            json!({}),
            json!({"statusCode": 200, "extra": 1}),
            json!({"statusCode": "abc"}),
            json!({"statusCode": true}),
            json!({"statusCode": 99}),
            json!({"statusCode": 200, "body": {"a": 1}}),
            json!({"errorMessage": "x", "errorType": "y"}),
        ] {
            assert_eq!(reply_from_proxy(&malformed), None, "{malformed}");
        }
        let plain = |status, body: &str| Reply {
            status,
            headers: vec![header(JSON)],
            body: body.to_owned(),
        };
        for (odd, reply) in [
            (json!({"statusCode": "201"}), plain(201, "")),
            (json!({"statusCode": 204}), plain(204, "")),
            (json!({"body": "x"}), plain(200, "x")),
        ] {
            assert_eq!(reply_from_proxy(&odd), Some(reply));
        }
    }
}

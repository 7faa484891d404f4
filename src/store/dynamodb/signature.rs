//! Signatures of requests, version 4, with the cryptography that TLS has anyway. The crate `aws-sigv4` does the same; in the
//! Lambda function it would take 22 more crates, and more room than there is.
//!
//! Source: "Create a signed AWS API request", AWS documentation. `tests/suite/counting/dynamodb.rs` compares with botocore.

use std::fmt::Write as _;

use ring::{digest, hmac};

use super::settings::Credentials;
use crate::domain::Timestamp;

const SERVICE: &str = "dynamodb";

/// A request to `/`, without a query, to be signed.
pub(super) struct Request<'a> {
    pub region: &'a str,
    /// In the order of their names, which are in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

/// `20261130T081500Z`
pub(super) fn date(time: Timestamp) -> String {
    let (day, (hour, minute, second)) = (time.day(), time.time_of_day());
    format!(
        "{:04}{:02}{:02}T{hour:02}{minute:02}{second:02}Z",
        day.year, day.month, day.day
    )
}

impl Request<'_> {
    /// The value of the header `authorization`; `date` is that of the header `x-amz-date`.
    pub(super) fn authorization(&self, date: &str, credentials: &Credentials) -> String {
        let mut canonical = "POST\n/\n\n".to_owned();
        let mut names = String::new();
        for (name, value) in self.headers {
            let _ = writeln!(canonical, "{name}:{value}");
            let separator = if names.is_empty() { "" } else { ";" };
            let _ = write!(names, "{separator}{name}");
        }
        let _ = write!(canonical, "\n{names}\n{}", hash(self.body));
        let day = date.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{SERVICE}/aws4_request", self.region);
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            hash(canonical.as_bytes())
        );
        let secret = format!("AWS4{}", credentials.secret_access_key.reveal());
        let key = [day, self.region, SERVICE, "aws4_request"]
            .into_iter()
            .fold(secret.into_bytes(), |key, part| {
                sign(&key, part).as_ref().to_vec()
            });
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            credentials.access_key_id,
            hex(sign(&key, &text).as_ref())
        )
    }
}

fn sign(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Secret;

    /// The signature is botocore's, version 1.44.5.
    #[test]
    fn a_signature_is_that_of_aws() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            expires: None,
        };
        let date = date(Timestamp(1_440_938_160_000));
        assert_eq!(date, "20150830T123600Z");
        let request = Request {
            region: "us-east-1",
            headers: &[
                ("content-type", "application/x-amz-json-1.0"),
                ("host", "dynamodb.us-east-1.amazonaws.com"),
                ("x-amz-date", &date),
                ("x-amz-target", "DynamoDB_20120810.GetItem"),
            ],
            body: b"{}",
        };
        assert_eq!(
            request.authorization(&date, &credentials),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
             Signature=f5c838225875dbd3e22bb3385e47ab271cff20df74167d58e5af40aae6892382"
        );
    }
}

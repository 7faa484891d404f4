//! The few calls of DynamoDB that a deployment takes. They go without its SDK, which would take as long to compile as
//! that of Lambda.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_lambda::config::SharedCredentialsProvider;
use aws_sdk_lambda::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::{ByteStream, SdkBody};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::Response;
use serde_json::Value;
use tokio::time::timeout;

use super::network::Network;

/// The version of the API, which stands before the name of each operation.
const API: &str = "DynamoDB_20120810";

/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A client of one region.
pub(in crate::deploy) struct DynamoDb {
    pub(super) network: Network,
    pub(super) credentials: SharedCredentialsProvider,
    pub(super) region: String,
    pub(super) url: String,
}

/// What DynamoDB refused.
#[derive(Debug)]
pub(in crate::deploy) struct Refused(ErrorMetadata);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl DynamoDb {
    /// Asks for an operation, such as `DescribeTable`, once.
    ///
    /// # Errors
    /// As those of the SDKs.
    pub(in crate::deploy) async fn ask(
        &self,
        operation: &str,
        body: &Value,
    ) -> Result<Value, SdkError<Refused, Response>> {
        let request = self.request(operation, body).await;
        let request = request.map_err(SdkError::construction_failure)?;
        let sent = timeout(LIMIT, self.network.send(request)).await;
        let mut reply = sent.map_err(SdkError::timeout_error)?.map_err(failure)?;
        let taken = std::mem::replace(reply.body_mut(), SdkBody::taken());
        let body = ByteStream::new(taken).collect().await;
        let body = body.map_err(|error| failure(ConnectorError::io(error.into())))?;
        let answer: Value = serde_json::from_slice(&body.into_bytes()).unwrap_or_default();
        if reply.status().is_success() {
            return Ok(answer);
        }
        let mut meta = ErrorMetadata::builder();
        // `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException`
        if let Some(code) = answer["__type"].as_str() {
            meta = meta.code(code.rsplit('#').next().unwrap_or(code));
        }
        if let Some(said) = answer["message"].as_str().or(answer["Message"].as_str()) {
            meta = meta.message(said);
        }
        Err(SdkError::service_error(Refused(meta.build()), reply))
    }

    async fn request(
        &self,
        operation: &str,
        body: &Value,
    ) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let body = body.to_string();
        let target = format!("{API}.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
        ];
        let identity = self.credentials.provide_credentials().await?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("dynamodb")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signed = SignableRequest::new(
            "POST",
            self.url.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (instructions, _) = sign(signed, &parameters)?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri(self.url.clone())?;
        for (name, value) in headers {
            request.headers_mut().insert(name, value.to_owned());
        }
        for (name, value) in instructions.headers() {
            request
                .headers_mut()
                .insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

fn failure(error: ConnectorError) -> SdkError<Refused, Response> {
    if error.is_timeout() {
        SdkError::timeout_error(error)
    } else {
        SdkError::dispatch_failure(error)
    }
}

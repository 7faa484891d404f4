//! API Gateway answers with `null` where its own model allows none: an empty response template, such
//! as each method of Python lamed has, comes back as `"responseTemplates":{"application/json":null}`
//! (aws/aws-cli issue 1610), and the SDK refuses the whole reply ("dense map cannot contain null
//! values"). In this protocol `null` means "not there", so it is left out before the SDK reads it.

use aws_sdk_lambda::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_lambda::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::Value;

/// A client whose replies hold no `null`.
#[derive(Clone, Debug)]
pub(super) struct WithoutNulls(pub SharedHttpClient);

#[derive(Debug)]
struct Connector(SharedHttpConnector);

impl HttpClient for WithoutNulls {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let reply = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut reply = reply.await?;
            let body = std::mem::replace(reply.body_mut(), SdkBody::taken());
            let body = ByteStream::new(body).collect().await;
            let body = body
                .map_err(|error| ConnectorError::io(error.into()))?
                .into_bytes();
            *reply.body_mut() = match serde_json::from_slice::<Value>(&body) {
                Ok(mut document) => {
                    strip(&mut document);
                    reply.headers_mut().remove("content-length");
                    SdkBody::from(document.to_string())
                }
                // No JSON, so none of those: let the SDK say what it is.
                Err(_) => SdkBody::from(body),
            };
            Ok(reply)
        })
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(strip);
        }
        Value::Array(array) => array.iter_mut().for_each(strip),
        _ => {}
    }
}

//! Requests to the API of DynamoDB: JSON, signed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Uri};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout_at;

use super::connections::Connections;
use super::failure::Failure;
use super::patience::Patience;
use super::settings::{Credentials, CredentialsSource, DynamoDbSettings};
use super::signature;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// What the API calls its version, before the name of an operation.
const API: &str = "DynamoDB_20120810";

/// How long before they expire credentials are replaced.
const IN_TIME: Duration = Duration::from_secs(5 * 60);

/// The way to one table.
pub(super) struct Client {
    pub table: String,
    /// As errors name it.
    name: String,
    region: String,
    url: Uri,
    connections: Connections,
    source: Arc<dyn CredentialsSource>,
    held: Mutex<Option<Credentials>>,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(
        settings: &DynamoDbSettings,
        source: Arc<dyn CredentialsSource>,
    ) -> Result<Self, StoreError> {
        let text = settings.url();
        let url = (text.parse::<Uri>().ok())
            .and_then(|url| Connections::to(&url).map(|connections| (url, connections)));
        let Some((url, connections)) = url else {
            let why =
                format!("`{text}` is not an address: expected https://HOST or http://HOST:PORT");
            return Err(StoreError::Failed(why));
        };
        Ok(Self {
            table: settings.table.clone(),
            name: settings.to_string(),
            region: settings.region.clone(),
            url,
            connections,
            source,
            held: Mutex::default(),
            timeout: settings.timeout,
        })
    }

    /// For one call of the store, or for one request of a longer one.
    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.timeout)
    }

    /// Asks until there is an answer, or an error that asking again does not change. The body must be safe to be sent
    /// again.
    pub(super) async fn ask(
        &self,
        operation: &str,
        body: &str,
        patience: &mut Patience,
    ) -> Result<Value, Failure> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        // The last attempt may have had no time: what one before was told says more.
        let mut told = None;
        loop {
            let attempt = timeout_at(patience.attempt(), self.attempt(operation, body.clone()));
            let failure = match attempt.await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    self.connections.distrust();
                    patience.unclear = true;
                    if !patience.pause().await {
                        let silence = format!("no answer within {:?}", self.timeout);
                        return Err(told.unwrap_or(Failure::Unclear(silence)));
                    }
                    continue;
                }
            };
            match failure {
                Failure::Unclear(_) => patience.unclear = true,
                Failure::Unsent(_) | Failure::Busy(_) => {}
                lasting => return Err(lasting),
            }
            if !patience.pause().await {
                return Err(failure);
            }
            told = Some(failure);
        }
    }

    async fn attempt(&self, operation: &str, body: Bytes) -> Result<Value, Failure> {
        let credentials = self.credentials().await.map_err(Failure::Unsent)?;
        let request = self
            .sign(operation, body, &credentials)
            .map_err(Failure::Unsent)?;
        let (status, answer) = self.connections.send(request).await?;
        if status == 200 {
            return serde_json::from_slice(&answer)
                .map_err(|error| Failure::Unclear(format!("the answer is no JSON: {error}")));
        }
        match Failure::of_answer(status, &answer) {
            Failure::Refused { code, message } if code.starts_with("ExpiredToken") => {
                *self.held.lock().await = None;
                Err(Failure::Busy(message))
            }
            failure => Err(failure),
        }
    }

    async fn credentials(&self) -> Result<Credentials, String> {
        let mut held = self.held.lock().await;
        let now = SystemTime::now();
        let lasts = |credentials: &Credentials, time: SystemTime| {
            credentials.expires.is_none_or(|expires| expires > time)
        };
        if let Some(credentials) = held.as_ref().filter(|held| lasts(held, now + IN_TIME)) {
            return Ok(credentials.clone());
        }
        match self.source.credentials().await {
            Ok(new) => Ok(held.insert(new).clone()),
            // The old ones do for a while.
            Err(reason) => (held.clone().filter(|held| lasts(held, now))).ok_or(reason),
        }
    }

    fn sign(
        &self,
        operation: &str,
        body: Bytes,
        credentials: &Credentials,
    ) -> Result<Request<Full<Bytes>>, String> {
        let target = format!("{API}.{operation}");
        let date = signature::date(Timestamp::now());
        let host = (self.url.authority()).map_or("", |authority| authority.as_str());
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.0"),
            ("host", host),
            ("x-amz-date", &date),
        ];
        if let Some(token) = &credentials.session_token {
            headers.push(("x-amz-security-token", token.reveal()));
        }
        headers.push(("x-amz-target", &target));
        let signed = signature::Request {
            region: &self.region,
            headers: &headers,
            body: &body,
        };
        let authorization = signed.authorization(&date, credentials);
        headers.push(("authorization", &authorization));
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body));
        request.map_err(|error| format!("cannot sign a request: {error}"))
    }

    /// What a failure means for the store.
    pub(super) fn error(&self, failure: Failure) -> StoreError {
        let name = &self.name;
        match failure {
            Failure::Unsent(reason) | Failure::Unclear(reason) | Failure::Busy(reason) => {
                StoreError::Unavailable(format!("{name}: {reason}"))
            }
            Failure::Canceled(_) | Failure::Condition => {
                StoreError::Unavailable(format!("{name}: too many writes to the same item at once"))
            }
            Failure::Refused { code, message } => {
                let reason = format!("{name}: {message} ({code})");
                match code.as_str() {
                    "ValidationException"
                    | "SerializationException"
                    | "TransactionCanceledException" => StoreError::Failed(reason),
                    // Its operator can make the table or give the rights at any time.
                    _ => StoreError::Unavailable(reason),
                }
            }
        }
    }

    /// There was no time for all that was asked.
    pub(super) fn busy(&self) -> StoreError {
        self.error(Failure::Busy("it has too much to do".to_owned()))
    }

    /// What an answer lacks that DynamoDB always gives.
    pub(super) fn odd_answer(&self) -> StoreError {
        StoreError::Failed(format!("{}: unexpected answer", self.name))
    }
}

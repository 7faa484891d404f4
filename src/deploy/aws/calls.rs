//! The one way to call AWS: with patience, and without doing anything twice.

use std::error::Error;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::http::Response;

use super::{Aws, AwsError, ErrorKind, Patience};

impl Aws {
    /// Calls AWS until it answers for good. `attempt` must be safe to repeat: what creates something
    /// that could then exist twice goes through [`Self::create`].
    pub(in crate::deploy) async fn call<T, E>(
        &self,
        action: &str,
        attempt: impl AsyncFn() -> Result<T, SdkError<E, Response>>,
    ) -> Result<T, AwsError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        self.attempts(action, attempt, Patience::new(), true).await
    }

    /// `waits` says whether what was just made has to be found.
    async fn attempts<T, E>(
        &self,
        action: &str,
        attempt: impl AsyncFn() -> Result<T, SdkError<E, Response>>,
        mut patience: Patience,
        waits: bool,
    ) -> Result<T, AwsError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        loop {
            match attempt().await {
                Ok(answer) => {
                    self.news.note(action);
                    return Ok(answer);
                }
                Err(error) => {
                    let mut error = self.read(action, &error);
                    if waits {
                        self.expect(action, &mut error);
                    }
                    patience.after(error).await?;
                }
            }
        }
    }

    /// What is only not known yet is like a busy AWS.
    fn expect(&self, action: &str, error: &mut AwsError) {
        let is_not_found = error.kind == ErrorKind::NotFound;
        if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Refused)
            && (self.news).is_spreading(action, is_not_found, &error.to_string())
        {
            error.kind = ErrorKind::Busy;
        }
    }

    /// As [`Self::call`], for what can be done without: tried again only where AWS is busy.
    pub(in crate::deploy) async fn ask<T, E>(
        &self,
        action: &str,
        attempt: impl AsyncFn() -> Result<T, SdkError<E, Response>>,
    ) -> Result<T, AwsError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        self.attempts(action, attempt, Patience::little(), false)
            .await
    }

    /// As [`Self::call`], with `None` for what is not there.
    pub(in crate::deploy) async fn find<T, E>(
        &self,
        action: &str,
        attempt: impl AsyncFn() -> Result<T, SdkError<E, Response>>,
    ) -> Result<Option<T>, AwsError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let found = self.attempts(action, attempt, Patience::new(), false);
        match found.await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes something exactly once: after a try that may or may not have worked, or where AWS says
    /// that it exists, `find` looks for it before the next one.
    pub(in crate::deploy) async fn create<T, E>(
        &self,
        action: &str,
        attempt: impl AsyncFn() -> Result<T, SdkError<E, Response>>,
        find: impl AsyncFn() -> Result<Option<T>, AwsError>,
    ) -> Result<T, AwsError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let mut patience = Patience::new();
        loop {
            let mut error = match attempt().await {
                Ok(made) => {
                    self.news.note(action);
                    return Ok(made);
                }
                Err(error) => self.read(action, &error),
            };
            self.expect(action, &mut error);
            if matches!(error.kind, ErrorKind::Exists | ErrorKind::Unclear) {
                if let Some(made) = find().await? {
                    self.news.note(action);
                    return Ok(made);
                }
                if error.kind == ErrorKind::Exists {
                    // It will be found in a moment.
                    error.kind = ErrorKind::Busy;
                }
            }
            patience.after(error).await?;
        }
    }

    /// Makes something that is well as soon as it exists, whoever made it.
    pub(in crate::deploy) async fn ensure<T, E>(
        &self,
        action: &str,
        attempt: impl AsyncFn() -> Result<T, SdkError<E, Response>>,
    ) -> Result<(), AwsError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        match self.call(action, attempt).await {
            Err(error) if error.kind == ErrorKind::Exists => {
                self.news.note(action);
                Ok(())
            }
            made => made.map(drop),
        }
    }

    fn read<E>(&self, action: &str, error: &SdkError<E, Response>) -> AwsError
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let (service, _) = action.split_once(':').unwrap_or((action, ""));
        let endpoint = self.endpoints.get(service);
        AwsError::read(action, &self.region, endpoint.map(String::as_str), error)
    }

    /// Removes something; it is well when it is gone already.
    pub(in crate::deploy) async fn remove<T, E>(
        &self,
        action: &str,
        attempt: impl AsyncFn() -> Result<T, SdkError<E, Response>>,
    ) -> Result<(), AwsError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        self.find(action, attempt).await.map(drop)
    }
}

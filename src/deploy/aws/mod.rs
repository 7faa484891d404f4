//! The clients, and the one way to call them: with patience, and without doing anything twice.

mod credentials;
mod dynamodb;
mod elsewhere;
mod endpoints;
mod error;
mod network;
mod news;
mod nulls;
mod upload;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::SharedCredentialsProvider;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::http::Response;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use self::dynamodb::DynamoDb;
pub use self::elsewhere::Access;
use self::endpoints::{SERVICES, endpoint_of, suffix};
pub use self::error::AwsError;
pub(super) use self::error::ErrorKind;
use self::network::{Network, network};
use self::news::News;
use self::nulls::WithoutNulls;
use super::Account;

/// How long AWS may be busy: with other calls, with an update, or with making a role known.
const BUSY: Duration = Duration::from_secs(120);

/// How often a call without a reply, or with an error of AWS's own, is tried in all.
const UNCLEAR_TRIES: u32 = 6;

/// The pauses between tries: each twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The clients of one account and region.
pub struct Aws {
    pub(super) apigateway: aws_sdk_apigateway::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) lambda: aws_sdk_lambda::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) dynamodb: DynamoDb,
    sts: aws_sdk_sts::Client,
    region: String,
    /// By the service, as actions begin: what somebody set instead of AWS's own address.
    endpoints: BTreeMap<&'static str, String>,
    network: Network,
    news: News,
    account: OnceCell<Account>,
}

impl Aws {
    /// Reads the configuration that all AWS tools share, with a profile and a region over it.
    ///
    /// # Errors
    /// When there is no region, or there are no credentials.
    pub async fn connect(profile: Option<&str>, region: Option<&str>) -> Result<Self, AwsError> {
        let (network, config, region) = access(profile, region).await?;
        let gateway = (config.http_client()).map_or_else(
            || config.clone(),
            |client| {
                let client = WithoutNulls(client);
                config.to_builder().http_client(client).build()
            },
        );
        let dynamodb = DynamoDb {
            network: network.clone(),
            credentials: config.credentials_provider().ok_or_else(|| {
                AwsError::new("no AWS credentials: run `aws configure` or set `AWS_PROFILE`")
            })?,
            url: endpoint_of(&config, "dynamodb")
                .unwrap_or_else(|| format!("https://dynamodb.{region}.{}", suffix(&region))),
            region: region.clone(),
        };
        let endpoints: BTreeMap<_, _> = (SERVICES.iter())
            .filter_map(|(action, service)| Some((*action, endpoint_of(&config, service)?)))
            .collect();
        // The SDK does not find those of services whose names have two words.
        let mut apigateway = aws_sdk_apigateway::config::Builder::from(&gateway);
        apigateway.set_endpoint_url(endpoints.get("apigateway").cloned());
        let mut logs = aws_sdk_cloudwatchlogs::config::Builder::from(&config);
        logs.set_endpoint_url(endpoints.get("logs").cloned());
        Ok(Self {
            dynamodb,
            apigateway: aws_sdk_apigateway::Client::from_conf(apigateway.build()),
            iam: aws_sdk_iam::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
            sts: aws_sdk_sts::Client::new(&config),
            region,
            endpoints,
            network,
            news: News::default(),
            account: OnceCell::new(),
        })
    }

    /// What an address of the deployment answers to somebody without credentials.
    pub(super) async fn get(&self, url: &str) -> Result<(u16, String), String> {
        self.network.get(url).await
    }

    /// The zip of a version of a function.
    pub(super) async fn code(&self, function: &str, version: u64) -> Result<Vec<u8>, AwsError> {
        let get = async || {
            let get = self.lambda.get_function().function_name(function);
            get.qualifier(version.to_string()).send().await
        };
        let found = self.call("lambda:GetFunction", get).await?;
        let location = found.code.and_then(|code| code.location);
        let why = match self.network.download(&location.unwrap_or_default()).await {
            Ok((200, zip)) => return Ok(zip),
            Ok((status, _)) => format!("AWS answered {status}"),
            Err(why) => why,
        };
        Err(AwsError::new(format!(
            "cannot download version {version} of `{function}`: {why}"
        )))
    }

    /// The region that all calls go to.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account that the credentials belong to; asked once.
    ///
    /// # Errors
    /// When AWS does not accept the credentials.
    pub async fn account(&self) -> Result<&Account, AwsError> {
        let ask = async || {
            let identity = self
                .call("sts:GetCallerIdentity", async || {
                    self.sts.get_caller_identity().send().await
                })
                .await?;
            let caller = identity.arn().unwrap_or_default().to_owned();
            Ok(Account {
                id: identity.account().unwrap_or_default().to_owned(),
                region: self.region.clone(),
                partition: caller.split(':').nth(1).unwrap_or("aws").to_owned(),
                caller,
            })
        };
        self.account.get_or_try_init(ask).await
    }

    /// A function of another region, if there is one of that name.
    pub(super) async fn function_in(
        &self,
        region: &str,
        name: &str,
    ) -> Result<Option<FunctionElsewhere>, AwsError> {
        let config = self.lambda.config().to_builder();
        let config = config.region(Region::new(region.to_owned())).build();
        let lambda = aws_sdk_lambda::Client::from_conf(config);
        let get = async || {
            let get = lambda.get_function_configuration().function_name(name);
            get.send().await
        };
        let found = match self.call("lambda:GetFunctionConfiguration", get).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        // Not every emulator knows regions.
        let arn = found.function_arn().unwrap_or_default();
        let is_there = arn.split(':').nth(3) == Some(region);
        Ok(is_there.then(|| FunctionElsewhere {
            role: found.role().unwrap_or_default().to_owned(),
            runtime: (found.runtime())
                .map_or_else(String::new, |runtime| runtime.as_str().to_owned()),
        }))
    }

    /// Whether an emulator answers instead of AWS.
    pub(super) fn is_emulated(&self) -> bool {
        self.emulator().is_some()
    }

    /// The address of the emulator that answers instead of AWS.
    #[must_use]
    pub fn emulator(&self) -> Option<&str> {
        let endpoint = self.endpoints.get("lambda").map(String::as_str);
        endpoint.filter(|endpoint| !endpoint.contains(".amazonaws."))
    }

    /// Where the stage of an API is served: `https://ID.execute-api.REGION.amazonaws.com/prod`.
    ///
    /// An emulator, which `AWS_ENDPOINT_URL` leads to, has no such host; LocalStack's path for it is
    /// what others have taken over, too.
    #[must_use]
    pub fn base_url(&self, api: &str, stage: &str) -> String {
        match self.endpoints.get("apigateway") {
            Some(endpoint) if !endpoint.contains(".amazonaws.") => {
                let endpoint = endpoint.trim_end_matches('/');
                format!("{endpoint}/restapis/{api}/{stage}/_user_request_")
            }
            _ => {
                let region = &self.region;
                let suffix = suffix(region);
                format!("https://{api}.execute-api.{region}.{suffix}/{stage}")
            }
        }
    }

    /// Where a function URL is served: an emulator may give one of AWS's own, and serve it below its own address, as
    /// MiniStack does.
    pub(super) fn function_url(&self, url: String) -> String {
        let id = url.strip_prefix("https://").and_then(|host| {
            let (id, rest) = host.split_once(".lambda-url.")?;
            rest.trim_end_matches('/')
                .ends_with(".on.aws")
                .then_some(id)
        });
        match (self.emulator(), id) {
            (Some(endpoint), Some(id)) => {
                format!("{}/_aws/lambda-url/{id}/", endpoint.trim_end_matches('/'))
            }
            _ => url,
        }
    }

    /// Calls AWS until it answers for good. `attempt` must be safe to repeat: what creates something
    /// that could then exist twice goes through [`Self::create`].
    pub(super) async fn call<T, E>(
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
    pub(super) async fn ask<T, E>(
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
    pub(super) async fn find<T, E>(
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
    pub(super) async fn create<T, E>(
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
    pub(super) async fn ensure<T, E>(
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
    pub(super) async fn remove<T, E>(
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

/// What matters of a function in another region.
pub(super) struct FunctionElsewhere {
    /// The ARN of its role.
    pub(super) role: String,
    pub(super) runtime: String,
}

/// How long to go on after errors that may pass.
pub(super) struct Patience {
    since: Instant,
    pause: Duration,
    unclear: u32,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            pause: FIRST_PAUSE,
            unclear: 0,
        }
    }

    /// None for errors that nobody understands.
    fn little() -> Self {
        Self {
            unclear: UNCLEAR_TRIES,
            ..Self::new()
        }
    }

    /// Waits for the next try, or gives up with the error.
    async fn after(&mut self, error: AwsError) -> Result<(), AwsError> {
        match error.kind {
            ErrorKind::Busy if self.since.elapsed() < BUSY => {}
            ErrorKind::Unclear if self.unclear + 1 < UNCLEAR_TRIES => self.unclear += 1,
            _ => return Err(error),
        }
        tracing::info!(%error, "retrying");
        self.pause().await;
        Ok(())
    }

    /// Waits longer each time.
    pub(super) async fn pause(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// How long it has been going on.
    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

/// The configuration that all AWS tools share, with its region and with credentials.
async fn access(
    profile: Option<&str>,
    region: Option<&str>,
) -> Result<(Network, SdkConfig, String), AwsError> {
    endpoints::check_environment()?;
    let network = network(profile).await?;
    let config = configuration(&network, profile, region).await?;
    endpoints::check_profile(&config)?;
    let region = config.region().map(|region| region.as_ref().to_owned());
    let region = region.filter(|region| !region.is_empty()).ok_or_else(|| {
        AwsError::new(
            "no AWS region is set: use `--region`, set `AWS_REGION`, or run `aws configure`",
        )
    })?;
    if !region
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        return Err(AwsError::new(format!(
            "`{region}` is not an AWS region: expected a name such as `eu-west-1`"
        )));
    }
    credentials::check(&config, profile).await?;
    Ok((network, config, region))
}

async fn configuration(
    network: &Network,
    profile: Option<&str>,
    region: Option<&str>,
) -> Result<SdkConfig, AwsError> {
    let client = network.client();
    let timeouts = TimeoutConfig::builder()
        // The rest has no clock, but must move: see `upload`.
        .connect_timeout(Duration::from_secs(5))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(client.clone())
        .timeout_config(timeouts)
        // Our own knows what must not be done twice.
        .retry_config(RetryConfig::disabled());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    let Some(profile) = profile else {
        return Ok(config);
    };
    // Named on the command line, so it goes before keys in the environment, as in the AWS CLI.
    let provider = ProviderConfig::without_region()
        .with_region(config.region().cloned())
        .with_http_client(client);
    let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile);
    let credentials = credentials.configure(&provider).build();
    Ok((config.into_builder())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build())
}

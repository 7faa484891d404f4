//! The clients of AWS's services, and the addresses that they use.

mod calls;
mod configuration;
mod credentials;
mod dynamodb;
mod elsewhere;
mod endpoints;
mod error;
mod network;
mod news;
mod nulls;
mod patience;
mod upload;

use std::collections::BTreeMap;

use aws_config::Region;
use tokio::sync::OnceCell;

use self::configuration::access;
use self::dynamodb::DynamoDb;
pub use self::elsewhere::Access;
use self::endpoints::{SERVICES, endpoint_of, suffix};
pub use self::error::AwsError;
pub(super) use self::error::ErrorKind;
use self::network::Network;
use self::news::News;
use self::nulls::WithoutNulls;
pub(super) use self::patience::Patience;
use super::Account;

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
}

/// What matters of a function in another region.
pub(super) struct FunctionElsewhere {
    /// The ARN of its role.
    pub(super) role: String,
    pub(super) runtime: String,
}

//! From the config to what should be deployed.

mod desired;
mod files;
mod routes;

use std::collections::BTreeMap;

pub use self::desired::{NewKey, Prepared, code, counts_in_table, settings};
use self::routes::{MEMORY_MB, function, method, without_type};
use super::{
    Account, Aws, AwsError, DesiredFunction, DesiredMethod, Doors, Found, Names, Observed,
    Permissions, Scope, find, needed, observe, permissions, policy,
};
use crate::config::{Config, FrontDoor};
use crate::domain::Secret;
use crate::function::{SETTINGS, key_in};
use crate::http::function_url::HANDLER as URL_HANDLER;
use crate::http::{self, Reply, Routes, STAGE};

/// What Python lamed called the role, the REST API and the API key.
pub const DEFAULT_NAME: &str = "lamed";

/// How long the function behind a function URL may run, in seconds: as long as the slowest of the routes.
const URL_TIMEOUT: u32 = 60;

/// Why the config, or this build, gives nothing to deploy. Reads as one line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SetupError {
    /// The config or the command line has to change.
    #[error("{0}")]
    Usage(String),
    /// This build has no Lambda function for what the config asks for.
    #[error("{0}")]
    NoFunction(String),
}

/// What a deployment is read for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// To be compared with a config.
    Compare(&'a Config),
    /// The same, with what else matters of it.
    Show(&'a Config),
    RollBack,
    Destroy,
}

/// The names of a deployment, which lead to all that it consists of.
pub struct Deployment {
    pub name: String,
    /// The ARN of a role that somebody else looks after.
    role: Option<String>,
    /// The table of the counts, where they are not in a Redis.
    table: Option<String>,
    /// What the config says of where requests come in.
    front_door: Option<FrontDoor>,
    /// The function behind a function URL.
    url_function: DesiredFunction,
    /// Those behind a REST API, by name, each once.
    rest_functions: Vec<DesiredFunction>,
    methods: Vec<DesiredMethod>,
    preflights: BTreeMap<String, Vec<(String, String)>>,
}

impl Deployment {
    /// # Errors
    /// When `extra_wiring` contradicts itself, or a function's name is too long for AWS.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        let name = config.aws.name.of(DEFAULT_NAME);
        let routes = Routes::new(config.wiring.iter().map(|wired| wired.route.clone()));
        let mut functions: Vec<DesiredFunction> = Vec::new();
        let mut methods = Vec::new();
        let mut verbs: BTreeMap<String, Vec<http::Method>> = BTreeMap::new();
        for route in routes.iter() {
            let wired = config.wiring.iter().rfind(|wired| wired.route == *route);
            let function = function(config, route, wired);
            methods.push(method(config, route, wired));
            (verbs.entry(route.path.clone()).or_default()).push(route.method);
            match functions
                .iter_mut()
                .find(|other| other.name == function.name)
            {
                None => functions.push(function),
                Some(other) if other.handler != function.handler => {
                    return Err(SetupError::Usage(format!(
                        "`extra_wiring`: the function `{}` cannot have two handlers, `{}` and `{}`",
                        function.name, other.handler, function.handler
                    )));
                }
                // As in Python lamed, what is wired last holds.
                Some(other) => *other = function,
            }
        }
        // A config of Python lamed may have given the name to a function of its own.
        let is_taken = functions.iter().any(|function| function.name == name);
        let url_function = DesiredFunction {
            name: match is_taken {
                true => format!("{name}-url"),
                false => name.clone(),
            },
            handler: URL_HANDLER.to_owned(),
            memory_mb: MEMORY_MB,
            timeout_seconds: URL_TIMEOUT,
            has_experiments: true,
        };
        let too_long = functions.iter().find(|function| function.name.len() > 64);
        if let Some(function) = too_long {
            return Err(SetupError::Usage(format!(
                "the function name `{}` is too long: it has {} characters, but AWS allows at most 64",
                function.name,
                function.name.len()
            )));
        }
        let preflights = (verbs.into_iter())
            .map(|(path, verbs)| (path, without_type(Reply::preflight(&verbs).headers)))
            .collect();
        Ok(Self {
            name,
            role: config.aws.role.clone(),
            table: counts_in_table(config).then(|| config.aws.name.of(DEFAULT_NAME)),
            front_door: config.aws.front_door,
            url_function,
            rest_functions: functions,
            methods,
            preflights,
        })
    }

    /// Reads what there is of it in the account, and whose account that is. Some of it is read only
    /// for some purposes.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn observe<'a>(
        &self,
        aws: &'a Aws,
        purpose: Purpose<'_>,
    ) -> Result<(Observed, &'a Account), AwsError> {
        tokio::try_join!(self.look(aws, purpose), aws.account())
    }

    /// As [`Self::observe`], in whosever account it is.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn look(&self, aws: &Aws, purpose: Purpose<'_>) -> Result<Observed, AwsError> {
        let functions = self.function_names();
        let config = match purpose {
            Purpose::Compare(config) | Purpose::Show(config) => Some(config),
            Purpose::RollBack | Purpose::Destroy => None,
        };
        // The API goes where the config wants a function URL alone.
        let may_remove = !self.possible_doors().rest_api || matches!(purpose, Purpose::Destroy);
        let names = Names {
            domains: may_remove || matches!(purpose, Purpose::Show(_)),
            functions: &functions,
            table: self.table.as_deref(),
            log_group_tags: config.is_some_and(|config| !config.aws.tags.is_empty()),
            compared: config.is_some(),
            other_regions: matches!(purpose, Purpose::Destroy),
            own_role: self.role.is_none(),
            ..self.names()
        };
        observe(aws, names).await
    }

    /// What there is no less to look for.
    fn names(&self) -> Names<'_> {
        Names {
            deployment: &self.name,
            functions: &[],
            table: None,
            url_function: &self.url_function.name,
            url_unseen: self
                .front_door
                .is_none_or(|door| door == FrontDoor::RestApi),
            stage: STAGE,
            domains: false,
            log_group_tags: false,
            compared: false,
            other_regions: false,
            settings: SETTINGS,
            own_role: false,
        }
    }

    /// The base URL of the API and its key, or `None` where nothing is deployed.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn find(&self, aws: &Aws) -> Result<Option<(String, Option<Secret>)>, AwsError> {
        Ok(find(aws, self.names()).await?.map(|found| match found {
            Found::Url(url, settings) => (base_of(&url), settings.as_ref().and_then(key_in)),
            Found::RestApi(api, key) => (aws.base_url(&api, STAGE), key),
        }))
    }

    /// Where requests may come in, before it is known what is there.
    fn possible_doors(&self) -> Doors {
        let only = |door| self.front_door == Some(door);
        Doors {
            rest_api: !only(FrontDoor::FunctionUrl),
            url: !only(FrontDoor::RestApi),
        }
    }

    /// Where requests come in: as the config says, else as it is, and through a function URL where nothing is.
    #[must_use]
    pub fn doors(&self, observed: &Observed) -> Doors {
        let is_there = |function: &DesiredFunction| {
            let there = observed.functions.get(&function.name);
            there.is_some_and(|there| there.ours)
        };
        if self.front_door.is_some() {
            return self.possible_doors();
        }
        let rest_api = observed.api.is_some() || self.rest_functions.iter().any(is_there);
        Doors {
            rest_api,
            url: !rest_api || is_there(&self.url_function),
        }
    }

    /// The base URL of what is deployed, and its key. A function URL goes before a REST API.
    #[must_use]
    pub fn endpoint(&self, aws: &Aws, observed: &Observed) -> Option<(String, Option<Secret>)> {
        if let Some(url) = observed.url() {
            return Some((base_of(&url.url), self.url_key(observed)));
        }
        let api = observed.api.as_ref().filter(|api| api.stage.is_some())?;
        let key = observed.key.as_ref().map(|key| key.value.clone());
        Some((aws.base_url(&api.id, STAGE), key))
    }

    /// The API key of the function behind a function URL.
    fn url_key(&self, observed: &Observed) -> Option<Secret> {
        let function = observed.functions.get(&self.url_function.name)?;
        key_in(function.latest.environment.get(SETTINGS)?)
    }

    /// What the caller may do of what deploying takes. `api` is the API's id, where it is known.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn permissions(
        &self,
        config: &Config,
        aws: &Aws,
        api: Option<&str>,
    ) -> Result<Permissions, AwsError> {
        let functions = self.function_names();
        permissions(aws, self.scope(config, &functions, api)).await
    }

    /// The actions that deploying takes, with what is there where that is known.
    #[must_use]
    pub fn needed(&self, config: &Config, observed: Option<&Observed>) -> Vec<&'static str> {
        let nothing = Observed::default();
        let observed = observed.unwrap_or(&nothing);
        let mut doors = self.doors(observed);
        // One that is there may have to go.
        doors.rest_api |= observed.api.is_some();
        let scope = self.scope(config, &[], None);
        needed(Scope { doors, ..scope })
    }

    /// The least policy for whoever deploys it.
    #[must_use]
    pub fn policy(&self, config: &Config, account: &Account) -> serde_json::Value {
        policy(account, self.scope(config, &self.function_names(), None))
    }

    fn scope<'a>(
        &'a self,
        config: &Config,
        functions: &'a [&'a str],
        api: Option<&'a str>,
    ) -> Scope<'a> {
        let aws = &config.aws;
        Scope {
            deployment: &self.name,
            functions,
            stage: STAGE,
            api,
            doors: self.possible_doors(),
            table: self.table.as_deref(),
            role: self.role.as_deref(),
            boundary: aws.permissions_boundary.is_some(),
            vpc: (aws.vpc.as_ref()).is_some_and(|vpc| !vpc.subnet_ids.is_empty()),
        }
    }

    fn function_names(&self) -> Vec<&str> {
        self.functions().map(|function| &*function.name).collect()
    }

    /// All functions that it may have, by name, each once.
    pub fn functions(&self) -> impl Iterator<Item = &DesiredFunction> {
        self.rest_functions.iter().chain([&self.url_function])
    }

    /// Those that it has through these doors.
    pub fn functions_behind(&self, doors: Doors) -> impl Iterator<Item = &DesiredFunction> {
        self.functions().filter(move |function| {
            if function.name == self.url_function.name {
                doors.url
            } else {
                doors.rest_api
            }
        })
    }
}

/// `https://ID.lambda-url.eu-west-1.on.aws`
fn base_of(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

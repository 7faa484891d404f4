//! From the config to what should be deployed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::bootstrap::with_file;
use super::desired::Throttle;
use super::{
    Account, Aws, AwsError, Code, Desired, DesiredFunction, DesiredMethod, Names, Observed,
    Permissions, Scope, Variable, Vpc, bootstrap, needed, observe, permissions, policy,
};
use crate::config::{self, Config, Wired};
use crate::domain::Secret;
use crate::function::{EXPERIMENTS, SETTINGS, Settings};
use crate::http::wire::declared::Experiments;
use crate::http::wire::parameter;
use crate::http::{self, COMMON_HEADERS, Handler, Reply, Routes, STAGE};
use crate::store::RedisSettings;

/// What Python lamed called the role, the REST API and the API key.
pub const DEFAULT_NAME: &str = "lamed";

/// What functions get where the config says nothing.
const MEMORY_MB: u32 = 128;

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
    RollBack,
    Destroy,
}

/// The names of a deployment, which lead to all that it consists of.
pub struct Deployment {
    pub name: String,
    /// The ARN of a role that somebody else looks after.
    role: Option<String>,
    /// By name, each once.
    functions: Vec<DesiredFunction>,
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
            functions,
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
        let names = Names {
            deployment: &self.name,
            functions: &functions,
            stage: STAGE,
            log_group_tags: matches!(purpose, Purpose::Compare(config) if !config.aws.tags.is_empty()),
            compared: matches!(purpose, Purpose::Compare(_)),
            other_regions: matches!(purpose, Purpose::Destroy),
            settings: SETTINGS,
            own_role: self.role.is_none(),
        };
        observe(aws, names).await
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

    /// The actions that deploying takes.
    #[must_use]
    pub fn needed(&self, config: &Config) -> Vec<&'static str> {
        needed(self.scope(config, &[], None))
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
            role: self.role.as_deref(),
            boundary: aws.permissions_boundary.is_some(),
            vpc: (aws.vpc.as_ref()).is_some_and(|vpc| !vpc.subnet_ids.is_empty()),
        }
    }

    fn function_names(&self) -> Vec<&str> {
        let functions = self.functions.iter();
        functions.map(|function| function.name.as_str()).collect()
    }

    /// What should be there. `bootstrap` is a zip to use instead of the embedded one.
    ///
    /// # Errors
    /// When the config names no Redis, or there is no function to deploy.
    pub fn desired(
        &self,
        config: &Config,
        bootstrap: Option<&Path>,
    ) -> Result<Desired, SetupError> {
        let Some(redis) = &config.redis else {
            return Err(SetupError::Usage(
                "no Redis is configured: run `lamed configure`".to_owned(),
            ));
        };
        if config.aws.role.is_some() && config.aws.permissions_boundary.is_some() {
            return Err(SetupError::Usage(
                "`aws.permissions_boundary` limits the role that lamed makes, but `aws.role` names another one: remove one of them"
                    .to_owned(),
            ));
        }
        let settings = settings(config, redis)?;
        let headers = COMMON_HEADERS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let aws = &config.aws;
        let code = code(aws.architecture, bootstrap)?;
        let experiments = Experiments::of(&config.experiments());
        // Texts and finite numbers are always JSON.
        let experiments = serde_json::to_string(&experiments).unwrap_or_default();
        let zip = with_file(&code.zip, EXPERIMENTS, &experiments)?;
        Ok(Desired {
            name: self.name.clone(),
            lamed_version: env!("CARGO_PKG_VERSION"),
            stage: STAGE,
            code_with_experiments: Code::new(&code.architecture, Cow::Owned(zip)),
            code,
            settings: Variable {
                name: SETTINGS,
                value: settings,
            },
            functions: self.functions.clone(),
            methods: self.methods.clone(),
            preflights: self.preflights.clone(),
            gateway_headers: headers.to_vec(),
            throttle: aws.throttle.map(|throttle| Throttle {
                rate: throttle.rate,
                burst: throttle.burst,
            }),
            vpc: aws.vpc.as_ref().map(|vpc| Vpc {
                subnets: vpc.subnet_ids.iter().cloned().collect(),
                security_groups: vpc.security_group_ids.iter().cloned().collect(),
            }),
            tags: aws.tags.clone(),
            role: aws.role.clone(),
            boundary: aws.permissions_boundary.clone(),
            retention: aws.log_retention_days,
        })
    }

    /// Its functions, by name, each once.
    #[must_use]
    pub fn functions(&self) -> &[DesiredFunction] {
        &self.functions
    }
}

fn function(config: &Config, route: &http::Route, wired: Option<&Wired>) -> DesiredFunction {
    let name = wired.map_or_else(|| function_name(route.handler), |wired| &wired.function);
    DesiredFunction {
        name: config.aws.name.of(name),
        handler: route.handler.name().to_owned(),
        memory_mb: wired.map_or(MEMORY_MB, |wired| wired.memory_mb),
        timeout_seconds: u32::try_from(route.timeout.as_secs()).unwrap_or(u32::MAX),
        has_experiments: route.handler.needs_experiments(),
    }
}

/// The names that Python lamed gave; it wired no function to `lamed.experiment`.
fn function_name(handler: Handler) -> &'static str {
    match handler {
        Handler::Track => "lamed-track",
        Handler::AllExperiments => "lamed-all-experiments",
        Handler::OneExperiment => "lamed-experiment",
        Handler::Delete => "lamed-delete-experiment",
        Handler::Client => "lamed-client",
        Handler::Evaluate => "lamed-evaluate",
    }
}

fn method(config: &Config, route: &http::Route, wired: Option<&Wired>) -> DesiredMethod {
    DesiredMethod {
        path: route.path.clone(),
        verb: route.method.as_str(),
        function: function(config, route, wired).name,
        key_required: route.key_required,
        request_parameters: match wired {
            Some(wired) => wired.request_parameters.clone(),
            None => (parameters(route).iter())
                .map(|name| (format!("method.request.querystring.{name}"), false))
                .collect(),
        },
    }
}

/// What Python lamed declared to API Gateway. It changes nothing; to declare the same lets its
/// methods stay as they are.
fn parameters(route: &http::Route) -> &'static [&'static str] {
    use parameter::{EVENT, EXPERIMENT, NAMESPACE, SCOPE, UUID, VARIANT};
    match (route.handler, route.method) {
        (_, http::Method::Post) | (Handler::Client | Handler::Evaluate, _) => &[],
        (Handler::Track, _) => &[NAMESPACE, EXPERIMENT, VARIANT, EVENT, UUID],
        (Handler::AllExperiments, _) => &[NAMESPACE, SCOPE],
        (Handler::OneExperiment | Handler::Delete, _) => &[NAMESPACE, EXPERIMENT],
    }
}

/// API Gateway gives its mocks a content type of its own.
fn without_type(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    headers.retain(|(name, _)| name != "Content-Type");
    headers
}

/// The settings of the functions, as they take them.
///
/// # Errors
/// When they do not fit into a function's environment.
pub fn settings(config: &Config, redis: &RedisSettings) -> Result<Secret, SetupError> {
    let settings = Settings {
        redis: redis.clone(),
        namespace: config.namespace.clone(),
        ignore_bots: config.ignore_bots,
        door: None,
    };
    settings
        .to_json()
        .map_err(|error| SetupError::Usage(error.to_string()))
}

/// The bootstrap for the architecture that the config names, else for one that there is.
///
/// # Errors
/// When there is none, or `file` is not one.
pub fn code(wanted: Option<config::Architecture>, file: Option<&Path>) -> Result<Code, SetupError> {
    if let Some(file) = file {
        let (architecture, zip) = bootstrap::read(file)?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != architecture) {
            return Err(SetupError::Usage(format!(
                "`{}` is built for {}, but the config says `\"architecture\": \"{}\"`",
                file.display(),
                architecture.as_str(),
                wanted.as_str()
            )));
        }
        return Ok(Code::new(architecture.as_str(), Cow::Owned(zip)));
    }
    let choices = match wanted {
        Some(wanted) => vec![wanted],
        // The cheaper one first.
        None => vec![config::Architecture::Arm64, config::Architecture::X86_64],
    };
    let embedded = |choice: &config::Architecture| {
        let zip = crate::assets::bootstrap(choice.as_str())?;
        Some(Code::new(choice.as_str(), Cow::Borrowed(zip)))
    };
    choices.iter().find_map(embedded).ok_or_else(|| {
        let wanted = wanted.map_or(String::new(), |wanted| format!(" for {}", wanted.as_str()));
        SetupError::NoFunction(format!(
            "this build of lamed does not include the Lambda function{wanted}: use a released build, \
             or pass a zip with `--bootstrap FILE` (`cargo xtask bootstrap` builds one)"
        ))
    })
}

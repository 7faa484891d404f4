//! From the config to what should be deployed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::bootstrap::{file_in, with_file, with_files_of_today};
use super::desired::Throttle;
use super::plan::{Plan, restore};
use super::{
    Account, Aws, AwsError, Code, Desired, DesiredFunction, DesiredMethod, DesiredTable,
    DesiredUrl, Doors, Found, Names, Observed, Permissions, Scope, Variable, Vpc, bootstrap, find,
    needed, observe, permissions, policy,
};
use crate::config::{self, Config, Counts, FrontDoor, Wired};
use crate::domain::Secret;
use crate::function::{
    self, Door, EXPERIMENTS, ExtraRoute, SETTINGS, Settings, compressed, counts_in_a_table, key_in,
};
use crate::http::function_url::HANDLER as URL_HANDLER;
use crate::http::wire::declared::Experiments;
use crate::http::wire::parameter;
use crate::http::{self, BrowserClient, COMMON_HEADERS, Handler, Reply, Routes, STAGE};
use crate::store::DEFAULT_TIMEOUT;
use crate::store::dynamodb::rights;

/// What Python lamed called the role, the REST API and the API key.
pub const DEFAULT_NAME: &str = "lamed";

/// How long the function behind a function URL may run, in seconds: as long as the slowest of the routes.
const URL_TIMEOUT: u32 = 60;

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

/// What of a config does not depend on what is there.
pub struct Prepared {
    code: Code,
    code_with_experiments: Code,
    store: function::Store,
    settings: Secret,
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
            deployment: &self.name,
            functions: &functions,
            table: self.table.as_deref(),
            url_function: &self.url_function.name,
            url_unseen: self
                .front_door
                .is_none_or(|door| door == FrontDoor::RestApi),
            stage: STAGE,
            log_group_tags: config.is_some_and(|config| !config.aws.tags.is_empty()),
            compared: config.is_some(),
            other_regions: matches!(purpose, Purpose::Destroy),
            settings: SETTINGS,
            own_role: self.role.is_none(),
        };
        observe(aws, names).await
    }

    /// The base URL of the API and its key, or `None` where nothing is deployed.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn find(&self, aws: &Aws) -> Result<Option<(String, Option<Secret>)>, AwsError> {
        let names = Names {
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
        };
        Ok(find(aws, names).await?.map(|found| match found {
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

    /// Where the functions count.
    ///
    /// # Errors
    /// When that is a Redis and the config names none.
    pub fn store(&self, config: &Config) -> Result<function::Store, SetupError> {
        if let Some(table) = &self.table {
            return Ok(function::Store::DynamoDb {
                table: table.clone(),
                counting: config.counting,
                timeout: DEFAULT_TIMEOUT,
            });
        }
        let redis = config.redis.clone().map(function::Store::Redis);
        redis.ok_or_else(|| {
            SetupError::Usage(
                "`aws.store` is `redis`, but the config names no Redis: run `lamed configure`"
                    .to_owned(),
            )
        })
    }

    /// Refuses to go to another store unasked: what was counted stays where it is.
    fn check_store(&self, config: &Config, observed: &Observed) -> Result<(), SetupError> {
        if config.aws.store.is_some() {
            return Ok(());
        }
        let ours = observed.functions.values().filter(|function| function.ours);
        let tables = ours.filter_map(|function| {
            let settings = function.latest.environment.get(SETTINGS);
            match settings {
                Some(settings) => counts_in_a_table(settings),
                None => function.latest.is_python().then_some(false),
            }
        });
        match (tables.last(), self.table.is_some()) {
            (Some(true), false) => Err(SetupError::Usage(
                "the deployed functions count in a DynamoDB table, but the config names a Redis: set `aws.store` to \
                 `dynamodb` to stay with the table, or to `redis` to begin in the Redis; counts are not moved"
                    .to_owned(),
            )),
            (Some(false), true) => Err(SetupError::Usage(
                "the deployed functions count in a Redis, but the config names none: add `redis` to the config, or set \
                 `aws.store` to `dynamodb` to begin in a new table; counts are not moved"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// What can be said, and refused, before anything is read. `bootstrap` is a zip to use instead of the embedded
    /// one.
    ///
    /// # Errors
    /// When the config contradicts itself, or there is no function to deploy.
    pub fn prepare(
        &self,
        config: &Config,
        bootstrap: Option<&Path>,
    ) -> Result<Prepared, SetupError> {
        let store = self.store(config)?;
        if config.aws.role.is_some() && config.aws.permissions_boundary.is_some() {
            return Err(SetupError::Usage(
                "`aws.permissions_boundary` limits the role that lamed makes, but `aws.role` names another one: remove one of them"
                    .to_owned(),
            ));
        }
        let settings = settings(config, store.clone(), None)?;
        let code = code(config.aws.architecture, bootstrap)?;
        let mut zip = code.zip.to_vec();
        for (name, content) in files(config, &store) {
            zip = with_file(&zip, &name, &content)?;
        }
        Ok(Prepared {
            code_with_experiments: Code::new(&code.architecture, Cow::Owned(zip)),
            code,
            store,
            settings,
        })
    }

    /// What should be there. `new_key` is the API key of a function URL that has none yet.
    ///
    /// # Errors
    /// When the settings do not fit into a function's environment.
    pub fn desired(
        &self,
        config: &Config,
        prepared: Prepared,
        observed: &Observed,
        new_key: NewKey,
    ) -> Result<Desired, SetupError> {
        self.check_store(config, observed)?;
        let Doors { rest_api, url } = self.doors(observed);
        let aws = &config.aws;
        let mut functions = Vec::new();
        if rest_api {
            functions.extend(self.rest_functions.iter().cloned());
        }
        let url = if url {
            functions.push(self.url_function.clone());
            let key = self.key(observed, new_key);
            let door = Door {
                key,
                routes: extra_routes(config),
            };
            Some(DesiredUrl {
                function: self.url_function.name.clone(),
                settings: settings(config, prepared.store, Some(door))?,
                reserved_concurrency: aws.reserved_concurrency,
            })
        } else {
            None
        };
        let headers = COMMON_HEADERS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Desired {
            name: self.name.clone(),
            lamed_version: env!("CARGO_PKG_VERSION"),
            stage: STAGE,
            code_with_experiments: prepared.code_with_experiments,
            code: prepared.code,
            settings: Variable {
                name: SETTINGS,
                value: prepared.settings,
            },
            rest_api,
            url,
            table: self.table.clone().map(|name| DesiredTable {
                name,
                keys: rights::KEYS,
                expiry: rights::EXPIRY,
                actions: &rights::PERMISSIONS,
            }),
            functions,
            methods: match rest_api {
                true => self.methods.clone(),
                false => Vec::new(),
            },
            preflights: match rest_api {
                true => self.preflights.clone(),
                false => BTreeMap::new(),
            },
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

    /// The API key of the function behind the URL: the one that it has, else that of the REST API, so that both
    /// doors open with the same one.
    fn key(&self, observed: &Observed, NewKey { key, rotate }: NewKey) -> Secret {
        if rotate {
            return key;
        }
        let of_api = || observed.key.as_ref().map(|key| key.value.clone());
        self.url_key(observed).or_else(of_api).unwrap_or(key)
    }

    /// A rollback that takes the code of earlier releases and leaves the experiments, the settings and the API key as they
    /// are: a release is code. Functions whose earlier version differs in nothing else only move their alias.
    ///
    /// # Errors
    /// When an earlier release cannot be downloaded, or read.
    pub async fn code_alone(
        &self,
        config: &Config,
        aws: &Aws,
        observed: &Observed,
        plan: Plan,
    ) -> Result<Plan, AwsError> {
        let store = self
            .store(config)
            .map_err(|error| AwsError::new(error.to_string()))?;
        let files = files(config, &store);
        let mut codes = BTreeMap::new();
        for (name, version) in plan.moved() {
            let known = self.functions().find(|function| function.name == name);
            let has_files = known.is_some_and(|function| function.has_experiments);
            let there = observed.functions.get(name).and_then(|there| {
                let versions = &mut there.versions.iter();
                Some((there, versions.find(|one| one.number == version)?))
            });
            let Some((there, target)) = there else {
                continue;
            };
            let live = there.live().map(|live| &live.configuration);
            let same_code = live.is_some_and(|l| l.code_sha256 == target.configuration.code_sha256);
            let other_settings = target.configuration.environment != there.latest.environment;
            if (same_code || !has_files) && !other_settings {
                continue;
            }
            let zip = aws.code(name, version).await?;
            let today = match has_files {
                true => with_files_of_today(&zip, &files),
                false => Ok(None),
            };
            let today = today.map_err(|error| AwsError::new(error.to_string()))?;
            if today.is_some() || other_settings {
                let architecture = &target.configuration.architecture;
                let zip = Cow::Owned(today.unwrap_or(zip));
                codes.insert(name.to_owned(), Code::new(architecture, zip));
            }
        }
        Ok(restore(plan, observed, &codes))
    }

    /// What of the experiments changes when the versions of a rollback come back as they were. A sentence each.
    ///
    /// # Errors
    /// When the earlier release cannot be downloaded.
    pub async fn experiments_that_come_back(
        &self,
        config: &Config,
        aws: &Aws,
        plan: &Plan,
    ) -> Result<Vec<String>, AwsError> {
        let knows = |name: &str| {
            let mut functions = self.functions();
            functions.any(|function| function.name == name && function.has_experiments)
        };
        let Some((name, version)) = plan.moved().find(|(name, _)| knows(name)) else {
            return Ok(Vec::new());
        };
        let zip = aws.code(name, version).await?;
        let then = file_in(&zip, EXPERIMENTS).unwrap_or_default();
        let now = serde_json::to_vec(&Experiments::of(&config.experiments())).unwrap_or_default();
        let [then, now] = [then, now].map(|json| declared(&json));
        let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let differs = names
            .into_iter()
            .filter(|name| then.get(*name) != now.get(*name));
        Ok(differs
            .map(|name| match (state(now.get(name)), state(then.get(name))) {
                (from, to) if from == to => format!("experiment `{name}` changes"),
                (from, to) => format!("experiment `{name}`: {from} → {to}"),
            })
            .collect())
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

/// The experiments of a file by name.
fn declared(json: &[u8]) -> BTreeMap<String, Value> {
    let read: Value = serde_json::from_slice(json).unwrap_or_default();
    let all = read["experiments"].as_array().into_iter().flatten();
    all.filter_map(|one| Some((one["name"].as_str()?.to_owned(), one.clone())))
        .collect()
}

fn state(experiment: Option<&Value>) -> String {
    match experiment.map(|one| &one["state"]) {
        None => "not declared".to_owned(),
        Some(Value::String(state)) => state.clone(),
        Some(Value::Object(shipped)) => match shipped["shipped"].as_str() {
            Some(variant) => format!("shipped `{variant}`"),
            None => "another state".to_owned(),
        },
        Some(_) => "running".to_owned(),
    }
}

/// What is beside the program of a function that knows the experiments.
fn files(config: &Config, store: &function::Store) -> Vec<(String, Vec<u8>)> {
    let experiments = config.experiments();
    // Texts and finite numbers are always JSON.
    let declared = serde_json::to_vec(&Experiments::of(&experiments)).unwrap_or_default();
    let mut files = vec![(EXPERIMENTS.to_owned(), declared)];
    // A function URL compresses nothing by itself.
    let window = store.counting().window;
    let client = BrowserClient::new(&config.namespace, window, experiments.all());
    let scripts = client.scripts();
    files.extend(scripts.map(|(tag, script)| (compressed(tag), gzip(script))));
    files
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Into memory, which fails never.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// Whether functions count in a table of DynamoDB: where the config says so, or names no Redis.
#[must_use]
pub fn counts_in_table(config: &Config) -> bool {
    match config.aws.store {
        Some(store) => store == Counts::DynamoDb,
        None => config.redis.is_none(),
    }
}

/// An API key that was just made up.
#[derive(Debug)]
pub struct NewKey {
    pub key: Secret,
    /// Whether it takes the place of the one that is there.
    pub rotate: bool,
}

/// `https://ID.lambda-url.eu-west-1.on.aws`
fn base_of(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// The routes that a function URL has beside those of every deployment.
fn extra_routes(config: &Config) -> Vec<ExtraRoute> {
    let route = |wired: &Wired| ExtraRoute {
        path: wired.route.path.clone(),
        method: wired.route.method.as_str().to_owned(),
        handler: wired.route.handler.name().to_owned(),
        key_required: wired.route.key_required,
    };
    config.wiring.iter().map(route).collect()
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
pub fn settings(
    config: &Config,
    store: function::Store,
    door: Option<Door>,
) -> Result<Secret, SetupError> {
    let settings = Settings {
        store,
        namespace: config.namespace.clone(),
        ignore_bots: config.ignore_bots,
        door,
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

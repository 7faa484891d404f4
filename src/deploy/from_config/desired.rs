//! What should be there, and what a config may not say.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::files::files;
use super::{Deployment, SetupError};
use crate::config::{self, Config, Counts, Wired};
use crate::deploy::bootstrap::{self, with_file};
use crate::deploy::desired::Throttle;
use crate::deploy::{Code, Desired, DesiredTable, DesiredUrl, Doors, Observed, Variable, Vpc};
use crate::domain::Secret;
use crate::function::{self, Door, ExtraRoute, SETTINGS, Settings, counts_in_a_table};
use crate::http::{COMMON_HEADERS, STAGE};
use crate::store::DEFAULT_TIMEOUT;
use crate::store::dynamodb::rights;

impl Deployment {
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
        let mut tables = ours.filter_map(|function| {
            let settings = function.latest.environment.get(SETTINGS);
            match settings {
                Some(settings) => counts_in_a_table(settings),
                None => function.latest.is_python().then_some(false),
            }
        });
        match (tables.next(), self.table.is_some()) {
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

    /// Refuses a table that cannot hold the counts.
    fn check_table(&self, observed: &Observed) -> Result<(), SetupError> {
        match &observed.table {
            Some(there) if there.keys != rights::KEYS => Err(SetupError::Usage(format!(
                "the DynamoDB table `{}` has the keys {}, but lamed needs {}: choose another `aws.name`, or delete the table",
                there.name,
                there.keys.join(" and "),
                rights::KEYS.join(" and ")
            ))),
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
    /// When what is there does not go with the config, or the settings do not fit into a function's environment.
    pub fn desired(
        &self,
        config: &Config,
        prepared: Prepared,
        observed: &Observed,
        new_key: NewKey,
    ) -> Result<Desired, SetupError> {
        self.check_store(config, observed)?;
        self.check_table(observed)?;
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
}

/// What of a config does not depend on what is there.
pub struct Prepared {
    code: Code,
    code_with_experiments: Code,
    store: function::Store,
    settings: Secret,
}

/// An API key that was just made up.
#[derive(Debug)]
pub struct NewKey {
    pub key: Secret,
    /// Whether it takes the place of the one that is there.
    pub rotate: bool,
}

/// Whether functions count in a table of DynamoDB: where the config says so, or names no Redis.
#[must_use]
pub fn counts_in_table(config: &Config) -> bool {
    match config.aws.store {
        Some(store) => store == Counts::DynamoDb,
        None => config.redis.is_none(),
    }
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
            "this build of lamed does not include the Lambda function{wanted}: pass a zip with \
             `--bootstrap FILE` (`cargo xtask bootstrap` builds one)"
        ))
    })
}

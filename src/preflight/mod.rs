//! What could stand in the way of a deployment or a server, check by check.

mod address;
mod check;
mod redis;
mod trouble;

use std::path::Path;

use self::address::Reach;
pub use self::check::{Check, Status, failures};
pub use self::redis::try_out;
pub use self::trouble::Origin;
use crate::config::{Config, Location};
use crate::deploy::{
    Account, Aws, AwsError, Deployment, Observed, Permissions, Purpose, code, counts_in_table,
    function_settings,
};
use crate::store::RedisSettings;

/// Everything that a deployment needs, checked in the order in which it is shown. `aws` is the account,
/// or why there is none; `bootstrap` is a zip to check instead of the embedded one.
pub async fn run(
    config: &Config,
    file: &Location,
    deployment: &Deployment,
    aws: Result<&Aws, &AwsError>,
    bootstrap: Option<&Path>,
) -> Vec<Check> {
    let mut checks = vec![check_config(config, deployment, file)];
    match aws {
        Ok(aws) => {
            let answers = Answers::ask(config, deployment, aws).await;
            let observed = answers.observed.as_ref().ok();
            let function = check_function(config, deployment, observed, bootstrap);
            checks.extend(answers.checks(config, deployment, function));
        }
        Err(error) => {
            let function = check_function(config, deployment, None, bootstrap);
            checks.extend([Check::error("account", error), function]);
            if let Some(settings) = redis_of(config) {
                let redis = redis::look(settings, &config.namespace).await;
                checks.extend(redis::checks(settings, &redis, in_vpc(config, None), false));
            }
        }
    }
    checks
}

/// What `deploy` has not checked itself: the checks that are not well, and what was read of the
/// deployment on the way.
///
/// # Errors
/// When the account is not known.
pub async fn before_deploy(
    config: &Config,
    deployment: &Deployment,
    aws: &Aws,
) -> Result<(Vec<Check>, Result<Observed, AwsError>), AwsError> {
    let answers = Answers::ask(config, deployment, aws).await;
    if let Err(error) = &answers.account {
        return Err(error.clone());
    }
    let mut checks = answers.checks(config, deployment, None);
    checks.retain(|check| check.status != Status::Ok);
    Ok((checks, answers.observed))
}

/// What others say of a deployment.
struct Answers {
    account: Result<Account, AwsError>,
    observed: Result<Observed, AwsError>,
    permissions: Result<Permissions, AwsError>,
    redis: Option<redis::RedisAnswers>,
    /// Whether an emulator on this machine answers instead of AWS.
    is_here: bool,
}

impl Answers {
    /// Asks all of them at once.
    async fn ask(config: &Config, deployment: &Deployment, aws: &Aws) -> Self {
        let redis = async {
            match redis_of(config) {
                Some(settings) => Some(redis::look(settings, &config.namespace).await),
                None => None,
            }
        };
        let permissions = async |api: Option<&str>| deployment.permissions(config, aws, api).await;
        let (account, observed, mut asked, redis) = tokio::join!(
            aws.account(),
            deployment.look(aws, Purpose::Compare(config)),
            permissions(None),
            redis
        );
        // A policy may be limited to the API that is there.
        if let (Ok(answers), Ok(Some(api))) = (&asked, observed.as_ref().map(|o| o.api.as_ref()))
            && answers.depend_on_api()
        {
            asked = permissions(Some(&api.id)).await;
        }
        if let Ok(answers) = &mut asked {
            answers.retain(&deployment.needed(config, observed.as_ref().ok()));
        }
        Self {
            account: account.cloned(),
            observed,
            permissions: asked,
            redis,
            is_here: aws.emulator().is_some_and(is_here),
        }
    }

    /// In the order in which they are shown.
    fn checks(
        &self,
        config: &Config,
        deployment: &Deployment,
        function: impl Into<Option<Check>>,
    ) -> Vec<Check> {
        let mut checks = Vec::new();
        match &self.account {
            Err(error) => checks.push(Check::error("account", error)),
            Ok(account) => {
                let Account { caller, region, .. } = account;
                checks.push(Check::ok("account", format!("{caller} in {region}")));
                checks.push(check_deployment(&self.observed));
                checks.push(check_permissions(
                    &self.permissions,
                    caller,
                    &deployment.needed(config, self.observed.as_ref().ok()),
                ));
            }
        }
        checks.extend(function.into());
        if let (Some(settings), Some(found)) = (redis_of(config), &self.redis) {
            let in_vpc = in_vpc(config, self.observed.as_ref().ok());
            checks.extend(redis::checks(settings, found, in_vpc, self.is_here));
        }
        checks
    }
}

/// Whether the host of a URL is this machine.
fn is_here(url: &str) -> bool {
    let host = url.parse::<hyper::Uri>().ok();
    let host = host.as_ref().and_then(hyper::Uri::host);
    host.and_then(Reach::of) == Some(Reach::Here)
}

/// The Redis that the functions count in.
fn redis_of(config: &Config) -> Option<&RedisSettings> {
    config.redis.as_ref().filter(|_| !counts_in_table(config))
}

/// Whether the functions will be in a VPC: as the config says, else as they are.
fn in_vpc(config: &Config, observed: Option<&Observed>) -> bool {
    match &config.aws.vpc {
        Some(vpc) => !vpc.subnet_ids.is_empty(),
        None => observed.is_some_and(|observed| {
            let mut functions = observed.functions.values();
            functions.any(|function| !function.latest.vpc.subnets.is_empty())
        }),
    }
}

fn check_config(config: &Config, deployment: &Deployment, file: &Location) -> Check {
    const CHECK: &str = "config";
    let file = match file {
        Location::Found(path) => format!("`{}`", path.display()),
        Location::Missing(_) => "no config file, so the defaults are used".to_owned(),
    };
    let settings = |store| function_settings(config, store, None);
    let problem = (deployment.store(config).and_then(settings).err())
        .map(|error| Check::error(CHECK, format!("{file}: {error}")));
    match problem {
        Some(problem) => problem,
        None if config.warnings.is_empty() => Check::ok(CHECK, file),
        None => Check::warning(
            CHECK,
            format!("{file}: {}", config.warnings.join("; ")),
            "lamed uses the other settings",
        ),
    }
}

fn check_function(
    config: &Config,
    deployment: &Deployment,
    observed: Option<&Observed>,
    bootstrap: Option<&Path>,
) -> Check {
    const CHECK: &str = "function";
    let nothing = Observed::default();
    let doors = deployment.doors(observed.unwrap_or(&nothing));
    match code(config.aws.architecture, bootstrap) {
        Err(error) => Check::error(CHECK, error),
        Ok(code) => Check::ok(
            CHECK,
            format!(
                "{}, zip of {:.2} MB, for {}",
                code.architecture,
                code.zip.len() as f64 / 1e6,
                quoted(
                    deployment
                        .functions_behind(doors)
                        .map(|function| function.name.as_str())
                )
            ),
        ),
    }
}

/// What is there already, which is read in any case.
fn check_deployment(observed: &Result<Observed, AwsError>) -> Check {
    const CHECK: &str = "deployment";
    match observed {
        Err(error) => Check::error(CHECK, error),
        Ok(observed) => {
            let mut found: Vec<String> = Vec::new();
            if let Some(api) = &observed.api {
                found.push(format!("REST API `{}`", api.id));
            }
            if let Some(table) = &observed.table {
                found.push(format!("table `{}`", table.name));
            }
            if let Some(url) = observed.url() {
                found.push(format!("function URL {}", url.url));
            }
            if !observed.functions.is_empty() {
                let names = observed.functions.keys().map(String::as_str);
                found.push(quoted(names));
            }
            if found.is_empty() {
                found.push("not deployed yet".to_owned());
            }
            Check::ok(CHECK, found.join(", "))
        }
    }
}

fn check_permissions(
    permissions: &Result<Permissions, AwsError>,
    caller: &str,
    needed: &[&str],
) -> Check {
    const CHECK: &str = "permissions";
    let names = |actions: &[&'static str]| quoted(actions.iter().copied());
    match permissions {
        Err(error) => Check::warning(
            CHECK,
            format!("cannot check the permissions: {error}"),
            format!("`lamed deploy` needs {}", by_service(needed)),
        ),
        Ok(Permissions { denied, .. }) if !denied.is_empty() => Check::failed(
            CHECK,
            format!("the credentials do not allow {}", names(denied)),
            format!("allow it for `{caller}`"),
        ),
        Ok(Permissions { unclear, .. }) if !unclear.is_empty() => Check::warning(
            CHECK,
            format!(
                "allowed under a condition that lamed cannot check: {}",
                names(unclear)
            ),
            format!("make sure that `{caller}` has these permissions"),
        ),
        Ok(Permissions { no_removal, .. }) if !no_removal.is_empty() => Check::warning(
            CHECK,
            format!(
                "enough for `lamed deploy`, but `lamed destroy` also needs {}",
                names(no_removal)
            ),
            format!("allow it for `{caller}` before you run `lamed destroy`"),
        ),
        Ok(_) => Check::ok(CHECK, "enough for `lamed deploy` and `lamed destroy`"),
    }
}

/// `` `a`, `b` ``
fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// `iam: CreateRole, PassRole; lambda: …`
fn by_service(actions: &[&str]) -> String {
    let mut text = String::new();
    let mut last = "";
    for (service, name) in actions.iter().filter_map(|action| action.split_once(':')) {
        if service == last {
            text.push_str(&format!(", {name}"));
        } else {
            let separator = if last.is_empty() { "" } else { "; " };
            text.push_str(&format!("{separator}{service}: {name}"));
        }
        last = service;
    }
    text
}

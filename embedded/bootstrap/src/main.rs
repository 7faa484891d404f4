//! lamed's Lambda function: the handler that `_HANDLER` names, or all of them behind a function URL, over the store
//! that the settings name.
//!
//! The store and its connection live as long as the process, from one invocation to the next.

mod log;

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use lamed::domain::{Experiments, Name};
use lamed::function::{self, EXPERIMENTS, SETTINGS, Settings, SettingsError, compressed};
use lamed::http::function_url::{self, FunctionUrl};
use lamed::http::gateway::answer;
use lamed::http::{Api, BrowserClient, Handler, Route, Routes, Rules, wire};
use lamed::store::{
    DynamoDbSettings, DynamoDbStore, EnvironmentCredentials, RedisStore, Store, StoreError,
};
use serde_json::Value;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    log::start();
    let Err(error) = LambdaFunction::from_environment().and_then(LambdaFunction::run) else {
        return ExitCode::SUCCESS;
    };
    tracing::error!("{error}");
    ExitCode::FAILURE
}

/// Why the function cannot start, or ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{SETTINGS} is missing: `lamed deploy` sets it")]
    NoSettings,
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("{SETTINGS} has no API key: `lamed deploy` makes one")]
    NoKey,
    #[error("`AWS_REGION` is missing: Lambda sets it")]
    NoRegion,
    #[error("`{0}` is not a handler of lamed")]
    Handler(String),
    #[error("`{EXPERIMENTS}`, which `lamed deploy` puts beside the function, cannot be read: {0}")]
    Experiments(io::Error),
    #[error("`{EXPERIMENTS}` is not the JSON that `lamed deploy` writes: {0}")]
    NotExperiments(serde_json::Error),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("the function ended: {0}")]
    Runtime(#[from] lambda_runtime::Error),
}

/// A file of the folder that Lambda unpacks the function into.
fn beside(name: &str) -> PathBuf {
    let folder = env::var_os("LAMBDA_TASK_ROOT").unwrap_or_else(|| "/var/task".into());
    PathBuf::from(folder).join(name)
}

/// What the folder declares that Lambda unpacks the function into.
fn experiments(namespace: Name) -> Result<Experiments, Failure> {
    let text = fs::read_to_string(beside(EXPERIMENTS)).map_err(Failure::Experiments)?;
    let declared: wire::declared::Experiments =
        serde_json::from_str(&text).map_err(Failure::NotExperiments)?;
    Ok(declared.within(namespace))
}

/// The store of the settings. It connects when it is first used.
fn store(settings: &function::Store) -> Result<Arc<dyn Store>, Failure> {
    // Fails only where a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(match settings {
        function::Store::Redis(redis) => Arc::new(RedisStore::new(redis)?),
        function::Store::DynamoDb {
            table,
            counting,
            timeout,
        } => {
            let region = DynamoDbSettings::region_of_environment().ok_or(Failure::NoRegion)?;
            let settings = DynamoDbSettings {
                counting: *counting,
                timeout: *timeout,
                ..DynamoDbSettings::new(table, region).at_endpoint_of_environment()
            };
            Arc::new(DynamoDbStore::new(
                &settings,
                Arc::new(EnvironmentCredentials),
            )?)
        }
    })
}

/// The API over the store of the settings.
fn api(settings: &Settings, needs_experiments: bool, serves_client: bool) -> Result<Api, Failure> {
    let store = store(&settings.store)?;
    let namespace = settings.namespace.clone();
    let experiments = match needs_experiments {
        true => experiments(namespace)?,
        false => Experiments::none(namespace),
    };
    let client = serves_client.then(|| {
        let window = settings.store.counting().window;
        BrowserClient::new(experiments.namespace(), window, experiments.all())
    });
    let mut rules = Rules::new(experiments).ignoring_bots(settings.ignore_bots);
    rules.client = client;
    Ok(Api::new(store, rules))
}

/// Which requests a function gets.
enum LambdaFunction {
    /// Those of one handler, from API Gateway.
    One(Handler, Api),
    /// All, from its function URL.
    All(FunctionUrl),
}

impl LambdaFunction {
    fn from_environment() -> Result<Self, Failure> {
        let name = env::var("_HANDLER").unwrap_or_default();
        let settings = env::var(SETTINGS).map_err(|_| Failure::NoSettings)?;
        let settings = Settings::from_json(&settings)?;
        if name == function_url::HANDLER {
            let door = settings.door.clone().ok_or(Failure::NoKey)?;
            let routes = (door.routes.iter())
                .filter_map(|r| Route::of(&r.path, &r.method, &r.handler, r.key_required));
            let api = api(&settings, true, true)?;
            let routes = Routes::new(routes);
            let compressed = Box::new(|tag: &str| fs::read(beside(&compressed(tag))).ok());
            return Ok(Self::All(FunctionUrl::new(
                api, routes, door.key, compressed,
            )));
        }
        let handler = Handler::from_name(&name).ok_or(Failure::Handler(name))?;
        let serves_client = handler == Handler::Client;
        let api = api(&settings, handler.needs_experiments(), serves_client)?;
        Ok(Self::One(handler, api))
    }

    /// Answers one invocation after the other: Lambda never sends two at a time.
    fn run(self) -> Result<(), Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(lambda_runtime::Error::from)?;
        let function = service_fn(|event| self.invoke(event));
        Ok(runtime.block_on(lambda_runtime::Runtime::new(function).run())?)
    }

    async fn invoke(&self, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        let answer = match self {
            Self::One(handler, api) => answer(api, *handler, &event.payload).await,
            Self::All(function) => function.answer(&event.payload).await,
        };
        answer.map_err(|error| {
            tracing::error!("{error}");
            Diagnostic {
                error_type: "FunctionError".to_owned(),
                error_message: error.to_string(),
            }
        })
    }
}

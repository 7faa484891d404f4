//! lamed's Lambda function: the handler that `_HANDLER` names, over the Redis that the settings name.
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
use lamed::function::{EXPERIMENTS, SETTINGS, Settings, SettingsError};
use lamed::http::gateway::answer;
use lamed::http::{Api, BrowserClient, Handler, Rules, wire};
use lamed::store::{RedisStore, StoreError};
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

/// What the folder declares that Lambda unpacks the function into.
fn experiments(namespace: Name) -> Result<Experiments, Failure> {
    let folder = env::var_os("LAMBDA_TASK_ROOT").unwrap_or_else(|| "/var/task".into());
    let path = PathBuf::from(folder).join(EXPERIMENTS);
    let text = fs::read_to_string(path).map_err(Failure::Experiments)?;
    let declared: wire::declared::Experiments =
        serde_json::from_str(&text).map_err(Failure::NotExperiments)?;
    Ok(declared.within(namespace))
}

struct LambdaFunction {
    handler: Handler,
    api: Api,
}

impl LambdaFunction {
    fn from_environment() -> Result<Self, Failure> {
        let name = env::var("_HANDLER").unwrap_or_default();
        let handler = Handler::from_name(&name).ok_or(Failure::Handler(name))?;
        let settings = env::var(SETTINGS).map_err(|_| Failure::NoSettings)?;
        let Settings {
            redis,
            namespace,
            ignore_bots,
        } = Settings::from_json(&settings)?;
        // Fails only where a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = RedisStore::new(&redis)?;
        let experiments = match handler.needs_experiments() {
            true => experiments(namespace)?,
            false => Experiments::none(namespace),
        };
        let client = (handler == Handler::Client).then(|| {
            let window = redis.counting.window;
            BrowserClient::new(experiments.namespace(), window, experiments.all())
        });
        let mut rules = Rules::new(experiments).ignoring_bots(ignore_bots);
        rules.client = client;
        let api = Api::new(Arc::new(store), rules);
        Ok(Self { handler, api })
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
        answer(&self.api, self.handler, &event.payload)
            .await
            .map_err(|error| {
                tracing::error!("{error}");
                Diagnostic {
                    error_type: "FunctionError".to_owned(),
                    error_message: error.to_string(),
                }
            })
    }
}

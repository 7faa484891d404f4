//! `lamed serve`

use std::convert::Infallible;
use std::fmt;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::json;
use tokio::net::{TcpListener, lookup_host};

use super::endpoint::{DEFAULT_LISTEN, Endpoint, KeyArgs, Running};
use super::printer::{BOLD, Printer};
use super::{CliError, Context};
use crate::config::{Config, NOT_A_REDIS_URL};
use crate::domain::Secret;
use crate::http::{Api, Routes, STAGE};
use crate::local::{ApiKey, Container, Direct, Edge, Gateway, IMAGE, Throttle, serve};
use crate::store::{Location, RedisSettings, RedisStore, SqliteStore, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Behave as API Gateway and Lambda do, for trying things out
    #[arg(long)]
    local: bool,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_LISTEN)]
    listen: String,
    /// Where to count: auto, docker, embedded, embedded:FILE, redis://… or config
    /// [default: auto with --local, else config]
    #[arg(long)]
    store: Option<StoreChoice>,
    #[command(flatten)]
    key: KeyArgs,
}

/// `--store`
#[derive(Clone)]
enum StoreChoice {
    /// A Redis in a container where Docker answers, else embedded.
    Auto,
    Docker,
    Embedded(Location),
    Redis(Box<RedisSettings>),
    /// The Redis of the config file.
    Config,
    /// None of these, and why.
    Wrong(&'static str),
}

/// Never fails: clap would repeat the text, which may hold a password.
impl FromStr for StoreChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "auto" => Self::Auto,
            "docker" => Self::Docker,
            "embedded" => Self::Embedded(Location::Memory),
            "config" => Self::Config,
            "embedded:" => Self::Wrong("a file's name is missing after `embedded:`"),
            _ => match text.strip_prefix("embedded:") {
                Some(file) => Self::Embedded(Location::File(PathBuf::from(file))),
                None if text.contains("://") => match RedisSettings::from_url(text) {
                    Ok(settings) => Self::Redis(Box::new(settings)),
                    Err(_) => Self::Wrong(NOT_A_REDIS_URL),
                },
                None => Self::Wrong(
                    "unknown store: known are auto, docker, embedded, embedded:FILE, redis://… and \
                     config",
                ),
            },
        })
    }
}

/// A Redis URL may hold a password.
impl fmt::Debug for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreChoice(…)")
    }
}

/// An open store, and what to say of it.
struct Opened {
    store: Arc<dyn Store>,
    container: Option<Container>,
    /// For programs: `embedded`, `embedded:FILE`, `docker:URL` or a Redis URL.
    name: String,
    /// For people: "counts in …".
    place: String,
    /// Whether its counts are gone when the server stops.
    fleeting: bool,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(error.to_string()))?
        .block_on(run_server(context, args, config))
}

async fn run_server(context: &Context, args: Args, config: Config) -> Result<(), CliError> {
    let listener = listen(&args).await?;
    // From here on a signal ends in order, whatever is being started.
    let stop = Stop::listen()?;
    let key = match &args.key.api_key {
        Some(key) if key.is_empty() => return Err(CliError::usage("the API key is empty")),
        Some(key) if key.contains(char::is_control) || key.trim() != key => {
            return Err(CliError::usage(
                "no client could send the API key: it holds a control character, or a space at an end",
            ));
        }
        Some(key) => ApiKey::new(Secret::new(key)),
        None => ApiKey::random().map_err(|error| CliError::failed(error.to_string()))?,
    };
    let Some(opened) = open_unless_stopped(context.printer, &args, &config, &stop).await? else {
        return Ok(());
    };
    let api = Api::new(opened.store.clone(), config.namespace.clone());
    let routes = Routes::new(config.extra_routes);
    let edge: Arc<dyn Edge> = if args.local {
        let throttle = config.throttle.map_or_else(Throttle::default, |throttle| {
            Throttle::new(throttle.rate, f64::from(throttle.burst))
        });
        let gateway = Gateway::new(api, routes, key.clone(), throttle);
        Arc::new(gateway.map_err(|error| CliError::failed(error.to_string()))?)
    } else {
        Arc::new(Direct::new(api, routes, key.clone()))
    };
    let address = (listener.local_addr()).map_err(|error| CliError::failed(error.to_string()))?;
    let endpoint = Endpoint {
        base: format!("http://{address}/{STAGE}"),
        key: Some(key.secret().clone()),
    };
    if args.local {
        Running::announce(context, &endpoint.base, key.secret());
    }
    let ready = say_ready(context, &args, &endpoint, key.secret(), &opened);
    if ready.is_ok() {
        serve(listener, edge, stop.signal()).await;
    }
    if args.local {
        Running::withdraw();
    }
    remove(context.printer, opened.container).await;
    ready
}

/// `None` when a signal came first. A start broken off half-way would leave its container behind, so
/// it is let to its end, and the container removed.
async fn open_unless_stopped(
    printer: Printer,
    args: &Args,
    config: &Config,
    stop: &Stop,
) -> Result<Option<Opened>, CliError> {
    let mut opening = std::pin::pin!(open(printer, args, config));
    tokio::select! {
        opened = &mut opening => opened.map(Some),
        () = stop.signal() => {
            if let Ok(opened) = opening.await {
                remove(printer, opened.container).await;
            }
            Ok(None)
        }
    }
}

async fn remove(printer: Printer, container: Option<Container>) {
    if let Some(container) = container
        && let Err(error) = container.remove().await
    {
        printer.warn(&format!("the container is still there: {error}"));
    }
}

/// Binds the address, unless strangers could reach it with a key that nobody chose.
async fn listen(args: &Args) -> Result<TcpListener, CliError> {
    let addresses: Vec<SocketAddr> = lookup_host(&args.listen)
        .await
        .map_err(|error| {
            CliError::usage(format!(
                "`--listen {}` is not HOST:PORT: {error}",
                args.listen
            ))
        })?
        .collect();
    let exposed = addresses.iter().any(|address| !address.ip().is_loopback());
    if exposed && args.key.api_key.is_none() {
        return Err(CliError::usage(format!(
            "`--listen {}` can be reached from other machines: choose the key yourself, by \
             `--api-key` or `$LAMED_API_KEY`",
            args.listen
        )));
    }
    TcpListener::bind(&addresses[..]).await.map_err(|error| {
        CliError::failed(format!(
            "cannot listen on {}: {error}; choose another address with `--listen`",
            args.listen
        ))
    })
}

async fn open(printer: Printer, args: &Args, config: &Config) -> Result<Opened, CliError> {
    let choice = args.store.clone().unwrap_or(if args.local {
        StoreChoice::Auto
    } else {
        StoreChoice::Config
    });
    match choice {
        StoreChoice::Wrong(reason) => Err(CliError::usage(format!("`--store`: {reason}"))),
        StoreChoice::Embedded(location) => open_embedded(location, config),
        StoreChoice::Redis(mut settings) => {
            settings.window = config.window;
            open_redis(&settings).await
        }
        StoreChoice::Config => match &config.redis {
            Some(settings) => open_redis(settings).await,
            None => Err(CliError::usage(
                "the config names no Redis: run `lamed configure`, or choose with `--store`, as in \
                 `--store embedded:lamed.db`",
            )),
        },
        StoreChoice::Docker => open_container(config).await.map_err(CliError::failed),
        StoreChoice::Auto => {
            if !Container::daemon_answers().await {
                return open_embedded(Location::Memory, config);
            }
            printer.talk(&format!("Docker answers: starting a Redis from `{IMAGE}`"));
            match open_container(config).await {
                Ok(opened) => Ok(opened),
                Err(reason) => {
                    printer.warn(&format!("{reason}; counting in memory instead"));
                    open_embedded(Location::Memory, config)
                }
            }
        }
    }
}

fn open_embedded(location: Location, config: &Config) -> Result<Opened, CliError> {
    if let Location::File(path) = &location
        && let Some(folder) = path.parent()
        && !(folder.as_os_str().is_empty() || folder.is_dir())
    {
        return Err(CliError::failed(format!(
            "cannot open the store: there is no folder `{}`",
            folder.display()
        )));
    }
    let store = SqliteStore::open(&location, config.window)
        .map_err(|error| CliError::failed(format!("cannot open the store: {error}")))?;
    Ok(Opened {
        store: Arc::new(store),
        container: None,
        name: match &location {
            Location::Memory => "embedded".to_owned(),
            Location::File(path) => format!("embedded:{}", path.display()),
        },
        place: match &location {
            Location::Memory => "memory".to_owned(),
            Location::File(path) => format!("the file `{}`", path.display()),
        },
        fleeting: location == Location::Memory,
    })
}

async fn open_redis(settings: &RedisSettings) -> Result<Opened, CliError> {
    let cannot = |error| CliError::failed(format!("cannot use the Redis at {error}"));
    let store = RedisStore::new(settings).map_err(cannot)?;
    store.ping().await.map_err(cannot)?;
    Ok(Opened {
        store: Arc::new(store),
        container: None,
        name: settings.to_string(),
        place: format!("the Redis at {settings}"),
        fleeting: false,
    })
}

async fn open_container(config: &Config) -> Result<Opened, String> {
    let container = Container::start()
        .await
        .map_err(|error| error.to_string())?;
    let mut settings = RedisSettings::from_url(container.url().reveal())?;
    settings.window = config.window;
    let opened = open_redis(&settings)
        .await
        .map_err(|error| error.to_string())?;
    Ok(Opened {
        name: format!("docker:{settings}"),
        place: format!("a Redis container at {settings}"),
        container: Some(container),
        fleeting: true,
        ..opened
    })
}

fn say_ready(
    context: &Context,
    args: &Args,
    endpoint: &Endpoint,
    key: &Secret,
    opened: &Opened,
) -> Result<(), CliError> {
    let track = endpoint.track_url();
    let experiments = format!("{}/experiments", endpoint.base);
    if context.json {
        return context.printer.json(&json!({
            "track_url": track,
            "experiments_url": experiments,
            "dashboard_url": null,
            "api_key": key.reveal(),
            "store": opened.name,
        }));
    }
    let mut text = format!(
        "{BOLD}lamed counts{BOLD:#} in {}\n\n  track        {track}\n  experiments  {experiments}\n  \
         API key      {}\n",
        opened.place,
        key.reveal()
    );
    if args.local {
        text.push_str(
            "\n  lamed snippet --local   the HTML to paste into your pages\n  \
             lamed results --local   what was counted\n",
        );
    }
    context.printer.data(&text)?;
    if opened.fleeting {
        (context.printer).talk(
            "\nThe counts are gone when the server stops (Ctrl-C); `--store embedded:lamed.db` keeps them",
        );
    }
    Ok(())
}

/// SIGINT and SIGTERM. The first asks to stop; a second one does not wait.
struct Stop(tokio::sync::watch::Receiver<bool>);

impl Stop {
    fn listen() -> Result<Self, CliError> {
        let mut signals = Signals::new().map_err(|error| CliError::failed(error.to_string()))?;
        let (asked, receiver) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            let _ = asked.send(true);
            signals.next().await;
            let _ = std::io::stdout().flush();
            std::process::exit(130);
        });
        Ok(Self(receiver))
    }

    async fn signal(&self) {
        let mut receiver = self.0.clone();
        // The sender lives as long as the process.
        let _ = receiver.wait_for(|asked| *asked).await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

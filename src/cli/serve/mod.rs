//! `lamed serve`

mod address;
mod ready;
mod reload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::sleep;

use self::address::{bind, listen};
use self::ready::{Addresses, say_ready};
use self::reload::{Content, Pasted, Reload, warn_of_changes};
use super::endpoint::{DEFAULT_LISTEN, Endpoint, KeyArgs};
use super::printer::Printer;
use super::running::Running;
use super::signals::Stop;
use super::stores::{Choice, Opened};
use super::{CliError, Context, demo};
use crate::config::{Config, Location, locate};
use crate::domain::{Accept, Name, Secret};
use crate::http::{Api, Handler, Route, Routes, Rules, STAGE};
use crate::server::dashboard::{self, Dashboard, Sessions, WithDashboard, Workbench};
use crate::server::{
    ApiKey, Connections, Direct, Edge, Gateway, Health, Limits, Metered, Metrics, Proof, Scraped,
    TokenBucket, WithHealth, WithMetrics, WithProof, serve,
};
use crate::store::Store;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Try lamed on this machine: the API behaves as on AWS, and other commands find it with `--local`
    #[arg(long)]
    local: bool,
    /// Listen on this address; port 0 uses a free port, and a port alone means 127.0.0.1
    #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_LISTEN)]
    listen: String,
    /// Count in this store: embedded (memory), embedded:FILE (an SQLite file), docker (a Redis in a container),
    /// dynamodb:TABLE, redis://…, config (the Redis of the config file) or auto (docker if it runs, otherwise memory)
    /// [default: auto with --local, otherwise config]
    #[arg(long)]
    store: Option<String>,
    /// Count in memory, and start with two example experiments
    #[arg(long, requires = "local", conflicts_with = "store")]
    demo: bool,
    /// Serve metrics for Prometheus at /metrics on this address
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Allow at most this many open connections. At the limit, lamed closes the one that has been idle longest to
    /// accept a new one
    /// [default: 10000, or fewer if the limit of open files is lower]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,
    /// Trust this many proxies that append the client's address to `X-Forwarded-For`
    /// [default: 1 if the client's address is private, otherwise 0]
    #[arg(long, value_name = "N")]
    trusted_proxies: Option<u8>,
    #[command(flatten)]
    key: KeyArgs,
}

/// Open files that are no connections of clients: the store's, the log, the listeners.
const OTHER_FILES: u64 = 64;

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let seen = Content::read(&config_path(context));
    let mut config = context.config()?;
    if args.demo {
        demo::declare(&mut config)?;
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start: {error}")))?
        .block_on(run_server(context, args, config, seen))
}

async fn run_server(
    context: &Context,
    args: Args,
    config: Config,
    seen: Content,
) -> Result<(), CliError> {
    let choice = match (&args.store, args.local) {
        (Some(text), _) => Choice::parse(text)?,
        (None, true) => Choice::Auto,
        (None, false) => Choice::Config,
    };
    let uses_redis = matches!(choice, Choice::Config);
    for route in without_key(&config) {
        context.printer.warn(&format!(
            "{}: anybody can use `{} /{STAGE}/{}` ({}) without the API key; to prevent this, set its `apiKeyRequired` to true",
            config_file(context), route.method.as_str(), route.path, route.handler.name(),
        ));
    }
    let key = key(&args)?.behind(args.trusted_proxies.map(usize::from));
    let listener = listen(&args).await?;
    let scraper = match &args.metrics {
        Some(address) => Some(bind("--metrics", address).await?),
        None => None,
    };
    let connections = Connections::new(limits(&args, context.printer));
    // From here on a signal ends in order, whatever is being started.
    let stop = Stop::listen()?;
    let (opened, demo) = if args.demo {
        let (opened, clock) = demo::open(&config)?;
        (opened, Some(clock))
    } else {
        match open_unless_stopped(context, choice, &config, &stop).await? {
            Some(opened) => (opened, None),
            None => return Ok(()),
        }
    };
    let metrics = scraper.is_some().then(Arc::<Metrics>::default);
    let store: Arc<dyn Store> = match metrics.clone() {
        Some(metrics) => Arc::new(Metered {
            metrics,
            store: opened.store.clone(),
        }),
        None => opened.store.clone(),
    };
    let api = Api::new(store.clone(), rules(&config, &args));
    warn_of_changes(context.printer, &api).await;
    if let Some(clock) = demo {
        demo::fill(&api, &clock).await?;
    }
    let address = address_of(&listener)?;
    let endpoint = Endpoint {
        base: format!("http://{address}/{STAGE}"),
        key: Some(key.secret().clone()),
    };
    // Behind a proxy the API is where the page is, by a name that is not known here.
    let base = match args.local {
        true => endpoint.base.clone(),
        false => format!("/{STAGE}"),
    };
    let pasted = Pasted::new(Endpoint { base, key: None }, &config);
    let dashboard = dashboard(&args, &api, &key, &pasted, address, &config.namespace)?;
    let addresses = Addresses {
        dashboard: format!(
            "http://{address}{}{}",
            dashboard::PATH,
            dashboard.sessions.fragment()
        ),
        metrics: scraper.as_ref().map(metrics_url).transpose()?,
    };
    let figures = metrics.clone().map(|metrics| Scraped {
        metrics,
        connections: connections.clone(),
        api: api.clone(),
    });
    let namespace = config.namespace.clone();
    let reload = Reload::new(
        context,
        config_path(context),
        seen,
        &config,
        uses_redis,
        pasted,
    );
    let edge = api_edge(&args, api.clone(), key.clone(), config)?;
    let edge = with_metrics(
        Arc::new(WithDashboard {
            dashboard,
            rest: edge,
        }),
        metrics,
    );
    // Before the figures: whoever asks each second would hide what visitors see.
    let edge = Arc::new(WithHealth {
        health: Health::new(store, namespace, stop.asked(), reload.refused()),
        rest: edge,
    });
    let edge = if args.local {
        let proof = Proof::random()?;
        Running::announce(
            context.printer,
            address,
            &endpoint.base,
            key.secret(),
            &proof,
        );
        Arc::new(WithProof { proof, rest: edge })
    } else {
        edge as Arc<dyn Edge>
    };
    let ready = say_ready(context, &args, &endpoint, &addresses, &opened);
    if ready.is_ok() {
        tokio::select! {
            () = serve(listener, edge, &connections, stop.signal()) => {}
            () = offer(scraper, figures) => {}
            () = say_what_it_waits_for(context.printer, &stop) => {}
            () = reload.follow(context.printer, &api, &args) => {}
        }
    }
    if args.local {
        Running::withdraw(address);
    }
    opened.close(context.printer).await;
    ready
}

/// What of the config the handler follows.
fn rules(config: &Config, args: &Args) -> Rules {
    let mut config = config.clone();
    if args.demo {
        config.accept = Accept::Any;
    }
    let rules = Rules::new(config.experiments()).ignoring_bots(config.ignore_bots);
    rules.serving(match args.local {
        // A page can be tried before anything is declared.
        true => config.or_example().browser_client(),
        false => config.browser_client(),
    })
}

/// The routes by which the config lets anybody read or delete.
fn without_key(config: &Config) -> Vec<Route> {
    let routes = Routes::new(config.wiring.iter().map(|wired| wired.route.clone()));
    let public = [Handler::Track, Handler::Client];
    let open = |route: &&Route| !route.key_required && !public.contains(&route.handler);
    routes.iter().filter(open).cloned().collect()
}

fn config_file(context: &Context) -> String {
    format!("`{}`", config_path(context).display())
}

fn config_path(context: &Context) -> PathBuf {
    match locate(context.config_file.as_deref()) {
        Location::Found(path) | Location::Missing(path) => path,
    }
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, CliError> {
    (listener.local_addr()).map_err(|error| CliError::failed(error.to_string()))
}

fn metrics_url(listener: &TcpListener) -> Result<String, CliError> {
    Ok(format!("http://{}/metrics", address_of(listener)?))
}

/// What the server bears: each connection is an open file, of which the system allows so many.
fn limits(args: &Args, printer: Printer) -> Limits {
    let mut limits = Limits::default();
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    let room = files.saturating_sub(OTHER_FILES).max(files / 2).max(1);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let wanted = (args.max_connections).map_or(limits.connections, |wanted| wanted as usize);
    limits.connections = wanted.min(room);
    // Half of the room is for others; but proxies have the connections of all their visitors.
    let behind_proxies = args.trusted_proxies.is_some_and(|proxies| proxies > 0);
    limits.share = match limits.connections {
        all if behind_proxies => all,
        all => all.div_ceil(2),
    };
    if args.max_connections.is_some() && room < wanted {
        printer.warn(&format!(
            "`--max-connections` is reduced to {room}: the system allows {files} open files; raise this limit \
             with `ulimit -Hn` or `LimitNOFILE=`"
        ));
    }
    limits
}

fn dashboard(
    args: &Args,
    api: &Api,
    key: &ApiKey,
    pasted: &Pasted,
    address: SocketAddr,
    namespace: &Name,
) -> Result<Dashboard, CliError> {
    let sessions = if args.local {
        Sessions::by_address(Some(key.clone()))?
    } else {
        Sessions::by_key(key.clone())
    };
    Ok(Dashboard {
        source: Arc::new(api.clone()),
        snippet: pasted.subscribe(),
        api: pasted.api.base.clone(),
        namespace: namespace.clone(),
        // The API says itself what it follows.
        experiments: Arc::default(),
        workbench: Workbench::default(),
        sessions,
        // A server of one's own stands behind a proxy with a name of its own.
        loopback_only: args.local && address.ip().is_loopback(),
    })
}

/// The API, as `--local` or plain `serve` has it.
fn api_edge(args: &Args, api: Api, key: ApiKey, config: Config) -> Result<Arc<dyn Edge>, CliError> {
    let routes = Routes::new(config.wiring.into_iter().map(|wired| wired.route));
    if !args.local {
        return Ok(Arc::new(Direct::new(api, routes, key)));
    }
    let throttle = config
        .aws
        .throttle
        .map_or_else(TokenBucket::default, |throttle| {
            TokenBucket::new(throttle.rate, f64::from(throttle.burst))
        });
    let gateway = Gateway::new(api, routes, key, throttle);
    Ok(Arc::new(gateway?))
}

fn with_metrics(rest: Arc<dyn Edge>, metrics: Option<Arc<Metrics>>) -> Arc<dyn Edge> {
    match metrics {
        Some(metrics) => Arc::new(WithMetrics { metrics, rest }),
        None => rest,
    }
}

/// Answers Prometheus as long as the server runs; never ends.
async fn offer(listener: Option<TcpListener>, figures: Option<Scraped>) {
    if let (Some(listener), Some(figures)) = (listener, figures) {
        let few = Connections::new(Limits {
            connections: 16,
            ..Limits::default()
        });
        serve(listener, Arc::new(figures), &few, std::future::pending()).await;
    }
    std::future::pending().await
}

/// Speaks up when stopping takes long enough to wonder about; never ends.
async fn say_what_it_waits_for(printer: Printer, stop: &Stop) {
    stop.signal().await;
    sleep(Duration::from_millis(500)).await;
    printer.talk("waiting for open requests; press Ctrl-C again to stop now");
    std::future::pending().await
}

/// The key that was given, or a random one.
fn key(args: &Args) -> Result<ApiKey, CliError> {
    match &args.key.api_key {
        Some(key) if key.is_empty() => Err(CliError::usage("the API key must not be empty")),
        Some(key) if key.contains(char::is_control) || key.trim() != key => Err(CliError::usage(
            "the API key must not contain control characters, or begin or end with a space",
        )),
        Some(key) => Ok(ApiKey::new(Secret::new(key))),
        None => Ok(ApiKey::random()?),
    }
}

/// `None` when a signal came first. A start broken off half-way would leave its container behind, so
/// it is let to its end, and the container removed.
async fn open_unless_stopped(
    context: &Context,
    choice: Choice,
    config: &Config,
    stop: &Stop,
) -> Result<Option<Opened>, CliError> {
    let printer = context.printer;
    let mut opening = std::pin::pin!(choice.open(context, config));
    tokio::select! {
        opened = &mut opening => opened.map(Some),
        () = stop.signal() => {
            if let Ok(opened) = opening.await {
                opened.close(printer).await;
            }
            Ok(None)
        }
    }
}

//! `lamed serve`

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::{TcpListener, lookup_host};
use tokio::time::sleep;

use super::endpoint::{DEFAULT_LISTEN, Endpoint, KeyArgs, Running};
use super::printer::{BOLD, Printer};
use super::signals::Stop;
use super::stores::{Choice, Opened};
use super::{CliError, Context, demo};
use crate::config::Config;
use crate::domain::{Accept, Secret};
use crate::http::{Api, Routes, STAGE};
use crate::local::dashboard::{self, Dashboard, Sessions, WithDashboard};
use crate::local::{ApiKey, Direct, Edge, Gateway, Throttle, serve};

#[derive(clap::Args)]
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
    store: Option<String>,
    /// Count two sample experiments first, in memory
    #[arg(long, requires = "local", conflicts_with = "store")]
    demo: bool,
    #[command(flatten)]
    key: KeyArgs,
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
    let choice = match (&args.store, args.local) {
        (Some(text), _) => Choice::parse(text)?,
        (None, true) => Choice::Auto,
        (None, false) => Choice::Config,
    };
    let key = key(&args)?;
    let listener = listen(&args).await?;
    // From here on a signal ends in order, whatever is being started.
    let stop = Stop::listen()?;
    let (opened, demo) = if args.demo {
        let (opened, clock) = demo::open(&config)?;
        (opened, Some(clock))
    } else {
        match open_unless_stopped(context.printer, choice, &config, &stop).await? {
            Some(opened) => (opened, None),
            None => return Ok(()),
        }
    };
    let accept = if args.demo {
        Accept::Any
    } else {
        config.accept()
    };
    let api = Api::new(opened.store.clone(), config.namespace.clone(), accept)
        .ignoring_bots(config.ignore_bots);
    if let Some(clock) = demo {
        demo::fill(&api, &clock).await?;
    }
    let routes = Routes::new(config.wiring.into_iter().map(|wired| wired.route));
    let address = (listener.local_addr()).map_err(|error| CliError::failed(error.to_string()))?;
    let endpoint = Endpoint {
        base: format!("http://{address}/{STAGE}"),
        key: Some(key.secret().clone()),
    };
    let sessions = if args.local {
        Sessions::by_address(Some(key.clone()))
            .map_err(|error| CliError::failed(error.to_string()))?
    } else {
        Sessions::by_key(key.clone())
    };
    let dashboard_url = format!("http://{address}{}{}", dashboard::PATH, sessions.fragment());
    let dashboard = Dashboard {
        source: Arc::new(api.clone()),
        api: endpoint.base.clone(),
        namespace: config.namespace,
        experiments: config.experiments,
        sessions,
        // A server of one's own stands behind a proxy with a name of its own.
        loopback_only: args.local && address.ip().is_loopback(),
    };
    let edge: Arc<dyn Edge> = if args.local {
        let throttle = config
            .aws
            .throttle
            .map_or_else(Throttle::default, |throttle| {
                Throttle::new(throttle.rate, f64::from(throttle.burst))
            });
        let gateway = Gateway::new(api, routes, key.clone(), throttle);
        Arc::new(gateway.map_err(|error| CliError::failed(error.to_string()))?)
    } else {
        Arc::new(Direct::new(api, routes, key.clone()))
    };
    let edge = Arc::new(WithDashboard {
        dashboard,
        rest: edge,
    });
    if args.local {
        Running::announce(context.printer, address, &endpoint.base, key.secret());
    }
    let ready = say_ready(context, &args, &endpoint, &dashboard_url, &opened);
    if ready.is_ok() {
        tokio::select! {
            () = serve(listener, edge, stop.signal()) => {}
            () = say_what_it_waits_for(context.printer, &stop) => {}
        }
    }
    if args.local {
        Running::withdraw(address);
    }
    opened.close(context.printer).await;
    ready
}

/// Speaks up when stopping takes long enough to wonder about; never ends.
async fn say_what_it_waits_for(printer: Printer, stop: &Stop) {
    stop.signal().await;
    sleep(Duration::from_millis(500)).await;
    printer.talk("still answering what was accepted; Ctrl-C again ends at once");
    std::future::pending().await
}

/// The key that was given, or a random one.
fn key(args: &Args) -> Result<ApiKey, CliError> {
    match &args.key.api_key {
        Some(key) if key.is_empty() => Err(CliError::usage("the API key is empty")),
        Some(key) if key.contains(char::is_control) || key.trim() != key => Err(CliError::usage(
            "no client could send the API key: it holds a control character, or a space at an end",
        )),
        Some(key) => Ok(ApiKey::new(Secret::new(key))),
        None => ApiKey::random().map_err(|error| CliError::failed(error.to_string())),
    }
}

/// `None` when a signal came first. A start broken off half-way would leave its container behind, so
/// it is let to its end, and the container removed.
async fn open_unless_stopped(
    printer: Printer,
    choice: Choice,
    config: &Config,
    stop: &Stop,
) -> Result<Option<Opened>, CliError> {
    let mut opening = std::pin::pin!(choice.open(printer, config));
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

fn say_ready(
    context: &Context,
    args: &Args,
    endpoint: &Endpoint,
    dashboard_url: &str,
    opened: &Opened,
) -> Result<(), CliError> {
    let track = endpoint.track_url();
    let experiments = endpoint.experiments_url();
    let key = endpoint.key.as_ref().map_or("", Secret::reveal);
    if context.json {
        return context.printer.json(&json!({
            "track_url": track,
            "experiments_url": experiments,
            "dashboard_url": dashboard_url,
            "api_key": key,
            "store": opened.name,
        }));
    }
    let mut text = format!(
        "{BOLD}lamed counts{BOLD:#} in {}\n\n  track        {track}\n  experiments  {experiments}\n  \
         dashboard    {dashboard_url}\n  API key      {key}\n",
        opened.place,
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

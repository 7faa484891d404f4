//! `lamed dashboard`

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, lookup_host};
use tokio::sync::watch;

use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::listen::host_and_port;
use super::printer::BOLD;
use super::signals::Stop;
use super::{CliError, Context, block_on, snippet};
use crate::server::dashboard::{Dashboard, PATH, Sessions, Workbench, of_snapshot, snapshot};
use crate::server::{Connections, serve};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Write the dashboard to a file that needs no server, to share it; `-` is stdout
    #[arg(long, value_name = "FILE", conflicts_with_all = ["listen", "no_open"])]
    output: Option<PathBuf>,
    /// Listen on this address; port 0 uses a free port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// Do not open the browser
    #[arg(long)]
    no_open: bool,
    #[command(flatten)]
    endpoint: endpoint::ApiArgs,
    #[command(flatten)]
    key: endpoint::KeyArgs,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let endpoint = Endpoint::resolve(context, &config, &args.endpoint, Some(&args.key))?;
    let dashboard = Dashboard {
        snippet: watch::Sender::new(snippet::html(&endpoint, &config)).subscribe(),
        api: endpoint.base.clone(),
        source: Arc::new(Client::new(endpoint)?),
        namespace: config.namespace,
        experiments: config.experiments.into(),
        workbench: Workbench::default(),
        sessions: Sessions::by_address(None)?,
        loopback_only: true,
    };
    match &args.output {
        Some(file) => block_on(write(context, &dashboard, file)),
        None => block_on(show(context, &args, dashboard)),
    }
}

async fn write(context: &Context, dashboard: &Dashboard, file: &Path) -> Result<(), CliError> {
    let to_stdout = file.as_os_str() == "-";
    let cannot =
        |error: io::Error| CliError::failed(format!("cannot write `{}`: {error}", file.display()));
    // Before the work; what is there stays until all of the page is.
    let is_new = !to_stdout && create(file).map_err(cannot)?;
    let page = page(dashboard).await.inspect_err(|_| {
        if is_new {
            let _ = fs::remove_file(file);
        }
    })?;
    if to_stdout {
        return context.printer.data(&page);
    }
    fs::write(file, page).map_err(cannot)?;
    if context.json {
        return context
            .printer
            .json(&json!({ "file": file.display().to_string() }));
    }
    context.printer.talk(&format!("wrote `{}`", file.display()));
    Ok(())
}

/// Whether there was no such file; one that is there has to be writable.
fn create(file: &Path) -> io::Result<bool> {
    match File::create_new(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().append(true).open(file)?;
            Ok(false)
        }
        created => created.map(|_| true),
    }
}

async fn page(dashboard: &Dashboard) -> Result<String, CliError> {
    of_snapshot(&snapshot(dashboard).await?).map_err(|error| CliError::failed(error.to_string()))
}

async fn show(context: &Context, args: &Args, dashboard: Dashboard) -> Result<(), CliError> {
    let listener = listen(&args.listen).await?;
    let stop = Stop::listen()?;
    // What cannot be reached is said here rather than on the page.
    dashboard.check().await?;
    let address = (listener.local_addr()).map_err(|error| CliError::failed(error.to_string()))?;
    let url = format!("http://{address}{PATH}{}", dashboard.sessions.fragment());
    if context.json {
        context
            .printer
            .json(&json!({ "dashboard_url": url, "api": dashboard.api }))?;
    } else {
        context
            .printer
            .data(&format!("{BOLD}the dashboard{BOLD:#} is at {url}\n"))?;
        context.printer.talk(&format!(
            "It shows the results of {}. Anybody on this machine who has this URL can see them. Press Ctrl-C to stop.",
            dashboard.api
        ));
    }
    let opens = !args.no_open && !context.json && stdout().is_terminal();
    // Where there is no browser, the address is there to be copied.
    let opened = opens.then(|| open(&url).ok()).flatten();
    let dashboard = Arc::new(dashboard);
    let removal = async {
        dashboard.sessions.used().await;
        drop(opened);
        std::future::pending().await
    };
    let connections = Connections::default();
    tokio::select! {
        () = serve(listener, dashboard.clone(), &connections, stop.signal()) => {}
        () = removal => {}
    }
    Ok(())
}

/// Opens the browser on a file for this user alone that leads to the address: every user of the machine can read
/// the browser's command line, and the address holds the session. The file ends when it is dropped.
fn open(url: &str) -> io::Result<NamedTempFile> {
    let mut file = new_page().or_else(|_| new_page_in(&env::temp_dir()))?;
    writeln!(
        file,
        "<!doctype html><title>lamed</title><meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={url}\"><p><a href=\"{url}\">The dashboard</a>"
    )?;
    let path = file.path().display().to_string();
    tokio::task::spawn_blocking(move || webbrowser::open(&path));
    Ok(file)
}

/// A file in the home, not in a hidden folder or `/tmp`: a browser in a sandbox (a snap) sees neither.
fn new_page() -> io::Result<NamedTempFile> {
    let home = env::home_dir().ok_or(io::ErrorKind::NotFound)?;
    new_page_in(&home)
}

/// On Unix it has the mode 0600.
fn new_page_in(folder: &Path) -> io::Result<NamedTempFile> {
    (tempfile::Builder::new()
        .prefix("lamed-dashboard-")
        .suffix(".html"))
    .tempfile_in(folder)
}

async fn listen(address: &str) -> Result<TcpListener, CliError> {
    let address = &*host_and_port("--listen", address)?;
    let addresses: Vec<SocketAddr> = (lookup_host(address).await)
        .map_err(|error| {
            CliError::usage(format!("`--listen {address}` must be HOST:PORT: {error}"))
        })?
        .collect();
    if addresses.iter().any(|address| !address.ip().is_loopback()) {
        return Err(CliError::usage(format!(
            "other machines can reach `--listen {address}`: use the dashboard of `lamed serve`, which asks for the \
             API key"
        )));
    }
    TcpListener::bind(&addresses[..]).await.map_err(|error| {
        CliError::failed(format!(
            "cannot listen on {address}: {error}; choose another address with `--listen`"
        ))
    })
}

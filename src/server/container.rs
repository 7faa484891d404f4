//! A throw-away Redis in a Docker container.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptions, InspectContainerOptions, InspectNetworkOptions,
    LogsOptions, RemoveContainerOptions, StartContainerOptions,
};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::key::random_text;
use crate::domain::Secret;

/// The image that is asked for.
pub const IMAGE: &str = "redis:7-alpine";

/// Redis's port in the container.
const PORT: &str = "6379/tcp";

/// How long a Docker daemon may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a Redis may take to start.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// What Redis logs when it takes connections.
const READY: &str = "Ready to accept connections";

/// A running Redis; removed with its data by [`Container::remove`].
pub struct Container {
    docker: Docker,
    id: String,
    url: Secret,
}

/// Why there is no container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    #[error("cannot reach a Docker daemon: start Docker, or use `--store embedded`")]
    NoDaemon,
    #[error("cannot start `{IMAGE}` in Docker: {0}")]
    Docker(String),
    #[error("cannot create a random password: {0}")]
    Randomness(#[from] getrandom::Error),
}

impl ContainerError {
    /// What failed, and the daemon's reason in one line.
    fn of(what: &'static str) -> impl Fn(Error) -> Self {
        move |error| {
            let text = error.to_string();
            let reason = text.lines().next().unwrap_or_default();
            Self::Docker(format!("{what}: {reason}"))
        }
    }
}

impl Container {
    /// Whether a Docker daemon answers, within 2 s.
    pub async fn daemon_answers() -> bool {
        daemon().await.is_some()
    }

    /// Starts a Redis and waits until it takes connections; pulls its image first where that is
    /// missing, which takes what it takes. To be awaited to its end: who breaks it off leaves a container behind.
    ///
    /// # Errors
    /// When no daemon answers, or the image cannot be had or started.
    pub async fn start() -> Result<Self, ContainerError> {
        let docker = daemon().await.ok_or(ContainerError::NoDaemon)?;
        // Who may reach the port may still not come in: some daemons publish it to their network.
        let password = random_text(40)?;
        let id = create(&docker, &password).await?;
        match address(&docker, &id).await {
            Ok(address) => Ok(Self {
                docker,
                id,
                url: Secret::new(format!("redis://:{password}@{address}")),
            }),
            Err(error) => {
                // The first error says more.
                let _ = remove(&docker, &id).await;
                Err(error)
            }
        }
    }

    /// Where the Redis listens, and its password.
    #[must_use]
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// Stops the container and removes it.
    ///
    /// # Errors
    /// When Docker does not.
    pub async fn remove(self) -> Result<(), ContainerError> {
        remove(&self.docker, &self.id).await
    }
}

/// A Docker daemon that answers.
async fn daemon() -> Option<Docker> {
    let docker = Docker::connect_with_defaults().ok()?;
    let answer = timeout(PING_TIMEOUT, docker.ping()).await;
    answer.is_ok_and(|answer| answer.is_ok()).then_some(docker)
}

/// Creates the container, and gives its id.
async fn create(docker: &Docker, password: &str) -> Result<String, ContainerError> {
    let by_network = is_reached_by_network();
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        exposed_ports: Some(vec![PORT.to_owned()]),
        // What is acknowledged is on disk, as with a Redis that one would rely on.
        cmd: Some(
            [
                "redis-server",
                "--requirepass",
                password,
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        host_config: Some(HostConfig {
            publish_all_ports: Some(by_network),
            port_bindings: (!by_network).then(on_loopback),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let create = || docker.create_container(None::<CreateContainerOptions>, body.clone());
    let created = match create().await {
        Err(Error::DockerResponseServerError {
            status_code: 404, ..
        }) => {
            pull(docker).await?;
            create().await
        }
        created => created,
    };
    let created = created.map_err(ContainerError::of("failed to create a container"))?;
    Ok(created.id)
}

async fn pull(docker: &Docker) -> Result<(), ContainerError> {
    let (name, tag) = IMAGE.split_once(':').unwrap_or((IMAGE, "latest"));
    let image = CreateImageOptions {
        from_image: Some(name.to_owned()),
        tag: Some(tag.to_owned()),
        ..CreateImageOptions::default()
    };
    let mut progress = std::pin::pin!(docker.create_image(Some(image), None, None));
    while let Some(step) = progress.next().await {
        step.map_err(ContainerError::of("failed to pull the image"))?;
    }
    Ok(())
}

/// Starts the container. Gives the host and port of its Redis, as soon as that takes connections.
async fn address(docker: &Docker, id: &str) -> Result<String, ContainerError> {
    docker
        .start_container(id, None::<StartContainerOptions>)
        .await
        .map_err(ContainerError::of("failed to start a container"))?;
    timeout(START_TIMEOUT, ready(docker, id))
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", START_TIMEOUT.as_secs())))
        .map_err(|reason| ContainerError::Docker(format!("Redis does not start: {reason}")))?;
    let container = docker
        .inspect_container(id, None::<InspectContainerOptions>)
        .await
        .map_err(ContainerError::of("failed to inspect a container"))?;
    let published = container
        .network_settings
        .and_then(|settings| settings.ports)
        .and_then(|mut ports| ports.remove(PORT)?)
        .unwrap_or_default();
    let port = (published.into_iter())
        // The port may be another one over IPv6.
        .find(|binding| !binding.host_ip.as_deref().unwrap_or_default().contains(':'))
        .and_then(|binding| binding.host_port)
        .ok_or_else(|| ContainerError::Docker("the port of Redis is not published".to_owned()))?;
    Ok(format!("{}:{port}", host(docker).await))
}

/// Waits until Redis logs that it takes connections.
async fn ready(docker: &Docker, id: &str) -> Result<(), String> {
    let options = LogsOptions {
        follow: true,
        stdout: true,
        stderr: true,
        tail: "all".to_owned(),
        ..LogsOptions::default()
    };
    let mut log = std::pin::pin!(docker.logs(id, Some(options)));
    let mut last = "no reason is logged".to_owned();
    while let Some(line) = log.next().await {
        let line = line.map_err(|error| error.to_string())?.to_string();
        if line.contains(READY) {
            return Ok(());
        }
        if let Some(said) = line.lines().map(str::trim).rfind(|line| !line.is_empty()) {
            last = said.to_owned();
        }
    }
    Err(last)
}

async fn remove(docker: &Docker, id: &str) -> Result<(), ContainerError> {
    let with_its_data = RemoveContainerOptions {
        v: true,
        force: true,
        ..RemoveContainerOptions::default()
    };
    match docker.remove_container(id, Some(with_its_data)).await {
        // Somebody else was faster.
        Err(Error::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(()),
        removed => removed.map_err(ContainerError::of("failed to remove a container")),
    }
}

/// The `DOCKER_HOST` of a daemon elsewhere.
fn elsewhere() -> Option<String> {
    let host = std::env::var("DOCKER_HOST").ok()?;
    (!(host.starts_with("unix:") || host.starts_with("npipe:"))).then_some(host)
}

/// Whether lamed itself runs in a container.
fn is_in_a_container() -> bool {
    Path::new("/.dockerenv").exists()
}

/// Whether the container is reached over a network: the daemon is elsewhere, or lamed itself runs in
/// a container and finds its neighbour by the bridge's address.
fn is_reached_by_network() -> bool {
    elsewhere().is_some() || is_in_a_container()
}

/// Where published ports are.
async fn host(docker: &Docker) -> String {
    if let Some(address) = elsewhere() {
        let uri = address.parse::<hyper::Uri>().ok();
        return uri
            .and_then(|uri| uri.host().map(str::to_owned))
            .unwrap_or(address);
    }
    let bridge = if is_in_a_container() {
        let bridge = docker.inspect_network("bridge", None::<InspectNetworkOptions>);
        bridge.await.ok()
    } else {
        None
    };
    bridge
        .and_then(|network| {
            network
                .ipam?
                .config?
                .into_iter()
                .find_map(|part| part.gateway)
        })
        .filter(|gateway| !gateway.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Redis's port on any free port of this machine, for this machine only.
fn on_loopback() -> HashMap<String, Option<Vec<PortBinding>>> {
    let binding = PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(String::new()),
    };
    HashMap::from([(PORT.to_owned(), Some(vec![binding]))])
}

//! A throw-away Redis in a Docker container.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::bollard::models::PortBinding;
use testcontainers::core::IntoContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ImageExt};
use testcontainers_modules::redis::Redis;
use tokio::time::timeout;

use super::key::random_text;
use crate::domain::Secret;

/// The image that is asked for.
pub const IMAGE: &str = "redis:7-alpine";

/// How long a Docker daemon may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// A running Redis; removed with its data by [`Container::remove`].
pub struct Container {
    container: ContainerAsync<Redis>,
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

impl Container {
    /// Whether a Docker daemon answers, within 2 s.
    pub async fn daemon_answers() -> bool {
        let ping = async {
            match Docker::connect_with_defaults() {
                Ok(docker) => docker.ping().await.is_ok(),
                Err(_) => false,
            }
        };
        timeout(PING_TIMEOUT, ping).await.unwrap_or(false)
    }

    /// Starts a Redis and waits until it takes connections; pulls its image first where that is
    /// missing, which takes what it takes.
    ///
    /// # Errors
    /// When no daemon answers, or the image cannot be had or started.
    pub async fn start() -> Result<Self, ContainerError> {
        if !Self::daemon_answers().await {
            return Err(ContainerError::NoDaemon);
        }
        let failed = |error: testcontainers::TestcontainersError| {
            // The causes stand in the error's text already; one line is enough.
            let text = error.to_string();
            ContainerError::Docker(text.lines().next().unwrap_or_default().to_owned())
        };
        let (_, tag) = IMAGE.split_once(':').unwrap_or((IMAGE, "latest"));
        // Who may reach the port may still not come in: some daemons publish it to their network.
        let password = random_text(40)?;
        let container = Redis::default()
            .with_tag(tag)
            .with_host_config_modifier(|host| {
                if !is_reached_by_network() {
                    host.publish_all_ports = Some(false);
                    host.port_bindings = Some(on_loopback());
                }
            })
            // What is acknowledged is on disk, as with a Redis that one would rely on.
            .with_cmd([
                "redis-server",
                "--requirepass",
                &password,
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ])
            .start()
            .await
            .map_err(failed)?;
        let host = container.get_host().await.map_err(failed)?;
        let port = (container.get_host_port_ipv4(6379.tcp()).await).map_err(failed)?;
        Ok(Self {
            container,
            url: Secret::new(format!("redis://:{password}@{host}:{port}")),
        })
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
        match self.container.rm().await {
            // Somebody else was faster.
            Err(error) if error.to_string().contains("No such container") => Ok(()),
            Err(error) => Err(ContainerError::Docker(error.to_string())),
            Ok(()) => Ok(()),
        }
    }
}

/// Whether the container is reached over a network: the daemon is elsewhere, or lamed itself runs in
/// a container (told as testcontainers tells it) and finds its neighbour by the bridge's address.
fn is_reached_by_network() -> bool {
    let elsewhere = std::env::var("DOCKER_HOST")
        .is_ok_and(|host| !(host.starts_with("unix:") || host.starts_with("npipe:")));
    elsewhere || Path::new("/.dockerenv").exists()
}

/// Redis's port on any free port of this machine, for this machine only.
fn on_loopback() -> HashMap<String, Option<Vec<PortBinding>>> {
    let binding = PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(String::new()),
    };
    HashMap::from([("6379/tcp".to_owned(), Some(vec![binding]))])
}

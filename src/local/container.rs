//! A throw-away Redis in a Docker container.

use std::time::Duration;

use testcontainers::bollard::Docker;
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
    #[error("no Docker daemon answers: start one, or choose `--store embedded`")]
    NoDaemon,
    #[error("Docker gives no {IMAGE}: {0}")]
    Docker(String),
    #[error("no randomness for its password: {0}")]
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
        // Docker publishes the port to the whole network, so not everybody may come in.
        let password = random_text(40)?;
        let container = Redis::default()
            .with_tag(tag)
            .with_cmd(["redis-server", "--requirepass", &password])
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
        self.container
            .rm()
            .await
            .map_err(|error| ContainerError::Docker(error.to_string()))
    }
}

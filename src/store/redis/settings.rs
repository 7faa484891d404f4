//! How to reach a Redis.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ::redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
};

use super::slots::Address;
use crate::domain::Secret;
use crate::store::{Counting, DEFAULT_TIMEOUT, StoreError};

/// A text that is no URL of a Redis.
#[derive(Debug, thiserror::Error)]
#[error("not a Redis URL: expected redis://HOST:PORT/DB, or rediss://HOST:PORT/DB for TLS")]
pub struct NotARedisUrl;

/// Where Redis listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    Tcp {
        host: String,
        port: u16,
        tls: Option<Tls>,
    },
    Unix(PathBuf),
}

/// Certificates or a key in the PEM format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pem {
    /// In this file, read when the connection's client is made.
    File(PathBuf),
    /// The text itself: where the file cannot be, in a Lambda function.
    Text(Secret),
}

impl Pem {
    /// The text. The error names the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> Result<Secret, UnreadablePem> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => {
                (std::fs::read_to_string(path).map(Secret::new)).map_err(|error| UnreadablePem {
                    path: path.clone(),
                    error,
                })
            }
        }
    }
}

/// A PEM file that is missing or no text.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {error}", path.display())]
pub struct UnreadablePem {
    path: PathBuf,
    error: std::io::Error,
}

/// How TLS is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities to trust instead of the system's.
    pub ca: Option<Pem>,
    /// A client certificate and its key.
    pub client: Option<(Pem, Pem)>,
    /// Accept any certificate (redis-py's `ssl_cert_reqs: none`).
    pub accept_any: bool,
    /// Accept a valid certificate of another host name (redis-py's `ssl_check_hostname: false`).
    pub any_host_name: bool,
}

/// Everything a [`super::RedisStore`] has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    pub server: Server,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub db: i64,
    /// Whether the server is one node of a Redis Cluster, which tells of the others.
    pub cluster: bool,
    /// Hosts and ports of other nodes of the cluster, any of which will do to begin with.
    pub nodes: Vec<(String, u16)>,
    pub counting: Counting,
    /// For each call in all: connecting, the attempt and one more.
    pub timeout: Duration,
}

impl RedisSettings {
    /// That server, without a password, that counts as lamed does by default.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self {
            server,
            username: None,
            password: None,
            db: 0,
            cluster: false,
            nodes: Vec::new(),
            counting: Counting::default(),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Reads `redis://[user:password@]host[:port][/db]`, `rediss://…` (TLS) or
    /// `redis+unix:///path[?db=…&user=…&pass=…]`.
    ///
    /// # Errors
    /// When it is none of these. The error does not repeat the URL, which may hold a password.
    pub fn from_url(url: &str) -> Result<Self, NotARedisUrl> {
        let info = url.into_connection_info().map_err(|_| NotARedisUrl)?;
        let server = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Server::Tcp {
                host: host.clone(),
                port: *port,
                tls: None,
            },
            ConnectionAddr::TcpTls {
                host,
                port,
                insecure,
                ..
            } => Server::Tcp {
                host: host.clone(),
                port: *port,
                tls: Some(Tls {
                    accept_any: *insecure,
                    ..Tls::default()
                }),
            },
            ConnectionAddr::Unix(path) => Server::Unix(path.clone()),
            _ => return Err(NotARedisUrl),
        };
        let redis = info.redis_settings();
        Ok(Self {
            username: redis.username().map(str::to_owned),
            password: redis.password().map(Secret::new),
            db: redis.db(),
            ..Self::new(server)
        })
    }

    /// The client of the one server; connects nowhere yet.
    pub(super) fn client(&self) -> Result<Client, StoreError> {
        let failed = |error: RedisError| StoreError::Failed(format!("{self}: {error}"));
        let (info, certificates) = self.connection_info()?;
        let client = match certificates {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        };
        if self.any_host_name() {
            client.and_then(any_host_name).map_err(failed)
        } else {
            client.map_err(failed)
        }
    }

    /// The servers by which a cluster is found.
    pub(super) fn seeds(&self) -> Vec<Address> {
        match &self.server {
            Server::Unix(_) => Vec::new(),
            Server::Tcp { host, port, .. } => std::iter::once((host.clone(), *port))
                .chain(self.nodes.iter().cloned())
                .collect(),
        }
    }

    /// The same for another node of the cluster.
    pub(super) fn at(&self, (host, port): &Address) -> Self {
        let server = match &self.server {
            Server::Unix(path) => Server::Unix(path.clone()),
            Server::Tcp { tls, .. } => Server::Tcp {
                host: host.clone(),
                port: *port,
                tls: tls.clone(),
            },
        };
        Self {
            server,
            nodes: Vec::new(),
            ..self.clone()
        }
    }

    fn any_host_name(&self) -> bool {
        matches!(&self.server, Server::Tcp { tls: Some(tls), .. } if tls.any_host_name)
    }

    fn connection_info(&self) -> Result<(ConnectionInfo, Option<TlsCertificates>), StoreError> {
        let failed = |what: String| StoreError::Failed(format!("{self}: {what}"));
        let mut redis = RedisConnectionInfo::default().set_db(self.db);
        if let Some(username) = &self.username {
            redis = redis.set_username(username);
        }
        if let Some(password) = &self.password {
            redis = redis.set_password(password.reveal());
        }
        let (address, certificates) = self.address().map_err(failed)?;
        let info = (address.into_connection_info())
            .map_err(|error| failed(error.to_string()))?
            .set_redis_settings(redis);
        Ok((info, certificates))
    }

    fn address(&self) -> Result<(ConnectionAddr, Option<TlsCertificates>), String> {
        let read = |pem: &Pem| {
            let text = pem.read().map_err(|error| error.to_string())?;
            Ok::<_, String>(text.reveal().into())
        };
        Ok(match &self.server {
            Server::Unix(path) => (ConnectionAddr::Unix(path.clone()), None),
            Server::Tcp {
                host,
                port,
                tls: None,
            } => (ConnectionAddr::Tcp(host.clone(), *port), None),
            Server::Tcp {
                host,
                port,
                tls: Some(tls),
            } => {
                let address = ConnectionAddr::TcpTls {
                    host: host.clone(),
                    port: *port,
                    insecure: tls.accept_any,
                    tls_params: None,
                };
                let root_cert = tls.ca.as_ref().map(read).transpose()?;
                let client_tls = match &tls.client {
                    None => None,
                    Some((certificate, key)) => Some(ClientTlsConfig {
                        client_cert: read(certificate)?,
                        client_key: read(key)?,
                    }),
                };
                let own = root_cert.is_some() || client_tls.is_some();
                let certificates = TlsCertificates {
                    client_tls,
                    root_cert,
                };
                (address, own.then_some(certificates))
            }
        })
    }
}

/// The same client, less strict.
fn any_host_name(client: Client) -> RedisResult<Client> {
    let info = client.get_connection_info().clone();
    let mut address = info.addr().clone();
    address.set_danger_accept_invalid_hostnames(true);
    Client::open(info.set_addr(address))
}

/// The address without any secret: `redis://host:6379/0`.
impl fmt::Display for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Server::Tcp { host, port, tls } => {
                let scheme = if tls.is_some() { "rediss" } else { "redis" };
                write!(f, "{scheme}://{host}:{port}")?;
                for (host, port) in &self.nodes {
                    write!(f, ",{host}:{port}")?;
                }
                write!(f, "/{}", self.db)
            }
            Server::Unix(path) => write!(f, "redis+unix://{}?db={}", path.display(), self.db),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown_without_their_password() {
        for (url, shown) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            (
                "rediss://:s3cret@cache.example:6380/2",
                "rediss://cache.example:6380/2",
            ),
            (
                "redis+unix:///run/redis.sock?db=3",
                "redis+unix:///run/redis.sock?db=3",
            ),
        ] {
            let settings = RedisSettings::from_url(url).unwrap();
            assert_eq!(settings.to_string(), shown);
            assert!(!format!("{settings:?}").contains("s3cret"));
        }
        for wrong in [
            "http://u:s3cret@x",
            "redis://u:s3cret@h:port",
            "redis://",
            "x",
        ] {
            assert!(RedisSettings::from_url(wrong).is_err(), "{wrong}");
        }
    }
}

//! Why a Redis does not let lamed count, and what to do about it.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::store::{Facts, NoFacts, RedisSettings, RedisStore, Server, Tls};

/// Where the settings were written, and are to be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `redis` in the config.
    Config,
    /// The URL of `--store`.
    Url,
}

/// Why a Redis says nothing of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Unreachable(String),
    /// It wants another user or password.
    Refused(String),
    /// Its certificate is not to be trusted, for this reason.
    Distrusted(String),
    /// It speaks TLS, and lamed did not.
    WantsTls,
    /// lamed spoke TLS, and it does not.
    SpeaksNoTls,
}

/// Asks the Redis about itself. Where it cannot be reached, or takes its time, the other way is tried,
/// with or without TLS, to tell which of both it is; without the password.
pub(super) async fn ask(settings: &RedisSettings) -> Result<Facts, Trouble> {
    const CERTIFICATE: &str = "invalid peer certificate: ";
    // Of two that are silent neither takes longer than the whole.
    let half = settings.timeout / 2;
    let mut asked = pin!(facts(settings));
    let (answer, tried) = match timeout(half, &mut asked).await {
        Ok(answer) => (answer, None),
        Err(_) => {
            let (answer, trouble) = tokio::join!(asked, try_other_way(settings, half));
            (answer, Some(trouble))
        }
    };
    let reason = match answer {
        Ok(facts) => return Ok(facts),
        Err(NoFacts::Refused(reason)) => return Err(Trouble::Refused(reason)),
        Err(NoFacts::Unreachable(reason)) => reason,
    };
    if let Some((_, reason)) = reason.split_once(CERTIFICATE) {
        return Err(Trouble::Distrusted(reason.to_owned()));
    }
    let trouble = match tried {
        Some(trouble) => trouble,
        None => try_other_way(settings, half).await,
    };
    Err(trouble.unwrap_or(Trouble::Unreachable(reason)))
}

async fn facts(settings: &RedisSettings) -> Result<Facts, NoFacts> {
    match RedisStore::new(settings) {
        Ok(store) => store.facts().await,
        Err(error) => Err(NoFacts::Unreachable(error.to_string())),
    }
}

/// Tries the same server with TLS where there was none, without it where there was: the trouble if it
/// answers.
async fn try_other_way(settings: &RedisSettings, timeout: Duration) -> Option<Trouble> {
    let Server::Tcp { host, port, tls } = &settings.server else {
        return None;
    };
    let (tls, trouble) = match tls {
        Some(_) => (None, Trouble::SpeaksNoTls),
        None => {
            let any = Tls {
                accept_any: true,
                ..Tls::default()
            };
            (Some(any), Trouble::WantsTls)
        }
    };
    let server = Server::Tcp {
        host: host.clone(),
        port: *port,
        tls,
    };
    let other = RedisSettings {
        timeout,
        ..RedisSettings::new(server)
    };
    let is_silent = matches!(facts(&other).await, Err(NoFacts::Unreachable(_)));
    (!is_silent).then_some(trouble)
}

impl Trouble {
    /// What is wrong.
    pub(super) fn found(&self, settings: &RedisSettings) -> String {
        match self {
            Self::Unreachable(reason) | Self::Refused(reason) => reason.clone(),
            Self::Distrusted(reason) if reason == "UnknownIssuer" => {
                format!("cannot trust the certificate of {settings}: unknown certificate authority")
            }
            Self::Distrusted(reason) => {
                format!("cannot trust the certificate of {settings}: {reason}")
            }
            Self::WantsTls => format!("{settings} accepts only TLS"),
            Self::SpeaksNoTls => format!("{settings} does not support TLS"),
        }
    }

    /// What to do about it.
    pub(super) fn remedy(&self, origin: Origin) -> &'static str {
        let (in_config, in_url) = match self {
            Self::Unreachable(_) => (
                "make sure that it runs and accepts connections, or correct `redis` in the config",
                "make sure that it runs and accepts connections, or correct its URL",
            ),
            Self::Refused(_) => (
                "correct `password`, and `username` if set, under `redis` in the config",
                "correct the user and the password in its URL",
            ),
            Self::Distrusted(reason) if reason == "UnknownIssuer" => (
                "set `ssl_ca_certs` under `redis` in the config to the file of its certificate authority",
                "put this Redis into the config, set `ssl_ca_certs` to the file of its certificate \
                 authority, and use `--store config`",
            ),
            Self::Distrusted(_) => (
                "correct `host` under `redis` in the config, or change the certificate of the Redis",
                "correct the host in its URL, or change the certificate of the Redis",
            ),
            Self::WantsTls => (
                "set `\"ssl\": true` under `redis` in the config, or begin `url` with `rediss://`",
                "begin its URL with `rediss://`",
            ),
            Self::SpeaksNoTls => (
                "correct `port` or remove `ssl` under `redis` in the config, or begin `url` with `redis://`",
                "correct the port in its URL, or begin the URL with `redis://`",
            ),
        };
        match origin {
            Origin::Config => in_config,
            Origin::Url => in_url,
        }
    }
}

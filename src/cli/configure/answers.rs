//! What the wizard asks for: as the config says it, and back into the config.

use serde_json::{Value, json};

use crate::config::Document;
use crate::domain::Secret;
use crate::store::{Dedupe, RedisSettings, Server};

const DAY: u64 = 24 * 60 * 60;

/// The answers, or what a config says in their place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answers {
    /// A name, an address, or the path of a socket.
    pub host: String,
    /// As it was written.
    pub port: String,
    pub tls: bool,
    pub user: String,
    pub password: Password,
    pub expiry: Expiry,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Password {
    /// Whatever the config says stays.
    Kept,
    None,
    New(Secret),
}

/// For how long an event is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    Seconds(u64),
    ForEver,
}

impl Expiry {
    /// Reads `30d`, `12h`, `90m`, `3600s`, `3600` or `for ever`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.replace(' ', "") == "forever" {
            return Ok(Self::ForEver);
        }
        let number = text.trim_end_matches(|character: char| !character.is_ascii_digit());
        let unit = match text[number.len()..].trim() {
            "" | "s" => Some(1),
            "m" => Some(60),
            "h" => Some(60 * 60),
            "d" => Some(DAY),
            _ => None,
        };
        let number = number.parse::<u64>().ok();
        (number
            .zip(unit)
            .and_then(|(number, unit)| number.checked_mul(unit)))
        .map(Self::Seconds)
        .ok_or_else(|| "expected a time such as 30d, 12h or 3600s, or forever".to_owned())
    }

    pub(super) fn value(self) -> Value {
        match self {
            Self::Seconds(seconds) => json!(seconds),
            Self::ForEver => Value::Null,
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Self::ForEver => "forever".to_owned(),
            Self::Seconds(seconds) if seconds > 0 && seconds % DAY == 0 => {
                format!("{}d", seconds / DAY)
            }
            Self::Seconds(seconds) => format!("{seconds}s"),
        }
    }
}

impl Answers {
    /// What a config says, with lamed's defaults where it says nothing.
    pub(super) fn of(config: &Document) -> Self {
        let config = config.value();
        let redis = &config["redis"];
        let text = |key: &str| match &redis[key] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let expiry = match config.get("uuid_expiry_seconds") {
            Some(Value::Null) => Some(Expiry::ForEver),
            Some(Value::String(text)) => Expiry::parse(text).ok(),
            Some(number) => number.as_u64().map(Expiry::Seconds),
            None => None,
        };
        let dedupe = match config["dedupe"].as_str() {
            Some("flags") => Dedupe::Flags,
            _ => Dedupe::Compact,
        };
        let first = first_node(&config);
        let (host, port, tls) = match by_url(&config).map(|settings| settings.server) {
            Some(Server::Tcp { host, port, tls }) => (host, port.to_string(), tls.is_some()),
            Some(Server::Unix(path)) => (path.display().to_string(), String::new(), false),
            None => (
                (text("unix_socket_path").or_else(|| text("host")))
                    .or_else(|| first.as_ref().map(|(host, _)| host.clone()))
                    .unwrap_or_else(|| "localhost".to_owned()),
                (text("port").or_else(|| first.map(|(_, port)| port))).unwrap_or_default(),
                // Python takes numbers for them, too.
                !matches!(redis["ssl"].as_u64(), None | Some(0)) || redis["ssl"] == true,
            ),
        };
        let user = text("username").filter(|user| !user.is_empty());
        let by_url = by_url(&config);
        Self {
            host,
            port: if port.is_empty() {
                "6379".to_owned()
            } else {
                port
            },
            tls,
            user: user
                .or_else(|| by_url.and_then(|settings| settings.username))
                .unwrap_or_default(),
            password: Password::Kept,
            expiry: expiry.unwrap_or(Expiry::Seconds(dedupe.default_window().as_secs())),
        }
    }

    /// Whether a config names a password.
    pub(super) fn has_password(config: &Document) -> bool {
        let config = config.value();
        match &config["redis"]["password"] {
            Value::String(password) if password.is_empty() => by_url(&config)
                .and_then(|settings| settings.password)
                .is_some(),
            Value::Null => (by_url(&config).and_then(|settings| settings.password)).is_some(),
            _ => true,
        }
    }

    pub(super) fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// Puts into the config what differs from what it says.
    pub(super) fn put_into(&self, config: &mut Document) {
        let before = Self::of(config);
        let redis = Self {
            expiry: before.expiry,
            ..self.clone()
        };
        if redis != before {
            split_url(config);
            self.put_redis_into(config, &before);
        }
        if self.expiry != before.expiry {
            config.set(&["uuid_expiry_seconds"], &self.expiry.value());
        }
    }

    fn put_redis_into(&self, config: &mut Document, before: &Self) {
        if self.is_socket() {
            for key in ["host", "port", "ssl"] {
                config.remove(&["redis", key]);
            }
            config.set(&["redis", "unix_socket_path"], &json!(self.host));
        } else {
            config.remove(&["redis", "unix_socket_path"]);
            let port: Option<u16> = self.port.trim().parse().ok();
            for (key, value, changed) in [
                ("host", json!(self.host), self.host != before.host),
                ("port", json!(port), self.port != before.port),
                ("ssl", json!(self.tls), self.tls != before.tls),
            ] {
                if changed {
                    config.set(&["redis", key], &value);
                }
            }
        }
        if self.user != before.user {
            match self.user.as_str() {
                "" => config.remove(&["redis", "username"]),
                user => config.set(&["redis", "username"], &json!(user)),
            }
        }
        match &self.password {
            Password::Kept => {}
            Password::None => config.remove(&["redis", "password"]),
            Password::New(password) => {
                config.set(&["redis", "password"], &json!(password.reveal()));
            }
        }
    }
}

/// Where the config names its Redis by a URL.
fn by_url(config: &Value) -> Option<RedisSettings> {
    RedisSettings::from_url(config["redis"]["url"].as_str()?).ok()
}

/// The first of the nodes of a cluster, by its host and port.
fn first_node(config: &Value) -> Option<(String, String)> {
    let (host, port) = config["redis"]["nodes"][0].as_str()?.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    Some((host.to_owned(), port.to_owned()))
}

/// Puts what a URL says into keys of their own, of which single ones can be changed.
fn split_url(config: &mut Document) {
    let value = config.value();
    let redis = |key: &str| &value["redis"][key];
    if let Some((host, port)) = first_node(&value) {
        config.remove(&["redis", "nodes"]);
        config.set(&["redis", "host"], &json!(host));
        if let Ok(port) = port.parse::<u16>() {
            config.set(&["redis", "port"], &json!(port));
        }
        config.set(&["redis", "cluster"], &json!(true));
    }
    let Some(settings) = by_url(&value) else {
        // One that is none says nothing.
        if !redis("url").is_null() {
            config.remove(&["redis", "url"]);
        }
        return;
    };
    match &settings.server {
        Server::Unix(path) => config.set(&["redis", "unix_socket_path"], &json!(path)),
        Server::Tcp { host, port, tls } => {
            config.set(&["redis", "host"], &json!(host));
            config.set(&["redis", "port"], &json!(port));
            config.set(&["redis", "ssl"], &json!(tls.is_some()));
            if tls.as_ref().is_some_and(|tls| tls.accept_any) {
                config.set(&["redis", "ssl_cert_reqs"], &json!("none"));
            }
        }
    }
    let given = |key: &str| !matches!(redis(key), Value::Null) && redis(key) != "";
    if settings.db != 0 && !given("db") {
        config.set(&["redis", "db"], &json!(settings.db));
    }
    if let Some(username) = &settings.username
        && !given("username")
    {
        config.set(&["redis", "username"], &json!(username));
    }
    if let Some(password) = &settings.password
        && !given("password")
    {
        config.set(&["redis", "password"], &json!(password.reveal()));
    }
    config.remove(&["redis", "url"]);
}

//! `--store`: where `lamed serve` counts.

use std::path::PathBuf;
use std::sync::Arc;

use super::printer::Printer;
use super::{CliError, Context, table};
use crate::config::{Config, nearest};
use crate::domain::Name;
use crate::preflight::{Origin, try_out};
use crate::server::{Container, IMAGE};
use crate::store::{DynamoDbSettings, Location, RedisSettings, RedisStore, SqliteStore, Store};

/// What `--store` means.
pub(super) enum Choice {
    /// A Redis in a container where Docker answers, else embedded.
    Auto,
    Docker,
    Embedded(Location),
    Redis(Box<RedisSettings>),
    /// A table of this name.
    DynamoDb(String),
    /// The Redis of the config file.
    Config,
}

impl Choice {
    /// Reads the text, without repeating it in an error: it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, CliError> {
        let wrong = |why: &str| Err(CliError::usage(format!("`--store`: {why}")));
        match text {
            "auto" => Ok(Self::Auto),
            "docker" => Ok(Self::Docker),
            "embedded" => Ok(Self::Embedded(Location::Memory)),
            "config" => Ok(Self::Config),
            "embedded:" => wrong("missing file name after `embedded:`"),
            "dynamodb" | "dynamodb:" => wrong("missing table name: use `dynamodb:TABLE`"),
            _ if let Some(table) = text.strip_prefix("dynamodb:") => {
                match DynamoDbSettings::is_table_name(table) {
                    true => Ok(Self::DynamoDb(table.to_owned())),
                    false => wrong(&format!(
                        "`{table}` is not the name of a DynamoDB table: expected 3 to 255 letters, digits, `_`, `.` or `-`"
                    )),
                }
            }
            _ => match text.strip_prefix("embedded:") {
                Some(file) => Ok(Self::Embedded(Location::File(PathBuf::from(file)))),
                None if text.contains("://") => match RedisSettings::from_url(text) {
                    Ok(settings) => Ok(Self::Redis(Box::new(settings))),
                    Err(error) => wrong(&error.to_string()),
                },
                None => wrong(&unknown(text)),
            },
        }
    }

    /// Opens the store, and makes sure that it answers.
    pub(super) async fn open(self, context: &Context, config: &Config) -> Result<Opened, CliError> {
        let printer = context.printer;
        match self {
            Self::DynamoDb(table) => open_dynamodb(context, config, &table).await,
            Self::Embedded(location) => open_embedded(location, config),
            Self::Redis(mut settings) => {
                settings.counting = config.counting;
                open_redis(&settings, &config.namespace, Origin::Url).await
            }
            Self::Config => match &config.redis {
                Some(settings) => open_redis(settings, &config.namespace, Origin::Config).await,
                None => Err(CliError::usage(
                    "no Redis is configured: run `lamed configure`, or use another store, for example `--store embedded:lamed.db`",
                )),
            },
            Self::Docker => open_container(config).await.map_err(CliError::failed),
            Self::Auto => {
                if !Container::daemon_answers().await {
                    return open_embedded(Location::Memory, config);
                }
                printer.talk(&format!(
                    "Docker is running: starting a Redis container from `{IMAGE}`"
                ));
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
}

/// What to say of a text that names no store.
fn unknown(text: &str) -> String {
    let (kind, file) = match text.split_once(':') {
        Some((kind, _)) => (kind, ":FILE"),
        None => (text, ""),
    };
    match nearest(kind, ["auto", "docker", "embedded", "dynamodb", "config"]) {
        Some(name @ "embedded") => format!("unknown store: did you mean `{name}{file}`?"),
        Some("dynamodb") => "unknown store: did you mean `dynamodb:TABLE`?".to_owned(),
        Some(name) => format!("unknown store: did you mean `{name}`?"),
        None => {
            "unknown store: expected auto, docker, embedded, embedded:FILE, dynamodb:TABLE, redis://… or config"
                .to_owned()
        }
    }
}

/// An open store, and what to say of it.
pub(super) struct Opened {
    pub store: Arc<dyn Store>,
    /// For programs: `embedded`, `embedded:FILE`, `dynamodb:TABLE`, `docker:URL` or a Redis URL.
    pub name: String,
    /// For people: "counts in …".
    pub place: String,
    /// Whether its counts are gone when the server stops.
    pub fleeting: bool,
    container: Option<Container>,
}

impl Opened {
    /// SQLite in memory.
    pub(super) fn in_memory(store: SqliteStore) -> Self {
        Self {
            store: Arc::new(store),
            container: None,
            name: "embedded".to_owned(),
            place: "memory".to_owned(),
            fleeting: true,
        }
    }

    /// Removes what was started for it.
    pub(super) async fn close(self, printer: Printer) {
        if let Some(container) = self.container
            && let Err(error) = container.remove().await
        {
            printer.warn(&format!("cannot remove the container: {error}"));
        }
    }
}

fn open_embedded(location: Location, config: &Config) -> Result<Opened, CliError> {
    if let Location::File(path) = &location
        && let Some(folder) = path.parent()
        && !(folder.as_os_str().is_empty() || folder.is_dir())
    {
        return Err(CliError::failed(format!(
            "cannot open the store: the folder `{}` does not exist",
            folder.display()
        )));
    }
    let store = SqliteStore::open(&location, config.counting)
        .map_err(|error| CliError::failed(format!("cannot open the store: {error}")))?;
    let opened = Opened::in_memory(store);
    Ok(match &location {
        Location::Memory => opened,
        Location::File(path) => Opened {
            name: format!("embedded:{}", path.display()),
            place: format!("the file `{}`", path.display()),
            fleeting: false,
            ..opened
        },
    })
}

async fn open_dynamodb(
    context: &Context,
    config: &Config,
    table: &str,
) -> Result<Opened, CliError> {
    let (store, settings) = table::open(context, config, table).await?;
    Ok(Opened {
        store: Arc::new(store),
        container: None,
        name: format!("dynamodb:{table}"),
        place: settings.to_string(),
        fleeting: false,
    })
}

async fn open_redis(
    settings: &RedisSettings,
    namespace: &Name,
    origin: Origin,
) -> Result<Opened, CliError> {
    let cannot = |reason: String| CliError::failed(format!("cannot use the Redis: {reason}"));
    let store = RedisStore::new(settings).map_err(|error| cannot(error.to_string()))?;
    if let Err(error) = store.ping().await {
        // Which of them it is, and what to do.
        let reason = try_out(settings, origin).await.err();
        return Err(cannot(reason.unwrap_or_else(|| error.to_string())));
    }
    if let Ok(health) = store.health(namespace).await
        && let Some(reason) = health.unready()
    {
        return Err(cannot(format!(
            "{reason}: allow it for the user; docs/redis.md lists the permissions that lamed needs"
        )));
    }
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
    let mut settings =
        RedisSettings::from_url(container.url().reveal()).map_err(|error| error.to_string())?;
    settings.counting = config.counting;
    let opened = open_redis(&settings, &config.namespace, Origin::Url)
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

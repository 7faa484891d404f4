//! File and environment → settings. Every config file of Python lamed works unchanged.

mod aws;
mod edit;
mod error;
mod experiments;
mod file;
mod nearest;
mod redis;
mod schema;
mod value;
mod verbs;
mod wiring;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

pub use self::aws::{Architecture, Aws, Counts, DeploymentName, FrontDoor, Throttle, Vpc};
pub use self::edit::Document;
pub use self::error::ConfigError;
use self::file::File;
pub use self::nearest::nearest;
pub use self::schema::schema;
pub use self::verbs::{New, NoChange, Verb};
pub use self::wiring::Wired;
use crate::domain::{Accept, Declared, Experiments, Name};
use crate::http::BrowserClient;
use crate::store::{Counting, RedisSettings};

/// The environment variables that lamed reads.
pub mod environment {
    /// The config file.
    pub const CONFIG: &str = "LAMED_CONFIG";
    /// The API key for reading and deleting.
    pub const API_KEY: &str = "LAMED_API_KEY";
}

/// The namespace where none is named, as AlephBet and Python lamed have it.
pub const DEFAULT_NAMESPACE: &str = "alephbet";

/// The file in the working directory, and in `~/.lamed`.
const FILE_NAME: &str = "config.json";

/// The settings, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub redis: Option<RedisSettings>,
    pub namespace: Name,
    /// How events are counted, in any store.
    pub counting: Counting,
    /// The experiments declared, in natural order.
    pub experiments: Vec<Declared>,
    /// Which events are counted.
    pub accept: Accept,
    /// Whether events of known crawlers are not counted.
    pub ignore_bots: bool,
    /// What `extra_wiring` adds to the API.
    pub wiring: Vec<Wired>,
    /// What is to be deployed, and how.
    pub aws: Aws,
    /// What the file says and lamed does not do.
    pub warnings: Vec<String>,
}

/// What holds where there is no file.
impl Default for Config {
    fn default() -> Self {
        Self {
            redis: None,
            namespace: Name::stored(DEFAULT_NAMESPACE.to_owned()),
            counting: Counting::default(),
            experiments: Vec::new(),
            accept: Accept::Any,
            ignore_bots: true,
            wiring: Vec::new(),
            aws: Aws::default(),
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// Loads the file that [`locate`] finds; the defaults where there is none.
    ///
    /// # Errors
    /// When a file was named and cannot be read, or the file is not a config file.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        match locate(named) {
            Location::Found(path) => Self::read(&path),
            Location::Missing(path) if named.is_some() || named_by_environment().is_some() => {
                Err(ConfigError::missing(&path))
            }
            Location::Missing(_) => Ok(Self::default()),
        }
    }

    /// Reads a config file.
    ///
    /// # Errors
    /// When it cannot be read, or is not a config file: with line and column.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        let mut config = Self::parse(path, &text)?;
        let has_password = (config.redis.as_ref()).is_some_and(|redis| redis.password.is_some());
        if has_password && is_readable_by_all(path) {
            let path = path.display();
            config.warnings.push(format!(
                "every user of this machine can read `{path}`, which holds a password: run `chmod 600 {path}`"
            ));
        }
        Ok(config)
    }

    /// Reads the text of a config file; `path` is for messages.
    ///
    /// # Errors
    /// When it is not a config file: with line and column.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        // Some editors put a byte order mark first.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match text.trim_start().chars().next() {
            None => return Err(ConfigError::empty(path)),
            Some('{') => {}
            // Anything else might hold a password: not a word of it in the message.
            Some(_) => return Err(ConfigError::no_object(path)),
        }
        let file: File =
            serde_json::from_str(text).map_err(|error| ConfigError::malformed(path, &error))?;
        let config = Self::from(file);
        match config
            .experiments
            .iter()
            .find(|declared| declared.variants.is_empty())
        {
            Some(declared) if config.accept == Accept::Declared => {
                Err(ConfigError::no_variants(path, &declared.name))
            }
            _ => Ok(config),
        }
    }

    /// What is declared, for the handler.
    #[must_use]
    pub fn experiments(&self) -> Experiments {
        Experiments::new(
            self.namespace.clone(),
            self.experiments.clone(),
            self.accept,
        )
    }

    /// The browser client with the declared experiments.
    #[must_use]
    pub fn browser_client(&self) -> BrowserClient {
        BrowserClient::new(&self.namespace, self.counting.window, &self.experiments)
    }

    /// The same config, with an example where it declares nothing.
    #[must_use]
    pub fn or_example(mut self) -> Self {
        if self.experiments.is_empty() {
            self.experiments.push(Declared::example());
        }
        self
    }

    /// The declaration of an experiment.
    #[must_use]
    pub fn declared(&self, experiment: &str) -> Option<&Declared> {
        (self.experiments.iter()).find(|declared| declared.name.as_str() == experiment)
    }
}

/// Where the config file is, or should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    Found(PathBuf),
    /// There is none; this is where one would be made.
    Missing(PathBuf),
}

/// Finds the config file: `named`, else `$LAMED_CONFIG`, else `./config.json`, else
/// `~/.lamed/config.json`.
#[must_use]
pub fn locate(named: Option<&Path>) -> Location {
    if let Some(path) = (named.map(Path::to_owned)).or_else(named_by_environment) {
        return if path.exists() {
            Location::Found(path)
        } else {
            Location::Missing(path)
        };
    }
    let here = PathBuf::from(FILE_NAME);
    let at_home = home().map(|home| home.join(FILE_NAME));
    match at_home {
        _ if here.exists() => Location::Found(here),
        Some(path) if path.exists() => Location::Found(path),
        Some(path) => Location::Missing(path),
        None => Location::Missing(here),
    }
}

/// Whether every user may read the file: its mode says so, and that of each folder above lets them pass.
#[cfg(unix)]
fn is_readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let allows = |path: &Path, bit: u32| {
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & bit != 0)
    };
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    allows(&path, 0o004) && path.ancestors().skip(1).all(|folder| allows(folder, 0o001))
}

/// Elsewhere a home is for its user alone.
#[cfg(not(unix))]
fn is_readable_by_all(_: &Path) -> bool {
    false
}

fn named_by_environment() -> Option<PathBuf> {
    (env::var_os(environment::CONFIG).filter(|path| !path.is_empty())).map(PathBuf::from)
}

/// The folder `~/.lamed`, where there is a home.
#[must_use]
pub fn home() -> Option<PathBuf> {
    env::home_dir().map(|home| home.join(".lamed"))
}

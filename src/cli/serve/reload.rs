//! The config file of a running server: what has changed in it is taken, whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Args, rules};
use crate::cli::endpoint::Endpoint;
use crate::cli::printer::Printer;
use crate::cli::{Context, snippet};
use crate::config::Config;
use crate::domain::{Declared, Name};
use crate::http::{Api, Run};
use crate::store::{CountLimits, Counting};

/// The content is looked at, and not the events of the file system: those are lost on network drives and on
/// what is mounted into a container.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who writes in place is not done between two reads so far apart.
const SETTLED: Duration = Duration::from_millis(20);

/// Follows the config file of a server.
pub(super) struct Reload {
    path: PathBuf,
    /// What the command line says goes before the file.
    namespace: Option<Name>,
    /// As the server was started: what is not taken while it runs. Without the Redis where it counts elsewhere.
    started: Config,
    /// As it is now.
    present: Config,
    /// The keys of which the log says already that they need a restart.
    told: Vec<&'static str>,
    seen: Content,
    refused: watch::Sender<bool>,
    pasted: Pasted,
}

/// The HTML that the dashboard offers for pages: that of the present config.
pub(super) struct Pasted {
    pub(super) api: Endpoint,
    html: watch::Sender<String>,
}

impl Pasted {
    pub(super) fn new(api: Endpoint, config: &Config) -> Self {
        let html = watch::Sender::new(snippet::html(&api, config));
        Self { api, html }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<String> {
        self.html.subscribe()
    }

    /// `started` says where the script is, as that does not change while the server runs.
    fn follow(&self, config: &Config, started: &Config) {
        let mut config = config.clone();
        config.wiring.clone_from(&started.wiring);
        self.html.send_replace(snippet::html(&self.api, &config));
    }
}

/// What stands in the file, or why that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Text(Vec<u8>),
    None(io::ErrorKind, String),
}

impl Content {
    pub(super) fn read(path: &Path) -> Self {
        match fs::read(path) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::None(error.kind(), error.to_string()),
        }
    }
}

/// Why a content is not taken.
enum Refusal {
    /// It never will be.
    Wrong(String),
    /// The store cannot be asked now.
    Later(String),
}

impl Reload {
    /// `seen` was read before the config was: what changed since is taken at the first look.
    pub(super) fn new(
        context: &Context,
        path: PathBuf,
        seen: Content,
        config: &Config,
        uses_redis: bool,
        pasted: Pasted,
    ) -> Self {
        let mut started = config.clone();
        started.redis.take_if(|_| !uses_redis);
        Self {
            seen,
            path,
            namespace: context.namespace.clone(),
            started,
            present: config.clone(),
            told: Vec::new(),
            refused: watch::Sender::new(false),
            pasted,
        }
    }

    /// Whether what the file says now is refused.
    pub(super) fn refused(&self) -> watch::Receiver<bool> {
        self.refused.subscribe()
    }

    /// Looks at the file each second; never ends.
    pub(super) async fn follow(mut self, printer: Printer, api: &Api, args: &Args) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waits = false;
        loop {
            looks.tick().await;
            let Some(content) = self.settled().await else {
                continue;
            };
            if content == self.seen {
                continue;
            }
            match self.take(&content, printer, api, args).await {
                Ok(()) => {
                    self.seen = content;
                    self.refused.send_replace(false);
                    waits = false;
                }
                Err(Refusal::Wrong(reason)) => {
                    self.seen = content;
                    self.refused.send_replace(true);
                    printer.warn(&format!("cannot use the changed config: {reason}"));
                    waits = false;
                }
                Err(Refusal::Later(reason)) => {
                    if !waits {
                        printer.warn(&format!("cannot use the changed config yet: {reason}"));
                    }
                    waits = true;
                }
            }
        }
    }

    /// What stands in the file, unless somebody is writing it.
    async fn settled(&self) -> Option<Content> {
        let content = self.read().await?;
        if content == self.seen {
            return Some(content);
        }
        sleep(SETTLED).await;
        (self.read().await? == content).then_some(content)
    }

    /// On a thread of its own: a network drive that does not answer keeps no request waiting.
    async fn read(&self) -> Option<Content> {
        let path = self.path.clone();
        spawn_blocking(move || Content::read(&path)).await.ok()
    }

    async fn take(
        &mut self,
        content: &Content,
        printer: Printer,
        api: &Api,
        args: &Args,
    ) -> Result<(), Refusal> {
        let mut config = self.parsed(content).map_err(Refusal::Wrong)?;
        if config == self.present && !*self.refused.borrow() {
            // Other spaces, or another order.
            return Ok(());
        }
        for warning in &config.warnings {
            printer.warn(warning);
        }
        let restarts = needs_restart(&self.started, &config);
        if !restarts.is_empty() && restarts != self.told {
            let keys = restarts.join(", ");
            printer.warn(&format!("restart the server to change {keys}"));
        }
        self.told = restarts;
        // Experiments are those of the namespace in which the server counts.
        config.namespace.clone_from(&self.started.namespace);
        config.counting = Counting {
            window: self.started.counting.window,
            dedupe: self.started.counting.dedupe,
            ..config.counting
        };
        let experiments = config.experiments();
        let runs = api.runs(&experiments).await;
        let runs = runs.map_err(|error| Refusal::Later(error.to_string()))?;
        if let Some(run) = runs.iter().find(|run| !run.changed.is_empty()) {
            let place = self.path.display();
            return Err(Refusal::Wrong(format!("{place}: {}", changed(run))));
        }
        let limits = api.limit(CountLimits::of(&config.counting)).await;
        limits.map_err(|error| Refusal::Later(error.to_string()))?;
        api.follow(rules(&config, args));
        self.pasted.follow(&config, &self.started);
        printer.talk(&format!(
            "config changed: {}",
            difference(&self.present, &config)
        ));
        self.present = config;
        Ok(())
    }

    fn parsed(&self, content: &Content) -> Result<Config, String> {
        let place = self.path.display();
        let text = match content {
            Content::Text(text) => text,
            Content::None(io::ErrorKind::NotFound, _) => {
                return Err(format!("`{place}`: file not found"));
            }
            Content::None(_, reason) => {
                return Err(format!("`{place}`: cannot read the file: {reason}"));
            }
        };
        let text = std::str::from_utf8(text)
            .map_err(|_| format!("`{place}`: the file is not UTF-8 text"))?;
        let mut config = Config::parse(&self.path, text).map_err(|error| error.to_string())?;
        if let Some(namespace) = &self.namespace {
            config.namespace.clone_from(namespace);
        }
        Ok(config)
    }
}

/// Says at the start which experiments are not as they were when their runs began. The server counts them all the
/// same, since events that it refused would be lost.
pub(super) async fn warn_of_changes(printer: Printer, api: &Api) {
    let runs = api.runs(&api.rules().experiments).await.unwrap_or_default();
    for run in runs.iter().filter(|run| !run.changed.is_empty()) {
        let changed = changed(run);
        printer.warn(&format!("results give no verdict: {changed}"));
    }
}

fn changed(run: &Run) -> String {
    format!(
        "experiment `{}`: {}; undo the change, or start a new run with `lamed restart`",
        run.declared.name,
        run.changed.join("; "),
    )
}

/// The keys of the file that only a start takes.
fn needs_restart(started: &Config, now: &Config) -> Vec<&'static str> {
    let redis = |config: &Config| {
        let mut redis = config.redis.clone()?;
        redis.counting = Counting::default();
        Some(redis)
    };
    [
        (
            "`redis`",
            started.redis.is_some() && redis(started) != redis(now),
        ),
        ("`namespace`", started.namespace != now.namespace),
        (
            "`uuid_expiry_seconds`",
            started.counting.window != now.counting.window,
        ),
        ("`dedupe`", started.counting.dedupe != now.counting.dedupe),
        ("`extra_wiring`", started.wiring != now.wiring),
        ("`aws.throttle`", started.aws.throttle != now.aws.throttle),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}

/// What another config changes, in one line.
fn difference(before: &Config, now: &Config) -> String {
    let find = |config: &'_ Config, name: &Name| config.declared(name.as_str()).cloned();
    let mut parts = Vec::new();
    for declared in &now.experiments {
        match find(before, &declared.name) {
            None => parts.push(format!("`{}` is new ({})", declared.name, declared.state)),
            Some(other) => {
                let changes = changes(&other, declared);
                if !changes.is_empty() {
                    parts.push(format!("`{}`: {}", declared.name, changes.join(", ")));
                }
            }
        }
    }
    for declared in &before.experiments {
        if find(now, &declared.name).is_none() {
            parts.push(format!("`{}` is removed", declared.name));
        }
    }
    if parts.is_empty() {
        parts.push("the experiments stay the same".to_owned());
    }
    parts.join("; ")
}

fn changes(before: &Declared, now: &Declared) -> Vec<String> {
    let mut changes = Vec::new();
    let mut differ = |what: &str, from: String, to: String| {
        if from != to {
            changes.push(format!("{what} {from} → {to}"));
        }
    };
    differ("state", before.state.to_string(), now.state.to_string());
    differ("run", before.run.to_string(), now.run.to_string());
    differ("sample", before.sample.to_string(), now.sample.to_string());
    let others = [
        ("variants", before.variants != now.variants),
        ("control", before.control != now.control),
        ("goals", before.goals != now.goals),
        (
            "minimum_effect",
            before.minimum_effect != now.minimum_effect,
        ),
        (
            "planned_participants",
            before.planned_participants != now.planned_participants,
        ),
        ("unit", before.unit != now.unit),
        ("paths", before.paths != now.paths),
        ("group", before.group != now.group),
        ("archived", before.archived != now.archived),
    ];
    let others = others.into_iter().filter(|(_, differs)| *differs);
    changes.extend(others.map(|(key, _)| format!("`{key}` changed")));
    changes
}

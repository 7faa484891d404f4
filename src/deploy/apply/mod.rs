//! Plan → AWS: the only writer.

mod functions;
mod gateway;
mod key;
mod rivals;
mod role;
mod table;
mod url;
mod versions;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use self::rivals::OwnThings;
use super::Account;
use super::aws::{Aws, AwsError, ErrorKind};
use super::desired::Desired;
use super::observed::Observed;
use super::plan::{Change, Group, Plan, Step};

/// How many calls to API Gateway run at once: it allows ten a second, and forty at once.
const GATEWAY_CALLS: usize = 8;

/// How long the deployment before may still be served after a new one is made. What it needs of the
/// role is not taken away earlier. AWS names no time; seconds are what others saw.
const PROPAGATION: Duration = Duration::from_secs(15);

/// Who wants to know how far it is. Steps run side by side.
pub trait Progress {
    fn begins(&self, change: &Change);
    fn ends(&self, change: &Change);
}

/// What broke off a plan.
#[derive(Debug, thiserror::Error)]
#[error("{error}; {done} of {all} steps are done: run the same command again to continue")]
pub struct Interrupted {
    error: AwsError,
    done: usize,
    all: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The id of the REST API.
    pub api: Option<String>,
    /// The function URL.
    pub url: Option<String>,
}

/// Applies a plan. After an error nothing new is begun, and what runs comes to its end.
///
/// # Errors
/// What stopped it, and how far it came. The same command makes a new plan of what is left.
pub async fn apply(
    aws: &Aws,
    desired: Option<&Desired>,
    observed: &Observed,
    plan: &Plan,
    progress: &dyn Progress,
) -> Result<Applied, Interrupted> {
    let account = aws.account().await.map_err(|error| Interrupted {
        error,
        done: 0,
        all: plan.changes.len(),
    })?;
    let work = Work {
        aws,
        account,
        desired,
        made: Mutex::new(Made::new(observed, desired)),
        gateway: Semaphore::new(GATEWAY_CALLS),
        uploads: Semaphore::new(1),
        progress,
        state: Mutex::default(),
    };
    let groups = Groups::of(plan);
    join_all(groups.0.iter().map(|group| work.group(group, &groups))).await;
    let gives_way = |error: &AwsError| error.kind == ErrorKind::Rival;
    if work.state().error.as_ref().is_some_and(gives_way) {
        work.withdraw().await;
    }
    let state = work
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let made = work
        .made
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match state.error {
        Some(error) => Err(Interrupted {
            error,
            done: state.done,
            all: plan.changes.len(),
        }),
        None => Ok(Applied {
            api: made.api,
            url: made.url,
        }),
    }
}

/// The steps of each group in their order, and whether they are done.
struct Groups<'a>(Vec<Running<'a>>);

struct Running<'a> {
    group: &'a Group,
    changes: Vec<&'a Change>,
    over: watch::Sender<bool>,
}

impl<'a> Groups<'a> {
    fn of(plan: &'a Plan) -> Self {
        let mut groups: Vec<Running<'a>> = Vec::new();
        for change in &plan.changes {
            match groups
                .iter_mut()
                .find(|running| *running.group == change.group)
            {
                Some(running) => running.changes.push(change),
                None => groups.push(Running {
                    group: &change.group,
                    changes: vec![change],
                    over: watch::Sender::new(false),
                }),
            }
        }
        Self(groups)
    }
}

#[derive(Default)]
struct State {
    done: usize,
    /// The first error; nothing is begun after it.
    error: Option<AwsError>,
}

/// What steps need to know of those before them.
struct Made {
    role: Option<String>,
    /// In milliseconds since 1970.
    role_created: Option<i64>,
    table: Option<String>,
    url: Option<String>,
    api: Option<String>,
    root: Option<String>,
    /// Ids by path.
    resources: BTreeMap<String, String>,
    key: Option<String>,
    usage_plan: Option<String>,
    /// The version last published, by function.
    versions: BTreeMap<String, u64>,
    own: OwnThings,
    /// When the API was given a new deployment.
    deployed: Option<Instant>,
}

impl Made {
    fn new(observed: &Observed, desired: Option<&Desired>) -> Self {
        let given = desired.and_then(|desired| desired.role.clone());
        let api = observed.api.as_ref();
        Self {
            role: given.or(observed.role.as_ref().map(|role| role.arn.clone())),
            role_created: observed.role.as_ref().map(|role| role.created),
            table: (desired.and_then(|desired| desired.table.as_ref()))
                .map(|table| table.name.clone())
                .or(observed.table.as_ref().map(|table| table.name.clone())),
            url: (observed.url()).map(|url| url.url.clone()),
            api: api.map(|api| api.id.clone()),
            root: api.map(|api| api.root.clone()),
            resources: (api.iter().flat_map(|api| &api.resources))
                .map(|(path, resource)| (path.clone(), resource.id.clone()))
                .collect(),
            key: observed.key.as_ref().map(|key| key.id.clone()),
            usage_plan: observed.usage_plan.as_ref().map(|plan| plan.id.clone()),
            versions: BTreeMap::new(),
            own: OwnThings::default(),
            deployed: None,
        }
    }
}

struct Work<'a> {
    aws: &'a Aws,
    account: &'a Account,
    desired: Option<&'a Desired>,
    made: Mutex<Made>,
    gateway: Semaphore,
    /// One at a time: on a slow line, several would keep each other from ending.
    uploads: Semaphore,
    progress: &'a dyn Progress,
    state: Mutex<State>,
}

impl Work<'_> {
    async fn group(&self, running: &Running<'_>, all: &Groups<'_>) {
        for other in all
            .0
            .iter()
            .filter(|other| running.group.needs(other.group))
        {
            // The sender lives as long as this future.
            let _ = other.over.subscribe().wait_for(|over| *over).await;
        }
        if running.group.outlasts_old_stage() && !self.aws.is_emulated() {
            let deployed = self.made().deployed;
            if let Some(deployed) = deployed {
                sleep_until(deployed + PROPAGATION).await;
            }
        }
        for change in &running.changes {
            if self.state().error.is_some() {
                break;
            }
            self.progress.begins(change);
            let result = self.step(&change.step).await;
            let mut state = self.state();
            match result {
                Ok(()) => {
                    state.done += 1;
                    self.progress.ends(change);
                }
                Err(error) => {
                    state.error.get_or_insert(error);
                }
            }
        }
        running.over.send_replace(true);
    }

    async fn step(&self, step: &Step) -> Result<(), AwsError> {
        match step {
            Step::CreateRole
            | Step::SetTrust
            | Step::SetBoundary(_)
            | Step::SetRolePolicy(_)
            | Step::DeleteRolePolicy { .. }
            | Step::TagRole
            | Step::DeleteRole { .. } => self.role(step).await,
            Step::SetUpLogGroup { .. }
            | Step::TagLogGroup(_)
            | Step::DeleteLogGroup(_)
            | Step::CreateFunction { .. }
            | Step::UpdateCode(_)
            | Step::UpdateConfiguration { .. }
            | Step::Restore { .. }
            | Step::TagFunction(_)
            | Step::Publish { .. }
            | Step::CreateAlias(..)
            | Step::MoveAlias(..)
            | Step::Allow { .. }
            | Step::Disallow { .. }
            | Step::DeleteVersion(..)
            | Step::DeleteFunction(_) => self.function(step).await,
            Step::CreateTable
            | Step::AwaitTable
            | Step::ProtectTable(_)
            | Step::SetExpiry
            | Step::BackUpTable
            | Step::TagTable
            | Step::DeleteTable => self.table(step).await,
            Step::CreateUrl(_) | Step::OpenUrl(_) | Step::AllowUrl { .. } | Step::Reserve(..) => {
                self.url(step).await
            }
            _ => {
                let _permit = self.gateway.acquire().await;
                self.rest_api(step).await
            }
        }
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the config wants; only plans that remove have none.
    fn desired(&self) -> Result<&Desired, AwsError> {
        self.desired.ok_or_else(|| {
            AwsError::new("the plan creates a resource that the config does not describe")
        })
    }

    /// Something that an earlier step must have made.
    fn known<T>(&self, what: &str, get: impl FnOnce(&Made) -> Option<T>) -> Result<T, AwsError> {
        get(&self.made()).ok_or_else(|| AwsError::new(format!("{what} not found")))
    }
}

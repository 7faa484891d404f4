//! The steps of a plan: what each changes, in words, and which must be done before it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::deploy::desired::{Code, Desired, Throttle, Vpc};
use crate::deploy::observed::Configuration;
use crate::domain::Secret;

/// What Lambda takes as the names and values of all variables of a function, in bytes.
///
/// Source: "Lambda quotas", AWS documentation.
pub const MAX_ENVIRONMENT: usize = 4096;

/// What is to be done, in an order in which it could be done one by one.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// What somebody may not expect: what stays, or is lost for good, and why. A sentence each.
    pub kept: Vec<String>,
    /// What it would overwrite that lamed did not make: `role NAME`, …
    pub foreign: Vec<String>,
}

/// One step, and how to speak of it.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    pub change: ChangeKind,
    /// `function`, `role`, …
    pub resource: &'static str,
    pub name: String,
    /// From → to, one each; never a secret.
    pub details: Vec<String>,
    /// Whether something is lost that lamed cannot bring back.
    pub destructive: bool,
    #[serde(skip)]
    pub(in crate::deploy) group: Group,
    #[serde(skip)]
    pub(in crate::deploy) step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    Create,
    Update,
    Delete,
}

/// Steps of one group run one after the other; groups run side by side, but for those that need
/// each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::deploy) enum Group {
    Role,
    Logs(String),
    Function(String),
    Api,
    /// The table of the counts.
    Table,
    /// A function URL.
    Url,
    GatewayResponse(&'static str),
    Path(String),
    Method(String, String),
    Permission(String),
    Deployment,
    Key,
    UsagePlan,
    /// What is there twice and not in use.
    Spares,
    /// What nobody may miss while the old deployment still serves.
    Narrowing,
    OldVersions(String),
    /// A function that is gone for good, with its log group.
    Removal(String),
}

impl Group {
    /// Whether it takes away what the old deployment needs, which is served for a moment after a new one is made.
    pub(in crate::deploy) fn outlasts_old_stage(&self) -> bool {
        matches!(self, Self::Narrowing | Self::Removal(_) | Self::Spares)
    }

    /// Whether this one has to wait for the other, where both have steps in a plan.
    pub(in crate::deploy) fn needs(&self, other: &Self) -> bool {
        use Group::*;
        match self {
            Role | Logs(_) | Table | Api | Key => false,
            Function(function) => *other == Role || *other == Logs(function.clone()),
            Permission(function) => *other == Api || *other == Function(function.clone()),
            Url => matches!(other, Function(_) | Table),
            GatewayResponse(_) | Path(_) => *other == Api,
            Method(path, _) => *other == Path(path.clone()),
            Deployment => !matches!(
                other,
                Deployment | Key | UsagePlan | Spares | Narrowing | OldVersions(_) | Removal(_)
            ),
            UsagePlan => matches!(other, Deployment | Key),
            Spares => matches!(other, UsagePlan | Deployment | Key | Permission(_)),
            OldVersions(_) | Removal(_) => {
                !matches!(other, Narrowing | OldVersions(_) | Removal(_))
            }
            // The role's policy and the API tell which functions there are: what is to be removed is
            // found there until it is gone.
            Narrowing => !matches!(other, Narrowing | OldVersions(_)),
        }
    }
}

/// What is written to AWS. All else that it takes stands in [`crate::deploy::Desired`].
#[derive(Clone, Debug)]
pub(in crate::deploy) enum Step {
    CreateRole,
    SetTrust,
    /// To the policy of this ARN.
    SetBoundary(String),
    SetRolePolicy(Value),
    DeleteRolePolicy {
        role: String,
        policy: String,
    },
    TagRole,
    SetUpLogGroup {
        function: String,
        new: bool,
        days: u32,
    },
    TagLogGroup(String),
    CreateFunction {
        name: String,
        vpc: Vpc,
    },
    UpdateCode(String),
    UpdateConfiguration {
        name: String,
        environment: BTreeMap<String, Secret>,
        vpc: Option<Vpc>,
        /// The role was made again: only a changed configuration can be published anew.
        new_role: bool,
    },
    /// To what an earlier version was, with today's variables and this code.
    Restore {
        name: String,
        configuration: Box<Configuration>,
        code: Code,
    },
    TagFunction(String),
    Publish {
        name: String,
        /// The number of the newest version before.
        newest: u64,
        description: String,
    },
    /// To this version, or to the one that was just published.
    CreateAlias(String, Option<u64>),
    MoveAlias(String, Option<u64>),
    Allow {
        function: String,
        statement: String,
        verb: String,
        path: String,
    },
    Disallow {
        function: String,
        statement: String,
    },
    CreateTable,
    /// It is being made, by a deploy that was interrupted.
    AwaitTable,
    /// From deletion, or no longer.
    ProtectTable(bool),
    SetExpiry,
    BackUpTable,
    TagTable,
    DeleteTable,
    CreateUrl(String),
    OpenUrl(String),
    AllowUrl {
        function: String,
        statement: &'static str,
        /// Whether to invoke the function, and not only to call the URL.
        through: bool,
    },
    /// Keeps concurrency for a function.
    Reserve(String, u32),
    CreateApi,
    SetCompression,
    TagApi,
    CreateResource(String),
    PutMethod {
        path: String,
        verb: String,
        /// There is one of other settings, which has to go first.
        replace: bool,
    },
    PutIntegration {
        path: String,
        verb: String,
    },
    PutPreflight {
        path: String,
        replace: bool,
    },
    PutGatewayResponse(&'static str),
    DeleteResource(String),
    Deploy(String),
    SetThrottle(Throttle),
    TagStage,
    CreateKey,
    TagKey,
    CreateUsagePlan,
    AddStage,
    AddKey,
    TagUsagePlan,
    DeleteVersion(String, u64),
    DeleteFunction(String),
    DeleteLogGroup(String),
    DeleteUsagePlan {
        id: String,
        stages: Vec<String>,
    },
    RemoveStage {
        /// The usage plan's.
        id: String,
        stage: String,
    },
    DeleteKey(String),
    DeleteApi(String),
    DeleteRole {
        name: String,
        policies: Vec<String>,
        attached: Vec<String>,
    },
}

impl Change {
    /// What a destructive change takes away, for a question.
    #[must_use]
    pub fn lost(&self) -> String {
        match &self.step {
            Step::SetUpLogGroup { days, .. } => {
                format!(
                    "the logs in `{}` that are older than {days} days",
                    self.name
                )
            }
            // There is another one of the name, which stays.
            Step::DeleteApi(id) | Step::DeleteKey(id) if self.group == Group::Spares => {
                format!("{} `{}` ({id})", self.resource, self.name)
            }
            _ => format!("{} `{}`", self.resource, self.name),
        }
    }
}

impl Plan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The first function whose environment would not fit, and how many bytes it takes.
    #[must_use]
    pub fn too_large_environment(&self) -> Option<(&str, usize)> {
        self.changes.iter().find_map(|change| {
            let Step::UpdateConfiguration {
                name, environment, ..
            } = &change.step
            else {
                return None;
            };
            let variables = environment.iter();
            let bytes = variables.map(|(name, value)| name.len() + value.reveal().len());
            let bytes: usize = bytes.sum();
            (bytes > MAX_ENVIRONMENT).then_some((name.as_str(), bytes))
        })
    }

    /// The functions whose alias moves to a version that is there, and that version.
    pub(in crate::deploy) fn moved(&self) -> impl Iterator<Item = (&str, u64)> {
        self.changes.iter().filter_map(|change| match &change.step {
            Step::MoveAlias(name, Some(version)) => Some((name.as_str(), *version)),
            _ => None,
        })
    }

    /// What would be lost.
    pub fn destructive(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.destructive)
    }

    /// The functions that get other experiments, where a plan brings nothing else: the code of a function that
    /// knows no experiments stays.
    #[must_use]
    pub fn experiments_only(&self, desired: &Desired) -> Option<Vec<&str>> {
        let knows = |name: &str| {
            let mut functions = desired.functions.iter();
            functions
                .find(|one| one.name == name)
                .map(|one| one.has_experiments)
        };
        let mut updated = Vec::new();
        for change in &self.changes {
            match &change.step {
                Step::UpdateCode(name) => updated.push(name.as_str()),
                Step::Publish { .. } | Step::MoveAlias(..) | Step::DeleteVersion(..) => {}
                _ => return None,
            }
        }
        let all_know = updated.iter().all(|name| knows(name) == Some(true));
        let one_does_not = desired.functions.iter().any(|one| !one.has_experiments);
        (!updated.is_empty() && all_know && one_does_not).then_some(updated)
    }

    pub(super) fn push(&mut self, group: Group, step: Step, words: Words) {
        self.changes.push(Change {
            change: words.change,
            resource: words.resource,
            name: words.name,
            details: words.details,
            destructive: words.destructive,
            group,
            step,
        });
    }
}

/// How a step is spoken of.
pub(super) struct Words {
    change: ChangeKind,
    resource: &'static str,
    name: String,
    details: Vec<String>,
    destructive: bool,
}

impl Words {
    pub(super) fn create(resource: &'static str, name: impl Into<String>) -> Self {
        Self::new(ChangeKind::Create, resource, name)
    }

    pub(super) fn update(resource: &'static str, name: impl Into<String>) -> Self {
        Self::new(ChangeKind::Update, resource, name)
    }

    pub(super) fn delete(resource: &'static str, name: impl Into<String>) -> Self {
        Self::new(ChangeKind::Delete, resource, name)
    }

    fn new(change: ChangeKind, resource: &'static str, name: impl Into<String>) -> Self {
        Self {
            change,
            resource,
            name: name.into(),
            details: Vec::new(),
            destructive: false,
        }
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    pub(super) fn details(mut self, details: Vec<String>) -> Self {
        self.details.extend(details);
        self
    }

    pub(super) fn destructive(mut self) -> Self {
        self.destructive = true;
        self
    }
}

//! Releases: what one deploy publishes carries the same number, in the descriptions of the versions.

use std::collections::BTreeMap;
use std::fmt;

use super::step::{Group, Plan, Step, Words};
use crate::deploy::AwsError;
use crate::deploy::desired::{Code, LIVE};
use crate::deploy::observed::{Configuration, Observed, ObservedFunction, Version};

/// The number of a deploy that published something. Python lamed's versions have none: 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u64);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Release {
    /// The newest of all; 0 where there is none.
    pub(super) fn newest(observed: &Observed) -> Self {
        let functions = observed.functions.values();
        let versions = functions.flat_map(|function| &function.versions);
        versions.map(Self::of).max().unwrap_or(Self(0))
    }

    /// The one that published a version.
    #[must_use]
    pub fn of(version: &Version) -> Self {
        let number = version.description.rsplit_once(MARK).and_then(|(_, rest)| {
            let number = rest.split(CODE_MARK).next()?;
            number.parse().ok()
        });
        Self(number.unwrap_or(0))
    }

    /// Those that are there to go back to, newest first.
    #[must_use]
    pub fn all(observed: &Observed) -> Vec<Self> {
        let versions = observed
            .functions
            .values()
            .flat_map(|function| &function.versions);
        let mut all: Vec<Self> = versions
            .filter(|version| !version.configuration.is_python())
            .map(Self::of)
            .collect();
        all.sort();
        all.dedup();
        all.reverse();
        all
    }

    /// The one that is live: the newest whose versions the functions run, as far as they had any then. Where somebody
    /// moved only some of them, it is the newest of what they run.
    #[must_use]
    pub fn live(observed: &Observed) -> Option<Self> {
        let functions = || observed.functions.values();
        let live = functions().filter_map(ObservedFunction::live);
        let newest = live
            .filter(|version| !version.configuration.is_python())
            .map(Self::of)
            .max()?;
        let runs = |release: Self, function: &ObservedFunction| {
            let live = function.live().map(|version| version.number);
            let then = target(function, release).map(|version| version.number);
            live.is_none() || then.is_none() || live == then
        };
        let some = |release: Self| functions().any(|function| target(function, release).is_some());
        let mut all = Self::all(observed).into_iter();
        let whole = all.find(|release| {
            *release <= newest
                && some(*release)
                && functions().all(|function| runs(*release, function))
        });
        Some(whole.unwrap_or(newest))
    }
}

const MARK: &str = ", release ";

/// How a note begins that holds only where versions come back as they were.
const SETTINGS_COME_BACK: &str = "the settings of that release come back, too";

/// What stands before the id of the code in a description.
const CODE_MARK: &str = ", code ";

/// How people see it: `lamed 1.0.0, release 3`.
pub(super) fn words(lamed_version: &str, release: Release) -> String {
    format!("lamed {lamed_version}{MARK}{}", release.0)
}

/// The description of a version: beside the release the code, which other experiments leave the same.
pub(super) fn describe(lamed_version: &str, release: Release, code: &Code) -> String {
    format!("{}{CODE_MARK}{}", words(lamed_version, release), code.id())
}

/// The id of the code that a version runs; none where an earlier build described it.
pub(super) fn code_of(version: &Version) -> Option<&str> {
    let (_, code) = version.description.rsplit_once(CODE_MARK)?;
    Some(code)
}

/// Whether two versions differ in nothing but the experiments.
pub(super) fn same_but_for_experiments(one: &Version, other: &Version) -> bool {
    let without_code = |version: &Version| Configuration {
        code_sha256: String::new(),
        modified: None,
        ..version.configuration.clone()
    };
    code_of(one).is_some()
        && code_of(one) == code_of(other)
        && without_code(one) == without_code(other)
}

/// Moves the alias of every function to what was live after release `to`: by default the one before
/// the live one.
///
/// # Errors
/// When there is no such release, or nothing to go back to.
pub fn rollback(observed: &Observed, to: Option<u64>) -> Result<(Release, Plan), AwsError> {
    let live = Release::live(observed);
    let all = Release::all(observed);
    let listed = || {
        let numbers: Vec<String> = all.iter().map(|release| release.0.to_string()).collect();
        numbers.join(", ")
    };
    let to = match to {
        Some(number) if all.contains(&Release(number)) => Release(number),
        Some(number) => {
            return Err(AwsError::new(format!(
                "release {number} not found: {}",
                if all.is_empty() {
                    "no release is available".to_owned()
                } else {
                    format!("expected one of {}", listed())
                }
            )));
        }
        None => {
            // Back to something else than what runs: a release may have brought only what cannot go back.
            let older = all.iter().filter(|release| Some(**release) < live);
            let mut older = older.map(|release| (*release, moves(observed, *release)));
            return older.find(|(_, plan)| !plan.is_empty()).ok_or_else(|| {
                AwsError::new(match live {
                    None => "no release is live: run `lamed deploy` first".to_owned(),
                    Some(Release(live)) => format!(
                        "cannot roll back: no release older than the live release {live} is available{}",
                        left_by_python(observed)
                    ),
                })
            });
        }
    };
    Ok((to, moves(observed, to)))
}

/// The aliases that a release needs elsewhere, and what stays as it is.
fn moves(observed: &Observed, to: Release) -> Plan {
    let mut plan = Plan::default();
    let mut other_settings = Vec::new();
    for (name, function) in &observed.functions {
        let Some(from) = function.aliases.get(LIVE) else {
            continue;
        };
        let Some(target) = target(function, to) else {
            plan.kept.push(format!(
                "function `{name}` stays at version {from}: it has no version of release {to} or older"
            ));
            continue;
        };
        if target.number == *from {
            continue;
        }
        let now = function.live().map(|live| &live.configuration);
        if now.is_some_and(|now| now.environment != target.configuration.environment) {
            other_settings.push(format!("`{name}`"));
        }
        plan.push(
            Group::Function(name.clone()),
            Step::MoveAlias(name.clone(), Some(target.number)),
            Words::update("alias", format!("{name}:{LIVE}"))
                .detail(format!("{from} → {}", target.number)),
        );
    }
    if !other_settings.is_empty() {
        plan.kept.push(format!(
            "{SETTINGS_COME_BACK}, among them the store: {}",
            other_settings.join(", ")
        ));
    }
    if !plan.is_empty() {
        plan.kept.push(
            "a rollback moves only the functions: paths, the API key, limits, permissions and the role stay as the last \
             deploy left them"
                .to_owned(),
        );
    }
    plan
}

/// The same plan with these codes in the place of those of the versions: each is published anew, under the same release,
/// with the variables as they are.
pub(in crate::deploy) fn restore(
    plan: Plan,
    observed: &Observed,
    codes: &BTreeMap<String, Code>,
) -> Plan {
    let mut restored = Plan {
        kept: plan.kept,
        ..Plan::default()
    };
    restored
        .kept
        .retain(|note| !note.starts_with(SETTINGS_COME_BACK));
    for change in plan.changes {
        let found = match &change.step {
            Step::MoveAlias(name, Some(to)) => {
                codes
                    .get_key_value(name)
                    .zip((observed.functions.get(name)).and_then(|there| {
                        let version = there.versions.iter().find(|one| one.number == *to)?;
                        Some((version, there.versions.last()?.number))
                    }))
            }
            _ => None,
        };
        let Some(((name, code), (version, newest))) = found else {
            restored.changes.push(change);
            continue;
        };
        let group = || Group::Function(name.clone());
        let step = Step::Restore {
            name: name.clone(),
            configuration: Box::new(version.configuration.clone()),
            code: code.clone(),
        };
        let words = Words::update("function", name.as_str());
        let words = words.detail(format!("the code of version {}", version.number));
        restored.push(group(), step, words.detail("experiments and settings stay"));
        let step = Step::Publish {
            name: name.clone(),
            newest,
            description: version.description.clone(),
        };
        let words = Words::create("version", name.as_str());
        let described = version.description.split(CODE_MARK).next();
        restored.push(group(), step, words.detail(described.unwrap_or_default()));
        restored.push(
            group(),
            Step::MoveAlias(name.clone(), None),
            Words::update("alias", format!("{name}:{LIVE}")).detail("→ new version"),
        );
    }
    restored
}

/// What was live after a release: the newest version up to it. Python's cannot answer the events
/// that API Gateway sends by now.
fn target(function: &ObservedFunction, release: Release) -> Option<&Version> {
    (function.versions.iter())
        .filter(|version| !version.configuration.is_python() && Release::of(version) <= release)
        .max_by_key(|version| version.number)
}

fn left_by_python(observed: &Observed) -> &'static str {
    let mut versions = observed
        .functions
        .values()
        .flat_map(|function| &function.versions);
    if versions.any(|version| version.configuration.is_python()) {
        "; the versions of Python lamed cannot answer the requests that API Gateway sends now"
    } else {
        ""
    }
}

/// The live version of every function, by its name.
#[must_use]
pub fn live_versions(observed: &Observed) -> BTreeMap<&str, &Version> {
    (observed.functions.iter())
        .filter_map(|(name, function)| Some((name.as_str(), function.live()?)))
        .collect()
}

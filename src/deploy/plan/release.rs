//! Releases: what one deploy publishes carries the same number, in the descriptions of the versions.

use std::collections::BTreeMap;
use std::fmt;

use super::step::{Group, Plan, Step, Words};
use crate::deploy::AwsError;
use crate::deploy::desired::LIVE;
use crate::deploy::observed::{Observed, ObservedFunction, Version};

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
        let number = version
            .description
            .rsplit_once(MARK)
            .and_then(|(_, n)| n.parse().ok());
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

    /// The newest of those whose versions are live.
    #[must_use]
    pub fn live(observed: &Observed) -> Option<Self> {
        let live = observed
            .functions
            .values()
            .filter_map(ObservedFunction::live);
        live.filter(|version| !version.configuration.is_python())
            .map(Self::of)
            .max()
    }
}

const MARK: &str = ", release ";

pub(super) fn describe(lamed_version: &str, release: Release) -> String {
    format!("lamed {lamed_version}{MARK}{}", release.0)
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
        None => *(all.iter().find(|release| Some(**release) < live)).ok_or_else(|| {
            AwsError::new(match live {
                None => "no release is live: run `lamed deploy` first".to_owned(),
                Some(Release(live)) => format!(
                    "cannot roll back: no release older than the live release {live} is available{}",
                    left_by_python(observed)
                ),
            })
        })?,
    };
    let mut plan = Plan::default();
    for (name, function) in &observed.functions {
        let Some(from) = function.aliases.get(LIVE) else {
            continue;
        };
        let target = target(function, to);
        if let Some(target) = target.filter(|target| target.number != *from) {
            plan.push(
                Group::Function(name.clone()),
                Step::MoveAlias(name.clone(), Some(target.number)),
                Words::update("alias", format!("{name}:{LIVE}"))
                    .detail(format!("{from} → {}", target.number)),
            );
        }
    }
    Ok((to, plan))
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

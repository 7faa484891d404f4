//! The files beside the program of a function, today's and those of an earlier release.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::Deployment;
use crate::config::Config;
use crate::deploy::bootstrap::{file_in, with_experiments_of};
use crate::deploy::observed::{ObservedFunction, Version};
use crate::deploy::plan::{Plan, restore};
use crate::deploy::{Aws, AwsError, Code, Observed};
use crate::function::{self, EXPERIMENTS, compressed};
use crate::http::BrowserClient;
use crate::http::wire::declared::Experiments;

impl Deployment {
    /// A rollback that takes the code of earlier releases and leaves the experiments, the settings and the API key as they
    /// are live: a release is code. Functions whose earlier version differs in nothing else only move their alias.
    ///
    /// # Errors
    /// When a release cannot be downloaded, or read.
    pub async fn code_alone(
        &self,
        aws: &Aws,
        observed: &Observed,
        plan: Plan,
    ) -> Result<Plan, AwsError> {
        let mut codes = BTreeMap::new();
        for moved in self.moved(observed, &plan) {
            let then = &moved.target.configuration;
            let other_settings = then.environment != moved.there.latest.environment;
            let same_code = moved.live.configuration.code_sha256 == then.code_sha256;
            let may_differ = moved.has_experiments && !same_code;
            if !may_differ && !other_settings {
                continue;
            }
            let zip = aws.code(moved.name, moved.target.number).await?;
            let changed = match may_differ {
                true => {
                    let live = aws.code(moved.name, moved.live.number).await?;
                    with_experiments_of(&zip, &live)
                        .map_err(|error| AwsError::new(error.to_string()))?
                }
                false => None,
            };
            if changed.is_some() || other_settings {
                let zip = Cow::Owned(changed.unwrap_or(zip));
                codes.insert(moved.name.to_owned(), Code::new(&then.architecture, zip));
            }
        }
        Ok(restore(plan, observed, &codes))
    }

    /// What of the experiments changes when the versions of a rollback come back as they were. A sentence each.
    ///
    /// # Errors
    /// When a release cannot be downloaded.
    pub async fn experiments_that_come_back(
        &self,
        aws: &Aws,
        observed: &Observed,
        plan: &Plan,
    ) -> Result<Vec<String>, AwsError> {
        let mut moved = self.moved(observed, plan);
        let Some(moved) = moved.find(|moved| moved.has_experiments) else {
            return Ok(Vec::new());
        };
        let [then, now] = [moved.target.number, moved.live.number];
        let then = declared(&aws.code(moved.name, then).await?);
        let now = declared(&aws.code(moved.name, now).await?);
        let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let differs = names
            .into_iter()
            .filter(|name| then.get(*name) != now.get(*name));
        Ok(differs
            .map(|name| match (state(now.get(name)), state(then.get(name))) {
                (from, to) if from == to => format!("experiment `{name}` changes"),
                (from, to) => format!("experiment `{name}`: {from} → {to}"),
            })
            .collect())
    }

    /// The functions that a rollback moves from one version to another.
    fn moved<'a>(
        &'a self,
        observed: &'a Observed,
        plan: &'a Plan,
    ) -> impl Iterator<Item = Moved<'a>> {
        plan.moved().filter_map(move |(name, version)| {
            let there = observed.functions.get(name)?;
            let known = self.functions().find(|function| function.name == name);
            Some(Moved {
                name,
                there,
                live: there.live()?,
                target: there.versions.iter().find(|one| one.number == version)?,
                has_experiments: known.is_some_and(|function| function.has_experiments),
            })
        })
    }
}

/// A function that a rollback moves.
struct Moved<'a> {
    name: &'a str,
    there: &'a ObservedFunction,
    live: &'a Version,
    target: &'a Version,
    has_experiments: bool,
}

/// What is beside the program of a function that knows the experiments.
pub(super) fn files(config: &Config, store: &function::Store) -> Vec<(String, Vec<u8>)> {
    let experiments = config.experiments();
    // Texts and finite numbers are always JSON.
    let declared = serde_json::to_vec(&Experiments::of(&experiments)).unwrap_or_default();
    let mut files = vec![(EXPERIMENTS.to_owned(), declared)];
    // A function URL compresses nothing by itself.
    let window = store.counting().window;
    let client = BrowserClient::new(&config.namespace, window, experiments.all());
    let scripts = client.scripts();
    files.extend(scripts.map(|(tag, script)| (compressed(tag), gzip(script))));
    files
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Into memory, which fails never.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// The experiments of a function's zip by name.
fn declared(zip: &[u8]) -> BTreeMap<String, Value> {
    let file = file_in(zip, EXPERIMENTS).unwrap_or_default();
    let read: Value = serde_json::from_slice(&file).unwrap_or_default();
    let all = read["experiments"].as_array().into_iter().flatten();
    all.filter_map(|one| Some((one["name"].as_str()?.to_owned(), one.clone())))
        .collect()
}

fn state(experiment: Option<&Value>) -> String {
    match experiment.map(|one| &one["state"]) {
        None => "not declared".to_owned(),
        Some(Value::String(state)) => state.clone(),
        Some(Value::Object(shipped)) => match shipped["shipped"].as_str() {
            Some(variant) => format!("shipped `{variant}`"),
            None => "another state".to_owned(),
        },
        Some(_) => "running".to_owned(),
    }
}

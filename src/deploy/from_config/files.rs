//! The files beside the program of a function, today's and those of an earlier release.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::Deployment;
use crate::config::Config;
use crate::deploy::bootstrap::{file_in, with_files_of_today};
use crate::deploy::plan::{Plan, restore};
use crate::deploy::{Aws, AwsError, Code, Observed};
use crate::function::{self, EXPERIMENTS, compressed};
use crate::http::BrowserClient;
use crate::http::wire::declared::Experiments;

impl Deployment {
    /// A rollback that takes the code of earlier releases and leaves the experiments, the settings and the API key as they
    /// are: a release is code. Functions whose earlier version differs in nothing else only move their alias.
    ///
    /// # Errors
    /// When an earlier release cannot be downloaded, or read.
    pub async fn code_alone(
        &self,
        config: &Config,
        aws: &Aws,
        observed: &Observed,
        plan: Plan,
    ) -> Result<Plan, AwsError> {
        let store = self
            .store(config)
            .map_err(|error| AwsError::new(error.to_string()))?;
        let files = files(config, &store);
        let mut codes = BTreeMap::new();
        for (name, version) in plan.moved() {
            let known = self.functions().find(|function| function.name == name);
            let has_files = known.is_some_and(|function| function.has_experiments);
            let there = observed.functions.get(name).and_then(|there| {
                let versions = &mut there.versions.iter();
                Some((there, versions.find(|one| one.number == version)?))
            });
            let Some((there, target)) = there else {
                continue;
            };
            let live = there.live().map(|live| &live.configuration);
            let same_code = live.is_some_and(|l| l.code_sha256 == target.configuration.code_sha256);
            let other_settings = target.configuration.environment != there.latest.environment;
            if (same_code || !has_files) && !other_settings {
                continue;
            }
            let zip = aws.code(name, version).await?;
            let today = match has_files {
                true => with_files_of_today(&zip, &files),
                false => Ok(None),
            };
            let today = today.map_err(|error| AwsError::new(error.to_string()))?;
            if today.is_some() || other_settings {
                let architecture = &target.configuration.architecture;
                let zip = Cow::Owned(today.unwrap_or(zip));
                codes.insert(name.to_owned(), Code::new(architecture, zip));
            }
        }
        Ok(restore(plan, observed, &codes))
    }

    /// What of the experiments changes when the versions of a rollback come back as they were. A sentence each.
    ///
    /// # Errors
    /// When the earlier release cannot be downloaded.
    pub async fn experiments_that_come_back(
        &self,
        config: &Config,
        aws: &Aws,
        plan: &Plan,
    ) -> Result<Vec<String>, AwsError> {
        let knows = |name: &str| {
            let mut functions = self.functions();
            functions.any(|function| function.name == name && function.has_experiments)
        };
        let Some((name, version)) = plan.moved().find(|(name, _)| knows(name)) else {
            return Ok(Vec::new());
        };
        let zip = aws.code(name, version).await?;
        let then = file_in(&zip, EXPERIMENTS).unwrap_or_default();
        let now = serde_json::to_vec(&Experiments::of(&config.experiments())).unwrap_or_default();
        let [then, now] = [then, now].map(|json| declared(&json));
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

/// The experiments of a file by name.
fn declared(json: &[u8]) -> BTreeMap<String, Value> {
    let read: Value = serde_json::from_slice(json).unwrap_or_default();
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

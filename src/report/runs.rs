//! The declared experiments that results are read with.

use std::collections::HashMap;

use crate::domain::{Declared, Name, assignment, frozen};
use crate::http::Run;

/// What is declared, as the API says; where it says nothing of it, as the config here does.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// By what events call it. Of earlier runs there may be nothing but the name.
    by_wire: HashMap<Name, Option<Run>>,
    /// Whether the API said so.
    pub from_api: bool,
    /// How many events of crawlers the API did not count since it started.
    crawlers: u64,
}

impl Runs {
    /// `api` is what the API follows.
    #[must_use]
    pub fn new(api: Option<Vec<Run>>, config: &[Declared]) -> Self {
        let from_api = api.is_some();
        let here = || {
            let run = |declared: &Declared| Run {
                declared: declared.clone(),
                changed: Vec::new(),
                began: None,
                alephbet: false,
                earlier: false,
            };
            config.iter().map(run).collect()
        };
        let runs: Vec<Run> = api.unwrap_or_else(here);
        let mut by_wire = HashMap::new();
        for Run { declared, .. } in runs.iter().filter(|run| !run.earlier) {
            for run in 1..declared.run {
                let name = assignment::wire_name(declared.name.as_str(), run);
                by_wire.insert(Name::stored(name), None);
            }
        }
        let wire = |run: Run| (run.declared.wire_name(), Some(run));
        by_wire.extend(runs.into_iter().map(wire));
        Self {
            by_wire,
            from_api,
            crawlers: 0,
        }
    }

    /// The same with so many events of crawlers that were not counted.
    #[must_use]
    pub fn with_crawlers(self, crawlers: u64) -> Self {
        Self { crawlers, ..self }
    }

    /// How many events of crawlers the API did not count since it started.
    #[must_use]
    pub fn crawlers(&self) -> u64 {
        self.crawlers
    }

    /// The run that events call so.
    #[must_use]
    pub fn of(&self, wire: &Name) -> Option<&Run> {
        self.by_wire.get(wire)?.as_ref()
    }

    /// The last run before this one that has events, as far as the API says so.
    #[must_use]
    pub fn before(&self, name: &str, run: u32) -> Option<u32> {
        let has_events = |run: &u32| {
            let wire = Name::stored(assignment::wire_name(name, *run));
            self.of(&wire).is_some()
        };
        (1..run).rev().find(has_events)
    }

    /// What events call the present run of an experiment; the name itself where nothing is declared of it.
    #[must_use]
    pub fn wire_name(&self, name: &Name) -> Name {
        let present = self.present().find(|declared| declared.name == *name);
        present.map_or_else(|| name.clone(), Declared::wire_name)
    }

    /// The declared experiments, in natural order.
    pub fn present(&self) -> impl Iterator<Item = &Declared> {
        let present = self.by_wire.values().flatten().filter(|run| !run.earlier);
        let mut present: Vec<&Declared> = present.map(|run| &run.declared).collect();
        present.sort_by(|a, b| a.name.cmp(&b.name));
        present.into_iter()
    }

    /// The first of these experiments whose results would stand on another declaration than they began with, and
    /// what differs.
    #[must_use]
    pub fn refuses<'a>(&self, config: &'a [Declared]) -> Option<(&'a Name, Vec<String>)> {
        config.iter().find_map(|declared| {
            let began = self.of(&declared.wire_name())?.began.as_ref()?;
            let changes = frozen::changes(began, declared);
            (!changes.is_empty()).then_some((&declared.name, changes))
        })
    }

    /// Whether a list shows it that nobody asked for more: no earlier run, and nothing that is archived.
    #[must_use]
    pub fn lists(&self, wire: &Name) -> bool {
        match self.by_wire.get(wire) {
            None => true,
            Some(None) => false,
            Some(Some(run)) => !run.earlier && !run.declared.archived,
        }
    }
}

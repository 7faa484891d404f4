//! Inputs that nobody thought of: all that are kept in `fixtures/fuzz`, and some new ones.
//! `cargo bench --bench fuzz` goes on where this stops.

#[path = "../../benches/fuzz/api.rs"]
mod api;
#[path = "../../benches/fuzz/engine.rs"]
#[allow(dead_code, reason = "the long run stops by time, too")]
mod engine;
#[path = "../../benches/fuzz/files.rs"]
mod files;

use std::collections::BTreeMap;

use lamed::domain::{Configured, Event, EventKind, IdempotencyKey, Name, Outcome};
use lamed::store::{RedisStore, Store};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::engine::{Limit, Target, kept, run};
use crate::support::{Redis, counter};

/// Tries what is kept, then so many new ones. The seed is fixed: a test fails always or never.
#[track_caller]
fn holds(mut target: impl Target, inputs: u64) {
    let files = kept(target.name());
    assert!(!files.is_empty(), "no seeds for {}", target.name());
    for (path, input) in files {
        // What panics says which one it was.
        eprintln!("{}", path.display());
        target.try_input(&input);
    }
    let failures: Vec<String> = (run(&mut target, Limit::Inputs(inputs), 1).failures.iter())
        .map(|input| input.escape_ascii().to_string())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_query_is_too_odd() {
    holds(api::Query::new(), 10_000);
}

#[test]
fn no_body_is_too_odd() {
    holds(api::Body::new(), 10_000);
}

#[test]
fn no_event_is_too_odd() {
    holds(api::Event::new(), 5_000);
}

#[test]
fn no_proxy_reply_is_too_odd() {
    holds(api::ProxyReply, 20_000);
}

#[test]
fn no_config_is_too_odd() {
    holds(files::ConfigFile, 20_000);
}

#[test]
fn no_settings_are_too_odd() {
    holds(files::FunctionSettings, 20_000);
}

#[test]
fn no_counts_are_too_odd() {
    holds(files::Counts, 500);
}

/// Any text that is a name is counted under that name, and under no other.
#[tokio::test]
async fn any_names_come_back_out_of_a_redis() {
    let redis = Redis::start(&[]);
    let settings = crate::support::patient(&redis.url());
    let store = RedisStore::new(&settings).unwrap();
    let mut random = StdRng::seed_from_u64(2);
    let mut expected: BTreeMap<Name, BTreeMap<(EventKind, Name), u64>> = BTreeMap::new();
    let mut events = Vec::new();
    for number in 0..2000 {
        // Few experiments, so that those that look alike meet each other.
        let [experiment, event, variant] = [2, 4, 4].map(|longest| any_name(&mut random, longest));
        let counter = counter(
            "n%3A{s}",
            experiment.as_str(),
            event.as_str(),
            variant.as_str(),
        );
        let counted = (expected.entry(counter.experiment.clone()).or_default())
            .entry((counter.kind.clone(), counter.variant.clone()));
        *counted.or_default() += 1;
        let key = IdempotencyKey::new(format!("{number}")).unwrap();
        // Of these names there may be as many as there are.
        let configured = Configured {
            namespace: true,
            variant: true,
            ..Configured::default()
        };
        events.push(Event {
            counter,
            key,
            configured,
            value: None,
        });
    }
    for events in events.chunks(100) {
        let outcomes = store.track(events).await.unwrap();
        assert_eq!(outcomes, vec![Outcome::Counted; events.len()]);
    }
    let namespace = &events[0].counter.namespace;
    let all = store.counts(namespace, None).await.unwrap();
    let names: Vec<&Name> = all.iter().map(|counts| &counts.experiment).collect();
    assert_eq!(names, expected.keys().collect::<Vec<_>>());
    for (counts, expected) in all.iter().zip(expected.values()) {
        for ((kind, variant), expected) in expected {
            let counted = match kind {
                EventKind::Exposure => counts.participants(variant),
                EventKind::Conversion(goal) => counts.conversions(goal, variant),
            };
            assert_eq!(
                counted, *expected,
                "{:?} {kind:?} {variant:?}",
                counts.experiment
            );
        }
        let sum: u64 = (counts.variants().iter())
            .map(|variant| {
                let goals = counts.goals();
                let conversions = goals.iter().map(|goal| counts.conversions(goal, variant));
                conversions.sum::<u64>() + counts.participants(variant)
            })
            .sum();
        assert_eq!(
            sum,
            expected.values().sum::<u64>(),
            "{:?}",
            counts.experiment
        );
    }
}

/// Mostly of what means something in keys.
fn any_name(random: &mut StdRng, longest: usize) -> Name {
    const PARTS: [&str; 16] = [
        ":",
        "%",
        "{",
        "}",
        "%3A",
        "%25",
        "%7B",
        "a",
        "0",
        " ",
        "é",
        "🦀",
        "\u{10ffff}",
        "counters",
        "participate",
        "\"",
    ];
    let length = random.random_range(1..=longest);
    let parts = std::iter::repeat_with(|| PARTS[random.random_range(0..PARTS.len())]);
    Name::new(parts.take(length).collect::<String>()).unwrap()
}

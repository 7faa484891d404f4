//! Names in the keys of a Redis.

#[allow(dead_code, reason = "the store's, all of it")]
#[path = "../../src/store/redis/keyspace.rs"]
mod keyspace;

use std::collections::HashMap;

use lamed::domain::{EventKind, Name};

use super::engine::{Target, hash};

/// Four names, a line each: any of them come back out of their key, and no others have the same key.
#[derive(Default)]
pub struct Keys {
    /// By the hash of a key: the hash of its names.
    known: HashMap<u64, u64>,
}

impl Target for Keys {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "%3A",
            "%25",
            "%7B",
            "%7D",
            ":",
            "{",
            "}",
            "%",
            "counters",
            ":counters:",
            "counter_keys",
            "participate",
            "experiments",
            "windows",
            "until",
            "days",
            "deleted",
            "seen",
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input);
        let mut lines = text.split('\n');
        let mut next = || Name::stored(lines.next().unwrap_or_default().to_owned());
        let (namespace, experiment, event, variant) = (next(), next(), next(), next());
        if [&namespace, &experiment, &event, &variant]
            .iter()
            .any(|name| name.as_str().is_empty())
        {
            return "no name".to_owned();
        }
        let kind = EventKind::from(event.clone());
        if self.known.len() > 2_000_000 {
            self.known.clear();
        }
        let mut marks = 0;
        for cluster in [false, true] {
            let space = keyspace::Namespace::new(&namespace, cluster);
            let of = space.experiment(&experiment);
            let key = of.counter(&kind, &variant);
            assert_eq!(
                of.parse(&key),
                Some((kind.clone(), variant.clone())),
                "{key}"
            );
            assert_eq!(keyspace::decode(&of.member), experiment.as_str());
            let whose = [
                hash(&namespace),
                hash(&(&namespace, &experiment)),
                hash(&(&namespace, &experiment, &event, &variant)),
            ];
            for (key, family, whose) in families(&space, &of, &key, whose) {
                self.claim(cluster, &key, hash(&(family, whose)));
            }
            if cluster {
                let keys = [
                    of.index().concat(),
                    of.windows().concat(),
                    of.days(&key).concat(),
                    of.deleted(&key).concat(),
                    of.flag("f").concat(),
                ];
                for key in keys.iter().chain([&key, &of.seen("d")]) {
                    assert_eq!(hash_tag(key), Some(of.member.as_str()), "{key}");
                }
            }
            // Where Python lamed's form of it would be, if there is any.
            for form in space.experiment_forms(&experiment).iter().skip(1) {
                let _ = form.parse(&text);
                for key in [form.index().concat(), form.windows().concat()] {
                    self.claim(cluster, &key, hash(&("python", &key)));
                }
            }
            // Not its index of counters, which reads like that of an experiment: it is a set, too, and
            // what is taken out of it by one is none of the other's.
            for form in keyspace::Namespace::forms(&namespace, cluster)
                .iter()
                .skip(1)
            {
                let key = form.experiments().concat();
                self.claim(cluster, &key, hash(&("python", &key)));
            }
            marks = key.matches(['%', ':', '{']).count();
        }
        let _ = keyspace::decode(&text);
        format!(
            "{} {}",
            marks.ilog2(),
            text.len().checked_ilog2().unwrap_or(0)
        )
    }
}

impl Keys {
    /// A key has one meaning: nobody has claimed it for another.
    fn claim(&mut self, cluster: bool, key: &str, whose: u64) {
        let before = self.known.insert(hash(&(cluster, key)), whose);
        assert!(
            before.is_none_or(|before| before == whose),
            "{key} stands for others, too"
        );
    }
}

/// The keys of one counter, each with its family, and with whose it is: the namespace's, the
/// experiment's, or the counter's own.
fn families(
    space: &keyspace::Namespace,
    of: &keyspace::ExperimentKeys,
    counter: &str,
    [namespace, experiment, own]: [u64; 3],
) -> [(String, &'static str, u64); 7] {
    [
        (space.experiments().concat(), "experiments", namespace),
        (space.index().concat(), "index", namespace),
        (of.index().concat(), "index of one", experiment),
        (of.windows().concat(), "windows", experiment),
        (counter.to_owned(), "counter", own),
        (of.days(counter).concat(), "days", own),
        (of.deleted(counter).concat(), "deleted", own),
    ]
}

/// What a Redis Cluster puts keys into slots by.
fn hash_tag(key: &str) -> Option<&str> {
    let (_, rest) = key.split_once('{')?;
    rest.split_once('}')
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.is_empty())
}

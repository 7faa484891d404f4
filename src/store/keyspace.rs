//! Every Redis key, on one page. The first five are Python lamed's, byte for byte.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `{ns}:experiments` | set | experiments |
//! | `{ns}:counter_keys` | set | every counter key of the namespace |
//! | `{ns}:{experiment}:counter_keys` | set | the counter keys of one experiment |
//! | `{ns}:counters:{experiment}:{event}:{variant}` | string | the count |
//! | `sha1_hex("{counter key} {uuid}")` | string | flag: this key was counted under this counter |
//! | `{ns}:days:{experiment}:{event}:{variant}` | hash | day (days since 1970-01-01, UTC) → count |
//! | `{ns}:deleted:{experiment}:{event}:{variant}` | string | when the counter was deleted, and the window then |
//!
//! Braces are place-holders. Inside a name `:`, `%`, `{` and `}` are percent-encoded, so that keys
//! can be taken apart again and no name can become a cluster hash tag. Python lamed wrote such
//! names as they are; those counters are still found, under [`forms`].

use std::borrow::Cow;

use sha1::{Digest, Sha1};

use crate::domain::{Counter, Event, Kind, Name};

/// The keys that counting one event touches.
pub(super) struct CounterKeys {
    pub counter: String,
    pub days: String,
    pub deleted: String,
    pub experiments: String,
    pub namespace_index: String,
    pub experiment_index: String,
}

impl CounterKeys {
    pub(super) fn new(counter: &Counter) -> Self {
        let namespace = encode(counter.namespace.as_str());
        let experiment = encode(counter.experiment.as_str());
        let event = encode(counter.kind.as_str());
        let variant = encode(counter.variant.as_str());
        let key = |family| format!("{namespace}:{family}:{experiment}:{event}:{variant}");
        Self {
            counter: key("counters"),
            days: key("days"),
            deleted: key("deleted"),
            experiments: experiments(&namespace),
            namespace_index: namespace_index(&namespace),
            experiment_index: experiment_index(&namespace, &experiment),
        }
    }
}

/// The flag by which the `flags` scheme remembers an event.
pub(super) fn flag(counter_key: &str, event: &Event) -> String {
    let mut sha1 = Sha1::new();
    sha1.update(counter_key);
    sha1.update(" ");
    sha1.update(event.key.as_str());
    sha1.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(super) fn experiments(namespace: &str) -> String {
    format!("{namespace}:experiments")
}

pub(super) fn namespace_index(namespace: &str) -> String {
    format!("{namespace}:counter_keys")
}

pub(super) fn experiment_index(namespace: &str, experiment: &str) -> String {
    format!("{namespace}:{experiment}:counter_keys")
}

/// The same counter's key in another family: `counters` becomes `days` or `deleted`.
pub(super) fn sibling(counter_key: &str, namespace: &str, family: &str) -> String {
    let rest = counter_key
        .strip_prefix(namespace)
        .and_then(|rest| rest.strip_prefix(":counters"))
        .unwrap_or(counter_key);
    format!("{namespace}:{family}{rest}")
}

/// Takes a counter key apart. `None` when it is not of this namespace and experiment.
pub(super) fn parse(counter_key: &str, namespace: &str, experiment: &str) -> Option<(Kind, Name)> {
    let rest = counter_key
        .strip_prefix(namespace)?
        .strip_prefix(":counters:")?
        .strip_prefix(experiment)?
        .strip_prefix(':')?;
    let (event, variant) = rest.rsplit_once(':')?;
    Some((
        Kind::from(Name::stored(decode(event))),
        Name::stored(decode(variant)),
    ))
}

/// The forms in which a name may stand in keys: encoded, and as Python lamed wrote it where that
/// differs.
pub(super) fn forms(name: &Name) -> Vec<String> {
    match encode(name.as_str()) {
        Cow::Borrowed(same) => vec![same.to_owned()],
        Cow::Owned(encoded) => vec![encoded, name.as_str().to_owned()],
    }
}

/// Percent-encodes what has a meaning in keys: `:`, `%`, `{` and `}`.
pub(super) fn encode(name: &str) -> Cow<'_, str> {
    if !name.contains([':', '%', '{', '}']) {
        return Cow::Borrowed(name);
    }
    let mut encoded = String::with_capacity(name.len() + 8);
    for character in name.chars() {
        match character {
            ':' => encoded.push_str("%3A"),
            '%' => encoded.push_str("%25"),
            '{' => encoded.push_str("%7B"),
            '}' => encoded.push_str("%7D"),
            other => encoded.push(other),
        }
    }
    Cow::Owned(encoded)
}

/// Gives back what [`encode`] was given. Anything that it never writes stays as it is, so that a
/// name from Python lamed ("50% off") reads as it was.
pub(super) fn decode(encoded: &str) -> String {
    let mut name = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(at) = rest.find('%') {
        name.push_str(&rest[..at]);
        let (character, length) = match rest.get(at..at + 3) {
            Some("%3A") => (':', 3),
            Some("%25") => ('%', 3),
            Some("%7B") => ('{', 3),
            Some("%7D") => ('}', 3),
            _ => ('%', 1),
        };
        name.push(character);
        rest = &rest[at + length..];
    }
    name.push_str(rest);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::IdempotencyKey;

    fn counter(namespace: &str, experiment: &str, event: &str, variant: &str) -> Counter {
        let name = |text: &str| Name::new(text).unwrap();
        Counter {
            namespace: name(namespace),
            experiment: name(experiment),
            kind: name(event).into(),
            variant: name(variant),
        }
    }

    #[test]
    fn plain_names_keep_the_python_keys() {
        let counter = counter("alephbet", "my a/b test", "participate", "rot-ö");
        let keys = CounterKeys::new(&counter);
        assert_eq!(
            keys.counter,
            "alephbet:counters:my a/b test:participate:rot-ö"
        );
        assert_eq!(keys.experiments, "alephbet:experiments");
        assert_eq!(keys.namespace_index, "alephbet:counter_keys");
        assert_eq!(keys.experiment_index, "alephbet:my a/b test:counter_keys");
        let event = Event {
            counter,
            key: IdempotencyKey::new("u-1").unwrap(),
        };
        // python3: hashlib.sha1(f"{key} u-1".encode()).hexdigest()
        assert_eq!(
            flag(&keys.counter, &event),
            "7327e9a9d30d6b39d06fadf8542ed29c85c8bc38"
        );
    }

    #[test]
    fn any_name_comes_back() {
        for name in ["a:b", "100%", "%3A", "{tag}", "%%7B:", "🦀:é", "plain", "%"] {
            assert_eq!(decode(&encode(name)), name);
            assert!(!encode(name).contains([':', '{', '}']));
            let counter = counter("n:s", "e%", name, name);
            let keys = CounterKeys::new(&counter);
            assert_eq!(
                parse(&keys.counter, "n%3As", "e%25"),
                Some((counter.kind, counter.variant))
            );
            assert_eq!(sibling(&keys.counter, "n%3As", "days"), keys.days);
        }
    }

    #[test]
    fn names_that_python_wrote_raw_are_read() {
        assert_eq!(decode("50% off"), "50% off");
        let stored = |text: &str| Name::stored(text.to_owned());
        assert_eq!(
            parse("n:counters:a:b:cta:clicked:{red}", "n", "a:b"),
            Some((Kind::Conversion(stored("cta:clicked")), stored("{red}")))
        );
        assert_eq!(parse("other:counters:a:g:v", "n", "a"), None);
        assert_eq!(forms(&stored("a:b")), ["a%3Ab", "a:b"]);
    }
}

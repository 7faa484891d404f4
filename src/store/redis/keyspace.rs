//! Every Redis key, on one page. The first five are Python lamed's, byte for byte.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `ns:experiments` | set | experiments |
//! | `ns:counter_keys` | set | every counter key of the namespace |
//! | `ns:experiment:counter_keys` | set | the counter keys of one experiment |
//! | `ns:counters:experiment:event:variant` | string | the count |
//! | `sha1_hex("counter-key uuid")` | string | flag: this idempotency key was counted under this counter |
//! | `ns:days:experiment:event:variant` | hash | day (days since 1970-01-01, UTC) → count |
//! | `ns:sums:experiment:goal:variant` | hash | of a goal with a value: day → Σx in ten-thousandths, `day:h` and `day:l` → Σx² in units of 10⁻⁸, split as high·10¹⁰ + low |
//! | `ns:deleted:experiment:event:variant` | string | the counter's last deletion (when it was, but later than the one before), and the window then |
//! | `ns:windows:experiment:until` | sorted set | windows for which sets remember → until when (ms) |
//! | `ns:variants:experiment:of` | hash | the variants of an experiment with many counters, and how many counters, for a day |
//! | `ns:declared:experiment:copy` | string | what was declared when the first event of the experiment was counted |
//! | `lamed:namespaces` | set | namespaces that have taken one of the places that `max_namespaces` gives |
//! | `ns:seen:digest:slot path` | set | hashes of idempotency keys that were counted: [`super::redis`]'s `sets` |
//!
//! `ns`, `experiment`, `event` and `variant` stand for names. Inside a name `:`, `%`, `{` and `}` are
//! percent-encoded, so that keys can be taken apart again and no name can become a hash tag. Python
//! lamed wrote such names as they are; those counters are still found, under [`Namespace::forms`].
//!
//! On a Redis Cluster, all keys of one experiment stand in one slot, for `experiment` is in braces
//! there: `ns:counters:{experiment}:event:variant`, `ns:seen:{experiment}:digest:slot path`, and
//! `ns:flag:{experiment}:sha1` for a flag. The first two keys are in the namespace's slot:
//! `{ns}:experiments` and `{ns}:counter_keys`. A counter is entered there before it is made, and an
//! experiment is never taken out: so none is ever invisible, whatever is interrupted. `lamed:namespaces`
//! has a slot of its own; a namespace is entered there before its first counter, and never taken out.

use std::borrow::Cow;

use crate::domain::{EventKind, Name};

/// The set of namespaces that have taken one of the places that `max_namespaces` gives.
pub(super) const NAMESPACES: &str = "lamed:namespaces";

/// A key, in parts that stand one after the other. An event has some twenty keys, and parts need no memory of their own.
pub(super) type Key<'a, const PARTS: usize> = [&'a str; PARTS];

/// One namespace, in one of the forms that its name takes in keys.
#[derive(Clone, Debug)]
pub(super) struct Namespace {
    form: String,
    cluster: bool,
}

impl Namespace {
    /// As lamed writes it.
    pub(super) fn new(name: &Name, cluster: bool) -> Self {
        Self {
            form: encode(name.as_str()).into_owned(),
            cluster,
        }
    }

    /// As lamed writes it, and as Python lamed did where that differs.
    pub(super) fn forms(name: &Name, cluster: bool) -> Vec<Self> {
        (forms(name, cluster).into_iter())
            .map(|form| Self { form, cluster })
            .filter(|namespace| !is_counters(&namespace.experiments().concat()))
            .collect()
    }

    /// As it stands in [`NAMESPACES`].
    pub(super) fn member(&self) -> &str {
        &self.form
    }

    pub(super) fn experiments(&self) -> Key<'_, 4> {
        self.of_all("experiments")
    }

    pub(super) fn index(&self) -> Key<'_, 4> {
        self.of_all("counter_keys")
    }

    fn of_all(&self, what: &'static str) -> Key<'_, 4> {
        match self.cluster {
            true => ["{", &self.form, "}:", what],
            false => ["", &self.form, ":", what],
        }
    }

    /// The experiment as lamed writes it.
    pub(super) fn experiment(&self, name: &Name) -> ExperimentKeys {
        self.experiment_as(encode(name.as_str()).into_owned())
    }

    /// As lamed writes it, and as Python lamed did where that differs.
    pub(super) fn experiment_forms(&self, name: &Name) -> Vec<ExperimentKeys> {
        (forms(name, self.cluster).into_iter())
            .map(|form| self.experiment_as(form))
            .filter(|experiment| !is_counters(&experiment.index().concat()))
            .collect()
    }

    fn experiment_as(&self, member: String) -> ExperimentKeys {
        ExperimentKeys {
            namespace: self.form.clone(),
            form: if self.cluster {
                ["{", &member, "}"].concat()
            } else {
                member.clone()
            },
            member,
            cluster: self.cluster,
        }
    }
}

/// One experiment, in one of the forms that its name takes in keys.
#[derive(Clone, Debug)]
pub(super) struct ExperimentKeys {
    namespace: String,
    form: String,
    /// As it stands in the set of experiments.
    pub member: String,
    cluster: bool,
}

impl ExperimentKeys {
    pub(super) fn index(&self) -> Key<'_, 4> {
        [&self.namespace, ":", &self.form, ":counter_keys"]
    }

    pub(super) fn windows(&self) -> Key<'_, 4> {
        [&self.namespace, ":windows:", &self.form, ":until"]
    }

    /// Ends as no index does: `windows` and `variants` may be names of experiments.
    pub(super) fn variants(&self) -> Key<'_, 4> {
        [&self.namespace, ":variants:", &self.form, ":of"]
    }

    /// Ends as no index does.
    pub(super) fn copy(&self) -> Key<'_, 4> {
        [&self.namespace, ":declared:", &self.form, ":copy"]
    }

    pub(super) fn counter(&self, kind: &EventKind, variant: &Name) -> String {
        let (event, variant) = (encode(kind.as_str()), encode(variant.as_str()));
        let (namespace, form) = (&self.namespace, &self.form);
        [namespace, ":counters:", form, ":", &event, ":", &variant].concat()
    }

    /// Takes a counter key apart. `None` when it is not of this experiment.
    pub(super) fn parse(&self, counter_key: &str) -> Option<(EventKind, Name)> {
        let rest = counter_key
            .strip_prefix(&self.namespace)?
            .strip_prefix(":counters:")?
            .strip_prefix(&self.form)?
            .strip_prefix(':')?;
        let (event, variant) = rest.rsplit_once(':')?;
        Some((
            EventKind::from(Name::stored(decode(event))),
            Name::stored(decode(variant)),
        ))
    }

    pub(super) fn days<'a>(&'a self, counter_key: &'a str) -> Key<'a, 4> {
        self.sibling(counter_key, "days")
    }

    pub(super) fn sums<'a>(&'a self, counter_key: &'a str) -> Key<'a, 4> {
        self.sibling(counter_key, "sums")
    }

    pub(super) fn deleted<'a>(&'a self, counter_key: &'a str) -> Key<'a, 4> {
        self.sibling(counter_key, "deleted")
    }

    /// The same counter's key in another family.
    fn sibling<'a>(&'a self, counter_key: &'a str, family: &'static str) -> Key<'a, 4> {
        let rest = counter_key
            .strip_prefix(&self.namespace)
            .and_then(|rest| rest.strip_prefix(":counters"))
            .unwrap_or(counter_key);
        [&self.namespace, ":", family, rest]
    }

    pub(super) fn flag<'a>(&'a self, sha1_hex: &'a str) -> Key<'a, 5> {
        match self.cluster {
            true => [&self.namespace, ":flag:", &self.form, ":", sha1_hex],
            false => ["", "", "", "", sha1_hex],
        }
    }

    /// What the keys of sets begin with.
    pub(super) fn seen(&self, digest: &str) -> String {
        match self.cluster {
            true => [&self.namespace, ":seen:", &self.form, ":", digest, ":"].concat(),
            false => [&self.namespace, ":seen:", digest, ":"].concat(),
        }
    }
}

/// The forms in which a name may stand in keys: encoded, and as Python lamed wrote it where that
/// differs. It never worked on a cluster. What Python lamed wrote for `%3A` is what we write for `:`,
/// and so it is that name's alone: who reads or deletes the one must not meet the other.
fn forms(name: &Name, cluster: bool) -> Vec<String> {
    let raw = name.as_str();
    match encode(raw) {
        Cow::Owned(encoded) if !cluster && encode(&decode(raw)) != raw => {
            vec![encoded, raw.to_owned()]
        }
        encoded => vec![encoded.into_owned()],
    }
}

/// Whether a key in a form of Python lamed's reads like that of a counter. It would be one, if anybody
/// makes it: `ns:counters:e:g:counter_keys` is a variant's count, and no index of `counters:e:g`.
fn is_counters(key: &str) -> bool {
    let parts: Vec<&str> = key.split(':').collect();
    matches!(
        parts[..],
        [_, "counters" | "days" | "deleted" | "sums", _, _, _]
    )
}

/// Percent-encodes what has a meaning in keys: `:`, `%`, `{` and `}`.
fn encode(name: &str) -> Cow<'_, str> {
    let is_special = |byte: u8| matches!(byte, b':' | b'%' | b'{' | b'}');
    if !name.bytes().any(is_special) {
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
// The path, because the fuzzing takes in this file by its own.
#[path = "keyspace/tests.rs"]
mod tests;

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
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::stored(text.to_owned())
    }

    fn kind(text: &str) -> EventKind {
        name(text).into()
    }

    #[test]
    fn plain_names_keep_the_python_keys() {
        let namespace = Namespace::new(&name("alephbet"), false);
        let experiment = namespace.experiment(&name("my a/b test"));
        let counter = experiment.counter(&kind("participate"), &name("rot-ö"));
        assert_eq!(counter, "alephbet:counters:my a/b test:participate:rot-ö");
        assert_eq!(namespace.experiments().concat(), "alephbet:experiments");
        assert_eq!(namespace.index().concat(), "alephbet:counter_keys");
        assert_eq!(
            experiment.index().concat(),
            "alephbet:my a/b test:counter_keys"
        );
        assert_eq!(experiment.flag("ab12").concat(), "ab12");
    }

    #[test]
    fn any_name_comes_back() {
        for cluster in [false, true] {
            for text in ["a:b", "100%", "%3A", "{tag}", "%%7B:", "🦀:é", "plain", "%"] {
                assert_eq!(decode(&encode(text)), text);
                assert!(!encode(text).contains([':', '{', '}']));
                let experiment = Namespace::new(&name("n:s"), cluster).experiment(&name(text));
                let counter = experiment.counter(&kind(text), &name(text));
                assert_eq!(experiment.parse(&counter), Some((kind(text), name(text))));
                assert_eq!(decode(&experiment.member), text);
            }
        }
    }

    #[test]
    fn no_form_of_a_name_is_another_names() {
        for (text, expected) in [
            ("plain", &["plain"][..]),
            ("a:b", &["a%3Ab", "a:b"]),
            ("50% off", &["50%25 off", "50% off"]),
            ("%3A:", &["%253A%3A", "%3A:"]),
            // These are `:`, `%` and `a{b}` as lamed writes them.
            ("%3A", &["%253A"]),
            ("%25", &["%2525"]),
            ("a%7Bb%7D", &["a%257Bb%257D"]),
        ] {
            assert_eq!(forms(&name(text), false), expected, "{text}");
        }
    }

    #[test]
    fn no_index_is_looked_for_where_a_counter_may_be() {
        let namespace = Namespace::new(&name("n"), false);
        for experiment in ["counters:e:g", "days:e:g", "deleted:e:g", "sums:e:g"] {
            let forms = namespace.experiment_forms(&name(experiment));
            assert_eq!(forms.len(), 1, "{experiment}");
            assert_eq!(
                Namespace::forms(&name(&format!("n:{experiment}")), false).len(),
                1
            );
        }
        let other = namespace.experiment_forms(&name("counters:e"));
        assert_eq!(other[1].index().concat(), "n:counters:e:counter_keys");
        let windows = namespace
            .experiment(&name("counter_keys"))
            .windows()
            .concat();
        assert_ne!(
            windows,
            namespace.experiment(&name("windows")).index().concat()
        );
    }

    /// `benches/fuzz` goes on where this stops.
    #[test]
    fn no_name_is_too_odd() {
        use rand::rngs::StdRng;
        use rand::{RngExt, SeedableRng};
        const PARTS: [&str; 10] = [":", "%", "{", "}", "%3A", "%25", "3A", "7", "é", "🦀"];
        let mut random = StdRng::seed_from_u64(1);
        let mut names = std::collections::HashMap::new();
        for round in 0..20_000 {
            let any: [String; 4] = std::array::from_fn(|_| {
                let parts = (0..random.random_range(0..4)).map(|_| random.random_range(0..10));
                parts
                    .collect::<Vec<usize>>()
                    .into_iter()
                    .map(|part| PARTS[part])
                    .collect()
            });
            let [namespace, experiment, event, variant] = any.each_ref().map(|text| name(text));
            let of = Namespace::new(&namespace, round % 2 == 0).experiment(&experiment);
            let counter = of.counter(&EventKind::from(event.clone()), &variant);
            assert_eq!(of.parse(&counter), Some((EventKind::from(event), variant)));
            assert_eq!(decode(&of.member), any[1]);
            let others = names.insert(counter, any.clone());
            assert!(
                others.is_none_or(|others| others == any),
                "two have one key: {any:?}"
            );
        }
    }

    #[test]
    fn names_that_python_wrote_raw_are_read() {
        assert_eq!(decode("50% off"), "50% off");
        let namespaces = Namespace::forms(&name("n"), false);
        let experiments = namespaces[0].experiment_forms(&name("a:b"));
        let raw = "n:counters:a:b:cta:clicked:{red}";
        assert_eq!(
            (experiments.iter().map(|e| e.member.as_str())).collect::<Vec<_>>(),
            ["a%3Ab", "a:b"]
        );
        assert_eq!(experiments[0].parse(raw), None);
        assert_eq!(
            experiments[1].parse(raw),
            Some((kind("cta:clicked"), name("{red}")))
        );
        assert_eq!(
            experiments[1].days(raw).concat(),
            "n:days:a:b:cta:clicked:{red}"
        );
        assert_eq!(experiments[1].parse("other:counters:a:b:g:v"), None);
    }

    #[test]
    fn on_a_cluster_all_keys_of_an_experiment_have_its_name_as_hash_tag() {
        let namespace = Namespace::new(&name("shop"), true);
        let experiment = namespace.experiment(&name("{50%}"));
        let counter = experiment.counter(&kind("buy"), &name("red"));
        assert_eq!(
            [
                experiment.index().concat(),
                experiment.windows().concat(),
                experiment.variants().concat(),
                experiment.copy().concat(),
                experiment.days(&counter).concat(),
                experiment.sums(&counter).concat(),
                experiment.deleted(&counter).concat(),
                experiment.flag("ab12").concat(),
                experiment.seen("x1"),
                counter,
                namespace.experiments().concat(),
                namespace.index().concat(),
            ],
            [
                "shop:{%7B50%25%7D}:counter_keys",
                "shop:windows:{%7B50%25%7D}:until",
                "shop:variants:{%7B50%25%7D}:of",
                "shop:declared:{%7B50%25%7D}:copy",
                "shop:days:{%7B50%25%7D}:buy:red",
                "shop:sums:{%7B50%25%7D}:buy:red",
                "shop:deleted:{%7B50%25%7D}:buy:red",
                "shop:flag:{%7B50%25%7D}:ab12",
                "shop:seen:{%7B50%25%7D}:x1:",
                "shop:counters:{%7B50%25%7D}:buy:red",
                "{shop}:experiments",
                "{shop}:counter_keys",
            ]
        );
        assert_eq!(Namespace::forms(&name("a:b"), true).len(), 1);
    }
}

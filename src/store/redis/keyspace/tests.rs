//! Names go into keys and come out of them.

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

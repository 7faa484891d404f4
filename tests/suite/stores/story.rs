//! The story: what every store must live through.

use lamed::domain::{EventKind, ExperimentCounts, Outcome, Selection, Timestamp};
use lamed::store::Store;

use crate::counting::values;
use crate::support::{event, name};

/// Counting, duplicates, names, deletes and days, in one order that touches all.
pub(super) async fn story(store: &dyn Store) {
    let alephbet = name("alephbet");
    store.ping().await.unwrap();
    assert_eq!(store.counts(&alephbet, None).await.unwrap(), []);

    // Counted once under each counter, however often it comes; in one call or in several.
    let shown = event("color", "participate", "blue", "1");
    let once = std::slice::from_ref(&shown);
    assert_eq!(track(store, once).await, [Outcome::Counted]);
    assert_eq!(track(store, once).await, [Outcome::Duplicate]);
    let batch = [
        shown.clone(),
        event("color", "participate", "blue", "2"),
        event("color", "participate", "red", "1"),
        event("color", "click", "blue", "1"),
        event("color", "click", "blue", "1"),
    ];
    use Outcome::{Counted, Duplicate};
    assert_eq!(
        track(store, &batch).await,
        [Duplicate, Counted, Counted, Counted, Duplicate]
    );
    assert_eq!(
        table(&all(store).await),
        ["color: blue 2, red 1; click: blue 1, red 0"]
    );

    // Names of any text are told apart and come back as they were; order is natural.
    let odd = [
        "a:b",
        "a",
        "%",
        "%25",
        "{x}",
        "10 ✓",
        "2 שלום",
        "a:b:c",
        "o'b\"<&>\\",
    ];
    for text in odd {
        assert_eq!(
            track(store, &[event(text, text, text, "1")]).await,
            [Counted]
        );
        assert_eq!(
            track(store, &[event(text, text, text, "1")]).await,
            [Duplicate]
        );
    }
    let names: Vec<String> = (all(store).await.iter())
        .map(|e| e.experiment.to_string())
        .collect();
    let mut expected = odd.map(name).to_vec();
    expected.push(name("color"));
    expected.sort();
    assert_eq!(
        names,
        expected.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    let scope = [name("{x}"), name("no such"), name("a:b")];
    let scoped = store.counts(&alephbet, Some(&scope)).await.unwrap();
    assert_eq!(
        table(&scoped),
        [
            "{x}: {x} 0; {x}: {x} 1",
            "no such:",
            "a:b: a:b 0; a:b: a:b 1"
        ]
    );
    assert_eq!(store.counts(&name("other"), None).await.unwrap(), []);

    // Days: all of the above was today (or, around midnight, yesterday and today).
    let [of_color, of_none] = [name("color"), name("none")];
    let days = store.days(&alephbet, &[of_none, of_color]).await.unwrap();
    assert_eq!(days[0], []);
    let days = &days[1];
    let today = Timestamp::now().day();
    let yesterday = Timestamp(Timestamp::now().0 - 86_400_000).day();
    assert!(
        days.iter()
            .all(|count| count.day == today || count.day == yesterday),
        "{days:?}"
    );
    let sum = |kind: &EventKind, variant: &str| -> u64 {
        (days.iter())
            .filter(|count| count.kind == *kind && count.variant == name(variant))
            .map(|count| count.count)
            .sum()
    };
    let click = EventKind::Conversion(name("click"));
    assert_eq!(
        [
            sum(&EventKind::Exposure, "blue"),
            sum(&EventKind::Exposure, "red"),
            sum(&click, "blue")
        ],
        [2, 1, 1]
    );

    // Deleting takes what was selected, and what was remembered with it, and nothing else.
    assert_eq!(delete(store, "color", Some("click"), Some("red")).await, 0);
    assert_eq!(delete(store, "color", None, Some("red")).await, 1);
    assert_eq!(delete(store, "color", Some("click"), None).await, 1);
    let scope = [name("color")];
    let color = async || table(&store.counts(&alephbet, Some(&scope)).await.unwrap());
    assert_eq!(color().await, ["color: blue 2;"]);
    wait_for_the_next_millisecond();
    assert_eq!(
        track(store, &batch).await,
        [Duplicate, Duplicate, Counted, Counted, Duplicate]
    );
    assert_eq!(
        color().await,
        ["color: blue 2, red 1; click: blue 1, red 0"]
    );
    assert_eq!(delete(store, "color", None, None).await, 3);
    assert_eq!(delete(store, "color", None, None).await, 0);
    assert_eq!(color().await, ["color:"]);
    assert!(
        all(store)
            .await
            .iter()
            .all(|e| e.experiment != name("color"))
    );
    let days = store.days(&alephbet, &[name("color")]).await.unwrap();
    assert_eq!(days, [[]]);
    wait_for_the_next_millisecond();
    assert_eq!(
        track(store, &[shown.clone(), shown]).await,
        [Counted, Duplicate]
    );
    assert_eq!(delete(store, "a:b", None, None).await, 1);
    assert_eq!(all(store).await.len(), odd.len());
    values::story(store).await;
}

pub(super) async fn track(store: &dyn Store, events: &[lamed::domain::Event]) -> Vec<Outcome> {
    store.track(events).await.unwrap()
}

pub(super) async fn all(store: &dyn Store) -> Vec<ExperimentCounts> {
    store.counts(&name("alephbet"), None).await.unwrap()
}

pub(super) async fn delete(
    store: &dyn Store,
    experiment: &str,
    goal: Option<&str>,
    variant: Option<&str>,
) -> u64 {
    let selection = Selection {
        namespace: name("alephbet"),
        experiment: name(experiment),
        kind: goal.map(|goal| name(goal).into()),
        variant: variant.map(name),
    };
    store.delete(&selection).await.unwrap()
}

/// `experiment: variant participants, …; goal: variant conversions, …`
pub(super) fn table(experiments: &[ExperimentCounts]) -> Vec<String> {
    (experiments.iter())
        .map(|counts| {
            let variants = counts.variants();
            let row = |count: &dyn Fn(&lamed::domain::Name) -> u64| -> String {
                let cells: Vec<_> = variants
                    .iter()
                    .map(|v| format!("{v} {}", count(v)))
                    .collect();
                cells.join(", ")
            };
            let mut text = format!("{}:", counts.experiment);
            if !variants.is_empty() {
                text.push_str(&format!(" {};", row(&|v| counts.participants(v))));
            }
            for goal in counts.goals() {
                text.push_str(&format!(
                    " {goal}: {}",
                    row(&|v| counts.conversions(goal, v))
                ));
            }
            text
        })
        .collect()
}

/// What was remembered in the very millisecond of a delete stays remembered: a retry of an event
/// that was on its way must not count again.
pub fn wait_for_the_next_millisecond() {
    let now = Timestamp::now();
    while Timestamp::now().0 <= now.0 + 1 {
        std::hint::spin_loop();
    }
}

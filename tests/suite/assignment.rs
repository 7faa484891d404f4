//! Assignment is `AlephBet`'s, by the vectors that `AlephBet` itself made (`tests/browser/vectors.mjs`). The browser
//! client is held to the same file by `tests/browser/client/assignment.mjs`.

use std::fs;

use lamed::domain::assignment::{Variants, draw, idempotency_key, in_order, is_sampled, pick};
use lamed::domain::statistics::sample_ratio;
use serde_json::Value;

#[test]
fn variants_samples_and_keys_are_alephbets() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/assignment/vectors.json"
    );
    let vectors: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(vectors.len() >= 3000);
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str();
        let texts = |name: &str| -> Option<Vec<&str>> {
            let list = vector[name].as_array()?.iter();
            Some(list.map(|text| text.as_str().unwrap()).collect())
        };
        let (experiment, sample) = (
            text("experiment").unwrap(),
            vector["sample"].as_f64().unwrap(),
        );
        let declared = texts("declared").unwrap();
        let mut placed: Vec<(&str, usize)> = declared.iter().copied().zip(0..).collect();
        in_order(&mut placed, |(name, _)| name);
        let (order, places): (Vec<&str>, Vec<usize>) = placed.into_iter().unzip();
        assert_eq!(order, texts("order").unwrap_or_else(|| declared.clone()));
        let variants = match vector["weights"].as_array() {
            None => Variants::Equal(declared.len()),
            Some(weights) => {
                let weight =
                    |place: &usize| u32::try_from(weights[*place].as_u64().unwrap()).unwrap();
                Variants::Weighted(places.iter().map(weight).collect())
            }
        };
        let is_in = vector["in_sample"] == true;
        let random = if let Some(user) = text("user") {
            let [namespace, event] = ["namespace", "event"].map(|name| text(name).unwrap());
            assert_eq!(
                Some(&*idempotency_key(namespace, experiment, event, user)),
                text("key")
            );
            assert_eq!(is_sampled(experiment, sample, user), is_in, "{vector}");
            draw(experiment, "variant", user)
        } else {
            let [sampled, random] = [0, 1].map(|place: usize| {
                vector["draws"][place]
                    .as_str()
                    .unwrap()
                    .parse::<f64>()
                    .unwrap()
            });
            assert_eq!(sampled <= sample, is_in, "{vector}");
            random
        };
        if is_in || text("user").is_some() {
            let variant = pick(random, &variants).map(|place| order[place]);
            assert_eq!(variant, text("variant"), "{vector}");
        }
    }
}

/// While the sample grows, the split stays even: who is in was drawn by another lot than that of the variant.
#[test]
fn a_growing_sample_raises_no_alarm() {
    const SEEDS: u64 = 1000;
    const USERS: u64 = 300;
    let weights = Variants::Weighted(vec![90, 10]);
    let mut alarms = 0;
    for seed in 0..SEEDS {
        let experiment = format!("experiment {seed}");
        let (mut counts, mut rang) = ([0_u64; 2], false);
        // All come back with each step, those who are in and those who were left out.
        let mut before = None;
        for sample in [0.1, 0.5, 1.0] {
            for user in 0..USERS {
                let unit = format!("user {user}");
                let is_in = |sample| is_sampled(&experiment, sample, &unit);
                if !is_in(sample) || before.is_some_and(is_in) {
                    continue;
                }
                let draw = draw(&experiment, "variant", &unit);
                counts[pick(draw, &weights).unwrap()] += 1;
                let ratio = sample_ratio(&[(counts[0], 90), (counts[1], 10)]);
                rang |= ratio.is_some_and(|ratio| ratio.alarm());
            }
            before = Some(sample);
        }
        alarms += u32::from(rang);
    }
    assert!(alarms <= 10, "{alarms} of {SEEDS}");
}

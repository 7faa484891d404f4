//! `lamed serve --local --demo`: two experiments of the last two weeks, counted as any others are.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};

use super::CliError;
use super::stores::Opened;
use crate::config::Config;
use crate::domain::{PARTICIPATE, Timestamp};
use crate::http::{Api, Details, Handler, Method, Parameters, Request};
use crate::store::{Location, SqliteStore};

const MILLISECONDS_A_DAY: i64 = 24 * 60 * 60 * 1000;

const DAYS: i64 = 14;

/// How many events one request may hold.
const BATCH: usize = 100;

/// One variant of an experiment: participants and conversions on the first day; both vary from day to
/// day.
struct Sample {
    experiment: &'static str,
    variant: &'static str,
    participants: u64,
    goals: &'static [(&'static str, f64)],
}

/// A clear winner, and an experiment of which too few visitors get one variant.
const SAMPLES: [Sample; 4] = [
    Sample {
        experiment: "button color",
        variant: "blue",
        participants: 240,
        goals: &[("button clicked", 0.068), ("page viewed", 1.9)],
    },
    Sample {
        experiment: "button color",
        variant: "red",
        participants: 241,
        goals: &[("button clicked", 0.104), ("page viewed", 1.9)],
    },
    Sample {
        experiment: "free shipping from 50 €",
        variant: "as before",
        participants: 95,
        goals: &[("order placed", 0.031)],
    },
    Sample {
        experiment: "free shipping from 50 €",
        variant: "banner",
        participants: 77,
        goals: &[("order placed", 0.036)],
    },
];

const EXPERIMENTS: &str = r#"{"experiments": {
    "button color": {
        "variants": {"blue": 1, "red": 1}, "goals": ["button clicked", {"name": "page viewed", "unique": false}]
    },
    "free shipping from 50 €": {"variants": {"as before": 1, "banner": 1}, "goals": ["order placed"]}
}}"#;

/// Puts the experiments in the place of the declared ones, which may have the same names.
pub(super) fn declare(config: &mut Config) -> Result<(), CliError> {
    config.experiments = Config::parse(Path::new("demo"), EXPERIMENTS)?.experiments;
    Ok(())
}

/// The clock of the store, which can be put back.
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    fn put_back(&self, days: i64) {
        self.0.store(days * MILLISECONDS_A_DAY, Ordering::SeqCst);
    }
}

/// A store in memory, and its clock.
pub(super) fn open(config: &Config) -> Result<(Opened, Clock), CliError> {
    let back = Arc::new(AtomicI64::new(0));
    let clock = Clock(Arc::clone(&back));
    let now = move || Timestamp(Timestamp::now().0 - back.load(Ordering::SeqCst));
    let store = SqliteStore::open_with_clock(&Location::Memory, config.counting, now)
        .map_err(|error| CliError::failed(format!("cannot open the store: {error}")))?;
    Ok((Opened::in_memory(store), clock))
}

/// Sends the events of each day through the handler.
pub(super) async fn fill(api: &Api, clock: &Clock) -> Result<(), CliError> {
    for day in 0..DAYS {
        clock.put_back(DAYS - 1 - day);
        let events: Vec<Value> = SAMPLES
            .iter()
            .flat_map(|sample| of_day(sample, day))
            .collect();
        for events in events.chunks(BATCH) {
            send(api, events).await?;
        }
    }
    clock.put_back(0);
    Ok(())
}

fn of_day(sample: &Sample, day: i64) -> Vec<Value> {
    let phase = i64::try_from(sample.variant.len()).unwrap_or(0);
    let participants = vary(sample.participants as f64, day);
    let exposures = (PARTICIPATE, participants);
    let conversions = (sample.goals.iter())
        .map(|(goal, rate)| (*goal, vary(participants as f64 * rate, day * 3 + phase)));
    let counts = std::iter::once(exposures).chain(conversions);
    counts
        .flat_map(|(event, count)| {
            (0..count).map(move |number| {
                json!({
                    "experiment": sample.experiment,
                    "variant": sample.variant,
                    "event": event,
                    "uuid": format!("demo {day} {number}"),
                })
            })
        })
        .collect()
}

/// Up to 12 % more or less, and always the same on the same `day`.
fn vary(mean: f64, day: i64) -> u64 {
    let wave = (day as f64 * 2.4).sin();
    (mean * (1.0 + 0.12 * wave)).round() as u64
}

async fn send(api: &Api, events: &[Value]) -> Result<(), CliError> {
    let request = Request {
        method: Method::Post,
        query: Parameters::default(),
        body: Value::from(events).to_string().into_bytes(),
        encoding: None,
        user_agent: None,
        details: Details::default(),
    };
    let reply = api.handle(Handler::Track, &request).await;
    match reply.status {
        200 => Ok(()),
        _ => Err(CliError::failed(format!(
            "cannot count the sample events: {}",
            reply.body
        ))),
    }
}

//! Python lamed itself: the same calls get the same replies and leave the same keys, and both can
//! count in one Redis.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lamed::domain::{Experiments, Name, PARTICIPATE};
use lamed::http::{Api, Details, Handler, Method, Parameters, Request, Rules};
use lamed::store::{Dedupe, RedisStore};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Call, Dialogue, Held, Model, Redis, name, query, tools, within};

const SEEDS: [u64; 2] = [1, 2];
const WINDOW: Duration = Duration::from_hours(1);

#[test]
fn replies_and_keys_are_those_of_python_lamed() {
    within(Duration::from_mins(2), || {
        let redis = Redis::start(&[]);
        let (mut python, ours) = (Python::start(&redis, 0), Ours::new(&redis, 1));
        for seed in SEEDS.into_iter().chain([rand::random()]) {
            println!("seed {seed}");
            let (mut chance, mut model) = (Chance::new(seed), Model::default());
            for _ in 0..1_200 {
                let call = chance.call(false);
                let expected = model.apply(&call);
                assert_eq!(ours.call(&call), expected, "ours, {call:?}");
                python.check(&call, expected);
            }
            compare_keys(&redis, &model);
            redis::cmd("FLUSHALL")
                .exec(&mut redis.connection())
                .unwrap();
        }
    });
}

#[test]
fn both_count_in_turns_in_one_redis() {
    within(Duration::from_mins(2), || {
        let redis = Redis::start(&[]);
        let (mut python, ours) = (Python::start(&redis, 0), Ours::new(&redis, 0));
        let seed = rand::random();
        println!("seed {seed}");
        let (mut chance, mut model) = (Chance::new(seed), Model::default());
        for _ in 0..3_000 {
            let by_python = chance.random.random_bool(0.5);
            let call = chance.call(!by_python);
            let expected = model.apply(&call);
            if by_python {
                python.check(&call, expected);
            } else {
                assert_eq!(ours.call(&call), expected, "ours, {call:?}");
            }
        }
    });
}

/// Makes up calls on a few counters, so that most things happen to each of them.
struct Chance {
    random: StdRng,
    /// How often each experiment was deleted. Idempotency keys carry it: ours forgets them with a
    /// delete, Python lamed does not.
    generations: HashMap<(String, Name), u32>,
}

const EXPERIMENTS: [&str; 4] = ["button color", "days", "צבע + \"&=?#/\\'", "🦀 é"];
const EVENTS: [&str; 4] = [PARTICIPATE, "click", "נרשם, 100 <b>", "participated"];
const VARIANTS: [&str; 3] = ["blue", "אדום 🔴", " 10 "];

impl Chance {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            generations: HashMap::new(),
        }
    }

    fn one_of(&mut self, texts: &[&str]) -> String {
        (*texts.choose(&mut self.random).unwrap()).to_owned()
    }

    /// The next call; with `partial`, it may delete a part of an experiment.
    fn call(&mut self, partial: bool) -> Call {
        let mut call = Call {
            handler: match self.random.random_range(0..100) {
                0..2 => "delete",
                2..6 => "all",
                6..10 => "experiment",
                _ => "track",
            },
            fields: Vec::new(),
        };
        if self.random.random_bool(0.7) {
            let namespace = self.one_of(&["alephbet", "שם 2"]);
            call.fields.push(("namespace", namespace));
        }
        if call.handler == "all" {
            if self.random.random_bool(0.5) {
                call.fields.push(("scope", self.scope()));
            }
            return call;
        }
        call.fields.push(("experiment", self.one_of(&EXPERIMENTS)));
        let generation = (self.generations)
            .entry((call.namespace(), call.experiment()))
            .or_default();
        match call.handler {
            "track" => {
                let uuid = format!("ü+{} {generation}", self.random.random_range(0..4));
                let event = self.one_of(&EVENTS);
                let variant = self.one_of(&VARIANTS);
                (call.fields).extend([("event", event), ("variant", variant), ("uuid", uuid)]);
            }
            "delete" => {
                *generation += 1;
                if partial && self.random.random_bool(0.5) {
                    call.fields.push(("goal", self.one_of(&EVENTS)));
                }
                if partial && self.random.random_bool(0.5) {
                    call.fields.push(("variant", self.one_of(&VARIANTS)));
                }
            }
            _ => {}
        }
        call
    }

    /// Up to three experiments, known or not, perhaps one of them twice.
    fn scope(&mut self) -> String {
        let count = self.random.random_range(0..=3);
        let names: Vec<String> = (0..count)
            .map(|_| match self.random.random_range(0..5) {
                0 => "never seen".to_owned(),
                _ => self.one_of(&EXPERIMENTS),
            })
            .collect();
        names.join(",")
    }
}

#[test]
fn what_python_lamed_counted_is_not_counted_again_by_compact() {
    within(Duration::from_mins(1), || {
        let redis = Redis::start(&[]);
        let mut python = Python::start(&redis, 0);
        let compact = Ours::remembering(&redis, 0, Dedupe::Compact);
        let call = |uuid: &str| Call {
            handler: "track",
            fields: ["experiment", "variant", "event"]
                .map(|field| (field, "participate".to_owned()))
                .into_iter()
                .chain([("uuid", uuid.to_owned())])
                .collect(),
        };
        python.check(&call("1"), Value::Null);
        for (uuid, counted) in [("1", false), ("2", true), ("2", false)] {
            assert_eq!(compact.call(&call(uuid)), json!({"counted": counted}));
        }
        let trials = compact.call(&Call {
            handler: "all",
            fields: Vec::new(),
        });
        assert_eq!(trials[1]["variants"][0]["trials"], 2);
    });
}

/// Our handler over our store, in this process.
struct Ours {
    runtime: Runtime,
    api: Api,
}

impl Ours {
    fn new(redis: &Redis, db: u8) -> Self {
        Self::remembering(redis, db, Dedupe::Flags)
    }

    fn remembering(redis: &Redis, db: u8, dedupe: Dedupe) -> Self {
        let mut settings = crate::support::patient(&format!("{}/{db}", redis.url()));
        settings.counting.window = Some(WINDOW);
        settings.counting.dedupe = dedupe;
        let store = Arc::new(RedisStore::new(&settings).unwrap());
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            api: Api::new(store, Rules::new(Experiments::none(name("alephbet")))),
        }
    }

    fn call(&self, call: &Call) -> Value {
        let handler = Handler::from_name(&format!("lamed.{}", call.handler)).unwrap();
        let fields: Vec<(&str, &str)> = (call.fields.iter())
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let request = Request {
            method: if handler == Handler::Delete {
                Method::Delete
            } else {
                Method::Get
            },
            query: Parameters::decode(&query(&fields)),
            body: Vec::new(),
            encoding: None,
            user_agent: None,
            details: Details::default(),
        };
        let reply = self.runtime.block_on(self.api.handle(handler, &request));
        assert_eq!(reply.status, 200, "{call:?}: {reply:?}");
        serde_json::from_str(&reply.body).unwrap()
    }
}

/// The real thing, in a process of its own.
struct Python(Dialogue);

impl Python {
    fn start(redis: &Redis, db: u8) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/oracle.py");
        Self(Dialogue::start(
            Command::new(tools().join("venv/bin/python"))
                .arg(script)
                .env("ORACLE_REDIS_PORT", redis.port.to_string())
                .env("ORACLE_REDIS_DB", db.to_string())
                .env("ORACLE_EXPIRY_SECONDS", WINDOW.as_secs().to_string()),
        ))
    }

    /// Makes the call and compares the reply with ours, in all that Python lamed says.
    fn check(&mut self, call: &Call, mut ours: Value) {
        let event: BTreeMap<_, _> = call.fields.iter().cloned().collect();
        let mut reply = self.0.ask(&json!({"call": call.handler, "event": event}));
        match call.handler {
            "track" | "delete" => ours = Value::Null,
            "experiment" => {
                unordered(&mut ours);
                unordered(&mut reply);
            }
            _ => {
                for element in ours.as_array_mut().unwrap() {
                    element.as_object_mut().unwrap().remove("variants");
                }
                for elements in [&mut ours, &mut reply["ok"]] {
                    let elements = elements.as_array_mut().unwrap();
                    elements.iter_mut().for_each(unordered);
                    if call.scope().is_none() {
                        elements.sort_by_key(Value::to_string);
                    }
                }
            }
        }
        assert_eq!(reply, json!({"ok": ours}), "Python lamed, {call:?}");
    }
}

/// Sorts all lists: Python lamed's order is a hash set's.
fn unordered(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(unordered);
            items.sort_by_key(Value::to_string);
        }
        Value::Object(fields) => fields.values_mut().for_each(unordered),
        _ => {}
    }
}

/// Compares Python lamed's keys in db 0 with ours in db 1, and looks at those that only we have.
fn compare_keys(redis: &Redis, model: &Model) {
    let theirs = redis.keys(0);
    let family = |key: &str| match key.split(':').collect::<Vec<_>>()[..] {
        [_, family, _, _, _] => family.to_owned(),
        _ => String::new(),
    };
    let mut ours = redis.keys(1);
    // What `max_namespaces` stands on, which Python lamed does not have.
    let namespaces = ours.remove("lamed:namespaces");
    let is_there = theirs.contains_key("שם 2:counter_keys");
    let expected = is_there.then(|| ("set".to_owned(), json!(["שם 2"]), -1));
    assert_eq!(namespaces, expected);
    let mut take = |name| -> BTreeMap<String, Held> {
        ours.extract_if(.., |key, _| family(key) == name).collect()
    };
    let (days, deleted) = (take("days"), take("deleted"));

    let all: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let different: Vec<_> = (all.into_iter())
        .map(|key| (key, theirs.get(key), ours.get(key)))
        .filter(|(_, theirs, ours)| !alike(*theirs, *ours))
        .collect();
    assert!(
        different.is_empty(),
        "key, Python lamed's, ours: {different:#?}"
    );

    let sums: BTreeMap<String, u64> = days
        .into_iter()
        .map(|(key, (_, fields, _))| (key.replacen(":days:", ":counters:", 1), sum(&fields)))
        .collect();
    let counts: BTreeMap<String, u64> = (ours.into_iter())
        .filter(|(key, _)| family(key) == "counters")
        .map(|(key, (_, count, _))| (key, number(&count)))
        .collect();
    assert_eq!(sums, counts, "the days of each counter");

    for (key, (_, value, left)) in &deleted {
        let window = WINDOW.as_millis();
        assert!(
            value.as_str().unwrap().ends_with(&format!(" {window}")),
            "{key}: {value}"
        );
        assert!(
            (1..=i64::try_from(window).unwrap()).contains(left),
            "{key}: {left}"
        );
    }
    assert_eq!(deleted.into_keys().collect::<BTreeSet<_>>(), model.deleted);
}

/// The same type and value, and within 2 s the same time left.
fn alike(theirs: Option<&Held>, ours: Option<&Held>) -> bool {
    let (Some((kind, value, left)), Some(ours)) = (theirs, ours) else {
        return false;
    };
    (kind, value) == (&ours.0, &ours.1)
        && (*left < 0) == (ours.2 < 0)
        && left.abs_diff(ours.2) <= 2_000
}

/// The sum over the values of a hash.
fn sum(fields: &Value) -> u64 {
    fields.as_object().unwrap().values().map(number).sum()
}

fn number(text: &Value) -> u64 {
    text.as_str().unwrap().parse().unwrap()
}

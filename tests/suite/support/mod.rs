//! The vocabulary of the tests.

pub mod aws;
mod browser;
mod client;
mod clock;
mod cluster;
mod command;
mod dialogue;
pub mod dynamodb;
pub mod http2;
mod lambda;
mod model;
mod redis;
mod server;
mod tls;

pub use aws::{Aws, Fault, When};
pub use browser::Browser;
pub use client::{Client, Response};
pub use clock::Clock;
pub use cluster::{Cluster, cluster_behind, cluster_of_one};
pub use command::{Deadline, Line, Outcome, line};
pub use dialogue::{Dialogue, within};
pub use dynamodb::address as ministack;
pub use lambda::{Executable, Lambda};
pub use model::{Call, Model};
pub use redis::{Held, Redis, redis_6_2};
pub use server::{Server, lamed};
pub use tls::{make_certificates, make_certificates_of, redis_with_tls};

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use lamed::domain::{Configured, Counter, Event, IdempotencyKey, Name};
use lamed::store::RedisSettings;
use rand::RngExt;

/// Where `tests/run` puts what tests load (`node_modules`, `venv`).
pub fn tools() -> PathBuf {
    std::env::var_os("LAMED_TEST_TOOLS")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools"))
}

/// Settings for a Redis that is not what is tested: they wait for it on a slow machine, too.
pub fn patient(url: &str) -> RedisSettings {
    let mut settings = RedisSettings::from_url(url).unwrap();
    settings.timeout = std::time::Duration::from_secs(30);
    settings
}

/// A port that is free now, for what has to come back on the same one. It lies below those that the
/// system gives to clients: one of them might take it meanwhile.
pub fn free_port() -> u16 {
    let mut random = rand::rng();
    std::iter::repeat_with(|| random.random_range(12_000..32_000))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

/// The hint of `lamed results` where nothing is counted.
pub const REMEMBERED: &str =
    "hint: lamed counts each browser once: to test again, use a private window; `lamed doctor` checks your page
";

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn counter(namespace: &str, experiment: &str, event: &str, variant: &str) -> Counter {
    Counter {
        namespace: name(namespace),
        experiment: name(experiment),
        kind: name(event).into(),
        variant: name(variant),
    }
}

/// An event in the default namespace, which is the configured one. Its variant is not declared.
pub fn event(experiment: &str, event: &str, variant: &str, uuid: &str) -> Event {
    event_in("alephbet", experiment, event, variant, uuid)
}

/// An event in any namespace.
pub fn event_in(
    namespace: &str,
    experiment: &str,
    event: &str,
    variant: &str,
    uuid: &str,
) -> Event {
    Event {
        counter: counter(namespace, experiment, event, variant),
        key: IdempotencyKey::new(uuid).unwrap(),
        configured: Configured {
            namespace: namespace == "alephbet",
            ..Configured::default()
        },
        value: None,
    }
}

/// `name=value&…`, encoded as AlephBet encodes it: a space is `+`.
pub fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Whether this machine cannot have what a test needs, as `tests/run` found.
pub fn is_skipped(what: &str, need: &str) -> bool {
    let skip = std::env::var("LAMED_TEST_SKIP").unwrap_or_default();
    let skipped = skip.split_whitespace().any(|word| word == what);
    if skipped {
        tell_that_skipped(need);
    }
    skipped
}

/// The harness has no word for a test that finds out by itself that it cannot run, and shows nothing of tests that
/// pass. So it is told on stderr, and in the file that `tests/run` shows at its end.
pub fn tell_that_skipped(need: &str) {
    let thread = std::thread::current();
    let line = format!(
        "{}: there is no {need}\n",
        thread.name().unwrap_or("a test")
    );
    let mut stderr = std::io::stderr();
    write!(stderr, "SKIPPED {line}").unwrap();
    if let Some(file) = std::env::var_os("LAMED_TEST_SKIPPED") {
        let mut file = File::options()
            .append(true)
            .create(true)
            .open(file)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

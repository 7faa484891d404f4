//! Inputs that nobody thought of, for everything that reads what others write.
//!
//! ```console
//! $ cargo bench --bench fuzz                     # a million inputs in all
//! $ cargo bench --bench fuzz -- 10000000         # so many in all
//! $ cargo bench --bench fuzz -- 60s body config  # a minute for each of these targets
//! ```
//!
//! Starts from `fixtures/fuzz/TARGET/*` and puts each input that something does not hold of there, too:
//! `tests/suite/fuzz.rs` tries all of them at every run of the tests, and some more.

mod api;
mod engine;
mod files;
mod keys;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use engine::{Limit, Target};
// For the keyspace, which is the store's own.
use lamed::domain;

/// The targets, and of a hundred inputs how many they get: the slow ones fewer.
fn targets() -> Vec<(Box<dyn Target>, u64)> {
    vec![
        (Box::new(api::Query::new()), 6),
        (Box::new(api::Body::new()), 8),
        (Box::new(api::Event::new()), 6),
        (Box::new(api::ProxyReply), 25),
        (Box::new(files::ConfigFile), 20),
        (Box::new(files::FunctionSettings), 20),
        (Box::new(files::Counts), 1),
        (Box::<keys::Keys>::default(), 14),
    ]
}

fn main() -> ExitCode {
    // `cargo bench` adds its own.
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let limit = arguments.next().unwrap_or_else(|| "1000000".to_owned());
    let chosen: Vec<String> = arguments.collect();
    let limit = match limit.strip_suffix('s') {
        Some(seconds) => seconds
            .parse()
            .map(|seconds| Limit::Time(Duration::from_secs(seconds))),
        None => limit.parse().map(Limit::Inputs),
    };
    let Ok(limit) = limit else {
        eprintln!("expected a number of inputs, or of seconds as in `60s`, and perhaps targets");
        return ExitCode::from(2);
    };
    let seed = rand::random();
    println!(
        "{:<9} {:>10} {:>8} {:>9} {:>8} {:>10} {:>8}",
        "target", "inputs", "seconds", "a second", "kinds", "slowest", "findings"
    );
    let (mut inputs, mut findings) = (0, 0);
    for (mut target, share) in targets() {
        if !(chosen.is_empty() || chosen.iter().any(|name| name == target.name())) {
            continue;
        }
        let limit = match limit {
            Limit::Inputs(all) if chosen.is_empty() => Limit::Inputs(all * share / 100),
            limit => limit,
        };
        let report = engine::run(target.as_mut(), limit, seed);
        let seconds = report.elapsed.as_secs_f64();
        println!(
            "{:<9} {:>10} {seconds:>8.1} {:>9.0} {:>8} {:>10.1?} {:>8}",
            target.name(),
            report.inputs,
            report.inputs as f64 / seconds,
            report.kinds_of_answers,
            report.slowest,
            report.failures.len()
        );
        keep(target.name(), &report.failures);
        inputs += report.inputs;
        findings += report.failures.len();
    }
    println!("{inputs} inputs, {findings} findings, seed {seed}");
    if findings == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Puts up to ten of the shortest failures among the files of the target.
fn keep(target: &str, failures: &[Vec<u8>]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/fuzz")
        .join(target);
    let mut shortest: Vec<&Vec<u8>> = failures.iter().collect();
    shortest.sort_by_key(|input| input.len());
    for input in shortest.iter().take(10) {
        let file = folder.join(format!("found-{:016x}", engine::hash(*input)));
        match std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, input)) {
            Ok(()) => println!("          {}", file.display()),
            Err(error) => eprintln!("cannot write {}: {error}", file.display()),
        }
    }
}

//! Logs as CloudWatch shows them well: a line for each problem, without colours, and without the time,
//! which CloudWatch adds.

use std::io;
use std::panic;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub fn start() {
    let targets = Targets::new()
        .with_default(Level::WARN)
        .with_target("lamed", Level::INFO)
        // It says each error and panic once more, without saying where.
        .with_target("lambda_runtime::layers::panic", None);
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time();
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
    panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        let place = panic.location().map(ToString::to_string);
        tracing::error!(message, place, "panicked");
    }));
}

//! Logs as CloudWatch shows them well: a line for each problem, without colours, and without the time,
//! which CloudWatch adds.

use std::{io, panic};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging; panics are logged, too.
pub fn start() {
    let levels = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("lamed", LevelFilter::INFO)
        // It repeats each panic, which the hook below logs with its place.
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(io::stderr);
    // Fails only where logging has started.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(levels)
        .try_init();
    panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        let message = message.replace('\n', " ");
        let place = panic.location().map(tracing::field::display);
        tracing::error!(place, "panicked: {message}");
    }));
}

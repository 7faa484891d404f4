//! Logs: structured lines on stderr.

use super::secrets;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How logs are written: lines of text, or one JSON object per line. A comment on a value would make every
/// `--help` a long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// Starts logging: warnings, with `-v` each request, with `-vv` all that lamed has to tell. Other
/// crates stay at warnings, since nobody here vouches for what they print. Two wait for `-vv`: the AWS SDK,
/// which warns of each place where it finds no configuration, and `h2`, which any client can make warn.
pub(super) fn start(quiet: bool, verbose: u8, format: Format) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    let others = level.min(LevelFilter::WARN);
    let noisy = if verbose > 1 {
        others
    } else {
        LevelFilter::OFF
    };
    let targets = Targets::new()
        .with_default(others)
        .with_target("aws_config", noisy)
        .with_target("aws_runtime", noisy)
        .with_target("aws_smithy_runtime", noisy)
        .with_target("h2", noisy)
        .with_target("lamed", level);
    let colors = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let registry = tracing_subscriber::registry().with(targets);
    let layer = fmt::layer().with_writer(|| secrets::Stderr);
    match format {
        Format::Text => registry.with(layer.with_ansi(colors)).init(),
        Format::Json => {
            registry.with(layer.json().flatten_event(true)).init();
            // Not a line of stderr is anything else.
            std::panic::set_hook(Box::new(|panic| {
                let message = panic.payload_as_str().unwrap_or_default();
                let place = panic.location().map(ToString::to_string);
                tracing::error!(place, "panicked: {message}");
            }));
        }
    }
}

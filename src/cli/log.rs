//! Logs: structured lines on stderr.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging: warnings, with `-v` each request, with `-vv` all that lamed has to tell. Other
/// crates stay at warnings, since nobody here vouches for what they print; those of the AWS SDK, which
/// warns of each place where it finds no configuration, at what `-vv` asks for.
pub(super) fn start(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    let others = level.min(LevelFilter::WARN);
    let sdk = if verbose > 1 {
        others
    } else {
        LevelFilter::OFF
    };
    let targets = Targets::new()
        .with_default(others)
        .with_target("aws_config", sdk)
        .with_target("aws_runtime", sdk)
        .with_target("aws_smithy_runtime", sdk)
        .with_target("lamed", level);
    let colors = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::registry()
        .with(fmt::layer().with_writer(std::io::stderr).with_ansi(colors))
        .with(targets)
        .init();
}

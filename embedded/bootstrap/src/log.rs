//! Logs as CloudWatch shows them well: a line for each problem, without colours, and without the time,
//! which CloudWatch adds.
//!
//! `tracing-subscriber` would do the same, and make the function 3 % larger.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::panic;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Starts logging; panics are logged, too.
pub fn start() {
    // Fails only where logging has started.
    let _ = tracing::subscriber::set_global_default(Lines);
    panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked: {message}");
    }));
}

/// Writes events to stderr. Spans are not shown.
struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata) -> bool {
        let target = metadata.target();
        let level = if target == "lamed" || target.starts_with("lamed::") {
            Level::INFO
        } else {
            Level::WARN
        };
        // This one repeats each error and panic that is logged already, without saying where.
        *metadata.level() <= level && target != "lambda_runtime::layers::panic"
    }

    fn event(&self, event: &Event) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        // A function that cannot log still counts.
        let _ = writeln!(io::stderr(), "{}", line.0);
    }

    fn new_span(&self, _: &Attributes) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// One line: the level, the message, and `name=value` of each other field.
struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = format!("{value:?}");
        if text.contains('\n') {
            text = text.replace('\n', " ");
        }
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, " {text}"),
            name => write!(self.0, " {name}={text}"),
        };
    }
}

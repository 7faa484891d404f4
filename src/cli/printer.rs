//! All that lamed says: data on stdout, talk on stderr.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::ColorChoice as Stream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use serde::Serialize;

use super::CliError;
use super::log::Format;
use super::secrets::masked;
use super::visible::harmless;
use crate::report::harmless_json;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    quiet: bool,
    format: Format,
}

impl Printer {
    pub(super) fn new(quiet: bool, color: ColorChoice, format: Format) -> Self {
        match color {
            ColorChoice::Auto => Stream::Auto,
            ColorChoice::Always => Stream::Always,
            ColorChoice::Never => Stream::Never,
        }
        .write_global();
        Self { quiet, format }
    }

    pub(super) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Data: to stdout, as it is. A reader that has seen enough (`| head`) is no error.
    pub(super) fn data(self, text: &str) -> Result<(), CliError> {
        self.stream(text).map(drop)
    }

    /// As [`Self::data`], for what goes on until nobody reads it any more: it says whether somebody
    /// does.
    pub(super) fn stream(self, text: &str) -> Result<bool, CliError> {
        let text = masked(text);
        let mut stdout = anstream::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(CliError::failed(format!("cannot write to stdout: {error}"))),
        }
    }

    /// One JSON document and a newline. On a terminal it is as harmless as the rest.
    pub(super) fn json(self, document: &impl Serialize) -> Result<(), CliError> {
        self.json_line(document).map(drop)
    }

    /// As [`Self::json`], of many; it says whether somebody still reads them.
    pub(super) fn json_line(self, document: &impl Serialize) -> Result<bool, CliError> {
        let text = serde_json::to_string(document);
        let text = text.map_err(|error| CliError::failed(error.to_string()))?;
        let mut line = harmless_json(&text);
        line.push('\n');
        self.stream(&line)
    }

    /// Talk, unless told to be quiet.
    pub(super) fn talk(self, text: &str) {
        if self.format == Format::Json {
            tracing::info!("{}", text.trim());
        } else if !self.quiet {
            say(format_args!("{text}"));
        }
    }

    /// One line, whatever stands in the names and files that it speaks of.
    pub(super) fn warn(self, text: &str) {
        if self.format == Format::Json {
            tracing::warn!("{text}");
        } else if !self.quiet {
            let text = harmless(text);
            say(format_args!("{WARNING}warning{WARNING:#}: {text}"));
        }
    }

    /// One line, as [`Self::warn`].
    pub(super) fn error(self, error: &CliError) {
        let text = error.to_string();
        if self.format == Format::Json {
            tracing::error!("{text}");
            return;
        }
        say(format_args!("{ERROR}error{ERROR:#}: {}", harmless(&text)));
    }
}

/// Nobody can be told that stderr is closed.
fn say(text: std::fmt::Arguments) {
    let text = text.to_string();
    let _: io::Result<()> = writeln!(anstream::stderr(), "{}", masked(&text));
}

/// Whether a question would be seen and answered.
pub(super) fn somebody_answers() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

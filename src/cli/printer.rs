//! All that lamed says: data on stdout, talk on stderr.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};

use anstream::ColorChoice as Stream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use serde::Serialize;

use super::CliError;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    quiet: bool,
}

impl Printer {
    pub(super) fn new(quiet: bool, color: ColorChoice) -> Self {
        match color {
            ColorChoice::Auto => Stream::Auto,
            ColorChoice::Always => Stream::Always,
            ColorChoice::Never => Stream::Never,
        }
        .write_global();
        Self { quiet }
    }

    /// Data: to stdout, as it is. A reader that has seen enough (`| head`) is no error.
    pub(super) fn data(self, text: &str) -> Result<(), CliError> {
        let mut stdout = anstream::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(CliError::failed(format!("cannot write to stdout: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// One JSON document and a newline.
    pub(super) fn json(self, document: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(document);
        let text = text.map_err(|error| CliError::failed(error.to_string()))?;
        self.data(&format!("{text}\n"))
    }

    /// Talk, unless told to be quiet.
    pub(super) fn talk(self, text: &str) {
        if !self.quiet {
            say(format_args!("{text}"));
        }
    }

    pub(super) fn warn(self, text: &str) {
        if !self.quiet {
            say(format_args!("{WARNING}warning{WARNING:#}: {text}"));
        }
    }

    pub(super) fn error(self, error: &CliError) {
        say(format_args!("{ERROR}error{ERROR:#}: {error}"));
    }
}

/// Nobody can be told that stderr is closed.
fn say(text: std::fmt::Arguments) {
    let _: io::Result<()> = writeln!(anstream::stderr(), "{text}");
}

/// A name as it may go to a terminal: what would move the cursor, change colours or turn the
/// direction of the text around is shown as a replacement character.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let harmful = |character: char| {
        character.is_control()
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(harmful) {
        Cow::Owned(text.replace(harmful, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

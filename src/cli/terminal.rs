//! Questions on a terminal that Ctrl-C leaves as it was: they turn its echo off or hide its cursor.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use super::signals::Stop;
use super::{CliError, block_on};

/// Held while a file is being replaced, which Ctrl-C waits for.
static SAVING: Mutex<()> = Mutex::new(());

/// The terminal as it was: a hidden answer turns its echo off.
#[derive(Clone)]
pub(super) struct Terminal {
    #[cfg(unix)]
    modes: Option<rustix::termios::Termios>,
    released: Arc<AtomicBool>,
}

impl Terminal {
    /// From here on Ctrl-C and SIGTERM put the terminal in order, then end the process.
    pub(super) fn guard() -> Result<Self, CliError> {
        let terminal = Self {
            #[cfg(unix)]
            modes: rustix::termios::tcgetattr(io::stdin()).ok(),
            released: Arc::default(),
        };
        let guarded = terminal.clone();
        let (listens, listening) = channel();
        thread::spawn(move || {
            let waited = block_on(async {
                let stop = Stop::listen()?;
                let _ = listens.send(());
                stop.signal().await;
                Ok::<_, CliError>(())
            });
            if waited.is_ok() && !guarded.released.load(Ordering::SeqCst) {
                guarded.leave();
            }
        });
        // No question before that.
        match listening.recv() {
            Ok(()) => Ok(terminal),
            Err(_) => Err(CliError::failed("cannot listen for Ctrl-C")),
        }
    }

    /// The answer to a question.
    pub(super) fn answer<T>(&self, answer: dialoguer::Result<T>) -> Result<T, CliError> {
        answer.map_err(|dialoguer::Error::IO(error)| {
            // Whoever leaves already holds it to the end.
            drop(SAVING.lock());
            if error.kind() == ErrorKind::Interrupted {
                self.leave();
            }
            CliError::failed(error.to_string())
        })
    }

    /// From here on Ctrl-C is somebody else's.
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
    }

    /// Does what must be done as a whole.
    pub(super) fn uninterrupted<T>(&self, work: impl FnOnce() -> T) -> T {
        let _saving = SAVING.lock();
        work()
    }

    fn leave(&self) -> ! {
        let _saving = SAVING.lock();
        // The cursor, which a choice hides, on a line of its own.
        let _ = io::stderr().write_all(b"\x1b[?25h\n");
        // Last: the thread that asks is still there, and might turn the echo off once more.
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            use rustix::termios::{OptionalActions, tcsetattr};
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
        std::process::exit(130)
    }
}

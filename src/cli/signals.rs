//! SIGINT and SIGTERM.

use std::io::Write;
use std::time::{Duration, Instant};

use super::CliError;

/// Signals that come so close together are one wish to stop: after Ctrl-C the terminal tells lamed, and `npx`, which
/// the terminal tells, too, tells it once more. systemd does the same with SIGTERM.
const TOGETHER: Duration = Duration::from_millis(300);

/// SIGINT and SIGTERM. The first asks to stop; a later one does not wait.
pub(super) struct Stop(tokio::sync::watch::Receiver<bool>);

impl Stop {
    pub(super) fn listen() -> Result<Self, CliError> {
        let mut signals = Signals::new()
            .map_err(|error| CliError::failed(format!("cannot wait for signals: {error}")))?;
        let (asked, receiver) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            let first = Instant::now();
            let _ = asked.send(true);
            loop {
                signals.next().await;
                if first.elapsed() >= TOGETHER {
                    break;
                }
            }
            let _ = std::io::stdout().flush();
            std::process::exit(130);
        });
        Ok(Self(receiver))
    }

    /// Turns true when asked to stop.
    pub(super) fn asked(&self) -> tokio::sync::watch::Receiver<bool> {
        self.0.clone()
    }

    pub(super) async fn signal(&self) {
        let mut receiver = self.0.clone();
        // The sender lives as long as the process.
        let _ = receiver.wait_for(|asked| *asked).await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

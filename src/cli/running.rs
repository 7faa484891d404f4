//! The servers of `lamed serve --local` that run on this machine.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::nearby::get;
use super::printer::Printer;
use crate::config;
use crate::domain::{Secret, Timestamp};
use crate::server::Proof;

/// How long a server on this machine may take to prove that it is the one of its file.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What a running `lamed serve --local` leaves in `~/.lamed/local/PORT.json`, readable by its user
/// only, so that `--local` needs neither port nor key.
#[derive(Serialize, Deserialize)]
pub(super) struct Running {
    pub base: String,
    api_key: String,
    /// What the server can prove that it knows.
    proof: String,
    /// Missing in the file of an earlier lamed.
    #[serde(default)]
    pid: Option<u32>,
    /// In milliseconds since the Unix epoch.
    #[serde(default)]
    started: Option<i64>,
}

impl Running {
    fn folder() -> Option<PathBuf> {
        config::home().map(|home| home.join("local"))
    }

    fn path(address: SocketAddr) -> Option<PathBuf> {
        Self::folder().map(|folder| folder.join(format!("{}.json", address.port())))
    }

    /// Those that still run, the last one first. One that crashed leaves its file behind, and its port to anybody.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let mut files: Vec<(SystemTime, PathBuf)> = Self::folder()
            .and_then(|folder| fs::read_dir(folder).ok())
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                Some((fs::metadata(&path).ok()?.modified().ok()?, path))
            })
            .collect();
        files.sort();
        files
            .into_iter()
            .rev()
            .filter_map(|(_, path)| Self::read(&path))
    }

    /// The one whose API has this base.
    pub(super) fn at(base: &str) -> Option<Self> {
        let base = base.replace("//localhost", "//127.0.0.1");
        Self::all().find(|running| running.base == base)
    }

    /// The one that listens on this port.
    pub(super) fn on_port(address: SocketAddr) -> Option<Self> {
        Self::read(&Self::path(address)?)
    }

    pub(super) fn into_key(self) -> Secret {
        Secret::new(self.api_key)
    }

    /// ` (process 4711, started 2026-11-30 10:31 UTC)`, as far as the file says so.
    pub(super) fn which(&self) -> String {
        let pid = self.pid.map(|pid| format!("process {pid}"));
        let started = self.started.map(|started| {
            let started = Timestamp(started);
            let (hour, minute, _) = started.time_of_day();
            format!("started {} {hour:02}:{minute:02} UTC", started.day())
        });
        let known: Vec<String> = [pid, started].into_iter().flatten().collect();
        match known.is_empty() {
            true => String::new(),
            false => format!(" ({})", known.join(", ")),
        }
    }

    /// What stops it.
    pub(super) fn stop(&self) -> String {
        match self.pid {
            Some(pid) => format!("stop it with `kill {pid}`"),
            None => "stop it with Ctrl-C".to_owned(),
        }
    }

    fn read(path: &Path) -> Option<Self> {
        let running: Self = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        let uri: hyper::Uri = running.base.parse().ok()?;
        let address: SocketAddr = uri.authority()?.as_str().parse().ok()?;
        let proof = Proof::of(Secret::new(running.proof.clone()));
        let (question, expected) = proof.question().ok()?;
        let answer = get(address, &question, ANSWER_TIMEOUT).ok()?;
        expected.is(&answer.body).then_some(running)
    }

    /// Writes the file. Where it cannot be written, `--local` needs `--url` and `--api-key` instead.
    pub(super) fn announce(
        printer: Printer,
        address: SocketAddr,
        base: &str,
        api_key: &Secret,
        proof: &Proof,
    ) {
        let Some(path) = Self::path(address) else {
            return;
        };
        let running = Self {
            base: base.to_owned(),
            api_key: api_key.reveal().to_owned(),
            proof: proof.secret().reveal().to_owned(),
            pid: Some(std::process::id()),
            started: Some(Timestamp::now().0),
        };
        if let Err(error) = running.write(&path) {
            printer.warn(&format!(
                "cannot write `{}`: {error}; `--local` will not find this server",
                path.display()
            ));
        }
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)?;
        // Temporary files are made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(serde_json::to_string(self)?.as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Removes the file.
    pub(super) fn withdraw(address: SocketAddr) {
        if let Some(path) = Self::path(address) {
            let _ = fs::remove_file(path);
        }
    }
}

//! How a store is.

use std::fmt;

/// How a store is, when it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `redis`, `sqlite`, `memory` or `dynamodb`
    pub store: &'static str,
    pub durability: Durability,
    /// Commands without which it cannot count, and which its user may not run.
    pub forbidden: Vec<&'static str>,
    /// The same of commands without which it counts, but cannot be read or deleted from.
    pub restricted: Vec<&'static str>,
    /// Nodes of a cluster that count nothing now, each with its reason.
    pub away: Vec<String>,
    /// How many nodes the cluster has that should count; 1 where there is no cluster.
    pub nodes: usize,
}

impl Health {
    /// One store that can do everything.
    #[must_use]
    pub fn well(store: &'static str, durability: Durability) -> Self {
        Self {
            store,
            durability,
            forbidden: Vec::new(),
            restricted: Vec::new(),
            away: Vec::new(),
            nodes: 1,
        }
    }

    /// Why events of whole nodes, or all events, are not counted; `None` where they are.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        if !self.forbidden.is_empty() {
            return Some(format!(
                "the Redis user is not allowed to run {}",
                list(&self.forbidden)
            ));
        }
        (self.away.len() == self.nodes).then(|| "the store cannot be reached".to_owned())
    }

    /// What it cannot do while it counts; `None` where there is nothing.
    #[must_use]
    pub fn degraded(&self) -> Option<String> {
        let mut lacks = Vec::new();
        if !self.away.is_empty() {
            lacks.push(format!(
                "{} of {} nodes of the cluster cannot count",
                self.away.len(),
                self.nodes
            ));
        }
        if !self.restricted.is_empty() {
            lacks.push(format!(
                "the Redis user is not allowed to run {}",
                list(&self.restricted)
            ));
        }
        (!lacks.is_empty()).then(|| lacks.join("; "))
    }
}

/// `` `a`, `b` ``
fn list(commands: &[&str]) -> String {
    let quoted: Vec<String> = commands.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// When what a store acknowledges is on its disk: what a crash of its machine, or `kill -9`, takes away. In the order
/// of what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// SQLite in a file, `synchronous=FULL`.
    Synchronous,
    /// DynamoDB: on the disks of several data centres.
    Replicated,
    /// Redis' append-only file.
    AppendOnly(Fsync),
    /// Redis' snapshots alone.
    Snapshots,
    Unknown,
    /// Kept in memory alone.
    None,
}

/// Redis' `appendfsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fsync {
    Always,
    EverySecond,
    No,
    /// The Redis does not tell.
    Unknown,
}

impl Durability {
    /// What a crash takes away.
    #[must_use]
    pub fn promise(self) -> &'static str {
        match self {
            Self::Synchronous | Self::Replicated | Self::AppendOnly(Fsync::Always) => {
                "a crash loses no acknowledged event"
            }
            Self::AppendOnly(Fsync::EverySecond) => {
                "a crash loses up to about 2 seconds of acknowledged events"
            }
            Self::AppendOnly(Fsync::No) => {
                "a crash of the machine loses up to about 30 seconds of acknowledged events, or more"
            }
            Self::AppendOnly(Fsync::Unknown) => {
                "a crash loses up to about 2 seconds of acknowledged events with `appendfsync everysec`, or no \
                 event with `always`"
            }
            Self::Snapshots => "a crash loses all events since the last snapshot",
            Self::Unknown => "the store does not report what a crash loses",
            Self::None => "a crash or restart loses all counts",
        }
    }
}

/// The setting: `appendfsync everysec`.
impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Synchronous => "synchronous full",
            Self::Replicated => "replicated",
            Self::AppendOnly(Fsync::Always) => "appendfsync always",
            Self::AppendOnly(Fsync::EverySecond) => "appendfsync everysec",
            Self::AppendOnly(Fsync::No) => "appendfsync no",
            Self::AppendOnly(Fsync::Unknown) => "appendonly yes, appendfsync unknown",
            Self::Snapshots => "snapshots",
            Self::Unknown => "unknown",
            Self::None => "none",
        })
    }
}

//! What an A/B test is made of: names, events, counters, days. No IO, no serde, no crate.

pub mod assignment;
mod counters;
mod day;
mod declared;
mod event;
mod limit;
mod names;
#[cfg(feature = "cli")]
pub mod results;
mod secret;
#[cfg(feature = "cli")]
pub mod statistics;

pub use counters::{Count, ExperimentCounts, Selection};
pub use day::{Day, DayCount, Timestamp};
pub use declared::{Accept, Better, Declared, DeclaredVariants, Goal, Undeclared, Unit};
pub use event::{Configured, Counter, ERROR, Event, EventKind, Outcome, PARTICIPATE};
pub use limit::Limit;
pub use names::{IdempotencyKey, Name, NameError, natural_order};
pub use secret::Secret;

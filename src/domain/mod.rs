//! What an A/B test is made of: names, events, counters, days. No IO, no serde, no crate.

pub mod assignment;
mod counters;
mod day;
mod declared;
mod event;
mod experiments;
pub mod frozen;
mod limit;
mod names;
#[cfg(feature = "cli")]
pub mod results;
mod secret;
#[cfg(feature = "cli")]
pub mod statistics;
mod user;
mod value;

pub use counters::{Count, ExperimentCounts, Selection, Worth};
pub use day::{Day, DayCount, Timestamp};
pub use declared::{Better, Declared, Goal, GoalValue, Group, State, Unit};
pub use event::{Configured, Counter, ERROR, Event, EventKind, Outcome, PARTICIPATE};
pub use experiments::{Accept, Experiments, Judgement, Undeclared};
pub use limit::Limit;
pub use names::{IdempotencyKey, Name, NameError, natural_order};
pub use secret::Secret;
pub use user::{NotOfUsers, UserEvent, UserId};
pub use value::{DaySums, NotAValue, Sums, Value};

//! The server around the handler: hyper, and one of two edges.
//!
//! [`Direct`] is for a server of one's own: it calls the handler straight. [`Gateway`] behaves as
//! API Gateway does in front of Lambda, so that what passes here passes deployed.

mod body;
mod compressed;
mod connection;
mod container;
pub mod dashboard;
mod direct;
mod emulator;
mod exchange;
mod guesses;
mod health;
mod host;
mod key;
mod limits;
mod listen;
mod metrics;
mod proof;
mod room;
mod shares;
mod streams;

pub use body::Body;
pub use container::{Container, ContainerError, IMAGE};
pub use direct::Direct;
pub use emulator::{Gateway, Invoke, TokenBucket, reply_from_proxy};
pub use health::{Health, WithHealth};
pub use key::ApiKey;
pub use limits::Limits;
pub use listen::{Answering, Connections, Edge, serve};
pub use metrics::{Metered, Metrics, Scraped, WithMetrics};
pub use proof::{Proof, WithProof};

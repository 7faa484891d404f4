//! The server around the handler: hyper, and one of two edges.
//!
//! [`Direct`] is for a server of one's own: it calls the handler straight. [`Gateway`] behaves as
//! API Gateway does in front of Lambda, so that what passes here passes deployed.

mod body;
mod connection;
mod container;
pub mod dashboard;
mod direct;
mod event;
mod exchange;
mod gateway;
mod guesses;
mod health;
mod host;
mod key;
mod limits;
mod metrics;
mod proof;
mod room;
mod seldom;
mod server;
mod shares;

pub use body::Body;
pub use container::{Container, ContainerError, IMAGE};
pub use direct::Direct;
pub use gateway::{Function, Gateway, Throttle};
pub use health::{Health, WithHealth};
pub use key::ApiKey;
pub use limits::Limits;
pub use metrics::{Metered, Metrics, Scraped, WithMetrics};
pub use proof::{Proof, WithProof};
pub use server::{Connections, Edge, serve};

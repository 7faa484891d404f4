//! The server around the handler: hyper, and one of two edges.
//!
//! [`Direct`] is for a server of one's own: it calls the handler straight. [`Gateway`] behaves as
//! API Gateway does in front of Lambda, so that what passes here passes deployed.

mod container;
pub mod dashboard;
mod direct;
mod event;
mod gateway;
mod key;
mod server;

pub use container::{Container, ContainerError, IMAGE};
pub use direct::Direct;
pub use gateway::{Function, Gateway, Throttle};
pub use key::ApiKey;
pub use server::{Edge, serve};

//! API Gateway's behaviour in front of the handler, for `serve --local`.

mod event;
mod gateway;
mod reply;

pub use gateway::{Gateway, Invoke, TokenBucket};
pub use reply::reply_from_proxy;

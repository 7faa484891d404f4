//! API Gateway's behaviour in front of the handler, for `serve --local`.

mod event;
mod gateway;
mod reply;
mod token_bucket;

pub use gateway::{Gateway, Invoke};
pub use reply::reply_from_proxy;
pub use token_bucket::TokenBucket;

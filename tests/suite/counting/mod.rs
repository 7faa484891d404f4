//! Exact counting as time goes by, on several servers, and in trouble.

mod away;
mod cluster;
mod deletes;
mod dynamodb;
mod guard;
mod limits;
mod rights;
mod time;
mod trouble;
pub mod values;
mod windows;

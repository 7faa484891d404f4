//! Exact counting as time goes by, on several servers, and in trouble.

mod cluster;
mod guard;
mod limits;
mod time;
mod trouble;

//! lamed: an A/B-testing backend that a developer owns.
//!
//! A page tells lamed which variant a visitor saw (an **exposure**) and which goals were reached
//! (**conversions**). Each event carries an idempotency key, so that it is counted exactly once
//! however often the client sends it. One handler serves all homes: AWS Lambda, a server of your
//! own, and `lamed serve --local`, which puts the behaviour of API Gateway around it.
//!
//! # The rooms, and who may know whom
//!
//! | room | holds | knows |
//! |---|---|---|
//! | [`domain`] | names, events, counters, days, statistics, results | the standard library; special functions from `libm` for [`domain::statistics`], `sha1` for [`domain::assignment`] |
//! | [`store`] | the [`store::Store`] trait, Redis with its keyspace, SQLite, DynamoDB | `domain` |
//! | [`http`] | [`http::Api::handle`], routes, wire shapes, the browser client as served, the events of API Gateway and of function URLs ↔ request | `domain`, `store` (the trait only), `assets` |
//! | [`function`] | what deploy and the Lambda function agree on: its settings | `domain`, and the settings types of `store` |
//! | [`config`] | file and environment → settings | `domain`, and the settings types of `store` and `http` |
//! | [`assets`] | what is compiled in from `embedded/` | nothing |
//! | [`report`] | results as JSON, read from any API | `domain`, `http` |
//! | [`deploy`] | AWS: what should be there, what is there, the plan between them, applying it | `domain`; its `from_config` also `config`, `function`, `assets` and the routes of `http` |
//! | [`preflight`] | what could stand in the way, check by check | `config`, `deploy`, `domain`, `store` (to ask a Redis) |
//! | [`doctor`] | why a page or an API does not count: what their answers mean, check by check | `config` (for the nearest name), `domain`, `http`, `preflight` (for the shape of a check), `report`; its tests `assets` |
//! | [`server`] | `serve`: hyper around the handler, health, metrics, limits, the dashboard; API Gateway's behaviour; the Redis container | `domain`, `store`, `http`, `report`, `assets` |
//! | [`cli`] | one file per subcommand, one printer | everything; nobody knows it |
//!
//! `tests/suite/layers.rs` holds this table true.

pub mod assets;
pub mod domain;
pub mod function;
pub mod http;
pub mod store;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod config;
#[cfg(feature = "cli")]
pub mod deploy;
#[cfg(feature = "cli")]
pub mod doctor;
#[cfg(feature = "cli")]
pub mod preflight;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod server;

//! lamed: an A/B-testing backend that a developer owns.
//!
//! A page tells lamed which variant a visitor saw (a **participant**) and which goals the visitor reached
//! (**conversions**). Each event has an idempotency key, so lamed counts it exactly once, even if the client
//! sends it several times. The same handler runs on AWS Lambda, on a server of your own, and in
//! `lamed serve --local`, which adds the behaviour of API Gateway.
//!
//! # The modules, and which modules each may use
//!
//! | module | contains | may use |
//! |---|---|---|
//! | [`domain`] | names, events, counters, days, statistics, results | the standard library; special functions from `libm` for [`domain::statistics`], `sha1` for [`domain::assignment`] |
//! | [`store`] | the [`store::Store`] trait, Redis with its keyspace, SQLite, DynamoDB | `domain` |
//! | [`http`] | [`http::Api::handle`], routes, wire shapes, the browser client as served, the events of API Gateway and of function URLs ↔ request | `domain`, `store` (the trait only), `assets` |
//! | [`function`] | the settings of the Lambda function, which deploy writes and the function reads | `domain`, and the settings types of `store` |
//! | [`config`] | how the config file and the environment become settings | `domain`, and the settings types of `store` and `http` |
//! | [`assets`] | the files of `embedded/` that are compiled in | no module |
//! | [`report`] | results as JSON, read from any API | `domain`, `http` |
//! | [`deploy`] | AWS: the wanted state, the actual state, the plan with the changes, and how to apply it | `domain`; its `from_config` also `config`, `function`, `assets` and the routes of `http` |
//! | [`preflight`] | checks for problems before a deploy | `config`, `deploy`, `domain`, `store` (to ask a Redis) |
//! | [`doctor`] | checks that find why a page or an API does not count | `config` (for the nearest name), `domain`, `http`, `preflight` (for the shape of a check), `report`; its tests `assets` |
//! | [`server`] | `serve`: the HTTP server (hyper) around the handler, health, metrics, limits, the dashboard; API Gateway's behaviour; the Redis container | `domain`, `store`, `http`, `report`, `assets` |
//! | [`cli`] | a file for each subcommand, one printer | all modules. No other module may use `cli` |
//!
//! `tests/suite/layers.rs` checks this table.

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

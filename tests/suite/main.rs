//! What lamed promises, tried against real things: a real Redis, the real binary, the real AlephBet
//! in a real browser, Python lamed itself. `tests/run` installs them.

mod api;
mod assignment;
mod bootstrap;
mod browser;
mod cli;
mod config;
mod counting;
mod crash;
mod dashboard;
mod deploy;
mod docker;
mod earlier;
mod exactness;
mod fuzz;
mod gateway;
mod install;
mod layers;
mod manual;
mod ofrep;
mod openapi;
mod operate;
mod oracle;
mod package;
mod packages;
mod readme;
mod runs;
mod schema;
mod script;
mod security;
mod statistics;
mod stores;
mod support;

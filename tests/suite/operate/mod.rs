//! Running `lamed serve`: whether it is well, what it tells, what it bears.

mod crawlers;
mod crowds;
mod figures;
mod file;
mod health;
mod limits;
mod proxies;
mod slow;

use crate::support::query;

/// A participant, as AlephBet sends it.
fn track(variant: &str, uuid: &str) -> String {
    let event = [
        ("experiment", "e"),
        ("variant", variant),
        ("event", "participate"),
        ("uuid", uuid),
    ];
    format!("/prod/track?{}", query(&event))
}

//! Plans: what is to be done, and nothing done yet.
//!
//! [`deploy`] makes what is there what should be there, [`rollback`] moves `live` back, [`destroy`]
//! removes it all. Each is a pure function, so a plan can be shown before it is applied.

mod api;
mod deploy;
mod destroy;
mod logs;
mod release;
mod role;
mod spares;
mod step;
mod table;
mod url;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::api::mapped;
pub use self::deploy::deploy;
pub use self::destroy::destroy;
pub(super) use self::release::restore;
pub use self::release::{Release, live_versions, rollback};
pub use self::step::{Change, ChangeKind, MAX_ENVIRONMENT, Plan};
pub(super) use self::step::{Group, Step};

#[cfg(test)]
mod tests;

/// `eu-west-1, us-east-1`
fn list(regions: &BTreeSet<String>) -> String {
    let regions: Vec<&str> = regions.iter().map(String::as_str).collect();
    regions.join(", ")
}

/// Whether a wanted tag is not there or another.
fn missing(wanted: &BTreeMap<String, String>, there: &BTreeMap<String, String>) -> bool {
    wanted
        .iter()
        .any(|(key, value)| there.get(key) != Some(value))
}

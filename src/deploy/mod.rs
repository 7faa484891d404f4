//! Deployment to AWS. It goes one way: from the config ([`Deployment`]) to what should be there
//! ([`Desired`]), which with what is there ([`Observed`]) makes a [`Plan`]. Applying the plan is the only
//! thing here that writes.
//!
//! Nothing is remembered on the developer's machine: everything is found by its name, so that a
//! deployment of Python lamed 0.4.3 is taken over in place, and a deploy that was interrupted is
//! finished by the next one. Source for names and order: the AWS API references, and what Python
//! lamed 0.4.3 leaves in an account.

mod account;
mod apply;
mod aws;
mod bootstrap;
mod by_hand;
mod costs;
mod desired;
mod from_config;
mod live;
mod logs;
mod observed;
mod permissions;
pub mod plan;
mod read;

pub use self::account::Account;
pub use self::apply::{Applied, Interrupted, Progress, apply};
pub use self::aws::{Access, Aws, AwsError};
pub use self::by_hand::{by_hand, mapped_domains};
pub use self::costs::Costs;
pub use self::desired::{
    Code, Desired, DesiredFunction, DesiredMethod, DesiredTable, DesiredUrl, Doors, LIVE, RUNTIME,
    Throttle, Variable, Vpc, log_group,
};
pub use self::from_config::{
    DEFAULT_NAME, Deployment, NewKey, Prepared, Purpose, SetupError, code, counts_in_table,
    settings as function_settings,
};
pub use self::live::{NotLive, check};
pub use self::logs::{LogEvent, Logs};
pub use self::observed::Observed;
pub use self::permissions::{Permissions, Scope, needed, permissions, policy};
pub use self::plan::{Change, ChangeKind, Plan};
pub use self::read::{Found, Names, find, observe};

/// Runs `work` on all items at once; the results are in their order.
async fn concurrently<T, R, E>(
    items: &[T],
    work: impl AsyncFn(&T) -> Result<R, E>,
) -> Result<Vec<R>, E> {
    futures_util::future::try_join_all(items.iter().map(|item| work(item))).await
}

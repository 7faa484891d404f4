//! Why a page or an API does not count: what `lamed doctor` makes of what it was sent, check by check.
//!
//! Nothing here speaks to anybody. The command line fetches the page and asks the API; [`Page`] says what a browser
//! would make of the page's HTML and policy, and [`api_checks`] what the answers of the API mean.

mod api;
mod csp;
mod html;
mod names;
mod page;
mod tag;

pub use self::api::{Answer, Answers, Home, api_checks};
pub use self::page::{Fetched, Page, Target};
pub use self::tag::base_of;

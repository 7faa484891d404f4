//! The function URL's part of the plan.

use super::step::{Group, Plan, Step, Words};
use crate::deploy::desired::DesiredUrl;
use crate::deploy::observed::{Observed, Permission};

/// What everybody needs to call a function through its URL: both, since October 2025.
///
/// Source: "Control access to Lambda function URLs", AWS documentation.
const STATEMENTS: [(&str, Permission, &str); 2] = [
    ("lamed-url", Permission::Url, "everybody can call the URL"),
    (
        "lamed-through-url",
        Permission::ThroughUrl,
        "the URL can invoke the function",
    ),
];

/// Whether a statement of a function's policy is for its URL.
pub(super) fn is_ours(statement: &str) -> bool {
    STATEMENTS.iter().any(|(ours, _, _)| *ours == statement)
}

pub(super) fn plan(plan: &mut Plan, wanted: &DesiredUrl, observed: &Observed) {
    let function = wanted.function.as_str();
    let there = observed.functions.get(function);
    let url = there.and_then(|there| there.url.as_ref());
    match url {
        None => plan.push(
            Group::Url,
            Step::CreateUrl(function.to_owned()),
            Words::create("function URL", function).detail("open to everybody"),
        ),
        Some(url) if !url.is_open => plan.push(
            Group::Url,
            Step::OpenUrl(function.to_owned()),
            Words::update("function URL", function)
                .detail("open to everybody, CORS headers from the function only"),
        ),
        Some(_) => {}
    }
    for (statement, permission, words) in &STATEMENTS {
        let known = there.and_then(|there| there.permissions.get(*statement));
        if known == Some(permission) {
            continue;
        }
        let group = || Group::Permission(function.to_owned());
        if known.is_some() {
            let step = Step::Disallow {
                function: function.to_owned(),
                statement: (*statement).to_owned(),
            };
            let words = Words::delete("permission", function).detail(*statement);
            plan.push(group(), step, words);
        }
        let step = Step::AllowUrl {
            function: function.to_owned(),
            statement,
            through: *permission == Permission::ThroughUrl,
        };
        let words = Words::create("permission", function).detail(*words);
        plan.push(group(), step, words);
    }
    let reserved = there.and_then(|there| there.reserved_concurrency);
    if let Some(number) = wanted.reserved_concurrency
        && reserved != Some(number)
    {
        let from = reserved.map_or("no limit".to_owned(), |from| from.to_string());
        plan.push(
            Group::Url,
            Step::Reserve(function.to_owned(), number),
            Words::update("function", function)
                .detail(format!("requests at once: {from} → {number}")),
        );
    }
}

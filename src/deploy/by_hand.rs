//! Settings that somebody made by hand, and that a deployment does not change: they can stop it from working.

use super::Observed;

/// What stops the deployment `name` from working, a sentence each.
#[must_use]
pub fn by_hand(observed: &Observed, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if observed.key.as_ref().is_some_and(|key| !key.enabled) {
        found.push(format!(
            "the API key `{name}` is disabled: results, the dashboard and deletes get 403; enable it in API Gateway"
        ));
    }
    if observed.api.as_ref().is_some_and(|api| api.is_disabled) {
        found.push(
            "the default address of the REST API is disabled (`disableExecuteApiEndpoint`): it answers 403; enable it in \
             API Gateway, unless pages use a custom domain"
                .to_owned(),
        );
    }
    found
}

/// Why the REST API cannot go, where a custom domain leads to it: AWS refuses that, and pages would lose their address.
#[must_use]
pub fn mapped_domains(observed: &Observed) -> Option<String> {
    let domains = &observed.api.as_ref()?.domains;
    if domains.is_empty() {
        return None;
    }
    let (noun, verb) = match domains.len() {
        1 => ("custom domain", "leads"),
        _ => ("custom domains", "lead"),
    };
    Some(format!(
        "the {noun} {} {verb} to the REST API: remove the mapping in API Gateway first",
        domains.join(", ")
    ))
}

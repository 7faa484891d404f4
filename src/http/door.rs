//! What stands before the handlers where no gateway does: the way to a route, and the API key.

use subtle::ConstantTimeEq;

use super::{Method, Reply, Route, RouteMatch, Routes};
use crate::domain::Secret;

/// The header that carries the API key.
pub const KEY_HEADER: &str = "x-api-key";

/// The route of a request by its method and its path after the stage; or what it gets instead.
///
/// # Errors
/// The reply to `OPTIONS`, to a path that nothing stands at (404) and to a method that the path has not (405).
pub fn find<'a>(routes: &'a Routes, method: &str, path: &str) -> Result<&'a Route, Reply> {
    match routes.find(method, path) {
        RouteMatch::Route(route) => Ok(route),
        RouteMatch::Nothing => Err(not_found()),
        RouteMatch::Path(routes) if method == "OPTIONS" => Err(Reply::preflight_of(&routes)),
        RouteMatch::Path(routes) => {
            let methods: Vec<Method> = routes.iter().map(|route| route.method).collect();
            Err(not_allowed(&methods))
        }
    }
}

/// What a path gets that nothing stands at.
#[must_use]
pub fn not_found() -> Reply {
    Reply::message(404, "not found")
}

/// What a method gets that a path has not.
#[must_use]
pub fn not_allowed(methods: &[Method]) -> Reply {
    let allowed: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    Reply::message(405, "method not allowed")
        .with("Allow", format!("{},OPTIONS", allowed.join(",")))
}

/// What a request gets with a wrong key, or with none where one is required.
#[must_use]
pub fn forbidden() -> Reply {
    Reply::message(403, "Forbidden")
}

/// Whether somebody gave this key. Takes a time that says nothing about where two keys differ.
#[must_use]
pub fn is_key(key: &Secret, given: &[u8]) -> bool {
    key.reveal().as_bytes().ct_eq(given).into()
}

/// The experiment that an address of OFREP names, with the query: a `?` in a name that is not encoded begins one.
pub(crate) fn flag(route: &Route, path: &str, query: Option<&str>) -> Option<String> {
    let name = route.rest(path)?;
    Some(match query {
        Some(query) => format!("{name}?{query}"),
        None => name.to_owned(),
    })
}

//! Which functions a REST API has, and how it calls them: as Python lamed wired them.

use crate::config::{Config, Wired};
use crate::deploy::{DesiredFunction, DesiredMethod};
use crate::http::wire::parameter;
use crate::http::{self, Handler, Header};

/// What functions get where the config says nothing.
pub(super) const MEMORY_MB: u32 = 128;

pub(super) fn function(
    config: &Config,
    route: &http::Route,
    wired: Option<&Wired>,
) -> DesiredFunction {
    let name = wired.map_or_else(|| function_name(route.handler), |wired| &wired.function);
    DesiredFunction {
        name: config.aws.name.of(name),
        handler: route.handler.name().to_owned(),
        memory_mb: wired.map_or(MEMORY_MB, |wired| wired.memory_mb),
        timeout_seconds: u32::try_from(route.timeout.as_secs()).unwrap_or(u32::MAX),
        has_experiments: route.handler.needs_experiments(),
    }
}

/// The names that Python lamed gave; it wired no function to `lamed.experiment`.
fn function_name(handler: Handler) -> &'static str {
    match handler {
        Handler::Track => "lamed-track",
        Handler::AllExperiments => "lamed-all-experiments",
        Handler::OneExperiment => "lamed-experiment",
        Handler::Delete => "lamed-delete-experiment",
        Handler::Client => "lamed-client",
        Handler::Evaluate => "lamed-evaluate",
    }
}

pub(super) fn method(config: &Config, route: &http::Route, wired: Option<&Wired>) -> DesiredMethod {
    DesiredMethod {
        path: route.path.clone(),
        verb: route.method.as_str(),
        function: function(config, route, wired).name,
        key_required: route.key_required,
        request_parameters: match wired {
            Some(wired) => wired.request_parameters.clone(),
            None => (parameters(route).iter())
                .map(|name| (format!("method.request.querystring.{name}"), false))
                .collect(),
        },
    }
}

/// What Python lamed declared to API Gateway. It changes nothing; to declare the same lets its
/// methods stay as they are.
fn parameters(route: &http::Route) -> &'static [&'static str] {
    use parameter::{EVENT, EXPERIMENT, NAMESPACE, SCOPE, UUID, VARIANT};
    match (route.handler, route.method) {
        (_, http::Method::Post) | (Handler::Client | Handler::Evaluate, _) => &[],
        (Handler::Track, _) => &[NAMESPACE, EXPERIMENT, VARIANT, EVENT, UUID],
        (Handler::AllExperiments, _) => &[NAMESPACE, SCOPE],
        (Handler::OneExperiment | Handler::Delete, _) => &[NAMESPACE, EXPERIMENT],
    }
}

/// API Gateway gives its mocks a content type of its own.
pub(super) fn without_type(headers: Vec<Header>) -> Vec<(String, String)> {
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value.into_owned()));
    headers.filter(|(name, _)| name != "Content-Type").collect()
}

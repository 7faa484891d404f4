//! Which request goes to which handler.

use std::time::Duration;

/// Where every deployment has the browser client as a module. What ends so is a module wherever else it is.
pub const MODULE: &str = "lamed.mjs";

/// A function of the API, by the name that Lambda's `_HANDLER` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    Track,
    AllExperiments,
    OneExperiment,
    Delete,
    /// The browser client.
    Client,
}

impl Handler {
    /// The name, as Lambda's `_HANDLER` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Track => "lamed.track",
            Self::AllExperiments => "lamed.all",
            Self::OneExperiment => "lamed.experiment",
            Self::Delete => "lamed.delete",
            Self::Client => "lamed.client",
        }
    }

    /// Reads the name of a handler, such as `lamed.track`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "lamed.track" => Some(Self::Track),
            "lamed.all" => Some(Self::AllExperiments),
            "lamed.experiment" => Some(Self::OneExperiment),
            "lamed.delete" => Some(Self::Delete),
            "lamed.client" => Some(Self::Client),
            _ => None,
        }
    }

    /// Whether it has to know what is declared.
    #[must_use]
    pub fn needs_experiments(self) -> bool {
        match self {
            Self::Track | Self::AllExperiments | Self::Client => true,
            Self::OneExperiment | Self::Delete => false,
        }
    }

    /// The path at which every deployment has it, after the stage.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::AllExperiments => "experiments",
            Self::OneExperiment => "experiment",
            Self::Delete => "delete",
            Self::Client => "lamed.js",
        }
    }

    /// The methods by which every deployment routes to it.
    #[must_use]
    pub fn methods(self) -> &'static [Method] {
        match self {
            Self::Track => &[Method::Get, Method::Post],
            Self::AllExperiments | Self::OneExperiment | Self::Client => &[Method::Get],
            Self::Delete => &[Method::Delete],
        }
    }
}

/// A method that some route has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    /// Reads a method that some route may have. `OPTIONS` is answered without a handler.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "GET" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The method as HTTP writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// One method on one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The one segment after the stage, without slashes.
    pub path: String,
    pub method: Method,
    pub handler: Handler,
    pub key_required: bool,
    /// How long Lambda lets the function run.
    pub timeout: Duration,
}

/// All routes of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
pub enum RouteMatch<'a> {
    Route(&'a Route),
    /// The path is known, by these methods.
    Path(Vec<Method>),
    Nothing,
}

impl Route {
    /// Whether it gives the browser client as a module.
    #[must_use]
    pub fn is_module(&self) -> bool {
        is_module(&self.path)
    }
}

/// Whether a path, with a slash at its end or without, is a module's.
pub(super) fn is_module(path: &str) -> bool {
    path.trim_end_matches('/').ends_with(".mjs")
}

impl Routes {
    /// The routes that every deployment has, with Python lamed's timeouts, and `extra` ones. Of two
    /// with the same path and method the later counts.
    #[must_use]
    pub fn new(extra: impl IntoIterator<Item = Route>) -> Self {
        let route = |method, handler: Handler, key_required, seconds| Route {
            path: handler.path().to_owned(),
            method,
            handler,
            key_required,
            timeout: Duration::from_secs(seconds),
        };
        let mut routes = vec![
            route(Method::Get, Handler::Track, false, 10),
            route(Method::Post, Handler::Track, false, 10),
            route(Method::Get, Handler::AllExperiments, true, 60),
            route(Method::Get, Handler::OneExperiment, true, 60),
            route(Method::Delete, Handler::Delete, true, 30),
            route(Method::Get, Handler::Client, false, 10),
            Route {
                path: MODULE.to_owned(),
                ..route(Method::Get, Handler::Client, false, 10)
            },
        ];
        for extra in extra {
            let same = |route: &Route| (&route.path, route.method) == (&extra.path, extra.method);
            match routes.iter().position(same) {
                Some(position) => routes[position] = extra,
                None => routes.push(extra),
            }
        }
        Self(routes)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Finds what stands at `path` (after the stage; a slash before and after it is ignored).
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> RouteMatch<'_> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let here: Vec<&Route> = self.0.iter().filter(|route| route.path == path).collect();
        match here.iter().find(|route| route.method.as_str() == method) {
            Some(route) => RouteMatch::Route(route),
            None if here.is_empty() => RouteMatch::Nothing,
            None => RouteMatch::Path(here.iter().map(|route| route.method).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_found_by_path_and_method() {
        let routes = Routes::new([Route {
            path: "hello".to_owned(),
            method: Method::Get,
            handler: Handler::Track,
            key_required: false,
            timeout: Duration::from_secs(3),
        }]);
        let handler = |method, path| match routes.find(method, path) {
            RouteMatch::Route(route) => Some((route.handler, route.key_required)),
            _ => None,
        };
        assert_eq!(handler("GET", "/track"), Some((Handler::Track, false)));
        assert_eq!(handler("POST", "/track/"), Some((Handler::Track, false)));
        assert_eq!(handler("GET", "/hello"), Some((Handler::Track, false)));
        assert_eq!(handler("DELETE", "/delete"), Some((Handler::Delete, true)));
        let get_and_post = RouteMatch::Path(vec![Method::Get, Method::Post]);
        assert_eq!(routes.find("HEAD", "/track"), get_and_post);
        for nothing in ["", "/", "//track", "/track//", "/tr%61ck", "/Track"] {
            assert_eq!(
                routes.find("GET", nothing),
                RouteMatch::Nothing,
                "{nothing}"
            );
        }
    }
}

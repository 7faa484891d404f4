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
    /// OFREP: which variant a user sees.
    Evaluate,
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
            Self::Evaluate => "lamed.evaluate",
        }
    }

    /// Reads the name of a handler, such as `lamed.track`. Of [`Self::Evaluate`] no function is made.
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
            Self::Track | Self::AllExperiments | Self::Client | Self::Evaluate => true,
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
            Self::Evaluate => "ofrep/v1/evaluate/flags",
        }
    }

    /// The methods by which every deployment routes to it.
    #[must_use]
    pub fn methods(self) -> &'static [Method] {
        match self {
            Self::Track => &[Method::Get, Method::Post],
            Self::AllExperiments | Self::OneExperiment | Self::Client => &[Method::Get],
            Self::Delete => &[Method::Delete],
            Self::Evaluate => &[Method::Post],
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
    /// What follows the stage, without a slash before it. With a slash at its end it stands for all paths below it.
    pub path: String,
    pub method: Method,
    pub handler: Handler,
    pub key_required: bool,
    /// How long Lambda lets a function of its own run.
    pub timeout: Duration,
}

/// All routes of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
pub enum RouteMatch<'a> {
    Route(&'a Route),
    /// The path is known, by the methods of these routes.
    Path(Vec<&'a Route>),
    Nothing,
}

impl Route {
    /// A route by the names of its method and its handler; `None` where there is no such method or handler.
    #[must_use]
    pub fn of(path: &str, method: &str, handler: &str, key_required: bool) -> Option<Self> {
        Some(Self {
            path: path.to_owned(),
            method: Method::from_name(method)?,
            handler: Handler::from_name(handler)?,
            key_required,
            timeout: Duration::ZERO,
        })
    }

    /// Whether it gives the browser client as a module.
    #[must_use]
    pub fn is_module(&self) -> bool {
        is_module(&self.path)
    }

    /// What follows the route's path in a path, if it stands for those below it.
    #[must_use]
    pub fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let rest = path.strip_prefix(&*self.path)?;
        (self.path.ends_with('/') && !rest.is_empty()).then_some(rest)
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

    /// The same with OFREP, which a REST API of API Gateway has not.
    #[must_use]
    pub fn with_flags(mut self) -> Self {
        let handler = Handler::Evaluate;
        let path = handler.path();
        self.0
            .extend([path.to_owned(), format!("{path}/")].map(|path| Route {
                path,
                method: Method::Post,
                handler,
                key_required: false,
                timeout: Duration::from_secs(10),
            }));
        self
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Finds what stands at `path` (after the stage; a slash before and after it is ignored).
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> RouteMatch<'_> {
        let whole = path.strip_prefix('/').unwrap_or(path);
        let path = whole.strip_suffix('/').unwrap_or(whole);
        let is_here = |route: &&Route| route.path == path || route.rest(whole).is_some();
        let here: Vec<&Route> = self.0.iter().filter(is_here).collect();
        match here.iter().find(|route| route.method.as_str() == method) {
            Some(route) => RouteMatch::Route(route),
            None if here.is_empty() => RouteMatch::Nothing,
            None => RouteMatch::Path(here),
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
        let RouteMatch::Path(here) = routes.find("HEAD", "/track") else {
            panic!("a path");
        };
        let methods: Vec<Method> = here.iter().map(|route| route.method).collect();
        assert_eq!(methods, [Method::Get, Method::Post]);
        for nothing in ["", "/", "//track", "/track//", "/tr%61ck", "/Track"] {
            assert_eq!(
                routes.find("GET", nothing),
                RouteMatch::Nothing,
                "{nothing}"
            );
        }
    }

    #[test]
    fn a_flag_is_all_that_follows() {
        let routes = Routes::new([]).with_flags();
        let flag = |path: &str| match routes.find("POST", path) {
            RouteMatch::Route(route) if route.handler == Handler::Evaluate => {
                Some(route.rest(path).map(str::to_owned))
            }
            _ => None,
        };
        let flags = "/ofrep/v1/evaluate/flags";
        let below = |rest: &str| flag(&format!("{flags}{rest}"));
        assert_eq!(below(""), Some(None));
        assert_eq!(below("/"), Some(None));
        for name in ["a", "a%20b", "a/b", "a/", "//"] {
            assert_eq!(below(&format!("/{name}")), Some(Some(name.to_owned())));
        }
        for other in ["s", "s/a", "%2fa"] {
            assert_eq!(below(other), None, "{other}");
        }
        assert_eq!(flag("/ofrep/v1/evaluate"), None);
        let RouteMatch::Path(here) = routes.find("OPTIONS", &format!("{flags}/a")) else {
            panic!("a path");
        };
        assert_eq!(here.len(), 1);
        let rest = Routes::new([]);
        assert_eq!(rest.find("POST", flags), RouteMatch::Nothing);
    }
}

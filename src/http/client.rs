//! The browser client as it is served: the script with what the config declares in it.
//!
//! Made once for a config; a request gets a copy, or 304 where the browser has it already.

use std::time::Duration;

use serde::Serialize;

use super::{Api, Reply, Request, etag, header};
use crate::assets::client::{MODULE, PLACEHOLDER, SCRIPT};
use crate::domain::assignment::{in_order, path_pattern};
use crate::domain::{Declared, Name, State, Unit};

/// How long a browser takes what it has without asking, and for how long where it cannot ask.
const CACHE_CONTROL: &str = "public, max-age=60, stale-if-error=86400";

/// Asks for the config alone, as JSON. The client does where a visitor looks at a variant by
/// `?lamed.EXPERIMENT=VARIANT`.
const JSON: &str = "json";

/// Asks for a draft beside: the names of drafts are not public.
const PREVIEW: &str = "preview";

/// The scripts of one config.
#[derive(Debug, PartialEq)]
pub struct BrowserClient {
    script: Document,
    module: Document,
    json: Document,
    namespace: Name,
    window: Option<Duration>,
    experiments: Vec<Declared>,
}

/// In which form a page loads the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// `<script src>`, with the global `lamed`.
    Classic,
    /// `import … from`.
    Module,
}

/// What a browser may keep.
#[derive(Debug, PartialEq, Eq)]
struct Document {
    content_type: &'static str,
    body: String,
    /// The strong `ETag`, in its quotes.
    tag: String,
}

impl BrowserClient {
    /// The client for these experiments. `window` is for how long the server remembers an event; `None` is
    /// for ever.
    #[must_use]
    pub fn new(namespace: &Name, window: Option<Duration>, experiments: &[Declared]) -> Self {
        let public = experiments.iter().filter(|one| one.state != State::Draft);
        let public: Vec<&Declared> = public.collect();
        let config = config(namespace, window, &public);
        let javascript = "text/javascript; charset=utf-8";
        Self {
            script: Document::new(javascript, SCRIPT.replacen(PLACEHOLDER, &config, 1)),
            module: Document::new(javascript, MODULE.replacen(PLACEHOLDER, &config, 1)),
            json: Document::new(JSON_TYPE, config),
            namespace: namespace.clone(),
            window,
            experiments: experiments.to_vec(),
        }
    }

    /// The config in it.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json.body
    }

    /// The config with the draft of this name in it, if there is one.
    fn preview(&self, name: &str) -> Document {
        let is_shown = |one: &&Declared| one.state != State::Draft || one.name.as_str() == name;
        let shown: Vec<&Declared> = self.experiments.iter().filter(is_shown).collect();
        Document::new(JSON_TYPE, config(&self.namespace, self.window, &shown))
    }

    /// The text of each form of the script, with its `ETag`.
    pub fn scripts(&self) -> impl Iterator<Item = (&str, &str)> {
        let both = [&self.script, &self.module].into_iter();
        both.map(|document| (document.tag.as_str(), document.body.as_str()))
    }

    /// The text of the script. It can stand inside of `<script>`.
    #[must_use]
    pub fn script(&self, form: Script) -> &str {
        match form {
            Script::Classic => &self.script.body,
            Script::Module => &self.module.body,
        }
    }

    fn reply(&self, request: &Request) -> Reply {
        let asks_for_json = request.query.get(JSON).is_some();
        let preview = request.query.get(PREVIEW).filter(|_| asks_for_json);
        let preview = preview.map(|name| self.preview(name));
        let document = match (&preview, request.details.is_module) {
            (Some(preview), _) => preview,
            (None, _) if asks_for_json => &self.json,
            (None, true) => &self.module,
            (None, false) => &self.script,
        };
        let there = request.details.if_none_match.as_deref();
        let (status, body) = if there.is_some_and(|there| etag::names(there, &document.tag)) {
            (304, String::new())
        } else {
            (200, document.body.clone())
        };
        // A cache takes over what a 304 says, and API Gateway adds a type where none is: so it is said, too.
        let headers = [
            ("Content-Type", document.content_type),
            ("Access-Control-Allow-Origin", "*"),
            ("Cache-Control", CACHE_CONTROL),
        ];
        let reply = Reply {
            status,
            headers: headers.map(header).into(),
            body,
        };
        reply.with("ETag", document.tag.clone())
    }
}

const JSON_TYPE: &str = "application/json";

/// What the client reads, safe in a page.
fn config(namespace: &Name, window: Option<Duration>, experiments: &[&Declared]) -> String {
    let with_variants = experiments.iter().filter(|e| !e.variants.is_empty());
    let config = Config {
        namespace: namespace.as_str(),
        window: window.map(|window| window.as_secs()),
        experiments: with_variants
            .map(|declared| Experiment::of(declared))
            .collect(),
    };
    in_html(&serde_json::to_string(&config).unwrap_or_default())
}

impl Api {
    pub(super) fn browser_client(&self, request: &Request) -> Reply {
        match &self.rules().client {
            Some(client) => client.reply(request),
            None => Reply::message(404, "not found"),
        }
    }
}

impl Document {
    fn new(content_type: &'static str, body: String) -> Self {
        Self {
            content_type,
            tag: etag::of(&body),
            body,
        }
    }
}

/// JSON in which nothing ends a script, begins a comment of HTML, ends a line of JavaScript, or depends on the
/// encoding of a page.
fn in_html(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && !matches!(character, '<' | '>' | '&') {
            safe.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    }
    safe
}

/// What the client reads: `embedded/client/src/options.js`.
#[derive(Serialize)]
struct Config<'a> {
    namespace: &'a str,
    /// In seconds; missing where the server never forgets.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
    experiments: Vec<Experiment<'a>>,
}

#[derive(Serialize)]
struct Experiment<'a> {
    /// As pages call it.
    name: &'a str,
    /// As events call it.
    wire: String,
    #[serde(skip_serializing_if = "is_false")]
    user: bool,
    /// With weights, as they are assigned.
    variants: Vec<(&'a str, u32)>,
    goals: Vec<Goal<'a>>,
    /// `archived` where it is that and shipped: pages show the variant, but do not wait for it any more.
    state: &'static str,
    /// The share of visitors that take part.
    sample: f64,
    /// One regular expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Group<'a>>,
    /// What those see who do not take part.
    fallback: &'a str,
}

#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    from: f64,
    to: f64,
}

#[derive(Serialize)]
struct Goal<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "is_true")]
    unique: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_true(value: &bool) -> bool {
    *value
}

impl<'a> Experiment<'a> {
    fn of(declared: &'a Declared) -> Self {
        let mut variants: Vec<(&str, u32)> = (declared.variants.iter())
            .map(|(name, weight)| (name.as_str(), *weight))
            .collect();
        in_order(&mut variants, |(name, _)| name);
        Self {
            name: declared.name.as_str(),
            wire: declared.wire_name().to_string(),
            user: declared.unit == Unit::User,
            fallback: declared.fallback().map_or("", Name::as_str),
            variants,
            goals: (declared.goals.iter())
                .map(|goal| Goal {
                    name: goal.name.as_str(),
                    unique: goal.unique,
                })
                .collect(),
            state: match &declared.state {
                State::Shipped(_) if declared.archived => "archived",
                state => state.as_str(),
            },
            sample: declared.sample,
            path: (!declared.paths.is_empty())
                .then(|| path_pattern(declared.paths.iter().map(String::as_str))),
            group: declared.group.as_ref().map(|group| Group {
                name: group.name.as_str(),
                from: group.from,
                to: group.to,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_stand_as_javascript_has_them() {
        let names = [
            "!",
            "01",
            "10",
            "9",
            "4294967295",
            "-1",
            "4294967294",
            "+5",
            "b",
        ];
        let declared = Declared {
            variants: (names.iter())
                .map(|name| (Name::stored((*name).to_owned()), 1))
                .collect(),
            ..Declared::example()
        };
        let ordered = Experiment::of(&declared).variants.into_iter();
        let ordered: Vec<&str> = ordered.map(|(name, _)| name).collect();
        let expected = [
            "9",
            "10",
            "4294967294",
            "!",
            "01",
            "4294967295",
            "-1",
            "+5",
            "b",
        ];
        assert_eq!(ordered, expected);
    }

    #[test]
    fn pages_wait_for_a_shipped_variant_until_it_is_archived() {
        let shipped = State::Shipped(Name::stored("red".to_owned()));
        for (state, archived, expected) in [
            (shipped.clone(), false, ("shipped", "red")),
            (shipped, true, ("archived", "red")),
            (State::Running, true, ("running", "blue")),
        ] {
            let declared = Declared {
                state,
                archived,
                ..Declared::example()
            };
            let of = Experiment::of(&declared);
            assert_eq!((of.state, of.fallback), expected);
        }
    }

    #[test]
    fn a_config_has_exactly_one_place() {
        for script in [SCRIPT, MODULE] {
            assert_eq!(script.matches(PLACEHOLDER).count(), 1);
            assert!(script.is_ascii());
            let lower = script.to_lowercase();
            assert!(!lower.contains("</script") && !lower.contains("<!--"));
        }
    }
}

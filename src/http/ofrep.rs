//! OFREP 0.3, the OpenFeature Remote Evaluation Protocol: a server, or a page, asks which variant a user sees.
//!
//! It is for experiments of the unit `user`. The variant is that of `lamed.js` and of `POST /track` with `user`, as it
//! follows from the id, here the `targetingKey`. Nothing is counted by asking.
//!
//! | experiment | reply |
//! |---|---|
//! | running | the variant's name, `SPLIT`; outside of the sample or the group no value, `DISABLED` |
//! | stopped | the control, `STATIC` |
//! | shipped | that variant, `STATIC` |
//! | draft, or for visitors | 404, `FLAG_NOT_FOUND` |
//!
//! Without a `targetingKey` a running one is `TARGETING_KEY_MISSING`, and the others are as always. Of all at once that
//! is no 400: providers for pages would go on with the variants of the user who has just signed out.
//!
//! Source: open-feature/protocol, `service/openapi.yaml`, 0.3.0. Providers read `reason`, `variant` and `errorDetails`
//! without looking whether they are there, and `key` in every error about one experiment.

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::{IgnoredAny, MapAccess};

use super::batch::{Any, Field, Shape};
use super::events::json;
use super::handlers::Refusal;
use super::{Api, Reply, Request, Rules, etag};
use crate::domain::{Declared, Name, State, Unit, UserId};

/// What a user sees of an experiment.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Evaluation<'a> {
    key: &'a str,
    /// None is the value that the code of the server has for such a case.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    reason: Reason,
    variant: &'a str,
}

#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Reason {
    Split,
    Static,
    Disabled,
}

/// All that a user sees.
#[derive(Serialize)]
struct Answers<'a> {
    flags: Vec<Answer<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    Found(Evaluation<'a>),
    Failed(Failure<'a>),
}

/// Why there is no evaluation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    error_code: ErrorCode,
    error_details: &'a str,
}

#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ErrorCode {
    ParseError,
    TargetingKeyMissing,
    InvalidContext,
    FlagNotFound,
}

impl Api {
    pub(super) fn evaluate(&self, request: &Request) -> Result<Reply, Refusal> {
        let rules = self.rules();
        let flag = request.details.flag.as_deref();
        let named = flag.map(|flag| rules.flag(flag));
        let key = named.as_ref().map(|(_, name)| name.as_str());
        let user = match user(json(request)?) {
            Ok(user) => user,
            Err((code, details)) => return Ok(Failure::new(key, code, &details).reply()),
        };
        Ok(match (&named, key) {
            (None, _) => all(&rules, user.as_ref(), request),
            (Some((Some(declared), _)), _) => match declared.answer(user.as_ref()) {
                Answer::Found(evaluation) => Reply::ok(&evaluation),
                Answer::Failed(failure) => failure.reply(),
            },
            (Some((None, _)), key) => {
                let details = "no running, stopped or shipped experiment for users has this name";
                Failure::new(key, ErrorCode::FlagNotFound, details).reply()
            }
        })
    }
}

/// All experiments for users; 304 where that is what the client has.
fn all(rules: &Rules, user: Option<&UserId>, request: &Request) -> Reply {
    let all = rules.experiments.all().iter();
    let shown = all.filter(|declared| declared.is_shown());
    let mut reply = Reply::ok(&Answers {
        flags: shown.map(|declared| declared.answer(user)).collect(),
    });
    let tag = etag::of(&reply.body);
    let there = request.details.if_none_match.as_deref();
    if there.is_some_and(|there| etag::names(there, &tag)) {
        reply.status = 304;
        reply.body.clear();
    }
    reply
        .with("ETag", tag)
        .with("Access-Control-Expose-Headers", "ETag")
}

impl Rules {
    /// The experiment that an address names, and its name. Some providers write names as they are, so that a `?`
    /// begins a query; others encode them as a form, so that a `+` is a space.
    fn flag(&self, encoded: &str) -> (Option<&Declared>, String) {
        let path = encoded.split_once('?').map_or(encoded, |(path, _)| path);
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let name = decoded(path);
        let readings = [
            decoded(encoded),
            name.clone(),
            decoded(&path.replace('+', " ")),
        ];
        let known = readings.into_iter().find_map(|name| {
            let declared = self.experiments.named(&name).filter(|one| one.is_shown())?;
            Some((Some(declared), name))
        });
        known.unwrap_or((None, name))
    }
}

impl Declared {
    /// Whether OFREP knows it.
    fn is_shown(&self) -> bool {
        self.unit == Unit::User && self.state != State::Draft && self.control().is_some()
    }

    /// What a user sees of it, or somebody who is not signed in.
    fn answer(&self, user: Option<&UserId>) -> Answer<'_> {
        let key = self.name.as_str();
        let fallback = self.fallback().map_or("", Name::as_str);
        let found = |value, reason, variant| {
            Answer::Found(Evaluation {
                key,
                value,
                reason,
                variant,
            })
        };
        match (&self.state, user) {
            (State::Running, None) => {
                let details = "`targetingKey` is missing in `context`: it is the id of the user";
                Answer::Failed(Failure::new(
                    Some(key),
                    ErrorCode::TargetingKeyMissing,
                    details,
                ))
            }
            (State::Running, Some(user)) => match self.drawn(user).map(Name::as_str) {
                Some(variant) => found(Some(variant), Reason::Split, variant),
                None => found(None, Reason::Disabled, fallback),
            },
            (State::Draft | State::Stopped | State::Shipped(_), _) => {
                found(Some(fallback), Reason::Static, fallback)
            }
        }
    }
}

impl<'a> Failure<'a> {
    fn new(key: Option<&'a str>, error_code: ErrorCode, error_details: &'a str) -> Self {
        Self {
            key,
            error_code,
            error_details,
        }
    }

    fn reply(&self) -> Reply {
        let status = match self.error_code {
            ErrorCode::FlagNotFound => 404,
            _ => 400,
        };
        Reply::json(status, self)
    }
}

/// Who is asked about; none where nobody is named.
fn user(json: &[u8]) -> Result<Option<UserId>, (ErrorCode, String)> {
    let Any(body) = serde_json::from_slice(json).map_err(|error| {
        let details = format!("the body is not JSON: {error}");
        (ErrorCode::ParseError, details)
    })?;
    let invalid = |details: String| Err((ErrorCode::InvalidContext, details));
    match body {
        Body::Other => {
            let details = "the body must be a JSON object with a `context`";
            Err((ErrorCode::ParseError, details.to_owned()))
        }
        Body::Object(Context::Other) => invalid("`context` must be a JSON object".to_owned()),
        Body::Object(Context::Object(Field::Other | Field::Number(_))) => {
            invalid("`targetingKey` must be a string".to_owned())
        }
        Body::Object(Context::Object(Field::Missing)) => Ok(None),
        Body::Object(Context::Object(Field::Text(key))) if key.is_empty() => Ok(None),
        Body::Object(Context::Object(Field::Text(key))) => match UserId::new(key) {
            Ok(user) => Ok(Some(user)),
            Err(error) => invalid(format!("`targetingKey` {error}")),
        },
    }
}

/// The body of a request: of the context nothing is kept but the `targetingKey`.
enum Body {
    Object(Context),
    Other,
}

enum Context {
    Object(Field),
    Other,
}

impl Shape for Body {
    fn other() -> Self {
        Self::Other
    }

    fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self::Object(last(map, "context")?.unwrap_or_default()))
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::Object(Field::Missing)
    }
}

impl Shape for Context {
    fn other() -> Self {
        Self::Other
    }

    fn null() -> Self {
        Self::default()
    }

    fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self::Object(last(map, "targetingKey")?.unwrap_or_default()))
    }
}

/// The last value of this key in an object.
fn last<'de, A: MapAccess<'de>, T: Shape>(mut map: A, key: &str) -> Result<Option<T>, A::Error> {
    let mut found = None;
    while let Some(Any(Key(here))) = map.next_key()? {
        if here == key {
            found = Some(map.next_value::<Any<T>>()?.0);
        } else {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(found)
}

struct Key(String);

impl Shape for Key {
    fn other() -> Self {
        Self(String::new())
    }

    fn text(text: &str) -> Self {
        Self(text.to_owned())
    }
}

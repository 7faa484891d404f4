//! Events out of requests: which are to be counted, and what stands in their way.

use std::fmt::Display;

use super::batch::{Element, Field, Object};
use super::handlers::Refusal;
use super::wire::{self, parameter};
use super::{MAX_BODY, Parameters, Request, Rules};
use crate::domain::{
    Configured, Counter, Event, IdempotencyKey, Judgement, Name, NotAValue, NotOfUsers, Undeclared,
    UserEvent, UserId, Value,
};

/// The events of a body.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    /// Well-formed, and not to be counted.
    pub(super) ignored: usize,
    pub(super) refused: Vec<wire::RefusedEvent>,
}

impl Batch {
    pub(super) fn add(&mut self, event: Option<Event>) {
        match event {
            Some(event) => self.events.push(event),
            None => self.ignored += 1,
        }
    }

    /// Each event of an array stands for itself. An error where there are only such as can never be counted.
    pub(super) fn read_all(&mut self, rules: &Rules, elements: &[Element]) -> Result<(), Refusal> {
        for (index, element) in elements.iter().enumerate() {
            match rules.batched(element, "") {
                Ok(event) => self.add(event),
                Err(Refusal::Malformed(message)) => {
                    self.refused.push(wire::RefusedEvent { index, message });
                }
                Err(refusal) => return Err(refusal),
            }
        }
        match elements.first() {
            Some(first) if self.refused.len() == elements.len() => {
                rules.batched(first, " in event 0").map(drop)
            }
            _ => Ok(()),
        }
    }
}

impl Rules {
    pub(super) fn namespace(&self, fields: &Fields) -> Result<Name, Refusal> {
        let namespace = optional(fields, parameter::NAMESPACE)?;
        Ok(namespace.unwrap_or_else(|| self.experiments.namespace().clone()))
    }

    pub(super) fn batched(&self, event: &Element, place: &str) -> Result<Option<Event>, Refusal> {
        match event {
            Element::Object(object) => self.event(&Fields::Body(object, place)),
            Element::Other => Err(Refusal::Malformed(format!(
                "the body must be an event or an array of events: expected a JSON object{place}"
            ))),
        }
    }

    /// An event to count; none if it is well-formed and not to be counted.
    pub(super) fn event(&self, fields: &Fields) -> Result<Option<Event>, Refusal> {
        if let Some(user) = fields.get(parameter::USER)? {
            return self.user_event(fields, user);
        }
        let counter = Counter {
            experiment: required(fields, parameter::EXPERIMENT)?,
            variant: required(fields, parameter::VARIANT)?,
            kind: required(fields, parameter::EVENT)?.into(),
            namespace: self.namespace(fields)?,
        };
        let judgement = (self.experiments.judge(&counter))
            .map_err(|undeclared| not_declared(undeclared, fields.place()))?;
        let key = key(fields)?.ok_or_else(|| missing(parameter::UUID, fields.place()))?;
        Ok(match judgement {
            Judgement::Ignore => None,
            Judgement::Count(configured) => Some(Event {
                counter,
                key,
                value: value(fields, &configured)?,
                configured,
            }),
        })
    }
}

impl Rules {
    /// The same for an event that names a user: its variant and its idempotency key follow from that.
    fn user_event(&self, fields: &Fields, user: &str) -> Result<Option<Event>, Refusal> {
        let place = fields.place();
        let refused = |name, error: &str| malformed(name, error, place);
        if fields.get(parameter::VARIANT)?.is_some() {
            let follows = "must be left out where `user` is given: lamed computes it from the user";
            return Err(refused(parameter::VARIANT, follows));
        }
        let event = UserEvent {
            namespace: self.namespace(fields)?,
            experiment: required(fields, parameter::EXPERIMENT)?,
            kind: required(fields, parameter::EVENT)?.into(),
            user: UserId::new(user).map_err(|error| malformed(parameter::USER, error, place))?,
            key: key(fields)?,
        };
        let event = self.experiments.of_user(event).map_err(|why| match why {
            NotOfUsers::Undeclared(undeclared) => not_declared(undeclared, place),
            NotOfUsers::Visitors => refused(
                parameter::EXPERIMENT,
                "names an experiment that counts visitors: send `variant` and `uuid` instead of `user`",
            ),
            NotOfUsers::NoVariants => refused(
                parameter::EXPERIMENT,
                "names an experiment that has no variants in the config",
            ),
            NotOfUsers::NoKey => refused(
                parameter::UUID,
                "is missing: this goal counts each time, so each event needs a `uuid` (the number of an order, for example); \
                 with it, a retry counts once",
            ),
        })?;
        event
            .map(|event| {
                Ok(Event {
                    value: value(fields, &event.configured)?,
                    ..event
                })
            })
            .transpose()
    }
}

fn not_declared(undeclared: Undeclared, place: &str) -> Refusal {
    let name = match undeclared {
        Undeclared::Namespace => parameter::NAMESPACE,
        Undeclared::Experiment => parameter::EXPERIMENT,
        Undeclared::Variant => parameter::VARIANT,
        Undeclared::Event => parameter::EVENT,
    };
    malformed(name, undeclared, place)
}

/// Proxies and browsers keep URLs in their logs.
pub(super) fn no_user(query: &Parameters) -> Result<(), Refusal> {
    match query.get(parameter::USER) {
        None => Ok(()),
        Some(_) => Err(malformed(
            parameter::USER,
            "must not be in the URL, because servers log URLs: send it in the body of a POST",
            "",
        )),
    }
}

fn key(fields: &Fields) -> Result<Option<IdempotencyKey>, Refusal> {
    let key = fields.get(parameter::UUID)?.map(IdempotencyKey::new);
    key.transpose()
        .map_err(|error| malformed(parameter::UUID, error, fields.place()))
}

/// What a conversion is worth, at most its goal's cap. Without a goal that has a value, nobody looks.
fn value(fields: &Fields, configured: &Configured) -> Result<Option<Value>, Refusal> {
    let Some(cap) = configured.cap else {
        return Ok(None);
    };
    let number = match fields {
        Fields::Query(parameters) => parameters.get(parameter::VALUE).map(str::parse),
        Fields::Body(object, _) => match object.get(parameter::VALUE) {
            Field::Missing => None,
            Field::Number(number) => Some(Ok(*number)),
            Field::Text(text) => Some(text.parse()),
            Field::Other => Some("".parse()),
        },
    };
    let refused = |error: &dyn Display| malformed(parameter::VALUE, error, fields.place());
    let number: f64 = number
        .ok_or_else(|| refused(&"is missing: each conversion of this goal needs one"))?
        .map_err(|_| refused(&NotAValue))?;
    let value = Value::new(number).map_err(|error| refused(&error))?;
    Ok(Some(value.min(cap)))
}

/// The JSON that a request carries.
pub(super) fn json(request: &Request) -> Result<&[u8], Refusal> {
    if request.body.len() > MAX_BODY {
        return Err(Refusal::TooLong);
    }
    if request.encoding.as_deref().is_some_and(is_encoded) {
        return Err(Refusal::Encoded);
    }
    let json = request.body.strip_prefix(BYTE_ORDER_MARK);
    Ok(json.unwrap_or(&request.body))
}

/// Some editors and languages begin every text in UTF-8 with it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Whether a `Content-Encoding` names any encoding. `identity` is none (RFC 9110, 8.4.1).
fn is_encoded(header: &str) -> bool {
    let mut encodings = header.split(',').map(str::trim);
    encodings.any(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
}

/// Where parameters are read from.
pub(super) enum Fields<'a> {
    Query(&'a Parameters),
    /// A JSON object, and the words that say which one of several.
    Body(&'a Object, &'a str),
}

impl Fields<'_> {
    fn get(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self {
            Self::Query(parameters) => Ok(parameters.get(name)),
            Self::Body(object, place) => match object.get(name) {
                Field::Missing => Ok(None),
                Field::Text(text) => Ok(Some(text)),
                Field::Number(_) | Field::Other => Err(Refusal::Malformed(format!(
                    "`{name}`{place} must be a string"
                ))),
            },
        }
    }

    fn place(&self) -> &str {
        match self {
            Self::Query(_) => "",
            Self::Body(_, place) => place,
        }
    }
}

pub(super) fn optional(fields: &Fields, name: &str) -> Result<Option<Name>, Refusal> {
    fields
        .get(name)?
        .map(|text| Name::new(text).map_err(|error| malformed(name, error, fields.place())))
        .transpose()
}

pub(super) fn required(fields: &Fields, name: &str) -> Result<Name, Refusal> {
    optional(fields, name)?.ok_or_else(|| missing(name, fields.place()))
}

fn missing(name: &str, place: &str) -> Refusal {
    Refusal::Malformed(format!("`{name}`{place} is missing"))
}

pub(super) fn malformed(name: &str, error: impl Display, place: &str) -> Refusal {
    Refusal::Malformed(format!("`{name}`{place} {error}"))
}

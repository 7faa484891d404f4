//! Events, and the counters they are counted under.

use super::{IdempotencyKey, Limit, Name, Value};

/// The word by which AlephBet, and so the keyspace, marks an exposure where a goal's name stands
/// for a conversion.
pub const PARTICIPATE: &str = "participate";

/// The reserved event by which a page reports that the code of a variant failed, once a visitor. It is always
/// accepted, and never a goal.
pub const ERROR: &str = "$error";

/// What happened: the visitor was shown the variant, or reached a goal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    Exposure,
    Conversion(Name),
}

impl EventKind {
    /// The goal; none for an exposure.
    #[must_use]
    pub fn goal(&self) -> Option<&Name> {
        match self {
            Self::Exposure => None,
            Self::Conversion(goal) => Some(goal),
        }
    }

    /// The word for this kind on the wire and in the stores.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exposure => PARTICIPATE,
            Self::Conversion(goal) => goal.as_str(),
        }
    }
}

impl From<Name> for EventKind {
    fn from(name: Name) -> Self {
        if name.as_str() == PARTICIPATE {
            Self::Exposure
        } else {
            Self::Conversion(name)
        }
    }
}

/// What is counted: all events of one kind under one variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Counter {
    pub namespace: Name,
    pub experiment: Name,
    pub kind: EventKind,
    pub variant: Name,
}

/// One event as the client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub counter: Counter,
    pub key: IdempotencyKey,
    pub configured: Configured,
    /// What the conversion is worth, where its goal has a value.
    pub value: Option<Value>,
}

/// What the config says of a counter. The limits on what strangers invent are not for what it names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// The namespace is the configured one.
    pub namespace: bool,
    /// The variant is declared for the experiment.
    pub variant: bool,
    /// The experiment is for users, who come back with the same key for ever: it is remembered until the experiment is
    /// deleted. (Not in Python lamed's form of remembering, the flags.)
    pub forever: bool,
    /// Where each conversion has a value: the highest that is counted.
    pub cap: Option<Value>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its counter is one higher, durably.
    Counted,
    /// Its idempotency key was counted under this counter before.
    Duplicate,
    /// Its counter would be new, and there is no room for it. Nothing is left of it.
    Refused(Limit),
}

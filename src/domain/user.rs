//! Users who are signed in, and what experiments of theirs give them: the same as `lamed.js` does
//! (`embedded/client/src/participation.js`), with nothing stored.

use std::borrow::Cow;
use std::fmt;

use super::assignment::{
    Variants, draw, idempotency_key, in_order, is_grouped, is_sampled, pick, repeated_key,
    wire_name,
};
use super::{
    Counter, Declared, Event, EventKind, Experiments, IdempotencyKey, Judgement, Name, NameError,
    Undeclared, Unit,
};

/// The id of a user, as the owner of the site has it: any text. It never appears in logs, errors or stores, so
/// `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserId(String);

impl UserId {
    /// The longest id, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// Checks an id that comes from outside.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        match text.len() {
            0 => Err(NameError::Empty),
            1..=Self::MAX_BYTES => Ok(Self(text)),
            _ => Err(NameError::TooLong {
                max_bytes: Self::MAX_BYTES,
            }),
        }
    }

    /// The id itself: for hashing, not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(…)")
    }
}

impl Declared {
    /// The variant with which a user takes part in the present run while it is running. `None` outside of its
    /// group's range or its sample.
    #[must_use]
    pub fn drawn(&self, user: &UserId) -> Option<&Name> {
        let (wire, user) = (self.wire_name(), user.as_str());
        let wire = wire.as_str();
        let is_in = (self.group.as_ref())
            .is_none_or(|group| is_grouped(group.name.as_str(), group.from, group.to, user));
        if !is_in || !is_sampled(wire, self.sample, user) {
            return None;
        }
        let mut variants: Vec<&(Name, u32)> = self.variants.iter().collect();
        in_order(&mut variants, |(name, _)| name.as_str());
        let weights = variants.iter().map(|(_, weight)| *weight).collect();
        let place = pick(draw(wire, "variant", user), &Variants::Weighted(weights));
        place.map(|place| &variants[place].0)
    }

    /// Whether an event of this kind counts once for a user.
    #[must_use]
    pub fn is_unique(&self, kind: &EventKind) -> bool {
        let goal = kind.goal().and_then(|goal| self.goal(goal));
        goal.is_none_or(|goal| goal.unique)
    }
}

/// An event as a server tells it: who did what.
#[derive(Clone, Debug)]
pub struct UserEvent {
    pub namespace: Name,
    /// As pages call it, or the name of a run on the wire.
    pub experiment: Name,
    pub kind: EventKind,
    pub user: UserId,
    /// What tells the event from others of its kind. Only a goal that counts each time needs it.
    pub key: Option<IdempotencyKey>,
}

/// Why an event of a user can never be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOfUsers {
    Undeclared(Undeclared),
    /// The experiment is for visitors.
    Visitors,
    /// The experiment declares no variants.
    NoVariants,
    /// The goal counts each time, and there is no key by which a second attempt is known.
    NoKey,
}

impl Experiments {
    /// The event to count for a user; none where the user does not take part, or the run does not count.
    ///
    /// # Errors
    /// When it can never be counted.
    pub fn of_user(&self, event: UserEvent) -> Result<Option<Event>, NotOfUsers> {
        if event.namespace != *self.namespace() {
            return Err(NotOfUsers::Undeclared(Undeclared::Namespace));
        }
        let Some((declared, run)) = self.of_run(&event.experiment) else {
            return Err(NotOfUsers::Undeclared(Undeclared::Experiment));
        };
        if declared.unit != Unit::User {
            return Err(NotOfUsers::Visitors);
        }
        let of_run = match run == declared.run {
            true => Cow::Borrowed(declared),
            // Another server knows of it already, or it is over: `judge` tells them apart.
            false => Cow::Owned(Declared {
                run,
                ..declared.clone()
            }),
        };
        let drawn = of_run.drawn(&event.user);
        let Some(variant) = drawn.or(of_run.control()) else {
            return Err(NotOfUsers::NoVariants);
        };
        let key = event.key(&of_run).ok_or(NotOfUsers::NoKey)?;
        let counter = Counter {
            namespace: event.namespace,
            experiment: of_run.wire_name(),
            variant: variant.clone(),
            kind: event.kind,
        };
        let judgement = self.judge(&counter).map_err(NotOfUsers::Undeclared)?;
        Ok(match (judgement, drawn) {
            (Judgement::Ignore, _) | (_, None) => None,
            (Judgement::Count(configured), Some(_)) => Some(Event {
                counter,
                key,
                configured,
                value: None,
            }),
        })
    }

    /// The experiment of this name, with its present run; or of this name on the wire, with the run that it names.
    fn of_run(&self, name: &Name) -> Option<(&Declared, u32)> {
        if let Some(declared) = self.named(name.as_str()) {
            return Some((declared, declared.run));
        }
        let (of_pages, run) = name.as_str().rsplit_once(" #")?;
        let run: u32 = run.parse().ok().filter(|run| *run > 1)?;
        let declared = self.named(of_pages)?;
        (wire_name(of_pages, run) == name.as_str()).then_some((declared, run))
    }
}

impl UserEvent {
    /// The idempotency key under which it is counted.
    fn key(&self, of_run: &Declared) -> Option<IdempotencyKey> {
        let wire = of_run.wire_name();
        let once = idempotency_key(
            self.namespace.as_str(),
            wire.as_str(),
            self.kind.as_str(),
            self.user.as_str(),
        );
        let text = if of_run.is_unique(&self.kind) {
            once
        } else {
            // Two users may have an event 1 each.
            repeated_key(&once, self.key.as_ref()?.as_str())
        };
        IdempotencyKey::new(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Accept, Goal, Group, State};

    fn name(text: &str) -> Name {
        Name::stored(text.to_owned())
    }

    fn users(run: u32) -> Declared {
        Declared {
            unit: Unit::User,
            run,
            goals: vec![
                Goal::new(name("bought")),
                Goal {
                    unique: false,
                    ..Goal::new(name("viewed"))
                },
            ],
            ..Declared::example()
        }
    }

    fn event(experiment: &str, event: &str, key: Option<&str>) -> UserEvent {
        UserEvent {
            namespace: name("alephbet"),
            experiment: name(experiment),
            kind: name(event).into(),
            user: UserId::new("42").unwrap(),
            key: key.map(|key| IdempotencyKey::new(key).unwrap()),
        }
    }

    fn all(declared: Vec<Declared>, accept: Accept) -> Experiments {
        Experiments::new(name("alephbet"), declared, accept)
    }

    /// Name on the wire, event, variant and key of what is counted.
    fn counted(experiments: &Experiments, sent: UserEvent) -> Option<[String; 4]> {
        let Event { counter, key, .. } = experiments.of_user(sent).unwrap()?;
        let kind = counter.kind.as_str().to_owned();
        let [experiment, variant] = [counter.experiment, counter.variant].map(|n| n.to_string());
        Some([experiment, kind, variant, key.as_str().to_owned()])
    }

    #[test]
    fn variant_and_key_follow_from_the_user() {
        let first = all(vec![users(1)], Accept::Any);
        let [wire, _, variant, key] =
            counted(&first, event("button color", "participate", None)).unwrap();
        assert_eq!((&*wire, &*variant), ("button color", "red"));
        assert_eq!(key, "494c339ffd2ec105033dc62744fcdf0bb71e25e4");
        // A given key changes nothing where the event counts once.
        let with_key = counted(&first, event("button color", "participate", Some("x"))).unwrap();
        assert_eq!(with_key[3], key);
        // The page's name is that of the present run; the wire name says the same.
        let second = all(vec![users(2)], Accept::Any);
        let by_page = counted(&second, event("button color", "participate", None)).unwrap();
        let by_wire = counted(&second, event("button color #2", "participate", None)).unwrap();
        assert_eq!(by_page, by_wire);
        assert_eq!(by_page[0], "button color #2");
        assert_ne!(by_page[3], key);
        // A server that is told of a restart later than another.
        let early = counted(&second, event("button color #3", "participate", None)).unwrap();
        let third = all(vec![users(3)], Accept::Any);
        let later = counted(&third, event("button color", "participate", None)).unwrap();
        assert_eq!(early, later);
        // An earlier run.
        assert_eq!(
            counted(&third, event("button color #2", "participate", None)),
            None
        );
    }

    #[test]
    fn an_event_that_counts_each_time_needs_a_key_of_its_user() {
        let experiments = all(vec![users(1)], Accept::Any);
        let of = |user: &str, key: &str| {
            let mut sent = event("button color", "viewed", Some(key));
            sent.user = UserId::new(user).unwrap();
            counted(&experiments, sent).unwrap()[3].clone()
        };
        assert_eq!(of("42", "order 1"), of("42", "order 1"));
        assert_ne!(of("42", "order 1"), of("42", "order 2"));
        assert_ne!(of("42", "order 1"), of("43", "order 1"));
        let without = experiments.of_user(event("button color", "viewed", None));
        assert_eq!(without, Err(NotOfUsers::NoKey));
        let unknown_goal = counted(&experiments, event("button color", "unknown", None));
        assert!(unknown_goal.is_some());
    }

    #[test]
    fn who_does_not_take_part_is_not_counted() {
        let with = |change: fn(&mut Declared)| {
            let mut declared = users(1);
            change(&mut declared);
            all(vec![declared], Accept::Any)
        };
        for change in [
            (|declared| declared.sample = 0.0) as fn(&mut Declared),
            |declared| declared.state = State::Draft,
            |declared| declared.state = State::Stopped,
            |declared| declared.state = State::Shipped(name("red")),
            |declared| {
                declared.group = Some(Group {
                    name: name("checkout"),
                    from: 0.0,
                    to: 0.0,
                });
            },
        ] {
            let sent = event("button color", "participate", None);
            assert_eq!(counted(&with(change), sent), None);
        }
    }

    #[test]
    fn what_can_never_be_counted_is_an_error() {
        let visitors = Declared {
            name: name("visitors"),
            ..Declared::example()
        };
        let empty = Declared {
            name: name("empty"),
            variants: Vec::new(),
            ..users(1)
        };
        let declared = vec![users(2), visitors, empty];
        let any = all(declared.clone(), Accept::Any);
        let only = all(declared, Accept::Declared);
        let undeclared = |what| Err(NotOfUsers::Undeclared(what));
        for (experiments, experiment, what, expected) in [
            (&any, "other", "bought", undeclared(Undeclared::Experiment)),
            (
                &any,
                "button color #1",
                "bought",
                undeclared(Undeclared::Experiment),
            ),
            (
                &any,
                "button color #02",
                "bought",
                undeclared(Undeclared::Experiment),
            ),
            (&any, "visitors", "bought", Err(NotOfUsers::Visitors)),
            (&any, "visitors #2", "bought", Err(NotOfUsers::Visitors)),
            (&any, "empty", "bought", Err(NotOfUsers::NoVariants)),
            (
                &only,
                "button color",
                "other",
                undeclared(Undeclared::Event),
            ),
        ] {
            let sent = event(experiment, what, None);
            assert_eq!(experiments.of_user(sent), expected, "{experiment}");
        }
        assert!(counted(&only, event("button color", "$error", None)).is_some());
        let elsewhere = UserEvent {
            namespace: name("other"),
            ..event("button color", "bought", None)
        };
        assert_eq!(any.of_user(elsewhere), undeclared(Undeclared::Namespace));
    }

    #[test]
    fn an_id_is_any_text_and_never_printed() {
        assert_eq!(UserId::new(""), Err(NameError::Empty));
        let long = "é".repeat(128);
        assert_eq!(UserId::new(long.clone()).unwrap().as_str(), long);
        let max_bytes = 256;
        assert_eq!(
            UserId::new(format!("{long}x")),
            Err(NameError::TooLong { max_bytes })
        );
        let id = UserId::new("a\nb\u{0}").unwrap();
        assert_eq!(format!("{id:?}"), "UserId(…)");
    }
}

//! The declared experiments together, and what they say of an event.

use std::collections::HashMap;
use std::fmt;

use super::{Configured, Counter, Declared, ERROR, EventKind, Name, Unit, Value, assignment};

/// The experiments that a config declares in its namespace, and whether others are counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiments {
    namespace: Name,
    /// In natural order.
    declared: Vec<Declared>,
    accept: Accept,
    /// By what a run is called on the wire: the present runs and those before.
    runs: HashMap<Name, Run>,
}

/// Which events are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// All, but for experiments that are declared and do not run.
    #[default]
    Any,
    /// Those of declared experiments, variants and goals.
    Declared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// The present run of the experiment at this place.
    Present(usize),
    Earlier,
}

/// What becomes of a well-formed event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is to be counted.
    Count(Configured),
    /// It is answered and not counted: its experiment does not run, or its run is over.
    Ignore,
}

/// What of an event is not declared. Reads as the end of a sentence: "`variant` is not …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    Namespace,
    Experiment,
    Variant,
    Event,
}

impl fmt::Display for Undeclared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespace => "is not the configured namespace",
            Self::Experiment => "is not declared",
            Self::Variant => "is not declared for this experiment",
            Self::Event => "must be `participate` or a declared goal of this experiment",
        })
    }
}

impl Experiments {
    /// The experiments of a namespace.
    #[must_use]
    pub fn new(namespace: Name, mut declared: Vec<Declared>, accept: Accept) -> Self {
        declared.sort_by(|a, b| a.name.cmp(&b.name));
        let mut runs = HashMap::new();
        for (place, experiment) in declared.iter().enumerate() {
            let earlier = (1..experiment.run).map(|run| (run, Run::Earlier));
            for (run, what) in earlier.chain([(experiment.run, Run::Present(place))]) {
                let name = assignment::wire_name(experiment.name.as_str(), run);
                runs.insert(Name::stored(name), what);
            }
        }
        Self {
            namespace,
            declared,
            accept,
            runs,
        }
    }

    /// None at all: whatever is sent to any namespace is counted.
    #[must_use]
    pub fn none(namespace: Name) -> Self {
        Self::new(namespace, Vec::new(), Accept::Any)
    }

    /// What requests mean that name no namespace.
    #[must_use]
    pub fn namespace(&self) -> &Name {
        &self.namespace
    }

    /// All of them, in natural order.
    #[must_use]
    pub fn all(&self) -> &[Declared] {
        &self.declared
    }

    /// Which events are counted.
    #[must_use]
    pub fn accept(&self) -> Accept {
        self.accept
    }

    /// The experiment that pages call so.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Declared> {
        (self.declared.iter()).find(|declared| declared.name.as_str() == name)
    }

    /// The experiment whose present run is called so on the wire.
    #[must_use]
    pub fn present(&self, wire: &Name) -> Option<&Declared> {
        self.place(wire).map(|place| &self.declared[place])
    }

    /// Where in [`Self::all`] it is.
    #[must_use]
    pub fn place(&self, wire: &Name) -> Option<usize> {
        match self.runs.get(wire)? {
            Run::Present(place) => Some(*place),
            Run::Earlier => None,
        }
    }

    /// What becomes of an event of this counter.
    ///
    /// # Errors
    /// When it is not to be counted because something of it is not declared.
    pub fn judge(&self, counter: &Counter) -> Result<Judgement, Undeclared> {
        let is_declared_only = self.accept == Accept::Declared;
        if counter.namespace != self.namespace {
            return match is_declared_only {
                true => Err(Undeclared::Namespace),
                false => Ok(Judgement::Count(Configured::default())),
            };
        }
        let experiment = match self.runs.get(&counter.experiment) {
            Some(Run::Earlier) => return Ok(Judgement::Ignore),
            Some(Run::Present(place)) => Some(&self.declared[*place]),
            None => self.before_a_later_run(&counter.experiment),
        };
        let Some(experiment) = experiment else {
            return match is_declared_only {
                true => Err(Undeclared::Experiment),
                false => Ok(Judgement::Count(Configured {
                    namespace: true,
                    ..Configured::default()
                })),
            };
        };
        if !experiment.is_running() {
            return Ok(Judgement::Ignore);
        }
        if is_declared_only {
            check(experiment, counter)?;
        }
        Ok(Judgement::Count(Configured {
            namespace: true,
            variant: experiment.has_variant(&counter.variant),
            forever: experiment.unit == Unit::User,
            cap: cap(experiment, &counter.kind),
        }))
    }

    /// The experiment of a run that others know already. Where several servers take a new config one after the
    /// other, a page may have it from the first and send its events to the last.
    fn before_a_later_run(&self, wire: &Name) -> Option<&Declared> {
        let (name, run) = wire.as_str().rsplit_once(" #")?;
        let run: u32 = run.parse().ok()?;
        let experiment = self.named(name)?;
        let is_later = run > experiment.run && assignment::wire_name(name, run) == wire.as_str();
        is_later.then_some(experiment)
    }
}

/// The highest value of a conversion; none where it has no value.
fn cap(experiment: &Declared, kind: &EventKind) -> Option<Value> {
    let value = experiment.goal(kind.goal()?)?.value.as_ref()?;
    Some(Value::new(value.cap).unwrap_or(Value::MAX))
}

/// Whether variant and goal are declared.
fn check(experiment: &Declared, counter: &Counter) -> Result<(), Undeclared> {
    if !experiment.has_variant(&counter.variant) {
        return Err(Undeclared::Variant);
    }
    match &counter.kind {
        EventKind::Conversion(goal) if goal.as_str() == ERROR => Ok(()),
        EventKind::Conversion(goal) if experiment.goal(goal).is_none() => Err(Undeclared::Event),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::State;

    fn name(text: &str) -> Name {
        Name::stored(text.to_owned())
    }

    fn judged(experiments: &Experiments, text: &str) -> Result<Judgement, Undeclared> {
        let [namespace, experiment, event, variant] = text.split('/').collect::<Vec<_>>()[..]
        else {
            panic!("{text}");
        };
        experiments.judge(&Counter {
            namespace: name(namespace),
            experiment: name(experiment),
            kind: name(event).into(),
            variant: name(variant),
        })
    }

    fn some(accept: Accept) -> Experiments {
        let with = |text: &str, run: u32, state: State| Declared {
            name: name(text),
            run,
            state,
            ..Declared::example()
        };
        let declared = vec![
            with("third", 3, State::Running),
            with("draft", 1, State::Draft),
            with("stopped", 2, State::Stopped),
            with("shipped", 1, State::Shipped(name("red"))),
        ];
        Experiments::new(name("n"), declared, accept)
    }

    #[test]
    fn any_event_is_counted_but_of_what_does_not_run() {
        let experiments = some(Accept::Any);
        let count = |namespace, variant| {
            Ok(Judgement::Count(Configured {
                namespace,
                variant,
                ..Configured::default()
            }))
        };
        for (event, expected) in [
            ("n/third #3/participate/red", count(true, true)),
            ("n/third #3/any goal/green", count(true, false)),
            // A server that is told of a restart later than others.
            ("n/third #4/participate/red", count(true, true)),
            ("n/third #04/participate/red", count(true, false)),
            ("n/third #1/participate/red", count(true, false)),
            ("n/other/participate/red", count(true, false)),
            ("m/third/participate/red", count(false, false)),
            ("m/draft/participate/red", count(false, false)),
            ("n/third/participate/red", Ok(Judgement::Ignore)),
            ("n/third #2/button clicked/red", Ok(Judgement::Ignore)),
            ("n/draft/participate/red", Ok(Judgement::Ignore)),
            ("n/stopped/participate/red", Ok(Judgement::Ignore)),
            ("n/stopped #2/participate/red", Ok(Judgement::Ignore)),
            ("n/shipped/button clicked/blue", Ok(Judgement::Ignore)),
        ] {
            assert_eq!(judged(&experiments, event), expected, "{event}");
        }
    }

    #[test]
    fn only_what_is_declared_is_counted_where_that_is_asked_for() {
        let experiments = some(Accept::Declared);
        let count = Ok(Judgement::Count(Configured {
            namespace: true,
            variant: true,
            ..Configured::default()
        }));
        for (event, expected) in [
            ("n/third #3/participate/red", count),
            ("n/third #3/button clicked/blue", count),
            ("n/third #3/$error/blue", count),
            ("n/third #4/button clicked/blue", count),
            ("n/third/button clicked/blue", Ok(Judgement::Ignore)),
            ("n/stopped #2/other/green", Ok(Judgement::Ignore)),
            ("n/third #3/other/blue", Err(Undeclared::Event)),
            ("n/third #3/participate/green", Err(Undeclared::Variant)),
            ("n/other/participate/red", Err(Undeclared::Experiment)),
            ("m/third #3/participate/red", Err(Undeclared::Namespace)),
        ] {
            assert_eq!(judged(&experiments, event), expected, "{event}");
        }
    }
}

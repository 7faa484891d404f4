//! What is done to experiments: each verb changes the config, and nothing else.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::nearest::meant;
use super::{Config, Document};
use crate::domain::{Declared, Name, State, Unit, assignment};

/// A change of one experiment.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Declares it.
    New(New),
    /// Visitors take part from now on.
    Start,
    /// All see the control, and nothing more is counted.
    Stop,
    /// All see this variant, and nothing more is counted.
    Ship(Name),
    /// The next run begins.
    Restart,
    /// Lists leave it out.
    Archive,
}

/// A new experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct New {
    pub variants: Vec<(Name, u32)>,
    pub goals: Vec<Name>,
    pub unit: Unit,
    pub sample: f64,
    /// Whether it starts at once.
    pub running: bool,
}

/// Why a verb changes nothing. Reads as one line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct NoChange(String);

impl Verb {
    /// Changes the text of the config. Says in a few words what changed.
    ///
    /// # Errors
    /// When it is not possible, or is so already.
    pub fn apply(
        &self,
        config: &Config,
        name: &Name,
        document: &mut Document,
    ) -> Result<String, NoChange> {
        if let Self::New(new) = self {
            return declare(config, name, new, document);
        }
        let declared = find(config, name)?;
        let mut set = |key: &str, value: Value| document.set(&path(declared, key), &value);
        match self {
            Self::New(_) => unreachable!("declared above"),
            Self::Start => {
                if let State::Shipped(variant) = &declared.state {
                    return Err(NoChange(format!(
                        "`{name}` is shipped: all visitors see `{variant}`; use `lamed restart` to begin a new run"
                    )));
                }
                is_other(declared, &State::Running)?;
                set("state", json!("running"));
            }
            Self::Stop => {
                is_other(declared, &State::Stopped)?;
                set("state", json!("stopped"));
            }
            Self::Ship(variant) => {
                has_variant(declared, variant)?;
                is_other(declared, &State::Shipped(variant.clone()))?;
                set("state", json!({"shipped": variant.as_str()}));
            }
            Self::Restart => {
                set("run", json!(declared.run + 1));
                set("state", json!("running"));
            }
            Self::Archive => {
                if declared.archived {
                    return Err(NoChange(format!("`{name}` is already archived")));
                }
                set("archived", json!(true));
            }
        }
        // What starts again is of interest again.
        if declared.archived && matches!(self, Self::Start | Self::Restart) {
            document.remove(&path(declared, "archived"));
        }
        Ok(self.done(declared))
    }

    fn done(&self, declared: &Declared) -> String {
        let name = &declared.name;
        match self {
            Self::New(_) => format!("`{name}` is declared"),
            Self::Start => format!("`{name}` is running"),
            Self::Stop => {
                let control = declared.control().map_or("", Name::as_str);
                format!("`{name}` is stopped: all visitors see the control `{control}`")
            }
            Self::Ship(variant) => format!("`{name}` is shipped: all visitors see `{variant}`"),
            Self::Restart => {
                let run = declared.run + 1;
                let wire = assignment::wire_name(name.as_str(), run);
                format!(
                    "run {run} of `{name}` begins: pages need no change; code that sends `variant` and `uuid` itself \
                     must name the experiment `{wire}`"
                )
            }
            Self::Archive => {
                let runs = match declared.is_running() {
                    true => "; it still runs: use `lamed stop` to stop it",
                    false => "",
                };
                format!("`{name}` is archived: lists leave it out{runs}")
            }
        }
    }
}

fn path<'a>(declared: &'a Declared, key: &'a str) -> [&'a str; 3] {
    ["experiments", declared.name.as_str(), key]
}

fn find<'a>(config: &'a Config, name: &Name) -> Result<&'a Declared, NoChange> {
    config.declared(name.as_str()).ok_or_else(|| {
        let known: Vec<&str> = (config.experiments.iter())
            .map(|declared| declared.name.as_str())
            .collect();
        let instead = match known.as_slice() {
            [] => "the config declares none; use `lamed new` to declare one".to_owned(),
            known => meant(name.as_str(), known),
        };
        NoChange(format!("experiment `{name}` not found: {instead}"))
    })
}

fn is_other(declared: &Declared, state: &State) -> Result<(), NoChange> {
    if declared.state != *state || declared.archived && *state == State::Running {
        return Ok(());
    }
    let state = match state {
        State::Shipped(variant) => format!("shipped with `{variant}`"),
        other => other.to_string(),
    };
    Err(NoChange(format!("`{}` is already {state}", declared.name)))
}

fn has_variant(declared: &Declared, variant: &Name) -> Result<(), NoChange> {
    if declared.has_variant(variant) {
        return Ok(());
    }
    let known: Vec<&str> = (declared.variants.iter())
        .map(|(name, _)| name.as_str())
        .collect();
    Err(NoChange(format!(
        "`{}` has no variant `{variant}`: {}",
        declared.name,
        meant(variant.as_str(), &known)
    )))
}

fn declare(
    config: &Config,
    name: &Name,
    new: &New,
    document: &mut Document,
) -> Result<String, NoChange> {
    if let Some(Declared { state, .. }) = config.declared(name.as_str()) {
        let instead = match state {
            State::Draft => "use `lamed start` to start it",
            State::Stopped => {
                "use `lamed start` to continue, or `lamed restart` to begin a new run"
            }
            State::Running | State::Shipped(_) => {
                "choose another name, or use `lamed restart` to begin a new run"
            }
        };
        return Err(NoChange(format!(
            "experiment `{name}` already exists (state: {state}): {instead}"
        )));
    }
    can_be_assigned(&new.variants)?;
    if let Some(name) = twice(new.goals.iter()) {
        return Err(NoChange(format!("`--goal` names `{name}` twice")));
    }
    let mut set = |path: &[&str], value: Value| {
        let path = [&["experiments", name.as_str()], path].concat();
        document.set(&path, &value);
    };
    // One by one: the order of variants counts.
    set(&["variants"], json!({}));
    for (variant, weight) in &new.variants {
        set(&["variants", variant.as_str()], json!(weight));
    }
    if !new.goals.is_empty() {
        let goals: Vec<&str> = new.goals.iter().map(Name::as_str).collect();
        set(&["goals"], json!(goals));
    }
    if new.unit == Unit::User {
        set(&["unit"], json!("user"));
    }
    if new.sample < 1.0 {
        set(&["sample"], json!(new.sample));
    }
    let state = if new.running { "running" } else { "draft" };
    set(&["state"], json!(state));
    let state = if new.running { "running" } else { "a draft" };
    Ok(format!("`{name}` is declared: it is {state}"))
}

/// The first name that stands there twice.
fn twice<'a>(mut names: impl Iterator<Item = &'a Name>) -> Option<&'a Name> {
    let mut seen = HashSet::new();
    names.find(|name| !seen.insert(*name))
}

/// Whether the variants of a new experiment can be assigned.
fn can_be_assigned(variants: &[(Name, u32)]) -> Result<(), NoChange> {
    if variants.len() < 2 {
        return Err(NoChange(
            "an experiment needs at least two variants, the control first, for example `--variants old,new`".to_owned(),
        ));
    }
    if let Some(name) = twice(variants.iter().map(|(name, _)| name)) {
        return Err(NoChange(format!(
            "`--variants` names `{name}` twice: each variant needs its own name"
        )));
    }
    if variants.iter().all(|(_, weight)| *weight == 0) {
        return Err(NoChange(
            "all weights are 0: at least one must be above 0, for example `--variants old,new=20`"
                .to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn name(text: &str) -> Name {
        Name::stored(text.to_owned())
    }

    /// What becomes of a config.
    fn after(text: &str, verb: &Verb, of: &str) -> Result<(String, String), String> {
        let config = Config::parse(Path::new("c"), text).unwrap();
        let mut document = Document::new(text).unwrap();
        let done = verb.apply(&config, &name(of), &mut document);
        let done = done.map_err(|error| error.to_string())?;
        Config::parse(Path::new("c"), document.text()).map_err(|error| error.to_string())?;
        Ok((document.text().to_owned(), done))
    }

    const CONFIG: &str = r#"{
  "redis": {"host": "h"},
  "experiments": {
    "button color": {"variants": {"red": 1, "blue": 1}, "control": "blue"},
    "old": {"variants": {"a": 1}, "state": {"shipped": "a"}, "run": 2, "archived": true}
  }
}
"#;

    #[test]
    fn verbs_change_what_they_say_and_nothing_else() {
        for (verb, of, expected, done) in [
            (
                Verb::Stop,
                "button color",
                r#""control": "blue",
      "state": "stopped""#,
                "`button color` is stopped: all visitors see the control `blue`",
            ),
            (
                Verb::Ship(name("red")),
                "button color",
                r#""state": {
        "shipped": "red"
      }"#,
                "`button color` is shipped: all visitors see `red`",
            ),
            (
                Verb::Restart,
                "button color",
                r#""run": 2"#,
                "run 2 of `button color` begins: pages need no change; code that sends `variant` and `uuid` itself must name the \
                 experiment `button color #2`",
            ),
            (
                Verb::Restart,
                "old",
                r#""old": {"variants": {"a": 1}, "state": "running", "run": 3}"#,
                "run 3 of `old` begins: pages need no change; code that sends `variant` and `uuid` itself must name the \
                 experiment `old #3`",
            ),
            (
                Verb::Archive,
                "button color",
                r#""archived": true"#,
                "`button color` is archived: lists leave it out; it still runs: use `lamed stop` to stop it",
            ),
        ] {
            let (text, said) = after(CONFIG, &verb, of).unwrap();
            assert!(text.contains(expected), "{text}");
            assert!(text.starts_with("{\n  \"redis\": {\"host\": \"h\"},\n  \"experiments\": {\n"));
            assert_eq!(said, done);
        }
    }

    #[test]
    fn what_cannot_be_or_is_so_already_is_said() {
        for (verb, of, expected) in [
            (
                Verb::Start,
                "button color",
                "`button color` is already running",
            ),
            (
                Verb::Stop,
                "buton color",
                "experiment `buton color` not found: did you mean `button color`?",
            ),
            (
                Verb::Stop,
                "x",
                "experiment `x` not found: expected one of `button color`, `old`",
            ),
            (
                Verb::Ship(name("redd")),
                "button color",
                "`button color` has no variant `redd`: did you mean `red`?",
            ),
            (
                Verb::Ship(name("x")),
                "button color",
                "`button color` has no variant `x`: expected one of `red`, `blue`",
            ),
            (
                Verb::Ship(name("a")),
                "old",
                "`old` is already shipped with `a`",
            ),
            (Verb::Archive, "old", "`old` is already archived"),
            (
                Verb::Start,
                "old",
                "`old` is shipped: all visitors see `a`; use `lamed restart` to begin a new run",
            ),
        ] {
            assert_eq!(after(CONFIG, &verb, of), Err(expected.to_owned()));
        }
        assert_eq!(
            after("{}", &Verb::Stop, "x").unwrap_err(),
            "experiment `x` not found: the config declares none; use `lamed new` to declare one"
        );
    }

    #[test]
    fn a_new_experiment_keeps_the_order_of_its_variants() {
        let new = Verb::New(New {
            variants: vec![(name("red"), 80), (name("blue"), 20)],
            goals: vec![name("clicked")],
            unit: Unit::User,
            sample: 0.1,
            running: false,
        });
        let (text, said) = after("{\n  \"experiments\": {}\n}\n", &new, "color").unwrap();
        let expected = r#"{
  "experiments": {
    "color": {
      "variants": {
        "red": 80,
        "blue": 20
      },
      "goals": ["clicked"],
      "unit": "user",
      "sample": 0.1,
      "state": "draft"
    }
  }
}
"#;
        assert_eq!(text, expected);
        assert_eq!(said, "`color` is declared: it is a draft");
        let again = after(&text, &new, "color").unwrap_err();
        assert!(again.starts_with("experiment `color` already exists"));
    }
}

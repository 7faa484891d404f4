//! `--fail-on`: results that end in exit code 1, so that CI can stop on them.

use clap::ValueEnum;

use crate::cli::CliError;
use crate::domain::results::{Outcome, Results, VerdictKind};
use crate::report::Evaluated;

/// What `--fail-on` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Gate {
    /// A variant is worse than the control
    Loser,
    /// A variant is better than the control
    Winner,
    /// The split of participants differs from the declared weights
    Srm,
    /// The first goal has no verdict yet, or its verdict cannot be trusted
    Undecided,
}

impl Gate {
    /// Why it is so, where it is.
    fn reason(self, results: &Results) -> Option<String> {
        match self {
            Self::Loser => decided(results, Outcome::Worse),
            Self::Winner => decided(results, Outcome::Better),
            Self::Srm => results.has_alarm().then(|| results.verdict.text.clone()),
            Self::Undecided => {
                let is_decided = matches!(
                    results.verdict.kind,
                    VerdictKind::Winner
                        | VerdictKind::ControlBest
                        | VerdictKind::Equivalent
                        | VerdictKind::RuledOut
                );
                (!is_decided).then(|| results.verdict.text.clone())
            }
        }
    }

    fn word(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

fn decided(results: &Results, outcome: Outcome) -> Option<String> {
    let control = results.control.as_ref()?;
    let mut decided = results.decided();
    let (goal, variant, _) = decided.find(|(_, _, found)| *found == outcome)?;
    let word = outcome.as_str();
    Some(format!("goal `{goal}`: {variant} is {word} than {control}"))
}

/// # Errors
/// When something that `--fail-on` names is so: all of it; and when there is nothing to look at.
pub(super) fn check(gates: &[Gate], experiments: &[Evaluated]) -> Result<(), CliError> {
    if experiments.is_empty() && !gates.is_empty() {
        return Err(CliError::failed(
            "cannot check `--fail-on`: no experiments found",
        ));
    }
    let found = experiments.iter().flat_map(|Evaluated { results, .. }| {
        gates.iter().filter_map(move |gate| {
            let (word, reason) = (gate.word(), gate.reason(results)?);
            let experiment = &results.experiment;
            Some(format!(
                "`--fail-on {word}`: experiment `{experiment}`: {reason}"
            ))
        })
    });
    let found: Vec<String> = found.collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(CliError::failed(found.join("; ")))
}

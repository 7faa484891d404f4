//! One experiment by its name, or why there are no counts of it.

use crate::cli::CliError;
use crate::cli::client::Client;
use crate::cli::visible::{of_namespace, visible};
use crate::config::{Config, nearest};
use crate::domain::assignment::wire_name;
use crate::domain::{Name, State};
use crate::report::{Counted, Question, Runs, read};

/// One experiment, by the name that pages call it by: its present run, or the one asked for.
pub(in crate::cli) async fn find(
    client: &Client,
    question: Question<'_>,
    config: &Config,
    name: &Name,
    run: Option<u32>,
) -> Result<(Counted, Runs), CliError> {
    let ask = async |wire: &Name| {
        let experiment = Some(wire);
        read(
            client,
            Question {
                experiment,
                ..question
            },
        )
        .await
    };
    let mut found = ask(name).await?;
    let runs = Runs::new(found.runs.take(), &config.experiments);
    let wire = match run {
        Some(run) => Name::stored(wire_name(name.as_str(), run)),
        None => runs.wire_name(name),
    };
    if wire != *name {
        found = ask(&wire).await?;
    }
    if let Some(counted) = found.counted.into_iter().next() {
        return Ok((counted, runs));
    }
    let all = read(client, question).await.unwrap_or_default();
    let known: Vec<&str> = (all.counted.iter().map(|counted| counted.name().as_str()))
        .chain(runs.present().map(|declared| declared.name.as_str()))
        .collect();
    if known.contains(&name.as_str()) {
        return Err(no_events(config, name, run, &runs, &wire));
    }
    Err(unknown("experiment", name.as_str(), known, config))
}

/// Why an experiment that is known has no counts, as far as that is known.
fn no_events(config: &Config, name: &Name, run: Option<u32>, runs: &Runs, wire: &Name) -> CliError {
    let declared = runs.of(wire).map(|run| &run.declared);
    let before = declared.filter(|_| run.is_none());
    let before = before.and_then(|declared| runs.before(name.as_str(), declared.run));
    let before = before.map_or_else(String::new, |before| {
        format!("; `--run {before}` shows the run before")
    });
    let run_of = run.or(declared.map(|declared| declared.run).filter(|run| *run > 1));
    let of_run = run_of.map_or_else(String::new, |run| format!("run {run} of "));
    let remedy = match (run, declared.map(|declared| &declared.state)) {
        (Some(_), _) => "",
        (_, Some(State::Draft)) => " yet: it is a draft, which `lamed start` starts",
        (_, Some(State::Stopped | State::Shipped(_))) => {
            " yet: it does not run, so lamed counts nothing"
        }
        // A new run assigns each visitor again.
        _ if declared.is_some_and(|declared| declared.run > 1) => {
            " yet: browsers keep `lamed.js` for a minute: then load your page again; `lamed doctor` checks your page"
        }
        _ => {
            " yet: open your page in a private window, as lamed counts each browser once; `lamed doctor` checks \
                 your page"
        }
    };
    CliError::failed(format!(
        "no events of {of_run}experiment `{}`{}{remedy}{before}",
        visible(name.as_str()),
        of_namespace(config)
    ))
}

/// Nothing is counted under a name; another one may be meant.
pub(in crate::cli) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    config: &Config,
) -> CliError {
    let mut message = format!(
        "{what} `{}` not found{}",
        visible(name),
        of_namespace(config)
    );
    if let Some(near) = nearest(name, known) {
        message.push_str(&format!(": did you mean `{}`?", visible(near)));
    }
    CliError::failed(message)
}

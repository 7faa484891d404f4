//! The table for spreadsheets.

use csv::Writer;

use super::Report;
use super::shapes::{Experiment, Goal, Said, Side, VersusControl};

const HEADER: [&str; 34] = [
    "namespace",
    "experiment",
    "control",
    "goal",
    "kind",
    "variant",
    "participants",
    "conversions",
    "rate",
    "rate_low",
    "rate_high",
    "chance_to_be_best",
    "difference",
    "difference_low",
    "difference_high",
    "lift",
    "lift_low",
    "lift_high",
    "z",
    "p_value",
    "method",
    "sequential_low",
    "sequential_high",
    "sequential_p_value",
    "p_holm",
    "chance_to_win",
    "expected_loss",
    "srm_chi_square",
    "srm_p_value",
    "srm_sequential_p_value",
    "srm_alarm",
    "verdict_kind",
    "verdict",
    "weight",
];

/// One row for each experiment, goal and variant; without goals, one for each variant.
pub(super) fn of(report: &Report) -> String {
    let mut writer = Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(HEADER);
    for experiment in &report.experiments {
        for goal in &experiment.goals {
            for side in &goal.variants {
                let _ = writer.write_record(of_side(report, experiment, goal, side));
            }
        }
        if experiment.goals.is_empty() {
            for variant in &experiment.variants {
                let mut row = start(report, experiment);
                row.extend([String::new(), String::new(), harmless(&variant.variant)]);
                row.push(variant.participants.to_string());
                row.resize(27, String::new());
                finish(&mut row, experiment, &experiment.verdict, &variant.variant);
                let _ = writer.write_record(row);
            }
        }
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn start(report: &Report, experiment: &Experiment) -> Vec<String> {
    vec![
        harmless(&report.namespace),
        harmless(&experiment.experiment),
        experiment
            .control
            .as_deref()
            .map_or_else(String::new, harmless),
    ]
}

fn of_side(report: &Report, experiment: &Experiment, goal: &Goal, side: &Side) -> Vec<String> {
    let mut row = start(report, experiment);
    row.extend([
        harmless(&goal.goal),
        goal.kind.to_owned(),
        harmless(&side.variant),
    ]);
    row.extend([side.participants.to_string(), side.conversions.to_string()]);
    row.push(number(side.rate));
    row.extend(ends(side.interval));
    row.push(number(side.chance_to_be_best));
    match &side.versus_control {
        Some(comparison) => row.extend(of_comparison(comparison)),
        None => row.resize(27, String::new()),
    }
    finish(&mut row, experiment, &goal.verdict, &side.variant);
    row
}

fn of_comparison(comparison: &VersusControl) -> Vec<String> {
    let mut row = vec![number(Some(comparison.difference))];
    row.extend(ends(Some(comparison.difference_interval)));
    row.push(number(comparison.lift));
    row.extend(ends(comparison.lift_interval));
    row.extend([number(comparison.z), number(Some(comparison.p_value))]);
    row.push(comparison.method.to_owned());
    row.extend(ends(comparison.sequential_interval));
    row.extend([
        number(comparison.sequential_p_value),
        number(comparison.p_holm),
    ]);
    row.push(number(Some(comparison.chance_to_win)));
    row.push(number(Some(comparison.expected_loss)));
    row
}

fn finish(row: &mut Vec<String>, experiment: &Experiment, verdict: &Said, variant: &str) {
    let srm = experiment.srm.as_ref();
    row.push(number(srm.map(|srm| srm.chi_square)));
    row.push(number(srm.map(|srm| srm.p_value)));
    row.push(number(srm.map(|srm| srm.sequential_p_value)));
    row.push(srm.map_or_else(String::new, |srm| srm.alarm.to_string()));
    row.extend([verdict.kind.to_owned(), harmless(&verdict.text)]);
    // New columns come last, so that who reads these by their place can go on.
    let mut variants = experiment.variants.iter();
    let weight = variants.find_map(|one| one.weight.filter(|_| one.variant == variant));
    row.push(weight.map_or_else(String::new, |weight| weight.to_string()));
}

fn number(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn ends(interval: Option<[f64; 2]>) -> [String; 2] {
    interval.map_or_else(Default::default, |ends| ends.map(|end| end.to_string()))
}

/// Anybody can send a name, and a spreadsheet runs a text as a formula that begins like one: an
/// apostrophe before it says that it is text.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

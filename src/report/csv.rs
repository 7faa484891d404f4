//! The table for spreadsheets.

use csv::WriterBuilder;

use super::Report;
use super::shapes::{ExperimentDocument, Goal, Said, Side, VersusControl};

/// What a spreadsheet program takes for UTF-8: without it Excel reads another encoding.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What stands between the cells. Spreadsheet programs expect it by their locale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// With a decimal point.
    Comma,
    /// With a decimal comma.
    Semicolon,
}

const HEADER: [&str; 46] = [
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
    "better",
    "running_p_value",
    "decided",
    "decided_on",
    "time",
    "value_unit",
    "value_cap",
    "total",
    "mean",
    "mean_low",
    "mean_high",
    "per_conversion",
];

/// How many columns tell of values.
const WORTH: usize = 7;

/// One row for each experiment, goal and variant; without goals, one for each variant.
pub(super) fn of(report: &Report, separator: Separator, titles: bool) -> String {
    let table = Table { report, separator };
    let mut writer = WriterBuilder::new()
        .delimiter(match separator {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
        })
        .from_writer(Vec::new());
    // Writing to memory does not fail.
    if titles {
        let _ = writer.write_record(HEADER);
    }
    for row in report
        .experiments
        .iter()
        .flat_map(|experiment| table.rows(experiment))
    {
        let _ = writer.write_record(row);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let mark = if titles { BYTE_ORDER_MARK } else { "" };
    format!("{mark}{text}")
}

struct Table<'a> {
    report: &'a Report,
    separator: Separator,
}

impl Table<'_> {
    fn rows(&self, experiment: &ExperimentDocument) -> Vec<Vec<String>> {
        let others = experiment
            .others
            .as_ref()
            .map_or(0, |others| others.participants);
        let mut rows = Vec::new();
        for goal in &experiment.goals {
            let sides = goal.variants.iter();
            rows.extend(sides.map(|side| self.of_side(experiment, goal, side)));
            if others + goal.other_conversions > 0 {
                rows.push(self.of_others(experiment, Some(goal), others));
            }
        }
        if experiment.goals.is_empty() {
            for variant in &experiment.variants {
                let mut row = self.start(experiment, None, &variant.variant);
                row.push(variant.participants.to_string());
                row.resize(27, String::new());
                rows.push(self.finish(row, experiment, None, &variant.variant, None));
            }
            if others > 0 {
                rows.push(self.of_others(experiment, None, others));
            }
        }
        rows
    }

    fn start(
        &self,
        experiment: &ExperimentDocument,
        goal: Option<&Goal>,
        variant: &str,
    ) -> Vec<String> {
        let text = |text: Option<&str>| text.map_or_else(String::new, harmless);
        vec![
            harmless(&self.report.namespace),
            harmless(&experiment.which.experiment),
            text(experiment.control.as_deref()),
            text(goal.map(|goal| &*goal.goal)),
            goal.map_or_else(String::new, |goal| goal.kind.to_owned()),
            harmless(variant),
        ]
    }

    fn of_side(&self, experiment: &ExperimentDocument, goal: &Goal, side: &Side) -> Vec<String> {
        let mut row = self.start(experiment, Some(goal), &side.variant);
        row.extend([side.participants.to_string(), side.conversions.to_string()]);
        row.push(self.number(side.rate));
        row.extend(self.ends(side.interval));
        row.push(self.number(side.chance_to_be_best));
        let comparison = side.versus_control.as_ref();
        match comparison {
            Some(comparison) => row.extend(self.of_comparison(comparison)),
            None => row.resize(27, String::new()),
        }
        let mut row = self.finish(row, experiment, Some(goal), &side.variant, comparison);
        if let Some((value, worth)) = goal.value.as_ref().zip(side.worth.as_ref()) {
            row.truncate(HEADER.len() - WORTH);
            row.extend([harmless(&value.unit), self.number(Some(value.cap))]);
            row.extend([Some(worth.total), worth.mean].map(|number| self.number(number)));
            row.extend(self.ends(worth.interval));
            row.push(self.number(worth.per_conversion));
        }
        row
    }

    /// What is not shown one by one.
    fn of_others(
        &self,
        experiment: &ExperimentDocument,
        goal: Option<&Goal>,
        participants: u64,
    ) -> Vec<String> {
        let mut row = self.start(experiment, goal, "(others)");
        row.push(participants.to_string());
        row.push(goal.map_or_else(String::new, |goal| goal.other_conversions.to_string()));
        row.resize(27, String::new());
        self.finish(row, experiment, goal, "", None)
    }

    fn of_comparison(&self, comparison: &VersusControl) -> Vec<String> {
        let mut row = vec![self.number(Some(comparison.difference))];
        row.extend(self.ends(Some(comparison.difference_interval)));
        row.push(self.number(comparison.lift));
        row.extend(self.ends(comparison.lift_interval));
        row.push(self.number(comparison.z));
        row.push(self.number(Some(comparison.p_value)));
        row.push(comparison.method.to_owned());
        row.extend(self.ends(comparison.sequential_interval));
        row.push(self.number(comparison.sequential_p_value));
        row.push(self.number(comparison.p_holm));
        row.push(self.number(comparison.chance_to_win));
        row.push(self.number(comparison.expected_loss));
        row
    }

    fn finish(
        &self,
        mut row: Vec<String>,
        experiment: &ExperimentDocument,
        goal: Option<&Goal>,
        variant: &str,
        comparison: Option<&VersusControl>,
    ) -> Vec<String> {
        let srm = experiment.srm.as_ref();
        let verdict: &Said = goal.map_or(&experiment.verdict, |goal| &goal.verdict);
        row.push(self.number(srm.map(|srm| srm.chi_square)));
        row.push(self.number(srm.map(|srm| srm.p_value)));
        row.push(self.number(srm.map(|srm| srm.sequential_p_value)));
        row.push(srm.map_or_else(String::new, |srm| srm.alarm.to_string()));
        row.extend([verdict.kind.to_owned(), harmless(&verdict.text)]);
        // New columns come last, so that who reads these by their place can go on.
        let mut variants = experiment.variants.iter();
        let weight = variants.find_map(|one| one.weight.filter(|_| one.variant == variant));
        row.push(weight.map_or_else(String::new, |weight| weight.to_string()));
        row.push(goal.map_or_else(String::new, |goal| goal.better.to_owned()));
        row.push(self.number(comparison.and_then(|one| one.running_p_value)));
        let decided = comparison.and_then(|one| one.decided).unwrap_or_default();
        row.push(decided.to_owned());
        let decided_on = comparison.and_then(|one| one.decided_on.clone());
        row.push(decided_on.unwrap_or_default());
        row.push(self.report.time.clone().unwrap_or_default());
        row.resize(HEADER.len(), String::new());
        row
    }

    fn number(&self, number: Option<f64>) -> String {
        let text = number.map_or_else(String::new, |number| number.to_string());
        match self.separator {
            Separator::Comma => text,
            Separator::Semicolon => text.replace('.', ","),
        }
    }

    fn ends(&self, interval: Option<[f64; 2]>) -> [String; 2] {
        interval.map_or_else(Default::default, |ends| {
            ends.map(|end| self.number(Some(end)))
        })
    }
}

/// Anybody can send a name. A spreadsheet runs a text as a formula that begins like one: an apostrophe
/// before it says that it is text. A terminal obeys control characters: they are spelled out.
fn harmless(text: &str) -> String {
    let mut cell = String::new();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        cell.push('\'');
    }
    for character in text.chars() {
        if character.is_control() {
            cell.push_str(&format!("<U+{:04X}>", u32::from(character)));
        } else {
            cell.push(character);
        }
    }
    cell
}

//! Results as Markdown, for pull requests and issues.

use crate::cli::visible::visible;
use crate::domain::results::{
    GoalKind, GoalResults, GoalVariant, Results, as_declared, grouped, mean, span,
};
use crate::report::Evaluated;

/// One experiment: a heading, the verdict, and a table for each goal.
pub(super) fn experiment(evaluated: &Evaluated) -> String {
    let (results, which) = (&evaluated.results, &evaluated.which);
    let run = match which.run {
        1 => String::new(),
        run => format!(" (run {run})"),
    };
    let mut text = format!("### {}{run}\n\n", plain(&which.name));
    text.push_str(&format!("**{}**\n\n", plain(&results.verdict.text)));
    for step in &results.verdict.steps {
        text.push_str(&format!("- {}\n", plain(step)));
    }
    if !results.verdict.steps.is_empty() {
        text.push('\n');
    }
    if let Some(plan) = results.plan {
        let so_far = grouped(plan.participants as f64);
        let planned = grouped(plan.planned as f64);
        text.push_str(&format!("{so_far} of {planned} planned visitors.\n\n"));
    }
    if results.goals.is_empty() {
        text.push_str(&participants(results));
    }
    for goal in &results.goals {
        text.push_str(&of_goal(goal, results));
    }
    text
}

fn participants(results: &Results) -> String {
    let rows = results.variants.iter().map(|variant| {
        let participants = grouped(variant.participants as f64);
        [name(results, variant.name.as_str()), participants]
    });
    table(["variant", "participants"], rows)
}

fn of_goal(goal: &GoalResults, results: &Results) -> String {
    let each = match (&goal.kind, &goal.value) {
        (GoalKind::Value, Some(value)) => format!("{} per visitor", plain(value.unit.as_str())),
        (GoalKind::Count, _) => "average".to_owned(),
        _ => "rate".to_owned(),
    };
    let titles = [
        &*plain(goal.goal.as_str()),
        "participants",
        "conversions",
        &each,
        "change (safe range)",
    ]
    .map(str::to_owned);
    let rows = goal.variants.iter().map(|variant| {
        [
            name(results, variant.variant.as_str()),
            grouped(variant.participants as f64),
            grouped(variant.conversions as f64),
            average(goal.kind, variant),
            change(variant),
        ]
    });
    let mut text = table(titles.each_ref().map(String::as_str), rows);
    if let Some(value) = &goal.value {
        let (cap, unit) = (as_declared(value.cap), plain(value.unit.as_str()));
        text.push_str(&format!(
            "Values above {cap} {unit} count as {cap} {unit}.\n\n"
        ));
    }
    // The first verdict is already there.
    if !results.verdict.text.ends_with(&goal.verdict.text) {
        text.push_str(&format!("{}\n\n", plain(&goal.verdict.text)));
    }
    text
}

fn average(kind: GoalKind, variant: &GoalVariant) -> String {
    let shown = match kind {
        GoalKind::Proportion => variant.rate().map(|rate| format!("{:.2} %", rate * 100.0)),
        GoalKind::Value => variant.mean().map(mean),
        GoalKind::Count => variant.rate().map(|rate| format!("{rate:.2}")),
    };
    shown.unwrap_or_else(|| "–".to_owned())
}

fn change(variant: &GoalVariant) -> String {
    let Some(comparison) = &variant.versus_control else {
        return String::new();
    };
    let Some(sequential) = &comparison.sequential else {
        return String::new();
    };
    match comparison.lift.zip(sequential.lift_interval) {
        Some((lift, interval)) => span(lift, [interval.low, interval.high], " %"),
        None => {
            let interval = sequential.interval;
            let ends = [interval.low, interval.high];
            match comparison.is_of_means() {
                true => format!(
                    "{} ({} to {})",
                    mean(comparison.difference),
                    mean(ends[0]),
                    mean(ends[1])
                ),
                false => span(comparison.difference, ends, " points"),
            }
        }
    }
}

fn name(results: &Results, variant: &str) -> String {
    let is_control = (results.control.as_ref()).is_some_and(|control| control.as_str() == variant);
    let role = if is_control { " (control)" } else { "" };
    format!("{}{role}", plain(variant))
}

/// Names to the left, numbers to the right.
fn table<const N: usize>(titles: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&titles.map(str::to_owned));
    let rule: Vec<String> = (0..N)
        .map(|column| if column == 0 { "---" } else { "---:" }.to_owned())
        .collect();
    text.push_str(&line(&rule));
    for row in rows {
        text.push_str(&line(&row));
    }
    text + "\n"
}

/// Anybody can send a name: nothing of it is markup.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for character in visible(text).chars() {
        if "\\`*_{}[]<>#|~&@".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(
            plain("a|b `c` <img> [x](y) *z* 50 % (ok)"),
            r"a\|b \`c\` \<img\> \[x\](y) \*z\* 50 % (ok)"
        );
    }
}

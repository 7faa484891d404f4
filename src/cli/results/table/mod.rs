//! Results as tables for the width of a terminal.

mod effect;
mod goal;

use anstyle::{AnsiColor, Style};

use self::goal::{cap, of_goal};
use super::bars::MIN_WIDTH;
use super::grid::{Grid, columns_of, cut};
use crate::cli::printer::{BOLD, DIM};
use crate::cli::visible::visible;
use crate::domain::results::{GoalResults, Others, Plan, Results, Verdict, VerdictKind, grouped};
use crate::report::{Evaluated, Which};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const OPEN: Style = AnsiColor::Yellow.on_default();

/// The bar of a plan.
const PLAN_WIDTH: usize = 30;

/// One experiment: verdict first, then a table for each goal.
pub(super) fn experiment(evaluated: &Evaluated, width: usize) -> String {
    let results = &evaluated.results;
    let title = title_of(&evaluated.which);
    let mut text = format!("{title}\n{}", said(&results.verdict, width));
    if let Some(plan) = results.plan {
        text.push_str(&progress(plan, width));
    }
    if results.goals.is_empty() {
        text.push_str(&participants(results, width));
    }
    for goal in &results.goals {
        text.push_str(&of_goal(goal, results, width));
        text.push_str(&cap(goal));
        text.push_str(&stranger(goal, results));
        // The first verdict is already there.
        if !results.verdict.text.ends_with(&goal.verdict.text) {
            text.push_str(&said(&goal.verdict, width));
        }
    }
    text.push_str(&other_goals(results, width));
    text
}

/// Each experiment in one line: a verdict that is too long is cut.
pub(super) fn list(experiments: &[Evaluated], width: usize) -> String {
    let titles = ["experiment", "participants", "verdict"].map(str::to_owned);
    let mut grid = Grid::new(titles, [2]);
    // Where something is declared, the others may be misspelled.
    let any_declared = experiments.iter().any(|one| one.which.state.is_some());
    let rows = experiments.iter().map(|experiment| {
        let which = &experiment.which;
        let mut title = title_of(which);
        if any_declared && which.state.is_none() {
            title.push_str(&format!(" {DIM}(not declared){DIM:#}"));
        }
        let name = cut(&title, (width / 3).max(20));
        let participants = grouped(experiment.results.participants() as f64);
        (name, participants, &experiment.results.verdict)
    });
    let rows: Vec<_> = rows.collect();
    let used = |(name, _, _): &(String, String, &Verdict)| columns_of(name);
    let names = rows
        .iter()
        .map(used)
        .max()
        .unwrap_or(0)
        .max("experiment".len());
    let rest = width
        .saturating_sub(names + "participants".len() + 8)
        .max(20);
    for (name, participants, verdict) in rows {
        let (sign, style) = sign(verdict.kind);
        let text = cut(&format!("{sign} {}", visible(&verdict.text)), rest);
        grid.push([name, participants, format!("{style}{text}{style:#}")]);
    }
    grid.text(width)
}

/// The name, and what is to be known of the run.
fn title_of(which: &Which) -> String {
    let name = visible(&which.name);
    let mut more = Vec::new();
    if which.run > 1 || which.earlier {
        more.push(format!("run {}", which.run));
    }
    match (which.state, &which.shipped) {
        _ if which.earlier => more.push("ended".to_owned()),
        (Some("shipped"), Some(variant)) => more.push(format!("{} is shipped", visible(variant))),
        (Some(state @ ("draft" | "stopped")), _) => more.push(state.to_owned()),
        _ => {}
    }
    match more.as_slice() {
        [] => format!("{BOLD}{name}{BOLD:#}"),
        more => format!("{BOLD}{name}{BOLD:#} {DIM}({}){DIM:#}", more.join(", ")),
    }
}

/// Where other goals are declared, one that is not may be a misspelled one.
fn stranger(goal: &GoalResults, results: &Results) -> String {
    if goal.declared || !results.goals.iter().any(|goal| goal.declared) {
        return String::new();
    }
    format!(" {DIM}· This goal is not declared in the config: check its name{DIM:#}\n")
}

/// The goals that are not shown.
fn other_goals(results: &Results, width: usize) -> String {
    let Others {
        goals, conversions, ..
    } = results.others;
    if goals == 0 {
        return String::new();
    }
    let number = |number: u64, noun| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{} {noun}{plural}", grouped(number as f64))
    };
    let others = number(goals as u64, "other undeclared goal");
    let text = format!("{others}: {}", number(conversions, "conversion"));
    line(&text, VerdictKind::Count, width)
}

/// `1,976 others`, for a row of all that have no row of their own.
fn others(results: &Results) -> Option<String> {
    let variants = results.others.variants;
    (variants > 0).then(|| format!("{} others", grouped(variants as f64)))
}

/// A verdict, and below it what to do.
fn said(verdict: &Verdict, width: usize) -> String {
    let options = textwrap::Options::new(width.max(20))
        .initial_indent("   - ")
        .subsequent_indent("     ");
    let steps = (verdict.steps.iter()).flat_map(|step| {
        textwrap::wrap(&visible(step), options.clone())
            .into_iter()
            .map(|line| format!("{line}\n"))
            .collect::<Vec<_>>()
    });
    line(&verdict.text, verdict.kind, width) + &steps.collect::<String>()
}

/// A sentence behind a sign, for those who see no colour.
fn line(text: &str, kind: VerdictKind, width: usize) -> String {
    let (sign, style) = sign(kind);
    let text = format!("{sign} {}", visible(text));
    let options = textwrap::Options::new(width.max(20))
        .initial_indent(" ")
        .subsequent_indent("   ");
    (textwrap::wrap(&text, options).into_iter())
        .map(|line| format!("{style}{line}{style:#}\n"))
        .collect()
}

fn sign(kind: VerdictKind) -> (&'static str, Style) {
    match kind {
        VerdictKind::SampleRatio | VerdictKind::Changed | VerdictKind::TooManyConversions => {
            ("!", BAD.bold())
        }
        VerdictKind::GoalMissing => ("!", OPEN),
        VerdictKind::Winner => ("✓", GOOD.bold()),
        VerdictKind::ControlBest => ("✗", BAD.bold()),
        VerdictKind::Equivalent | VerdictKind::RuledOut => ("=", GOOD),
        VerdictKind::Loser => ("✗", BAD),
        VerdictKind::Undecidable => ("?", OPEN),
        VerdictKind::KeepGoing => ("…", OPEN),
        _ => ("·", DIM),
    }
}

/// `   ██████░░░░░░░░  12,000 of 30,000 planned visitors`
fn progress(plan: Plan, width: usize) -> String {
    let text = format!(
        "{} of {} planned visitors",
        grouped(plan.participants as f64),
        grouped(plan.planned as f64)
    );
    let room = width.saturating_sub(text.len() + 5).min(PLAN_WIDTH);
    if room < MIN_WIDTH / 2 {
        return format!("   {DIM}{text}{DIM:#}\n");
    }
    let done = (plan.share().min(1.0) * room as f64).floor() as usize;
    let (done, open) = ("█".repeat(done), "░".repeat(room - done));
    format!("   {done}{DIM}{open}{DIM:#}  {text}\n")
}

fn participants(results: &Results, width: usize) -> String {
    let mut grid = Grid::new(["variant", "participants"].map(str::to_owned), None);
    for variant in &results.variants {
        let participants = grouped(variant.participants as f64);
        grid.push([name(results, variant.name.as_str()), participants]);
    }
    if let Some(others) = others(results) {
        grid.push([others, grouped(results.others.participants as f64)]);
    }
    grid.text(width)
}

fn name(results: &Results, variant: &str) -> String {
    let is_control = results
        .control
        .as_ref()
        .is_some_and(|control| control.as_str() == variant);
    let compared = |name: &str| {
        let mut variants = results.variants.iter();
        variants.any(|variant| variant.name.as_str() == name && variant.compared)
    };
    // The first variant of an undeclared experiment is compared with nothing yet.
    let is_alone = results.variants.iter().filter(|one| one.compared).count() < 2;
    let role = match is_control {
        true if is_alone => "",
        true => " (control)",
        false if compared(variant) => "",
        false => " (not declared)",
    };
    format!("{}{role}", visible(variant))
}

//! Plans as people see them, and how far applying one is.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use dialoguer::Confirm;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use terminal_size::terminal_size;

use super::CliError;
use super::printer::{Printer, somebody_answers};
use super::terminal::Terminal;
use super::visible::harmless;
use crate::deploy::{self, Applied, Aws, Change, ChangeKind, Desired, Observed, Plan, Progress};

/// Where no terminal says how wide it is.
const WIDTH: u16 = 100;

/// What the sign, the gaps and the details take at least.
const ROOM: usize = 20;

/// The changes of a deploy. Other experiments are one line, however many functions they are for.
pub(super) fn of_deploy(plan: &Plan, desired: &Desired) -> String {
    match plan.experiments_only(desired) {
        None => text(plan),
        Some(functions) => {
            let yellow = AnsiColor::Yellow.on_default();
            let functions = harmless(&functions.join(", ")).into_owned();
            format!("  {yellow}~  experiments  {functions}{yellow:#}\n")
        }
    }
}

/// The changes in a table, one a line, and how many there are.
pub(super) fn text(plan: &Plan) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let width = terminal_size().map_or(WIDTH, |(width, _)| width.0);
    table.set_width(width);
    let mut widest = 0;
    for change in &plan.changes {
        widest = widest.max(change.resource.len() + change.name.chars().count());
        let (sign, _, _) = words(change.change);
        table.add_row([
            sign.to_owned(),
            change.resource.to_owned(),
            harmless(&change.name).into_owned(),
            harmless(&change.details.join(", ")).into_owned(),
        ]);
    }
    // Names stay whole, to be copied, while that leaves room for the rest.
    if widest + ROOM <= usize::from(width) {
        for column in 0..3 {
            if let Some(column) = table.column_mut(column) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        let style = match line.trim_start().chars().next() {
            Some('+') => AnsiColor::Green.on_default(),
            Some('~') => AnsiColor::Yellow.on_default(),
            Some('-') => AnsiColor::Red.on_default(),
            _ => Style::new(),
        };
        text.push_str(&format!(" {style}{line}{style:#}\n"));
    }
    format!("{text}\n{}\n", count(plan))
}

fn count(plan: &Plan) -> String {
    let mut parts = Vec::new();
    for kind in [ChangeKind::Create, ChangeKind::Update, ChangeKind::Delete] {
        let number = plan
            .changes
            .iter()
            .filter(|change| change.change == kind)
            .count();
        if number > 0 {
            let (_, infinitive, _) = words(kind);
            parts.push(format!("{number} to {infinitive}"));
        }
    }
    parts.join(", ")
}

fn words(kind: ChangeKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        ChangeKind::Create => ("+", "create", "created"),
        ChangeKind::Update => ("~", "update", "updated"),
        ChangeKind::Delete => ("-", "delete", "deleted"),
    }
}

/// Asks, where `--yes` has not answered. Without somebody to ask it is an error.
pub(super) fn confirm(yes: bool, question: &str) -> Result<bool, CliError> {
    if yes {
        return Ok(true);
    }
    if !somebody_answers() {
        return Err(CliError::usage(format!(
            "cannot ask for confirmation: not a terminal; use `--yes` to confirm: {question}"
        )));
    }
    let terminal = Terminal::guard()?;
    let question = Confirm::new().with_prompt(question).default(false);
    let answer = terminal.answer(question.wait_for_newline(true).interact());
    // What is applied then has an end of its own.
    terminal.release();
    answer
}

/// Applies a plan, and shows how far it is.
pub(super) async fn apply(
    printer: Printer,
    aws: &Aws,
    desired: Option<&Desired>,
    observed: &Observed,
    plan: &Plan,
) -> Result<Applied, CliError> {
    let steps = Steps::new(printer, plan);
    let applied = tokio::select! {
        applied = deploy::apply(aws, desired, observed, plan, &steps) => {
            applied.map_err(|error| CliError::failed(error.to_string()))
        }
        _ = tokio::signal::ctrl_c() => Err(CliError::failed(
            "interrupted: the running steps may or may not be complete; run the same command again to continue",
        )),
    };
    // Nothing is drawn over the error.
    drop(steps);
    applied
}

/// A bar on a terminal, else a line a step.
struct Steps {
    printer: Printer,
    bar: Option<ProgressBar>,
    running: Mutex<Vec<String>>,
}

impl Steps {
    fn new(printer: Printer, plan: &Plan) -> Self {
        let bar = (stderr().is_terminal() && !printer.is_quiet()).then(|| {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(plan.changes.len() as u64), target);
            let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            printer,
            bar,
            running: Mutex::default(),
        }
    }

    fn show(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut running);
        if let Some(bar) = &self.bar {
            bar.set_message(running.join(", "));
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn subject(change: &Change) -> String {
    format!("{} {}", change.resource, harmless(&change.name))
}

impl Progress for Steps {
    fn begins(&self, change: &Change) {
        self.show(|running| running.push(subject(change)));
    }

    fn ends(&self, change: &Change) {
        let subject = subject(change);
        let (sign, _, done) = words(change.change);
        let line = format!("{sign} {done} {subject}");
        self.show(|running| {
            if let Some(position) = running.iter().position(|other| *other == subject) {
                running.remove(position);
            }
        });
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.suspend(|| self.printer.talk(&line));
            }
            None => self.printer.talk(&line),
        }
    }
}

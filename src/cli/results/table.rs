//! Results as tables for the width of a terminal.

use anstyle::{AnsiColor, Style};

use super::bars::{Axis, MAX_WIDTH, MIN_WIDTH, Span};
use super::grid::{Grid, columns_of, cut};
use crate::cli::printer::{BOLD, DIM};
use crate::cli::visible::visible;
use crate::domain::results::{
    Comparison, GoalKind, GoalResults, GoalVariant, Others, Outcome, Plan, Results, Verdict,
    VerdictKind, as_declared, chance, grouped, mean, rate, span, tick,
};
use crate::report::{Evaluated, Which};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const OPEN: Style = AnsiColor::Yellow.on_default();

/// The bar of a plan.
const PLAN_WIDTH: usize = 30;

/// What a column shows of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Participants,
    Conversions,
    Rate,
    /// What a participant is worth.
    Mean,
    /// What a conversion is worth.
    PerConversion,
    /// Lift, or difference where there is none, with its interval.
    Change,
    /// The same, drawn.
    Bar,
    ChanceToWin,
}

use Column::{Bar, ChanceToWin, Change, Conversions, Mean, Participants, PerConversion, Rate};

/// From the most to the least that a line has room for. What holds at every look stays longest, and of
/// that the figures: the bar draws them.
const OF_PROPORTIONS: [&[Column]; 8] = [
    &[Participants, Conversions, Rate, Change, Bar, ChanceToWin],
    &[Conversions, Rate, Change, Bar, ChanceToWin],
    &[Rate, Change, Bar, ChanceToWin],
    &[Rate, Change, Bar],
    &[Rate, Change, ChanceToWin],
    &[Rate, Change],
    &[Rate, Bar],
    &[Rate],
];
/// While there is no interval to show or draw.
const OF_FEW: [&[Column]; 4] = [
    &[Participants, Conversions, Rate, ChanceToWin],
    &[Conversions, Rate, ChanceToWin],
    &[Rate, ChanceToWin],
    &[Rate],
];
const OF_VALUES: [&[Column]; 7] = [
    &[
        Participants,
        Conversions,
        Rate,
        PerConversion,
        Mean,
        Change,
        Bar,
    ],
    &[Conversions, Rate, PerConversion, Mean, Change, Bar],
    &[Conversions, PerConversion, Mean, Change],
    &[Rate, Mean, Change],
    &[Mean, Change],
    &[Mean, Bar],
    &[Mean],
];
const OF_FEW_VALUES: [&[Column]; 4] = [
    &[Participants, Conversions, Rate, PerConversion, Mean],
    &[Conversions, PerConversion, Mean],
    &[Conversions, Mean],
    &[Mean],
];
const OF_COUNTS: [&[Column]; 2] = [&[Participants, Conversions, Rate], &[Rate]];
/// Without anything to compare with.
const OF_ONE: [&[Column]; 3] = [
    &[Participants, Conversions, Rate],
    &[Conversions, Rate],
    &[Rate],
];

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
    let rows = experiments.iter().map(|experiment| {
        let name = cut(&title_of(&experiment.which), (width / 3).max(20));
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
    if which.run > 1 {
        more.push(format!("run {}", which.run));
    }
    match (which.state, &which.shipped) {
        (Some("shipped"), Some(variant)) => more.push(format!("{} is shipped", visible(variant))),
        (Some(state @ ("draft" | "stopped")), _) => more.push(state.to_owned()),
        _ => {}
    }
    match more.as_slice() {
        [] => format!("{BOLD}{name}{BOLD:#}"),
        more => format!("{BOLD}{name}{BOLD:#} {DIM}({}){DIM:#}", more.join(", ")),
    }
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

/// With as many columns as there is room for.
fn of_goal(goal: &GoalResults, results: &Results, width: usize) -> String {
    let rows = |columns: &[Column], bar| rows(goal, results, columns, bar, width);
    let candidates: &[&[Column]] = match goal.kind {
        GoalKind::Count => &OF_COUNTS,
        GoalKind::Value if (goal.variants.iter()).all(|v| Effect::of_variant(v).is_none()) => {
            &OF_FEW_VALUES
        }
        GoalKind::Value => &OF_VALUES,
        _ if goal.variants.iter().all(|v| v.versus_control.is_none()) => &OF_ONE,
        _ if (goal.variants.iter()).all(|v| Effect::of_variant(v).is_none()) => &OF_FEW,
        GoalKind::Proportion => &OF_PROPORTIONS,
    };
    for columns in candidates {
        let used = rows(columns, 0).width();
        if !columns.contains(&Bar) {
            if used <= width {
                return rows(columns, 0).text(width);
            }
        } else if used + MIN_WIDTH <= width {
            let bar = (width - used).min(MAX_WIDTH);
            return rows(columns, bar).text(width);
        }
    }
    let last = match goal.kind {
        GoalKind::Value => Mean,
        _ => Rate,
    };
    rows(&[last], 0).text(width)
}

/// `bar` is how wide bars are; names take a third of the width at most, where there are figures beside
/// them.
fn rows(
    goal: &GoalResults,
    results: &Results,
    columns: &[Column],
    bar: usize,
    width: usize,
) -> Grid {
    let longest = (width / 3).max(20);
    let changes: Vec<Option<Effect>> = (goal.variants.iter()).map(Effect::of_variant).collect();
    let scale = Effect::common(&changes);
    let spans: Vec<Span> = changes
        .iter()
        .flatten()
        .map(|effect| effect.span(scale))
        .collect();
    let axis = (bar > 0).then(|| Axis::new(&spans, bar)).flatten();
    let head = cut(&visible(goal.goal.as_str()), longest);
    let head = format!("{BOLD}{head}{BOLD:#}");
    let drawing = (columns.iter().position(|column| *column == Bar)).map(|column| column + 1);
    let titles = columns.iter().map(|column| title(*column, goal, bar));
    let mut grid = Grid::new(std::iter::once(head).chain(titles), drawing);
    for (variant, change) in goal.variants.iter().zip(&changes) {
        let cells = columns.iter().map(|column| match (column, change, axis) {
            (Bar, change, Some(axis)) => axis.bar(change.map(|effect| effect.span(scale))),
            (Bar, _, None) => String::new(),
            (Change, Some(effect), _) => effect.text(),
            _ => cell(*column, variant, goal.kind),
        });
        let name = cut(&name(results, variant.variant.as_str()), longest);
        grid.push(std::iter::once(name).chain(cells));
    }
    if let Some(others) = others(results) {
        let cells = columns.iter().map(|column| match column {
            Participants => grouped(results.others.participants as f64),
            Conversions => grouped(goal.other_conversions as f64),
            _ => String::new(),
        });
        grid.push(std::iter::once(others).chain(cells));
    }
    if let Some(axis) = axis {
        let labels = axis.labels(|value| scale.label(value));
        // Where there is no room for them there is no line.
        if columns_of(&labels) == 0 {
            return grid;
        }
        let cells = columns.iter().map(|column| match column {
            Bar => labels.clone(),
            _ => String::new(),
        });
        grid.push(std::iter::once(String::new()).chain(cells));
    }
    grid
}

fn title(column: Column, goal: &GoalResults, bar: usize) -> String {
    match (column, goal.kind) {
        (Participants, _) => "participants".to_owned(),
        (Conversions, _) => "conversions".to_owned(),
        (Rate, GoalKind::Proportion | GoalKind::Value) => "rate".to_owned(),
        (Rate, GoalKind::Count) => "average".to_owned(),
        (Mean, _) => format!("{} per visitor", unit(goal)),
        (PerConversion, _) => "per conversion".to_owned(),
        (Change, _) => "change (safe range)".to_owned(),
        // Nothing of it counts before it is known how wide it can be.
        (Bar, _) if bar == 0 => String::new(),
        (Bar, _) => format!("{:bar$}", "valid any time"),
        (ChanceToWin, _) => "chance to win".to_owned(),
    }
}

/// What a value counts at most.
fn cap(goal: &GoalResults) -> String {
    goal.value.as_ref().map_or_else(String::new, |value| {
        let (cap, unit) = (as_declared(value.cap), unit(goal));
        format!(" {DIM}· Values above {cap} {unit} count as {cap} {unit}{DIM:#}\n")
    })
}

/// The unit of the values.
fn unit(goal: &GoalResults) -> String {
    let unit = goal.value.as_ref().map(|value| value.unit.as_str());
    visible(unit.unwrap_or_default()).into_owned()
}

fn cell(column: Column, variant: &GoalVariant, kind: GoalKind) -> String {
    match column {
        Participants => grouped(variant.participants as f64),
        Conversions => grouped(variant.conversions as f64),
        Rate => match (variant.rate(), kind) {
            (None, _) => "–".to_owned(),
            (Some(each), GoalKind::Count) => format!("{each:.2}"),
            (Some(share), _) => rate(share),
        },
        Mean => variant.mean().map_or_else(|| "–".to_owned(), mean),
        PerConversion => variant
            .per_conversion()
            .map_or_else(|| "–".to_owned(), mean),
        Change | Bar => String::new(),
        ChanceToWin => variant
            .versus_control
            .as_ref()
            .map_or_else(String::new, chance_to_win),
    }
}

/// Coloured where it is decided: a chance alone decides nothing.
fn chance_to_win(comparison: &Comparison) -> String {
    let Some(posterior) = comparison.posterior() else {
        return String::new();
    };
    let to_win = posterior.chance_to_win;
    let style = match comparison.outcome() {
        Some(Outcome::Better) if to_win >= 0.5 => GOOD,
        Some(Outcome::Worse) if to_win <= 0.5 => BAD,
        _ => DIM,
    };
    let text = chance(to_win);
    format!("{style}{text}{style:#}")
}

/// How a variant compares, on both scales.
#[derive(Clone, Copy)]
struct Effect {
    difference: Span,
    lift: Option<Span>,
    /// Of means, which are in units, not in points.
    is_mean: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// By the control's rate.
    Lift,
    /// In percentage points.
    Difference,
    /// In units of the value.
    Mean,
}

impl Scale {
    fn label(self, value: f64) -> String {
        let unit = match self {
            Self::Lift => "%",
            Self::Difference => "points",
            Self::Mean => return signed(value),
        };
        tick(value, unit)
    }
}

/// `+0.52`
fn signed(value: f64) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}", mean(value))
}

impl Effect {
    fn of_variant(variant: &GoalVariant) -> Option<Self> {
        variant.versus_control.as_ref().and_then(Self::of)
    }

    /// None while the sequential test says nothing.
    fn of(comparison: &Comparison) -> Option<Self> {
        let sequential = comparison.sequential.as_ref()?;
        let lift = comparison.lift.zip(sequential.lift_interval);
        let decided = comparison.outcome();
        Some(Self {
            difference: Span {
                value: comparison.difference,
                low: sequential.interval.low,
                high: sequential.interval.high,
                decided,
            },
            is_mean: comparison.is_of_means(),
            lift: lift.map(|(value, interval)| Span {
                value,
                low: interval.low,
                high: interval.high,
                decided,
            }),
        })
    }

    /// Lifts, if all have one: bars of one table share their axis.
    fn common(effects: &[Option<Self>]) -> Scale {
        if effects.iter().flatten().all(|effect| effect.lift.is_some()) {
            Scale::Lift
        } else if effects.iter().flatten().any(|effect| effect.is_mean) {
            Scale::Mean
        } else {
            Scale::Difference
        }
    }

    fn span(self, scale: Scale) -> Span {
        match scale {
            Scale::Lift => self.lift.unwrap_or(self.difference),
            Scale::Difference | Scale::Mean => self.difference,
        }
    }

    fn text(self) -> String {
        let (shown, unit) = match self.lift {
            Some(lift) => (lift, " %"),
            None => (self.difference, " points"),
        };
        let style = shown.style();
        let text = match self.lift {
            None if self.is_mean => {
                let [value, low, high] = [shown.value, shown.low, shown.high].map(signed);
                format!("{value} ({low} to {high})")
            }
            _ => span(shown.value, [shown.low, shown.high], unit),
        };
        format!("{style}{text}{style:#}")
    }
}

//! The table of one goal: its columns, as many as a line has room for.

use super::effect::Effect;
use super::{BAD, GOOD, name, others};
use crate::cli::printer::{BOLD, DIM};
use crate::cli::results::bars::{Axis, MAX_WIDTH, MIN_WIDTH, Span};
use crate::cli::results::grid::{Grid, columns_of, cut};
use crate::cli::visible::visible;
use crate::domain::results::{
    Comparison, GoalKind, GoalResults, GoalVariant, Outcome, Results, as_declared, chance, grouped,
    mean, rate,
};

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

/// From the most to the least that a line has room for. Figures stay longer than the bar, which draws them, and
/// of those what holds at every look. Participants stay beside them: the first thing that a reader looks for.
const OF_PROPORTIONS: [&[Column]; 8] = [
    &[Participants, Conversions, Rate, Change, Bar, ChanceToWin],
    &[Participants, Rate, Change, Bar, ChanceToWin],
    &[Participants, Rate, Change, ChanceToWin],
    &[Participants, Rate, Change],
    &[Rate, Change, ChanceToWin],
    &[Rate, Change],
    &[Rate, Bar],
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
    &[Participants, Rate, PerConversion, Mean, Change, Bar],
    &[Participants, Rate, Mean, Change],
    &[Participants, Mean, Change],
    &[Mean, Change],
    &[Mean, Bar],
    &[Mean],
];
const OF_FEW_VALUES: [&[Column]; 4] = [
    &[Participants, Conversions, Rate, PerConversion, Mean],
    &[Participants, Conversions, Mean],
    &[Participants, Mean],
    &[Mean],
];
const OF_COUNTS: [&[Column]; 3] = [
    &[Participants, Conversions, Rate],
    &[Participants, Rate],
    &[Rate],
];
/// Without anything to compare with, or too little for an interval.
const OF_ONE: [&[Column]; 3] = OF_COUNTS;

/// With as many columns as there is room for.
pub(super) fn of_goal(goal: &GoalResults, results: &Results, width: usize) -> String {
    let rows = |columns: &[Column], bar| rows(goal, results, columns, bar, width);
    let candidates: &[&[Column]] = match goal.kind {
        GoalKind::Count => &OF_COUNTS,
        GoalKind::Value if (goal.variants.iter()).all(|v| Effect::of_variant(v).is_none()) => {
            &OF_FEW_VALUES
        }
        GoalKind::Value => &OF_VALUES,
        _ if (goal.variants.iter()).all(|v| Effect::of_variant(v).is_none()) => &OF_ONE,
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
    let is_drawn_again = columns.contains(&Change);
    let titles = (columns.iter()).map(|column| match column {
        // The column before it has the name.
        Bar if is_drawn_again => " ".repeat(bar),
        column => title(*column, goal, bar),
    });
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
        (Bar, _) => format!("{:bar$}", "safe range"),
        (ChanceToWin, _) => "chance to win".to_owned(),
    }
}

/// What a value counts at most.
pub(super) fn cap(goal: &GoalResults) -> String {
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

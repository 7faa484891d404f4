//! Power against effect, as data and as a drawing.

use serde::Serialize;

use crate::cli::printer::DIM;
use crate::domain::results::{Design, grouped, percent};

/// More show no more.
const MAX_WIDTH: usize = 80;
/// What is left of the axis: `100 % │`.
const MARGIN: usize = 8;
/// Ten percent each.
const ROWS: usize = 10;
const POINTS: usize = 20;

/// The power of so many participants for effects from none to twice the one planned for.
#[derive(Serialize)]
pub(super) struct Curve {
    participants: u64,
    points: Vec<Point>,
    #[serde(skip)]
    design: Design,
    #[serde(skip)]
    longest: f64,
}

/// One effect.
#[derive(Clone, Copy, Serialize)]
struct Point {
    effect: f64,
    with_plan: f64,
    without_plan: f64,
}

impl Curve {
    pub(super) fn new(design: &Design, effect: f64, participants: u64) -> Self {
        let mut curve = Self {
            participants,
            points: Vec::new(),
            design: design.clone(),
            longest: 2.0 * effect,
        };
        curve.points = curve.at(POINTS);
        curve
    }

    /// In so many equal steps.
    fn at(&self, steps: usize) -> Vec<Point> {
        let power = |effect, planned| self.design.power(effect, planned, self.participants);
        (0..=steps)
            .map(|step| self.longest * step as f64 / steps as f64)
            .map(|effect| Point {
                effect,
                with_plan: power(effect, Some(self.participants)),
                without_plan: power(effect, None),
            })
            .collect()
    }

    /// The drawing, with a title that names the visitors by a number that is easy to read.
    pub(super) fn text(&self, visitors: u64, is_planned: bool, width: usize) -> String {
        let columns = width.clamp(40, MAX_WIDTH) - MARGIN - 1;
        let points = self.at(columns - 1);
        let row = |power: f64| (power * ROWS as f64).round() as usize;
        let mut text = format!(
            "How often {}{} visitors find an effect of each size (● with a plan, ○ without)\n",
            if is_planned { "your planned " } else { "" },
            grouped(visitors as f64)
        );
        for at in (0..=ROWS).rev() {
            let line: String = (points.iter())
                .map(
                    |point| match (row(point.with_plan) == at, row(point.without_plan) == at) {
                        (true, _) => '●',
                        (_, true) => '○',
                        _ if at == 8 => '·',
                        _ => ' ',
                    },
                )
                .collect();
            let label = if at % 2 == 0 {
                format!("{} %", at * 10)
            } else {
                String::new()
            };
            text.push_str(&format!("{DIM}{label:>6} │{DIM:#}{}\n", line.trim_end()));
        }
        text.push_str(&format!("{DIM}{:>6} └{}{DIM:#}\n", "", "─".repeat(columns)));
        text.push_str(&format!(
            "{DIM}{:MARGIN$}{}{DIM:#}\n",
            "",
            self.labels(columns)
        ));
        text
    }

    /// 0, the middle and the end.
    fn labels(&self, columns: usize) -> String {
        let [middle, end] = [self.longest / 2.0, self.longest].map(percent);
        let place = |from: usize, label: &str, at: usize| {
            let start = at.saturating_sub(label.chars().count() / 2);
            " ".repeat(start.saturating_sub(from)) + label
        };
        let mut text = "0 %".to_owned();
        text += &place(3, &middle, columns / 2);
        let from = text.chars().count();
        text + &place(from, &end, columns - end.chars().count().div_ceil(2))
    }
}

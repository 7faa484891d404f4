//! Rows of cells that may be styled, words and drawings to the left and numbers to the right.

use anstream::adapter::strip_str;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A name is not cut to less.
const MIN_NAME: usize = 8;

pub(in crate::cli) struct Grid {
    rows: Vec<Vec<String>>,
    /// Columns beside the first that are aligned to the left.
    left: Vec<usize>,
}

impl Grid {
    pub(in crate::cli) fn new(
        header: impl IntoIterator<Item = String>,
        left: impl IntoIterator<Item = usize>,
    ) -> Self {
        Self {
            rows: vec![header.into_iter().collect()],
            left: left.into_iter().collect(),
        }
    }

    pub(in crate::cli) fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    /// The columns that it takes on a terminal.
    pub(in crate::cli) fn width(&self) -> usize {
        let widths = self.widths();
        widths
            .iter()
            .map(|width| width + 2)
            .sum::<usize>()
            .saturating_sub(1)
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .map(|row| columns_of(&row[column]))
                    .max()
                    .unwrap_or(0)
            })
            .collect()
    }

    /// The lines; where they would be too long, names are cut.
    pub(in crate::cli) fn text(self, width: usize) -> String {
        let mut widths = self.widths();
        let excess = self.width().saturating_sub(width);
        if let Some(first) = widths.first_mut() {
            *first = first.saturating_sub(excess).max(MIN_NAME.min(*first));
        }
        let mut text = String::new();
        for row in self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let cell = if column == 0 {
                    cut(cell, *width)
                } else {
                    cell.clone()
                };
                let space = " ".repeat(width.saturating_sub(columns_of(&cell)));
                let (before, after) = if column == 0 || self.left.contains(&column) {
                    ("", &*space)
                } else {
                    (&*space, "")
                };
                line.push_str(&format!(" {before}{cell}{after} "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// The columns that a cell takes on a terminal.
pub(super) fn columns_of(cell: &str) -> usize {
    strip_str(cell).to_string().width()
}

/// Cuts what is too long, style and all.
pub(super) fn cut(cell: &str, width: usize) -> String {
    if columns_of(cell) <= width {
        return cell.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in strip_str(cell).to_string().chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept + "…"
}

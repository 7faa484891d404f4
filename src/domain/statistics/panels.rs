//! Where densities need be looked at, and how closely.

use super::density::{Density, Origin, Place};
use super::quadrature::{NODES, RULE};

/// How far, in natural logarithms, an integrand may fall below its maximum before it is neglected:
/// e⁻⁴⁶ is 10⁻²⁰. More than the rounding, as these are only bounds of integrands.
const NEGLIGIBLE: f64 = 46.0;

/// Where all is below e to this, nothing is left of a chance.
pub(super) const UNDERFLOW: f64 = -800.0;

/// How much further it may fall.
const NEAR_ENOUGH: f64 = 8.0;

/// From the narrowest density to the whole range are 65 doublings.
const MOST_STEPS: usize = 100;

/// Where from `start` towards `end` a function that falls that way becomes negligible against
/// `reference`; or `end`. `scale` is the first step, which is doubled until it is too far; then the
/// way back is halved until it is not too far.
pub(super) fn fades(
    ln: impl Fn(f64) -> f64,
    reference: f64,
    (start, end): (f64, f64),
    scale: f64,
) -> f64 {
    let limit = reference - NEGLIGIBLE;
    let towards = (end - start).signum();
    let (mut above, mut step) = (start, scale);
    let (mut below, mut there) = (end, f64::NEG_INFINITY);
    for _ in 0..MOST_STEPS {
        let next = above + towards * step;
        if (end - next) * towards <= 0.0 {
            there = ln(end);
            break;
        }
        let at_next = ln(next);
        if at_next < limit {
            (below, there) = (next, at_next);
            break;
        }
        above = next;
        step *= 2.0;
    }
    // Near enough: a little further out costs less than another evaluation.
    for _ in 0..MOST_STEPS {
        if there >= limit - NEAR_ENOUGH {
            break;
        }
        let middle = f64::midpoint(above, below);
        let at_middle = ln(middle);
        if at_middle < limit {
            (below, there) = (middle, at_middle);
        } else {
            above = middle;
        }
    }
    below
}

/// A density, and the part in which it is not negligible.
pub(super) struct Active {
    pub density: Density,
    pub from: f64,
    pub to: f64,
}

impl Active {
    pub fn at(&self, panel: &Panel) -> bool {
        self.from < panel.end && self.to > panel.start
    }
}

/// A stretch over which all integrands are as good as polynomials.
pub(super) struct Panel {
    pub start: f64,
    pub end: f64,
    pub places: [Place; NODES],
}

impl Panel {
    pub fn half(&self) -> f64 {
        (self.end - self.start) / 2.0
    }
}

/// Cuts a stretch into panels, narrow where an active density needs it.
pub(super) fn panels(actives: &[Active], origin: Origin, (start, end): (f64, f64)) -> Vec<Panel> {
    let mut panels = Vec::new();
    // A bound for how many there can be.
    let spans = (actives.iter()).map(|active| active.to.min(end) - active.from.max(start));
    let least = spans.filter(|s| *s > 0.0).fold(end - start, f64::min) / 100_000.0;
    let mut at = start;
    while at < end {
        let place = origin.place(at);
        let (mut width, mut limit) = (end - at, end);
        for active in actives {
            if at < active.from {
                limit = limit.min(active.from);
            } else if at < active.to {
                width = width.min(active.density.panel(&place));
            }
        }
        // The limit itself, not a sum that is rounded, and no sliver before it.
        let mut next = at + width.max(least);
        if next >= limit - least {
            next = limit;
        }
        let half = (next - at) / 2.0;
        panels.push(Panel {
            start: at,
            end: next,
            places: RULE
                .nodes
                .map(|node| origin.place(at + half * (1.0 + node))),
        });
        if next <= at {
            break;
        }
        at = next;
    }
    panels
}

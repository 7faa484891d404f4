//! The posterior density of a rate, and where densities need be looked at.

use super::Proportion;
use super::quadrature::{NODES, RULE, Values};
use super::special::{excess, stirling_remainder};

/// How far, in natural logarithms, an integrand may fall below its maximum before it is neglected:
/// e⁻⁴⁶ is 10⁻²⁰. More than the rounding, as these are only bounds of integrands.
const NEGLIGIBLE: f64 = 46.0;

/// Where all is below e to this, nothing is left of a chance.
pub(super) const UNDERFLOW: f64 = -800.0;

/// How much further it may fall.
const NEAR_ENOUGH: f64 = 8.0;

/// From anything to nothing.
const MOST_HALVINGS: usize = 100;

/// Up to so many conversions (or failures) a density is nearly a polynomial where these are few.
const FEW: f64 = 6.0;

/// A place between 0 and 1. Densities at 10⁹ participants are so narrow that a rate near 0.5 has too
/// few digits to tell where in them it lies: so its distance from an origin within the narrowest of
/// them goes with it; and its complement, which near 1 has digits that the rate has lost.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub rate: f64,
    pub complement: f64,
    pub from_origin: f64,
}

/// Where distances are measured from: the mode of the narrowest density.
#[derive(Clone, Copy)]
pub(super) struct Origin(Proportion);

impl Origin {
    /// Of no variants, anywhere.
    pub fn of(variants: &[Proportion]) -> Self {
        let narrowest = variants
            .iter()
            .min_by(|a, b| deviation(**a).total_cmp(&deviation(**b)));
        Self(narrowest.copied().unwrap_or(Proportion {
            conversions: 0,
            participants: 1,
        }))
    }

    /// The distances of 0 and of 1.
    pub fn ends(self) -> (f64, f64) {
        (-self.0.rate(), self.0.failed().rate())
    }

    pub fn place(self, from_origin: f64) -> Place {
        let (start, end) = self.ends();
        Place {
            rate: (from_origin - start).max(f64::MIN_POSITIVE),
            complement: (end - from_origin).max(f64::MIN_POSITIVE),
            from_origin,
        }
    }
}

/// Beta(x+1, n−x+1): what x conversions of n participants and a uniform prior say of the rate.
pub(super) struct Density {
    conversions: f64,
    failures: f64,
    participants: f64,
    rate: f64,
    complement: f64,
    /// The mode, x/n, as distance from the origin.
    pub mode: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// ln of the density at its mode.
    pub ln_peak: f64,
}

impl Density {
    /// The density at the mode, x/n, is xˣ(n−x)ⁿ⁻ˣ/nⁿ / B(x+1, n−x+1). By Stirling's formula with
    /// its remainder μ that is (n+1)·√(n/(2πx(n−x)))·exp(μ(n)−μ(x)−μ(n−x)), or n+1 when x is 0 or n.
    pub fn new(of: Proportion, origin: Origin) -> Self {
        let (conversions, failures) = (of.conversions as f64, of.failed().conversions as f64);
        let participants = of.participants as f64;
        let ln_peak = participants.ln_1p()
            + if conversions > 0.0 && failures > 0.0 {
                let product = std::f64::consts::TAU * conversions * (failures / participants);
                stirling_remainder(participants)
                    - stirling_remainder(conversions)
                    - stirling_remainder(failures)
                    - product.ln() / 2.0
            } else {
                0.0
            };
        Self {
            conversions,
            failures,
            participants,
            rate: of.rate(),
            complement: of.failed().rate(),
            mode: super::difference(origin.0, of),
            deviation: deviation(of),
            ln_peak,
        }
    }

    /// ln of the density relative to its maximum.
    ///
    /// x·ln(p/p₀) + (n−x)·ln(q/q₀) with p₀ = x/n the mode and δ = p/p₀ − 1, ε = q/q₀ − 1: as
    /// x·δ + (n−x)·ε = 0, that is −x(δ − ln(1+δ)) − (n−x)(ε − ln(1+ε)), two terms of one sign.
    pub fn ln(&self, at: &Place) -> f64 {
        if self.conversions == 0.0 {
            return self.failures * ln_complement(at.rate, at.complement);
        }
        if self.failures == 0.0 {
            return self.conversions * ln_complement(at.complement, at.rate);
        }
        let distance = at.from_origin - self.mode;
        let of_rate = excess(distance / self.rate, at.rate / self.rate);
        let of_complement = excess(-distance / self.complement, at.complement / self.complement);
        -(self.conversions * of_rate + self.failures * of_complement)
    }

    pub fn participants(&self) -> f64 {
        self.participants
    }

    /// The mode of this density times another, as distance from the origin: between theirs.
    pub fn pooled_mode(&self, other: &Self) -> f64 {
        let share = other.participants / (self.participants + other.participants);
        self.mode + (other.mode - self.mode) * share
    }

    pub fn values(&self, at: &[Place; NODES]) -> Values {
        at.map(|place| (self.ln(&place) + self.ln_peak).exp())
    }

    /// How wide a panel that starts here may be for the polynomial through its 16 nodes to be exact:
    /// 0.8 local standard deviations, 3 in the logarithm; near an end of few conversions or
    /// failures, where the density is their polynomial times an exponential, half a unit of that.
    fn panel(&self, at: &Place) -> f64 {
        let (p, q) = (at.rate, at.complement);
        let curvature = self.conversions / (p * p) + self.failures / (q * q);
        let slope = if self.conversions == 0.0 {
            self.failures / q
        } else if self.failures == 0.0 {
            self.conversions / p
        } else {
            // x/p − (n−x)/q, which near the mode would be the difference of like terms.
            self.participants * (at.from_origin - self.mode).abs() / (p * q)
        };
        let width = (0.8 / curvature.sqrt()).min(3.0 / slope);
        let polynomial =
            (self.conversions <= FEW && p <= 0.5) || (self.failures <= FEW && q <= 0.5);
        if polynomial {
            width.max(0.5 / self.participants)
        } else {
            width
        }
    }
}

/// ln(1−p), given 1−p too.
fn ln_complement(p: f64, complement: f64) -> f64 {
    if p < 0.5 {
        (-p).ln_1p()
    } else {
        complement.ln()
    }
}

fn deviation(of: Proportion) -> f64 {
    let n = of.participants as f64;
    let (a, b) = (
        of.conversions as f64 + 1.0,
        of.failed().conversions as f64 + 1.0,
    );
    (a / (n + 2.0) * (b / (n + 2.0)) / (n + 3.0)).sqrt()
}

/// Where from `start` towards `end` a function that falls that way becomes negligible against
/// `reference`; or `end`. `scale` is the first step,
/// which is doubled until it is too far; then the way back is halved until it is not too far.
pub(super) fn fades(
    ln: impl Fn(f64) -> f64,
    reference: f64,
    (start, end): (f64, f64),
    scale: f64,
) -> f64 {
    let limit = reference - NEGLIGIBLE;
    let towards = (end - start).signum();
    let (mut above, mut step) = (start, scale);
    let (mut below, mut there) = loop {
        let next = above + towards * step;
        if (end - next) * towards <= 0.0 {
            break (end, ln(end));
        }
        let there = ln(next);
        if there < limit {
            break (next, there);
        }
        above = next;
        step *= 2.0;
    };
    // Near enough: a little further out costs less than another evaluation.
    for _ in 0..MOST_HALVINGS {
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

//! The posterior density of a rate.

use super::Proportion;
use super::quadrature::{NODES, Values};
use super::special::{excess, stirling_remainder};

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
    pub fn panel(&self, at: &Place) -> f64 {
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

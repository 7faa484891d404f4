//! Two variants compared so that the data may be looked at every day.

use super::planned::{SHARE, boundary, crossing};
use super::{ALPHA, Contrast, Interval, Proportion};

/// The number of participants at which the sequence is tightest (`GrowthBook`'s choice).
const TUNED_TO: f64 = 5000.0;

/// Two variants compared, valid at every look, however often and whenever one looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequential {
    /// Of the difference.
    pub interval: Interval,
    /// Without a plan at most [`ALPHA`] exactly when the interval does not hold 0. With one, the boundary takes
    /// the pooled standard error and the interval does not.
    pub p_value: f64,
    /// Of the lift; excludes 0 exactly when `interval` does. None where control's mean cannot be
    /// told from 0, as the lift is then unbounded.
    pub lift_interval: Option<Interval>,
}

/// How a comparison may be decided: at any look by the sequence; with a plan, until so many participants of both
/// variants together have come, also by the plan's boundary. The boundary then has nine tenths of the wrong alarms
/// that are accepted, and the sequence one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Looking {
    /// M, from before the first participant: adapted to what has come it would promise too much.
    pub planned: Option<f64>,
}

/// The comparison of two rates without a plan, see [`Looking::compare`].
#[must_use]
pub fn sequential(control: Proportion, variant: Proportion) -> Option<Sequential> {
    Looking::default().compare(&Contrast::of_rates(control, variant))
}

impl Looking {
    /// With M participants planned.
    #[must_use]
    pub fn planned(participants: f64) -> Self {
        Self {
            planned: Some(participants),
        }
    }

    /// The comparison that is valid at every look: an asymptotic confidence sequence (Waudby-Smith,
    /// Arbour, Sinha, Kennedy, Ramdas, arXiv:2103.06476).
    ///
    /// d ± K·σ̂ with σ̂ the unpooled standard error of d, t = Nρ²+1, K² = 2t/(Nρ²)·ln(√t/α); and
    /// p = min(1, √t·exp(−ρ²N·d²/(2σ̂²t))). With a plan of M, see [`Self::p_value`]; K is then the smaller of two. None
    /// when σ̂ is 0: of rates, where in both variants all or none converted.
    #[must_use]
    pub fn compare(self, of: &Contrast) -> Option<Sequential> {
        let p_value = self.p_value(of)?;
        let multiplier = self.multiplier(of.participants(), ALPHA);
        let margin = multiplier * of.variance().sqrt();
        let interval = Interval {
            low: of.difference - margin,
            high: of.difference + margin,
        };
        Some(Sequential {
            interval,
            p_value,
            lift_interval: lift_interval(of, multiplier, interval),
        })
    }

    /// The p-value of [`Self::compare`] alone. With a plan it is the smallest α of which a boundary was crossed: the
    /// plan's with 0.9·α, c·√(M/N) ≤ |z| with z = d/σ̂₀ of the pooled standard error, or the sequence's with 0.1·α.
    #[must_use]
    pub fn p_value(self, of: &Contrast) -> Option<f64> {
        self.p_value_at(of, |planned| of.participants() <= planned)
    }

    /// As [`Self::p_value`], but after the last planned participant the plan's boundary stays where it ended. No
    /// test, but a measure of whether the difference is still as clear as when it was decided.
    #[must_use]
    pub fn clarity(self, of: &Contrast) -> Option<f64> {
        self.p_value_at(of, |_| true)
    }

    fn p_value_at(self, of: &Contrast, may_cross: impl Fn(f64) -> bool) -> Option<f64> {
        let variance = of.variance();
        if variance <= 0.0 || variance.is_nan() {
            return None;
        }
        let (participants, square) = (of.participants(), of.difference * of.difference);
        let by_sequence = self.sequence().p_value(participants, square / variance);
        let Some(planned) = self.planned else {
            return Some(by_sequence.min(1.0));
        };
        let by_sequence = by_sequence / (1.0 - SHARE);
        if !may_cross(planned) || of.pooled_variance <= 0.0 {
            return Some(by_sequence.min(1.0));
        }
        let time = (participants / planned).min(1.0);
        let by_plan = crossing((square / of.pooled_variance * time).sqrt()) / SHARE;
        Some(by_sequence.min(by_plan).min(1.0))
    }

    /// By how many standard errors the interval of level 1 − α reaches either way at so many participants of both
    /// variants together: K, or with a plan the smaller of c·√(M/N) and K, each with its share of α.
    fn multiplier(self, participants: f64, alpha: f64) -> f64 {
        let of_sequence = self.multiplier_of_sequence(participants, alpha);
        match self.planned.filter(|planned| participants <= *planned) {
            None => of_sequence,
            Some(planned) => of_sequence.min(boundary(alpha) * (planned / participants).sqrt()),
        }
    }

    /// K with the sequence's share of α.
    pub(super) fn multiplier_of_sequence(self, participants: f64, alpha: f64) -> f64 {
        let share = match self.planned {
            None => 1.0,
            Some(_) => 1.0 - SHARE,
        };
        self.sequence().multiplier(participants, alpha * share)
    }

    fn sequence(self) -> Sequence {
        match self.planned {
            None => Sequence::tuned_for(ALPHA),
            Some(_) => Sequence::tuned_for(ALPHA * (1.0 - SHARE)),
        }
    }
}

/// The asymptotic confidence sequence with its ρ².
#[derive(Clone, Copy, Debug)]
struct Sequence {
    rho_squared: f64,
}

impl Sequence {
    /// Tightest for this α, whatever α is asked for then: ρ² = (−2 ln α + ln(1 − 2 ln α))/N*.
    fn tuned_for(alpha: f64) -> Self {
        let twice = -2.0 * alpha.ln();
        Self {
            rho_squared: (twice + twice.ln_1p()) / TUNED_TO,
        }
    }

    /// Of the squared difference in units of its standard error. May exceed 1.
    fn p_value(self, participants: f64, square: f64) -> f64 {
        let information = participants * self.rho_squared;
        let t = information + 1.0;
        let evidence = information * square / (2.0 * t);
        t.sqrt() * (-evidence).exp()
    }

    /// K.
    fn multiplier(self, participants: f64, alpha: f64) -> f64 {
        let information = participants * self.rho_squared;
        let t = information + 1.0;
        (2.0 * t / information * (t.sqrt() / alpha).ln()).sqrt()
    }
}

/// Fieller's interval (1954): those s for which (d − s·mA)² ≤ K²(σ̂B² + (1+s)²σ̂A²).
///
/// That is a·s² − 2b·s + c ≤ 0 with a = mA² − K²σ̂A², b = d·mA + K²σ̂A² and c = d² − K²σ̂², the
/// product of the difference's two ends: so 0 is outside exactly when it is outside there. Bounded
/// when a > 0. The root in which b and the square root would cancel is taken from the product c/a.
fn lift_interval(of: &Contrast, k: f64, of_d: Interval) -> Option<Interval> {
    let (mean, error) = (of.control.value, k * of.control.variance.sqrt());
    let a = (mean - error) * (mean + error);
    if mean <= error || a <= 0.0 {
        return None;
    }
    let b = of.difference * mean + error * error;
    let c = of_d.low * of_d.high;
    let root = (k * k * of.variant.variance * a + (of.variant.value * error).powi(2)).sqrt();
    let far = if b >= 0.0 { b + root } else { b - root };
    let (one, other) = (far / a, c / far);
    Some(Interval {
        low: one.min(other),
        high: one.max(other),
    })
}

//! How likely one variant is better than another, and what choosing it may cost.

use super::Proportion;
use super::density::{Density, Origin};
use super::difference::cross;
use super::panels::{Active, UNDERFLOW, fades, panels};
use super::quadrature::{NODES, RULE, Values, times};

/// What the posteriors of two variants, Beta(1+x, 1+n−x), say of each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    /// P(B > A).
    pub chance_to_win: f64,
    /// E[(pA−pB)⁺]: what choosing B costs on average, in units of the rate.
    pub expected_loss: f64,
}

/// P(B > A), the chance that the variant's rate is above control's, for Beta(1, 1) priors. See
/// [`posterior`].
#[must_use]
pub fn chance_to_win(control: Proportion, variant: Proportion) -> f64 {
    posterior(control, variant).chance_to_win
}

/// E[(pA−pB)⁺]: the rate that choosing the variant loses on average, for Beta(1, 1) priors
/// (Stucchio 2015). See [`posterior`].
#[must_use]
pub fn expected_loss(control: Proportion, variant: Proportion) -> f64 {
    posterior(control, variant).expected_loss
}

/// Chance to win and expected loss, which share most of their work.
///
/// With L the variant of the lower posterior mean and H the other, P(L > H) = ∫ f_L·F_H and
/// E[(pL−pH)⁺] = ∫ F_H·(1−F_L), by quadrature of the densities f; F_H is summed from the left and
/// 1−F_L from the right, so that small results keep their digits. What is asked the other way round
/// follows: 1 − P, and the difference of the means added. Miller's sum ("Formulas for Bayesian A/B
/// testing", 2013) has as many terms as conversions, and the loss in its closed form loses digits.
#[must_use]
pub fn posterior(control: Proportion, variant: Proportion) -> Posterior {
    let lead = mean_difference(control, variant);
    let control_is_lower = if lead == 0.0 {
        control.participants <= variant.participants
    } else {
        lead > 0.0
    };
    if control == variant {
        let overlap = Overlap::of(control, variant);
        return Posterior {
            chance_to_win: 0.5,
            expected_loss: overlap.gain,
        };
    }
    if control_is_lower {
        let overlap = Overlap::of(control, variant);
        Posterior {
            chance_to_win: 1.0 - overlap.chance,
            expected_loss: overlap.gain,
        }
    } else {
        let overlap = Overlap::of(variant, control);
        Posterior {
            chance_to_win: overlap.chance,
            expected_loss: overlap.gain - lead,
        }
    }
}

/// The variant's posterior mean, (x+1)/(n+2), less control's.
fn mean_difference(control: Proportion, variant: Proportion) -> f64 {
    let (b, a) = (variant, control);
    let conversions = i128::from(b.conversions) - i128::from(a.conversions);
    let participants = i128::from(a.participants) - i128::from(b.participants);
    // (xB+1)(nA+2) − (xA+1)(nB+2)
    let products = cross(a, b) + (2 * conversions + participants) as f64;
    products / ((a.participants as f64 + 2.0) * (b.participants as f64 + 2.0))
}

/// Where the posteriors of a lower and a higher variant overlap.
struct Overlap {
    /// P(lower > higher).
    chance: f64,
    /// E[(lower − higher)⁺].
    gain: f64,
}

impl Overlap {
    fn of(lower: Proportion, higher: Proportion) -> Self {
        let origin = Origin::of(&[lower, higher]);
        let (l, h) = (Density::new(lower, origin), Density::new(higher, origin));
        let Some(stretch) = stretch(&l, &h, origin) else {
            return Self {
                chance: 0.0,
                gain: 0.0,
            };
        };
        let upper_end = (h.mode.max(stretch.0), stretch.1);
        let lower_end = (l.mode.min(stretch.1), stretch.0);
        let ln = |density: &Density, t| density.ln(&origin.place(t));
        let higher = Active {
            from: stretch.0,
            to: fades(|t| ln(&h, t), 0.0, upper_end, h.deviation),
            density: h,
        };
        let lower = Active {
            from: fades(|t| ln(&l, t), 0.0, lower_end, l.deviation),
            to: stretch.1,
            density: l,
        };
        Self::integrate(&[lower, higher], origin, stretch)
    }

    fn integrate(actives: &[Active; 2], origin: Origin, stretch: (f64, f64)) -> Self {
        let [lower, higher] = actives;
        let panels = panels(actives, origin, stretch);
        let (mut below, mut chance) = (0.0, 0.0);
        let mut swept: Vec<(Values, Values)> = Vec::with_capacity(panels.len());
        for panel in &panels {
            let mut higher_below = [below; NODES];
            if higher.at(panel) {
                let values = higher.density.values(&panel.places);
                let sums = RULE.sums_from_left(&values, panel.half());
                higher_below = sums.map(|sum| below + sum);
                below += RULE.whole(&values, panel.half());
            }
            let mut lower_values = [0.0; NODES];
            if lower.at(panel) {
                lower_values = lower.density.values(&panel.places);
                let products = times(&lower_values, &higher_below);
                chance += RULE.whole(&products, panel.half());
            }
            swept.push((lower_values, higher_below));
        }
        let (mut above, mut gain) = (0.0, 0.0);
        for (panel, (lower_values, higher_below)) in panels.iter().zip(&swept).rev() {
            let sums = RULE.sums_from_right(lower_values, panel.half());
            let lower_above = sums.map(|sum| above + sum);
            above += RULE.whole(lower_values, panel.half());
            gain += RULE.whole(&times(&lower_above, higher_below), panel.half());
        }
        Self {
            chance: chance.clamp(0.0, 1.0),
            gain: gain.clamp(0.0, 1.0),
        }
    }
}

/// Where F_H·(1−F_L) is not negligible, bounded by f_H on its rising side and f_L on its falling
/// one. That is most at the mode of both together, or all the way between the modes. None when even
/// there is next to nothing.
fn stretch(l: &Density, h: &Density, origin: Origin) -> Option<(f64, f64)> {
    let (first, last) = origin.ends();
    let ln = |t: f64| h.ln(&origin.place(t.min(h.mode))) + l.ln(&origin.place(t.max(l.mode)));
    let middle = l.pooled_mode(h);
    let most = ln(middle);
    let scale = l.deviation.min(h.deviation);
    (most >= UNDERFLOW).then(|| {
        (
            fades(ln, most, (middle, first), scale),
            fades(ln, most, (middle, last), scale),
        )
    })
}

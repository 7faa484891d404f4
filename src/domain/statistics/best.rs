//! How likely each of many variants is the best.

use super::Proportion;
use super::density::{Density, Origin};
use super::panels::{Active, Panel, UNDERFLOW, fades, panels};
use super::quadrature::{NODES, RULE, Values, times};

/// For each variant the chance that its rate is the highest, for Beta(1, 1) priors: ∫ fᵢ·Πⱼ≠ᵢ Fⱼ,
/// by quadrature on one grid for all; they sum to 1.
#[must_use]
pub fn chances_to_be_best(variants: &[Proportion]) -> Vec<f64> {
    let field = Field::new(variants);
    let contending: Vec<usize> = (0..variants.len())
        .filter(|i| field.summit(*i).1 >= UNDERFLOW)
        .collect();
    let contenders: Vec<Proportion> = contending.iter().map(|i| variants[*i]).collect();
    let mut chances = vec![0.0; variants.len()];
    for (index, chance) in contending.into_iter().zip(among(&contenders)) {
        chances[index] = chance;
    }
    chances
}

/// The chances of variants that all have one. Those that have none are left out before, so that
/// places are measured from where the others are.
fn among(contenders: &[Proportion]) -> Vec<f64> {
    if contenders.len() < 2 {
        return vec![1.0; contenders.len()];
    }
    let field = Field::new(contenders);
    let stretches: Vec<(f64, f64)> = (0..contenders.len()).map(|i| field.stretch(i)).collect();
    let (start, end) = (stretches.iter()).fold((f64::MAX, f64::MIN), |all, one| {
        (all.0.min(one.0), all.1.max(one.1))
    });
    let origin = field.origin;
    let actives: Vec<Active> = (field.densities.into_iter().zip(stretches))
        .map(|(density, stretch)| activate(density, stretch.1, (start, end), origin))
        .collect();
    let from = (actives.iter()).fold(start, |from, active| from.min(active.from));
    let mut sweep = Sweep::new(actives.len());
    for panel in panels(&actives, origin, (from, end)) {
        sweep.over(&panel, &actives);
    }
    sweep.chances
}

/// Variants' densities.
struct Field {
    origin: Origin,
    densities: Vec<Density>,
}

impl Field {
    fn new(variants: &[Proportion]) -> Self {
        let origin = Origin::of(variants);
        let densities = variants.iter().map(|v| Density::new(*v, origin)).collect();
        Self { origin, densities }
    }

    /// ln of fᵢ·Πⱼ Fⱼ, each Fⱼ bounded by fⱼ on its rising side, relative to the densities' maxima.
    fn ln(&self, i: usize, t: f64) -> f64 {
        let place = self.origin.place(t);
        (self.densities.iter().enumerate())
            .filter(|(j, density)| *j == i || density.mode > t)
            .map(|(_, density)| density.ln(&place))
            .sum()
    }

    /// Where that is most, and how much: at the mode of i and all that are better there together.
    fn summit(&self, i: usize) -> (f64, f64) {
        let this = &self.densities[i];
        let mut better: Vec<&Density> = (self.densities.iter())
            .filter(|density| density.mode > this.mode)
            .collect();
        better.sort_by(|a, b| b.mode.total_cmp(&a.mode));
        let (mut weight, mut middle) = (this.participants(), this.mode);
        for density in better {
            if density.mode > middle {
                weight += density.participants();
                middle += (density.mode - middle) * (density.participants() / weight);
            }
        }
        (middle, self.ln(i, middle))
    }

    /// Where that is not negligible.
    fn stretch(&self, i: usize) -> (f64, f64) {
        let (middle, most) = self.summit(i);
        let (first, last) = self.origin.ends();
        let ln = |t| self.ln(i, t);
        let scale = self.densities[i].deviation;
        (
            fades(ln, most, (middle, first), scale),
            fades(ln, most, (middle, last), scale),
        )
    }
}

/// The part of a density that matters between `start` and `end`: from where it adds nothing to the
/// chance to be below `start`, to where it adds nothing to that to be below anything; and at least to
/// the end of its own stretch, which is far out where its chance is small.
fn activate(density: Density, own_end: f64, (start, end): (f64, f64), origin: Origin) -> Active {
    let ln = |t: f64| density.ln(&origin.place(t));
    let rising = density.mode.min(start);
    let first = origin.ends().0;
    let from = fades(ln, ln(rising), (rising, first), density.deviation);
    let to = if density.mode < end {
        fades(ln, 0.0, (density.mode, end), density.deviation).max(own_end)
    } else {
        end
    };
    Active { density, from, to }
}

/// Sums from the left to the right.
struct Sweep {
    /// How much of each density lies below the present panel.
    below: Vec<f64>,
    chances: Vec<f64>,
}

impl Sweep {
    fn new(variants: usize) -> Self {
        Self {
            below: vec![0.0; variants],
            chances: vec![0.0; variants],
        }
    }

    fn over(&mut self, panel: &Panel, actives: &[Active]) {
        let half = panel.half();
        let mut values: Vec<Option<Values>> = Vec::with_capacity(actives.len());
        let mut cumulated: Vec<Values> = Vec::with_capacity(actives.len());
        for (active, below) in actives.iter().zip(&mut self.below) {
            if !active.at(panel) {
                values.push(None);
                cumulated.push([*below; NODES]);
                continue;
            }
            let density = active.density.values(&panel.places);
            cumulated.push(RULE.sums_from_left(&density, half).map(|sum| *below + sum));
            *below += RULE.whole(&density, half);
            values.push(Some(density));
        }
        // Products of the ones after each, then of the ones before it.
        let mut after = vec![[1.0; NODES]; actives.len()];
        for i in (1..actives.len()).rev() {
            after[i - 1] = times(&after[i], &cumulated[i]);
        }
        let mut before = [1.0; NODES];
        for (i, density) in values.iter().enumerate() {
            if let Some(density) = density {
                let integrand = times(density, &times(&before, &after[i]));
                self.chances[i] += RULE.whole(&integrand, half);
            }
            before = times(&before, &cumulated[i]);
        }
    }
}

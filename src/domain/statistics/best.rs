//! How likely each of many variants is the best.

use super::Proportion;
use super::density::{Active, Density, Origin, Panel, fades, panels};
use super::quadrature::{NODES, RULE, Values, times};

/// Below e to this, nothing is left of a chance.
const UNDERFLOW: f64 = -800.0;

/// For each variant the chance that its rate is the highest, for Beta(1, 1) priors: ∫ fᵢ·Πⱼ≠ᵢ Fⱼ,
/// by quadrature on one grid for all; they sum to 1.
#[must_use]
pub fn chances_to_be_best(variants: &[Proportion]) -> Vec<f64> {
    let Some(origin) = Origin::of(variants) else {
        return Vec::new();
    };
    if variants.len() == 1 {
        return vec![1.0];
    }
    let densities: Vec<Density> = (variants.iter())
        .map(|variant| Density::new(*variant, origin))
        .collect();
    let stretches = (0..densities.len()).filter_map(|i| stretch(&densities, i, origin));
    let (start, end) = stretches.fold((f64::MAX, f64::MIN), |all, one| {
        (all.0.min(one.0), all.1.max(one.1))
    });
    let actives: Vec<Active> = (densities.into_iter())
        .map(|density| activate(density, start, end, origin))
        .collect();
    let from = (actives.iter()).fold(start, |from, active| from.min(active.from));
    let mut sweep = Sweep::new(actives.len());
    for panel in panels(&actives, origin, (from, end)) {
        sweep.over(&panel, &actives);
    }
    sweep.chances
}

/// Where fᵢ·Πⱼ Fⱼ is not negligible, each Fⱼ bounded by fⱼ on its rising side; none when its
/// maximum, at the mode of i and all better ones together, is next to nothing.
fn stretch(densities: &[Density], i: usize, origin: Origin) -> Option<(f64, f64)> {
    let this = &densities[i];
    let ln = |t: f64| {
        let of_others: f64 = (densities.iter())
            .filter(|density| density.mode > t)
            .map(|density| density.ln(&origin.place(t)))
            .sum();
        if this.mode > t {
            of_others
        } else {
            of_others + this.ln(&origin.place(t))
        }
    };
    let mut better: Vec<&Density> = (densities.iter()).filter(|d| d.mode > this.mode).collect();
    better.sort_by(|a, b| b.mode.total_cmp(&a.mode));
    let (mut weight, mut middle) = (this.participants(), this.mode);
    for density in better {
        if density.mode > middle {
            weight += density.participants();
            middle += (density.mode - middle) * (density.participants() / weight);
        }
    }
    let most = ln(middle);
    if most < UNDERFLOW {
        return None;
    }
    let ends = origin.ends();
    Some((
        fades(ln, most, (middle, ends.0), this.deviation),
        fades(ln, most, (middle, ends.1), this.deviation),
    ))
}

/// The part of a density that matters between `start` and `end`: from where it adds nothing to the
/// chance to be below `start`, to where it adds nothing to that to be below anything.
fn activate(density: Density, start: f64, end: f64, origin: Origin) -> Active {
    let ln = |t: f64| density.ln(&origin.place(t));
    let rising = density.mode.min(start);
    let from = fades(ln, ln(rising), (rising, origin.ends().0), density.deviation);
    let to = if density.mode < end {
        fades(ln, 0.0, (density.mode, end), density.deviation)
    } else {
        end
    };
    Active { from, to, density }
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

//! How large an experiment has to be, before it begins.

use crate::domain::Better;
use crate::domain::statistics::{Looking, Wanted};

/// What an experiment is to find.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// The control's rate.
    pub rate: f64,
    pub better: Better,
    /// How the variants share the visitors, the control first; any unit.
    pub weights: Vec<f64>,
    /// How many comparisons the verdict is one of.
    pub comparisons: usize,
}

impl Design {
    /// The rate that is so much better.
    #[must_use]
    pub fn improved(&self, effect: f64) -> f64 {
        match self.better {
            Better::Higher => self.rate * (1.0 + effect),
            Better::Lower => self.rate * (1.0 - effect),
        }
    }

    /// The participants of all variants with which a plan of as many finds the effect with 80 % power.
    #[must_use]
    pub fn with_plan(&self, effect: f64) -> Option<u64> {
        self.largest(effect, |wanted| wanted.plan())
    }

    /// The same without a plan.
    #[must_use]
    pub fn without_plan(&self, effect: f64) -> Option<u64> {
        self.largest(effect, |wanted| {
            wanted.participants(Looking::default(), 0.0)
        })
    }

    /// The chance to find the effect by the time that so many participants have come, for the variant with the
    /// smallest weight.
    #[must_use]
    pub fn power(&self, effect: f64, planned: Option<u64>, participants: u64) -> f64 {
        let power = |(share, of_pair): (f64, f64)| {
            let Some(wanted) = self.wanted(effect, share) else {
                return 0.0;
            };
            let looking = Looking {
                planned: planned.map(|planned| planned as f64 * of_pair),
            };
            wanted.power(looking, participants as f64 * of_pair)
        };
        self.pairs().map(power).fold(1.0, f64::min)
    }

    fn largest(&self, effect: f64, of: impl Fn(Wanted) -> Option<u64>) -> Option<u64> {
        let needed = self.pairs().map(|(share, of_pair)| {
            let pair = of(self.wanted(effect, share)?)?;
            Some((pair as f64 / of_pair).ceil() as u64)
        });
        needed.collect::<Option<Vec<u64>>>()?.into_iter().max()
    }

    fn wanted(&self, effect: f64, control_share: f64) -> Option<Wanted> {
        Wanted::rates(
            self.rate,
            self.improved(effect),
            control_share,
            self.comparisons,
        )
    }

    /// Of the control and each other variant: the control's share of the two, and the share that the two have of all.
    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        let all: f64 = self.weights.iter().sum();
        let control = self.weights.first().copied().unwrap_or(0.0);
        (self.weights.iter().skip(1))
            .map(move |weight| (control / (control + weight), (control + weight) / all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(weights: &[f64], better: Better) -> Design {
        Design {
            rate: 0.05,
            better,
            weights: weights.to_vec(),
            comparisons: weights.len() - 1,
        }
    }

    #[test]
    fn a_plan_takes_fewer_and_uneven_weights_take_more() {
        let even = design(&[1.0, 1.0], Better::Higher);
        let (with, without) = (
            even.with_plan(0.2).unwrap(),
            even.without_plan(0.2).unwrap(),
        );
        // As with one look, but for 2.28 in the place of 1.96: (2.28 + 0.84)²/(1.96 + 0.84)² of it.
        assert!((19_500..20_500).contains(&with), "{with}");
        assert!((33_000..34_500).contains(&without), "{without}");
        assert!((even.power(0.2, Some(with), with) - 0.8).abs() < 1e-3);
        assert!((even.power(0.2, None, without) - 0.8).abs() < 1e-3);
        assert!(even.power(0.2, None, with) < 0.7 && even.power(0.1, Some(with), with) < 0.4);
        let uneven = design(&[99.0, 1.0], Better::Higher);
        assert!(uneven.with_plan(0.2).unwrap() > 20 * with);
        let scaled = design(&[50.0, 50.0], Better::Higher);
        assert_eq!(scaled.with_plan(0.2), Some(with));
        // Each variant needs its visitors, and there are more comparisons.
        let four = design(&[1.0; 4], Better::Higher);
        assert!(four.with_plan(0.2).unwrap() > 2 * with);
        let lower = design(&[1.0, 1.0], Better::Lower);
        assert!((lower.improved(0.2) - 0.04).abs() < 1e-12);
        assert!(lower.with_plan(0.2).unwrap() < with);
        assert_eq!(even.with_plan(30.0), None);
        assert_eq!(lower.with_plan(0.0), None);
    }
}

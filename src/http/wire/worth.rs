//! What conversions were worth, as JSON: exact, so as text.

use serde::{Deserialize, Serialize};

use super::experiment::name;
use super::{DayOf, Experiment, Nonsense};
use crate::domain::{self, DaySums, ExperimentCounts, Sums};

/// What the conversions of a goal with a value were worth.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Worth {
    /// The sum of the values: a decimal number.
    pub sum: String,
    /// The sum of their squares: a decimal number.
    pub squares: String,
}

impl From<Sums> for Worth {
    fn from(sums: Sums) -> Self {
        let [sum, squares] = sums.decimals();
        Self { sum, squares }
    }
}

impl Worth {
    fn sums(&self) -> Result<Sums, Nonsense> {
        let sums = Sums::read(&self.sum, &self.squares);
        sums.ok_or_else(|| Nonsense::Sums(self.sum.clone(), self.squares.clone()))
    }
}

impl Experiment {
    /// What its conversions were worth in all.
    fn worth(&self) -> Result<Vec<domain::Worth>, Nonsense> {
        let results = (self.goals.iter())
            .flat_map(|goal| goal.results.iter().map(move |result| (goal, result)));
        let with_value = results.filter_map(|(goal, result)| {
            let worth = result.value.as_ref()?;
            Some(worth.sums().map(|sums| domain::Worth {
                goal: name(&goal.goal),
                variant: name(&result.label),
                sums,
            }))
        });
        with_value.collect()
    }

    /// Adds what its conversions were worth to counts.
    ///
    /// # Errors
    /// When something of it makes no sense.
    pub fn add_worth(&self, counts: &mut ExperimentCounts) -> Result<(), Nonsense> {
        let Some(days) = &self.days else {
            counts.set_worth(self.worth()?);
            return Ok(());
        };
        let days: Vec<Vec<DaySums>> = days.iter().map(DayOf::worth).collect::<Result<_, _>>()?;
        counts.set_worth_by_day(days.concat());
        Ok(())
    }
}

impl DayOf {
    /// What the conversions of the day were worth.
    fn worth(&self) -> Result<Vec<DaySums>, Nonsense> {
        let day = self.day()?;
        let results = (self.goals.iter())
            .flat_map(|goal| goal.results.iter().map(move |result| (goal, result)));
        let with_value = results.filter_map(|(goal, result)| {
            let worth = result.value.as_ref()?;
            Some(worth.sums().map(|sums| DaySums {
                day,
                goal: name(&goal.goal),
                variant: name(&result.label),
                sums,
            }))
        });
        with_value.collect()
    }
}

//! What was declared when an experiment began to be counted.

use std::collections::HashMap;

use super::DynamoDbStore;
use super::failure::Failure;
use super::items::{self, Key};
use super::request::{Action, Item};
use crate::domain::Name;
use crate::store::StoreError;

impl DynamoDbStore {
    /// One request, or two where there is a copy already.
    pub(super) async fn keep(
        &self,
        namespace: &Name,
        experiment: &Name,
        copy: &str,
        replace: bool,
    ) -> Result<String, StoreError> {
        let key = items::copy(namespace, experiment);
        let mut put = Action::put(Item::new(&key).text("copy", copy));
        if !replace {
            put = put.when("attribute_not_exists(pk)");
        }
        let put = put.json(&self.client.table);
        let mut patience = self.client.patience();
        match self.client.ask("PutItem", &put, &mut patience).await {
            Ok(_) => Ok(copy.to_owned()),
            Err(Failure::Condition) => {
                let there = self.get(&key).await?;
                let there = there.as_ref().and_then(|item| items::text(item, "copy"));
                // Deleted just now.
                Ok(there.unwrap_or(copy).to_owned())
            }
            Err(failure) => Err(self.client.error(failure)),
        }
    }

    /// One request for a hundred.
    pub(super) async fn kept(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let key = |experiment| items::copy(namespace, experiment);
        // Each once: the API refuses keys that come twice.
        let mut places: HashMap<Key, u64> = HashMap::new();
        let mut keys = Vec::new();
        for experiment in experiments {
            let key = key(experiment);
            if places.insert(key.clone(), 0).is_none() {
                keys.push(key);
            }
        }
        let copies = self.get_all(&keys).await?;
        for (copy, place) in copies.iter().zip(1..) {
            places.extend(Key::of(copy).map(|key| (key, place)));
        }
        let copy = |experiment| {
            let place = usize::try_from(*places.get(&key(experiment))?).ok()?;
            items::text(copies.get(place.checked_sub(1)?)?, "copy").map(str::to_owned)
        };
        Ok(experiments.iter().map(copy).collect())
    }
}

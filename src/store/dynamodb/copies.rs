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
        let mut keys: Vec<Key> = experiments.iter().map(key).collect();
        keys.sort_unstable_by(|a, b| a.pk.cmp(&b.pk));
        keys.dedup();
        let copies = self.get_all(&keys).await?;
        let copies: HashMap<Key, &str> = (copies.iter())
            .filter_map(|item| Some((Key::of(item)?, items::text(item, "copy")?)))
            .collect();
        Ok((experiments.iter())
            .map(|experiment| copies.get(&key(experiment)).map(|copy| (*copy).to_owned()))
            .collect())
    }
}

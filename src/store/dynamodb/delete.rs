//! Deleting counters. A delete that was interrupted is finished by the next one.

use super::DynamoDbStore;
use super::failure::Failure;
use super::items::{self, Key};
use super::patience::Patience;
use super::read::{Contents, Counted};
use super::request::{self, Action};
use crate::domain::{Name, Selection};
use crate::store::StoreError;

/// How many counters go at once: a transaction takes 100 items.
const COUNTERS_AT_ONCE: usize = 90;

/// How many items one request removes.
const ITEMS_AT_ONCE: usize = 25;

impl DynamoDbStore {
    /// Deletes the selected counters, and then the items on which they counted. Idempotency keys that were counted under
    /// them mean nothing from then on, and go when they expire.
    pub(super) async fn remove(&self, selection: &Selection) -> Result<u64, StoreError> {
        let Selection {
            namespace,
            experiment,
            ..
        } = selection;
        let mut deleted = 0;
        loop {
            let mut patience = self.client.patience();
            let gone = self.remove_some(selection, &mut patience).await?;
            if gone == 0 {
                break;
            }
            deleted += gone;
        }
        self.known.forget(&items::partition(namespace, experiment));
        // Looked for only now: nobody can make another one for what is deleted.
        let left = self.contents(namespace, experiment).await?.left;
        self.remove_items(&left).await?;
        Ok(deleted)
    }

    /// Deletes some of the counters, all at one moment; says how many.
    async fn remove_some(
        &self,
        selection: &Selection,
        patience: &mut Patience,
    ) -> Result<u64, StoreError> {
        let Selection {
            namespace,
            experiment,
            ..
        } = selection;
        loop {
            let contents = self.contents(namespace, experiment).await?;
            let (mut selected, rest): (Vec<&Counted>, Vec<&Counted>) = (contents.counters.iter())
                .partition(|counter| selection.includes(&counter.kind, &counter.variant));
            let is_last = rest.is_empty() && selected.len() <= COUNTERS_AT_ONCE;
            selected.truncate(COUNTERS_AT_ONCE);
            if selected.is_empty() {
                if is_last {
                    self.remove_items(&[items::copy(namespace, experiment)])
                        .await?;
                }
                return Ok(0);
            }
            let counters = self.counters(namespace).await?;
            let names = [namespace, experiment];
            let transaction = self.removal(names, &contents, &selected, is_last, counters);
            match (self
                .client
                .ask("TransactWriteItems", &transaction, patience))
            .await
            {
                Ok(_) => return Ok(selected.len() as u64),
                // Something changed meanwhile.
                Err(Failure::Canceled(_)) if patience.pause().await => {}
                Err(failure) => return Err(self.client.error(failure)),
            }
        }
    }

    /// How many counters a namespace has.
    async fn counters(&self, namespace: &Name) -> Result<u64, StoreError> {
        let item = self.get(&items::namespace(namespace)).await?;
        Ok(item
            .and_then(|item| items::number(&item, "counters"))
            .unwrap_or(0))
    }

    /// With its last counter the experiment leaves its namespace, and the namespace gives its place to others.
    fn removal(
        &self,
        [namespace, name]: [&Name; 2],
        contents: &Contents,
        selected: &[&Counted],
        is_last: bool,
        counters: u64,
    ) -> String {
        let mut experiment = contents.experiment.clone();
        let before = experiment.version;
        experiment.version += 1;
        experiment.deleted = experiment.version;
        for counter in selected {
            let variant = counter.variant.as_str();
            let mut variants = experiment.variants.iter_mut();
            if let Some((_, count)) = variants.find(|(name, _)| name == variant) {
                *count = count.saturating_sub(1);
            }
        }
        experiment.variants.retain(|(_, count)| *count > 0);
        let mut actions = vec![experiment.put(namespace, name, before)];
        actions.extend(selected.iter().map(|counter| {
            let delete = Action::delete(&counter.key).when("#id = :id");
            delete.name("id", "id").number("id", &counter.id)
        }));
        if is_last {
            let keys = [items::entry(namespace, name), items::copy(namespace, name)];
            actions.extend(keys.iter().map(Action::delete));
        }
        let key = items::namespace(namespace);
        let gone = selected.len() as u64;
        if counters > gone {
            let update = Action::update(&key, "ADD #counters :gone").when("#counters > :least");
            let update = update.number("gone", &format_args!("-{gone}"));
            actions.push(update.name("counters", "counters").number("least", &gone));
        } else {
            let delete = Action::delete(&key).when("#counters = :all");
            actions.push(delete.name("counters", "counters").number("all", &counters));
            let update = Action::update(&items::namespaces(), "DELETE #names :name");
            actions.push(
                update
                    .name("names", "names")
                    .set("name", namespace.as_str()),
            );
        }
        self.transaction(&actions)
    }

    async fn remove_items(&self, keys: &[Key]) -> Result<(), StoreError> {
        for some in keys.chunks(ITEMS_AT_ONCE) {
            self.remove_few(some).await?;
        }
        Ok(())
    }

    async fn remove_few(&self, keys: &[Key]) -> Result<(), StoreError> {
        let table = &self.client.table;
        let deletes: Vec<String> = keys
            .iter()
            .map(request::key)
            .map(|key| format!(r#"{{"DeleteRequest":{{"Key":{key}}}}}"#))
            .collect();
        let mut wanted = format!(r#"{{"{table}":[{}]}}"#, deletes.join(","));
        let mut patience = self.client.patience();
        loop {
            let body = format!(r#"{{"RequestItems":{wanted}}}"#);
            let answer = self
                .client
                .ask("BatchWriteItem", &body, &mut patience)
                .await;
            let answer = answer.map_err(|failure| self.client.error(failure))?;
            let left = &answer["UnprocessedItems"];
            if left.as_object().is_none_or(serde_json::Map::is_empty) {
                return Ok(());
            }
            wanted = left.to_string();
            if !patience.pause().await {
                return Err(self.client.busy());
            }
        }
    }
}

//! What was declared when an experiment began to be counted.

use ::redis::{Value, cmd, from_redis_value};

use super::RedisStore;
use super::keyspace::Namespace;
use crate::domain::Name;
use crate::store::StoreError;

impl RedisStore {
    /// One round trip.
    pub(super) async fn keep(
        &self,
        namespace: &Name,
        experiment: &Name,
        copy: &str,
        replace: bool,
    ) -> Result<String, StoreError> {
        let key = self.copy_key(namespace, experiment);
        let mut set = cmd("SET");
        set.arg(&key).arg(copy);
        if !replace {
            set.arg("NX");
        }
        let answers: Vec<Value> = self.ask(vec![set, cmd("GET").arg(&key).take()]).await?;
        let kept = answers.into_iter().nth(1).map(from_redis_value);
        match kept {
            Some(Ok(Some(kept))) => Ok(kept),
            // Deleted just now.
            _ => Ok(copy.to_owned()),
        }
    }

    /// One round trip.
    pub(super) async fn kept(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let questions = experiments.iter().map(|experiment| {
            let key = self.copy_key(namespace, experiment);
            cmd("GET").arg(key).take()
        });
        self.ask(questions.collect()).await
    }

    fn copy_key(&self, namespace: &Name, experiment: &Name) -> String {
        let namespace = Namespace::new(namespace, self.cluster);
        namespace.experiment(experiment).copy().concat()
    }
}

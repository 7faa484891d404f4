//! Reading: one Query an experiment.

use std::collections::HashMap;

use serde_json::Value;

use super::items::{self, Key};
use super::register::Experiment;
use super::request::{self, quoted};
use super::{DynamoDbStore, at_once};
use crate::domain::{Count, Day, DayCount, DaySums, EventKind, ExperimentCounts, Name, Sums};
use crate::store::StoreError;

/// How many experiments are read at once.
const AT_ONCE: usize = 32;

/// How many items one request reads by their keys.
const MOST_KEYS: usize = 100;

/// All that the table has of an experiment.
#[derive(Default)]
pub(super) struct Contents {
    pub experiment: Experiment,
    pub counters: Vec<Counted>,
    /// The items of counters that are deleted.
    pub left: Vec<Key>,
}

/// A counter, and what it counted.
pub(super) struct Counted {
    pub key: Key,
    pub id: u64,
    pub kind: EventKind,
    pub variant: Name,
    /// In any order; a day may come several times.
    days: Vec<OfDay>,
}

struct OfDay {
    day: Day,
    count: u64,
    /// Where a conversion had a value.
    sums: Option<Sums>,
}

impl Contents {
    fn read(found: &[Value]) -> Self {
        let mut contents = Self::default();
        let mut places: HashMap<u64, usize> = HashMap::new();
        let keyed = || found.iter().filter_map(|item| Some((Key::of(item)?, item)));
        for (key, item) in keyed() {
            if key.sk == "x" {
                contents.experiment = Experiment::read(item);
            } else if let (Some(id), Some((kind, variant))) =
                (items::number(item, "id"), items::names(item))
            {
                places.insert(id, contents.counters.len());
                contents.counters.push(Counted {
                    key,
                    id,
                    kind,
                    variant,
                    days: Vec::new(),
                });
            }
        }
        for (key, item) in keyed() {
            let Some((id, month)) = items::counted(&key.sk) else {
                continue;
            };
            match places.get(&id) {
                Some(place) => contents.counters[*place].add(month, item),
                None => contents.left.push(key),
            }
        }
        contents
    }
}

impl Counted {
    /// Adds what one item counted.
    fn add(&mut self, month: Day, item: &Value) {
        for (name, value) in item.as_object().into_iter().flatten() {
            let digits = name.trim_end_matches(['s', 'q']);
            let Ok(day) = digits.parse() else {
                continue;
            };
            let of_day = self.of(Day { day, ..month });
            match &name[digits.len()..] {
                "" => of_day.count += items::read_number::<u64>(value).unwrap_or(0),
                part => {
                    let number = items::read_number::<u128>(value).unwrap_or(0);
                    let sums = of_day.sums.get_or_insert_default();
                    match part {
                        "s" => sums.sum += number,
                        _ => sums.squares += number,
                    }
                }
            }
        }
    }

    /// Other items may have counted on the same day.
    fn of(&mut self, day: Day) -> &mut OfDay {
        let place = self.days.iter().position(|of_day| of_day.day == day);
        let place = place.unwrap_or_else(|| {
            self.days.push(OfDay {
                day,
                count: 0,
                sums: None,
            });
            self.days.len() - 1
        });
        &mut self.days[place]
    }
}

impl DynamoDbStore {
    /// The counts of the experiments in `scope`, or of all in natural order.
    pub(super) async fn read_counts(
        &self,
        namespace: &Name,
        scope: Option<&[Name]>,
    ) -> Result<Vec<ExperimentCounts>, StoreError> {
        let experiments = match scope {
            Some(scope) => scope.to_vec(),
            None => self.experiments(namespace).await?,
        };
        let contents = self.read_all(namespace, &experiments).await?;
        Ok((experiments.into_iter().zip(contents))
            .filter(|(_, contents)| scope.is_some() || !contents.counters.is_empty())
            .map(|(experiment, contents)| {
                let counts = contents.counters.into_iter().map(|counter| Count {
                    count: counter.days.iter().map(|day| day.count).sum(),
                    kind: counter.kind,
                    variant: counter.variant,
                });
                ExperimentCounts::new(experiment, counts)
            })
            .collect())
    }

    pub(super) async fn read_days(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DayCount>>, StoreError> {
        let contents = self.read_all(namespace, experiments).await?;
        Ok((contents.iter())
            .map(|contents| {
                let mut days: Vec<DayCount> = (contents.counters.iter())
                    .flat_map(|counter| {
                        counter.days.iter().map(|of_day| DayCount {
                            day: of_day.day,
                            kind: counter.kind.clone(),
                            variant: counter.variant.clone(),
                            count: of_day.count,
                        })
                    })
                    .collect();
                DayCount::sort(&mut days);
                days
            })
            .collect())
    }

    pub(super) async fn read_sums(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DaySums>>, StoreError> {
        let contents = self.read_all(namespace, experiments).await?;
        Ok((contents.iter())
            .map(|contents| {
                let mut sums: Vec<DaySums> = (contents.counters.iter())
                    .flat_map(|counter| {
                        let goal = counter.kind.goal();
                        counter.days.iter().filter_map(move |of_day| {
                            Some(DaySums {
                                day: of_day.day,
                                goal: goal?.clone(),
                                variant: counter.variant.clone(),
                                sums: of_day.sums?,
                            })
                        })
                    })
                    .collect();
                DaySums::sort(&mut sums);
                sums
            })
            .collect())
    }

    async fn read_all(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Contents>, StoreError> {
        let reads = experiments
            .iter()
            .map(|experiment| self.contents(namespace, experiment));
        at_once(AT_ONCE, reads.collect()).await
    }

    /// All of one experiment.
    pub(super) async fn contents(
        &self,
        namespace: &Name,
        experiment: &Name,
    ) -> Result<Contents, StoreError> {
        let partition = items::partition(namespace, experiment);
        Ok(Contents::read(&self.query(&partition, "").await?))
    }

    /// The experiments of a namespace, in natural order.
    async fn experiments(&self, namespace: &Name) -> Result<Vec<Name>, StoreError> {
        let entries = self.query(&items::listing(namespace), "e:").await?;
        let mut names: Vec<Name> = (entries.iter())
            .filter_map(|entry| items::text(entry, "experiment"))
            .map(|name| Name::stored(name.to_owned()))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The items of a partition whose `sk` begins so.
    pub(super) async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Value>, StoreError> {
        let table = &self.client.table;
        let (condition, prefix) = match prefix {
            "" => ("pk = :pk", String::new()),
            _ => (
                "pk = :pk AND begins_with(sk, :prefix)",
                format!(r#",":prefix":{{"S":{}}}"#, quoted(prefix)),
            ),
        };
        let query = format!(
            r#"{{"TableName":"{table}","ConsistentRead":true,"KeyConditionExpression":"{condition}","ExpressionAttributeValues":{{":pk":{{"S":{}}}{prefix}}}"#,
            quoted(pk)
        );
        let mut from = String::new();
        let mut all = Vec::new();
        loop {
            let mut patience = self.client.patience();
            let body = format!("{query}{from}}}");
            let page = self.client.ask("Query", &body, &mut patience).await;
            let mut page = page.map_err(|failure| self.client.error(failure))?;
            let Value::Array(items) = page["Items"].take() else {
                return Err(self.client.odd_answer());
            };
            all.extend(items);
            match &page["LastEvaluatedKey"] {
                Value::Null => return Ok(all),
                last => from = format!(r#","ExclusiveStartKey":{last}"#),
            }
        }
    }

    /// One item, as it is now.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        let (table, key) = (&self.client.table, request::key(key));
        let body = format!(r#"{{"TableName":"{table}","Key":{key},"ConsistentRead":true}}"#);
        let mut patience = self.client.patience();
        let answer = self.client.ask("GetItem", &body, &mut patience).await;
        let mut answer = answer.map_err(|failure| self.client.error(failure))?;
        Ok(Some(answer["Item"].take()).filter(Value::is_object))
    }

    /// These items, as they are now, in any order.
    pub(super) async fn get_all(&self, keys: &[Key]) -> Result<Vec<Value>, StoreError> {
        let mut all = Vec::new();
        for some in keys.chunks(MOST_KEYS) {
            let keys: Vec<String> = some.iter().map(request::key).collect();
            let keys = keys.join(",");
            let table = &self.client.table;
            let mut wanted = format!(r#"{{"{table}":{{"Keys":[{keys}],"ConsistentRead":true}}}}"#);
            let mut patience = self.client.patience();
            loop {
                let body = format!(r#"{{"RequestItems":{wanted}}}"#);
                let answer = self.client.ask("BatchGetItem", &body, &mut patience).await;
                let mut answer = answer.map_err(|failure| self.client.error(failure))?;
                if let Value::Array(items) = answer["Responses"][table].take() {
                    all.extend(items);
                }
                // What there was no time for.
                let left = &answer["UnprocessedKeys"];
                if left.as_object().is_none_or(serde_json::Map::is_empty) {
                    break;
                }
                wanted = left.to_string();
                if !patience.pause().await {
                    return Err(self.client.busy());
                }
            }
        }
        Ok(all)
    }
}

//! Counting events.

use futures_util::future::join;

use super::failure::{Failure, Reason};
use super::items::{self, Key, TTL};
use super::patience::Patience;
use super::register::{Experiment, first_of_each};
use super::request::{Action, Item};
use super::{DynamoDbStore, at_once};
use crate::domain::{Event, Limit, Outcome, Timestamp};
use crate::store::StoreError;

/// How many events of one call are written at once.
const AT_ONCE: usize = 8;

/// What became of one attempt to count.
enum Attempt {
    Done(Outcome),
    /// The item on which it would count is not there.
    NoItem,
    /// The counter is deleted.
    Deleted,
    /// Others count on the same item.
    Conflict,
    /// The table has too much to do, or the same event comes twice at once.
    Busy,
}

/// Where an event is counted.
struct Target {
    id: u64,
    counts: Key,
    now: Timestamp,
}

impl DynamoDbStore {
    /// Counts the events: one request each, but for counters that this instance does not know yet.
    pub(super) async fn count(&self, events: &[Event]) -> Result<Vec<Outcome>, StoreError> {
        let mut patience = self.client.patience();
        let unknown = first_of_each(
            (events.iter()).filter(|event| self.known.find(&event.counter).is_none()),
        );
        let mut refused: Vec<(&Event, Limit)> = Vec::new();
        if !unknown.is_empty() {
            let found = self.find(&unknown, &mut patience).await?;
            for (event, found) in unknown.into_iter().zip(found) {
                refused.extend(found.err().map(|limit| (event, limit)));
            }
        }
        // An event that comes twice in one call is a duplicate the second time.
        let mut once: Vec<&Event> = Vec::new();
        let mut places = Vec::with_capacity(events.len());
        for event in events {
            let same = |other: &&Event| other.key == event.key && other.counter == event.counter;
            let place = once.iter().position(same);
            places.push((place.unwrap_or(once.len()), place.is_none()));
            if place.is_none() {
                once.push(event);
            }
        }
        let counts = once.into_iter().map(|event| {
            let limit = refused
                .iter()
                .find(|(other, _)| other.counter == event.counter);
            self.count_or_refuse(event, limit.map(|(_, limit)| *limit), patience.fork())
        });
        let outcomes = at_once(AT_ONCE, counts.collect()).await?;
        Ok((places.into_iter())
            .map(|(place, is_first)| match outcomes[place] {
                Outcome::Counted if !is_first => Outcome::Duplicate,
                outcome => outcome,
            })
            .collect())
    }

    async fn count_or_refuse(
        &self,
        event: &Event,
        limit: Option<Limit>,
        patience: Patience,
    ) -> Result<Outcome, StoreError> {
        match limit {
            Some(limit) => Ok(Outcome::Refused(limit)),
            None => self.count_one(event, patience).await,
        }
    }

    async fn count_one(
        &self,
        event: &Event,
        mut patience: Patience,
    ) -> Result<Outcome, StoreError> {
        let counter = &event.counter;
        loop {
            let Some((id, shard)) = self.known.find(counter) else {
                if let [Err(limit)] = self.find(&[event], &mut patience).await?[..] {
                    return Ok(Outcome::Refused(limit));
                }
                continue;
            };
            let is_due = self.known.is_due(counter);
            let count = self.count_under(event, id, shard, &mut patience);
            let attempt = match is_due {
                false => count.await?,
                true => {
                    let (attempt, is_current) = join(count, self.is_current(event)).await;
                    // What was counted meanwhile was counted under what is deleted.
                    if !is_current {
                        continue;
                    }
                    attempt?
                }
            };
            match attempt {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Deleted => {
                    let partition = items::partition(&counter.namespace, &counter.experiment);
                    self.known.forget(&partition);
                }
                Attempt::Conflict => self.known.spread(counter),
                Attempt::NoItem | Attempt::Busy => {}
            }
            if !patience.pause().await {
                return Err(self.client.error(Failure::Condition));
            }
        }
    }

    /// Counts on the item of these days, and makes it where it is not there.
    async fn count_under(
        &self,
        event: &Event,
        id: u64,
        shard: u64,
        patience: &mut Patience,
    ) -> Result<Attempt, StoreError> {
        let counter = &event.counter;
        let now = (self.clock)();
        let partition = items::partition(&counter.namespace, &counter.experiment);
        let period = items::period(now.day(), event.value.is_some());
        let counts = items::counts(&partition, id, &period, shard);
        let target = Target { id, counts, now };
        match self.attempt(event, &target, false, patience).await? {
            Attempt::NoItem => self.attempt(event, &target, true, patience).await,
            attempt => Ok(attempt),
        }
    }

    /// One transaction: counts, unless the idempotency key is remembered.
    async fn attempt(
        &self,
        event: &Event,
        target: &Target,
        makes_item: bool,
        patience: &mut Patience,
    ) -> Result<Attempt, StoreError> {
        let body = self.event(event, target, makes_item);
        patience.unclear = false;
        loop {
            let answer = self.client.ask("TransactWriteItems", &body, patience).await;
            let reasons = match answer {
                Ok(_) => return Ok(Attempt::Done(Outcome::Counted)),
                Err(Failure::Canceled(reasons)) => reasons,
                Err(failure) => return Err(self.client.error(failure)),
            };
            let is = |place: usize, reason| reasons.get(place) == Some(&reason);
            return Ok(if makes_item && is(2, Reason::Condition) {
                Attempt::Deleted
            } else if is(0, Reason::Condition) {
                Attempt::NoItem
            } else if is(1, Reason::Condition) {
                Attempt::Done(Outcome::Duplicate)
            } else if patience.unclear && patience.pause().await {
                // An attempt before may have counted: only with the same token does the next one say so.
                continue;
            } else if is(0, Reason::Conflict) {
                Attempt::Conflict
            } else {
                Attempt::Busy
            });
        }
    }

    /// Two items of less than 1 KB, so four write units; and a look at the counter where the first is to be made.
    fn event(&self, event: &Event, target: &Target, makes_item: bool) -> String {
        let day = target.now.day().day;
        let expression = match event.value {
            None => "ADD #d :one",
            Some(_) => "ADD #d :one, #s :s, #q :q",
        };
        let mut count = Action::update(&target.counts, expression)
            .name("d", &day.to_string())
            .number("one", &1);
        if let Some(value) = event.value {
            let square = u128::from(value.units()).pow(2);
            count = (count.name("s", &format!("{day}s")))
                .name("q", &format!("{day}q"))
                .number("s", &value.units())
                .number("q", &square);
        }
        if !makes_item {
            count = count.when("attribute_exists(pk)");
        }

        let mut item = Item::new(&items::remembered(&target.counts.pk, target.id, &event.key));
        let window = (self.counting.window).filter(|_| !event.configured.forever);
        if let Some(window) = window {
            let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
            let until = target.now.0.saturating_add(window);
            let until = until.div_euclid(1000) + i64::from(until.rem_euclid(1000) > 0);
            item = item.number(TTL, &until);
        }
        // What has expired may be there for days.
        let remember = Action::put(item)
            .when("attribute_not_exists(pk) OR #ttl <= :now")
            .name("ttl", TTL)
            .number("now", &target.now.0.div_euclid(1000));
        let mut actions = vec![count, remember];
        if makes_item {
            let check = Action::check(&items::counter(&event.counter)).when("#id = :id");
            actions.push(check.name("id", "id").number("id", &target.id));
        }
        self.transaction(&actions)
    }

    /// Whether no counter of the experiment was deleted since the last look. Where the table does not answer, none was.
    async fn is_current(&self, event: &Event) -> bool {
        let counter = &event.counter;
        let key = items::experiment(&counter.namespace, &counter.experiment);
        match self.get(&key).await {
            Ok(item) => {
                let experiment = item.as_ref().map(Experiment::read).unwrap_or_default();
                self.known.looked(counter, experiment.deleted)
            }
            Err(_) => true,
        }
    }
}

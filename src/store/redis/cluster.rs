//! The nodes of a Redis Cluster, and which of them has a key.
//!
//! Each node has a connection of its own, and its commands go in one pipeline: so a node that is away or
//! silent keeps nobody waiting who asks the others. Who has which slot is learned from any node that answers
//! `CLUSTER SLOTS`, beginning with those of the settings, and from the redirections of the nodes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::{
    Arg, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value, cmd, pipe,
};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::node::{Node, is_broken};
use super::slots::{Address, Slots, slot};
use crate::store::{RedisSettings, StoreError};

/// How often a command is sent anew: after redirections, and when a slot is about to move.
const MAX_ROUNDS: u32 = 6;

/// Before the first of the rounds for which a node asks to wait.
const PAUSE: Duration = Duration::from_millis(20);

/// The least time between two looks at the slots.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// The nodes, as far as they are known.
pub(super) struct Cluster {
    settings: RedisSettings,
    state: Mutex<State>,
    /// Held while asking for the slots.
    looking: AsyncMutex<()>,
}

#[derive(Default)]
struct State {
    slots: Slots,
    looked: Option<Instant>,
    nodes: HashMap<Address, Arc<Node>>,
}

/// A command on its way.
struct Open {
    /// Its place among the commands.
    position: usize,
    slot: u16,
    /// Where a node said that it belongs, and whether that one has to be asked to take it early (`ASK`).
    redirected: Option<(Address, bool)>,
    /// The host of the node that was asked the last time.
    asked: String,
    /// What kept it from being answered so far.
    trouble: Option<RedisError>,
}

impl Cluster {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        let cluster = Self {
            settings: settings.clone(),
            state: Mutex::default(),
            looking: AsyncMutex::new(()),
        };
        if settings.seeds().is_empty() {
            let reason = format!("{settings}: a cluster needs a host and port");
            return Err(StoreError::Failed(reason));
        }
        // Certificates that cannot be read are told of now.
        for seed in settings.seeds() {
            cluster.node(&seed)?;
        }
        Ok(cluster)
    }

    /// Sends each command to the node of its keys, all that go to one in one pipeline, until the deadline.
    pub(super) async fn answers(
        &self,
        commands: &Pipeline,
        deadline: Instant,
    ) -> Vec<RedisResult<Value>> {
        let commands: Vec<&Cmd> = commands.cmd_iter().collect();
        let mut answers: Vec<Option<RedisResult<Value>>> = commands.iter().map(|_| None).collect();
        let mut open: Vec<Open> = (commands.iter().enumerate())
            .map(|(position, command)| Open {
                position,
                slot: key(command).map_or(0, slot),
                redirected: None,
                asked: String::new(),
                trouble: None,
            })
            .collect();
        let mut look = self.state().slots.is_empty();
        for round in 0..MAX_ROUNDS {
            if look && let Err(error) = self.look(deadline).await {
                for Open {
                    position, trouble, ..
                } in std::mem::take(&mut open)
                {
                    answers[position] = Some(Err(trouble.unwrap_or_else(|| error.clone())));
                }
            }
            let results = self
                .round(&commands, std::mem::take(&mut open), deadline)
                .await;
            let mut wait = false;
            for (mut command, answer) in results {
                let Err(error) = answer else {
                    answers[command.position] = Some(answer);
                    continue;
                };
                let fate = Fate::of(&error, &command.asked);
                // A node that does not answer is asked again only if another has its slots by then.
                let given_up = matches!(fate, Fate::Away) && command.trouble.is_some()
                    || matches!(fate, Fate::Final)
                    || round + 1 == MAX_ROUNDS;
                if given_up {
                    answers[command.position] = Some(Err(error));
                    continue;
                }
                look |= matches!(fate, Fate::Away | Fate::Moved(_));
                wait |= matches!(fate, Fate::Later);
                command.redirected = match fate {
                    Fate::Moved(to) => {
                        self.state().slots.set(command.slot, to.clone());
                        Some((to, false))
                    }
                    Fate::Ask(to) => Some((to, true)),
                    _ => None,
                };
                command.trouble = Some(error);
                open.push(command);
            }
            if open.is_empty() {
                break;
            }
            if wait {
                sleep_until(deadline.min(Instant::now() + PAUSE * 2u32.pow(round))).await;
            }
        }
        let lost = || no_node("no node of the cluster answered");
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| Err(lost())))
            .collect()
    }

    /// Sends each once.
    async fn round(
        &self,
        commands: &[&Cmd],
        open: Vec<Open>,
        deadline: Instant,
    ) -> Vec<(Open, RedisResult<Value>)> {
        let mut results = Vec::with_capacity(open.len());
        let mut groups: BTreeMap<(Address, bool), Vec<Open>> = BTreeMap::new();
        for mut command in open {
            let owner = self.state().slots.owner(command.slot).cloned();
            match command
                .redirected
                .clone()
                .or(owner.map(|owner| (owner, false)))
            {
                Some(target) => {
                    command.asked.clone_from(&target.0.0);
                    groups.entry(target).or_default().push(command);
                }
                None => {
                    results.push((command, Err(no_node("no node serves the slot of this key"))))
                }
            }
        }
        let sent = groups.into_iter().map(async |((address, asking), group)| {
            let mut pipeline = pipe();
            pipeline.ignore_errors();
            for command in &group {
                if asking {
                    pipeline.cmd("ASKING");
                }
                pipeline.add_command(commands[command.position].clone());
            }
            let answers = match self.node(&address) {
                Ok(node) => match timeout_at(deadline, node.answers(&pipeline)).await {
                    Ok(answers) => answers,
                    Err(_) => Err(silent()),
                },
                Err(error) => Err(no_node(&error.to_string())),
            };
            match answers {
                Ok(answers) => {
                    let answers = answers.into_iter().skip(asking.into());
                    let answers = answers.step_by(if asking { 2 } else { 1 });
                    group.into_iter().zip(answers).collect::<Vec<_>>()
                }
                Err(error) => (group.into_iter())
                    .map(|command| (command, Err(error.clone())))
                    .collect(),
            }
        });
        results.extend(join_all(sent).await.into_iter().flatten());
        results
    }

    /// Asks who has which slot: all nodes that are known, and the first that answers is believed. Not more
    /// often than makes sense.
    async fn look(&self, deadline: Instant) -> RedisResult<()> {
        let begin = Instant::now();
        let Ok(_one_at_a_time) = timeout_at(deadline, self.looking.lock()).await else {
            return Err(silent());
        };
        let known: Vec<Address> = {
            let state = self.state();
            let recent = |looked: Instant| looked >= begin || looked.elapsed() < LOOK_PAUSE;
            if state.looked.is_some_and(recent) && !state.slots.is_empty() {
                return Ok(());
            }
            let seeds = self.settings.seeds().into_iter();
            let mut known: Vec<Address> = seeds.chain(state.slots.owners()).collect();
            known.sort_unstable();
            known.dedup();
            known
        };
        let mut question = pipe();
        question.add_command(cmd("CLUSTER").arg("SLOTS").take());
        question.ignore_errors();
        let question = &question;
        let mut asked: FuturesUnordered<_> = (known.into_iter())
            .map(|address| async move {
                let node = self
                    .node(&address)
                    .map_err(|error| no_node(&error.to_string()))?;
                let answers = timeout_at(deadline, node.answers(question)).await;
                let answer = answers.unwrap_or_else(|_| Err(silent()))?;
                let answer = answer.into_iter().next().unwrap_or_else(|| Err(silent()))?;
                Slots::parse(&answer, &address.0)
                    .filter(|slots| !slots.is_empty())
                    .ok_or_else(|| no_node("a node did not list its slots"))
            })
            .collect();
        let mut failure = silent();
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(slots) => {
                    let mut state = self.state();
                    let owners: Vec<Address> = slots.owners().collect();
                    let seeds = self.settings.seeds();
                    (state.nodes)
                        .retain(|address, _| owners.contains(address) || seeds.contains(address));
                    state.slots = slots;
                    state.looked = Some(Instant::now());
                    return Ok(());
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The nodes that have slots, each with one of them; and how many slots no node has.
    pub(super) async fn owners(
        &self,
        deadline: Instant,
    ) -> RedisResult<(Vec<(Arc<Node>, u16)>, usize)> {
        self.look(deadline).await?;
        let slots = self.state().slots.clone();
        let nodes = (slots.owners())
            .filter_map(|address| Some((self.node(&address).ok()?, slots.first_of(&address)?)))
            .collect();
        Ok((nodes, slots.unowned()))
    }

    /// The nodes of the settings.
    #[cfg(feature = "cli")]
    pub(super) fn seeds(&self) -> Vec<Arc<Node>> {
        let seeds = self.settings.seeds();
        seeds
            .iter()
            .filter_map(|seed| self.node(seed).ok())
            .collect()
    }

    fn node(&self, address: &Address) -> Result<Arc<Node>, StoreError> {
        if let Some(node) = self.state().nodes.get(address) {
            return Ok(node.clone());
        }
        let node = Arc::new(Node::new(&self.settings.at(address))?);
        let mut state = self.state();
        Ok(state.nodes.entry(address.clone()).or_insert(node).clone())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an error means for the command.
enum Fate {
    Moved(Address),
    Ask(Address),
    /// The slot is on its way, or the node not ready yet.
    Later,
    /// The node does not answer, or is the primary no more.
    Away,
    Final,
}

impl Fate {
    /// By the error of a node at this host, which an address without one means.
    fn of(error: &RedisError, host: &str) -> Self {
        let to = || {
            let (address, _) = error.redirect_node()?;
            let (name, port) = address.rsplit_once(':')?;
            let host = if name.is_empty() { host } else { name };
            Some((host.to_owned(), port.parse().ok()?))
        };
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => to().map_or(Self::Away, Self::Moved),
            ErrorKind::Server(ServerErrorKind::Ask) => to().map_or(Self::Away, Self::Ask),
            ErrorKind::Server(
                ServerErrorKind::TryAgain
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown,
            ) => Self::Later,
            _ if is_broken(error) => Self::Away,
            _ => Self::Final,
        }
    }
}

fn no_node(what: &str) -> RedisError {
    (
        ErrorKind::ClusterConnectionNotFound,
        "no answer",
        what.to_owned(),
    )
        .into()
}

fn silent() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// The first key of a command; all its keys are in one slot.
fn key(command: &Cmd) -> Option<&[u8]> {
    let mut arguments = command.args_iter().filter_map(|argument| match argument {
        Arg::Simple(argument) => Some(argument),
        _ => None,
    });
    match arguments.next() {
        // A script, the number of keys, the keys.
        Some(b"EVAL" | b"EVALSHA") => arguments.nth(2),
        _ => arguments.next(),
    }
}

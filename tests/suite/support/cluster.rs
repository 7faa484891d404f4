//! A Redis Cluster of the test's own.

use std::time::Duration;

use lamed::store::{RedisSettings, RedisStore};
use tokio::time::sleep;

use super::{Clock, Redis, free_port};

const SLOTS: usize = 16_384;
/// Three nodes without replicas, each with a third of the slots, that keep each write.
pub struct Cluster(pub Vec<Redis>);

impl Cluster {
    pub async fn start() -> Self {
        let nodes: Vec<Redis> = (0..3).map(|_| node()).collect();
        let third = SLOTS / 3 + 1;
        for (number, node) in nodes.iter().enumerate() {
            let slots = (number * third, SLOTS.min((number + 1) * third) - 1);
            cluster(
                node,
                &["ADDSLOTSRANGE", &slots.0.to_string(), &slots.1.to_string()],
            );
            let epoch = (number + 1).to_string();
            cluster(node, &["SET-CONFIG-EPOCH", &epoch]);
            meet(node, &nodes[0]);
        }
        let started = Self(nodes);
        started.agree().await;
        started
    }

    /// Waits until all nodes know all slots.
    async fn agree(&self) {
        for node in &self.0 {
            loop {
                let info: String = ask(node, &["INFO"]);
                let assigned = format!("cluster_slots_ok:{SLOTS}\r\n");
                if info.contains("cluster_state:ok") && info.contains(&assigned) {
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    pub fn settings(&self) -> RedisSettings {
        let mut settings = RedisSettings::from_url(&self.0[0].url()).unwrap();
        settings.cluster = true;
        settings
    }

    pub fn store(&self) -> RedisStore {
        RedisStore::new(&self.settings()).unwrap()
    }

    /// The slot of an experiment of the default namespace.
    pub fn slot(&self, experiment: &str) -> u16 {
        let key = format!("alephbet:windows:{{{experiment}}}:until");
        ask(&self.0[0], &["KEYSLOT", &key])
    }

    /// The node that has the slot.
    pub fn owner(&self, slot: u16) -> usize {
        let owned = |node: &Redis| {
            let nodes: String = ask(node, &["NODES"]);
            let me = nodes.lines().find(|line| line.contains("myself")).unwrap();
            (me.split(' ').skip(8)).any(|range| {
                let mut ends = range.split('-').map(str::parse::<u16>);
                let Some(Ok(first)) = ends.next() else {
                    return false;
                };
                let last = ends.next().map_or(first, Result::unwrap);
                (first..=last).contains(&slot)
            })
        };
        self.0.iter().position(owned).unwrap()
    }

    /// Gives a node a replica, and waits until it has all that the node has.
    pub async fn add_replica(&mut self, of: usize) -> usize {
        let replica = node();
        let id: String = ask(&self.0[of], &["MYID"]);
        meet(&replica, &self.0[of]);
        while !ask::<String>(&replica, &["NODES"]).contains(&id) {
            sleep(Duration::from_millis(20)).await;
        }
        cluster(&replica, &["REPLICATE", &id]);
        let info = || -> String {
            let mut info = redis::cmd("INFO");
            info.arg("replication")
                .query(&mut replica.connection())
                .unwrap()
        };
        while !info().contains("master_link_status:up") {
            sleep(Duration::from_millis(20)).await;
        }
        self.0.push(replica);
        self.0.len() - 1
    }

    /// Makes the replica the primary, without loss.
    pub async fn fail_over_to(&self, replica: usize) {
        // Refused until its node knows of it.
        while redis::cmd("CLUSTER")
            .arg("FAILOVER")
            .exec(&mut self.0[replica].connection())
            .is_err()
        {
            sleep(Duration::from_millis(20)).await;
        }
        while !ask::<String>(&self.0[replica], &["NODES"]).contains("myself,master") {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Moves a slot and its keys to the next node, as `redis-cli --cluster reshard` does.
    pub async fn move_slot(&self, slot: u16) {
        let from = self.owner(slot);
        let to = (from + 1) % 3;
        let id = |node: usize| ask::<String>(&self.0[node], &["MYID"]);
        let (slot, from_id, to_id) = (slot.to_string(), id(from), id(to));
        cluster(&self.0[to], &["SETSLOT", &slot, "IMPORTING", &from_id]);
        cluster(&self.0[from], &["SETSLOT", &slot, "MIGRATING", &to_id]);
        // Long enough for events to come in between.
        sleep(Duration::from_millis(50)).await;
        loop {
            let keys: Vec<String> = ask(&self.0[from], &["GETKEYSINSLOT", &slot, "10"]);
            if keys.is_empty() {
                break;
            }
            let mut migrate = redis::cmd("MIGRATE");
            (migrate
                .arg("127.0.0.1")
                .arg(self.0[to].port)
                .arg("")
                .arg(0)
                .arg(5000))
            .arg("KEYS")
            .arg(keys);
            migrate.exec(&mut self.0[from].connection()).unwrap();
        }
        for node in [to, from, (to + 1) % 3] {
            cluster(&self.0[node], &["SETSLOT", &slot, "NODE", &to_id]);
        }
        assert_eq!(self.owner(slot.parse().unwrap()), to);
    }
}

/// A cluster of one node that goes by the clock.
pub async fn cluster_of_one(clock: &Clock) -> Redis {
    one_node(clock, &[]).await
}

/// The same, where clients are sent to another port.
pub async fn cluster_behind(port: u16, clock: &Clock) -> Redis {
    one_node(clock, &["--cluster-announce-port", &port.to_string()]).await
}

async fn one_node(clock: &Clock, arguments: &[&str]) -> Redis {
    let bus = free_port().to_string();
    let enabled = ["--cluster-enabled", "yes", "--cluster-port", &bus];
    let redis = Redis::start_by(clock, &[&enabled, arguments].concat());
    cluster(&redis, &["ADDSLOTSRANGE", "0", "16383"]);
    let now = clock.now();
    while !ask::<String>(&redis, &["INFO"]).contains("cluster_state:ok") {
        // It takes no writes in its first two seconds.
        clock.advance(1_000);
        sleep(Duration::from_millis(20)).await;
    }
    clock.advance(now - clock.now());
    redis
}

fn node() -> Redis {
    Redis::start(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &free_port().to_string(),
        "--cluster-node-timeout",
        "1000",
        "--cluster-require-full-coverage",
        "no",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
    ])
}

fn meet(node: &Redis, other: &Redis) {
    let bus: Vec<String> = redis::cmd("CONFIG")
        .arg(&["GET", "cluster-port"])
        .query(&mut other.connection())
        .unwrap();
    cluster(
        node,
        &["MEET", "127.0.0.1", &other.port.to_string(), &bus[1]],
    );
}

fn ask<T: redis::FromRedisValue>(node: &Redis, words: &[&str]) -> T {
    redis::cmd("CLUSTER")
        .arg(words)
        .query(&mut node.connection())
        .unwrap()
}

fn cluster(node: &Redis, words: &[&str]) {
    ask::<()>(node, words);
}

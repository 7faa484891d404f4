//! What is to be said of the Redis.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::address::Reach;
use super::check::Check;
use super::quoted;
use super::trouble::{Origin, Trouble, ask};
use crate::domain::Name;
use crate::store::{
    Durability, Facts, Fsync, Health, Info, RedisSettings, RedisStore, Server, Store,
};

/// What was found out about it.
pub(super) struct RedisAnswers {
    /// `None` for a socket.
    reach: Option<Reach>,
    facts: Result<Facts, Trouble>,
    /// `None` where it does not answer.
    health: Option<Health>,
}

/// Asks the Redis, and looks its name up: no longer than the timeout of the settings.
pub(super) async fn look(settings: &RedisSettings, namespace: &Name) -> RedisAnswers {
    let health = async {
        let store = RedisStore::new(settings).ok()?;
        store.health(namespace).await.ok()
    };
    let reach = reach(&settings.server, settings.timeout);
    let (facts, reach, health) = tokio::join!(ask(settings), reach, health);
    RedisAnswers {
        reach,
        facts,
        health,
    }
}

/// Whether lamed can count in it: what it answers.
///
/// # Errors
/// What is wrong and what to do, in a line.
pub async fn try_out(settings: &RedisSettings, origin: Origin) -> Result<String, String> {
    let facts = ask(settings)
        .await
        .map_err(|trouble| format!("{}: {}", trouble.found(settings), trouble.remedy(origin)))?;
    let role = facts.info.as_ref().ok().map(|info| role(settings, info));
    match role.and_then(|check| Some((check.found, check.remedy?))) {
        Some((found, remedy)) => Err(format!("{found}: {remedy}")),
        None => Ok(round_trip(settings, &facts)),
    }
}

/// `None` for a socket.
async fn reach(server: &Server, limit: Duration) -> Option<Reach> {
    let Server::Tcp { host, port, .. } = server else {
        return None;
    };
    if let Some(reach) = Reach::of(host) {
        return Some(reach);
    }
    let found = timeout(limit, tokio::net::lookup_host((host.as_str(), *port))).await;
    let found = found.ok().and_then(Result::ok).into_iter().flatten();
    let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    Some(Reach::of_addresses(&addresses))
}

/// What it means for a deployment, whose functions are in a VPC or not.
///
/// `is_here` says that what stands for AWS is on this machine, too.
pub(super) fn checks(
    settings: &RedisSettings,
    found: &RedisAnswers,
    in_vpc: bool,
    is_here: bool,
) -> Vec<Check> {
    let mut checks = vec![
        answers(settings, found, in_vpc),
        address(settings, found.reach, in_vpc, is_here),
    ];
    checks.extend(tls(settings, found.reach));
    match &found.facts {
        Err(trouble @ Trouble::Refused(_)) => {
            let remedy = trouble.remedy(Origin::Config);
            checks.push(Check::failed("redis auth", trouble.found(settings), remedy));
        }
        Err(_) => {}
        Ok(facts) => {
            checks.push(auth(settings, found.reach));
            match &facts.info {
                Ok(info) => checks.extend([version(info), eviction(info), role(settings, info), persistence(info)]),
                Err(reason) => checks.push(Check::warning(
                    "redis version",
                    format!("unknown: {reason}"),
                    "allow `INFO` for the user: lamed then checks version, eviction, role and persistence",
                )),
            }
            checks.extend(found.health.iter().flat_map(health));
        }
    }
    checks
}

fn round_trip(settings: &RedisSettings, facts: &Facts) -> String {
    let milliseconds = facts.round_trip.as_secs_f64() * 1000.0;
    format!("{settings} answers in {milliseconds:.1} ms")
}

fn answers(settings: &RedisSettings, found: &RedisAnswers, in_vpc: bool) -> Check {
    const CHECK: &str = "redis";
    match &found.facts {
        Ok(facts) => Check::ok(CHECK, round_trip(settings, facts)),
        Err(Trouble::Refused(_)) => Check::ok(CHECK, format!("{settings} answers")),
        Err(Trouble::Unreachable(reason))
            if in_vpc && matches!(found.reach, Some(Reach::Private | Reach::Unknown)) =>
        {
            Check::warning(
                CHECK,
                format!("cannot check from this machine: {reason}"),
                "make sure that its security group accepts connections from the functions",
            )
        }
        Err(trouble) => Check::failed(
            CHECK,
            trouble.found(settings),
            trouble.remedy(Origin::Config),
        ),
    }
}

/// Whether AWS can reach it.
fn address(settings: &RedisSettings, reach: Option<Reach>, in_vpc: bool, is_here: bool) -> Check {
    const CHECK: &str = "redis address";
    const ELSEWHERE: &str = "use a Redis at an address that AWS can reach";
    let Server::Tcp { host, .. } = &settings.server else {
        return Check::failed(CHECK, "a socket on this machine", ELSEWHERE);
    };
    match (reach, in_vpc) {
        (Some(Reach::Here), _) if is_here => Check::warning(
            CHECK,
            format!("`{host}` is this machine, and so is the emulator of AWS"),
            "before you deploy to AWS, use a Redis at an address that AWS can reach",
        ),
        (None | Some(Reach::Here), _) => {
            Check::failed(CHECK, format!("`{host}` is this machine"), ELSEWHERE)
        }
        (Some(Reach::Private), true) => Check::ok(
            CHECK,
            format!("`{host}` is in a private network, and the functions are in a VPC"),
        ),
        (Some(Reach::Private), false) => Check::failed(
            CHECK,
            format!("`{host}` is in a private network, but the functions are not in a VPC"),
            "put the functions into its network with `aws.vpc` in the config, or use a public Redis",
        ),
        (Some(Reach::Unknown), true) => Check::warning(
            CHECK,
            format!("cannot look up `{host}` from this machine"),
            "make sure that the name can be looked up in the VPC of the functions",
        ),
        (Some(Reach::Unknown), false) => Check::failed(
            CHECK,
            format!("cannot look up `{host}`"),
            "correct `redis` in the config",
        ),
        (Some(Reach::Public), true) => Check::warning(
            CHECK,
            format!("`{host}` is public, and the functions are in a VPC"),
            "the functions need a NAT gateway to reach it: make sure that their subnets have one",
        ),
        (Some(Reach::Public), false) => Check::ok(CHECK, format!("`{host}` is public")),
    }
}

fn tls(settings: &RedisSettings, reach: Option<Reach>) -> Option<Check> {
    const CHECK: &str = "redis tls";
    let Server::Tcp { tls, .. } = &settings.server else {
        return None;
    };
    Some(match tls {
        Some(tls) if tls.accept_any || tls.any_host_name => Check::warning(
            CHECK,
            "on, but lamed does not fully check the certificate",
            "an attacker in the network can pretend to be the Redis: set `ssl_ca_certs` to the \
             file of its certificate authority instead",
        ),
        Some(_) => Check::ok(CHECK, "on"),
        None if reach == Some(Reach::Public) => Check::warning(
            CHECK,
            "off, at a public address",
            "an attacker in the network can read the password and change counts: use a Redis with \
             TLS, and set `\"ssl\": true` in the config",
        ),
        None if matches!(reach, None | Some(Reach::Unknown)) => {
            Check::ok(CHECK, "off: safe only in a private network")
        }
        None => Check::ok(CHECK, "off, at an address that is not public"),
    })
}

fn auth(settings: &RedisSettings, reach: Option<Reach>) -> Check {
    const CHECK: &str = "redis auth";
    match (&settings.password, &settings.username) {
        (Some(_), Some(user)) => {
            Check::ok(CHECK, format!("the password of user `{user}` is accepted"))
        }
        (Some(_), None) => Check::ok(CHECK, "the password is accepted"),
        (None, _) if reach == Some(Reach::Public) => Check::warning(
            CHECK,
            "no password, at a public address",
            "anybody can change counts: set `requirepass` in the Redis, and `password` in the config",
        ),
        (None, _) => Check::ok(CHECK, "no password is needed"),
    }
}

/// The oldest version that lamed is tested with.
const OLDEST: (u32, u32) = (6, 2);

fn version(info: &Info) -> Check {
    const CHECK: &str = "redis version";
    let found = format!("{} {}", info.product, info.version);
    if info.compatible >= OLDEST {
        Check::ok(CHECK, found)
    } else {
        let remedy = format!(
            "lamed supports {}.{} and newer: update the Redis",
            OLDEST.0, OLDEST.1
        );
        Check::warning(CHECK, found, remedy)
    }
}

fn eviction(info: &Info) -> Check {
    const CHECK: &str = "redis eviction";
    const REMEDY: &str = "set `maxmemory-policy noeviction`";
    let policy = &info.eviction;
    match policy.split_once('-') {
        Some(("allkeys", _)) => Check::warning(
            CHECK,
            format!("`{policy}` evicts counters when memory is full: their counts are lost"),
            REMEDY,
        ),
        Some(("volatile", _)) => Check::warning(
            CHECK,
            format!(
                "`{policy}` evicts idempotency keys when memory is full: an event that \
                 arrives twice is counted twice"
            ),
            REMEDY,
        ),
        _ if policy.is_empty() => {
            Check::warning(CHECK, "unknown: the Redis does not report it", REMEDY)
        }
        _ => Check::ok(CHECK, format!("`{policy}`")),
    }
}

fn role(settings: &RedisSettings, info: &Info) -> Check {
    const CHECK: &str = "redis role";
    match (info.mode.as_str(), &info.replica_of) {
        ("cluster", _) if settings.cluster => Check::ok(CHECK, "a node of a cluster"),
        ("cluster", _) => Check::failed(
            CHECK,
            "a node of a cluster",
            "set `\"cluster\": true` under `redis` in the config",
        ),
        (_, _) if settings.cluster => Check::failed(
            CHECK,
            "not a node of a cluster",
            "remove `\"cluster\": true` under `redis` in the config",
        ),
        ("sentinel", _) => Check::failed(
            CHECK,
            "a Sentinel",
            "use the address of the Redis that it monitors",
        ),
        (_, Some(primary)) => Check::failed(
            CHECK,
            format!("a read-only replica of {primary}"),
            "use the address of the primary",
        ),
        (_, None) => Check::ok(CHECK, "primary, not in a cluster"),
    }
}

fn persistence(info: &Info) -> Check {
    const CHECK: &str = "redis persistence";
    let durability = info.durability;
    let found = format!("`{durability}`: {}", durability.promise());
    match durability {
        Durability::Synchronous
        | Durability::Replicated
        | Durability::AppendOnly(Fsync::Always) => Check::ok(CHECK, found),
        Durability::AppendOnly(_) => Check::warning(
            CHECK,
            found,
            "set `appendfsync always` if every acknowledged event must survive",
        ),
        Durability::Snapshots => Check::warning(
            CHECK,
            found,
            "set `appendonly yes`, and `appendfsync always` if every acknowledged event must survive",
        ),
        Durability::None => Check::warning(
            CHECK,
            format!(
                "no append-only file and no snapshots: {}",
                durability.promise()
            ),
            "set `appendonly yes`, and `appendfsync always` if every acknowledged event must survive",
        ),
        Durability::Unknown => Check::warning(
            CHECK,
            "unknown: the Redis does not report what a crash loses",
            "make sure that the Redis has an append-only file, or replicas and snapshots",
        ),
    }
}

/// What the user may do, and on a cluster whether all nodes are there.
fn health(health: &Health) -> Vec<Check> {
    const CHECK: &str = "redis rights";
    const REMEDY: &str =
        "allow it for the user; docs/redis.md lists the permissions that lamed needs";
    let may_not = |commands: &[&str]| {
        format!(
            "the Redis user is not allowed to run {}",
            quoted(commands.iter().copied())
        )
    };
    let mut checks = vec![match (&*health.forbidden, &*health.restricted) {
        ([], []) => Check::ok(CHECK, "enough to count, read and delete"),
        ([], commands) => Check::warning(CHECK, may_not(commands), REMEDY),
        (commands, _) => Check::failed(CHECK, may_not(commands), REMEDY),
    }];
    if !health.away.is_empty() {
        checks.push(Check::warning(
            "redis nodes",
            health.away.join("; "),
            "events of their slots get 503 until these nodes are back",
        ));
    }
    checks
}

#[cfg(test)]
mod tests;

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
pub(super) fn checks(settings: &RedisSettings, found: &RedisAnswers, in_vpc: bool) -> Vec<Check> {
    let mut checks = vec![
        answers(settings, found, in_vpc),
        address(settings, found.reach, in_vpc),
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
                    format!("cannot be seen: {reason}"),
                    "allow its user `INFO`: version, eviction, role and persistence are not checked",
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
                format!("cannot be checked from here: {reason}"),
                "make sure that its security group lets the functions' security groups in",
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
fn address(settings: &RedisSettings, reach: Option<Reach>, in_vpc: bool) -> Check {
    const CHECK: &str = "redis address";
    const ELSEWHERE: &str = "AWS cannot reach it: name a Redis by an address that it can reach";
    let Server::Tcp { host, .. } = &settings.server else {
        return Check::failed(CHECK, "a socket on this machine", ELSEWHERE);
    };
    match (reach, in_vpc) {
        (None | Some(Reach::Here), _) => {
            Check::failed(CHECK, format!("`{host}` is this machine"), ELSEWHERE)
        }
        (Some(Reach::Private), true) => Check::ok(
            CHECK,
            format!("`{host}` is in a private network, and the functions are in a VPC"),
        ),
        (Some(Reach::Private), false) => Check::failed(
            CHECK,
            format!("`{host}` is in a private network, and the functions are not"),
            "put them into its network by `aws.vpc` in the config, or name a public Redis",
        ),
        (Some(Reach::Unknown), true) => Check::warning(
            CHECK,
            format!("`{host}` cannot be looked up from here"),
            "make sure that the name is known in the functions' VPC",
        ),
        (Some(Reach::Unknown), false) => Check::failed(
            CHECK,
            format!("`{host}` cannot be looked up"),
            "correct `redis` in the config",
        ),
        (Some(Reach::Public), true) => Check::warning(
            CHECK,
            format!("`{host}` is public, and the functions are in a VPC"),
            "they reach it only through a NAT gateway: make sure that their subnets have one",
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
            "on, but the certificate is not checked in full",
            "whoever stands between can pretend to be the Redis: give its authority by \
             `ssl_ca_certs` instead",
        ),
        Some(_) => Check::ok(CHECK, "on"),
        None if reach == Some(Reach::Public) => Check::warning(
            CHECK,
            "off, over a public address",
            "whoever stands between can read the password and change counts: use a Redis with \
             TLS, and `\"ssl\": true` in the config",
        ),
        None if matches!(reach, None | Some(Reach::Unknown)) => {
            Check::ok(CHECK, "off, which is well in a private network only")
        }
        None => Check::ok(CHECK, "off, at an address that is not public"),
    })
}

fn auth(settings: &RedisSettings, reach: Option<Reach>) -> Check {
    const CHECK: &str = "redis auth";
    match (&settings.password, &settings.username) {
        (Some(_), Some(user)) => Check::ok(CHECK, format!("accepted as user `{user}`")),
        (Some(_), None) => Check::ok(CHECK, "the password is accepted"),
        (None, _) if reach == Some(Reach::Public) => Check::warning(
            CHECK,
            "no password, at a public address",
            "anybody can change counts: set `requirepass` there, and `password` in the config",
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
        let remedy = format!("lamed knows {}.{} and newer: update it", OLDEST.0, OLDEST.1);
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
                "`{policy}` evicts idempotency keys when memory is full: events that come twice are \
                 counted twice"
            ),
            REMEDY,
        ),
        _ if policy.is_empty() => Check::warning(CHECK, "the Redis does not say", REMEDY),
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
            "say so in the config: `\"cluster\": true` in `redis`",
        ),
        (_, _) if settings.cluster => Check::failed(
            CHECK,
            "no node of a cluster",
            "take `\"cluster\": true` out of the config's `redis`",
        ),
        ("sentinel", _) => Check::failed(CHECK, "a sentinel", "name the Redis that it watches"),
        (_, Some(primary)) => Check::failed(
            CHECK,
            format!("a replica of {primary}, which takes no writes"),
            "name the primary",
        ),
        (_, None) => Check::ok(CHECK, "primary, not in a cluster"),
    }
}

fn persistence(info: &Info) -> Check {
    const CHECK: &str = "redis persistence";
    let durability = info.durability;
    let found = format!("`{durability}`: {}", durability.promise());
    match durability {
        Durability::Synchronous | Durability::AppendOnly(Fsync::Always) => Check::ok(CHECK, found),
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
            "the Redis does not tell what a crash loses",
            "make sure that it has an append-only file, or replicas and snapshots",
        ),
    }
}

/// What the user may do, and on a cluster whether all nodes are there.
fn health(health: &Health) -> Vec<Check> {
    const CHECK: &str = "redis rights";
    const REMEDY: &str = "allow it for the user: docs/redis.md lists the rights that lamed needs";
    let may_not =
        |commands: &[&str]| format!("its user may not run {}", quoted(commands.iter().copied()));
    let mut checks = vec![match (&*health.forbidden, &*health.restricted) {
        ([], []) => Check::ok(CHECK, "all that counting, reading and deleting takes"),
        ([], commands) => Check::warning(CHECK, may_not(commands), REMEDY),
        (commands, _) => Check::failed(CHECK, may_not(commands), REMEDY),
    }];
    if !health.away.is_empty() {
        checks.push(Check::warning(
            "redis nodes",
            health.away.join("; "),
            "events of their slots get 503 until they are back",
        ));
    }
    checks
}

#[cfg(test)]
mod tests;

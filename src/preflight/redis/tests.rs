use super::*;
use crate::preflight::check::Status;

fn well() -> Info {
    Info {
        product: "Valkey",
        version: "8.0.1".to_owned(),
        compatible: (7, 2),
        mode: "standalone".to_owned(),
        replica_of: None,
        eviction: "noeviction".to_owned(),
        durability: Durability::AppendOnly(Fsync::Always),
    }
}

/// What is not well, in short: `! redis tls`.
fn complaints(url: &str, reach: Reach, info: Info, in_vpc: bool) -> String {
    let found = RedisAnswers {
        reach: Some(reach),
        facts: Ok(Facts {
            round_trip: Duration::from_millis(1),
            info: Ok(info),
        }),
        health: None,
    };
    short(&checks(
        &RedisSettings::from_url(url).unwrap(),
        &found,
        in_vpc,
        false,
    ))
}

fn short(checks: &[Check]) -> String {
    let short = checks.iter().filter_map(|check| match check.status {
        Status::Ok => None,
        Status::Warning => Some(format!("! {}", check.check)),
        Status::Failed => Some(format!("✗ {}", check.check)),
    });
    short.collect::<Vec<_>>().join(", ")
}

#[test]
fn addresses_and_what_protects_them() {
    let (open, safe) = ("redis://h.example", "rediss://:pw@h.example");
    let loose = "rediss://:pw@h.example/#insecure";
    for (url, reach, in_vpc, expected) in [
        (safe, Reach::Public, false, ""),
        (safe, Reach::Public, true, "! redis address"),
        (loose, Reach::Public, false, "! redis tls"),
        (open, Reach::Public, false, "! redis tls, ! redis auth"),
        (open, Reach::Private, true, ""),
        (open, Reach::Private, false, "✗ redis address"),
        (open, Reach::Here, true, "✗ redis address"),
        (open, Reach::Unknown, true, "! redis address"),
        (open, Reach::Unknown, false, "✗ redis address"),
    ] {
        let complaints = complaints(url, reach, well(), in_vpc);
        assert_eq!(complaints, expected, "{url} {reach:?} {in_vpc}");
    }
}

#[test]
fn what_a_redis_says_of_itself() {
    let with = |change: &dyn Fn(&mut Info)| {
        let mut info = well();
        change(&mut info);
        complaints("redis://h", Reach::Private, info, true)
    };
    let eviction = |policy: &'static str| with(&|info| info.eviction = policy.to_owned());
    let mode = |mode: &'static str| with(&|info| info.mode = mode.to_owned());
    let durability = |durability| with(&|info| info.durability = durability);
    for (complaint, expected) in [
        (with(&|info| info.compatible = (6, 2)), ""),
        (with(&|info| info.compatible = (6, 0)), "! redis version"),
        (eviction("allkeys-lfu"), "! redis eviction"),
        (eviction("volatile-ttl"), "! redis eviction"),
        (eviction(""), "! redis eviction"),
        (mode("cluster"), "✗ redis role"),
        (mode("sentinel"), "✗ redis role"),
        (
            with(&|info| info.replica_of = Some("10.0.0.1:6379".to_owned())),
            "✗ redis role",
        ),
        (
            durability(Durability::AppendOnly(Fsync::EverySecond)),
            "! redis persistence",
        ),
        (
            durability(Durability::AppendOnly(Fsync::Unknown)),
            "! redis persistence",
        ),
        (durability(Durability::Snapshots), "! redis persistence"),
        (durability(Durability::None), "! redis persistence"),
        (durability(Durability::Unknown), "! redis persistence"),
    ] {
        assert_eq!(complaint, expected);
    }
}

#[test]
fn what_the_config_says_of_clusters_is_compared_with_what_there_is() {
    let mut settings = RedisSettings::from_url("redis://h").unwrap();
    settings.cluster = true;
    let found = |mode: &str| {
        let mode = mode.to_owned();
        short(&[role(&settings, &Info { mode, ..well() })])
    };
    assert_eq!(
        [found("cluster"), found("standalone")],
        ["", "✗ redis role"]
    );
}

#[test]
fn a_redis_that_cannot_be_reached_from_here_may_be_reached_from_a_vpc() {
    for (reach, in_vpc, expected) in [
        (Reach::Private, true, "! redis"),
        (Reach::Unknown, true, "! redis, ! redis address"),
        (Reach::Public, true, "✗ redis, ! redis address"),
        (Reach::Private, false, "✗ redis, ✗ redis address"),
    ] {
        let found = RedisAnswers {
            reach: Some(reach),
            facts: Err(Trouble::Unreachable("no answer".to_owned())),
            health: None,
        };
        let settings = RedisSettings::from_url("rediss://h").unwrap();
        assert_eq!(short(&checks(&settings, &found, in_vpc, false)), expected);
    }
}

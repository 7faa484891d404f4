//! One story that every store must live through.

mod story;

use std::time::Duration;

use lamed::domain::Outcome;
use lamed::store::{
    Counting, Dedupe, Location, RedisSettings, RedisStore, SqliteStore, Store, StoreError, Window,
};
use redis::Commands;

pub use self::story::wait_for_the_next_millisecond;
use self::story::{all, delete, story, table, track};
use crate::support::dynamodb::Table;
use crate::support::{Cluster, Redis, event, make_certificates, redis_with_tls};

const DAY: Counting = counting(Some(Duration::from_hours(24)), Dedupe::Compact);
const FOR_EVER: Counting = counting(None, Dedupe::Compact);

const fn counting(window: Window, dedupe: Dedupe) -> Counting {
    Counting {
        window,
        dedupe,
        max_counters: 10_000,
        max_namespaces: 10,
        max_variants: 100,
    }
}

#[tokio::test]
async fn sqlite_in_memory() {
    story(&SqliteStore::open(&Location::Memory, DAY).unwrap()).await;
}

#[tokio::test]
async fn sqlite_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = Location::File(folder.path().join("lamed.db"));
    story(&SqliteStore::open(&file, DAY).unwrap()).await;
}

#[tokio::test]
async fn sqlite_remembering_for_ever() {
    story(&SqliteStore::open(&Location::Memory, FOR_EVER).unwrap()).await;
}

#[tokio::test]
async fn redis_by_tcp() {
    let redis = Redis::start(&[]);
    story(&redis_store(&redis.url(), DAY)).await;
}

#[tokio::test]
async fn redis_remembering_for_ever() {
    let redis = Redis::start(&[]);
    story(&redis_store(&redis.url(), FOR_EVER)).await;
}

#[tokio::test]
async fn redis_with_flags() {
    let redis = Redis::start(&[]);
    for (db, window) in [(0, DAY.window), (1, None)] {
        let url = format!("{}/{db}", redis.url());
        story(&redis_store(&url, counting(window, Dedupe::Flags))).await;
    }
}

#[tokio::test]
async fn redis_6_2() {
    let Some(path) = crate::support::redis_6_2() else {
        crate::support::tell_that_skipped("Redis 6.2 for this machine");
        return;
    };
    let redis = Redis::start_other(path, &[]);
    for (db, counting) in [(0, DAY), (1, FOR_EVER)] {
        story(&redis_store(&format!("{}/{db}", redis.url()), counting)).await;
    }
}

#[tokio::test]
async fn a_redis_cluster() {
    let cluster = Cluster::start().await;
    story(&cluster.store()).await;
}

#[tokio::test]
async fn a_redis_cluster_with_flags() {
    let cluster = Cluster::start().await;
    let mut settings = cluster.settings();
    settings.counting = counting(None, Dedupe::Flags);
    story(&RedisStore::new(&settings).unwrap()).await;
}

#[tokio::test]
async fn redis_by_unix_socket_in_another_db() {
    let redis = Redis::start(&["--unixsocket", "{dir}/redis.sock"]);
    let url = format!("redis+unix://{}?db=3", redis.path("redis.sock"));
    story(&redis_store(&url, DAY)).await;
    assert_eq!(keys_in_db(&redis, 0), 0);
    assert!(keys_in_db(&redis, 3) > 0);
}

#[tokio::test]
async fn redis_with_a_password() {
    let redis = Redis::start(&["--requirepass", "p@ss:w/rd"]);
    story(&redis_store(
        &format!("redis://:p%40ss%3Aw%2Frd@127.0.0.1:{}", redis.port),
        DAY,
    ))
    .await;
    let wrong = redis_store(&format!("redis://:wrong@127.0.0.1:{}", redis.port), DAY);
    let error = wrong.ping().await.unwrap_err().to_string();
    assert!(
        error.contains("WRONGPASS") || error.contains("Password authentication failed"),
        "{error}"
    );
    assert!(!error.contains("wrong@"), "{error}");
}

#[tokio::test]
async fn redis_with_an_acl_user() {
    let redis = Redis::start(&[]);
    let mut setuser = redis::cmd("ACL");
    setuser.arg(&[
        "SETUSER",
        "ann",
        "on",
        ">s3cret",
        "~*",
        "+@all",
        "-@dangerous",
    ]);
    setuser.exec(&mut redis.connection()).unwrap();
    story(&redis_store(
        &format!("redis://ann:s3cret@127.0.0.1:{}", redis.port),
        DAY,
    ))
    .await;
}

#[tokio::test]
async fn redis_by_tls_with_its_own_authority() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let bind = ["--bind", "127.0.0.1", "127.0.0.2"];
    let (_redis, tls_port) = redis_with_tls(folder.path(), &bind);
    let ca = folder.path().join("ca.crt");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = format!(
        r#"{{"redis": {{"host": "localhost", "port": {tls_port}, "ssl": true, "ssl_ca_certs": {ca:?}}}}}"#
    );
    let config = lamed::config::Config::parse("config.json".as_ref(), &config).unwrap();
    let store = RedisStore::new(&config.redis.unwrap()).unwrap();
    story(&store).await;
    // Its certificate knows 127.0.0.1 and localhost, but not 127.0.0.2.
    for (check, works) in [("true", false), ("false", true)] {
        let config = format!(
            r#"{{"redis": {{"host": "127.0.0.2", "port": {tls_port}, "ssl": true,
                "ssl_ca_certs": {ca:?}, "ssl_check_hostname": {check}}}}}"#
        );
        let config = lamed::config::Config::parse("config.json".as_ref(), &config).unwrap();
        let store = RedisStore::new(&config.redis.unwrap()).unwrap();
        assert_eq!(store.ping().await.is_ok(), works, "{check}");
    }
    // Without its authority the certificate is a stranger's.
    let stranger = redis_store(&format!("rediss://localhost:{tls_port}"), DAY);
    let error = stranger.ping().await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn dynamodb() {
    for counting in [DAY, FOR_EVER] {
        story(&Table::create().await.store_counting(counting)).await;
    }
}

#[tokio::test]
async fn a_key_is_forgotten_when_its_window_has_passed() {
    let window = counting(Some(Duration::from_millis(200)), Dedupe::Flags);
    let redis = Redis::start(&[]);
    let sqlite = SqliteStore::open(&Location::Memory, window).unwrap();
    let redis = redis_store(&redis.url(), window);
    for store in [&sqlite as &dyn Store, &redis] {
        let shown = [event("e", "participate", "v", "1")];
        let start = std::time::Instant::now();
        assert_eq!(track(store, &shown).await, [Outcome::Counted]);
        let again = track(store, &shown).await;
        // On a machine that stalls here the window may have passed already.
        if start.elapsed() < Duration::from_millis(200) {
            assert_eq!(again, [Outcome::Duplicate]);
        }
        tokio::time::sleep(Duration::from_millis(210)).await;
        assert_eq!(track(store, &shown).await, [Outcome::Counted]);
    }
}

#[tokio::test]
async fn a_script_that_redis_forgot_is_sent_again() {
    let redis = Redis::start(&[]);
    let store = redis_store(&redis.url(), DAY);
    let shown = |uuid| event("e", "participate", "v", uuid);
    assert_eq!(track(&store, &[shown("1")]).await, [Outcome::Counted]);
    redis::cmd("SCRIPT")
        .arg("FLUSH")
        .exec(&mut redis.connection())
        .unwrap();
    assert_eq!(
        track(&store, &[shown("1"), shown("2"), shown("2")]).await,
        [Outcome::Duplicate, Outcome::Counted, Outcome::Duplicate]
    );
}

#[tokio::test]
async fn a_connection_that_redis_closed_is_replaced_unnoticed() {
    let redis = Redis::start(&[]);
    let store = redis_store(&redis.url(), DAY);
    let shown = |uuid| event("e", "participate", "v", uuid);
    track(&store, &[shown("1")]).await;
    let mut kill = redis::cmd("CLIENT");
    kill.arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let killed: u32 = kill.query(&mut redis.connection()).unwrap();
    assert_eq!(killed, 1);
    assert_eq!(
        track(&store, &[shown("1"), shown("2")]).await,
        [Outcome::Duplicate, Outcome::Counted]
    );
}

#[tokio::test]
async fn one_event_is_one_round_trip() {
    let redis = Redis::start(&[]);
    let store = redis_store(&redis.url(), DAY);
    track(&store, &[event("e", "participate", "v", "0")]).await;
    let mut connection = redis.connection();
    redis::cmd("CONFIG")
        .arg("RESETSTAT")
        .exec(&mut connection)
        .unwrap();
    for uuid in 1..=10 {
        track(&store, &[event("e", "participate", "v", &uuid.to_string())]).await;
    }
    let info: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut connection)
        .unwrap();
    // What a script calls is counted too: of what clients send there is EVALSHA alone.
    assert!(info.contains("cmdstat_evalsha:calls=10,"), "{info}");
    for other in ["eval:", "multi", "watch", "script"] {
        assert!(!info.contains(&format!("cmdstat_{other}")), "{info}");
    }
}

#[tokio::test]
async fn a_wrong_typed_key_in_the_way_is_a_failure_that_counts_nothing() {
    let redis = Redis::start(&[]);
    let store = redis_store(&redis.url(), DAY);
    let mut connection = redis.connection();
    let _: () = connection
        .lpush("alephbet:counters:e:participate:v", 1)
        .unwrap();
    let shown = [event("e", "participate", "v", "1")];
    let error = store.track(&shown).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Failed(reason) if reason.contains("WRONGTYPE")),
        "{error:?}"
    );
    let _: () = connection.del("alephbet:counters:e:participate:v").unwrap();
    assert_eq!(track(&store, &shown).await, [Outcome::Counted]);
}

/// Python lamed wrote names as they are: what it counted stays visible and can be deleted.
#[tokio::test]
async fn counters_that_python_wrote_raw_are_found() {
    let redis = Redis::start(&[]);
    let store = redis_store(&redis.url(), DAY);
    let mut connection = redis.connection();
    for (experiment, event, count) in [
        ("50% off: now", "participate", 7),
        ("50% off: now", "cta:top", 2),
    ] {
        let key = format!("alephbet:counters:{experiment}:{event}:{{red}}");
        let _: () = connection.sadd("alephbet:experiments", experiment).unwrap();
        let _: () = connection.sadd("alephbet:counter_keys", &key).unwrap();
        let _: () = connection
            .sadd(format!("alephbet:{experiment}:counter_keys"), &key)
            .unwrap();
        let _: () = connection.set(&key, count).unwrap();
    }
    assert_eq!(
        table(&all(&store).await),
        ["50% off: now: {red} 7; cta:top: {red} 2"]
    );
    track(
        &store,
        &[event("50% off: now", "participate", "{red}", "1")],
    )
    .await;
    assert_eq!(
        table(&all(&store).await),
        ["50% off: now: {red} 8; cta:top: {red} 2"]
    );
    assert_eq!(delete(&store, "50% off: now", None, None).await, 3);
    assert_eq!(all(&store).await, []);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(
        &file,
        "not a database, and long enough to be taken for one ".repeat(4),
    )
    .unwrap();
    let error = SqliteStore::open(&Location::File(file.clone()), DAY)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        format!("SQLite in `{}`: file is not a database", file.display())
    );
}

fn redis_store(url: &str, counting: Counting) -> RedisStore {
    let mut settings = RedisSettings::from_url(url).unwrap();
    settings.counting = counting;
    RedisStore::new(&settings).unwrap()
}

fn keys_in_db(redis: &Redis, db: u8) -> u64 {
    let mut connection = redis.connection();
    redis::cmd("SELECT").arg(db).exec(&mut connection).unwrap();
    redis::cmd("DBSIZE").query(&mut connection).unwrap()
}

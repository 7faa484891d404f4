//! Goals with a value: what conversions were worth is exact in every store, and never without its count.

use std::collections::BTreeMap;

use lamed::domain::{DaySums, Event, Outcome, Selection, Sums, Timestamp, Value};
use lamed::store::{RedisStore, Store};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::stores::wait_for_the_next_millisecond;
use crate::support::{Redis, Server, event, name, patient};

fn worth(number: f64, variant: &str, key: &str) -> Event {
    Event {
        value: Some(Value::new(number).unwrap()),
        ..event("prices", "order: 1", variant, key)
    }
}

/// By variant; the days are today, or around midnight yesterday and today.
fn by_variant(days: &[DaySums]) -> BTreeMap<String, Sums> {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    let day = |ago: i64| Timestamp(Timestamp::now().0 - ago * 86_400_000).day();
    for one in days {
        assert_eq!(one.goal, name("order: 1"));
        assert!([day(0), day(1)].contains(&one.day), "{days:?}");
        let of_variant = sums.entry(one.variant.to_string()).or_default();
        *of_variant = of_variant.and(one.sums);
    }
    sums
}

async fn sums(store: &dyn Store, experiment: &str) -> BTreeMap<String, Sums> {
    let (namespace, experiments) = (name("alephbet"), [name("none"), name(experiment)]);
    let sums = store.sums(&namespace, &experiments).await.unwrap();
    assert_eq!(sums[0], []);
    by_variant(&sums[1])
}

/// Part of the story of every store.
pub async fn story(store: &dyn Store) {
    let mut random = StdRng::seed_from_u64(17);
    let mut expected: BTreeMap<String, Sums> = BTreeMap::new();
    let mut events = Vec::new();
    for key in 0..300 {
        let units: u128 = match key % 5 {
            0 => 0,
            1 => 10_000_000_000, // the highest
            2 => 9_999_999_999,
            _ => random.random_range(0..10_000_000_000),
        };
        let variant = ["blue", "red"][key % 2];
        let sums = expected.entry(variant.to_owned()).or_default();
        sums.sum += units;
        sums.squares += units * units;
        events.push(worth(units as f64 / 10_000.0, variant, &format!("v{key}")));
        // The first one that was sent counts.
        events.push(worth(1.0, variant, &format!("v{key}")));
    }
    events.push(event("prices", "participate", "red", "v1"));
    events.push(event("prices", "order: 2", "red", "v1"));
    for batch in events.chunks(50) {
        store.track(batch).await.unwrap();
    }
    assert_eq!(sums(store, "prices").await, expected);

    // They go with their counter, and only with it.
    let delete = async |variant: Option<&str>| {
        let selection = Selection {
            namespace: name("alephbet"),
            experiment: name("prices"),
            kind: None,
            variant: variant.map(name),
        };
        store.delete(&selection).await.unwrap()
    };
    assert_eq!(delete(Some("red")).await, 3);
    expected.remove("red");
    assert_eq!(sums(store, "prices").await, expected);
    wait_for_the_next_millisecond();
    let again = worth(2.5, "red", "v1");
    assert_eq!(store.track(&[again]).await.unwrap(), [Outcome::Counted]);
    let of_red = Sums::read("2.5", "6.25").unwrap();
    expected.insert("red".to_owned(), of_red);
    assert_eq!(sums(store, "prices").await, expected);
    assert_eq!(delete(None).await, 2);
    assert_eq!(sums(store, "prices").await, BTreeMap::new());
}

/// All keys, whatever time they have left.
fn keys(redis: &Redis) -> BTreeMap<String, (String, serde_json::Value)> {
    let all = redis.keys(0).into_iter();
    all.map(|(key, (kind, value, _))| (key, (kind, value)))
        .collect()
}

#[tokio::test]
async fn what_cannot_be_added_to_the_sums_is_not_counted() {
    let redis = Redis::start(&[]);
    let store = RedisStore::new(&patient(&redis.url())).unwrap();
    store.track(&[worth(999_999.5, "red", "1")]).await.unwrap();
    let before = keys(&redis);
    let today = Timestamp::now().0 / 86_400_000;
    let sums_key = "alephbet:sums:prices:order%3A 1:red";
    // The largest number that Redis adds to, in each of the three fields.
    for field in [
        today.to_string(),
        format!("{today}:h"),
        format!("{today}:l"),
    ] {
        let mut set = redis::cmd("HSET");
        set.arg(sums_key).arg(&field).arg(i64::MAX);
        let mut get = redis::cmd("HGET");
        let mut connection = redis.connection();
        let held: String = get
            .arg(sums_key)
            .arg(&field)
            .query(&mut connection)
            .unwrap();
        set.exec(&mut connection).unwrap();
        let full = keys(&redis);
        let error = store
            .track(&[worth(999_999.5, "red", "2")])
            .await
            .unwrap_err();
        assert!(error.to_string().contains("overflow"), "{error}");
        assert_eq!(keys(&redis), full, "{field}");
        redis::cmd("HSET")
            .arg(&[sums_key, &field, &held])
            .exec(&mut connection)
            .unwrap();
    }
    assert_eq!(keys(&redis), before);
    let counted = store.track(&[worth(999_999.5, "red", "2")]).await.unwrap();
    assert_eq!(counted, [Outcome::Counted]);
    let expected = BTreeMap::from([(
        "red".to_owned(),
        Sums::read("1999999", "1999998000000.5").unwrap(),
    )]);
    assert_eq!(sums(&store, "prices").await, expected);
}

/// Python lamed, and an earlier build, delete a counter and leave what they do not know.
#[tokio::test]
async fn what_a_delete_of_python_lamed_left_is_worth_nothing_to_the_next_counter() {
    let redis = Redis::start(&[]);
    let store = RedisStore::new(&patient(&redis.url())).unwrap();
    store.track(&[worth(500.0, "red", "1")]).await.unwrap();
    let counter = "alephbet:counters:prices:order%3A 1:red";
    let mut delete = redis::pipe();
    for index in ["alephbet:counter_keys", "alephbet:prices:counter_keys"] {
        delete.srem(index, counter);
    }
    delete.del(counter).srem("alephbet:experiments", "prices");
    delete.exec(&mut redis.connection()).unwrap();
    let again = store.track(&[worth(2.0, "red", "2")]).await.unwrap();
    assert_eq!(again, [Outcome::Counted]);
    let expected = BTreeMap::from([("red".to_owned(), Sums::read("2", "4").unwrap())]);
    assert_eq!(sums(&store, "prices").await, expected);
}

const CONFIG: &str = r#"{"experiments": {"prices": {
    "variants": {"blue": 50, "red": 50},
    "goals": ["clicked", {"name": "bought", "value": "EUR", "cap": 100.5}]}}}"#;

#[tokio::test]
async fn a_value_is_asked_for_where_one_is_declared() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config.json");
    std::fs::write(&config, CONFIG).unwrap();
    let server = Server::start_in(
        home,
        "127.0.0.1:0",
        &["--config", config.to_str().unwrap(), "--store", "embedded"],
    );
    let mut client = server.client();
    let sent = |event: &str, uuid: &str, value: serde_json::Value| json!({"experiment": "prices", "variant": "red", "event": event, "uuid": uuid, "value": value});
    let negative = "`value` must be a number from 0, such as 49.9";
    let missing = "`value` is missing: each conversion of this goal needs one";
    for (number, (event, value, expected)) in [
        ("bought", json!(49.9), Ok(1)),
        ("bought", json!("0.1"), Ok(1)),
        ("bought", json!(1e9), Ok(1)),
        ("bought", json!(0), Ok(1)),
        ("bought", json!(-1), Err(negative)),
        ("bought", json!("NaN"), Err(negative)),
        ("bought", json!("1,5"), Err(negative)),
        ("bought", json!([1]), Err(negative)),
        ("bought", json!(null), Err(missing)),
        ("clicked", json!(null), Ok(1)),
        ("clicked", json!("anything"), Ok(1)),
        ("participate", json!({}), Ok(1)),
        ("undeclared", json!(-1), Ok(1)),
    ]
    .into_iter()
    .enumerate()
    {
        let body = sent(event, &number.to_string(), value);
        let reply = client.post("/prod/track", &body.to_string()).await;
        let expected = match expected {
            Ok(counted) => (200, json!({"counted": counted, "duplicates": 0})),
            Err(message) => (400, json!({"message": message})),
        };
        assert_eq!((reply.status, reply.json()), expected, "{body}");
    }
    // In the address, and in a batch.
    let path = "/prod/track?experiment=prices&variant=red&event=bought&uuid=get";
    let reply = client.get(path).await;
    assert_eq!(
        (reply.status, reply.json()),
        (400, json!({"message": missing}))
    );
    let reply = client.get(&format!("{path}&value=20.00004")).await;
    assert_eq!(reply.json(), json!({"counted": true}));
    let batch = json!([
        sent("bought", "a", json!(0.1)),
        sent("bought", "b", json!(-0.1)),
        sent("bought", "a", json!(0.1))
    ]);
    let reply = client.post("/prod/track", &batch.to_string()).await;
    let refused = json!([{"index": 1, "message": negative}]);
    assert_eq!(
        reply.json(),
        json!({"counted": 1, "duplicates": 1, "refused": refused})
    );

    // 49.9 + 0.1 + 100.5 + 0 + 20 + 0.1, and their squares.
    let value = json!({"sum": "170.6", "squares": "12990.28"});
    let all = server.experiments().await;
    assert_eq!(
        all[0]["goals"][0],
        json!({"goal": "bought", "results": [
            {"label": "red", "successes": 6, "trials": 1, "value": value}]})
    );
    assert_eq!(
        all[0]["goals"][1]["results"][0],
        json!({"label": "red", "successes": 2, "trials": 1})
    );
}

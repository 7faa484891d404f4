//! What goes into the settings comes out of them.

use super::*;
use crate::store::{Dedupe, Pem, Server, Tls};

fn settings(server: Server) -> Settings {
    Settings {
        store: Store::Redis(RedisSettings::new(server)),
        namespace: Name::stored("alephbet".to_owned()),
        ignore_bots: true,
        door: None,
    }
}

fn over_tls(tls: Tls) -> Settings {
    let redis = RedisSettings {
        username: Some("lamed".to_owned()),
        password: Some(Secret::new("s3cret \"quoted\"")),
        db: 3,
        cluster: true,
        nodes: vec![("other.example".to_owned(), 6381)],
        counting: Counting {
            window: None,
            dedupe: Dedupe::Flags,
            max_counters: 7,
            max_namespaces: 8,
            max_variants: 9,
        },
        timeout: Duration::from_millis(1500),
        ..RedisSettings::new(Server::Tcp {
            host: "cache.example".to_owned(),
            port: 6380,
            tls: Some(tls),
        })
    };
    Settings {
        store: Store::Redis(redis),
        namespace: Name::stored("shop ä".to_owned()),
        ignore_bots: false,
        door: Some(Door {
            key: Secret::new("s3cret key"),
            routes: vec![ExtraRoute {
                path: "hello".to_owned(),
                method: "GET".to_owned(),
                handler: "lamed.track".to_owned(),
                key_required: false,
            }],
        }),
    }
}

fn over_a_table() -> Settings {
    Settings {
        store: Store::DynamoDb {
            table: "lamed".to_owned(),
            counting: Counting {
                window: None,
                max_variants: 9,
                ..Counting::default()
            },
            timeout: Duration::from_millis(1500),
        },
        ..over_tls(Tls::default())
    }
}

fn read_back(settings: &Settings) -> Settings {
    let json = settings.to_json().unwrap();
    assert!(!format!("{json:?} {settings:?}").contains("s3cret"));
    Settings::from_json(json.reveal()).unwrap()
}

#[test]
fn settings_survive_the_way_into_the_function() {
    let text = |text: &str| Pem::Text(Secret::new(text));
    for settings in [
        settings(Server::Unix("/run/redis.sock".into())),
        settings(Server::Tcp {
            host: "localhost".to_owned(),
            port: 6379,
            tls: None,
        }),
        over_tls(Tls::default()),
        over_tls(Tls {
            ca: Some(text("authority\n")),
            client: Some((text("certificate\n"), text("s3cret key\n"))),
            accept_any: true,
            any_host_name: true,
        }),
        over_a_table(),
    ] {
        assert_eq!(read_back(&settings), settings);
    }
}

#[test]
fn the_json_is_compact_and_stays_readable_for_other_versions() {
    let plain = settings(Server::Tcp {
        host: "h".to_owned(),
        port: 1,
        tls: None,
    });
    assert_eq!(
        plain.to_json().unwrap().reveal(),
        r#"{"namespace":"alephbet","server":{"tcp":{"host":"h","port":1}},"db":0,"cluster":false,"dedupe":"compact","max_counters":10000,"window":2592000.0,"timeout":2.0}"#
    );
    let newer = r#"{"namespace":"alephbet","server":{"tcp":{"host":"h","port":1,"tls":null,"new":1}},
            "window":2592000,"timeout":2,"dedupe":"compact"}"#;
    assert_eq!(Settings::from_json(newer).unwrap(), plain);
}

#[test]
#[cfg(feature = "cli")] // for `tempfile`
fn files_travel_by_their_text() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Pem::File(path)
    };
    let text = |text: &str| Pem::Text(Secret::new(text));
    let with = |ca, certificate, key| {
        over_tls(Tls {
            ca: Some(ca),
            client: Some((certificate, key)),
            ..Tls::default()
        })
    };
    let here = with(file("ca", "A"), file("crt", "B"), file("key", "C"));
    assert_eq!(read_back(&here), with(text("A"), text("B"), text("C")));

    let missing = Pem::File(folder.path().join("missing"));
    let error = with(missing, text("B"), text("C")).to_json().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot read `{}`: No such file or directory (os error 2)",
            folder.path().join("missing").display()
        )
    );
}

#[test]
fn what_does_not_fit_or_cannot_be_read_is_said_in_one_line() {
    let long = over_tls(Tls {
        ca: Some(Pem::Text(Secret::new("x".repeat(4000)))),
        ..Tls::default()
    });
    let error = long.to_json().unwrap_err().to_string();
    assert!(
        error.starts_with("the settings of the function need 4473 bytes"),
        "{error}"
    );
    for (json, message) in [
        (
            "s3cret",
            "LAMED_SETTINGS is not the JSON that `lamed deploy` writes (line 1, column 1)",
        ),
        (
            r#"{"namespace":"n","server":{"unix":"/s"},"timeout":1}"#,
            "LAMED_SETTINGS is not the JSON that `lamed deploy` writes (line 1, column 52)",
        ),
        (
            r#"{"namespace":"n","timeout":1,"window":null}"#,
            "LAMED_SETTINGS names no store",
        ),
        (
            r#"{"namespace":"","server":{"unix":"/s"},"timeout":1,"window":null}"#,
            "LAMED_SETTINGS: the namespace is empty",
        ),
        (
            r#"{"namespace":"n","server":{"unix":"/s"},"timeout":-1,"window":null}"#,
            "LAMED_SETTINGS: a time is negative or too long",
        ),
    ] {
        assert_eq!(Settings::from_json(json).unwrap_err().to_string(), message);
    }
}

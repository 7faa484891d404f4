//! Config files: every shape that was ever released keeps its meaning, and what is wrong with a
//! file is said in one line, with its place and without its passwords.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lamed::assets::CONFIG_TEMPLATE;
use lamed::config::{Architecture, Aws, Config, DeploymentName, Throttle, Vpc, Wired};
use lamed::domain::{Accept, Better, Declared, Goal, GoalValue, Group, Secret, State, Unit};
use lamed::http::{Handler, Method, Route};
use lamed::store::{Counting, Pem, RedisSettings, Server, Tls};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Line, line, name};

/// The password of all files here.
const PASSWORD: &str = "hunter2";

#[test]
fn files_of_every_released_shape_keep_their_meaning() {
    let meanings = meanings();
    for (file, meaning) in &meanings {
        let path = folder().join(file);
        let config = Config::parse(&path, &fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(config, *meaning, "{file}");
        // Equal, so the password was read; but nobody gets to see it.
        let shown = format!("{config:?}");
        assert!(!shown.contains(PASSWORD), "{file}: {shown}");
    }
    let files: BTreeSet<String> = (fs::read_dir(folder()).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file.ends_with(".json"))
        .collect();
    let compared: BTreeSet<String> = meanings.iter().map(|(file, _)| file.to_string()).collect();
    assert_eq!(files, compared);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config")
}

fn meanings() -> Vec<(&'static str, Config)> {
    let password = Some(Secret::new(PASSWORD));
    vec![
        (
            "python-template.json",
            Config {
                redis: Some(RedisSettings {
                    password: password.clone(),
                    counting: window(Some(86_400)),
                    ..redis(6379, None)
                }),
                counting: window(Some(86_400)),
                ..Config::default()
            },
        ),
        (
            "python-extra-wiring.json",
            Config {
                redis: Some(RedisSettings {
                    password: password.clone(),
                    ..redis(6379, None)
                }),
                wiring: vec![
                    Wired {
                        function: "lamed-track".to_owned(),
                        memory_mb: 128,
                        route: Route {
                            path: "my_tracking_endpoint".to_owned(),
                            method: Method::Get,
                            handler: Handler::Track,
                            key_required: false,
                            timeout: Duration::from_secs(3),
                        },
                        request_parameters: ["namespace", "experiment", "variant", "event", "uuid"]
                            .map(parameter)
                            .into(),
                    },
                    Wired {
                        function: "lamed-experiment".to_owned(),
                        memory_mb: 128,
                        route: Route {
                            path: "one".to_owned(),
                            method: Method::Get,
                            handler: Handler::OneExperiment,
                            key_required: true,
                            timeout: Duration::from_mins(1),
                        },
                        request_parameters: ["experiment"].map(parameter).into(),
                    },
                ],
                warnings: vec!["`extra_wiring`: the method `PUT` of the path `put` is ignored: lamed supports `GET`, `POST` and `DELETE`".to_owned()],
                ..Config::default()
            },
        ),
        (
            "python-tls.json",
            with(RedisSettings {
                username: Some("lamed".to_owned()),
                password: password.clone(),
                timeout: Duration::from_millis(1500),
                ..redis(
                    6380,
                    Some(Tls {
                        ca: Some(pem("/etc/ssl/redis-ca.pem")),
                        client: Some((pem("/etc/ssl/lamed.pem"), pem("/etc/ssl/lamed.key"))),
                        any_host_name: true,
                        accept_any: false,
                    }),
                )
            }),
        ),
        ("python-tls-cert-reqs-none.json", with(unchecked())),
        ("python-tls-cert-reqs-null.json", with(unchecked())),
        (
            "python-unix-socket.json",
            with(RedisSettings {
                db: 2,
                ..RedisSettings::new(Server::Unix("/run/redis/redis.sock".into()))
            }),
        ),
        (
            "python-texts-for-numbers.json",
            Config {
                redis: Some(RedisSettings {
                    db: 3,
                    counting: window(Some(3600)),
                    ..redis(6390, None)
                }),
                counting: window(Some(3600)),
                ..Config::default()
            },
        ),
        (
            "python-numbers-for-texts.json",
            with(RedisSettings {
                username: Some("7".to_owned()),
                password: Some(Secret::new("123456")),
                ..redis(6379, None)
            }),
        ),
        ("python-empty-password.json", with(redis(6379, None))),
        (
            "python-every-redis-option.json",
            Config {
                redis: Some(RedisSettings::new(Server::Tcp {
                    host: "localhost".to_owned(),
                    port: 6379,
                    tls: None,
                })),
                warnings: [
                    "socket_keepalive",
                    "socket_keepalive_options",
                    "connection_pool",
                    "encoding",
                    "encoding_errors",
                    "charset",
                    "errors",
                    "decode_responses",
                    "retry_on_timeout",
                    "max_connections",
                    "single_connection_client",
                    "health_check_interval",
                    "client_name",
                ]
                .map(|key| {
                    format!("`redis.{key}` is ignored: lamed does not use this option of redis-py")
                })
                .into(),
                ..Config::default()
            },
        ),
        (
            "lamed-documented.json",
            Config {
                redis: Some(RedisSettings {
                    password: password.clone(),
                    counting: window(Some(2_592_000)),
                    ..redis(6379, Some(Tls::default()))
                }),
                counting: window(Some(2_592_000)),
                experiments: vec![Declared {
                    control: Some(name("blue")),
                    variants: vec![(name("blue"), 50), (name("red"), 50)],
                    goals: vec![goal("button clicked", true)],
                    ..Declared::new(name("button color"))
                }],
                aws: Aws {
                    architecture: Some(Architecture::Arm64),
                    vpc: Some(Vpc::default()),
                    throttle: Some(Throttle {
                        rate: 1000.0,
                        burst: 2000,
                    }),
                    log_retention_days: Some(30),
                    ..Aws::default()
                },
                ..Config::default()
            },
        ),
        (
            "lamed-url.json",
            with(RedisSettings {
                username: Some("lamed".to_owned()),
                password,
                db: 4,
                timeout: Duration::from_secs(1),
                ..redis(
                    6380,
                    Some(Tls {
                        ca: Some(pem("/etc/ssl/redis-ca.pem")),
                        ..Tls::default()
                    }),
                )
            }),
        ),
        (
            "lamed-cluster-nodes.json",
            with(RedisSettings {
                password: Some(Secret::new(PASSWORD)),
                cluster: true,
                nodes: vec![
                    ("redis-2.example".to_owned(), 6380),
                    ("fd00::2".to_owned(), 6381),
                ],
                ..redis(6379, Some(Tls::default()))
            }),
        ),
        (
            "lamed-namespace-remembering-for-ever.json",
            Config {
                namespace: name("shop: two"),
                counting: window(None),
                ..Config::default()
            },
        ),
        (
            "lamed-experiments.json",
            Config {
                // Experiments and variants in natural order, goals in their own.
                experiments: vec![
                    Declared {
                        control: Some(name("red")),
                        variants: vec![(name("red"), 1), (name("10%"), 0), (name("9%"), 99)],
                        goals: vec![
                            goal("sign up", true),
                            goal("page view", false),
                            goal("paid", true),
                            Goal {
                                better: Better::Lower,
                                ..goal("unsubscribed", true)
                            },
                        ],
                        minimum_effect: Some(0.05),
                        unit: Unit::User,
                        ..Declared::new(name("2 colors"))
                    },
                    Declared::new(name("10 prices")),
                    Declared {
                        control: Some(name("as it was")),
                        goals: vec![goal("sign up", true)],
                        ..Declared::new(name("goals only"))
                    },
                ],
                ..Config::default()
            },
        ),
        (
            "lamed-runs.json",
            Config {
                experiments: vec![
                    Declared {
                        control: Some(name("blue")),
                        variants: vec![(name("blue"), 50), (name("red"), 50)],
                        goals: vec![
                            goal("button clicked", true),
                            Goal {
                                better: Better::Lower,
                                ..goal("unsubscribed", true)
                            },
                            goal("page viewed", false),
                            Goal {
                                value: Some(GoalValue {
                                    unit: name("EUR"),
                                    cap: 1000.0,
                                }),
                                ..goal("order placed", true)
                            },
                        ],
                        run: 2,
                        sample: 0.5,
                        paths: vec!["/shop/*".to_owned()],
                        group: group(0.0, 0.5),
                        planned_participants: Some(30_000),
                        minimum_effect: Some(0.05),
                        ..Declared::new(name("button color"))
                    },
                    Declared {
                        state: State::Draft,
                        group: group(0.0, 1.0),
                        ..Declared::new(name("button color #3"))
                    },
                    Declared {
                        variants: vec![(name("short"), 1), (name("long"), 1)],
                        state: State::Shipped(name("long")),
                        archived: true,
                        group: group(0.25, 0.75),
                        ..Declared::new(name("headline"))
                    },
                    Declared {
                        state: State::Stopped,
                        sample: 0.0,
                        ..Declared::new(name("old"))
                    },
                ],
                ..Config::default()
            },
        ),
        (
            "lamed-aws.json",
            Config {
                aws: Aws {
                    name: DeploymentName::new("shop").unwrap(),
                    architecture: Some(Architecture::X86_64),
                    vpc: Some(Vpc {
                        subnet_ids: vec!["subnet-1".to_owned()],
                        security_group_ids: vec!["sg-1".to_owned()],
                    }),
                    tags: [("team".to_owned(), "growth".to_owned())].into(),
                    throttle: Some(Throttle {
                        rate: 0.5,
                        burst: 1,
                    }),
                    log_retention_days: Some(7),
                    ..Aws::default()
                },
                counting: Counting {
                    max_counters: 500,
                    max_namespaces: 3,
                    max_variants: 20,
                    ..Counting::default()
                },
                accept: Accept::Declared,
                ignore_bots: false,
                ..Config::default()
            },
        ),
    ]
}

fn parameter(name: &str) -> (String, bool) {
    (format!("method.request.querystring.{name}"), false)
}

fn with(redis: RedisSettings) -> Config {
    Config {
        redis: Some(redis),
        ..Config::default()
    }
}

fn redis(port: u16, tls: Option<Tls>) -> RedisSettings {
    RedisSettings::new(Server::Tcp {
        host: "redis.example".to_owned(),
        port,
        tls,
    })
}

fn pem(path: &str) -> Pem {
    Pem::File(path.into())
}

fn unchecked() -> RedisSettings {
    redis(
        6379,
        Some(Tls {
            accept_any: true,
            ..Tls::default()
        }),
    )
}

fn window(seconds: Option<u64>) -> Counting {
    Counting {
        window: seconds.map(Duration::from_secs),
        ..Counting::default()
    }
}

/// A client sends an event again for days, so lamed remembers for longer. Python lamed's own form keeps
/// Python's day: both count on one Redis.
#[test]
fn events_are_remembered_for_thirty_days_unless_the_config_says_otherwise() {
    const DAY: u64 = 86_400;
    assert_eq!(Config::default().counting, window(Some(30 * DAY)));
    for (text, seconds) in [
        ("{}", Some(30 * DAY)),
        (r#"{"dedupe": "compact"}"#, Some(30 * DAY)),
        (r#"{"dedupe": "flags"}"#, Some(DAY)),
        (r#"{"dedupe": "flags", "uuid_expiry_seconds": 7}"#, Some(7)),
        (r#"{"dedupe": "flags", "uuid_expiry_seconds": null}"#, None),
        (r#"{"uuid_expiry_seconds": null}"#, None),
        (r#"{"uuid_expiry_seconds": 86400}"#, Some(DAY)),
    ] {
        let config = Config::parse(Path::new("c"), text).unwrap();
        let window = config.counting.window.map(|window| window.as_secs());
        assert_eq!(window, seconds, "{text}");
    }
}

fn group(from: f64, to: f64) -> Option<Group> {
    let name = name("checkout");
    Some(Group { name, from, to })
}

fn goal(text: &str, unique: bool) -> Goal {
    Goal {
        unique,
        ..Goal::new(name(text))
    }
}

#[test]
fn the_template_is_in_order() {
    let parse = |text: &str| Config::parse(Path::new("config.json"), text);
    let counting = window(Some(2_592_000));
    let meaning = Config {
        redis: Some(RedisSettings {
            counting,
            ..RedisSettings::new(Server::Tcp {
                host: "localhost".to_owned(),
                port: 6379,
                tls: None,
            })
        }),
        counting,
        ..Config::default()
    };
    assert_eq!(parse(CONFIG_TEMPLATE).unwrap(), meaning);
}

#[test]
fn a_byte_order_mark_is_no_obstacle() {
    let config = Config::parse(
        Path::new("config.json"),
        "\u{feff}{\"namespace\": \"shop\"}",
    );
    assert_eq!(config.unwrap().namespace, name("shop"));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_without_passwords() {
    let cases = fs::read_to_string(folder().join("wrong.txt")).unwrap();
    let mut surprises = String::new();
    for case in cases.split("\n\n").filter(|case| !case.starts_with('#')) {
        let (text, expected) = case.split_once("=> ").unwrap();
        let text = text.strip_suffix('\n').unwrap_or(text);
        let message = match Config::parse(Path::new("config.json"), text) {
            Ok(config) => format!("accepted: {config:?}"),
            Err(error) => error.to_string(),
        };
        if message != expected.trim_end() || message.contains("hunter") {
            surprises.push_str(&format!("{case}\ngot {message}\n\n"));
        }
    }
    assert!(surprises.is_empty(), "{surprises}");
}

/// A home in which each place for a config file names its own namespace.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".lamed")).unwrap();
    for (file, namespace) in [
        ("named.json", "named"),
        ("environment.json", "environment"),
        ("config.json", "here"),
        (".lamed/config.json", "at home"),
    ] {
        let text = format!(r#"{{"namespace": "{namespace}"}}"#);
        fs::write(home.path().join(file), text).unwrap();
    }
    home
}

fn snippet(home: &TempDir, arguments: &[&str]) -> Line {
    let snippet = ["snippet", "--alephbet", "--url", "https://x.example/prod"];
    line(home, &[&snippet, arguments].concat())
}

/// The namespace in the snippet that a command prints.
fn namespace(line: Line) -> String {
    let html = line.run().stdout;
    let start = "track_url = \"https://x.example/prod/track\", namespace = \"";
    let (_, rest) = html.split_once(start).unwrap();
    rest.split_once("\";").unwrap().0.to_owned()
}

#[test]
fn the_file_is_looked_for_in_this_order() {
    let home = home();
    let by_environment = |line: Line| line.env("LAMED_CONFIG", "environment.json");
    let used = [
        namespace(by_environment(snippet(&home, &["--namespace", "mine"]))),
        namespace(by_environment(snippet(&home, &["--config", "named.json"]))),
        namespace(by_environment(snippet(&home, &[]))),
        namespace(snippet(&home, &[])),
        {
            fs::remove_file(home.path().join("config.json")).unwrap();
            namespace(snippet(&home, &[]))
        },
        {
            fs::remove_dir_all(home.path().join(".lamed")).unwrap();
            namespace(snippet(&home, &[]).env("LAMED_CONFIG", ""))
        },
    ];
    assert_eq!(
        used,
        [
            "mine",
            "named",
            "environment",
            "here",
            "at home",
            "alephbet"
        ]
    );
}

#[test]
fn a_named_file_has_to_be_there() {
    let home = home();
    let missing = "error: `gone.json`: file not found: run `lamed configure` to create it\n";
    snippet(&home, &["--config", "gone.json"]).gives(2, "", missing);
    (snippet(&home, &[]).env("LAMED_CONFIG", "gone.json")).gives(2, "", missing);
    let folder = "error: `.lamed`: cannot read the file: Is a directory (os error 21)\n";
    snippet(&home, &["--config", ".lamed"]).gives(2, "", folder);
}

#[test]
fn what_the_file_says_in_vain_is_told_on_stderr() {
    let home = home();
    let text = r#"{"redis": {"charset": "utf-8", "decode_responses": true}}"#;
    fs::write(home.path().join("config.json"), text).unwrap();
    assert_eq!(
        snippet(&home, &[]).run().stderr,
        "warning: `redis.charset` is ignored: lamed does not use this option of redis-py\n\
         warning: `redis.decode_responses` is ignored: lamed does not use this option of redis-py\n\
         the config declares no experiments: change the example in the snippet\n"
    );
    assert_eq!(snippet(&home, &["--quiet"]).run().stderr, "");
}

#[test]
fn an_error_is_one_line_whatever_stands_in_the_file() {
    let home = home();
    let text = r#"{"a\nb\u001b[31m": 1}"#;
    fs::write(home.path().join("config.json"), text).unwrap();
    let stderr = snippet(&home, &["--color", "always"]).run().stderr;
    let (line, _) = stderr.split_once(": expected one of").unwrap();
    assert_eq!(
        (stderr.lines().count(), line),
        (
            1,
            "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: config.json:1:17: unknown key `a<U+000A>b<U+001B>[31m`"
        ),
    );
}

/// As AlephBet assigns the variants of a page: the order decides which variant a user gets.
#[test]
fn variants_keep_their_order_and_experiments_are_sorted() {
    let text = r#"{"experiments": {
        "z": {"variants": {"red": 80, "blue": 20, "10": 1, "9": 2}}, "a": {"variants": {"b": 1, "a": 1}}
    }}"#;
    let config = Config::parse(Path::new("config.json"), text).unwrap();
    let client = config.browser_client();
    let told: serde_json::Value = serde_json::from_str(client.json()).unwrap();
    let variants = |place: usize| told["experiments"][place]["variants"].clone();
    assert_eq!(
        (variants(0), variants(1)),
        (
            json!([["b", 1], ["a", 1]]),
            json!([["9", 2], ["10", 1], ["red", 80], ["blue", 20]])
        )
    );
    // Without a control, who does not take part sees the first one that is declared.
    assert_eq!(told["experiments"][1]["fallback"], "red");
}

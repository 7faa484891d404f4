//! What each file of `fixtures/config` means.

use std::time::Duration;

use lamed::config::{Architecture, Aws, Config, DeploymentName, Throttle, Vpc, Wired};
use lamed::domain::{Accept, Better, Declared, Goal, GoalValue, Group, Secret, State, Unit};
use lamed::http::{Handler, Method, Route};
use lamed::store::{Counting, Pem, RedisSettings, Server, Tls};

use super::{PASSWORD, window};
use crate::support::name;

pub(super) fn meanings() -> Vec<(&'static str, Config)> {
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

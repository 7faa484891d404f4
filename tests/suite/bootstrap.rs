//! The Lambda bootstrap out of the binary, under cargo-lambda's Runtime API and over a real Redis, and
//! what its zips promise.

mod tls;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use lamed::assets;
use lamed::domain::Secret;
use lamed::function;
use lamed::http::{BrowserClient, Routes, Script};
use lamed::server::{ApiKey, Connections, Gateway, TokenBucket, serve};
use lamed::store::{Counting, DEFAULT_WINDOW, RedisSettings, Server};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::gateway::{KEY, play, stories};
use crate::support::dynamodb::Table;
use crate::support::{Cluster, Executable, Lambda, Redis, is_skipped, name, tools};

const ARCHITECTURES: [&str; 2] = ["x86_64", "arm64"];

/// How large a zip may be, in bytes.
const MAX_ZIP: usize = 1_600_000;

/// What provided.al2023 has of the C library.
const MAX_GLIBC: [u32; 2] = [2, 34];

fn local(host: &str, port: u16) -> RedisSettings {
    RedisSettings::new(Server::Tcp {
        host: host.to_owned(),
        port,
        tls: None,
    })
}

/// A function error, as Lambda reports it.
fn error(message: &str) -> Result<Value, Value> {
    Err(json!({"errorType": "FunctionError", "errorMessage": message}))
}

/// A flat event that counts a participant.
fn shown(uuid: &str) -> String {
    json!({"experiment": "color", "variant": "blue", "event": "participate", "uuid": uuid})
        .to_string()
}

/// The same from API Gateway.
fn shown_on_a_page(uuid: &str) -> String {
    let query: Value = serde_json::from_str(&shown(uuid)).unwrap();
    json!({"httpMethod": "GET", "queryStringParameters": query, "body": null}).to_string()
}

#[tokio::test]
async fn the_x86_64_function_counts_and_survives() {
    function_counts_and_survives("x86_64").await;
}

#[tokio::test]
async fn the_arm64_function_counts_and_survives() {
    function_counts_and_survives("arm64").await;
}

async fn function_counts_and_survives(architecture: &'static str) {
    let Some(executable) = Executable::embedded(architecture) else {
        return;
    };
    let mut redis = Redis::durable();
    // By its address: Debian 12's qemu hangs where a program starts a thread, to resolve a name.
    let lambda = Lambda::start(&executable, local("127.0.0.1", redis.port)).await;
    flat_events_are_answered(&lambda).await;
    the_browser_client_is_served(&lambda).await;
    outages_end(&lambda, &mut redis).await;
    let log = lambda.log("track");
    assert!(
        !log.contains("secret-uuid") && !log.contains('\x1b'),
        "{log}"
    );
}

#[tokio::test]
async fn the_function_counts_on_a_cluster() {
    let Some(executable) = Executable::native() else {
        return;
    };
    let cluster = Cluster::start().await;
    let lambda = Lambda::start(&executable, cluster.settings()).await;
    for number in 0..20 {
        let event = json!({
            "experiment": format!("e{number}"), "variant": "v", "event": "participate", "uuid": "1",
        });
        for counted in [true, false] {
            let answer = lambda.invoke("track", &event.to_string()).await;
            assert_eq!(answer, Ok(json!({"counted": counted})));
        }
    }
    let Ok(Value::Array(elements)) = lambda.invoke("all", "{}").await else {
        panic!("no results");
    };
    assert_eq!(elements.len(), 21);
    let answer = lambda.invoke("delete", r#"{"experiment": "e7"}"#).await;
    assert_eq!(answer, Ok(json!({"deleted": 1})));
}

#[tokio::test]
async fn the_function_counts_in_a_table() {
    let Some(executable) = Executable::native() else {
        return;
    };
    let table = Table::create().await;
    let store = function::Store::DynamoDb {
        table: table.settings.table.clone(),
        counting: Counting::default(),
        timeout: table.settings.timeout,
    };
    let endpoint = table.settings.endpoint.clone().unwrap();
    let variables = [
        ("AWS_REGION", table.settings.region.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ("AWS_SESSION_TOKEN", "t0ken"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoint),
    ];
    let lambda = Lambda::over(&executable, store, &variables).await;
    flat_events_are_answered(&lambda).await;
    let log = lambda.log("track");
    assert!(!log.contains("s3cret") && !log.contains("t0ken"), "{log}");
}

/// As by any other home, with the experiments that are beside the function.
async fn the_browser_client_is_served(lambda: &Lambda) {
    let client = BrowserClient::new(&name("alephbet"), Some(DEFAULT_WINDOW), &[]);
    for (path, form) in [
        ("/lamed.js", Script::Classic),
        ("/lamed.mjs/", Script::Module),
    ] {
        let mut event = json!({"httpMethod": "GET", "path": path, "headers": {}});
        let reply = lambda.invoke("client", &event.to_string()).await.unwrap();
        assert_eq!(reply["statusCode"], 200);
        assert_eq!(reply["body"], client.script(form));
        event["headers"]["If-None-Match"] = reply["headers"]["ETag"].clone();
        let reply = lambda.invoke("client", &event.to_string()).await.unwrap();
        assert_eq!(
            (&reply["statusCode"], &reply["body"]),
            (&json!(304), &json!(""))
        );
    }
}

async fn flat_events_are_answered(lambda: &Lambda) {
    let experiment = json!({"experiment": "color"}).to_string();
    for (function, event, answer) in [
        (
            "track",
            shown("secret-uuid-1"),
            Ok(json!({"counted": true})),
        ),
        (
            "track",
            shown("secret-uuid-1"),
            Ok(json!({"counted": false})),
        ),
        ("track", experiment.clone(), error("`variant` is missing")),
        (
            "track",
            "[1]".to_owned(),
            error("the event is not a JSON object"),
        ),
        (
            "all",
            json!({}).to_string(),
            Ok(json!([
                {"meta": {"scope": null}},
                {"experiment": "color", "goals": [], "variants": [{"label": "blue", "trials": 1}]},
            ])),
        ),
        ("experiment", experiment.clone(), Ok(json!([]))),
        (
            "experiment",
            json!({}).to_string(),
            error("`experiment` is missing"),
        ),
        ("delete", experiment.clone(), Ok(json!({"deleted": 1}))),
        ("delete", experiment, Ok(json!({"deleted": 0}))),
    ] {
        assert_eq!(
            lambda.invoke(function, &event).await,
            answer,
            "{function} {event}"
        );
    }
    let preflight = lambda
        .invoke("delete", r#"{"httpMethod": "OPTIONS"}"#)
        .await;
    let preflight = preflight.unwrap();
    assert_eq!(
        preflight["headers"]["Access-Control-Allow-Methods"],
        "DELETE,OPTIONS"
    );
    let other = lambda.invoke("track", r#"{"httpMethod": "PATCH"}"#).await;
    assert!(other.is_err(), "{other:?}");
    let no_json = lambda.invoke("track", "no JSON").await;
    assert!(no_json.is_err(), "{no_json:?}");
}

async fn outages_end(lambda: &Lambda, redis: &mut Redis) {
    let counted = Ok(json!({"counted": true}));
    assert_eq!(
        lambda.invoke("track", &shown("secret-uuid-2")).await,
        counted
    );
    let pid = lambda.pid("track").await;

    // While the function is frozen the connection dies, and another Redis process takes over.
    redis.kill();
    redis.restart();
    assert_eq!(
        lambda.invoke("track", &shown("secret-uuid-3")).await,
        counted
    );

    redis.kill();
    let down = lambda
        .invoke("track", &shown_on_a_page("secret-uuid-4"))
        .await
        .unwrap();
    let message = "the store cannot be reached: try again";
    assert_eq!(
        (&down["statusCode"], &down["body"]),
        (&json!(503), &json!(format!(r#"{{"message":"{message}"}}"#)))
    );
    assert_eq!(
        lambda.invoke("track", &shown("secret-uuid-4")).await,
        error(message)
    );
    redis.restart();
    assert_eq!(
        lambda.invoke("track", &shown("secret-uuid-4")).await,
        counted
    );
    assert_eq!(lambda.pid("track").await, pid);
}

#[tokio::test]
async fn the_function_answers_a_gateway_as_serve_local_does() {
    let Some(executable) = Executable::native() else {
        return;
    };
    let redis = Redis::start(&[]);
    let lambda = Lambda::start(&executable, local("localhost", redis.port)).await;
    let key = ApiKey::new(Secret::new(KEY));
    let gateway = Gateway::new(lambda, Routes::new([]), key, TokenBucket::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        serve(listener, Arc::new(gateway), &Connections::default(), stop).await;
    });
    for story in stories() {
        let _: () = redis::cmd("FLUSHALL")
            .query(&mut redis.connection())
            .unwrap();
        play(&story, &address).await;
    }
    drop(stop);
    server.await.unwrap();
}

#[test]
fn a_function_that_cannot_start_says_why_in_one_line() {
    let Some(executable) = Executable::native() else {
        return;
    };
    let settings = r#"{"namespace":"n","server":{"unix":"/s"},"window":1,"timeout":1}"#;
    for (handler, settings, line) in [
        (
            "lamed.track",
            None,
            "LAMED_SETTINGS is missing: `lamed deploy` sets it",
        ),
        (
            "lamed.track",
            Some("{\"password\":\"s3cret"),
            "LAMED_SETTINGS is not the JSON that `lamed deploy` writes (line 1, column 19)",
        ),
        (
            "lamed.nothing",
            Some(settings),
            "`lamed.nothing` is not a handler of lamed",
        ),
    ] {
        let mut command = executable.command();
        command.env("_HANDLER", handler);
        if let Some(settings) = settings {
            command.env("LAMED_SETTINGS", settings);
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), stderr),
            (Some(1), format!("ERROR {line}\n"))
        );
    }
}

#[test]
fn a_zip_is_small_and_holds_one_executable_that_al2023_can_load() {
    for architecture in ARCHITECTURES {
        let Some(executable) = Executable::embedded(architecture) else {
            continue;
        };
        let zip = executable.path().with_extension("zip");
        let size = std::fs::metadata(&zip).unwrap().len();
        assert!(size <= MAX_ZIP as u64, "{architecture}: {size} bytes");
        assert_eq!(
            entries(&zip),
            r#"[["bootstrap", "0o100755", [1980, 1, 1, 0, 0, 0]]]"#
        );

        let needed = needed_glibc(&executable.path());
        let newest = needed.iter().max().expect("it needs the C library");
        assert!(
            newest.as_slice() <= &MAX_GLIBC[..],
            "{architecture}: {newest:?}"
        );
    }
}

/// Name, mode and date of all that a zip holds.
fn entries(zip: &Path) -> String {
    const LIST: &str = "import json, sys, zipfile
print(json.dumps([(e.filename, oct(e.external_attr >> 16), e.date_time) for e in zipfile.ZipFile(sys.argv[1]).infolist()]))";
    let python = Command::new(tools().join("venv/bin/python"))
        .args(["-c", LIST])
        .arg(zip)
        .output()
        .unwrap();
    String::from_utf8(python.stdout).unwrap().trim().to_owned()
}

/// The versions of all symbols that must be there, by binutils.
fn needed_glibc(executable: &Path) -> BTreeSet<Vec<u32>> {
    let readelf = Command::new("readelf")
        .args(["--dyn-syms", "--wide"])
        .arg(executable)
        .output()
        .expect("readelf: `tests/run` installs binutils");
    let symbols = String::from_utf8(readelf.stdout).unwrap();
    (symbols.lines())
        .filter(|symbol| symbol.contains(" UND ") && !symbol.contains(" WEAK "))
        .filter_map(|symbol| symbol.split_once("@GLIBC_"))
        .map(|(_, version)| {
            let version = version.split_whitespace().next().unwrap();
            version
                .split('.')
                .map(|number| number.parse().unwrap())
                .collect()
        })
        .collect()
}

#[test]
fn the_function_is_made_of_known_crates() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "lamed-bootstrap"])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{lib}"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let tree = String::from_utf8(tree.stdout).unwrap();
    let crates: BTreeSet<&str> = tree.split_whitespace().collect();
    for unwanted in ["aws_sdk", "aws_config", "clap", "h2", "rusqlite", "regex"] {
        let found = crates.iter().find(|name| name.starts_with(unwanted));
        assert_eq!(found, None);
    }
    let file = "fixtures/bootstrap-crates.txt";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let known = std::fs::read_to_string(path).unwrap();
    let known: BTreeSet<&str> = known.split_whitespace().collect();
    let new: Vec<_> = crates.difference(&known).collect();
    let gone: Vec<_> = known.difference(&crates).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "{file}: new {new:?}, gone {gone:?}"
    );
}

#[test]
fn a_release_build_holds_the_same_zip() {
    if is_skipped("release", "release build") {
        return;
    }
    let Some(release) = std::env::var_os("LAMED_TEST_RELEASE") else {
        panic!("LAMED_TEST_RELEASE names no release build: `tests/run` makes it");
    };
    let zip = assets::bootstrap(Executable::NATIVE).expect("none is embedded: see `tests/run`");
    let binary = std::fs::read(Path::new(&release).join("lamed")).unwrap();
    let found = (0..binary.len()).any(|start| binary[start..].starts_with(zip));
    assert!(found, "equal source gave another zip in another folder");
}

//! Secrets: where they could show, and do not.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lamed::config::Config;
use lamed::domain::{IdempotencyKey, Secret};
use lamed::function::{Settings, Store};
use lamed::server::ApiKey;
use lamed::store::{Pem, RedisSettings, Server as RedisServer, Tls};
use serde_json::{Value, json};

use crate::cli::{home, mode};
use crate::support::{Redis, Server, line, name};

const PASSWORD: &str = "hunter2-of-redis";
const KEY: &str = "hunter2-of-the-api";

/// A home whose config knows the password of a Redis.
fn configured(port: u16) -> tempfile::TempDir {
    let home = home();
    let redis = json!({"host": "127.0.0.1", "port": port, "password": PASSWORD});
    let config = json!({"redis": redis, "uuid_expiry_seconds": null}).to_string();
    fs::write(home.path().join("config.json"), config).unwrap();
    home
}

fn assert_keeps(what: &str, text: &str) {
    for secret in [PASSWORD, KEY, "hunter2"] {
        assert!(!text.contains(secret), "{what} says {secret}: {text}");
    }
}

#[test]
fn secrets_show_neither_in_processes_nor_in_logs_nor_in_errors() {
    let redis = Redis::start(&["--requirepass", PASSWORD]);
    let wrong = Redis::start(&["--requirepass", "another"]);
    for level in [&[][..], &["-q"], &["-v"], &["-vv"], &["-vvvv"]] {
        let home = configured(redis.port);
        let arguments = [&["serve", "--json", "--listen", "127.0.0.1:0"], level].concat();
        let mut server = line(&home, &arguments).env("LAMED_API_KEY", KEY).start();
        // The ready line is for whoever started it, and has the key; a password it has never.
        let ready = server.until("\n").replace(KEY, "");
        assert_keeps("the ready line", &ready);
        let process = fs::read_to_string(format!("/proc/{}/cmdline", server.pid())).unwrap();
        assert!(process.contains("serve"), "{process}");
        assert_keeps("the process", &process);
        server.terminate();
        let outcome = server.end();
        assert_eq!(outcome.code, Some(0));
        assert_keeps("the log", &outcome.stderr);

        let home = configured(wrong.port);
        for arguments in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["serve", "--json", "--listen", "127.0.0.1:0"],
        ] {
            let failed = line(&home, &[arguments, level].concat())
                .env("LAMED_API_KEY", KEY)
                .run();
            assert_eq!(failed.code, Some(1));
            assert_keeps("an error", &failed.to_string());
        }
    }
    // Where nothing answers, or something else than lamed does.
    let base = format!("http://127.0.0.1:{}/prod", wrong.port);
    for command in ["results", "delete", "dashboard"] {
        let mut arguments = vec![command, "--url", &base, "--json", "-vv"];
        arguments.extend(
            (command == "delete")
                .then_some(&["e", "--yes"][..])
                .into_iter()
                .flatten(),
        );
        let home = home();
        let failed = line(&home, &arguments).env("LAMED_API_KEY", KEY).run();
        assert_keeps(command, &failed.to_string());
    }
}

#[test]
fn secrets_show_in_no_debug_output() {
    let pem = || Pem::Text(Secret::new(PASSWORD));
    let mut redis = RedisSettings::from_url(&format!("rediss://user:{PASSWORD}@h/0")).unwrap();
    if let RedisServer::Tcp { tls, .. } = &mut redis.server {
        *tls = Some(Tls {
            ca: Some(pem()),
            client: Some((pem(), pem())),
            ..Tls::default()
        });
    }
    let config = json!({"redis": {"url": format!("redis://:{PASSWORD}@h")}}).to_string();
    let config = Config::parse(Path::new("config.json"), &config).unwrap();
    let settings = Settings {
        store: Store::Redis(redis.clone()),
        namespace: name("alephbet"),
        ignore_bots: false,
        door: None,
    };
    let json = settings.to_json().unwrap();
    assert!(json.reveal().contains(PASSWORD), "it is what keeps it");
    for text in [
        format!("{redis:?}"),
        format!("{redis:#?}"),
        format!("{redis}"),
        format!("{config:?}"),
        format!("{settings:?}"),
        format!("{json:?}"),
        format!("{:?}", ApiKey::new(Secret::new(KEY))),
        format!("{:?}", IdempotencyKey::new(KEY).unwrap()),
        format!(
            "{:?}",
            RedisSettings::from_url(&format!("redis://:{PASSWORD}@h:x"))
        ),
        format!(
            "{:?}",
            Settings::from_json(&format!(r#"{{"password":"{PASSWORD}","#))
        ),
        format!(
            "{:?}",
            Config::parse(
                Path::new("c"),
                &format!(r#"{{"redis":{{"password":["{PASSWORD}"]}}}}"#)
            )
        ),
    ] {
        assert_keeps("Debug", &text);
    }
}

/// Compiles for types without `==` alone: for others there are two implementations to choose from.
trait HasNoEquality<Choice> {
    fn holds() {}
}

struct WithEquality;

impl<T: ?Sized> HasNoEquality<()> for T {}
impl<T: ?Sized + PartialEq> HasNoEquality<WithEquality> for T {}

/// No test can see how long a comparison takes. So a key has no `==` to be compared by, only its own
/// comparison, which looks at every byte of two texts of one length.
#[test]
fn keys_are_compared_in_constant_time() {
    <ApiKey as HasNoEquality<_>>::holds();
    let key = ApiKey::new(Secret::new(KEY));
    let given = [
        KEY,
        "",
        "hunter2",
        "hunter2-of-the-apI",
        "hunter2-of-the-api ",
    ];
    let matches = given.map(|given| key.matches(Some(given.as_bytes())));
    assert_eq!(
        (matches, key.matches(None)),
        ([true, false, false, false, false], false)
    );
}

#[tokio::test]
async fn what_is_written_is_for_its_owner_alone() {
    let home = home();
    let server = Server::start_in(home, "127.0.0.1:0", &["--store", "embedded:lamed.db"]);
    let path = "/prod/track?experiment=e&variant=v&event=g&uuid=1";
    assert_eq!(server.client().get(path).await.status, 200);
    let files = fs::read_dir(server.home.path()).unwrap();
    let files: Vec<_> = (files.map(|entry| entry.unwrap().path()))
        .filter(|path| path.to_string_lossy().contains("lamed.db"))
        .collect();
    assert!(files.len() > 1, "and the files beside it: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    // One that is there keeps what its owner gave it.
    let shared = crate::cli::home();
    let file = shared.path().join("lamed.db");
    fs::write(&file, "").unwrap();
    let before = mode(&file);
    let server = Server::start_in(shared, "127.0.0.1:0", &["--store", "embedded:lamed.db"]);
    assert_eq!(mode(&server.home.path().join("lamed.db")), before);
}

#[test]
fn a_config_with_a_password_that_everybody_can_read_is_warned_of() {
    let home = home();
    let (folder, file) = (home.path(), home.path().join("config.json"));
    let arguments = ["snippet", "--alephbet", "--url", "http://127.0.0.1:1/prod"];
    let said = "the config declares no experiments: change the example in the snippet\n";
    let with_password = r#"{"redis": {"url": "redis://:hunter2@localhost"}}"#;
    let warning = "warning: every user of this machine can read `config.json`, which holds a password: run \
                   `chmod 600 config.json`\n";
    for (text, folder_mode, file_mode, expected) in [
        (with_password, 0o755, 0o644, warning),
        (with_password, 0o755, 0o604, warning),
        (
            r#"{"redis": {"host": "h", "password": "hunter2"}}"#,
            0o711,
            0o644,
            warning,
        ),
        (with_password, 0o755, 0o600, ""),
        (with_password, 0o755, 0o640, ""),
        // Nobody gets so far.
        (with_password, 0o700, 0o644, ""),
        (r#"{"redis": {"host": "h"}}"#, 0o755, 0o644, ""),
    ] {
        fs::write(&file, text).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(folder_mode)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(file_mode)).unwrap();
        let stderr = line(&home, &arguments).run().stderr;
        assert_eq!(
            stderr,
            format!("{expected}{said}"),
            "{folder_mode:o} {file_mode:o} {text}"
        );
    }
}

#[test]
fn a_config_that_opens_reading_or_deleting_to_anybody_is_named_at_the_start() {
    let home = home();
    let wiring = |handler: &str, path: &str, method: &str, key: Value| {
        let mut method = json!({"httpMethod": method});
        if !key.is_null() {
            method["apiKeyRequired"] = key;
        }
        json!({
            "lambda": {"FunctionName": path, "Handler": handler, "Timeout": 10},
            "api_gateway": {"pathPart": path, "method": method},
        })
    };
    let config = json!({"extra_wiring": [
        wiring("lamed.track", "collect", "POST", Value::Null),
        wiring("lamed.client", "hello", "GET", Value::Null),
        wiring("lamed.all", "list", "GET", Value::Null),
        wiring("lamed.experiment", "one", "GET", json!(true)),
        // In the place of lamed's own.
        wiring("lamed.delete", "delete", "DELETE", json!(false)),
    ]});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    for edge in [&[][..], &["--local"]] {
        let arguments = [
            "serve",
            "--json",
            "--store",
            "embedded",
            "--listen",
            "127.0.0.1:0",
        ];
        let mut server = line(&home, &[&arguments[..], edge].concat()).start();
        server.until("\n");
        server.terminate();
        let opens = |route: &str| {
            format!(
                "warning: `config.json`: anybody can use {route} without the API key; to prevent this, set its \
                 `apiKeyRequired` to true\n"
            )
        };
        assert_eq!(
            server.end().stderr,
            opens("`DELETE /prod/delete` (lamed.delete)") + &opens("`GET /prod/list` (lamed.all)")
        );
    }
}

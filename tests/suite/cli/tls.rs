//! A Redis with TLS and users, as others run it for you: set up, used, and what may be wrong.

use std::fs;

use super::*;
use crate::support::{Redis, Server, line, make_certificates, redis_with_tls};

/// What a user needs, as `docs/redis.md` says.
fn rights() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/redis.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, rest) = (page.split_once("ACL SETUSER lamed on >a-long-random-text "))
        .expect("the rights of an ACL user");
    rest.lines().next().unwrap().to_owned()
}

/// Such a Redis: `default` and `ann` may come in, by their passwords.
struct Hosted {
    home: TempDir,
    redis: Redis,
    /// With TLS; `redis.port` is without.
    port: u16,
}

impl Hosted {
    fn start() -> Self {
        let home = home();
        make_certificates(home.path());
        let users = format!("--requirepass s3cret --user ann on >of-ann {}", rights());
        let users: Vec<&str> = users.split(' ').collect();
        let (redis, port) = redis_with_tls(home.path(), &users);
        Self { home, redis, port }
    }

    /// Under `redis` in the config: as it has to be, with these changes.
    fn settings(&self, changes: Value) -> Value {
        let mut settings = json!({
            "host": "localhost", "port": self.port, "ssl": true, "ssl_ca_certs": self.file("ca.crt"),
            "username": "default", "password": "s3cret",
        });
        let Value::Object(changes) = changes else {
            panic!("not an object");
        };
        settings.as_object_mut().unwrap().extend(changes);
        settings
    }

    fn file(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, settings: &Value) {
        let config = json!({ "redis": settings }).to_string();
        fs::write(self.home.path().join("config.json"), config).unwrap();
    }
}

#[tokio::test]
async fn the_wizard_sets_it_up_and_serve_counts_in_it() {
    let hosted = Hosted::start();
    // What it does not ask for: whom to trust. A public one needs none of it.
    let text =
        json!({"redis": {"host": "localhost", "ssl_ca_certs": hosted.file("ca.crt")}}).to_string();
    let config = hosted.home.path().join(".lamed/config.json");
    fs::create_dir(hosted.home.path().join(".lamed")).unwrap();
    fs::write(&config, text).unwrap();
    let plain = hosted.redis.port.to_string();
    let port = hosted.port.to_string();
    let outcome = line(&hosted.home, &["configure", "--wizard"]).run_on_terminal(&[
        ("Redis host [localhost]: ", "\r"),
        ("Port [6379]: ", &format!("{plain}\r")),
        ("Use TLS? [y/N]", "y"),
        ("User (leave empty for none): ", "default\r"),
        ("Password (leave empty for none): ", "s3cret\r"),
        ("forever) [30d]: ", "\r"),
        ("save anyway", "j"),
        ("> change the answers", "\r"),
        ("Redis host [localhost]: ", "\r"),
        (&format!("Port [{plain}]: "), &format!("{port}\r")),
        ("Use TLS? [Y/n]", "\r"),
        ("User (type - for none) [default]: ", "\r"),
        ("Password (leave empty to keep it, type - for none): ", "\r"),
        ("forever) [30d]: ", "\r"),
    ]);
    let shown = &outcome.stdout;
    let refused = format!(
        "error: rediss://localhost:{plain}/0 does not support TLS: correct `port` or remove `ssl` under \
         `redis` in the config, or begin `url` with `redis://`\n"
    );
    assert!(shown.contains(&refused), "{shown}");
    assert!(
        shown.contains(&format!("\nrediss://localhost:{port}/0 answers in ")),
        "{shown}"
    );
    assert!(
        !shown.contains("s3cret") && outcome.code == Some(0),
        "{shown}"
    );
    let saved: Value = serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    assert_eq!(saved, json!({ "redis": hosted.settings(json!({})) }));
    assert_eq!(mode(&config), 0o600);

    let Hosted {
        home,
        redis: _redis,
        ..
    } = hosted;
    let server = Server::start_in(home, "127.0.0.1:0", &[]);
    assert_eq!(
        server.ready["store"],
        format!("rediss://localhost:{port}/0")
    );
    let path = "/prod/track?experiment=color&variant=red&event=participate&uuid=1";
    assert_eq!(server.client().get(path).await.body, r#"{"counted":true}"#);
    let base = format!("http://{}/prod", server.address);
    let results = line(&server.home, &["results", "--url", &base, "--csv"])
        .env("LAMED_API_KEY", &server.key)
        .run();
    assert!(
        results.code == Some(0) && results.stdout.contains("color,"),
        "{results}"
    );
}

/// What differs from what it should be, what is said then, and what to do: in the config, in the URL.
#[tokio::test]
async fn what_is_wrong_is_one_line_with_what_to_do() {
    let hosted = Hosted::start();
    let (tls, plain) = (hosted.port, hosted.redis.port);
    let unknown = "cannot trust the certificate of {}: unknown certificate authority: set `ssl_ca_certs` under \
                   `redis` in the config to the file of its certificate authority";
    let refused = "{} does not accept this user and password: correct `password`, and `username` if set, under \
                   `redis` in the config";
    for (changes, scheme, port, message) in [
        (json!({"ssl_ca_certs": null}), "rediss", tls, unknown),
        (
            json!({"ssl_ca_certs": hosted.file("other.crt")}),
            "rediss",
            tls,
            unknown,
        ),
        (json!({"password": "wrong"}), "rediss", tls, refused),
        (json!({"username": "ann"}), "rediss", tls, refused),
        (json!({"username": "nobody"}), "rediss", tls, refused),
        (
            json!({"port": plain}),
            "rediss",
            plain,
            "{} does not support TLS: correct `port` or remove `ssl` under `redis` in the config, or begin `url` \
             with `redis://`",
        ),
        (
            json!({"ssl": false}),
            "redis",
            tls,
            "{} accepts only TLS: set `\"ssl\": true` under `redis` in the config, or begin `url` with `rediss://`",
        ),
    ] {
        hosted.write(&hosted.settings(changes));
        let message = message.replace("{}", &format!("{scheme}://localhost:{port}/0"));
        let error = format!("error: cannot use the Redis: {message}\n");
        line(&hosted.home, &["serve", "--listen", "127.0.0.1:0"]).gives(1, "", &error);
    }
    for (url, message) in [
        (
            format!("rediss://default:s3cret@localhost:{tls}"),
            "cannot trust the certificate of {}: unknown certificate authority: put this Redis into the \
             config, set `ssl_ca_certs` to the file of its certificate authority, and use `--store config`",
        ),
        (
            format!("redis://default:s3cret@localhost:{tls}"),
            "{} accepts only TLS: begin its URL with `rediss://`",
        ),
        (
            format!("rediss://default:s3cret@localhost:{plain}"),
            "{} does not support TLS: correct the port in its URL, or begin the URL with `redis://`",
        ),
        (
            format!("redis://default:wrong@localhost:{plain}"),
            "{} does not accept this user and password: correct the user and the password in its URL",
        ),
    ] {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, address) = rest.split_once('@').unwrap();
        let message = message.replace("{}", &format!("{scheme}://{address}/0"));
        let error = format!("error: cannot use the Redis: {message}\n");
        line(
            &hosted.home,
            &["serve", "--listen", "127.0.0.1:0", "--store", &url],
        )
        .gives(1, "", &error);
    }
    // With the name, the password and the few rights of somebody else it works.
    hosted.write(&hosted.settings(json!({"username": "ann", "password": "of-ann"})));
    let Hosted {
        home,
        redis: _redis,
        ..
    } = hosted;
    let server = Server::start_in(home, "127.0.0.1:0", &["--api-key", "the-key-of-the-test"]);
    let mut client = server.client();
    let key = [("x-api-key", "the-key-of-the-test")];
    let event = "?experiment=color&variant=red&event=participate&uuid=1";
    let deleted = "/prod/delete?experiment=color";
    for (method, path, expected) in [
        ("GET", format!("/prod/track{event}"), r#"{"counted":true}"#),
        ("GET", format!("/prod/track{event}"), r#"{"counted":false}"#),
        ("GET", "/prod/experiment?experiment=color".to_owned(), "[]"),
        ("DELETE", deleted.to_owned(), r#"{"deleted":1}"#),
    ] {
        let reply = client.send(method, &path, &key, "").await.unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (200, expected));
    }
    assert_eq!(server.experiments().await, [Value::Null; 0]);
    assert_eq!(server.log(), "");
}

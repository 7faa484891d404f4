//! The function on a Redis with TLS.

use std::path::Path;
use std::time::UNIX_EPOCH;

use lamed::store::{Pem, RedisSettings, Server, Tls};
use serde_json::json;

use super::{error, shown, shown_on_a_page};
use crate::support::{
    Clock, Executable, Lambda, make_certificates, make_certificates_of, redis_with_tls,
};

#[tokio::test]
async fn a_panic_of_the_x86_64_function_is_reported_and_the_next_call_works() {
    a_panic_is_reported_and_the_next_call_works("x86_64").await;
}

#[tokio::test]
async fn a_panic_of_the_arm64_function_is_reported_and_the_next_call_works() {
    a_panic_is_reported_and_the_next_call_works("arm64").await;
}

/// rustls asks for the time of day to check the certificate of the Redis, and panics where it is before
/// 1970. Nothing else in the function asks for it.
async fn a_panic_is_reported_and_the_next_call_works(architecture: &'static str) {
    let Some(executable) = Executable::embedded(architecture) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let (_redis, port) = redis_with_tls(folder.path(), &[]);
    let clock = Clock::new();
    let today = UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    clock.advance(-1_000 - clock.now());
    // By its address, since Debian 12's qemu hangs where a program starts a thread, to resolve a name.
    let settings = tls("127.0.0.1", port, its_authority(folder.path()));
    let lambda = Lambda::start(&executable.by(&clock), settings).await;
    let pid = lambda.pid("track").await;
    let message = "called `Result::unwrap()` on an `Err` value: SystemTimeError(1s)";
    let reported = lambda.invoke("track", &shown_on_a_page("1")).await;
    assert_eq!(
        reported.unwrap_err()["errorMessage"],
        format!("Lambda panicked: {message}")
    );
    clock.advance(today - clock.now());
    let next = lambda.invoke("track", &shown_on_a_page("1")).await;
    assert_eq!(next.unwrap()["body"], r#"{"counted":true}"#);
    assert_eq!(lambda.pid("track").await, pid);

    let log = lambda.log("track");
    let panic = format!("ERROR panicked: {message} place=/crates/rustls-pki-types-");
    assert!(log.lines().count() == 1 && log.starts_with(&panic), "{log}");
}

#[tokio::test]
async fn the_function_speaks_tls_with_certificates_of_its_settings() {
    let Some(executable) = Executable::native() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let (_redis, port) = redis_with_tls(folder.path(), &[]);
    let ours = tls("localhost", port, its_authority(folder.path()));
    let lambda = Lambda::start(&executable, ours).await;
    // The files are the developer's: the function must not need them.
    drop(folder);
    let counted = lambda.invoke("track", &shown("1")).await;
    assert_eq!(counted, Ok(json!({"counted": true})));

    // Without its authority the certificate is a stranger's, by this system's authorities.
    let theirs = tls("localhost", port, Tls::default());
    let lambda = Lambda::start(&executable, theirs).await;
    let refused = lambda.invoke("track", &shown("1")).await;
    assert_eq!(refused, error("the store cannot be reached: try again"));
    assert!(
        lambda.log("track").contains("UnknownIssuer"),
        "{}",
        lambda.log("track")
    );
}

/// Each kind of certificate, on either side, in both versions of TLS: the function has a list of its own
/// of what it can do.
#[tokio::test]
async fn the_function_speaks_tls_with_certificates_of_all_kinds() {
    let Some(executable) = Executable::native() else {
        return;
    };
    let p256 = "ec -pkeyopt ec_paramgen_curve:P-256";
    let p384 = "ec -pkeyopt ec_paramgen_curve:P-384";
    for (version, keys) in [
        ("TLSv1.2", "rsa:2048"),
        ("TLSv1.2", p384),
        ("TLSv1.3", "rsa:3072"),
        ("TLSv1.3", p256),
        ("TLSv1.3", "ed25519"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        make_certificates_of(keys, folder.path());
        let file = |name: &str| Pem::File(folder.path().join(name));
        // Three of RSA's are more than a function's environment holds.
        let is_mutual = !keys.starts_with("rsa");
        let settings = Tls {
            client: is_mutual.then(|| (file("server.crt"), file("server.key"))),
            ..its_authority(folder.path())
        };
        let demanded = if is_mutual { "yes" } else { "no" };
        let options = ["--tls-protocols", version, "--tls-auth-clients", demanded];
        let (_redis, port) = redis_with_tls(folder.path(), &options);
        let lambda = Lambda::start(&executable, tls("localhost", port, settings)).await;
        let counted = lambda.invoke("track", &shown("1")).await;
        let log = lambda.log("track");
        assert_eq!(
            counted,
            Ok(json!({"counted": true})),
            "{version} {keys}: {log}"
        );
    }
}

/// Knows the authority of `make_certificates`.
fn its_authority(certificates: &Path) -> Tls {
    Tls {
        ca: Some(Pem::File(certificates.join("ca.crt"))),
        ..Tls::default()
    }
}

fn tls(host: &str, port: u16, tls: Tls) -> RedisSettings {
    RedisSettings::new(Server::Tcp {
        host: host.to_owned(),
        port,
        tls: Some(tls),
    })
}

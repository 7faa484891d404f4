//! TLS with an authority of the test's own.

use std::path::Path;
use std::process::Command;

use super::{Redis, free_port};

/// An authority (`ca.crt`), and a certificate that it signed (`server.crt`, `server.key`): for
/// `localhost`, `ab.example.com` and 127.0.0.1. Another authority (`other.crt`), which signed nothing.
pub fn make_certificates(folder: &Path) {
    make_certificates_of("rsa:2048", folder);
}

/// The same with keys of another kind: `keys` is what `openssl req -newkey` takes.
pub fn make_certificates_of(keys: &str, folder: &Path) {
    let script = r"
        openssl req -x509 -newkey $0 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-authority
        openssl req -x509 -newkey $0 -nodes -keyout ca.key.2 -out other.crt -days 2 -subj /CN=another
        openssl req -newkey $0 -nodes -keyout server.key -out server.csr -subj /CN=localhost
        printf 'subjectAltName=DNS:localhost,DNS:ab.example.com,IP:127.0.0.1' > names
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile names
    ";
    let output = Command::new("sh")
        .args(["-ec", script, keys])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A Redis with a certificate from [`make_certificates`], and its port for TLS.
pub fn redis_with_tls(certificates: &Path, arguments: &[&str]) -> (Redis, u16) {
    let path = |name: &str| certificates.join(name).to_str().unwrap().to_owned();
    let port = free_port();
    let (tls_port, ca) = (port.to_string(), path("ca.crt"));
    let (certificate, key) = (path("server.crt"), path("server.key"));
    let tls = [
        ["--tls-port", &tls_port],
        ["--tls-ca-cert-file", &ca],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-auth-clients", "no"],
    ];
    let redis = Redis::start(&[tls.as_flattened(), arguments].concat());
    (redis, port)
}
